//! Looks again for a directory that is not where its parent's listing found it.
//!
//! A directory is listed by its parent first and opened later. One that was moved in between would be
//! missed whole, so it is looked for by its inode number: under its parent, then in the top level of
//! its home, once each. One that is found counts by the name and the home that it was listed with, as
//! if it had not moved. One that is not found makes its home partial: a removed directory cannot be
//! told from one that was moved out of sight.
//!
//! # No directory counts twice because of this
//!
//! Let D be listed as P/a, and gone when it is opened. By then it may have been:
//!
//! - **renamed in P, and P is listed**: P's listing has D once, as `a`. It is found and counts.
//! - **renamed in P while P was being listed**, which may show both names. P's listing has D twice,
//!   and the other one stands for both: it is opened, or vanishes and is looked for itself. Taking
//!   one off the list leaves that one its turn.
//! - **renamed in P, whose listing goes on** and comes to the new name later. The inode is claimed when
//!   it is found, and a later listing of it here is dropped. If the listing came first, it is the
//!   case before. One lock decides which.
//! - **moved to the top of the home**: the same, but for D's own entry, which that listing does not
//!   have. Where it has one, D was listed there, too, and that one stands for both.
//! - **moved anywhere else**: it is not found, and the home is partial. Where its new parent is listed
//!   later, D counts there, in the home of that place; where it was listed before, nowhere.
//! - **moved back to `a`** after it was found missing: it is found under P like any other name.
//! - **replaced**: `a` is another directory now, which the listing of P does not have. That one is new,
//!   or it was moved here, and is looked for from where it was listed.
//! - **removed**: it is not found.
//!
//! A directory that counts already and moves to a place that is listed later counts twice, as its
//! files do. A directory that moves from a place not listed yet to one that is listed already counts
//! nowhere, and leaves no trace.

use std::ffi::CString;
use std::os::fd::OwnedFd;
use std::sync::Arc;

use rustix::fs::{FileType, Mode, OFlags, RawDir, openat};
use rustix::io::Errno;

use super::{Budget, KeptFd, ParentDir, open_dir};
use crate::scan::statx::attrs_of_fd;
use crate::sync::lock;
use crate::usage::Dir;

/// How many names of a directory are read in order to look for others in it again. Whoever removes a
/// directory with all its subdirectories must not make the scan read it once for each.
const MOST_NAMES: usize = 100_000;

/// Bytes of names to read at once.
const BATCH_BYTES: usize = 32 * 1024;

/// What became of a directory that is not where it was listed.
pub(in crate::scan) enum Again {
    /// It has another name. This is its descriptor.
    Found(OwnedFd),
    /// It has another name, and was listed by that name, too.
    Listed,
    /// It is not in any place that was looked at.
    Missing,
}

impl ParentDir {
    /// Looks again for the child `dir`. `fresh` is given each directory before it is read.
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

    /// The home that the children of this directory are in, unless it is this directory.
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

    /// Returns this directory's descriptor, even if it was itself renamed in its parent.
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

    /// Opens the subdirectory with this device and inode number, whatever its name is. `None` if there
    /// is none, or if too many names were read here already.
    fn open_inode(
        &self,
        fd: &OwnedFd,
        inode: (u64, u64),
        fresh: &dyn Fn(&OwnedFd),
    ) -> Option<OwnedFd> {
        // Its own descriptor: others may be reading names with `fd`.
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

/// Tells if a directory's own entry is among those of the listing.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Own {
    Listed,
    Elsewhere,
}

impl KeptFd {
    /// Decides if a directory that was found again here is counted by its former place. False if it
    /// was listed here by another name than its own, which counts it.
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
        // Moved here from below: listed here by its new name or not.
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
