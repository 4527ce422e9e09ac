//! A directory that is being read, and a worker's buffers for reading.

use std::os::fd::OwnedFd;
use std::sync::Arc;

use super::pace::InFlight;
use super::parents::ParentDir;
use crate::usage::{Dir, Ledger, Listing};

/// Bytes of names to read at once, which bounds how many are stat'ed between two reads. The
/// kernel's NFS client chooses the size of its own requests (they grow up to `rsize`).
const BATCH_BYTES: usize = 64 * 1024;

/// A directory that is open.
pub(super) struct DirReading {
    pub(super) dir: Arc<Dir>,
    pub(super) fd: Arc<OwnedFd>,
    pub(super) listing: Listing,
    /// The directory it was opened from; `None` for the root.
    pub(super) parent: Option<Arc<ParentDir>>,
    /// The same directory as the parent of its own children, once there are any.
    node: Option<Arc<ParentDir>>,
    /// How often its listing was begun.
    pub(super) tries: u32,
    /// True if its descriptor counts on the budget while it waits.
    pub(super) budgeted: bool,
    /// The request that opened it, until names are asked for.
    pub(super) opened: Option<InFlight>,
}

/// Some names of a directory, each ended by a NUL.
pub(super) struct Chunk {
    pub(super) names: Vec<u8>,
    pub(super) fd: Arc<OwnedFd>,
    pub(super) listing: Listing,
    pub(super) node: Arc<ParentDir>,
}

impl DirReading {
    pub(super) fn new(
        ledger: &Ledger,
        dir: &Arc<Dir>,
        fd: OwnedFd,
        parent: Option<&Arc<ParentDir>>,
    ) -> Self {
        Self {
            dir: Arc::clone(dir),
            fd: Arc::new(fd),
            listing: ledger.begin(dir),
            parent: parent.cloned(),
            node: None,
            tries: 1,
            budgeted: false,
            opened: None,
        }
    }

    pub(super) fn node(&mut self) -> &Arc<ParentDir> {
        self.node.get_or_insert_with(|| ParentDir::new(&self.dir, self.parent.as_ref()))
    }
}

/// A worker's buffers: directory entries as the kernel writes them, and the names among them.
pub(super) struct Buffers {
    pub(super) dirents: Vec<u8>,
    pub(super) names: Vec<u8>,
}

impl Default for Buffers {
    fn default() -> Self {
        Self { dirents: Vec::with_capacity(BATCH_BYTES), names: Vec::new() }
    }
}
