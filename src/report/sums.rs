//! Sums, sort orders and comparisons of reports.

use std::cmp::{Ordering, Reverse};
use std::collections::BTreeSet;

use clap::ValueEnum;
use serde::{Deserialize, Serialize};

use crate::usage::Class;

use super::identity::Roots;
use super::model::{ByAge, ByClass, Finding, HomeKind, HomeReport, Report, Run, Share, Usage};

/// The key that homes are sorted by: largest first, names ascending.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SortKey {
    /// Allocated bytes.
    #[default]
    Size,
    /// Trash.
    Trash,
    /// Caches.
    Cache,
    /// Number of files.
    Files,
    /// Name.
    Name,
    /// Percent of the quota.
    Quota,
}

impl Share {
    /// Adds another share.
    pub fn add(&mut self, other: Share) {
        self.inodes += other.inodes;
        self.allocated_bytes += other.allocated_bytes;
        self.metered_bytes += other.metered_bytes;
    }
}

impl Usage {
    /// All of it as one share.
    pub fn share(&self) -> Share {
        Share {
            inodes: self.files + self.dirs + self.symlinks + self.other,
            allocated_bytes: self.allocated_bytes,
            metered_bytes: self.metered_bytes,
        }
    }

    /// Adds another usage.
    pub fn add(&mut self, other: &Usage) {
        self.files += other.files;
        self.dirs += other.dirs;
        self.symlinks += other.symlinks;
        self.other += other.other;
        self.apparent_bytes += other.apparent_bytes;
        self.allocated_bytes += other.allocated_bytes;
        self.metered_bytes += other.metered_bytes;
        for (mine, theirs) in self.by_class.shares_mut().into_iter().zip(other.by_class.shares()) {
            mine.add(theirs);
        }
        for (mine, theirs) in self.by_age.shares_mut().into_iter().zip(other.by_age.shares()) {
            mine.add(theirs);
        }
        self.by_age.future.add(other.by_age.future);
    }
}

impl ByClass {
    /// The shares, in the order of [`Class::ALL`](crate::usage::Class::ALL).
    pub fn shares(&self) -> [Share; 6] {
        [self.trash, self.cache, self.environment, self.output, self.log, self.rest]
    }

    fn shares_mut(&mut self) -> [&mut Share; 6] {
        let Self { trash, cache, environment, output, log, rest } = self;
        [trash, cache, environment, output, log, rest]
    }
}

impl Finding {
    /// The class that its bytes count in; `rest` for a hint.
    pub fn counted_class(&self) -> Class {
        if self.hint { Class::Rest } else { self.class }
    }
}

impl ByAge {
    /// Names of the ages, youngest first.
    pub const NAMES: [&'static str; 5] = ["days_7", "days_30", "days_90", "year_1", "older"];

    /// The shares of the ages, youngest first. Inodes with a time in the future are not in them but
    /// in `future`.
    pub fn shares(&self) -> [Share; 5] {
        [self.days_7, self.days_30, self.days_90, self.year_1, self.older]
    }

    fn shares_mut(&mut self) -> [&mut Share; 5] {
        let Self { days_7, days_30, days_90, year_1, older, future: _ } = self;
        [days_7, days_30, days_90, year_1, older]
    }
}

impl Run {
    /// True if both runs have the same scope, so that their figures compare.
    pub fn has_same_scope(&self, other: &Run) -> bool {
        let users = self.users.iter().collect::<BTreeSet<_>>() == other.users.iter().collect();
        users && self.covers_same_tree(other)
    }

    /// Compares as [`Self::has_same_scope`] does, without regard to `users`.
    pub fn covers_same_tree(&self, other: &Run) -> bool {
        let rest = |run: &Run| (run.home_depth, run.cross_mounts);
        self.root_of().against(&other.root_of()) == Roots::Same
            && rest(self) == rest(other)
            && self.exclude == other.exclude
    }
}

impl Report {
    /// Sorts the homes; `(outside homes)` stays last.
    pub fn sort(&mut self, key: SortKey) {
        let rank = |home: &HomeReport| -> u128 {
            let usage = &home.usage;
            match key {
                SortKey::Size => usage.allocated_bytes.0.into(),
                SortKey::Trash => usage.by_class.trash.allocated_bytes.0.into(),
                SortKey::Cache => usage.by_class.cache.allocated_bytes.0.into(),
                SortKey::Files => usage.files.into(),
                SortKey::Name => 0,
                // The percentage is rounded, this rank is exact. Homes without a quota come last.
                SortKey::Quota => home.quota.map_or(0, |quota| {
                    1 + (u128::from(usage.allocated_bytes.0) << 32)
                        / u128::from(quota.limit_bytes.0.max(1))
                }),
            }
        };
        self.homes.sort_by_key(|home| {
            (home.kind == HomeKind::Outside, Reverse(rank(&home)), home.name_bytes())
        });
    }

    /// The `count` findings of all homes that free most.
    pub fn largest_findings(&self, count: usize) -> Vec<Finding> {
        let holds = |finding: &Finding| finding.usage.allocated_bytes.0 > 0;
        let findings = self.homes.iter().flat_map(|home| home.findings).filter(holds);
        first(findings, count, |a, b| {
            let rank = |finding: &Finding| Reverse(finding.frees.allocated_bytes);
            (rank(a), &a.path).cmp(&(rank(b), &b.path))
        })
    }

    /// Homes over their quota.
    pub fn over_quota(&self) -> impl Iterator<Item = HomeReport> {
        self.homes.iter().filter(|home| home.quota.is_some_and(|quota| quota.over))
    }
}

/// Returns the first `count` items in an order. Keeps at most twice as many in memory.
pub(crate) fn first<T>(
    items: impl Iterator<Item = T>,
    count: usize,
    order: impl Fn(&T, &T) -> Ordering,
) -> Vec<T> {
    let mut kept = Vec::new();
    for item in items {
        kept.push(item);
        if kept.len() >= 2 * count.max(1) {
            kept.sort_by(&order);
            kept.truncate(count);
        }
    }
    kept.sort_by(&order);
    kept.truncate(count);
    kept
}
