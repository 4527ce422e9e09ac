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
mod listing;
mod root;
mod team;

use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Instant;

use self::bound::BoundTasks;
use self::listing::apply_marker;
use self::team::Member;
pub(super) use self::team::Team;
use super::attrs::AttrMask;
use super::directory_read::DirectoryRead;
use super::inode::InodeConverter;
use super::results::{CompoundResults, OpError};
use super::retry::{AttemptCounts, RetryPolicy};
use super::xdr::Malformed;
use crate::usage::{Dir, Ledger};

/// Length of the queue beyond which it would dominate memory: large directories with names read so
/// far are then deferred, and fewer requests find new ones.
pub(super) const CROWDED: usize = 8 * 1024;

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
}
