//! Disturbed scans: signals, a dead server, a reader that leaves, a tree that changes, and traps
//! set by users for a scan that runs as root.

mod traps;

use std::io::{BufRead, BufReader};
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use crate::faults::expect::{Engine, PORTABLE, POSIX, all, assert_parts_sum};
use crate::faults::moved::scan;
use efs_scan_testbed::fuse::faulty::{Action, Fault, Op, Tree};
use efs_scan_testbed::fuse::faulty::{can_mount, mount};
use efs_scan_testbed::*;
use serde_json::Value;

/// Time limit for ending after a signal. The program aims at a second; shared machines stall.
const LIMIT: Duration = Duration::from_secs(3);

/// Time limit for anything else.
const PATIENCE: Duration = Duration::from_secs(30);

const HOMES: u64 = 30;
const DIRS: u64 = 40;

/// Makes a tree that takes seconds to scan.
fn slow() -> Tree {
    let mut tree = Tree::new();
    for home in 0..HOMES {
        for dir in 0..DIRS {
            tree.file(&format!("{}/{dir:02}/a", 200_000 + home), 1000);
            tree.file(&format!("{}/{dir:02}/b", 200_000 + home), 1000);
        }
    }
    let delay = Action::Delay(Duration::from_millis(5));
    tree.fault(Fault::everywhere(Op::Opendir, delay));
    tree
}

/// Starts a scan of `root` with the report on a pipe.
fn start(root: &Path, args: &[&str]) -> Child {
    let mut command = efs_scan();
    command.arg(root).args(args).env("EFS_SCAN_FORMAT", "json");
    let command = command.stdout(Stdio::piped()).stderr(Stdio::piped());
    command.spawn().unwrap()
}

fn wait_until(what: &str, done: impl Fn() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !done() {
        assert!(Instant::now() < deadline, "{what} takes too long");
        std::thread::sleep(Duration::from_millis(2));
    }
}

/// Sends a signal to the program, which must end within [`LIMIT`].
fn stop(child: Child, name: &str) -> Output {
    signal(child.id(), name);
    let signalled = Instant::now();
    let output = finish(child, PATIENCE);
    let took = signalled.elapsed();
    assert!(took < LIMIT, "it took {took:?} to end");
    output
}

/// Checks the report of an interrupted scan and returns it.
fn assert_interrupted(output: &Output, json: &[u8], what: &str) -> Value {
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(130), "{what}: {stderr}");
    assert!(!stderr.contains("panicked"), "{what}: {stderr}");
    let report: Value = serde_json::from_slice(json).unwrap();
    assert_eq!(report["run"]["coverage"], "interrupted", "{what}");
    for home in report["homes"].as_array().unwrap() {
        assert_eq!(home["coverage"], "interrupted", "{what}");
    }
    assert_eq!(report["errors"]["count"], 0, "{what}");
    assert_parts_sum(&report, what);
    let count = |key: &str| report["totals"][key].as_u64().unwrap();
    let seen = count("dirs") + count("files");
    assert!((1..3 * HOMES * DIRS).contains(&seen), "{what}: {seen} seen");
    report
}

#[test]
fn a_signal_ends_the_scan_with_what_was_seen() {
    if !can_mount() {
        return;
    }
    for engine in all() {
        for name in ["INT", "TERM"] {
            let what = format!("{engine:?}, {name}");
            let mounted = mount(slow());
            let child = start(mounted.path(), &engine);
            wait_until(&what, || mounted.state.all_calls(Op::Opendir) > 100);
            let output = stop(child, name);
            assert_interrupted(&output, &output.stdout, &what);
        }
    }
}

#[test]
fn an_interrupted_scan_completes_its_output_file() {
    if !can_mount() {
        return;
    }
    let place = scratch();
    let path = place.path().join("report.json");
    let mounted = mount(slow());
    let child = start(mounted.path(), &["--output", path.to_str().unwrap()]);
    wait_until("scanning", || mounted.state.all_calls(Op::Opendir) > 100);
    assert!(!path.exists(), "it is there when it is complete");
    let output = stop(child, "TERM");
    assert_interrupted(&output, &std::fs::read(&path).unwrap(), "a file");
    assert!(output.stdout.is_empty());
    let names = place.path().read_dir().unwrap();
    assert_eq!(names.count(), 1, "nothing is left beside it");
}

#[test]
fn a_worker_that_hangs_on_a_dead_server_does_not_hold_up_the_end() {
    if !can_mount() {
        return;
    }
    for engine in POSIX {
        let mut tree = slow();
        tree.fault(Fault::new(Op::Readdir, "200003/05", Action::Die));
        let last = tree.find("200003/05").unwrap();
        let mounted = mount(tree);
        let child = start(mounted.path(), engine);
        wait_until("the server's death", || mounted.state.calls(Op::Readdir, last) > 0);
        let output = stop(child, "INT");
        assert_interrupted(&output, &output.stdout, &format!("{engine:?}"));
    }
}

#[test]
fn a_root_on_a_server_that_died_can_be_given_up() {
    if !can_mount() {
        return;
    }
    let mut tree = Tree::new();
    tree.fault(Fault::new(Op::Opendir, "", Action::Die));
    let mounted = mount(tree);
    let child = start(mounted.path(), &["--engine", "posix"]);
    wait_until("opening", || mounted.state.all_calls(Op::Opendir) > 0);
    std::thread::sleep(Duration::from_millis(200));
    // Nothing was scanned yet, so ending may take a second signal.
    signal(child.id(), "TERM");
    std::thread::sleep(Duration::from_millis(200));
    let _ = Command::new("kill").arg(child.id().to_string()).output();
    let output = finish(child, 2 * LIMIT);
    assert_eq!(output.status.code(), Some(130));
}

#[test]
fn a_second_signal_ends_at_once() {
    if !can_mount() {
        return;
    }
    let mut tree = slow();
    for home in 0..300 {
        tree.dir(&(300_000 + home).to_string());
    }
    let mounted = mount(tree);
    let mut child = start(mounted.path(), &[]);
    wait_until("scanning", || mounted.state.all_calls(Op::Opendir) > 100);
    signal(child.id(), "INT");
    // The report is larger than the pipe and nobody reads it; a first signal has a little patience.
    std::thread::sleep(Duration::from_millis(700));
    assert!(child.try_wait().unwrap().is_none(), "it waits for a reader");
    signal(child.id(), "INT");
    let signalled = Instant::now();
    let status = loop {
        if let Some(status) = child.try_wait().unwrap() {
            break status;
        }
        assert!(signalled.elapsed() < LIMIT, "it goes on");
        std::thread::sleep(Duration::from_millis(2));
    };
    assert_eq!(status.code(), Some(130));
    let output = child.wait_with_output().unwrap();
    let whole = serde_json::from_slice::<Value>(&output.stdout);
    assert!(whole.is_err(), "it was in the middle of its report");
}

#[test]
fn a_reader_that_leaves_early_is_no_error() {
    let tree = scratch();
    for home in 0..300 {
        file(tree.path(), format!("{}/file", 200_000 + home), 1000);
    }
    for format in ["json", "csv", "table", "du"] {
        for lines in [0, 1] {
            let mut child = start(tree.path(), &["--format", format]);
            // Like `head -n`: reads a little, then closes the pipe.
            let reader = BufReader::with_capacity(64, child.stdout.take().unwrap());
            assert_eq!(reader.lines().take(lines).count(), lines);
            let output = finish(child, PATIENCE);
            let stderr = String::from_utf8_lossy(&output.stderr);
            assert_eq!(output.status.code(), Some(0), "{stderr}");
            for word in ["panicked", "roken pipe", "backtrace"] {
                assert!(!stderr.contains(word), "{stderr}");
            }
        }
    }
}

/// Creates, fills, renames and removes directories until `stop`; returns the number of rounds. A
/// link and a file come and go under the name `other`, which may be the name of an earlier
/// directory.
fn churn(root: &Path, other: &str, stop: &AtomicBool) -> u32 {
    let mut rounds = 0;
    while !stop.load(Ordering::Relaxed) {
        for at in 0..4 {
            file(root, format!("busy/a/{at}/deep/er/file-{rounds}"), 3000);
            file(root, format!("busy/a/{at}/file"), 3000);
        }
        let busy = |name: &str| root.join("busy").join(name);
        std::fs::rename(busy("a/1"), busy("moved")).unwrap();
        std::fs::rename(busy("a"), root.join("appears")).unwrap();
        std::fs::remove_dir_all(busy("moved")).unwrap();
        symlink("../200005", busy(other)).unwrap();
        std::fs::remove_dir_all(root.join("appears")).unwrap();
        std::fs::remove_file(busy(other)).unwrap();
        std::fs::write(busy(other), b"a file").unwrap();
        std::fs::remove_file(busy(other)).unwrap();
        rounds += 1;
    }
    rounds
}

/// Scans a tree while a part of it changes.
fn scan_while_it_changes(engines: &[Engine], other: &str) {
    let tree = scratch();
    let root = tree.path();
    let steady = ["200005", "200006", "200007"];
    for home in steady {
        for at in 0..300 {
            file(root, format!("{home}/{}/{}/file-{at}", at % 7, at % 5), at * 50);
        }
    }
    file(root, "busy/rest", 1000);
    let stop = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let rounds = scope.spawn(|| churn(root, other, &stop));
        // Runs even if an assertion fails; otherwise the scope would wait forever.
        let scanned = std::panic::catch_unwind(|| {
            for engine in engines.iter().cycle().take(20) {
                let report = scan(root, engine);
                // Only moved entries are missing.
                let errors = &report["errors"];
                assert!(errors["by_kind"].as_object().unwrap().keys().all(|kind| kind == "moved"));
                let whole = errors["count"] == 0;
                let coverage = if whole { "complete" } else { "partial" };
                assert_eq!(report["run"]["coverage"], coverage);
                assert_parts_sum(&report, "a busy tree");
                for name in steady {
                    let found = find(&root.join(name));
                    let usage = &home(&report, name)["usage"];
                    let (size, allocated) = found
                        .values()
                        .fold((0, 0), |sums, inode| (sums.0 + inode.1, sums.1 + inode.2));
                    assert_eq!(home(&report, name)["coverage"], "complete");
                    assert_eq!(usage["files"], 300);
                    assert_eq!(usage["dirs"], found.len() - 300);
                    assert_eq!(usage["apparent_bytes"], size);
                    assert_eq!(usage["allocated_bytes"], allocated);
                }
            }
        });
        stop.store(true, Ordering::Relaxed);
        let rounds = rounds.join().unwrap();
        scanned.unwrap_or_else(|panic| std::panic::resume_unwind(panic));
        assert!(rounds > 1, "only {rounds} rounds of changes");
    });
}

#[test]
fn a_changing_tree_is_no_error() {
    scan_while_it_changes(POSIX, "moved");
}

#[test]
fn a_changing_tree_is_no_error_to_the_portable_engine() {
    // jwalk trusts the type in the listing, so a name that becomes something else in between is
    // tested separately, in tests/scan/faults/oddities.rs.
    if !PORTABLE.is_empty() {
        scan_while_it_changes(PORTABLE, "other");
    }
}
