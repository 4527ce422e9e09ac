//! Hard links in the table: an inode with several is charged to one of its places. That is in the home
//! that the report charges, in the class that the inode has there, at the first path.

use std::cmp::Reverse;
use std::io;
use std::path::PathBuf;

use super::DirTable;
use crate::usage::class::Class;
use crate::usage::spill::runs::{Gather, Merge};
use crate::usage::tally::{Ages, Tally};
use crate::usage::{Attrs, FileKind, Mount};

const KINDS: [FileKind; 4] = [FileKind::File, FileKind::Dir, FileKind::Symlink, FileKind::Other];

/// Bytes of what [`Tally::count`] needs of an inode: kind, sizes and mtime.
const INODE: usize = 25;

/// Bytes of device and inode number, by which links are sorted.
const KEY: usize = 16;

/// A link: device, inode number, number of the home, class, number of the place, inode.
pub(super) type Link = [u8; KEY + 9 + INODE];

/// The links of a walk.
pub(super) type Links = Gather<{ size_of::<Link>() }>;

/// A charge: rank of the place, inode.
type Charge = [u8; 4 + INODE];

/// A charge.
pub(super) type Charged = Gather<{ size_of::<Charge>() }>;

pub(super) fn link(attrs: &Attrs, (home, class, place): (u32, Class, u32)) -> Link {
    let mut link = [0; size_of::<Link>()];
    let (key, rest) = link.split_at_mut(KEY);
    key[..8].copy_from_slice(&attrs.dev.to_be_bytes());
    key[8..].copy_from_slice(&attrs.ino.to_be_bytes());
    rest[..4].copy_from_slice(&home.to_be_bytes());
    rest[4] = class as u8;
    rest[5..9].copy_from_slice(&place.to_be_bytes());
    rest[9] = KINDS.iter().position(|kind| *kind == attrs.kind).unwrap_or(0) as u8;
    let numbers = [attrs.apparent, attrs.allocated, attrs.mtime.cast_unsigned()];
    rest[10..].copy_from_slice(numbers.map(u64::to_be_bytes).as_flattened());
    link
}

/// Reads the inode at the end of a record.
fn inode(record: &[u8]) -> Attrs {
    let inode = &record[record.len() - INODE..];
    Attrs {
        kind: KINDS[usize::from(inode[0]) % KINDS.len()],
        dev: 0,
        ino: 0,
        nlink: 2,
        uid: 0,
        gid: 0,
        mode: 0o700,
        apparent: number(&inode[1..9]),
        allocated: number(&inode[9..17]),
        mtime: number(&inode[17..]).cast_signed(),
        mount: Mount::Inside,
    }
}

/// Reads a number in big-endian order.
fn number(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0, |number, byte| number << 8 | u64::from(*byte))
}

/// Inodes with several links, by the rank of the place that is charged.
pub(super) struct Charges<'a> {
    merge: Merge<'a, { size_of::<Charge>() }>,
    next: Option<Charge>,
    ages: Ages,
}

impl DirTable {
    /// Finds out where each inode with several links is charged. `ranks` has the position of each
    /// place among the rows, the last first.
    pub(super) fn charge(
        &self,
        ranks: &[u32],
        directory: &Result<PathBuf, String>,
    ) -> io::Result<Charged> {
        let charges = Charged::new(directory.clone());
        let payers = self.payers.get().map_or(&[][..], Vec::as_slice);
        // The greatest of an inode's links is the one that is charged. The greater its rank, the
        // earlier its path.
        let priority = |link: &Link| {
            let [home, place] = [&link[16..20], &link[21..25]].map(|bytes| number(bytes) as usize);
            let payer = payers.get(home).copied().unwrap_or(u32::MAX);
            let class = Class::ALL[usize::from(link[20]) % Class::ALL.len()];
            (Reverse(payer), class, ranks.get(place).copied().unwrap_or(0))
        };
        let mut merge = self.links.merge()?;
        let mut next = merge.next()?;
        while let Some(mut best) = next {
            let mut most = priority(&best);
            next = merge.next()?;
            while let Some(more) = next.take_if(|more| more[..KEY] == best[..KEY]) {
                let of_more = priority(&more);
                // The first of several links in one place decides, if the inode changed meanwhile.
                if of_more > most {
                    (best, most) = (more, of_more);
                }
                next = merge.next()?;
            }
            let mut charge = [0; size_of::<Charge>()];
            charge[..4].copy_from_slice(&most.2.to_be_bytes());
            charge[4..].copy_from_slice(&best[best.len() - INODE..]);
            charges.push([charge].into_iter())?;
        }
        Ok(charges)
    }
}

impl<'a> Charges<'a> {
    pub(super) fn read(charged: &'a Charged, ages: Ages) -> io::Result<Self> {
        let mut merge = charged.merge()?;
        let next = merge.next()?;
        Ok(Self { merge, next, ages })
    }

    /// Sums what is charged to the place of this rank. Ranks are asked for in order.
    pub(super) fn of(&mut self, rank: u32) -> io::Result<Option<Tally>> {
        let key = rank.to_be_bytes();
        let mut sum: Option<Tally> = None;
        while let Some(charge) = self.next.take_if(|charge| charge[..4] == key) {
            sum.get_or_insert_default().count(&inode(&charge), &self.ages, None);
            self.next = self.merge.next()?;
        }
        Ok(sum)
    }
}
