#![allow(clippy::unwrap_used)] // A test that cannot go on fails.

use super::*;

fn session() -> NfsSession {
    NfsSession::new(SessionId::default(), &REQUESTED_CHANNEL, 4)
}

fn begin(session: &mut NfsSession, number: u32, now: Instant) -> u32 {
    let credential = Credential::sys(1, b"", 0, 0);
    session.begin_request(number, Vec::new(), &credential, Vec::new(), now).unwrap().0
}

#[test]
fn one_duplicate_reply_is_tolerated() {
    let mut session = session();
    assert!(matches!(session.match_reply(0), ReplyMatch::Unknown), "no request was sent");
    let xid = begin(&mut session, 1, Instant::now());
    assert!(matches!(session.match_reply(xid), ReplyMatch::Pending(flight) if flight.xid == xid));
    assert!(matches!(session.match_reply(xid), ReplyMatch::Duplicate));
    assert!(matches!(session.match_reply(xid), ReplyMatch::Unknown));
}

#[test]
fn a_stall_does_not_make_requests_overdue() {
    let mut session = session();
    let (begun, reply_timeout) = (Instant::now(), Duration::from_secs(60));
    begin(&mut session, 1, begun);
    let woken = begun + Duration::from_secs(300);
    session.exclude_stall(Duration::from_secs(270), woken);
    assert!(!session.may_be_overdue(woken, reply_timeout));
    assert_eq!(session.oldest_wait(woken), Duration::from_secs(30));
    // A request sent since does not move into the future.
    session.exclude_stall(Duration::from_secs(270), woken);
    assert_eq!(session.oldest_wait(woken), Duration::ZERO);
    assert!(session.may_be_overdue(woken + Duration::from_secs(61), reply_timeout));
}
