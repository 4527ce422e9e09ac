//! Failing file systems: unreadable entries are counted and named, vanished files are no error, and
//! everything else counts once.

pub(crate) mod expect;
pub(crate) mod moved;
mod oddities;
mod passing;

use std::time::Duration;

use efs_scan_testbed::fuse::faulty::Errno;
use efs_scan_testbed::fuse::faulty::{Action, Fault, Op};
use efs_scan_testbed::fuse::faulty::{can_mount, mount};
use efs_scan_testbed::{home, run};
use expect::{Expect, POSIX, WHOLE, all, expect, failing, plain, with};

#[test]
fn a_tree_without_faults_is_whole() {
    if !can_mount() {
        return;
    }
    expect(&all(), plain, &WHOLE, |report, _| {
        // Ten files of 2 blocks, four of 10, seven directories of 8.
        assert_eq!(report["totals"]["allocated_bytes"], (20 + 40 + 56) * 512);
    });
}

#[test]
fn a_directory_that_does_not_open_is_an_error_and_counts_itself() {
    if !can_mount() {
        return;
    }
    for (errno, kind) in [
        (Errno::EIO, "input_output"),
        (Errno::EACCES, "permission_denied"),
        (Errno::EPERM, "permission_denied"),
        (Errno::ENFILE, "too_many_open_files"),
        (Errno::ENOMEM, "other"),
    ] {
        let tree = || failing(Op::Opendir, "200005/dir", errno);
        let expected =
            Expect { files: 3, dirs: 5, errors: &[("200005/dir", "open", kind)], ..WHOLE };
        expect(&all(), tree, &expected, |report, _| {
            assert_eq!(home(report, "200005")["usage"]["files"], 2);
            assert_eq!(home(report, "200006")["usage"]["files"], 1);
        });
    }
}

#[test]
fn a_listing_that_breaks_off_is_an_error_and_its_entries_count() {
    if !can_mount() {
        return;
    }
    // See duc issue 275: a directory that opened but failed while being read looked empty.
    for shown in [0, 1, 7] {
        let fault = || Fault::fail(Op::Readdir, "200005/dir", Errno::EIO).after(shown);
        let expected = Expect {
            files: 3 + shown,
            dirs: 5,
            errors: &[("200005/dir", "list", "input_output")],
            ..WHOLE
        };
        expect(&all(), || with(fault()), &expected, |_, _| ());
    }
}

#[test]
fn a_listing_that_gives_nothing_at_all_is_an_error_too() {
    if !can_mount() {
        return;
    }
    // Fails before `.` and `..`.
    let tree = || failing(Op::Readdir, "200005/dir", Errno::EIO);
    let expected =
        Expect { files: 3, dirs: 5, errors: &[("200005/dir", "list", "input_output")], ..WHOLE };
    expect(&all(), tree, &expected, |_, _| ());
}

#[test]
fn subdirectories_of_a_listing_that_breaks_off_are_entered() {
    if !can_mount() {
        return;
    }
    // Fails after ten files and the subdirectory: only the end is missing, and the program cannot
    // know that.
    let fault = || Fault::fail(Op::Readdir, "200005/dir", Errno::EIO).after(11);
    let expected = Expect { errors: &[("200005/dir", "list", "input_output")], ..WHOLE };
    expect(&all(), || with(fault()), &expected, |_, _| ());
}

#[test]
fn a_root_that_cannot_be_listed_is_an_error() {
    if !can_mount() {
        return;
    }
    let tree = || failing(Op::Readdir, "", Errno::EIO);
    let expected = Expect { files: 0, dirs: 1, errors: &[("", "list", "input_output")], ..WHOLE };
    expect(&all(), tree, &expected, |_, _| ());
}

#[test]
fn a_root_that_does_not_open_is_fatal() {
    if !can_mount() {
        return;
    }
    for engine in all() {
        let mounted = mount(failing(Op::Opendir, "", Errno::EIO));
        let output = run([&[mounted.path().to_str().unwrap()], &engine[..]].concat());
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{stderr}");
        assert!(output.stdout.is_empty());
        assert!(stderr.starts_with("efs-scan: open /"), "{stderr}");
        assert_eq!(stderr.lines().count(), 1, "{stderr}");
    }
}

#[test]
fn a_file_without_attributes_is_an_error_and_not_zero() {
    if !can_mount() {
        return;
    }
    for op in [Op::Lookup, Op::Getattr] {
        for (errno, kind) in [
            (Errno::EACCES, "permission_denied"),
            (Errno::EIO, "input_output"),
            (Errno::ESTALE, "stale"),
        ] {
            let tree = || failing(op, "200005/dir/file-3", errno);
            let expected =
                Expect { files: 13, errors: &[("200005/dir/file-3", "stat", kind)], ..WHOLE };
            expect(&all(), tree, &expected, |_, _| ());
        }
    }
}

/// A directory whose owner is unknown may be anybody's home, unless its name gives the owner.
#[test]
fn a_scan_of_one_user_is_partial_if_unread_homes_may_be_theirs() {
    if !can_mount() {
        return;
    }
    for (broken, code) in [("proj", 3), ("200006", 0)] {
        for engine in all() {
            let mut tree = plain();
            tree.file("proj/file", 5000);
            tree.fault(Fault::fail(Op::Lookup, broken, Errno::EIO));
            let mounted = mount(tree);
            let args = [&engine[..], &["--user", "200005"]].concat();
            let report = efs_scan_testbed::report(mounted.path(), args, code);
            let coverage = if code == 0 { "complete" } else { "partial" };
            assert_eq!(report["run"]["coverage"], coverage, "{broken}, {engine:?}");
            assert_eq!(report["totals"]["files"], 13);
            assert_eq!(home(&report, "200005")["coverage"], "complete");
        }
    }
}

#[test]
fn a_directory_without_attributes_is_an_error_and_is_not_entered() {
    if !can_mount() {
        return;
    }
    let tree = || failing(Op::Lookup, "200005/dir/sub", Errno::EIO);
    let sub = tree().find("200005/dir/sub").unwrap();
    let expected = Expect {
        files: 13,
        dirs: 5,
        errors: &[("200005/dir/sub", "stat", "input_output")],
        ..WHOLE
    };
    expect(&all(), tree, &expected, |_, mounted| {
        assert_eq!(mounted.state.calls(Op::Opendir, sub), 0);
    });
}

#[test]
fn a_directory_that_can_no_longer_be_looked_up_is_an_error_of_opening() {
    if !can_mount() {
        return;
    }
    // The first look-up fetches attributes. The portable engine stats by path, so it looks the same
    // name up for each entry below it and would hit the fault elsewhere.
    let fault = || Fault::fail(Op::Lookup, "200005/dir", Errno::EIO).skip(1);
    let expected =
        Expect { files: 3, dirs: 5, errors: &[("200005/dir", "open", "input_output")], ..WHOLE };
    expect(POSIX, || with(fault()), &expected, |_, _| ());
}

#[test]
fn many_errors_are_all_counted_and_a_hundred_are_named() {
    if !can_mount() {
        return;
    }
    let tree = || {
        let mut tree = plain();
        for at in 0..150 {
            let path = format!("200005/many/{at:03}");
            tree.file(&path, 1000);
            tree.fault(Fault::fail(Op::Getattr, &path, Errno::EIO));
        }
        tree
    };
    for engine in all() {
        let mounted = mount(tree());
        let report = efs_scan_testbed::report(mounted.path(), engine, 3);
        let errors = &report["errors"];
        assert_eq!(errors["count"], 150);
        assert_eq!(errors["by_kind"]["input_output"], 150);
        assert_eq!(home(&report, "200005")["errors"], 150);
        // Samples are the first errors by path, so two runs name the same ones.
        let samples = errors["samples"].as_array().unwrap();
        let paths = samples.iter().map(|sample| sample["path"].as_str().unwrap());
        let wanted = (0..100).map(|at| format!("200005/many/{at:03}"));
        assert!(paths.eq(wanted), "{engine:?}: {errors}");
        assert_eq!(report["totals"]["files"], WHOLE.files);
    }
}

#[test]
fn a_marker_that_cannot_be_read_is_an_error_and_no_guess() {
    if !can_mount() {
        return;
    }
    let tree = || {
        let mut tree = plain();
        let signature = b"Signature: 8a477f597d28d172789f06886806bc55\n";
        tree.text("200005/dir/CACHEDIR.TAG", signature);
        tree.text("200005/dir-beside/CACHEDIR.TAG", signature);
        tree.fault(Fault::fail(Op::Open, "200005/dir/CACHEDIR.TAG", Errno::EIO));
        tree
    };
    let expected = Expect { files: 16, errors: &[("200005/dir", "read", "input_output")], ..WHOLE };
    expect(&all(), tree, &expected, |report, _| {
        let findings = home(report, "200005")["findings"].as_array().unwrap();
        let paths: Vec<_> = findings.iter().map(|finding| &finding["path"]).collect();
        assert_eq!(paths, ["200005/dir-beside"]);
    });
}

#[test]
fn an_error_in_a_lookup_beside_a_directory_counts_for_its_home() {
    if !can_mount() {
        return;
    }
    // A first part of at least 1,024 subdirectories is committed before the listing reaches
    // Cargo.toml, so the scan has to look up whether target/ is Cargo's.
    let tree = || {
        let mut tree = plain();
        tree.dir("200005/wide/target");
        for at in 0..1100 {
            tree.dir(&format!("200005/wide/{at}"));
        }
        tree.file("200005/wide/Cargo.toml", 1000);
        let pause = Fault::new(Op::Readdir, "200005/wide", Action::Delay(Duration::ZERO));
        tree.fault(pause.after(1101));
        tree.fault(Fault::fail(Op::Lookup, "200005/wide/Cargo.toml", Errno::EIO).times(1));
        tree
    };
    let expected = Expect {
        files: WHOLE.files + 1,
        dirs: WHOLE.dirs + 1102,
        errors: &[("200005/wide", "read", "input_output")],
        ..WHOLE
    };
    expect(POSIX, tree, &expected, |_, _| ());
}
