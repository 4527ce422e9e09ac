//! `--format ncdu`: every entry, compared with `find`, ncdu and gdu.

#[cfg(target_os = "linux")]
mod broken;
mod large;
mod read;
mod tools;

use std::collections::BTreeSet;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use efs_scan_testbed::*;
use proptest::prelude::*;
use read::{Said, read};
use rustix::fs::{FileType, Mode, mknodat};
use tools::*;

use crate::model::tree as random;

/// All ways to walk a mounted tree.
const WALKS: &[&[&str]] = &[
    &["--threads", "1"],
    &["--threads", "8"],
    #[cfg(feature = "portable")]
    &["--engine", "portable"],
];

/// Homes with hostile names, links within and between homes, and special files.
fn hostile(root: &Path) {
    let names: &[&[u8]] = &[
        ODD_NAME,
        b"<script>alert(1)<",
        b"\x01\x1f\x7f\t\r\n\x08\x0c",
        b"back\\slash\"quote/"[..16].as_ref(),
        b"\xff",
        b"\xed\xa0\x80",
        b"\x9b31m",
        "näme 目录 🦀 \u{202e}gnp \u{9b}31m \u{2028}".as_bytes(),
        "\u{e0001}\u{10ffff}\u{ffff}".as_bytes(),
        b"],[{\"name\":\"x\"}",
        &[b'n'; 255],
        &[1; 255],
    ];
    for name in names {
        file(&raw(root, name), "file", 10);
        let below = raw(&root.join("200005"), name);
        file(&below, raw(&below, name), 5000);
        std::fs::create_dir_all(raw(&below, b"empty")).unwrap();
    }
    let one = file(root, "200005/one", 9000);
    std::fs::hard_link(&one, root.join("200005/two")).unwrap();
    std::fs::hard_link(&one, raw(&root.join("200005"), b"\xffthree")).unwrap();
    let shared = file(root, "200006/shared", 70_000);
    std::fs::hard_link(&shared, root.join("200007")).unwrap();
    symlink("/nowhere", root.join("200006/symlink")).unwrap();
    symlink("200005", root.join("200008")).unwrap();
    let sparse = file(root, "200006/sparse", 1);
    std::fs::File::options().write(true).open(sparse).unwrap().set_len(1 << 40).unwrap();
    let fifo = root.join("200006/fifo");
    mknodat(rustix::fs::CWD, &fifo, FileType::Fifo, Mode::RWXU, 0).unwrap();
    std::os::unix::net::UnixListener::bind(root.join("200006/socket")).unwrap();
    file(root, "200006/empty-file", 0);
}

#[test]
fn every_entry_matches_find() {
    let tree = scratch();
    let root = raw(tree.path(), b"root \xff\"\n");
    hostile(&root);
    let want = by_find(&root);
    for walk in WALKS {
        let export = export(&root, walk, 0);
        assert_root(&export, &root);
        assert_eq!(as_found(&export), want, "{walk:?}");
        assert_eq!(export.about["progname"], Said::Text(b"efs-scan".to_vec()));
        assert_eq!(export.about["coverage"], Said::Text(b"complete".to_vec()));
    }
}

#[test]
fn sums_match_the_report_and_du() {
    let tree = scratch();
    let root = tree.path();
    hostile(root);
    let export = export(root, &["--threads", "4"], 0);
    let report = report(root, [""; 0], 0);
    let sums = export.sums("");
    assert_eq!(sums.allocated, report["totals"]["allocated_bytes"]);
    assert_eq!(sums.apparent, report["totals"]["apparent_bytes"]);
    assert_eq!(sums.dirs, report["totals"]["dirs"]);
    assert_eq!(sums.allocated, du(root));
    // A file linked from two homes is charged to one of them, so these have none.
    for name in ["200005", "<script>alert(1)<"] {
        let sums = export.sums(name);
        assert_eq!(sums.allocated, du(&root.join(name)), "{name}");
        assert_eq!(sums.allocated, home(&report, name)["usage"]["allocated_bytes"], "{name}");
    }
}

#[test]
fn ncdu_loads_the_export_and_writes_the_same() {
    if !has("ncdu") {
        return;
    }
    let (tree, place) = (scratch(), scratch());
    let root = tree.path();
    hostile(root);
    let path = place.path().join("export");
    for walk in WALKS {
        let args = [walk, &["--output", path.to_str().unwrap()][..]].concat();
        ended(&watched(&mut scan(root, &args), Duration::from_secs(60)), 0);
        let ours = read(&std::fs::read(&path).unwrap());
        assert_eq!(ours.to_ncdu(), of_ncdu(root, &[]).to_ncdu(), "{walk:?}");
        let loaded = by_ncdu(&path);
        assert_root(&loaded, root);
        assert_eq!(ours.to_ncdu(), loaded.to_ncdu(), "{walk:?}");
    }
    assert_eq!(place.path().read_dir().unwrap().count(), 1, "nothing is left beside it");
}

#[test]
fn ncdu_shows_the_export() {
    let able = Command::new("script").arg("--version").output().is_ok();
    if !has("ncdu") || !skip_unless(able, "ncdu_shows_the_export", "script is not installed") {
        return;
    }
    let (tree, place) = (scratch(), scratch());
    file(tree.path(), "200005/large", 3 << 20);
    file(tree.path(), "<script>alert(1)</small", 1);
    let path = place.path().join("export");
    std::fs::write(&path, scan(tree.path(), &[]).output().unwrap().stdout).unwrap();
    let mut command = Command::new("script");
    command.args(["-qefc", "stty cols 120 rows 40; ncdu -0 -f \"$EXPORT\"", "/dev/null"]);
    command.env("EXPORT", &path).env("TERM", "xterm");
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    // Kept open, because at the end of its input `script` would hang up before anything is shown.
    let mut keys = child.stdin.take().unwrap();
    std::thread::sleep(Duration::from_millis(700));
    std::io::Write::write_all(&mut keys, b"q").unwrap();
    let shown = finish(child, Duration::from_secs(20)).stdout;
    drop(keys);
    let shown = String::from_utf8_lossy(&shown);
    for part in ["/200005", "/<script>alert(1)<", "Total disk usage", "  3.0"] {
        assert!(shown.contains(part), "no {part} in {shown}");
    }
}

#[test]
fn gdu_loads_the_export() {
    if !has("gdu") {
        return;
    }
    let (tree, place) = (scratch(), scratch());
    let root = tree.path();
    hostile(root);
    let path = place.path().join("export");
    std::fs::write(&path, scan(root, &[]).output().unwrap().stdout).unwrap();
    // gdu reports the same for files as for the tree itself. It assumes 4 KiB for each directory.
    let (ours, own) = (by_gdu(&["-f"], &path), by_gdu(&[], root));
    let names = |of: &std::collections::BTreeMap<String, i64>| -> BTreeSet<String> {
        of.keys().cloned().collect()
    };
    // Go's JSON reader turns an invalid byte into U+FFFD, and so do we when we read gdu's output.
    assert_eq!(names(&ours), names(&own));
    for name in ["200005", "200006", "<script>alert(1)<"] {
        assert_eq!(ours[name], own[name], "{name}");
    }
}

#[test]
fn excluded_entries_are_named() {
    let tree = scratch();
    let root = tree.path();
    for path in ["200005/.cache/a", "200005/keep/b.o", "200005/keep/c", "200006/.cache"] {
        file(root, path, 5000);
    }
    for walk in WALKS {
        let args = [walk, &["--exclude", "*/.cache", "--exclude", "**/*.o"][..]].concat();
        let export = export(root, &args, 0);
        for path in ["200005/.cache", "200005/keep/b.o", "200006/.cache"] {
            let entry = export.entry(path);
            assert_eq!(entry.text("excluded"), Some(&b"pattern"[..]));
            assert_eq!((entry.said.len(), entry.is_dir), (1, false), "{entry:?}");
        }
        assert_eq!(export.entries.len(), 8);
        assert!(export.entry("200005/keep/c").counts());
        if has("ncdu") {
            let own = of_ncdu(root, &["--exclude", ".cache", "--exclude", "*.o"]);
            assert_eq!(export.to_ncdu(), own.to_ncdu());
        }
    }
}

#[test]
fn other_mounts_are_named_or_entered() {
    let tree = scratch();
    let root = tree.path();
    file(root, "200005/file", 5000);
    std::fs::create_dir(root.join("200005/tmpfs")).unwrap();
    // In its own mount namespace, which removes the mount when it ends.
    let script = "mount -t tmpfs tmpfs \"$1/200005/tmpfs\" && echo x >\"$1/200005/tmpfs/inside\" &&
        { [ -z \"$3\" ] || exec ncdu -x -o - \"$1\"; } && exec \"$2\" \"$1\" --format ncdu $4";
    let run = |ncdu: &str, args: &str| {
        let mut command = Command::new("unshare");
        command.args(["-m", "sh", "-c", script, "sh"]).arg(root);
        command.args([env!("CARGO_BIN_EXE_efs-scan"), ncdu, args]);
        watched(command.env("EFS_SCAN_CONFIG", "/dev/null"), Duration::from_secs(20))
    };
    let output = run("", "");
    let able = output.status.success();
    if !skip_unless(able, "mounts in an export", "mounting needs root and is not allowed here") {
        return;
    }
    let export = read(&output.stdout);
    let mounted = export.entry("200005/tmpfs");
    assert_eq!(mounted.text("excluded"), Some(&b"otherfs"[..]));
    assert_eq!(mounted.said.len(), 1, "{mounted:?}");
    if has("ncdu") {
        assert_eq!(export.to_ncdu(), read(&run("ncdu", "").stdout).to_ncdu());
    }
    let export = read(&run("", "--cross-mounts").stdout);
    let device = |path: &str| export.entry(path).number("dev");
    // Present only if it differs from the directory above.
    assert_eq!(device("200005"), None);
    assert_ne!(device("200005/tmpfs").unwrap(), device("").unwrap());
    assert_eq!(device("200005/tmpfs/inside"), None);
}

#[test]
fn a_scan_of_a_user_exports_only_the_home() {
    let tree = scratch();
    let root = tree.path();
    hostile(root);
    let export = export(root, &["--user", "200005"], 0);
    let home = root.join("200005");
    let sums = export.sums("");
    assert_eq!(sums.allocated, du(&home));
    let mut want = by_find(&home);
    for found in &mut want {
        let path = std::mem::take(&mut found.path);
        let parts = [&b"200005"[..], &path];
        found.path = if path.is_empty() { parts[0].to_vec() } else { parts.join(&b'/') };
    }
    let mut export = export;
    // The directories above the home do not count.
    let above = export.entries.remove(0);
    assert_eq!((above.said.len(), above.is_dir), (0, true), "{above:?}");
    assert_eq!(as_found(&export), want);
}

#[test]
fn a_reader_that_leaves_is_no_error_and_a_full_disk_is() {
    let tree = scratch();
    for at in 0..2000 {
        file(tree.path(), format!("200005/{}/file-with-a-long-name-{at}", at % 50), 1);
    }
    let mut child =
        scan(tree.path(), &[]).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut first = [0; 4];
    std::io::Read::read_exact(child.stdout.as_mut().unwrap(), &mut first).unwrap();
    drop(child.stdout.take());
    ended(&finish(child, Duration::from_secs(20)), 0);
    let full = std::fs::File::options().write(true).open("/dev/full").unwrap();
    let child = scan(tree.path(), &[]).stdout(full).stderr(Stdio::piped()).spawn().unwrap();
    let output = finish(child, Duration::from_secs(20));
    ended(&output, 1);
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(stderr.contains("writing to stdout: No space left"), "{stderr}");
}

#[test]
fn temporary_files_stay_out_of_the_tree_and_leave_nothing() {
    let (tree, place) = (scratch(), scratch());
    file(tree.path(), "200005/file", 1);
    let inside = tree.path().join("200005");
    let output = scan(tree.path(), &[]).env("TMPDIR", &inside).output().unwrap();
    ended(&output, 2);
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(stderr.contains("it is in the scanned tree"), "{stderr}");
    let missing = place.path().join("missing");
    let output = scan(tree.path(), &[]).env("TMPDIR", &missing).output().unwrap();
    ended(&output, 2);
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(stderr.contains("a temporary file in") && stderr.contains("No such file"), "{stderr}");
    ended(&scan(tree.path(), &[]).env("TMPDIR", place.path()).output().unwrap(), 0);
    assert_eq!(place.path().read_dir().unwrap().count(), 0);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    #[test]
    fn random_trees_match_find(
        ops in proptest::collection::vec(random::ops(1), 1..60),
        walk in proptest::sample::select(WALKS),
    ) {
        let tree = scratch();
        let root = tree.path().join("root");
        random::Tree::grow(&root, &ops);
        let export = export(&root, walk, 0);
        prop_assert_eq!(as_found(&export), by_find(&root));
        prop_assert_eq!(export.sums("").allocated, du(&root));
    }
}
