//! Turns an error of the SDK into one line: the operation, the resource, the missing permission.

use std::error::Error;
use std::fmt;

use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;

use super::credentials::NoCredentials;
use crate::service_error::{ServiceError, Trouble};

/// A call, as error messages name it.
#[derive(Debug)]
pub(super) struct ApiCall<'a> {
    operation: &'a str,
    resource: &'a str,
    permission: &'a str,
}

impl<'a> ApiCall<'a> {
    /// `operation` is `SERVICE OPERATION`; `resource` may be empty.
    pub(super) fn new(operation: &'a str, resource: &'a str, permission: &'a str) -> Self {
        Self { operation, resource, permission }
    }
}

impl fmt::Display for ApiCall<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let separator = if self.resource.is_empty() { "" } else { " " };
        write!(f, "{}{separator}{}", self.operation, self.resource)
    }
}

/// The error of a call, in one line. AWS has several codes for each kind of trouble, and only a
/// status for some.
pub(super) fn service_error<E>(
    call: &ApiCall<'_>,
    error: &SdkError<E, HttpResponse>,
) -> ServiceError
where
    E: ProvideErrorMetadata + Error + 'static,
{
    let line = |trouble, text: String| ServiceError::new(trouble, format!("{call}: {text}"));
    match error {
        SdkError::ServiceError(answer) => {
            let status = answer.raw().status().as_u16();
            let code = answer.err().code().unwrap_or_default();
            let message = answer.err().message().unwrap_or_default();
            refused(call, status, code, message)
        }
        SdkError::ResponseError(answer) => {
            let cause = root_cause(error);
            let status = answer.raw().status().as_u16();
            line(Trouble::Unreachable, format!("the answer ({status}) cannot be read: {cause}"))
        }
        SdkError::TimeoutError(_) => line(Trouble::Unreachable, "no answer in time".to_owned()),
        _ => match no_credentials(error) {
            Some(error) => line(error.trouble, error.text),
            None if matches!(error, SdkError::DispatchFailure(_)) => {
                line(Trouble::Unreachable, format!("no connection: {}", root_cause(error)))
            }
            None => line(Trouble::Refused, root_cause(error)),
        },
    }
}

fn refused(call: &ApiCall<'_>, status: u16, code: &str, message: &str) -> ServiceError {
    let said = match (code, message) {
        ("", "") => format!("status {status}"),
        ("", message) => message.to_owned(),
        (code, "") => code.to_owned(),
        (code, message) => format!("{code}: {message}"),
    };
    let (trouble, advice) = match (code, status) {
        ("ExpiredToken" | "ExpiredTokenException" | "RequestExpired", _) => {
            (Trouble::Credentials, "; the AWS credentials have expired: renew them".to_owned())
        }
        (
            "InvalidAccessKeyId"
            | "InvalidClientTokenId"
            | "UnrecognizedClientException"
            | "SignatureDoesNotMatch"
            | "InvalidToken"
            | "IncompleteSignature",
            _,
        ) => (Trouble::Credentials, "; AWS does not accept the credentials".to_owned()),
        ("RequestTimeTooSkewed", _) => {
            (Trouble::Credentials, "; the clock of this machine is wrong".to_owned())
        }
        ("NoSuchBucket", _) => (Trouble::Missing, "; there is no such bucket".to_owned()),
        (code, _) if is_throttle(code) => {
            (Trouble::Throttled, "; AWS asks for fewer requests".to_owned())
        }
        (_, 429) => (Trouble::Throttled, String::new()),
        (_, 401 | 403) => (Trouble::Denied, format!("; it needs {}", call.permission)),
        (code, _) if code.starts_with("AccessDenied") || code == "AuthorizationError" => {
            (Trouble::Denied, format!("; it needs {}", call.permission))
        }
        (_, 301 | 307) => (Trouble::Refused, "; it lies in another region".to_owned()),
        (_, 404) => (Trouble::Missing, String::new()),
        ("ResourceNotFound" | "NotFound", _) => (Trouble::Missing, String::new()),
        (_, 500..) => (Trouble::Unreachable, String::new()),
        _ => (Trouble::Refused, String::new()),
    };
    ServiceError::new(trouble, format!("{call}: {said}{advice}"))
}

fn is_throttle(code: &str) -> bool {
    let code = code.strip_suffix("Exception").unwrap_or(code);
    matches!(
        code,
        "SlowDown"
            | "Throttling"
            | "Throttled"
            | "RequestLimitExceeded"
            | "TooManyRequests"
            | "LimitExceeded"
            | "RequestThrottled"
    )
}

/// Why there are no credentials, if that is why the call failed.
pub(super) fn no_credentials(error: &(dyn Error + 'static)) -> Option<ServiceError> {
    let mut next = Some(error);
    while let Some(error) = next {
        if let Some(NoCredentials(why)) = error.downcast_ref() {
            return Some(why.clone());
        }
        next = error.source();
    }
    None
}

/// The last error of the chain; those before it only say that something failed.
pub(super) fn root_cause(error: &(dyn Error + 'static)) -> String {
    let mut last = error;
    while let Some(source) = last.source() {
        last = source;
    }
    last.to_string()
}
