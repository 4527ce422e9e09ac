//! Walks a model in process, with short time limits, and compares the result with the model's
//! totals.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use efs_scan::scan::{Ended, Engine, Nfs, Pacing, Threads, WalkError};
use efs_scan::stop::Stop;
use efs_scan::usage::{
    AboveRoot, Ages, Exclude, Ledger, LedgerSetup, LinkMemory, Mounts, Scope, Tally, UidNames,
    rule_file,
};
use efs_scan_testbed::nfs_server::{Config, Fault, Kind, Model, Node, Server};
use serde_json::Value;

use efs_scan_testbed::report;

/// The result of a walk.
#[derive(Debug)]
pub(crate) struct Outcome {
    pub(crate) ended: Ended,
    pub(crate) sums: Sums,
    /// Path, operation and message of each error.
    pub(crate) errors: Vec<(String, &'static str, String)>,
    pub(crate) count: u64,
    pub(crate) vanished: u64,
}

/// Files, directories, symlinks, others, apparent and allocated bytes.
pub(crate) type Sums = [u64; 6];

/// Makes some 400 inodes: homes with small and large directories, links, caches.
pub(crate) fn plain() -> Arc<Model> {
    let model = Model::new();
    for home in 200_001..200_005_u32 {
        for dir in 0..8 {
            for file in 0..10_u64 {
                let path = format!("{home}/d{dir}/sub/f{file}");
                model.add(path, Node::file(1000 * file + 1).owner(home));
            }
        }
        model.link(format!("{home}/d0/sub/f0"), format!("{home}/link"));
        model.add(format!("{home}/symlink"), Node::symlink(20));
    }
    model.add("200001/wide/first", Node::file(1));
    for file in 0..300 {
        model.add(format!("200001/wide/a file with quite a long name {file}"), Node::file(5000));
    }
    Arc::new(model)
}

pub(crate) fn serve(config: Config, model: &Arc<Model>) -> Server {
    Server::start(config, Arc::clone(model) as _).unwrap()
}

/// Makes an engine with short time limits: what usually takes minutes takes a second.
pub(crate) fn engine(server: &Server) -> Nfs {
    let target = format!("nfs://{}/", server.address()).parse().unwrap();
    let pacing =
        Pacing { threads: Threads::Auto, max_threads: None, max_ops: None, max_latency: None };
    let engine = Nfs::new(target, 0, 0, pacing);
    Nfs {
        batch: 1000,
        reply_timeout: Duration::from_millis(400),
        outage_limit: Duration::from_secs(8),
        ..engine
    }
}

/// Walks with the built-in rules; homes are in the root.
pub(crate) fn walk(engine: &Nfs) -> Result<Outcome, WalkError> {
    walk_until(engine, &Arc::new(Stop::default()), Mounts::Skip)
}

pub(crate) fn walk_until(
    engine: &Nfs,
    stop: &Arc<Stop>,
    mounts: Mounts,
) -> Result<Outcome, WalkError> {
    let rules = rule_file::load(&[], ("", ""), &[]).unwrap();
    let scope = Scope { home_depth: 1, homes: None, mounts, exclude: Exclude::default() };
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
    let ended = engine.walk(&ledger, stop)?;
    let totals = ledger.finish();
    let mut tally = Tally::default();
    for home in &totals.homes {
        home.read_books(|books| tally.merge(&books.tally));
    }
    let text = |path: &[u8]| String::from_utf8_lossy(path).into_owned();
    let errors = totals.errors.samples.iter();
    Ok(Outcome {
        ended,
        sums: [
            tally.files,
            tally.dirs,
            tally.symlinks,
            tally.other,
            tally.apparent.0,
            tally.allocated.0,
        ],
        errors: errors.map(|e| (text(&e.path), e.op.name(), e.message.clone())).collect(),
        count: totals.errors.count,
        vanished: totals.errors.vanished,
    })
}

/// Returns the model's totals, each inode once, without anything at or below `but`.
pub(crate) fn sums_but(model: &Model, but: &[&str]) -> Sums {
    let mut sums = Sums::default();
    let mut seen = BTreeSet::new();
    for found in model.walk() {
        let below = |top: &&str| {
            let rest = found.path.strip_prefix(top.as_bytes());
            rest.is_some_and(|rest| rest.is_empty() || rest[0] == b'/')
        };
        if but.iter().any(below) || !seen.insert(found.fileid) {
            continue;
        }
        let kind = match found.node.kind {
            Kind::File => 0,
            Kind::Dir => 1,
            Kind::Symlink => 2,
            _ => 3,
        };
        sums[kind] += 1;
        sums[4] += found.node.size;
        sums[5] += found.node.space_used.div_ceil(512) * 512;
    }
    sums
}

/// Checks that everything was found once, without a protocol violation.
#[track_caller]
pub(crate) fn assert_whole(server: &Server, model: &Model, outcome: &Outcome) {
    assert_eq!(outcome.errors, [], "{}", server.counts());
    assert_eq!((outcome.ended, outcome.count, outcome.vanished), (Ended::Complete, 0, 0));
    assert_eq!(outcome.sums, sums_but(model, &[]), "{}", server.counts());
    assert_polite(server);
}

/// Checks that there was no protocol violation.
#[track_caller]
pub(crate) fn assert_polite(server: &Server) {
    assert_eq!(server.violations(), [""; 0]);
}

/// Checks that no session or client id is left on the server.
#[track_caller]
pub(crate) fn assert_left(server: &Server) {
    assert_eq!(server.alive(), (0, 0), "sessions and clients that were left");
}

/// Walks [`plain`] on a server with `config` and `faults`; everything must be found.
#[track_caller]
pub(crate) fn whole_in_spite_of(
    config: Config,
    faults: impl FnOnce(&Server, &Arc<Model>),
) -> Server {
    let model = plain();
    let server = serve(config, &model);
    faults(&server, &model);
    let outcome = walk(&engine(&server)).unwrap();
    assert_whole(&server, &model, &outcome);
    server
}

/// Walks [`plain`] with one fault, which must have occurred.
#[track_caller]
pub(crate) fn overcome(config: Config, fault: Fault) -> Server {
    let what = format!("{fault:?}");
    let server = whole_in_spite_of(config, |server, _| server.fault(fault));
    assert!(server.faults_fired() > 0, "{what}");
    server
}

/// Runs the program, which must exit with `code`, and returns its report.
pub(crate) fn program(server: &Server, args: &[&str], code: i32) -> Value {
    let url = format!("nfs://{}/", server.address());
    let args = [&["--engine", "nfs", "--nfs-uid", "0"], args].concat();
    report(url.as_ref(), args, code)
}
