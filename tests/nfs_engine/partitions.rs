//! Several servers behind one address: each connection leads to one of them, and they share only
//! the files, like EFS's state partitions.

use std::sync::Arc;
use std::time::Duration;

use efs_scan::scan::{Nfs, Threads};
use efs_scan_testbed::computed::Tree;
use efs_scan_testbed::nfs_server::{
    Computed, Config, Cookies, Dealing, Fault, Model, Naming, Node, Op, Server, Slots, Status, What,
};

use super::sessions::during;
use super::walk::{assert_left, assert_polite, assert_whole, engine, plain, serve, walk};

const NAMINGS: [Naming; 3] = [Naming::Distinct, Naming::SameOwner, Naming::SameNumbers];

fn many(partitions: u32, dealing: Dealing, naming: Naming) -> Config {
    Config { partitions, dealing, naming, slots: Slots::AtMost(4), ..Config::default() }
}

/// Calls `check` with every kind of partitions.
fn kinds(check: impl Fn(Config)) {
    for naming in NAMINGS {
        for (partitions, dealing) in
            [(1, Dealing::InTurn), (2, Dealing::InTurn), (3, Dealing::Random), (4, Dealing::InTurn)]
        {
            check(many(partitions, dealing, naming));
        }
    }
}

/// Checks that no session is left, and no client id, except ids under which nothing was created if
/// partitions assign the same ones.
#[track_caller]
fn assert_cleaned_up(server: &Server, alike: bool) {
    match alike {
        true => assert_eq!(server.alive().0, 0, "sessions that were left"),
        false => assert_left(server),
    }
}

#[test]
fn as_many_connections_are_made_as_needed() {
    kinds(|config| {
        let said = format!("{config:?}");
        let alike = config.naming == Naming::SameNumbers && config.partitions > 1;
        let tree = Arc::new(Computed::new(Tree::even(2000, 4, 20, 10)));
        let config = Config { delay: Duration::from_millis(2), ..config };
        let server = Server::start(config, Arc::clone(&tree) as _).unwrap();
        let mut engine = engine(&server);
        // In sessions of 4 slots.
        engine.pacing.threads = Threads::Fixed(32);
        engine.batch = 1;
        engine.reply_timeout = Duration::from_secs(20);
        let outcome = walk(&engine).unwrap();
        let found = (outcome.sums[1], outcome.sums[5]);
        assert_eq!(found, (tree.tree().dirs(), tree.space_used()), "{said}");
        let counts = server.counts();
        assert_eq!((counts.connections, counts.sessions), (8, 8), "{counts}: {said}");
        // If another partition assigns the same client id, the connection asks again with a
        // separate owner.
        assert_eq!(counts.of(Op::EXCHANGE_ID) > 8, alike, "{counts}: {said}");
        assert_polite(&server);
        assert_cleaned_up(&server, alike);
    });
}

/// Serves directories that are counted in parts, in listings of 16 KiB.
fn large(config: Config) -> (Server, Arc<Model>) {
    let model = Arc::new(Model::new());
    for home in 200_001..200_009_u32 {
        for number in 0..4_000 {
            model.add(format!("{home}/wide/file-{number}"), Node::file(1));
        }
        for number in 0..1_500 {
            model.add(format!("{home}/wide/directory-{number}"), Node::dir());
        }
    }
    let max_readdir = Some(16 << 10);
    let config = Config { max_readdir, delay: Duration::from_millis(1), ..config };
    (serve(config, &model), model)
}

/// Makes an engine with 32 requests in flight and a connection for every four of them.
fn over_eight_connections(server: &Server) -> Nfs {
    let mut engine = engine(server);
    engine.pacing.threads = Threads::Fixed(32);
    engine.batch = 1;
    engine.reply_timeout = Duration::from_secs(20);
    engine
}

/// A partition may refuse the cookies of another one, so a listing continues where it began.
#[test]
fn a_listing_continues_on_its_partition() {
    for partitions in [2, 4] {
        let cookies = Cookies::OfPartition;
        let config = Config { cookies, ..many(partitions, Dealing::InTurn, Naming::Distinct) };
        let (server, model) = large(config);
        let outcome = walk(&over_eight_connections(&server)).unwrap();
        assert_whole(&server, &model, &outcome);
        assert_left(&server);
    }
}

/// If no connection leads to its partition any more, another one gets the cookie.
#[test]
fn a_listing_continues_elsewhere_if_its_partition_is_unreachable() {
    let drop = |server: &Server| {
        for at in 1..40 {
            server.fault(Fault::operation(Op::READDIR, What::DropBefore).after(50 * at));
        }
    };
    for cookies in [Cookies::Shared, Cookies::OfPartition] {
        // A reconnect leads to a partition that was not reached before.
        let config = Config { cookies, ..many(100, Dealing::InTurn, Naming::Distinct) };
        let (server, model) = large(config.clone());
        drop(&server);
        let outcome = walk(&over_eight_connections(&server)).unwrap();
        if cookies == Cookies::Shared {
            assert_whole(&server, &model, &outcome);
            continue;
        }
        // The counted part of a directory stays, and the rest is an error.
        for (path, op, said) in &outcome.errors {
            assert!(path.ends_with("/wide") && *op == "list", "{path}: {op}");
            assert!(said.contains("NFS4ERR_NOT_SAME"), "{said}");
        }
        let [files, dirs, ..] = outcome.sums;
        assert!(files <= 32_000 && dirs <= 12_017, "nothing is counted twice: {files}, {dirs}");
        assert_eq!(outcome.errors.is_empty(), dirs == 12_017, "{:?}", outcome.errors);
        // Nothing of a small directory is counted yet, so its listing restarts.
        let small = plain();
        let server = serve(Config { max_readdir: Some(4 << 10), ..config }, &small);
        drop(&server);
        let outcome = walk(&over_eight_connections(&server)).unwrap();
        assert_whole(&server, &small, &outcome);
    }
}

#[test]
fn reconnects_to_other_partitions_lose_nothing() {
    kinds(|config| {
        let server = during(config, Server::drop_connections);
        assert!(server.counts().connections > 1, "{}", server.counts());
    });
}

#[test]
fn a_reconnect_does_not_cause_further_ones() {
    for naming in NAMINGS {
        let tree = Arc::new(Computed::new(Tree::even(2000, 4, 20, 10)));
        let delay = Duration::from_millis(2);
        let config = Config { delay, ..many(2, Dealing::InTurn, naming) };
        let server = Server::start(config, Arc::clone(&tree) as _).unwrap();
        server.fault(Fault::request(What::DropBefore).after(500));
        server.fault(Fault::request(What::DropAfter).after(900));
        let mut engine = engine(&server);
        engine.pacing.threads = Threads::Fixed(16);
        engine.batch = 1;
        engine.reply_timeout = Duration::from_secs(20);
        assert_eq!(walk(&engine).unwrap().sums[1], tree.tree().dirs());
        // Four connections are made, and two were lost. The clean-up may search for a partition
        // that has lost all its connections.
        let counts = server.counts();
        assert_eq!(counts.sessions, 6, "{naming:?}: {counts}");
        assert!((6..=8).contains(&counts.connections), "{naming:?}: {counts}");
        assert_polite(&server);
        // A server with the same name that does not know a client id looks like one that has
        // restarted. If no connection to the right server is left, its lease expires.
        if naming == Naming::Distinct {
            assert_left(&server);
        }
    }
}

#[test]
fn restarts_and_expired_leases_of_partitions_lose_nothing() {
    kinds(|config| {
        during(config.clone(), |server| server.restart(Duration::from_millis(5)));
        during(config, Server::expire);
    });
}

#[test]
fn a_connection_gets_its_own_owner_after_a_contradiction() {
    for status in [Status::STALE_CLIENTID, Status::SEQ_MISORDERED] {
        let model = plain();
        let delay = Duration::from_millis(4);
        let config = Config { delay, ..many(2, Dealing::InTurn, Naming::Distinct) };
        let server = serve(config, &model);
        server.fault(Fault::status(Op::CREATE_SESSION, status).after(2));
        let mut engine = engine(&server);
        engine.batch = 1;
        engine.pacing.threads = Threads::Fixed(16);
        let outcome = walk(&engine).unwrap();
        assert_whole(&server, &model, &outcome);
        let counts = server.counts();
        assert_eq!(server.faults_fired(), 1, "{status}: {counts}");
        assert_eq!(counts.of(Op::EXCHANGE_ID), counts.connections + 1, "{status}: {counts}");
    }
}

#[test]
fn each_client_id_completes_its_reclaims_once() {
    let model = plain();
    let delay = Duration::from_millis(4);
    let config = Config { delay, ..many(2, Dealing::InTurn, Naming::Distinct) };
    let server = serve(config, &model);
    server.fault(Fault::status(Op::RECLAIM_COMPLETE, Status::DELAY));
    let late = What::Late(Duration::from_millis(1200));
    server.fault(Fault::operation(Op::READDIR, late).named("wide"));
    let mut engine = engine(&server);
    engine.reply_timeout = Duration::from_secs(5);
    engine.batch = 1;
    assert_whole(&server, &model, &walk(&engine).unwrap());
    let counts = server.counts();
    assert!(counts.connections > 1, "{counts}");
    assert_eq!(counts.of(Op::RECLAIM_COMPLETE), 3, "{counts}");
    assert_left(&server);
}

#[test]
fn idle_sessions_renew_the_lease_of_each_partition() {
    let model = plain();
    let lease = Duration::from_secs(1);
    let slots = Slots::AtMost(1);
    let config = Config { lease, slots, ..many(3, Dealing::InTurn, Naming::SameOwner) };
    let server = serve(config, &model);
    let late = What::Late(Duration::from_millis(1800));
    server.fault(Fault::operation(Op::READDIR, late).named("wide"));
    let mut engine = engine(&server);
    engine.reply_timeout = Duration::from_secs(5);
    engine.batch = 1;
    assert_whole(&server, &model, &walk(&engine).unwrap());
    let counts = server.counts();
    assert!(counts.connections >= 3 && counts.sessions == counts.connections, "{counts}");
    assert_left(&server);
}
