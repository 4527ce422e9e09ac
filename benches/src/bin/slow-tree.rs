//! `slow-tree MOUNTPOINT -- COMMAND`: runs a command on a file system that is as slow as EFS and of
//! any size, and prints the command's requests.

use std::ffi::OsString;
use std::num::NonZeroUsize;
use std::os::unix::process::ExitStatusExt as _;
use std::path::PathBuf;
use std::process::{Command, ExitCode, ExitStatus};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use clap::Parser;
use clap::builder::RangedU64ValueParser;
use efs_scan_testbed::computed::Tree;
use efs_scan_testbed::fuse::slow::mount;
use rustix::process::{Pid, Signal, kill_process};
use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::iterator::Signals;

/// Mounts a read-only tree that is computed, not stored, and delays every round trip. At the end,
/// one line on stderr says how long the command took, what the tree holds and what the kernel asked
/// for.
#[derive(Parser)]
struct Cli {
    /// Duration of a round trip. Opening a directory takes two, names with attributes take one
    #[arg(long, value_name = "N", default_value_t = 0)]
    rtt_us: u64,
    /// Directories, including the root
    #[arg(
        long, value_name = "N", default_value_t = 2000,
        conflicts_with = "wide", value_parser = at_least(1)
    )]
    dirs: u64,
    /// Files in each directory but the root
    #[arg(
        long, value_name = "N", default_value_t = 10,
        conflicts_with = "wide", value_parser = at_least(0)
    )]
    files: u64,
    /// Directories in each home and in each directory below
    #[arg(
        long, value_name = "N", default_value_t = 10,
        conflicts_with = "wide", value_parser = at_least(2)
    )]
    fanout: u64,
    /// Directories in the root
    #[arg(
        long, value_name = "N", default_value_t = 20,
        conflicts_with = "wide", value_parser = at_least(1)
    )]
    homes: u64,
    /// Let every second home hold hard links to the files of the home before
    #[arg(long, conflicts_with = "wide")]
    linked: bool,
    /// Instead: one home with a directory of N files
    #[arg(long, value_name = "N", group = "wide", value_parser = at_least(0))]
    wide_files: Option<u64>,
    /// Instead: one home with a directory of N empty directories
    #[arg(long, value_name = "N", group = "wide", value_parser = at_least(0))]
    wide_dirs: Option<u64>,
    /// Threads that take requests; none of them sleeps [default: the number of cores]
    #[arg(long, value_name = "N")]
    threads: Option<NonZeroUsize>,
    /// Write the line to this file, not to stderr, which the command uses too
    #[arg(long, value_name = "FILE")]
    report: Option<PathBuf>,
    /// An empty directory
    mountpoint: PathBuf,
    /// Command to run; without it, the tree is served until SIGINT or SIGTERM
    #[arg(last = true)]
    command: Vec<OsString>,
}

/// Products of two such numbers are still inode numbers.
const TOO_MANY: u64 = 1 << 31;

fn at_least(least: u64) -> RangedU64ValueParser {
    clap::value_parser!(u64).range(least..TOO_MANY)
}

impl Cli {
    fn tree(&self) -> Tree {
        match (self.wide_files, self.wide_dirs) {
            (Some(files), _) => Tree::wide_files(files),
            (None, Some(dirs)) => Tree::wide_dirs(dirs),
            (None, None) if self.linked => {
                Tree::linked(self.dirs, self.files, self.homes, self.fanout)
            }
            (None, None) => Tree::even(self.dirs, self.files, self.homes, self.fanout),
        }
    }
}

fn main() -> Result<ExitCode> {
    let cli = Cli::parse();
    let tree = cli.tree();
    let size = format!("dirs={} files={}", tree.dirs(), tree.files());
    let threads = match cli.threads {
        Some(threads) => threads,
        None => thread::available_parallelism()?,
    };
    // Before mounting, so that no signal leaves the tree mounted.
    let mut signals = Signals::new([SIGINT, SIGTERM])?;
    let round_trip = Duration::from_micros(cli.rtt_us);
    let (session, counts) = mount(tree, round_trip, &cli.mountpoint, threads)
        .with_context(|| format!("mount {}", cli.mountpoint.display()))?;
    let start = Instant::now();
    let ended = match cli.command.split_first() {
        Some((program, args)) => run(Command::new(program).args(args), signals)
            .with_context(|| format!("run {}", program.display())),
        None => {
            signals.forever().next();
            Ok(ExitCode::SUCCESS)
        }
    };
    let seconds = start.elapsed().as_secs_f64();
    session.umount_and_join().with_context(|| format!("unmount {}", cli.mountpoint.display()))?;
    let line = format!("slow-tree: seconds={seconds:.3} {size} {counts}\n");
    match &cli.report {
        Some(path) => {
            std::fs::write(path, line).with_context(|| format!("write {}", path.display()))?;
        }
        None => eprint!("{line}"),
    }
    ended
}

/// Runs the command to its end. A signal ends the command, not this program, which must unmount.
fn run(command: &mut Command, mut signals: Signals) -> Result<ExitCode> {
    let mut child = command.spawn()?;
    let pid = Pid::from_child(&child);
    let handle = signals.handle();
    let forwarder = thread::spawn(move || {
        for _ in signals.forever() {
            // Fails only if the command has ended, and then this thread ends too.
            let _ = kill_process(pid, Signal::TERM);
        }
    });
    let status = child.wait();
    handle.close();
    // The thread cannot panic.
    let _ = forwarder.join();
    Ok(exit_code(status?))
}

/// The command's exit code; 128 plus the signal's number if a signal ended it, as in shells.
fn exit_code(status: ExitStatus) -> ExitCode {
    let code = status.code().or_else(|| status.signal().map(|signal| 128 + signal));
    code.and_then(|code| u8::try_from(code).ok()).map_or(ExitCode::FAILURE, ExitCode::from)
}
