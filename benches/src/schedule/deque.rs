//! Work stealing by hand: each worker has a last-in-first-out deque, and steals the oldest
//! directory of another worker when its own deque is empty. No worker polls: one that finds nothing
//! sleeps until it gets a token or everything is done.

use std::sync::atomic::{AtomicUsize, Ordering, fence};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;

use crossbeam_deque::{Steal, Stealer, Worker};

use super::Plan;
use crate::walk::{Dir, Reader, Sums};

struct Shared {
    stealers: Vec<Stealer<Dir>>,
    /// Directories that were pushed and are not yet read. Incremented before a push, decremented
    /// after the children were pushed: it is zero only when nothing is left and nothing can come.
    pending: AtomicUsize,
    /// Copy of `Bed::sleeping` for reading without the lock.
    sleeping: AtomicUsize,
    bed: Mutex<Bed>,
    bell: Condvar,
}

struct Bed {
    /// Workers that sleep and hold no token.
    sleeping: usize,
    /// Wake-ups given and not yet taken.
    tokens: usize,
}

/// Counts a directory as read even if reading it panicked. Otherwise the other workers would sleep
/// forever and the scope would never pass the panic on.
struct Finish<'a>(&'a Shared);

impl Drop for Finish<'_> {
    fn drop(&mut self) {
        // AcqRel: a worker that sees zero sees everything done for the other directories.
        if self.0.pending.fetch_sub(1, Ordering::AcqRel) == 1 {
            // Under the lock, so that it comes before a sleeper's check or after its wait began.
            let _bed = self.0.lock();
            self.0.bell.notify_all();
        }
    }
}

pub(super) fn walk(root: Dir, plan: &Plan) -> Sums {
    let workers: Vec<_> = (0..plan.threads.get()).map(|_| Worker::new_lifo()).collect();
    let shared = Shared {
        stealers: workers.iter().map(Worker::stealer).collect(),
        pending: AtomicUsize::new(1),
        sleeping: AtomicUsize::new(0),
        bed: Mutex::new(Bed { sleeping: 0, tokens: 0 }),
        bell: Condvar::new(),
    };
    workers[0].push(root);
    let mut sums = Sums::default();
    thread::scope(|scope| {
        let shared = &shared;
        let handles: Vec<_> = workers
            .into_iter()
            .enumerate()
            .map(|(me, own)| scope.spawn(move || work(me, &own, shared, plan.reader())))
            .collect();
        for handle in handles {
            match handle.join() {
                Ok(part) => sums += part,
                Err(panic) => std::panic::resume_unwind(panic),
            }
        }
    });
    sums
}

fn work(me: usize, own: &Worker<Dir>, shared: &Shared, mut reader: Reader) -> Sums {
    let mut children = Vec::new();
    while let Some(dir) = own.pop().or_else(|| shared.take(me)) {
        let _finish = Finish(shared);
        reader.visit(&dir, &mut children);
        // Relaxed: the directory being read holds the count above zero until `_finish`.
        shared.pending.fetch_add(children.len(), Ordering::Relaxed);
        for child in children.drain(..) {
            own.push(child);
        }
        // One of them is for this worker itself.
        shared.wake(own.len().saturating_sub(1));
    }
    reader.sums()
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Bed> {
        self.bed.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn done(&self) -> bool {
        self.pending.load(Ordering::Acquire) == 0
    }

    /// Takes a directory of another worker, waiting if necessary; `None` when everything is done.
    fn take(&self, me: usize) -> Option<Dir> {
        loop {
            if let Some(dir) = self.steal(me) {
                return Some(dir);
            }
            if self.done() {
                return None;
            }
            self.sleep();
        }
    }

    /// Tries every other worker once, starting with the next, so that thieves spread.
    fn steal(&self, me: usize) -> Option<Dir> {
        let (before, after) = self.stealers.split_at(me);
        after.iter().skip(1).chain(before).find_map(|victim| {
            loop {
                match victim.steal() {
                    Steal::Success(dir) => return Some(dir),
                    Steal::Empty => return None,
                    Steal::Retry => {}
                }
            }
        })
    }

    /// Gives a token to up to `wanted` sleepers.
    ///
    /// ```text
    /// pusher:  push           fence   read `sleeping`   (0: no sleeper)
    /// sleeper: `sleeping` += 1   fence   look at every deque   (empty: wait)
    /// ```
    /// The two fences forbid that both read the old value: either the pusher sees the sleeper
    /// and gives it a token, or the sleeper sees the directory and does not sleep.
    fn wake(&self, wanted: usize) {
        if wanted == 0 {
            return;
        }
        fence(Ordering::SeqCst);
        // Relaxed: ordered by the fence.
        if self.sleeping.load(Ordering::Relaxed) == 0 {
            return;
        }
        let mut bed = self.lock();
        let woken = wanted.min(bed.sleeping);
        bed.tokens += woken;
        self.set_sleeping(&mut bed, |sleeping| sleeping - woken);
        drop(bed);
        for _ in 0..woken {
            self.bell.notify_one();
        }
    }

    /// Sleeps until a token comes or everything is done, unless there is something to steal.
    fn sleep(&self) {
        let mut bed = self.lock();
        self.set_sleeping(&mut bed, |sleeping| sleeping + 1);
        fence(Ordering::SeqCst);
        let nothing = self.stealers.iter().all(Stealer::is_empty);
        while nothing && bed.tokens == 0 && !self.done() {
            bed = self.bell.wait(bed).unwrap_or_else(PoisonError::into_inner);
        }
        if nothing && bed.tokens > 0 {
            bed.tokens -= 1;
        } else {
            self.set_sleeping(&mut bed, |sleeping| sleeping - 1);
        }
    }

    fn set_sleeping(&self, bed: &mut Bed, change: impl FnOnce(usize) -> usize) {
        bed.sleeping = change(bed.sleeping);
        // Relaxed: ordered by the fences in `wake` and `sleep`, written under the lock only.
        self.sleeping.store(bed.sleeping, Ordering::Relaxed);
    }
}
