//! Checks with `find` and `du` that `slow-tree` serves the tree of its formula, and that it counts
//! requests correctly: every measurement on it depends on both.

use std::collections::{HashMap, HashSet};
use std::process::{Command, Output};

use efs_scan_testbed::computed::{FIRST_UID, ROOT, Tree};
use efs_scan_testbed::fuse::can_mount;
use efs_scan_testbed::tree::directory_in_memory;

/// One line of `find`.
struct Found {
    kind: String,
    ino: u64,
    nlink: u64,
    uid: u64,
    blocks: u64,
    path: String,
}

/// Runs `script` in the tree that `options` describe.
fn slow_tree(options: &[&str], script: &str) -> Output {
    let point = directory_in_memory();
    Command::new(env!("CARGO_BIN_EXE_slow-tree"))
        .args(options)
        .arg(point.path())
        .args(["--", "sh", "-c", "cd \"$0\" && exec sh -c \"$1\""])
        .args([point.path().as_os_str(), script.as_ref()])
        .output()
        .expect("slow-tree")
}

/// Runs `script`, which must succeed, and returns its output.
fn printed(options: &[&str], script: &str) -> String {
    let output = slow_tree(options, script);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("text")
}

fn find(options: &[&str]) -> Vec<Found> {
    let lines = printed(options, r#"find . -printf '%y %i %n %U %b %P\n'"#);
    let found = lines.lines().map(|line| {
        let words: Vec<&str> = line.splitn(6, ' ').collect();
        let number = |at: usize| words[at].parse().expect("a number");
        Found {
            kind: words[0].to_owned(),
            ino: number(1),
            nlink: number(2),
            uid: number(3),
            blocks: number(4),
            path: words[5].to_owned(),
        }
    });
    found.collect()
}

/// Returns a number of the line at the end.
fn counted(output: &Output, name: &str) -> u64 {
    let said = String::from_utf8_lossy(&output.stderr);
    let line = said.lines().find_map(|line| line.strip_prefix("slow-tree: ")).expect("its line");
    let mut words = line.split(' ').filter_map(|word| word.split_once('='));
    let value = words.find(|(key, _)| *key == name).expect("its number").1;
    value.parse().expect("a number")
}

/// Compares the output of `find` with `tree`.
fn check(tree: &Tree, found: &[Found]) {
    let dirs: Vec<_> = found.iter().filter(|found| found.kind == "d").collect();
    assert_eq!(dirs.len() as u64, tree.dirs());
    assert_eq!((found.len() - dirs.len()) as u64, tree.files());
    let inodes: HashSet<_> = found.iter().map(|found| found.ino).collect();
    assert_eq!(inodes.len(), found.len(), "inodes are unique");

    let mut subdirs: HashMap<&str, u64> = HashMap::new();
    for dir in dirs.iter().filter(|dir| !dir.path.is_empty()) {
        let above = dir.path.rsplit_once('/').map_or("", |(above, _)| above);
        *subdirs.entry(above).or_default() += 1;
    }
    for dir in dirs {
        let below = subdirs.get(dir.path.as_str()).copied().unwrap_or(0);
        assert_eq!(dir.nlink, 2 + below, "links of {}", dir.path);
    }
    for one in found {
        let home = one.path.split('/').next().filter(|home| !home.is_empty());
        assert_eq!(one.uid, home.map_or(0, |home| home.parse().expect("a uid")), "{}", one.path);
        let attr = tree.attr(one.ino).expect("an inode of the tree");
        assert_eq!(one.blocks, attr.blocks, "blocks of {}", one.path);
    }
}

#[test]
fn find_and_du_see_the_formula() {
    if !can_mount() {
        return;
    }
    let options = ["--dirs", "300", "--files", "7", "--fanout", "4", "--homes", "5"];
    let tree = Tree::even(300, 7, 5, 4);
    assert_eq!((tree.dirs(), tree.files()), (300, 299 * 7));
    let found = find(&options);
    check(&tree, &found);
    let homes: HashSet<_> = found.iter().map(|found| found.uid).filter(|uid| *uid > 0).collect();
    assert_eq!(homes, (FIRST_UID..FIRST_UID + 5).collect());

    // The sum over all inode numbers, without listing directories.
    let numbers = ROOT..ROOT + 300 * 8;
    let blocks: u64 = numbers.filter_map(|ino| tree.attr(ino)).map(|attr| attr.blocks).sum();
    let du = printed(&options, "du -s --block-size=512 .");
    assert_eq!(du.split_whitespace().next(), Some(blocks.to_string().as_str()));
}

#[test]
fn every_second_home_links_to_the_one_before() {
    if !can_mount() {
        return;
    }
    let found =
        find(&["--dirs", "300", "--files", "7", "--fanout", "4", "--homes", "4", "--linked"]);
    let files: Vec<_> = found.iter().filter(|found| found.kind == "f").collect();
    assert_eq!(files.len(), 299 * 7);
    let inodes: HashSet<_> = files.iter().map(|file| file.ino).collect();
    assert_eq!(inodes.len() as u64, Tree::linked(300, 7, 4, 4).files());
    let mut links: HashMap<u64, Vec<&str>> = HashMap::new();
    for file in files {
        assert_eq!(file.nlink, 2, "{}", file.path);
        links.entry(file.ino).or_default().push(&file.path);
    }
    for paths in links.values().filter(|paths| paths.len() > 1) {
        let split = |path: &str| {
            path.split_once('/').map(|(home, rest)| (home.parse::<u64>().unwrap(), rest.to_owned()))
        };
        let (one, two) = (split(paths[0]).unwrap(), split(paths[1]).unwrap());
        assert_eq!((paths.len(), one.0.abs_diff(two.0), &one.1), (2, 1, &two.1), "{paths:?}");
    }
}

#[test]
fn wide_directories_are_listed_whole() {
    if !can_mount() {
        return;
    }
    check(&Tree::wide_files(30_000), &find(&["--wide-files", "30000"]));
    check(&Tree::wide_dirs(3_000), &find(&["--wide-dirs", "3000"]));
}

#[test]
fn names_that_no_listing_shows_are_not_there() {
    if !can_mount() {
        return;
    }
    let script = "test -d 200005/d0 && test -f 200005/d0/f1 &&
        ! ls -d 200025 d0 f0 200005/d01 200005/d10 200005/200005 200005/f2 200005/f 200005/x";
    printed(&["--files", "2"], script);
}

#[test]
fn what_was_asked_is_counted_and_the_code_comes_through() {
    if !can_mount() {
        return;
    }
    let output = slow_tree(&["--dirs", "100", "--rtt-us", "100"], "find . -size +1000k; exit 7");
    assert_eq!(output.status.code(), Some(7));
    assert_eq!((counted(&output, "dirs"), counted(&output, "files")), (100, 990));
    // find opens its start a second time, to return to it.
    assert_eq!(counted(&output, "opendirs"), 101);
    assert_eq!(counted(&output, "readdirpluses"), 100);
    // Attributes came with the names, except those of the root.
    assert_eq!((counted(&output, "readdirs"), counted(&output, "lookups")), (0, 0));
    assert_eq!(counted(&output, "getattrs"), 1);
    assert_eq!(counted(&output, "round_trips"), 101 * 2 + 100 + 1);
    assert_eq!(counted(&output, "peak_in_flight"), 1);
}

#[test]
fn waiting_takes_no_thread() {
    if !can_mount() {
        return;
    }
    let floor = env!("CARGO_BIN_EXE_floor");
    let script = format!("{floor} --threads 256 .");
    let options = ["--wide-dirs", "2000", "--rtt-us", "50000", "--threads", "1"];
    let output = slow_tree(&options, &script);
    assert!(output.status.success());
    let peak = counted(&output, "peak_in_flight");
    assert!((200..=256).contains(&peak), "{peak} in flight");
}
