//! Checks the tree maker: counts, shapes, and that a seed always makes the same tree.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use efs_scan_testbed::tree::{Counts, FIRST_UID, Size, directory_in_memory, make};

const SMALL: Size = Size { dirs: 1_500, files: 11_000, homes: 6, seed: 1 };

/// Path below the root -> (mode, apparent size). Sizes of directories are left out: they depend on
/// the file system.
type Listing = BTreeMap<PathBuf, (u32, u64)>;

fn list(root: &Path, counts: &mut Counts) -> Listing {
    let mut listing = Listing::new();
    let mut seen = BTreeSet::new();
    let mut todo = vec![root.to_owned()];
    while let Some(dir) = todo.pop() {
        counts.dirs += 1;
        for entry in fs::read_dir(&dir).expect("list") {
            let path = entry.expect("entry").path();
            let meta = fs::symlink_metadata(&path).expect("stat");
            let mut size = meta.len();
            if meta.is_dir() {
                size = 0;
                todo.push(path.clone());
            } else if meta.is_symlink() {
                counts.symlinks += 1;
            } else if seen.insert(meta.ino()) {
                counts.files += 1;
            } else {
                counts.hard_links += 1;
            }
            let below = path.strip_prefix(root).expect("below the root").to_owned();
            listing.insert(below, (meta.mode(), size));
        }
    }
    listing
}

#[test]
fn the_counts_are_what_is_there_and_at_least_what_was_asked_for() {
    let dir = directory_in_memory();
    let counts = make(dir.path(), &SMALL).expect("tree");
    let mut found = Counts::default();
    list(dir.path(), &mut found);
    assert_eq!(found, counts);
    assert!(counts.dirs >= SMALL.dirs, "{counts:?}");
    assert!(counts.others() >= SMALL.files, "{counts:?}");
    assert!(counts.symlinks > 0 && counts.hard_links > 0, "{counts:?}");
}

#[test]
fn the_same_seed_makes_the_same_tree_and_another_seed_another() {
    let listing = |seed| {
        let dir = directory_in_memory();
        let size = Size { dirs: 300, files: 2_500, homes: 3, seed };
        make(dir.path(), &size).expect("tree");
        list(dir.path(), &mut Counts::default())
    };
    let first = listing(1);
    assert!(first == listing(1), "the same seed made another tree");
    assert!(first != listing(2), "another seed made the same tree");
}

#[test]
fn homes_are_named_by_uid_and_closed_to_others() {
    let dir = directory_in_memory();
    make(dir.path(), &SMALL).expect("tree");
    for index in 0..SMALL.homes {
        let uid = FIRST_UID + index;
        let meta = fs::metadata(dir.path().join(uid.to_string())).expect("home");
        assert_eq!(meta.mode() & 0o7777, 0o700);
        // Only root can give files away.
        if rustix::process::geteuid().is_root() {
            assert_eq!((meta.uid(), meta.gid()), (uid, 0));
        }
    }
}

#[test]
fn everything_that_fills_a_home_occurs() {
    let dir = directory_in_memory();
    make(dir.path(), &SMALL).expect("tree");
    let listing = list(dir.path(), &mut Counts::default());
    for wanted in [
        ".venv/pyvenv.cfg",
        "site-packages/numpy/__pycache__",
        "miniconda3/pkgs",
        "miniconda3/envs",
        ".cache/pip/http-v2",
        ".cache/uv/CACHEDIR.TAG",
        ".cache/huggingface/hub",
        ".cache/torch/hub/checkpoints",
        ".local/share/Trash/files",
        ".local/share/Trash/info",
        "app-0/package.json",
        "app-0/node_modules",
        ".git/objects",
        ".ipynb_checkpoints",
        "wandb/latest-run",
        "mlruns/0/meta.yaml",
        "optimizer.pt",
        "logs/worker-0.log",
        "data/shards-0",
    ] {
        let there = |path: &PathBuf| path.to_string_lossy().contains(wanted);
        assert!(listing.keys().any(there), "no {wanted}");
    }
}

#[test]
fn a_directory_with_something_in_it_is_refused() {
    let dir = directory_in_memory();
    fs::write(dir.path().join("precious"), "data").expect("write");
    let error = make(dir.path(), &SMALL).expect_err("not empty");
    assert!(error.to_string().contains("not empty"), "{error}");
}
