//! The command line.

mod commands;
mod scan;

use std::ffi::OsString;
use std::path::PathBuf;

use clap::error::ErrorKind;
use clap::{ArgAction, Args, CommandFactory, FromArgMatches, Parser, Subcommand};
use clap_complete::Shell;

pub use commands::{
    By, ChangesArgs, ChangesFormat, HistoryArgs, HistoryFormat, MergeArgs, PublishArgs, RemindArgs,
    RemindOf, ReportArgs, StatusArgs, StatusFormat,
};
pub use scan::ScanArgs;

pub use crate::config::LogArgs;
use crate::config::{one_line, without_variables};
use crate::log::Verbosity;

/// Who uses what on Amazon EFS: scans a mounted file system in parallel, attributes every byte
/// to a home directory and flags trash and caches.
#[derive(Debug, Parser)]
#[command(name = "efs-scan", version, disable_help_subcommand = true)]
#[command(override_usage = "efs-scan [OPTIONS] [ROOT]\n       efs-scan <COMMAND>")]
#[command(after_help = EXIT_CODES)]
pub struct Cli {
    /// The command, instead of a scan.
    #[command(subcommand)]
    pub command: Option<Command>,

    /// Flags of the scan.
    #[command(flatten)]
    pub scan: ScanArgs,

    /// Flags of every command.
    #[command(flatten)]
    pub common: CommonArgs,
}

/// The request of the command line.
#[derive(Debug)]
pub enum Asked {
    /// A scan or a command.
    Run(Box<Cli>),
    /// The hidden command that generates a part of the package.
    Generate(Generate),
    /// Help or the version.
    Help(clap::Error),
    /// Nothing, because the command line is wrong: in one line, why.
    Wrong(String),
}

impl Asked {
    /// Parses the command line. Environment variables are not read here: they are a separate layer
    /// of the configuration.
    pub fn parse() -> Self {
        // Treats an empty variable as unset, because unit files and containers set variables
        // without a value.
        crate::sys::unset_empty_variables(&["AWS_", "EFS_SCAN_"]);
        let mut args: Vec<_> = std::env::args_os().collect();
        if args.get(1).is_some_and(|arg| arg == "generate") {
            args.remove(1);
            return Self::Generate(GenerateCli::parse_from(args).what);
        }
        Self::parse_cli(&args).unwrap_or_else(|error| match error.use_stderr() {
            true => Self::Wrong(format!("{} (see efs-scan --help)", one_line(&error))),
            // The help text lists the environment variables.
            false => Self::Help(Cli::command().try_get_matches_from(args).err().unwrap_or(error)),
        })
    }

    fn parse_cli(args: &[OsString]) -> Result<Self, clap::Error> {
        // The last of two equal flags counts, so a user can override the flags that a script
        // passes.
        let command = without_variables(Cli::command()).args_override_self(true);
        let matches = command.try_get_matches_from(args)?;
        let cli = Cli::from_arg_matches(&matches)?;
        match cli.command.as_ref().and_then(|_| scan::first_scan_flag(&matches)) {
            None => Ok(Self::Run(Box::new(cli))),
            Some(flag) => {
                let problem = format!("`{flag}` belongs after the command");
                Err(Cli::command().error(ErrorKind::ArgumentConflict, problem))
            }
        }
    }
}

const EXIT_CODES: &str = "\
Exit codes:
  0    everything was read
  1    fatal: no result
  2    usage: a flag, the configuration or a rule is wrong
  3    finished, but something could not be read
  4    a home is over its quota (with --fail-on-quota; overrides 3)
  5    something could not be published; it waits in the state directory, and the
       next run or `efs-scan publish` sends it first. Without such a directory it is
       lost unless the job is retried (overrides 4 and 3)
  6    the newest run is older than 36 h (status --fail-if-stale)
  7    the run is published, but the state directory is full or cannot be written
       (overrides 4 and 3); a run that can be neither kept nor published ends with 1
  8    a stored table is damaged (changes)
  130  interrupted; the output has what was read until then

A flag overrides its environment variable, and the variable overrides the
configuration file. Of a flag that is given twice, the last counts. An empty
variable is not set. EFS_SCAN_CONFIG_TOML holds the text of a configuration
file, in place of a file.";

/// A command. Without one, the program scans.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Show the newest published run: who uses how much, and what changed
    #[command(visible_aliases = ["status_all", "status-all"])]
    Status(StatusArgs),
    /// Make HTML pages of the newest published run: one about all homes, and one for each user
    Report(ReportArgs),
    /// Show each home over the published runs: its size, its growth, and when it reaches its quota
    History(HistoryArgs),
    /// Show what grew between two runs, and in which directories
    #[command(after_help = commands::CHANGES_HELP)]
    Changes(ChangesArgs),
    /// Send the runs that are not published yet
    Publish(PublishArgs),
    /// Make a run of the shards that `efs-scan --shard` scanned, and publish it
    #[command(after_help = commands::MERGE_HELP)]
    Merge(Box<MergeArgs>),
    /// Remind owners who are over quota or have much trash, by e-mail
    #[command(after_help = commands::REMIND_EXIT_CODES)]
    Remind(RemindArgs),
    /// Print the effective configuration as TOML
    Config(Box<ScanArgs>),
    /// Try what a configured run would do, and say in a line each what works; change nothing
    #[command(after_help = commands::CHECK_EXIT_CODES)]
    Check(Box<ScanArgs>),
}

/// The hidden command `efs-scan generate`. It is not part of [`Cli`], so that neither the man page
/// nor completions offer it.
#[derive(Debug, Parser)]
#[command(name = "efs-scan generate")]
struct GenerateCli {
    #[command(subcommand)]
    what: Generate,
}

/// A part of the package that is generated.
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
    /// The JSON Schema of the changes
    ChangesSchema,
}

/// Flags of every command.
#[derive(Debug, Args)]
pub struct CommonArgs {
    /// Configuration file [default: /etc/efs-scan.toml, if it exists]
    #[arg(long, global = true, value_name = "FILE", env = "EFS_SCAN_CONFIG")]
    pub config: Option<PathBuf>,

    /// Print only errors on stderr
    #[arg(short, long, global = true, conflicts_with = "verbose")]
    pub quiet: bool,

    /// Print more on stderr; twice for everything
    #[arg(short, long, global = true, action = ArgAction::Count)]
    pub verbose: u8,

    /// The form of the messages.
    #[command(flatten)]
    pub log: LogArgs,
}

impl CommonArgs {
    pub(crate) fn verbosity(&self) -> Verbosity {
        match (self.quiet, self.verbose) {
            (true, _) => Verbosity::Quiet,
            (false, 0) => Verbosity::Normal,
            (false, 1) => Verbosity::Verbose,
            (false, _) => Verbosity::Debug,
        }
    }
}
