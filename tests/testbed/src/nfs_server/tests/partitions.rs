//! Several servers behind one address.

use super::super::{Dealing, Naming};
use super::*;

fn many(partitions: u32, naming: Naming) -> Server {
    computed(Config { partitions, naming, ..Config::default() })
}

fn connect(server: &Server) -> Raw {
    Raw::connect(server.address()).expect("a connection")
}

#[test]
fn connections_are_dealt_out_in_turn() {
    let server = many(2, Naming::Distinct);
    let mut raws = [connect(&server), connect(&server), connect(&server)];
    let mut session = raws[0].session(b"client", 4, 256).expect("a session");
    let used = |raw: &mut Raw, session: &mut Session| {
        let next = session.next(0, false);
        raw.call(&[next]).expect("an answer").status
    };
    assert_eq!(used(&mut raws[0], &mut session), Status::OK);
    assert_eq!(used(&mut raws[1], &mut session), Status::BADSESSION, "another partition");
    assert_eq!(server.alive(), (1, 1));
    raws[1].session(b"client", 4, 256).expect("a session there");
    assert_eq!(server.alive(), (2, 2));
    // The third is with the first again, and its session is still there.
    let mut session = raws[2].session(b"other", 4, 256).expect("a session");
    assert_eq!(used(&mut raws[2], &mut session), Status::OK);
    assert_eq!(server.alive(), (3, 3));
    assert_eq!(server.violations(), [""; 0]);
}

#[test]
fn random_dealing_reaches_every_partition() {
    let dealing = Dealing::Random;
    let config = Config { partitions: 3, dealing, seed: 7, ..Config::default() };
    let server = computed(config);
    let mut raws: Vec<Raw> = (0..12).map(|_| connect(&server)).collect();
    let exchange = |raw: &mut Raw| raw.exchange(b"client", *b"verifier").expect("a client id").0;
    let seen: std::collections::BTreeSet<u64> =
        raws.iter_mut().map(exchange).map(|client| client >> 52).collect();
    assert_eq!(seen.len(), 3, "{seen:?}");
}

#[test]
fn numbers_coincide_on_request() {
    for (naming, same) in [(Naming::SameNumbers, true), (Naming::SameOwner, false)] {
        let server = many(2, naming);
        let mut raws = [connect(&server), connect(&server)];
        let mut exchange = |at: usize| raws[at].exchange(b"client", *b"verifier").expect("an id").0;
        assert_eq!(exchange(0) == exchange(1), same, "{naming:?}");
    }
}

#[test]
fn a_new_verifier_for_an_owner_with_sessions_is_a_violation() {
    let server = many(1, Naming::Distinct);
    let mut raw = connect(&server);
    raw.exchange(b"client", *b"verifier").expect("an id");
    raw.exchange(b"client", *b"replaced").expect("an id");
    assert_eq!(server.violations(), [""; 0], "there was no session yet");
    raw.session(b"client", 4, 256).expect("a session");
    raw.exchange(b"client", *b"replaced").expect("an id");
    let violations = server.violations();
    assert!(violations.iter().any(|what| what.contains("new verifier")), "{violations:?}");
}
