//! Handles failed tasks: repeats them, or records what is missing.

use std::io;
use std::time::Instant;

use super::{MAX_REPLY, MIN_REPLY, NfsWalk, QueuedTask, ReadTask, SMALLEST_REPLY};
use crate::scan::nfs::compound::NfsOp;
use crate::scan::nfs::directory_read::DirectoryRead;
use crate::scan::nfs::errors;
use crate::scan::nfs::markers::MarkerContents;
use crate::scan::nfs::retry::RetryDecision;
use crate::scan::nfs::status::Status;
use crate::usage::Extent;
use crate::usage::Op;

/// Repetitions of a task after unusable replies: malformed, or RPC errors.
const MAX_UNUSABLE_REPLIES: u32 = 6;

impl NfsWalk {
    /// Handles the tasks of a request whose SEQUENCE failed, so that nothing was executed.
    pub(in super::super) fn sequence_failed(
        &mut self,
        tasks: Vec<ReadTask>,
        status: Status,
        now: Instant,
    ) {
        let count = tasks.len();
        self.in_flight -= count;
        for task in tasks {
            self.failed(task, NfsOp::Sequence, status, count, now);
        }
    }

    /// Handles the tasks of a request whose reply is unusable.
    pub(in super::super) fn reply_unusable(&mut self, tasks: Vec<ReadTask>, why: &str) {
        self.in_flight -= tasks.len();
        for task in tasks {
            self.retry_unusable(task, why);
        }
    }

    /// The server refuses what it granted: use smaller batches.
    fn halve_batch(&mut self, than: usize) {
        self.batch = (than / 2).clamp(1, self.batch);
    }

    /// Gives up on the server and records every queued directory as unreadable.
    pub(in super::super) fn give_up(&mut self, error: &dyn Fn() -> io::Error) {
        for task in self.take_queued() {
            match task {
                ReadTask::Root => self.root_unreadable("connect to", error()),
                ReadTask::List(reading) | ReadTask::ReadMarker(reading) => {
                    self.unreadable(reading, Op::List, &error());
                }
            }
        }
    }

    /// Ends the walk early. What has been read counts, even of incomplete directories.
    pub(in super::super) fn interrupt(&mut self) {
        for task in self.take_queued() {
            if let ReadTask::List(mut reading) | ReadTask::ReadMarker(mut reading) = task
                && let Some(listing) = &mut reading.listing
            {
                listing.commit(&self.ledger, Extent::Partly, &reading.markers);
            }
        }
    }

    /// Empties the queues and the team's pool. Tasks in flight are not included.
    fn take_queued(&mut self) -> impl Iterator<Item = ReadTask> + use<> {
        let pooled = self.take_pooled();
        let ready = std::mem::take(&mut self.ready).into_iter().chain(pooled).map(QueuedTask::task);
        let deferred = std::mem::take(&mut self.deferred);
        let bound = self.bound.take();
        ready.chain(deferred).chain(bound).chain(std::mem::take(&mut self.delayed).into_values())
    }

    /// Handles a failed operation: repeats the task or records an error.
    pub(super) fn failed(
        &mut self,
        task: ReadTask,
        operation: NfsOp,
        status: Status,
        count: usize,
        now: Instant,
    ) {
        let too_much = match status {
            Status::REP_TOO_BIG | Status::REQ_TOO_BIG | Status::TOO_MANY_OPS => true,
            Status::RESOURCE => operation == NfsOp::Sequence,
            _ => false,
        };
        if count > 1 && too_much {
            self.halve_batch(count);
            return self.push(task);
        }
        self.busy |= status == Status::DELAY;
        match task {
            ReadTask::Root => self.root_failed(operation, status, now),
            ReadTask::ReadMarker(reading) => self.marker_failed(reading, operation, status, now),
            ReadTask::List(reading) => self.list_failed(reading, operation, status, now),
        }
    }

    fn marker_failed(
        &mut self,
        mut reading: Box<DirectoryRead>,
        operation: NfsOp,
        status: Status,
        now: Instant,
    ) {
        let looked_up = operation == NfsOp::Lookup;
        let found = match status {
            // Removed meanwhile, or never there.
            Status::NOENT => MarkerContents::Missing,
            Status::STALE if operation != NfsOp::PutFh => MarkerContents::Missing,
            // Not a regular file.
            Status::ISDIR | Status::INVAL | Status::SYMLINK | Status::WRONG_TYPE if !looked_up => {
                MarkerContents::Start(Vec::new())
            }
            _ => match self.retries.decide(status, &mut reading.tries, now) {
                RetryDecision::At(at) => return self.delay(ReadTask::ReadMarker(reading), at),
                // The directory is gone, and the marker with it.
                RetryDecision::Gone => {
                    self.saw_vanished = true;
                    MarkerContents::Missing
                }
                _ => MarkerContents::Unknown(errors::from_status(status)),
            },
        };
        reading.markers.record(found);
        self.advance(reading);
    }

    fn list_failed(
        &mut self,
        mut reading: Box<DirectoryRead>,
        operation: NfsOp,
        status: Status,
        now: Instant,
    ) {
        match status {
            // Not even one entry fits.
            Status::TOOSMALL => {
                let more = reading.asked.max(MIN_REPLY / 4).saturating_mul(4);
                reading.max_count = Some(more.min(MAX_REPLY));
            }
            Status::REP_TOO_BIG => {
                reading.max_count = Some((reading.asked / 2).max(SMALLEST_REPLY))
            }
            _ => {}
        }
        match self.retries.decide(status, &mut reading.tries, now) {
            RetryDecision::At(at) => self.delay(ReadTask::List(reading), at),
            RetryDecision::Restart => match reading.restart(&self.ledger) {
                true => self.push(ReadTask::List(reading)),
                false => self.unreadable(reading, Op::List, &errors::from_status(status)),
            },
            // Nothing of it has been counted. A file handle stays with its inode wherever that is
            // moved, so there is nowhere else to look; but some servers (Linux with
            // `subtree_check`) drop it when a directory changes its parent.
            RetryDecision::Gone if reading.can_restart() => {
                self.saw_vanished = true;
                self.ledger.moved(&reading.dir);
            }
            RetryDecision::Gone => self.unreadable(reading, Op::List, &errors::from_status(status)),
            RetryDecision::GiveUp => {
                let op = match operation {
                    // The operation a mount would report: there, opening checks access.
                    NfsOp::ReadDir if status != Status::ACCESS => Op::List,
                    _ => Op::Open,
                };
                self.unreadable(reading, op, &errors::from_status(status));
            }
        }
    }

    pub(super) fn delay(&mut self, task: ReadTask, at: Instant) {
        self.delay_counter += 1;
        self.delayed.insert((at, self.delay_counter), task);
    }

    /// Handles a reply that is malformed within this task's results.
    pub(super) fn listing_malformed(&mut self, mut task: ReadTask, why: &str) {
        // A listing counted in part was checked before its entries were used. Otherwise restart, a
        // limited number of times: each restart also fetches the good replies again.
        if let ReadTask::List(reading) = &mut task
            && reading.can_restart()
            && !reading.restart(&self.ledger)
        {
            reading.rewind(&self.ledger);
            reading.unusable_replies = MAX_UNUSABLE_REPLIES;
        }
        self.retry_unusable(task, why);
    }

    /// Repeats a task after an unusable reply, a limited number of times: each such reply costs the
    /// connection and so delays all other tasks.
    fn retry_unusable(&mut self, mut task: ReadTask, why: &str) {
        let unusable_replies = match &mut task {
            ReadTask::Root => &mut self.root_unusable_replies,
            ReadTask::List(reading) | ReadTask::ReadMarker(reading) => {
                &mut reading.unusable_replies
            }
        };
        *unusable_replies += 1;
        if *unusable_replies <= MAX_UNUSABLE_REPLIES {
            return self.push(task);
        }
        let error = io::Error::other(why.to_owned());
        match task {
            ReadTask::Root => self.root_unreadable("stat", error),
            ReadTask::List(reading) | ReadTask::ReadMarker(reading) => {
                self.unreadable(reading, Op::List, &error);
            }
        }
    }

    /// Counts what was read of a directory and records that it is incomplete.
    pub(super) fn unreadable(
        &mut self,
        mut reading: Box<DirectoryRead>,
        op: Op,
        error: &io::Error,
    ) {
        let ledger = &self.ledger;
        let listing = reading.listing.get_or_insert_with(|| Box::new(ledger.begin(&reading.dir)));
        listing.failed(op, None, error);
        self.commit(&mut reading, Extent::Whole);
        if let Some(listing) = reading.listing {
            self.ledger.end(*listing);
        }
    }
}
