//! SES's SendEmail and GetAccount (API v2).

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::Stub;
use super::errors::Failure;
use super::http::Answer;
use super::route::Call;
use super::state::State;

/// A message that was accepted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mail {
    pub from: String,
    pub to: String,
    pub copy_to: Option<String>,
    pub reply_to: String,
    pub feedback: String,
    pub subject: String,
    pub text: String,
}

/// An account that may send from any address at example.com.
pub struct Account {
    enabled: bool,
    rate: f64,
    rejected: BTreeSet<String>,
    mails: Vec<Mail>,
}

impl Default for Account {
    fn default() -> Account {
        Account { enabled: true, rate: 1000.0, rejected: BTreeSet::new(), mails: Vec::new() }
    }
}

impl Stub {
    /// Returns the accepted messages, in order.
    pub fn mails(&self) -> Vec<Mail> {
        self.state().ses.mails.clone()
    }

    /// Rejects messages to this address.
    pub fn reject_mail_to(&self, address: &str) {
        self.state().ses.rejected.insert(address.to_owned());
    }

    /// Stops rejecting messages.
    pub fn reject_no_mail(&self) {
        self.state().ses.rejected.clear();
    }

    /// Sets if the account may send, and the reported limit of messages per second.
    pub fn mail_account(&self, enabled: bool, rate: f64) {
        let ses = &mut self.state().ses;
        (ses.enabled, ses.rate) = (enabled, rate);
    }
}

/// Returns sender and recipient.
pub fn ends(body: &[u8]) -> (String, String) {
    let body: Value = serde_json::from_slice(body).unwrap_or_default();
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    (text(&body["FromEmailAddress"]), text(&body["Destination"]["ToAddresses"][0]))
}

pub fn perform(state: &mut State, call: &Call) -> Result<Answer, Failure> {
    let json = |value: Value| Answer::new(200, "application/json", value.to_string());
    if call.operation == "GetAccount" {
        let Account { enabled, rate, mails, .. } = &state.ses;
        return Ok(json(json!({
            "SendingEnabled": enabled,
            "ProductionAccessEnabled": true,
            "SendQuota": {
                "Max24HourSend": 50_000.0, "MaxSendRate": rate, "SentLast24Hours": mails.len(),
            },
        })));
    }
    let mail = match check(call) {
        Ok(mail) => mail,
        Err(failure) => {
            state.violation(call, &failure.message);
            return Err(failure);
        }
    };
    let address = mail.from.rsplit(['<', ' ']).next().unwrap().trim_end_matches('>');
    let unverified = [
        (!address.ends_with("@example.com")).then_some(address),
        state.ses.rejected.contains(&mail.to).then_some(mail.to.as_str()),
    ];
    let unverified: Vec<&str> = unverified.into_iter().flatten().collect();
    if !unverified.is_empty() {
        let message = format!(
            "Email address is not verified. The following identities failed the check in region \
             US-EAST-1: {}",
            unverified.join(", ")
        );
        return Err(Failure::new(400, "MessageRejected", message));
    }
    state.ses.mails.push(mail);
    Ok(json(json!({ "MessageId": call.id })))
}

/// Returns the message, or the refusal by SES or a later mail server.
fn check(call: &Call) -> Result<Mail, Failure> {
    let bad = |what: String| Failure::new(400, "BadRequestException", what);
    if call.operation != "SendEmail" {
        return Err(Failure::new(404, "NotFoundException", call.http.path.as_str()));
    }
    let body: Value =
        serde_json::from_slice(&call.http.body).map_err(|error| bad(error.to_string()))?;
    let text = |value: &Value| value.as_str().map(str::to_owned);
    let one = |value: &Value| match value.as_array().map(Vec::as_slice) {
        Some([one]) => text(one),
        _ => None,
    };
    let simple = &body["Content"]["Simple"];
    for part in [&simple["Subject"], &simple["Body"]["Text"]] {
        if part["Charset"] != "UTF-8" {
            return Err(bad(format!("charset {}", part["Charset"])));
        }
    }
    let mail = (|| {
        Some(Mail {
            from: text(&body["FromEmailAddress"])?,
            to: one(&body["Destination"]["ToAddresses"])?,
            copy_to: one(&body["Destination"]["CcAddresses"]),
            reply_to: one(&body["ReplyToAddresses"])?,
            feedback: text(&body["FeedbackForwardingEmailAddress"])?,
            subject: text(&simple["Subject"]["Data"])?,
            text: text(&simple["Body"]["Text"]["Data"])?,
        })
    })();
    let mail = mail.ok_or_else(|| bad(format!("something is missing: {body}")))?;
    let heads = [&mail.to, &mail.reply_to, &mail.feedback].into_iter().chain(&mail.copy_to);
    for address in heads {
        let plain = |c: char| c.is_ascii_alphanumeric() || ".-_+'@".contains(c);
        if !address.chars().all(plain) || address.matches('@').count() != 1 {
            return Err(bad(format!("address {address:?}")));
        }
    }
    if [&mail.subject, &mail.from].iter().any(|line| line.chars().any(char::is_control)) {
        return Err(bad(format!("head {:?} {:?}", mail.from, mail.subject)));
    }
    if mail.subject.is_empty() || mail.text.is_empty() {
        return Err(bad("empty".to_owned()));
    }
    if mail.text.split('\n').any(|line| line.len() > 998 || line.chars().any(char::is_control)) {
        return Err(bad(format!("a line of the text is too long or odd: {:?}", mail.text)));
    }
    Ok(mail)
}
