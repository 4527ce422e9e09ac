//! `watch-memory COMMAND [ARG]...`: runs a command and prints on stderr, in one line, how its
//! memory and its open files went: whether they grow with what it has seen cannot be told from a
//! peak alone.

use std::os::unix::process::ExitStatusExt as _;
use std::process::{Child, Command, ExitCode};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use nix::sys::resource::{UsageWho, getrusage};

const INTERVAL: Duration = Duration::from_millis(200);

/// What /proc says of a process at one time.
struct Sample {
    resident_kib: u64,
    descriptors: u64,
}

fn main() -> anyhow::Result<ExitCode> {
    let mut args = std::env::args_os().skip(1);
    let program = args.next().context("usage: watch-memory COMMAND [ARG]...")?;
    let start = Instant::now();
    let mut child = Command::new(&program)
        .args(args)
        .spawn()
        .with_context(|| format!("run {}", program.display()))?;
    let mut samples = Vec::new();
    // The limit too, since a program may raise its own.
    let mut limit = None;
    let status = loop {
        thread::sleep(INTERVAL);
        if let Some(status) = child.try_wait()? {
            break status;
        }
        samples.extend(sample(&child));
        limit = descriptor_limit(&child).or(limit);
    };
    let seconds = start.elapsed().as_secs_f64();
    // What the kernel kept for the parent: no peak falls between two samples.
    let peak_kib = getrusage(UsageWho::RUSAGE_CHILDREN)?.max_rss();
    let quarter = samples.len().div_ceil(4);
    let first = mean(&samples[..quarter]);
    let last = mean(&samples[samples.len() - quarter..]);
    let descriptors = samples.iter().map(|sample| sample.descriptors).max();
    eprintln!(
        "watch-memory: seconds={seconds:.2} peak_mib={:.1} first_quarter_mib={} \
         last_quarter_mib={} descriptors={} descriptor_limit={}",
        peak_kib as f64 / 1024.0,
        first.map_or("-".to_owned(), |mib| format!("{mib:.1}")),
        last.map_or("-".to_owned(), |mib| format!("{mib:.1}")),
        descriptors.map_or("-".to_owned(), |most| most.to_string()),
        limit.as_deref().unwrap_or("-"),
    );
    let code = status.code().or_else(|| status.signal().map(|signal| 128 + signal));
    Ok(code.and_then(|code| u8::try_from(code).ok()).map_or(ExitCode::FAILURE, ExitCode::from))
}

/// In MiB; nothing of nothing, which a command that ended at once leaves.
fn mean(samples: &[Sample]) -> Option<f64> {
    let sum: u64 = samples.iter().map(|sample| sample.resident_kib).sum();
    (!samples.is_empty()).then(|| sum as f64 / samples.len() as f64 / 1024.0)
}

/// Nothing when it ended meanwhile: a zombie has no memory.
fn sample(child: &Child) -> Option<Sample> {
    let status = std::fs::read_to_string(format!("/proc/{}/status", child.id())).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    let resident_kib = line.trim().trim_end_matches(" kB").parse().ok()?;
    let fds = format!("/proc/{}/fd", child.id());
    // Linux counts them in the size since 6.2; listing a hundred thousand would disturb.
    let descriptors = match std::fs::metadata(&fds).ok()?.len() {
        0 => std::fs::read_dir(&fds).ok()?.count() as u64,
        counted => counted,
    };
    Some(Sample { resident_kib, descriptors })
}

fn descriptor_limit(child: &Child) -> Option<String> {
    let limits = std::fs::read_to_string(format!("/proc/{}/limits", child.id())).ok()?;
    let line = limits.lines().find_map(|line| line.strip_prefix("Max open files"))?;
    line.split_whitespace().next().map(str::to_owned)
}
