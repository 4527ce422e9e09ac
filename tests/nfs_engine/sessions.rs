//! What happens to sessions while a walk goes on, and what is left of them.

use std::sync::Arc;
use std::time::Duration;

use efs_scan_testbed::nfs_server::{Binding, Config, Fault, Op, Server, Slots, Status, What};

use super::walk::{assert_left, assert_whole, engine, plain, serve, walk};

/// A walk that takes some 100 ms, while `meanwhile` is done to its server.
#[track_caller]
fn during(config: Config, meanwhile: impl Fn(&Server)) -> Server {
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
        // Further and further apart: a busy machine takes its time to get anywhere between two.
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
fn restarts_in_mid_walk_lose_and_double_nothing() {
    let server = during(few(), |server| server.restart(Duration::from_millis(5)));
    assert!(server.counts().sessions > 1, "{}", server.counts());
    assert_left(&server);
}

#[test]
fn clients_that_expire_come_back() {
    let server = during(few(), Server::expire);
    assert!(server.counts().sessions > 1, "{}", server.counts());
    assert_left(&server);
}

#[test]
fn sessions_of_connections_that_broke_are_given_back() {
    let server = during(few(), Server::drop_connections);
    assert!(server.counts().connections > 1, "{}", server.counts());
    assert_left(&server);
}

#[test]
fn a_session_that_nobody_was_told_of_is_given_back() {
    // The walk is over when the connections break that wait for the second session.
    let model = plain();
    let server = Arc::new(serve(few(), &model));
    let dropping = Arc::downgrade(&server);
    let drop = What::call(move || {
        std::thread::sleep(Duration::from_millis(300));
        dropping.upgrade().unwrap().drop_connections();
    });
    server.fault(Fault::operation(Op::CREATE_SESSION, drop).after(1));
    // Who is too busy to tell has not said that there is none.
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
fn a_connection_that_does_not_answer_keeps_no_other_from_its_leave() {
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
fn a_server_that_has_no_session_more_is_not_asked_for_one_at_the_leave() {
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
fn a_server_that_hangs_up_at_the_leave_is_not_asked_as_often_as_can_be() {
    let model = plain();
    let server = serve(Config::default(), &model);
    server.fault(Fault::operation(Op::DESTROY_SESSION, What::DropBefore).always());
    assert_whole(&server, &model, &walk(&engine(&server)).unwrap());
    let counts = server.counts();
    assert!((2..60).contains(&counts.connections), "{counts}");
}

#[test]
fn slots_that_the_server_wants_back_are_not_used() {
    let config = Config { slots: Slots::AtMost(64), ..Config::default() };
    let server = during(config, |server| server.set_target_highest_slot(0));
    let counts = server.counts();
    // What was sent before the news came.
    assert!(counts.above_target <= 64, "{} above the target, {counts}", counts.above_target);
    assert_left(&server);
}

#[test]
fn a_lease_is_renewed_by_a_session_with_nothing_to_do() {
    // Everybody waits for one answer, for longer than the lease; the second session is idle.
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
fn more_connections_come_where_slots_do_not_suffice_and_all_are_given_back() {
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
fn a_later_session_that_grants_too_little_is_done_without() {
    let server = during(Config { later_operations: Some(3), ..few() }, |_| ());
    assert!(server.counts().sessions > 1, "{}", server.counts());
    assert_left(&server);
}

#[test]
fn a_session_that_is_gone_when_it_is_to_be_bound_costs_no_client_id() {
    let model = plain();
    let server = serve(Config { binding: Binding::Explicit, ..Config::default() }, &model);
    let unbound = Status::CONN_NOT_BOUND_TO_SESSION;
    server.fault(Fault::status(Op::SEQUENCE, unbound).after(6));
    server.fault(Fault::status(Op::BIND_CONN_TO_SESSION, Status::BADSESSION));
    let outcome = walk(&engine(&server)).unwrap();
    assert_whole(&server, &model, &outcome);
    assert_eq!(server.faults_fired(), 2);
    assert_eq!(server.counts().of(Op::EXCHANGE_ID), 1, "{}", server.counts());
    assert_left(&server);
}

#[test]
fn that_nothing_is_reclaimed_is_said_until_the_server_takes_it() {
    for status in [Status::DELAY, Status::GRACE] {
        let model = plain();
        let server = serve(Config::default(), &model);
        server.fault(Fault::status(Op::RECLAIM_COMPLETE, status).times(2));
        // Time enough for two pauses.
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
fn a_leave_that_the_server_puts_off_is_taken_later() {
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
fn who_is_asked_is_who_was_named() {
    let model = plain();
    let server = serve(Config::default(), &model);
    let mut engine = engine(&server);
    engine.uid = 4711;
    let outcome = walk(&engine).unwrap();
    assert_whole(&server, &model, &outcome);
    assert_eq!(server.uids(), [4711].into());
    let model = Arc::clone(&model);
    // Not their own and not root: what is closed is said.
    model.update("200001/wide", |node| node.mode = 0o700);
    let outcome = walk(&engine).unwrap();
    assert_eq!((outcome.count, outcome.errors[0].1), (1, "open"), "{outcome:?}");
}
