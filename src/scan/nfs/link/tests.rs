#![allow(clippy::unwrap_used)] // A test that cannot go on fails.

use std::net::{TcpListener, TcpStream};

use super::*;

fn session() -> Session {
    Session::new(SessionId::default(), 1, &WANTED, 4)
}

fn begin(session: &mut Session, number: u32, now: Instant) -> u32 {
    let credential = Credential::sys(1, b"", 0, 0);
    session.begin(number, Vec::new(), &credential, Vec::new(), now).unwrap().0
}

#[test]
fn an_answer_may_come_twice_and_not_for_ever() {
    let mut session = session();
    assert!(matches!(session.landed(0), Whose::Nobody), "nothing was asked");
    let xid = begin(&mut session, 1, Instant::now());
    assert!(matches!(session.landed(xid), Whose::Flight(flight) if flight.xid == xid));
    assert!(matches!(session.landed(xid), Whose::Twice));
    assert!(matches!(session.landed(xid), Whose::Nobody));
}

#[test]
fn time_in_which_nobody_looked_is_not_the_servers() {
    let mut session = session();
    let (begun, patience) = (Instant::now(), Duration::from_secs(60));
    begin(&mut session, 1, begun);
    let woken = begun + Duration::from_secs(300);
    session.slept(Duration::from_secs(270), woken);
    assert!(!session.may_be_late(woken, patience));
    assert_eq!(session.waited(woken), Duration::from_secs(30));
    // What was sent since is not from the future.
    session.slept(Duration::from_secs(270), woken);
    assert_eq!(session.waited(woken), Duration::ZERO);
    assert!(session.may_be_late(woken + Duration::from_secs(61), patience));
}

#[test]
fn what_was_sent_is_forgotten_while_more_waits() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let stream = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    let (mut peer, _) = listener.accept().unwrap();
    stream.set_nonblocking(true).unwrap();
    let mut link = Link::new(Instant::now());
    link.connect(Transport::Plain(mio::net::TcpStream::from_std(stream)));
    // More than the kernel takes.
    link.send(&vec![0; 64 * READ]);
    let mut read = vec![0; READ];
    for _ in 0..100 {
        link.send(&vec![0; READ]);
        link.writable();
        link.flush().unwrap();
        peer.read_exact(&mut read).unwrap();
        assert!(link.is_full(), "there is always more");
        assert!(link.written <= READ, "{} bytes are kept that were sent", link.written);
    }
}
