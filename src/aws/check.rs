//! Whether a bucket can be written, and whether its server keeps the conditions of writes. Servers other
//! than S3 may not know them, or ignore them.

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

/// What a server does with the condition of a write, if not what it should.
pub(super) const UNKNOWN: &str = "the store takes no conditions of writes";
const IGNORES_MATCH: &str = "the store ignores conditions of writes (If-Match)";
const IGNORES_ABSENT: &str = "the store ignores conditions of writes (If-None-Match)";

/// True if the condition did not hold. Servers that are not S3 have other words for it.
pub(super) fn is_refusal<E: ProvideErrorMetadata>(error: &SdkError<E, HttpResponse>) -> bool {
    match (status(error), error.code()) {
        (304 | 409 | 412, _) => true,
        // There is no such object, or it was removed since it was read.
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
    /// Checks that objects can be written, and that a condition which cannot hold keeps an object from
    /// being written. S3 checks permission before conditions, so the one write shows both, and leaves
    /// nothing at `key`.
    ///
    /// # Errors
    /// Names the missing permission, or the promise that the server cannot keep.
    pub fn check(&self, key: &str) -> ServiceResult<()> {
        // A scan waits for this, so a quick answer is better than a certain one.
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

    /// Checks that writes whose condition does not hold leave the object of `key` as it is, by writing
    /// the same bytes: so it stays the same in any case. S3 itself is not asked.
    ///
    /// # Errors
    /// Names the promise that the server cannot keep.
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
            "S3 PutObject {}: {problem}, so it cannot keep an older run from replacing a newer one: \
             publish elsewhere, or do without that with --unconditional",
            self.name(key)
        );
        ServiceError::new(Trouble::Refused, text)
    }

    /// Removes what the check has written.
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
