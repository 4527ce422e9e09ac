//! What becomes of tasks that failed: asked again, or said to be missing.

use std::io;
use std::time::Instant;

use super::{LEAST_REPLY, MOST_REPLY, TINY_REPLY, Task, Waiting, Walk};
use crate::scan::nfs::compound::Operation;
use crate::scan::nfs::inode;
use crate::scan::nfs::reading::{Found, Reading};
use crate::scan::nfs::retry::Again;
use crate::scan::nfs::status::Status;
use crate::usage::Extent;
use crate::usage::Op;

/// How often a task is asked again whose answer was none: malformed, or refused by RPC.
const SPOILT: u32 = 6;

impl Walk {
    /// The tasks of a request that the server did not begin: SEQUENCE failed.
    pub(in super::super) fn refused(&mut self, tasks: Vec<Task>, status: Status, now: Instant) {
        let count = tasks.len();
        self.in_flight -= count;
        for task in tasks {
            self.failed(task, Operation::Sequence, status, count, now);
        }
    }

    /// The tasks of a request whose answer was none.
    pub(in super::super) fn spoilt(&mut self, tasks: Vec<Task>, why: &str) {
        self.in_flight -= tasks.len();
        for task in tasks {
            self.spoil(task, why);
        }
    }

    /// The server takes less in one request than it granted.
    fn smaller_batches(&mut self, than: usize) {
        self.batch = (than / 2).clamp(1, self.batch);
    }

    /// The server cannot be reached any more: what was not read is said.
    pub(in super::super) fn give_up(&mut self, error: &dyn Fn() -> io::Error) {
        for task in self.waiting() {
            match task {
                Task::Root => self.rootless("connect to", error()),
                Task::List(reading) | Task::Ask(reading) => {
                    self.unreadable(reading, Op::List, &error());
                }
            }
        }
    }

    /// The walk ends here: what was seen counts, also of directories that were not read to the end.
    pub(in super::super) fn interrupt(&mut self) {
        for task in self.waiting() {
            if let Task::List(mut reading) | Task::Ask(mut reading) = task
                && let Some(listing) = &mut reading.listing
            {
                listing.commit(&self.ledger, Extent::Partly, &reading.markers);
            }
        }
    }

    /// All that is not in flight.
    fn waiting(&mut self) -> impl Iterator<Item = Task> + use<> {
        let ready = std::mem::take(&mut self.ready).into_iter().map(Waiting::task);
        let deferred = std::mem::take(&mut self.deferred);
        ready.chain(deferred).chain(std::mem::take(&mut self.later).into_values())
    }

    /// An operation failed: it is asked again, or what could not be read is said.
    pub(super) fn failed(
        &mut self,
        task: Task,
        operation: Operation,
        status: Status,
        count: usize,
        now: Instant,
    ) {
        let too_much = match status {
            Status::REP_TOO_BIG | Status::REQ_TOO_BIG | Status::TOO_MANY_OPS => true,
            Status::RESOURCE => operation == Operation::Sequence,
            _ => false,
        };
        if count > 1 && too_much {
            self.smaller_batches(count);
            return self.push(task);
        }
        self.busy |= status == Status::DELAY;
        match task {
            Task::Root => self.root_failed(operation, status, now),
            Task::Ask(reading) => self.ask_failed(reading, operation, status, now),
            Task::List(reading) => self.list_failed(reading, operation, status, now),
        }
    }

    fn ask_failed(
        &mut self,
        mut reading: Box<Reading>,
        operation: Operation,
        status: Status,
        now: Instant,
    ) {
        let looked_up = operation == Operation::Lookup;
        let found = match status {
            // Gone since, or never there.
            Status::NOENT => Found::No,
            Status::STALE if operation != Operation::PutFh => Found::No,
            // No regular file.
            Status::ISDIR | Status::INVAL | Status::SYMLINK | Status::WRONG_TYPE if !looked_up => {
                Found::Yes(Vec::new())
            }
            _ => match self.retries.after(status, &mut reading.tries, now) {
                Again::At(at) => return self.later(Task::Ask(reading), at),
                // Nothing can be in it any more.
                Again::Gone => {
                    self.gone = true;
                    Found::No
                }
                _ => Found::Failed(inode::error(status)),
            },
        };
        reading.markers.answer(found);
        self.answered(reading);
    }

    fn list_failed(
        &mut self,
        mut reading: Box<Reading>,
        operation: Operation,
        status: Status,
        now: Instant,
    ) {
        match status {
            // Not one entry fits into what may be answered.
            Status::TOOSMALL => {
                let more = reading.asked.max(LEAST_REPLY / 4).saturating_mul(4);
                reading.max_count = Some(more.min(MOST_REPLY));
            }
            Status::REP_TOO_BIG => reading.max_count = Some((reading.asked / 2).max(TINY_REPLY)),
            _ => {}
        }
        match self.retries.after(status, &mut reading.tries, now) {
            Again::At(at) => self.later(Task::List(reading), at),
            Again::FromTheStart => match reading.restart(&self.ledger) {
                true => self.push(Task::List(reading)),
                false => self.unreadable(reading, Op::List, &inode::error(status)),
            },
            // Removed since its name was read. What was read of it and does not count yet is gone
            // with it; what counts says that this is not all.
            Again::Gone if reading.can_restart() => {
                self.gone = true;
                self.ledger.vanished(&reading.dir);
            }
            Again::Gone => self.unreadable(reading, Op::List, &inode::error(status)),
            Again::Never => {
                let op = match operation {
                    // As a mounted file system says it, where opening asks for access.
                    Operation::ReadDir if status != Status::ACCESS => Op::List,
                    _ => Op::Open,
                };
                self.unreadable(reading, op, &inode::error(status));
            }
        }
    }

    pub(super) fn later(&mut self, task: Task, at: Instant) {
        self.numbers += 1;
        self.later.insert((at, self.numbers), task);
    }

    /// A reply broke off in the middle of what a task waits for.
    pub(super) fn broke_off(&mut self, mut task: Task, why: &str) {
        // What counts already was looked through before it did. Whoever begins again gets the good
        // answers again, too: that must have an end of its own.
        if let Task::List(reading) = &mut task
            && reading.can_restart()
            && !reading.restart(&self.ledger)
        {
            reading.rewind(&self.ledger);
            reading.spoilt = SPOILT;
        }
        self.spoil(task, why);
    }

    /// A task whose answer never is one must not keep all others from theirs, since the connection
    /// is given up each time.
    fn spoil(&mut self, mut task: Task, why: &str) {
        let spoilt = match &mut task {
            Task::Root => &mut self.root_spoilt,
            Task::List(reading) | Task::Ask(reading) => &mut reading.spoilt,
        };
        *spoilt += 1;
        if *spoilt <= SPOILT {
            return self.push(task);
        }
        let error = io::Error::other(why.to_owned());
        match task {
            Task::Root => self.rootless("stat", error),
            Task::List(reading) | Task::Ask(reading) => {
                self.unreadable(reading, Op::List, &error);
            }
        }
    }

    /// What was read of the directory counts, and that it is not all is an error.
    pub(super) fn unreadable(&mut self, mut reading: Box<Reading>, op: Op, error: &io::Error) {
        let ledger = &self.ledger;
        let listing = reading.listing.get_or_insert_with(|| ledger.begin(&reading.dir));
        listing.failed(op, None, error);
        self.commit(&mut reading, Extent::Whole);
        if let Some(listing) = reading.listing {
            self.ledger.end(listing);
        }
    }
}
