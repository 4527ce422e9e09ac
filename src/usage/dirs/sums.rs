//! Sums over a subtree.

use super::row::{Linked, Sums};
use crate::units::MeteredBytes;
use crate::usage::tally::{Ages, Tally};

/// Sums over a subtree. They merge in any order.
#[derive(Clone, Debug, Default)]
pub(super) struct Subtree {
    pub(super) sums: Sums,
    pub(super) linked: Linked,
    pub(super) newest: Option<i64>,
    pub(super) ages: [MeteredBytes; Ages::COUNT],
    pub(super) future: MeteredBytes,
}

impl Subtree {
    /// Sums of inodes with one link.
    pub(super) fn of(tally: &Tally) -> Self {
        Self {
            sums: Sums {
                files: tally.files,
                dirs: tally.dirs,
                apparent: tally.apparent,
                allocated: tally.allocated,
                metered: tally.amount().metered(),
            },
            linked: Linked::default(),
            newest: tally.newest,
            ages: tally.by_age.map(|amount| amount.metered()),
            future: tally.future.metered(),
        }
    }

    /// Sums of inodes with several.
    pub(super) fn of_links(tally: &Tally) -> Self {
        let linked = Linked { inodes: tally.inodes(), metered: tally.amount().metered() };
        Self { linked, ..Self::of(tally) }
    }

    pub(super) fn add(&mut self, other: &Subtree) {
        self.sums.add(&other.sums);
        self.linked.inodes += other.linked.inodes;
        self.linked.metered += other.linked.metered;
        self.newest = self.newest.max(other.newest);
        for (age, more) in self.ages.iter_mut().zip(other.ages) {
            *age += more;
        }
        self.future += other.future;
    }
}
