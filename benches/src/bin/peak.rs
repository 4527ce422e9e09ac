//! `peak COMMAND [ARG]...`: runs a command, discards its output and prints its peak memory in KiB,
//! which neither hyperfine nor the shell measures.
//!
//! The kernel also counts the moment between fork and exec, so no reading is smaller than this
//! program's own memory of about 2 MiB.

use std::process::{Command, ExitCode, Stdio};

use anyhow::Context as _;
use nix::sys::resource::{UsageWho, getrusage};

fn main() -> anyhow::Result<ExitCode> {
    let mut args = std::env::args_os().skip(1);
    let program = args.next().context("usage: peak COMMAND [ARG]...")?;
    let status = Command::new(&program)
        .args(args)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .status()
        .with_context(|| format!("run {}", program.display()))?;
    println!("{}", getrusage(UsageWho::RUSAGE_CHILDREN)?.max_rss());
    Ok(match status.success() {
        true => ExitCode::SUCCESS,
        false => ExitCode::FAILURE,
    })
}
