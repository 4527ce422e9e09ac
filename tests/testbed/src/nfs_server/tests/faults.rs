//! Faults occur when requested and have the described effect.

use std::io::Read as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};
use std::time::{Duration, Instant};

use super::super::raw::{Answers, Raw, Session, ops};
use super::super::{Config, Fault, Model, Node, Op, Refusal, Server, Status, What};
use super::{SECOND, call, client, computed, list_root, serve, try_call};

fn hit(what: What) -> (Server, Raw, Session) {
    let server = computed(Config::default());
    let (raw, session) = client(&server);
    server.fault(Fault::request(what));
    (server, raw, session)
}

fn list(raw: &mut Raw, session: &mut Session) -> std::io::Result<Answers> {
    try_call(raw, session, 0, &list_root(4096))
}

#[test]
fn only_the_nth_operation_of_a_kind_fails() {
    let server = computed(Config::default());
    let (mut raw, mut session) = client(&server);
    server.fault(Fault::status(Op::READDIR, Status::DELAY).after(2).times(2));
    let statuses = [(); 6].map(|()| list(&mut raw, &mut session).expect("a reply").status);
    let (ok, delay) = (Status::OK, Status::DELAY);
    assert_eq!(statuses, [ok, ok, delay, delay, ok, ok]);
    assert_eq!(server.faults_fired(), 2);
    server.clear_faults();
    assert_eq!((server.faults_fired(), server.counts().of(Op::READDIR)), (2, 6));
}

#[test]
fn a_name_is_hit_in_every_operation() {
    let model = Arc::new(Model::new());
    model.add("a/x", Node::dir());
    model.add("a/y", Node::dir());
    let server = serve(Config::default(), Arc::clone(&model) as _);
    let (mut raw, mut session) = client(&server);
    server.fault(Fault::status(Op::READDIR, Status::STALE).named("x").always());
    server.fault(Fault::status(Op::LOOKUP, Status::IO).named("z"));
    let readdir = || ops::readdir(0, [0; 8], (0, 4096), &super::ATTRS);
    let mut from = |start, names: &[&str]| {
        let mut request = vec![start];
        request.extend(names.iter().map(|name| ops::lookup(name.as_bytes())));
        request.push(readdir());
        call(&mut raw, &mut session, 0, &request).status
    };
    let below =
        |from: &mut dyn FnMut(_, &[&str]) -> _, names: &[&str]| from(ops::putrootfh(), names);
    assert_eq!(
        (below(&mut from, &["a", "x"]), below(&mut from, &["a", "y"])),
        (Status::STALE, Status::OK)
    );
    assert_eq!((below(&mut from, &["z"]), below(&mut from, &["z"])), (Status::IO, Status::NOENT));
    assert_eq!(below(&mut from, &[]), Status::OK);
    // By its handle.
    let handle = model.walk().iter().find(|found| found.path == b"a/x").expect("x").fileid;
    let putfh = ops::putfh(super::super::Handle::new(handle));
    assert_eq!(from(putfh, &[]), Status::STALE);
    // Removed between the decision to visit it and the visit.
    let theirs = Arc::clone(&model);
    let remove = What::call(move || theirs.remove("a/y"));
    server.fault(Fault::operation(Op::READDIR, remove).named("y"));
    assert_eq!(below(&mut from, &["a", "y"]), Status::NOENT);
}

#[test]
fn a_failed_sequence_does_not_advance_the_slot() {
    let server = computed(Config::default());
    let (mut raw, mut session) = client(&server);
    server.fault(Fault::status(Op::SEQUENCE, Status::DELAY));
    assert_eq!(list(&mut raw, &mut session).expect("a reply").status, Status::DELAY);
    session.sequences[0] -= 1;
    assert_eq!(list(&mut raw, &mut session).expect("a reply").status, Status::OK);
    // An error of a later operation does.
    server.fault(Fault::status(Op::READDIR, Status::SERVERFAULT));
    assert_eq!(list(&mut raw, &mut session).expect("a reply").status, Status::SERVERFAULT);
    assert_eq!(list(&mut raw, &mut session).expect("a reply").status, Status::OK);
    assert_eq!(server.violations(), [""; 0]);
}

#[test]
fn a_lost_session_stays_lost() {
    for (status, alive) in
        [(Status::BADSESSION, (0, 1)), (Status::DEADSESSION, (0, 1)), (Status::EXPIRED, (0, 0))]
    {
        let server = computed(Config::default());
        let (mut raw, mut session) = client(&server);
        server.fault(Fault::status(Op::SEQUENCE, status));
        assert_eq!(list(&mut raw, &mut session).expect("a reply").status, status);
        assert_eq!(server.alive(), alive);
        assert_eq!(list(&mut raw, &mut session).expect("a reply").status, Status::BADSESSION);
    }
    let server = computed(Config::default());
    let (mut raw, _) = client(&server);
    let (client, sequence) = raw.exchange(b"other", [0; 8]).expect("a client id");
    server.fault(Fault::status(Op::CREATE_SESSION, Status::STALE_CLIENTID));
    let create = [ops::create_session(client, sequence, 1, 0)];
    for _ in 0..2 {
        assert_eq!(raw.call(&create).expect("a reply").status, Status::STALE_CLIENTID);
    }
}

#[test]
fn connections_drop_before_inside_and_after_a_reply() {
    for (what, performed) in [(What::DropBefore, 0), (What::DropInside, 1), (What::DropAfter, 1)] {
        let (server, mut raw, mut session) = hit(what.clone());
        assert!(list(&mut raw, &mut session).is_err(), "{what:?}");
        assert_eq!(server.counts().of(Op::READDIR), performed, "{what:?}");
        // The session exists and shows if the request was executed.
        let mut raw = Raw::connect(server.address()).expect("a connection");
        session.sequences[0] -= 1;
        let status = list(&mut raw, &mut session).expect("a reply").status;
        let expected = [Status::OK, Status::RETRY_UNCACHED_REP][performed as usize];
        assert_eq!(status, expected, "{what:?}");
        assert_eq!(server.violations(), [""; 0]);
    }
}

#[test]
fn half_a_reply_arrives_before_the_end() {
    let (_server, mut raw, mut session) = hit(What::DropInside);
    let mut request = vec![session.next(0, false)];
    request.extend(list_root(4096));
    raw.send(&request).expect("sent");
    let mut bytes = Vec::new();
    // A reset is fine, too.
    let _ = raw.stream.read_to_end(&mut bytes);
    let mark = u32::from_be_bytes(bytes[..4].try_into().expect("a mark")) & 0x7fff_ffff;
    assert_eq!(bytes.len() / 4 * 4, (mark as usize + 4) / 8 * 4);
}

#[test]
fn a_silent_connection_reads_and_never_replies() {
    let (server, mut raw, mut session) = hit(What::Silent);
    raw.stream.set_read_timeout(Some(SECOND / 5)).expect("a timeout");
    for _ in 0..2 {
        let error = list(&mut raw, &mut session).expect_err("nothing");
        assert!(matches!(error.kind(), std::io::ErrorKind::WouldBlock), "{error}");
    }
    // Other connections work, even in the same session: the request was not executed.
    session.sequences[0] -= 2;
    let mut other = Raw::connect(server.address()).expect("a connection");
    assert_eq!(list(&mut other, &mut session).expect("a reply").status, Status::OK);
    server.fault(Fault::connection(What::Silent));
    let mut silent = Raw::connect(server.address()).expect("a connection");
    silent.stream.set_read_timeout(Some(SECOND / 5)).expect("a timeout");
    assert!(list(&mut silent, &mut session).is_err());
    server.fault(Fault::connection(What::DropBefore));
    let mut closed = Raw::connect(server.address()).expect("a connection");
    assert!(list(&mut closed, &mut session).is_err());
    assert_eq!(server.violations(), [""; 0]);
}

#[test]
fn replies_are_corrupted_as_requested() {
    let (_server, mut raw, mut session) = hit(What::WrongXid);
    let request = [session.next(0, false)];
    let sent = raw.send(&request).expect("sent");
    assert_ne!(raw.receive().expect("a reply").0, sent);

    let (_server, mut raw, mut session) = hit(What::Twice);
    let sent = raw.send(&[session.next(0, false)]).expect("sent");
    assert_eq!(raw.receive().expect("a reply").0, sent);
    assert_eq!(raw.receive().expect("a reply").0, sent);

    let (_server, mut raw, mut session) = hit(What::Truncated);
    let sent = raw.send(&[session.next(0, false)]).expect("sent");
    let record = raw.record().expect("a record");
    assert_eq!(record[..4], sent.to_be_bytes());
    let whole = list(&mut raw, &mut session).expect("the connection lives");
    assert_eq!(whole.status, Status::OK);

    let (_server, mut raw, mut session) = hit(What::Garbage);
    let sent = raw.send(&[session.next(0, false)]).expect("sent");
    let record = raw.record().expect("a record");
    assert_eq!(record[..4], sent.to_be_bytes());
    assert_ne!(record[4..8], 1_u32.to_be_bytes());
    assert_eq!(list(&mut raw, &mut session).expect("it lives").status, Status::OK);

    let (_server, mut raw, mut session) = hit(What::Noise);
    raw.send(&[session.next(0, false)]).expect("sent");
    let mut bytes = [0; 16];
    raw.stream.read_exact(&mut bytes).expect("bytes");
    assert_ne!(bytes[4..8], raw.xid.to_be_bytes());
}

#[test]
fn slow_and_late_replies_take_their_time() {
    for what in [What::Slow(SECOND / 5), What::Late(SECOND / 5)] {
        let (_server, mut raw, mut session) = hit(what);
        let begin = Instant::now();
        assert_eq!(list(&mut raw, &mut session).expect("a reply").status, Status::OK);
        assert!(begin.elapsed() >= SECOND / 6);
        let begin = Instant::now();
        assert_eq!(list(&mut raw, &mut session).expect("a reply").status, Status::OK);
        assert!(begin.elapsed() < SECOND / 6);
    }
}

#[test]
fn a_restart_forgets_everything_and_has_a_grace_period() {
    let (server, mut raw, mut session) = hit(What::Restart(SECOND / 3));
    assert!(list(&mut raw, &mut session).is_err());
    let mut raw = Raw::connect(server.address()).expect("a connection");
    assert_eq!(list(&mut raw, &mut session).expect("a reply").status, Status::BADSESSION);
    let mut session = raw.session(b"client", 4, 0).expect("a session");
    assert_eq!(list(&mut raw, &mut session).expect("a reply").status, Status::GRACE);
    std::thread::sleep(SECOND / 2);
    assert_eq!(list(&mut raw, &mut session).expect("a reply").status, Status::OK);
    assert_eq!(server.counts().sessions, 2);
    assert_eq!(server.violations(), [""; 0]);
}

#[test]
fn rpc_refuses_as_requested() {
    for (refusal, words) in [
        (Refusal::TooWeak, vec![1_u32, 1, 1, 5]),
        (Refusal::BadCredential, vec![1, 1, 1, 1]),
        (Refusal::RpcMismatch, vec![1, 1, 0, 2, 2]),
        (Refusal::ProgramMismatch, vec![1, 0, 0, 0, 2, 3, 3]),
        (Refusal::SystemError, vec![1, 0, 0, 0, 5]),
    ] {
        let (_server, mut raw, mut session) = hit(What::Refuse(refusal));
        raw.send(&[session.next(0, false)]).expect("sent");
        let record = raw.record().expect("a record");
        let expected: Vec<u8> = words.iter().flat_map(|word| word.to_be_bytes()).collect();
        assert_eq!(record[4..], expected, "{refusal:?}");
    }
}

#[test]
fn random_faults_are_reproducible() {
    let run = |seed| {
        let server = computed(Config { seed, ..Config::default() });
        let (mut raw, mut session) = client(&server);
        server.fault(Fault::status(Op::READDIR, Status::IO).per_mille(300));
        let statuses: Vec<_> =
            (0..50).map(|_| list(&mut raw, &mut session).expect("a reply").status).collect();
        assert!(server.faults_fired() > 3 && server.faults_fired() < 30);
        statuses
    };
    assert_eq!(run(7), run(7));
    assert_ne!(run(7), run(8));
}

#[test]
fn a_storm_ends() {
    let server = computed(Config::default());
    server.faults(Fault::storm(20));
    let fine = AtomicU32::new(0);
    let deadline = Instant::now() + SECOND * 20;
    while fine.load(Relaxed) < 20 {
        assert!(Instant::now() < deadline, "{} went through", fine.load(Relaxed));
        let mut raw = Raw::connect(server.address()).expect("a connection");
        raw.stream.set_read_timeout(Some(Duration::from_millis(300))).expect("a timeout");
        let Ok(mut session) = raw.session(b"client", 4, 0) else { continue };
        while let Ok(answers) = list(&mut raw, &mut session)
            && answers.status == Status::OK
        {
            fine.fetch_add(1, Relaxed);
        }
    }
    assert!(server.faults_fired() > 20);
}
