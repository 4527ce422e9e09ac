//! The last pass: charges inodes with several links, and passes the rows on in their order.
//!
//! A row comes before those below it, and its sums come from them. So the pass goes from the last row
//! to the first: what is below a directory was seen just before it. It holds the sums for each
//! ancestor of the row before. The rows that are large enough go to a temporary file, which is read
//! backwards.

use std::io;

use super::key::Place;
use super::links::Charges;
use super::record::{Record, Row};
use super::row::{DirRow, Sums};
use super::sums::Subtree;
use super::{DirTable, RuleId};
use crate::usage::spill::backwards::Backwards;
use crate::usage::spill::pieces::Sorted;
use crate::usage::tally::Ages;

/// What places below a directory add to it.
#[derive(Clone, Debug, Default)]
struct Below {
    /// Inodes with several links, which no row had until now.
    charged: Subtree,
    /// Everything in directories that have no row.
    rest: Sums,
}

/// The sums for the ancestors of the last place: at each index for the one with so many names.
#[derive(Debug, Default)]
struct Ancestors {
    last: Vec<u8>,
    sums: Vec<Below>,
}

impl DirTable {
    /// Passes on every row, in the order of [`DirRow::cmp_place`]. Call it when the walk is over and
    /// complete; it may be called again.
    ///
    /// # Errors
    /// If a temporary file could not be written, or cannot be read, and the errors of `each`.
    pub(in crate::usage) fn each_row(
        &self,
        ages: Ages,
        rule_id: RuleId<'_>,
        each: &mut dyn FnMut(&DirRow) -> io::Result<()>,
    ) -> io::Result<()> {
        if let Some(problem) = self.broken.get() {
            return Err(io::Error::other(problem.clone()));
        }
        let rows = self.rows.close()?;
        let charges = self.charge(&self.ranks(&rows)?, &self.directory)?;
        let directory =
            self.directory.as_ref().map_err(|problem| io::Error::other(problem.clone()))?;
        let settled = Backwards::open(directory)?;
        self.settle(&rows, Charges::read(&charges, ages)?, &settled)?;
        drop((rows, charges));
        let mut popped = settled.close()?;
        let mut row = DirRow::default();
        let mut pass = |piece: &[u8]| {
            let (key, record) = split(piece)?;
            let place = Place::of(key);
            Place::unmapped(place.home, &mut row.home);
            Place::unmapped(place.path, &mut row.path);
            if let Some(settled) = Record::unpack(record).row {
                row.rule = settled.shape.rule.map(rule_id).unwrap_or_default();
                settled.fill(&mut row);
            }
            each(&row)
        };
        while popped.next(&mut pass)? {}
        Ok(())
    }

    /// Returns the position of each place with hard links among the rows, the last first.
    fn ranks(&self, rows: &Sorted<'_>) -> io::Result<Vec<u32>> {
        // Relaxed: the walk is over.
        let places = self.places.load(std::sync::atomic::Ordering::Relaxed);
        let mut ranks = vec![0; places as usize];
        if places > 0 {
            let mut merge = rows.merge()?;
            let mut rank = 0;
            while let Some(piece) = merge.next()? {
                if let Some(place) = Record::unpack(piece.value()).place
                    && let Some(of_place) = ranks.get_mut(place as usize)
                {
                    *of_place = rank;
                }
                rank += 1;
            }
        }
        Ok(ranks)
    }

    fn settle(
        &self,
        rows: &Sorted<'_>,
        mut charges: Charges<'_>,
        to: &Backwards,
    ) -> io::Result<()> {
        let mut ancestors = Ancestors::default();
        let mut merge = rows.merge()?;
        let mut rank = 0;
        while let Some(piece) = merge.next()? {
            let key = piece.key();
            let place = Place::of(key);
            let Below { charged: below, mut rest } = ancestors.enter(key, &place);
            let own = charges.of(rank)?.map(|tally| Subtree::of_links(&tally)).unwrap_or_default();
            rank += 1;
            let mut charged = own.clone();
            charged.add(&below);
            match Record::unpack(piece.value()).row {
                Some(mut row) => {
                    row.own.add(&own.sums);
                    row.rest.add(&rest);
                    row.subtree.add(&charged);
                    let Row { shape, own, rest: all_rest, subtree } = &row;
                    let is_home = place.path.is_empty();
                    if is_home || shape.is_finding || subtree.sums.metered >= self.min {
                        rest = Sums::default();
                        to.push(&joined(key, &Record { place: None, row: Some(row) }.pack()))?;
                    } else {
                        rest = *own;
                        rest.add(all_rest);
                    }
                }
                None => rest.add(&own.sums),
            }
            ancestors.leave(&place, &Below { charged, rest });
        }
        Ok(())
    }
}

impl Ancestors {
    /// Goes on to the place `key`, which comes before the last one in the table. Returns the sums of
    /// what is below it.
    fn enter(&mut self, key: &[u8], place: &Place<'_>) -> Below {
        let depth = place.depth();
        match place.in_common(&Place::of(&self.last)) {
            // Those of another home went to its own row.
            None => self.sums.clear(),
            // Ancestors of the last place that are none of this one have no row: it would have come
            // in between.
            Some(common) => {
                while self.sums.len() > common + 1
                    && let Some(below) = self.sums.pop()
                    && let Some(above) = self.sums.last_mut()
                {
                    above.add(&below);
                }
            }
        }
        self.last.clear();
        self.last.extend_from_slice(key);
        if self.sums.len() > depth { self.sums.pop().unwrap_or_default() } else { Below::default() }
    }

    /// Adds what the place and everything below it add to its ancestors.
    fn leave(&mut self, place: &Place<'_>, below: &Below) {
        let depth = place.depth();
        self.sums.resize_with(depth, Below::default);
        if let Some(above) = self.sums.last_mut() {
            above.add(below);
        }
    }
}

impl Below {
    fn add(&mut self, other: &Below) {
        self.charged.add(&other.charged);
        self.rest.add(&other.rest);
    }
}

/// Joins a key and a record to one piece.
fn joined(key: &[u8], record: &[u8]) -> Vec<u8> {
    // A key has some MiB at most.
    let length = u32::try_from(key.len()).unwrap_or(u32::MAX);
    [&length.to_le_bytes(), key, record].concat()
}

fn split(piece: &[u8]) -> io::Result<(&[u8], &[u8])> {
    let damaged = || io::Error::from(io::ErrorKind::InvalidData);
    let (length, rest) = piece.split_first_chunk().ok_or_else(damaged)?;
    rest.split_at_checked(u32::from_le_bytes(*length) as usize).ok_or_else(damaged)
}
