//! Parses the command line, runs, and says by the exit code how it went.

use std::process::ExitCode;

use clap::Parser;
use efs_scan::cli::Cli;

fn main() -> ExitCode {
    ExitCode::from(efs_scan::run(Cli::parse()).code())
}
