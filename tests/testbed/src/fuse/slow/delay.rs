//! Delays answers, without a thread for each waiting one.

use std::cmp::Ordering;
use std::collections::BinaryHeap;
use std::io;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

type Answer = Box<dyn FnOnce() + Send>;

/// Gives answers when they are due, from a separate thread that ends when this is dropped.
pub(super) struct Delay {
    shared: Arc<Shared>,
}

#[derive(Default)]
struct Shared {
    waiting: Mutex<Waiting>,
    changed: Condvar,
}

#[derive(Default)]
struct Waiting {
    answers: BinaryHeap<Due>,
    closed: bool,
}

struct Due {
    at: Instant,
    answer: Answer,
}

/// Reversed, because the heap has its greatest element on top, and the earliest is needed there.
impl Ord for Due {
    fn cmp(&self, other: &Self) -> Ordering {
        other.at.cmp(&self.at)
    }
}

impl PartialOrd for Due {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Due {
    fn eq(&self, other: &Self) -> bool {
        self.at == other.at
    }
}

impl Eq for Due {}

impl Delay {
    /// # Errors
    /// If the thread cannot be started.
    pub(super) fn new() -> io::Result<Self> {
        let shared = Arc::new(Shared::default());
        let theirs = Arc::clone(&shared);
        thread::Builder::new().name("delay".to_owned()).spawn(move || theirs.run())?;
        Ok(Self { shared })
    }

    /// Calls `answer` after `delay`.
    pub(super) fn after(&self, delay: Duration, answer: Answer) {
        let at = Instant::now() + delay;
        let mut waiting = self.shared.lock();
        let earliest = waiting.answers.peek().is_none_or(|first| at < first.at);
        waiting.answers.push(Due { at, answer });
        drop(waiting);
        // For a later answer, the thread wakes up early enough anyway.
        if earliest {
            self.shared.changed.notify_one();
        }
    }
}

impl Drop for Delay {
    fn drop(&mut self) {
        self.shared.lock().closed = true;
        self.shared.changed.notify_one();
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn run(&self) {
        let mut due = Vec::new();
        while self.wait(&mut due) {
            for answer in due.drain(..) {
                answer();
            }
        }
    }

    /// Waits until answers are due and moves them to `due`. Returns false once this is closed; the
    /// answers that still wait are then dropped, which sends the kernel an error.
    fn wait(&self, due: &mut Vec<Answer>) -> bool {
        let mut waiting = self.lock();
        while !waiting.closed {
            let now = Instant::now();
            while waiting.answers.peek().is_some_and(|first| first.at <= now) {
                due.extend(waiting.answers.pop().map(|first| first.answer));
            }
            if !due.is_empty() {
                return true;
            }
            waiting = match waiting.answers.peek().map(|first| first.at - now) {
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
