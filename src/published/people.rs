//! What people and groups have on several file systems together.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use super::latest::HomeLine;
use crate::report::{
    Coverage, FileSystemKey, GroupReport, HomeKind, NO_GROUP, OwnedHome, OwnerStatus, Payer, Quota,
    SamePeople,
};
use crate::text::printable;
use crate::units::{AllocatedBytes, Usd};

/// A person's or a group's homes in all file systems.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Sums {
    /// Printable.
    pub(crate) name: String,
    pub(crate) homes: u64,
    pub(crate) allocated_bytes: AllocatedBytes,
    pub(crate) trash_bytes: AllocatedBytes,
    pub(crate) cache_bytes: AllocatedBytes,
    pub(crate) cost_month: Option<Usd>,
    /// The allocated bytes in each file system, by its key.
    pub(crate) file_systems: BTreeMap<FileSystemKey, AllocatedBytes>,
    /// True if every home was read completely. False for groups on a file system where something outside of
    /// homes could not be read, because more of their homes may be there.
    pub(crate) complete: bool,
    /// The file systems because of which it is not complete.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub(crate) partial_on: BTreeSet<FileSystemKey>,
    /// The quota of a group that has one on each file system with a home of it: their sum.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) quota: Option<Quota>,
    /// The file systems on which a group is over the quota that it has there.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) over_quota_on: Vec<FileSystemKey>,
}

/// Adds up the homes of each person, as [`SamePeople`] tells people apart. The largest comes first.
pub(crate) fn people<'a>(
    homes: impl Iterator<Item = (&'a FileSystemKey, &'a HomeLine)>,
    same: SamePeople,
) -> Vec<Sums> {
    let of = |of: &FileSystemKey, home: &HomeLine| {
        let (owner, name) = (&home.owner, home.printable_name());
        let source = owner.source.as_deref();
        let owner = owner.name.as_deref();
        same.payer(of, OwnedHome { home: &name, owner, source, uid: home.uid })
    };
    summed(homes, of, HomeLine::label, |_, sums| sums)
}

/// The quotas of groups on a file system, by name.
pub(crate) type GroupQuotas = BTreeMap<String, AllocatedBytes>;

/// Returns the quotas of groups.
pub(crate) fn group_quotas(groups: &[GroupReport]) -> GroupQuotas {
    let quota = |group: &GroupReport| Some((group.name.clone()?, group.quota?.limit_bytes));
    groups.iter().filter_map(quota).collect()
}

/// Adds up the homes of each group, and those without one. A group is the same on every file system.
pub(crate) fn groups<'a>(
    homes: impl Iterator<Item = (&'a FileSystemKey, &'a HomeLine)> + Clone,
    quotas: &BTreeMap<&FileSystemKey, GroupQuotas>,
) -> Vec<Sums> {
    let name = |home: &HomeLine| match &home.owner.group {
        Some(group) => printable(group.as_bytes()),
        None => NO_GROUP.to_owned(),
    };
    let of = |_: &FileSystemKey, home: &HomeLine| {
        home.owner.group.clone().map_or(Payer::NoGroup, Payer::Group)
    };
    let unread = homes
        .clone()
        .filter(|(_, home)| home.kind == HomeKind::Outside && home.coverage == Coverage::Partial);
    let unseen: BTreeSet<&FileSystemKey> = unread.map(|(of, _)| of).collect();
    let with_quota = |payer: &Payer, mut sums: Sums| {
        let unseen = sums.file_systems.keys().filter(|of| unseen.contains(of));
        sums.partial_on.extend(unseen.cloned());
        sums.complete = sums.partial_on.is_empty();
        let Payer::Group(name) = payer else { return sums };
        let limit = |of: &FileSystemKey| quotas.get(of)?.get(name).copied();
        let places = &sums.file_systems;
        let is_over = |of: &&FileSystemKey| {
            limit(of).is_some_and(|limit| Quota::reached(limit, places[*of]).over)
        };
        let over_quota_on = places.keys().filter(is_over).cloned().collect();
        let sum = places.keys().map(limit).sum::<Option<_>>();
        let quota = sum.map(|limit| Quota::reached(limit, sums.allocated_bytes));
        Sums { quota, over_quota_on, ..sums }
    };
    summed(homes, of, name, with_quota)
}

/// Adds up the homes of all that have the same key.
fn summed<'a>(
    homes: impl Iterator<Item = (&'a FileSystemKey, &'a HomeLine)>,
    key: impl Fn(&FileSystemKey, &HomeLine) -> Payer,
    name: impl Fn(&HomeLine) -> String,
    with_quota: impl Fn(&Payer, Sums) -> Sums,
) -> Vec<Sums> {
    let mut all: BTreeMap<Payer, Sums> = BTreeMap::new();
    for (of, home) in homes.filter(|(_, home)| home.kind != HomeKind::Outside) {
        let sums = all.entry(key(of, home)).or_insert_with(|| Sums {
            name: name(home),
            homes: 0,
            allocated_bytes: AllocatedBytes(0),
            trash_bytes: AllocatedBytes(0),
            cache_bytes: AllocatedBytes(0),
            cost_month: None,
            file_systems: BTreeMap::new(),
            complete: true,
            partial_on: BTreeSet::new(),
            quota: None,
            over_quota_on: Vec::new(),
        });
        sums.homes += 1;
        sums.allocated_bytes += home.allocated_bytes;
        sums.trash_bytes += home.trash_bytes;
        sums.cache_bytes += home.cache_bytes;
        sums.cost_month = added(sums.cost_month, home.cost_month);
        *sums.file_systems.entry(of.clone()).or_default() += home.allocated_bytes;
        if home.coverage != Coverage::Complete {
            sums.complete = false;
            sums.partial_on.insert(of.clone());
        }
    }
    let all = all.into_iter().map(|(payer, sums)| with_quota(&payer, sums));
    let mut all: Vec<Sums> = all.collect();
    all.sort_by(|a, b| (b.allocated_bytes, &a.name).cmp(&(a.allocated_bytes, &b.name)));
    all
}

/// The sum of the amounts that are known.
pub(crate) fn added(one: Option<Usd>, other: Option<Usd>) -> Option<Usd> {
    match (one, other) {
        (Some(one), Some(other)) => Some(Usd(one.0 + other.0)),
        (one, other) => one.or(other),
    }
}

impl HomeLine {
    /// The name of its owner, or the home's, as [`printable`] shows it.
    pub(crate) fn label(&self) -> String {
        let home = self.printable_name();
        match (&self.owner.name, self.owner.status) {
            (Some(name), _) => printable(name.as_bytes()),
            (None, OwnerStatus::Orphan) => format!("(orphan) {home}"),
            (None, _) => home,
        }
    }
}
