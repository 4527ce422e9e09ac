//! Closed books: the sums of a home of which everything was read, packed. A walk may see hundreds of
//! thousands of homes, and few of them at a time.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::class::{AmountByClass, Class};
use super::home::{
    Books, FindingAccount, FindingSums, FoundPlace, LinkedTotal, RuleTotal, Together,
};
use super::tally::{Amount, Tally};
use super::top::{Large, Top};
use crate::packed::{Packer, Unpacker};
use crate::units::{AllocatedBytes, ApparentBytes};

/// The books of a home, closed.
#[derive(Debug)]
pub(super) struct ClosedBooks {
    bytes: Box<[u8]>,
    /// Findings that something else may still change: those with hard links.
    findings: Box<[Arc<FindingAccount>]>,
}

impl ClosedBooks {
    /// Closes the books of the home at `base`.
    pub(super) fn of(books: Books, base: &[u8]) -> Self {
        let Books {
            tally,
            by_class,
            files,
            dirs,
            rules,
            across_rules,
            findings,
            shared,
            charged_elsewhere,
            errors,
            vanished,
        } = books;
        let mut to = Packer::default();
        tally.pack(&mut to);
        by_class.pack(&mut to);
        rules.pack(&mut to);
        across_rules.pack(&mut to);
        shared.pack(&mut to);
        charged_elsewhere.pack(&mut to);
        errors.pack(&mut to);
        vanished.pack(&mut to);
        for top in [files, dirs] {
            to.number(top.items().len() as u64);
            top.items().iter().for_each(|large| pack_large(large, base, &mut to));
        }
        to.number(findings.len() as u64);
        let mut living = Vec::new();
        for FoundPlace { finding, path, size } in findings {
            pack_path(&path, base, &mut to);
            size.pack(&mut to);
            // Only what is below a finding changes others, and all of that was read.
            let is_living = finding.number.get().is_some();
            is_living.pack(&mut to);
            match is_living {
                true => living.push(finding),
                false => {
                    finding.rule.pack(&mut to);
                    finding.class.pack(&mut to);
                    u64::from(finding.contents()).pack(&mut to);
                    finding.sums().pack(&mut to);
                }
            }
        }
        Self { bytes: to.finish(), findings: living.into() }
    }

    /// Opens them again, with room for the `top` largest.
    pub(super) fn open(&self, base: &[u8], top: usize) -> Books {
        let from = &mut Unpacker::new(&self.bytes);
        let mut books = Books::new(top);
        books.tally = Pack::unpack(from);
        books.by_class = Pack::unpack(from);
        books.rules = Pack::unpack(from);
        books.across_rules = Pack::unpack(from);
        books.shared = Pack::unpack(from);
        books.charged_elsewhere = Pack::unpack(from);
        books.errors = Pack::unpack(from);
        books.vanished = Pack::unpack(from);
        for largest in [&mut books.files, &mut books.dirs] {
            let items = (0..from.number()).map(|_| unpack_large(base, from)).collect();
            *largest = Top::of(top, items);
        }
        let mut living = self.findings.iter();
        for _ in 0..from.number() {
            let path = unpack_path(base, from);
            let size = Pack::unpack(from);
            let living = if bool::unpack(from) { living.next() } else { None };
            let finding = living.map(Arc::clone).unwrap_or_else(|| {
                let finding = FindingAccount::new(Pack::unpack(from), Pack::unpack(from));
                finding.hold_all(u8::try_from(from.number()).unwrap_or(u8::MAX));
                finding.update(|sums| *sums = Pack::unpack(from));
                finding
            });
            books.findings.push(FoundPlace { finding, path, size });
        }
        books
    }

    /// The findings that something else may still change.
    pub(super) fn living(&self) -> &[Arc<FindingAccount>] {
        &self.findings
    }
}

/// Packs a path without that of its home, in which it nearly always lies.
fn pack_path(path: &[u8], base: &[u8], to: &mut Packer) {
    let below = path.strip_prefix(base);
    below.is_some().pack(to);
    to.bytes(below.unwrap_or(path));
}

fn unpack_path(base: &[u8], from: &mut Unpacker<'_>) -> Box<[u8]> {
    let base = if bool::unpack(from) { base } else { &[] };
    [base, from.bytes()].concat().into()
}

fn pack_large(large: &Large, base: &[u8], to: &mut Packer) {
    let Large { path, allocated, apparent, mtime, nlink, inode } = large;
    pack_path(path, base, to);
    allocated.pack(to);
    apparent.pack(to);
    mtime.pack(to);
    u64::from(*nlink).pack(to);
    inode.pack(to);
}

fn unpack_large(base: &[u8], from: &mut Unpacker<'_>) -> Large {
    Large {
        path: unpack_path(base, from),
        allocated: from.number(),
        apparent: from.number(),
        mtime: from.signed(),
        nlink: u32::try_from(from.number()).unwrap_or(u32::MAX),
        inode: Pack::unpack(from),
    }
}

trait Pack {
    fn pack(&self, to: &mut Packer);
    fn unpack(from: &mut Unpacker<'_>) -> Self;
}

macro_rules! structs {
    ($($type:ident { $($field:ident),* })*) => {$(
        impl Pack for $type {
            fn pack(&self, to: &mut Packer) {
                $(self.$field.pack(to);)*
            }

            fn unpack(from: &mut Unpacker<'_>) -> Self {
                Self { $($field: Pack::unpack(from)),* }
            }
        }
    )*};
}

structs! {
    Tally {
        files, dirs, symlinks, other, apparent, allocated, by_age, future, newest, foreign
    }
    Amount { inodes, allocated }
    RuleTotal { places, single, linked }
    LinkedTotal { whole, frees }
    FindingSums { single, shares, linked, linked_inside, together }
    Together { amount, with }
}

macro_rules! numbers {
    ($($type:ident: $of:expr, $make:expr;)*) => {$(
        impl Pack for $type {
            fn pack(&self, to: &mut Packer) {
                to.number($of(*self));
            }

            fn unpack(from: &mut Unpacker<'_>) -> Self {
                $make(from.number())
            }
        }
    )*};
}

numbers! {
    u64: |number| number, |number| number;
    u16: u64::from, |number| u16::try_from(number).unwrap_or(u16::MAX);
    bool: u64::from, |number| number == 1;
    AllocatedBytes: |AllocatedBytes(bytes)| bytes, AllocatedBytes;
    ApparentBytes: |ApparentBytes(bytes)| bytes, ApparentBytes;
    Class: |class| class as u64, |number| {
        let at = usize::try_from(number).ok();
        at.and_then(|at| Class::ALL.get(at)).copied().unwrap_or(Class::Rest)
    };
}

impl Pack for i64 {
    fn pack(&self, to: &mut Packer) {
        to.signed(*self);
    }

    fn unpack(from: &mut Unpacker<'_>) -> Self {
        from.signed()
    }
}

impl Pack for (u64, u64) {
    fn pack(&self, to: &mut Packer) {
        to.number(self.0);
        to.number(self.1);
    }

    fn unpack(from: &mut Unpacker<'_>) -> Self {
        (from.number(), from.number())
    }
}

impl<const N: usize> Pack for [Amount; N] {
    fn pack(&self, to: &mut Packer) {
        self.iter().for_each(|amount| amount.pack(to));
    }

    fn unpack(from: &mut Unpacker<'_>) -> Self {
        std::array::from_fn(|_| Pack::unpack(from))
    }
}

impl Pack for AmountByClass {
    fn pack(&self, to: &mut Packer) {
        Class::ALL.into_iter().for_each(|class| self.get(class).pack(to));
    }

    fn unpack(from: &mut Unpacker<'_>) -> Self {
        let mut by_class = Self::default();
        Class::ALL.into_iter().for_each(|class| by_class.add(class, Pack::unpack(from)));
        by_class
    }
}

impl<T: Pack> Pack for Option<T> {
    fn pack(&self, to: &mut Packer) {
        self.is_some().pack(to);
        if let Some(value) = self {
            value.pack(to);
        }
    }

    fn unpack(from: &mut Unpacker<'_>) -> Self {
        bool::unpack(from).then(|| T::unpack(from))
    }
}

impl<T: Pack> Pack for Box<T> {
    fn pack(&self, to: &mut Packer) {
        (**self).pack(to);
    }

    fn unpack(from: &mut Unpacker<'_>) -> Self {
        Box::new(T::unpack(from))
    }
}

impl Pack for BTreeSet<u16> {
    fn pack(&self, to: &mut Packer) {
        to.number(self.len() as u64);
        self.iter().for_each(|rule| rule.pack(to));
    }

    fn unpack(from: &mut Unpacker<'_>) -> Self {
        (0..from.number()).map(|_| Pack::unpack(from)).collect()
    }
}

impl Pack for BTreeMap<u16, RuleTotal> {
    fn pack(&self, to: &mut Packer) {
        to.number(self.len() as u64);
        for (rule, total) in self {
            rule.pack(to);
            total.pack(to);
        }
    }

    fn unpack(from: &mut Unpacker<'_>) -> Self {
        (0..from.number()).map(|_| (Pack::unpack(from), Pack::unpack(from))).collect()
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
            findings in proptest::collection::vec((any::<u16>(), amount(), 0..64u8, any::<bool>()), 0..4),
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
                    sums.free_together(amount, [1, rule].into_iter());
                });
                books.found(&finding, 9, || b"home/x".to_vec().into());
                books.rules.entry(rule).or_default().linked.frees.merge(amount);
                if lives {
                    finding.number.get_or_init(|| 7);
                    living.push(finding);
                }
            }
            let was = format!("{books:?}");
            let closed = ClosedBooks::of(books, b"home");
            prop_assert_eq!(closed.living().len(), living.len());
            prop_assert_eq!(format!("{:?}", closed.open(b"home", 3)), was);
        }
    }
}
