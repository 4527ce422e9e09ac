//! Parses the command line, runs the command, and returns its exit code.

use std::process::ExitCode;

use efs_scan::cli::Asked;

fn main() -> ExitCode {
    ExitCode::from(efs_scan::run(Asked::parse()).code())
}
