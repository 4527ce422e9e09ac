//! What a place to publish to must do, and how it is named.

mod directory;
mod s3;

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::aws::Aws;
use crate::service_error::ServiceResult;

pub use directory::Directory;

/// Objects under keys such as `runs/dt=2026-11-24/RUN.json`. One object appears or changes as a
/// whole or not at all; nothing is promised about several.
pub trait Store {
    /// How errors and people name the object.
    fn name(&self, key: &str) -> String;

    /// Makes sure that objects can be written, without leaving one.
    ///
    /// # Errors
    /// What stands in the way.
    fn check(&self) -> ServiceResult<()>;

    /// The object, or `None` where there is none.
    ///
    /// # Errors
    /// If the store cannot say.
    fn get(&self, key: &str) -> ServiceResult<Option<Object>>;

    /// Hands over the objects of these keys in their order, each as [`get`](Self::get) answers or
    /// the beginning of it. What is far away is asked for several at a time.
    ///
    /// # Errors
    /// The first one of `take`, which ends it.
    fn get_each(&self, keys: &[&str], extent: Extent, take: &mut Take<'_>) -> ServiceResult<()> {
        keys.iter().enumerate().try_for_each(|(at, key)| {
            let mut object = self.get(key);
            if let (Ok(Some(object)), Extent::First(bytes)) = (&mut object, extent) {
                object.bytes.truncate(bytes);
            }
            take(at, object)
        })
    }

    /// Writes the object if the condition holds.
    ///
    /// # Errors
    /// If it may not have been written. It may have been, too, if the answer was lost.
    fn put(&self, key: &str, bytes: &[u8], condition: Condition) -> ServiceResult<Put>;

    /// The keys that begin with `prefix` and come after `after`, in order.
    ///
    /// # Errors
    /// If the store cannot say.
    fn list(&self, prefix: &str, after: &str) -> ServiceResult<Vec<String>>;
}

/// Takes what was asked for at this index.
pub type Take<'a> = dyn FnMut(usize, ServiceResult<Option<Object>>) -> ServiceResult<()> + 'a;

/// How much of an object is wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Extent {
    /// All of it.
    Whole,
    /// So many bytes from its beginning, or fewer where it is smaller.
    First(usize),
}

/// An object as it was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Object {
    /// What is in it.
    pub bytes: Vec<u8>,
    /// Which one it was.
    pub version: Version,
}

/// Tells one content of a key from the next one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Version(pub String);

/// What must hold for an object to be written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Condition {
    /// There is none.
    Absent,
    /// It is the one that was read.
    Unchanged(Version),
}

impl Condition {
    /// That nobody wrote since `seen` was read.
    pub fn since(seen: Option<&Object>) -> Self {
        seen.map_or(Self::Absent, |object| Self::Unchanged(object.version.clone()))
    }
}

/// How a conditional write ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Put {
    /// It is there.
    Done,
    /// The condition does not hold.
    Conflict,
}

/// Where to publish: `s3://bucket/prefix`, or a directory.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Destination {
    /// A directory, made if it is not there.
    Directory(PathBuf),
    /// A bucket.
    S3 {
        /// Its name.
        bucket: String,
        /// What keys begin with, without slashes at its ends; may be empty.
        prefix: String,
    },
}

impl Destination {
    /// Opens it; nothing is written or asked yet.
    ///
    /// # Errors
    /// If there is no access to AWS at all.
    pub fn open<'a>(&self, aws: &'a Aws) -> ServiceResult<Box<dyn Store + 'a>> {
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
                "" => Err("an empty name is no place to publish to".to_owned()),
                _ if text.contains("://") => {
                    Err(format!("`{text}`: publish to s3://BUCKET/PREFIX or to a directory"))
                }
                _ => Ok(Self::Directory(text.into())),
            };
        };
        let (bucket, prefix) = rest.split_once('/').unwrap_or((rest, ""));
        let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || ".-".contains(c);
        if !(3..=63).contains(&bucket.len()) || !bucket.chars().all(plain) {
            return Err(format!("`{text}`: `{bucket}` cannot be the name of a bucket"));
        }
        let prefix = prefix.trim_matches('/');
        if prefix.split('/').any(|part| part.is_empty() && !prefix.is_empty()) {
            return Err(format!("`{text}`: the prefix has an empty part"));
        }
        Ok(Self::S3 { bucket: bucket.to_owned(), prefix: prefix.to_owned() })
    }
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
    fn buckets_and_directories_are_told_apart() {
        let parse = |text: &str| text.parse::<Destination>();
        let s3 = |bucket: &str, prefix: &str| {
            Ok(Destination::S3 { bucket: bucket.to_owned(), prefix: prefix.to_owned() })
        };
        assert_eq!(parse("s3://team-efs/a/b/"), s3("team-efs", "a/b"));
        assert_eq!(parse("s3://team-efs"), s3("team-efs", ""));
        assert_eq!(parse("/srv/efs"), Ok(Destination::Directory("/srv/efs".into())));
        for wrong in ["", "s3://", "s3://Upper/x", "s3://ab", "s3://team/a//b", "gs://team/x"] {
            assert!(parse(wrong).is_err(), "{wrong}");
        }
        assert_eq!(
            parse("s3://team-efs/a/").map(|to| to.to_string()),
            Ok("s3://team-efs/a".into())
        );
    }
}
