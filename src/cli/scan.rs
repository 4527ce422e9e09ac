//! Flags of a scan. `config::Settings` declares them, because each one is also a key of the
//! configuration.

use clap::parser::ValueSource;
use clap::{ArgMatches, Args, Command, Error, FromArgMatches};

use crate::config::Settings;

/// The flags and variables of a scan, before the configuration file is read.
#[derive(Clone, Debug)]
pub struct ScanArgs(ArgMatches);

impl ScanArgs {
    /// Returns the parsed flags, from which [`Settings`] are updated.
    pub(crate) fn matches(&self) -> &ArgMatches {
        &self.0
    }
}

impl Args for ScanArgs {
    fn augment_args(command: Command) -> Command {
        // Augmenting for an update makes the flags optional. The settings that they update hold the
        // defaults.
        Settings::augment_args_for_update(command)
    }

    fn augment_args_for_update(command: Command) -> Command {
        Settings::augment_args_for_update(command)
    }
}

impl FromArgMatches for ScanArgs {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, Error> {
        Ok(Self(matches.clone()))
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), Error> {
        self.0 = matches.clone();
        Ok(())
    }
}

/// Finds a scan flag on the command line. Such a flag before a subcommand has no meaning.
pub(super) fn first_scan_flag(matches: &ArgMatches) -> Option<String> {
    let scan = ScanArgs::augment_args(Command::new("scan"));
    let is_given = |arg: &&clap::Arg| {
        matches.value_source(arg.get_id().as_str()) == Some(ValueSource::CommandLine)
    };
    scan.get_arguments().find(is_given).map(|arg| match arg.get_long() {
        Some(long) => format!("--{long}"),
        None => arg.get_id().to_string(),
    })
}
