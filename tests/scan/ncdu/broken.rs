//! Incomplete scans: the export contains what was seen, sums to the report of the same run, and
//! marks the rest.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use efs_scan_testbed::fuse::faulty::Errno;
use efs_scan_testbed::nfs_server::{Config, Model, Node, Server};
use serde_json::Value;

use super::read::{Export, Said, read};
use super::tools::*;
use crate::faults::expect::all;
use efs_scan_testbed::fuse::faulty::{Action, Fault, Op, Tree};
use efs_scan_testbed::fuse::faulty::{can_mount, mount};
use efs_scan_testbed::*;

/// Returns the report of the only run that was published to `place`.
fn published(place: &Path) -> Value {
    let only = |directory: &Path| {
        let mut entries: Vec<_> = directory.read_dir().unwrap().collect();
        assert_eq!(entries.len(), 1, "{entries:?}");
        entries.remove(0).unwrap().path()
    };
    let report = only(&only(&only(&place.join("runs"))));
    serde_json::from_slice(&std::fs::read(report).unwrap()).unwrap()
}

#[track_caller]
fn assert_adds_up(export: &Export, report: &Value, what: &str) {
    let sums = export.sums("");
    let totals = &report["totals"];
    let count = |key: &str| totals[key].as_u64().unwrap();
    assert_eq!(sums.allocated, count("allocated_bytes"), "{what}");
    assert_eq!(sums.apparent, count("apparent_bytes"), "{what}");
    assert_eq!(sums.dirs, count("dirs"), "{what}");
    assert_eq!(sums.others, count("files") + count("symlinks") + count("other"), "{what}");
    let coverage = report["run"]["coverage"].as_str().unwrap().as_bytes().to_vec();
    assert_eq!(export.about["coverage"], Said::Text(coverage), "{what}");
}

fn marked(export: &Export) -> Vec<String> {
    let marked = export.entries.iter().filter(|entry| entry.is("read_error"));
    let mut marked: Vec<_> =
        marked.map(|entry| String::from_utf8_lossy(&entry.path).into_owned()).collect();
    marked.sort();
    marked
}

fn homes() -> Tree {
    let mut tree = Tree::new();
    for at in 0..10 {
        tree.file(&format!("200005/dir/file-{at}"), 1000);
        tree.file(&format!("200006/dir/file-{at}"), 1000);
    }
    tree.file("200005/beside", 1000);
    tree
}

#[test]
fn failures_are_marked_and_the_rest_adds_up() {
    if !can_mount() {
        return;
    }
    for (op, path, skip) in [
        (Op::Opendir, "200005/dir", 0),
        (Op::Readdir, "200005/dir", 0),
        (Op::Readdir, "200005", 1),
        (Op::Getattr, "200005/dir/file-3", 0),
        (Op::Lookup, "200006/dir", 0),
    ] {
        for engine in all() {
            let what = format!("{op:?} {path} {engine:?}");
            let fault = Fault::fail(op, path, Errno::EIO).skip(skip);
            let export = of_broken(fault, &engine, 3);
            assert_eq!(marked(&export), [path], "{what}");
        }
    }
}

/// Exports a tree with a fault and checks that it sums to the report of the same run.
#[track_caller]
fn of_broken(fault: Fault, engine: &[&str], code: i32) -> Export {
    let mut tree = homes();
    tree.fault(fault);
    let mounted = mount(tree);
    let (place, state) = (scratch(), scratch());
    let to = place.path().join("published");
    let publish = ["--publish", to.to_str().unwrap(), "--state-dir"];
    let args = [engine, &publish, &[state.path().to_str().unwrap()]].concat();
    let export = export(mounted.path(), &args, code);
    assert_adds_up(&export, &published(&to), &format!("{engine:?}"));
    export
}

#[test]
fn vanished_entries_are_not_exported() {
    if !can_mount() {
        return;
    }
    for engine in all() {
        // A directory that vanishes makes its home partial.
        for (op, path, code) in
            [(Op::Opendir, "200005/dir", 3), (Op::Getattr, "200005/dir/file-3", 0)]
        {
            let export = of_broken(Fault::fail(op, path, Errno::ENOENT), &engine, code);
            let there = export.entries.iter().any(|entry| entry.path == path.as_bytes());
            assert!(!there, "{engine:?} {path}");
            assert!(export.entry("200006/dir/file-3").counts());
            assert_eq!(marked(&export), [""; 0]);
        }
    }
}

#[test]
fn an_interrupted_export_is_valid_and_says_what_was_not_read() {
    if !can_mount() {
        return;
    }
    for engine in all() {
        let what = format!("{engine:?}");
        let mut tree = Tree::new();
        for home in 200_000..200_030 {
            for dir in 0..40 {
                tree.file(&format!("{home}/{dir:02}/a"), 1000);
                tree.file(&format!("{home}/{dir:02}/b"), 1000);
            }
        }
        let delay = Action::Delay(Duration::from_millis(5));
        tree.fault(Fault::everywhere(Op::Opendir, delay));
        let mounted = mount(tree);
        let (place, state) = (scratch(), scratch());
        let path = place.path().join("export");
        let to = place.path().join("published");
        let mut command = scan(mounted.path(), &engine);
        command.arg("--output").arg(&path).arg("--publish").arg(&to).arg("--publish-interrupted");
        command.arg("--state-dir").arg(state.path());
        let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let deadline = Instant::now() + Duration::from_secs(30);
        while mounted.state.all_calls(Op::Opendir) < 100 {
            assert!(Instant::now() < deadline, "{what}");
            std::thread::sleep(Duration::from_millis(2));
        }
        signal(child.id(), "INT");
        ended(&finish(child, Duration::from_secs(30)), 130);
        let export = read(&std::fs::read(&path).unwrap());
        let report = published(&to);
        assert_eq!(report["run"]["coverage"], "interrupted");
        assert_adds_up(&export, &report, &what);
        let marked = marked(&export);
        let dirs = export.entries.iter().filter(|entry| entry.is_dir).count();
        assert!(!marked.is_empty() && marked.len() < dirs, "{what}: {marked:?}");
        // A directory is complete or marked: every deeper one has two files.
        for entry in export.entries.iter().filter(|entry| entry.is_dir) {
            let path = String::from_utf8(entry.path.clone()).unwrap();
            if path.contains('/') && !entry.is("read_error") {
                assert_eq!(export.sums(&path).others, 2, "{what} {path}");
            }
        }
        if has("ncdu") {
            assert_eq!(by_ncdu(&path).to_ncdu(), export.to_ncdu(), "{what}");
        }
    }
}

#[test]
fn a_closed_directory_is_marked_as_ncdu_marks_it() {
    let tree = scratch();
    let root = tree.path();
    file(root, "200005/open/file", 5000);
    file(root, "200005/closed/file", 5000);
    std::fs::set_permissions(root.join("200005/closed"), PermissionsExt::from_mode(0o000)).unwrap();
    // Root can read everything, so this runs as another user, who must be able to reach the
    // program.
    let copy = scratch();
    let program = copy.path().join("efs-scan");
    std::fs::copy(env!("CARGO_BIN_EXE_efs-scan"), &program).unwrap();
    let somebody = |program: &Path| {
        let mut command = Command::new(if is_root() { "setpriv" } else { "env" });
        if is_root() {
            command.args(["--reuid=65534", "--regid=65534", "--clear-groups", "--inh-caps=-all"]);
        }
        command.arg(program).env("EFS_SCAN_CONFIG", "/dev/null");
        command
    };
    for path in [root, copy.path()] {
        std::fs::set_permissions(path, PermissionsExt::from_mode(0o755)).unwrap();
    }
    let able = somebody(&program).arg("--version").output().unwrap().status.success();
    if !skip_unless(able, "closed directories in an export", "the build folder is closed to others")
    {
        return;
    }
    let output = somebody(&program).arg(root).args(["--format", "ncdu"]).output().unwrap();
    ended(&output, 3);
    let export = read(&output.stdout);
    assert_eq!(marked(&export), ["200005/closed"]);
    assert!(export.entry("200005/closed").counts(), "the directory itself counts");
    assert_eq!(export.about["coverage"], Said::Text(b"partial".to_vec()));
    if has("ncdu") {
        let own = somebody("ncdu".as_ref())
            .args(["--ignore-config", "-o", "-"])
            .arg(root)
            .output()
            .unwrap();
        assert_eq!(export.to_ncdu(), read(&own.stdout).to_ncdu());
    }
}

#[test]
fn a_full_disk_costs_the_export_and_not_the_scan() {
    let (tree, place, state) = (scratch(), scratch(), scratch());
    for at in 0..4000 {
        file(tree.path(), format!("200005/{}/file-with-a-long-name-{at}", at % 50), 1);
    }
    let small = place.path().join("small");
    std::fs::create_dir(&small).unwrap();
    let script = "mount -t tmpfs -o size=128k tmpfs \"$1\" || exit 99; shift; exec \"$@\"";
    let mut command = Command::new("unshare");
    command.args(["-m", "sh", "-c", script, "sh"]).arg(&small);
    let scan = scan(tree.path(), &[]);
    command.arg(scan.get_program()).args(scan.get_args());
    command.env("EFS_SCAN_CONFIG", "/dev/null").env("TMPDIR", &small);
    let to = place.path().join("published");
    command.arg("--publish").arg(&to).arg("--state-dir").arg(state.path());
    let output = watched(&mut command, Duration::from_secs(30));
    let able = output.status.code() != Some(99) && is_root();
    if !skip_unless(able, "an export to a full disk", "mounting needs root and is not allowed here")
    {
        return;
    }
    ended(&output, 1);
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(stderr.contains("the export is given up, the scan goes on"), "{stderr}");
    assert!(stderr.contains("a temporary file in") && stderr.contains("No space left"), "{stderr}");
    assert!(output.stdout.is_empty(), "half an export would look like a whole one");
    let report = published(&to);
    assert_eq!(report["totals"]["files"], 4000);
    assert_eq!(report["run"]["coverage"], "complete");
}

#[test]
fn the_export_is_the_same_without_a_mount() {
    let model = Arc::new(Model::new());
    model.add("200005/a/f", Node::file(10_000).owner(200_005));
    model.link("200005/a/f", "200005/b");
    model.add("200006/claims", Node::file(1).used(1 << 63));
    model.update("200006/claims", |node| node.size = u64::MAX);
    model.add("200006/old", Node::file(1).mtime(-1));
    model.add("200006/symlink", Node::symlink(30));
    model.add("200006/empty", Node::dir());
    model.add("200007/closed/below", Node::file(1));
    model.update("200007/closed", |node| node.mode = 0);
    for at in 0..5000 {
        model.add(format!("200005/wide/a file with quite a long name {at}"), Node::file(at));
    }
    let server = Server::start(Config::default(), Arc::clone(&model) as _).unwrap();
    let url = format!("nfs://{}/", server.address());
    let args = ["--engine", "nfs", "--nfs-uid", "0"];
    let place = scratch();
    let path = place.path().join("export");
    let output = [&args[..], &["--output", path.to_str().unwrap()]].concat();
    ended(&watched(&mut scan(url.as_ref(), &output), Duration::from_secs(60)), 3);
    let export = read(&std::fs::read(&path).unwrap());
    assert_eq!(export.entries.len(), 1 + 12 + 5000);
    assert_eq!(export.entry("200005/b").number("nlink"), Some(2));
    let links = ["200005/a/f", "200005/b"].map(|path| export.entry(path).number("ino").unwrap());
    assert_eq!(links[0], links[1]);
    // Limited to what ncdu and gdu can read.
    let claims = export.entry("200006/claims");
    let most = Some(i64::MAX as u64);
    assert_eq!((claims.number("asize"), claims.number("dsize")), (most, most));
    assert_eq!(export.entry("200006/old").number("mtime"), None);
    assert_eq!(marked(&export), ["200007/closed"]);
    let report = report(url.as_ref(), args, 3);
    let wide = export.sums("200005");
    let usage = &home(&report, "200005")["usage"];
    assert_eq!(wide.allocated, usage["allocated_bytes"]);
    assert_eq!(wide.apparent, usage["apparent_bytes"]);
    if has("ncdu") {
        assert_eq!(by_ncdu(&path).to_ncdu(), export.to_ncdu());
    }
    if has("gdu") {
        let sizes = by_gdu(&["-f"], &path);
        assert_eq!(sizes.keys().collect::<Vec<_>>(), ["200005", "200006", "200007"]);
    }
}
