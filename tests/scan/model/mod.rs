//! Random trees on disk, compared with a model in memory.

mod dirs;
mod sums;
pub(crate) mod tree;

use std::collections::BTreeMap;
use std::path::Path;

use efs_scan_testbed::*;
use proptest::prelude::*;
use proptest::test_runner::TestCaseError;
use serde_json::{Value, json};

use sums::{Expected, Share, add_up};
use tree::{Op, Tree};

/// Rules that overlap in every way, used instead of the built-in ones. `sums` implements them too.
const RULES: &str = r#"
[[rules.add]]
id = "venv"
class = "environment"
contains = ["venv.cfg"]
unless_contains = ["keep"]
[[rules.add]]
id = "pip"
class = "cache"
paths = [".cache/pip"]
[[rules.add]]
id = "mods"
class = "cache"
paths = ["**/mods"]
beside = ["package"]
[[rules.add]]
id = "pyc"
class = "trash"
paths = ["**/pyc"]
[[rules.add]]
id = "core"
class = "log"
kind = "file"
paths = ["**/core"]
min_size = "4KiB"
[[rules.add]]
id = "rest"
class = "cache"
paths = [".cache"]
[[rules.add]]
id = "tag"
class = "hint"
contains = ["TAG"]
"#;

/// Globs relative to the root.
pub(crate) const EXCLUDES: &[&str] =
    &["**/pip", "*/b", "a", "**/core", "*/*/.cache", "**/venv.cfg", "*/.cache/*"];

pub(crate) fn configuration() -> String {
    let rules = efs_scan::usage::rule_file::built_in().unwrap();
    let off = toml::Value::Array(rules.into_iter().map(|rule| rule.id.into()).collect());
    format!("[prices]\nstandard = 0.3\n[rules]\noff = {off}\n{RULES}")
}

/// Options of one scan.
#[derive(Debug)]
struct Scan {
    depth: usize,
    excludes: Vec<&'static str>,
    engine: &'static str,
    threads: usize,
    /// Bytes of memory for hard links: with 0 all of them go through the disk.
    link_memory: u64,
    /// Metered size from which on a directory has a row in the table of directories.
    dirs_min: u64,
}

fn scans() -> impl Strategy<Value = Scan> {
    let engines: &[&str] =
        if cfg!(feature = "portable") { &["posix", "portable"] } else { &["posix"] };
    let excludes = proptest::sample::subsequence(EXCLUDES, 0..3);
    let engine = proptest::sample::select(engines);
    let memory = proptest::sample::select(&[0, 40_000, 64 << 20][..]);
    let threads = proptest::sample::select(&[1, 2, 5, 64][..]);
    // A directory has 6 KiB, and the largest file 70 KiB.
    let min = proptest::sample::select(&[0, 12_000, 20_000, 90_000, 1 << 20][..]);
    (0..3usize, excludes, engine, threads, memory, min).prop_map(
        |(depth, excludes, engine, threads, link_memory, dirs_min)| Scan {
            depth,
            excludes,
            engine,
            threads,
            link_memory,
            dirs_min,
        },
    )
}

fn cases() -> impl Strategy<Value = (Scan, Vec<Op>)> {
    scans().prop_flat_map(|scan| {
        let ops = tree::ops(scan.depth);
        (Just(scan), proptest::collection::vec(ops, 1..40))
    })
}

// proptest clones values to shrink them; a scan is small.
impl Clone for Scan {
    fn clone(&self) -> Self {
        Self { excludes: self.excludes.clone(), ..*self }
    }
}

fn scan(root: &Path, scan: &Scan) -> Value {
    let config = root.with_extension("toml");
    std::fs::write(&config, configuration()).unwrap();
    let mut args = vec![
        format!("--config={}", config.display()),
        format!("--home-depth={}", scan.depth),
        format!("--engine={}", scan.engine),
        format!("--threads={}", scan.threads),
        format!("--link-memory={}", scan.link_memory),
        // The lists of largest items hold everything.
        "--top=1000".to_owned(),
    ];
    args.push(format!("--dirs={}", root.with_extension("parquet").display()));
    args.push(format!("--dirs-min={}", scan.dirs_min));
    args.extend(scan.excludes.iter().map(|glob| format!("--exclude={glob}")));
    report(root, args, 0)
}

fn share(value: &Value) -> Share {
    Share {
        inodes: value["inodes"].as_u64().unwrap(),
        allocated: value["allocated_bytes"].as_u64().unwrap(),
    }
}

/// Maps the members of `value` by their `key`.
fn by<'a>(value: &'a Value, key: &str) -> BTreeMap<String, &'a Value> {
    let members = value.as_array().unwrap().iter();
    members.map(|member| (member[key].as_str().unwrap().to_owned(), member)).collect()
}

/// Reads the report's numbers into the model's form.
fn reported(report: &Value) -> Expected {
    let homes = by(&report["homes"], "name").into_iter().map(|(name, home)| {
        let usage = &home["usage"];
        let number = |key: &str| usage[key].as_u64().unwrap();
        let classes = usage["by_class"].as_object().unwrap().iter();
        let classes = classes.map(|(class, part)| (class.clone(), share(part)));
        let findings = home["findings"].as_array().unwrap().iter().map(|finding| {
            let key = (
                finding["path"].as_str().unwrap().to_owned(),
                finding["rule"].as_str().unwrap().to_owned(),
            );
            let together = &finding["together"];
            let freed = together.get("frees").map(share).unwrap_or_default();
            (key, [share(&finding["usage"]), share(&finding["frees"]), freed])
        });
        let with = home["findings"].as_array().unwrap().iter().filter_map(|finding| {
            let with = finding["together"].get("with")?.as_array().unwrap().iter();
            let text = |value: &Value| value.as_str().unwrap().to_owned();
            Some(((text(&finding["path"]), text(&finding["rule"])), with.map(text).collect()))
        });
        let rules = by(&home["rules"], "rule").into_iter().map(|(id, rule)| {
            let places = rule["places"].as_u64().unwrap();
            (id, (places, share(&rule["usage"]), share(&rule["frees"])))
        });
        let files = home["largest_files"].as_array().unwrap().iter().map(|file| {
            (file["path"].as_str().unwrap().to_owned(), file["allocated_bytes"].as_u64().unwrap())
        });
        let sums = sums::Home {
            counts: ["files", "dirs", "symlinks", "apparent_bytes", "allocated_bytes"].map(number),
            classes: classes.filter(|(_, part)| part.inodes > 0).collect(),
            shared: share(&home["shared"]),
            charged_elsewhere: share(&home["charged_elsewhere"]),
            findings: findings.collect(),
            with: with.collect(),
            reclaimable: share(&home["reclaimable"]["share"]),
            rules: rules.collect(),
            files: files.collect(),
        };
        (name, sums)
    });
    let top_level = by(&report["top_level"], "name").into_iter();
    let excluded = report["left_out"]["excluded"].as_array().unwrap().iter();
    Expected {
        homes: homes.collect(),
        shared: share(&report["hard_links"]["shared_between_homes"]),
        from_outside: share(&report["hard_links"]["linked_from_outside"]),
        reclaimable: share(&report["money"]["reclaimable"]["share"]),
        top_level: top_level
            .map(|(name, line)| (name, line["allocated_bytes"].as_u64().unwrap()))
            .collect(),
        excluded: excluded.map(|glob| glob["entries"].as_u64().unwrap()).collect(),
        above_homes: report["left_out"]["above_homes"].as_u64().unwrap(),
    }
}

fn check(scan_: &Scan, ops: &[Op]) -> Result<(), TestCaseError> {
    let dir = scratch();
    let root = dir.path().join("root");
    let tree = Tree::grow(&root, ops);
    let report = scan(&root, scan_);
    prop_assert_eq!(&report["errors"]["count"], &json!(0));
    let want = add_up(&tree, scan_.depth, &scan_.excludes);
    let got = reported(&report);
    for (name, home) in &want.homes {
        prop_assert_eq!(got.homes.get(name), Some(home), "{}", name);
    }
    prop_assert_eq!(&got, &want);
    dirs::check(&tree, scan_, &root.with_extension("parquet"), &report)?;
    // The parts sum to the whole, independent of the model.
    let keys = ["files", "dirs", "symlinks", "apparent_bytes", "allocated_bytes"];
    for (at, key) in keys.iter().enumerate() {
        let sum: u64 = got.homes.values().map(|home| home.counts[at]).sum();
        prop_assert_eq!(&report["totals"][key], &json!(sum));
    }
    if scan_.excludes.is_empty() {
        prop_assert_eq!(&report["totals"]["allocated_bytes"], &json!(du(&root)));
    }
    Ok(())
}

/// Returns a small number of cases, because each one makes a tree on disk. Set PROPTEST_CASES for
/// more.
pub(crate) fn cases_wanted() -> u32 {
    let wanted = std::env::var("PROPTEST_CASES");
    wanted.map_or(40, |number| number.parse().unwrap())
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: cases_wanted(),
        max_shrink_iters: 300,
        // proptest prints a failing case; add it to the test below.
        failure_persistence: None,
        ..ProptestConfig::default()
    })]
    #[test]
    fn random_trees_add_up_as_the_model_says((scan, ops) in cases()) {
        check(&scan, &ops)?;
    }
}
