//! Record of an inode's links in one place, as bytes on disk.

use std::sync::Arc;

use hashbrown::HashMap;

use super::profile::{Inode, LinkFinding, LinkPlace, Profile};
use crate::usage::FileKind;
use crate::usage::class::Class;
use crate::usage::home::{FindingAccount, Home};

/// Size of a record in bytes. Device and inode number come first, so records sort by inode.
pub(super) const SIZE: usize = 64;

/// Size of the key in bytes.
pub(super) const KEY: usize = 16;

pub(super) type Record = [u8; SIZE];

/// Kinds by their number in a record. Directories never occur, because they have one link.
const KINDS: [FileKind; 4] = [FileKind::File, FileKind::Dir, FileKind::Symlink, FileKind::Other];

/// Writes the links of an inode, one record for each place.
pub(super) fn write(
    (dev, ino): (u64, u64),
    inode: &Inode,
    profile: &Profile,
) -> impl Iterator<Item = Record> {
    let kind = KINDS.iter().position(|kind| *kind == profile.kind).unwrap_or(0) as u8;
    let head = [dev, ino, inode.apparent, inode.allocated, inode.mtime as u64];
    profile.places.iter().map(move |place| {
        let finding = place.finding.as_ref();
        let number = finding.map_or(0, |finding| finding.number);
        let class = finding.map_or(Class::Rest, |finding| finding.class) as u8;
        let rule = finding.map_or(0, |finding| finding.rule);
        let words = [place.home.number, place.links, profile.nlink, profile.uid];
        let mut record = [0; SIZE];
        let bytes = head.into_iter().flat_map(u64::to_be_bytes);
        let bytes = bytes.chain(words.into_iter().flat_map(u32::to_be_bytes));
        // Five bytes are enough for a million million findings.
        let bytes = bytes.chain(number.to_be_bytes().into_iter().skip(3));
        let bytes = bytes.chain(rule.to_be_bytes()).chain([class << 4 | kind]);
        record.iter_mut().zip(bytes).for_each(|(to, byte)| *to = byte);
        record
    })
}

/// Where the number of the home is.
const HOME: std::ops::Range<usize> = 40..44;

/// Where the number of the finding is.
const FINDING: std::ops::Range<usize> = 56..61;

/// Returns the number of the home.
pub(super) fn home(record: &Record) -> u32 {
    record[HOME].iter().fold(0, |number, byte| number << 8 | u32::from(*byte))
}

pub(super) fn set_home(record: &mut Record, home: u32) {
    record[HOME].copy_from_slice(&home.to_be_bytes());
}

/// Returns the number of the finding; 0 for none.
pub(super) fn finding(record: &Record) -> u64 {
    record[FINDING].iter().fold(0, |number, byte| number << 8 | u64::from(*byte))
}

pub(super) fn set_finding(record: &mut Record, finding: u64) {
    record[FINDING].copy_from_slice(&finding.to_be_bytes()[3..]);
}

/// Resolves the numbers of homes and findings in records.
pub(super) struct Numbers<'a> {
    /// Homes by number.
    pub(super) homes: &'a [Arc<Home>],
    /// The reported findings, by number.
    pub(super) findings: HashMap<u64, Arc<FindingAccount>>,
}

/// A decoded record.
pub(super) struct Read {
    pub(super) kind: FileKind,
    pub(super) uid: u32,
    pub(super) nlink: u32,
    /// The inode, without a profile.
    pub(super) inode: Inode,
    pub(super) place: LinkPlace,
}

impl Numbers<'_> {
    /// Decodes a record; `None` if it was damaged on disk.
    pub(super) fn read(&self, record: &Record) -> Option<Read> {
        let long = |at: usize| {
            let bytes = record[at..at + 8].iter();
            bytes.fold(0, |word, byte| word << 8 | u64::from(*byte))
        };
        let word = |at: usize| (long(at) >> 32) as u32;
        let number = finding(record);
        let [.., high, low, packed] = *record;
        let class = *Class::ALL.get(usize::from(packed >> 4))?;
        let of_finding = (number > 0).then(|| LinkFinding {
            number,
            rule: u16::from_be_bytes([high, low]),
            class,
            account: self.findings.get(&number).cloned(),
        });
        let home = Arc::clone(self.homes.get(home(record) as usize)?);
        Some(Read {
            kind: *KINDS.get(usize::from(packed & 0xf))?,
            uid: word(52),
            nlink: word(48),
            inode: Inode {
                apparent: long(16),
                allocated: long(24),
                mtime: long(32) as i64,
                profile: 0,
            },
            place: LinkPlace { home, finding: of_finding, links: word(44) },
        })
    }
}
