//! Finds the service and operation of a request, and checks that its signature names the same ones.

use serde_json::Value;

use super::http::{Answer, Incoming};
use super::state::State;
use super::{cloudwatch, efs, s3, sagemaker, ses, sns, sts, wire};

/// A request with its service and operation.
pub struct Call {
    pub service: &'static str,
    pub operation: String,
    /// The bucket or the domain; may be empty.
    pub parent: String,
    /// The key, the prefix, the name, the namespace, the topic; may be empty.
    pub target: String,
    /// Request id, for headers and errors.
    pub id: String,
    pub http: Incoming,
}

const CLOUDWATCH: &str = "/service/GraniteServiceVersion20100801/operation/";
const EFS: &str = "/2015-02-01/";
const SES: &str = "/v2/email/";

/// Returns the service according to the head. SNS and STS have the operation in the body.
pub fn service(http: &Incoming) -> &'static str {
    if http.header("x-amz-target").is_some_and(|target| target.starts_with("SageMaker.")) {
        "SageMaker"
    } else if http.path.starts_with(CLOUDWATCH) {
        "CloudWatch"
    } else if http.path.starts_with(EFS) {
        "EFS"
    } else if http.path.starts_with(SES) {
        "SES"
    } else if http.method == "POST" && http.path == "/" {
        let is_sts = |scope: &str| scope.contains("/sts/aws4_request");
        if http.header("authorization").is_some_and(is_sts) { "STS" } else { "SNS" }
    } else {
        "S3"
    }
}

/// Finds the target of a request. An unreadable body is left to the service.
pub fn call(http: Incoming, id: String) -> Call {
    let service = service(&http);
    let (operation, parent, target) = match service {
        "SageMaker" => {
            let operation = http.header("x-amz-target").unwrap_or_default();
            let operation = operation.strip_prefix("SageMaker.").unwrap_or_default().to_owned();
            let body: Value = serde_json::from_slice(&http.body).unwrap_or_default();
            let text = |name: &str| body[name].as_str().map(str::to_owned);
            let arn = text("ResourceArn").unwrap_or_default();
            let of_arn = arn.split('/').map(str::to_owned).collect::<Vec<_>>();
            let domain = text("DomainIdEquals").or_else(|| text("DomainId")).unwrap_or_default();
            let name = text("UserProfileName").or_else(|| text("SpaceName"));
            match &of_arn[..] {
                [_, domain, name] => (operation, domain.clone(), name.clone()),
                _ => (operation, domain.clone(), name.unwrap_or(domain)),
            }
        }
        "CloudWatch" => {
            let operation = http.path.strip_prefix(CLOUDWATCH).unwrap_or_default();
            (operation.to_owned(), String::new(), cloudwatch::namespace(&http).unwrap_or_default())
        }
        "EFS" => {
            let lifecycle = http
                .path
                .strip_suffix("/lifecycle-configuration")
                .map(|path| path.rsplit('/').next().unwrap_or_default().to_owned());
            let operation = match (&*http.method, &*http.path) {
                ("GET", _) if lifecycle.is_some() => "DescribeLifecycleConfiguration",
                ("GET", "/2015-02-01/file-systems") => "DescribeFileSystems",
                ("GET", "/2015-02-01/mount-targets") => "DescribeMountTargets",
                _ => "Unknown",
            };
            let target = lifecycle.or_else(|| http.query("FileSystemId").map(Into::into));
            (operation.to_owned(), String::new(), target.unwrap_or_default())
        }
        "SES" => {
            let operation = match (&*http.method, http.path.strip_prefix(SES)) {
                ("GET", Some("account")) => "GetAccount",
                ("POST", Some("outbound-emails")) => "SendEmail",
                _ => "Unknown",
            };
            let (from, to) = ses::ends(&http.body);
            (operation.to_owned(), from, to)
        }
        "SNS" | "STS" => {
            let form = wire::pairs(&String::from_utf8_lossy(&http.body));
            let field = |name: &str| {
                let found = form.iter().find(|(have, _)| have == name);
                found.map(|(_, value)| value.clone()).unwrap_or_default()
            };
            (field("Action"), String::new(), field("TopicArn"))
        }
        _ => s3::route(&http),
    };
    Call { service, operation, parent, target, id, http }
}

/// Performs the request.
pub fn perform(state: &mut State, call: &Call) -> Answer {
    let done = match call.service {
        "SageMaker" => sagemaker::perform(state, call),
        "CloudWatch" => cloudwatch::perform(state, call),
        "EFS" => efs::perform(state, call),
        "SNS" => sns::perform(state, call),
        "SES" => ses::perform(state, call),
        "STS" => sts::perform(call),
        _ => s3::perform(state, call),
    };
    done.unwrap_or_else(|failure| failure.answer(call))
}

/// Returns what is wrong with the scope of the signature. The signature itself is not verified.
pub fn unsigned(call: &Call) -> Option<String> {
    let expected = match call.service {
        "S3" => "s3",
        "CloudWatch" => "monitoring",
        "SNS" => "sns",
        "SES" => "ses",
        "STS" => "sts",
        "EFS" => "elasticfilesystem",
        _ => "sagemaker",
    };
    let Some(header) = call.http.header("authorization") else {
        return Some("Missing Authentication Token".to_owned());
    };
    let Some(rest) = header.strip_prefix("AWS4-HMAC-SHA256 ") else {
        return Some(format!("Authorization is no AWS4-HMAC-SHA256: {header}"));
    };
    let part = |name: &str| {
        let mut parts = rest.split(',').filter_map(|part| part.trim().split_once('='));
        parts.find(|(have, _)| *have == name).map(|(_, value)| value).unwrap_or_default()
    };
    let scope: Vec<&str> = part("Credential").split('/').collect();
    let &[_, day, _, service, "aws4_request"] = scope.as_slice() else {
        return Some(format!("Credential is no scope: {header}"));
    };
    let signature = part("Signature");
    if service != expected {
        Some(format!(
            "Credential should be scoped to correct service: '{expected}', not '{service}'."
        ))
    } else if !call.http.header("x-amz-date").is_some_and(|date| date.starts_with(day)) {
        Some("X-Amz-Date is missing or of another day than the scope".to_owned())
    } else if !part("SignedHeaders").split(';').any(|name| name == "host") {
        Some("'Host' must be a signed header".to_owned())
    } else if signature.len() != 64 || !signature.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        Some(format!("Signature is no SHA-256: {signature}"))
    } else {
        None
    }
}
