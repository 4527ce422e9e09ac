//! Tests sessions and slots.

use std::time::Duration;

use super::super::raw::{Raw, ops};
use super::super::{Binding, Config, Slots, Status, Uncached};
use super::{SECOND, call, client, computed, list_root, try_call};

#[test]
fn a_slots_sequence_ids_are_consecutive() {
    let server = computed(Config::default());
    let (mut raw, mut session) = client(&server);
    for _ in 0..3 {
        assert_eq!(call(&mut raw, &mut session, 0, &list_root(4096)).status, Status::OK);
        assert_eq!(call(&mut raw, &mut session, 3, &list_root(4096)).status, Status::OK);
    }
    assert_eq!(server.violations(), [""; 0]);
    session.sequences[0] += 1;
    assert_eq!(call(&mut raw, &mut session, 0, &[]).status, Status::SEQ_MISORDERED);
    assert_eq!(server.violations().len(), 1);
    // The slot did not advance.
    session.sequences[0] -= 2;
    assert_eq!(call(&mut raw, &mut session, 0, &[]).status, Status::OK);
}

#[test]
fn a_slot_beyond_the_grant_is_refused() {
    let server = computed(Config { slots: Slots::AtMost(2), ..Config::default() });
    let (mut raw, mut session) = client(&server);
    assert_eq!(session.sequences.len(), 2);
    session.sequences.push(0);
    assert_eq!(call(&mut raw, &mut session, 2, &[]).status, Status::BADSLOT);
    assert_eq!(call(&mut raw, &mut session, 1, &[]).status, Status::BAD_HIGH_SLOT);
    assert_eq!(server.violations().len(), 2);
}

#[test]
fn a_retry_gets_the_cached_reply() {
    let server = computed(Config::default());
    let (mut raw, mut session) = client(&server);
    let request = |sequence: Vec<u8>| vec![sequence, ops::putrootfh(), ops::getfh()];
    let first = raw.call(&request(session.next(0, true))).expect("a reply");
    // On another connection, as after a connection loss.
    let mut other = Raw::connect(server.address()).expect("a connection");
    let second = other.call(&request(session.again(0, true))).expect("a reply");
    assert_eq!((first.status, first.count, first.left()), (Status::OK, 3, second.left()));
    assert_eq!(server.counts().retries, 1);
    assert_eq!(server.violations(), [""; 0]);
    let another = other.call(&[session.again(0, true), ops::putrootfh()]).expect("a reply");
    assert_eq!(another.status, Status::SEQ_FALSE_RETRY);
    assert_eq!(server.violations().len(), 1);
}

#[test]
fn a_retry_of_an_uncached_reply_fails() {
    for (uncached, count) in [(Uncached::AtSequence, 1), (Uncached::AfterSequence, 2)] {
        let server = computed(Config { uncached, ..Config::default() });
        let (mut raw, mut session) = client(&server);
        let request = |sequence: Vec<u8>| vec![sequence, ops::putrootfh(), ops::getfh()];
        raw.call(&request(session.next(0, false))).expect("a reply");
        let again = raw.call(&request(session.again(0, false))).expect("a reply");
        assert_eq!((again.status, again.count), (Status::RETRY_UNCACHED_REP, count));
        assert_eq!(server.violations(), [""; 0]);
    }
}

#[test]
fn two_requests_in_one_slot_are_a_violation() {
    let server = computed(Config { delay: Duration::from_millis(100), ..Config::default() });
    let (mut raw, mut session) = client(&server);
    for _ in 0..2 {
        raw.send(&[session.next(0, false), ops::putrootfh()]).expect("sent");
    }
    raw.send(&[session.next(1, false), ops::putrootfh()]).expect("sent");
    let statuses = [(); 3].map(|()| raw.receive().expect("a reply").1.status);
    assert_eq!(statuses, [Status::OK, Status::SEQ_MISORDERED, Status::OK]);
    assert!(server.violations()[0].contains("two requests at once"), "{:?}", server.violations());
    assert_eq!(server.counts().most_in_flight, 3);
    // Repeating the request is no better, unless the connection was lost.
    let request = [session.next(1, false), ops::putrootfh()];
    let before = server.counts().requests;
    raw.send(&request).expect("sent");
    raw.send(&request).expect("sent");
    // Two threads read the two connections: only then is the order certain.
    while server.counts().requests < before + 2 {
        std::thread::yield_now();
    }
    let mut other = Raw::connect(server.address()).expect("a connection");
    assert_eq!(other.call(&request).expect("a reply").status, Status::DELAY);
    assert_eq!(raw.receive().expect("a reply").1.status, Status::OK);
    assert_eq!(raw.receive().expect("a reply").1.status, Status::DELAY);
    assert_eq!(server.violations().len(), 2);
}

#[test]
fn operation_order_is_enforced() {
    let server = computed(Config::default());
    let (mut raw, mut session) = client(&server);
    let mut status = |ops: &[Vec<u8>]| raw.call(ops).expect("a reply").status;
    assert_eq!(status(&[ops::putrootfh()]), Status::OP_NOT_IN_SESSION);
    let exchange = ops::exchange_id(b"x", [0; 8]);
    assert_eq!(status(&[exchange.clone(), exchange]), Status::NOT_ONLY_OP);
    let sequence = [session.next(0, false), session.again(0, false)];
    assert_eq!(status(&sequence), Status::SEQUENCE_POS);
    assert_eq!(status(&[ops::destroy_session(&[7; 16])]), Status::BADSESSION);
    assert_eq!(server.violations().len(), 3);
}

#[test]
fn a_clean_client_leaves_nothing_behind() {
    let server = computed(Config::default());
    let (mut raw, mut session) = client(&server);
    assert_eq!(server.alive(), (1, 1));
    let complete = [ops::reclaim_complete()];
    assert_eq!(call(&mut raw, &mut session, 0, &complete).status, Status::OK);
    assert_eq!(call(&mut raw, &mut session, 0, &complete).status, Status::COMPLETE_ALREADY);
    let mut status = |ops: &[Vec<u8>]| raw.call(ops).expect("a reply").status;
    let destroy = [ops::destroy_clientid(session.client)];
    assert_eq!(status(&destroy), Status::CLIENTID_BUSY);
    assert_eq!(status(&[ops::destroy_session(&session.id)]), Status::OK);
    assert_eq!(status(&destroy), Status::OK);
    assert_eq!(status(&destroy), Status::STALE_CLIENTID);
    assert_eq!(server.alive(), (0, 0));
    assert_eq!(call(&mut raw, &mut session, 0, &[]).status, Status::BADSESSION);
    assert_eq!(server.violations(), [""; 0]);
}

#[test]
fn a_restarted_client_loses_its_sessions() {
    let server = computed(Config::default());
    let (mut raw, mut session) = client(&server);
    let (client, sequence) = raw.exchange(b"client", *b"verifier").expect("a client id");
    assert_eq!((client, sequence), (session.client, 2));
    let (client, sequence) = raw.exchange(b"client", *b"another1").expect("a client id");
    assert_ne!(client, session.client);
    // Until it confirms the new client id.
    assert_eq!(call(&mut raw, &mut session, 0, &[]).status, Status::OK);
    let mut create = |sequence| {
        raw.call(&[ops::create_session(client, sequence, 4, 0)]).expect("a reply").status
    };
    assert_eq!(create(sequence + 1), Status::SEQ_MISORDERED);
    assert_eq!(create(sequence), Status::OK);
    // A retry returns the same session.
    assert_eq!(create(sequence), Status::OK);
    assert_eq!(server.alive(), (1, 1));
    assert_eq!(call(&mut raw, &mut session, 0, &[]).status, Status::BADSESSION);
}

#[test]
fn explicit_binding_is_required_if_configured() {
    let server = computed(Config { binding: Binding::Explicit, ..Config::default() });
    let (mut raw, mut session) = client(&server);
    assert_eq!(call(&mut raw, &mut session, 0, &[]).status, Status::OK);
    let mut other = Raw::connect(server.address()).expect("a connection");
    let unbound = Status::CONN_NOT_BOUND_TO_SESSION;
    assert_eq!(call(&mut other, &mut session, 1, &[]).status, unbound);
    assert_eq!(other.call(&[ops::bind(&session.id)]).expect("a reply").status, Status::OK);
    session.sequences[1] = 0;
    assert_eq!(call(&mut other, &mut session, 1, &[]).status, Status::OK);
}

#[test]
fn slots_are_granted_like_linux() {
    let server = computed(Config { slots: Slots::Knfsd, ..Config::default() });
    let mut raw = Raw::connect(server.address()).expect("a connection");
    for (cached, slots) in [(0, 160), (256, 160), (1024, 64), (4096, 30)] {
        let owner = format!("cached {cached}");
        let session = raw.session(owner.as_bytes(), 4096, cached).expect("a session");
        assert_eq!(session.sequences.len(), slots, "with {cached} cached");
        assert_eq!(session.granted.2, 50);
    }
}

#[test]
fn a_lease_expires() {
    let server = computed(Config { lease: Duration::from_millis(150), ..Config::default() });
    let (mut raw, mut session) = client(&server);
    for _ in 0..4 {
        std::thread::sleep(SECOND / 20);
        assert_eq!(call(&mut raw, &mut session, 0, &[]).status, Status::OK);
    }
    std::thread::sleep(SECOND / 4);
    assert_eq!(call(&mut raw, &mut session, 0, &[]).status, Status::BADSESSION);
    assert_eq!(server.alive(), (0, 0));
}

#[test]
fn the_target_goes_down_and_up_while_requests_run() {
    let server = computed(Config::default());
    let (mut raw, mut session) = client(&server);
    let mut highest = || {
        let request = [session.next(0, false)];
        raw.call(&request).expect("a reply").sequence().expect("SEQUENCE")
    };
    assert_eq!(highest(), (3, 3));
    server.set_target_highest_slot(1);
    assert_eq!(highest(), (3, 1));
    server.set_target_highest_slot(u32::MAX);
    assert_eq!(highest(), (3, 3));
    server.set_target_highest_slot(1);
    assert_eq!(try_call(&mut raw, &mut session, 2, &[]).expect("a reply").status, Status::OK);
    assert_eq!(server.counts().above_target, 1);
}
