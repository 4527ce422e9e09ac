//! The queue of directories to read, and the interpretation of results. The walk goes from the root
//! down, deepest directory first, so that memory follows the tree's depth and the requests in
//! flight.
//!
//! Nothing here does IO or knows of sessions: [`NfsWalk::next_tasks`] returns what a request is to
//! carry, and [`NfsWalk::take_results`] or [`NfsWalk::requeue`] takes it back, exactly once. A
//! listing counts only when it has ended, so whatever was in flight on a lost connection is
//! requested again without being counted twice.

mod batch;
mod bound;
mod failed;
mod root;
mod team;

use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Instant;

use rustix::io::Errno;

use self::bound::BoundTasks;
use self::team::Member;
pub(super) use self::team::Team;
use super::attrs::AttrMask;
use super::compound::NfsOp;
use super::directory_read::DirectoryRead;
use super::inode::InodeConverter;
use super::markers::MarkerContents;
use super::readdir::ReadDirEnd;
use super::results::{CompoundResults, OpError};
use super::retry::{AttemptCounts, RetryPolicy};
use super::status::Status;
use super::xdr::Malformed;
use crate::usage::{Attrs, FileKind, Op};
use crate::usage::{Dir, Extent, Ledger};

/// Length of the queue beyond which it would dominate memory: large directories with names read so
/// far are then deferred, and fewer requests find new ones.
pub(super) const CROWDED: usize = 8 * 1024;

/// Depth from which directories are checked for being their own ancestors.
const LOOP_CHECK_DEPTH: u32 = 128;

/// Smallest and largest READDIR result to request, in bytes. The smallest has room for one entry
/// with the longest name and file handle.
const MIN_REPLY: u32 = 4096;
const MAX_REPLY: u32 = 1 << 20;

/// Smallest READDIR result to request after a reply was too big for the server.
const SMALLEST_REPLY: u32 = 256;

/// A unit of work that a request carries.
#[derive(Debug)]
pub(super) enum ReadTask {
    /// The root's file handle and attributes; at the end, whether it still exists.
    Root,
    /// The next entries of a directory.
    List(Box<DirectoryRead>),
    /// The start of a marker file, for a rule.
    ReadMarker(Box<DirectoryRead>),
}

/// An element of the queue.
#[derive(Debug)]
enum QueuedTask {
    /// A directory not requested yet. Tens of thousands are queued where thousands are in flight,
    /// so this holds only what identifies it.
    New(Arc<Dir>, Box<[u8]>),
    /// A task that continues or is repeated.
    Begun(ReadTask),
}

impl QueuedTask {
    fn task(self) -> ReadTask {
        match self {
            Self::New(dir, handle) => ReadTask::List(Box::new(DirectoryRead::new(dir, handle))),
            Self::Begun(task) => task,
        }
    }
}

/// Limits of a request, as the session grants them.
#[derive(Clone, Copy, Debug)]
pub(super) struct RequestLimits {
    /// Operations, including SEQUENCE.
    pub(super) operations: u32,
    /// Size of the request in bytes.
    pub(super) request: u32,
    /// Size of the reply in bytes.
    pub(super) reply: u32,
}

/// The queue of directories, and the ledger that counts their entries.
#[derive(Debug)]
pub(super) struct NfsWalk {
    ledger: Arc<Ledger>,
    inodes: InodeConverter,
    root_path: Vec<Vec<u8>>,
    mask: AttrMask,
    ready: Vec<QueuedTask>,
    /// Large directories to continue when little else is queued.
    deferred: Vec<ReadTask>,
    bound: BoundTasks,
    delayed: BTreeMap<(Instant, u64), ReadTask>,
    delay_counter: u64,
    in_flight: usize,
    retries: RetryPolicy,
    /// Most directories per request: as configured, or fewer if the server refused that many.
    batch: usize,
    /// Typical size of a directory's results, in bytes.
    typical_reply: u32,
    /// The root and its file handle, once known.
    root_dir: Option<(Arc<Dir>, Box<[u8]>)>,
    /// True if a directory vanished after its parent was listed. Either it was removed, or its file
    /// system is gone.
    saw_vanished: bool,
    /// Failed attempts to look up the root, and unusable replies to them.
    root_tries: AttemptCounts,
    root_unusable_replies: u32,
    /// True if the server replied that it is busy.
    pub(super) busy: bool,
    /// Directories that were requested but not executed.
    pub(super) not_executed: usize,
    /// Why there is no result: the operation and its error.
    pub(super) fatal: Option<(&'static str, io::Error)>,
    /// Lease time in seconds.
    pub(super) lease: Option<u32>,
    /// This loop's membership, if several loops share the walk.
    member: Option<Member>,
    /// True if another loop reads the root.
    is_helper: bool,
    /// Number of directories that were read to their end.
    pub(super) listed: u64,
    /// Number of queued tasks last reported to the display.
    told: u64,
    /// Length of a long queue: this loop's part of [`CROWDED`].
    crowded: usize,
}

impl NfsWalk {
    /// Creates a walk that begins at the path `root` on the server.
    pub(super) fn new(ledger: Arc<Ledger>, root: Vec<Vec<u8>>, batch: usize, seed: u64) -> Self {
        Self {
            ledger,
            inodes: InodeConverter::default(),
            root_path: root,
            mask: AttrMask::ENTRY,
            ready: vec![QueuedTask::Begun(ReadTask::Root)],
            deferred: Vec::new(),
            bound: BoundTasks::default(),
            delayed: BTreeMap::new(),
            delay_counter: 0,
            in_flight: 0,
            retries: RetryPolicy::new(seed),
            batch: batch.max(1),
            typical_reply: MIN_REPLY / 2,
            root_dir: None,
            saw_vanished: false,
            root_tries: AttemptCounts::default(),
            root_unusable_replies: 0,
            busy: false,
            not_executed: 0,
            fatal: None,
            lease: None,
            member: None,
            is_helper: false,
            listed: 0,
            told: 0,
            crowded: CROWDED,
        }
    }

    /// Creates the walk of another loop, which begins without tasks.
    pub(super) fn another(&self, seed: u64) -> Self {
        let (ledger, root) = (Arc::clone(&self.ledger), self.root_path.clone());
        Self {
            inodes: self.inodes.another(),
            mask: self.mask,
            ready: Vec::new(),
            typical_reply: self.typical_reply,
            lease: self.lease,
            is_helper: true,
            crowded: self.crowded,
            ..Self::new(ledger, root, self.batch, seed)
        }
    }

    /// True if everything has been read, or nothing can be.
    pub(super) fn is_done(&mut self) -> bool {
        if self.fatal.is_some() {
            return true;
        }
        let waiting = self.queued() + self.delayed.len();
        if waiting + self.in_flight > 0 || !self.rest() {
            return false;
        }
        if self.is_helper {
            return true;
        }
        self.leave_team();
        if std::mem::take(&mut self.saw_vanished) {
            // If the whole file system went away, the root has vanished, too.
            self.push(ReadTask::Root);
            return false;
        }
        true
    }

    /// Returns the number of tasks that can be sent now.
    pub(super) fn ready(&mut self, now: Instant) -> usize {
        while let Some(entry) = self.delayed.first_entry().filter(|entry| entry.key().0 <= now) {
            self.ready.push(QueuedTask::Begun(entry.remove()));
        }
        let all = self.queued();
        // Relaxed, wrapping: for display only. Each loop adds what has changed in its queue.
        let change = (all as u64).wrapping_sub(std::mem::replace(&mut self.told, all as u64));
        self.ledger.progress.waiting.fetch_add(change, Ordering::Relaxed);
        all
    }

    pub(super) fn queued(&self) -> usize {
        self.ready.len() + self.deferred.len() + self.bound.len()
    }

    /// Returns the time at which the next delayed task becomes ready.
    pub(super) fn next_retry(&self) -> Option<Instant> {
        self.delayed.first_key_value().map(|((at, _), _)| *at)
    }

    /// Takes a request's results. `size` is that of the reply in bytes.
    ///
    /// # Errors
    /// The reply is malformed. The listing affected is restarted, and the connection must be
    /// closed.
    pub(super) fn take_results(
        &mut self,
        tasks: Vec<ReadTask>,
        results: &mut CompoundResults<'_>,
        size: usize,
        now: Instant,
    ) -> Result<(), Malformed> {
        let count = tasks.len();
        let mut malformed = Ok(());
        let mut lists = 0;
        for task in tasks {
            self.in_flight -= 1;
            let (task, error) = match task {
                ReadTask::Root => match self.apply_root(results) {
                    Ok(()) => continue,
                    Err(error) => (ReadTask::Root, error),
                },
                ReadTask::List(mut reading) => match self.apply_listing(&mut reading, results) {
                    Ok(end) => {
                        lists += 1;
                        self.listing_advanced(reading, end, now);
                        continue;
                    }
                    Err(error) => (ReadTask::List(reading), error),
                },
                ReadTask::ReadMarker(mut reading) => match apply_marker(&mut reading, results) {
                    Ok(()) => {
                        self.advance(reading);
                        continue;
                    }
                    Err(error) => (ReadTask::ReadMarker(reading), error),
                },
            };
            match error {
                OpError::Status { operation, status } => {
                    self.failed(task, operation, status, count, now);
                }
                OpError::Malformed(problem) if malformed.is_ok() => {
                    self.listing_malformed(task, &problem.to_string());
                    malformed = Err(problem);
                }
                // Not executed, or after the malformed part: nothing of it was used.
                OpError::Malformed(_) | OpError::NotExecuted { .. } => {
                    self.not_executed += 1;
                    self.push(task);
                }
            }
        }
        if let Some(each) = size.checked_div(lists) {
            let each = u32::try_from(each).unwrap_or(u32::MAX).min(MAX_REPLY);
            self.typical_reply = (self.typical_reply / 8 * 7).saturating_add(each / 8).max(1);
        }
        malformed
    }

    /// Requeues the tasks of a request that gets no reply.
    pub(super) fn requeue(&mut self, tasks: Vec<ReadTask>) {
        self.in_flight -= tasks.len();
        tasks.into_iter().for_each(|task| self.push(task));
    }

    fn push(&mut self, task: ReadTask) {
        self.ready.push(QueuedTask::Begun(task));
    }

    /// Adds a reply's entries to the listing.
    fn apply_listing(
        &mut self,
        reading: &mut DirectoryRead,
        results: &mut CompoundResults<'_>,
    ) -> Result<ReadDirEnd, OpError> {
        if !reading.can_restart() {
            // Part of this listing has been counted, which cannot be undone: check the whole reply
            // first.
            let mut trial = results.clone();
            let whole = trial.check(NfsOp::PutFh).and_then(|()| Ok(trial.read_dir()?.end()?));
            if let Err(error) = whole {
                // Skip these results, so that the request's next task does not read them.
                *results = trial;
                return Err(error);
            }
        }
        results.check(NfsOp::PutFh)?;
        let mut entries = results.read_dir()?;
        let ledger = &self.ledger;
        let listing = reading.listing.get_or_insert_with(|| ledger.begin(&reading.dir));
        for entry in &mut entries {
            let Ok(entry) = entry else { break };
            if !entry.is_plain() {
                let problem = "the server listed an invalid file name";
                listing.failed(Op::List, None, &io::Error::other(problem));
                continue;
            }
            if !listing.wants(ledger, entry.name) {
                continue;
            }
            match self.inodes.attrs(&entry.attributes, Some(reading.dir.attrs.dev)) {
                Ok(attrs) if is_own_ancestor(&reading.dir, &attrs) => {
                    listing.failed(Op::Open, Some(entry.name), &Errno::LOOP.into());
                }
                Ok(attrs) => {
                    reading.markers.note(ledger, entry.name, attrs.apparent);
                    let held_back = listing.directories();
                    listing.entry(ledger, entry.name, attrs);
                    if listing.directories() > held_back {
                        reading.handles.push(entry.attributes.handle.unwrap_or_default().into());
                    }
                }
                Err(error) => listing.failed(Op::Stat, Some(entry.name), &error),
            }
        }
        Ok(entries.end()?)
    }

    /// Continues or ends a listing after a reply.
    fn listing_advanced(&mut self, mut reading: Box<DirectoryRead>, end: ReadDirEnd, now: Instant) {
        let before = reading.cookie;
        let cookie = end.cookie.unwrap_or(before);
        if !end.eof && end.cookie.is_none() {
            // ganesha's reply if not even one entry fits, in place of TOOSMALL.
            let task = ReadTask::List(reading);
            return self.failed(task, NfsOp::ReadDir, Status::TOOSMALL, 1, now);
        }
        reading.tries = AttemptCounts::default();
        reading.unusable_replies = 0;
        if (!reading.accept_cookie(cookie) || cookie == before) && !end.eof {
            let error = io::Error::other("the server's directory cookies form a loop");
            return self.unreadable(reading, Op::List, &error);
        }
        reading.verifier = end.verifier;
        reading.at_eof = end.eof;
        let heavy = reading.listing.as_ref().is_some_and(|listing| listing.is_heavy());
        if end.eof || heavy {
            reading.markers.begin(&self.ledger, reading.listing.as_ref(), heavy && !end.eof);
            self.advance(reading);
        } else {
            self.push(ReadTask::List(reading));
        }
    }

    /// Reads the next marker file, or counts the listing once all markers are known.
    fn advance(&mut self, mut reading: Box<DirectoryRead>) {
        reading.tries = AttemptCounts::default();
        if reading.markers.next().is_some() {
            return self.push(ReadTask::ReadMarker(reading));
        }
        let extent = if reading.at_eof { Extent::Whole } else { Extent::Partly };
        self.commit(&mut reading, extent);
        if reading.at_eof {
            self.listed += 1;
            if let Some(listing) = reading.listing {
                self.ledger.end(listing);
            }
        } else if self.ready.len() > self.crowded {
            self.deferred.push(ReadTask::List(reading));
        } else {
            // Below its children on the stack: depth first.
            let at = self.ready.len().saturating_sub(reading.children_queued);
            self.ready.insert(at, QueuedTask::Begun(ReadTask::List(reading)));
        }
    }

    fn commit(&mut self, reading: &mut DirectoryRead, extent: Extent) {
        let Some(listing) = &mut reading.listing else { return };
        let children = listing.commit(&self.ledger, extent, &reading.markers);
        let handles = std::mem::take(&mut reading.handles);
        reading.children_queued = children.len();
        // The first name ends up on top, as with the mount engines.
        for (dir, handle) in children.into_iter().zip(handles).rev() {
            match handle.is_empty() {
                false => self.ready.push(QueuedTask::New(dir, handle)),
                true => {
                    let child = Box::new(DirectoryRead::new(dir, handle));
                    let problem = "the server did not report filehandle";
                    let problem = io::Error::new(io::ErrorKind::InvalidData, problem);
                    self.unreadable(child, Op::Open, &problem);
                }
            }
        }
    }
}

/// True if a directory is one of its own ancestors, which would make the walk endless. Checked only
/// at great depth: EFS allows at most 1,000 levels.
fn is_own_ancestor(dir: &Dir, child: &Attrs) -> bool {
    if child.kind != FileKind::Dir || dir.depth < LOOP_CHECK_DEPTH {
        return false;
    }
    let mut above = Some(dir);
    while let Some(dir) = above {
        if (dir.attrs.dev, dir.attrs.ino) == (child.dev, child.ino) {
            return true;
        }
        above = dir.parent.as_deref();
    }
    false
}

fn apply_marker(
    reading: &mut DirectoryRead,
    results: &mut CompoundResults<'_>,
) -> Result<(), OpError> {
    results.check(NfsOp::PutFh)?;
    results.check(NfsOp::Lookup)?;
    let read = results.read()?;
    reading.markers.record(MarkerContents::Start(read.data.to_vec()));
    Ok(())
}
