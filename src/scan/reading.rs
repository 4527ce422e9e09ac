//! A directory that is being read, and what a worker needs for that.

use std::os::fd::OwnedFd;
use std::sync::Arc;

use super::pace::InFlight;
use super::parents::ParentDir;
use crate::usage::{Dir, Ledger, Listing};

/// Names read at once. What the kernel's NFS client asks for at once is its own business (portions
/// that grow up to `rsize`); this bounds what is stat'ed between two reads.
const BATCH_BYTES: usize = 64 * 1024;

/// A directory that is open.
pub(super) struct DirReading {
    pub(super) dir: Arc<Dir>,
    pub(super) fd: Arc<OwnedFd>,
    pub(super) listing: Listing,
    /// Where it was opened from; none for the root.
    pub(super) parent: Option<Arc<ParentDir>>,
    /// What its own children are opened from, once there are any.
    node: Option<Arc<ParentDir>>,
    /// How often it was begun.
    pub(super) tries: u32,
    /// Whether its descriptor is kept on the budget while it waits.
    pub(super) budgeted: bool,
    /// The question that opened it, until names were asked for.
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
