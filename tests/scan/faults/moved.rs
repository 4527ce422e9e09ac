//! Directories that are moved during the scan: nothing counts twice, and missing entries make their
//! home partial.

use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

use efs_scan_testbed::fuse::faulty::{Action, Fault, Op, Tree, can_mount, mount};
use efs_scan_testbed::moves::{Moves, OpensBy};
use efs_scan_testbed::{file, find, home, run, scratch};
use proptest::collection::vec;
use proptest::prelude::*;
use serde_json::Value;

use super::expect::{Engine, Expect, PORTABLE, POSIX, WHOLE, assert_parts_sum, expect, plain};

/// With one worker, a directory that moves to a place that is listed later counts there.
const ONE: &[Engine] = &[POSIX[0]];

const SUB: &str = "200005/dir/sub";

/// Returns `plain`, in which the entries of `moves` move as soon as `names` names of `path` are
/// listed. At that time, no directory in `path` is open.
fn moving(moves: &[(&str, &str)], path: &str, names: u64) -> Tree {
    let mut tree = plain();
    moves.iter().for_each(|(from, to)| tree.moves(from, to));
    tree.fault(Fault::new(Op::Readdir, path, Action::Move).after(names));
    tree
}

#[test]
fn a_renamed_directory_counts_by_the_name_that_it_was_listed_with() {
    if !can_mount() {
        return;
    }
    let (dir, beside) = ("200005/dir", "200005/dir-beside");
    for (path, names, moves) in [
        // Within its parent, and to the top of its home.
        (dir, 11, &[(SUB, "200005/dir/renamed")][..]),
        (dir, 11, &[(SUB, "200005/renamed")]),
        (dir, 11, &[(SUB, "200005/renamed"), (dir, "200005/dir-renamed")]),
        // A home.
        ("", 2, &[("200006", "200006-old")]),
        // Two that change places, and three.
        ("200005", 3, &[(dir, beside), (beside, dir)]),
        ("", 2, &[("200005", "200006"), ("200006", "200005")]),
        ("200005", 3, &[(dir, beside), (beside, "200005/third")]),
    ] {
        expect(
            POSIX,
            || moving(moves, path, names),
            &WHOLE,
            |report, _| {
                assert_eq!(home(report, "200006")["usage"]["files"], 1, "{moves:?}");
                assert_eq!(report["homes"].as_array().unwrap().len(), 3, "{moves:?}");
            },
        );
    }
}

#[test]
fn a_directory_that_moves_out_of_its_home_or_deeper_makes_the_home_partial() {
    if !can_mount() {
        return;
    }
    // Both places are listed later and count the directory.
    for (to, files) in [("200006/sub", 2), ("200005/dir-beside/sub", 1)] {
        let tree = || moving(&[(SUB, to)], "200005/dir", 11);
        let expected = Expect { vanished: 1, errors: &[(SUB, "open", "moved")], ..WHOLE };
        expect(ONE, tree, &expected, |report, _| {
            assert_eq!(home(report, "200006")["usage"]["files"], files, "{to}");
        });
    }
}

#[test]
fn a_directory_that_is_renamed_before_its_attributes_are_read_is_found() {
    if !can_mount() {
        return;
    }
    let renamed = |to| {
        let mut tree = plain();
        tree.moves(SUB, to);
        tree.fault(Fault::new(Op::Lookup, "200005/dir/file-0", Action::Move));
        tree
    };
    expect(POSIX, || renamed("200005/dir/renamed"), &WHOLE, |_, _| ());
    let expected = Expect { vanished: 1, errors: &[(SUB, "open", "moved")], ..WHOLE };
    expect(ONE, || renamed("200006/renamed"), &expected, |_, _| ());
}

#[test]
fn a_directory_that_a_long_listing_shows_by_two_names_counts_once() {
    if !can_mount() {
        return;
    }
    let tree = || {
        let mut tree = Tree::new();
        for at in 0..1500 {
            tree.file(&format!("200005/wide/{at}/file"), 1000);
        }
        tree.moves("200005/wide/7", "200005/wide/last");
        // After the first part was counted, and before any of its directories is opened.
        tree.fault(Fault::new(Op::Readdir, "200005/wide", Action::Move).after(1200));
        tree
    };
    expect(ONE, tree, &Expect { files: 1500, dirs: 1503, ..WHOLE }, |_, _| ());
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 150, ..ProptestConfig::default() })]

    /// Directories move at any moment and to any place. A complete home has everything that was
    /// listed in it, nothing in it counts twice, and missing entries make it partial.
    #[test]
    fn random_moves_at_random_moments_hide_nothing(
        parents in vec(any::<u8>(), 0..12),
        moves in vec(any::<(u8, u8)>(), 1..4),
        trigger in any::<u8>(),
    ) {
        let Some(plan) = Moves::new(&parents, &moves, trigger) else { return Ok(()) };
        if !can_mount() {
            return Ok(());
        }
        let mut tree = Tree::new();
        for dir in &plan.dirs[1..] {
            tree.file(&format!("{dir}/file"), 1000);
        }
        let inodes: Vec<u64> = plan.dirs.iter().map(|dir| tree.find(dir).unwrap()).collect();
        tree.fault(Fault::new(Op::Readdir, &plan.dirs[plan.trigger], Action::Move));
        for (from, to) in plan.paths() {
            match to {
                Some(to) => tree.moves(&from, &to),
                None => drop(tree.leaves(&from)),
            }
        }
        let mounted = mount(tree);
        let report = scan(mounted.path(), &ONE[0]);
        let listed = mounted.state.listed_before_move();
        let begun: Vec<usize> =
            (0..inodes.len()).filter(|dir| listed.contains(&inodes[*dir])).collect();
        assert_parts_sum(&report, "moved");
        plan.check(&report, &begun, OpensBy::Name);
    }
}

/// A user who renames all the time hides nothing: complete homes are complete, and nothing counts
/// twice.
#[test]
fn directories_that_are_renamed_all_the_time_are_complete_or_their_home_is_partial() {
    let tree = scratch();
    let root = tree.path();
    for at in 0..40 {
        for below in 0..3 {
            file(root, format!("200005/top/{at}/{below}/file"), 3000);
        }
    }
    file(root, "200006/file", 1);
    let inodes = find(root).len() as u64;
    let stop = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let path = |at: u32, end: &str| root.join(format!("200005/top/{at}{end}"));
            for at in (0..40).cycle() {
                if stop.load(Ordering::Relaxed) {
                    break;
                }
                std::fs::rename(path(at, ""), path(at, "-renamed")).unwrap();
                std::fs::rename(path(at, "-renamed"), path(at, "")).unwrap();
            }
        });
        let scanned = std::panic::catch_unwind(|| {
            for engine in [POSIX, PORTABLE].concat().iter().cycle().take(40) {
                let report = scan(root, engine);
                assert_parts_sum(&report, "renamed");
                let counts = &report["totals"];
                let counted = counts["files"].as_u64().unwrap() + counts["dirs"].as_u64().unwrap();
                let home = home(&report, "200005");
                if home["coverage"] == "complete" {
                    assert_eq!(counted, inodes, "{engine:?}");
                } else {
                    let kinds = report["errors"]["by_kind"].as_object().unwrap();
                    assert!(kinds.keys().all(|kind| kind == "moved"), "{kinds:?}");
                    assert_eq!(home["errors"], report["errors"]["count"]);
                }
                assert!(counted <= inodes, "{counted} of {inodes}, {engine:?}");
            }
        });
        stop.store(true, Ordering::Relaxed);
        scanned.unwrap_or_else(|panic| std::panic::resume_unwind(panic));
    });
}

/// Returns the report of a scan that is complete or partial.
pub(crate) fn scan(root: &Path, engine: &Engine) -> Value {
    let output = run([&[root.to_str().unwrap(), "--format", "json"], &engine[..]].concat());
    assert!(matches!(output.status.code(), Some(0 | 3)), "{output:?}");
    serde_json::from_slice(&output.stdout).unwrap()
}
