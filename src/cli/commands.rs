//! The flags of the commands that do not scan.

use std::path::PathBuf;

use clap::{ArgGroup, Args, ValueEnum};

/// Flags of `efs-scan status`.
#[derive(Debug, Args)]
pub struct StatusArgs {
    /// Where runs are published: s3://BUCKET/PREFIX or a directory
    /// [default: where the configuration publishes to]
    #[arg(long, value_name = "DEST", env = "EFS_SCAN_PUBLISH")]
    pub from: Option<String>,

    /// Show this user or uid only (repeatable)
    #[arg(long = "user", value_name = "NAME|UID")]
    pub users: Vec<String>,

    /// Form of the result
    #[arg(long, value_enum, default_value_t)]
    pub format: StatusFormat,

    /// Add what runs for each user and in each space, by SageMaker
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
    /// Where runs are published: s3://BUCKET/PREFIX or a directory
    /// [default: where the configuration publishes to]
    #[arg(long, value_name = "DEST", env = "EFS_SCAN_PUBLISH")]
    pub from: Option<String>,

    /// Write the page about everybody to this file, which needs nothing else
    #[arg(long, value_name = "FILE")]
    pub html: Option<PathBuf>,

    /// Write a page for each user to DIR/UID.html, with nothing of anybody else's
    #[arg(long, value_name = "DIR")]
    pub users: Option<PathBuf>,

    /// Publish these pages beside the runs: report/latest.html and report/users/UID.html
    #[arg(long)]
    pub publish: bool,

    /// Show what changed over this many days
    #[arg(long, value_name = "N", default_value_t = 90, value_parser = clap::value_parser!(u32).range(1..=3660))]
    pub days: u32,
}

/// Flags of `efs-scan history`.
#[derive(Debug, Args)]
pub struct HistoryArgs {
    /// Where runs are published: s3://BUCKET/PREFIX or a directory
    /// [default: where the configuration publishes to]
    #[arg(long, value_name = "DEST", env = "EFS_SCAN_PUBLISH")]
    pub from: Option<String>,

    /// Show this user or uid only (repeatable)
    #[arg(long = "user", value_name = "NAME|UID")]
    pub users: Vec<String>,

    /// How many days back; growth over 30 days needs as many
    #[arg(long, value_name = "N", default_value_t = 90,
          value_parser = clap::value_parser!(u32).range(1..=3660))]
    pub days: u32,

    /// Forecast when so much is reached: by all homes together, or with --user by each of these
    /// in place of its quota
    #[arg(long, value_name = "SIZE")]
    pub budget: Option<String>,

    /// Form of the result
    #[arg(long, value_enum, default_value_t)]
    pub format: HistoryFormat,
}

/// Flags of `efs-scan publish`.
#[derive(Debug, Args)]
pub struct PublishArgs {
    /// The state directory that the scan used [default: /var/lib/efs-scan]
    #[arg(long, value_name = "DIR", env = "EFS_SCAN_STATE_DIR")]
    pub state_dir: Option<PathBuf>,
}

/// Forms of the history.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum HistoryFormat {
    /// For people
    #[default]
    Table,
    /// A line for each home and run
    Csv,
    /// Everything
    Json,
}

/// Flags of `efs-scan remind`.
#[derive(Debug, Args)]
pub struct RemindArgs {
    /// Where runs are published: s3://BUCKET/PREFIX or a directory
    /// [default: where the configuration publishes to]
    #[arg(long, value_name = "DEST", env = "EFS_SCAN_PUBLISH")]
    pub from: Option<String>,

    /// Print the messages, to whom and why; send nothing and change nothing
    #[arg(long)]
    pub dry_run: bool,

    /// Where it is kept who was reminded when [default: /var/lib/efs-scan]
    #[arg(long, value_name = "DIR", env = "EFS_SCAN_STATE_DIR")]
    pub state_dir: Option<PathBuf>,
}

pub(super) const REMIND_EXIT_CODES: &str = "\
[remind] in the configuration says who sends, who hears of what could not be
sent, where addresses come from, and the texts. A person hears of one reason
once a week at most, and gets one message for all homes.

Exit codes:
  0    whoever was to be reminded was, or was within a week
  1    fatal: nothing published, or another `efs-scan remind` is at work
  2    usage: a flag or the configuration is wrong
  3    the newest run is partial or interrupted; who was not read completely was
       not reminded
  5    a message was not sent, or nobody knows whether it was
  6    the newest run is older than 36 h; nobody was reminded
  130  interrupted; the others are reminded next time";

/// Forms of the status.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum StatusFormat {
    /// For people
    #[default]
    Table,
    /// Everything
    Json,
}
