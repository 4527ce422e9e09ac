//! Collects what changed while two tables are read side by side, in memory that does not grow with
//! them: the directories above the present one, and of each home the places that changed most.

use super::figures::Figures;
use super::merge::Side;
use super::moves::{Candidates, Look};
use super::place::{HomeTree, Place, Presence, is_below, prune};
use crate::dirs::DirRow;
use crate::usage::HomeKind;

/// Places of a home that are held while it is read. When there are more, the least are folded into
/// the directories above them.
const MOST_PLACES: usize = 16 * 1024;

/// A directory of which the rows are being read.
struct Frame {
    /// Index of its place.
    place: usize,
    rows: [Row; 2],
    /// True if it, or something below it, has a row in the old table, and in the new one.
    any: [bool; 2],
    /// Sum of the changes in it.
    total: Figures,
    /// Growth and shrinkage of the places below it.
    below: u64,
    /// What it would be known by elsewhere, if it is in one of the tables only.
    look: Option<Look>,
}

/// What the row of a directory says in one of the tables.
#[derive(Clone, Copy, Default)]
struct Row {
    is_there: bool,
    /// True if directories below it may have no row.
    hides: bool,
}

impl Row {
    fn of(row: Option<&DirRow>) -> Self {
        Self { is_there: row.is_some(), hides: row.is_some_and(|row| row.rest.dirs > 0) }
    }
}

/// The changes of all homes, while they are collected.
pub(super) struct Collector {
    /// Places that are kept of each home.
    keep: usize,
    stack: Vec<Frame>,
    home: Option<HomeTree>,
    /// Closed places of less weight are folded.
    floor: u64,
    /// Number of places at which they are pruned.
    prune_at: usize,
    pub(super) homes: Vec<HomeTree>,
    /// Number of homes in which nothing changed.
    pub(super) unchanged: u64,
    pub(super) candidates: Candidates,
}

impl Collector {
    pub(super) fn new(keep: usize) -> Self {
        Self {
            keep,
            stack: Vec::new(),
            home: None,
            floor: 0,
            prune_at: MOST_PLACES,
            homes: Vec::new(),
            unchanged: 0,
            candidates: Candidates::default(),
        }
    }

    /// Adds a place that is in one of the tables, in their order.
    pub(super) fn add(&mut self, old: Option<&DirRow>, new: Option<&DirRow>) {
        let Some(row) = new.or(old) else { return };
        let is_outside = row.kind == HomeKind::Outside;
        let is_same = |home: &HomeTree| {
            (home.kind == HomeKind::Outside) == is_outside && home.home == row.home
        };
        if !self.home.as_ref().is_some_and(is_same) {
            self.end_home();
            let mut home = HomeTree {
                kind: row.kind,
                home: row.home.clone(),
                uid: (row.is_home() && !is_outside).then_some(row.uid),
                places: Vec::new(),
                weight: 0,
                total: Figures::default(),
                has_row: row.is_home(),
            };
            (self.floor, self.prune_at) = (0, MOST_PLACES);
            if !row.is_home() {
                // The explanation begins below the home, where several rows may be the topmost.
                home.places.push(Place::of(None, None));
                let there = Row { is_there: true, hides: true };
                self.stack.push(Frame { any: [true; 2], ..Frame::new(0, [there; 2]) });
            }
            self.home = Some(home);
        }
        self.close_until(&row.path);
        self.open(old, new);
    }

    /// Closes the directories that do not contain `path`.
    fn close_until(&mut self, path: &[u8]) {
        while let (Some(frame), Some(home)) = (self.stack.last(), &self.home)
            && !is_below(path, &home.places[frame.place].path)
        {
            self.close();
        }
    }

    fn open(&mut self, old: Option<&DirRow>, new: Option<&DirRow>) {
        let Some(home) = &mut self.home else { return };
        let sums = |row: Option<&DirRow>| {
            row.map(|row| (Figures::from(&row.own), Figures::from(&row.rest))).unwrap_or_default()
        };
        let ((old_own, old_small), (new_own, new_small)) = (sums(old), sums(new));
        let (own, small) = (new_own - old_own, new_small - old_small);
        if self.stack.is_empty() && home.has_row {
            let whole = |row: Option<&DirRow>| row.map(|row| Figures::from(&row.subtree));
            home.total = whole(new).unwrap_or_default() - whole(old).unwrap_or_default();
        }
        let rows = [Row::of(old), Row::of(new)];
        let mut place = Place { own, small, ..Place::of(old, new) };
        if let Some(above) = self.stack.last_mut() {
            place.parent = above.place;
            // A file has a row of its own only while a rule finds it. The directory's own files had
            // it before, or have it now.
            let before = home.places[above.place].own.metered_bytes;
            let opposite = before.signum() * own.metered_bytes.signum() == -1;
            if place.is_file
                && place.presence != Presence::Both
                && opposite
                && before.unsigned_abs() >= own.weight() / 2
            {
                home.places[above.place].own += own;
                above.total += own;
                return;
            }
        }
        let lacking = |side: usize| {
            let nearest = self.stack.iter().rev().find(|frame| frame.rows[side].is_there);
            nearest.is_none_or(|frame| !frame.rows[side].hides)
        };
        place.is_sure = !place.is_file
            && match place.presence {
                Presence::Both => true,
                Presence::New => lacking(0),
                Presence::Gone => lacking(1),
            };
        home.places.push(place);
        let look = match (old, new) {
            (Some(row), None) | (None, Some(row)) => Look::of(row),
            _ => None,
        };
        let frame = Frame { total: own + small, look, ..Frame::new(home.places.len() - 1, rows) };
        self.stack.push(frame);
        if home.places.len() > self.prune_at {
            self.prune();
        }
    }

    /// Folds the least places until half of the room is free.
    fn prune(&mut self) {
        let Some(home) = &mut self.home else { return };
        let mut open: Vec<usize> = self.stack.iter().map(|frame| frame.place).collect();
        self.floor = self.floor.max(2048);
        while home.places.len() > MOST_PLACES / 2 && self.floor < u64::MAX / 2 {
            self.floor *= 2;
            prune(&mut home.places, self.floor, &mut open);
        }
        // A path of more directories than there is room for.
        self.prune_at = MOST_PLACES.max(2 * home.places.len());
        for (frame, place) in self.stack.iter_mut().zip(open) {
            frame.place = place;
        }
    }

    fn close(&mut self) {
        let (Some(frame), Some(home)) = (self.stack.pop(), &mut self.home) else { return };
        let at = frame.place;
        let place = &mut home.places[at];
        let one_sided = frame.any != [true; 2];
        if one_sided {
            place.own = frame.total;
            (place.folded, place.small, place.folded_places) = Default::default();
            place.weight = frame.total.weight();
            if let Some(look) = frame.look {
                let side = if frame.any[0] { Side::Old } else { Side::New };
                self.candidates.offer(side, self.homes.len(), look, place);
            }
            home.places.truncate(at + 1);
        } else {
            place.presence = Presence::Both;
            place.weight = place.change().weight().saturating_add(frame.below);
        }
        let place = &home.places[at];
        let weight = place.weight;
        if let Some(above) = self.stack.last_mut() {
            above.below = above.below.saturating_add(weight);
            above.total += frame.total;
            above.any = [0, 1].map(|side| above.any[side] || frame.any[side]);
            let is_last = home.places.len() == at + 1;
            if is_last && place.change().is_zero() {
                home.places.truncate(at);
            } else if is_last && weight < self.floor {
                let place = home.places.pop();
                place.iter().for_each(|place| home.places[above.place].fold(place));
            }
        } else {
            home.weight = weight;
            if !home.has_row {
                home.total = frame.total;
            }
        }
    }

    /// Ends the home that is being read.
    fn end_home(&mut self) {
        while !self.stack.is_empty() {
            self.close();
        }
        let Some(mut home) = self.home.take() else { return };
        if home.places.len() == 1 && home.places[0].change().is_zero() && home.total.is_zero() {
            self.unchanged += 1;
            return;
        }
        home.reduce(self.keep);
        self.homes.push(home);
    }

    /// Ends the last home.
    pub(super) fn end(&mut self) {
        self.end_home();
    }
}

impl Frame {
    fn new(place: usize, rows: [Row; 2]) -> Self {
        let any = rows.map(|row| row.is_there);
        Self { place, rows, any, total: Figures::default(), below: 0, look: None }
    }
}
