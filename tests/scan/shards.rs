//! Shards of a tree, merged: the same report and the same table of directories as one scan, for any
//! cut, any number of shards and threads, and every engine. Trees, rules and exclusions are those of
//! `model`.

use std::collections::BTreeMap;
use std::io::{self, Read};
use std::path::Path;
use std::sync::{Arc, LazyLock};

use efs_scan::names::Names;
use efs_scan::report::{Context, Quotas, Report, Run, build};
use efs_scan::scan::{Ended, Engine, Pacing, Plan, Posix, Threads};
use efs_scan::stop::Stop;
use efs_scan::units::MeteredBytes;
use efs_scan::usage::rule_file::RuleSpec;
use efs_scan::usage::{
    AboveRoot, Ages, Cuts, DirRow, DirTable, Exclude, Ledger, LedgerSetup, LinkMemory, Merge,
    Mounts, Rules, Scope, Shard, UidNames,
};
use efs_scan_testbed::*;
use proptest::prelude::*;
use proptest::test_runner::TestCaseError;
use serde_json::json;

use crate::model::{EXCLUDES, configuration, tree};

/// Options of the scans of one tree.
#[derive(Clone, Debug)]
struct Options {
    depth: u32,
    excludes: Vec<String>,
    portable: bool,
    threads: usize,
    link_memory: u64,
    dirs_min: u64,
    /// Number of largest files and directories, and half the number of findings.
    top: usize,
}

/// A cut, as directories of the tree by index: read by a shard, or cut open.
#[derive(Clone, Debug)]
struct Cut {
    shards: u32,
    assigned: Vec<(prop::sample::Index, u32)>,
    open: Vec<prop::sample::Index>,
}

fn options() -> impl Strategy<Value = Options> {
    let excludes = proptest::sample::subsequence(EXCLUDES, 0..3);
    let memory = proptest::sample::select(&[0, 40_000, 64 << 20][..]);
    let threads = proptest::sample::select(&[1, 2, 4][..]);
    let min = proptest::sample::select(&[0, 12_000, 20_000, 90_000][..]);
    let top = proptest::sample::select(&[1, 2, 1000][..]);
    (0..3u32, excludes, any::<bool>(), threads, memory, min, top).prop_map(
        |(depth, excludes, portable, threads, link_memory, dirs_min, top)| Options {
            depth,
            excludes: excludes.into_iter().map(str::to_owned).collect(),
            portable: portable && cfg!(feature = "portable"),
            threads,
            link_memory,
            dirs_min,
            top,
        },
    )
}

fn cuts() -> impl Strategy<Value = Cut> {
    let at = any::<prop::sample::Index>;
    (1..=5u32).prop_flat_map(move |shards| {
        let assigned = proptest::collection::vec((at(), 0..shards), 0..8);
        let open = proptest::collection::vec(at(), 0..4);
        (assigned, open).prop_map(move |(assigned, open)| Cut { shards, assigned, open })
    })
}

fn cases() -> impl Strategy<Value = (Options, Cut, Vec<tree::Op>)> {
    (options(), cuts()).prop_flat_map(|(options, cut)| {
        let ops = tree::ops(options.depth as usize);
        (Just(options), Just(cut), proptest::collection::vec(ops, 1..50))
    })
}

fn rules() -> Rules {
    static RULES: LazyLock<Rules> = LazyLock::new(compiled);
    RULES.clone()
}

fn compiled() -> Rules {
    let mut config: toml::Table = configuration().parse().unwrap();
    let add = config["rules"].as_table_mut().unwrap().remove("add").unwrap();
    let mut specs: Vec<RuleSpec> = add.try_into().unwrap();
    specs.iter_mut().filter(|spec| spec.id == "rest").for_each(|spec| {
        spec.command = Some("rm -rf {path}".to_owned());
    });
    Rules::compile(&specs).unwrap()
}

const NOW: i64 = 1_800_000_000;

fn ledger(options: &Options, shard: Option<Shard>) -> Arc<Ledger> {
    let temporary = || Ok(std::env::temp_dir());
    Arc::new(Ledger::new(LedgerSetup {
        rules: rules(),
        scope: Scope {
            home_depth: options.depth,
            homes: None,
            mounts: Mounts::Skip,
            exclude: Exclude::new(&options.excludes).unwrap(),
        },
        above: AboveRoot::NOTHING,
        uids: UidNames::default(),
        ages: Ages::at(NOW),
        top: options.top,
        links: LinkMemory { bound: options.link_memory, directory: temporary() },
        export: None,
        dirs: Some(DirTable::new(MeteredBytes(options.dirs_min), temporary())),
        shard,
    }))
}

fn walked(root: &Path, options: &Options, shard: Option<Shard>) -> Arc<Ledger> {
    let ledger = ledger(options, shard);
    let pacing = Pacing { threads: Threads::Fixed(options.threads), ..Pacing::default() };
    let engine: Box<dyn Engine> = match options.portable {
        #[cfg(feature = "portable")]
        true => Box::new(efs_scan::scan::Portable::new(root.to_owned(), options.threads)),
        _ => Box::new(Posix::new(root.to_owned(), Plan::of(root, &pacing))),
    };
    let ended = engine.walk(&ledger, &Arc::new(Stop::default())).unwrap();
    assert_eq!(ended, Ended::Complete);
    ledger
}

/// The report and the table of directories.
type Outcome = (String, Vec<DirRow>);

fn outcome(ledger: &Arc<Ledger>, options: &Options) -> Outcome {
    let report = report_of(ledger, options);
    let mut rows = Vec::new();
    if ledger.dirs_failure().is_none() {
        ledger
            .each_row(&mut |row| {
                rows.push(row.clone());
                Ok(())
            })
            .unwrap();
    }
    (serde_json::to_string_pretty(&report).unwrap(), rows)
}

fn report_of(ledger: &Arc<Ledger>, options: &Options) -> Report {
    let run: Run = serde_json::from_value(json!({
        "id": "r", "started": "2026-11-24T12:00:00Z", "finished": "2026-11-24T12:00:00Z",
        "root": "/r", "engine": "posix", "coverage": "complete", "version": "1",
        "home_depth": options.depth, "users": [], "names": [],
    }))
    .unwrap();
    let (names, quotas) = (Names::default(), Quotas::default());
    let context = Context {
        run,
        real_root: Path::new("/r"),
        names: &names,
        quotas: &quotas,
        top: options.top,
    };
    let mut report = build(ledger.finish(), context);
    report.sort(Default::default());
    report
}

/// The accounts of each shard.
fn shards(root: &Path, options: &Options, cuts: &Cuts) -> Vec<Vec<u8>> {
    let shard = |index| {
        let shard = Shard { cuts: cuts.clone(), index };
        let mut bytes = Vec::new();
        walked(root, options, Some(shard)).write_shard(&mut bytes).unwrap();
        bytes
    };
    (0..cuts.shards()).map(shard).collect()
}

fn merged(shards: &[Option<Vec<u8>>], options: &Options) -> Arc<Ledger> {
    let ledger = ledger(options, None);
    let mut merge = Merge::new(&ledger, shards.len() as u32);
    for (index, shard) in shards.iter().enumerate() {
        if let Some(bytes) = shard {
            merge.add(index as u32, &mut &bytes[..]).unwrap();
        }
    }
    for (index, _) in shards.iter().enumerate().filter(|(_, shard)| shard.is_none()) {
        merge.lacks(&format!("shard {index} is missing"));
    }
    merge.end();
    ledger
}

/// All directories below the root.
fn directories(root: &Path, below: &Path, to: &mut Vec<Vec<u8>>) {
    use std::os::unix::ffi::OsStrExt;
    for entry in std::fs::read_dir(below).unwrap() {
        let entry = entry.unwrap();
        if entry.file_type().unwrap().is_dir() {
            let path = entry.path();
            to.push(path.strip_prefix(root).unwrap().as_os_str().as_bytes().to_vec());
            directories(root, &path, to);
        }
    }
}

fn cuts_of(root: &Path, cut: &Cut) -> Cuts {
    let mut all = Vec::new();
    directories(root, root, &mut all);
    all.sort();
    let named =
        |at: &prop::sample::Index| (!all.is_empty()).then(|| all[at.index(all.len())].clone());
    let assigned: BTreeMap<_, _> =
        cut.assigned.iter().filter_map(|(at, shard)| Some((named(at)?, *shard))).collect();
    Cuts::new(cut.shards, assigned, cut.open.iter().filter_map(named))
}

fn same(got: Outcome, want: Outcome) -> Result<(), TestCaseError> {
    let lines = |text: &str| text.lines().map(str::to_owned).collect::<Vec<_>>();
    prop_assert_eq!(lines(&got.0), lines(&want.0));
    for (got, want) in got.1.iter().zip(&want.1) {
        prop_assert_eq!(got, want);
    }
    prop_assert_eq!(got.1.len(), want.1.len());
    Ok(())
}

fn check(options: &Options, cut: &Cut, ops: &[tree::Op]) -> Result<(), TestCaseError> {
    let dir = scratch();
    let root = dir.path().join("root");
    tree::Tree::grow(&root, ops);
    let want = outcome(&walked(&root, options, None), options);
    let shards = shards(&root, options, &cuts_of(&root, cut));
    let shards: Vec<_> = shards.into_iter().map(Some).collect();
    same(outcome(&merged(&shards, options), options), want)
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: crate::model::cases_wanted(),
        max_shrink_iters: 300,
        failure_persistence: None,
        ..ProptestConfig::default()
    })]
    #[test]
    fn shards_of_random_trees_add_up_to_one_scan((options, cut, ops) in cases()) {
        check(&options, &cut, &ops)?;
    }
}

fn plain() -> Options {
    Options {
        depth: 1,
        excludes: Vec::new(),
        portable: false,
        threads: 2,
        link_memory: 64 << 20,
        dirs_min: 0,
        top: 10,
    }
}

/// A tree in which the home `b` and its finding `b/.cache` are cut.
fn cut_tree() -> (tempfile::TempDir, Cuts) {
    let dir = scratch();
    let root = dir.path().join("root");
    for (path, size) in [
        ("a/x", 9000),
        ("b/.cache/one/x", 70_000),
        ("b/.cache/two/y", 5000),
        ("b/z", 100),
        ("c/x", 1),
    ] {
        file(&root, path, size);
    }
    std::fs::hard_link(root.join("b/.cache/one/x"), root.join("b/.cache/two/x")).unwrap();
    let assigned =
        [("a", 0), ("b/.cache/one", 1), ("b/.cache/two", 2), ("c", 2)].map(|(p, n)| (p.into(), n));
    (dir, Cuts::new(3, assigned.into(), []))
}

#[test]
fn a_run_without_a_shard_is_partial_and_offers_nothing_that_it_has_not_read() {
    let (dir, cuts) = cut_tree();
    let root = dir.path().join("root");
    let options = plain();
    let whole = report_of(&walked(&root, &options, None), &options);
    let mut shards: Vec<_> = shards(&root, &options, &cuts).into_iter().map(Some).collect();
    shards[2] = None;
    let ledger = merged(&shards, &options);
    let report = report_of(&ledger, &options);
    assert_eq!(report.run.coverage.name(), "partial");
    assert_eq!(report.errors.samples[0].message, "shard 2 is missing");
    assert_eq!(ledger.dirs_failure(), Some("shard 2 is missing"));
    assert!(report.left_out.above_homes > 0, "there may be homes that nobody saw");
    let home = |name: &str| report.homes.iter().find(|home| home.name == name);
    assert_eq!(home("a").unwrap().coverage.name(), "complete");
    assert!(home("c").is_none());
    let cut = home("b").unwrap();
    assert_eq!(cut.coverage.name(), "partial");
    let finding = &cut.findings[0];
    assert_eq!(finding.path, "b/.cache");
    assert_eq!(finding.command, None);
    let advice = finding.advice.as_deref().unwrap();
    assert!(advice.contains("could not be read"), "{advice}");
    let of_whole = whole.homes.iter().find(|home| home.name == "b").unwrap();
    assert!(of_whole.findings[0].command.is_some(), "{:?}", of_whole.findings[0]);
    // The second link of the inode may be anywhere.
    assert!(finding.frees.allocated_bytes < finding.usage.allocated_bytes, "{finding:?}");
    assert!(report.totals.allocated_bytes < whole.totals.allocated_bytes);
}

#[test]
fn accounts_that_end_early_or_are_damaged_are_an_error() {
    let (dir, cuts) = cut_tree();
    let options = plain();
    let shards = shards(&dir.path().join("root"), &options, &cuts);
    let add = |bytes: &[u8]| -> io::Result<()> {
        let ledger = ledger(&options, None);
        let mut merge = Merge::new(&ledger, 3);
        merge.add(0, &mut bytes.take(u64::MAX))
    };
    for shard in &shards {
        assert!(add(shard).is_ok());
        for end in (0..shard.len()).step_by(17).chain([shard.len() - 1]) {
            assert!(add(&shard[..end]).is_err(), "{end} of {}", shard.len());
        }
        // Damage may also change figures; only the digest of the object tells.
        for at in (0..shard.len()).step_by(29) {
            for to in [0, 0x7f, 0xff] {
                let mut damaged = shard.clone();
                damaged[at] = to;
                let _ = add(&damaged);
            }
        }
    }
}
