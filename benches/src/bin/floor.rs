//! `floor DIR`: walks a tree as fast as possible.

use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::Parser;
use efs_scan_bench::schedule::{Plan, Scheduler, walk};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Walks a tree with bare getdents64 and statx and prints its sums in one line.
#[derive(Parser)]
struct Cli {
    dir: PathBuf,
    /// Threads that read directories [default: the number of cores]
    #[arg(long, value_name = "N")]
    threads: Option<NonZeroUsize>,
    /// The way directories get to threads
    #[arg(long, value_enum, default_value_t = Scheduler::Stack)]
    scheduler: Scheduler,
    /// Simulated round trip: sleep this long at each open and each getdents64
    #[arg(long, value_name = "N", default_value_t = 0)]
    delay_us: u64,
}

fn main() -> anyhow::Result<ExitCode> {
    let cli = Cli::parse();
    allow_open_files()?;
    let threads = match cli.threads {
        Some(threads) => threads,
        None => std::thread::available_parallelism()?,
    };
    let plan =
        Plan { threads, scheduler: cli.scheduler, delay: Duration::from_micros(cli.delay_us) };
    let sums = walk(&cli.dir, &plan)?;
    println!(
        "dirs={} others={} bytes={} errors={}",
        sums.dirs, sums.others, sums.bytes, sums.errors
    );
    Ok(match sums.errors {
        0 => ExitCode::SUCCESS,
        _ => ExitCode::FAILURE,
    })
}

/// Each directory with unread children holds a descriptor, and the usual soft limit of 1,024 is
/// less than 64 threads in a deep tree can need.
fn allow_open_files() -> rustix::io::Result<()> {
    let limit = getrlimit(Resource::Nofile);
    let raised = Rlimit { current: limit.maximum, maximum: limit.maximum };
    setrlimit(Resource::Nofile, raised)
}
