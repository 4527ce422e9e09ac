//! Descriptors of directories that stay open until their children were opened.
//!
//! A child is opened relative to its parent's descriptor: the kernel would resolve a path from the
//! root component by component, with a round trip each on NFS, and it refuses long paths. A
//! parent's descriptor is kept until its last child was opened. If too many would be kept, a
//! directory gives up its descriptor, and is reopened later from the nearest ancestor that still
//! has one.

mod again;

use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use rustix::fs::{Mode, OFlags, openat};

use super::statx::attrs_of_fd;
use crate::sync::lock;
use crate::usage::{Attrs, Dir, Mount};

pub(super) use again::Again;

/// A directory with children that are not opened yet.
pub(super) struct ParentDir {
    parent: Option<Arc<ParentDir>>,
    dir: Arc<Dir>,
    slot: Mutex<KeptFd>,
}

#[derive(Default)]
struct KeptFd {
    fd: Option<Arc<OwnedFd>>,
    unopened: usize,
    /// Inode numbers of the subdirectories listed here, once per occurrence. They are needed when
    /// one vanishes (see [`again`]).
    listed: Vec<u64>,
    /// Inode numbers of directories that were found here after a move, and count at their former
    /// place.
    claimed: Vec<u64>,
    /// Number of names read in searches for moved directories.
    names_read: usize,
}

/// Limit on the number of kept descriptors.
pub(super) struct Budget {
    limit: usize,
    kept: AtomicUsize,
}

impl Budget {
    pub(super) fn new(limit: usize) -> Self {
        Self { limit, kept: AtomicUsize::new(0) }
    }

    /// Takes room for one descriptor. Returns false if there is none.
    pub(super) fn take(&self) -> bool {
        // Relaxed: a bare counter.
        let take = |kept| (kept < self.limit).then_some(kept + 1);
        self.kept.fetch_update(Ordering::Relaxed, Ordering::Relaxed, take).is_ok()
    }

    /// Returns the room for one descriptor.
    pub(super) fn give_back(&self) {
        self.kept.fetch_sub(1, Ordering::Relaxed);
    }
}

impl ParentDir {
    pub(super) fn new(dir: &Arc<Dir>, parent: Option<&Arc<ParentDir>>) -> Arc<Self> {
        Arc::new(Self { parent: parent.cloned(), dir: Arc::clone(dir), slot: Mutex::default() })
    }

    /// Registers `children` to be opened, and keeps `fd` for them if the budget allows. Removes and
    /// returns the children that were found after a move before they were listed here.
    pub(super) fn expect(
        &self,
        children: &mut Vec<Arc<Dir>>,
        fd: &Arc<OwnedFd>,
        budget: &Budget,
    ) -> Vec<Arc<Dir>> {
        let mut slot = lock(&self.slot);
        let claimed = match slot.claimed.is_empty() {
            true => Vec::new(),
            false => {
                let claimed = |dir: &mut Arc<Dir>| slot.claimed.contains(&dir.attrs.ino);
                children.extract_if(.., claimed).collect()
            }
        };
        slot.unopened += children.len();
        let inside = children.iter().filter(|dir| dir.attrs.mount == Mount::Inside);
        slot.listed.extend(inside.map(|dir| dir.attrs.ino));
        drop(slot);
        self.keep(fd, budget);
        claimed
    }

    /// Keeps `fd` while children wait for it. If the budget is spent, the ancestor nearest to the
    /// root gives up its own descriptor: stacks are depth first, so that one is needed last, unless
    /// another worker takes from this one's stack.
    fn keep(&self, fd: &Arc<OwnedFd>, budget: &Budget) {
        // The root's descriptor is always kept, because every other directory can be reached from
        // it.
        let is_root = self.parent.is_none();
        if !is_root && !budget.take() {
            let mut given_up = None;
            let mut node = self.parent.as_ref();
            while let Some(ancestor) = node.filter(|ancestor| ancestor.parent.is_some()) {
                if lock(&ancestor.slot).fd.is_some() {
                    given_up = Some(ancestor);
                }
                node = ancestor.parent.as_ref();
            }
            if given_up.and_then(|ancestor| lock(&ancestor.slot).fd.take()).is_none() {
                return;
            }
        }
        let mut slot = lock(&self.slot);
        let keeps = slot.unopened > 0 && slot.fd.is_none();
        if keeps {
            slot.fd = Some(Arc::clone(fd));
        } else if !is_root {
            budget.give_back();
        }
    }

    /// Opens the child `dir`. It counts as opened even if that fails.
    pub(super) fn open_child(&self, dir: &Dir, budget: &Budget) -> io::Result<OwnedFd> {
        let opened = self.descriptor(budget).and_then(|fd| open_dir(&fd, &dir.name));
        let mut slot = lock(&self.slot);
        slot.unopened -= 1;
        if slot.unopened == 0 && self.parent.is_some() && slot.fd.take().is_some() {
            budget.give_back();
        }
        opened
    }

    /// Opens the child `dir` again.
    pub(super) fn reopen_child(&self, dir: &Dir, budget: &Budget) -> io::Result<OwnedFd> {
        open_dir(&self.descriptor(budget)?, &dir.name)
    }

    /// Returns this directory's descriptor: the kept one, or a new one opened through the
    /// ancestors.
    fn descriptor(&self, budget: &Budget) -> io::Result<Arc<OwnedFd>> {
        let kept = |node: &ParentDir| lock(&node.slot).fd.clone();
        if let Some(fd) = kept(self) {
            return Ok(fd);
        }
        let mut down = vec![self];
        let mut node = self.parent.as_ref();
        let mut fd = loop {
            let Some(ancestor) = node else {
                return Err(io::Error::other("the root's descriptor is gone"));
            };
            if let Some(fd) = kept(ancestor) {
                break fd;
            }
            down.push(ancestor);
            node = ancestor.parent.as_ref();
        };
        // The walk needs the directories above this one next. Keeping up to half the budget of them
        // avoids a new descent from the root for each.
        let keep_last = (budget.limit / 2).max(1);
        for (to_go, node) in down.into_iter().enumerate().rev() {
            fd = Arc::new(open_dir(&fd, &node.dir.name)?);
            if to_go < keep_last {
                // Another directory may have been moved here meanwhile.
                if !node.is(&attrs_of_fd(&fd)?) {
                    return Err(io::ErrorKind::NotFound.into());
                }
                node.keep(&fd, budget);
            }
        }
        Ok(fd)
    }

    fn is(&self, found: &Attrs) -> bool {
        (found.dev, found.ino) == (self.dir.attrs.dev, self.dir.attrs.ino)
    }
}

impl Drop for ParentDir {
    /// Unlinks the chain one by one, for the same reason as [`Dir`]'s drop.
    fn drop(&mut self) {
        let mut parent = self.parent.take();
        while let Some(node) = parent {
            parent = Arc::into_inner(node).and_then(|mut node| node.parent.take());
        }
    }
}

/// Opens a directory below `at`. Follows no link, even if a link has just replaced the directory.
fn open_dir(at: impl AsFd, name: &[u8]) -> io::Result<OwnedFd> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    openat(at, name, flags, Mode::empty()).map_err(|errno| match errno {
        // It was a directory when its parent was listed.
        rustix::io::Errno::LOOP | rustix::io::Errno::NOTDIR => io::ErrorKind::NotFound.into(),
        other => other.into(),
    })
}
