//! What is still to be read, and what the answers mean: directories from the root down, the
//! deepest first, so that memory follows the tree's depth and what is in flight.
//!
//! Nothing here does IO or knows of sessions: [`Walk::take`] gives what a request shall carry, and
//! [`Walk::answer`] or [`Walk::again`] gets it back, exactly once. A listing counts when it has
//! ended, so what was in flight when a connection broke is asked again without counting twice.

mod batch;
mod failed;
mod root;

use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Instant;

use rustix::io::Errno;

use super::answers::{Answers, Fault};
use super::attrs::Mask;
use super::compound::Operation;
use super::inode::Inodes;
use super::readdir::End;
use super::reading::{Found, Reading};
use super::retry::{Retries, Tries};
use super::status::Status;
use super::xdr::Malformed;
use crate::usage::{Attrs, FileKind, Op};
use crate::usage::{Dir, Extent, Ledger};

/// Directories that wait, from which on memory would be what the walk costs: a large one that has
/// given its first names waits, too, and fewer requests bring new ones.
pub(super) const CROWDED: usize = 8 * 1024;

/// Levels below which nobody looks whether directories lie in themselves.
const DEEP: u32 = 128;

/// The least and the most that a READDIR's result may take, bytes. The least has room for one entry
/// with the longest name and handle.
const LEAST_REPLY: u32 = 4096;
const MOST_REPLY: u32 = 1 << 20;

/// The least that may be asked for after an answer was too large for the server.
const TINY_REPLY: u32 = 256;

/// What one request asks for.
#[derive(Debug)]
pub(super) enum Task {
    /// The root's handle and attributes; later, whether it is still there.
    Root,
    /// A directory, from where its listing is.
    List(Box<Reading>),
    /// What a rule wants to know of a name in it.
    Ask(Box<Reading>),
}

/// What waits for a request.
#[derive(Debug)]
enum Waiting {
    /// A directory that nothing was asked of yet, by its handle. Tens of thousands wait where
    /// thousands are in flight, so it holds no more than what names it.
    New(Arc<Dir>, Box<[u8]>),
    /// What goes on, or is asked again.
    Begun(Task),
}

impl Waiting {
    fn task(self) -> Task {
        match self {
            Self::New(dir, handle) => Task::List(Box::new(Reading::new(dir, handle))),
            Self::Begun(task) => task,
        }
    }
}

/// What a server lets a request carry.
#[derive(Clone, Copy, Debug)]
pub(super) struct Room {
    /// Operations, SEQUENCE among them.
    pub(super) operations: u32,
    /// Bytes of the request.
    pub(super) request: u32,
    /// Bytes of the reply.
    pub(super) reply: u32,
}

/// The walk.
#[derive(Debug)]
pub(super) struct Walk {
    ledger: Arc<Ledger>,
    inodes: Inodes,
    root: Vec<Vec<u8>>,
    mask: Mask,
    ready: Vec<Waiting>,
    /// Large directories that wait until there is little else to do.
    deferred: Vec<Task>,
    later: BTreeMap<(Instant, u64), Task>,
    numbers: u64,
    in_flight: usize,
    retries: Retries,
    /// The most directories in one request: what was asked for, and what turned out too many.
    batch: usize,
    /// Bytes that a directory's answer usually takes.
    usual: u32,
    /// The root, once it was found, and its handle.
    found: Option<(Arc<Dir>, Box<[u8]>)>,
    /// Whether directories were gone that had been listed: removed, or their file system was.
    gone: bool,
    /// How often the root's handle has been asked for, and came as no answer.
    root_tries: Tries,
    root_spoilt: u32,
    /// Whether the server said that it is busy.
    pub(super) busy: bool,
    /// Directories that requests asked for and that were not looked at.
    pub(super) undone: usize,
    /// Why there will be no result.
    pub(super) fatal: Option<(&'static str, io::Error)>,
    /// Seconds that the server keeps what a silent client has.
    pub(super) lease: Option<u32>,
}

impl Walk {
    /// Will begin at the path `root` of the server.
    pub(super) fn new(ledger: Arc<Ledger>, root: Vec<Vec<u8>>, batch: usize, seed: u64) -> Self {
        Self {
            ledger,
            inodes: Inodes::default(),
            root,
            mask: Mask::ENTRY,
            ready: vec![Waiting::Begun(Task::Root)],
            deferred: Vec::new(),
            later: BTreeMap::new(),
            numbers: 0,
            in_flight: 0,
            retries: Retries::new(seed),
            batch: batch.max(1),
            usual: LEAST_REPLY / 2,
            found: None,
            gone: false,
            root_tries: Tries::default(),
            root_spoilt: 0,
            busy: false,
            undone: 0,
            fatal: None,
            lease: None,
        }
    }

    /// Whether everything was read, or nothing can be.
    pub(super) fn is_done(&mut self) -> bool {
        let waiting = self.ready.len() + self.deferred.len() + self.later.len();
        let ended = self.fatal.is_some() || waiting + self.in_flight == 0;
        if ended && self.fatal.is_none() && std::mem::take(&mut self.gone) {
            // It may have been the file system that went: then the root is gone, too.
            self.push(Task::Root);
            return false;
        }
        ended
    }

    /// How much could be asked for now.
    pub(super) fn ready(&mut self, now: Instant) -> usize {
        while let Some(entry) = self.later.first_entry().filter(|entry| entry.key().0 <= now) {
            self.ready.push(Waiting::Begun(entry.remove()));
        }
        let all = self.ready.len() + self.deferred.len();
        // Relaxed: for display only.
        self.ledger.progress.waiting.store(all as u64, Ordering::Relaxed);
        all
    }

    /// When something that waits for a time may be asked again.
    pub(super) fn next(&self) -> Option<Instant> {
        self.later.first_key_value().map(|((at, _), _)| *at)
    }

    /// The requests' answers, as far as there are. `size` is the reply's, in bytes.
    ///
    /// # Errors
    /// The reply is not what the protocol says: what it gave of the listing at that place is
    /// dropped and asked again, and the connection is to be given up.
    pub(super) fn answer(
        &mut self,
        tasks: Vec<Task>,
        answers: &mut Answers<'_>,
        size: usize,
        now: Instant,
    ) -> Result<(), Malformed> {
        let count = tasks.len();
        let mut malformed = Ok(());
        let mut lists = 0;
        for task in tasks {
            self.in_flight -= 1;
            let (task, fault) = match task {
                Task::Root => match self.root_answer(answers) {
                    Ok(()) => continue,
                    Err(fault) => (Task::Root, fault),
                },
                Task::List(mut reading) => match self.list_answer(&mut reading, answers) {
                    Ok(end) => {
                        lists += 1;
                        self.listed(reading, end, now);
                        continue;
                    }
                    Err(fault) => (Task::List(reading), fault),
                },
                Task::Ask(mut reading) => match ask_answer(&mut reading, answers) {
                    Ok(()) => {
                        self.answered(reading);
                        continue;
                    }
                    Err(fault) => (Task::Ask(reading), fault),
                },
            };
            match fault {
                Fault::Status { operation, status } => {
                    self.failed(task, operation, status, count, now);
                }
                Fault::Malformed(problem) if malformed.is_ok() => {
                    self.broke_off(task, &problem.to_string());
                    malformed = Err(problem);
                }
                // Not done, or behind what was malformed: nothing of it was taken.
                Fault::Malformed(_) | Fault::NotDone { .. } => {
                    self.undone += 1;
                    self.push(task);
                }
            }
        }
        if let Some(each) = size.checked_div(lists) {
            let each = u32::try_from(each).unwrap_or(u32::MAX).min(MOST_REPLY);
            self.usual = (self.usual / 8 * 7).saturating_add(each / 8).max(1);
        }
        malformed
    }

    /// The tasks of a request whose answer will not come.
    pub(super) fn again(&mut self, tasks: Vec<Task>) {
        self.in_flight -= tasks.len();
        tasks.into_iter().for_each(|task| self.push(task));
    }

    fn push(&mut self, task: Task) {
        self.ready.push(Waiting::Begun(task));
    }

    /// Takes a reply's entries into the listing.
    fn list_answer(
        &mut self,
        reading: &mut Reading,
        answers: &mut Answers<'_>,
    ) -> Result<End, Fault> {
        if !reading.can_restart() {
            // What was given to the accounts cannot be taken back: it must be whole.
            let mut trial = answers.clone();
            let whole = trial.done(Operation::PutFh).and_then(|()| Ok(trial.read_dir()?.end()?));
            if let Err(fault) = whole {
                // The next task of the request must not take these answers for its own.
                *answers = trial;
                return Err(fault);
            }
        }
        answers.done(Operation::PutFh)?;
        let mut entries = answers.read_dir()?;
        let ledger = &self.ledger;
        let listing = reading.listing.get_or_insert_with(|| ledger.begin(&reading.dir));
        for entry in &mut entries {
            let Ok(entry) = entry else { break };
            if !entry.is_plain() {
                let problem = "the server lists a name that no file can have";
                listing.failed(Op::List, None, &io::Error::other(problem));
                continue;
            }
            if !listing.wants(ledger, entry.name) {
                continue;
            }
            match self.inodes.attrs(&entry.attributes, Some(reading.dir.attrs.dev)) {
                Ok(attrs) if is_above(&reading.dir, &attrs) => {
                    listing.failed(Op::Open, Some(entry.name), &Errno::LOOP.into());
                }
                Ok(attrs) => {
                    reading.markers.saw(ledger, entry.name);
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

    /// After a reply: the listing goes on, or ends.
    fn listed(&mut self, mut reading: Box<Reading>, end: End, now: Instant) {
        let before = reading.cookie;
        let cookie = end.cookie.unwrap_or(before);
        if !end.eof && end.cookie.is_none() {
            // Ganesha says so where not one entry fits.
            let task = Task::List(reading);
            return self.failed(task, Operation::ReadDir, Status::TOOSMALL, 1, now);
        }
        reading.tries = Tries::default();
        reading.spoilt = 0;
        if (!reading.goes_on(cookie) || cookie == before) && !end.eof {
            let error = io::Error::other("the server's cookies go round in a circle");
            return self.unreadable(reading, Op::List, &error);
        }
        reading.verifier = end.verifier;
        reading.ended = end.eof;
        let heavy = reading.listing.as_ref().is_some_and(|listing| listing.is_heavy());
        if end.eof || heavy {
            reading.markers.ask(&self.ledger, reading.listing.as_ref(), heavy && !end.eof);
            self.answered(reading);
        } else {
            self.push(Task::List(reading));
        }
    }

    /// All that rules want to know is known, or the next question is asked.
    fn answered(&mut self, mut reading: Box<Reading>) {
        reading.tries = Tries::default();
        if reading.markers.question().is_some() {
            return self.push(Task::Ask(reading));
        }
        let listed = if reading.ended { Extent::Whole } else { Extent::Partly };
        self.commit(&mut reading, listed);
        if reading.ended {
            if let Some(listing) = reading.listing {
                self.ledger.end(listing);
            }
        } else if self.ready.len() > CROWDED {
            self.deferred.push(Task::List(reading));
        } else {
            // Below its children: depth first.
            let at = self.ready.len().saturating_sub(reading.given);
            self.ready.insert(at, Waiting::Begun(Task::List(reading)));
        }
    }

    fn commit(&mut self, reading: &mut Reading, listed: Extent) {
        let Some(listing) = &mut reading.listing else { return };
        let children = listing.commit(&self.ledger, listed, &reading.markers);
        let handles = std::mem::take(&mut reading.handles);
        reading.given = children.len();
        // The first name on top, as with the mounted walk.
        for (dir, handle) in children.into_iter().zip(handles).rev() {
            match handle.is_empty() {
                false => self.ready.push(Waiting::New(dir, handle)),
                true => {
                    let child = Box::new(Reading::new(dir, handle));
                    let problem = "the server did not tell filehandle";
                    let problem = io::Error::new(io::ErrorKind::InvalidData, problem);
                    self.unreadable(child, Op::Open, &problem);
                }
            }
        }
    }
}

/// Whether a directory is one of those that it lies in. A file system that says so would be walked
/// for ever. Looked for where directories lie that deep only: EFS has 1,000 levels at most.
fn is_above(dir: &Dir, child: &Attrs) -> bool {
    if child.kind != FileKind::Dir || dir.depth < DEEP {
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

fn ask_answer(reading: &mut Reading, answers: &mut Answers<'_>) -> Result<(), Fault> {
    answers.done(Operation::PutFh)?;
    answers.done(Operation::Lookup)?;
    let read = answers.read()?;
    reading.markers.answer(Found::Yes(read.data.to_vec()));
    Ok(())
}
