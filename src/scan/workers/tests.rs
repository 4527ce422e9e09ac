//! Workers that count trees, and panic, stop or hang on request.

use super::*;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc;

/// Counts the nodes of a tree of the given depth and width, and misbehaves on request.
struct Tree {
    width: usize,
    done: Arc<AtomicUsize>,
    panic_at: Option<usize>,
    stop_at: Option<(usize, Arc<Stop>)>,
    hang: bool,
    pace: Pace,
}

impl Walker for Tree {
    type Item = usize;
    type Scratch = ();

    fn run(&self, depth: usize, worker: &Worker<Self>, (): &mut ()) {
        let done = self.done.fetch_add(1, Ordering::SeqCst) + 1;
        assert_ne!(Some(done), self.panic_at, "as the test wants it");
        if let Some((at, stop)) = &self.stop_at
            && done == *at
        {
            stop.set();
            if self.hang {
                std::thread::sleep(Duration::from_secs(5));
            }
        }
        if depth > 0 {
            worker.push(std::iter::repeat_n(depth - 1, self.width - 1));
            worker.defer(depth - 1);
        }
    }

    fn waiting(&self, _items: usize) {}

    fn pace(&self) -> &Pace {
        &self.pace
    }
}

fn fixed(workers: usize) -> Bounds {
    Bounds { start: workers, most: workers, least: workers, cores: 2, max_latency: None }
}

fn pace() -> Pace {
    Pace::new(None, None, &Arc::new(Stop::default()))
}

/// Runs the tree under a watchdog: a hang is a failure, not a stuck test.
fn run(tree: Tree, limit: usize, stop: Arc<Stop>) -> Result<Ended, WalkError> {
    let (send, receive) = mpsc::channel();
    std::thread::spawn(move || send.send(Workers::run(tree, 9, fixed(limit), &stop)));
    receive.recv_timeout(Duration::from_secs(20)).expect("the walk hangs")
}

fn tree() -> Tree {
    let done = Arc::new(AtomicUsize::new(0));
    Tree { width: 3, done, panic_at: None, stop_at: None, hang: false, pace: pace() }
}

#[test]
fn everything_is_done_once_by_any_number_of_workers() {
    for limit in [1, 2, 7, 64] {
        let seen = Arc::new(AtomicUsize::new(0));
        struct Counting(Tree, Arc<AtomicUsize>);
        impl Walker for Counting {
            type Item = usize;
            type Scratch = ();
            fn run(&self, depth: usize, worker: &Worker<Self>, (): &mut ()) {
                self.1.fetch_add(1, Ordering::SeqCst);
                if depth > 0 {
                    worker.push(std::iter::repeat_n(depth - 1, self.0.width));
                }
            }
            fn waiting(&self, _items: usize) {}
            fn pace(&self) -> &Pace {
                &self.0.pace
            }
        }
        let work = Counting(tree(), Arc::clone(&seen));
        let ended = Workers::run(work, 9, fixed(limit), &Arc::new(Stop::default()));
        assert_eq!(ended.ok(), Some(Ended::Complete));
        assert_eq!(seen.load(Ordering::SeqCst), (3usize.pow(10) - 1) / 2);
    }
}

#[test]
fn deferred_work_is_done_too() {
    for limit in [1, 3, 64] {
        let done = Arc::new(AtomicUsize::new(0));
        let tree = Tree { done: Arc::clone(&done), ..tree() };
        let ended = run(tree, limit, Arc::new(Stop::default()));
        assert_eq!(ended.ok(), Some(Ended::Complete));
        assert_eq!(done.load(Ordering::SeqCst), (3usize.pow(10) - 1) / 2);
    }
}

#[test]
fn a_panic_ends_the_walk_with_an_error() {
    for limit in [1, 2, 8] {
        let tree = Tree { panic_at: Some(500), ..tree() };
        let ended = run(tree, limit, Arc::new(Stop::default()));
        assert!(matches!(ended, Err(WalkError::Panicked)), "{ended:?}");
    }
}

#[test]
fn stopping_with_a_full_stack_ends_the_walk() {
    for limit in [1, 2, 8] {
        let stop = Arc::new(Stop::default());
        let tree = Tree { stop_at: Some((500, Arc::clone(&stop))), ..tree() };
        assert_eq!(run(tree, limit, stop).ok(), Some(Ended::Interrupted));
    }
}

#[test]
fn a_worker_that_hangs_does_not_hold_up_the_end() {
    let stop = Arc::new(Stop::default());
    let tree = Tree { stop_at: Some((500, Arc::clone(&stop))), hang: true, ..tree() };
    let before = Instant::now();
    assert_eq!(run(tree, 2, stop).ok(), Some(Ended::Interrupted));
    assert!(before.elapsed() < Duration::from_secs(4), "{:?}", before.elapsed());
}
