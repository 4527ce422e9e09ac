//! The flags of the commands that do not scan.

use std::path::PathBuf;

use clap::{ArgGroup, Args, ValueEnum};

use super::ScanArgs;
use crate::state::KeepIn;

/// Flags of `efs-scan status`.
#[derive(Debug, Args)]
pub struct StatusArgs {
    /// Destination of the runs: s3://BUCKET/PREFIX or a directory [default: the configuration's]
    #[arg(long, value_name = "DEST", env = "EFS_SCAN_PUBLISH")]
    pub from: Option<String>,

    /// Only this file system, by its key or name (repeatable)
    #[arg(long = "file-system", value_name = "KEY")]
    pub file_systems: Vec<String>,

    /// Show only this user or uid (repeatable)
    #[arg(long = "user", value_name = "NAME|UID")]
    pub users: Vec<String>,

    /// Form of the output
    #[arg(long, value_enum, default_value_t)]
    pub format: StatusFormat,

    /// Of several file systems, show the sums only: of each, or of each person or group across all
    /// of them
    #[arg(long, value_enum)]
    pub by: Option<By>,

    /// Add the SageMaker apps of each user and each space
    #[arg(long)]
    pub apps: bool,

    /// Exit with 6 if the newest run is older than 36 h
    #[arg(long)]
    pub fail_if_stale: bool,
}

/// Flags of `efs-scan report`.
#[derive(Debug, Args)]
#[command(group(ArgGroup::new("pages").required(true).multiple(true).args(["html", "users", "publish"])))]
pub struct ReportArgs {
    /// Destination of the runs: s3://BUCKET/PREFIX or a directory [default: the configuration's]
    #[arg(long, value_name = "DEST", env = "EFS_SCAN_PUBLISH")]
    pub from: Option<String>,

    /// Write the page about all homes, or about several file systems, to this self-contained file
    #[arg(long, value_name = "FILE")]
    pub html: Option<PathBuf>,

    /// Write a page for each user to DIR/UID.html, about that user's homes only
    #[arg(long, value_name = "DIR")]
    pub users: Option<PathBuf>,

    /// Publish the pages at the destination: report/index.html, and of each file system
    /// report/KEY/latest.html and report/KEY/users/UID.html
    #[arg(long)]
    pub publish: bool,

    /// Only this file system, by its key or name (repeatable)
    #[arg(long = "file-system", value_name = "KEY")]
    pub file_systems: Vec<String>,

    /// Make pages of this user's or uid's homes only, and none about all homes (repeatable)
    #[arg(long = "user", value_name = "NAME|UID")]
    pub only: Vec<String>,

    /// Show the changes of the last N days
    #[arg(long, value_name = "N", default_value_t = 90, value_parser = clap::value_parser!(u32).range(1..=3660))]
    pub days: u32,
}

/// Flags of `efs-scan history`.
#[derive(Debug, Args)]
pub struct HistoryArgs {
    /// Destination of the runs: s3://BUCKET/PREFIX or a directory [default: the configuration's]
    #[arg(long, value_name = "DEST", env = "EFS_SCAN_PUBLISH")]
    pub from: Option<String>,

    /// Only this file system, by its key or name (repeatable)
    #[arg(long = "file-system", value_name = "KEY")]
    pub file_systems: Vec<String>,

    /// Show only this user or uid (repeatable)
    #[arg(long = "user", value_name = "NAME|UID")]
    pub users: Vec<String>,

    /// Show the last N days; growth over 30 days needs as many
    #[arg(long, value_name = "N", default_value_t = 90,
          value_parser = clap::value_parser!(u32).range(1..=3660))]
    pub days: u32,

    /// Forecast when this size is reached: by all homes together, or with --user by each of these,
    /// instead of its quota
    #[arg(long, value_name = "SIZE")]
    pub budget: Option<String>,

    /// Of all file systems together, show each of them, or each person or group across all of them
    #[arg(long, value_enum, conflicts_with = "users")]
    pub by: Option<By>,

    /// Show what each line of --by held in each month, as the mean of its days, and what that cost
    #[arg(long, requires = "by")]
    pub monthly: bool,

    /// Form of the output
    #[arg(long, value_enum, default_value_t)]
    pub format: HistoryFormat,
}

/// Flags of `efs-scan changes`.
#[derive(Debug, Args)]
pub struct ChangesArgs {
    /// Two tables of directories that `efs-scan --dirs` wrote, in place of published ones: the older
    /// one first
    #[arg(value_name = "OLD NEW", num_args = 2,
          conflicts_with_all = ["from", "file_system", "since", "until"])]
    pub files: Vec<PathBuf>,

    /// Destination of the runs: s3://BUCKET/PREFIX or a directory [default: the configuration's]
    #[arg(long, value_name = "DEST", env = "EFS_SCAN_PUBLISH")]
    pub from: Option<String>,

    /// Which file system, by its key or name, if several are published
    #[arg(long, value_name = "KEY")]
    pub file_system: Option<String>,

    /// Show only this user or uid (repeatable)
    #[arg(long = "user", value_name = "NAME|UID")]
    pub users: Vec<String>,

    /// The run to begin with: the one nearest to so long before the last one (7d, 12h, 2w,
    /// yesterday), the first one from a day on (2026-11-24), or the one with this id
    #[arg(long, value_name = "WHEN", default_value = "yesterday")]
    pub since: String,

    /// The run to end with: the one nearest to so long ago, the last one up to a day, or the one with
    /// this id [default: the newest]
    #[arg(long, value_name = "WHEN")]
    pub until: Option<String>,

    /// Explain only this directory, below the root, or with --user below the home
    #[arg(long, value_name = "PATH")]
    pub path: Option<PathBuf>,

    /// Show no place that changed by less; what is not shown is summed up
    #[arg(long, value_name = "SIZE")]
    pub min: Option<String>,

    /// Show at most so many places of a home; fewer, if these explain 95 % of what changed
    #[arg(long, value_name = "N", default_value_t = 20,
          value_parser = clap::value_parser!(u16).range(1..=1000))]
    pub limit: u16,

    /// Form of the output
    #[arg(long, value_enum, default_value_t)]
    pub format: ChangesFormat,
}

/// A form of the changes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum ChangesFormat {
    /// For people
    #[default]
    Table,
    /// Everything
    Json,
}

pub(super) const CHANGES_HELP: &str = "\
The sizes are allocated bytes, and the lines of a home add up to its change. A
place is named where most of a change is: the deepest directory that holds it,
and of what is new or gone the topmost one.

Exit codes:
  0    both runs read everything
  1    fatal: the tables cannot be read, or no run has one
  2    usage: a flag or the configuration is wrong, or there is no such run
  3    one of the runs is partial or interrupted";

/// Flags of `efs-scan publish`.
#[derive(Debug, Args)]
pub struct PublishArgs {
    /// First move a destination that an earlier version wrote, with one file system, to the present
    /// layout, and make the Parquet tables of runs that have CSV tables. It loses nothing, and may be
    /// repeated
    #[arg(long)]
    pub migrate: bool,

    /// The destination that --migrate moves [default: the configuration's]
    #[arg(long, value_name = "DEST", env = "EFS_SCAN_PUBLISH", requires = "migrate")]
    pub to: Option<String>,

    /// Where the scan keeps its state: in the directory, where runs wait to be sent, or at the destination,
    /// where none waits [default: auto]
    #[arg(long, value_enum, value_name = "WHERE", env = "EFS_SCAN_STATE")]
    pub state: Option<KeepIn>,

    /// State directory of the scan [default: /var/lib/efs-scan]
    #[arg(long, value_name = "DIR", env = "EFS_SCAN_STATE_DIR")]
    pub state_dir: Option<PathBuf>,

    /// Let others write to the state directory, as with a scan
    #[arg(long, env = "EFS_SCAN_STATE_DIR_SHARED")]
    pub state_dir_shared: bool,
}

/// Flags of `efs-scan merge`, beside those of a scan.
#[derive(Debug, Args)]
pub struct MergeArgs {
    /// Destination of the shards, to which the run is published unless --publish names another one
    /// [default: the configuration's]
    #[arg(long, value_name = "DEST")]
    pub from: Option<String>,

    /// Wait so long for shards that are not there yet, and for their plan: 90s, 30m. A run without
    /// them is partial [default: 0s]
    #[arg(long, value_name = "TIME")]
    pub wait: Option<String>,

    /// Flags of the scan that the run would have been.
    #[command(flatten)]
    pub scan: ScanArgs,
}

pub(super) const MERGE_HELP: &str = "\
The run is the one that a single scan would have made, and its exit codes are
those of a scan. What the shards had in common comes from their plan, so ROOT need
not be mounted here; [rules] must be the same.";

/// A form of the history.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum HistoryFormat {
    /// For people
    #[default]
    Table,
    /// One line for each home and run
    Csv,
    /// Everything
    Json,
}

/// Flags of `efs-scan remind`.
#[derive(Debug, Args)]
pub struct RemindArgs {
    /// Destination of the runs: s3://BUCKET/PREFIX or a directory [default: the configuration's]
    #[arg(long, value_name = "DEST", env = "EFS_SCAN_PUBLISH")]
    pub from: Option<String>,

    /// Only this file system, by its key or name (repeatable)
    #[arg(long = "file-system", value_name = "KEY")]
    pub file_systems: Vec<String>,

    /// Remind only the owner of this user's or uid's homes (repeatable)
    #[arg(long = "user", value_name = "NAME|UID")]
    pub users: Vec<String>,

    /// Remind of homes or of apps only [default: homes, and apps if the configuration has
    /// [remind.apps]]
    #[arg(long, value_enum, value_name = "WHAT")]
    pub only: Option<RemindOf>,

    /// Print the messages, their recipients and the reasons; send nothing and change nothing
    #[arg(long)]
    pub dry_run: bool,

    /// Where to keep who was reminded and when: in the state directory, or at the destination of the
    /// runs [default: auto, as with a scan]
    #[arg(long, value_enum, value_name = "WHERE", env = "EFS_SCAN_STATE")]
    pub state: Option<KeepIn>,

    /// State directory, which keeps who was reminded and when [default: /var/lib/efs-scan]
    #[arg(long, value_name = "DIR", env = "EFS_SCAN_STATE_DIR")]
    pub state_dir: Option<PathBuf>,

    /// Let others write to the state directory, as with a scan
    #[arg(long, env = "EFS_SCAN_STATE_DIR_SHARED")]
    pub state_dir_shared: bool,
}

pub(super) const CHECK_EXIT_CODES: &str = "\
`--format json` makes JSON of it; every other form is a table. The lines have no
secrets in them and are what a bug report needs. Exit codes:
  0    everything works
  1    something fails: a run would not do what it is configured to
  2    usage: a flag, the configuration or a rule is wrong
  3    a run would lack something, or cost more than it has to";

pub(super) const REMIND_EXIT_CODES: &str = "\
[remind] in the configuration has the sender, the administrator, the addresses
and the texts. A person is reminded of one reason at most once a week, and gets
one message for all homes, and one for all apps that run for long. Reminders of
apps need no published run.

Exit codes:
  0    everybody who is due was reminded, now or within the last week
  1    fatal: nothing is published, SageMaker does not answer, or another
       `efs-scan remind` is running
  2    usage: a flag or the configuration is wrong
  3    the newest run is partial or interrupted; owners of homes that were not
       read completely were not reminded; or a domain did not answer, and owners
       of its apps were not reminded
  5    a message was not sent, or it is not known whether it was
  6    the newest run is older than 36 h; nobody was reminded
  130  interrupted; the others are reminded next time";

/// What people are reminded of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum RemindOf {
    /// Homes over quota or with much trash
    Homes,
    /// Apps that run for long
    Apps,
}

/// What the lines about several file systems are about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum By {
    /// A line for each file system
    FileSystem,
    /// A line for each person, with the homes of all file systems
    Person,
    /// A line for each group that pays, with the homes of all file systems
    Group,
}

/// A form of the status.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum StatusFormat {
    /// For people
    #[default]
    Table,
    /// Everything
    Json,
}
