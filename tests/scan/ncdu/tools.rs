//! Programs that load an export, and `find`.

use std::collections::BTreeMap;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::process::{Command, Output};
use std::time::Duration;

use super::read::{Export, read};
use efs_scan_testbed::{efs_scan, skip_unless, watched};

const PATIENCE: Duration = Duration::from_secs(60);

/// Returns true if a program is installed; otherwise reports the test as skipped.
pub(crate) fn has(program: &str) -> bool {
    let able = Command::new(program).arg("--version").output().is_ok();
    let test = std::thread::current();
    let test = test.name().unwrap_or("a test of an export");
    skip_unless(able, test, &format!("{program} is not installed"))
}

/// Returns a command that exports `root`.
pub(crate) fn scan(root: &Path, args: &[&str]) -> Command {
    let mut command = efs_scan();
    command.arg(root).args(["--format", "ncdu"]).args(args);
    command
}

#[track_caller]
pub(crate) fn ended(output: &Output, code: i32) {
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(code), "{stderr}");
}

/// Exports `root`. The program must exit with `code`.
#[track_caller]
pub(crate) fn export(root: &Path, args: &[&str], code: i32) -> Export {
    let output = watched(&mut scan(root, args), PATIENCE);
    ended(&output, code);
    read(&output.stdout)
}

/// Returns a command for ncdu without the user's settings.
fn ncdu() -> Command {
    let mut command = Command::new("ncdu");
    command.arg("--ignore-config");
    command
}

/// Loads an export into ncdu and returns what ncdu exports again.
#[track_caller]
pub(crate) fn by_ncdu(file: &Path) -> Export {
    let output = watched(ncdu().args(["-o", "-", "-f"]).arg(file), PATIENCE);
    ended(&output, 0);
    assert!(output.stderr.is_empty(), "{}", String::from_utf8_lossy(&output.stderr));
    read(&output.stdout)
}

/// Returns ncdu's own export of a tree.
#[track_caller]
pub(crate) fn of_ncdu(root: &Path, args: &[&str]) -> Export {
    let output = watched(ncdu().args(["-x", "-o", "-"]).args(args).arg(root), PATIENCE);
    ended(&output, 0);
    read(&output.stdout)
}

/// Returns the names in the root and their bytes, as gdu lists them. gdu sums in signed 64-bit
/// integers.
#[track_caller]
pub(crate) fn by_gdu(args: &[&str], of: &Path) -> BTreeMap<String, i64> {
    let mut command = Command::new("gdu");
    let command = command.args(["-n", "-p", "-c", "--no-prefix"]).args(args).arg(of);
    // Ignores the user's settings.
    let output = watched(command.env("HOME", "/nonexistent"), PATIENCE);
    ended(&output, 0);
    let text = String::from_utf8_lossy(&output.stdout);
    // A name with a newline continues on the next line, which has no size.
    let line = |line: &str| {
        let sized = line.get(1..).and_then(|rest| rest.trim_start().split_once(' '));
        match sized.and_then(|(bytes, name)| Some((name, bytes.parse().ok()?))) {
            Some((name, bytes)) => (name.trim_start_matches('/').to_owned(), bytes),
            None => (line.to_owned(), 0),
        }
    };
    text.lines().filter(|line| !line.is_empty()).map(line).collect()
}

/// Attributes of an entry, from `find`.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Found {
    pub(crate) path: Vec<u8>,
    pub(crate) kind: char,
    pub(crate) apparent: u64,
    pub(crate) allocated: u64,
    pub(crate) uid: u64,
    pub(crate) mtime: u64,
    /// Inode and link count, for entries with several links.
    pub(crate) linked: Option<(u64, u64)>,
}

pub(crate) fn by_find(root: &Path) -> Vec<Found> {
    let mut command = Command::new("find");
    let output =
        command.arg(root).args(["-printf", "%y %s %b %U %T@ %i %n %P\\0"]).output().unwrap();
    assert!(output.status.success());
    let entries = output.stdout.split(|byte| *byte == 0).filter(|entry| !entry.is_empty());
    let mut found: Vec<_> = entries
        .map(|entry| {
            let words: Vec<_> = entry.splitn(8, |byte| *byte == b' ').collect();
            let text = |at: usize| std::str::from_utf8(words[at]).unwrap();
            let number = |at: usize| text(at).split('.').next().unwrap().parse::<u64>().unwrap();
            let kind = match text(0) {
                "d" => 'd',
                "f" => 'f',
                _ => 'o',
            };
            let linked = (kind != 'd' && number(6) > 1).then(|| (number(5), number(6)));
            Found {
                path: words[7].to_vec(),
                kind,
                apparent: number(1),
                allocated: number(2) * 512,
                uid: number(3),
                mtime: number(4),
                linked,
            }
        })
        .collect();
    found.sort();
    found
}

/// Reads the same from an export in which everything is known.
pub(crate) fn as_found(export: &Export) -> Vec<Found> {
    let mut found: Vec<_> = export
        .entries
        .iter()
        .map(|entry| {
            assert!(!entry.is("read_error"), "{entry:?}");
            let links = entry
                .is("hlnkc")
                .then(|| (entry.number("ino").unwrap(), entry.number("nlink").unwrap()));
            Found {
                path: entry.path.clone(),
                kind: match (entry.is_dir, entry.is("notreg")) {
                    (true, false) => 'd',
                    (false, false) => 'f',
                    (false, true) => 'o',
                    (true, true) => panic!("{entry:?}"),
                },
                apparent: entry.number("asize").unwrap_or(0),
                allocated: entry.number("dsize").unwrap_or(0),
                uid: entry.number("uid").unwrap(),
                mtime: entry.number("mtime").unwrap(),
                linked: links,
            }
        })
        .collect();
    found.sort();
    found
}

/// Checks the root's name.
pub(crate) fn assert_root(export: &Export, root: &Path) {
    assert_eq!(export.root, root.as_os_str().as_bytes());
}
