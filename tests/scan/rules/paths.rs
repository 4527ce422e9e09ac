//! Table of common places in homes: the rule and class of each, and the reason.

use std::collections::BTreeSet;
use std::path::Path;

use efs_scan_testbed::*;
use serde_json::Value;

use super::ENGINES;

const TABLE: &str = include_str!("paths.tsv");

/// A line of the table.
struct Place {
    path: &'static str,
    /// Files that identify the place.
    files: Vec<String>,
    rule: &'static str,
    class: &'static str,
}

fn table() -> Vec<Place> {
    let lines = TABLE.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
    lines
        .map(|line| {
            let columns: Vec<&str> = line.split('\t').collect();
            let [path, files, rule, class, why] = columns[..] else { panic!("columns: {line}") };
            assert!(why.len() > 5, "{path} has no reason");
            let files = match files {
                "-" => vec![format!("{path}/payload")],
                files => files.split(' ').map(str::to_owned).collect(),
            };
            Place { path, files, rule, class }
        })
        .collect()
}

/// Returns the rule and the class of the innermost finding at or above `path`.
fn called(home: &Value, path: &str) -> (String, String) {
    let name = home["name"].as_str().unwrap();
    let findings = home["findings"].as_array().unwrap().iter();
    let at = |finding: &&Value| {
        let of = finding["path"].as_str().unwrap().strip_prefix(name).unwrap();
        format!("/{path}/").starts_with(&format!("{of}/"))
    };
    let length = |finding: &&Value| finding["path"].as_str().unwrap().len();
    let text = |finding: &Value, key: &str| finding[key].as_str().unwrap().to_owned();
    match findings.filter(at).max_by_key(length) {
        Some(finding) => (text(finding, "rule"), text(finding, "class")),
        None => ("rest".to_owned(), "rest".to_owned()),
    }
}

#[test]
fn common_places_match_the_table() {
    let places = table();
    let paths: BTreeSet<_> = places.iter().map(|place| place.path).collect();
    assert_eq!(paths.len(), places.len(), "a path stands there twice");
    assert!(paths.len() >= 243);
    let tree = scratch();
    for (at, place) in places.iter().enumerate() {
        for path in &place.files {
            file(tree.path(), format!("h{at}/{path}"), 5000);
        }
    }
    for engine in ENGINES {
        let report = report(tree.path(), ["--engine", engine], 0);
        let mut wrong = Vec::new();
        for (at, place) in places.iter().enumerate() {
            let called = called(home(&report, &format!("h{at}")), place.path);
            if called != (place.rule.to_owned(), place.class.to_owned()) {
                wrong.push(format!("{}: {called:?}, not {}", place.path, place.rule));
            }
        }
        assert_eq!(wrong, [] as [&str; 0], "{engine}");
    }
}

/// Whoever looks for what fills a storage of images scans it, or a part of it.
#[test]
fn layers_are_known_wherever_the_scan_begins() {
    let tree = scratch();
    let layer = "docker/overlay2/0ufb3vs8sdpqw2a0hw62c5xjq/diff";
    for place in [&format!("{layer}/app"), "docker/work/app"] {
        file(tree.path(), format!("{place}/m.py"), 1000);
        file(tree.path(), format!("{place}/__pycache__/m.cpython-311.pyc"), 5000);
    }
    // No rule without a path applies, either.
    for name in ["pyvenv.cfg", "bin/python"] {
        file(tree.path(), format!("{layer}/app/venv/{name}"), 5000);
    }
    let found = |root: &str, args: &[&str]| findings_in(&tree.path().join(root), args).len();
    for engine in ENGINES {
        for depth in ["1", "2"] {
            assert_eq!(found("docker", &["--engine", engine, "--home-depth", depth]), 1);
        }
        assert_eq!(found("docker/work", &["--engine", engine]), 1);
        for root in ["docker/overlay2", layer, &format!("{layer}/app")] {
            assert_eq!(found(root, &["--engine", engine]), 0, "{root}");
        }
    }
}

/// Returns all findings of a scan.
fn findings_in(root: &Path, args: &[&str]) -> Vec<Value> {
    let report = report(root, args, 0);
    let homes = report["homes"].as_array().unwrap().iter();
    homes.flat_map(|home| home["findings"].as_array().unwrap().clone()).collect()
}

/// conda compares the files of a package with its list. A person's own directory may be called like one.
#[test]
fn installed_packages_are_known_wherever_the_scan_begins() {
    let packages =
        ["pkgs/x-1.2-h0f_0/share/x", "conda_cache/y-1.2-0/etc/y", "py/lib/python3.11/json"];
    let own = ["work/app", "own/a-b-c_1/run-2024-11-5/app"];
    let tree = scratch();
    for place in packages.iter().chain(&own) {
        file(tree.path(), format!("{place}/m.py"), 1000);
        file(tree.path(), format!("{place}/__pycache__/m.cpython-311.pyc"), 5000);
    }
    for engine in ENGINES {
        for depth in 0..=5 {
            let found = |root: &str| {
                let args = ["--engine", engine, "--home-depth", &depth.to_string()];
                let all = findings_in(&tree.path().join(root), &args);
                assert!(all.iter().all(|it| it["rule"] == "python-byproducts"), "{root}: {all:?}");
                all.iter().filter(|finding| finding["command"].is_string()).count()
            };
            let in_homes = own.iter().filter(|place| place.split('/').count() >= depth);
            assert_eq!(found(""), in_homes.count(), "depth {depth}");
            assert_eq!(
                found("own/a-b-c_1/run-2024-11-5"),
                usize::from(depth <= 1),
                "depth {depth}"
            );
            for place in packages {
                for root in Path::new(place).ancestors().filter(|root| *root != Path::new("")) {
                    assert_eq!(found(root.to_str().unwrap()), 0, "{root:?}, depth {depth}");
                }
            }
        }
    }
}
