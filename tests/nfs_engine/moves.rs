//! Directories that move while they wait to be listed: the engine reads them by their handles.

use std::sync::{Arc, Mutex};

use efs_scan_testbed::moves::{Moves, OpensBy};
use efs_scan_testbed::nfs_server::{Config, Fault, Model, Node, Op, What};
use efs_scan_testbed::run;
use proptest::collection::vec;
use proptest::prelude::*;

use super::walk::{assert_polite, serve};

/// Runs a server that makes the moves of a plan when a directory is listed, and records the
/// directories listed before.
fn check(plan: Moves) {
    let model = Arc::new(Model::new());
    for dir in &plan.dirs[1..] {
        model.add(format!("{dir}/file"), Node::file(1000));
    }
    let server = serve(Config::default(), &model);
    // `None` once the moves are made.
    let begun = Arc::new(Mutex::new(Some(Vec::new())));
    let at_trigger = Arc::new(Mutex::new(Vec::new()));
    for (at, dir) in plan.dirs.iter().enumerate() {
        let (plan, model, begun) = (plan.clone(), Arc::clone(&model), Arc::clone(&begun));
        let at_trigger = Arc::clone(&at_trigger);
        let list = What::call(move || {
            let mut begun = begun.lock().unwrap();
            let Some(listed) = begun.as_mut() else { return };
            listed.push(at);
            if at != plan.trigger {
                return;
            }
            *at_trigger.lock().unwrap() = begun.take().unwrap_or_default();
            for (from, to) in plan.paths() {
                match to {
                    Some(to) => model.rename(from, to),
                    None => model.remove(from),
                }
            }
        });
        let name = dir.rsplit('/').next().unwrap_or_default();
        server.fault(Fault::operation(Op::READDIR, list).named(name));
    }
    // One directory in one request.
    let url = format!("nfs://{}/", server.address());
    let flags = ["--nfs-uid=0", "--threads=1", "--nfs-batch=1", "--format=json"];
    let output = run([&[url.as_str()], &flags[..]].concat());
    assert!(matches!(output.status.code(), Some(0 | 3)), "{output:?}");
    let report = serde_json::from_slice(&output.stdout).unwrap();
    plan.check(&report, &at_trigger.lock().unwrap(), OpensBy::Handle);
    assert_polite(&server);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 100, ..ProptestConfig::default() })]

    /// Like `random_moves_at_random_moments_hide_nothing` of the mounted engine.
    #[test]
    fn random_moves_at_random_moments_hide_nothing(
        parents in vec(any::<u8>(), 0..12),
        moves in vec(any::<(u8, u8)>(), 1..4),
        trigger in any::<u8>(),
    ) {
        if let Some(plan) = Moves::new(&parents, &moves, trigger) {
            check(plan);
        }
    }
}
