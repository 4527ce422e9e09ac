//! The report: one versioned schema that every form and reader shares.
//!
//! Text from file names is lossy UTF-8; where that loses something, a field of the same name with
//! `_base64` holds the bytes. Times are RFC 3339 in UTC. Sizes are bytes, each kind a type of its
//! own. Keys are only added within a version of the schema.

mod finding;
mod home;
mod member;
mod names;

use std::collections::BTreeMap;

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::file_system::FileSystem;
use super::groups::GroupReport;
use super::growth::Growth;
use super::identity::Identity;
use super::money::{Money, Reclaimable};
use super::nfs::NfsTraffic;
use crate::aws::MemberKind;
use crate::packed::PackedList;
use crate::units::{AllocatedBytes, ApparentBytes, MeteredBytes, Usd};
use crate::usage::Class;
pub use crate::usage::HomeKind;

pub use finding::*;
pub use home::*;
pub use member::*;

/// Name and version of the schema.
pub const SCHEMA: &str = "efs-scan/report/1";

/// Name of the entry among the homes for everything outside of them.
pub const OUTSIDE_HOMES: &str = "(outside homes)";

/// The result of a scan.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Report {
    /// `efs-scan/report/1`.
    pub schema: String,
    /// The run that made the report.
    pub run: Run,
    /// Sums over everything scanned. The homes' usages add up to it.
    pub totals: Usage,
    /// The EFS file system that was scanned, if known.
    #[serde(default)]
    pub file_system: Option<FileSystem>,
    /// Cost of everything scanned, if there is a price for it.
    #[serde(default)]
    pub money: Option<Money>,
    /// The scan's requests to the server, if the root is on NFS.
    #[serde(default)]
    pub nfs: Option<NfsTraffic>,
    /// Newest change of anything.
    #[schemars(with = "Option<String>")]
    pub newest_mtime: Option<Timestamp>,
    /// The homes, and `(outside homes)`.
    pub homes: PackedList<HomeReport>,
    /// The groups that pay, largest first, then the homes of no group. Empty if nobody is in a
    /// group, and in a scan of some users.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub groups: Vec<GroupReport>,
    /// User profiles and spaces of SageMaker Studio, if names come from it. Empty in a scan of some
    /// users.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub members: Vec<StudioMember>,
    /// Findings of all homes by rule.
    pub rules: Vec<RuleReport>,
    /// The largest files of all homes, by allocated bytes.
    pub largest_files: Vec<LargeFile>,
    /// The largest directories of all homes.
    pub largest_dirs: Vec<LargeDir>,
    /// Homes whose uid no source of names knows; null unless all owners should be known.
    pub orphans: Option<Orphans>,
    /// Hard links that leave a home or the scan.
    pub hard_links: HardLinks,
    /// The lines of `du -d1`: the root's directories, by name.
    pub top_level: PackedList<TopLevel>,
    /// Operations that failed.
    pub errors: ErrorReport,
    /// Mounts and entries that were skipped on purpose.
    pub left_out: LeftOut,
    /// Why the run has no table of directories although it should have one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dirs_problem: Option<String>,
    /// Homes that grew fast; with `[growth]`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub growth: Option<Growth>,
}

/// A run of the scanner.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Run {
    /// Sorts by time: the start of the run in microseconds.
    pub id: String,
    /// When it started.
    #[schemars(with = "String")]
    pub started: Timestamp,
    /// When it finished.
    #[schemars(with = "String")]
    pub finished: Timestamp,
    /// The root of the scan as an absolute path.
    pub root: String,
    /// Its bytes in base64, where `root` is lossy.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub root_base64: Option<String>,
    /// `posix`, `portable` or `nfs`.
    pub engine: String,
    /// How much of the root was read.
    pub coverage: Coverage,
    /// Version of the program.
    pub version: String,
    /// Version of the checks that the commands of findings passed; 0 in reports from before the
    /// checks.
    #[serde(default)]
    pub command_checks: u32,
    /// Depth of the homes below the root.
    pub home_depth: u32,
    /// The users that the scan was restricted to; empty for all.
    pub users: Vec<String>,
    /// Sources of names.
    pub names: Vec<String>,
    /// The globs of `--exclude`.
    #[serde(default)]
    pub exclude: Vec<String>,
    /// True if other file systems mounted below the root were entered.
    #[serde(default)]
    pub cross_mounts: bool,
    /// The file system that the run belongs to; missing in reports of earlier versions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub identity: Option<Identity>,
    /// Set if the clock went backwards: the times of this run do not compare with those of others.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub clock: Option<ClockFault>,
}

/// How far the wall clock went backwards.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ClockFault {
    /// Seconds that it lost while the run went on.
    pub went_back_seconds: u64,
    /// Seconds that it was behind the end of the newest published run when this one started.
    pub behind_newest_seconds: u64,
}

impl ClockFault {
    /// The remark on it.
    pub fn line(&self) -> String {
        let Self { went_back_seconds: during, behind_newest_seconds: before } = *self;
        let during = (during > 0).then(|| format!("went back by {during} s during the run"));
        let before = (before > 0)
            .then(|| format!("was {before} s behind the newest published run when this one began"));
        let what: Vec<String> = during.into_iter().chain(before).collect();
        format!("the clock {}: times of runs may not compare", what.join(", and "))
    }
}

impl Run {
    /// How long it took. Never negative, whatever the clock did.
    pub fn seconds(&self) -> f64 {
        self.finished.duration_since(self.started).as_secs_f64().max(0.0)
    }
}

/// How much of its scope a scan read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Coverage {
    /// Everything.
    Complete,
    /// Some operations failed: see `errors`.
    Partial,
    /// The run ended before it had seen everything.
    Interrupted,
}

impl Coverage {
    /// The name as in JSON.
    pub fn name(self) -> &'static str {
        match self {
            Self::Complete => "complete",
            Self::Partial => "partial",
            Self::Interrupted => "interrupted",
        }
    }

    /// The coverage of this name in a table. One that only later versions know is not complete
    /// either.
    pub(crate) fn of_cell(name: &[u8]) -> Self {
        match name {
            b"complete" => Self::Complete,
            b"interrupted" => Self::Interrupted,
            _ => Self::Partial,
        }
    }
}

/// Sums over inodes; an inode with several links counts once.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Usage {
    /// Regular files.
    pub files: u64,
    /// Directories.
    pub dirs: u64,
    /// Symbolic links.
    pub symlinks: u64,
    /// Fifos, sockets and devices.
    pub other: u64,
    /// Sum of `st_size`.
    pub apparent_bytes: ApparentBytes,
    /// Sum of `st_blocks * 512`, what `du` counts.
    pub allocated_bytes: AllocatedBytes,
    /// Metered size, which EFS bills: allocated bytes and 2 KiB for each inode.
    pub metered_bytes: MeteredBytes,
    /// By class; sums to the whole.
    pub by_class: ByClass,
    /// By age of mtime when the run started; sums to the whole.
    pub by_age: ByAge,
}

/// Some of the inodes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Share {
    /// Their number.
    pub inodes: u64,
    /// Sum of their `st_blocks * 512`.
    pub allocated_bytes: AllocatedBytes,
    /// Their metered size, which EFS bills.
    pub metered_bytes: MeteredBytes,
}

/// Shares by class.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ByClass {
    /// Deleted, still billed.
    pub trash: Share,
    /// Can be downloaded or built again.
    pub cache: Share,
    /// Python and other environments.
    pub environment: Share,
    /// Output of runs.
    pub output: Share,
    /// Logs and core dumps.
    pub log: Share,
    /// Everything that no rule names.
    pub rest: Share,
}

/// Shares by age of mtime.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ByAge {
    /// Up to 7 days.
    pub days_7: Share,
    /// Up to 30 days.
    pub days_30: Share,
    /// Up to 90 days.
    pub days_90: Share,
    /// Up to 365 days.
    pub year_1: Share,
    /// More.
    pub older: Share,
    /// Their mtime is in the future, so they belong to no age.
    #[serde(default)]
    pub future: Share,
}

/// A large file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct LargeFile {
    /// Path below the root. For a hard-linked file, the first path in byte order that the scan met.
    pub path: String,
    /// Its bytes in base64, where `path` is lossy.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path_base64: Option<String>,
    /// `st_blocks * 512`.
    pub allocated_bytes: AllocatedBytes,
    /// `st_size`.
    pub apparent_bytes: ApparentBytes,
    /// Last change.
    #[schemars(with = "String")]
    pub mtime: Timestamp,
    /// Link count.
    pub links: u32,
}

/// A large directory.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct LargeDir {
    /// Path below the root.
    pub path: String,
    /// Its bytes in base64, where `path` is lossy.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path_base64: Option<String>,
    /// Everything below it. An inode with several links counts in equal shares at each of them.
    pub allocated_bytes: AllocatedBytes,
}

/// A limit on allocated bytes and how much of it is used.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Quota {
    /// The limit.
    pub limit_bytes: AllocatedBytes,
    /// Allocated bytes in percent of the limit, to one decimal.
    pub used_percent: f64,
    /// True if the allocated bytes exceed the limit.
    pub over: bool,
}

/// Homes whose owner no source of names knows.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Orphans {
    /// Number of homes.
    pub homes: u64,
    /// Their inodes; their trash and caches are in the reclaimable size, too.
    pub usage: Share,
    /// Monthly cost of `usage`, as an estimate.
    #[serde(default)]
    pub cost_month: Option<Usd>,
}

/// Hard links that leave a home or the scan.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct HardLinks {
    /// Inodes that several homes link to. Each is charged once, to the first of these homes by
    /// name.
    pub shared_between_homes: Share,
    /// Inodes with links outside of what was scanned.
    pub linked_from_outside: Share,
    /// Inodes that deleting all trash and caches frees, but those of no single rule: the links lie
    /// in findings of several rules.
    #[serde(default)]
    pub freed_across_rules: Share,
}

/// A directory of the root.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct TopLevel {
    /// Name of the directory.
    pub name: String,
    /// Its bytes in base64, where `name` is lossy.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name_base64: Option<String>,
    /// Everything in the directory.
    pub allocated_bytes: AllocatedBytes,
}

/// Operations that failed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ErrorReport {
    /// Number of operations that failed.
    pub count: u64,
    /// By kind: `permission_denied`, `input_output`, `stale`, `moved` and others.
    pub by_kind: BTreeMap<String, u64>,
    /// The first 100 of them by path.
    pub samples: Vec<ErrorSample>,
    /// Entries that vanished during the scan. A vanished directory is also an error of the kind
    /// `moved`.
    pub vanished: u64,
}

/// One operation that failed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ErrorSample {
    /// Path below the root.
    pub path: String,
    /// Its bytes in base64, where `path` is lossy.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path_base64: Option<String>,
    /// `open`, `list`, `stat` or `read`.
    pub op: String,
    /// The kind of error, as in `by_kind`.
    pub kind: String,
    /// The file system's error.
    pub message: String,
}

/// Mounts and entries that were skipped on purpose.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct LeftOut {
    /// Mounts that were not entered.
    pub mounts: u64,
    /// Entries above the homes that were not read, for any reason. They may contain homes, so a
    /// person may have a home that the run does not know.
    #[serde(default)]
    pub above_homes: u64,
    /// The globs of `--exclude` and how much each skipped.
    pub excluded: Vec<Excluded>,
}

/// A glob of `--exclude` and how much it skipped.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Excluded {
    /// The glob as given.
    pub glob: String,
    /// Number of entries that match; nothing below them was looked at.
    pub entries: u64,
}
