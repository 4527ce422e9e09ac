//! Servers that grant little, or reply in fragments or out of order: the totals stay the same.

use std::time::Duration;

use efs_scan_testbed::nfs_server::{Binding, Config, Model, Node, Op, Slots, TooLarge};

use super::walk::{assert_left, assert_whole, engine, serve, walk, whole_in_spite_of};
use efs_scan_testbed::run;

fn same(config: Config) -> efs_scan_testbed::nfs_server::Server {
    let server = whole_in_spite_of(config, |_, _| ());
    assert_left(&server);
    server
}

#[test]
fn few_operations_suffice() {
    for max_operations in [4, 5, 6, 50] {
        same(Config { max_operations, slots: Slots::AtMost(2), ..Config::default() });
    }
}

#[test]
fn small_replies_suffice() {
    for too_large in [TooLarge::Refuse, TooLarge::Shorten] {
        for max_response in [1024, 1500, 4096, 10_000] {
            same(Config { max_response, too_large, ..Config::default() });
        }
        // For any requested size.
        for max_readdir in [500, 1000] {
            same(Config { max_readdir: Some(max_readdir), too_large, ..Config::default() });
        }
    }
}

#[test]
fn small_requests_suffice() {
    for max_request in [700, 1024, 4096] {
        same(Config { max_request, slots: Slots::AtMost(2), ..Config::default() });
    }
}

#[test]
fn long_names_fit_small_replies() {
    let model = std::sync::Arc::new(Model::new());
    for at in 0..20 {
        let name = format!("{at:0>255}");
        model.add(format!("home/{name}"), Node::file(1).owner_name("somebody@example.com"));
    }
    for max_response in [1024, 1200, 4096] {
        let server = serve(Config { max_response, ..Config::default() }, &model);
        let outcome = walk(&engine(&server)).unwrap();
        assert_whole(&server, &model, &outcome);
    }
}

#[test]
fn fragmented_replies_are_reassembled() {
    for fragment in [4, 100, 1000] {
        same(Config { fragment: Some(fragment), ..Config::default() });
    }
}

#[test]
fn replies_may_overtake_each_other() {
    let delay = Duration::from_millis(1);
    let jitter = Duration::from_millis(10);
    same(Config { delay, jitter, ..Config::default() });
}

#[test]
fn one_slot_suffices() {
    let server = same(Config { slots: Slots::AtMost(1), ..Config::default() });
    let counts = server.counts();
    // One per connection.
    assert!(counts.most_in_flight <= counts.connections, "{counts}");
}

#[test]
fn linux_grants_160_slots_for_tiny_cached_replies() {
    let server = same(Config { slots: Slots::Knfsd, ..Config::default() });
    assert_eq!(server.counts().sessions, 1, "one session is enough for what there is to do");
}

#[test]
fn connections_are_bound_on_request() {
    same(Config { binding: Binding::Explicit, ..Config::default() });
}

#[test]
fn unsupported_attributes_are_reported() {
    use efs_scan_testbed::nfs_server::attr;
    // Mount points are optional to report.
    same(Config { without: vec![attr::MOUNTED_ON_FILEID], ..Config::default() });
    // Without sizes there is nothing to count: unknown is not zero.
    let model = super::walk::plain();
    let server = serve(Config { without: vec![attr::SPACE_USED], ..Config::default() }, &model);
    let problem = walk(&engine(&server)).unwrap_err().to_string();
    assert!(problem.contains("did not report space_used"), "{problem}");
}

#[test]
fn a_server_that_may_be_linux_gets_no_batches() {
    for (implementation, alone) in [
        (None, true),
        (Some(("kernel.org", "x")), true),
        (Some(("", "Linux 6.12")), true),
        (Some(("example.com", "x")), false),
    ] {
        let config = Config { implementation, slots: Slots::AtMost(1), ..Config::default() };
        let counts = same(config).counts();
        let most = counts.of(Op::READDIR) > counts.of(Op::SEQUENCE);
        assert_eq!(most, !alone, "{implementation:?}: {counts}");
    }
    // One warning, and only if batches were requested.
    let model = super::walk::plain();
    let config = Config { implementation: None, ..Config::default() };
    for (batch, lines) in [(&[][..], 0), (&["--nfs-batch=9"][..], 1)] {
        let server = serve(config.clone(), &model);
        let url = format!("nfs://{}/", server.address());
        let output = run([&[&*url, "--nfs-uid=0"], batch].concat());
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(0), "{stderr}");
        let said = stderr.lines().filter(|line| line.contains("--nfs-batch 1")).count();
        assert_eq!(said, lines, "{stderr}");
    }
}
