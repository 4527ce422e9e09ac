//! The SDK on one thread: every call from outside blocks until it is answered.

use std::collections::BTreeMap;
use std::sync::{Mutex, OnceLock};
use std::time::Duration;

use aws_config::BehaviorVersion;
use aws_config::identity::IdentityCache;
use aws_config::retry::RetryConfig;
use aws_config::timeout::TimeoutConfig;
use aws_credential_types::provider::{ProvideCredentials, SharedCredentialsProvider};
use aws_types::SdkConfig;
use aws_types::region::Region;
use tokio::runtime::{Builder, Runtime};

use super::BucketOptions;
use super::credentials::{NO_CREDENTIALS, Told, is_header};
use super::error::no_credentials;
use super::http::Http;
use crate::service_error::{ServiceError, ServiceResult, Trouble};
use crate::sync::lock;

/// Attempts of one call. The SDK waits between them for random, growing times, up to a second
/// before the second attempt: some seconds altogether.
const ATTEMPTS: u32 = 4;

/// Time limit to connect. A server that has not accepted by then counts as absent.
const CONNECT: Duration = Duration::from_secs(3);

/// Time limit until an answer begins, including the sending of the request.
pub(super) const ANSWER: Duration = Duration::from_secs(30);

/// Time limit from the beginning of an answer to its end: it has a few MiB at most.
const REST: Duration = Duration::from_secs(10);

/// The slowest transfer of an object, in bytes per second. A server that sends a byte now and then
/// never stalls, and never ends.
pub(super) const SLOWEST: u64 = 128 << 10;

/// Returns the time limits of a call that sends an object of `bytes` bytes, or none.
pub(super) fn timeouts(bytes: usize) -> TimeoutConfig {
    let answer = ANSWER + Duration::from_secs(bytes as u64 / SLOWEST);
    let attempt = answer + REST;
    let limits = TimeoutConfig::builder().connect_timeout(CONNECT).read_timeout(answer);
    let limits = limits.operation_attempt_timeout(attempt).operation_timeout(ATTEMPTS * attempt);
    limits.build()
}

/// Time limit for credentials. It is longer than any provider takes, because each has its own
/// limit.
const CREDENTIALS: Duration = Duration::from_secs(60);

/// Total time that all calls may wait for answers that do not arrive.
const PATIENCE: Duration = Duration::from_secs(60);

/// Access to AWS. Region and credentials are looked up at the first call, so a scan that
/// publishes nothing makes no request.
#[derive(Debug)]
pub struct Aws {
    patience: Duration,
    pub(super) buckets: BucketOptions,
    /// The region if neither the environment nor the AWS configuration has one.
    region: Option<String>,
    sdk: OnceLock<ServiceResult<Sdk>>,
}

impl Default for Aws {
    fn default() -> Self {
        Self::new(PATIENCE, BucketOptions::default())
    }
}

/// The runtime, and the configuration that the SDK found in the environment.
#[derive(Debug)]
pub(super) struct Sdk {
    pub(super) runtime: Runtime,
    pub(super) config: SdkConfig,
    /// Regions of buckets that are not in this machine's region.
    moved: Mutex<BTreeMap<String, String>>,
}

impl Sdk {
    fn start(patience: Duration, region: Option<&str>) -> ServiceResult<Self> {
        if rustls_native_certs::load_native_certs().certs.is_empty() {
            let text = "AWS cannot be reached: this machine has no root certificates; install \
                 ca-certificates, or name a file of them in SSL_CERT_FILE";
            return Err(ServiceError::new(Trouble::Refused, text));
        }
        let runtime = Builder::new_current_thread().enable_all().build();
        let runtime = runtime.map_err(|error| {
            ServiceError::new(Trouble::Refused, format!("starting the AWS client: {error}"))
        })?;
        let http = Http::new(patience);
        let config = aws_config::defaults(BehaviorVersion::latest())
            .retry_config(RetryConfig::standard().with_max_attempts(ATTEMPTS))
            .timeout_config(timeouts(0))
            .identity_cache(IdentityCache::lazy().load_timeout(CREDENTIALS).build())
            .http_client(http.clone())
            .load();
        let config = runtime.block_on(config);
        let credentials = config.credentials_provider().map(|found| Told::new(found, http));
        let credentials = credentials.map(SharedCredentialsProvider::new);
        let otherwise = region.map(|region| Region::new(region.to_owned()));
        let region = config.region().cloned().or(otherwise);
        let config = config.into_builder().region(region);
        let config = match credentials {
            Some(credentials) => config.credentials_provider(credentials),
            None => config,
        };
        Ok(Self { runtime, config: config.build(), moved: Mutex::default() })
    }

    /// Returns this machine's region. Buckets whose region is configured do not need it.
    pub(super) fn region(&self) -> ServiceResult<&Region> {
        let problem = match self.config.region() {
            // The SDK panics on a region that does not fit into a header.
            Some(region) if is_header(region.as_ref()) => return Ok(region),
            Some(_) => "the AWS region has a control character in it: set AWS_REGION",
            None => "no AWS region: set AWS_REGION, or `region` in the AWS configuration",
        };
        Err(ServiceError::new(Trouble::Credentials, problem))
    }

    /// Returns the region of a bucket that is not in this machine's region.
    pub(super) fn moved(&self, bucket: &str) -> Option<String> {
        lock(&self.moved).get(bucket).cloned()
    }

    pub(super) fn note_moved(&self, bucket: &str, region: &str) {
        lock(&self.moved).insert(bucket.to_owned(), region.to_owned());
    }
}

impl Aws {
    /// Makes an access that gives up after waiting `patience`, in all calls together, for servers
    /// that do not answer. `buckets` are the options of all buckets.
    pub fn new(patience: Duration, buckets: BucketOptions) -> Self {
        Self { patience, buckets, region: None, sdk: OnceLock::new() }
    }

    /// Makes another access with the same settings, whose patience is unused.
    #[must_use]
    pub fn anew(&self) -> Self {
        Self::new(self.patience, self.buckets.clone()).or_in_region(self.region.clone())
    }

    /// Uses this region if neither the environment nor the AWS configuration has one.
    #[must_use]
    pub fn or_in_region(self, region: Option<String>) -> Self {
        Self { region, ..self }
    }

    /// Returns the SDK with a region, which all services but S3 need.
    pub(super) fn sdk(&self) -> ServiceResult<&Sdk> {
        let sdk = self.started()?;
        sdk.region().map(|_| sdk)
    }

    pub(super) fn started(&self) -> ServiceResult<&Sdk> {
        let start = || Sdk::start(self.patience, self.region.as_deref());
        self.sdk.get_or_init(start).as_ref().map_err(Clone::clone)
    }

    /// Checks that there are a region and credentials.
    ///
    /// # Errors
    /// Says which of them is missing.
    pub fn ready(&self) -> ServiceResult<()> {
        let sdk = self.sdk()?;
        let none = || ServiceError::new(Trouble::Credentials, NO_CREDENTIALS);
        let provider = sdk.config.credentials_provider().ok_or_else(none)?;
        match sdk.runtime.block_on(provider.provide_credentials()) {
            Ok(_) => Ok(()),
            Err(error) => Err(no_credentials(&error).unwrap_or_else(none)),
        }
    }
}
