//! The places of a home that changed.

use std::cmp::Ordering;

use super::figures::Figures;
use super::moves::Moved;
use crate::dirs::DirRow;
use crate::usage::{Class, HomeKind};

/// In which of the two tables a place is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Presence {
    /// In both, or in one while something below it is in the other.
    Both,
    Gone,
    New,
}

/// A directory, or a file with a row, in which something changed.
///
/// The change of a home is the sum of `own`, `folded` and `small` over its places.
#[derive(Clone, Debug)]
pub(super) struct Place {
    /// Index of the place above; the root's is its own.
    pub(super) parent: usize,
    /// Path below the home.
    pub(super) path: Vec<u8>,
    pub(super) presence: Presence,
    /// False if the side that lacks it may have had it as a directory without a row.
    pub(super) is_sure: bool,
    pub(super) is_file: bool,
    pub(super) is_finding: bool,
    pub(super) class: Class,
    pub(super) rule: String,
    /// Allocated bytes of the subtree in either run.
    pub(super) sizes: [u64; 2],
    /// Change of what its subtree has of inodes with several links, in metered bytes.
    pub(super) linked: i64,
    /// What changed directly in it. Of a place that is new or gone: everything in it.
    pub(super) own: Figures,
    /// What changed in places below it that were folded into this one.
    pub(super) folded: Figures,
    /// Number of those places.
    pub(super) folded_places: u64,
    /// What changed in directories below it that have no row.
    pub(super) small: Figures,
    /// What changed in its subtree, growth and shrinkage added up, in metered bytes. Set when the
    /// subtree is complete.
    pub(super) weight: u64,
    pub(super) moved: Option<Moved>,
}

impl Place {
    /// A place with the facts of its rows, without changes.
    pub(super) fn of(old: Option<&DirRow>, new: Option<&DirRow>) -> Self {
        let either = new.or(old);
        let allocated = |row: Option<&DirRow>| row.map_or(0, |row| row.subtree.allocated.0);
        let linked = |row: Option<&DirRow>| row.map_or(0, |row| signed(row.linked.metered.0));
        Self {
            parent: 0,
            path: either.map(|row| row.path.clone()).unwrap_or_default(),
            presence: match (old, new) {
                (Some(_), None) => Presence::Gone,
                (None, Some(_)) => Presence::New,
                _ => Presence::Both,
            },
            is_sure: true,
            is_file: either.is_some_and(|row| row.is_file),
            is_finding: either.is_some_and(|row| row.is_finding),
            class: either.map_or(Class::Rest, |row| row.class),
            rule: either.map(|row| row.rule.clone()).unwrap_or_default(),
            sizes: [allocated(old), allocated(new)],
            linked: linked(new).saturating_sub(linked(old)),
            own: Figures::default(),
            folded: Figures::default(),
            folded_places: 0,
            small: Figures::default(),
            weight: 0,
            moved: None,
        }
    }

    /// Everything that it stands for.
    pub(super) fn change(&self) -> Figures {
        self.own + self.folded + self.small
    }

    /// Takes over what a place below it stands for.
    pub(super) fn fold(&mut self, below: &Self) {
        self.folded += below.own + below.folded;
        self.small += below.small;
        self.folded_places += 1 + below.folded_places;
    }
}

fn signed(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

/// The changes of one home.
#[derive(Clone, Debug)]
pub(super) struct HomeTree {
    pub(super) kind: HomeKind,
    /// Path below the root.
    pub(super) home: Vec<u8>,
    pub(super) uid: Option<u32>,
    /// In the order of the table: each before those below it. The first is the root of the
    /// explanation.
    pub(super) places: Vec<Place>,
    /// Growth and shrinkage added up, in metered bytes.
    pub(super) weight: u64,
    /// The change by the home's own rows. The places add up to it, if the tables are sound.
    pub(super) total: Figures,
    /// False if the explanation begins below the home, so that there is no such row.
    pub(super) has_row: bool,
}

/// Folds the closed places whose weight is under `floor` into the nearest place above that stays.
/// Places that are in `open`, which is sorted, stay, and their indexes are replaced.
pub(super) fn prune(places: &mut Vec<Place>, floor: u64, open: &mut [usize]) {
    let mut kept: Vec<Place> = Vec::with_capacity(places.len() / 2);
    // For each old index, that of the place itself or of the one that it was folded into.
    let mut new_of = Vec::with_capacity(places.len());
    let mut next_open = 0;
    for (at, mut place) in places.drain(..).enumerate() {
        let is_open = open.get(next_open) == Some(&at);
        if is_open || at == 0 || place.moved.is_some() || place.weight >= floor {
            place.parent = if at == 0 { 0 } else { new_of[place.parent] };
            new_of.push(kept.len());
            if is_open {
                open[next_open] = kept.len();
                next_open += 1;
            }
            kept.push(place);
        } else {
            let above: usize = new_of[place.parent];
            kept[above].fold(&place);
            new_of.push(above);
        }
    }
    *places = kept;
}

impl HomeTree {
    /// Brings the places into order again after some were added, and finds the place above each.
    pub(super) fn reorder(&mut self) {
        self.places[1..].sort_by(|one, other| cmp_paths(&one.path, &other.path));
        let mut above: Vec<usize> = vec![0];
        for at in 1..self.places.len() {
            while let [_, .., last] = above[..]
                && !is_below(&self.places[at].path, &self.places[last].path)
            {
                above.pop();
            }
            self.places[at].parent = above.last().copied().unwrap_or(0);
            above.push(at);
        }
    }

    /// Removes places that only lie between two others, and folds the smallest until at most `most` are
    /// left.
    pub(super) fn reduce(&mut self, most: usize) {
        let mut below = vec![0; self.places.len()];
        self.places.iter().for_each(|place| below[place.parent] += 1);
        let mut at = 0;
        self.places.retain(|place| {
            let is_idle = place.change().is_zero() && place.own.is_zero() && place.small.is_zero();
            at += 1;
            at == 1 || !is_idle || below[at - 1] > 1
        });
        self.reorder();
        let mut floor = 4096;
        while self.places.len() > most && floor < u64::MAX / 2 {
            prune(&mut self.places, floor, &mut []);
            floor *= 2;
        }
        self.places.shrink_to_fit();
    }
}

/// Compares paths in the order of the table.
pub(super) fn cmp_paths(one: &[u8], other: &[u8]) -> Ordering {
    let is_slash = |byte: &u8| *byte == b'/';
    one.split(is_slash).cmp(other.split(is_slash))
}

/// True if `path` lies below `above`, both paths below the same home.
pub(super) fn is_below(path: &[u8], above: &[u8]) -> bool {
    match path.strip_prefix(above) {
        Some(rest) if above.is_empty() => !rest.is_empty(),
        Some(rest) => rest.first() == Some(&b'/'),
        None => false,
    }
}
