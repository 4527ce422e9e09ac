//! What is sent to AWS and what comes back, without the SDK's types.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// One value of a metric.
#[derive(Clone, Debug, PartialEq)]
pub struct Datum {
    /// Name of the metric.
    pub name: &'static str,
    /// Its dimensions, name and value.
    pub dimensions: Vec<(&'static str, String)>,
    /// When it was so.
    pub at: Timestamp,
    /// The value; never NaN or infinite.
    pub value: f64,
    /// What it is counted in.
    pub unit: Unit,
}

/// CloudWatch's units, as far as they are used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    /// Bytes.
    Bytes,
    /// Things.
    Count,
    /// Percent.
    Percent,
    /// Seconds.
    Seconds,
}

/// Where a file system can be reached.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MountTarget {
    /// IPv4 address.
    pub address: String,
    /// The file system's name in DNS, which the certificate of each of its mount targets is for.
    pub name: String,
    /// Its availability zone, `use1-az1`.
    pub zone: String,
    /// Whether that is this machine's, if that is known.
    pub near: Option<bool>,
}

/// A domain of SageMaker Studio.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Domain {
    /// `d-…`.
    pub id: String,
    /// What people call it.
    pub name: String,
}

/// What has a home in a domain.
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
    /// Which of the two.
    pub kind: MemberKind,
    /// Its name.
    pub name: String,
    /// When it was made: one that was deleted and made again under its name has another uid.
    pub created: String,
    /// `HomeEfsFileSystemUid`, once it has one.
    pub uid: Option<u32>,
}

/// Something that runs for a user profile or in a space.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct App {
    /// `JupyterLab`, `KernelGateway` and others.
    #[serde(rename = "type")]
    pub kind: String,
    /// Its name.
    pub name: String,
    /// The user profile it runs for.
    pub profile: Option<String>,
    /// The space it runs in.
    pub space: Option<String>,
    /// `ml.t3.medium` and the like; the default app may have none.
    pub instance_type: Option<String>,
    /// `InService`, `Pending`, `Failed`, `Deleting`.
    pub status: String,
    /// Since when.
    #[schemars(with = "Option<String>")]
    pub created: Option<Timestamp>,
}
