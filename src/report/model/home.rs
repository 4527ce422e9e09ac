//! The part of the report that is about one home.

use super::*;

/// What is known of one home.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct HomeReport {
    /// Path below the root, `.` for the root itself, or `(outside homes)`.
    pub name: String,
    /// Its bytes in base64, where `name` is lossy.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name_base64: Option<String>,
    /// What makes it a home.
    pub kind: HomeKind,
    /// Whose it is: the number in its name, else the owner of the directory.
    pub uid: Option<u32>,
    /// Who that is.
    pub owner: Owner,
    /// Whether all of it was read.
    pub coverage: Coverage,
    /// Operations that failed in it.
    pub errors: u64,
    /// Newest change of anything in it.
    #[schemars(with = "Option<String>")]
    pub newest_mtime: Option<Timestamp>,
    /// What it is charged for.
    pub usage: Usage,
    /// What in it belongs to another uid.
    pub foreign: Share,
    /// Inodes that are linked from this home and from another one.
    pub shared: Share,
    /// Those of them that the other home is charged for.
    pub charged_elsewhere: Share,
    /// What each rule found.
    pub rules: Vec<RuleReport>,
    /// The largest findings.
    pub findings: Vec<Finding>,
    /// The largest files, by allocated bytes.
    pub largest_files: Vec<LargeFile>,
    /// The largest directories below the home. One that is nearly all one subdirectory (90 %)
    /// leaves its place to that.
    pub largest_dirs: Vec<LargeDir>,
    /// Its quota, if it has one.
    pub quota: Option<Quota>,
    /// Its share of what the file system costs in a month, in proportion to its metered bytes. An
    /// estimate: which storage class a file is in cannot be seen through NFS.
    #[serde(default)]
    pub cost_month: Option<Usd>,
    /// What deleting its trash and caches would save.
    #[serde(default)]
    pub reclaimable: Option<Reclaimable>,
}

/// Who a home belongs to.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Owner {
    /// The name, if a source knows it.
    pub name: Option<String>,
    /// The source.
    pub source: Option<String>,
    /// What it is in SageMaker Studio, if it is something there.
    #[serde(default)]
    pub member: Option<MemberKind>,
    /// Whether it is known at all.
    pub status: OwnerStatus,
}

/// Whether the owner of a home is known.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum OwnerStatus {
    /// A source knows the uid.
    Known,
    /// No source does, and one should.
    Orphan,
    /// No source does, and none claims to know everybody.
    #[default]
    Unknown,
}

impl OwnerStatus {
    /// The name as in JSON.
    pub fn name(self) -> &'static str {
        match self {
            Self::Known => "known",
            Self::Orphan => "orphan",
            Self::Unknown => "unknown",
        }
    }
}
