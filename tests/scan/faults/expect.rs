//! Runs the program on a faulty tree with every engine and worker count, and checks its report.

use efs_scan_testbed::fuse::faulty::Errno;
use serde_json::Value;

use efs_scan_testbed::fuse::faulty::{Fault, Op, Tree};
use efs_scan_testbed::fuse::faulty::{Mounted, mount};
use efs_scan_testbed::{report, scratch};

use crate::dirs_rows;

/// Flags that choose an engine and its workers.
pub(crate) type Engine = [&'static str; 4];

/// The posix engine with one, some and many workers.
pub(crate) const POSIX: &[Engine] = &[
    ["--engine", "posix", "--threads", "1"],
    ["--engine", "posix", "--threads", "2"],
    ["--engine", "posix", "--threads", "64"],
];

/// The portable engine.
pub(crate) const PORTABLE: &[Engine] = match cfg!(feature = "portable") {
    true => {
        &[["--engine", "portable", "--threads", "1"], ["--engine", "portable", "--threads", "2"]]
    }
    false => &[],
};

/// Returns both engines.
pub(crate) fn all() -> Vec<Engine> {
    [POSIX, PORTABLE].concat()
}

/// Makes the tree that tests add faults to.
pub(crate) fn plain() -> Tree {
    let mut tree = Tree::new();
    for at in 0..10 {
        tree.file(&format!("200005/dir/file-{at}"), 1000);
    }
    tree.file("200005/dir/sub/deep/file", 5000);
    tree.file("200005/dir-beside/file", 5000);
    tree.file("200005/beside", 5000);
    tree.file("200006/file", 5000);
    tree
}

/// Makes [`plain`] with one fault.
pub(crate) fn with(fault: Fault) -> Tree {
    let mut tree = plain();
    tree.fault(fault);
    tree
}

/// Makes [`plain`] with one operation that fails every time.
pub(crate) fn failing(op: Op, path: &str, errno: Errno) -> Tree {
    with(Fault::fail(op, path, errno))
}

/// Expected report.
#[derive(Debug)]
pub(crate) struct Expect<'a> {
    pub(crate) files: u64,
    pub(crate) dirs: u64,
    pub(crate) vanished: u64,
    /// Path, operation and kind of each error.
    pub(crate) errors: &'a [(&'a str, &'a str, &'a str)],
}

/// The report of [`plain`] without faults.
pub(crate) const WHOLE: Expect<'static> = Expect { files: 14, dirs: 7, vanished: 0, errors: &[] };

/// Runs the program with each of `engines` on the tree that `tree` makes, and compares; `more`
/// checks each report further. Every run gets its own mount, because a fault may apply to the first
/// call only and the kernel caches names.
pub(crate) fn expect(
    engines: &[Engine],
    tree: impl Fn() -> Tree,
    expected: &Expect<'_>,
    more: impl Fn(&Value, &Mounted),
) {
    for engine in engines {
        let mounted = mount(tree());
        let code = if expected.errors.is_empty() { 0 } else { 3 };
        let place = scratch();
        let table = place.path().join("dirs.parquet");
        let more_args = ["--dirs-min", "0", "--dirs", table.to_str().unwrap()];
        let report = report(mounted.path(), engine.iter().chain(&more_args), code);
        check(&report, expected, &format!("{engine:?}"));
        // What could not be read is in no sum of the table either.
        dirs_rows::adds_up(&dirs_rows::read(&table), &report);
        more(&report, &mounted);
    }
}

fn check(report: &Value, expected: &Expect<'_>, what: &str) {
    let errors = &report["errors"];
    assert_eq!(errors["vanished"], expected.vanished, "{what}: {errors}");
    let samples = errors["samples"].as_array().unwrap();
    let samples: Vec<_> = samples
        .iter()
        .map(|sample| {
            let text = |key: &str| sample[key].as_str().unwrap();
            (text("path"), text("op"), text("kind"))
        })
        .collect();
    assert_eq!(samples, expected.errors, "{what}");
    assert_eq!(errors["count"], samples.len(), "{what}");
    let by_kind = errors["by_kind"].as_object().unwrap();
    let mut sum = 0;
    for (kind, count) in by_kind {
        let same = samples.iter().filter(|sample| sample.2 == kind).count();
        assert_eq!(count, same, "{what}: {kind}");
        sum += same;
    }
    assert_eq!(errors["count"], sum, "{what}");

    let coverage = |errors: usize| if errors > 0 { "partial" } else { "complete" };
    let run = coverage(samples.len());
    assert_eq!(report["run"]["coverage"], run, "{what}");
    // An error affects its own home only.
    for home in report["homes"].as_array().unwrap() {
        let name = home["name"].as_str().unwrap();
        let is_inside = |path: &str| match name {
            "(outside homes)" => path.is_empty(),
            _ => path.split('/').next() == Some(name),
        };
        let inside = samples.iter().filter(|sample| is_inside(sample.0)).count();
        assert_eq!(home["errors"], inside, "{what}: {name}");
        assert_eq!(home["coverage"], coverage(inside), "{what}: {name}");
    }

    let totals = &report["totals"];
    let found = format!("{what}: {totals}");
    assert_eq!(totals["files"], expected.files, "files, {found}");
    assert_eq!(totals["dirs"], expected.dirs, "directories, {found}");
    assert_parts_sum(report, what);
}

/// Checks that the homes sum to the totals.
pub(crate) fn assert_parts_sum(report: &Value, what: &str) {
    let homes = report["homes"].as_array().unwrap();
    for key in ["files", "dirs", "symlinks", "other", "apparent_bytes", "allocated_bytes"] {
        let parts = homes.iter().map(|home| home["usage"][key].as_u64().unwrap());
        assert_eq!(report["totals"][key], parts.fold(0, u64::saturating_add), "{key}, {what}");
    }
}
