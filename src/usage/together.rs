//! The part of a finding that is freed only together with others.

use std::collections::{BTreeSet, HashMap};

use super::rules::RuleIndex;
use super::tally::Amount;

/// The inodes whose links all lie in a finding and in others.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Together {
    pub amount: Amount,
    /// Rules of the others.
    pub with: BTreeSet<RuleIndex>,
    /// Numbers of the others; empty if they are many.
    pub(super) others: BTreeSet<u64>,
    /// True if they are more than [`FEW`].
    pub(super) are_many: bool,
}

/// Number of other findings that a report names by their paths.
const FEW: usize = 3;

impl Together {
    /// Counts inodes whose other links lie in findings of these rules and numbers.
    pub(super) fn add(&mut self, amount: Amount, with: impl Iterator<Item = (RuleIndex, u64)>) {
        self.amount.merge(amount);
        for (rule, number) in with {
            self.with.insert(rule);
            if !self.are_many {
                self.others.insert(number);
            }
        }
        self.limit();
    }

    /// Adds those of the same finding in another shard.
    pub(super) fn merge(&mut self, more: &Self) {
        self.amount.merge(more.amount);
        self.with.extend(&more.with);
        self.others.extend(&more.others);
        self.are_many |= more.are_many;
        self.limit();
    }

    fn limit(&mut self) {
        // The outcome must not depend on the order.
        if self.are_many || self.others.len() > FEW {
            self.are_many = true;
            self.others = BTreeSet::new();
        }
    }

    /// Gives the others other numbers.
    pub(super) fn renumber(&mut self, number: &dyn Fn(u64) -> u64) {
        self.others = self.others.iter().map(|other| number(*other)).collect();
    }

    /// Returns the paths of the others below the root, from those of all findings that others name;
    /// `None` if they are many, or one is too small to be kept.
    pub fn places<'a>(&self, named: &'a NamedFindings) -> Option<BTreeSet<&'a [u8]>> {
        let path = |number: &u64| named.get(number).map(|path| &**path);
        (!self.are_many).then(|| self.others.iter().map(path).collect()).flatten()
    }
}

/// Paths of findings that other findings name, by number.
pub type NamedFindings = HashMap<u64, Box<[u8]>>;
