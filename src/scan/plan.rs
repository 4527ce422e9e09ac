//! Plan of a walk: kind of file system, number of workers, and file descriptors.

use crate::log;
use std::path::Path;
use std::time::Duration;

use rustix::process::{Resource, getrlimit, setrlimit};

use super::mountstats::NfsMount;
use super::threads::Threads;

/// Kinds of file systems, which decide how a walk is spread over workers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FsKind {
    /// Bound by the processor.
    Local,
    /// Bound by round trips.
    Remote,
}

/// Requested limits of a walk.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Pacing {
    /// Number of workers.
    pub threads: Threads,
    /// The most workers with [`Threads::Auto`].
    pub max_threads: Option<usize>,
    /// The most round trips a second.
    pub max_ops: Option<u32>,
    /// Mean round trip above which the number of workers falls.
    pub max_latency: Option<Duration>,
}

/// Bounds on the number of workers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bounds {
    /// Workers at the beginning.
    pub start: usize,
    /// The most workers.
    pub most: usize,
    /// The fewest workers, even if the file system answers slowly.
    pub least: usize,
    /// Processors of this machine.
    pub cores: usize,
    /// Mean round trip above which the number of workers falls.
    pub max_latency: Option<Duration>,
}

/// Requests that a v4.1 session keeps in flight by default (kernel `nfs.max_session_slots`). More
/// workers only queue.
const SLOTS: usize = 64;

/// The most workers by default.
const MAX_THREADS: usize = 256;

/// Descriptors reserved for everything but the walk: standard streams, output, name look-ups.
const RESERVED_DESCRIPTORS: usize = 24;

/// Descriptors that one worker may hold: a directory, its parent, a marker file.
const DESCRIPTORS_PER_WORKER: usize = 3;

/// The plan of a walk.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    pub fs: FsKind,
    /// The NFS mount of the root, if it is on one.
    pub nfs: Option<NfsMount>,
    pub workers: Bounds,
    /// Number of descriptors that may be kept open for directories with children.
    pub descriptors: usize,
    /// The most round trips a second.
    pub max_ops: Option<u32>,
}

impl Plan {
    /// Makes the plan for the file system of `root`.
    pub fn of(root: &Path, pacing: &Pacing) -> Self {
        let fs = FsKind::of(root);
        let nfs = NfsMount::of(root);
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        let wanted = match (pacing.threads, &nfs) {
            (Threads::Fixed(threads), _) => threads,
            (Threads::Auto, Some(nfs)) => {
                (SLOTS * nfs.connections()).min(pacing.max_threads.unwrap_or(MAX_THREADS))
            }
            (Threads::Auto, None) => pacing.max_threads.unwrap_or(MAX_THREADS),
        };
        let limit = getrlimit(Resource::Nofile).current;
        let limit = limit.map_or(usize::MAX, |limit| usize::try_from(limit).unwrap_or(usize::MAX));
        let for_walk = limit.saturating_sub(RESERVED_DESCRIPTORS);
        // Half is for the workers, half for directories with children that wait.
        let most = wanted.min(for_walk / 2 / DESCRIPTORS_PER_WORKER).max(1);
        // The default is an upper bound, so only a requested number deserves a warning.
        let asked = pacing.threads != Threads::Auto || pacing.max_threads.is_some();
        if most < wanted && asked {
            log::warn!(
                wanted = wanted,
                most = most,
                limit = limit,
                "fewer workers: too few file descriptors"
            );
        }
        let descriptors = for_walk.saturating_sub(most * DESCRIPTORS_PER_WORKER);
        let start = match pacing.threads {
            Threads::Fixed(_) => most,
            Threads::Auto => cores.min(most),
        };
        let max_latency = pacing.max_latency;
        // On a remote file system, fewer workers than cores may be best.
        let least = match (pacing.threads, fs) {
            (Threads::Auto, FsKind::Remote) => 1,
            _ if max_latency.is_some() => 1,
            _ => start,
        };
        let workers = Bounds { start, most, least, cores, max_latency };
        let descriptors = descriptors.min(100_000);
        Self { fs, nfs, workers, descriptors, max_ops: pacing.max_ops }
    }

    /// Returns the number of workers for an engine that cannot change it.
    pub fn workers_throughout(&self) -> usize {
        match self.fs {
            FsKind::Local => self.workers.start,
            FsKind::Remote => self.workers.most.min(SLOTS).max(self.workers.start),
        }
    }
}

impl FsKind {
    /// Determines the kind of file system at `path`; local if it cannot be determined.
    #[cfg(target_os = "linux")]
    fn of(path: &Path) -> Self {
        // linux/magic.h: NFS, FUSE, SMB, CIFS, SMB2, 9p, Ceph, AFS, Lustre.
        const REMOTE: [rustix::fs::FsWord; 9] = [
            0x6969,
            0x6573_5546,
            0x517b,
            0xff53_4d42,
            0xfe53_4d42,
            0x0102_1997,
            0x00c3_6400,
            0x5346_414f,
            0x0bd0_0bd0,
        ];
        match rustix::fs::statfs(path) {
            Ok(statfs) if REMOTE.contains(&statfs.f_type) => Self::Remote,
            _ => Self::Local,
        }
    }

    #[cfg(not(target_os = "linux"))]
    fn of(_path: &Path) -> Self {
        Self::Local
    }
}

/// Returns how many files this process may have open.
pub fn descriptor_limit() -> u64 {
    getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX)
}

/// Raises this process's limit of open files as far as the system allows.
pub fn raise_descriptor_limit() {
    let mut limit = getrlimit(Resource::Nofile);
    if limit.current != limit.maximum {
        limit.current = limit.maximum;
        if let Err(error) = setrlimit(Resource::Nofile, limit) {
            log::debug!("the limit of open files stays as it is: {error}");
        }
    }
}
