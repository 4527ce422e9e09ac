//! Closed books: the sums of a home of which everything was read, packed. A walk may see hundreds of
//! thousands of homes, and few of them at a time.

use std::sync::{Arc, Mutex};

use super::class::{AmountByClass, Class};
use super::home::{
    Books, FindingAccount, FindingSums, FoundPlace, HomeKind, LinkedTotal, RuleTotal,
};
use super::tally::{Amount, Tally};
use super::together::Together;
use super::top::{Large, Top};
use crate::packed::{Pack, Packer, Texts, Unpacker, pack_enums, pack_structs};
use crate::sync::lock;

/// The bytes of closed books that lie together. An allocation for each home would lie among those of
/// the walk, and leave holes between them.
const CHUNK: usize = 1 << 20;

/// Bytes of the closed books of many homes. They are freed with the last of these.
#[derive(Debug, Default)]
struct Chunk {
    number: usize,
    bytes: Mutex<Vec<u8>>,
}

/// Where books are put that are closed.
#[derive(Debug, Default)]
pub(super) struct Shelf(Mutex<Arc<Chunk>>);

impl Shelf {
    /// Adds bytes; returns the chunk that has them, and where they begin.
    fn add(&self, added: &[u8]) -> (Arc<Chunk>, usize) {
        let mut last = lock(&self.0);
        let room = {
            let bytes = lock(&last.bytes);
            bytes.capacity() - bytes.len()
        };
        if room < added.len() {
            let bytes = Mutex::new(Vec::with_capacity(CHUNK.max(added.len())));
            *last = Arc::new(Chunk { number: last.number + 1, bytes });
        }
        let mut bytes = lock(&last.bytes);
        let at = bytes.len();
        bytes.extend_from_slice(added);
        (Arc::clone(&last), at)
    }
}

/// The books of a home, closed.
#[derive(Debug)]
pub(super) struct ClosedBooks {
    chunk: Arc<Chunk>,
    at: usize,
    /// Findings that something else may still change: those with hard links.
    findings: Box<[Arc<FindingAccount>]>,
}

impl ClosedBooks {
    /// Closes the books of the home at `base`.
    pub(super) fn of(books: Books, base: &[u8], shelf: &Shelf) -> Self {
        let mut texts = Texts::default();
        let to = &mut Packer::new(&mut texts);
        books.pack_sums(base, |device| device, to);
        to.number(books.findings.len() as u64);
        let mut living = Vec::new();
        for FoundPlace { finding, path, size } in books.findings {
            path.pack(to);
            size.pack(to);
            // Only what is below a finding changes others, and all of that was read.
            let is_living = finding.number.get().is_some();
            is_living.pack(to);
            match is_living {
                true => living.push(finding),
                false => finding.pack(to),
            }
        }
        let (chunk, at) = shelf.add(to.bytes());
        Self { chunk, at, findings: living.into() }
    }

    /// Opens them again, with room for the `top` largest.
    pub(super) fn open(&self, base: &[u8], top: usize) -> Books {
        let texts = Texts::default();
        let bytes = lock(&self.chunk.bytes);
        let from = &mut Unpacker::new(&bytes[self.at..], &texts);
        let mut books = Books::unpack_sums(base, top, from);
        let mut living = self.findings.iter();
        for _ in 0..from.count() {
            let (path, size) = (Pack::unpack(from), Pack::unpack(from));
            let living = if bool::unpack(from) { living.next() } else { None };
            let finding = living.map(Arc::clone).unwrap_or_else(|| FindingAccount::unpack(from));
            books.findings.push(FoundPlace { finding, path, size });
        }
        books
    }

    /// Where they lie: chunk, and position in it.
    pub(super) fn place(&self) -> (usize, usize) {
        (self.chunk.number, self.at)
    }

    /// The findings that something else may still change.
    pub(super) fn living(&self) -> &[Arc<FindingAccount>] {
        &self.findings
    }
}

impl Books {
    /// Packs everything but the findings. `base` is the home's path, with which others begin, and
    /// `device` maps device numbers.
    pub(super) fn pack_sums(&self, base: &[u8], device: impl Fn(u64) -> u64, to: &mut Packer<'_>) {
        let Self {
            tally,
            by_class,
            files,
            dirs,
            rules,
            across_rules,
            findings: _,
            shared,
            charged_elsewhere,
            errors,
            vanished,
        } = self;
        to.expect(base);
        tally.pack(to);
        by_class.0.pack(to);
        rules.pack(to);
        across_rules.pack(to);
        shared.pack(to);
        charged_elsewhere.pack(to);
        errors.pack(to);
        vanished.pack(to);
        for large in [files.items(), dirs.items()] {
            to.number(large.len() as u64);
            large.iter().for_each(|one| one.pack_with((device(one.inode.0), one.inode.1), to));
        }
    }

    /// Unpacks them, with room for the `top` largest, and without findings.
    pub(super) fn unpack_sums(base: &[u8], top: usize, from: &mut Unpacker<'_>) -> Self {
        from.expect(base);
        let mut books = Self::new(top);
        books.tally = Pack::unpack(from);
        books.by_class = AmountByClass(Pack::unpack(from));
        books.rules = Pack::unpack(from);
        books.across_rules = Pack::unpack(from);
        books.shared = Pack::unpack(from);
        books.charged_elsewhere = Pack::unpack(from);
        books.errors = Pack::unpack(from);
        books.vanished = Pack::unpack(from);
        books.files = Top::of(top, Pack::unpack(from));
        books.dirs = Top::of(top, Pack::unpack(from));
        books
    }
}

impl FindingAccount {
    /// Packs everything but its number and its path.
    pub(super) fn pack(&self, to: &mut Packer<'_>) {
        self.rule.pack(to);
        self.class.pack(to);
        self.contents().pack(to);
        self.sums().pack(to);
    }

    pub(super) fn unpack(from: &mut Unpacker<'_>) -> Arc<Self> {
        let finding = Self::new(Pack::unpack(from), Pack::unpack(from));
        finding.hold_all(Pack::unpack(from));
        finding.update(|sums| *sums = Pack::unpack(from));
        finding
    }
}

pack_structs! {
    Tally {
        files, dirs, symlinks, other, apparent, allocated, by_age, future, newest, foreign
    }
    Amount { inodes, allocated }
    RuleTotal { places, single, linked }
    LinkedTotal { whole, frees }
    FindingSums { single, shares, linked, linked_inside, together, across }
    Together { amount, with, others, are_many }
}

pack_enums! {
    Class { Rest, Trash, Cache, Environment, Output, Log }
    HomeKind { Uid, Named, Outside }
}

impl Large {
    fn pack_with(&self, inode: (u64, u64), to: &mut Packer<'_>) {
        let Self { path, allocated, apparent, mtime, nlink, inode: _ } = self;
        path.pack(to);
        allocated.pack(to);
        apparent.pack(to);
        to.time(*mtime);
        nlink.pack(to);
        to.inode(inode);
    }
}

impl Pack for Large {
    fn pack(&self, to: &mut Packer<'_>) {
        self.pack_with(self.inode, to);
    }

    fn unpack(from: &mut Unpacker<'_>) -> Self {
        Self {
            path: Pack::unpack(from),
            allocated: from.number(),
            apparent: from.number(),
            mtime: from.time(),
            nlink: Pack::unpack(from),
            inode: from.inode(),
        }
    }
}

/// The state of a home's books.
#[derive(Debug)]
pub(super) enum Account {
    /// Nothing is in them.
    New,
    Open(Box<Books>),
    Closed(ClosedBooks),
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::units::{AllocatedBytes, ApparentBytes};
    use proptest::prelude::*;

    fn amount() -> impl Strategy<Value = Amount> {
        (any::<u64>(), any::<u64>())
            .prop_map(|(inodes, bytes)| Amount { inodes, allocated: AllocatedBytes(bytes) })
    }

    fn large() -> impl Strategy<Value = Large> {
        (any::<(u64, u64, i64, u32)>(), any::<(u64, u64)>(), "(home)?/[a-c]{0,3}").prop_map(
            |((allocated, apparent, mtime, nlink), inode, path)| Large {
                path: path.into_bytes().into(),
                allocated,
                apparent,
                mtime,
                nlink,
                inode,
            },
        )
    }

    proptest! {
        #[test]
        fn closed_books_open_as_they_were(
            amounts in proptest::collection::vec(amount(), 12),
            numbers in any::<[u64; 8]>(),
            newest in any::<Option<i64>>(),
            largest in proptest::collection::vec(large(), 0..4),
            findings in proptest::collection::vec((any::<u16>(), amount(), 0..512u16, any::<bool>()), 0..4),
        ) {
            let mut books = Books::new(3);
            let [files, dirs, symlinks, other, apparent, allocated, errors, vanished] = numbers;
            books.tally = Tally {
                files, dirs, symlinks, other,
                apparent: ApparentBytes(apparent),
                allocated: AllocatedBytes(allocated),
                by_age: std::array::from_fn(|at| amounts[at]),
                future: amounts[5],
                newest,
                foreign: amounts[6],
            };
            (books.errors, books.vanished) = (errors, vanished);
            books.by_class.add(Class::Log, amounts[7]);
            books.by_class.add(Class::Trash, amounts[8]);
            (books.shared, books.charged_elsewhere, books.across_rules) =
                (amounts[9], amounts[10], amounts[11]);
            for item in largest {
                books.files.offer(item.clone());
                books.dirs.offer(item);
            }
            let mut living = Vec::new();
            for (rule, amount, contents, lives) in findings {
                let finding = FindingAccount::new(rule, Class::Output);
                finding.hold_all(contents);
                finding.update(|sums| {
                    sums.single = amount;
                    sums.together.get_or_insert_default().add(amount, [(1, 8), (rule, 9)].into_iter());
                });
                books.found(&finding, 9, || b"home/x".to_vec().into());
                books.rules.entry(rule).or_default().linked.frees.merge(amount);
                if lives {
                    finding.number.get_or_init(|| 7);
                    living.push(finding);
                }
            }
            let was = format!("{books:?}");
            let shelf = Shelf::default();
            ClosedBooks::of(Books::new(3), b"other", &shelf);
            let closed = ClosedBooks::of(books, b"home", &shelf);
            prop_assert_eq!(closed.living().len(), living.len());
            prop_assert_eq!(format!("{:?}", closed.open(b"home", 3)), was);
        }
    }
}
