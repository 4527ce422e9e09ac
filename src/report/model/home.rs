//! The part of the report that is about one home.

use super::*;
use crate::text::printable;
use crate::usage::is_trash_of_root;

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
    /// The owner of the directory, if the home is named by another uid or another person. Root makes
    /// and restores directories, so it does not count as another person.
    #[serde(default)]
    pub directory_owner: Option<DirectoryOwner>,
    /// How much of the home was read.
    pub coverage: Coverage,
    /// Number of operations that failed in the home.
    pub errors: u64,
    /// Entries of the home that vanished during the scan. A vanished directory is also an error of
    /// the kind `moved`.
    #[serde(default)]
    pub vanished: u64,
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
    /// Inodes that deleting all its trash and caches frees, but deleting those of a single rule
    /// does not: their links are in findings of several rules.
    #[serde(default)]
    pub freed_across_rules: Share,
    /// The largest findings.
    pub findings: Vec<Finding>,
    /// The largest files, by allocated bytes.
    pub largest_files: Vec<LargeFile>,
    /// The largest directories below the home. If a subdirectory holds 90 % or more of a directory,
    /// it replaces that directory.
    pub largest_dirs: Vec<LargeDir>,
    /// The home's quota, if it has one.
    pub quota: Option<Quota>,
    /// The home's share of the file system's monthly cost, in proportion to its metered bytes. An
    /// estimate, because NFS does not show the storage class of a file.
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
    /// Names that other sources have for the owner.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub aliases: Vec<String>,
    /// The source that knows the name.
    pub source: Option<String>,
    /// User profile or space, if the owner is a member of SageMaker Studio.
    #[serde(default)]
    pub member: Option<MemberKind>,
    /// How much is known of the owner.
    pub status: OwnerStatus,
    /// The group that pays for the owner, if a source of names has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub group: Option<String>,
    /// True if a source of names knows another person whose name differs at most in its spelling.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub has_namesake: bool,
}

/// The owner of a home's directory, if it is not the uid that the home is named by.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct DirectoryOwner {
    /// The uid.
    pub uid: u32,
    /// The owner's name, if a source of names knows it.
    pub name: Option<String>,
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

impl Owner {
    /// All names of the owner.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.name.iter().chain(&self.aliases).map(String::as_str)
    }
}

impl DirectoryOwner {
    /// True if the owner is not root, which makes and restores directories for others.
    pub fn is_another_person(&self) -> bool {
        self.uid != 0
    }

    /// `directory owned by uid 200006 (bob)`, printable.
    pub fn mark(&self) -> String {
        format!("directory owned by {}", self.human())
    }

    /// `uid 200006 (bob)`, printable.
    pub fn human(&self) -> String {
        match &self.name {
            Some(name) => format!("uid {} ({})", self.uid, printable(name.as_bytes())),
            None => format!("uid {}", self.uid),
        }
    }
}

impl HomeReport {
    /// True for a uid home whose directory belongs to root, for example after a restore by `cp -r`.
    pub fn is_roots(&self) -> bool {
        self.kind == HomeKind::Uid
            && self.directory_owner.as_ref().is_some_and(|owner| owner.uid == 0)
    }

    /// True for a trash directory at the root of the file system, which is reported like a home.
    pub fn is_trash(&self) -> bool {
        self.kind == HomeKind::Named && is_trash_of_root(&self.name_bytes())
    }

    /// Returns the other person who owns the home's directory, if there is one.
    pub fn other_owner(&self) -> Option<&DirectoryOwner> {
        self.directory_owner.as_ref().filter(|owner| owner.is_another_person())
    }

    /// True if the home belongs to the owner of its directory, but more than half of its contents
    /// belong to others.
    pub fn is_mostly_others(&self) -> bool {
        let others = u128::from(self.foreign.allocated_bytes.0);
        self.kind == HomeKind::Named && 2 * others > u128::from(self.usage.allocated_bytes.0)
    }

    /// True if the home may be shown to its owner as theirs: no other person owns its directory,
    /// and most of its contents are the owner's.
    pub fn is_personal(&self) -> bool {
        self.other_owner().is_none() && !self.is_mostly_others()
    }
}
