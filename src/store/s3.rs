//! A bucket as a store. Conditional writes keep publishers from overwriting each other's objects.

use std::fs::File;
use std::time::Duration;

use super::body;
use super::{Condition, Fill, Listing, MAX_OBJECT, Object, Put, ReadSize, Store, Take, Version};
use crate::aws::{ObjectPart, S3Body, S3Bucket, S3Object, WriteIf, Written};
use crate::service_error::{ServiceError, ServiceResult, Trouble};

/// Key of the write that checks the permission. The write's condition never holds.
const PROBE: &str = "write-check";

/// A bucket, or the part of it below a prefix.
#[derive(Debug)]
pub(super) struct Bucket<'a>(pub(super) S3Bucket<'a>);

impl Store for Bucket<'_> {
    fn name(&self, key: &str) -> String {
        self.0.name(key)
    }

    fn check(&self) -> ServiceResult<()> {
        self.0.check(PROBE)
    }

    fn check_kept(&self, key: &str) -> ServiceResult<()> {
        self.0.check_kept(key, content_type(key), MAX_OBJECT)
    }

    fn is_conditional(&self) -> bool {
        self.0.is_conditional()
    }

    fn get(&self, key: &str) -> ServiceResult<Option<Object>> {
        Ok(self.0.get(key, part(ReadSize::Whole))?.map(Object::from))
    }

    fn get_aged(&self, key: &str) -> ServiceResult<Option<(Object, Option<Duration>)>> {
        let aged = self.0.get_aged(key, MAX_OBJECT)?;
        Ok(aged.map(|(object, age)| (Object::from(object), age)))
    }

    fn copy(&self, key: &str, most: u64, to: &mut File) -> ServiceResult<bool> {
        self.0.copy(key, most, to)
    }

    fn get_each(&self, keys: &[&str], size: ReadSize, take: &mut Take<'_>) -> ServiceResult<()> {
        let mut take_s3 = |at, read: ServiceResult<Option<S3Object>>| {
            take(at, read.map(|object| object.map(Object::from)))
        };
        self.0.get_each(keys, part(size), &mut take_s3)
    }

    fn put(&self, key: &str, bytes: &[u8], condition: Condition) -> ServiceResult<Put> {
        self.put_body(key, &S3Body::Memory(bytes.to_vec()), &condition)
    }

    fn put_filled(&self, key: &str, fill: &Fill<'_>, condition: Condition) -> ServiceResult<Put> {
        let body = body::made(fill).map_err(|error| {
            let text = format!("writing {}: {error}", self.name(key));
            ServiceError::new(Trouble::Refused, text)
        })?;
        self.put_body(key, &body, &condition)
    }

    fn list(&self, prefix: &str, after: &str) -> ServiceResult<Listing> {
        Ok(Listing { keys: self.0.list(prefix, after)?, unlisted: Vec::new() })
    }
}

impl Bucket<'_> {
    fn put_body(&self, key: &str, body: &S3Body, condition: &Condition) -> ServiceResult<Put> {
        let only = match condition {
            Condition::Absent => WriteIf::Absent,
            Condition::Unchanged(version) => WriteIf::Etag(&version.0),
        };
        Ok(match self.0.put(key, body, content_type(key), only)? {
            Written::Done => Put::Done,
            Written::Conflict => Put::Conflict,
        })
    }
}

impl From<S3Object> for Object {
    fn from(object: S3Object) -> Self {
        Self { bytes: object.bytes, version: Version(object.etag) }
    }
}

fn part(size: ReadSize) -> ObjectPart {
    match size {
        ReadSize::Whole => ObjectPart::Whole { most: MAX_OBJECT },
        ReadSize::First(bytes) => ObjectPart::First(bytes),
    }
}

fn content_type(key: &str) -> &'static str {
    match key.rsplit('.').next() {
        Some("json") => "application/json",
        Some("csv") => "text/csv; charset=utf-8",
        Some("html") => "text/html; charset=utf-8",
        _ => "text/plain; charset=utf-8",
    }
}
