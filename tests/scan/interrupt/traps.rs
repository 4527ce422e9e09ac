//! Traps in users' homes for a scan that runs as root: it follows no link, blocks on no file and
//! changes nothing.

use std::fs::{File, FileTimes};
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, SystemTime};

use rustix::fs::{CWD, FileType, Mode, inotify, mknodat};

use crate::faults::expect::all;
use efs_scan_testbed::*;

const SIGNATURE: &[u8] = b"Signature: 8a477f597d28d172789f06886806bc55\n";

/// Homes of users who know this program's source, and a directory outside the scan that their links
/// lead to.
fn traps(root: &Path, outside: &Path) {
    file(outside, "secret", 1 << 20);
    std::fs::write(outside.join("CACHEDIR.TAG"), SIGNATURE).unwrap();
    symlink(outside, root.join("200007")).unwrap();
    symlink("200008", root.join("200008")).unwrap();
    let tag = |name: &str| {
        file(root, format!("200005/{name}/file"), 5000);
        root.join(format!("200005/{name}/CACHEDIR.TAG"))
    };
    std::fs::write(tag("real"), SIGNATURE).unwrap();
    std::fs::write(tag("short"), &SIGNATURE[..20]).unwrap();
    std::fs::write(tag("empty"), b"").unwrap();
    std::fs::create_dir(tag("directory")).unwrap();
    mknodat(CWD, tag("fifo"), FileType::Fifo, Mode::RWXU, 0).unwrap();
    symlink(outside.join("CACHEDIR.TAG"), tag("link")).unwrap();
    symlink("CACHEDIR.TAG", tag("loop")).unwrap();
    symlink("/nowhere", tag("dangling")).unwrap();
    file(root, "200005/environment/pyvenv.cfg/file", 5000);
    symlink(outside, root.join("200005/.cache")).unwrap();
    symlink("..", root.join("200005/up")).unwrap();
    symlink(outside, root.join("200005/real/link")).unwrap();
}

#[test]
fn a_socket_in_place_of_a_marker_is_no_error() {
    let tree = scratch();
    let path = file(tree.path(), "200005/socket/file", 5000);
    let marker = path.with_file_name("CACHEDIR.TAG");
    mknodat(CWD, marker, FileType::Socket, Mode::RWXU, 0).unwrap();
    for engine in all() {
        let report = report(tree.path(), engine, 0);
        assert_eq!(report["totals"]["other"], 1);
        assert_eq!(report["rules"].as_array().unwrap().len(), 0);
    }
}

/// Returns names, kinds, sizes and times of everything, without atime, which listing a directory
/// changes.
fn snapshot(root: &Path) -> Vec<u8> {
    let mut find = Command::new("find");
    let find = find.arg(root).args(["-printf", "%p %i %y %m %U %G %n %s %b %T@ %C@ %l\\0"]);
    let output = watched(find, Duration::from_secs(30));
    assert!(output.status.success());
    output.stdout
}

#[test]
fn nothing_is_written_or_followed_in_trees_with_traps() {
    let (tree, outside) = (scratch(), tempfile::tempdir().unwrap());
    let (root, outside) = (tree.path(), outside.path());
    traps(root, outside);
    // Old enough that reading updates it, if the file system records atime at all.
    let read = root.join("200005/real/CACHEDIR.TAG");
    let old = FileTimes::new().set_accessed(SystemTime::UNIX_EPOCH);
    File::open(&read).unwrap().set_times(old).unwrap();
    let before = snapshot(root);
    let found = find(root);

    let watch = inotify::init(inotify::CreateFlags::NONBLOCK).unwrap();
    let flags = inotify::WatchFlags::OPEN | inotify::WatchFlags::ACCESS;
    inotify::add_watch(&watch, outside, flags).unwrap();
    let mut buffer = Vec::with_capacity(4096);
    let mut events = inotify::Reader::new(watch, buffer.spare_capacity_mut());
    let mut touched = || events.next().is_ok();
    std::fs::read(outside.join("secret")).unwrap();
    assert!(touched(), "the watch works");
    while touched() {}

    for engine in all() {
        let report = report(root, engine, 0);
        assert!(!touched(), "{engine:?} went outside");
        assert_eq!(snapshot(root), before, "{engine:?} left a trace");
        if engine[1] == "posix" {
            let atime = read.metadata().unwrap().accessed().unwrap();
            assert_eq!(atime, SystemTime::UNIX_EPOCH, "reading leaves no trace either");
        }
        assert_eq!(report["errors"]["count"], 0, "{}", report["errors"]);
        for (key, kinds) in [("files", "f"), ("dirs", "d"), ("symlinks", "l"), ("other", "p")] {
            let count = found.values().filter(|inode| kinds.contains(inode.0));
            assert_eq!(report["totals"][key], count.count(), "{key}, {engine:?}");
        }
        let homes = report["homes"].as_array().unwrap().iter();
        let homes: Vec<_> = homes.map(|home| &home["name"]).collect();
        assert_eq!(homes, ["200005", "(outside homes)"]);
        let findings = home(&report, "200005")["findings"].as_array().unwrap();
        let tagged = findings.iter().filter(|finding| finding["rule"] == "cachedir-tag");
        let tagged: Vec<_> = tagged.map(|finding| &finding["path"]).collect();
        assert_eq!(tagged, ["200005/real"], "{engine:?}");
    }
}
