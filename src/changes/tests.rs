use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;

use super::place::cmp_paths;
use super::view::{ChangesView, Line, What};
use super::*;
use crate::dirs::{About, DirRow, Sums};
use crate::units::{AllocatedBytes, ApparentBytes};
use crate::usage::HomeKind;

const MIB: u64 = 1 << 20;

/// Homes, each with its directories by path, and the files in each: allocated bytes and mtime.
type Model = BTreeMap<String, BTreeMap<String, Vec<(u64, i64)>>>;

fn above(path: &str) -> Option<&str> {
    (!path.is_empty()).then(|| path.rsplit_once('/').map_or("", |(above, _)| above))
}

fn sums_of(files: &[(u64, i64)]) -> Sums {
    let allocated = AllocatedBytes(files.iter().map(|file| file.0).sum());
    Sums {
        files: files.len() as u64,
        dirs: 1,
        apparent: ApparentBytes(allocated.0),
        allocated,
        metered: MeteredBytes::of(allocated, 1 + files.len() as u64),
    }
}

/// The table of a model: the slow way, one directory after the other.
fn rows(model: &Model, min: u64) -> Vec<DirRow> {
    let mut rows = Vec::new();
    for (home, dirs) in model {
        let mut of: BTreeMap<&str, DirRow> = BTreeMap::new();
        for (path, files) in dirs {
            let (home, newest) = (home.as_bytes().to_vec(), files.iter().map(|file| file.1).max());
            let (own, path_bytes) = (sums_of(files), path.as_bytes().to_vec());
            let base =
                DirRow { kind: HomeKind::Named, home, path: path_bytes, ..DirRow::default() };
            of.insert(path, DirRow { own, subtree: own, newest, ..base });
        }
        let mut deepest: Vec<&str> = of.keys().copied().collect();
        deepest.sort_by_key(|path| std::cmp::Reverse((path.matches('/').count(), path.len())));
        for path in deepest {
            let Some(up) = above(path) else { continue };
            let row = of[path].clone();
            let up = of.get_mut(up).unwrap();
            up.subtree.add(&row.subtree);
            up.newest = up.newest.max(row.newest);
            if row.subtree.metered.0 < min {
                up.rest.add(&row.own);
                up.rest.add(&row.rest);
                of.remove(path);
            }
        }
        rows.extend(of.into_values());
    }
    rows.sort_by(DirRow::cmp_place);
    rows
}

fn options(limit: usize) -> Options {
    Options { scope: Scope::default(), limit, min: MeteredBytes(0) }
}

fn view_of(old: &[DirRow], new: &[DirRow], options: &Options) -> ChangesView {
    let explained = explain(old.iter(), new.iter(), options).unwrap();
    let run = || Compared::new(&About::default(), None);
    let facts = Default::default();
    ChangesView::new(explained, options, (None, String::new()), [run(), run()], &facts, None)
}

fn view(old: &Model, new: &Model, min: u64) -> ChangesView {
    view_of(&rows(old, min), &rows(new, min), &options(20))
}

fn model(homes: &[(&str, &[(&str, u64)])]) -> Model {
    let mut model = Model::new();
    for (home, dirs) in homes {
        let of = model.entry((*home).to_owned()).or_default();
        of.entry(String::new()).or_default();
        for (at, (path, mib)) in dirs.iter().enumerate() {
            let mut up = Some(*path);
            while let Some(path) = up {
                of.entry(path.to_owned()).or_default();
                up = above(path);
            }
            let file = (mib * MIB, 1000 + at as i64);
            of.get_mut(*path).unwrap().push(file);
        }
    }
    model
}

/// The lines of all homes: what happened, where, and by how many MiB.
fn told(view: &ChangesView) -> Vec<(What, String, i64)> {
    let lines = view.homes.iter().flat_map(|home| {
        home.lines.iter().map(|line| (line.what, format!("{}/{}", home.name, line.path), line))
    });
    lines.map(|(what, path, line)| (what, path, line.change.allocated_bytes >> 20)).collect()
}

fn told_of(old: &[(&str, u64)], new: &[(&str, u64)]) -> Vec<(What, String, i64)> {
    told(&view(&model(&[("a", old)]), &model(&[("a", new)]), 0))
}

fn is(what: What, path: &str, mib: i64) -> (What, String, i64) {
    (what, format!("a/{path}"), mib)
}

#[test]
fn a_growth_is_told_at_the_deepest_directory_that_holds_it() {
    let old = [("x/y/z", 10), ("x/y", 5), ("q", 3)];
    assert_eq!(told_of(&old, &old), []);
    let new = [("x/y/z", 110), ("x/y", 5), ("q", 3)];
    assert_eq!(told_of(&old, &new), [is(What::Grew, "x/y/z", 100)]);
    // Many small growths are one of the directory above.
    let many: Vec<String> = (0..100).map(|n| format!("x/y/{n:03}")).collect();
    let sized = |mib: u64| many.iter().map(|path| (&**path, mib)).collect::<Vec<_>>();
    assert_eq!(told_of(&sized(1), &sized(3)), [is(What::Grew, "x/y", 200)]);
    // What cancels out is told all the same.
    let (old, new) = ([("x/old", 100), ("x/y", 1)], [("x/new", 100), ("x/y", 1)]);
    let lines = told_of(&[("x/old", 90), old[1]], &new);
    assert_eq!(lines, [is(What::New, "x/new", 100), is(What::Gone, "x/old", -90)]);
}

#[test]
fn new_and_gone_directories_are_told_at_the_topmost() {
    let base = [("keep", 1)];
    let more = [("keep", 1), ("n/a/b", 40), ("n/a/c", 50), ("n", 10)];
    assert_eq!(told_of(&base, &more), [is(What::New, "n", 100)]);
    assert_eq!(told_of(&more, &base), [is(What::Gone, "n", -100)]);
}

#[test]
fn files_directly_in_a_home_are_told_as_such() {
    let lines = told_of(&[("", 1), ("x", 1)], &[("", 101), ("x", 51)]);
    assert_eq!(lines, [is(What::Grew, "", 100), is(What::Grew, "x", 50)]);
}

#[test]
fn a_moved_directory_is_neither_new_nor_gone() {
    let old = [("a/p", 40), ("a/p/q", 20), ("b", 1)];
    // Into a new directory, with a new name.
    let mut new = model(&[("a", &[("b", 1)])]);
    let of = new.get_mut("a").unwrap();
    of.insert("a".to_owned(), vec![]);
    of.insert("archive".to_owned(), vec![(7 * MIB, 77)]);
    of.insert("archive/r".to_owned(), vec![(40 * MIB, 1000)]);
    of.insert("archive/r/q".to_owned(), vec![(20 * MIB, 1001)]);
    let old = model(&[("a", &old)]);
    // `b` has another mtime.
    new.get_mut("a").unwrap().insert("b".to_owned(), vec![(MIB, 1002)]);
    let seen = view(&old, &new, 0);
    assert_eq!(told(&seen), [is(What::New, "archive", 7), is(What::Moved, "archive/r", 0)]);
    let line = &seen.homes[0].lines[1];
    assert_eq!(line.other.as_ref().map(|it| (it.home.is_some(), &*it.path)), Some((false, "a/p")));
    assert_eq!(line.new_allocated_bytes, AllocatedBytes(60 * MIB));
    // To another home.
    let here = model(&[("a", &[("p", 40), ("p/q", 20), ("b", 1)]), ("z", &[])]);
    let there = model(&[("a", &[("b", 1)]), ("z", &[("p", 40), ("p/q", 20)])]);
    let seen = view(&here, &there, 0);
    let lines = told(&seen);
    assert!(lines.contains(&(What::MovedHere, "z/p".to_owned(), 60)), "{lines:?}");
    assert!(lines.contains(&(What::MovedAway, "a/p".to_owned(), -60)), "{lines:?}");
}

#[test]
fn what_may_have_been_too_small_for_a_row_is_not_surely_new() {
    let (old, new) = (model(&[("a", &[("x/s", 1)])]), model(&[("a", &[("x/s", 9)])]));
    let seen = view_of(&rows(&old, 4 * MIB), &rows(&new, 4 * MIB), &options(20));
    let line = &seen.homes[0].lines[0];
    assert_eq!((line.what, line.sure, &*line.path), (What::New, false, "x"));
    assert_eq!(line.change.allocated_bytes, 9 << 20);
    assert_eq!(seen.homes[0].rest.smaller_directories.allocated_bytes, -(1 << 20));
    assert_eq!(seen.homes[0].change.allocated_bytes, 8 << 20);
    let seen = view_of(&rows(&old, 0), &rows(&new, 0), &options(20));
    assert_eq!(told(&seen), [is(What::Grew, "x/s", 8)]);
}

#[test]
fn a_file_that_only_now_is_a_finding_did_not_appear() {
    let dir = |own: u64| DirRow {
        kind: HomeKind::Named,
        home: b"a".to_vec(),
        own: sums_of(&[(own * MIB, 1)]),
        subtree: sums_of(&[(own * MIB, 1)]),
        ..DirRow::default()
    };
    let mut log = DirRow { path: b"x.log".to_vec(), is_file: true, ..dir(12) };
    log.own.dirs = 0;
    log.own.metered.0 -= 2048;
    log.subtree = log.own;
    let mut now = dir(1);
    now.subtree.add(&log.own);
    let lines = told(&view_of(&[dir(11)], &[now.clone(), log.clone()], &options(20)));
    assert_eq!(lines, [is(What::Grew, "", 2)]);
    let lines = told(&view_of(&[dir(1)], &[now.clone(), log.clone()], &options(20)));
    assert_eq!(lines, [is(What::New, "x.log", 12)]);
    // One that was a finding before has grown, surely.
    let (mut before, mut small) = (dir(1), log.clone());
    small.own.allocated.0 -= 9 * MIB;
    small.own.metered.0 -= 9 * MIB;
    small.subtree = small.own;
    before.subtree.add(&small.own);
    let seen = view_of(&[before, small], &[now, log], &options(20));
    assert_eq!(told(&seen), [is(What::Grew, "x.log", 9)]);
    assert!(seen.homes[0].lines[0].sure);
}

#[test]
fn rows_out_of_order_are_refused() {
    let mut wrong = rows(&model(&[("a", &[("x", 1), ("y", 1)])]), 0);
    wrong.swap(1, 2);
    let right = wrong.clone();
    let explained = explain(wrong.iter(), right.iter(), &options(20));
    assert!(matches!(explained, Err(MergeError::Order(Side::Old))));
}

#[test]
fn many_places_are_folded_and_nothing_is_lost() {
    let mut new = model(&[("a", &[])]);
    let of = new.get_mut("a").unwrap();
    for n in 0..60_000u64 {
        let top = format!("d{}", n % 7);
        of.entry(top.clone()).or_default();
        of.insert(format!("{top}/{n}"), vec![(4096 * (1 + n % 5), n as i64)]);
    }
    let mut old = new.clone();
    for (n, files) in old.get_mut("a").unwrap().values_mut().enumerate() {
        files.iter_mut().for_each(|file| file.0 += 4096 * (n as u64 % 3));
    }
    let (old, new) = (rows(&old, 0), rows(&new, 0));
    adds_up(&old, &new, &options(20));
    assert_eq!(view_of(&old, &new, &options(20)).homes[0].lines.len(), 7);
}

/// Checks that the parts of each home add up to its change, and the homes to everything.
fn adds_up(old: &[DirRow], new: &[DirRow], options: &Options) {
    let seen = view_of(old, new, options);
    let of_home = |rows: &[DirRow], name: &str| {
        let row = rows.iter().find(|row| row.home == name.as_bytes() && row.path.is_empty());
        row.map(|row| Figures::from(&row.subtree)).unwrap_or_default()
    };
    let mut changed = BTreeSet::new();
    for home in &seen.homes {
        let change = of_home(new, &home.name) - of_home(old, &home.name);
        assert_eq!(home.change, change);
        assert_eq!(home.rest.unexplained, Figures::default());
        let lines = home.lines.iter().fold(Figures::default(), |sum, line| sum + line.change);
        assert_eq!(lines + home.rest.change + home.rest.smaller_directories, change);
        assert!(home.lines.len() <= options.limit);
        changed.insert(home.name.clone());
    }
    for row in old.iter().chain(new).filter(|row| row.path.is_empty()) {
        let name = String::from_utf8(row.home.clone()).unwrap();
        if !changed.contains(&name) {
            assert_eq!(of_home(old, &name), of_home(new, &name));
        }
    }
    // The table is made of every such view.
    assert!(table(&seen).lines().count() >= 2);
}

/// A change of a model.
#[derive(Clone, Debug)]
enum Edit {
    Write(String, u64),
    Remove(String),
    Move(String, String),
}

fn any_path() -> impl Strategy<Value = String> {
    proptest::collection::vec("[a-c]", 0..5).prop_map(|parts| parts.join("/"))
}

fn any_edit() -> impl Strategy<Value = (bool, Edit)> {
    let edit = prop_oneof![
        (any_path(), 0..3000u64).prop_map(|(path, kib)| Edit::Write(path, kib * 1024)),
        any_path().prop_map(Edit::Remove),
        (any_path(), "[d-f]").prop_map(|(from, to)| Edit::Move(from, to)),
    ];
    (any::<bool>(), edit)
}

fn make(dirs: &mut BTreeMap<String, Vec<(u64, i64)>>, path: &str) {
    let mut up = Some(path);
    while let Some(path) = up {
        dirs.entry(path.to_owned()).or_default();
        up = above(path);
    }
}

fn is_in(path: &str, top: &str) -> bool {
    path == top || top.is_empty() || path.starts_with(&format!("{top}/"))
}

/// Applies an edit. Returns true if it moved something.
fn apply(model: &mut Model, (first, edit): &(bool, Edit), now: i64) -> bool {
    let home = if *first { "one" } else { "two" };
    let dirs = model.entry(home.to_owned()).or_default();
    dirs.entry(String::new()).or_default();
    match edit {
        Edit::Write(path, bytes) => {
            make(dirs, path);
            dirs.get_mut(path).unwrap().push((*bytes, now));
        }
        Edit::Remove(path) if path.is_empty() => dirs.values_mut().for_each(Vec::clear),
        Edit::Remove(path) => dirs.retain(|dir, _| !is_in(dir, path)),
        Edit::Move(from, to) => {
            if from.is_empty() || !dirs.contains_key(from) || dirs.contains_key(to) {
                return false;
            }
            let moved: Vec<_> = dirs.extract_if(.., |dir, _| is_in(dir, from)).collect();
            for (dir, files) in moved {
                dirs.insert(format!("{to}{}", &dir[from.len()..]), files);
            }
            return true;
        }
    }
    false
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]
    #[test]
    fn the_explanation_adds_up(
        begin in proptest::collection::vec(any_edit(), 0..30),
        edits in proptest::collection::vec(any_edit(), 0..12),
        min in prop_oneof![Just(0), Just(512 << 10), Just(MIB), Just(8 * MIB)],
        limit in 1..25usize,
    ) {
        let mut model = Model::new();
        begin.iter().zip(1..).for_each(|(edit, now)| { apply(&mut model, edit, now); });
        let old = model.clone();
        edits.iter().zip(1000..).for_each(|(edit, now)| { apply(&mut model, edit, now); });
        adds_up(&rows(&old, min), &rows(&model, min), &options(limit));
        adds_up(&rows(&old, min), &rows(&model, 2 * min), &options(limit));
    }

    #[test]
    fn what_is_told_happened(
        begin in proptest::collection::vec(any_edit(), 1..30),
        edits in proptest::collection::vec(any_edit(), 1..8),
        min in prop_oneof![Just(0), Just(MIB)],
    ) {
        let mut model = Model::new();
        begin.iter().zip(1..).for_each(|(edit, now)| { apply(&mut model, edit, now); });
        let old = model.clone();
        edits.iter().zip(1000..).for_each(|(edit, now)| { apply(&mut model, edit, now); });
        let seen = view(&old, &model, min);
        let has = |model: &Model, home: &str, path: &str| {
            model.get(home).is_some_and(|dirs| dirs.contains_key(path))
        };
        for home in &seen.homes {
            for line in &home.lines {
                check_line(&home.name, line, &|path| has(&old, &home.name, path),
                    &|path| has(&model, &home.name, path));
            }
        }
    }
}

/// Compares a line with what was, and is, there.
fn check_line(home: &str, line: &Line, was: &dyn Fn(&str) -> bool, is: &dyn Fn(&str) -> bool) {
    let (before, now) = (was(&line.path), is(&line.path));
    match line.what {
        What::Grew | What::Shrank => assert!((before || now) && line.sure, "{home}: {line:?}"),
        What::New => assert!(now && (!line.sure || !before), "{home}: {line:?}"),
        What::Gone => assert!(before && (!line.sure || !now), "{home}: {line:?}"),
        What::Moved => {
            assert!(now && was(&line.other.as_ref().unwrap().path), "{home}: {line:?}");
        }
        What::MovedHere => assert!(now, "{home}: {line:?}"),
        What::MovedAway => assert!(before, "{home}: {line:?}"),
    }
}

#[test]
fn one_move_is_one_line() {
    proptest!(ProptestConfig::with_cases(128), |(
        begin in proptest::collection::vec(any_edit(), 1..30), from in any_path()
    )| {
        let mut model = Model::new();
        begin.iter().zip(1..).for_each(|(edit, now)| { apply(&mut model, edit, now); });
        let old = model.clone();
        let moved = apply(&mut model, &(true, Edit::Move(from.clone(), "g".to_owned())), 1000);
        let bytes: u64 = model.get("one").iter().flat_map(|dirs| dirs.iter())
            .filter(|(path, _)| is_in(path, "g")).flat_map(|(_, files)| files).map(|f| f.0).sum();
        if moved && bytes > 0 {
            let seen = view(&old, &model, 0);
            let lines = told(&seen);
            prop_assert_eq!(&lines, &[(What::Moved, "one/g".to_owned(), 0)]);
            prop_assert_eq!(&seen.homes[0].lines[0].other.as_ref().unwrap().path, &from);
        }
    });
}

#[test]
fn paths_are_in_the_order_of_the_table() {
    let row = |path: &str| DirRow { path: path.as_bytes().to_vec(), ..DirRow::default() };
    let paths = ["", "a", "a/b", "a/b/c", "a b", "a-b", "a0", "b"];
    for one in paths {
        for other in paths {
            let order = row(one).cmp_place(&row(other));
            assert_eq!(cmp_paths(one.as_bytes(), other.as_bytes()), order, "{one} {other}");
        }
    }
}

/// Anybody can make thousands of directories that look the same.
#[test]
fn thousands_of_directories_that_look_alike_are_paired_by_name_at_once() {
    let of = |name: &str, turn: usize| {
        let mut of = Model::new();
        let home = of.entry("a".to_owned()).or_default();
        home.insert(String::new(), vec![]);
        for at in 0..4000 {
            let dir = format!("{name}{:04}", at * turn % 4000);
            home.insert(format!("{dir}/data"), vec![(MIB, 1000)]);
            home.insert(dir, vec![]);
        }
        of
    };
    // The time that a pair takes must not grow with the square of their number.
    let seen = view(&of("d", 1), &of("e", 7), 0);
    assert_eq!(seen.homes[0].change.allocated_bytes, 0);
    assert_eq!(seen.homes[0].rest.unexplained, Figures::default());
}
