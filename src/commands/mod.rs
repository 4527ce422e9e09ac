//! The commands, one file each. [`run`] reads the configuration that a command needs, and dispatches.

mod changes;
mod check;
mod config;
mod domains;
mod facts;
mod file_systems;
mod fleet_page;
mod generate;
mod grown;
mod heed;
mod history;
mod merge;
mod pages;
mod publish;
mod remind;
mod report;
mod scan;
mod selected;
mod state_place;
mod status;

use std::borrow::Cow;
use std::io::IsTerminal;
use std::path::Path;
use std::sync::Arc;

use crate::cli::{Asked, Cli, Command, LogArgs};
use crate::config::{ConfigError, Loaded};
use crate::exit::{Exit, Failure};
use crate::log::{self, LogFormat};
use crate::output::Output;
use crate::state::{self, StateError};
use crate::stop::{Stop, survive_file_size_limit};
use crate::text::printable;
use heed::{Phase, heed};

/// Runs the command of the command line.
pub fn run(asked: Asked) -> Exit {
    if let Err(error) = survive_file_size_limit() {
        return finish(Err(Failure::fatal(error)), LogFormat::default());
    }
    let cli = match asked {
        Asked::Run(cli) => cli,
        Asked::Generate(what) => return finish(generate::run(&what), LogFormat::default()),
        Asked::Help(text) => {
            // clap decides by itself whether to use colors.
            let printed = Output::Stdout.stream(|_| text.print()).map_err(Failure::fatal);
            return finish(printed.map(|()| Exit::Complete), LogFormat::default());
        }
        Asked::Wrong(problem) => {
            return finish(Err(Failure::usage(problem)), LogArgs::of_environment());
        }
    };
    match load(&cli) {
        Ok(loaded) => {
            let format = loaded.log_format();
            finish(heed(move |stop, phase| dispatch(&cli, loaded, stop, phase)), format)
        }
        Err(error) => {
            let format = cli.common.log.log_format.unwrap_or_else(LogArgs::of_environment);
            finish(Err(Failure::usage(error)), format)
        }
    }
}

fn finish(done: Result<Exit, Failure>, format: LogFormat) -> Exit {
    done.unwrap_or_else(|failure| {
        log::failure(format, &failure.problem);
        failure.exit
    })
}

/// Reads the configuration file and the environment, and lays the command's flags over them.
fn load(cli: &Cli) -> Result<Loaded, ConfigError> {
    let mut loaded = Loaded::read(cli.common.config.as_deref())?;
    match &cli.command {
        None => loaded.put_flags(cli.scan.matches())?,
        Some(Command::Config(args) | Command::Check(args)) => loaded.put_flags(args.matches())?,
        Some(Command::Merge(args)) => loaded.put_flags(args.scan.matches())?,
        Some(Command::Publish(args)) => {
            loaded.put_state_dir(args.state_dir.as_deref(), args.state_dir_shared);
            loaded.put_state(args.state);
        }
        Some(Command::Remind(args)) => {
            loaded.put_state_dir(args.state_dir.as_deref(), args.state_dir_shared);
            loaded.put_state(args.state);
        }
        Some(
            Command::Status(_) | Command::Report(_) | Command::History(_) | Command::Changes(_),
        ) => {}
    }
    loaded.put_log_format(cli.common.log.log_format);
    Ok(loaded)
}

fn dispatch(cli: &Cli, loaded: Loaded, stop: &Arc<Stop>, phase: &Phase) -> Result<Exit, Failure> {
    if !matches!(cli.command, Some(Command::Config(_))) {
        log::init(cli.common.verbosity(), loaded.log_format());
        if let Some(problem) = loaded.shared() {
            log::warn!("{}", printable(problem.as_bytes()));
        }
    }
    match &cli.command {
        None => {
            let show_progress = std::io::stderr().is_terminal() && !cli.common.quiet;
            scan::run(loaded, show_progress, stop, phase)
        }
        Some(Command::Config(_)) => config::run(loaded),
        Some(Command::Check(_)) => check::run(loaded, stop, phase),
        Some(Command::Status(args)) => status::run(args, loaded),
        Some(Command::Report(args)) => report::run(args, loaded),
        Some(Command::History(args)) => history::run(args, loaded),
        Some(Command::Changes(args)) => changes::run(args, loaded),
        Some(Command::Publish(args)) => publish::run(args, loaded, stop, phase),
        Some(Command::Merge(args)) => merge::run(args, loaded, stop, phase),
        Some(Command::Remind(args)) => remind::run(args, loaded, stop, phase),
    }
}

/// Returns the state directory; if others may write to it, this user's own subdirectory.
fn state_dir(configured: &Path, shared: bool) -> Result<Cow<'_, Path>, Failure> {
    Ok(match shared {
        false => Cow::Borrowed(configured),
        true => Cow::Owned(match state::own_in_shared(configured) {
            // It is not writable. Its users decide if they can do without it.
            Err(StateError::Unwritable(_)) => configured.join(state::own_name()),
            own => own.map_err(Failure::usage)?,
        }),
    })
}
