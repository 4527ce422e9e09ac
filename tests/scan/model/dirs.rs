//! The table of directories of a random tree, made in the simplest way and compared with the program's.

use std::collections::BTreeMap;
use std::path::Path;

use efs_scan::dirs::{DirRow, Linked, Sums};
use efs_scan::units::{AllocatedBytes, ApparentBytes, MeteredBytes};
use efs_scan::usage::{Ages, Class, HomeKind};
use proptest::prelude::*;
use proptest::test_runner::TestCaseError;
use serde_json::Value;

use super::Scan;
use super::sums::{CLASSES, Finding, Inode, Link, OUTSIDE, RULES, inodes};
use super::tree::Tree;
use crate::dirs_rows::{adds_up, read};

pub(super) fn check(
    tree: &Tree,
    scan: &Scan,
    table: &Path,
    report: &Value,
) -> Result<(), TestCaseError> {
    let got = read(table);
    let want = rows(tree, scan, report);
    for (got, want) in got.iter().zip(&want) {
        prop_assert_eq!(got, want);
    }
    prop_assert_eq!(got.len(), want.len());
    adds_up(&got, report);
    Ok(())
}

/// A directory, or a file that is a finding.
struct Place<'a> {
    link: &'a Link,
    is_file: bool,
    holds: Vec<&'a Inode>,
}

/// The key of a place: its home, and its path in components.
type PlaceKey = (String, Vec<String>);

fn key_of(home: &str, path: &str) -> PlaceKey {
    (home.to_owned(), path.split('/').filter(|name| !name.is_empty()).map(str::to_owned).collect())
}

/// The place that a link counts in.
fn place_of(link: &Link) -> PlaceKey {
    let is_finding = link.finding.as_ref().is_some_and(|(_, path)| *path == link.path);
    let directory = link.path.rsplit_once('/').map_or("", |(directory, _)| directory);
    key_of(&link.home, if is_finding { &link.path } else { directory })
}

fn rows(tree: &Tree, scan: &Scan, report: &Value) -> Vec<DirRow> {
    let all = inodes(tree, scan.depth, &scan.excludes);
    let mut places: BTreeMap<PlaceKey, Place<'_>> = BTreeMap::new();
    for inode in all.iter().filter(|inode| inode.kind == 1) {
        let link = &inode.links[0];
        let place = Place { link, is_file: false, holds: vec![inode] };
        places.insert(key_of(&link.home, &link.path), place);
    }
    for inode in all.iter().filter(|inode| inode.kind != 1) {
        for link in &inode.links {
            if link.finding.as_ref().is_some_and(|(_, path)| *path == link.path) {
                let place = Place { link, is_file: true, holds: Vec::new() };
                places.entry(key_of(&link.home, &link.path)).or_insert(place);
            }
        }
    }
    for inode in all.iter().filter(|inode| inode.kind != 1) {
        let payer = inode.links.iter().min_by_key(|link| link.order()).unwrap();
        let here = || inode.links.iter().filter(|link| link.home == payer.home);
        let class = here().map(Link::class).max().unwrap();
        let charged = here().filter(|link| link.class() == class).map(place_of).min().unwrap();
        places.get_mut(&charged).unwrap().holds.push(inode);
    }
    let ages = Ages::at(
        report["run"]["started"].as_str().unwrap().parse::<jiff::Timestamp>().unwrap().as_second(),
    );
    let is_row = |key: &PlaceKey, place: &Place<'_>| {
        is_home(key, scan.depth)
            || starts(place)
            || below(&places, key).map(|(_, place)| sums(place).metered.0).sum::<u64>()
                >= scan.dirs_min
    };
    let with_rows: Vec<&PlaceKey> =
        places.iter().filter(|(key, place)| is_row(key, place)).map(|(key, _)| key).collect();
    let mut rows: Vec<DirRow> =
        (with_rows.iter()).map(|key| row(&places, &with_rows, key, (scan.depth, &ages))).collect();
    rows.sort_by(|one, other| one.cmp_place(other));
    rows
}

fn is_home((home, path): &PlaceKey, depth: usize) -> bool {
    if home == OUTSIDE { path.is_empty() } else { path.len() == depth }
}

fn starts(place: &Place<'_>) -> bool {
    place.link.finding.as_ref().is_some_and(|(_, path): &Finding| *path == place.link.path)
}

fn below<'a, 'b>(
    places: &'b BTreeMap<PlaceKey, Place<'a>>,
    of: &'b PlaceKey,
) -> impl Iterator<Item = (&'b PlaceKey, &'b Place<'a>)> {
    places.iter().filter(move |((home, path), _)| *home == of.0 && path.starts_with(&of.1))
}

fn sums(place: &Place<'_>) -> Sums {
    let mut sums = Sums::default();
    for inode in &place.holds {
        sums.files += u64::from(inode.kind == 0);
        sums.dirs += u64::from(inode.kind == 1);
        sums.apparent += ApparentBytes(inode.sizes.apparent);
        sums.allocated += AllocatedBytes(inode.sizes.allocated);
        sums.metered += MeteredBytes(inode.sizes.allocated + 2048);
    }
    sums
}

fn row(
    places: &BTreeMap<PlaceKey, Place<'_>>,
    with_rows: &[&PlaceKey],
    key: &PlaceKey,
    (depth, ages): (usize, &Ages),
) -> DirRow {
    let (home, path) = key;
    let place = &places[key];
    let outside = home == OUTSIDE;
    let is_uid = home.rsplit('/').next().unwrap() == "200005";
    let mut row = DirRow {
        kind: match (outside, is_uid) {
            (true, _) => HomeKind::Outside,
            (false, true) => HomeKind::Uid,
            (false, false) => HomeKind::Named,
        },
        home: if outside || home == "." { Vec::new() } else { home.clone().into_bytes() },
        path: path[if outside { 0 } else { depth }..].join("/").into_bytes(),
        is_file: place.is_file,
        uid: rustix::process::geteuid().as_raw(),
        class: Class::ALL
            .into_iter()
            .find(|class| class.name() == CLASSES[place.link.class()])
            .unwrap(),
        rule: place
            .link
            .finding
            .as_ref()
            .map_or(String::new(), |(rule, _)| RULES[*rule].0.to_owned()),
        is_finding: starts(place),
        own: sums(place),
        ..DirRow::default()
    };
    for (of, place) in below(places, key) {
        row.subtree.add(&sums(place));
        let nearest = with_rows.iter().filter(|row| row.0 == of.0 && of.1.starts_with(&row.1));
        let nearest = nearest.max_by_key(|row| row.1.len()).unwrap();
        if *nearest == key && of != key {
            row.rest.add(&sums(place));
        }
        for inode in &place.holds {
            let metered = MeteredBytes(inode.sizes.allocated + 2048);
            // A symbolic link is no newer than its directory, and the model knows none of their times.
            if inode.kind != 2 {
                row.newest = row.newest.max(Some(inode.sizes.mtime));
            }
            row.ages[ages.of(inode.sizes.mtime)] += metered;
            if inode.kind != 1 && inode.all_links > 1 {
                let Linked { inodes, metered: sum } = &mut row.linked;
                *inodes += 1;
                *sum += metered;
            }
        }
    }
    row
}
