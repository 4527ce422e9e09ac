//! Directories that are moved during the walk, so they are not where they were listed.

use std::os::fd::OwnedFd;
use std::sync::Arc;

use rustix::fs::{Mode, OFlags, openat};

use super::{Halt, PosixWalk};
use crate::scan::parents::{Again, ParentDir};
use crate::scan::reading::{Buffers, DirReading};
use crate::scan::statx::attrs_of_fd;
use crate::scan::workers::Worker;
use crate::usage::{Dir, Mount};

impl PosixWalk {
    /// Returns the reason to stop if the open directory is not the one in its parent's listing, but
    /// a mount on it or another directory. Called only if its own entry has another inode number,
    /// because most scans meet no such directory.
    pub(super) fn is_another(&self, fd: &OwnedFd, reading: &DirReading) -> Option<Halt> {
        let listed = &reading.dir.attrs;
        if listed.mount == Mount::Root {
            return None;
        }
        let attrs = attrs_of_fd(fd).ok()?;
        if self.ledger.is_foreign_mount(&attrs) {
            return Some(Halt::MountedOver);
        }
        let replaced = attrs.mount == Mount::Inside
            && (attrs.dev, attrs.ino) != (listed.dev, listed.ino)
            && reading.can_restart();
        replaced.then_some(Halt::Replaced)
    }

    /// Searches for a directory that is not where its parent's listing found it, and reads it if it
    /// has another name. It counts under the name that it was listed with.
    pub(super) fn look_again(
        &self,
        dir: &Arc<Dir>,
        parent: &Arc<ParentDir>,
        worker: &Worker<Self>,
        buffers: &mut Buffers,
    ) {
        let asked = self.pace.open();
        let again = parent.look_again(dir, &self.budget, &|fd| self.forget(fd));
        self.pace.answered(asked);
        match again {
            Again::Found(fd) => {
                let reading = DirReading::new(&self.ledger, dir, fd, Some(parent));
                // This does not recurse without end: a descriptor stays with its inode, so the
                // directory is not replaced again.
                self.read(reading, worker, buffers);
            }
            Again::Listed => self.ledger.listed_elsewhere(dir),
            Again::Missing => self.ledger.moved(dir),
        }
    }

    /// Reads a directory from its start once more, because subdirectories were missing when their
    /// attributes were requested: they may have been renamed. Returns false if the directory was
    /// reread before or cannot be; then subdirectories that were not found are recorded.
    pub(super) fn read_again(&self, reading: &mut DirReading) -> bool {
        if !reading.again && reading.can_restart() {
            let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
            if let Ok(fd) = openat(&*reading.fd, c".", flags, Mode::empty()) {
                self.forget(&fd);
                reading.fd = Arc::new(fd);
                reading.listing = self.ledger.begin(&reading.dir);
                reading.again = true;
                return true;
            }
        }
        reading.gone.sort();
        reading.gone.dedup_by_key(|(ino, _)| *ino);
        for (ino, name) in std::mem::take(&mut reading.gone) {
            if !reading.listing.has_directory(ino) {
                reading.listing.moved(&name);
            }
        }
        false
    }
}
