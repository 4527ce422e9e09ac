//! Directories that are moved while the walk is under way, so that they are not where they were listed.

use std::os::fd::OwnedFd;
use std::sync::Arc;

use rustix::fs::{Mode, OFlags, openat};

use super::{Halt, PosixWalk};
use crate::scan::parents::{Again, ParentDir};
use crate::scan::reading::{Buffers, DirReading};
use crate::scan::statx::attrs_of_fd;
use crate::scan::workers::Workers;
use crate::usage::{Dir, Mount};

impl PosixWalk {
    /// Says so if an open directory is not the one that its parent's listing has, but a mount on it, or
    /// another directory. Asked only where its own entry has another inode number, because most scans
    /// meet no such directory.
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

    /// Looks for a directory that is not where its parent's listing found it, and reads it if it has
    /// another name. It counts by the name that it was listed with.
    pub(super) fn look_again(
        &self,
        dir: &Arc<Dir>,
        parent: &Arc<ParentDir>,
        workers: &Arc<Workers<Self>>,
        buffers: &mut Buffers,
    ) {
        let asked = self.pace.open();
        let again = parent.look_again(dir, &self.budget, &|fd| self.forget(fd));
        self.pace.answered(asked);
        match again {
            Again::Found(fd) => {
                let reading = DirReading::new(&self.ledger, dir, fd, Some(parent));
                // Not a loop: a descriptor stays with its inode, so it is not replaced again.
                self.read(reading, workers, buffers);
            }
            Again::Listed => self.ledger.listed_elsewhere(dir),
            Again::Missing => self.ledger.moved(dir),
        }
    }

    /// Reads a directory from its start once more, because subdirectories were gone when their
    /// attributes were asked for: they may have been renamed. Returns false if it is done; then those
    /// that were not found are noted.
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
