//! The six calls of SageMaker that this program needs, as awsJson 1.1 over the SDK's runtime.
//!
//! aws-sdk-sagemaker is left out on purpose: a program that only links it and lists profiles took
//! 943 CPU seconds and 5.4 GB of memory to build in release on 2 cores, for 876,000 lines.
//! Credentials, SigV4, retries, timeouts and the HTTP client are those of every other client; only
//! the shapes of the calls are written here (SageMaker API reference, 2017-07-24).

use std::collections::HashMap;
use std::env;
use std::time::Duration;

use aws_credential_types::provider::SharedCredentialsProvider;
use aws_runtime::auth::SigV4OperationSigningConfig;
use aws_runtime::auth::sigv4::{SCHEME_ID, SigV4AuthScheme};
use aws_smithy_runtime::client::identity::IdentityCache;
use aws_smithy_runtime::client::orchestrator::operation::Operation;
use aws_smithy_runtime::client::retries::classifiers::{
    HttpStatusCodeClassifier, TransientErrorClassifier,
};
use aws_smithy_runtime_api::client::auth::static_resolver::StaticAuthSchemeOptionResolver;
use aws_smithy_runtime_api::client::auth::{
    AuthSchemeOptionResolverParams, SharedAuthScheme, SharedAuthSchemeOptionResolver,
};
use aws_smithy_runtime_api::client::behavior_version::BehaviorVersion;
use aws_smithy_runtime_api::client::interceptors::context::InterceptorContext;
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse, OrchestratorError};
use aws_smithy_runtime_api::client::retries::classifiers::{ClassifyRetry, RetryAction};
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponentsBuilder;
use aws_smithy_runtime_api::client::runtime_plugin::StaticRuntimePlugin;
use aws_smithy_types::body::SdkBody;
use aws_smithy_types::config_bag::Layer;
use aws_smithy_types::error::ErrorMetadata;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use aws_types::region::SigningRegion;
use aws_types::{SdkConfig, SigningName};
use futures_util::{StreamExt, TryStreamExt, stream};
use jiff::Timestamp;
use serde_json::{Map, Value, json};

use super::error::{Asked, NO_CREDENTIALS, service_error};
use super::{App, Domain, Member, MemberKind};
use crate::service::{ServiceError, ServiceResult, Trouble};

/// Describe calls under way at once; SageMaker throttles these early.
const CONCURRENT: usize = 8;

/// Longest pause between two attempts.
const MAX_PAUSE: Duration = Duration::from_secs(2);

/// How long an attempt and a call with all its attempts may take.
const ATTEMPT: Duration = Duration::from_secs(10);
const CALL: Duration = Duration::from_secs(30);

/// As many as a page may hold.
const PAGE: u32 = 100;

/// A client for the region of the configuration.
#[derive(Debug)]
pub(super) struct Client {
    endpoint: String,
    call: Operation<(&'static str, Value), Value, Refused>,
}

/// What SageMaker answers instead.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(super) struct Refused(ErrorMetadata);

impl ProvideErrorMetadata for Refused {
    fn meta(&self) -> &ErrorMetadata {
        &self.0
    }
}

impl Client {
    /// A client with the credentials of `config`.
    ///
    /// # Errors
    /// If there are none.
    pub(super) fn new(config: &SdkConfig) -> ServiceResult<Self> {
        let no_credentials = || ServiceError::new(Trouble::Credentials, NO_CREDENTIALS);
        let credentials = config.credentials_provider().ok_or_else(no_credentials)?;
        let region = config.region().cloned().ok_or_else(no_credentials)?;
        let endpoint = env::var("AWS_ENDPOINT_URL_SAGEMAKER")
            .ok()
            .or_else(|| config.endpoint_url().map(str::to_owned))
            .unwrap_or_else(|| default_endpoint(region.as_ref()));
        let mut layer = Layer::new("sagemaker");
        layer.store_put(AuthSchemeOptionResolverParams::new(()));
        layer.store_put(SigV4OperationSigningConfig {
            region: Some(SigningRegion::from(region)),
            name: Some(SigningName::from_static("sagemaker")),
            ..SigV4OperationSigningConfig::default()
        });
        let mut parts = RuntimeComponentsBuilder::new("sagemaker");
        parts.push_auth_scheme(SharedAuthScheme::new(SigV4AuthScheme::new()));
        parts.set_auth_scheme_option_resolver(Some(SharedAuthSchemeOptionResolver::new(
            StaticAuthSchemeOptionResolver::new(vec![SCHEME_ID]),
        )));
        parts.set_identity_cache(Some(IdentityCache::lazy().build()));
        parts.set_identity_resolver(SCHEME_ID, SharedCredentialsProvider::clone(&credentials));
        let auth =
            StaticRuntimePlugin::new().with_config(layer.freeze()).with_runtime_components(parts);
        let mut call = Operation::builder()
            .service_name("sagemaker")
            .operation_name("call")
            .behavior_version(BehaviorVersion::latest())
            .endpoint_url(&endpoint)
            .retry_classifier(TransientErrorClassifier::<Refused>::new())
            .retry_classifier(HttpStatusCodeClassifier::default())
            .retry_classifier(Throttles)
            .runtime_plugin(auth)
            .serializer(request)
            .deserializer(response);
        if let Some(http) = config.http_client() {
            call = call.http_client(http);
        }
        if let Some(sleep) = config.sleep_impl() {
            call = call.sleep_impl(sleep);
        }
        if let Some(time) = config.time_source() {
            call = call.time_source(time);
        }
        if let Some(timeouts) = config.timeout_config() {
            // Unlike the SDK's own clients, this one waits for no body that has stalled.
            let timeouts =
                timeouts.to_builder().operation_attempt_timeout(ATTEMPT).operation_timeout(CALL);
            call = call.timeout_config(timeouts.build());
        }
        if let Some(retry) = config.retry_config() {
            // Describe calls come by the hundred, so throttling is the rule and not the exception:
            // more attempts, but no longer pauses, because an outage should not hold up a scan.
            let retry = retry.clone().with_max_attempts(8).with_max_backoff(MAX_PAUSE);
            call = call.standard_retry(&retry);
        }
        Ok(Self { endpoint, call: call.build() })
    }

    async fn ask(&self, operation: &'static str, input: Value) -> ServiceResult<Value> {
        let thing = input.as_object().map(named).unwrap_or_default();
        self.call.invoke((operation, input)).await.map_err(|error| {
            let name = format!("SageMaker {operation}");
            let permission = format!("sagemaker:{operation}");
            service_error(&Asked::new(&name, &thing, &permission), &error)
        })
    }

    /// All pages of a list.
    async fn all(
        &self,
        operation: &'static str,
        field: &str,
        domain: Option<&str>,
    ) -> ServiceResult<Vec<Value>> {
        let mut found = Vec::new();
        let mut next: Option<Value> = None;
        loop {
            let mut input = json!({ "MaxResults": PAGE });
            if let Some(domain) = domain {
                input["DomainIdEquals"] = domain.into();
            }
            if let Some(token) = &next {
                input["NextToken"] = token.clone();
            }
            let mut page = self.ask(operation, input).await?;
            match page[field].take() {
                Value::Array(items) => found.extend(items),
                _ => return Err(unexpected(operation, field, &self.endpoint)),
            }
            // A token that stays the same would never end.
            match page["NextToken"].take() {
                Value::String(token) if next.as_ref() != Some(&Value::from(token.as_str())) => {
                    next = Some(token.into());
                }
                _ => return Ok(found),
            }
        }
    }

    /// The domains.
    pub(super) async fn domains(&self) -> ServiceResult<Vec<Domain>> {
        let domain = |value: &Value| {
            Some(Domain { id: text(value, "DomainId")?, name: text(value, "DomainName")? })
        };
        let found = self.all("ListDomains", "Domains", None).await?;
        Ok(found.iter().filter_map(domain).collect())
    }

    /// User profiles and spaces with their uids. Those in `known` with the same time of creation
    /// are not described again: a uid never changes.
    pub(super) async fn members(
        &self,
        domain: &str,
        known: &[Member],
    ) -> ServiceResult<Vec<Member>> {
        let key = |member: &Member| (member.kind, member.name.clone(), member.created.clone());
        let known: HashMap<_, _> = known.iter().map(|member| (key(member), member.uid)).collect();
        let mut listed = Vec::new();
        for (kind, operation, field, name) in [
            (MemberKind::Profile, "ListUserProfiles", "UserProfiles", "UserProfileName"),
            (MemberKind::Space, "ListSpaces", "Spaces", "SpaceName"),
        ] {
            for value in self.all(operation, field, Some(domain)).await? {
                let name = text(&value, name)
                    .ok_or_else(|| unexpected(operation, name, &self.endpoint))?;
                let created = value["CreationTime"].to_string();
                listed.push(Member { kind, name, created, uid: None });
            }
        }
        let described = stream::iter(listed.into_iter().map(|mut member| {
            let known = known.get(&key(&member)).copied().flatten();
            async move {
                member.uid = match known {
                    Some(uid) => Some(uid),
                    None => self.uid(domain, &member).await?,
                };
                Ok::<_, ServiceError>(member)
            }
        }));
        let mut members: Vec<Member> = described.buffer_unordered(CONCURRENT).try_collect().await?;
        members.sort();
        Ok(members)
    }

    async fn uid(&self, domain: &str, member: &Member) -> ServiceResult<Option<u32>> {
        let (operation, name) = match member.kind {
            MemberKind::Profile => ("DescribeUserProfile", "UserProfileName"),
            MemberKind::Space => ("DescribeSpace", "SpaceName"),
        };
        let input = json!({ "DomainId": domain, name: member.name });
        match self.ask(operation, input).await {
            Ok(answer) => Ok(match &answer["HomeEfsFileSystemUid"] {
                Value::String(uid) => uid.parse().ok(),
                uid => uid.as_u64().and_then(|uid| uid.try_into().ok()),
            }),
            // Deleted since it was listed.
            Err(error) if error.trouble == Trouble::Missing => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// What runs, whatever its state. An app in a private space runs for the space's owner.
    pub(super) async fn apps(&self, domain: &str) -> ServiceResult<Vec<App>> {
        let spaces = self.all("ListSpaces", "Spaces", Some(domain)).await?;
        let owner = |space: &Value| {
            let owner = text(&space["OwnershipSettingsSummary"], "OwnerUserProfileName")?;
            let private = space["SpaceSharingSettingsSummary"]["SharingType"] == "Private";
            Some((text(space, "SpaceName")?, owner)).filter(|_| private)
        };
        let owners: HashMap<String, String> = spaces.iter().filter_map(owner).collect();
        let app = |value: &Value| {
            let space = text(value, "SpaceName");
            let owner = space.as_ref().and_then(|space| owners.get(space)).cloned();
            Some(App {
                kind: text(value, "AppType")?,
                name: text(value, "AppName")?,
                profile: text(value, "UserProfileName").or(owner),
                space,
                instance_type: text(&value["ResourceSpec"], "InstanceType"),
                status: text(value, "Status")?,
                created: value["CreationTime"]
                    .as_f64()
                    .and_then(|seconds| Timestamp::from_second(seconds as i64).ok()),
            })
        };
        let found = self.all("ListApps", "Apps", Some(domain)).await?;
        Ok(found.iter().filter_map(app).collect())
    }
}

fn default_endpoint(region: &str) -> String {
    let suffix = if region.starts_with("cn-") { "amazonaws.com.cn" } else { "amazonaws.com" };
    format!("https://api.sagemaker.{region}.{suffix}")
}

/// What a call is about, for errors: its domain and the profile or space.
fn named(input: &Map<String, Value>) -> String {
    let keys = ["DomainId", "DomainIdEquals", "UserProfileName", "SpaceName"];
    let some = keys.iter().filter_map(|key| input.get(*key)?.as_str());
    some.collect::<Vec<_>>().join(" ")
}

fn text(value: &Value, key: &str) -> Option<String> {
    value[key].as_str().map(str::to_owned)
}

fn unexpected(operation: &str, field: &str, endpoint: &str) -> ServiceError {
    let text = format!("SageMaker {operation}: {endpoint} answers without {field}");
    ServiceError::new(Trouble::Unreachable, text)
}

fn request(
    (operation, input): (&'static str, Value),
) -> Result<HttpRequest, aws_smithy_runtime_api::box_error::BoxError> {
    let mut request = HttpRequest::new(SdkBody::from(serde_json::to_vec(&input)?));
    request.set_method("POST")?;
    request.set_uri("/")?;
    request.headers_mut().insert("content-type", "application/x-amz-json-1.1");
    request.headers_mut().insert("x-amz-target", format!("SageMaker.{operation}"));
    Ok(request)
}

fn response(answer: &HttpResponse) -> Result<Value, OrchestratorError<Refused>> {
    let body = answer.body().bytes().unwrap_or_default();
    let value: Result<Value, _> = serde_json::from_slice(body);
    if answer.status().is_success() {
        return value.map_err(|error| OrchestratorError::response(error.into()));
    }
    let value = value.unwrap_or_default();
    // `namespace#Code:more` in some services' answers.
    let code = value["__type"].as_str().unwrap_or_default();
    let code = code.rsplit('#').next().unwrap_or_default().split(':').next().unwrap_or_default();
    let message = value["message"].as_str().or(value["Message"].as_str()).unwrap_or_default();
    let error = ErrorMetadata::builder().code(code).message(message).build();
    Err(OrchestratorError::operation(Refused(error)))
}

/// ThrottlingException comes with status 400, which no generic classifier retries.
#[derive(Debug)]
struct Throttles;

impl ClassifyRetry for Throttles {
    fn classify_retry(&self, context: &InterceptorContext) -> RetryAction {
        let error = context.output_or_error().and_then(Result::err);
        let refused = error.and_then(|error| error.as_operation_error()?.downcast_ref::<Refused>());
        match refused.and_then(|refused| refused.0.code()) {
            Some("ThrottlingException" | "Throttling" | "TooManyRequestsException") => {
                RetryAction::throttling_error()
            }
            _ => RetryAction::NoActionIndicated,
        }
    }

    fn name(&self) -> &'static str {
        "Throttles"
    }
}
