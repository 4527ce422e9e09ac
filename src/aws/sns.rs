//! SNS: Publish and GetTopicAttributes.

use aws_sdk_sns::Client;
use aws_sdk_sns::config::{Builder, Region};

use super::Aws;
use super::answer::MaxAnswer;
use super::error::{ApiCall, service_error};
use super::session::Sdk;
use crate::service_error::ServiceResult;
use crate::text::Shown;

impl Aws {
    /// Sends one message to a topic.
    ///
    /// # Errors
    /// Names the topic.
    pub fn notify(&self, topic: &str, subject: &Shown, text: &Shown) -> ServiceResult<()> {
        let sdk = self.sdk()?;
        let call = client(sdk, topic).publish();
        let call = call.topic_arn(topic).subject(subject.as_str()).message(text.as_str());
        let sent = sdk.runtime.block_on(call.send());
        sent.map(drop).map_err(|error| {
            let permission = format!("sns:Publish on {topic}");
            service_error(&ApiCall::new("SNS Publish", topic, &permission), &error)
        })
    }

    /// Requests a topic's attributes to check that it exists. Permission to send to it does not
    /// include this call.
    ///
    /// # Errors
    /// Names the topic.
    pub fn topic(&self, topic: &str) -> ServiceResult<()> {
        let sdk = self.sdk()?;
        let call = client(sdk, topic).get_topic_attributes().topic_arn(topic);
        let answer = sdk.runtime.block_on(call.send());
        answer.map(drop).map_err(|error| {
            let permission = format!("sns:GetTopicAttributes on {topic}");
            service_error(&ApiCall::new("SNS GetTopicAttributes", topic, &permission), &error)
        })
    }
}

/// Makes a client in the topic's region, because SNS accepts calls only there.
fn client(sdk: &Sdk, topic: &str) -> Client {
    let mut config = Builder::from(&sdk.config).interceptor(MaxAnswer);
    if let Some(region) = topic.split(':').nth(3) {
        config = config.region(Region::new(region.to_owned()));
    }
    Client::from_conf(config.build())
}
