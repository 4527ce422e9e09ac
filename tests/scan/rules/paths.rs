//! Table of common places in homes: the rule and class of each, and the reason.

use std::collections::BTreeSet;

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
