//! The same trees through efs-scan, `du` and `find`, as a whole and per home, with both engines and
//! several worker counts.

mod overlay;

use std::collections::BTreeMap;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::os::unix::net::UnixListener;
use std::path::Path;

use efs_scan_testbed::*;
use rustix::fs::{CWD, FileType, Mode, mknodat};
use serde_json::Value;

/// Makes a tree with entries of every kind that counts differently.
fn varied(root: &Path) {
    for home in ["200005", "200006", "alice", "zoe"] {
        for at in 0..20 {
            file(root, format!("{home}/project/src/{}/file-{at}", at % 4), at * 700);
            file(root, format!("{home}/.cache/pip/http/{}/{at}", at % 3), 5000);
        }
        file(root, format!("{home}/.local/share/Trash/files/old"), 9000);
        file(root, format!("{home}/.local/share/Trash/info/old"), 10);
        file(root, format!("{home}/env/pyvenv.cfg"), 10);
        file(root, format!("{home}/env/lib/python3.11/site-packages/a.py"), 4000);
        std::fs::create_dir(root.join(home).join("empty")).unwrap();
        // Sparse: large apparent size, small allocated size.
        let sparse = std::fs::File::create(root.join(home).join("sparse")).unwrap();
        sparse.set_len(1 << 34).unwrap();
        symlink("/nowhere/at/all", root.join(home).join("dangling")).unwrap();
        symlink("..", root.join(home).join("loop")).unwrap();
        symlink("project", root.join(home).join("to-a-directory")).unwrap();
        let fifo = root.join(home).join("fifo");
        mknodat(CWD, &fifo, FileType::Fifo, Mode::from_raw_mode(0o600), 0).unwrap();
        file(root, raw(Path::new(home), ODD_NAME), 100);
        std::fs::create_dir(raw(&root.join(home), b"\xff\xfe")).unwrap();
        file(root, raw(Path::new(home), b"\xff\xfe/\n"), 5000);
    }
    drop(UnixListener::bind(root.join("zoe/socket")).unwrap());
    // Hard links within a home, between a cache and an environment, and across homes.
    let link = |from: &str, to: &str| std::fs::hard_link(root.join(from), root.join(to)).unwrap();
    file(root, "200005/once", 70_000);
    link("200005/once", "200005/project/twice");
    link("200005/.cache/pip/http/0/0", "200005/env/lib/linked.py");
    file(root, "zoe/shared", 123_456);
    link("zoe/shared", "alice/shared");
    link("zoe/shared", "alice/again");
    // Outside the homes.
    file(root, "a file beside the homes", 10_000);
    symlink("200005", root.join("bob")).unwrap();
    // Deeper than PATH_MAX.
    let mut deep = root.join("200006/deep");
    for _ in 0..300 {
        deep.push("d");
    }
    std::fs::create_dir_all(&deep).unwrap();
    file(&deep, "bottom", 3000);
    // More names than one batch.
    for at in 0..6000 {
        file(root, format!("alice/wide/{at:05}-{}", "x".repeat(at % 40)), (at % 3) * 400);
    }
}

/// Returns the report's totals for a path, computed from `find`.
fn expected(path: &Path) -> BTreeMap<&'static str, u64> {
    let mut sums = BTreeMap::from([
        ("files", 0),
        ("dirs", 0),
        ("symlinks", 0),
        ("other", 0),
        ("apparent_bytes", 0),
        ("allocated_bytes", 0),
        ("metered_bytes", 0),
    ]);
    for (kind, size, allocated, _) in find(path).into_values() {
        let kind = match kind {
            'f' => "files",
            'd' => "dirs",
            'l' => "symlinks",
            _ => "other",
        };
        *sums.get_mut(kind).unwrap() += 1;
        *sums.get_mut("apparent_bytes").unwrap() += size;
        *sums.get_mut("allocated_bytes").unwrap() += allocated;
        *sums.get_mut("metered_bytes").unwrap() += allocated + 2048;
    }
    sums
}

fn assert_usage(usage: &Value, want: &BTreeMap<&str, u64>, what: &str) {
    for (key, number) in want {
        assert_eq!(usage[key].as_u64(), Some(*number), "{key} of {what}");
    }
    for by in ["by_class", "by_age"] {
        for key in ["allocated_bytes", "metered_bytes"] {
            let parts = usage[by].as_object().unwrap().values();
            let sum: u64 = parts.map(|part| part[key].as_u64().unwrap()).sum();
            assert_eq!(Some(&sum), want.get(key), "{by} {key} of {what}");
        }
    }
}

/// Checks that the homes sum to the totals.
fn assert_parts_sum(report: &Value) {
    let homes = report["homes"].as_array().unwrap();
    for key in ["files", "dirs", "symlinks", "other", "apparent_bytes", "allocated_bytes"] {
        let sum: u64 = homes.iter().map(|home| home["usage"][key].as_u64().unwrap()).sum();
        assert_eq!(report["totals"][key].as_u64(), Some(sum), "{key}");
    }
}

fn engines() -> Vec<Vec<&'static str>> {
    let mut engines = vec![];
    for threads in ["1", "2", "64"] {
        for engine in ["posix", "portable"] {
            if engine == "posix" || cfg!(feature = "portable") {
                engines.push(vec!["--engine", engine, "--threads", threads]);
            }
        }
    }
    engines
}

#[test]
fn totals_and_homes_match_du_and_find() {
    let tree = scratch();
    let root = tree.path();
    varied(root);
    let whole = expected(root);
    assert_eq!(whole["allocated_bytes"], du(root), "the oracles agree");
    for engine in engines() {
        let report = report(root, &engine, 0);
        assert_usage(&report["totals"], &whole, "all");
        assert_parts_sum(&report);
        for name in ["200005", "200006", "alice"] {
            let path = root.join(name);
            let usage = &home(&report, name)["usage"];
            assert_usage(usage, &expected(&path), name);
            assert_eq!(usage["allocated_bytes"].as_u64(), Some(du(&path)), "{name}");
        }
        // zoe's file is charged to alice, who also links to it and comes first by name.
        let shared = std::fs::metadata(root.join("alice/shared")).unwrap();
        let shared = std::os::unix::fs::MetadataExt::blocks(&shared) * 512;
        let zoe = home(&report, "zoe");
        let without = du(&root.join("zoe")) - shared;
        assert_eq!(zoe["usage"]["allocated_bytes"].as_u64(), Some(without));
        for name in ["zoe", "alice"] {
            assert_eq!(home(&report, name)["shared"]["allocated_bytes"], shared);
        }
        assert_eq!(zoe["charged_elsewhere"]["allocated_bytes"], shared);
        assert_eq!(home(&report, "alice")["charged_elsewhere"]["allocated_bytes"], 0);
        assert_eq!(report["hard_links"]["shared_between_homes"]["inodes"], 1);
        let outside = home(&report, "(outside homes)");
        assert_eq!(outside["usage"]["files"], 1);
        assert_eq!(outside["usage"]["symlinks"], 1);
        assert_eq!(outside["usage"]["dirs"], 1);
    }
}

/// Removes what differs between two runs by nature.
fn timeless(mut report: Value) -> Value {
    for key in ["id", "started", "finished", "engine"] {
        report["run"][key] = Value::Null;
    }
    report
}

#[test]
fn two_runs_give_the_same_report_whatever_the_engine_and_the_workers() {
    let tree = scratch();
    varied(tree.path());
    // Ties among the largest, which timing must not decide.
    for home in ["200005", "alice"] {
        for at in 0..40 {
            file(tree.path(), format!("{home}/ties/{}/{at}", at % 7), 65_536);
        }
    }
    let first = timeless(report(tree.path(), ["--threads", "1"], 0));
    for engine in engines() {
        for _ in 0..3 {
            assert_eq!(timeless(report(tree.path(), &engine, 0)), first, "{engine:?}");
        }
    }
}

#[test]
fn the_du_form_matches_du() {
    let tree = scratch();
    let root = tree.path();
    varied(root);
    // du charges the first link it meets, efs-scan the first home by name.
    std::fs::remove_file(root.join("zoe/shared")).unwrap();
    let slash = format!("{}/", root.display());
    let want = std::process::Command::new("du").args(["-h", "-d1", &slash]).output().unwrap();
    let sorted = |bytes: &[u8]| {
        let mut lines: Vec<_> = bytes.split(|b| *b == b'\n').map(<[u8]>::to_vec).collect();
        lines.sort();
        lines
    };
    for depth in ["1", "2"] {
        let args = [slash.as_str(), "--format", "du", "--home-depth", depth];
        let got = run(args);
        let shown = String::from_utf8_lossy(&got.stdout);
        assert_eq!(sorted(&got.stdout), sorted(&want.stdout), "{shown}");
        let last = |bytes: &[u8]| {
            bytes.trim_ascii_end().split(|b| *b == b'\n').next_back().map(<[u8]>::to_vec)
        };
        assert_eq!(last(&got.stdout), last(&want.stdout), "the root comes last");
    }
}

#[test]
fn sizes_round_as_du_rounds_them() {
    let tree = scratch();
    let path = tree.path().join("file");
    let one = std::fs::File::create(&path).unwrap();
    let mut sizes = vec![0, 1, 1023, 1024, 1025, 10 * 1024 - 1, 10 * 1024, 10 * 1024 + 1];
    for power in [10, 20, 30, 40] {
        for tenths in [10, 11, 94, 95, 99, 100, 1023, 10230, 10231, 10239, 10240] {
            let size: u64 = (1 << power) * tenths / 10;
            sizes.extend([size - 1, size, size + 1]);
        }
    }
    for size in sizes.into_iter().filter(|size| *size < 1 << 43) {
        one.set_len(size).unwrap();
        let mut du = std::process::Command::new("du");
        let output = du.args(["-h", "--apparent-size"]).arg(&path).output().unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        let want = text.split('\t').next().unwrap();
        assert_eq!(efs_scan::report::du_size(size), want, "{size}");
    }
}

#[test]
fn deep_trees_and_few_descriptors_are_no_obstacle() {
    let tree = scratch();
    let root = tree.path();
    // 2,500 levels, beyond PATH_MAX, so made and removed relative to descriptors. At each level
    // a sibling is queued that needs its parent's descriptor later.
    let dir_flags = rustix::fs::OFlags::DIRECTORY | rustix::fs::OFlags::RDONLY;
    let mode = Mode::from_raw_mode(0o755);
    let mut at = rustix::fs::open(root, dir_flags, Mode::empty()).unwrap();
    for _ in 0..2500 {
        for name in ["a", "b", "c"] {
            rustix::fs::mkdirat(&at, name, mode).unwrap();
        }
        at = rustix::fs::openat(&at, "b", dir_flags, Mode::empty()).unwrap();
    }
    drop(at);
    let mut few = std::process::Command::new("bash");
    let program = env!("CARGO_BIN_EXE_efs-scan");
    for threads in ["1", "64"] {
        let script = format!(
            "ulimit -n 64; EFS_SCAN_CONFIG=/dev/null exec {program} {} --format json --threads {threads}",
            root.display()
        );
        let output = watched(few.args(["-c", &script]), std::time::Duration::from_secs(120));
        few = std::process::Command::new("bash");
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(0), "{stderr}");
        let report: Value = serde_json::from_slice(&output.stdout).unwrap();
        assert_eq!(report["totals"]["dirs"], 7_501, "{threads} threads");
    }
    let removed = std::process::Command::new("rm").arg("-r").arg(root).status().unwrap();
    assert!(removed.success());
}

#[test]
fn unreadable_directories_are_errors_and_the_rest_is_counted() {
    let tree = scratch();
    let root = tree.path();
    file(root, "200005/open/file", 5000);
    file(root, "200005/closed/file", 5000);
    file(root, "200006/file", 5000);
    std::fs::set_permissions(root.join("200005/closed"), PermissionsExt::from_mode(0o000)).unwrap();
    // Root can read everything, so this runs as another user, who must be able to reach the
    // program.
    let mut command = std::process::Command::new(if is_root() { "setpriv" } else { "env" });
    let copy = scratch();
    let program = copy.path().join("efs-scan");
    std::fs::copy(env!("CARGO_BIN_EXE_efs-scan"), &program).unwrap();
    if is_root() {
        command.args(["--reuid=65534", "--regid=65534", "--clear-groups", "--inh-caps=-all"]);
        for path in [root, copy.path()] {
            std::fs::set_permissions(path, PermissionsExt::from_mode(0o755)).unwrap();
        }
    }
    command.arg(&program).env("EFS_SCAN_CONFIG", "/dev/null").arg(root);
    let able = !is_root() || reachable(copy.path());
    if !skip_unless(able, "unreadable directories", "the build folder is closed to other users") {
        return;
    }
    let output = watched(command.args(["--format", "json"]), std::time::Duration::from_secs(20));
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(3), "{stderr}");
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(report["run"]["coverage"], "partial");
    assert_eq!(report["errors"]["count"], 1);
    assert_eq!(report["errors"]["by_kind"]["permission_denied"], 1);
    assert_eq!(report["errors"]["samples"][0]["path"], "200005/closed");
    assert_eq!(report["errors"]["samples"][0]["op"], "open");
    let closed = home(&report, "200005");
    assert_eq!((&closed["coverage"], &closed["errors"]), (&"partial".into(), &1.into()));
    assert_eq!(closed["usage"]["files"], 1, "what is beside it counts");
    assert_eq!(closed["usage"]["dirs"], 3, "the directory itself counts");
    assert_eq!(home(&report, "200006")["coverage"], "complete");
}

/// Returns true if other users may traverse every directory above a path.
fn reachable(path: &Path) -> bool {
    let passable = |dir: &Path| {
        std::fs::metadata(dir).is_ok_and(|metadata| metadata.permissions().mode() & 0o001 != 0)
    };
    path.ancestors().all(passable)
}

/// Unmounts on drop, even if the test fails.
struct Mounted<'a>(&'a Path);

impl Drop for Mounted<'_> {
    fn drop(&mut self) {
        let _ = std::process::Command::new("umount").arg("-l").arg(self.0).output();
    }
}

#[test]
fn other_mounts_are_left_out_and_named_or_entered_on_request() {
    let tree = scratch();
    let root = tree.path();
    file(root, "200005/file", 5000);
    file(root, "200006/bound/file", 5000);
    let mount = |args: &[&str], at: &Path| {
        std::fs::create_dir_all(at).unwrap();
        let mounted = std::process::Command::new("mount").args(args).arg(at).output();
        mounted.is_ok_and(|output| output.status.success())
    };
    let tmpfs = root.join("200005/tmpfs");
    // A bind mount has the same device as its surroundings; only its mount ID differs.
    let bind = root.join("200005/bind");
    let source = root.join("200006/bound");
    let able = is_root() && mount(&["-t", "tmpfs", "tmpfs"], &tmpfs);
    if !skip_unless(able, "mounts below the root", "mounting needs root and is not allowed here") {
        return;
    }
    let _tmpfs = Mounted(&tmpfs);
    assert!(mount(&["--bind", source.to_str().unwrap()], &bind));
    let _bind = Mounted(&bind);
    // A file as well, because it is already in the tree.
    let over = file(root, "200005/over", 1);
    let bound = root.join("200006/bound/file");
    let mounted = std::process::Command::new("mount").arg("--bind").args([&bound, &over]).status();
    assert!(mounted.unwrap().success());
    let _over = Mounted(&over);
    file(root, "200005/tmpfs/inside", 100_000);
    for engine in engines() {
        let without = report(root, engine.iter(), 0);
        assert_eq!(without["left_out"]["mounts"], 3, "{engine:?}");
        assert_eq!(home(&without, "200005")["usage"]["files"], 1, "{engine:?}");
    }
    let with = report(root, ["--cross-mounts"], 0);
    assert_eq!(with["left_out"]["mounts"], 0);
    assert_eq!(home(&with, "200005")["usage"]["files"], 4);
}

#[test]
fn the_largest_files_of_one_directory_match_a_full_sort() {
    let tree = scratch();
    let root = tree.path();
    // Files of one block each, with names in another order than sizes, and one inode with very many
    // names.
    for size in 1..=300 {
        file(root, format!("200005/d/{size:03}"), size);
    }
    for at in 0..60 {
        std::fs::hard_link(root.join("200005/d/300"), root.join(format!("200005/d/zz{at}")))
            .unwrap();
    }
    for engine in engines() {
        let report = report(root, engine.iter().chain(&["--top", "3"]), 0);
        let largest = home(&report, "200005")["largest_files"].as_array().unwrap();
        let largest: Vec<_> = largest.iter().map(|file| file["path"].as_str().unwrap()).collect();
        assert_eq!(largest, ["200005/d/300", "200005/d/299", "200005/d/298"], "{engine:?}");
    }
}

/// Mounts that appear after their place was listed are left out as well.
#[test]
fn a_mount_that_appears_during_the_scan_is_left_out() {
    if !skip_unless(is_root(), "mounts that appear during a scan", "only root mounts") {
        return;
    }
    let tree = scratch();
    let (root, other) = (tree.path().join("root"), tree.path().join("other"));
    for at in 100..400 {
        std::fs::create_dir_all(root.join(at.to_string())).unwrap();
    }
    file(&other, "OTHER", 100_000);
    let places = ["101", "150", "250", "390", "399"];
    let script = "mount -t tmpfs none \"$2\" && echo x >\"$2/OTHER\" || exit 99
        \"$1\" \"$3\" --max-ops 150 --threads 1 --format json & scan=$!
        sleep 0.7; for place in $4; do mount --bind \"$2\" \"$3/$place\" || exit 99; done; wait $scan";
    let mut command = std::process::Command::new("unshare");
    command.args(["--mount", "bash", "-c", script, "bash"]).arg(program());
    command.args([&other, &root]).arg(places.join(" ")).env("EFS_SCAN_CONFIG", "/dev/null");
    let output = watched(&mut command, std::time::Duration::from_secs(60));
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(report["totals"]["files"], 0);
    // A mount that appeared before its place was listed is not a directory of this file system.
    assert!(report["totals"]["dirs"].as_u64().unwrap() >= 301 - places.len() as u64);
    let mounts = report["left_out"]["mounts"].as_u64().unwrap();
    assert!(mounts > 0 && mounts <= places.len() as u64, "{mounts}");
}
