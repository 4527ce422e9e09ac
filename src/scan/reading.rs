//! A directory that is being read, and a worker's buffer for reading.

use std::ffi::CStr;
use std::os::fd::OwnedFd;
use std::sync::Arc;

use super::acl::may_have_acl_at;
use super::pace::InFlight;
use super::parents::ParentDir;
use crate::usage::{Dir, Ledger, Listing};

/// Bytes of names to read at a time, which bounds the number of names stat'ed between two reads.
/// The kernel's NFS client chooses the size of its own requests (they grow up to `rsize`).
const BATCH_BYTES: usize = 64 * 1024;

/// Names of a directory for another worker, in the order of the listing. Each one is stored as a byte
/// that says if it may be a directory, the name, and a NUL. The inode number follows if it may be a
/// directory.
#[derive(Default)]
pub(super) struct Names(Vec<u8>);

/// A name, and its inode number if it may be a directory.
pub(super) type Named<'a> = (&'a CStr, Option<u64>);

impl Names {
    #[inline]
    pub(super) fn push(&mut self, name: &CStr, directory: Option<u64>) {
        self.0.push(u8::from(directory.is_some()));
        self.0.extend_from_slice(name.to_bytes_with_nul());
        if let Some(ino) = directory {
            self.0.extend_from_slice(&ino.to_ne_bytes());
        }
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = Named<'_>> {
        let mut rest = &*self.0;
        std::iter::from_fn(move || {
            let (directory, after) = rest.split_first()?;
            let name = CStr::from_bytes_until_nul(after).ok()?;
            rest = &after[name.count_bytes() + 1..];
            let mut ino = None;
            if *directory != 0 {
                let (bytes, after) = rest.split_first_chunk()?;
                (ino, rest) = (Some(u64::from_ne_bytes(*bytes)), after);
            }
            Some((name, ino))
        })
    }
}

/// A directory that is open.
pub(super) struct DirReading {
    pub(super) dir: Arc<Dir>,
    pub(super) fd: Arc<OwnedFd>,
    pub(super) listing: Listing,
    /// The directory from which it was opened; `None` for the root.
    pub(super) parent: Option<Arc<ParentDir>>,
    /// The same directory as the parent of its children, once it has any.
    node: Option<Arc<ParentDir>>,
    /// Number of times its listing was begun.
    pub(super) tries: u32,
    /// Subdirectories that were missing when their attributes were requested.
    pub(super) gone: Gone,
    /// True if the directory is read a second time because of these.
    pub(super) again: bool,
    /// True if its descriptor counts towards the budget while it waits.
    pub(super) budgeted: bool,
    /// The request that opened it, until names are requested.
    pub(super) opened: Option<InFlight>,
}

/// Inode numbers and names of subdirectories.
pub(super) type Gone = Vec<(u64, Box<[u8]>)>;

/// Some names of a directory.
pub(super) struct Chunk {
    pub(super) names: Names,
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
        dir.ask_for_acl(|| may_have_acl_at(&fd));
        Self {
            dir: Arc::clone(dir),
            fd: Arc::new(fd),
            listing: ledger.begin(dir),
            parent: parent.cloned(),
            node: None,
            tries: 1,
            gone: Vec::new(),
            again: false,
            budgeted: false,
            opened: None,
        }
    }

    /// True if nothing of the listing is committed or counted by other workers, so it may be
    /// restarted.
    pub(super) fn can_restart(&self) -> bool {
        self.listing.can_restart() && self.node.is_none()
    }

    pub(super) fn node(&mut self) -> &Arc<ParentDir> {
        self.node.get_or_insert_with(|| ParentDir::new(&self.dir, self.parent.as_ref()))
    }
}

/// A worker's buffer: directory entries as the kernel writes them.
pub(super) struct Buffers {
    pub(super) dirents: Vec<u8>,
}

impl Default for Buffers {
    fn default() -> Self {
        Self { dirents: Vec::with_capacity(BATCH_BYTES) }
    }
}
