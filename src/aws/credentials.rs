//! Credentials, and errors that name the provider that was asked and its answer.

use std::error::Error;
use std::fmt;
use std::time::Duration;

use aws_config::meta::ProviderChainError;
use aws_credential_types::Credentials;
use aws_credential_types::provider::error::CredentialsError;
use aws_credential_types::provider::{ProvideCredentials, SharedCredentialsProvider, future};

use super::http::{Exchange, Http};
use crate::service_error::{ServiceError, Trouble};

/// Time limit for a provider, including its retries. A chain of roles makes several requests.
const ANSWER: Duration = Duration::from_secs(15);

/// Addresses of the EC2 instance metadata service (EC2 user guide).
const METADATA: [&str; 2] = ["169.254.169.254", "[fd00:ec2::254]"];

/// Addresses of the container credentials of ECS and of EKS Pod Identity (their user guides).
const CONTAINER: [&str; 3] = ["169.254.170.2", "169.254.170.23", "[fd00:ec2::23]"];

/// The SDK's providers in the SDK's order, with errors that name the provider.
#[derive(Debug)]
pub(super) struct Told {
    inner: SharedCredentialsProvider,
    http: Http,
}

/// Error that explains why there are no credentials.
#[derive(Clone, Debug)]
pub(super) struct NoCredentials(pub(super) ServiceError);

impl fmt::Display for NoCredentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.text)
    }
}

impl Error for NoCredentials {}

impl Told {
    pub(super) fn new(inner: SharedCredentialsProvider, http: Http) -> Self {
        Self { inner, http }
    }

    async fn credentials(&self) -> Result<Credentials, CredentialsError> {
        self.http.forget();
        let answer = tokio::time::timeout(ANSWER, self.inner.provide_credentials()).await;
        let error = match answer {
            // The SDK panics on credentials that do not fit into a header.
            Ok(Ok(credentials)) => match is_header(credentials.access_key_id())
                && credentials.session_token().is_none_or(is_header)
            {
                true => return Ok(credentials),
                false => CredentialsError::invalid_configuration(
                    "the access key or the session token has a control character in it",
                ),
            },
            Ok(Err(error)) => error,
            Err(_) => CredentialsError::provider_timed_out(ANSWER),
        };
        Err(CredentialsError::provider_error(explain(&error, self.http.last())))
    }
}

impl ProvideCredentials for Told {
    fn provide_credentials<'a>(&'a self) -> future::ProvideCredentials<'a>
    where
        Self: 'a,
    {
        future::ProvideCredentials::new(self.credentials())
    }

    fn fallback_on_interrupt(&self) -> Option<Credentials> {
        self.inner.fallback_on_interrupt()
    }
}

/// True if HTTP can carry the text in a header.
pub(super) fn is_header(text: &str) -> bool {
    !text.contains(char::is_control)
}

/// Explains why there are no credentials, given the provider's last request. No answer counts as an
/// outage, unless the request went to this machine's metadata service, which exists only on an
/// instance.
fn explain(error: &CredentialsError, last: Option<Exchange>) -> NoCredentials {
    let said = said(error);
    let is_identity_center = said.contains("SSO")
        || last.as_ref().is_some_and(|last| last.host.starts_with("portal.sso."));
    let said = match is_identity_center {
        true => format!("{said}; `aws sso login` logs in"),
        false => said,
    };
    let is = |hosts: &[&str]| {
        last.as_ref().is_some_and(|last| hosts.iter().any(|host| last.host.starts_with(host)))
    };
    let status = last.as_ref().and_then(|last| last.status);
    let credentials = |text: String| NoCredentials(ServiceError::new(Trouble::Credentials, text));
    if is_nothing_configured(error) {
        return credentials(match status {
            _ if !is(&METADATA) => with_profile(NO_CREDENTIALS, error),
            Some(404) => format!("{NO_CREDENTIALS} (this instance has no role)"),
            Some(status) => {
                format!("{NO_CREDENTIALS} (the instance metadata service answered {status})")
            }
            None => format!(
                "{NO_CREDENTIALS} (the instance metadata service does not answer; in a container on \
                 an instance, its hop limit has to be 2 or more)"
            ),
        });
    }
    let Some(Exchange { host, .. }) = &last else {
        return credentials(format!("no AWS credentials: {said}"));
    };
    let whom = match () {
        () if is(&METADATA) => "the instance metadata service".to_owned(),
        () if is(&CONTAINER) => format!("the container's credentials at {host}"),
        () => host.clone(),
    };
    match status {
        None => {
            let text = format!("no AWS credentials: {whom} does not answer: {said}");
            NoCredentials(ServiceError::new(Trouble::Unreachable, text))
        }
        Some(status @ 500..) => {
            let text = format!("no AWS credentials: {whom} answered {status}: {said}");
            NoCredentials(ServiceError::new(Trouble::Unreachable, text))
        }
        // The provider's answer was fine, so a later step failed.
        Some(200..=299) => credentials(format!("no AWS credentials: {said} (asked {whom})")),
        Some(status) => {
            credentials(format!("no AWS credentials: {whom} answered {status}: {said}"))
        }
    }
}

/// Advice for a machine on which no provider is set up.
pub(super) const NO_CREDENTIALS: &str = "no AWS credentials: give the instance a role, or set \
     AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_PROFILE";

/// True if every provider says that it is not set up.
fn is_nothing_configured(error: &CredentialsError) -> bool {
    matches!(error, CredentialsError::CredentialsNotLoaded(_))
        && error.source().is_some_and(|source| source.is::<ProviderChainError<CredentialsError>>())
}

/// Adds the problem of the profile, if a profile was requested by name. The error has a line for
/// each provider.
fn with_profile(advice: &str, error: &CredentialsError) -> String {
    let attempts = error.source().map(ToString::to_string).unwrap_or_default();
    let profile = attempts.lines().find_map(|line| line.trim().strip_prefix("Profile: "));
    match (std::env::var("AWS_PROFILE"), profile) {
        (Ok(_), Some(problem)) => format!("{advice} ({problem})"),
        _ => advice.to_owned(),
    }
}

/// Returns the most specific text of an error, in one line.
fn said(error: &CredentialsError) -> String {
    let mut last: &dyn Error = error;
    while let Some(source) = last.source() {
        last = source;
    }
    last.to_string().split_whitespace().collect::<Vec<_>>().join(" ")
}
