//! What kind of file system a scan begins on, and what the process may open.

use std::path::Path;
use std::time::Duration;

use rustix::process::{Resource, getrlimit, setrlimit};

use super::mountstats::NfsMount;
use super::threads::Threads;

/// What decides how a walk is spread over workers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FsKind {
    /// Bound by the processor.
    Local,
    /// Bound by round trips.
    Remote,
}

/// How much a walk may take.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Pacing {
    /// Workers.
    pub threads: Threads,
    /// The most that [`Threads::Auto`] may come to.
    pub max_threads: Option<usize>,
    /// Round trips a second.
    pub max_ops: Option<u32>,
    /// Mean round trip above which workers fall.
    pub max_latency: Option<Duration>,
}

/// Bounds of the number of workers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bounds {
    /// How many the walk begins with.
    pub start: usize,
    /// How many it may have.
    pub most: usize,
    /// How many there are at least, whatever the file system's answers.
    pub least: usize,
    /// Processors.
    pub cores: usize,
    /// Mean round trip above which workers fall.
    pub max_latency: Option<Duration>,
}

/// Requests that a v4.1 session keeps in flight by default (kernel `nfs.max_session_slots`). More
/// workers only queue.
const SLOTS: usize = 64;

/// The most workers, where nothing else says.
const MAX_THREADS: usize = 256;

/// Descriptors kept for everything but the walk: standard streams, output, name look-ups.
const RESERVED_DESCRIPTORS: usize = 24;

/// Descriptors that one worker may hold by itself: a directory, its parent, a marker file.
const DESCRIPTORS_PER_WORKER: usize = 3;

/// The resources of a walk.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    /// What it runs on.
    pub fs: FsKind,
    /// The mount, where that is NFS.
    pub nfs: Option<NfsMount>,
    /// How many workers.
    pub workers: Bounds,
    /// How many descriptors of directories may stay open between steps.
    pub descriptors: usize,
    /// Round trips a second.
    pub max_ops: Option<u32>,
}

impl Plan {
    /// Looks at the file system of `root`.
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
        // Half for the workers, half for directories that wait.
        let most = wanted.min(for_walk / 2 / DESCRIPTORS_PER_WORKER).max(1);
        // Where nobody asked for so many, it is no news that there cannot be.
        let asked = pacing.threads != Threads::Auto || pacing.max_threads.is_some();
        if most < wanted && asked {
            tracing::warn!(wanted, most, limit, "fewer workers: too few file descriptors");
        }
        let descriptors = for_walk.saturating_sub(most * DESCRIPTORS_PER_WORKER);
        let start = match pacing.threads {
            Threads::Fixed(_) => most,
            Threads::Auto => cores.min(most),
        };
        let max_latency = pacing.max_latency;
        // A server may have less to give than this machine has cores.
        let least = match (pacing.threads, fs) {
            (Threads::Auto, FsKind::Remote) => 1,
            _ if max_latency.is_some() => 1,
            _ => start,
        };
        let workers = Bounds { start, most, least, cores, max_latency };
        let descriptors = descriptors.min(100_000);
        Self { fs, nfs, workers, descriptors, max_ops: pacing.max_ops }
    }

    /// How many workers are worth it for an engine that cannot change their number.
    pub fn workers_throughout(&self) -> usize {
        match self.fs {
            FsKind::Local => self.workers.start,
            FsKind::Remote => self.workers.most.min(SLOTS).max(self.workers.start),
        }
    }
}

impl FsKind {
    /// What `path` lies on; what cannot be asked counts as local.
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

/// Raises the limit of open files as far as the system lets this process.
pub fn raise_descriptor_limit() {
    let mut limit = getrlimit(Resource::Nofile);
    if limit.current != limit.maximum {
        limit.current = limit.maximum;
        if let Err(error) = setrlimit(Resource::Nofile, limit) {
            tracing::debug!(%error, "the limit of open files stays as it is");
        }
    }
}
