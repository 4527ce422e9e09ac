//! Continues a listing on the partition where it began.
//!
//! Partitions share files and file handles, but not necessarily READDIR's cookies: a server may
//! refuse the verifier of another one (NOT_SAME; RFC 8881, section 18.23.3), or read its cookie as
//! another position. So the next READDIR of a listing goes to the partition that sent the cookie,
//! over any of its connections:
//!
//! ```text
//! connection 0   READDIR(0)  -> A: 200 entries, cookie 7   READDIR(9) -> A: end
//! connection 1                                  READDIR(7) -> A: 100 entries, cookie 9
//! connection 2   (to B)                         takes another directory, or waits
//! ```
//!
//! If every connection to the partition is lost, the listing waits for the reconnects, because one
//! of them may lead there again. If none does, another server gets the cookie: the kernel's client
//! does the same after a reconnect, so servers behind one address have reason to accept it. If the
//! server refuses it, the listing restarts. That is possible only while nothing of it is counted.
//! Otherwise, what is counted stays, and the rest is recorded as an error of the directory.
//!
//! Invariant: a task is in `ready`, in `deferred`, in `delayed`, in here, or in flight.

use std::collections::BTreeMap;

use super::{NfsWalk, QueuedTask, ReadTask};

/// Listings to continue, by the partition they are bound to.
#[derive(Debug, Default)]
pub(super) struct BoundTasks(BTreeMap<usize, Vec<ReadTask>>);

impl BoundTasks {
    pub(super) fn len(&self) -> usize {
        self.0.values().map(Vec::len).sum()
    }

    pub(super) fn take(&mut self) -> impl Iterator<Item = ReadTask> + use<> {
        std::mem::take(&mut self.0).into_values().flatten()
    }

    /// Removes the next listing that is bound to a partition.
    pub(super) fn pop(&mut self, partition: Option<usize>) -> Option<ReadTask> {
        let tasks = self.0.get_mut(&partition?)?;
        let task = tasks.pop();
        if tasks.is_empty() {
            self.0.remove(&partition?);
        }
        task
    }

    /// Returns the task if a connection to `here` may carry it; otherwise keeps it.
    pub(super) fn keep(&mut self, task: ReadTask, here: Option<usize>) -> Option<ReadTask> {
        match task.partition().filter(|partition| Some(*partition) != here) {
            Some(partition) => {
                self.0.entry(partition).or_default().push(task);
                None
            }
            None => Some(task),
        }
    }
}

impl ReadTask {
    /// Returns the partition that must continue the listing.
    fn partition(&self) -> Option<usize> {
        match self {
            Self::List(reading) if reading.cookie != 0 => reading.partition,
            Self::List(_) | Self::Root | Self::ReadMarker(_) => None,
        }
    }
}

impl NfsWalk {
    /// True if a connection to this partition may have something to send.
    pub(in super::super) fn has_tasks(&self, partition: Option<usize>) -> bool {
        let bound = || partition.is_some_and(|partition| self.bound.0.contains_key(&partition));
        !self.ready.is_empty() || !self.deferred.is_empty() || bound()
    }

    /// True if listings wait for their partitions.
    pub(in super::super) fn has_bound(&self) -> bool {
        !self.bound.0.is_empty()
    }

    /// Lets any partition continue listings whose own partition is not reachable any more.
    pub(in super::super) fn release(&mut self, is_reached: impl Fn(usize) -> bool) {
        let lost: Vec<usize> =
            self.bound.0.keys().copied().filter(|partition| !is_reached(*partition)).collect();
        for partition in lost {
            for mut task in self.bound.0.remove(&partition).unwrap_or_default() {
                if let ReadTask::List(reading) = &mut task {
                    reading.partition = None;
                }
                self.ready.push(QueuedTask::Begun(task));
            }
        }
    }
}
