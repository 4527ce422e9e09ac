//! Client for services that use JSON and whose own crates are too large.
//!
//! It uses the SDK's runtime, so credentials, SigV4, retries, timeouts and the HTTP client are
//! those of every other client. Each service's file contains the shapes of its calls.

use std::time::Duration;

use aws_credential_types::provider::SharedCredentialsProvider;
use aws_runtime::auth::SigV4OperationSigningConfig;
use aws_runtime::auth::sigv4::{SCHEME_ID, SigV4AuthScheme};
use aws_smithy_runtime::client::identity::IdentityCache;
use aws_smithy_runtime::client::orchestrator::operation::Operation;
use aws_smithy_runtime::client::retries::classifiers::{
    HttpStatusCodeClassifier, TransientErrorClassifier,
};
use aws_smithy_runtime_api::box_error::BoxError;
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
use aws_smithy_types::config_bag::Layer;
use aws_smithy_types::error::ErrorMetadata;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use aws_types::region::SigningRegion;
use aws_types::{SdkConfig, SigningName};
use serde_json::Value;

use super::answer::MaxAnswer;
use super::credentials::NO_CREDENTIALS;
use super::endpoint::{self, Service};
use crate::service_error::{ServiceError, ServiceResult, Trouble};

/// Attempts of one call. More than the SDK's default, because Describe calls are made by the
/// hundred, and throttling is the rule.
const ATTEMPTS: u32 = 8;

/// The longest pause between two attempts: an outage must not hold up a scan.
const MAX_PAUSE: Duration = Duration::from_secs(2);

/// Time limits of one attempt, and of a call with all its attempts. Unlike the SDK's own clients,
/// this one does not wait for a stalled body.
const ATTEMPT: Duration = Duration::from_secs(10);
const CALL: Duration = Duration::from_secs(30);

/// Errors that are retried.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Retry {
    /// All errors that may pass with time.
    Passing,
    /// Only throttling, because then the service did nothing. After a broken connection, the
    /// request may have been carried out.
    Throttled,
}

/// An error in the service's answer.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(super) struct Refused(ErrorMetadata);

impl ProvideErrorMetadata for Refused {
    fn meta(&self) -> &ErrorMetadata {
        &self.0
    }
}

/// A client whose calls have type `I`; a function of the service turns them into requests.
#[derive(Debug)]
pub(super) struct JsonClient<I> {
    pub(super) endpoint: String,
    pub(super) call: Operation<I, Value, Refused>,
}

impl<I: Send + Sync + std::fmt::Debug + 'static> JsonClient<I> {
    /// Makes a client with the credentials and region of `config`.
    ///
    /// # Errors
    /// If `config` has none.
    pub(super) fn new(
        config: &SdkConfig,
        service: Service,
        retry: Retry,
        request: fn(I) -> Result<HttpRequest, BoxError>,
    ) -> ServiceResult<Self> {
        let no_credentials = || ServiceError::new(Trouble::Credentials, NO_CREDENTIALS);
        let credentials = config.credentials_provider().ok_or_else(no_credentials)?;
        let region = config.region().cloned().ok_or_else(no_credentials)?;
        let endpoint = endpoint::of(config, &service)?;
        let mut layer = Layer::new(service.signing);
        layer.store_put(AuthSchemeOptionResolverParams::new(()));
        layer.store_put(SigV4OperationSigningConfig {
            region: Some(SigningRegion::from(region)),
            name: Some(SigningName::from_static(service.signing)),
            ..SigV4OperationSigningConfig::default()
        });
        let mut parts = RuntimeComponentsBuilder::new(service.signing);
        parts.push_auth_scheme(SharedAuthScheme::new(SigV4AuthScheme::new()));
        parts.set_auth_scheme_option_resolver(Some(SharedAuthSchemeOptionResolver::new(
            StaticAuthSchemeOptionResolver::new(vec![SCHEME_ID]),
        )));
        parts.set_identity_cache(Some(IdentityCache::lazy().build()));
        parts.set_identity_resolver(SCHEME_ID, SharedCredentialsProvider::clone(&credentials));
        let auth =
            StaticRuntimePlugin::new().with_config(layer.freeze()).with_runtime_components(parts);
        let mut call = Operation::builder()
            .service_name(service.signing)
            .operation_name("call")
            .behavior_version(BehaviorVersion::latest())
            .endpoint_url(&endpoint)
            .retry_classifier(Throttles)
            .interceptor(MaxAnswer)
            .runtime_plugin(auth)
            .serializer(request)
            .deserializer(response);
        if retry == Retry::Passing {
            call = call
                .retry_classifier(TransientErrorClassifier::<Refused>::new())
                .retry_classifier(HttpStatusCodeClassifier::default());
        }
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
            let timeouts =
                timeouts.to_builder().operation_attempt_timeout(ATTEMPT).operation_timeout(CALL);
            call = call.timeout_config(timeouts.build());
        }
        if let Some(retry) = config.retry_config() {
            let retry = retry.clone().with_max_attempts(ATTEMPTS).with_max_backoff(MAX_PAUSE);
            call = call.standard_retry(&retry);
        }
        Ok(Self { endpoint, call: call.build() })
    }
}

fn response(answer: &HttpResponse) -> Result<Value, OrchestratorError<Refused>> {
    let body = answer.body().bytes().unwrap_or_default();
    let value: Result<Value, _> = serde_json::from_slice(body);
    if answer.status().is_success() {
        return value.map_err(|error| OrchestratorError::response(error.into()));
    }
    let value = value.unwrap_or_default();
    // restJson1 has the code in a header, awsJson in the body, sometimes as `namespace#Code:more`.
    let header = answer.headers().get("x-amzn-errortype");
    let code = header.or(value["__type"].as_str()).unwrap_or_default();
    let code = code.rsplit('#').next().unwrap_or_default().split(':').next().unwrap_or_default();
    let message = value["message"].as_str().or(value["Message"].as_str()).unwrap_or_default();
    let error = ErrorMetadata::builder().code(code).message(message).build();
    Err(OrchestratorError::operation(Refused(error)))
}

/// Retries throttling errors, which have status 400, so no generic classifier retries them.
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
