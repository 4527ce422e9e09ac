#![allow(clippy::unwrap_used)] // A test that cannot go on fails.

use super::*;
use crate::scan::{Pacing, Threads};
use crate::usage::{Ages, Exclude, Ledger, Mounts, Scope, WalkTask, rule_file};

/// A client that has sent nothing yet.
fn client() -> Client {
    let rules = rule_file::load(&[], ("", ""), &[]).unwrap();
    let exclude = Exclude::default();
    let scope = Scope { home_depth: 1, homes: None, mounts: Mounts::Skip, exclude };
    let ledger =
        Arc::new(Ledger::new(WalkTask { rules, scope, ages: Ages::at(0), top: 10, export: None }));
    let pacing =
        Pacing { threads: Threads::Auto, max_threads: None, max_ops: None, max_latency: None };
    let options = Options {
        credential: Credential::sys(1, b"", 0, 0),
        secure: None,
        patience: Duration::from_secs(60),
        away: Duration::from_secs(300),
    };
    let target = "nfs://127.0.0.1:1/".parse().unwrap();
    let window = Window::new(&pacing, &Arc::new(Stop::default()));
    Client::new(&target, options, Walk::new(ledger, Vec::new(), 1, 1), window, 1).unwrap()
}

#[test]
fn who_slept_does_not_say_that_the_server_was_away() {
    let mut client = client();
    client.identity.met();
    let mut now = Instant::now();
    client.maintain(now).unwrap();
    now += Duration::from_secs(1000);
    client.maintain(now).unwrap();
    assert!(!client.walk.is_done(), "a process that was stopped goes on");
    assert!(client.lost.is_none(), "a handshake is not late for it");
    // Time that is spent on looking counts.
    for _ in 0..299 * 2 {
        now += Duration::from_millis(500);
        client.maintain(now).unwrap();
    }
    assert!(!client.walk.is_done());
    for _ in 0..4 {
        now += Duration::from_millis(500);
        client.maintain(now).unwrap();
    }
    assert!(client.walk.is_done(), "{:?}", client.heard);
}

#[test]
fn connections_stay_with_the_address_that_answered() {
    let mut client = client();
    let addresses = ["127.0.0.1:1", "127.0.0.2:1", "127.0.0.3:1"].map(|it| it.parse().unwrap());
    client.addresses = addresses.to_vec();
    assert_eq!(client.address(), addresses[0]);
    client.lose(0, "refused");
    assert_eq!(client.address(), addresses[1], "the next one may be there");
    client.identity.met();
    client.links.push(Link::new(Instant::now()));
    for at in [1, 0, 1, 1] {
        client.lose(at, "it does not answer");
        assert_eq!(client.address(), addresses[1], "another one may be another server");
    }
}
