//! Locking in spite of poison, and work on several threads, each in one place.

use std::panic::resume_unwind;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread;

/// Locks the mutex even if it is poisoned: a panic in a worker fails the run by itself, and what
/// was committed before it is still worth printing.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Does `work` for every item, on at most `most` threads, and returns the results in the order of the
/// items. A panic is passed on after the other threads have ended.
pub(crate) fn for_each_at_once<T: Sync, R: Send>(
    items: &[T],
    most: usize,
    work: impl Fn(&T) -> R + Sync,
) -> Vec<R> {
    let next = AtomicUsize::new(0);
    let worker = || {
        let mut done = Vec::new();
        loop {
            // Relaxed: each index is given out once, and no other data depends on the order.
            let at = next.fetch_add(1, Ordering::Relaxed);
            let Some(item) = items.get(at) else { return done };
            done.push((at, work(item)));
        }
    };
    let mut done = thread::scope(|scope| {
        // With fewer threads than wanted, the others do all of the work.
        let start = |_| thread::Builder::new().spawn_scoped(scope, worker).ok();
        let others: Vec<_> = (1..most.min(items.len())).filter_map(start).collect();
        let mut done = worker();
        for other in others {
            done.extend(other.join().unwrap_or_else(|panic| resume_unwind(panic)));
        }
        done
    });
    done.sort_unstable_by_key(|(at, _)| *at);
    done.into_iter().map(|(_, result)| result).collect()
}

#[cfg(test)]
mod tests {
    use std::panic::{AssertUnwindSafe, catch_unwind};
    use std::sync::Barrier;
    use std::time::Duration;

    use super::*;

    #[test]
    fn results_keep_their_order_and_no_more_threads_work_than_allowed() {
        for (items, most) in [(0, 4), (1, 4), (3, 16), (40, 1), (100, 16)] {
            let items: Vec<u64> = (0..items).collect();
            let (working, highest) = (AtomicUsize::new(0), AtomicUsize::new(0));
            let results = for_each_at_once(&items, most, |item| {
                let now = working.fetch_add(1, Ordering::SeqCst) + 1;
                highest.fetch_max(now, Ordering::SeqCst);
                // Later items end before earlier ones.
                thread::sleep(Duration::from_micros(200 * (7 - item % 7)));
                working.fetch_sub(1, Ordering::SeqCst);
                item * item
            });
            assert_eq!(results, items.iter().map(|item| item * item).collect::<Vec<_>>());
            assert!(highest.into_inner() <= most, "{most}");
        }
    }

    #[test]
    fn the_threads_work_at_the_same_time() {
        let all = Barrier::new(16);
        assert_eq!(for_each_at_once(&[(); 16], 16, |()| all.wait().is_leader()).len(), 16);
    }

    #[test]
    fn a_panic_is_passed_on_after_the_rest_is_done() {
        let done = AtomicUsize::new(0);
        let work = |item: &u32| {
            assert_ne!(*item, 3, "this panic is expected");
            done.fetch_add(1, Ordering::SeqCst);
        };
        let items: Vec<u32> = (0..20).collect();
        let all = catch_unwind(AssertUnwindSafe(|| for_each_at_once(&items, 2, work)));
        assert!(all.is_err());
        assert_eq!(done.into_inner(), 19);
    }
}
