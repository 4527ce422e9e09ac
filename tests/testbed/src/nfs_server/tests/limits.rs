//! Size limits of READDIR and of the session, and record fragmentation.

use std::io::Write as _;
use std::time::{Duration, Instant};

use super::super::raw::{Raw, compound, framed, ops};
use super::super::{Config, Op, Status, TooLarge};
use super::{ATTRS, call, client, computed, entries, list_root, status_of};

#[test]
fn maxcount_is_exact() {
    let server = computed(Config::default());
    let (mut raw, mut session) = client(&server);
    let mut list = |maxcount| {
        let mut answers = call(&mut raw, &mut session, 0, &list_root(maxcount));
        let status = status_of(&mut answers, Op::READDIR);
        (status, (status == Status::OK).then(|| entries(&mut answers)))
    };
    let (_, whole) = list(100_000);
    let (_, all, eof, size) = whole.expect("a listing");
    assert_eq!((all.len(), eof), (5, true));
    let size = u32::try_from(size).expect("a small one");
    let (_, exact) = list(size);
    assert_eq!(exact.expect("a listing").1, all);
    let (_, less) = list(size - 1);
    let (_, part, eof, _) = less.expect("a listing");
    assert_eq!((part.len(), eof), (4, false));
    let one = (size - 16) / 5 + 16;
    assert_eq!(list(one).1.expect("a listing").1.len(), 1);
    assert_eq!(list(one - 1).0, Status::TOOSMALL);
    assert_eq!(list(0).0, Status::TOOSMALL);
}

#[test]
fn dircount_limits_all_names_but_the_first() {
    let server = computed(Config::default());
    let (mut raw, mut session) = client(&server);
    // Six digits with length and padding, and a cookie.
    for (dircount, count) in [(0, 5), (1, 1), (20, 1), (39, 1), (40, 2), (100, 5)] {
        let readdir = ops::readdir(0, [0; 8], (dircount, 100_000), &ATTRS);
        let mut answers = call(&mut raw, &mut session, 0, &[ops::putrootfh(), readdir]);
        assert_eq!(status_of(&mut answers, Op::READDIR), Status::OK);
        assert_eq!(entries(&mut answers).1.len(), count, "dircount {dircount}");
    }
}

#[test]
fn a_reply_is_at_most_as_large_as_granted() {
    // The head of a reply and SEQUENCE take 80 bytes; PUTROOTFH 8 and READDIR's own head 8.
    let max_response = 1000;
    let server = computed(Config { max_response, ..Config::default() });
    let (mut raw, mut session) = client(&server);
    assert_eq!(session.granted.0, 1000);
    let twice = [list_root(100_000), list_root(100_000)].concat();
    let mut answers = call(&mut raw, &mut session, 0, &twice);
    assert_eq!((answers.status, answers.count), (Status::REP_TOO_BIG, 5));
    // Earlier results count.
    assert_eq!(status_of(&mut answers, Op::READDIR), Status::OK);
    assert_eq!(entries(&mut answers).1.len(), 5);
    assert_eq!(status_of(&mut answers, Op::READDIR), Status::REP_TOO_BIG);
    assert_eq!(answers.left(), 0);
    // A cached reply has to be smaller still.
    let mut request = vec![session.next(0, true)];
    request.extend(list_root(100_000));
    let answers = raw.call(&request).expect("a reply");
    assert_eq!(answers.status, Status::REP_TOO_BIG_TO_CACHE);

    let server =
        computed(Config { max_response, too_large: TooLarge::Shorten, ..Config::default() });
    let (mut raw, mut session) = client(&server);
    let mut answers = call(&mut raw, &mut session, 0, &twice);
    assert_eq!((answers.status, answers.count), (Status::OK, 5));
    assert_eq!(status_of(&mut answers, Op::READDIR), Status::OK);
    assert_eq!(entries(&mut answers).1.len(), 5);
    assert_eq!(status_of(&mut answers, Op::READDIR), Status::OK);
    let (_, part, eof, _) = entries(&mut answers);
    assert!((1..5).contains(&part.len()) && !eof, "{} entries", part.len());
    assert_eq!(server.violations(), [""; 0]);
}

#[test]
fn more_operations_than_granted_are_refused() {
    let server = computed(Config { max_operations: 3, ..Config::default() });
    let (mut raw, mut session) = client(&server);
    assert_eq!(session.granted.2, 3);
    let roots = [(); 3].map(|()| ops::putrootfh());
    assert_eq!(call(&mut raw, &mut session, 0, &roots[..2]).status, Status::OK);
    let answers = call(&mut raw, &mut session, 0, &roots);
    assert_eq!((answers.status, answers.count), (Status::TOO_MANY_OPS, 1));
    assert_eq!(server.violations().len(), 1);
}

#[test]
fn oversized_and_malformed_requests_are_refused() {
    let server = computed(Config { max_request: 300, ..Config::default() });
    let (mut raw, mut session) = client(&server);
    let roots = vec![ops::putrootfh(); 60];
    assert_eq!(call(&mut raw, &mut session, 0, &roots[..30]).status, Status::OK);
    assert_eq!(call(&mut raw, &mut session, 0, &roots).status, Status::REQ_TOO_BIG);
    session.sequences[0] -= 1;
    // A name longer than the record.
    let mut lookup = ops::lookup(b"name");
    lookup[7] = 200;
    let answers = call(&mut raw, &mut session, 0, &[ops::putrootfh(), lookup]);
    assert_eq!((answers.status, answers.count), (Status::BADXDR, 3));
    assert_eq!(server.violations().len(), 2);
}

#[test]
fn records_are_reassembled_and_fragmented() {
    let server = computed(Config { fragment: Some(7), ..Config::default() });
    let (mut raw, mut session) = client(&server);
    let request = [session.next(0, false), ops::putrootfh(), ops::getfh()];
    let record = compound(99, 0, &request);
    let (first, second) = record.split_at(50);
    let mut bytes = framed(first);
    // Not the last fragment.
    bytes[0] = 0;
    bytes.extend(framed(second));
    for byte in bytes {
        raw.stream.write_all(&[byte]).expect("sent");
    }
    let (xid, answers) = raw.receive().expect("a reply");
    assert_eq!((xid, answers.status, answers.count), (99, Status::OK, 3));
    assert_eq!(server.violations(), [""; 0]);
}

#[test]
fn many_replies_wait_and_none_is_early() {
    let delay = Duration::from_millis(100);
    let server = computed(Config { delay, ..Config::default() });
    let mut raw = Raw::connect(server.address()).expect("a connection");
    let mut session = raw.session(b"many", 64, 0).expect("a session");
    let begin = Instant::now();
    for slot in 0..64 {
        let mut request = vec![session.next(slot, false)];
        request.extend(list_root(4096));
        raw.send(&request).expect("sent");
    }
    for _ in 0..64 {
        assert_eq!(raw.receive().expect("a reply").1.status, Status::OK);
        assert!(begin.elapsed() >= delay);
    }
    let all = begin.elapsed();
    assert!(all < delay * 20, "{all:?} for what should wait together");
    assert_eq!(server.counts().most_in_flight, 64);
    server.set_delay(Duration::ZERO);
    let begin = Instant::now();
    assert_eq!(call(&mut raw, &mut session, 0, &[]).status, Status::OK);
    assert!(begin.elapsed() < delay);
}

#[test]
fn requests_beyond_the_rate_wait() {
    let config = Config { requests_per_second: Some(100), ..Config::default() };
    let server = computed(config);
    let (mut raw, mut session) = client(&server);
    let begin = Instant::now();
    for _ in 0..5 {
        for slot in 0..4 {
            raw.send(&[session.next(slot, false)]).expect("sent");
        }
        for _ in 0..4 {
            raw.receive().expect("a reply");
        }
    }
    // The first of a burst does not wait.
    assert!(begin.elapsed() >= Duration::from_millis(150), "{:?}", begin.elapsed());
}
