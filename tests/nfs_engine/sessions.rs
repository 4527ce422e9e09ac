//! Sessions during a walk, and their remains afterwards.

use std::sync::Arc;
use std::time::Duration;

use efs_scan_testbed::nfs_server::{Binding, Config, Fault, Op, Server, Slots, Status, What};

use super::walk::{assert_left, assert_whole, engine, plain, serve, walk};

/// Walks for some 100 ms while `meanwhile` acts on the server.
#[track_caller]
pub(crate) fn during(config: Config, meanwhile: impl Fn(&Server)) -> Server {
    let model = plain();
    let config = Config { delay: Duration::from_millis(4), ..config };
    let server = serve(config, &model);
    let outcome = std::thread::scope(|scope| {
        let walking = scope.spawn(|| {
            let mut engine = engine(&server);
            engine.batch = 1;
            walk(&engine).unwrap()
        });
        std::thread::sleep(Duration::from_millis(12));
        // At growing intervals, because a busy machine makes little progress between two.
        let mut pause = Duration::from_millis(60);
        while !walking.is_finished() {
            meanwhile(&server);
            std::thread::sleep(pause);
            pause += pause / 8;
        }
        walking.join().unwrap()
    });
    assert_whole(&server, &model, &outcome);
    server
}

fn few() -> Config {
    Config { slots: Slots::AtMost(2), ..Config::default() }
}

#[test]
fn server_restarts_lose_and_duplicate_nothing() {
    let server = during(few(), |server| server.restart(Duration::from_millis(5)));
    assert!(server.counts().sessions > 1, "{}", server.counts());
    assert_left(&server);
}

#[test]
fn expired_clients_recover() {
    let server = during(few(), Server::expire);
    assert!(server.counts().sessions > 1, "{}", server.counts());
    assert_left(&server);
}

#[test]
fn sessions_of_lost_connections_are_destroyed() {
    let server = during(few(), Server::drop_connections);
    assert!(server.counts().connections > 1, "{}", server.counts());
    assert_left(&server);
}

#[test]
fn a_session_never_heard_about_is_destroyed() {
    // The connections waiting for the second session break when the walk is over.
    let model = plain();
    let server = Arc::new(serve(few(), &model));
    let dropping = Arc::downgrade(&server);
    let drop = What::call(move || {
        std::thread::sleep(Duration::from_millis(300));
        dropping.upgrade().unwrap().drop_connections();
    });
    server.fault(Fault::operation(Op::CREATE_SESSION, drop).after(1));
    // A server too busy to reply has not said that there is no session.
    server.fault(Fault::status(Op::CREATE_SESSION, Status::DELAY).after(1));
    let mut engine = engine(&server);
    engine.reply_timeout = Duration::from_secs(5);
    engine.batch = 1;
    let outcome = walk(&engine).unwrap();
    assert_whole(&server, &model, &outcome);
    assert_eq!(server.faults_fired(), 2);
    assert_left(&server);
}

#[test]
fn a_silent_connection_does_not_block_the_clean_up_of_others() {
    let server = {
        let model = plain();
        let delay = Duration::from_millis(4);
        let server = serve(Config { delay, ..few() }, &model);
        server.fault(Fault::operation(Op::CREATE_SESSION, What::Silent).after(1));
        let mut engine = engine(&server);
        engine.reply_timeout = Duration::from_secs(5);
        engine.batch = 1;
        assert_whole(&server, &model, &walk(&engine).unwrap());
        server
    };
    assert_eq!(server.faults_fired(), 1);
    assert_left(&server);
}

#[test]
fn the_clean_up_creates_no_session() {
    let model = plain();
    let delay = Duration::from_millis(4);
    let server = serve(Config { delay, ..few() }, &model);
    server.fault(Fault::status(Op::CREATE_SESSION, Status::DELAY).after(1).always());
    let mut engine = engine(&server);
    engine.batch = 1;
    assert_whole(&server, &model, &walk(&engine).unwrap());
    let counts = server.counts();
    assert!(server.faults_fired() > 0 && counts.connections < 60, "{counts}");
    assert_left(&server);
}

#[test]
fn the_clean_up_does_not_hammer_a_server_that_hangs_up() {
    let model = plain();
    let server = serve(Config::default(), &model);
    server.fault(Fault::operation(Op::DESTROY_SESSION, What::DropBefore).always());
    assert_whole(&server, &model, &walk(&engine(&server)).unwrap());
    let counts = server.counts();
    assert!((2..60).contains(&counts.connections), "{counts}");
}

#[test]
fn withdrawn_slots_are_not_used() {
    let config = Config { slots: Slots::AtMost(64), ..Config::default() };
    let server = during(config, |server| server.set_target_highest_slot(0));
    let counts = server.counts();
    // Requests sent before the client knew the target.
    assert!(counts.above_target <= 64, "{} above the target, {counts}", counts.above_target);
    assert_left(&server);
}

#[test]
fn an_idle_session_renews_the_lease() {
    // One reply is delayed beyond the lease; the second session is idle.
    let model = plain();
    let lease = Duration::from_secs(1);
    let server = serve(Config { lease, slots: Slots::AtMost(1), ..Config::default() }, &model);
    let late = What::Late(Duration::from_millis(1800));
    server.fault(Fault::operation(Op::READDIR, late).named("wide"));
    let mut engine = engine(&server);
    engine.reply_timeout = Duration::from_secs(5);
    let outcome = walk(&engine).unwrap();
    assert_whole(&server, &model, &outcome);
    assert_left(&server);
}

#[test]
fn connections_are_added_if_slots_run_out_and_all_are_cleaned_up() {
    let model = plain();
    let delay = Duration::from_millis(5);
    let config = Config { slots: Slots::AtMost(4), delay, ..Config::default() };
    let server = serve(config, &model);
    let mut engine = engine(&server);
    engine.pacing.threads = efs_scan::scan::Threads::Fixed(16);
    engine.batch = 1;
    let outcome = walk(&engine).unwrap();
    assert_whole(&server, &model, &outcome);
    let counts = server.counts();
    assert!(counts.sessions >= 3, "{counts}");
    assert!(counts.most_in_flight <= 16, "{counts}");
    assert_left(&server);
}

#[test]
fn a_later_session_with_insufficient_grants_is_not_used() {
    let server = during(Config { later_operations: Some(3), ..few() }, |_| ());
    assert!(server.counts().sessions > 1, "{}", server.counts());
    assert_left(&server);
}

#[test]
fn a_session_lost_before_binding_keeps_the_client_id() {
    let model = plain();
    let server = serve(Config { binding: Binding::Explicit, ..Config::default() }, &model);
    let unbound = Status::CONN_NOT_BOUND_TO_SESSION;
    server.fault(Fault::status(Op::SEQUENCE, unbound).after(6));
    server.fault(Fault::status(Op::BIND_CONN_TO_SESSION, Status::BADSESSION));
    let outcome = walk(&engine(&server)).unwrap();
    assert_whole(&server, &model, &outcome);
    assert_eq!(server.faults_fired(), 2);
    // Required once per client id.
    assert_eq!(server.counts().of(Op::RECLAIM_COMPLETE), 1, "{}", server.counts());
    assert_left(&server);
}

#[test]
fn reclaim_complete_is_repeated_until_accepted() {
    for status in [Status::DELAY, Status::GRACE] {
        let model = plain();
        let server = serve(Config::default(), &model);
        server.fault(Fault::status(Op::RECLAIM_COMPLETE, status).times(2));
        // Enough time for two pauses.
        let late = What::Late(Duration::from_millis(1200));
        server.fault(Fault::operation(Op::READDIR, late).named("wide"));
        let mut engine = engine(&server);
        engine.reply_timeout = Duration::from_secs(5);
        let outcome = walk(&engine).unwrap();
        assert_whole(&server, &model, &outcome);
        let counts = server.counts();
        assert_eq!((counts.of(Op::RECLAIM_COMPLETE), counts.sessions), (3, 1), "{counts}");
        assert_left(&server);
    }
}

#[test]
fn a_delayed_clean_up_is_repeated() {
    let model = plain();
    let server = serve(Config::default(), &model);
    for op in [Op::DESTROY_SESSION, Op::DESTROY_CLIENTID] {
        server.fault(Fault::status(op, Status::DELAY).times(2));
    }
    let outcome = walk(&engine(&server)).unwrap();
    assert_whole(&server, &model, &outcome);
    assert_left(&server);
}

#[test]
fn requests_carry_the_configured_uid() {
    let model = plain();
    let server = serve(Config::default(), &model);
    let mut engine = engine(&server);
    engine.uid = 4711;
    let outcome = walk(&engine).unwrap();
    assert_whole(&server, &model, &outcome);
    assert_eq!(server.uids(), [4711].into());
    let model = Arc::clone(&model);
    // Readable neither by this uid nor by root: reported as an error.
    model.update("200001/wide", |node| node.mode = 0o700);
    let outcome = walk(&engine).unwrap();
    assert_eq!((outcome.count, outcome.errors[0].1), (1, "open"), "{outcome:?}");
}
