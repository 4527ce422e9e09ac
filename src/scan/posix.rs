//! The engine for a mounted file system on Linux: getdents64 and statx relative to descriptors.
//!
//! Each batch of names is stat'ed before the next is asked for. On NFS that keeps the kernel
//! asking for attributes with every READDIR ("readdirplus"), so files cost no round trip of their
//! own; listing everything first, as `du` does, costs one GETATTR per file in large directories.
//! On a local file system the batches of a wide directory go to other workers instead.

use std::ffi::CStr;
use std::io;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::Ordering;

use rustix::fs::{Advice, CWD, Mode, OFlags, RawDir, fadvise, openat};
use rustix::io::Errno;

use super::pace::Pace;
use super::parents::{Budget, ParentDir};
use super::reading::{Buffers, Chunk, DirReading};
use super::statx::{FdProbe, attrs_at, attrs_of_fd};
use super::workers::{Walker, Workers};
use super::{Ended, Engine, FsKind, Plan, WalkError};
use crate::stop::Stop;
use crate::usage::{Dir, Extent, Ledger, Listing};
use crate::usage::{Op, Probe};

/// Chunks of names that may wait for each worker before the reader of a wide directory does them
/// itself.
const CHUNKS_PER_WORKER: usize = 4;

/// Directories on the stack at which a listing with more of them waits.
const CROWDED: usize = 16 * 1024;

/// Walks a mounted file system.
#[derive(Debug)]
pub struct Posix {
    root: PathBuf,
    plan: Plan,
}

impl Posix {
    /// Will walk `root` as planned.
    pub fn new(root: PathBuf, plan: Plan) -> Self {
        Self { root, plan }
    }
}

impl Engine for Posix {
    fn name(&self) -> &'static str {
        "posix"
    }

    fn walk(&self, ledger: &Arc<Ledger>, stop: &Arc<Stop>) -> Result<Ended, WalkError> {
        let failed = |op| {
            let path = self.root.clone();
            move |error| WalkError::Root { op, path, error }
        };
        let fd = open_root(&self.root).map_err(failed("open"))?;
        let attrs = attrs_of_fd(&fd).map_err(failed("stat"))?;
        let root = ledger.root(attrs);
        let walk = PosixWalk {
            ledger: Arc::clone(ledger),
            pace: Pace::new(self.plan.nfs.clone(), self.plan.max_ops, stop),
            budget: Budget::new(self.plan.descriptors),
            fs: self.plan.fs,
            nfs: self.plan.nfs.is_some(),
            stop: Arc::clone(stop),
        };
        walk.forget(&fd);
        let reading = DirReading::new(ledger, &root, fd, None);
        Workers::run(walk, WorkItem::Read(Box::new(reading)), self.plan.workers, stop)
    }
}

/// What the workers share.
struct PosixWalk {
    ledger: Arc<Ledger>,
    pace: Pace,
    budget: Budget,
    fs: FsKind,
    nfs: bool,
    stop: Arc<Stop>,
}

/// What waits on the stack.
enum WorkItem {
    /// A directory to open and read.
    List(Arc<Dir>, Arc<ParentDir>),
    /// An open directory to read from where it is.
    Read(Box<DirReading>),
    /// Names of a wide directory to stat.
    Stat(Box<Chunk>),
}

/// Why reading a directory came to a halt.
enum Halt {
    /// No more names.
    End,
    /// It waits for its children.
    Deferred,
    /// The walk ends.
    Stopped,
    /// DirReading on failed.
    Failed(io::Error),
}

impl Walker for PosixWalk {
    type Item = WorkItem;
    type Scratch = Buffers;

    fn run(&self, item: WorkItem, workers: &Arc<Workers<Self>>, buffers: &mut Buffers) {
        match item {
            WorkItem::List(dir, parent) => {
                let asked = self.pace.open();
                let opened = match parent.open_child(&dir, &self.budget) {
                    Err(error) if is_stale(&error) => parent.reopen_child(&dir, &self.budget),
                    opened => opened,
                };
                if opened.is_err() {
                    self.pace.answered(asked);
                }
                match opened {
                    Ok(fd) => {
                        self.forget(&fd);
                        let mut reading = DirReading::new(&self.ledger, &dir, fd, Some(&parent));
                        reading.opened = Some(asked);
                        self.read(reading, workers, buffers);
                    }
                    Err(error) if error.kind() == io::ErrorKind::NotFound => {
                        self.ledger.vanished(&dir);
                    }
                    Err(error) => self.unreadable(&dir, Op::Open, &error),
                }
            }
            WorkItem::Read(mut reading) => {
                if std::mem::take(&mut reading.budgeted) {
                    self.budget.give_back();
                }
                self.read(*reading, workers, buffers);
            }
            WorkItem::Stat(chunk) => self.stat_chunk(*chunk, workers),
        }
    }

    fn waiting(&self, items: usize) {
        // Relaxed: for display only.
        self.ledger.progress.waiting.store(items as u64, Ordering::Relaxed);
    }

    fn pace(&self) -> &Pace {
        &self.pace
    }
}

impl PosixWalk {
    /// Reads a directory to its end, or until it has to wait.
    fn read(&self, mut reading: DirReading, workers: &Arc<Workers<Self>>, buffers: &mut Buffers) {
        loop {
            match self.read_names(&mut reading, workers, buffers) {
                Halt::End => return self.finish(reading, workers),
                Halt::Stopped => {
                    // What was seen counts, also of a directory that was not read to its end.
                    self.commit(&mut reading, Extent::Partly, workers);
                    return;
                }
                Halt::Deferred => return workers.defer(WorkItem::Read(Box::new(reading))),
                Halt::Failed(error) => {
                    let again = is_stale(&error) && reading.tries == 1;
                    if again && reading.listing.can_restart() && self.restart(&mut reading) {
                        continue;
                    }
                    reading.listing.failed(Op::List, None, &error);
                    return self.finish(reading, workers);
                }
            }
        }
    }

    /// Lets an NFS client forget the names of a directory that it keeps from an earlier scan. They
    /// would be right, but they come without attributes: those are only kept for seconds, and then
    /// each file costs a round trip of its own, where asking for names and attributes anew costs
    /// one (measured in tests/nfs.rs: 1,002 requests for 10,010 files, and 11,012 without this).
    fn forget(&self, fd: &OwnedFd) {
        if self.nfs {
            // It only makes the scan cheaper.
            let _ = fadvise(fd, 0, None, Advice::DontNeed);
        }
    }

    /// Begins a listing anew from its parent, where nothing of it counts yet.
    fn restart(&self, reading: &mut DirReading) -> bool {
        let Some(parent) = &reading.parent else {
            return false;
        };
        let Ok(fd) = parent.reopen_child(&reading.dir, &self.budget) else {
            return false;
        };
        reading.fd = Arc::new(fd);
        reading.listing = self.ledger.begin(&reading.dir);
        reading.tries += 1;
        true
    }

    fn finish(&self, mut reading: DirReading, workers: &Arc<Workers<Self>>) {
        self.commit(&mut reading, Extent::Whole, workers);
        self.ledger.end(reading.listing);
    }

    fn commit(&self, reading: &mut DirReading, listed: Extent, workers: &Arc<Workers<Self>>) {
        let probe = FdProbe(&reading.fd);
        let children = reading.listing.commit(&self.ledger, listed, &probe);
        if !children.is_empty() {
            let node = Arc::clone(reading.node());
            self.push_children(children, &node, &reading.fd, workers);
        }
    }

    fn push_children(
        &self,
        children: Vec<Arc<Dir>>,
        node: &Arc<ParentDir>,
        fd: &Arc<OwnedFd>,
        workers: &Arc<Workers<Self>>,
    ) {
        node.expect(children.len(), fd, &self.budget);
        // The first name on top: it is the one the kernel looked up first.
        let items = children.into_iter().rev();
        workers.push(items.map(|dir| WorkItem::List(dir, Arc::clone(node))));
    }

    fn read_names(
        &self,
        reading: &mut DirReading,
        workers: &Arc<Workers<Self>>,
        buffers: &mut Buffers,
    ) -> Halt {
        let fd = Arc::clone(&reading.fd);
        let Buffers { dirents, names } = buffers;
        let mut raw = RawDir::new(&*fd, dirents.spare_capacity_mut());
        names.clear();
        let mut first_batch = true;
        // The first read is timed; later ones are often answered from what came with it.
        let mut asked = Some(match reading.opened.take() {
            Some(opened) => self.pace.names_after(opened),
            None => self.pace.names(),
        });
        loop {
            let fresh = raw.is_buffer_empty();
            let next = raw.next();
            if let Some(asked) = asked.take() {
                self.pace.answered(asked);
            } else if fresh && matches!(next, Some(Ok(_))) {
                self.pace.more_names();
            }
            match next {
                None => return Halt::End,
                Some(Err(Errno::INTR)) => continue,
                // Linux answers so for a directory that was removed while it was open: it is
                // empty now.
                Some(Err(Errno::NOENT)) => return Halt::End,
                Some(Err(errno)) => return Halt::Failed(errno.into()),
                Some(Ok(entry)) => {
                    let name = entry.file_name();
                    let bytes = name.to_bytes();
                    if bytes != b"." && bytes != b".." && reading.listing.wants(&self.ledger, bytes)
                    {
                        names.extend_from_slice(name.to_bytes_with_nul());
                    }
                }
            }
            if !raw.is_buffer_empty() {
                continue;
            }
            let share = self.fs == FsKind::Local && !first_batch;
            if share && workers.want_more(CHUNKS_PER_WORKER) {
                let chunk = Chunk {
                    names: std::mem::take(names),
                    fd: Arc::clone(&fd),
                    listing: self.ledger.fork(&reading.dir),
                    node: Arc::clone(reading.node()),
                };
                workers.push([WorkItem::Stat(Box::new(chunk))]);
            } else if self.stat_names(&fd, names, &mut reading.listing) == Ended::Interrupted {
                return Halt::Stopped;
            }
            names.clear();
            first_batch = false;
            if reading.listing.is_heavy() {
                self.commit(reading, Extent::Partly, workers);
            }
            if workers.ready() > CROWDED && self.budget.take() {
                reading.budgeted = true;
                return Halt::Deferred;
            }
        }
    }

    /// Tells the listing the attributes of `names`, each ended by a NUL.
    fn stat_names(&self, fd: &OwnedFd, mut names: &[u8], listing: &mut Listing) -> Ended {
        while let Ok(name) = CStr::from_bytes_until_nul(names) {
            if self.stop.is_set() {
                return Ended::Interrupted;
            }
            names = &names[name.count_bytes() + 1..];
            let attrs = match attrs_at(fd, name) {
                Err(error) if is_stale(&error) => attrs_at(fd, name),
                attrs => attrs,
            };
            match attrs {
                Ok(attrs) => listing.entry(&self.ledger, name.to_bytes(), attrs),
                Err(error) => listing.failed(Op::Stat, Some(name.to_bytes()), &error),
            }
        }
        Ended::Complete
    }

    fn stat_chunk(&self, mut chunk: Chunk, workers: &Arc<Workers<Self>>) {
        let ended = self.stat_names(&chunk.fd, &chunk.names, &mut chunk.listing);
        // Other names of the directory are elsewhere, so a rule's markers are asked for.
        let probe = FdProbe(&chunk.fd);
        let children = chunk.listing.commit(&self.ledger, Extent::Partly, &probe);
        if !children.is_empty() {
            self.push_children(children, &chunk.node, &chunk.fd, workers);
        }
        if ended == Ended::Complete {
            self.ledger.end(chunk.listing);
        }
    }

    /// A directory that cannot be listed: its own inode counts, and its contents are an error.
    fn unreadable(&self, dir: &Arc<Dir>, op: Op, error: &io::Error) {
        let mut listing = self.ledger.begin(dir);
        listing.failed(op, None, error);
        listing.commit(&self.ledger, Extent::Whole, &NoProbe);
        self.ledger.end(listing);
    }
}

fn is_stale(error: &io::Error) -> bool {
    error.raw_os_error() == Some(Errno::STALE.raw_os_error())
}

fn open_root(path: &Path) -> io::Result<OwnedFd> {
    // The root is the administrator's choice and may be a link.
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    Ok(openat(CWD, path, flags, Mode::empty())?)
}

/// For a directory that cannot be opened.
struct NoProbe;

impl Probe for NoProbe {
    fn exists(&self, _name: &[u8]) -> io::Result<bool> {
        Ok(false)
    }

    fn starts_with(&self, _name: &[u8], _bytes: &[u8]) -> io::Result<bool> {
        Ok(false)
    }
}
