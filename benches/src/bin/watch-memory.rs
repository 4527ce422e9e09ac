//! `watch-memory COMMAND [ARG]...`: runs a command and prints one line on stderr about its memory
//! and open files over time. A peak alone does not show whether they grow.

use std::os::unix::process::ExitStatusExt as _;
use std::process::{Child, Command, ExitCode};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use nix::sys::resource::{UsageWho, getrusage};
use nix::sys::time::TimeValLike as _;

const INTERVAL: Duration = Duration::from_millis(200);

/// State of a process, from /proc.
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
    // Also sampled, because a program may raise its own limit.
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
    // From the kernel, because a peak may fall between two samples.
    let usage = getrusage(UsageWho::RUSAGE_CHILDREN)?;
    let peak_kib = usage.max_rss();
    let cpu = usage.user_time() + usage.system_time();
    let quarter = samples.len().div_ceil(4);
    let first = mean(&samples[..quarter]);
    let last = mean(&samples[samples.len() - quarter..]);
    let descriptors = samples.iter().map(|sample| sample.descriptors).max();
    eprintln!(
        "watch-memory: seconds={seconds:.2} peak_mib={:.1} first_quarter_mib={} \
         last_quarter_mib={} descriptors={} descriptor_limit={} cpu_seconds={:.2}",
        peak_kib as f64 / 1024.0,
        first.map_or("-".to_owned(), |mib| format!("{mib:.1}")),
        last.map_or("-".to_owned(), |mib| format!("{mib:.1}")),
        descriptors.map_or("-".to_owned(), |most| most.to_string()),
        limit.as_deref().unwrap_or("-"),
        cpu.num_microseconds() as f64 / 1e6,
    );
    let code = status.code().or_else(|| status.signal().map(|signal| 128 + signal));
    Ok(code.and_then(|code| u8::try_from(code).ok()).map_or(ExitCode::FAILURE, ExitCode::from))
}

/// Mean memory in MiB; `None` without samples, if the command ended at once.
fn mean(samples: &[Sample]) -> Option<f64> {
    let sum: u64 = samples.iter().map(|sample| sample.resident_kib).sum();
    (!samples.is_empty()).then(|| sum as f64 / samples.len() as f64 / 1024.0)
}

/// Returns `None` if the process has ended: a zombie has no memory.
fn sample(child: &Child) -> Option<Sample> {
    let status = std::fs::read_to_string(format!("/proc/{}/status", child.id())).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    let resident_kib = line.trim().trim_end_matches(" kB").parse().ok()?;
    let fds = format!("/proc/{}/fd", child.id());
    // Linux 6.2 and later count them in the size; listing a hundred thousand would disturb.
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
