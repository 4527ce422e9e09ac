//! Holds the replies of a connection until they are due, without a thread for each.

use std::cmp::Ordering;
use std::collections::BinaryHeap;
use std::io::{self, Write as _};
use std::net::{Shutdown, TcpStream};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use super::counts::Tally;
use super::session::{Session, lock};

/// Ways to send bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Delivery {
    Plain,
    /// In pieces over this time.
    Slow(Duration),
    /// Closes the connection afterwards.
    Last,
}

/// Replies that are due at the same time.
pub(super) struct Chunk {
    pub(super) due: Instant,
    pub(super) bytes: Vec<u8>,
    /// The number of requests answered or dropped.
    pub(super) requests: u64,
    /// Their slots.
    pub(super) slots: Vec<(Arc<Session>, u32)>,
    pub(super) how: Delivery,
    /// Order among chunks due at the same time. Set by the queue.
    order: u64,
}

impl Chunk {
    pub(super) fn new(bytes: Vec<u8>, due: Instant) -> Self {
        Self { due, bytes, requests: 0, slots: Vec::new(), how: Delivery::Plain, order: 0 }
    }
}

/// Reversed, so that the heap's greatest chunk is the earliest.
impl Ord for Chunk {
    fn cmp(&self, other: &Self) -> Ordering {
        (other.due, other.order).cmp(&(self.due, self.order))
    }
}

impl PartialOrd for Chunk {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Chunk {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Chunk {}

/// Buffers to keep for later replies.
const SPARES: usize = 64;

#[derive(Default)]
struct Waiting {
    chunks: BinaryHeap<Chunk>,
    spares: Vec<Vec<u8>>,
    pushed: u64,
    closed: bool,
}

#[derive(Default)]
pub(super) struct Queue {
    waiting: Mutex<Waiting>,
    changed: Condvar,
}

impl Queue {
    /// Returns an empty buffer, reusing the memory of sent replies.
    pub(super) fn spare(&self) -> Vec<u8> {
        lock(&self.waiting).spares.pop().unwrap_or_default()
    }

    pub(super) fn push(&self, mut chunk: Chunk, tally: &Tally) {
        tally.departed(chunk.requests);
        let mut waiting = lock(&self.waiting);
        if waiting.closed {
            return let_go(&chunk, tally);
        }
        waiting.pushed += 1;
        chunk.order = waiting.pushed;
        let earliest = waiting.chunks.peek().is_none_or(|first| *first < chunk);
        waiting.chunks.push(chunk);
        drop(waiting);
        // For a later chunk, the thread wakes up early enough anyway.
        if earliest {
            self.changed.notify_one();
        }
    }

    /// Stops sending.
    pub(super) fn close(&self, tally: &Tally) {
        let mut waiting = lock(&self.waiting);
        waiting.closed = true;
        for chunk in waiting.chunks.drain() {
            let_go(&chunk, tally);
        }
        drop(waiting);
        self.changed.notify_one();
    }

    /// Sends chunks when they are due, until the queue or the connection is closed.
    pub(super) fn run(&self, mut stream: &TcpStream, tally: &Tally) {
        let mut due = Vec::new();
        while self.wait(&mut due) {
            let mut sent = Ok(());
            for chunk in due.drain(..) {
                // Before sending: the client may reuse the slot as soon as it has the last byte.
                let_go(&chunk, tally);
                if sent.is_ok() {
                    sent = send(&mut stream, &chunk, tally);
                }
                self.keep(chunk.bytes);
            }
            if sent.is_err() {
                break;
            }
        }
        self.close(tally);
        // Also wakes up the reading thread. Fails only if the client closed first.
        let _ = stream.shutdown(Shutdown::Both);
    }

    fn keep(&self, mut bytes: Vec<u8>) {
        bytes.clear();
        let mut waiting = lock(&self.waiting);
        if waiting.spares.len() < SPARES {
            waiting.spares.push(bytes);
        }
    }

    /// Waits and fills `due` with due chunks. Returns false if there will be none any more.
    fn wait(&self, due: &mut Vec<Chunk>) -> bool {
        let mut waiting = lock(&self.waiting);
        while !waiting.closed {
            let now = Instant::now();
            while waiting.chunks.peek().is_some_and(|first| first.due <= now) {
                due.extend(waiting.chunks.pop());
            }
            if !due.is_empty() {
                return true;
            }
            waiting = match waiting.chunks.peek().map(|first| first.due - now) {
                Some(left) => {
                    let woken = self.changed.wait_timeout(waiting, left);
                    woken.unwrap_or_else(PoisonError::into_inner).0
                }
                None => self.changed.wait(waiting).unwrap_or_else(PoisonError::into_inner),
            };
        }
        false
    }
}

fn let_go(chunk: &Chunk, tally: &Tally) {
    tally.landed(chunk.requests);
    for (session, slot) in &chunk.slots {
        session.release(*slot);
    }
}

fn send(stream: &mut &TcpStream, chunk: &Chunk, tally: &Tally) -> io::Result<()> {
    tally.sent(chunk.bytes.len());
    let sent = match chunk.how {
        Delivery::Plain | Delivery::Last => stream.write_all(&chunk.bytes),
        Delivery::Slow(time) => {
            let piece = chunk.bytes.len().div_ceil(16).max(1);
            chunk.bytes.chunks(piece).try_for_each(|piece| {
                thread::sleep(time / 16);
                stream.write_all(piece)
            })
        }
    };
    match chunk.how {
        Delivery::Last => Err(io::ErrorKind::ConnectionAborted.into()),
        _ => sent,
    }
}
