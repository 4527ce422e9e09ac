//! The rows of a shard: in the order in which they are sorted anyway, with what the merge needs to
//! settle hard links.

use std::collections::HashMap;
use std::io;
use std::sync::atomic::Ordering;

use super::links::Link;
use super::record::{Record, Row, Shape};
use super::{DirAccount, DirTable};
use crate::packed::{Pack, Packer, Unpacker};
use crate::sync::lock;
use crate::usage::class::Class;
use crate::usage::home::HomeKind;

/// Bytes of a link.
pub(in crate::usage) const LINK: usize = size_of::<Link>();

/// Where a link has the number of its home, and that of its place.
const HOME: std::ops::Range<usize> = 16..20;
const PLACE: std::ops::Range<usize> = 21..25;

/// Receives the key and the bytes of a row.
pub(in crate::usage) type TakeRow<'a> = dyn FnMut(&[u8], &[u8]) -> io::Result<()> + 'a;

/// The rows of a shard are on the way into the table of a merge.
pub(in crate::usage) struct Imported<'a> {
    table: &'a DirTable,
    /// What is added to the number of each place.
    first: u32,
    /// Places of the trunk that have a number already.
    known: HashMap<u32, u32>,
}

impl DirTable {
    /// Passes on every row as it is.
    ///
    /// # Errors
    /// Those of temporary files, and of the receiver.
    pub(in crate::usage) fn carry_rows(&self, row: &mut TakeRow<'_>) -> io::Result<()> {
        let rows = self.rows.close()?;
        let mut merge = rows.merge()?;
        while let Some(piece) = merge.next()? {
            row(piece.key(), piece.value())?;
        }
        Ok(())
    }

    /// Passes on every link as it is.
    ///
    /// # Errors
    /// Those of temporary files, and of the receiver.
    pub(in crate::usage) fn carry_links(
        &self,
        link: &mut dyn FnMut(Link) -> io::Result<()>,
    ) -> io::Result<()> {
        let mut merge = self.links.merge()?;
        while let Some(next) = merge.next()? {
            link(next)?;
        }
        Ok(())
    }

    /// Number of places with links.
    pub(in crate::usage) fn places(&self) -> u32 {
        // Relaxed: the walk is over.
        self.places.load(Ordering::Relaxed)
    }

    /// Begins to add a shard that has so many places. `None` if there are too many.
    pub(in crate::usage) fn import(&self, places: u32) -> Option<Imported<'_>> {
        let first = self.places.load(Ordering::Relaxed);
        self.places.store(first.checked_add(places)?, Ordering::Relaxed);
        Some(Imported { table: self, first, known: HashMap::new() })
    }
}

impl Imported<'_> {
    fn place(&self, place: u32) -> u32 {
        self.known.get(&place).copied().unwrap_or(self.first.saturating_add(place))
    }

    pub(in crate::usage) fn row(&self, key: &[u8], value: &[u8]) {
        let mut record = Record::unpack(value);
        record.place = record.place.map(|place| self.place(place));
        self.table.push(key, &record);
    }

    /// Adds a link, with the number that its home has here; `None` if it is damaged.
    pub(in crate::usage) fn link(&self, mut link: Link, homes: &[u32]) -> Option<()> {
        let number = |range: std::ops::Range<usize>| {
            link[range].iter().fold(0, |number, byte| number << 8 | u32::from(*byte))
        };
        let (home, place) = (homes.get(number(HOME) as usize)?, self.place(number(PLACE)));
        link[HOME].copy_from_slice(&home.to_be_bytes());
        link[PLACE].copy_from_slice(&place.to_be_bytes());
        self.table.attempt(|| self.table.links.push([link].into_iter()));
        Some(())
    }

    /// Adds what another shard counted in a directory of the trunk.
    pub(in crate::usage) fn account(&mut self, account: &DirAccount, from: &mut Unpacker<'_>) {
        let potential = from.number();
        let Record { place, row } = Record::unpack(&Box::<[u8]>::unpack(from));
        let mut amounts = lock(&account.amounts);
        amounts.potential = amounts.potential.saturating_add(potential);
        if let Some(Row { own, rest, subtree, shape: _ }) = row {
            amounts.own.add(&own);
            amounts.rest.add(&rest);
            amounts.subtree.add(&subtree);
        }
        if let Some(place) = place {
            let here = *amounts.place.get_or_insert(self.first.saturating_add(place));
            self.known.insert(place, here);
        }
    }
}

impl DirAccount {
    /// Packs what a shard counted in a directory of the trunk.
    pub(in crate::usage) fn pack(&self, to: &mut Packer<'_>) {
        let amounts = lock(&self.amounts);
        // The merge decides on the row.
        let shape = Shape {
            kind: HomeKind::Outside,
            is_file: false,
            is_finding: false,
            uid: 0,
            class: Class::Rest,
            rule: None,
        };
        to.number(amounts.potential);
        to.text(&Record::row(shape, &amounts).pack());
    }
}
