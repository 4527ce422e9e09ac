//! Engine for a mounted file system on Linux: getdents64 and statx relative to descriptors.
//!
//! Each name is stat'ed before the next batch of names is read. On NFS this makes the kernel
//! request attributes with every READDIR ("readdirplus"), so files need no round trip of their own.
//! Listing everything first, as `du` does, costs one GETATTR per file in large directories. On a
//! local file system, other workers stat the batches of a wide directory.

mod moved;

use std::io;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::Ordering;

use rustix::fs::{Advice, CWD, FileType, Mode, OFlags, RawDir, fadvise, openat};
use rustix::io::Errno;

use super::mount::is_mounted_below;
use super::pace::Pace;
use super::parents::{Budget, ParentDir};
use super::reading::{Buffers, Chunk, DirReading, Gone, Named, Names};
use super::statx::{FdProbe, attrs_at, attrs_of_fd, attrs_unmounted};
use super::workers::{Walker, Worker, Workers};
use super::{Ended, Engine, FsKind, Plan, WalkError};
use crate::stop::Stop;
use crate::usage::{Dir, Extent, Ledger, Listing, Op, Probe};

/// Number of chunks of names that may wait per worker. Beyond that, the reader of a wide directory
/// stats the names itself.
const CHUNKS_PER_WORKER: usize = 4;

/// Number of waiting items from which a listing is deferred before it adds more directories.
const CROWDED: usize = 16 * 1024;

/// The `posix` engine.
#[derive(Debug)]
pub struct Posix {
    root: PathBuf,
    plan: Plan,
}

impl Posix {
    /// Creates an engine that walks `root` according to `plan`.
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
            files_may_be_mounts: self.plan.fs == FsKind::Remote || is_mounted_below(&self.root),
            stop: Arc::clone(stop),
        };
        walk.forget(&fd);
        let reading = DirReading::new(ledger, &root, fd, None);
        Workers::run(walk, WorkItem::Read(Box::new(reading)), self.plan.workers, stop)
    }
}

/// One walk, which all workers share.
struct PosixWalk {
    ledger: Arc<Ledger>,
    pace: Pace,
    budget: Budget,
    fs: FsKind,
    nfs: bool,
    /// True if a file may be a mount point, or the file system is remote. There, statx leaves out
    /// what costs round trips.
    files_may_be_mounts: bool,
    stop: Arc<Stop>,
}

/// A piece of work on a stack.
enum WorkItem {
    /// A directory to open and read.
    List(Arc<Dir>, Arc<ParentDir>),
    /// An open directory to continue reading.
    Read(Box<DirReading>),
    /// Names of a wide directory to stat.
    Stat(Box<Chunk>),
}

/// Reasons to stop reading a directory.
enum Halt {
    /// There are no more names.
    End,
    /// The directory's children go first.
    Deferred,
    /// The walk ends.
    Stopped,
    /// Something was mounted on the directory after its parent was listed.
    MountedOver,
    /// Another directory has taken its place.
    Replaced,
    Failed(io::Error),
}

impl Walker for PosixWalk {
    type Item = WorkItem;
    type Scratch = Buffers;

    fn run(&self, item: WorkItem, worker: &Worker<Self>, buffers: &mut Buffers) {
        match item {
            WorkItem::List(dir, parent) => {
                let asked = self.pace.open();
                let opened = match parent.open_child(&dir, &self.budget) {
                    Err(error) if is_estale(&error) => parent.reopen_child(&dir, &self.budget),
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
                        self.read(reading, worker, buffers);
                    }
                    Err(error) if error.kind() == io::ErrorKind::NotFound => {
                        self.look_again(&dir, &parent, worker, buffers);
                    }
                    Err(error) => self.unreadable(&dir, Op::Open, &error),
                }
            }
            WorkItem::Read(mut reading) => {
                if std::mem::take(&mut reading.budgeted) {
                    self.budget.give_back();
                }
                self.read(*reading, worker, buffers);
            }
            WorkItem::Stat(chunk) => self.stat_chunk(*chunk, worker),
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
    fn read(&self, mut reading: DirReading, worker: &Worker<Self>, buffers: &mut Buffers) {
        loop {
            match self.read_names(&mut reading, worker, buffers) {
                Halt::End => {
                    if reading.gone.is_empty() || !self.read_again(&mut reading) {
                        return self.finish(reading, worker);
                    }
                }
                Halt::Stopped => {
                    // The entries read so far count.
                    self.commit(&mut reading, Extent::Partly, worker);
                    return;
                }
                Halt::MountedOver => {
                    // Its own entry may come after names in the mount.
                    if reading.can_restart() {
                        reading.listing = self.ledger.begin(&reading.dir);
                    }
                    reading.listing.mounted_over();
                    return self.finish(reading, worker);
                }
                Halt::Replaced => {
                    if let Some(parent) = reading.parent {
                        self.look_again(&reading.dir, &parent, worker, buffers);
                    }
                    return;
                }
                Halt::Deferred => return worker.defer(WorkItem::Read(Box::new(reading))),
                Halt::Failed(error) => {
                    let again = is_estale(&error) && reading.tries == 1;
                    if again && reading.can_restart() && self.restart(&mut reading) {
                        continue;
                    }
                    reading.listing.failed(Op::List, None, &error);
                    return self.finish(reading, worker);
                }
            }
        }
    }

    /// Makes an NFS client drop the directory's names that it has cached since an earlier scan. The
    /// names would be right, but their attributes expire after seconds, and then each file costs a
    /// round trip of its own. Names and attributes together cost one (measured: 1,002 requests for
    /// 10,010 files, and 11,012 without this).
    fn forget(&self, fd: &OwnedFd) {
        if self.nfs {
            // An error is harmless, because this only makes the scan cheaper.
            let _ = fadvise(fd, 0, None, Advice::DontNeed);
        }
    }

    /// Reopens a directory from its parent and restarts its listing. Returns false if that is not
    /// possible.
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

    fn finish(&self, mut reading: DirReading, worker: &Worker<Self>) {
        self.commit(&mut reading, Extent::Whole, worker);
        self.ledger.end(reading.listing);
    }

    fn commit(&self, reading: &mut DirReading, listed: Extent, worker: &Worker<Self>) {
        let probe = FdProbe(&reading.fd);
        let children = reading.listing.commit(&self.ledger, listed, &probe);
        if !children.is_empty() {
            let node = Arc::clone(reading.node());
            self.push_children(children, &node, &reading.fd, worker);
        }
    }

    fn push_children(
        &self,
        mut children: Vec<Arc<Dir>>,
        node: &Arc<ParentDir>,
        fd: &Arc<OwnedFd>,
        worker: &Worker<Self>,
    ) {
        let claimed = node.expect(&mut children, fd, &self.budget);
        claimed.iter().for_each(|dir| self.ledger.listed_elsewhere(dir));
        // The first name goes on top, because the kernel looked it up first.
        worker.push(children.into_iter().rev().map(|dir| WorkItem::List(dir, Arc::clone(node))));
    }

    /// Reads names, batch by batch, until there is a reason to stop.
    fn read_names(
        &self,
        reading: &mut DirReading,
        worker: &Worker<Self>,
        buffers: &mut Buffers,
    ) -> Halt {
        let fd = Arc::clone(&reading.fd);
        let mut raw = RawDir::new(&*fd, buffers.dirents.spare_capacity_mut());
        // Names of this batch for another worker.
        let mut chunk: Option<Names> = None;
        // Only the first read is timed, because later ones are often answered from the kernel's
        // cache.
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
                let wide = self.fs == FsKind::Local && reading.listing.is_large();
                chunk = (wide && worker.want_more(CHUNKS_PER_WORKER)).then(Names::default);
            }
            match next {
                None => return Halt::End,
                Some(Err(Errno::INTR)) => continue,
                // Linux returns this for a directory that was removed while open. It is empty.
                Some(Err(Errno::NOENT)) => return Halt::End,
                Some(Err(errno)) => return Halt::Failed(errno.into()),
                Some(Ok(entry)) => {
                    let name = entry.file_name();
                    let bytes = name.to_bytes();
                    if bytes == b"."
                        && entry.ino() != reading.dir.attrs.ino
                        && let Some(halt) = self.is_another(&fd, reading)
                    {
                        return halt;
                    }
                    if bytes != b"." && bytes != b".." && reading.listing.wants(&self.ledger, bytes)
                    {
                        let directory =
                            matches!(entry.file_type(), FileType::Directory | FileType::Unknown);
                        let directory = directory.then(|| entry.ino());
                        if let Some(names) = &mut chunk {
                            names.push(name, directory);
                        } else if self.stop.is_set() {
                            return Halt::Stopped;
                        } else {
                            let DirReading { listing, gone, .. } = &mut *reading;
                            self.stat_name(&fd, (name, directory), listing, gone);
                        }
                    }
                }
            }
            if !raw.is_buffer_empty() {
                continue;
            }
            if let Some(names) = chunk.take() {
                let chunk = Chunk {
                    names,
                    fd: Arc::clone(&fd),
                    listing: self.ledger.fork(&reading.dir),
                    node: Arc::clone(reading.node()),
                };
                worker.push([WorkItem::Stat(Box::new(chunk))]);
            }
            if reading.listing.is_heavy() {
                self.commit(reading, Extent::Partly, worker);
            }
            if worker.ready() > CROWDED && self.budget.take() {
                reading.budgeted = true;
                return Halt::Deferred;
            }
        }
    }

    /// Adds the attributes of a name to the listing, or records a subdirectory that is `gone`.
    fn stat_name(
        &self,
        fd: &OwnedFd,
        (name, directory): Named<'_>,
        listing: &mut Listing,
        gone: &mut Gone,
    ) {
        let read = match directory {
            None if !self.files_may_be_mounts => attrs_unmounted,
            _ => attrs_at,
        };
        let attrs = match read(fd, name) {
            Err(error) if is_estale(&error) => read(fd, name),
            attrs => attrs,
        };
        match attrs {
            Ok(attrs) => listing.entry(&self.ledger, name.to_bytes(), attrs),
            Err(error) if directory.is_some() && error.kind() == io::ErrorKind::NotFound => {
                gone.extend(directory.map(|ino| (ino, name.to_bytes().into())));
            }
            Err(error) => listing.failed(Op::Stat, Some(name.to_bytes()), &error),
        }
    }

    fn stat_chunk(&self, mut chunk: Chunk, worker: &Worker<Self>) {
        let mut gone = Gone::new();
        let mut ended = Ended::Complete;
        for name in chunk.names.iter() {
            if self.stop.is_set() {
                ended = Ended::Interrupted;
                break;
            }
            self.stat_name(&chunk.fd, name, &mut chunk.listing, &mut gone);
        }
        gone.iter().for_each(|(_, name)| chunk.listing.moved(name));
        // Partly, because a rule's markers may be among the names of other chunks.
        let probe = FdProbe(&chunk.fd);
        let children = chunk.listing.commit(&self.ledger, Extent::Partly, &probe);
        if !children.is_empty() {
            self.push_children(children, &chunk.node, &chunk.fd, worker);
        }
        if ended == Ended::Complete {
            self.ledger.end(chunk.listing);
        }
    }

    /// Ends a directory that cannot be listed: its own inode counts, and its contents are an error.
    fn unreadable(&self, dir: &Arc<Dir>, op: Op, error: &io::Error) {
        let mut listing = self.ledger.begin(dir);
        listing.failed(op, None, error);
        listing.commit(&self.ledger, Extent::Whole, &NoProbe);
        self.ledger.end(listing);
    }
}

fn is_estale(error: &io::Error) -> bool {
    error.raw_os_error() == Some(Errno::STALE.raw_os_error())
}

fn open_root(path: &Path) -> io::Result<OwnedFd> {
    // No NOFOLLOW: the administrator chose the root, and it may be a link.
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    Ok(openat(CWD, path, flags, Mode::empty())?)
}

/// Probe of a directory that cannot be opened.
struct NoProbe;

impl Probe for NoProbe {
    fn exists(&self, _name: &[u8]) -> io::Result<bool> {
        Ok(false)
    }

    fn starts_with(&self, _name: &[u8], _bytes: &[u8]) -> io::Result<bool> {
        Ok(false)
    }
}
