//! Large trees: wide, deep, and with many directories.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use rustix::fs::{Mode, OFlags, mkdirat, open, openat};

use super::WALKS;
use super::read::read;
use super::tools::*;
use efs_scan_testbed::{file, peak, scratch, watched};

#[test]
fn a_wide_directory_is_whole() {
    let tree = scratch();
    let wide = tree.path().join("200005/wide");
    std::fs::create_dir_all(&wide).unwrap();
    for at in 0..20_000 {
        std::fs::write(wide.join(format!("a file with quite a long name {at}")), b"").unwrap();
    }
    for at in 0..3000 {
        std::fs::create_dir(wide.join(format!("directory {at}"))).unwrap();
    }
    let source = file(&wide, "source", 1);
    for at in 0..3000 {
        std::fs::hard_link(&source, wide.join(format!("link {at}"))).unwrap();
    }
    let want = by_find(tree.path());
    for walk in WALKS {
        let export = export(tree.path(), walk, 0);
        assert!(as_found(&export) == want, "{walk:?}");
    }
}

/// Creates `levels` nested directories, deeper than any path can name.
fn deep(root: &Path, levels: usize) {
    let flags = OFlags::DIRECTORY | OFlags::RDONLY;
    let mut at = open(root, flags, Mode::empty()).unwrap();
    for level in 0..levels {
        for name in ["a", "directory", "z"] {
            mkdirat(&at, name, Mode::RWXU).unwrap();
        }
        if level % 2 == 0 {
            let create = OFlags::CREATE | OFlags::WRONLY;
            drop(openat(&at, "file", create, Mode::RWXU).unwrap());
        }
        at = openat(&at, "directory", flags, Mode::empty()).unwrap();
    }
}

/// Deeper than the 1,000 levels that EFS allows.
#[test]
fn a_deep_tree_is_whole_and_loads() {
    let (tree, place) = (scratch(), scratch());
    const LEVELS: usize = 1200;
    deep(tree.path(), LEVELS);
    let path = place.path().join("export");
    let output = path.to_str().unwrap();
    ended(&watched(&mut scan(tree.path(), &["-o", output]), Duration::from_secs(60)), 0);
    let ours = read(&std::fs::read(&path).unwrap());
    assert_eq!(ours.entries.len(), 1 + 3 * LEVELS + LEVELS / 2);
    if has("ncdu") {
        assert!(by_ncdu(&path).to_ncdu() == ours.to_ncdu());
    }
    if has("gdu") {
        let sizes = by_gdu(&["-f"], &path);
        assert_eq!(sizes.keys().collect::<Vec<_>>(), ["a", "directory", "file", "z"]);
    }
    let removed = Command::new("rm").arg("-r").arg(tree.path().join("directory")).status();
    assert!(removed.unwrap().success());
}

/// Returns the peak memory of an export and of a plain report. The tree is computed, because making
/// it on a disk would take minutes.
#[cfg(target_os = "linux")]
#[test]
fn memory_does_not_grow_with_the_tree() {
    use efs_scan_testbed::nfs_server::{Computed, Config, Server};

    let tree = Computed::new(efs_scan_testbed::computed::Tree::even(100_000, 5, 20, 10));
    let entries = tree.tree().dirs() + tree.tree().files();
    let server = Server::start(Config::default(), std::sync::Arc::new(tree)).unwrap();
    let url = format!("nfs://{}/", server.address());
    let place = scratch();
    let path = place.path().join("export");
    // Equal numbers of requests and loops, because both take memory, and the engine chooses them anew in
    // each run.
    let equal = ["--threads", "512", "--nfs-loops", "1"];
    let args = ["--engine", "nfs", "--nfs-uid", "0", "--output", path.to_str().unwrap()];
    let args = [&args[..], &equal].concat();
    let mut plain = efs_scan_testbed::efs_scan();
    let plain = peak(plain.arg(&url).args(["--format", "json"]).args(&args));
    let with = peak(&scan(url.as_ref(), &args));
    let export = std::fs::read(&path).unwrap();
    assert!(export.len() > 40 << 20, "{} bytes would tell nothing", export.len());
    let names = export.windows(9).filter(|bytes| bytes == b"{\"name\":\"").count();
    assert_eq!(names as u64, entries);
    let most = plain + 6 * 1024;
    assert!(
        with < most,
        "{with} KiB with an export of {} bytes, {plain} KiB without",
        export.len()
    );
}
