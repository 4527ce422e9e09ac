//! The report: one versioned schema that every renderer and reader shares.
//!
//! Text from file names is lossy UTF-8; where that loses something, a field of the same name with
//! `_base64` holds the bytes. Times are RFC 3339 in UTC. Sizes are bytes, each kind a type of its
//! own. Keys are only added within a version of the schema.

mod home;
mod names;

use std::collections::BTreeMap;

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::file_system::FileSystem;
use super::money::{Money, Reclaimable};
use super::nfs::NfsTraffic;
use crate::aws::MemberKind;
use crate::units::{AllocatedBytes, ApparentBytes, MeteredBytes, Usd};
use crate::usage::Class;
pub use crate::usage::HomeKind;

pub use home::*;

/// Name and version of the schema.
pub const SCHEMA: &str = "efs-scan/report/1";

/// How the part outside of all homes is named among the homes.
pub const OUTSIDE_HOMES: &str = "(outside homes)";

/// What a scan found.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Report {
    /// `efs-scan/report/1`.
    pub schema: String,
    /// The run that made it.
    pub run: Run,
    /// Everything that was scanned. The homes' usages sum to it.
    pub totals: Usage,
    /// The EFS file system that was scanned, if it is known which one it is.
    #[serde(default)]
    pub file_system: Option<FileSystem>,
    /// What that costs, if there is a price for it.
    #[serde(default)]
    pub money: Option<Money>,
    /// What the scan asked of the server, where the root is on NFS.
    #[serde(default)]
    pub nfs: Option<NfsTraffic>,
    /// Newest change of anything.
    #[schemars(with = "Option<String>")]
    pub newest_mtime: Option<Timestamp>,
    /// The homes, and `(outside homes)`.
    pub homes: Vec<HomeReport>,
    /// What each rule found in all homes.
    pub rules: Vec<RuleReport>,
    /// The largest files of all homes, by allocated bytes.
    pub largest_files: Vec<LargeFile>,
    /// The largest directories of all homes.
    pub largest_dirs: Vec<LargeDir>,
    /// Homes whose uid no source of names knows, if a source should know everybody.
    pub orphans: Option<Orphans>,
    /// Hard links that lead out of a home or out of the scan.
    pub hard_links: HardLinks,
    /// The lines of `du -d1`: the root's directories, by name.
    pub top_level: Vec<TopLevel>,
    /// What could not be read.
    pub errors: ErrorReport,
    /// What was left out on purpose.
    pub left_out: LeftOut,
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
    /// What was scanned, as an absolute path.
    pub root: String,
    /// Its bytes in base64, where `root` is lossy.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub root_base64: Option<String>,
    /// `posix` or `portable`.
    pub engine: String,
    /// Whether all of it was seen.
    pub coverage: Coverage,
    /// Version of the program.
    pub version: String,
    /// Depth of the homes below the root.
    pub home_depth: u32,
    /// The users it was restricted to; empty for all.
    pub users: Vec<String>,
    /// Where names came from.
    pub names: Vec<String>,
    /// The globs of what was left out.
    #[serde(default)]
    pub exclude: Vec<String>,
    /// Whether other file systems mounted below the root were entered.
    #[serde(default)]
    pub cross_mounts: bool,
}

/// How much of what was asked for a report covers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Coverage {
    /// Everything.
    Complete,
    /// Something could not be read: `errors` says what.
    Partial,
    /// The run was ended before it had seen everything.
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
}

/// Sums over inodes; one with several links counts once.
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
    /// What EFS bills: allocated bytes and 2 KiB for each inode.
    pub metered_bytes: MeteredBytes,
    /// By what the rules say; sums to the whole.
    pub by_class: ByClass,
    /// By age of mtime when the run started; sums to the whole.
    pub by_age: ByAge,
}

/// A share of inodes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Share {
    /// How many.
    pub inodes: u64,
    /// Their `st_blocks * 512`.
    pub allocated_bytes: AllocatedBytes,
    /// What EFS bills for them.
    pub metered_bytes: MeteredBytes,
}

/// Shares by class.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ByClass {
    /// Deleted, still billed.
    pub trash: Share,
    /// Can be had again.
    pub cache: Share,
    /// Python and other environments.
    pub environment: Share,
    /// Output of runs.
    pub output: Share,
    /// Logs and core dumps.
    pub log: Share,
    /// What no rule named.
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
}

/// What one rule found.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct RuleReport {
    /// The rule.
    pub rule: String,
    /// Its class.
    pub class: Class,
    /// Whether it only hints: its bytes count as `rest`.
    pub hint: bool,
    /// In how many places.
    pub places: u64,
    /// Every inode in them, once.
    pub usage: Share,
    /// What deleting all of them would free: inodes without a link elsewhere.
    pub frees: Share,
    /// What `frees` costs in a month, as an estimate.
    #[serde(default)]
    pub cost_month: Option<Usd>,
    /// The command that reclaims it; `{path}` stands for the place.
    pub command: Option<String>,
    /// What its owner does where there is no command for it, in words.
    #[serde(default)]
    pub advice: Option<String>,
    /// A word of caution about that.
    pub note: Option<String>,
}

/// One place that a rule found.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Finding {
    /// The rule.
    pub rule: String,
    /// Its class.
    pub class: Class,
    /// Whether it only hints: its bytes count as `rest`.
    pub hint: bool,
    /// Path below the root.
    pub path: String,
    /// Its bytes in base64, where `path` is lossy.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path_base64: Option<String>,
    /// Every inode in it, once, less what an earlier rule claims.
    pub usage: Share,
    /// What deleting it would really free: inodes whose links all lie in it.
    pub frees: Share,
    /// What `frees` costs in a month, as an estimate.
    #[serde(default)]
    pub cost_month: Option<Usd>,
    /// The command that reclaims it, as its owner would run it.
    pub command: Option<String>,
    /// What its owner does where there is no command for it, in words.
    #[serde(default)]
    pub advice: Option<String>,
}

/// A large file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct LargeFile {
    /// Path below the root; the smallest of those the scan met, for a hard-linked file.
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
    /// Everything below it; an inode with several links counts by its share at each of them.
    pub allocated_bytes: AllocatedBytes,
}

/// A quota and how much of it is used, by allocated bytes.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Quota {
    /// The limit.
    pub limit_bytes: AllocatedBytes,
    /// Percent of it, to one decimal.
    pub used_percent: f64,
    /// Whether it is exceeded.
    pub over: bool,
}

/// Homes that belong to nobody known.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Orphans {
    /// How many homes.
    pub homes: u64,
    /// What they hold together; their trash and caches are in what could be reclaimed, too.
    pub usage: Share,
    /// What that costs in a month, as an estimate.
    #[serde(default)]
    pub cost_month: Option<Usd>,
}

/// Hard links that lead somewhere else.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct HardLinks {
    /// Inodes that several homes link to. Each is charged once: to the first of these homes by
    /// name.
    pub shared_between_homes: Share,
    /// Inodes with links that were not seen, because they lie outside of what was scanned.
    pub linked_from_outside: Share,
}

/// A directory of the root.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct TopLevel {
    /// Its name.
    pub name: String,
    /// Its bytes in base64, where `name` is lossy.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name_base64: Option<String>,
    /// Everything in it.
    pub allocated_bytes: AllocatedBytes,
}

/// What could not be read.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ErrorReport {
    /// How many operations failed.
    pub count: u64,
    /// By kind: `permission_denied`, `input_output`, `stale` and others.
    pub by_kind: BTreeMap<String, u64>,
    /// The first 100 by path.
    pub samples: Vec<ErrorSample>,
    /// Entries that were gone when their turn came. These are not errors.
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
    /// The kind it is counted under.
    pub kind: String,
    /// What the file system answered.
    pub message: String,
}

/// What was left out on purpose.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct LeftOut {
    /// Mounts that were not entered.
    pub mounts: u64,
    /// What each `--exclude` pruned.
    pub excluded: Vec<Excluded>,
}

/// What one glob pruned.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Excluded {
    /// The glob as given.
    pub glob: String,
    /// How many entries it matched; what lies below them was not looked at.
    pub entries: u64,
}
