#![allow(clippy::unwrap_used)] // A test that cannot go on fails.

use super::*;
use crate::scan::{Pacing, Threads};
use crate::usage::{
    AboveRoot, Ages, Exclude, Ledger, LedgerSetup, LinkMemory, Mounts, Scope, UidNames, rule_file,
};

/// Makes a client that has not sent anything.
fn client() -> NfsClient {
    let rules = rule_file::load(&[], ("", ""), &[]).unwrap();
    let exclude = Exclude::default();
    let scope = Scope { home_depth: 1, homes: None, mounts: Mounts::Skip, exclude };
    let ledger = Arc::new(Ledger::new(LedgerSetup {
        rules,
        scope,
        above: AboveRoot::NOTHING,
        uids: UidNames::default(),
        ages: Ages::at(0),
        top: 10,
        links: LinkMemory { bound: 64 << 20, directory: Ok(std::env::temp_dir()) },
        export: None,
        dirs: None,
        shard: None,
    }));
    let pacing =
        Pacing { threads: Threads::Auto, max_threads: None, max_ops: None, max_latency: None };
    let options = ClientOptions {
        credential: Credential::sys(1, b"", 0, 0),
        tls: None,
        reply_timeout: Duration::from_secs(60),
        outage_limit: Duration::from_secs(300),
        loops: Loops::Fixed(1),
        seed: 1,
    };
    let target = "nfs://127.0.0.1:1/".parse().unwrap();
    let window = RequestWindow::new(&pacing, &Arc::new(Stop::default()));
    NfsClient::new(&target, options, NfsWalk::new(ledger, Vec::new(), 1, 1), window).unwrap()
}

#[test]
fn time_suspended_does_not_count_as_an_outage() {
    let mut client = client();
    client.identity.note_answer();
    let mut now = Instant::now();
    client.maintain(now).unwrap();
    now += Duration::from_secs(1000);
    client.maintain(now).unwrap();
    assert!(!client.walk.is_done(), "a suspended process continues");
    assert!(client.last_error.is_none(), "nor is a handshake overdue");
    // Time spent in the event loop counts.
    for _ in 0..299 * 2 {
        now += Duration::from_millis(500);
        client.maintain(now).unwrap();
    }
    assert!(!client.walk.is_done());
    for _ in 0..4 {
        now += Duration::from_millis(500);
        client.maintain(now).unwrap();
    }
    assert!(client.walk.is_done(), "{:?}", client.last_reply);
}

#[test]
fn connections_stay_with_the_address_that_replied() {
    let mut client = client();
    let addresses = ["127.0.0.1:1", "127.0.0.2:1", "127.0.0.3:1"].map(|it| it.parse().unwrap());
    client.addresses = addresses.to_vec();
    assert_eq!(client.address(), addresses[0]);
    client.close_connection(0, "refused");
    assert_eq!(client.address(), addresses[1], "the next address may work");
    client.identity.note_answer();
    client.connections.push(Connection::new(Instant::now()));
    for at in [1, 0, 1, 1] {
        client.close_connection(at, "the server does not respond");
        assert_eq!(client.address(), addresses[1], "another address may be another server");
    }
}
