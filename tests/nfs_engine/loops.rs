//! Several event loops: together they find everything once, and no loop waits for one that has
//! ended.

use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use efs_scan::scan::{Ended, Loops, Nfs, Threads};
use efs_scan::stop::Stop;
use efs_scan::usage::Mounts;
use efs_scan_testbed::computed::Tree;
use efs_scan_testbed::nfs_server::{
    Computed, Config, Dealing, Fault, Model, Naming, Node, Op, Server, Slots, Status, What,
};

use super::walk::{
    assert_left, assert_polite, assert_whole, engine, plain, serve, walk, walk_until,
};

const LOOPS: [usize; 4] = [1, 2, 4, 8];

/// Makes an engine with this many loops from the first directories on.
fn with_loops(server: &Server, loops: usize) -> Nfs {
    let mut engine = engine(server);
    engine.loops = Loops::Fixed(loops);
    engine.pacing.threads = Threads::Fixed(256);
    engine.batch = 1;
    engine.reply_timeout = Duration::from_secs(20);
    engine
}

#[test]
fn any_number_of_loops_finds_everything_once() {
    for (partitions, dealing) in [(1, Dealing::InTurn), (4, Dealing::Random)] {
        let tree = Arc::new(Computed::new(Tree::even(20_000, 4, 20, 10)));
        for loops in LOOPS {
            let config =
                Config { partitions, dealing, slots: Slots::AtMost(16), ..Config::default() };
            let server = Server::start(config, Arc::clone(&tree) as _).unwrap();
            let outcome = walk(&with_loops(&server, loops)).unwrap();
            let found = (outcome.sums[1], outcome.sums[5]);
            assert_eq!(found, (tree.tree().dirs(), tree.space_used()), "{loops} loops");
            assert_eq!(outcome.errors, []);
            assert_polite(&server);
            assert_left(&server);
            let counts = server.counts();
            assert_eq!(counts.of(Op::READDIR), tree.tree().dirs(), "{loops} loops: {counts}");
            assert!(counts.connections >= loops as u64, "{loops} loops: {counts}");
        }
    }
}

/// File systems mounted in the tree, and hard links: both need the same device numbers in all
/// loops.
#[test]
fn an_inode_has_the_same_numbers_in_all_loops() {
    let model = Arc::new(Model::new());
    for home in 200_001..200_009_u32 {
        for number in 0..200 {
            model.add(format!("{home}/{number}/file"), Node::file(10_000));
        }
    }
    for home in 200_001..200_009_u32 {
        for number in 0..200 {
            // The file's other link is in the next home.
            let link = format!("{}/{number}/link", 200_001 + (home - 200_000) % 8);
            model.link(format!("{home}/{number}/file"), link);
        }
    }
    for loops in LOOPS {
        let server = serve(Config::default(), &model);
        let outcome = walk(&with_loops(&server, loops)).unwrap();
        assert_whole(&server, &model, &outcome);
        assert_left(&server);
    }
}

#[test]
fn refused_loops_leave_their_work_to_the_others() {
    let model = plain();
    for status in [Status::ACCESS, Status::DELAY] {
        let server = serve(Config::default(), &model);
        server.fault(Fault::status(Op::EXCHANGE_ID, status).after(1).times(u64::MAX));
        let outcome = walk(&with_loops(&server, 4)).unwrap();
        assert_whole(&server, &model, &outcome);
    }
}

#[test]
fn every_loop_heeds_a_stop() {
    let tree = Arc::new(Computed::new(Tree::even(1_000_000, 4, 20, 10)));
    let config = Config { delay: Duration::from_millis(5), ..Config::default() };
    let server = Server::start(config, tree as _).unwrap();
    let stop = Arc::new(Stop::default());
    let asked = Arc::new(OnceLock::new());
    let (stopper, at) = (Arc::clone(&stop), Arc::clone(&asked));
    let set = move || {
        stopper.set();
        let _ = at.set(Instant::now());
    };
    server.fault(Fault::operation(Op::READDIR, What::call(set)).after(2_000));
    let outcome = walk_until(&with_loops(&server, 4), &stop, Mounts::Skip).unwrap();
    let since = asked.get().unwrap().elapsed();
    assert_eq!(outcome.ended, Ended::Interrupted);
    assert!(outcome.sums[1] > 100, "{:?}", outcome.sums);
    assert!(since < Duration::from_secs(5), "{since:?}");
    assert_left(&server);
}

/// Directories that a loop drops because of a stop look like directories that were read.
#[test]
fn a_stop_near_the_end_is_not_reported_as_complete() {
    let tree = Arc::new(Computed::new(Tree::even(2_000, 4, 20, 2)));
    let dirs = tree.tree().dirs();
    for round in 0..60 {
        let server = Server::start(Config::default(), Arc::clone(&tree) as _).unwrap();
        let stop = Arc::new(Stop::default());
        let stopper = Arc::clone(&stop);
        let fault = Fault::operation(Op::READDIR, What::call(move || stopper.set()));
        server.fault(fault.after(dirs - 1 - round % 20 * 5));
        let outcome = walk_until(&with_loops(&server, 4), &stop, Mounts::Skip).unwrap();
        assert_eq!(outcome.errors, []);
        match outcome.ended {
            Ended::Complete => assert_eq!(outcome.sums[1], dirs, "round {round}"),
            Ended::Interrupted => assert!(outcome.sums[1] <= dirs, "round {round}"),
        }
    }
}

/// A limit on connections, or a dead partition, may concern some loops only.
#[test]
fn a_loop_that_cannot_connect_again_leaves_what_it_has_begun_to_the_others() {
    let tree = Arc::new(Computed::new(Tree::even(20_000, 4, 20, 10)));
    let server = Server::start(Config::default(), Arc::clone(&tree) as _).unwrap();
    // The loops have their connections by then. Nobody gets another one.
    server.fault(Fault::operation(Op::READDIR, What::DropBefore).after(3_000));
    server.fault(Fault::connection(What::DropBefore).after(4).times(u64::MAX));
    let mut engine = with_loops(&server, 4);
    engine.outage_limit = Duration::from_secs(300);
    let begun = Instant::now();
    let outcome = walk(&engine).unwrap();
    assert!(server.counts().connections > 4, "no loop has tried to connect again");
    assert!(begun.elapsed() < Duration::from_secs(120), "{:?}", begun.elapsed());
    assert_eq!((outcome.ended, outcome.errors), (Ended::Complete, vec![]));
    assert_eq!(outcome.sums[1], tree.tree().dirs());
}

/// Directories in the pool are reported, too.
#[test]
fn directories_that_no_loop_can_read_are_reported() {
    let tree = Arc::new(Computed::new(Tree::even(20_000, 4, 20, 10)));
    let server = Server::start(Config::default(), Arc::clone(&tree) as _).unwrap();
    server.fault(Fault::operation(Op::READDIR, What::DropBefore).after(2_000).times(u64::MAX));
    let mut engine = with_loops(&server, 4);
    engine.reply_timeout = Duration::from_millis(400);
    engine.outage_limit = Duration::from_secs(2);
    let begun = Instant::now();
    let outcome = walk(&engine).unwrap();
    assert!(begun.elapsed() < Duration::from_secs(60), "{:?}", begun.elapsed());
    assert_eq!(outcome.ended, Ended::Complete);
    assert!(outcome.count > 0);
    // Each directory that was found is read or reported: none is lost between the loops.
    let read = server.counts().of(Op::READDIR);
    assert!(outcome.sums[1] < tree.tree().dirs(), "{:?}", outcome.sums);
    assert!(outcome.sums[1] <= read + outcome.count, "{:?}, {read}", outcome.sums);
}

/// The server removes the root during the walk, so the check at the end fails.
#[test]
fn a_root_that_vanishes_is_noticed_by_the_first_loop() {
    let model = plain();
    let server = serve(Config::default(), &model);
    server.fault(Fault::status(Op::PUTFH, Status::STALE).after(6).times(u64::MAX));
    let outcome = walk(&with_loops(&server, 4)).unwrap();
    assert!(outcome.errors.iter().any(|(path, ..)| path.is_empty()), "{:?}", outcome.errors);
}

#[test]
fn every_loop_distinguishes_partitions_with_the_same_numbers() {
    let model = plain();
    for naming in [Naming::Distinct, Naming::SameOwner, Naming::SameNumbers] {
        let slots = Slots::AtMost(4);
        let config = Config { partitions: 3, naming, slots, ..Config::default() };
        let server = serve(config, &model);
        let outcome = walk(&with_loops(&server, 3)).unwrap();
        assert_whole(&server, &model, &outcome);
    }
}
