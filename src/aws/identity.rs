//! AWS identity of this program: the provider of its credentials, and STS GetCallerIdentity.

use aws_credential_types::Credentials;
use aws_credential_types::credential_feature::AwsCredentialFeature as Feature;
use aws_credential_types::provider::ProvideCredentials;
use aws_sdk_sts::Client;
use aws_sdk_sts::config::Builder;

use super::answer::MaxAnswer;
use super::credentials::NO_CREDENTIALS;
use super::error::{ApiCall, no_credentials, service_error};
use super::{Aws, Identity};
use crate::service_error::{ServiceError, ServiceResult, Trouble};

impl Aws {
    /// Returns the owner of the credentials.
    ///
    /// # Errors
    /// If there is no region, or there are no credentials.
    pub fn identity(&self) -> ServiceResult<Identity> {
        let sdk = self.sdk()?;
        let none = || ServiceError::new(Trouble::Credentials, NO_CREDENTIALS);
        let provider = sdk.config.credentials_provider().ok_or_else(none)?;
        let credentials = sdk.runtime.block_on(provider.provide_credentials());
        let credentials =
            credentials.map_err(|error| no_credentials(&error).unwrap_or_else(none))?;
        let client = Client::from_conf(Builder::from(&sdk.config).interceptor(MaxAnswer).build());
        let answer = sdk.runtime.block_on(client.get_caller_identity().send());
        // This call needs no permission.
        let call = ApiCall::new("STS GetCallerIdentity", "", "valid credentials");
        let caller = answer.map_err(|error| service_error(&call, &error));
        Ok(Identity {
            provider: provider_of(&credentials).to_owned(),
            region: sdk.config.region().map(ToString::to_string).unwrap_or_default(),
            caller: caller.map(|caller| caller.arn().unwrap_or_default().to_owned()),
        })
    }
}

/// Names the provider in the words of the AWS CLI's documentation. In a chain, the last provider
/// counts, because it made the credentials that are used.
fn provider_of(credentials: &Credentials) -> &'static str {
    let features = credentials.get_property::<Vec<Feature>>();
    let named = features.into_iter().flatten().rev().find_map(|feature| match feature {
        Feature::CredentialsEnvVars => Some("environment variables"),
        Feature::CredentialsImds => Some("the instance's role"),
        Feature::CredentialsHttp => Some("the container's role"),
        Feature::CredentialsSso | Feature::CredentialsProfileSso => Some("Identity Center"),
        Feature::CredentialsProcess | Feature::CredentialsProfileProcess => {
            Some("credential_process of a profile")
        }
        Feature::CredentialsStsAssumeRoleWebId
        | Feature::CredentialsEnvVarsStsWebIdToken
        | Feature::CredentialsProfileStsWebIdToken => Some("a web identity"),
        Feature::CredentialsStsAssumeRole => Some("a role of a profile"),
        Feature::CredentialsProfile | Feature::CredentialsProfileSourceProfile => {
            Some("keys of a profile")
        }
        _ => None,
    });
    named.unwrap_or("a provider of the SDK")
}
