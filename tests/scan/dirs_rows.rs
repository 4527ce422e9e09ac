//! Reads tables of directories, and checks what holds for every one of them.

use std::fs::File;
use std::path::Path;

use efs_scan::dirs::{DirRow, DirsReader};
use efs_scan::report::OUTSIDE_HOMES;
use efs_scan::usage::{Class, HomeKind};
use serde_json::Value;

/// Reads a table.
pub(crate) fn read(path: &Path) -> Vec<DirRow> {
    let mut reader = DirsReader::open(File::open(path).unwrap()).unwrap();
    let mut rows = Vec::new();
    while let Some(row) = reader.next_row().unwrap() {
        rows.push(row.clone());
    }
    rows
}

/// Checks what holds for every table: its order, that rows add up, and that their sums are those of
/// the report.
pub(crate) fn adds_up(rows: &[DirRow], report: &Value) {
    assert!(rows.is_sorted_by(|one, other| one.cmp_place(other).is_lt()));
    for (at, row) in rows.iter().enumerate() {
        let mut parts = row.own;
        parts.add(&row.rest);
        let below = rows[at + 1..].iter().take_while(|other| row.contains(other));
        let mut direct: Vec<&DirRow> = Vec::new();
        for other in below {
            if direct.last().is_none_or(|last| !last.contains(other)) {
                parts.add(&other.subtree);
                direct.push(other);
            }
        }
        assert_eq!(parts, row.subtree, "{row:?}");
        let ages = row.ages.iter().fold(row.future, |sum, age| sum + *age);
        assert_eq!(ages, row.subtree.metered, "{row:?}");
    }
    for home in report["homes"].as_array().unwrap() {
        let of_home = |row: &&DirRow| shown(row) == home["name"].as_str().unwrap();
        let Some(top) = rows.iter().find(|row| of_home(row) && row.is_home()) else {
            assert_eq!(home["usage"]["dirs"].as_u64(), Some(0), "{home}");
            continue;
        };
        let usage = &home["usage"];
        let sum = |key: &str| usage[key].as_u64().unwrap();
        let sums = top.subtree;
        assert_eq!([sums.files, sums.dirs], ["files", "dirs"].map(sum));
        let sizes = [sums.apparent.0, sums.allocated.0, sums.metered.0];
        assert_eq!(sizes, ["apparent_bytes", "allocated_bytes", "metered_bytes"].map(sum));
        let newest = top.newest.map(|at| jiff::Timestamp::from_second(at).unwrap().to_string());
        assert_eq!(newest.as_deref(), home["newest_mtime"].as_str());
        let ages = ["days_7", "days_30", "days_90", "year_1", "older"];
        let of_age = |age: &str| usage["by_age"][age]["metered_bytes"].as_u64().unwrap();
        assert_eq!(top.ages.map(|age| age.0), ages.map(of_age));
        // What no other row holds is of the row's class.
        for class in Class::ALL {
            let of_class = rows.iter().filter(of_home).filter(|row| row.class == class);
            let metered: u64 = of_class.map(|row| row.own.metered.0 + row.rest.metered.0).sum();
            let reported = usage["by_class"][class.name()]["metered_bytes"].as_u64();
            assert_eq!(metered, reported.unwrap_or(0), "{class:?} of {home}");
        }
    }
}

/// The name of a row's home in the report.
fn shown(row: &DirRow) -> String {
    match (row.kind, &*row.home) {
        (HomeKind::Outside, _) => OUTSIDE_HOMES.to_owned(),
        (_, b"") => ".".to_owned(),
        (_, home) => String::from_utf8_lossy(home).into_owned(),
    }
}
