//! HTTP client of all calls. It wraps the SDK's client and adds two things: a limit on the total
//! time spent on servers that do not answer, and a record of the last request, for errors of
//! credential providers.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use aws_smithy_http_client::proxy::ProxyConfig;
use aws_smithy_http_client::tls::{Provider, rustls_provider::CryptoMode};
use aws_smithy_http_client::{Builder, ConnectorBuilder};
use aws_smithy_runtime_api::box_error::BoxError;
use aws_smithy_runtime_api::client::connector_metadata::ConnectorMetadata;
use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpClient,
    SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_runtime_api::client::runtime_components::{
    RuntimeComponents, RuntimeComponentsBuilder,
};
use aws_smithy_types::config_bag::ConfigBag;

use super::session::SLOWEST;
use crate::sync::lock;

/// HTTP client that all of the SDK's clients share.
#[derive(Clone, Debug)]
pub(super) struct Http {
    inner: SharedHttpClient,
    waited: Arc<Waited>,
}

/// Time spent on requests without an answer.
#[derive(Debug)]
struct Waited {
    patience: Duration,
    so_far: Mutex<SoFar>,
}

#[derive(Debug, Default)]
struct SoFar {
    spent: Duration,
    /// End of the time already in `spent`, so requests that wait at the same time count once.
    counted_until: Option<Instant>,
    last: Option<Exchange>,
}

/// A request and its answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Exchange {
    pub(super) host: String,
    /// Status of the answer; `None` if there was none.
    pub(super) status: Option<u16>,
}

impl Http {
    /// Makes a client. Once earlier requests have used up `patience`, further ones fail at once.
    pub(super) fn new(patience: Duration) -> Self {
        // Built as the SDK builds its own client, which it does not expose.
        let inner = Builder::new().build_with_connector_fn(|settings, components| {
            let mut connector =
                ConnectorBuilder::default().tls_provider(Provider::Rustls(CryptoMode::AwsLc));
            connector.set_connector_settings(settings.cloned());
            if let Some(components) = components {
                connector.set_sleep_impl(components.sleep_impl());
            }
            connector.set_proxy_config(Some(ProxyConfig::from_env()));
            connector.build()
        });
        Self { inner, waited: Arc::new(Waited { patience, so_far: Mutex::default() }) }
    }

    /// Forgets the last exchange.
    pub(super) fn forget(&self) {
        lock(&self.waited.so_far).last = None;
    }

    /// Returns the last exchange since [`forget`](Self::forget).
    pub(super) fn last(&self) -> Option<Exchange> {
        lock(&self.waited.so_far).last.clone()
    }
}

impl Waited {
    /// Returns the patience that is left.
    fn left(&self) -> Duration {
        self.patience.saturating_sub(lock(&self.so_far).spent)
    }

    fn begin(&self, request: &HttpRequest) {
        let uri = request.uri();
        let host = uri.split_once("://").map_or(uri, |(_, rest)| rest);
        let host = host.split(['/', '?']).next().unwrap_or_default().to_owned();
        lock(&self.so_far).last = Some(Exchange { host, status: None });
    }

    /// Records the end of a request that began at `start`.
    fn end(&self, start: Instant, status: Option<u16>) {
        let mut so_far = lock(&self.so_far);
        if let Some(last) = &mut so_far.last {
            last.status = status;
        }
        if status.is_none() {
            let now = Instant::now();
            let from = so_far.counted_until.map_or(start, |until| until.max(start));
            so_far.spent += now.saturating_duration_since(from);
            so_far.counted_until = Some(now);
        }
    }
}

impl HttpClient for Http {
    fn http_connector(
        &self,
        settings: &HttpConnectorSettings,
        components: &RuntimeComponents,
    ) -> SharedHttpConnector {
        let inner = self.inner.http_connector(settings, components);
        SharedHttpConnector::new(Connector { inner, waited: Arc::clone(&self.waited) })
    }

    fn validate_base_client_config(
        &self,
        components: &RuntimeComponentsBuilder,
        config: &ConfigBag,
    ) -> Result<(), BoxError> {
        self.inner.validate_base_client_config(components, config)
    }

    fn validate_final_config(
        &self,
        components: &RuntimeComponents,
        config: &ConfigBag,
    ) -> Result<(), BoxError> {
        self.inner.validate_final_config(components, config)
    }

    fn connector_metadata(&self) -> Option<ConnectorMetadata> {
        self.inner.connector_metadata()
    }
}

#[derive(Debug)]
struct Connector {
    inner: SharedHttpConnector,
    waited: Arc<Waited>,
}

/// Reason that a request was not sent, or not waited for.
#[derive(Debug, thiserror::Error)]
#[error("no answer from AWS in {0:?} altogether (`patience`)")]
struct OutOfPatience(Duration);

impl HttpConnector for Connector {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let waited = Arc::clone(&self.waited);
        let left = waited.left();
        // The SDK does not retry after this kind of error.
        let out_of_patience = ConnectorError::user(OutOfPatience(waited.patience).into());
        if left.is_zero() {
            return HttpConnectorFuture::ready(Err(out_of_patience));
        }
        waited.begin(&request);
        // No answer arrives before the whole request is sent.
        let sending = request.body().content_length().unwrap_or_default() / SLOWEST;
        let left = left + Duration::from_secs(sending);
        let answer = self.inner.call(request);
        HttpConnectorFuture::new(async move {
            let start = Instant::now();
            // The request counts as unanswered even if the SDK gives up and drops this future.
            let mut unanswered = Unanswered(Some((waited, start)));
            let answer = tokio::time::timeout(left, answer).await;
            let answer = answer.unwrap_or(Err(out_of_patience));
            unanswered.end(answer.as_ref().ok().map(|answer| answer.status().as_u16()));
            answer
        })
    }
}

/// Records the end of a request, at the latest when this is dropped.
struct Unanswered(Option<(Arc<Waited>, Instant)>);

impl Unanswered {
    fn end(&mut self, status: Option<u16>) {
        if let Some((waited, start)) = self.0.take() {
            waited.end(start, status);
        }
    }
}

impl Drop for Unanswered {
    fn drop(&mut self) {
        self.end(None);
    }
}
