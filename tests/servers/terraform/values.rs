//! Values of the deployment that the program and the alarms depend on.

use serde_json::Value;
use toml::Table;

use super::deployed::Deployed;

impl Deployed {
    fn text(&self, output: &str) -> &str {
        self.output(output).as_str().unwrap()
    }

    /// Returns the bucket, and the prefix in it.
    pub(crate) fn bucket_and_prefix(&self) -> (&str, &str) {
        self.text("destination").strip_prefix("s3://").unwrap().split_once('/').unwrap()
    }

    /// Returns the ARN of the topic, and its name.
    pub(crate) fn topic(&self) -> (&str, &str) {
        let arn = self.text("topic_arn");
        (arn, arn.rsplit(':').next().unwrap())
    }

    pub(crate) fn file_system(&self) -> &str {
        self.text("file_system_id")
    }

    /// Returns `/etc/efs-scan.toml` of the instance.
    pub(crate) fn configuration(&self) -> &str {
        self.text("configuration")
    }

    fn settings(&self) -> Table {
        toml::from_str(self.configuration()).unwrap()
    }

    pub(crate) fn domain(&self) -> String {
        let names = self.settings()["names"][0].as_str().unwrap().to_owned();
        names.strip_prefix("sagemaker:").unwrap().to_owned()
    }

    pub(crate) fn namespace(&self) -> String {
        self.settings()["cloudwatch"]["namespace"].as_str().unwrap().to_owned()
    }

    /// Returns the users with quotas of their own.
    pub(crate) fn users(&self) -> Vec<String> {
        self.settings()["quota"]["users"].as_table().unwrap().keys().cloned().collect()
    }

    /// Returns the policy of the instance's role.
    pub(crate) fn role_policies(&self) -> Vec<Value> {
        let policies = self.of_type("aws_iam_role_policy");
        let text = policies.iter().map(|(_, values)| values["policy"].as_str().unwrap());
        text.map(|text| serde_json::from_str(text).unwrap()).collect()
    }

    /// Returns the values of each alarm.
    pub(crate) fn alarms(&self) -> Vec<&Value> {
        self.of_type("aws_cloudwatch_metric_alarm").into_iter().map(|(_, values)| values).collect()
    }
}
