//! SNS: Publish.

use aws_sdk_sns::Client;
use aws_sdk_sns::config::{Builder, Region};

use super::Aws;
use super::answer::MaxAnswer;
use super::error::{ApiCall, service_error};
use crate::service_error::ServiceResult;
use crate::text::Shown;

impl Aws {
    /// Sends one message to a topic.
    ///
    /// # Errors
    /// Names the topic.
    pub fn notify(&self, topic: &str, subject: &Shown, text: &Shown) -> ServiceResult<()> {
        let sdk = self.sdk()?;
        // SNS accepts a message only in the region of the topic.
        let mut config = Builder::from(&sdk.config).interceptor(MaxAnswer);
        if let Some(region) = topic.split(':').nth(3) {
            config = config.region(Region::new(region.to_owned()));
        }
        let call = Client::from_conf(config.build()).publish();
        let call = call.topic_arn(topic).subject(subject.as_str()).message(text.as_str());
        let sent = sdk.runtime.block_on(call.send());
        sent.map(drop).map_err(|error| {
            let permission = format!("sns:Publish on {topic}");
            service_error(&ApiCall::new("SNS Publish", topic, &permission), &error)
        })
    }
}
