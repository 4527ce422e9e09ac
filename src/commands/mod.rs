//! From the command line to the exit code: which command it is, and what it needs.

mod generate;
mod history;
mod publish;
mod remind;
mod report;
mod scan;
mod status;

use std::io::IsTerminal;
use std::sync::Arc;

use crate::cli::{Asked, Cli, Command, Generate, ScanArgs};
use crate::config::Loaded;
use crate::exit::{Exit, Failure};
use crate::log;
use crate::output::Output;
use crate::stop::{Stop, stop_on_signals};
use generate::generate;

/// Runs what the command line asks for.
pub fn run(asked: Asked) -> Exit {
    let cli = match asked {
        Asked::Run(cli) => cli,
        Asked::Generate(what) => return finish(print_generated(&what), Default::default()),
    };
    let loaded = match &cli.command {
        Some(Command::Config(args)) => Loaded::new(&cli.common, args),
        Some(Command::Status(_) | Command::Report(_) | Command::History(_)) => {
            Loaded::new(&cli.common, &ScanArgs::default())
        }
        Some(Command::Publish(args)) => {
            let state_dir = args.state_dir.clone();
            Loaded::new(&cli.common, &ScanArgs { state_dir, ..ScanArgs::default() })
        }
        Some(Command::Remind(args)) => {
            let state_dir = args.state_dir.clone();
            Loaded::new(&cli.common, &ScanArgs { state_dir, ..ScanArgs::default() })
        }
        None => Loaded::new(&cli.common, &cli.scan),
    };
    let loaded = match loaded {
        Ok(loaded) => loaded,
        Err(error) => {
            let format = cli.common.log_format.unwrap_or_default();
            return finish(Err(Failure::usage(error)), format);
        }
    };
    let format = loaded.log_format();
    finish(dispatch(&cli, loaded), format)
}

fn finish(done: Result<Exit, Failure>, format: crate::cli::LogFormat) -> Exit {
    done.unwrap_or_else(|Failure(exit, problem)| {
        log::failure(format, &problem);
        exit
    })
}

fn dispatch(cli: &Cli, loaded: Loaded) -> Result<Exit, Failure> {
    match &cli.command {
        Some(Command::Config(args)) => {
            let text = loaded.to_toml().map_err(Failure::usage)?;
            loaded.check(args).map_err(Failure::usage)?;
            Output::Stdout.write(text.as_bytes()).map_err(Failure::fatal)?;
            Ok(Exit::Complete)
        }
        Some(Command::Status(args)) => {
            log::init(&cli.common, loaded.log_format());
            status::run(args, loaded.readers().map_err(Failure::usage)?)
        }
        Some(Command::Report(args)) => {
            log::init(&cli.common, loaded.log_format());
            report::run(args, &loaded.readers().map_err(Failure::usage)?)
        }
        Some(Command::History(args)) => {
            log::init(&cli.common, loaded.log_format());
            history::run(args, &loaded.readers().map_err(Failure::usage)?)
        }
        Some(Command::Publish(_)) => {
            log::init(&cli.common, loaded.log_format());
            let stop = Arc::new(Stop::default());
            stop_on_signals(&stop).map_err(Failure::fatal)?;
            publish::send_waiting(&loaded.readers().map_err(Failure::usage)?.state_dir, &stop)
        }
        Some(Command::Remind(args)) => {
            log::init(&cli.common, loaded.log_format());
            let reminding = loaded.reminding().map_err(Failure::usage)?;
            let stop = Arc::new(Stop::default());
            stop_on_signals(&stop).map_err(Failure::fatal)?;
            remind::run(args, loaded.readers().map_err(Failure::usage)?, &reminding, &stop)
        }
        None => {
            log::init(&cli.common, loaded.log_format());
            let config = loaded.check(&cli.scan).map_err(Failure::usage)?;
            let show = std::io::stderr().is_terminal() && !cli.common.quiet;
            scan::run(config, show)
        }
    }
}

fn print_generated(what: &Generate) -> Result<Exit, Failure> {
    let mut bytes = Vec::new();
    generate(what, &mut bytes).map_err(Failure::fatal)?;
    Output::Stdout.write(&bytes).map_err(Failure::fatal)?;
    Ok(Exit::Complete)
}
