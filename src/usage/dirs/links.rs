//! Hard links in the table: an inode with several is charged to one of its places. That is in the home
//! that the report charges, in the class that the inode has there, at the first path.

use std::cmp::Reverse;
use std::io;

use super::DirTable;
use crate::packed::{Packer, Texts, Unpacker};
use crate::usage::class::Class;
use crate::usage::spill::pieces::{Merge, Piece, Sorted, Sorter};
use crate::usage::tally::{Ages, Tally};
use crate::usage::{Attrs, FileKind, Mount};

const KINDS: [FileKind; 4] = [FileKind::File, FileKind::Dir, FileKind::Symlink, FileKind::Other];

/// Packs a link, by its inode. The place is the home's number, the class and the place's number.
pub(super) fn pack(attrs: &Attrs, place: (u32, Class, u32)) -> ([u8; 16], Vec<u8>) {
    let mut key = [0; 16];
    key[..8].copy_from_slice(&attrs.dev.to_be_bytes());
    key[8..].copy_from_slice(&attrs.ino.to_be_bytes());
    let mut texts = Texts::default();
    let to = &mut Packer::new(&mut texts);
    let (home, class, place) = place;
    [u64::from(home), class as u64, u64::from(place)]
        .into_iter()
        .for_each(|number| to.number(number));
    pack_inode(attrs, to);
    (key, to.bytes().to_vec())
}

fn pack_inode(attrs: &Attrs, to: &mut Packer<'_>) {
    let kind = KINDS.iter().position(|kind| *kind == attrs.kind).unwrap_or(0) as u64;
    [kind, attrs.apparent, attrs.allocated].into_iter().for_each(|number| to.number(number));
    to.signed(attrs.mtime);
}

/// Unpacks an inode as [`Tally::count`] needs it.
fn unpack_inode(from: &mut Unpacker<'_>) -> Attrs {
    Attrs {
        kind: KINDS[from.number() as usize % KINDS.len()],
        dev: 0,
        ino: 0,
        nlink: 2,
        uid: 0,
        accessible: true,
        apparent: from.number(),
        allocated: from.number(),
        mtime: from.signed(),
        mount: Mount::Inside,
    }
}

/// Inodes with several links, by the rank of the place that is charged.
pub(super) struct Charges<'a> {
    merge: Merge<'a>,
    next: Option<Piece>,
    ages: Ages,
}

impl DirTable {
    /// Finds out where each inode with several links is charged. `ranks` has the position of each
    /// place among the rows, the last first.
    pub(super) fn charge(&self, ranks: &[u32]) -> io::Result<Sorter> {
        let charges = Sorter::new(self.directory.clone());
        let links = self.links.close()?;
        let payers = self.payers.get().map_or(&[][..], Vec::as_slice);
        let mut merge = links.merge()?;
        let mut next = merge.next()?;
        while let Some(first) = next {
            let mut best = Link::unpack(&first, payers, ranks);
            next = merge.next()?;
            while let Some(more) = next.take_if(|more| more.key() == first.key()) {
                best = best.max(Link::unpack(&more, payers, ranks));
                next = merge.next()?;
            }
            // Pieces come from the greatest key to the least, ranks from the least to the greatest.
            charges.push(&(!best.rank).to_be_bytes(), &best.inode)?;
        }
        Ok(charges)
    }
}

/// A link. The greatest of an inode's links is the one that is charged.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Link {
    payer: Reverse<u32>,
    class: Class,
    /// The greater, the earlier its path.
    rank: u32,
    inode: Vec<u8>,
}

impl Link {
    fn unpack(piece: &Piece, payers: &[u32], ranks: &[u32]) -> Self {
        let texts = Texts::default();
        let from = &mut Unpacker::new(piece.value(), &texts);
        let [home, class, place] = [(); 3].map(|()| from.number() as usize);
        let inode = unpack_inode(from);
        let mut texts = Texts::default();
        let to = &mut Packer::new(&mut texts);
        pack_inode(&inode, to);
        Self {
            payer: Reverse(payers.get(home).copied().unwrap_or(u32::MAX)),
            class: Class::ALL[class % Class::ALL.len()],
            rank: ranks.get(place).copied().unwrap_or(0),
            inode: to.bytes().to_vec(),
        }
    }
}

impl<'a> Charges<'a> {
    pub(super) fn read(sorted: &'a Sorted<'_>, ages: Ages) -> io::Result<Self> {
        let mut merge = sorted.merge()?;
        let next = merge.next()?;
        Ok(Self { merge, next, ages })
    }

    /// Sums what is charged to the place of this rank. Ranks are asked for in order.
    pub(super) fn of(&mut self, rank: u32) -> io::Result<Option<Tally>> {
        let key = (!rank).to_be_bytes();
        let mut sum: Option<Tally> = None;
        while let Some(piece) = self.next.take_if(|piece| piece.key() == key) {
            let texts = Texts::default();
            let inode = unpack_inode(&mut Unpacker::new(piece.value(), &texts));
            sum.get_or_insert_default().count(&inode, &self.ages, None);
            self.next = self.merge.next()?;
        }
        Ok(sum)
    }
}
