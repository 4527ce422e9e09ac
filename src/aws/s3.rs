//! S3: reads, conditional writes and listings of one bucket.

use std::fs::File;
use std::os::fd::AsRawFd;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use aws_sdk_s3::Client;
use aws_sdk_s3::config::{Builder, Region};
use aws_sdk_s3::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_s3::operation::get_object::{GetObjectError, GetObjectOutput};
use aws_sdk_s3::operation::list_objects_v2::{ListObjectsV2Error, ListObjectsV2Output};
use aws_sdk_s3::operation::put_object::builders::PutObjectFluentBuilder as PutObject;
use aws_sdk_s3::primitives::{ByteStream, Length};
use aws_sdk_s3::types::{ObjectCannedAcl, RequestPayer, ServerSideEncryption, StorageClass};
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_types::byte_stream::error::Error as ByteStreamError;

use super::answer::MaxAnswer;
use super::error::{ApiCall, service_error};
use super::session::{Sdk, timeouts};
use super::{Aws, BucketOptions, PutOptions, S3Body, WriteIf, Written};
use super::{check, endpoint, region};
use crate::service_error::{ServiceError, ServiceResult, Trouble};
use crate::sync::lock;

pub(super) type Got = Result<GetObjectOutput, SdkError<GetObjectError, HttpResponse>>;
type Page = Result<ListObjectsV2Output, SdkError<ListObjectsV2Error, HttpResponse>>;

/// Attempts of a write that conflicts with another one in progress (409).
const CONFLICTS: u32 = 5;

/// Limits of a listing: pages, each with up to a thousand keys, and bytes of all its keys. A run a
/// minute for two years has a million keys of 60 bytes.
const MAX_PAGES: usize = 10_000;
const MAX_KEYS: usize = 256 << 20;

/// Time limit for a listing with all its pages.
const LIST: Duration = Duration::from_secs(600);

/// A bucket, or the part of it below a prefix. Keys are relative to the prefix.
#[derive(Debug)]
pub struct S3Bucket<'a> {
    pub(super) sdk: &'a Sdk,
    pub(super) options: &'a BucketOptions,
    /// Client for the region that the bucket is known to be in.
    client: Mutex<Client>,
    /// The bucket's name, or the ARN of an access point.
    pub(super) bucket: String,
    prefix: String,
}

impl Aws {
    /// Opens a bucket, given its name or the ARN of an access point. `prefix` has no slashes at its
    /// ends and may be empty.
    ///
    /// # Errors
    /// If there is no region.
    pub fn bucket(&self, bucket: &str, prefix: &str) -> ServiceResult<S3Bucket<'_>> {
        S3Bucket::new(self.started()?, &self.buckets, bucket, prefix)
    }
}

impl<'a> S3Bucket<'a> {
    fn new(
        sdk: &'a Sdk,
        options: &'a BucketOptions,
        bucket: &str,
        prefix: &str,
    ) -> ServiceResult<Self> {
        let region = match (region::of_arn(bucket), &options.region) {
            (Some(region), _) => Region::new(region.to_owned()),
            (None, Some(region)) => Region::new(region.clone()),
            (None, None) => sdk.region()?.clone(),
        };
        let mut config = Builder::from(&sdk.config).interceptor(MaxAnswer).region(region);
        // Servers other than S3 have one host name for all buckets. Access points have their own
        // host names.
        if !region::is_arn(bucket) && endpoint::custom(&sdk.config, "S3").is_some() {
            config = config.force_path_style(true);
        }
        let prefix = if prefix.is_empty() { String::new() } else { format!("{prefix}/") };
        let client = Client::from_conf(config.build());
        let bucket = bucket.to_owned();
        let bucket = Self { sdk, options, client: Mutex::new(client), bucket, prefix };
        if let Some(region) = sdk.moved(&bucket.bucket) {
            bucket.move_to(&region);
        }
        Ok(bucket)
    }

    pub(super) fn client(&self) -> Client {
        lock(&self.client).clone()
    }

    /// Replaces the client by one for this region.
    pub(super) fn move_to(&self, region: &str) {
        let mut client = lock(&self.client);
        let config = client.config().to_builder().region(Region::new(region.to_owned()));
        *client = Client::from_conf(config.build());
    }

    pub(super) fn key(&self, key: &str) -> String {
        format!("{}{key}", self.prefix)
    }

    pub(super) fn payer(&self) -> Option<RequestPayer> {
        self.options.requester_pays.then_some(RequestPayer::Requester)
    }

    /// Returns the error in one line, with the permission that the operation needs.
    pub(super) fn error<E>(
        &self,
        operation: &str,
        key: &str,
        error: &SdkError<E, HttpResponse>,
    ) -> ServiceError
    where
        E: ProvideErrorMetadata + std::error::Error + 'static,
    {
        let Self { bucket, prefix, .. } = self;
        let client = self.client();
        let region = client.config().region().map_or("", |region| region.as_ref());
        let (objects, list) = match region::is_arn(bucket) {
            true => (format!("{bucket}/object/{prefix}*"), bucket.clone()),
            false => {
                let arn = format!("arn:{}:s3:::{bucket}", region::partition(region));
                (format!("{arn}/{prefix}*"), arn)
            }
        };
        let permission = match operation {
            "PutObject" => format!("s3:PutObject on {objects}"),
            "DeleteObject" => format!("s3:DeleteObject on {objects}"),
            // Without s3:ListBucket, S3 answers 403 for an object that does not exist.
            "GetObject" => format!("s3:GetObject on {objects} and s3:ListBucket on {list}"),
            _ => format!("s3:ListBucket on {list}"),
        };
        let operation = format!("S3 {operation}");
        service_error(&ApiCall::new(&operation, &self.name(key), &permission), error)
    }

    /// Requests an object; its body is read later.
    pub(super) async fn get_object(&self, key: &str, range: Option<String>) -> Got {
        let call = async |client: Client| {
            let call = client.get_object().bucket(&self.bucket).key(self.key(key));
            call.set_range(range.clone()).set_request_payer(self.payer()).send().await
        };
        self.follow(call).await
    }

    /// Returns the ETag of an object without reading its body; `None` if there is no object.
    async fn etag(&self, key: &str) -> ServiceResult<Option<String>> {
        match self.get_object(key, None).await {
            Ok(answer) => Ok(Some(answer.e_tag().unwrap_or_default().to_owned())),
            Err(error) if error.code() == Some("NoSuchKey") => Ok(None),
            Err(error) => Err(self.error("GetObject", key, &error)),
        }
    }

    /// Makes a write request with everything that the settings ask for, without a body.
    pub(super) fn put_object(&self, client: &Client, key: &str) -> PutObject {
        let PutOptions { sse, kms_key_id, acl, storage_class } = &self.options.put;
        let call = client.put_object().bucket(&self.bucket).key(self.key(key));
        call.set_server_side_encryption(sse.as_deref().map(ServerSideEncryption::from))
            .set_ssekms_key_id(kms_key_id.clone())
            .set_acl(acl.as_deref().map(ObjectCannedAcl::from))
            .set_storage_class(storage_class.as_deref().map(StorageClass::from))
            .set_request_payer(self.payer())
    }

    /// Makes one attempt of a write. Returns `None` if another write of the key is in progress.
    async fn put_once(
        &self,
        key: &str,
        body: &S3Body,
        content_type: &str,
        only: Option<WriteIf<'_>>,
    ) -> ServiceResult<Option<Written>> {
        let call = async |client: Client| {
            let call = self.put_object(&client, key).content_type(content_type);
            let call = match body {
                S3Body::Memory(bytes) => call.body(ByteStream::from(bytes.clone())),
                S3Body::File { file, length, sha256 } => {
                    let body = stream(file, *length).await;
                    call.checksum_sha256(sha256).body(body.map_err(SdkError::construction_failure)?)
                }
            };
            let call = match only {
                Some(WriteIf::Absent) => call.if_none_match("*"),
                Some(WriteIf::Etag(etag)) => call.if_match(etag),
                None => call,
            };
            let limits = Builder::default().timeout_config(timeouts(body.len()));
            call.customize().config_override(limits).send().await
        };
        match self.follow(call).await {
            Ok(_) => Ok(Some(Written::Done)),
            Err(error) => match (status(&error), error.code()) {
                (409, Some("ConditionalRequestConflict" | "OperationAborted")) => Ok(None),
                _ if only.is_some() && check::is_refusal(&error) => Ok(Some(Written::Conflict)),
                _ if only.is_some() && check::knows_no_conditions(&error) => {
                    Err(self.without_conditions(key, check::UNKNOWN))
                }
                _ => Err(self.error("PutObject", key, &error)),
            },
        }
    }

    /// Writes an object if the condition holds. If the server takes no conditions, the object is
    /// examined before the write, and a write in between goes unnoticed.
    async fn write(
        &self,
        key: &str,
        body: &S3Body,
        content_type: &str,
        only: WriteIf<'_>,
    ) -> ServiceResult<Option<Written>> {
        if !self.options.unconditional {
            return self.put_once(key, body, content_type, Some(only)).await;
        }
        let now = self.etag(key).await?;
        let holds = match only {
            WriteIf::Absent => now.is_none(),
            WriteIf::Etag(etag) => now.as_deref() == Some(etag),
        };
        match holds {
            true => self.put_once(key, body, content_type, None).await,
            false => Ok(Some(Written::Conflict)),
        }
    }
}

impl S3Bucket<'_> {
    /// Returns the key as `s3://BUCKET/PREFIX/KEY`.
    pub fn name(&self, key: &str) -> String {
        format!("s3://{}/{}", self.bucket, self.key(key))
    }

    /// True if the server itself checks the conditions of writes.
    pub fn is_conditional(&self) -> bool {
        !self.options.unconditional
    }

    /// Writes an object if the condition holds.
    ///
    /// # Errors
    /// Names the object. If the answer was lost, the object may have been written.
    pub fn put(
        &self,
        key: &str,
        body: &S3Body,
        content_type: &str,
        only: WriteIf<'_>,
    ) -> ServiceResult<Written> {
        let put = async {
            for again in 0..CONFLICTS {
                if let Some(written) = self.write(key, body, content_type, only).await? {
                    return Ok(written);
                }
                tokio::time::sleep(Duration::from_millis(100 << again)).await;
            }
            let text = format!("S3 PutObject {}: others keep writing to it", self.name(key));
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
            let endless = || {
                let text = format!("S3 ListObjectsV2 {}: the list does not end", self.name(prefix));
                ServiceError::new(Trouble::Refused, text)
            };
            let begun = Instant::now();
            let (mut keys, mut bytes): (Vec<String>, _) = (Vec::new(), 0);
            let (mut last, mut token) = (String::new(), None);
            for asked in 0.. {
                let page = self.page(prefix, after, token.clone()).await;
                let page = page.map_err(|error| self.error("ListObjectsV2", prefix, &error))?;
                // S3 lists in order. A server that does not, or that lists more and more keys, may
                // never end.
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
                let next = page.next_continuation_token().map(str::to_owned);
                if next.is_none() || next == token {
                    break;
                }
                token = next;
            }
            Ok(keys)
        };
        self.sdk.runtime.block_on(list)
    }

    async fn page(&self, prefix: &str, after: &str, token: Option<String>) -> Page {
        let call = async |client: Client| {
            let call = client.list_objects_v2().bucket(&self.bucket).prefix(self.key(prefix));
            let call = call.start_after(self.key(after)).set_continuation_token(token.clone());
            call.set_request_payer(self.payer()).send().await
        };
        self.follow(call).await
    }
}

pub(super) fn status<E>(error: &SdkError<E, HttpResponse>) -> u16 {
    error.raw_response().map_or(0, |response| response.status().as_u16())
}

/// Returns the contents of a file, from its beginning. The SDK reopens the file for each attempt
/// through the path of the descriptor, which a nameless file has as well.
async fn stream(file: &File, length: u64) -> Result<ByteStream, ByteStreamError> {
    let path = format!("/proc/self/fd/{}", file.as_raw_fd());
    ByteStream::read_from().path(path).length(Length::Exact(length)).build().await
}
