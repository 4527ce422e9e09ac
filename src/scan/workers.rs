//! Worker threads over stacks of work.
//!
//! Directories wait on LIFO stacks, one for each core, behind one lock. As many workers as there is
//! work for take from them, up to a limit that may change while the walk runs. The order is depth
//! first for each stack, which keeps it about as short as the tree is deep. A worker without work
//! waits to be called; nothing polls.
//!
//! The threads are our own and not rayon's, because a rayon pool has all its threads from the
//! start. Two are enough for most walks and some need 256, which only shows during the walk.
//!
//! Measured against two alternatives (`benches/schedulers.sh`; 1,050,287 entries, warm ext4, 2
//! cores, 2026-11-24, medians of 11 interleaved runs, wall seconds / CPU seconds):
//!
//! | workers, delay per round trip | one stack | rayon, one job a directory | crossbeam-deque by hand |
//! |---|---|---|---|
//! | 2, none | 1.157 / 2.30 | 1.124 / 2.23 | 1.118 / 2.22 |
//! | 64, none | 1.221 / 2.38 | 1.199 / 2.36 | 1.147 / 2.27 |
//! | 64, 1 ms | 3.585 / 4.33 | 3.616 / 4.83 | 3.601 / 4.68 |
//! | 64, 5 ms | 16.14 / 5.49 | 16.10 / 5.97 | 16.13 / 5.92 |
//!
//! With the best number of workers, one stack for all is within 4 % of hand-written work stealing in
//! the bare walker, and costs the least CPU when the walk waits. In a scan it costs more: workers meet
//! in the same part of the tree, and wait for its home's lock, its inodes and memory that the other
//! one has allocated. With a stack for each core a scan of the same tree takes 0.90 of the time, and
//! threads wait 163 times instead of 1,087 (1.13 and 1.26 s, medians of 11 interleaved runs,
//! 2026-11-30).
//!
//! Termination: `active` counts the workers that have work, or were called or started for it, and
//! changes only under the lock. Only an active worker pushes work, so `active == 0` with empty
//! stacks means that everything is done, and the worker that lowered it to 0 sees that. A worker
//! that leaves because there are more than the limit leaves others behind: the limit is at least 1.

mod stacks;

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use self::stacks::Stacks;
use super::concurrency::Concurrency;
use super::pace::Pace;
use super::plan::Bounds;
use super::{Ended, WalkError};
use crate::log;
use crate::stop::Stop;
use crate::sync::lock;

/// The longest wait for workers after a stop. The walk ends without workers that take longer,
/// because one may be blocked in a system call on a dead server.
const STOP_PATIENCE: Duration = Duration::from_millis(500);

/// Interval at which the waiting thread checks for a stop.
const STOP_LATENCY: Duration = Duration::from_millis(50);

/// The work of a walk, in items that workers process.
pub(super) trait Walker: Send + Sync + Sized + 'static {
    /// An item of work.
    type Item: Send;
    /// Buffers that a worker keeps between items.
    type Scratch: Default;

    /// Processes one item as `worker`, and pushes further items.
    fn run(&self, item: Self::Item, worker: &Worker<Self>, scratch: &mut Self::Scratch);

    /// Called now and then with the number of waiting items.
    fn waiting(&self, items: usize);

    /// Returns the measurements of the walk's round trips.
    fn pace(&self) -> &Pace;
}

/// One of the workers.
pub(super) struct Worker<W: Walker> {
    all: Arc<Workers<W>>,
    number: usize,
}

impl<W: Walker> Worker<W> {
    /// Puts items on the worker's stack, the last of `items` on top, and calls workers for them.
    pub(super) fn push(&self, items: impl IntoIterator<Item = W::Item>) {
        self.all.push(self.number, items);
    }

    /// Defers an item until the stacks are nearly empty.
    pub(super) fn defer(&self, item: W::Item) {
        let mut state = lock(&self.all.state);
        state.deferred.push(item);
        self.all.call(state);
    }

    /// True if fewer than `each` items per worker wait, so other workers would take more.
    pub(super) fn want_more(&self, each: usize) -> bool {
        let state = lock(&self.all.state);
        state.limit > 1 && state.ready.len() < each * state.limit
    }

    /// Returns the number of items on all stacks.
    pub(super) fn ready(&self) -> usize {
        lock(&self.all.state).ready.len()
    }

    fn work(self) {
        let mut leaving = Leaving { workers: &self.all, counted: false };
        let mut scratch = W::Scratch::default();
        while let Some(item) = self.all.next(self.number) {
            self.all.work.run(item, &self, &mut scratch);
        }
        leaving.counted = true;
    }
}

/// The stacks of work and the threads that do it.
pub(super) struct Workers<W: Walker> {
    work: W,
    state: Mutex<Queue<W::Item>>,
    called: Condvar,
    ended: Condvar,
    stop: Arc<Stop>,
}

/// State guarded by the lock.
struct Queue<T> {
    ready: Stacks<T>,
    /// Items deferred until the stacks are nearly empty.
    deferred: Vec<T>,
    /// Number of workers that may have work.
    limit: usize,
    /// The most threads that the system lets us start, once that is known.
    most: usize,
    /// Workers that have work, or were called or started for it.
    active: usize,
    threads: usize,
    /// Threads that wait to be called.
    idle: usize,
    /// Calls that no idle thread has received yet.
    calls: usize,
    /// True if waiting threads should end.
    over: bool,
    failed: Option<WalkError>,
}

impl<T> Queue<T> {
    fn pop(&mut self, worker: usize) -> Option<T> {
        if self.ready.len() < self.limit
            && let Some(item) = self.deferred.pop()
        {
            return Some(item);
        }
        self.ready.pop(worker)
    }

    fn waiting(&self) -> usize {
        self.ready.len() + self.deferred.len()
    }
}

impl<W: Walker> Workers<W> {
    /// Processes `first` and all work that follows from it.
    ///
    /// # Errors
    /// If no thread can be started, or a worker panicked. Everything that the others did before
    /// still counts.
    pub(super) fn run(
        work: W,
        first: W::Item,
        bounds: Bounds,
        stop: &Arc<Stop>,
    ) -> Result<Ended, WalkError> {
        let workers = Arc::new(Self {
            work,
            state: Mutex::new(Queue {
                ready: Stacks::new(bounds.cores),
                deferred: Vec::new(),
                limit: bounds.start,
                most: usize::MAX,
                active: 0,
                threads: 0,
                idle: 0,
                calls: 0,
                over: false,
                failed: None,
            }),
            called: Condvar::new(),
            ended: Condvar::new(),
            stop: Arc::clone(stop),
        });
        let varies = bounds.least < bounds.most || workers.work.pace().settles();
        let before = workers.work.pace().sample(true);
        workers.push(0, [first]);
        workers.wait(varies.then(|| Concurrency::new(bounds, before)))
    }

    fn push(self: &Arc<Self>, worker: usize, items: impl IntoIterator<Item = W::Item>) {
        let mut state = lock(&self.state);
        state.ready.push(worker, items);
        self.call(state);
    }

    /// Calls as many workers as there is work for, and starts threads if too few are idle.
    fn call(self: &Arc<Self>, mut state: MutexGuard<'_, Queue<W::Item>>) {
        let wanted = match state.over {
            true => 0,
            false => state.limit.saturating_sub(state.active).min(state.waiting()),
        };
        let woken = wanted.min(state.idle);
        state.active += wanted;
        state.idle -= woken;
        state.calls += woken;
        let first = state.threads;
        state.threads += wanted - woken;
        self.work.waiting(state.waiting());
        drop(state);
        for _ in 0..woken {
            self.called.notify_one();
        }
        for started in woken..wanted {
            let worker = Worker { all: Arc::clone(self), number: first + started - woken };
            let thread = std::thread::Builder::new().name("walk".to_owned());
            if let Err(error) = thread.spawn(move || worker.work()) {
                return self.not_started(wanted - started, &error);
            }
        }
    }

    /// Continues with the existing threads, because the system does not start more.
    fn not_started(&self, missing: usize, error: &std::io::Error) {
        let mut state = lock(&self.state);
        state.active -= missing;
        state.threads -= missing;
        let threads = state.threads;
        if threads == 0 {
            state.failed = Some(WalkError::Threads { reason: error.to_string() });
            self.ended.notify_all();
            return;
        }
        let first = state.most == usize::MAX;
        state.most = state.most.min(threads);
        state.limit = state.limit.min(threads);
        drop(state);
        if first {
            log::warn!(threads = threads, "no more threads can be started: {error}");
        }
    }

    /// Waits for the next item of a worker. Returns `None` when the walk is over.
    fn next(&self, worker: usize) -> Option<W::Item> {
        let mut state = lock(&self.state);
        loop {
            if state.over || self.stop.is_set() || state.failed.is_some() {
                state.over = true;
            } else if state.active <= state.limit
                && let Some(item) = state.pop(worker)
            {
                return Some(item);
            }
            state.active -= 1;
            if state.active == 0 {
                state.over = true;
                self.ended.notify_all();
            }
            state.idle += 1;
            while state.calls == 0 && !state.over {
                state = self.called.wait(state).unwrap_or_else(PoisonError::into_inner);
            }
            if state.over {
                self.called.notify_all();
                return None;
            }
            // `call` has already counted this worker as active and not as idle.
            state.calls -= 1;
        }
    }

    /// Waits for the end, and lets the controller set the limit meanwhile.
    fn wait(self: &Arc<Self>, mut controller: Option<Concurrency>) -> Result<Ended, WalkError> {
        let mut state = lock(&self.state);
        let mut give_up: Option<Instant> = None;
        while state.active > 0 && state.failed.is_none() {
            if self.stop.is_set() {
                let until = *give_up.get_or_insert_with(|| Instant::now() + STOP_PATIENCE);
                if Instant::now() >= until {
                    log::warn!(workers = state.active, "workers hang; ending without them");
                    break;
                }
            } else if let Some(controller) = &mut controller {
                let backlog = state.active >= state.limit && state.waiting() > 0;
                controller.cap(state.most);
                // Measuring and deciding need no lock.
                drop(state);
                self.work.pace().settle_up();
                let limit = controller.sample(self.work.pace().sample(backlog));
                state = lock(&self.state);
                if limit != state.limit {
                    state.limit = limit.min(state.most);
                    self.call(state);
                    state = lock(&self.state);
                }
                if state.active == 0 {
                    break;
                }
            }
            let tick = controller.as_ref().map_or(STOP_LATENCY, Concurrency::tick);
            let waited = self.ended.wait_timeout(state, tick);
            state = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
        state.over = true;
        self.called.notify_all();
        if let Some(error) = state.failed.take() {
            return Err(error);
        }
        // An empty stack proves nothing here: a worker that saw the flag left its item half done.
        Ok(match self.stop.is_set() {
            true => Ended::Interrupted,
            false => Ended::Complete,
        })
    }
}

/// Removes a panicking worker from the counts. The panic hook has already printed the message.
struct Leaving<'a, W: Walker> {
    workers: &'a Workers<W>,
    counted: bool,
}

impl<W: Walker> Drop for Leaving<'_, W> {
    fn drop(&mut self) {
        if !self.counted {
            let mut state = lock(&self.workers.state);
            state.active -= 1;
            state.failed = Some(WalkError::Panicked);
            self.workers.ended.notify_all();
        }
    }
}

#[cfg(test)]
mod tests;
