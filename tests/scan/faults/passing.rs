//! Transient faults: handles that are stale once, and names that disappear during the scan.

use efs_scan_testbed::fuse::faulty::Errno;

use super::expect::{Expect, PORTABLE, POSIX, WHOLE, all, expect, failing, with};
use efs_scan_testbed::fuse::faulty::{Fault, Op, Tree};
use efs_scan_testbed::fuse::faulty::{can_mount, mount};

#[test]
fn a_stale_handle_is_tried_once_more() {
    if !can_mount() {
        return;
    }
    // On ESTALE from openat or statx, the kernel itself looks the path up again (fs/namei.c,
    // LOOKUP_REVAL), so one attempt of the program may be two calls here.
    for (op, path, times) in [
        (Op::Opendir, "200005/dir", 1),
        (Op::Opendir, "200005/dir", 2),
        (Op::Lookup, "200005/dir/file-3", 1),
        (Op::Lookup, "200005/dir/file-3", 2),
        (Op::Getattr, "200005/dir/file-3", 1),
        (Op::Getattr, "200005/dir/file-3", 2),
        (Op::Readdir, "200005/dir", 1),
    ] {
        let tree = || with(Fault::fail(op, path, Errno::ESTALE).times(times));
        expect(POSIX, tree, &WHOLE, |_, _| ());
        if times == 2 || op == Op::Readdir {
            // A program without a retry sees the fault.
            let mounted = mount(tree());
            let path = mounted.path().join(path);
            let once = match op {
                Op::Opendir | Op::Readdir => {
                    path.read_dir().and_then(|mut dir| dir.try_for_each(|entry| entry.map(drop)))
                }
                _ => path.symlink_metadata().map(drop),
            };
            assert!(once.is_err(), "{op:?}");
        }
    }
}

#[test]
fn a_permanently_stale_handle_is_one_error() {
    if !can_mount() {
        return;
    }
    let tree = || failing(Op::Opendir, "200005/dir", Errno::ESTALE);
    let expected =
        Expect { files: 3, dirs: 5, errors: &[("200005/dir", "open", "stale")], ..WHOLE };
    // The portable engine does not retry, but it reports the error.
    expect(&all(), tree, &expected, |_, _| ());
}

#[test]
fn a_listing_that_becomes_stale_begins_again_and_counts_nothing_twice() {
    if !can_mount() {
        return;
    }
    for shown in [0, 5, 11] {
        let stale = || Fault::fail(Op::Readdir, "200005/dir", Errno::ESTALE).after(shown);
        let dir = with(stale()).find("200005/dir").unwrap();
        expect(
            POSIX,
            || with(stale().times(1)),
            &WHOLE,
            |_, mounted| {
                // Opened again from the parent, by name.
                assert_eq!(mounted.state.calls(Op::Opendir, dir), 2);
            },
        );
        // A second ESTALE is an error, and the entries of the second listing count once.
        let whole = shown == 11;
        let expected = Expect {
            files: if whole { 14 } else { 3 + shown },
            dirs: if whole { 7 } else { 5 },
            errors: &[("200005/dir", "list", "stale")],
            ..WHOLE
        };
        expect(
            POSIX,
            || with(stale()),
            &expected,
            |_, mounted| {
                assert_eq!(mounted.state.calls(Op::Opendir, dir), 2);
            },
        );
        expect(PORTABLE, || with(stale()), &expected, |_, _| ());
    }
}

#[test]
fn a_listing_that_becomes_stale_after_a_part_is_counted_is_an_error() {
    if !can_mount() {
        return;
    }
    // Past 1,024 subdirectories a part is committed, so starting over would count it twice.
    let tree = || {
        let mut tree = Tree::new();
        for at in 0..1500 {
            tree.dir(&format!("200005/wide/{at}"));
        }
        tree.fault(Fault::fail(Op::Readdir, "200005/wide", Errno::ESTALE).after(1200));
        tree
    };
    let wide = tree().find("200005/wide").unwrap();
    let expected =
        Expect { files: 0, dirs: 3 + 1200, errors: &[("200005/wide", "list", "stale")], ..WHOLE };
    expect(POSIX, tree, &expected, |_, mounted| {
        assert_eq!(mounted.state.calls(Op::Opendir, wide), 1);
    });
}

#[test]
fn a_listed_name_that_is_gone_has_vanished() {
    if !can_mount() {
        return;
    }
    let tree = || failing(Op::Lookup, "200005/dir/file-3", Errno::ENOENT);
    let expected = Expect { files: 13, vanished: 1, ..WHOLE };
    expect(&all(), tree, &expected, |_, _| ());
}

#[test]
fn a_listed_directory_that_is_gone_makes_its_home_partial() {
    if !can_mount() {
        return;
    }
    for op in [Op::Lookup, Op::Opendir] {
        let tree = || failing(op, "200005/dir/sub", Errno::ENOENT);
        let errors = &[("200005/dir/sub", "open", "moved")];
        let expected = Expect { files: 13, dirs: 5, vanished: 1, errors };
        expect(&all(), tree, &expected, |report, _| {
            assert_eq!(efs_scan_testbed::home(report, "200005")["vanished"], 1);
            assert_eq!(efs_scan_testbed::home(report, "200006")["vanished"], 0);
        });
    }
}

#[test]
fn a_name_that_is_gone_after_a_stale_handle_has_vanished() {
    if !can_mount() {
        return;
    }
    // A server drops the handle of a removed file: ESTALE first, then ENOENT.
    let moved: &[_] = &[("200005/dir/sub", "open", "moved")];
    for (op, path, dirs, errors) in
        [(Op::Getattr, "200005/dir/file-3", 7, &[][..]), (Op::Opendir, "200005/dir/sub", 5, moved)]
    {
        let tree = || {
            let mut tree = with(Fault::fail(op, path, Errno::ESTALE).times(2));
            tree.fault(Fault::fail(op, path, Errno::ENOENT));
            tree
        };
        let expected = Expect { files: 13, dirs, vanished: 1, errors };
        expect(POSIX, tree, &expected, |_, _| ());
    }
}

/// Removes a directory while it is listed. Linux then returns ENOENT for getdents64 (fs/readdir.c,
/// IS_DEADDIR); readdir(3) takes this for the end of the directory.
fn removed_while_listed(engines: &[super::expect::Engine], shown: u64) {
    let path = "200005/dir/sub/deep";
    for engine in engines {
        let fault = Fault::fail(Op::Readdir, path, Errno::ENOENT).after(shown);
        let mounted = mount(with(fault));
        let report = efs_scan_testbed::report(mounted.path(), engine, 0);
        // The directory itself may count or not.
        assert_eq!(report["errors"]["count"], 0, "{}", report["errors"]);
        assert_eq!(report["run"]["coverage"], "complete");
        assert_eq!(report["totals"]["files"], 13 + shown);
    }
}

#[test]
fn a_directory_that_is_removed_while_it_is_listed_is_no_error() {
    if can_mount() {
        removed_while_listed(POSIX, 0);
        removed_while_listed(POSIX, 1);
    }
}

#[test]
fn a_directory_that_is_removed_while_it_is_listed_is_no_error_to_the_portable_engine() {
    if can_mount() {
        removed_while_listed(PORTABLE, 0);
        removed_while_listed(PORTABLE, 1);
    }
}
