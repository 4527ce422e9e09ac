//! A row while the walk goes on, as bytes on disk.

use super::Amounts;
use super::row::{DirRow, Linked, Sums};
use super::sums::Subtree;
use crate::packed::{Packer, Texts, Unpacker};
use crate::units::{AllocatedBytes, ApparentBytes, MeteredBytes};
use crate::usage::class::Class;
use crate::usage::home::HomeKind;
use crate::usage::rules::RuleIndex;

/// What a row says besides its sums.
#[derive(Clone, Copy, Debug)]
pub(super) struct Shape {
    pub(super) kind: HomeKind,
    pub(super) is_file: bool,
    pub(super) is_finding: bool,
    pub(super) uid: u32,
    pub(super) class: Class,
    pub(super) rule: Option<RuleIndex>,
}

/// A row, or a directory without one that holds hard links.
#[derive(Debug)]
pub(super) struct Record {
    /// Number of the place, if it holds hard links.
    pub(super) place: Option<u32>,
    pub(super) row: Option<Row>,
}

#[derive(Debug)]
pub(super) struct Row {
    pub(super) shape: Shape,
    pub(super) own: Sums,
    pub(super) rest: Sums,
    pub(super) subtree: Subtree,
}

const KINDS: [HomeKind; 3] = [HomeKind::Uid, HomeKind::Named, HomeKind::Outside];

impl Record {
    pub(super) fn row(shape: Shape, amounts: &Amounts) -> Self {
        let Amounts { own, rest, subtree, place, potential: _ } = amounts;
        let row = Row { shape, own: *own, rest: *rest, subtree: subtree.clone() };
        Self { place: *place, row: Some(row) }
    }

    pub(super) fn of_place(place: u32) -> Self {
        Self { place: Some(place), row: None }
    }

    pub(super) fn pack(&self) -> Vec<u8> {
        let mut texts = Texts::default();
        let mut to = Packer::new(&mut texts);
        to.number(self.place.map_or(0, |place| u64::from(place) + 1));
        to.number(self.row.is_some().into());
        let Some(Row { shape, own, rest, subtree }) = &self.row else {
            return to.into_bytes();
        };
        let kind = KINDS.iter().position(|kind| *kind == shape.kind).unwrap_or(0) as u64;
        to.number(kind << 2 | u64::from(shape.is_file) << 1 | u64::from(shape.is_finding));
        to.number(shape.uid.into());
        to.number(shape.class as u64);
        to.number(shape.rule.map_or(0, |rule| u64::from(rule) + 1));
        for sums in [own, rest, &subtree.sums] {
            let Sums { files, dirs, apparent, allocated, metered } = sums;
            [*files, *dirs, apparent.0, allocated.0, metered.0]
                .into_iter()
                .for_each(|number| to.number(number));
        }
        let Linked { inodes, metered } = subtree.linked;
        [inodes, metered.0, subtree.future.0].into_iter().for_each(|number| to.number(number));
        subtree.ages.into_iter().for_each(|age| to.number(age.0));
        to.number(subtree.newest.is_some().into());
        to.signed(subtree.newest.unwrap_or(0));
        to.into_bytes()
    }

    pub(super) fn unpack(bytes: &[u8]) -> Self {
        let texts = Texts::default();
        let from = &mut Unpacker::new(bytes, &texts);
        let place = from.number().checked_sub(1).and_then(|place| u32::try_from(place).ok());
        if from.number() == 0 {
            return Self { place, row: None };
        }
        let flags = from.number();
        let shape = Shape {
            kind: KINDS[(flags >> 2) as usize % KINDS.len()],
            is_file: flags & 2 != 0,
            is_finding: flags & 1 != 0,
            uid: u32::try_from(from.number()).unwrap_or(u32::MAX),
            class: Class::ALL[from.number() as usize % Class::ALL.len()],
            rule: from.number().checked_sub(1).and_then(|rule| RuleIndex::try_from(rule).ok()),
        };
        let [own, rest, sums] = [(); 3].map(|()| Sums {
            files: from.number(),
            dirs: from.number(),
            apparent: ApparentBytes(from.number()),
            allocated: AllocatedBytes(from.number()),
            metered: MeteredBytes(from.number()),
        });
        let linked = Linked { inodes: from.number(), metered: MeteredBytes(from.number()) };
        let future = MeteredBytes(from.number());
        let ages = [(); 5].map(|()| MeteredBytes(from.number()));
        let has_newest = from.number() > 0;
        let newest = Some(from.signed()).filter(|_| has_newest);
        let subtree = Subtree { sums, linked, newest, ages, future };
        Self { place, row: Some(Row { shape, own, rest, subtree }) }
    }
}

impl Row {
    /// Fills a row of the table, but for its place and its rule.
    pub(super) fn fill(self, row: &mut DirRow) {
        let Self { shape, own, rest, subtree } = self;
        row.kind = shape.kind;
        row.is_file = shape.is_file;
        row.uid = shape.uid;
        row.class = shape.class;
        row.is_finding = shape.is_finding;
        row.own = own;
        row.rest = rest;
        row.subtree = subtree.sums;
        row.linked = subtree.linked;
        row.newest = subtree.newest;
        row.ages = subtree.ages;
        row.future = subtree.future;
    }
}
