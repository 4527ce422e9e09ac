//! Checks that each schedule of the floor sees everything that the standard library sees, and that
//! it ends, with fewer and with more threads than directories.

use std::fs;
use std::num::NonZeroUsize;
use std::os::unix::fs::{MetadataExt as _, symlink};
use std::path::Path;
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use efs_scan_bench::schedule::{Plan, Scheduler, walk};
use efs_scan_bench::walk::Sums;
use efs_scan_testbed::tree::{Size, directory_in_memory, make, settle};

const SCHEDULERS: [Scheduler; 3] = [Scheduler::Stack, Scheduler::Rayon, Scheduler::Deque];

fn plan(scheduler: Scheduler, threads: usize, delay: Duration) -> Plan {
    let threads = NonZeroUsize::new(threads).expect("a thread at least");
    Plan { threads, scheduler, delay }
}

/// Computes the same sums with absolute paths and the standard library.
fn oracle(path: &Path, sums: &mut Sums) {
    let meta = fs::symlink_metadata(path).expect("stat");
    sums.bytes += meta.blocks() * 512;
    if !meta.is_dir() {
        sums.others += 1;
        return;
    }
    sums.dirs += 1;
    for entry in fs::read_dir(path).expect("list") {
        oracle(&entry.expect("entry").path(), sums);
    }
}

/// Fails instead of hanging if a schedule does not end.
fn within(limit: Duration, body: impl FnOnce() + Send + 'static) {
    let (done, end) = mpsc::channel();
    let thread = thread::spawn(move || {
        body();
        // Fails only if the watchdog has given up.
        let _ = done.send(());
    });
    match end.recv_timeout(limit) {
        Err(mpsc::RecvTimeoutError::Timeout) => panic!("still running after {limit:?}"),
        // Disconnected: the body panicked; join passes that on.
        Ok(()) | Err(mpsc::RecvTimeoutError::Disconnected) => thread.join().expect("body"),
    }
}

#[test]
fn every_schedule_agrees_with_the_standard_library() {
    let dir = directory_in_memory();
    let size = Size { dirs: 600, files: 6_000, homes: 5, seed: 7 };
    make(dir.path(), &size).expect("tree");
    settle(dir.path()).expect("sync");
    symlink("..", dir.path().join("up")).expect("symlink");
    symlink("nowhere", dir.path().join("dangling")).expect("symlink");
    let mut expected = Sums::default();
    oracle(dir.path(), &mut expected);
    let root = dir.path().to_owned();
    within(Duration::from_secs(120), move || {
        for scheduler in SCHEDULERS {
            for threads in [1, 2, 64] {
                let plan = plan(scheduler, threads, Duration::ZERO);
                let sums = walk(&root, &plan).expect("walk");
                assert_eq!(sums, expected, "{plan:?}");
            }
            let plan = plan(scheduler, 64, Duration::from_micros(200));
            assert_eq!(walk(&root, &plan).expect("walk"), expected, "{plan:?}");
        }
    });
}

#[test]
fn every_schedule_ends_when_threads_outnumber_directories() {
    let dir = directory_in_memory();
    fs::create_dir_all(dir.path().join("a/b/c")).expect("chain");
    fs::create_dir(dir.path().join("d")).expect("leaf");
    let root = dir.path().to_owned();
    within(Duration::from_secs(120), move || {
        for round in 0..100 {
            for scheduler in SCHEDULERS {
                for threads in [1, 3, 16] {
                    let plan = plan(scheduler, threads, Duration::ZERO);
                    let sums = walk(&root, &plan).expect("walk");
                    assert_eq!((sums.dirs, sums.others), (5, 0), "round {round}, {plan:?}");
                }
            }
        }
    });
}

#[test]
fn a_missing_root_is_an_error_that_names_it() {
    for scheduler in SCHEDULERS {
        let plan = plan(scheduler, 2, Duration::ZERO);
        let error = walk(Path::new("no/such/tree"), &plan).expect_err("no tree");
        assert!(error.to_string().contains("no/such/tree"), "{error}");
    }
}
