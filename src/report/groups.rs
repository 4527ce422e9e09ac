//! Usage by group: the groups that pay, and the homes of their people.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::{Result, Write};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::model::{Coverage, HomeKind, HomeReport, Quota, Report, Share};
use super::quota::Quotas;
use crate::columns::{columns, push_table, show_column, usd};
use crate::names::twins;
use crate::text::{plural, printable};
use crate::units::Usd;

/// Stands for the name of those who are in no group.
pub(crate) const NO_GROUP: &str = "(no group)";

/// A group that pays, or the homes of no group.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct GroupReport {
    /// The name; null for homes whose owner is in no group or not known.
    pub name: Option<String>,
    /// Number of homes.
    pub homes: u64,
    /// How much of its homes was read. Also partial if something outside of homes could not be read,
    /// because more of its homes may be there.
    pub coverage: Coverage,
    /// The inodes that its homes are charged for.
    pub usage: Share,
    /// Inodes that deleting the trash and caches of its homes frees.
    pub frees: Share,
    /// Its quota, if it has one.
    #[serde(default)]
    pub quota: Option<Quota>,
    /// Monthly cost of `usage`, as an estimate.
    #[serde(default)]
    pub cost_month: Option<Usd>,
}

/// Sums by group over the homes added so far.
#[derive(Debug, Default)]
pub(super) struct Groups {
    by_name: BTreeMap<Option<String>, GroupReport>,
    /// True if something outside of homes could not be read: there may be more homes.
    unseen: bool,
}

impl Groups {
    /// Adds a home. The entry for everything outside of homes belongs to no group.
    pub(super) fn add(&mut self, home: &HomeReport) {
        if home.kind == HomeKind::Outside {
            self.unseen |= home.coverage == Coverage::Partial;
            return;
        }
        let name = &home.owner.group;
        let group = self.by_name.entry(name.clone()).or_insert_with(|| GroupReport {
            name: name.clone(),
            homes: 0,
            coverage: Coverage::Complete,
            usage: Share::default(),
            frees: Share::default(),
            quota: None,
            cost_month: None,
        });
        group.homes += 1;
        group.usage.add(home.usage.share());
        group.frees.add(home.reclaimable_share());
        if group.coverage != Coverage::Interrupted && home.coverage != Coverage::Complete {
            group.coverage = home.coverage;
        }
    }

    /// Returns the groups by size, with those of no group last; empty if nobody is in a group.
    pub(super) fn finish(self, quotas: &Quotas) -> Vec<GroupReport> {
        if self.by_name.keys().all(Option::is_none) {
            return Vec::new();
        }
        let names: Vec<String> = self.by_name.keys().flatten().cloned().collect();
        let twins: BTreeSet<&str> = twins(names.iter().map(String::as_str));
        let finished = |mut group: GroupReport| {
            if self.unseen && group.coverage == Coverage::Complete {
                group.coverage = Coverage::Partial;
            }
            let used = group.usage.allocated_bytes;
            let name = group.name.as_deref();
            group.quota = name.and_then(|name| quotas.of_group(name, used, &twins));
            group
        };
        let mut groups: Vec<GroupReport> = self.by_name.into_values().map(finished).collect();
        groups.sort_by_key(|group| (group.name.is_none(), Reverse(group.usage.allocated_bytes)));
        groups
    }
}

impl GroupReport {
    /// The name, printable.
    pub fn printable_name(&self) -> String {
        match &self.name {
            Some(name) => printable(name.as_bytes()),
            None => NO_GROUP.to_owned(),
        }
    }

    /// True if the group is over its quota.
    pub fn is_over_quota(&self) -> bool {
        self.quota.is_some_and(|quota| quota.over)
    }
}

impl Report {
    /// Groups over their quota.
    pub fn groups_over_quota(&self) -> impl Iterator<Item = &GroupReport> {
        self.groups.iter().filter(|group| group.is_over_quota())
    }
}

/// Writes a table of at most `limit` groups.
///
/// # Errors
/// Those of `out`; a String has none.
pub(super) fn group_lines(out: &mut dyn Write, report: &Report, limit: usize) -> Result {
    let groups = &report.groups;
    if groups.is_empty() {
        return Ok(());
    }
    writeln!(out, "\nGroups")?;
    let head = ["GROUP", "HOMES", "SIZE", "METERED", "USD/MONTH", "FREES", "QUOTA", ""];
    let mut table = columns(&head, &[1, 2, 3, 4, 5, 6]);
    show_column(&mut table, 4, groups.iter().any(|group| group.cost_month.is_some()));
    show_column(&mut table, 6, groups.iter().any(|group| group.quota.is_some()));
    for group in groups.iter().take(limit) {
        let over = group.is_over_quota().then_some("OVER QUOTA");
        let partial = (group.coverage != Coverage::Complete).then_some("PARTIAL");
        table.add_row([
            group.printable_name(),
            group.homes.to_string(),
            group.usage.allocated_bytes.human(),
            group.usage.metered_bytes.human(),
            usd(group.cost_month),
            group.frees.allocated_bytes.human(),
            group.quota.map(|quota| quota.human()).unwrap_or_default(),
            over.into_iter().chain(partial).collect::<Vec<_>>().join(", "),
        ]);
    }
    push_table(out, &table)?;
    match groups.len().saturating_sub(limit) {
        0 => Ok(()),
        more => {
            let what = plural(more as u64, "group", "groups");
            writeln!(out, "({more} more {what} not shown)")
        }
    }
}
