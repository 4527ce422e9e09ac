//! SES: the two calls of API v2 that reminders need (restJson1).
//!
//! aws-sdk-sesv2 1.145 has 159,000 lines for these two. It took 267 s to build in release, and
//! aws-lc, the next largest crate, 69 s.
//!
//! SES has no idempotency token. So a message is sent again only if SES itself says that it did not
//! accept it; after a broken connection the outcome is unknown.

use aws_smithy_runtime_api::box_error::BoxError;
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_types::body::SdkBody;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use serde_json::{Value, json};

use super::endpoint::Service;
use super::error::{ApiCall, service_error};
use super::json::{JsonClient, Refused, Retry};
use super::session::Sdk;
use super::{Aws, Email, EmailError, EmailOutcome};
use crate::log;
use crate::service_error::{ServiceError, ServiceResult, Trouble};

const SERVICE: Service =
    Service { id: "SESv2", signing: "ses", host: "email", fips_host: "email-fips" };

/// Method and path of each call (SES API v2 reference).
const ACCOUNT: (&str, &str) = ("GET", "/v2/email/account");
const SEND: (&str, &str) = ("POST", "/v2/email/outbound-emails");

/// Method, path and input of a call.
type RestCall = ((&'static str, &'static str), Value);

/// Client of SES in the configured region.
#[derive(Debug)]
pub struct Mailer<'a> {
    sdk: &'a Sdk,
    client: JsonClient<RestCall>,
}

impl Aws {
    /// Opens SES for messages.
    ///
    /// # Errors
    /// If there are no credentials or no region.
    pub fn mailer(&self) -> ServiceResult<Mailer<'_>> {
        let sdk = self.sdk()?;
        let client = JsonClient::new(&sdk.config, SERVICE, Retry::Throttled, request)?;
        Ok(Mailer { sdk, client })
    }
}

impl Mailer<'_> {
    /// Returns the number of messages that SES accepts per second, if it says so.
    ///
    /// # Errors
    /// If SES does not answer, or sending is switched off.
    pub fn rate(&self) -> ServiceResult<Option<f64>> {
        let call = ApiCall::new("SES GetAccount", "", "ses:GetAccount");
        let answer = self.sdk.runtime.block_on(self.client.call.invoke((ACCOUNT, Value::Null)));
        match answer {
            Ok(account) if account["SendingEnabled"] == false => {
                let text = format!("{call}: sending is switched off for this account and region");
                Err(ServiceError::new(Trouble::Refused, text))
            }
            Ok(account) => Ok(account["SendQuota"]["MaxSendRate"].as_f64()),
            Err(error) => {
                let error = service_error(&call, &error);
                match error.trouble {
                    Trouble::Unreachable | Trouble::Credentials => Err(error),
                    // SES answered. Permission to send does not include this call.
                    _ => {
                        log::debug!("{}", error.text);
                        Ok(None)
                    }
                }
            }
        }
    }

    /// Sends one message. It is retried only after attempts that are known to have failed.
    ///
    /// # Errors
    /// Says why the message was not sent, or that its outcome is unknown.
    pub fn send(&self, email: &Email) -> Result<(), EmailError> {
        let text = |data: &str| json!({ "Data": data, "Charset": "UTF-8" });
        let input = json!({
            "FromEmailAddress": email.from,
            "Destination": { "ToAddresses": [email.to], "CcAddresses": email.copy_to.as_slice() },
            "ReplyToAddresses": [email.reply_to],
            // Bounces arrive after SES has accepted the message.
            "FeedbackForwardingEmailAddress": email.reply_to,
            "Content": { "Simple": {
                "Subject": text(email.subject.as_str()),
                "Body": { "Text": text(email.text.as_str()) },
            } },
        });
        let sent = self.sdk.runtime.block_on(self.client.call.invoke((SEND, input)));
        sent.map(drop).map_err(|error| {
            let permission = "ses:SendEmail on the identity of the sender";
            let call = ApiCall::new("SES SendEmail to", &email.to, permission);
            let outcome = outcome(&error);
            let error = service_error(&call, &error);
            match error.trouble {
                Trouble::Credentials => EmailError { outcome: EmailOutcome::Closed, error },
                _ => EmailError { outcome, error },
            }
        })
    }
}

fn outcome(error: &SdkError<Refused, HttpResponse>) -> EmailOutcome {
    let SdkError::ServiceError(answer) = error else {
        return match error {
            SdkError::ConstructionFailure(_) => EmailOutcome::Closed,
            _ => EmailOutcome::Unknown,
        };
    };
    match (answer.raw().status().as_u16(), answer.err().code()) {
        (500.., _) => EmailOutcome::Unknown,
        (_, Some("MessageRejected" | "BadRequestException")) => EmailOutcome::Rejected,
        _ => EmailOutcome::Closed,
    }
}

fn request(((method, path), input): RestCall) -> Result<HttpRequest, BoxError> {
    let body = match input {
        Value::Null => Vec::new(),
        input => serde_json::to_vec(&input)?,
    };
    let mut request = HttpRequest::new(SdkBody::from(body));
    request.set_method(method)?;
    request.set_uri(path)?;
    request.headers_mut().insert("content-type", "application/json");
    Ok(request)
}
