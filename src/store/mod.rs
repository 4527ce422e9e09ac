//! Stores for published runs: the trait, and the destinations that name a store.

mod access_point;
mod body;
mod directory;
mod fetch;
mod opener;
mod s3;

use std::fmt;
use std::fs::File;
use std::io::{self, Read, Write};
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::aws::Aws;
use crate::service_error::{ServiceError, ServiceResult, Trouble};

pub use crate::aws::{BucketOptions, PutOptions, is_region};
pub use directory::Directory;
pub(crate) use fetch::fetched;
pub use opener::{OpenDestination, Opener};

/// The largest object that is read whole, in bytes: a report of 200,000 homes has a few hundred
/// MiB.
const MAX_OBJECT: u64 = 1 << 30;

/// The longest prefix, in bytes: S3 keys have at most 1,024.
const MAX_PREFIX: usize = 900;

/// Objects under keys such as `runs/dt=2026-11-24/RUN.json`. One object appears or changes as a
/// whole or not at all; there is no such guarantee for several.
pub trait Store {
    /// Returns the object's name in messages.
    fn name(&self, key: &str) -> String;

    /// Checks that objects can be written and that conditions of writes hold, without leaving an
    /// object.
    ///
    /// # Errors
    /// Says why they cannot be written.
    fn check(&self) -> ServiceResult<()>;

    /// Checks that a write whose condition fails leaves the object of `key` unchanged. The object
    /// must be one that never changes. Without such an object, nothing is checked.
    ///
    /// # Errors
    /// If the object was changed.
    fn check_kept(&self, key: &str) -> ServiceResult<()> {
        let _ = key;
        Ok(())
    }

    /// True if the store itself enforces conditions of writes. Otherwise a condition is checked
    /// before the write, and another writer may come in between.
    fn is_conditional(&self) -> bool {
        true
    }

    /// Reads the object; `None` if there is none.
    ///
    /// # Errors
    /// Names the object.
    fn get(&self, key: &str) -> ServiceResult<Option<Object>>;

    /// Reads the object, and how long ago it was written by the store's own clock, if it has one.
    ///
    /// # Errors
    /// Names the object.
    fn get_aged(&self, key: &str) -> ServiceResult<Option<(Object, Option<Duration>)>> {
        Ok(self.get(key)?.map(|object| (object, None)))
    }

    /// Passes an object that may be large to `take`, which reads it piece by piece. Returns false
    /// if there is none.
    ///
    /// # Errors
    /// If it cannot be opened: names the object.
    fn read(&self, key: &str, take: &mut dyn FnMut(&mut dyn Read)) -> ServiceResult<bool> {
        let object = self.get(key)?;
        Ok(object.map(|object| take(&mut &object.bytes[..])).is_some())
    }

    /// Copies an object of at most `most` bytes to an empty file, piece by piece. Returns false if
    /// there is none.
    ///
    /// # Errors
    /// Names the object.
    fn copy(&self, key: &str, most: u64, to: &mut File) -> ServiceResult<bool> {
        fetch::by_reading(self, key, most, to)
    }

    /// Reads the first bytes of the object; `None` if there is none. The version is that of the
    /// whole object.
    fn head(&self, key: &str, bytes: usize) -> ServiceResult<Option<Object>> {
        let mut head = Ok(None);
        self.get_each(&[key], ReadSize::First(bytes), &mut |_, object| {
            head = object;
            Ok(())
        })?;
        head
    }

    /// Passes the objects of these keys to `take` in order, each as [`get`](Self::get) returns it,
    /// or only its first bytes. Remote stores read several at a time.
    ///
    /// # Errors
    /// The first error of `take`, which ends the reading.
    fn get_each(&self, keys: &[&str], size: ReadSize, take: &mut Take<'_>) -> ServiceResult<()> {
        keys.iter().enumerate().try_for_each(|(at, key)| {
            let mut object = self.get(key);
            if let (Ok(Some(object)), ReadSize::First(bytes)) = (&mut object, size) {
                object.bytes.truncate(bytes);
            }
            take(at, object)
        })
    }

    /// Writes the object if the condition holds.
    ///
    /// # Errors
    /// Names the object. If the answer was lost, the object may have been written.
    fn put(&self, key: &str, bytes: &[u8], condition: Condition) -> ServiceResult<Put>;

    /// Writes an object that may be large. `fill` makes it piece by piece, and the stores of this
    /// program do not hold it in memory.
    ///
    /// # Errors
    /// Those of [`put`](Self::put), and that of `fill`; then nothing is written.
    fn put_filled(&self, key: &str, fill: &Fill<'_>, condition: Condition) -> ServiceResult<Put> {
        let mut bytes = Vec::new();
        fill(&mut bytes).map_err(|error| {
            ServiceError::new(Trouble::Refused, format!("writing {}: {error}", self.name(key)))
        })?;
        self.put(key, &bytes, condition)
    }

    /// Deletes an object that nothing reads any more, unless this is a store whose own rules do that: S3
    /// has lifecycle rules, so this program needs no permission to delete.
    ///
    /// # Errors
    /// Names the object.
    fn discard(&self, key: &str) -> ServiceResult<()> {
        let _ = key;
        Ok(())
    }

    /// Lists the keys that begin with `prefix` and come after `after`, in order.
    ///
    /// # Errors
    /// Names the prefix.
    fn list(&self, prefix: &str, after: &str) -> ServiceResult<Listing>;
}

/// Keys of a listing, and the errors of the parts that could not be listed.
#[derive(Debug, Default)]
pub struct Listing {
    pub keys: Vec<String>,
    pub unlisted: Vec<ServiceError>,
}

/// Receives the object of the key at this index, or the reason that it could not be read.
pub type Take<'a> = dyn FnMut(usize, ServiceResult<Option<Object>>) -> ServiceResult<()> + 'a;

/// Writes the contents of an object.
pub type Fill<'a> = dyn Fn(&mut dyn Write) -> io::Result<()> + 'a;

/// The part of an object to read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReadSize {
    Whole,
    /// At most this many bytes from its beginning.
    First(usize),
}

/// An object that was read, or the first bytes of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Object {
    pub bytes: Vec<u8>,
    pub version: Version,
}

/// Version of an object's contents. It differs between any two contents of one key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Version(pub String);

/// The condition of a write.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Condition {
    /// The key has no object.
    Absent,
    /// The object is still the version that was read.
    Unchanged(Version),
}

impl Condition {
    /// Returns the condition that nothing was written since `seen` was read.
    pub fn since(seen: Option<&Object>) -> Self {
        seen.map_or(Self::Absent, |object| Self::Unchanged(object.version.clone()))
    }
}

/// Outcome of a conditional write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Put {
    Done,
    /// The condition does not hold.
    Conflict,
}

/// A place to publish to: `s3://bucket/prefix`, or a directory.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Destination {
    /// The path of the directory, which is made if it does not exist.
    Directory(PathBuf),
    S3 {
        /// The bucket's name, or the ARN of an access point.
        bucket: String,
        /// Prefix of the keys, without slashes at its ends; may be empty.
        prefix: String,
    },
}

impl Destination {
    /// Opens the store, which several threads may use. Nothing is written or requested yet.
    ///
    /// # Errors
    /// If AWS cannot be accessed at all.
    pub fn open<'a>(&self, aws: &'a Aws) -> ServiceResult<Box<dyn Store + Sync + 'a>> {
        match self {
            Self::Directory(path) => Ok(Box::new(Directory::new(path.clone()))),
            Self::S3 { bucket, prefix } => Ok(Box::new(s3::Bucket(aws.bucket(bucket, prefix)?))),
        }
    }
}

impl FromStr for Destination {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let Some(rest) = text.strip_prefix("s3://") else {
            return match text {
                "" => Err("the destination is empty".to_owned()),
                _ if text.contains("://") => {
                    Err(format!("`{text}`: publish to s3://BUCKET/PREFIX or to a directory"))
                }
                _ => Ok(Self::Directory(text.into())),
            };
        };
        let (bucket, prefix) = match rest.starts_with("arn:") {
            true => access_point::split(rest).map_err(|problem| format!("`{text}`: {problem}"))?,
            false => {
                let (bucket, prefix) = rest.split_once('/').unwrap_or((rest, ""));
                check_bucket(bucket).map_err(|problem| format!("`{text}`: {problem}"))?;
                (bucket.to_owned(), prefix)
            }
        };
        let prefix = prefix.trim_matches('/');
        if prefix.split('/').any(|part| part.is_empty() && !prefix.is_empty()) {
            return Err(format!("`{text}`: the prefix has an empty part"));
        }
        // Listings are XML, which cannot contain control characters.
        if prefix.contains(char::is_control) {
            return Err(format!("{text:?}: the prefix has a control character in it"));
        }
        if prefix.len() > MAX_PREFIX {
            return Err(format!("`{text}`: the prefix has more than {MAX_PREFIX} bytes"));
        }
        Ok(Self::S3 { bucket, prefix: prefix.to_owned() })
    }
}

/// Checks the name of a bucket.
fn check_bucket(bucket: &str) -> Result<(), String> {
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || ".-".contains(c);
    if !(3..=63).contains(&bucket.len()) || !bucket.chars().all(plain) {
        return Err(format!("`{bucket}` cannot be the name of a bucket"));
    }
    if bucket.ends_with("--x-s3") {
        let problem = "a directory bucket does not list its objects in order, so no run is found \
                       again; publish to a general purpose bucket";
        return Err(problem.to_owned());
    }
    Ok(())
}

impl fmt::Display for Destination {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Directory(path) => write!(f, "{}", path.display()),
            Self::S3 { bucket, prefix } if prefix.is_empty() => write!(f, "s3://{bucket}"),
            Self::S3 { bucket, prefix } => write!(f, "s3://{bucket}/{prefix}"),
        }
    }
}

impl TryFrom<String> for Destination {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl From<Destination> for String {
    fn from(destination: Destination) -> Self {
        destination.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn destinations_are_parsed_as_buckets_or_directories() {
        let parse = |text: &str| text.parse::<Destination>();
        let s3 = |bucket: &str, prefix: &str| {
            Ok(Destination::S3 { bucket: bucket.to_owned(), prefix: prefix.to_owned() })
        };
        assert_eq!(parse("s3://team-efs/a/b/"), s3("team-efs", "a/b"));
        assert_eq!(parse("s3://team-efs"), s3("team-efs", ""));
        assert_eq!(parse("/srv/efs"), Ok(Destination::Directory("/srv/efs".into())));
        let long = format!("s3://team-efs/{}", "x".repeat(901));
        for wrong in [
            "",
            "s3://",
            "s3://Upper/x",
            "s3://ab",
            "s3://team/a//b",
            "gs://team/x",
            "s3://team/a\nb",
            "s3://team--use1-az1--x-s3/x",
            &long,
        ] {
            assert!(parse(wrong).is_err(), "{wrong}");
        }
        let arn = "arn:aws-cn:s3:cn-north-1:123456789012:accesspoint/reports";
        for text in [format!("s3://{arn}/a/b/"), format!("s3://{}/a/b", arn.replace('/', ":"))] {
            let to = parse(&text);
            assert_eq!(to, s3(arn, "a/b"), "{text}");
            assert_eq!(parse(&to.expect("an access point").to_string()), s3(arn, "a/b"));
        }
        assert_eq!(
            parse("s3://team-efs/a/").map(|to| to.to_string()),
            Ok("s3://team-efs/a".into())
        );
    }
}
