//! Faults during the walk: either overcome, or the report names the missing directory.

use std::sync::Arc;
use std::time::Duration;

use efs_scan::scan::{Ended, Threads};
use efs_scan_testbed::nfs_server::{
    Config, Fault, Model, Node, OnChange, Op, Refusal, Server, Slots, Status, Uncached, What,
};

use super::walk::{
    Outcome, assert_left, assert_polite, assert_whole, engine, overcome, plain, serve, sums_but,
    walk, whole_in_spite_of,
};

const SOON: Duration = Duration::from_millis(20);

#[test]
fn without_faults_everything_is_found() {
    let server = whole_in_spite_of(Config::default(), |_, _| ());
    assert_left(&server);
    assert_eq!(server.counts().sessions, 1);
}

#[test]
fn requests_to_a_busy_server_are_repeated() {
    for status in [Status::DELAY, Status::GRACE, Status::RESOURCE, Status::SERVERFAULT] {
        for op in [Op::READDIR, Op::PUTFH, Op::GETATTR] {
            let fault = Fault::status(op, status).times(3);
            let server = overcome(Config::default(), fault);
            assert_left(&server);
        }
    }
    for op in [Op::SEQUENCE, Op::EXCHANGE_ID, Op::CREATE_SESSION] {
        let fault = Fault::status(op, Status::DELAY).times(5);
        let server = overcome(Config::default(), fault);
        assert_left(&server);
    }
}

#[test]
fn restarted_listings_count_once() {
    for status in [Status::BAD_COOKIE, Status::NOT_SAME] {
        for after in [0, 3, 12] {
            // Part of the listing has been read, in small replies.
            let config = Config { max_readdir: Some(2000), ..Config::default() };
            let fault = Fault::status(Op::READDIR, status).named("wide").after(after).times(2);
            overcome(config, fault);
        }
    }
}

#[test]
fn a_directory_that_changes_is_listed_again() {
    for change in [OnChange::GoOn, OnChange::NotSame, OnChange::BadCookie] {
        let config = Config { max_readdir: Some(2000), ..Config::default() };
        whole_in_spite_of(config, |server, model| {
            model.on_change(change);
            let model = Arc::clone(model);
            // This changes the cookieverf.
            let touch = What::call(move || model.update("200001/wide", |node| node.mtime.0 += 1));
            server.fault(Fault::operation(Op::READDIR, touch).named("wide").after(2));
        });
    }
}

#[test]
fn reply_sizes_adapt() {
    for (status, times) in [(Status::TOOSMALL, 3), (Status::REP_TOO_BIG, 3)] {
        let fault = Fault::status(Op::READDIR, status).named("wide").times(times);
        overcome(Config::default(), fault);
    }
    for (status, times) in [
        (Status::TOO_MANY_OPS, 1),
        (Status::REP_TOO_BIG, 1),
        (Status::REQ_TOO_BIG, 1),
        // ganesha's status for it.
        (Status::RESOURCE, 5),
    ] {
        // One request in flight, so that it carries several directories: the homes, after the
        // requests that look up and list the root. A request of one directory cannot be made
        // smaller.
        let model = plain();
        let server = serve(Config::default(), &model);
        server.fault(Fault::status(Op::SEQUENCE, status).after(3).times(times));
        let mut engine = engine(&server);
        engine.pacing.threads = Threads::Fixed(1);
        let outcome = walk(&engine).unwrap();
        assert_whole(&server, &model, &outcome);
        assert_eq!(server.faults_fired(), times, "{status:?}");
    }
}

#[test]
fn lost_sessions_are_replaced() {
    for status in [
        Status::BADSESSION,
        Status::DEADSESSION,
        Status::BADSLOT,
        Status::SEQ_MISORDERED,
        Status::STALE_CLIENTID,
        Status::EXPIRED,
        Status::CONN_NOT_BOUND_TO_SESSION,
        Status::RETRY_UNCACHED_REP,
    ] {
        let fault = Fault::status(Op::SEQUENCE, status).after(6).times(3);
        let server = overcome(Config::default(), fault);
        assert_eq!(server.alive(), (0, 0), "{status}");
    }
    for uncached in [Uncached::AtSequence, Uncached::AfterSequence] {
        let fault = Fault::status(Op::PUTFH, Status::RETRY_UNCACHED_REP).after(3).times(2);
        let config = Config { uncached, ..Config::default() };
        overcome(config, fault);
    }
}

#[test]
fn lost_connections_are_replaced() {
    for what in [
        What::DropBefore,
        What::DropAfter,
        What::DropInside,
        What::Silent,
        What::Slow(SOON),
        What::Late(SOON),
        What::Garbage,
        What::Noise,
        What::Truncated,
        What::WrongXid,
        What::Twice,
        What::Refuse(Refusal::SystemError),
        What::Refuse(Refusal::GarbageArguments),
        What::Refuse(Refusal::TooWeak),
    ] {
        // In the 3 requests of the setup, and in the walk's.
        for after in [0, 1, 2, 9] {
            if matches!(what, What::Refuse(_)) && after < 2 {
                continue; // Fatal: `fatal.rs`.
            }
            let fault = Fault::request(what.clone()).after(after);
            let server = overcome(Config::default(), fault);
            assert_eq!(server.faults_fired(), 1, "{what:?}");
            assert_eq!(server.alive(), (0, 0), "{what:?} after {after}");
        }
    }
}

#[test]
fn the_walk_waits_for_a_restarting_server() {
    for (after, grace) in [(1, 0), (5, 300), (9, 100)] {
        let restart = What::Restart(Duration::from_millis(grace));
        let fault = Fault::request(restart).after(after);
        let server = overcome(Config::default(), fault);
        assert_left(&server);
    }
}

/// Checks that the report names what is missing, and that everything else is there.
#[track_caller]
fn missing(server: &Server, model: &Model, but: &[&str], own: u64) -> Outcome {
    let outcome = walk(&engine(server)).unwrap();
    let paths: Vec<&str> = outcome.errors.iter().map(|(path, ..)| &**path).collect();
    assert_eq!(paths, but, "{outcome:?}");
    assert_eq!(outcome.ended, Ended::Complete);
    let mut sums = sums_but(model, but);
    // Unreadable directories count themselves.
    sums[1] += own;
    sums[4] += 4096 * own;
    sums[5] += 4096 * own;
    assert_eq!(outcome.sums, sums, "{outcome:?}");
    assert_polite(server);
    assert_left(server);
    outcome
}

#[test]
fn an_unreadable_directory_is_reported() {
    for (status, op) in [
        (Status::ACCESS, "open"),
        (Status::PERM, "list"),
        (Status::IO, "list"),
        (Status::MOVED, "list"),
        (Status::WRONGSEC, "list"),
        (Status::BADHANDLE, "list"),
        (Status(12345), "list"),
        (Status::TOO_MANY_OPS, "list"),
    ] {
        let model = plain();
        let server = serve(Config::default(), &model);
        server.fault(Fault::status(Op::READDIR, status).named("wide").always());
        let outcome = missing(&server, &model, &["200001/wide"], 1);
        assert_eq!(outcome.errors[0].1, op, "{status}: {outcome:?}");
    }
}

#[test]
fn a_partly_counted_listing_cannot_restart_and_is_reported() {
    let model = Arc::new(Model::new());
    for at in 0..3000 {
        model.add(format!("200005/wide/{at:04}"), Node::dir());
    }
    let config = || Config { max_readdir: Some(20_000), ..Config::default() };
    let server = serve(config(), &model);
    server.fault(Fault::status(Op::READDIR, Status::NOT_SAME).named("wide").after(15).times(2));
    let outcome = walk(&engine(&server)).unwrap();
    let found: Vec<_> = outcome.errors.iter().map(|(path, op, _)| (&**path, *op)).collect();
    assert_eq!(found, [("200005/wide", "list")], "{outcome:?}");
    assert!((1000..3003).contains(&outcome.sums[1]), "{outcome:?}");
    // An incomplete reply is requested again, without counting any of it twice.
    for what in [What::Truncated, What::DropInside, What::Garbage] {
        let server = serve(config(), &model);
        server.fault(Fault::operation(Op::READDIR, what).named("wide").after(15).times(2));
        let outcome = walk(&engine(&server)).unwrap();
        assert_whole(&server, &model, &outcome);
        assert_eq!(server.faults_fired(), 2);
    }
}

#[test]
fn a_directory_with_only_unusable_replies_is_reported_alone() {
    for what in [What::Truncated, What::Refuse(Refusal::SystemError)] {
        let model = plain();
        let server = serve(Config::default(), &model);
        server.fault(Fault::operation(Op::READDIR, what).named("wide").always());
        missing(&server, &model, &["200001/wide"], 1);
    }
}

#[test]
fn a_listing_stuck_at_one_reply_is_reported() {
    // The first reply is always good and the second never is.
    let model = plain();
    let server = serve(Config { max_readdir: Some(2000), ..Config::default() }, &model);
    for turn in 1..=30 {
        server.fault(Fault::operation(Op::READDIR, What::Truncated).named("wide").after(turn));
    }
    missing(&server, &model, &["200001/wide"], 1);
    assert!(server.faults_fired() < 10, "{} faults", server.faults_fired());
}

#[test]
fn a_server_gone_for_good_leaves_a_report_of_what_is_missing() {
    let model = plain();
    let server = serve(Config::default(), &model);
    // One reply never arrives, and no further connection is served.
    server.fault(Fault::operation(Op::READDIR, What::Silent).named("wide").always());
    server.fault(Fault::connection(What::Silent).after(1).always());
    let mut engine = engine(&server);
    engine.outage_limit = Duration::from_secs(1);
    let outcome = walk(&engine).unwrap();
    assert!(outcome.errors.iter().any(|(path, ..)| path == "200001/wide"), "{outcome:?}");
    let all = sums_but(&model, &[]);
    assert!(outcome.sums[0] < all[0] && outcome.sums[1] <= all[1], "{outcome:?}");
    assert_eq!(outcome.ended, Ended::Complete);
    assert_polite(&server);
}

#[test]
fn a_removed_directory_makes_its_home_partial() {
    for gone in [Status::STALE, Status::NOENT] {
        let model = plain();
        model.gone_as(gone);
        model.add("200009/doomed/below/x", Node::file(1));
        let server = serve(Config::default(), &model);
        // Between the home's listing and the directory's own.
        let theirs = Arc::clone(&model);
        let remove = What::call(move || theirs.remove("200009/doomed"));
        server.fault(Fault::operation(Op::READDIR, remove).named("doomed"));
        let outcome = walk(&engine(&server)).unwrap();
        assert_eq!((outcome.vanished, outcome.count), (1, 1), "{gone}: {outcome:?}");
        assert_eq!(outcome.errors[0].0, "200009/doomed", "{gone}: {outcome:?}");
        assert_eq!(outcome.sums, sums_but(&model, &[]), "{gone}");
        assert_polite(&server);
        assert_left(&server);
    }
}

#[test]
fn a_directory_that_moves_between_two_listings_counts_where_it_was_listed() {
    // To another name, to the top of its home, and to a home that is listed already.
    for to in ["200009/sub/renamed", "200009/renamed", "200008/renamed"] {
        let model = plain();
        model.add("200008/file", Node::file(1));
        model.add("200009/sub/moves/below/x", Node::file(5000));
        let server = serve(Config::default(), &model);
        let theirs = Arc::clone(&model);
        let rename = What::call(move || theirs.rename("200009/sub/moves", to));
        server.fault(Fault::operation(Op::READDIR, rename).named("moves"));
        let mut engine = engine(&server);
        engine.batch = 1;
        let outcome = walk(&engine).unwrap();
        assert_eq!((outcome.vanished, outcome.count), (0, 0), "{to}: {outcome:?}");
        assert_eq!(outcome.sums, sums_but(&model, &[]), "{to}");
        assert_polite(&server);
    }
}

/// Makes a home with a directory of 1,600 others, which is counted in parts, after one with so many
/// that some are queued below it.
fn crowded() -> Arc<Model> {
    let model = plain();
    for at in 0..1600 {
        model.add(format!("200002/many/{at:04}/f"), Node::file(1));
    }
    for at in 0..900 {
        model.add(format!("200001/{at:03}/f"), Node::file(1));
    }
    model
}

#[test]
fn a_partly_counted_listing_fails_without_harm_to_its_neighbours() {
    // One of these replies is the first after a part was counted, in a request with others.
    let statuses = [Status::STALE, Status::ACCESS, Status::NOT_SAME];
    for (status, after) in statuses.into_iter().flat_map(|s| (0..5).map(move |a| (s, a))) {
        let model = crowded();
        let server = serve(Config { slots: Slots::AtMost(1), ..Config::default() }, &model);
        server.fault(Fault::status(Op::READDIR, status).named("many").after(after).always());
        let mut engine = engine(&server);
        // One slot, so that the directories queued below it share a request with it.
        engine.pacing.threads = Threads::Fixed(1);
        let outcome = walk(&engine).unwrap();
        let said = format!("{status} after {after}: {outcome:?}");
        let least = sums_but(&model, &["200002/many"]);
        if outcome.vanished > 0 {
            // A stale directory of which nothing was counted was removed.
            assert_eq!((status, outcome.vanished, outcome.count), (Status::STALE, 1, 1), "{said}");
            assert_eq!(outcome.sums, least, "{said}");
        } else {
            let failed: Vec<&str> = outcome.errors.iter().map(|(path, ..)| &**path).collect();
            assert_eq!(failed, ["200002/many"], "{said}");
            // Everything else, the directory itself, and those of its subdirectories that were
            // read, with one file each.
            let below = outcome.sums[1] - least[1] - 1;
            assert!(below < 1600, "{said}");
            assert_eq!(outcome.sums[0] - least[0], below, "{said}");
        }
        assert_polite(&server);
    }
}

#[test]
fn a_vanished_file_system_is_not_mistaken_for_removed_directories() {
    let model = plain();
    let server = serve(Config::default(), &model);
    // As after a failover to a server that knows none of the file handles.
    server.fault(Fault::status(Op::PUTFH, Status::STALE).after(12).always());
    let outcome = walk(&engine(&server)).unwrap();
    assert!(outcome.vanished > 0, "{outcome:?}");
    assert_eq!(outcome.count, outcome.vanished + 1, "{outcome:?}");
    assert_eq!((&*outcome.errors[0].0, outcome.errors[0].1), ("", "open"), "{outcome:?}");
    assert_eq!(outcome.ended, Ended::Complete);
    assert_polite(&server);
}
