//! The two calls of SES that reminders need, as its API v2 has them (restJson1).
//!
//! aws-sdk-sesv2 1.145 is left out: 159,000 lines, of which two calls are needed. It alone took 267 s
//! to build in release (one job, on 2 cores that others used too), and aws-lc, the next largest, 69.
//!
//! SES knows no token by which it would take a message once only. So a message is sent again only
//! where SES itself says that it was not taken, and a connection that broke leaves it open.

use aws_smithy_runtime_api::box_error::BoxError;
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_types::body::SdkBody;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use serde_json::{Value, json};

use super::Aws;
use super::error::{Asked, service_error};
use super::json::{Client, Refused, Retry, Service};
use super::session::Session;
use crate::remind::{Email, Fate, Mail, MailError};
use crate::service_error::{ServiceError, ServiceResult, Trouble};

const SERVICE: Service = Service {
    signing: "ses",
    host: "email",
    variable: "AWS_ENDPOINT_URL_SESV2",
    retry: Retry::Throttled,
};

/// Where each is asked for (SES API v2 reference).
const ACCOUNT: (&str, &str) = ("GET", "/v2/email/account");
const SEND: (&str, &str) = ("POST", "/v2/email/outbound-emails");

/// Method and path, and what is sent there.
type Call = ((&'static str, &'static str), Value);

/// SES in the region of the configuration.
#[derive(Debug)]
struct Ses<'a> {
    session: &'a Session,
    client: Client<Call>,
}

impl Aws {
    /// SES, for messages.
    ///
    /// # Errors
    /// If there are no credentials or no region.
    pub fn mailer(&self) -> ServiceResult<Box<dyn Mail + '_>> {
        let session = self.session()?;
        let client = Client::new(&session.config, SERVICE, request)?;
        Ok(Box::new(Ses { session, client }))
    }
}

impl Mail for Ses<'_> {
    fn rate(&self) -> ServiceResult<Option<f64>> {
        let asked = Asked::new("SES GetAccount", "", "ses:GetAccount");
        let answer = self.session.runtime.block_on(self.client.call.invoke((ACCOUNT, Value::Null)));
        match answer {
            Ok(account) if account["SendingEnabled"] == false => {
                let text = format!("{asked}: sending is switched off for this account and region");
                Err(ServiceError::new(Trouble::Refused, text))
            }
            Ok(account) => Ok(account["SendQuota"]["MaxSendRate"].as_f64()),
            Err(error) => {
                let error = service_error(&asked, &error);
                match error.trouble {
                    Trouble::Unreachable | Trouble::Credentials => Err(error),
                    // It is there. Who may send need not be allowed to look.
                    _ => {
                        tracing::debug!("{}", error.text);
                        Ok(None)
                    }
                }
            }
        }
    }

    fn send(&self, email: &Email) -> Result<(), MailError> {
        let text = |data: &str| json!({ "Data": data, "Charset": "UTF-8" });
        let input = json!({
            "FromEmailAddress": email.from,
            "Destination": { "ToAddresses": [email.to] },
            "ReplyToAddresses": [email.admin],
            // For bounces, which come after SES took the message.
            "FeedbackForwardingEmailAddress": email.admin,
            "Content": { "Simple": {
                "Subject": text(&email.subject),
                "Body": { "Text": text(&email.text) },
            } },
        });
        let sent = self.session.runtime.block_on(self.client.call.invoke((SEND, input)));
        sent.map(drop).map_err(|error| {
            let permission = "ses:SendEmail on the identity of the sender";
            let asked = Asked::new("SES SendEmail to", &email.to, permission);
            let fate = fate(&error);
            let error = service_error(&asked, &error);
            match error.trouble {
                Trouble::Credentials => MailError { fate: Fate::Closed, error },
                _ => MailError { fate, error },
            }
        })
    }
}

/// What became of a message that was not simply taken.
fn fate(error: &SdkError<Refused, HttpResponse>) -> Fate {
    let SdkError::ServiceError(answer) = error else {
        return match error {
            SdkError::ConstructionFailure(_) => Fate::Closed,
            _ => Fate::Unknown,
        };
    };
    match (answer.raw().status().as_u16(), answer.err().code()) {
        (500.., _) => Fate::Unknown,
        (_, Some("MessageRejected" | "BadRequestException")) => Fate::Rejected,
        _ => Fate::Closed,
    }
}

fn request(((method, path), input): Call) -> Result<HttpRequest, BoxError> {
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
