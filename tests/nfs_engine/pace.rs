//! The number of requests in flight, rate limits, and stopping a walk.

use std::process::Stdio;
use std::sync::Arc;
use std::time::{Duration, Instant};

use efs_scan::scan::{Ended, Threads};
use efs_scan::stop::Stop;
use efs_scan::usage::Mounts;
use efs_scan_testbed::computed::Tree;
use efs_scan_testbed::nfs_server::{Computed, Config, Fault, Model, Node, Op, Server, Slots, What};

use super::walk::{assert_left, assert_polite, engine, serve, sums_but, walk, walk_until};
use efs_scan_testbed::{efs_scan, finish, signal};

/// Time in which a walk ends after a stop, on a busy machine as well. Without the stop, each of these
/// walks takes longer.
const SOON: Duration = Duration::from_secs(10);

/// Serves `dirs` directories of 4 files.
fn computed(config: Config, dirs: u64) -> (Server, Arc<Computed>) {
    let tree = Arc::new(Computed::new(Tree::even(dirs, 4, 20, 10)));
    (Server::start(config, Arc::clone(&tree) as _).unwrap(), tree)
}

fn slow(slots: u32) -> Config {
    Config { delay: Duration::from_millis(2), slots: Slots::AtMost(slots), ..Config::default() }
}

#[test]
fn the_requested_number_of_requests_is_in_flight() {
    for (threads, dirs) in [(1, 50), (7, 300), (64, 2000), (200, 6000)] {
        let delay = Duration::from_millis(10);
        let (server, tree) = computed(Config { delay, ..slow(64) }, dirs);
        let mut engine = engine(&server);
        engine.pacing.threads = Threads::Fixed(threads);
        engine.batch = 1;
        let outcome = walk(&engine).unwrap();
        assert_eq!(outcome.sums[1], tree.tree().dirs());
        assert_eq!(server.counts().most_in_flight, threads as u64);
        assert_polite(&server);
        assert_left(&server);
    }
}

#[test]
fn one_request_per_directory_without_batches() {
    let (server, tree) = computed(slow(64), 2000);
    let mut engine = engine(&server);
    engine.batch = 1;
    let outcome = walk(&engine).unwrap();
    let (dirs, space) = (tree.tree().dirs(), tree.space_used());
    assert_eq!((outcome.sums[1], outcome.sums[5]), (dirs, space));
    let counts = server.counts();
    assert_eq!(counts.of(Op::READDIR), dirs, "{counts}");
    // Setup, root, clean-up.
    let own = 4 + 3 * counts.sessions;
    assert!(counts.requests <= dirs + own, "{counts}");
    assert_left(&server);
}

#[test]
fn requests_carry_many_directories_if_many_are_queued() {
    let (server, tree) = computed(slow(4), 20_000);
    let mut engine = engine(&server);
    engine.pacing.threads = Threads::Fixed(4);
    let outcome = walk(&engine).unwrap();
    let dirs = tree.tree().dirs();
    assert_eq!((outcome.sums[1], outcome.sums[5]), (dirs, tree.space_used()));
    let counts = server.counts();
    assert!(counts.requests * 100 <= dirs * 15, "{counts}");
    assert_polite(&server);
}

#[test]
fn a_batch_respects_its_limit() {
    let (server, tree) = computed(slow(2), 1000);
    let mut engine = engine(&server);
    engine.pacing.threads = Threads::Fixed(2);
    engine.batch = 5;
    walk(&engine).unwrap();
    let counts = server.counts();
    assert!(counts.of(Op::READDIR) <= counts.of(Op::SEQUENCE) * 5, "{counts}");
    assert_eq!(counts.of(Op::READDIR), tree.tree().dirs(), "{counts}");
}

#[test]
fn max_ops_is_respected() {
    for (max_ops, batch) in [(1000, 1), (400, 1000)] {
        let dirs = u64::from(max_ops) * 2;
        let (server, tree) = computed(slow(64), dirs);
        let mut engine = engine(&server);
        engine.pacing.max_ops = Some(max_ops);
        engine.batch = batch;
        let before = Instant::now();
        let outcome = walk(&engine).unwrap();
        let took = before.elapsed();
        assert_eq!(outcome.sums[1], tree.tree().dirs());
        let rate = server.counts().of(Op::READDIR) as f64 / took.as_secs_f64();
        // Upper bound only; a busy machine may be slower.
        assert!(rate <= f64::from(max_ops) * 1.05, "{rate} a second, not {max_ops}");
        assert!(rate >= f64::from(max_ops) * 0.5, "{rate} a second, not {max_ops}");
    }
}

#[test]
fn max_ops_counts_executed_directories() {
    let model = Arc::new(Model::new());
    for at in 0..200 {
        model.add(format!("home/{at:03}/f"), Node::file(1));
    }
    let server = serve(Config::default(), &model);
    // Every other directory is removed after it was listed, and ends the request it is in.
    let theirs = Arc::clone(&model);
    let remove = What::call(move || {
        (0..200).filter(|at| at % 2 == 1).for_each(|at| theirs.remove(format!("home/{at:03}")));
    });
    server.fault(Fault::operation(Op::READDIR, remove).named("000"));
    let mut engine = engine(&server);
    engine.pacing.threads = Threads::Fixed(1);
    engine.pacing.max_ops = Some(200);
    let before = Instant::now();
    let outcome = walk(&engine).unwrap();
    assert!(before.elapsed() < Duration::from_secs(2), "{:?}", before.elapsed());
    // They also count as errors of the kind `moved`.
    assert_eq!((outcome.vanished, outcome.count), (100, 100));
    assert_eq!(outcome.sums, sums_but(&model, &[]));
    assert_polite(&server);
}

#[test]
fn a_stop_ends_the_walk_soon_with_partial_results() {
    let (server, tree) = computed(slow(8), 1_000_000);
    let stop = Arc::new(Stop::default());
    let outcome = std::thread::scope(|scope| {
        let walking = scope.spawn(|| walk_until(&engine(&server), &stop, Mounts::Skip).unwrap());
        std::thread::sleep(Duration::from_millis(300));
        stop.set();
        let before = Instant::now();
        let outcome = walking.join().unwrap();
        assert!(before.elapsed() < SOON, "{:?}", before.elapsed());
        outcome
    });
    assert_eq!(outcome.ended, Ended::Interrupted);
    assert!(outcome.sums[0] > 0 && outcome.sums[1] < tree.tree().dirs(), "{outcome:?}");
    assert_polite(&server);
    assert_left(&server);
}

#[test]
fn ctrl_c_ends_the_walk_soon_with_a_report() {
    let (server, _) = computed(slow(8), 1_000_000);
    let mut command = efs_scan();
    let url = format!("nfs://{}/", server.address());
    command.args([&url, "--nfs-uid", "0", "--format", "json"]);
    let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    while server.counts().of(Op::READDIR) < 100 {
        std::thread::sleep(Duration::from_millis(10));
    }
    let before = Instant::now();
    signal(child.id(), "INT");
    let output = finish(child, 2 * SOON);
    assert!(before.elapsed() < SOON, "{:?}", before.elapsed());
    assert_eq!(output.status.code(), Some(130));
    let report: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(report["run"]["coverage"], "interrupted");
    assert_eq!(report["run"]["engine"], "nfs");
    assert!(report["totals"]["files"].as_u64().unwrap() > 0);
    assert_polite(&server);
    assert_left(&server);
}

#[test]
fn a_stop_does_not_wait_for_a_silent_server() {
    let (server, _) = computed(Config::default(), 1000);
    server.fault(Fault::request(What::Silent).after(10).always());
    let stop = Arc::new(Stop::default());
    let mut engine = engine(&server);
    engine.reply_timeout = Duration::from_secs(60);
    std::thread::scope(|scope| {
        let walking = scope.spawn(|| walk_until(&engine, &stop, Mounts::Skip).unwrap());
        std::thread::sleep(Duration::from_millis(200));
        stop.set();
        let before = Instant::now();
        assert_eq!(walking.join().unwrap().ended, Ended::Interrupted);
        assert!(before.elapsed() < SOON, "{:?}", before.elapsed());
    });
}
