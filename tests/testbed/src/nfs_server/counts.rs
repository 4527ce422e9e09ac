//! Counts what arrives and records protocol violations.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use super::protocol::Op;
use super::session::lock;

/// More than anybody reads.
const MOST_VIOLATIONS: usize = 1000;

/// Operation numbers; unknown ones count as the last.
const OPS: usize = 64;

/// Counts since the server's start.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Counts {
    /// Complete calls, including NULL and refused ones.
    pub requests: u64,
    /// Executed operations by kind, including failed ones.
    pub operations: BTreeMap<Op, u64>,
    /// Entries returned by READDIR.
    pub entries: u64,
    /// The most requests in flight at one time.
    pub most_in_flight: u64,
    /// Connections accepted.
    pub connections: u64,
    /// Sessions created.
    pub sessions: u64,
    /// Retries, whether answered from the reply cache or not cached.
    pub retries: u64,
    /// Requests in slots above the target at that moment. Requests in flight when it was lowered,
    /// or sent before the client knew, are legitimate.
    pub above_target: u64,
    /// Bytes received, with record marks.
    pub bytes_in: u64,
    /// Bytes sent, with record marks.
    pub bytes_out: u64,
}

impl Counts {
    /// Returns the number of executed operations of a kind.
    #[must_use]
    pub fn of(&self, op: Op) -> u64 {
        self.operations.get(&op).copied().unwrap_or(0)
    }
}

impl fmt::Display for Counts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "requests={} readdirs={} ", self.requests, self.of(Op::READDIR))?;
        write!(f, "entries={} most_in_flight={} ", self.entries, self.most_in_flight)?;
        write!(f, "connections={} sessions={} ", self.connections, self.sessions)?;
        write!(f, "bytes_in={} bytes_out={}", self.bytes_in, self.bytes_out)
    }
}

/// Live counts. Relaxed: the numbers are independent, and read after the last reply.
#[derive(Default)]
pub(super) struct Tally {
    pub(super) requests: AtomicU64,
    operations: Operations,
    pub(super) entries: AtomicU64,
    pub(super) connections: AtomicU64,
    pub(super) retries: AtomicU64,
    pub(super) above_target: AtomicU64,
    bytes_in: AtomicU64,
    bytes_out: AtomicU64,
    in_flight: AtomicU64,
    most_in_flight: AtomicU64,
    violations: Mutex<Vec<String>>,
    uids: Mutex<BTreeSet<u32>>,
}

struct Operations([AtomicU64; OPS]);

impl Default for Operations {
    fn default() -> Self {
        Self(std::array::from_fn(|_| AtomicU64::new(0)))
    }
}

/// Counts of one connection, added to a [`Tally`] in batches: an atomic per operation would cost
/// more than the operation.
pub(super) struct Batch {
    pub(super) requests: u64,
    pub(super) entries: u64,
    operations: [u64; OPS],
}

impl Batch {
    pub(super) fn new() -> Self {
        Self { requests: 0, entries: 0, operations: [0; OPS] }
    }

    pub(super) fn operation(&mut self, op: Op) {
        self.operations[(op.0 as usize).min(OPS - 1)] += 1;
    }
}

impl Tally {
    pub(super) fn add(&self, batch: &mut Batch) {
        self.requests.fetch_add(std::mem::take(&mut batch.requests), Relaxed);
        self.entries.fetch_add(std::mem::take(&mut batch.entries), Relaxed);
        for (count, all) in batch.operations.iter_mut().zip(&self.operations.0) {
            if *count > 0 {
                all.fetch_add(std::mem::take(count), Relaxed);
            }
        }
    }

    pub(super) fn arrived(&self, bytes: usize) {
        self.bytes_in.fetch_add(bytes as u64, Relaxed);
    }

    pub(super) fn sent(&self, bytes: usize) {
        self.bytes_out.fetch_add(bytes as u64, Relaxed);
    }

    pub(super) fn departed(&self, requests: u64) {
        let flying = self.in_flight.fetch_add(requests, Relaxed) + requests;
        self.most_in_flight.fetch_max(flying, Relaxed);
    }

    pub(super) fn landed(&self, requests: u64) {
        self.in_flight.fetch_sub(requests, Relaxed);
    }

    pub(super) fn violation(&self, what: String) {
        let mut violations = lock(&self.violations);
        if violations.len() < MOST_VIOLATIONS {
            violations.push(what);
        }
    }

    pub(super) fn violations(&self) -> Vec<String> {
        lock(&self.violations).clone()
    }

    pub(super) fn uid(&self, uid: u32) {
        lock(&self.uids).insert(uid);
    }

    pub(super) fn uids(&self) -> BTreeSet<u32> {
        lock(&self.uids).clone()
    }

    pub(super) fn counts(&self, sessions: u64) -> Counts {
        let operations = self.operations.0.iter().enumerate().filter_map(|(number, count)| {
            let number = u32::try_from(number).unwrap_or(u32::MAX);
            match count.load(Relaxed) {
                0 => None,
                count => Some((Op(number), count)),
            }
        });
        Counts {
            requests: self.requests.load(Relaxed),
            operations: operations.collect(),
            entries: self.entries.load(Relaxed),
            most_in_flight: self.most_in_flight.load(Relaxed),
            connections: self.connections.load(Relaxed),
            sessions,
            retries: self.retries.load(Relaxed),
            above_target: self.above_target.load(Relaxed),
            bytes_in: self.bytes_in.load(Relaxed),
            bytes_out: self.bytes_out.load(Relaxed),
        }
    }
}
