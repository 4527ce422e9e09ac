//! Parts of a home, without overlap: its findings, its largest directories less the parts in them,
//! and the rest by class.

use std::cmp::Reverse;

use super::words::shown;
use crate::report::HomeReport;
use crate::report::below;
use crate::usage::Class;

/// A part of a home.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Cell {
    /// A path below the home, or a description.
    pub(super) label: String,
    pub(super) bytes: u64,
    pub(super) class: Class,
}

/// A place in the home whose path is in the report.
struct KnownPath {
    path: Vec<u8>,
    bytes: u64,
    /// The part of `bytes` in inodes that also have links elsewhere, where they may be counted.
    linked: u64,
    class: Class,
    is_finding: bool,
}

/// Returns the parts, largest first. In each class they add up to the home's bytes.
///
/// An inode with several links counts once in a home and its classes, once at each of its places in
/// findings, and in equal shares in directories. So the places of a class may add up to more than
/// the class. Then places with linked inodes shrink, and every place is still shown.
pub(super) fn cells(home: &HomeReport) -> Vec<Cell> {
    let places = own_bytes(places(home));
    let prefix = home.name_bytes();
    let mut cells = Vec::with_capacity(places.len() + Class::ALL.len());
    for (class, share) in Class::ALL.into_iter().zip(home.usage.by_class.shares()) {
        let theirs: Vec<&KnownPath> = places.iter().filter(|place| place.class == class).collect();
        let mut left = share.allocated_bytes.0;
        for (place, bytes) in theirs.iter().zip(fitted(&theirs, left)) {
            left -= bytes;
            let label = match below(&prefix, &place.path) {
                Some(path) => shown(path),
                None if place.path.is_empty() || place.path == prefix => {
                    "the home itself".to_owned()
                }
                // A place outside of homes.
                None => shown(&place.path),
            };
            cells.push(Cell { label, bytes, class });
        }
        let label = match class {
            Class::Rest => "everything else".to_owned(),
            class => format!("other {}", class.name()),
        };
        cells.push(Cell { label, bytes: left, class });
    }
    cells.retain(|cell| cell.bytes > 0);
    cells.sort_by(|a, b| (Reverse(a.bytes), &a.label).cmp(&(Reverse(b.bytes), &b.label)));
    cells
}

/// Returns the bytes of each place, scaled so that they add up to at most `all`.
fn fitted(places: &[&KnownPath], all: u64) -> Vec<u64> {
    let sum = |of: fn(&KnownPath) -> u64| places.iter().map(|place| u128::from(of(place))).sum();
    let (own, linked): (u128, u128) = (sum(|place| place.bytes), sum(|place| place.linked));
    let (all, sure) = (u128::from(all), own - linked);
    // Rounded down, and never more than `bytes`.
    let part = |bytes: u64, of: u128, whole: u128| match whole {
        0 => 0,
        whole => (u128::from(bytes) * of.min(whole) / whole) as u64,
    };
    let fit = |place: &&KnownPath| {
        let here = place.bytes - place.linked;
        part(here, all, sure) + part(place.linked, all.saturating_sub(sure), linked)
    };
    places.iter().map(fit).collect()
}

/// Returns all places by path: a directory before the places in it.
fn places(home: &HomeReport) -> Vec<KnownPath> {
    let findings = home.findings.iter().map(|finding| KnownPath {
        path: finding.path_bytes(),
        bytes: finding.usage.allocated_bytes.0,
        linked: finding.usage.allocated_bytes.0.saturating_sub(finding.frees.allocated_bytes.0),
        class: finding.counted_class(),
        is_finding: true,
    });
    let dirs = home.largest_dirs.iter().map(|dir| KnownPath {
        path: dir.path_bytes(),
        bytes: dir.allocated_bytes.0,
        linked: 0,
        class: Class::Rest,
        is_finding: false,
    });
    // A finding comes before the directory of the same path, and replaces it.
    let mut places: Vec<KnownPath> = findings.chain(dirs).collect();
    // The root comes first, because it contains everything.
    let key = |place: &KnownPath| match place.path.is_empty() {
        true => Vec::new(),
        false => [&place.path[..], b"/"].concat(),
    };
    places.sort_by_cached_key(key);
    places.dedup_by(|b, a| a.path == b.path);
    places
}

/// Subtracts from each place the places in it, and passes its class on to them.
fn own_bytes(mut places: Vec<KnownPath>) -> Vec<KnownPath> {
    let outer = outer_places(&places);
    // A directory includes the findings in it, but a finding does not. First, make both include
    // them.
    let sizes: Vec<u64> = places.iter().map(|place| place.bytes).collect();
    for at in 0..places.len() {
        let mut above = outer[at].filter(|_| places[at].is_finding);
        while let Some(finding) = above {
            if places[finding].is_finding {
                places[finding].bytes = places[finding].bytes.saturating_add(sizes[at]);
            }
            above = outer[finding];
        }
    }
    let whole: Vec<u64> = places.iter().map(|place| place.bytes).collect();
    for at in 0..places.len() {
        let Some(outer) = outer[at] else { continue };
        places[outer].bytes = places[outer].bytes.saturating_sub(whole[at]);
        if !places[at].is_finding {
            let moved = places[outer].linked.min(places[at].bytes);
            places[outer].linked -= moved;
            places[at].linked = moved;
        }
        if places[at].class == Class::Rest {
            places[at].class = places[outer].class;
        }
    }
    for place in &mut places {
        place.linked = place.linked.min(place.bytes);
    }
    places
}

/// Returns for each place the innermost place around it.
fn outer_places(places: &[KnownPath]) -> Vec<Option<usize>> {
    let mut above: Vec<usize> = Vec::new();
    let mut outer = Vec::with_capacity(places.len());
    for (at, place) in places.iter().enumerate() {
        while above.last().is_some_and(|last| below(&places[*last].path, &place.path).is_none()) {
            above.pop();
        }
        outer.push(above.last().copied());
        above.push(at);
    }
    outer
}
