//! Turns an SDK error into one line that names the operation, the resource and the missing
//! permission.

use std::error::Error;
use std::fmt;

use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use jiff::SignedDuration;

use super::credentials::NoCredentials;
use super::{clock, region};
use crate::service_error::{ServiceError, Trouble};

/// Description of a call for error messages.
#[derive(Debug)]
pub(super) struct ApiCall<'a> {
    operation: &'a str,
    resource: &'a str,
    permission: &'a str,
}

impl<'a> ApiCall<'a> {
    /// Describes a call. `operation` is `SERVICE OPERATION`; `resource` may be empty.
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

/// Returns the error of a call, in one line. AWS has several codes for each kind of trouble, and
/// for some only a status.
pub(super) fn service_error<E>(
    call: &ApiCall<'_>,
    error: &SdkError<E, HttpResponse>,
) -> ServiceError
where
    E: ProvideErrorMetadata + Error + 'static,
{
    let line = |trouble, text: String| ServiceError::new(trouble, format!("{call}: {text}"));
    match error {
        SdkError::ServiceError(answer) => refused(
            call,
            &Refusal {
                status: answer.raw().status().as_u16(),
                code: answer.err().code().unwrap_or_default(),
                message: answer.err().message().unwrap_or_default(),
                ahead: clock::server_ahead(answer.raw()),
                region: region::of_answer(answer.raw()),
            },
        ),
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

/// An answer with an error.
struct Refusal<'a> {
    status: u16,
    code: &'a str,
    message: &'a str,
    /// Time by which the server's clock is ahead of this machine's, if the answer has a date.
    ahead: Option<SignedDuration>,
    /// Region of the bucket, if the answer names one.
    region: Option<String>,
}

fn refused(call: &ApiCall<'_>, refusal: &Refusal<'_>) -> ServiceError {
    let &Refusal { status, code, message, .. } = refusal;
    let said = match (code, message) {
        ("", "") => format!("status {status}"),
        ("", message) => message.to_owned(),
        (code, "") => code.to_owned(),
        (code, message) => format!("{code}: {message}"),
    };
    let (trouble, advice) =
        by_code(call, refusal).unwrap_or_else(|| by_status(call, status, message));
    ServiceError::new(trouble, format!("{call}: {said}{advice}"))
}

/// Decides by the error code. Servers send the same code with different statuses.
fn by_code(call: &ApiCall<'_>, refusal: &Refusal<'_>) -> Option<(Trouble, String)> {
    let &Refusal { code, message, ahead, .. } = refusal;
    Some(match code.strip_suffix("Exception").unwrap_or(code) {
        "ExpiredToken" | "RequestExpired" | "TokenRefreshRequired" => {
            (Trouble::Credentials, "; the AWS credentials have expired: renew them".to_owned())
        }
        "RequestTimeTooSkewed" | "RequestInTheFuture" => {
            (Trouble::Credentials, clock::wrong(ahead))
        }
        "InvalidSignature" | "SignatureDoesNotMatch" | "AuthFailure" => {
            (Trouble::Credentials, clock::or_secret(ahead, message))
        }
        "InvalidAccessKeyId"
        | "InvalidClientTokenId"
        | "UnrecognizedClient"
        | "InvalidToken"
        | "InvalidSecurity"
        | "NotSignedUp"
        | "MissingAuthenticationToken"
        | "IncompleteSignature" => {
            (Trouble::Credentials, "; AWS does not accept the credentials".to_owned())
        }
        "NoSuchBucket" => (Trouble::Missing, "; there is no such bucket".to_owned()),
        "NotImplemented" => {
            (Trouble::Refused, "; the server does not implement this operation".to_owned())
        }
        "AuthorizationHeaderMalformed" if refusal.region.is_none() => {
            (Trouble::Credentials, "; AWS does not accept the credentials".to_owned())
        }
        "PermanentRedirect" | "AuthorizationHeaderMalformed" => {
            (Trouble::Refused, region::elsewhere(refusal.region.as_deref()))
        }
        // The bucket was created recently, and its name is not known everywhere yet.
        "TemporaryRedirect" => (Trouble::Unreachable, region::elsewhere(None)),
        "RequestTimeout" | "InternalError" | "InternalFailure" | "ServiceUnavailable" => {
            (Trouble::Unreachable, String::new())
        }
        "ResourceNotFound" | "NotFound" => (Trouble::Missing, String::new()),
        "AuthorizationError" | "UnauthorizedOperation" | "UnauthorizedAccess" => {
            (Trouble::Denied, denied(call, message))
        }
        code if code.starts_with("AccessDenied") => (Trouble::Denied, denied(call, message)),
        code if code.starts_with("KMS.") => {
            let advice = "; the key is `kms_key_id` under [publish], or else the bucket's";
            (Trouble::Refused, advice.to_owned())
        }
        code if is_throttle(code) => {
            (Trouble::Throttled, "; AWS asks for fewer requests".to_owned())
        }
        _ => return None,
    })
}

fn by_status(call: &ApiCall<'_>, status: u16, message: &str) -> (Trouble, String) {
    match status {
        429 => (Trouble::Throttled, String::new()),
        401 | 403 => (Trouble::Denied, denied(call, message)),
        301 | 307 => (Trouble::Refused, region::elsewhere(None)),
        404 => (Trouble::Missing, String::new()),
        501 => (Trouble::Refused, "; the server does not implement this operation".to_owned()),
        500.. => (Trouble::Unreachable, String::new()),
        _ => (Trouble::Refused, String::new()),
    }
}

/// Names the missing permission, and adds details from the answer: AWS says if the permission is
/// one of another service, such as of the key that encrypts an object, or if a policy explicitly
/// denies it.
fn denied(call: &ApiCall<'_>, message: &str) -> String {
    let permission = call.permission;
    let action = permission.split(' ').next().unwrap_or_default();
    let refused = message.split_once("not authorized to perform: ").map(|(_, rest)| rest);
    let other = refused.and_then(|rest| rest.split_whitespace().next());
    let other = other.filter(|other| other.contains(':') && !permission.contains(other));
    let resource = message.split_once("on resource: ").map(|(_, rest)| rest);
    let resource = resource.and_then(|rest| rest.split_whitespace().next());
    let mut advice = match (other, resource) {
        (Some(other), Some(resource)) => {
            let resource = resource.trim_matches('"');
            format!("; it needs {other} on {resource}, beside {permission}")
        }
        (Some(other), None) => format!("; it needs {other}, beside {permission}"),
        (None, _) => format!("; it needs {permission}"),
    };
    let deny = message.split_once("explicit deny").map(|(_, rest)| rest.trim_start());
    let whose = deny.and_then(|rest| rest.strip_prefix("in a")?.split(" policy").next());
    if deny.is_some() {
        let whose = whose.map_or("", |whose| whose.trim_start_matches('n').trim());
        let whose = if whose.is_empty() { String::new() } else { format!("{whose} ") };
        let denied = other.unwrap_or(action);
        advice.push_str(&format!(", and no {whose}policy that denies {denied}"));
    }
    // A policy that requires a header refuses without naming it.
    let is_bare = message.is_empty() || message.trim_end_matches('.') == "Access Denied";
    if action == "s3:PutObject" && other.is_none() && (deny.is_some() || is_bare) {
        advice.push_str(
            "; if the bucket's policy asks for a header, see sse, kms_key_id, acl, storage_class and \
             requester_pays under [publish]",
        );
    }
    advice
}

fn is_throttle(code: &str) -> bool {
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

/// Returns the error about missing credentials, if that is why the call failed.
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

/// Returns the last error of the chain; the others only say that something failed.
pub(super) fn root_cause(error: &(dyn Error + 'static)) -> String {
    let mut last = error;
    while let Some(source) = last.source() {
        last = source;
    }
    last.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    const PUT: &str = "s3:PutObject on arn:aws:s3:::team/efs/*";

    fn said(status: u16, code: &str, message: &str, ahead: Option<i64>) -> ServiceError {
        let call = ApiCall::new("S3 PutObject", "s3://team/efs/x", PUT);
        let ahead = ahead.map(SignedDuration::from_secs);
        refused(&call, &Refusal { status, code, message, ahead, region: None })
    }

    #[test]
    fn the_code_decides_and_then_the_status() {
        for (status, code, trouble) in [
            (403, "InvalidSignatureException", Trouble::Credentials),
            (403, "SignatureDoesNotMatch", Trouble::Credentials),
            (403, "RequestTimeTooSkewed", Trouble::Credentials),
            (400, "ExpiredToken", Trouble::Credentials),
            (403, "ExpiredTokenException", Trouble::Credentials),
            (400, "AccessDeniedException", Trouble::Denied),
            (500, "AccessDenied", Trouble::Denied),
            (400, "KMS.DisabledException", Trouble::Refused),
            (400, "RequestTimeout", Trouble::Unreachable),
            (400, "ThrottlingException", Trouble::Throttled),
            (503, "SlowDown", Trouble::Throttled),
            (501, "NotImplemented", Trouble::Refused),
            (501, "", Trouble::Refused),
            (500, "Odd", Trouble::Unreachable),
            (403, "Odd", Trouble::Denied),
            (301, "PermanentRedirect", Trouble::Refused),
            (307, "TemporaryRedirect", Trouble::Unreachable),
        ] {
            assert_eq!(said(status, code, "", None).trouble, trouble, "{status} {code}");
        }
    }

    #[test]
    fn a_signature_that_is_refused_names_the_clock_if_that_is_wrong() {
        let slow = said(403, "InvalidSignatureException", "Signature expired: x", Some(1_020));
        assert!(slow.text.contains("the clock of this machine is 17 min behind"), "{slow}");
        let fast = said(403, "RequestTimeTooSkewed", "The difference", Some(-7_200));
        assert!(fast.text.contains("the clock of this machine is 2 h ahead of"), "{fast}");
        let right = said(403, "SignatureDoesNotMatch", "Check your key", Some(2));
        assert!(right.text.contains("secret access key"), "{right}");
        assert!(!right.text.contains("behind"), "{right}");
        let late = said(403, "InvalidSignatureException", "Signature expired: x", Some(1));
        assert!(late.text.contains("differs by 1 s"), "{late}");
        let undated = said(403, "RequestTimeTooSkewed", "The difference", None);
        assert!(undated.text.contains("the clock of this machine is wrong"), "{undated}");
    }

    #[test]
    fn a_denied_request_names_the_permission_and_the_message_of_aws() {
        let key = "User: arn:aws:sts::1:assumed-role/m/i is not authorized to perform: \
                   kms:GenerateDataKey on resource: arn:aws:kms:eu-west-1:1:key/k because no \
                   identity-based policy allows the kms:GenerateDataKey action";
        let key = said(403, "AccessDenied", key, None).text;
        let both =
            "it needs kms:GenerateDataKey on arn:aws:kms:eu-west-1:1:key/k, beside s3:PutObject";
        assert!(key.contains(both) && key.contains("because no identity-based policy"), "{key}");
        let deny = "User: x is not authorized to perform: s3:PutObject on resource: \
                    \"arn:aws:s3:::team/efs/x\" with an explicit deny in a resource-based policy";
        let deny = said(403, "AccessDenied", deny, None).text;
        assert!(deny.contains("and no resource-based policy that denies s3:PutObject"), "{deny}");
        assert!(deny.contains(PUT) && deny.contains("kms_key_id"), "{deny}");
        let bare = said(403, "AccessDenied", "Access Denied", None).text;
        assert!(bare.contains(PUT) && bare.contains("asks for a header"), "{bare}");
    }
}
