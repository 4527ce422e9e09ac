//! Searches for a directory that is not where its parent's listing found it.
//!
//! A directory is listed by its parent first and opened later. One that was moved in between would
//! be missed entirely, so it is searched for by its inode number: under its parent, then in the top
//! level of its home, once each. If it is found, it counts under the name and the home that it was
//! listed with, as if it had not moved. If it is not found, its home is partial, because a removed
//! directory cannot be distinguished from one that was moved elsewhere.
//!
//! # No directory counts twice because of this
//!
//! Let D be listed as P/a, and missing when it is opened. By then it may have been:
//!
//! - **renamed in P, and P is listed**: P's listing has D once, as `a`. It is found and counts.
//! - **renamed in P while P was being listed**, which may show both names. P's listing has D twice,
//!   and the other entry stands for both: it is opened, or it vanishes and is itself searched for.
//!   Removing one entry from the list leaves the other one its turn.
//! - **renamed in P, whose listing continues** and reaches the new name later. The inode is claimed
//!   when it is found, and a later entry of it here is dropped. If the entry came first, the
//!   previous case applies. One lock decides which.
//! - **moved to the top of the home**: the same, except that this listing does not have D's own
//!   entry. If it has D, then D was listed there as well, and that entry stands for both.
//! - **moved anywhere else**: it is not found, and the home is partial. If its new parent is listed
//!   later, D counts there, in the home of that place; if it was listed before, D counts nowhere.
//! - **moved back to `a`** after it was found missing: it is found under P like any other name.
//! - **replaced**: `a` is now another directory, which the listing of P does not have. That
//!   directory is new, or it was moved here and is searched for at its listed place.
//! - **removed**: it is not found.
//!
//! A directory that counts already and then moves to a place that is listed later counts twice,
//! like its files. A directory that moves from a place not listed yet to one that is listed already
//! counts nowhere, and leaves no trace.

use std::ffi::CString;
use std::os::fd::OwnedFd;
use std::sync::Arc;

use rustix::fs::{FileType, Mode, OFlags, RawDir, openat};
use rustix::io::Errno;

use super::{Budget, KeptFd, ParentDir, open_dir};
use crate::scan::statx::attrs_of_fd;
use crate::sync::lock;
use crate::usage::Dir;

/// The most names read in one directory in searches for moved directories. Otherwise, a user who
/// removes a directory with all its subdirectories would make the scan read it once for each of
/// them.
const MOST_NAMES: usize = 100_000;

/// Bytes of names to read at a time.
const BATCH_BYTES: usize = 32 * 1024;

/// Result of a search for a directory that is not where it was listed.
pub(in crate::scan) enum Again {
    /// The directory has another name. This is its descriptor.
    Found(OwnedFd),
    /// The directory has another name, and was listed under that name as well.
    Listed,
    /// The directory is in none of the searched places.
    Missing,
}

impl ParentDir {
    /// Searches for the child `dir`. `fresh` is called with each directory before it is read.
    pub(in crate::scan) fn look_again(
        &self,
        dir: &Dir,
        budget: &Budget,
        fresh: &dyn Fn(&OwnedFd),
    ) -> Again {
        if let Some(again) = self.look_for(dir, Own::Listed, budget, fresh) {
            return again;
        }
        match self.top_of_home() {
            Some(top) => top.look_for(dir, Own::Elsewhere, budget, fresh).unwrap_or(Again::Missing),
            None => Again::Missing,
        }
    }

    /// Returns the home directory that contains this directory; `None` if this is the home itself.
    fn top_of_home(&self) -> Option<&ParentDir> {
        if !self.dir.in_home() || self.dir.is_home_itself() {
            return None;
        }
        let above = std::iter::successors(self.parent.as_deref(), |node| node.parent.as_deref());
        above.into_iter().find(|node| node.dir.is_home_itself())
    }

    fn look_for(
        &self,
        dir: &Dir,
        own: Own,
        budget: &Budget,
        fresh: &dyn Fn(&OwnedFd),
    ) -> Option<Again> {
        let fd = self.reach(budget, fresh)?;
        let found = self.open_inode(&fd, (dir.attrs.dev, dir.attrs.ino), fresh)?;
        let mut slot = lock(&self.slot);
        if slot.claim(dir.attrs.ino, own) { Some(Again::Found(found)) } else { Some(Again::Listed) }
    }

    /// Returns this directory's descriptor, even if the directory itself was renamed in its parent.
    fn reach(&self, budget: &Budget, fresh: &dyn Fn(&OwnedFd)) -> Option<Arc<OwnedFd>> {
        if let Ok(fd) = self.descriptor(budget) {
            return Some(fd);
        }
        let above = self.parent.as_ref()?;
        let fd = above.descriptor(budget).ok()?;
        let inode = (self.dir.attrs.dev, self.dir.attrs.ino);
        let found = Arc::new(above.open_inode(&fd, inode, fresh)?);
        self.keep(&found, budget);
        Some(found)
    }

    /// Opens the subdirectory with this device and inode number under any name. Returns `None` if
    /// there is none, or if too many names were read here already.
    fn open_inode(
        &self,
        fd: &OwnedFd,
        inode: (u64, u64),
        fresh: &dyn Fn(&OwnedFd),
    ) -> Option<OwnedFd> {
        // A separate descriptor, because others may be reading names with `fd`.
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let own = openat(fd, c".", flags, Mode::empty()).ok()?;
        fresh(&own);
        let name = self.name_of(&own, inode.1)?;
        let found = open_dir(fd, name.as_bytes()).ok()?;
        let attrs = attrs_of_fd(&found).ok()?;
        ((attrs.dev, attrs.ino) == inode).then_some(found)
    }

    /// Reads names until one has this inode number.
    fn name_of(&self, fd: &OwnedFd, ino: u64) -> Option<CString> {
        let mut left = MOST_NAMES.checked_sub(lock(&self.slot).names_read)?;
        let mut buffer = Vec::with_capacity(BATCH_BYTES);
        let mut names = RawDir::new(fd, buffer.spare_capacity_mut());
        let mut read = 0;
        let found = loop {
            match names.next() {
                Some(Err(Errno::INTR)) => continue,
                None | Some(Err(_)) => break None,
                Some(Ok(entry)) => {
                    read += 1;
                    let directory =
                        matches!(entry.file_type(), FileType::Directory | FileType::Unknown);
                    let name = entry.file_name();
                    if directory && entry.ino() == ino && name != c"." && name != c".." {
                        break Some(name.to_owned());
                    }
                    if left == 0 {
                        break None;
                    }
                    left -= 1;
                }
            }
        };
        lock(&self.slot).names_read += read;
        found
    }
}

/// Tells if the listing contains the moved directory's own entry.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Own {
    Listed,
    Elsewhere,
}

impl KeptFd {
    /// Decides if a directory that was found here after a move counts at its former place. Returns
    /// false if it was listed here under another name than its own, because that entry counts.
    fn claim(&mut self, ino: u64, own: Own) -> bool {
        if self.claimed.contains(&ino) {
            return false;
        }
        let mut same = self.listed.iter().enumerate().filter(|(_, listed)| **listed == ino);
        let (first, second) = (same.next(), same.next());
        match (own, first, second) {
            (Own::Listed, Some((at, _)), Some(_)) => {
                self.listed.swap_remove(at);
                false
            }
            (Own::Elsewhere, Some(_), _) => false,
            _ => {
                self.claimed.push(ino);
                true
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_directory_is_claimed_once() {
        let mut slot = KeptFd { listed: vec![1, 2, 3], ..KeptFd::default() };
        assert!(slot.claim(2, Own::Listed));
        assert!(!slot.claim(2, Own::Elsewhere));
        // Moved here from below; the first was listed here under its new name, the second was not.
        assert!(!slot.claim(3, Own::Elsewhere));
        assert!(slot.claim(4, Own::Elsewhere));
        assert!(!slot.claim(4, Own::Elsewhere));
    }

    #[test]
    fn the_last_of_two_names_counts() {
        let mut slot = KeptFd { listed: vec![7, 1, 7], ..KeptFd::default() };
        assert!(!slot.claim(7, Own::Listed));
        assert!(slot.claim(7, Own::Listed));
        assert!(!slot.claim(7, Own::Listed));
    }
}
