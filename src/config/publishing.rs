//! The settings of publishing: `[publish]`, `[cloudwatch]` and `[notify]`.

use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::cli::ScanArgs;
use crate::publish::{Destination, Notify};

/// Namespace of the metrics, unless another is given.
const DEFAULT_NAMESPACE: &str = "EfsScan";

/// The table `[publish]`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct PublishSettings {
    #[serde(skip_serializing_if = "Option::is_none")]
    to: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    interrupted: Option<bool>,
}

/// The table `[cloudwatch]`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct CloudWatchSettings {
    #[serde(skip_serializing_if = "Option::is_none")]
    namespace: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    users: Option<bool>,
}

/// The table `[notify]`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct NotifySettings {
    #[serde(skip_serializing_if = "Option::is_none")]
    topic: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    always: Option<bool>,
}

pub(super) fn is_empty<T: Default + PartialEq>(settings: &T) -> bool {
    *settings == T::default()
}

/// Where a run goes, checked as far as that can be done without asking anybody.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Publishing {
    /// Where its objects go.
    pub to: Option<Destination>,
    /// Whether an interrupted run goes there too.
    pub interrupted: bool,
    /// Namespace of the metrics.
    pub namespace: Option<String>,
    /// Whether each user has metrics.
    pub users: bool,
    /// Who is told about quotas.
    pub notify: Option<Notify>,
}

impl Publishing {
    /// Whether nothing goes anywhere.
    pub fn is_empty(&self) -> bool {
        self.to.is_none() && self.namespace.is_none() && self.notify.is_none()
    }

    pub(super) fn check(
        (publish, cloudwatch, notify): (&PublishSettings, &CloudWatchSettings, &NotifySettings),
        args: &ScanArgs,
    ) -> Result<Self, String> {
        let here = [
            ("--publish", args.publish.is_some()),
            ("--cloudwatch", args.cloudwatch.is_some()),
            ("--notify-topic", args.notify_topic.is_some()),
        ];
        let given = here.iter().find(|(_, given)| *given);
        if let (Some((flag, _)), false) = (given, args.users.is_empty()) {
            let problem = "a scan of some users is not published as the state of all";
            return Err(format!("{flag} with --user: {problem}"));
        }
        // What the configuration says holds for the daily scan of everybody.
        if args.no_publish || !args.users.is_empty() {
            return Ok(Self::default());
        }
        let to = publish.to.as_deref().map(str::parse).transpose();
        let namespace = cloudwatch.namespace.as_deref().map(check_namespace).transpose()?;
        let users = cloudwatch.users.unwrap_or_default();
        if users && namespace.is_none() {
            return Err("--cloudwatch-users needs --cloudwatch".to_owned());
        }
        let always = notify.always.unwrap_or_default();
        if always && notify.topic.is_none() {
            return Err("--notify-always needs --notify-topic".to_owned());
        }
        let topic = notify.topic.as_deref().map(check_topic).transpose()?;
        Ok(Self {
            to: to.map_err(|problem| format!("--publish {problem}"))?,
            interrupted: publish.interrupted.unwrap_or_default(),
            namespace,
            users,
            notify: topic.map(|topic| Notify { topic, always }),
        })
    }
}

impl PublishSettings {
    pub(super) fn override_with(&mut self, args: &ScanArgs) {
        super::over(&mut self.to, &args.publish);
        super::over(&mut self.interrupted, &args.publish_interrupted);
    }

    /// Where readers find what was published.
    pub(super) fn destination(&self) -> Result<Option<Destination>, String> {
        self.to.as_deref().map(str::parse).transpose()
    }
}

impl CloudWatchSettings {
    pub(super) fn override_with(&mut self, args: &ScanArgs) {
        let namespace = args.cloudwatch.clone().map(|name| match name.as_str() {
            "" => self.namespace.clone().unwrap_or_else(|| DEFAULT_NAMESPACE.to_owned()),
            _ => name,
        });
        super::over(&mut self.namespace, &namespace);
        super::over(&mut self.users, &args.cloudwatch_users);
    }
}

impl NotifySettings {
    pub(super) fn override_with(&mut self, args: &ScanArgs) {
        super::over(&mut self.topic, &args.notify_topic);
        super::over(&mut self.always, &args.notify_always);
    }
}

/// A namespace as CloudWatch takes it (API reference, PutMetricData).
fn check_namespace(name: &str) -> Result<String, String> {
    let plain = |c: char| c.is_ascii_alphanumeric() || "._/#:-".contains(c);
    let problem = match name {
        _ if name.is_empty() || name.len() > 255 => "it must have 1 to 255 characters",
        _ if !name.chars().all(plain) => "it may hold letters, digits and . _ / # : - only",
        _ if name.starts_with("AWS/") => "namespaces that begin with AWS/ are Amazon's",
        _ if name.starts_with(':') => "it must not begin with a colon",
        _ if Path::new(name).is_absolute() => {
            "it looks like a path; write --cloudwatch=NAMESPACE, and ROOT behind it"
        }
        _ => return Ok(name.to_owned()),
    };
    Err(format!("--cloudwatch `{name}`: {problem}"))
}

fn check_topic(arn: &str) -> Result<String, String> {
    let parts: Vec<&str> = arn.split(':').collect();
    match parts[..] {
        ["arn", _, "sns", region, _, name] if !region.is_empty() && !name.is_empty() => {
            if name.ends_with(".fifo") {
                return Err(format!("--notify-topic {arn}: a FIFO topic sends no e-mail"));
            }
            Ok(arn.to_owned())
        }
        _ => Err(format!(
            "--notify-topic `{arn}` is no ARN of a topic: arn:aws:sns:REGION:ACCOUNT:NAME"
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_aws_would_refuse_is_refused_before_the_scan() {
        assert_eq!(check_namespace("Team/Efs_1"), Ok("Team/Efs_1".to_owned()));
        for wrong in ["", "AWS/EFS", ":x", "two words", "/mnt/efs", &"x".repeat(256)] {
            assert!(check_namespace(wrong).is_err(), "{wrong}");
        }
        let topic = "arn:aws:sns:eu-west-1:123456789012:efs";
        assert_eq!(check_topic(topic), Ok(topic.to_owned()));
        for wrong in ["efs", "arn:aws:sqs:eu-west-1:1:x", "arn:aws:sns:eu-west-1:1:x.fifo"] {
            assert!(check_topic(wrong).is_err(), "{wrong}");
        }
    }
}
