//! Checks that a bucket is writable and that its server honours conditional writes. Servers other
//! than S3 may not implement conditions, or ignore them.

use std::time::Duration;

use aws_sdk_s3::Client;
use aws_sdk_s3::config::Builder;
use aws_sdk_s3::config::retry::RetryConfig;
use aws_sdk_s3::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_s3::primitives::ByteStream;
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;

use super::endpoint;
use super::s3::{S3Bucket, status};
use super::{ObjectPart, S3Body, WriteIf, Written};
use crate::log;
use crate::service_error::{ServiceError, ServiceResult, Trouble};

/// An ETag that no object has.
const NEVER: &str = "\"00000000000000000000000000000000\"";

/// Failures of a server to honour conditional writes.
pub(super) const UNKNOWN: &str = "the store does not support conditional writes";
const IGNORES_MATCH: &str = "the store ignores write conditions (If-Match)";
const IGNORES_ABSENT: &str = "the store ignores write conditions (If-None-Match)";

/// True if the error says that the condition did not hold. Servers other than S3 use other codes
/// for it.
pub(super) fn is_refusal<E: ProvideErrorMetadata>(error: &SdkError<E, HttpResponse>) -> bool {
    match (status(error), error.code()) {
        (304 | 409 | 412, _) => true,
        // The object does not exist, or was removed since it was read.
        (404, code) => code == Some("NoSuchKey"),
        _ => false,
    }
}

/// True if the server does not implement conditions.
pub(super) fn knows_no_conditions<E: ProvideErrorMetadata>(
    error: &SdkError<E, HttpResponse>,
) -> bool {
    status(error) == 501 || error.code() == Some("NotImplemented")
}

impl S3Bucket<'_> {
    /// Checks that objects can be written, and that a condition which cannot hold prevents a write.
    /// S3 checks permission before conditions, so one write tests both, and leaves nothing at
    /// `key`.
    ///
    /// # Errors
    /// Names the missing permission, or the condition that the server does not honour.
    pub fn check(&self, key: &str) -> ServiceResult<()> {
        // A scan waits for this check, so a quick answer is worth more than a certain one.
        let quick = RetryConfig::standard().with_max_attempts(2);
        let call = async |client: Client| {
            let call = self.put_object(&client, key).if_match(NEVER);
            let call = call.body(ByteStream::from_static(b"efs-scan may write here\n"));
            let quick = Builder::default().retry_config(quick.clone());
            call.customize().config_override(quick).send().await
        };
        let broken = match self.sdk.runtime.block_on(self.follow(call)) {
            Ok(_) => {
                self.remove(key);
                IGNORES_MATCH
            }
            Err(error) if is_refusal(&error) => return Ok(()),
            Err(error) if knows_no_conditions(&error) => UNKNOWN,
            Err(error) => return Err(self.error("PutObject", key, &error)),
        };
        match self.is_conditional() {
            true => Err(self.without_conditions(key, broken)),
            false => Ok(()),
        }
    }

    /// Checks that a write whose condition does not hold leaves the object of `key` unchanged. It
    /// writes the same bytes, so the object is unchanged in any case. S3 itself is not tested.
    ///
    /// # Errors
    /// Names the condition that the server does not honour.
    pub fn check_kept(&self, key: &str, content_type: &str, most: u64) -> ServiceResult<()> {
        if !self.is_conditional() || endpoint::is_aws(&self.sdk.config, "S3") {
            return Ok(());
        }
        let Some(object) = self.get(key, ObjectPart::Whole { most })? else { return Ok(()) };
        let body = S3Body::Memory(object.bytes);
        for (only, broken) in
            [(WriteIf::Absent, IGNORES_ABSENT), (WriteIf::Etag(NEVER), IGNORES_MATCH)]
        {
            if self.put(key, &body, content_type, only)? == Written::Done {
                return Err(self.without_conditions(key, broken));
            }
        }
        Ok(())
    }

    pub(super) fn without_conditions(&self, key: &str, problem: &str) -> ServiceError {
        let text = format!(
            "S3 PutObject {}: {problem}, so an older run may replace a newer one: \
             publish elsewhere, or accept that with --unconditional",
            self.name(key)
        );
        ServiceError::new(Trouble::Refused, text)
    }

    /// Removes the object that the check has written.
    fn remove(&self, key: &str) {
        let call = async |client: Client| {
            let call = client.delete_object().bucket(&self.bucket).key(self.key(key));
            let limits = RetryConfig::standard().with_max_attempts(2);
            let limits = Builder::default().retry_config(limits);
            call.set_request_payer(self.payer()).customize().config_override(limits).send().await
        };
        let removed = self.sdk.runtime.block_on(async {
            tokio::time::timeout(Duration::from_secs(30), self.follow(call)).await
        });
        let problem = match removed {
            Ok(Ok(_)) => return,
            Ok(Err(error)) => self.error("DeleteObject", key, &error).text,
            Err(_) => format!("S3 DeleteObject {}: no answer in time", self.name(key)),
        };
        log::warn!("{problem}; the check of the store has written this object: remove it");
    }
}
