//! A bucket as a store: conditional writes, so that no two publishers overwrite each other.

use std::pin::pin;
use std::time::Duration;

use aws_sdk_s3::Client;
use aws_sdk_s3::config::retry::RetryConfig;
use aws_sdk_s3::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_s3::primitives::ByteStream;
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use futures_util::{StreamExt, stream};

use super::error::{Asked, service_error};
use super::session::Session;
use crate::service_error::{ServiceError, ServiceResult, Trouble};
use crate::store::{Condition, Extent, Object, Put, Store, Take, Version};

/// What is written on trial, with a condition that never holds.
const PROBE: &str = "write-check";

/// How often a write is tried again that met another one under way (409).
const CONFLICTS: u32 = 5;

/// How many objects are asked for at a time: a year of daily runs at 30 ms an answer is 0.7 s of
/// waiting instead of 11 s.
const AT_ONCE: usize = 16;

/// The bucket.
#[derive(Debug)]
pub(super) struct Bucket<'a> {
    session: &'a Session,
    client: Client,
    bucket: String,
    prefix: String,
}

impl<'a> Bucket<'a> {
    /// The bucket with a prefix, which may be empty.
    pub(super) fn new(session: &'a Session, bucket: &str, prefix: &str) -> Self {
        let mut config = aws_sdk_s3::config::Builder::from(&session.config);
        // What stands in for S3 is reached by one name, not by a name for each bucket.
        if ["AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3"].iter().any(|v| std::env::var_os(v).is_some())
        {
            config = config.force_path_style(true);
        }
        let prefix = if prefix.is_empty() { String::new() } else { format!("{prefix}/") };
        Self {
            session,
            client: Client::from_conf(config.build()),
            bucket: bucket.to_owned(),
            prefix,
        }
    }

    fn key(&self, key: &str) -> String {
        format!("{}{key}", self.prefix)
    }

    /// The error in one line, with the permission that `action` needs.
    fn error<E>(
        &self,
        operation: &str,
        key: &str,
        error: &SdkError<E, HttpResponse>,
    ) -> ServiceError
    where
        E: ProvideErrorMetadata + std::error::Error + 'static,
    {
        let Self { bucket, prefix, .. } = self;
        let permission = match operation {
            "PutObject" => format!("s3:PutObject on arn:aws:s3:::{bucket}/{prefix}*"),
            // Without leave to list, S3 says 403 of an object that is not there.
            "GetObject" => format!(
                "s3:GetObject on arn:aws:s3:::{bucket}/{prefix}* and s3:ListBucket on \
                 arn:aws:s3:::{bucket}"
            ),
            _ => format!("s3:ListBucket on arn:aws:s3:::{bucket}"),
        };
        let operation = format!("S3 {operation}");
        service_error(&Asked::new(&operation, &self.name(key), &permission), error)
    }

    async fn fetch(&self, key: &str, extent: Extent) -> ServiceResult<Option<Object>> {
        let range = match extent {
            Extent::Whole => None,
            Extent::First(bytes) => Some(format!("bytes=0-{}", bytes.saturating_sub(1))),
        };
        let mut tried = 1;
        loop {
            let call = self.client.get_object().bucket(&self.bucket).key(self.key(key));
            let answer = match call.set_range(range.clone()).send().await {
                Ok(answer) => answer,
                Err(error) if error.code() == Some("NoSuchKey") => return Ok(None),
                Err(error) => return Err(self.error("GetObject", key, &error)),
            };
            let version = Version(answer.e_tag().unwrap_or_default().to_owned());
            match answer.body.collect().await {
                Ok(body) => return Ok(Some(Object { bytes: body.to_vec(), version })),
                // The SDK retries up to the head of an answer; its body breaks off here.
                Err(_) if tried < 3 => tried += 1,
                Err(error) => {
                    let text = format!("S3 GetObject {}: the body: {error}", self.name(key));
                    return Err(ServiceError::new(Trouble::Unreachable, text));
                }
            }
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    }

    async fn put_once(
        &self,
        key: &str,
        bytes: &[u8],
        condition: &Condition,
    ) -> Result<Option<Put>, ServiceError> {
        let call = self.client.put_object().bucket(&self.bucket).key(self.key(key));
        let call = match condition {
            Condition::Absent => call.if_none_match("*"),
            Condition::Unchanged(version) => call.if_match(&version.0),
        };
        let call = call.content_type(content_type(key)).body(ByteStream::from(bytes.to_vec()));
        match call.send().await {
            Ok(_) => Ok(Some(Put::Done)),
            Err(error) => match (status(&error), error.code()) {
                (412, _) => Ok(Some(Put::Conflict)),
                // It was read, and is gone.
                (404, Some("NoSuchKey")) => Ok(Some(Put::Conflict)),
                (409, Some("ConditionalRequestConflict" | "OperationAborted")) => Ok(None),
                _ => Err(self.error("PutObject", key, &error)),
            },
        }
    }
}

impl Store for Bucket<'_> {
    fn name(&self, key: &str) -> String {
        format!("s3://{}/{}", self.bucket, self.key(key))
    }

    /// S3 decides about permission before it looks at conditions, so a write that must fail for
    /// its condition tells whether one could succeed.
    fn check(&self) -> ServiceResult<()> {
        let config = self.client.config().to_builder();
        // A scan waits for this: a short answer is worth more than a certain one.
        let config = config.retry_config(RetryConfig::standard().with_max_attempts(2));
        let client = Client::from_conf(config.build());
        let trial = client
            .put_object()
            .bucket(&self.bucket)
            .key(self.key(PROBE))
            .if_match("\"00000000000000000000000000000000\"")
            .body(ByteStream::from_static(b"efs-scan may write here\n"));
        match self.session.runtime.block_on(trial.send()) {
            Ok(_) => Ok(()),
            Err(error) if status(&error) == 412 => Ok(()),
            Err(error) if error.code() == Some("NoSuchKey") => Ok(()),
            Err(error) => Err(self.error("PutObject", PROBE, &error)),
        }
    }

    fn get(&self, key: &str) -> ServiceResult<Option<Object>> {
        self.session.runtime.block_on(self.fetch(key, Extent::Whole))
    }

    fn get_each(&self, keys: &[&str], extent: Extent, take: &mut Take<'_>) -> ServiceResult<()> {
        let all = async {
            // In order, and no more than these in memory, however slowly they are taken.
            let fetched = stream::iter(keys).map(|key| self.fetch(key, extent)).buffered(AT_ONCE);
            let mut fetched = pin!(fetched.enumerate());
            while let Some((at, object)) = fetched.next().await {
                take(at, object)?;
            }
            Ok(())
        };
        self.session.runtime.block_on(all)
    }

    fn put(&self, key: &str, bytes: &[u8], condition: Condition) -> ServiceResult<Put> {
        let put = async {
            for again in 0..CONFLICTS {
                if let Some(put) = self.put_once(key, bytes, &condition).await? {
                    return Ok(put);
                }
                tokio::time::sleep(Duration::from_millis(100 << again)).await;
            }
            let text = format!("S3 PutObject {}: others write there all the time", self.name(key));
            Err(ServiceError::new(Trouble::Throttled, text))
        };
        self.session.runtime.block_on(put)
    }

    fn list(&self, prefix: &str, after: &str) -> ServiceResult<Vec<String>> {
        let list = async {
            let mut pages = self
                .client
                .list_objects_v2()
                .bucket(&self.bucket)
                .prefix(self.key(prefix))
                .start_after(self.key(after))
                .into_paginator()
                .send();
            let mut keys = Vec::new();
            while let Some(page) = pages.next().await {
                let page = page.map_err(|error| self.error("ListObjectsV2", prefix, &error))?;
                let found = page.contents().iter().filter_map(|object| object.key());
                keys.extend(
                    found.filter_map(|key| Some(key.strip_prefix(&self.prefix)?.to_owned())),
                );
            }
            Ok(keys)
        };
        self.session.runtime.block_on(list)
    }
}

fn status<E>(error: &SdkError<E, HttpResponse>) -> u16 {
    error.raw_response().map_or(0, |response| response.status().as_u16())
}

fn content_type(key: &str) -> &'static str {
    match key.rsplit('.').next() {
        Some("json") => "application/json",
        Some("csv") => "text/csv; charset=utf-8",
        Some("html") => "text/html; charset=utf-8",
        _ => "text/plain; charset=utf-8",
    }
}
