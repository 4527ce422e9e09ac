//! The books of a home in a shard, and in the merge.

use std::sync::Arc;

use crate::packed::{Pack, Packer, Unpacker};
use crate::usage::home::{Books, FindingAccount, FindingSums, FoundPlace, LinkedTotal, RuleTotal};

/// Packs the books of the home at `base`. `device` maps device numbers.
pub(super) fn pack(books: &Books, device: impl Fn(u64) -> u64, base: &[u8], to: &mut Packer<'_>) {
    books.pack_sums(base, &device, to);
    to.number(books.findings.len() as u64);
    for FoundPlace { finding, path, size } in &books.findings {
        path.pack(to);
        size.pack(to);
        pack_finding(finding, to);
    }
}

/// Unpacks books. `number` maps the numbers of findings.
pub(super) fn unpack(
    base: &[u8],
    top: usize,
    from: &mut Unpacker<'_>,
    number: &dyn Fn(u64) -> u64,
) -> Books {
    let mut books = Books::unpack_sums(base, top, from);
    for _ in 0..from.count() {
        let (path, size) = (Pack::unpack(from), Pack::unpack(from));
        let (finding, own) = unpack_finding(from);
        finding.update(|sums| sums.renumber(number));
        if let Some(own) = own {
            finding.number.get_or_init(|| number(own));
        }
        books.findings.push(FoundPlace { finding, path, size });
    }
    books
}

/// Packs a finding with its number.
pub(super) fn pack_finding(finding: &FindingAccount, to: &mut Packer<'_>) {
    to.number(finding.number.get().copied().unwrap_or(0));
    finding.pack(to);
}

/// Unpacks a finding, and the number that it had.
pub(super) fn unpack_finding(from: &mut Unpacker<'_>) -> (Arc<FindingAccount>, Option<u64>) {
    let number = Some(from.number()).filter(|number| *number > 0);
    (FindingAccount::unpack(from), number)
}

impl Books {
    /// Adds those of the same home in another shard, and keeps the `limit` largest findings.
    pub(super) fn merge(&mut self, more: Books, limit: usize) {
        let Self {
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
        } = more;
        self.tally.merge(&tally);
        self.by_class.merge(&by_class);
        files.items().iter().for_each(|file| self.files.offer(file.clone()));
        dirs.items().iter().for_each(|dir| self.dirs.offer(dir.clone()));
        for (rule, total) in rules {
            self.rules.entry(rule).or_default().merge(&total);
        }
        self.across_rules.merge(across_rules);
        findings.into_iter().for_each(|found| self.keep(found, limit));
        self.shared.merge(shared);
        self.charged_elsewhere.merge(charged_elsewhere);
        self.errors += errors;
        self.vanished += vanished;
    }
}

impl RuleTotal {
    fn merge(&mut self, more: &Self) {
        self.places += more.places;
        self.single.merge(more.single);
        self.linked.merge(&more.linked);
    }
}

impl LinkedTotal {
    pub(in crate::usage) fn merge(&mut self, more: &Self) {
        self.whole.merge(more.whole);
        self.frees.merge(more.frees);
    }
}

impl FindingSums {
    /// Adds those of the same finding in another shard.
    pub(super) fn merge(&mut self, more: FindingSums) {
        let Self { single, shares, linked, linked_inside, together, across } = more;
        self.single.merge(single);
        self.shares = self.shares.saturating_add(shares);
        self.linked.merge(linked);
        self.linked_inside.merge(linked_inside);
        for (mine, theirs) in [(&mut self.together, together), (&mut self.across, across)] {
            if let Some(theirs) = theirs {
                mine.get_or_insert_default().merge(&theirs);
            }
        }
    }

    fn renumber(&mut self, number: &dyn Fn(u64) -> u64) {
        for more in [&mut self.together, &mut self.across].into_iter().flatten() {
            more.renumber(number);
        }
    }

    /// The same with other numbers.
    pub(super) fn renumbered(mut self, number: &dyn Fn(u64) -> u64) -> Self {
        self.renumber(number);
        self
    }
}
