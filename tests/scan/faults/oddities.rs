//! Surprising replies that are no errors: listings with wrong types, directories that turn into
//! something else, and extreme numbers.

use std::path::Path;
use std::process::Command;
use std::time::{Duration, SystemTime};

use efs_scan_testbed::fuse::faulty::FileType;
use rustix::fs::{CWD, Mode, OFlags, RawDir, mknodat, openat};
use serde_json::Value;

use super::expect::{Engine, Expect, PORTABLE, POSIX, WHOLE, all, assert_parts_sum, expect, plain};
use efs_scan_testbed::fuse::faulty::{Action, Fault, Op, Tree};
use efs_scan_testbed::fuse::faulty::{can_mount, mount};
use efs_scan_testbed::{file, find, home, is_root, run, scratch, skip_unless};

#[test]
fn inode_number_zero_in_a_listing_counts_like_any_other() {
    if !can_mount() {
        return;
    }
    // See Go issue 76428: entries with inode 0 were skipped. The C library's readdir skips them
    // too, so the portable engine never sees them.
    let tree = || {
        let mut tree = plain();
        tree.listed_as("200005/dir/file-3", 0, FileType::RegularFile);
        tree.listed_as("200005/dir/sub", 0, FileType::Directory);
        tree.listed_as("200006", 0, FileType::Directory);
        tree
    };
    expect(POSIX, tree, &WHOLE, |_, _| ());
}

/// Makes a file that turns out to be a directory, and the reverse, as in a listing from before the
/// replacement.
fn listed_wrongly() -> Tree {
    let mut tree = plain();
    let wrong = [
        ("200005/dir/file-3", FileType::Directory),
        ("200005/dir/file-4", FileType::Symlink),
        ("200005/dir/sub", FileType::RegularFile),
        ("200006", FileType::Symlink),
    ];
    for (path, kind) in wrong {
        let ino = tree.find(path).unwrap();
        tree.listed_as(path, ino, kind);
    }
    tree
}

#[test]
fn the_type_of_an_entry_comes_from_its_attributes() {
    if can_mount() {
        expect(POSIX, listed_wrongly, &WHOLE, |_, _| ());
    }
}

#[test]
fn the_portable_engine_reports_entries_lost_to_a_wrong_listing() {
    if !can_mount() {
        return;
    }
    for engine in PORTABLE {
        let mounted = mount(listed_wrongly());
        let root = mounted.path().to_str().unwrap();
        let output = run([&[root, "--format", "json"], &engine[..]].concat());
        let report: Value = serde_json::from_slice(&output.stdout).unwrap();
        // jwalk trusts the listing; entries that it does not enter because of that must be errors.
        let whole = report["totals"]["files"] == WHOLE.files;
        let complete = report["run"]["coverage"] == "complete";
        assert_eq!(whole, complete, "{}", report["totals"]);
    }
}

/// Unmounts on drop.
struct LoopMount<'a>(&'a Path);

impl Drop for LoopMount<'_> {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(self.0).output();
    }
}

#[test]
fn entries_of_unknown_type_are_looked_up() {
    // fuser always sends a type; ext4 without `filetype` lists everything as DT_UNKNOWN.
    let scratch = scratch();
    let (image, root) = (scratch.path().join("image"), scratch.path().join("mnt"));
    std::fs::create_dir(&root).unwrap();
    std::fs::File::create(&image).and_then(|image| image.set_len(32 << 20)).unwrap();
    let done = |program: &str, args: &[&str], last: &[&Path]| {
        let status = Command::new(program).args(args).args(last).output();
        status.is_ok_and(|output| output.status.success())
    };
    let made = done("mkfs.ext4", &["-q", "-O", "^filetype"], &[&image]);
    let able = is_root() && made && done("mount", &["-o", "loop"], &[&image, &root]);
    let _mounted = LoopMount(&root);
    if !skip_unless(able, "DT_UNKNOWN", "mkfs.ext4 or a loop device is missing") {
        return;
    }
    // More names than one batch; on a local file system other workers stat them.
    for at in 0..3000 {
        let name = format!("200005/wide/{at:04}-{}", "x".repeat(40));
        file(&root, name, at % 3 * 400);
    }
    file(&root, "200006/sub/deep/file", 5000);
    std::os::unix::fs::symlink("200005", root.join("200006/link")).unwrap();
    let fifo = root.join("200006/fifo");
    mknodat(CWD, &fifo, rustix::fs::FileType::Fifo, Mode::RUSR, 0).unwrap();

    let fd = openat(CWD, &root, OFlags::DIRECTORY, Mode::empty()).unwrap();
    let mut buffer = Vec::with_capacity(4096);
    let mut raw = RawDir::new(fd, buffer.spare_capacity_mut());
    while let Some(entry) = raw.next() {
        let kind = entry.unwrap().file_type();
        assert_eq!(kind, rustix::fs::FileType::Unknown, "not what was to be had");
    }

    let found = find(&root);
    let count = |kind| found.values().filter(|inode| inode.0 == kind).count();
    let allocated: u64 = found.values().map(|inode| inode.2).sum();
    for engine in all() {
        let report = efs_scan_testbed::report(&root, engine, 0);
        let totals = &report["totals"];
        for (key, kind) in [("files", 'f'), ("dirs", 'd'), ("symlinks", 'l'), ("other", 'p')] {
            assert_eq!(totals[key], count(kind), "{key}, {engine:?}");
        }
        assert_eq!(totals["allocated_bytes"], allocated, "{engine:?}");
    }
}

/// Makes a directory that is `other` when it is opened.
fn replaced(path: &'static str, other: &'static str) -> Tree {
    let mut tree = plain();
    tree.file("secret/file", 1 << 20);
    tree.symlink("link", "secret");
    tree.symlink("link-above", "../secret");
    tree.file("file", 0);
    // The second look-up opens it.
    tree.fault(Fault::new(Op::Lookup, path, Action::LeadTo(other)).skip(1));
    tree
}

fn assert_nothing_is_followed(engines: &[Engine]) {
    for (path, other, files, dirs) in
        [("200005/dir", "link-above", 3, 4), ("200005/dir", "file", 3, 4), ("200005", "link", 1, 2)]
    {
        let tree = || replaced(path, other);
        let secret = tree().find("secret").unwrap();
        let expected = Expect {
            // Errors for paths that are not part of `plain`.
            files: files + 2,
            dirs: dirs + 1,
            vanished: 1,
            errors: &[(path, "open", "moved")],
        };
        expect(engines, tree, &expected, |report, mounted| {
            // Counted once, as itself. jwalk opens by path and follows the link; the link's target
            // must at least not count.
            if report["run"]["engine"] == "posix" {
                assert_eq!(mounted.state.calls(Op::Opendir, secret), 1);
            }
        });
    }
}

#[test]
fn a_directory_that_becomes_a_link_or_a_file_has_moved_and_is_not_followed() {
    if can_mount() {
        assert_nothing_is_followed(POSIX);
    }
}

#[test]
fn a_directory_that_becomes_a_link_or_a_file_is_not_followed_by_the_portable_engine() {
    if can_mount() {
        assert_nothing_is_followed(PORTABLE);
    }
}

#[test]
fn sizes_that_do_not_fit_saturate_in_every_form_of_the_report() {
    if !can_mount() {
        return;
    }
    let distant = Duration::from_secs(i64::MAX as u64);
    let tree = || {
        let mut tree = plain();
        for at in 0..3 {
            let path = format!("200005/huge-{at}");
            tree.file(&path, 1);
            tree.change(&path, |attr| {
                // In blocks of 512 bytes.
                attr.blocks = u64::MAX >> at;
                attr.size = i64::MAX as u64;
                attr.mtime = [SystemTime::UNIX_EPOCH + distant, SystemTime::UNIX_EPOCH][at % 2];
                attr.nlink = u32::from(at > 0);
            });
        }
        tree.change("200006/file", |attr| {
            attr.mtime = SystemTime::UNIX_EPOCH - distant;
            attr.nlink = u32::MAX;
        });
        // Larger than off_t: the kernel refuses it (fs/fuse/dir.c, fuse_invalid_attr).
        tree.file("200006/impossible", u64::MAX);
        tree
    };
    for engine in all() {
        let mounted = mount(tree());
        let report = efs_scan_testbed::report(mounted.path(), engine, 3);
        assert_eq!(report["errors"]["by_kind"]["input_output"], 1);
        assert_eq!(report["errors"]["samples"][0]["path"], "200006/impossible");
        assert_eq!(report["totals"]["files"], WHOLE.files + 3);
        for key in ["apparent_bytes", "allocated_bytes", "metered_bytes"] {
            assert_eq!(report["totals"][key], u64::MAX, "{key}, {engine:?}");
        }
        assert_parts_sum(&report, "saturated");
        for format in ["table", "csv", "du"] {
            let root = mounted.path().to_str().unwrap();
            let flags = ["--format", format, "--quota", "1GiB", "--fail-on-quota"];
            let output = run([&[root], &flags[..], &engine].concat());
            let stderr = String::from_utf8_lossy(&output.stderr);
            assert_eq!(output.status.code(), Some(4), "{format}: {stderr}");
            assert!(!stderr.contains("panicked"), "{format}: {stderr}");
        }
    }
}

#[test]
fn the_sum_of_a_directory_saturates_too() {
    if !can_mount() {
        return;
    }
    for engine in all() {
        let mounted = mount({
            let mut tree = plain();
            for path in ["200005/sum/a/huge", "200005/sum/b/huge"] {
                tree.file(path, 1);
                tree.change(path, |attr| attr.blocks = 1 << 54);
            }
            tree
        });
        let report = efs_scan_testbed::report(mounted.path(), engine, 0);
        // Two subdirectories of 8 EiB each: the sum exceeds 64 bits and must not wrap around to
        // nearly 0.
        let dirs = home(&report, "200005")["largest_dirs"].as_array().unwrap();
        let sum = dirs.iter().find(|dir| dir["path"] == "200005/sum");
        let sum = sum.unwrap_or_else(|| panic!("{engine:?}: {dirs:?}"));
        assert_eq!(sum["allocated_bytes"], u64::MAX, "{engine:?}");
    }
}

/// Files that are accounted for separately: with several links, or matched by a rule.
fn huge_apart(path: &str, links: u64) -> Value {
    let mounted = mount({
        let mut tree = plain();
        for at in 0..3 {
            let path = format!("200005/huge/file-{at}{path}");
            tree.file(&path, 1 << 40);
            tree.change(&path, |attr| attr.blocks = u64::MAX);
            for link in 1..links {
                tree.link(&path, &format!("200006/{at}-{link}"));
            }
        }
        tree
    });
    let report = efs_scan_testbed::report(mounted.path(), POSIX[0], 0);
    assert_eq!(report["totals"]["files"], WHOLE.files + 3);
    assert_eq!(report["totals"]["allocated_bytes"], u64::MAX);
    assert_parts_sum(&report, path);
    report
}

#[test]
fn sizes_of_hard_links_saturate_too() {
    if can_mount() {
        huge_apart("", 2);
    }
}

#[test]
fn sizes_of_files_that_a_rule_names_saturate_too() {
    if can_mount() {
        let report = huge_apart(".log", 1);
        assert_eq!(report["totals"]["by_class"]["log"]["inodes"], 3);
    }
}
