//! Errors in each service's format.

use ciborium::Value as Cbor;
use serde_json::json;

use super::ACCOUNT;
use super::faults::What;
use super::http::Answer;
use super::route::Call;
use super::wire::xml;

/// An error of any service.
pub struct Failure {
    pub status: u16,
    pub code: String,
    pub message: String,
}

impl Failure {
    pub fn new(status: u16, code: &str, message: impl Into<String>) -> Failure {
        Failure { status, code: code.to_owned(), message: message.into() }
    }

    /// Writes the error in the service's format.
    pub fn answer(&self, call: &Call) -> Answer {
        let Failure { status, code, message } = self;
        let sender = if *status < 500 { "Sender" } else { "Receiver" };
        match call.service {
            "S3" if call.http.method == "HEAD" => Answer::empty(*status),
            "S3" => {
                let place = match (&*call.parent, &*call.target, code.as_str()) {
                    (bucket, _, "NoSuchBucket") => format!("<BucketName>{bucket}</BucketName>"),
                    (_, key, "NoSuchKey") => format!("<Key>{}</Key>", xml(key)),
                    _ => String::new(),
                };
                let body = format!(
                    "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Error><Code>{code}</Code>\
                     <Message>{}</Message>{place}<RequestId>{id}</RequestId><HostId>{id}</HostId>\
                     </Error>",
                    xml(message),
                    id = call.id,
                );
                Answer::new(*status, "application/xml", body)
            }
            "SNS" | "STS" => {
                let body = format!(
                    "<ErrorResponse xmlns=\"http://sns.amazonaws.com/doc/2010-03-31/\">\n  \
                     <Error>\n    <Type>{sender}</Type>\n    <Code>{code}</Code>\n    \
                     <Message>{}</Message>\n  </Error>\n  \
                     <RequestId>{}</RequestId>\n</ErrorResponse>\n",
                    xml(message),
                    call.id,
                );
                Answer::new(*status, "text/xml", body)
            }
            "CloudWatch" => {
                // CloudWatch's new CBOR protocol has the name of a shape in the body, and the query
                // protocol's code in a header, which clients use.
                let (own, shape) = match code.as_str() {
                    "InvalidParameterValue" => (true, "InvalidParameterValueException"),
                    "MissingParameter" => (true, "MissingRequiredParameterException"),
                    "InternalServiceError" => (true, "InternalServiceFault"),
                    "AccessDenied" => (false, "AccessDeniedException"),
                    other => (false, other),
                };
                let space =
                    if own { "com.amazonaws.cloudwatch" } else { "com.amazon.coral.service" };
                let text = |text: &str| Cbor::Text(text.to_owned());
                let body = Cbor::Map(vec![
                    (text("__type"), Cbor::Text(format!("{space}#{shape}"))),
                    (text("message"), text(message)),
                ]);
                let mut bytes = Vec::new();
                ciborium::into_writer(&body, &mut bytes).unwrap();
                Answer::new(*status, "application/cbor", bytes)
                    .with("smithy-protocol", "rpc-v2-cbor")
                    .with("x-amzn-query-error", format!("{code};{sender}"))
            }
            "SES" => {
                let body = json!({ "message": message }).to_string();
                Answer::new(*status, "application/json", body).with("x-amzn-ErrorType", code)
            }
            "EFS" => {
                let body = json!({ "ErrorCode": code, "Message": message }).to_string();
                Answer::new(*status, "application/json", body)
                    .with("x-amzn-ErrorType", format!("{code}:"))
            }
            _ => {
                // Capitalised in SageMaker's own errors, lower case in those of the layer before
                // it.
                let own = matches!(code.as_str(), "ResourceNotFound" | "AccessDeniedException");
                let member = if own { "Message" } else { "message" };
                let body = json!({ "__type": code, member: message }).to_string();
                Answer::new(*status, "application/x-amz-json-1.1", body)
            }
        }
    }

    /// Returns the error for too many requests.
    pub fn throttled(call: &Call) -> Failure {
        match call.service {
            "S3" => Failure::new(503, "SlowDown", "Please reduce your request rate."),
            "SNS" | "STS" => Failure::new(400, "Throttling", "Rate exceeded"),
            "EFS" => Failure::new(429, "ThrottlingException", "Rate exceeded"),
            "SES" => {
                Failure::new(429, "TooManyRequestsException", "Maximum sending rate exceeded.")
            }
            _ => Failure::new(400, "ThrottlingException", "Rate exceeded"),
        }
    }

    /// Returns the error for a signature that is missing or made for another service.
    pub fn unsigned(call: &Call, message: impl Into<String>) -> Failure {
        let code = match call.service {
            "S3" | "SNS" | "STS" => "SignatureDoesNotMatch",
            _ => "InvalidSignatureException",
        };
        Failure::new(403, code, message)
    }

    /// Returns the error of a fault; `None` for faults that are not service errors.
    pub fn of(what: &What, call: &Call) -> Option<Failure> {
        let s3 = call.service == "S3";
        let query = matches!(call.service, "S3" | "SNS" | "STS");
        Some(match what {
            What::SlowDown | What::Throttle => Failure::throttled(call),
            What::Denied => {
                let (status, code) = match call.service {
                    "S3" => (403, "AccessDenied"),
                    "SNS" | "STS" => (403, "AuthorizationError"),
                    "CloudWatch" => (403, "AccessDenied"),
                    "EFS" | "SES" => (403, "AccessDeniedException"),
                    _ => (400, "AccessDeniedException"),
                };
                Failure::new(status, code, denied(call))
            }
            What::Expired => {
                let (status, code, message) = match call.service {
                    "S3" => (400, "ExpiredToken", "The provided token has expired."),
                    "SageMaker" => (400, "ExpiredTokenException", EXPIRED),
                    "SNS" | "STS" => (403, "ExpiredToken", EXPIRED),
                    _ => (403, "ExpiredTokenException", EXPIRED),
                };
                Failure::new(status, code, message)
            }
            What::InternalError => {
                let code = match call.service {
                    "S3" | "SNS" | "STS" => "InternalError",
                    "CloudWatch" => "InternalServiceError",
                    "EFS" => "InternalServerError",
                    _ => "InternalFailure",
                };
                Failure::new(500, code, "We encountered an internal error. Please try again.")
            }
            What::Refuse(status, code, message) => Failure::new(*status, code, *message),
            What::PreconditionFailed => Failure::precondition(),
            What::Conflict if s3 => Failure::new(
                409,
                "ConditionalRequestConflict",
                "The conditional request cannot succeed due to a conflicting operation against \
                 this resource.",
            ),
            What::Conflict => {
                let code = if query { "Conflict" } else { "ConflictException" };
                Failure::new(409, code, "A conflicting operation is in progress.")
            }
            _ => return None,
        })
    }

    pub fn precondition() -> Failure {
        let message = "At least one of the pre-conditions you specified did not hold";
        Failure::new(412, "PreconditionFailed", message)
    }
}

const EXPIRED: &str = "The security token included in the request is expired";

/// Returns IAM's message.
pub fn denied(call: &Call) -> String {
    let action = match call.service {
        "S3" => "s3",
        "CloudWatch" => "cloudwatch",
        "SNS" => "sns",
        "STS" => "sts",
        "EFS" => "elasticfilesystem",
        "SES" => "ses",
        _ => "sagemaker",
    };
    let operation = match &*call.operation {
        "ListObjectsV2" | "HeadBucket" => "ListBucket",
        "HeadObject" => "GetObject",
        other => other,
    };
    format!(
        "User: arn:aws:sts::{ACCOUNT}:assumed-role/monitor/i-0123456789abcdef0 is not authorized \
         to perform: {action}:{operation} because no identity-based policy allows the \
         {action}:{operation} action"
    )
}
