//! Load that a scan puts on a slow file system, as counted by the file system.

use std::num::NonZeroUsize;
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use efs_scan_testbed::computed::Tree;
use efs_scan_testbed::fuse::slow::{Counts, mount};
use efs_scan_testbed::*;
use serde_json::Value;

fn can_mount(what: &str) -> bool {
    let able = is_root() && Path::new("/dev/fuse").exists();
    skip_unless(able, what, "no /dev/fuse, or not root")
}

/// Scans `dirs` directories of two files each; returns the report and the counts of requests.
fn scan(dirs: u64, round_trip_ms: u64, args: &[&str]) -> (Value, Arc<Counts>) {
    let point = scratch();
    let tree = Tree::even(dirs, 2, 10, 10);
    let threads = NonZeroUsize::new(4).unwrap();
    let round_trip = Duration::from_millis(round_trip_ms);
    let (session, counts) = mount(tree, round_trip, point.path(), threads).unwrap();
    let report = report(point.path(), args, 0);
    session.umount_and_join().unwrap();
    assert_eq!(report["totals"]["dirs"], dirs);
    (report, counts)
}

fn counted(number: &AtomicU64) -> u64 {
    number.load(Ordering::Relaxed)
}

/// Opens, and reads that returned names: what `--max-ops` counts.
fn operations(counts: &Counts) -> u64 {
    counted(&counts.opendirs) + counted(&counts.readdirs) + counted(&counts.readdirpluses)
}

fn seconds(report: &Value) -> f64 {
    let time = |key: &str| report["run"][key].as_str().unwrap().parse::<jiff::Timestamp>().unwrap();
    time("finished").duration_since(time("started")).as_secs_f64()
}

#[test]
fn workers_grow_to_the_cap_where_answers_take_five_milliseconds() {
    if !can_mount("workers grow to the cap") {
        return;
    }
    let (_, counts) = scan(10_000, 5, &["--max-threads", "48"]);
    assert_eq!(counted(&counts.peak_in_flight), 48, "{counts}");
    // Each directory is opened and read once, plus the root's attributes; a few more if the kernel
    // had no memory to cache attributes.
    let round_trips = counted(&counts.round_trips);
    assert!((30_001..30_300).contains(&round_trips), "{counts}");
}

#[test]
fn max_ops_is_respected_and_used_up() {
    if !can_mount("--max-ops") {
        return;
    }
    let (report, counts) = scan(1_500, 1, &["--max-ops", "300"]);
    let rate = operations(&counts) as f64 / seconds(&report);
    // Never more; less on a busy machine.
    assert!((250.0..=315.0).contains(&rate), "{rate} a second: {counts}");
}

#[test]
fn the_number_of_workers_falls_above_max_latency() {
    if !can_mount("--max-latency") {
        return;
    }
    let (_, auto) = scan(150, 5, &["--max-latency", "1"]);
    let cores = std::thread::available_parallelism().unwrap().get() as u64;
    assert!(counted(&auto.peak_in_flight) <= cores, "{auto}");
    // Sixteen workers would take a third of a second. Their number falls to one while half of the
    // tree is left, which takes one worker seconds.
    let (report, fixed) = scan(400, 5, &["--threads", "16", "--max-latency", "1"]);
    assert!(counted(&fixed.peak_in_flight) > 8, "{fixed}");
    assert!(seconds(&report) > 1.5, "{} s", seconds(&report));
    let (_, allowed) = scan(8_000, 5, &["--max-threads", "32", "--max-latency", "2000"]);
    assert_eq!(counted(&allowed.peak_in_flight), 32, "{allowed}");
}

/// A thread as the kernel sees it.
struct Task {
    name: String,
    /// Number of its scheduling policy.
    policy: String,
    /// Its I/O class, as printed by util-linux's `ionice`.
    io: String,
}

/// Lists the threads of a process, without those that end meanwhile.
fn tasks(process: u32) -> Vec<Task> {
    let task = |path: std::path::PathBuf| {
        let stat = std::fs::read_to_string(path.join("stat")).ok()?;
        // Field 41; the name in parentheses may contain anything.
        let policy = stat.rsplit_once(") ")?.1.split(' ').nth(41 - 3)?.to_owned();
        let name = std::fs::read_to_string(path.join("comm")).ok()?;
        let io = Command::new("ionice").arg("-p").arg(path.file_name()?).output().unwrap();
        let io = io.status.success().then(|| String::from_utf8_lossy(&io.stdout).into_owned())?;
        Some(Task { name, policy, io })
    };
    let tasks = std::fs::read_dir(format!("/proc/{process}/task")).unwrap();
    tasks.filter_map(|entry| task(entry.unwrap().path())).collect()
}

#[test]
fn nice_puts_every_thread_into_the_idle_classes() {
    let root = scratch();
    for name in 0..30 {
        file(root.path(), format!("200005/{name}/x"), 1);
    }
    let mut scan = efs_scan();
    scan.arg(root.path()).args(["-q", "--nice", "--threads", "4", "--max-ops", "20"]);
    let child = scan.stdout(std::process::Stdio::null()).spawn().unwrap();
    // Threads in idle classes wait for all others, so workers may start late.
    let deadline = Instant::now() + Duration::from_secs(60);
    let tasks = loop {
        let walks = |task: &&Task| task.name == "walk\n";
        if tasks(child.id()).iter().filter(walks).count() >= 2 {
            // Read again, because one of these may have been seen before it had its class.
            break tasks(child.id());
        }
        assert!(Instant::now() < deadline, "no workers");
        std::thread::sleep(Duration::from_millis(20));
    };
    // The first thread, which has the program's name, only waits for signals and for the others.
    let (first, others): (Vec<_>, Vec<_>) =
        tasks.into_iter().partition(|task| task.name == "efs-scan\n");
    assert_eq!((first.len(), others.len() >= 3), (1, true));
    for task in others {
        assert_eq!(task.policy, "5", "{}: SCHED_IDLE", task.name);
        assert_eq!(task.io, "idle\n", "{}", task.name);
    }
    let output = finish(child, Duration::from_secs(60));
    assert_eq!(output.status.code(), Some(0));
}

#[test]
fn a_scan_continues_with_fewer_threads_if_they_run_out() {
    if !skip_unless(is_root(), "too few threads", "not root") {
        return;
    }
    let root = scratch();
    for name in 0..300 {
        file(root.path(), format!("200005/{name}/x"), 1);
    }
    Command::new("chmod").args(["-R", "a+rX"]).arg(root.path()).status().unwrap();
    let program = env!("CARGO_BIN_EXE_efs-scan");
    let root = root.path().display();
    let script = format!("ulimit -u 6; exec {program} {root} --threads 64 --format json");
    let mut limited = Command::new("bash");
    // A separate uid, whose processes are counted.
    limited.args(["-c", &script]).uid(54_321).env("EFS_SCAN_CONFIG", "/dev/null");
    let output = watched(&mut limited, Duration::from_secs(60));
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(0), "{said}");
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(report["totals"]["dirs"], 302, "{said}");
    assert!(said.contains("no more threads can be started"), "{said}");
}
