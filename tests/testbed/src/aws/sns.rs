//! SNS's Publish and GetTopicAttributes.

use std::collections::BTreeSet;

use super::errors::Failure;
use super::http::Answer;
use super::route::Call;
use super::state::State;
use super::{ACCOUNT, REGION, Stub, wire};

/// A message that was accepted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// The topic's ARN.
    pub topic: String,
    pub subject: Option<String>,
    pub text: String,
}

/// Topics by ARN, and published messages.
#[derive(Default)]
pub struct Topics {
    topics: BTreeSet<String>,
    messages: Vec<Message>,
}

impl Stub {
    /// Creates a topic. Returns its ARN.
    pub fn topic(&self, name: &str) -> String {
        let arn = format!("arn:aws:sns:{REGION}:{ACCOUNT}:{name}");
        self.state().sns.topics.insert(arn.clone());
        arn
    }

    /// Returns the accepted messages, in order.
    pub fn messages(&self) -> Vec<Message> {
        self.state().sns.messages.clone()
    }
}

const MOST_BYTES: usize = 262_144;

pub fn perform(state: &mut State, call: &Call) -> Result<Answer, Failure> {
    if call.operation == "GetTopicAttributes" {
        return attributes(state, call);
    }
    match check(call) {
        Ok(message) if state.sns.topics.contains(&message.topic) => {
            state.sns.messages.push(message);
            let body = format!(
                "<PublishResponse xmlns=\"http://sns.amazonaws.com/doc/2010-03-31/\">\n  \
                 <PublishResult>\n    <MessageId>{id}</MessageId>\n  </PublishResult>\n  \
                 <ResponseMetadata>\n    <RequestId>{id}</RequestId>\n  </ResponseMetadata>\n\
                 </PublishResponse>\n",
                id = call.id,
            );
            Ok(Answer::new(200, "text/xml", body))
        }
        // Not a violation: the topic may have been deleted.
        Ok(_) => Err(Failure::new(404, "NotFound", "Topic does not exist")),
        Err(failure) => {
            state.violation(call, &failure.message);
            Err(failure)
        }
    }
}

fn attributes(state: &State, call: &Call) -> Result<Answer, Failure> {
    if !state.sns.topics.contains(&call.target) {
        return Err(Failure::new(404, "NotFound", "Topic does not exist"));
    }
    let body = format!(
        "<GetTopicAttributesResponse xmlns=\"http://sns.amazonaws.com/doc/2010-03-31/\">\n  \
         <GetTopicAttributesResult>\n    <Attributes>\n      <entry><key>TopicArn</key>\
         <value>{}</value></entry>\n    </Attributes>\n  </GetTopicAttributesResult>\n  \
         <ResponseMetadata>\n    <RequestId>{}</RequestId>\n  </ResponseMetadata>\n\
         </GetTopicAttributesResponse>\n",
        call.target, call.id,
    );
    Ok(Answer::new(200, "text/xml", body))
}

fn check(call: &Call) -> Result<Message, Failure> {
    let invalid =
        |what: &str| Failure::new(400, "InvalidParameter", format!("Invalid parameter: {what}"));
    let body = std::str::from_utf8(&call.http.body).map_err(|_| invalid("no UTF-8"))?;
    let form = wire::pairs(body);
    let field = |name: &str| {
        let found = form.iter().find(|(have, _)| have == name);
        found.map(|(_, value)| value.clone())
    };
    if call.operation != "Publish" || field("Version").as_deref() != Some("2010-03-31") {
        let message = format!("The action {} is not valid for this endpoint.", call.operation);
        return Err(Failure::new(400, "InvalidAction", message));
    }
    let topic = field("TopicArn").filter(|arn| arn.split(':').count() == 6);
    let topic = topic.ok_or_else(|| invalid("TopicArn"))?;
    let subject = field("Subject");
    if let Some(subject) = &subject {
        let printable = subject.bytes().all(|byte| (b' '..=b'~').contains(&byte));
        if !printable || subject.is_empty() || subject.len() > 99 || subject.starts_with(' ') {
            return Err(invalid(&format!("Subject ({subject:?})")));
        }
    }
    let text = field("Message").filter(|text| !text.is_empty());
    let text = text.ok_or_else(|| invalid("Empty message"))?;
    if text.len() > MOST_BYTES {
        return Err(invalid(&format!("Message too long ({} bytes)", text.len())));
    }
    if field("MessageStructure").is_some_and(|kind| kind != "json") {
        return Err(invalid("MessageStructure"));
    }
    Ok(Message { topic, subject, text })
}
