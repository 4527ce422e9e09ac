//! S3: reads, conditional writes and listings of one bucket.

use std::pin::pin;
use std::time::{Duration, Instant};

use aws_sdk_s3::Client;
use aws_sdk_s3::config::Builder;
use aws_sdk_s3::config::retry::RetryConfig;
use aws_sdk_s3::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_s3::primitives::ByteStream;
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use futures_util::{StreamExt, stream};

use super::answer::{self, MaxAnswer, Unread};
use super::endpoint;
use super::error::{ApiCall, service_error};
use super::session::{Sdk, timeouts};
use super::{Aws, ObjectPart, S3Object, TakeObject, WriteIf, Written};
use crate::service_error::{ServiceError, ServiceResult, Trouble};

/// Attempts of a write that meets another one under way (409).
const CONFLICTS: u32 = 5;

/// Objects requested at a time: a year of daily runs at 30 ms an answer takes 0.7 s instead of
/// 11 s.
const AT_ONCE: usize = 16;

/// The most pages of a list, each with up to a thousand keys, and the most bytes of all its keys: a
/// run a minute for two years has a million keys of 60 bytes.
const MAX_PAGES: usize = 10_000;
const MAX_KEYS: usize = 256 << 20;

/// Time for a list with all its pages.
const LIST: Duration = Duration::from_secs(600);

/// A bucket, or the part of it below a prefix. Keys are relative to the prefix.
#[derive(Debug)]
pub struct S3Bucket<'a> {
    sdk: &'a Sdk,
    client: Client,
    bucket: String,
    prefix: String,
}

impl Aws {
    /// Opens a bucket. `prefix` has no slashes at its ends and may be empty.
    ///
    /// # Errors
    /// If there is no region.
    pub fn bucket(&self, bucket: &str, prefix: &str) -> ServiceResult<S3Bucket<'_>> {
        Ok(S3Bucket::new(self.sdk()?, bucket, prefix))
    }
}

impl<'a> S3Bucket<'a> {
    fn new(sdk: &'a Sdk, bucket: &str, prefix: &str) -> Self {
        let mut config = Builder::from(&sdk.config).interceptor(MaxAnswer);
        // Servers other than S3 have one name, not one for each bucket.
        if endpoint::custom(&sdk.config, "S3").is_some() {
            config = config.force_path_style(true);
        }
        let prefix = if prefix.is_empty() { String::new() } else { format!("{prefix}/") };
        Self { sdk, client: Client::from_conf(config.build()), bucket: bucket.to_owned(), prefix }
    }

    fn key(&self, key: &str) -> String {
        format!("{}{key}", self.prefix)
    }

    /// The error in one line, with the permission that the operation needs.
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
            // Without s3:ListBucket, S3 answers 403 for an object that does not exist.
            "GetObject" => format!(
                "s3:GetObject on arn:aws:s3:::{bucket}/{prefix}* and s3:ListBucket on \
                 arn:aws:s3:::{bucket}"
            ),
            _ => format!("s3:ListBucket on arn:aws:s3:::{bucket}"),
        };
        let operation = format!("S3 {operation}");
        service_error(&ApiCall::new(&operation, &self.name(key), &permission), error)
    }

    async fn fetch(&self, key: &str, part: ObjectPart) -> ServiceResult<Option<S3Object>> {
        let range = match part {
            ObjectPart::Whole { .. } => None,
            ObjectPart::First(bytes) => Some(format!("bytes=0-{}", bytes.saturating_sub(1))),
        };
        let mut tried = 1;
        loop {
            let call = self.client.get_object().bucket(&self.bucket).key(self.key(key));
            let answer = match call.set_range(range.clone()).send().await {
                Ok(answer) => answer,
                Err(error) if error.code() == Some("NoSuchKey") => return Ok(None),
                Err(error) => return Err(self.error("GetObject", key, &error)),
            };
            let etag = answer.e_tag().unwrap_or_default().to_owned();
            let claims = answer.content_length();
            match answer::read(answer.body, claims, part).await {
                Ok(bytes) => return Ok(Some(S3Object { bytes, etag })),
                // The SDK retries until the head of an answer arrives, but not its body.
                Err(Unread::Broken(_)) if tried < 3 => tried += 1,
                Err(unread) => {
                    let trouble = match unread {
                        Unread::TooLarge(_) | Unread::NoMemory => Trouble::Refused,
                        Unread::TooSlow(..) | Unread::Broken(_) => Trouble::Unreachable,
                    };
                    let text = format!("S3 GetObject {}: {unread}", self.name(key));
                    return Err(ServiceError::new(trouble, text));
                }
            }
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    }

    /// `None` if another write of the key is under way.
    async fn put_once(
        &self,
        key: &str,
        bytes: &[u8],
        content_type: &str,
        only: WriteIf<'_>,
    ) -> ServiceResult<Option<Written>> {
        let call = self.client.put_object().bucket(&self.bucket).key(self.key(key));
        let call = match only {
            WriteIf::Absent => call.if_none_match("*"),
            WriteIf::Etag(etag) => call.if_match(etag),
        };
        let call = call.content_type(content_type).body(ByteStream::from(bytes.to_vec()));
        let limits = Builder::default().timeout_config(timeouts(bytes.len()));
        match call.customize().config_override(limits).send().await {
            Ok(_) => Ok(Some(Written::Done)),
            Err(error) => match (status(&error), error.code()) {
                (412, _) => Ok(Some(Written::Conflict)),
                // The object was removed since it was read.
                (404, Some("NoSuchKey")) => Ok(Some(Written::Conflict)),
                (409, Some("ConditionalRequestConflict" | "OperationAborted")) => Ok(None),
                _ => Err(self.error("PutObject", key, &error)),
            },
        }
    }
}

impl S3Bucket<'_> {
    /// The key as `s3://BUCKET/PREFIX/KEY`.
    pub fn name(&self, key: &str) -> String {
        format!("s3://{}/{}", self.bucket, self.key(key))
    }

    /// Checks that objects can be written, without leaving one at `key`: S3 checks permission
    /// before conditions, so a write whose condition never holds shows if one could succeed.
    ///
    /// # Errors
    /// Names the missing permission.
    pub fn check(&self, key: &str) -> ServiceResult<()> {
        let config = self.client.config().to_builder();
        // A scan waits for this, so a quick answer is better than a certain one.
        let config = config.retry_config(RetryConfig::standard().with_max_attempts(2));
        let client = Client::from_conf(config.build());
        let trial = client
            .put_object()
            .bucket(&self.bucket)
            .key(self.key(key))
            .if_match("\"00000000000000000000000000000000\"")
            .body(ByteStream::from_static(b"efs-scan may write here\n"));
        match self.sdk.runtime.block_on(trial.send()) {
            Ok(_) => Ok(()),
            Err(error) if status(&error) == 412 => Ok(()),
            Err(error) if error.code() == Some("NoSuchKey") => Ok(()),
            Err(error) => Err(self.error("PutObject", key, &error)),
        }
    }

    /// Reads an object, or its beginning; `None` if there is none.
    ///
    /// # Errors
    /// Names the object.
    pub fn get(&self, key: &str, part: ObjectPart) -> ServiceResult<Option<S3Object>> {
        self.sdk.runtime.block_on(self.fetch(key, part))
    }

    /// Reads the objects of these keys, or their beginnings, and hands them over in order.
    ///
    /// # Errors
    /// The first error of `take`, which ends the reading.
    pub fn get_each(
        &self,
        keys: &[&str],
        part: ObjectPart,
        take: &mut TakeObject<'_>,
    ) -> ServiceResult<()> {
        let all = async {
            // `buffered` keeps the order, and holds this many objects at most.
            let fetched = stream::iter(keys).map(|key| self.fetch(key, part)).buffered(AT_ONCE);
            let mut fetched = pin!(fetched.enumerate());
            while let Some((at, object)) = fetched.next().await {
                take(at, object)?;
            }
            Ok(())
        };
        self.sdk.runtime.block_on(all)
    }

    /// Writes an object if the condition holds.
    ///
    /// # Errors
    /// Names the object. If the answer was lost, the object may have been written.
    pub fn put(
        &self,
        key: &str,
        bytes: &[u8],
        content_type: &str,
        only: WriteIf<'_>,
    ) -> ServiceResult<Written> {
        let put = async {
            for again in 0..CONFLICTS {
                if let Some(written) = self.put_once(key, bytes, content_type, only).await? {
                    return Ok(written);
                }
                tokio::time::sleep(Duration::from_millis(100 << again)).await;
            }
            let text = format!("S3 PutObject {}: others write there all the time", self.name(key));
            Err(ServiceError::new(Trouble::Throttled, text))
        };
        self.sdk.runtime.block_on(put)
    }

    /// Lists the keys that begin with `prefix` and come after `after`, in order.
    ///
    /// # Errors
    /// Names the prefix.
    pub fn list(&self, prefix: &str, after: &str) -> ServiceResult<Vec<String>> {
        let list = async {
            let mut pages = self
                .client
                .list_objects_v2()
                .bucket(&self.bucket)
                .prefix(self.key(prefix))
                .start_after(self.key(after))
                .into_paginator()
                .send();
            let endless = || {
                let text = format!("S3 ListObjectsV2 {}: the list does not end", self.name(prefix));
                ServiceError::new(Trouble::Refused, text)
            };
            let begun = Instant::now();
            let (mut keys, mut bytes): (Vec<String>, _) = (Vec::new(), 0);
            let mut last = String::new();
            for asked in 0.. {
                let Some(page) = pages.next().await else { break };
                let page = page.map_err(|error| self.error("ListObjectsV2", prefix, &error))?;
                // S3 lists in order; a server that does not, or has ever more, may never end.
                let first = page.contents().first().and_then(|object| object.key());
                let in_order = first.is_none_or(|first| first > last.as_str());
                if asked > MAX_PAGES || bytes > MAX_KEYS || begun.elapsed() > LIST || !in_order {
                    return Err(endless());
                }
                if let Some(key) = page.contents().last().and_then(|object| object.key()) {
                    key.clone_into(&mut last);
                }
                let found = page.contents().iter().filter_map(|object| object.key());
                let found = found.filter_map(|key| key.strip_prefix(&self.prefix));
                keys.extend(found.inspect(|key| bytes += key.len()).map(str::to_owned));
            }
            Ok(keys)
        };
        self.sdk.runtime.block_on(list)
    }
}

fn status<E>(error: &SdkError<E, HttpResponse>) -> u16 {
    error.raw_response().map_or(0, |response| response.status().as_u16())
}
