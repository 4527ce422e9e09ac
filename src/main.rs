//! Parses the command line, runs, and says by the exit code how it went.

use std::process::ExitCode;

use efs_scan::cli::Asked;

fn main() -> ExitCode {
    ExitCode::from(efs_scan::run(Asked::parse()).code())
}
