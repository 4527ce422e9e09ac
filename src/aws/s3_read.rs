//! Reads objects of a bucket, several at a time if that takes little memory.

use std::fs::File;
use std::io::Seek;
use std::pin::pin;
use std::time::Duration;

use aws_sdk_s3::Client;
use aws_sdk_s3::error::ProvideErrorMetadata;
use futures_util::{StreamExt, stream};

use super::answer::{self, Unread};
use super::clock::AnsweredAt;
use super::s3::S3Bucket;
use super::{ObjectPart, S3Object, TakeObject};
use crate::service_error::{ServiceError, ServiceResult, Trouble};

/// Number of objects requested at a time: a year of daily runs at 30 ms per answer takes 0.7 s
/// instead of 11 s.
const AT_ONCE: usize = 16;

/// Size limit of an object that is read in parallel with others; together they take at most 128
/// MiB.
const BESIDE: u64 = 8 << 20;

/// An object, if there is one, or the reason that its body was not read.
type Body = Result<Option<S3Object>, Unread>;

impl S3Bucket<'_> {
    /// Reads an object, or its beginning; `None` if there is none.
    pub fn get(&self, key: &str, part: ObjectPart) -> ServiceResult<Option<S3Object>> {
        self.sdk.runtime.block_on(self.fetch(key, part))
    }

    /// Reads an object, and its age by the server's clock: the Date of the answer less the object's
    /// Last-Modified, if it has both; `None` if there is none.
    pub fn get_aged(
        &self,
        key: &str,
        most: u64,
    ) -> ServiceResult<Option<(S3Object, Option<Duration>)>> {
        self.sdk.runtime.block_on(async {
            let at = AnsweredAt::default();
            let call = async |client: Client| {
                let call = client.get_object().bucket(&self.bucket).key(self.key(key));
                let call = call.set_request_payer(self.payer());
                call.customize().interceptor(at.clone()).send().await
            };
            let answer = match self.follow(call).await {
                Ok(answer) => answer,
                Err(error) if error.code() == Some("NoSuchKey") => return Ok(None),
                Err(error) => return Err(self.error("GetObject", key, &error)),
            };
            let age = at.last().zip(answer.last_modified()).and_then(|(at, modified)| {
                u64::try_from(at.as_second() - modified.secs()).ok().map(Duration::from_secs)
            });
            let etag = answer.e_tag().unwrap_or_default().to_owned();
            let claims = answer.content_length();
            let read = answer::read(answer.body, claims, ObjectPart::Whole { most }).await;
            let object = self.read(key, read.map(|bytes| Some(S3Object { bytes, etag })))?;
            Ok(object.map(|object| (object, age)))
        })
    }

    /// Reads the objects of these keys, or their beginnings, and passes them to `take` in order.
    ///
    /// # Errors
    /// The first error of `take`, which ends the reading.
    pub fn get_each(
        &self,
        keys: &[&str],
        part: ObjectPart,
        take: &mut TakeObject<'_>,
    ) -> ServiceResult<()> {
        self.sdk.runtime.block_on(async {
            let taken = self.get_beside(keys, part, take).await?;
            // The next object is large, so later ones may be, too.
            for (at, key) in keys.iter().enumerate().skip(taken) {
                take(at, self.fetch(key, part).await)?;
            }
            Ok(())
        })
    }

    /// Reads objects in parallel, up to the first one that is too large for that. Returns the
    /// number of objects passed to `take`.
    async fn get_beside(
        &self,
        keys: &[&str],
        part: ObjectPart,
        take: &mut TakeObject<'_>,
    ) -> ServiceResult<usize> {
        let part = match part {
            ObjectPart::Whole { most } => ObjectPart::Whole { most: most.min(BESIDE) },
            ObjectPart::First(bytes) => ObjectPart::First(bytes),
        };
        // `buffered` keeps the order, and holds at most this many objects.
        let bodies = stream::iter(keys).map(|key| self.body(key, part)).buffered(AT_ONCE);
        let mut bodies = pin!(bodies.enumerate());
        while let Some((at, body)) = bodies.next().await {
            if let Ok(Err(Unread::TooLarge(_))) = body {
                return Ok(at);
            }
            take(at, body.and_then(|body| self.read(keys[at], body)))?;
        }
        Ok(keys.len())
    }

    /// Copies an object of at most `most` bytes to an empty file; false if there is none.
    pub fn copy(&self, key: &str, most: u64, to: &mut File) -> ServiceResult<bool> {
        self.sdk.runtime.block_on(async {
            let mut tried = 1;
            loop {
                let answer = match self.get_object(key, None).await {
                    Ok(answer) => answer,
                    Err(error) if error.code() == Some("NoSuchKey") => return Ok(false),
                    Err(error) => return Err(self.error("GetObject", key, &error)),
                };
                let claims = answer.content_length();
                match answer::copy(answer.body, claims, most, to).await {
                    Ok(()) => return Ok(true),
                    Err(Unread::Broken(_)) if tried < 3 => tried += 1,
                    Err(unread) => return self.read(key, Err(unread)).map(|_| false),
                }
                // The next answer begins anew.
                let emptied = to.set_len(0).and_then(|()| to.rewind());
                if let Err(error) = emptied {
                    return self.read(key, Err(Unread::Unwritten(error))).map(|_| false);
                }
                tokio::time::sleep(Duration::from_millis(200)).await;
            }
        })
    }

    async fn fetch(&self, key: &str, part: ObjectPart) -> ServiceResult<Option<S3Object>> {
        self.body(key, part).await.and_then(|body| self.read(key, body))
    }

    fn read(&self, key: &str, body: Body) -> ServiceResult<Option<S3Object>> {
        body.map_err(|unread| {
            let trouble = match unread {
                Unread::TooLarge(_) | Unread::NoMemory | Unread::Unwritten(_) => Trouble::Refused,
                Unread::TooSlow(..) | Unread::Broken(_) => Trouble::Unreachable,
            };
            ServiceError::new(trouble, format!("S3 GetObject {}: {unread}", self.name(key)))
        })
    }

    async fn body(&self, key: &str, part: ObjectPart) -> ServiceResult<Body> {
        let mut range = match part {
            ObjectPart::Whole { .. } => None,
            ObjectPart::First(bytes) => Some(format!("bytes=0-{}", bytes.saturating_sub(1))),
        };
        let mut tried = 1;
        loop {
            let answer = match self.get_object(key, range.clone()).await {
                Ok(answer) => answer,
                Err(error) if error.code() == Some("NoSuchKey") => return Ok(Ok(None)),
                // An empty object has no first byte, so a range is invalid.
                Err(error) if range.is_some() && error.code() == Some("InvalidRange") => {
                    range = None;
                    continue;
                }
                Err(error) => return Err(self.error("GetObject", key, &error)),
            };
            let etag = answer.e_tag().unwrap_or_default().to_owned();
            let claims = answer.content_length();
            match answer::read(answer.body, claims, part).await {
                Ok(bytes) => return Ok(Ok(Some(S3Object { bytes, etag }))),
                // The SDK retries until the header of an answer arrives, but not its body.
                Err(Unread::Broken(_)) if tried < 3 => tried += 1,
                Err(unread) => return Ok(Err(unread)),
            }
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    }
}
