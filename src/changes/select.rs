//! Chooses the lines that explain the change of a home.

use super::figures::Figures;
use super::place::{HomeTree, Place, Presence};

/// The lines explain at least this part of what changed, in percent, if there are not too many.
const ENOUGH: u64 = 95;

/// The lines of a home. Their changes and `other` and `small` add up to those of the places.
#[derive(Debug, Default)]
pub(super) struct Selection {
    pub(super) lines: Vec<Chosen>,
    /// What changed in places without a line.
    pub(super) other: Figures,
    /// Number of those places.
    pub(super) other_places: u64,
    /// What changed in directories without a row and is in no line.
    pub(super) small: Figures,
}

/// A line.
#[derive(Clone, Copy, Debug)]
pub(super) struct Chosen {
    /// Index of its place.
    pub(super) place: usize,
    /// What changed in it, without what lines below it stand for.
    pub(super) change: Figures,
    /// True if there are lines below it.
    pub(super) has_lines: bool,
}

impl Selection {
    /// Number of lines; the two ends of a move within a home are one.
    fn count(&self, home: &HomeTree, at: usize) -> usize {
        let is_old_end = |line: &&Chosen| {
            let place = &home.places[line.place];
            place.presence == Presence::Gone && is_within(place, at)
        };
        self.lines.len() - self.lines.iter().filter(is_old_end).count()
    }

    /// What the lines explain of the weight of the home.
    fn weight(&self, home: &HomeTree, at: usize) -> u64 {
        let lines = self.lines.iter().filter(|line| !is_within(&home.places[line.place], at));
        lines.map(|line| line.change.weight()).fold(0, u64::saturating_add)
    }
}

/// True if the place was moved within the home, in which nothing changed by that.
fn is_within(place: &Place, at: usize) -> bool {
    place.moved.as_ref().is_some_and(|other| other.home == at)
}

/// Chooses at most `limit` lines of at least `min` metered bytes: the deepest places that hold a part
/// of what changed, and as small parts as it takes to explain nearly all of it. `at` is the index of
/// the home.
pub(super) fn select(home: &HomeTree, at: usize, limit: usize, min: u64) -> Selection {
    let min = min.max(1);
    let moved = home.places.iter().filter(|place| is_within(place, at));
    let moved = moved.map(|place| place.change().weight()).fold(0, u64::saturating_add);
    let weight = home.weight.saturating_sub(moved);
    // So there are `limit` lines at most, if nothing was moved.
    let mut part = (weight / limit.clamp(1, 20) as u64).max(min);
    let mut best = lines_of(home, part);
    // Two lines of opposite signs may weigh more than what they are folded into.
    while best.count(home, at) > limit && part < u64::MAX / 2 {
        part *= 2;
        best = lines_of(home, part);
    }
    let enough = |it: &Selection| it.weight(home, at) >= weight / 100 * ENOUGH;
    let mut too_small = None;
    while !enough(&best) && part > min {
        // Halfway to a part that makes too many lines, or to half of this one.
        let next = too_small.map_or(part / 2, |low: u64| low.midpoint(part)).max(min);
        if next == part || too_small == Some(next) {
            break;
        }
        let finer = lines_of(home, next);
        match finer.count(home, at) <= limit {
            true => (best, part) = (finer, next),
            false => too_small = Some(next),
        }
    }
    best
}

/// The lines whose changes weigh at least `part`, each at the deepest place.
fn lines_of(home: &HomeTree, part: u64) -> Selection {
    let places = &home.places;
    let mut seen: Vec<Figures> = places.iter().map(|place| place.own + place.folded).collect();
    let mut small: Vec<Figures> = places.iter().map(|place| place.small).collect();
    let mut folded: Vec<u64> = places.iter().map(|place| place.folded_places).collect();
    let mut has_lines = vec![false; places.len()];
    let mut lines = Vec::new();
    for at in (1..places.len()).rev() {
        let (above, change) = (places[at].parent, seen[at] + small[at]);
        if change.weight() >= part {
            lines.push(Chosen { place: at, change, has_lines: has_lines[at] });
            has_lines[above] = true;
        } else {
            let (more_seen, more_small) = (seen[at], small[at]);
            seen[above] += more_seen;
            small[above] += more_small;
            folded[above] += folded[at] + u64::from(!change.is_zero());
            has_lines[above] |= has_lines[at];
        }
    }
    let Some(root) = places.first() else { return Selection::default() };
    // Only what is directly in the home is a line: the rest of it is everything without one.
    let mut other = seen[0];
    if root.own.weight() >= part {
        lines.push(Chosen { place: 0, change: root.own, has_lines: has_lines[0] });
        other = other - root.own;
    }
    lines.reverse();
    Selection { lines, other, other_places: folded[0], small: small[0] }
}
