//! What kind of file system a scan begins on, and what the process may open.

use std::path::Path;

use rustix::process::{Resource, getrlimit, setrlimit};

/// What decides how many workers a walk is worth.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FsKind {
    /// Bound by the processor: as many workers as cores.
    Local,
    /// Bound by round trips: as many workers as the client keeps requests in flight.
    Remote,
}

/// Requests that a v4.1 mount keeps in flight by default (kernel `nfs.max_session_slots`). More
/// workers only queue.
const REMOTE_WORKERS: usize = 64;

/// Descriptors kept for everything but the walk: standard streams, output, name look-ups.
const RESERVED_DESCRIPTORS: usize = 24;

/// Descriptors that one worker may hold by itself: a directory, its parent, a marker file.
const DESCRIPTORS_PER_WORKER: usize = 3;

/// The resources of a walk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Root {
    /// What it runs on.
    pub fs: FsKind,
    /// How many workers.
    pub workers: usize,
    /// How many descriptors of directories may stay open between steps.
    pub descriptors: usize,
}

impl Root {
    /// Looks at the file system of `root`; `threads` overrides the number of workers.
    pub fn plan(root: &Path, threads: Option<usize>) -> Self {
        let fs = FsKind::of(root);
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        let wanted = threads.unwrap_or(match fs {
            FsKind::Local => cores,
            FsKind::Remote => REMOTE_WORKERS.max(cores),
        });
        let limit = getrlimit(Resource::Nofile).current;
        let limit = limit.map_or(usize::MAX, |limit| usize::try_from(limit).unwrap_or(usize::MAX));
        let for_walk = limit.saturating_sub(RESERVED_DESCRIPTORS);
        // Half for the workers, half for directories that wait.
        let workers = wanted.min(for_walk / 2 / DESCRIPTORS_PER_WORKER).max(1);
        if workers < wanted {
            tracing::warn!(wanted, workers, limit, "fewer workers: too few file descriptors");
        }
        let descriptors = for_walk.saturating_sub(workers * DESCRIPTORS_PER_WORKER);
        Self { fs, workers, descriptors: descriptors.min(100_000) }
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
