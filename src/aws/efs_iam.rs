//! Signature that tells EFS the IAM identity of an NFS client. It is part of the client's TLS
//! certificate, and is a SigV4 signature of a `Connect` request that is never sent. Source:
//! efs-utils, `get_credential_scope` and `create_canonical_request` of its mount helper.
//!
//! The canonical request lacks the empty line between the headers and the list of their names, so
//! the SDK's request signer cannot make it. The SDK's key derivation is used.

use std::fmt::Write;

use aws_credential_types::Credentials;
use aws_credential_types::provider::ProvideCredentials;
use aws_sigv4::sign::v4::{calculate_signature, generate_signing_key};
use jiff::Timestamp;
use sha2::{Digest, Sha256};

use super::Aws;
use super::credentials::NO_CREDENTIALS;
use super::error::no_credentials;
use super::model::{EfsConnect, EfsSignature};
use crate::service_error::{ServiceError, ServiceResult, Trouble};

/// The service's name in signatures.
const SERVICE: &str = "elasticfilesystem";

/// SHA-256 of a request without a body.
const EMPTY: &str = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

impl Aws {
    /// Signs a connection to EFS with the current credentials of the SDK's chain.
    ///
    /// # Errors
    /// If there are no credentials or no region.
    pub fn sign_efs_connect(&self, connect: &EfsConnect<'_>) -> ServiceResult<EfsSignature> {
        let sdk = self.sdk()?;
        let none = || ServiceError::new(Trouble::Credentials, NO_CREDENTIALS);
        let provider = sdk.config.credentials_provider().ok_or_else(none)?;
        let found = sdk.runtime.block_on(provider.provide_credentials());
        let credentials = found.map_err(|error| no_credentials(&error).unwrap_or_else(none))?;
        let region = match connect.region {
            Some(region) => region,
            None => sdk.config.region().map_or("", |region| region.as_ref()),
        };
        Ok(EfsSignature {
            access_key_id: credentials.access_key_id().to_owned(),
            session_token: credentials.session_token().map(str::to_owned),
            signature: sign(connect, region, &credentials).signature,
            expires: credentials.expiry(),
        })
    }
}

/// Intermediate and final results of signing.
#[derive(Debug)]
struct Signed {
    #[cfg_attr(not(test), expect(dead_code, reason = "compared with worked examples"))]
    canonical_request: String,
    #[cfg_attr(not(test), expect(dead_code, reason = "compared with worked examples"))]
    string_to_sign: String,
    signature: String,
}

fn sign(connect: &EfsConnect<'_>, region: &str, credentials: &Credentials) -> Signed {
    let at = Timestamp::try_from(connect.at).unwrap_or_default();
    let (day, time) = (at.strftime("%Y%m%d"), at.strftime("%Y%m%dT%H%M%SZ"));
    let scope = format!("{day}/{region}/{SERVICE}/aws4_request");
    let credential = format!("{}/{scope}", credentials.access_key_id());
    let token = credentials.session_token().map(|token| ("X-Amz-Security-Token", token));
    let time = time.to_string();
    // Sorted by bytes.
    let query = [
        ("Action", "Connect"),
        ("PublicKeyHash", connect.public_key_sha1),
        ("X-Amz-Algorithm", "AWS4-HMAC-SHA256"),
        ("X-Amz-Credential", &credential),
        ("X-Amz-Date", &time),
        ("X-Amz-Expires", "86400"),
    ];
    let query = query.into_iter().chain(token).chain([("X-Amz-SignedHeaders", "host")]);
    let query = query.map(|(key, value)| format!("{key}={}", form_encoded(value)));
    let query = query.collect::<Vec<_>>().join("&");
    let host = connect.file_system;
    let canonical_request = format!("GET\n/\n{query}\nhost:{host}\nhost\n{EMPTY}");
    let hash = hex(&Sha256::digest(&canonical_request));
    let string_to_sign = format!("AWS4-HMAC-SHA256\n{time}\n{scope}\n{hash}");
    let key = generate_signing_key(credentials.secret_access_key(), connect.at, region, SERVICE);
    let signature = calculate_signature(key, string_to_sign.as_bytes());
    Signed { canonical_request, string_to_sign, signature }
}

/// Encodes a value as HTML forms do: a space is `+`.
fn form_encoded(value: &str) -> String {
    let mut out = String::with_capacity(value.len());
    for byte in value.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
                out.push(char::from(byte));
            }
            b' ' => out.push('+'),
            // Writing to a String cannot fail.
            other => drop(write!(out, "%{other:02X}")),
        }
    }
    out
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Worked examples, with invented keys.
    const EXAMPLES: &str = include_str!("efs_iam/examples.json");

    #[test]
    fn signatures_are_those_of_worked_examples() {
        let examples: Vec<serde_json::Value> = serde_json::from_str(EXAMPLES).expect("JSON");
        assert_eq!(examples.len(), 2);
        for example in &examples {
            let text = |key: &str| example[key].as_str();
            let wanted = |key: &str| text(key).unwrap_or_else(|| panic!("{key} in {example}"));
            let at: Timestamp = wanted("utc").parse().expect("a time");
            let connect = EfsConnect {
                file_system: wanted("file_system_id"),
                region: None,
                public_key_sha1: wanted("public_key_sha1"),
                at: std::time::UNIX_EPOCH + std::time::Duration::from_secs(at.as_second() as u64),
            };
            let token = text("session_token").map(str::to_owned);
            let (id, secret) = (wanted("access_key_id"), wanted("secret_access_key"));
            let credentials = Credentials::new(id, secret, token, None, "test");
            let signed = sign(&connect, wanted("region"), &credentials);
            assert_eq!(signed.canonical_request, wanted("canonical_request"));
            assert_eq!(signed.string_to_sign, wanted("string_to_sign"));
            assert_eq!(signed.signature, wanted("signature_hex"));
        }
    }
}
