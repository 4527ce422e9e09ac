//! Values of the calls, without the SDK's types, so that builds without AWS have them too.

use std::fmt;
use std::fs::File;
use std::time::SystemTime;

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::service_error::{ServiceError, ServiceResult};
use crate::text::Shown;
use crate::units::MeteredBytes;

/// One value of a metric.
#[derive(Clone, Debug, PartialEq)]
pub struct Datum {
    pub name: &'static str,
    /// Its dimensions, each a name and a value.
    pub dimensions: Vec<(&'static str, String)>,
    /// The time that the value is for.
    pub at: Timestamp,
    /// The value; never NaN or infinite.
    pub value: f64,
    pub unit: Unit,
}

/// The units of CloudWatch that are used here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    Bytes,
    Count,
    Percent,
    Seconds,
}

/// The metered size of a file system by DescribeFileSystems. It lags by hours.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct EfsSize {
    /// All of it.
    pub value: MeteredBytes,
    /// In EFS Standard.
    pub standard: Option<MeteredBytes>,
    /// In Infrequent Access.
    pub infrequent_access: Option<MeteredBytes>,
    /// In Archive.
    pub archive: Option<MeteredBytes>,
    /// Time of the measurement.
    #[schemars(with = "Option<String>")]
    pub at: Option<Timestamp>,
}

/// A file system by DescribeFileSystems.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct EfsDescription {
    pub size: EfsSize,
    /// `None` for a mode that this program does not know.
    pub throughput: Option<EfsThroughput>,
}

/// How EFS limits and bills what a file system transfers.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct EfsThroughput {
    pub mode: ThroughputMode,
    /// MiB/s that are paid for, with [`ThroughputMode::Provisioned`].
    pub provisioned_mib: Option<f64>,
}

/// EFS's throughput modes (EFS user guide, "Throughput modes").
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum ThroughputMode {
    /// Each GiB that is transferred is billed.
    Elastic,
    /// Grows with what is stored in Standard, and is included in its price.
    Bursting,
    /// A rate that is billed by the month, whether or not it is used.
    Provisioned,
}

/// CloudWatch's metrics of a file system: for each, the beginnings of the periods that have a value,
/// in seconds since the epoch, in order, and the values.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct EfsTraffic {
    /// Bytes that were transferred, which Elastic throughput is billed by.
    pub total: Vec<(i64, f64)>,
    /// The same, reads at a third: what counts against the permitted throughput.
    pub metered: Vec<(i64, f64)>,
    /// The lowest permitted throughput, in bytes a second.
    pub permitted: Vec<(i64, f64)>,
    /// The lowest balance of burst credits, in bytes.
    pub credits: Vec<(i64, f64)>,
}

/// When EFS moves data to cheaper storage classes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct EfsLifecycle {
    /// Days without access after which a file moves to Infrequent Access.
    pub to_ia_days: Option<u32>,
    /// Days without access after which a file moves to Archive.
    pub to_archive_days: Option<u32>,
}

impl EfsLifecycle {
    /// True if nothing ever moves.
    pub fn is_off(&self) -> bool {
        self.to_ia_days.is_none() && self.to_archive_days.is_none()
    }
}

/// Owner of the credentials.
#[derive(Clone, Debug)]
pub struct Identity {
    /// Source of the credentials, in words.
    pub provider: String,
    /// Region of the requests.
    pub region: String,
    /// ARN of the user or role, or the reason that STS does not return it.
    pub caller: ServiceResult<String>,
}

/// Mount target to connect to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MountTarget {
    /// IPv4 address, or the name if the address is not known.
    pub address: String,
    /// DNS name of the file system; the certificates of its mount targets are for this name.
    pub name: String,
    /// Id of the availability zone: `use1-az1`. Empty if it is not known.
    pub zone: String,
    /// True if it is in this machine's zone; `None` if that zone is not known.
    pub near: Option<bool>,
}

/// A connection to EFS, for an IAM identity to sign.
#[derive(Clone, Copy, Debug)]
pub struct EfsConnect<'a> {
    /// `fs-…`
    pub file_system: &'a str,
    /// The file system's region; `None` for the configured one.
    pub region: Option<&'a str>,
    /// SHA-1 of the client's public key, in hexadecimal digits.
    pub public_key_sha1: &'a str,
    /// Time of the signature, in whole seconds.
    pub at: SystemTime,
}

/// The signature of a connection, and what EFS needs to verify it.
#[derive(Clone, PartialEq, Eq)]
pub struct EfsSignature {
    pub access_key_id: String,
    pub session_token: Option<String>,
    /// In hexadecimal digits.
    pub signature: String,
    /// Expiry of the credentials, if it is known.
    pub expires: Option<SystemTime>,
}

impl fmt::Debug for EfsSignature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct("EfsSignature");
        shown.field("access_key_id", &self.access_key_id).field("expires", &self.expires);
        shown.finish_non_exhaustive()
    }
}

/// A domain of SageMaker Studio.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Domain {
    /// `d-…`
    pub id: String,
    pub name: String,
}

/// The kind of a member of a domain.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "lowercase")]
pub enum MemberKind {
    /// A user profile.
    Profile,
    /// A shared space.
    Space,
}

/// A user profile or a space.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Member {
    pub kind: MemberKind,
    pub name: String,
    /// Time of creation. A profile that is deleted and made again gets another uid.
    pub created: String,
    /// `HomeEfsFileSystemUid`; `None` before it is assigned.
    pub uid: Option<u32>,
    /// Time of the last change; `None` in answers cached by versions without this field.
    #[serde(default)]
    pub modified: Option<String>,
    /// The user profile that a space belongs to.
    #[serde(default)]
    pub owner: Option<String>,
    /// Size of a space's EBS volume in GiB.
    #[serde(default)]
    pub ebs_gib: Option<u32>,
    /// Ids of the EFS file systems that an administrator attached, without the domain's own. `None`
    /// if they were not requested.
    #[serde(default)]
    pub file_systems: Option<Vec<String>>,
    /// ARN, once the member is described.
    #[serde(default)]
    pub arn: Option<String>,
    /// The requested tag, if the member has it.
    #[serde(default)]
    pub tag: Option<Tag>,
}

/// A tag of a resource.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Tag {
    pub key: String,
    pub value: String,
}

/// An app of a user profile or in a space.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct App {
    /// `JupyterLab`, `KernelGateway` and others.
    #[serde(rename = "type")]
    pub kind: String,
    pub name: String,
    /// The user profile that it runs for: its own, or the owner of a private space.
    pub profile: Option<String>,
    /// The space that it runs in.
    pub space: Option<String>,
    /// The user profile that the space belongs to, private or shared.
    #[serde(default)]
    pub space_owner: Option<String>,
    /// `ml.t3.medium` and the like; the default app may have none.
    pub instance_type: Option<String>,
    /// `InService`, `Pending`, `Failed`, `Deleting`.
    pub status: String,
    /// Time of creation.
    #[schemars(with = "Option<String>")]
    pub created: Option<Timestamp>,
}

/// A message in plain text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Email {
    /// The sender: an address, or a name and an address in angle brackets.
    pub from: String,
    /// The one address that receives it.
    pub to: String,
    /// The one address that receives a copy.
    pub copy_to: Option<String>,
    /// The address for replies and bounces.
    pub reply_to: String,
    /// One line.
    pub subject: Shown,
    pub text: Shown,
}

/// A message that was not sent, or may not have been.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EmailError {
    pub outcome: EmailOutcome,
    pub error: ServiceError,
}

/// The outcome of a message that SES did not confirm.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EmailOutcome {
    /// SES refused this message; it may take another one.
    Rejected,
    /// SES takes no messages now, and did not take this one.
    Closed,
    /// The answer was lost, so SES may have taken the message.
    Unknown,
}

/// An object of a bucket, or the first bytes of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct S3Object {
    pub bytes: Vec<u8>,
    /// Differs between any two contents of one key.
    pub etag: String,
}

/// The part of an object to read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ObjectPart {
    /// All of it. An object of more bytes is an error before it is read.
    Whole { most: u64 },
    /// At most this many bytes from its beginning.
    First(usize),
}

/// The contents of an object that is written.
#[derive(Debug)]
pub enum S3Body {
    Memory(Vec<u8>),
    /// A file, which may have no name.
    File {
        file: File,
        /// Bytes.
        length: u64,
        /// SHA-256 of the contents, in base64. The SDK would read the file to find out, for each try.
        sha256: String,
    },
}

#[cfg(feature = "aws")]
impl S3Body {
    /// Its size in bytes.
    pub(super) fn len(&self) -> usize {
        match self {
            Self::Memory(bytes) => bytes.len(),
            Self::File { length, .. } => usize::try_from(*length).unwrap_or(usize::MAX),
        }
    }
}

/// The condition of a write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WriteIf<'a> {
    /// The key has no object.
    Absent,
    /// The object of the key has this ETag.
    Etag(&'a str),
}

/// The end of a conditional write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Written {
    Done,
    /// The condition does not hold.
    Conflict,
}

/// The settings of buckets.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct BucketOptions {
    /// Region of the bucket, if it is not that of this machine.
    pub region: Option<String>,
    pub put: PutOptions,
    /// True if this account pays for requests to another one's bucket.
    pub requester_pays: bool,
    /// True if the server takes no conditional writes: the object is looked at before each write
    /// instead, and another writer may come in between.
    pub unconditional: bool,
}

/// The headers that a bucket's policy may ask for with each write, as S3 spells their values.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PutOptions {
    /// Kind of encryption: `aws:kms`.
    pub sse: Option<String>,
    /// Id, ARN or alias of the key.
    pub kms_key_id: Option<String>,
    pub acl: Option<String>,
    pub storage_class: Option<String>,
}

/// True if it can be the name of a region: it becomes part of a host name.
pub fn is_region(name: &str) -> bool {
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    (1..=63).contains(&name.len()) && name.chars().all(plain) && !name.starts_with('-')
}
