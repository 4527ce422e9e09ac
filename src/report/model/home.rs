//! The part of the report that is about one home.

use super::*;

/// A home.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct HomeReport {
    /// Path below the root, `.` for the root itself, or `(outside homes)`.
    pub name: String,
    /// Its bytes in base64, where `name` is lossy.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name_base64: Option<String>,
    /// The kind of home.
    pub kind: HomeKind,
    /// The owner's uid: the number in the home's name, else the owner of the directory.
    pub uid: Option<u32>,
    /// The owner.
    pub owner: Owner,
    /// How much of the home was read.
    pub coverage: Coverage,
    /// Number of operations that failed in the home.
    pub errors: u64,
    /// Newest mtime in the home.
    #[schemars(with = "Option<String>")]
    pub newest_mtime: Option<Timestamp>,
    /// The inodes that the home is charged for.
    pub usage: Usage,
    /// Inodes in the home that belong to another uid.
    pub foreign: Share,
    /// Inodes with links in this home and in another one.
    pub shared: Share,
    /// Those of `shared` that another home is charged for.
    pub charged_elsewhere: Share,
    /// Findings by rule.
    pub rules: Vec<RuleReport>,
    /// Inodes that deleting all its trash and caches frees, but those of no single rule: the links
    /// lie in findings of several rules.
    #[serde(default)]
    pub freed_across_rules: Share,
    /// The largest findings.
    pub findings: Vec<Finding>,
    /// The largest files, by allocated bytes.
    pub largest_files: Vec<LargeFile>,
    /// The largest directories below the home. A directory of which one subdirectory holds 90 % or
    /// more gives its place to that.
    pub largest_dirs: Vec<LargeDir>,
    /// The home's quota, if it has one.
    pub quota: Option<Quota>,
    /// The home's part of the file system's monthly cost, in proportion to its metered bytes. An
    /// estimate: NFS does not show which storage class a file is in.
    #[serde(default)]
    pub cost_month: Option<Usd>,
    /// Size and cost that deleting its trash and caches frees.
    #[serde(default)]
    pub reclaimable: Option<Reclaimable>,
}

/// The owner of a home.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Owner {
    /// The owner's name, if a source of names knows it.
    pub name: Option<String>,
    /// The source that knows it.
    pub source: Option<String>,
    /// User profile or space, if the owner is one in SageMaker Studio.
    #[serde(default)]
    pub member: Option<MemberKind>,
    /// How much is known of the owner.
    pub status: OwnerStatus,
}

/// How much is known of the owner of a home.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum OwnerStatus {
    /// A source of names knows the uid.
    Known,
    /// No source knows the uid, though one should know everybody.
    Orphan,
    /// No source knows the uid, and none claims to know everybody.
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
