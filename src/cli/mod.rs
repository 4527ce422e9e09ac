//! The command line, and nothing but.

mod commands;

use std::path::PathBuf;

use clap::parser::ValueSource;
use clap::{ArgMatches, Args, CommandFactory, FromArgMatches, Parser, Subcommand, ValueEnum};
use clap_complete::Shell;
use serde::{Deserialize, Serialize};

pub use commands::{
    HistoryArgs, HistoryFormat, PublishArgs, RemindArgs, ReportArgs, StatusArgs, StatusFormat,
};

use crate::outbox::UserMetrics;
use crate::report::SortKey;
use crate::scan::{EngineKind, Threads};

/// Who uses what on Amazon EFS: scans a mounted file system in parallel, attributes every byte
/// to a home directory and flags trash and caches.
#[derive(Debug, Parser)]
#[command(name = "efs-scan", version, disable_help_subcommand = true)]
#[command(override_usage = "efs-scan [OPTIONS] [ROOT]\n       efs-scan <COMMAND>")]
#[command(after_help = EXIT_CODES)]
pub struct Cli {
    /// What to do instead of scanning.
    #[command(subcommand)]
    pub command: Option<Command>,

    /// How to scan.
    #[command(flatten)]
    pub scan: ScanArgs,

    /// What holds for every command.
    #[command(flatten)]
    pub common: CommonArgs,
}

/// What the command line asks for.
#[derive(Debug)]
pub enum Asked {
    /// To scan, or another command of the public ones.
    Run(Box<Cli>),
    /// To generate a part of the package.
    Generate(Generate),
}

impl Asked {
    /// Reads the command line; ends the program with usage or help where it is none.
    pub fn parse() -> Self {
        let mut args: Vec<_> = std::env::args_os().collect();
        if args.get(1).is_some_and(|arg| arg == "generate") {
            args.remove(1);
            return Self::Generate(GenerateCli::parse_from(args).what);
        }
        let matches = Cli::command().get_matches_from(args);
        let given = |id: &str| matches.value_source(id) == Some(ValueSource::CommandLine);
        let cli = Cli::from_arg_matches(&matches).and_then(|mut cli| {
            // Variables hold for whole machines: what they say of publishing is for daily scans.
            cli.scan.publish_given =
                ["publish", "cloudwatch", "notify_topic"].into_iter().find(|id| given(id));
            cli.scan.state_dir_given = given("state_dir");
            let misplaced = cli.command.as_ref().and_then(|_| scan_flag_of(&matches));
            match misplaced {
                None => Ok(cli),
                Some(flag) => Err(Cli::command().error(
                    clap::error::ErrorKind::ArgumentConflict,
                    format!("`{flag}` belongs behind the command"),
                )),
            }
        });
        Self::Run(Box::new(cli.unwrap_or_else(|error| error.exit())))
    }
}

/// A flag of the scan that was given before a command, where it would mean nothing.
fn scan_flag_of(matches: &ArgMatches) -> Option<String> {
    let scan = ScanArgs::augment_args(clap::Command::new("scan"));
    let given = |arg: &&clap::Arg| {
        let id = arg.get_id().as_str();
        matches.value_source(id) == Some(ValueSource::CommandLine)
    };
    scan.get_arguments().find(given).map(|arg| match arg.get_long() {
        Some(long) => format!("--{long}"),
        None => arg.get_id().to_string(),
    })
}

const EXIT_CODES: &str = "\
Exit codes:
  0    everything was read
  1    fatal: no result
  2    usage: a flag, the configuration or a rule is wrong
  3    finished, but something could not be read
  4    a home is over its quota (with --fail-on-quota; goes before 3)
  5    something could not be published; it waits in the state directory and is
       sent first by the next run or by `efs-scan publish` (goes before 4 and 3)
  6    what was published last is older than 36 h (status --fail-if-stale)
  130  interrupted; what was seen is printed

Every flag with an environment variable may be given there; a flag goes before
the variable, and the variable before the configuration file.";

/// What to do instead of scanning.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Show the newest published run: who uses how much, and what changed
    #[command(visible_aliases = ["status_all", "status-all"])]
    Status(StatusArgs),
    /// Make HTML pages of the newest published run: one about everybody, and one for each user
    Report(ReportArgs),
    /// Show what became of each home over the published runs, how fast it grows, and when its
    /// quota is reached
    History(HistoryArgs),
    /// Send what could not be published before
    Publish(PublishArgs),
    /// Remind those who are over quota or have much trash, by e-mail
    #[command(after_help = commands::REMIND_EXIT_CODES)]
    Remind(RemindArgs),
    /// Print the effective configuration as TOML
    Config(Box<ScanArgs>),
}

/// The hidden command `efs-scan generate`, apart from [`Cli`] so that neither the man page nor
/// completions offer it.
#[derive(Debug, Parser)]
#[command(name = "efs-scan generate")]
struct GenerateCli {
    #[command(subcommand)]
    what: Generate,
}

/// What the package is built with.
#[derive(Debug, Subcommand)]
pub enum Generate {
    /// The man page
    Man,
    /// Completions of a shell
    Completions {
        /// The shell
        shell: Shell,
    },
    /// The JSON Schema of the report
    Schema,
}

/// Flags of every command.
#[derive(Debug, Args)]
pub struct CommonArgs {
    /// Configuration file; /etc/efs-scan.toml is read if it exists
    #[arg(long, global = true, value_name = "FILE", env = "EFS_SCAN_CONFIG")]
    pub config: Option<PathBuf>,

    /// Say nothing on stderr but errors
    #[arg(short, long, global = true, conflicts_with = "verbose")]
    pub quiet: bool,

    /// Say more on stderr; twice for everything
    #[arg(short, long, global = true, action = clap::ArgAction::Count)]
    pub verbose: u8,

    /// Form of what is said on stderr
    #[arg(long, global = true, value_enum, value_name = "FORM", env = "EFS_SCAN_LOG_FORMAT")]
    pub log_format: Option<LogFormat>,
}

/// Flags of a scan. None has a default here: they are merged with the configuration file first.
#[derive(Debug, Default, Args)]
pub struct ScanArgs {
    /// Where the file system is mounted [default: the configuration's, else /mnt/efs]
    #[arg(env = "EFS_SCAN_ROOT")]
    pub root: Option<PathBuf>,

    /// Scan the home of this user or uid only, in detail (repeatable)
    #[arg(long = "user", value_name = "NAME|UID")]
    pub users: Vec<String>,

    /// Depth of the homes below ROOT; 0 makes ROOT one home [default: 1]
    #[arg(long, value_name = "N", env = "EFS_SCAN_HOME_DEPTH")]
    pub home_depth: Option<u32>,

    /// Form of the result [default: table]
    #[arg(long, value_enum, env = "EFS_SCAN_FORMAT")]
    pub format: Option<Format>,

    /// Write the result to this file, all at once when it is complete
    #[arg(short, long, value_name = "FILE", env = "EFS_SCAN_OUTPUT")]
    pub output: Option<PathBuf>,

    /// Order of the homes [default: size]
    #[arg(long, value_enum, env = "EFS_SCAN_SORT")]
    pub sort: Option<SortKey>,

    /// Show at most so many homes in the table
    #[arg(long, value_name = "N", env = "EFS_SCAN_LIMIT")]
    pub limit: Option<usize>,

    /// Name so many of the largest files and directories [default: 10, with --user 25]
    #[arg(long, value_name = "N", env = "EFS_SCAN_TOP")]
    pub top: Option<usize>,

    /// Leave out what matches, relative to ROOT; it is not opened (repeatable)
    #[arg(long, value_name = "GLOB", env = "EFS_SCAN_EXCLUDE", value_delimiter = '\n')]
    pub exclude: Vec<String>,

    /// Where names come from: passwd, csv:FILE with uid,name lines, or sagemaker:DOMAIN for the
    /// user profiles and spaces of a domain by id or name (repeatable, in order)
    /// [default: passwd]
    #[arg(long, value_name = "SOURCE", env = "EFS_SCAN_NAMES", value_delimiter = ',')]
    pub names: Vec<String>,

    /// Quota of every home that the configuration gives none, by allocated bytes: 50GiB
    #[arg(long, value_name = "SIZE", env = "EFS_SCAN_QUOTA")]
    pub quota: Option<String>,

    /// Exit with 4 if a home is over its quota
    #[arg(long, env = "EFS_SCAN_FAIL_ON_QUOTA", value_name = "BOOL",
          num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    pub fail_on_quota: Option<bool>,

    /// Publish the run to s3://BUCKET/PREFIX or to a directory
    #[arg(long, value_name = "DEST", env = "EFS_SCAN_PUBLISH")]
    pub publish: Option<String>,

    /// Publish nothing, whatever the configuration says
    #[arg(long, conflicts_with_all = ["publish", "cloudwatch", "notify_topic"])]
    pub no_publish: bool,

    /// Publish a run that was interrupted too
    #[arg(long, env = "EFS_SCAN_PUBLISH_INTERRUPTED", value_name = "BOOL",
          num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    pub publish_interrupted: Option<bool>,

    /// Publish pages to look at, too, as `efs-scan report --publish` does
    #[arg(long, env = "EFS_SCAN_PUBLISH_REPORT", value_name = "BOOL",
          num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    pub publish_report: Option<bool>,

    /// Put the totals as metrics to CloudWatch, by dimension FileSystemId: 12 metrics, at most
    /// 3.60 USD a month [default namespace: EfsScan]
    #[arg(long, value_name = "NAMESPACE", env = "EFS_SCAN_CLOUDWATCH",
          num_args = 0..=1, require_equals = true, default_missing_value = "")]
    pub cloudwatch: Option<String>,

    /// Add four metrics for each user, or for some (alice,bob), by dimension User. A custom metric
    /// costs up to 0.30 USD a month: 500 users are up to 600 USD a month
    #[arg(long, env = "EFS_SCAN_CLOUDWATCH_USERS", value_name = "BOOL|NAMES",
          num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    pub cloudwatch_users: Option<UserMetrics>,

    /// Send a message to this SNS topic when other homes are over quota than before
    #[arg(long, value_name = "ARN", env = "EFS_SCAN_NOTIFY_TOPIC")]
    pub notify_topic: Option<String>,

    /// Send the message after every run
    #[arg(long, env = "EFS_SCAN_NOTIFY_ALWAYS", value_name = "BOOL",
          num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    pub notify_always: Option<bool>,

    /// What is kept between runs: runs that could not be published, names, a lock
    /// [default: /var/lib/efs-scan]
    #[arg(long, value_name = "DIR", env = "EFS_SCAN_STATE_DIR")]
    pub state_dir: Option<PathBuf>,

    /// Which way to publish was asked for by a flag, and not by a variable or the configuration.
    #[arg(skip)]
    pub publish_given: Option<&'static str>,

    /// Whether the state directory was.
    #[arg(skip)]
    pub state_dir_given: bool,

    /// The EFS file system at ROOT, for its metered size and cost [default: by the mount]
    #[arg(long, value_name = "ID", env = "EFS_SCAN_FILE_SYSTEM_ID")]
    pub file_system_id: Option<String>,

    /// Fail if ROOT is no mount point, so that a file system that was not mounted is not
    /// published as empty
    #[arg(long, env = "EFS_SCAN_REQUIRE_MOUNT", value_name = "BOOL",
          num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    pub require_mount: Option<bool>,

    /// Enter other file systems mounted below ROOT
    #[arg(long, env = "EFS_SCAN_CROSS_MOUNTS", value_name = "BOOL",
          num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    pub cross_mounts: Option<bool>,

    /// Workers: a number, or auto for as many as are worth it, found out during the scan
    /// [default: auto]
    #[arg(long, value_name = "N|auto", env = "EFS_SCAN_THREADS")]
    pub threads: Option<Threads>,

    /// The most workers that auto may come to, and 64 for each connection of an NFS mount
    /// [default: 256]
    #[arg(long, value_name = "N", env = "EFS_SCAN_MAX_THREADS")]
    pub max_threads: Option<usize>,

    /// At most N directory operations a second: reading names is one, opening a directory is one,
    /// and two on NFS without nocto. On NFS all that the mount asks of the server counts, and is
    /// held to N as a mean over some seconds
    #[arg(long, value_name = "N", env = "EFS_SCAN_MAX_OPS")]
    pub max_ops: Option<u32>,

    /// Fewer workers while the file system takes longer than MS milliseconds for an answer
    #[arg(long, value_name = "MS", env = "EFS_SCAN_MAX_LATENCY")]
    pub max_latency: Option<f64>,

    /// Use processor and disk only when nobody else wants them
    #[arg(long, env = "EFS_SCAN_NICE", value_name = "BOOL",
          num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    pub nice: Option<bool>,

    /// With --engine nfs: the uid to present to the server, which believes it; homes of mode 700
    /// need 0, and that must be said [default: the effective uid]. With it goes group 0 where UID is
    /// 0, else 65534 (nogroup), and by default the effective group
    #[arg(long, value_name = "UID", env = "EFS_SCAN_NFS_UID")]
    pub nfs_uid: Option<u32>,

    /// With --engine nfs: up to N directories in one request, where more of them wait than requests
    /// are in flight. Not with a server that may be Linux's before 6.5, which such requests corrupt
    /// [default: 1]
    #[arg(long, value_name = "N", env = "EFS_SCAN_NFS_BATCH")]
    pub nfs_batch: Option<usize>,

    /// With --engine nfs: TLS from the first byte, as EFS's mount targets speak it; the certificate
    /// must be for ROOT's host, or with --file-system-id for its DNS name
    #[arg(long, env = "EFS_SCAN_TLS", value_name = "BOOL",
          num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    pub tls: Option<bool>,

    /// How entries are found [default: posix on Linux, and nfs where ROOT is a URL]
    #[arg(long, value_enum, env = "EFS_SCAN_ENGINE")]
    pub engine: Option<EngineKind>,
}

/// Forms of the result.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Format {
    /// For people
    #[default]
    Table,
    /// Everything, by a versioned schema
    Json,
    /// A line for each home
    Csv,
    /// As `du -h -d1 ROOT/` prints it
    Du,
    /// Metrics for Prometheus, as node_exporter reads them from a file
    Prometheus,
    /// Every entry, as `ncdu -o` exports it; ncdu and gdu load it with -f
    Ncdu,
}

/// Forms of what is said on stderr.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// Lines for people
    #[default]
    Text,
    /// One JSON object each, for log collectors
    Json,
}
