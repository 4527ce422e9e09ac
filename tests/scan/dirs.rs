//! The table of directories: the same file at any number of threads, hostile names, directories that
//! are counted in parts, hard links through the disk, and no place for temporary files. The random
//! trees of `model` compare its rows with those of a model, the failing ones of `faults` its sums.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::time::Duration;

use efs_scan::dirs::DirRow;
use efs_scan::units::MeteredBytes;
use efs_scan_testbed::*;
use serde_json::Value;
use tempfile::TempDir;

use crate::dirs_rows::{adds_up, read};

/// A name with everything that tables and terminals stumble over.
const HOSTILE: &[u8] = b"a\xff\n,<b>\"";

fn tree() -> TempDir {
    let dir = scratch();
    let root = dir.path().join("root");
    // More names than a directory that is counted in one part has.
    for at in 0..2500 {
        file(&root, format!("200005/large/f{at}"), at % 5000);
        std::fs::create_dir_all(root.join(format!("200005/large/d{at}"))).unwrap();
    }
    for at in 0..300 {
        let made = file(&root, format!("200006/{}/{at}", at % 7), 3000);
        for copy in ["200005/copy", "200007/.cache/pip", "shared"] {
            let link = root.join(format!("{copy}/{}/{at}", at % 5));
            std::fs::create_dir_all(link.parent().unwrap()).unwrap();
            std::fs::hard_link(&made, link).unwrap();
        }
    }
    let odd = root.join(OsStr::from_bytes(HOSTILE)).join(OsStr::from_bytes(HOSTILE));
    file(&odd, "file", 9000);
    file(&root, "200005/x/y/z", 9000);
    file(&root, "200005/x y/z", 9000);
    file(&root, "200005/x-y/z", 9000);
    dir
}

fn scan(root: &Path, table: &Path, args: &[&str]) -> Value {
    let dirs = format!("--dirs={}", table.display());
    report(root, args.iter().copied().chain([&*dirs]), 0)
}

#[test]
fn a_still_tree_gives_the_same_file_byte_for_byte() {
    let dir = tree();
    let root = dir.path().join("root");
    let table = dir.path().join("dirs.parquet");
    for (min, depth) in [("0", "1"), ("20KiB", "1"), ("1MiB", "0"), ("9KiB", "2")] {
        let mut first: Option<Vec<u8>> = None;
        for threads in ["1", "2", "64"] {
            for links in ["0", "64MiB"] {
                let args = [
                    ["--dirs-min", min],
                    ["--home-depth", depth],
                    ["--threads", threads],
                    ["--link-memory", links],
                ];
                let report = scan(&root, &table, args.as_flattened());
                let rows = read(&table);
                adds_up(&rows, &report);
                let bytes = std::fs::read(&table).unwrap();
                let first = first.get_or_insert_with(|| bytes.clone());
                assert!(*first == bytes, "{args:?}");
            }
        }
    }
}

#[test]
fn hostile_names_are_their_bytes() {
    let dir = tree();
    let table = dir.path().join("dirs.parquet");
    scan(&dir.path().join("root"), &table, &["--dirs-min=0"]);
    let rows = read(&table);
    let odd = |row: &&DirRow| row.home == HOSTILE && row.path == HOSTILE;
    let odd = rows.iter().find(odd).expect("a row");
    assert!(odd.subtree.files == 1 && odd.subtree.metered > MeteredBytes(9000), "{odd:?}");
    // Components are compared, not the bytes of whole paths.
    let of_x = rows.iter().filter(|row| row.home == b"200005" && row.path.starts_with(b"x"));
    let of_x: Vec<_> = of_x.map(|row| String::from_utf8_lossy(&row.path).into_owned()).collect();
    assert_eq!(of_x, ["x", "x/y", "x y", "x-y"]);
}

#[test]
fn a_scan_of_some_users_has_their_directories() {
    let dir = tree();
    let table = dir.path().join("dirs.parquet");
    let report = scan(&dir.path().join("root"), &table, &["--dirs-min=0", "--user=200006"]);
    let rows = read(&table);
    assert_eq!(rows.len(), 8);
    assert!(rows.iter().all(|row| row.home == b"200006"));
    adds_up(&rows, &report);
}

#[test]
fn a_place_in_the_tree_or_no_file_is_refused() {
    let dir = tree();
    let root = dir.path().join("root");
    for place in [root.join("dirs.parquet"), root.join("missing/x"), dir.path().to_owned()] {
        let output = run([&root, &format!("--dirs={}", place.display()).into()]);
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{said}");
        assert!(said.contains("--dirs"), "{said}");
    }
}

#[test]
fn without_a_place_for_temporary_files_the_scan_goes_on() {
    let dir = tree();
    let root = dir.path().join("root");
    for state in ["directory", "destination"] {
        let published = dir.path().join(format!("published-{state}"));
        let mut command = efs_scan();
        command.arg(&root).env("TMPDIR", dir.path().join("missing")).arg("--name=prod");
        command.arg("--publish").arg(&published).arg("--state-dir").arg(dir.path().join("state"));
        let output = watched(command.args(["--state", state]), Duration::from_secs(60));
        let (said, table) =
            (String::from_utf8_lossy(&output.stderr), String::from_utf8_lossy(&output.stdout));
        assert_eq!(output.status.code(), Some(0), "{state}: {said}");
        assert!(said.contains("published without its table of directories"), "{state}: {said}");
        assert!(table.contains("No table of directories: "), "{state}: {table}");
        assert!(published.join("latest/prod.json").is_file(), "{state}");
        assert!(!published.join("dirs").exists(), "{state}");
    }
}

/// A path of any length can be made, but a table with a row for each of its directories would take the
/// square of it.
#[test]
fn directories_with_paths_that_nothing_can_open_count_in_the_row_above() {
    let dir = scratch();
    let root = dir.path().join("root");
    let long = "n".repeat(250);
    let chain = vec![&*long; 14].join("/");
    file(&root, "200006/plain", 10);
    file(&root, "later/top", 10);
    let made = file(&root, format!("later/{chain}/deep"), 3 << 20);
    std::fs::hard_link(&made, root.join(format!("later/{chain}/again"))).unwrap();
    file(&root, format!("later/{chain}/single"), 2 << 20);
    let home = root.join(format!("200005/{chain}"));
    std::fs::create_dir_all(&home).unwrap();
    // The path of what is renamed is longer afterwards than a path can be.
    std::fs::rename(root.join("later"), home.join("later")).unwrap();
    let table = dir.path().join("dirs.parquet");
    let mut first: Option<Vec<u8>> = None;
    for threads in ["1", "8"] {
        let report = scan(&root, &table, &["--dirs-min=0", "--threads", threads]);
        let rows = read(&table);
        adds_up(&rows, &report);
        let of_home = || rows.iter().filter(|row| row.home == b"200005");
        assert!(of_home().all(|row| row.path.len() <= 4096));
        let last = of_home().next_back().unwrap();
        assert!(last.path.len() > 3800 && last.rest.dirs > 10, "{last:?}");
        assert_eq!((last.subtree.files, last.linked.inodes), (2, 1));
        assert!(last.subtree.allocated.0 >= 5 << 20, "{last:?}");
        let bytes = std::fs::read(&table).unwrap();
        assert!(*first.get_or_insert_with(|| bytes.clone()) == bytes);
    }
}
