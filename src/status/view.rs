//! The status, which is also its JSON.

use std::collections::BTreeSet;

use jiff::Timestamp;
use serde::Serialize;

use super::changes::{Base, BaseHome, Bases, Grew, HomeKey};
use super::members::{self, MemberLine, StatusApp};
use crate::published::{HomeLine, Latest, SelectedBy, is_false, is_stale, selected};
use crate::report::{
    Coverage, FileSystem, GroupReport, HomeKind, Money, Orphans, OwnerStatus, Run, StudioMember,
    Usage,
};
use crate::text::{bytes_of, lossy, printable};
use crate::units::AllocatedBytes;

/// The newest run, compared with those of the day and the week before.
#[derive(Debug, Serialize)]
pub(crate) struct StatusView {
    pub(super) schema: &'static str,
    pub(super) from: String,
    /// Seconds since the run finished.
    pub(super) age_seconds: i64,
    /// As [`is_stale`] says.
    pub(crate) stale: bool,
    pub(super) run: Run,
    pub(super) file_system: Option<FileSystem>,
    pub(super) money: Option<Money>,
    pub(super) totals: Usage,
    pub(super) total_change: Changes,
    pub(super) orphans: Option<Orphans>,
    pub(super) errors: u64,
    /// As [`Latest::unconditional`] says.
    #[serde(skip_serializing_if = "is_false")]
    pub(super) unconditional: bool,
    pub(super) compared_day: Option<Base>,
    pub(super) compared_week: Option<Base>,
    /// Why the places that grew most are not known, if the tables of directories were not read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) grew_most_left_out: Option<String>,
    /// User profiles, spaces and others by name; orphan homes last.
    pub(super) homes: Vec<StatusLine>,
    /// The groups that pay.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) groups: Vec<GroupReport>,
    /// User profiles and spaces of SageMaker Studio, with a home or without one.
    pub(super) members: Vec<MemberLine>,
    /// Homes of the day before that do not exist any more.
    pub(super) gone: Vec<Gone>,
    /// Apps of users and spaces that are not here; with --apps.
    pub(super) other_apps: Vec<StatusApp>,
    /// True if the run saw every home.
    #[serde(skip)]
    pub(super) saw_all_homes: bool,
    /// True with --apps.
    #[serde(skip)]
    pub(super) with_apps: bool,
    /// True if only some of the homes are shown.
    #[serde(skip)]
    pub(super) restricted: bool,
}

/// A home.
#[derive(Debug, Serialize)]
pub(super) struct StatusLine {
    #[serde(flatten)]
    pub(super) home: HomeLine,
    /// True if the home did not exist the day before.
    pub(super) new: bool,
    pub(super) change: Changes,
    /// The place that grew most since the day before, if both runs have a table of directories.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) grew_most: Option<Grew>,
    pub(super) apps: Vec<StatusApp>,
    /// The members that the home is named after.
    #[serde(skip)]
    pub(super) members: Vec<StudioMember>,
}

/// Growth in allocated bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub(super) struct Changes {
    pub(super) day: Option<Change>,
    pub(super) week: Option<Change>,
}

/// Growth; negative if the size shrank.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub(super) struct Change {
    pub(super) bytes: i64,
    /// True if both runs read all of it.
    pub(super) exact: bool,
}

impl Change {
    /// The same, but not exact.
    pub(super) fn about(self) -> Self {
        Self { exact: false, ..self }
    }
}

/// A home that does not exist any more.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub(super) struct Gone {
    pub(super) name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) name_base64: Option<String>,
    pub(super) uid: Option<u32>,
    pub(super) owner: String,
    pub(super) allocated_bytes: AllocatedBytes,
}

impl Gone {
    /// `name` as [`printable`] shows it.
    pub(super) fn printable_name(&self) -> String {
        printable(&bytes_of(&self.name, self.name_base64.as_deref()))
    }
}

impl StatusView {
    /// True if any change that is shown is not exact.
    pub(super) fn has_rough_changes(&self) -> bool {
        let lines = self.homes.iter().map(|line| line.change);
        let all = lines.chain((!self.restricted).then_some(self.total_change));
        all.flat_map(|change| [change.day, change.week]).flatten().any(|change| !change.exact)
    }

    pub(crate) fn new(
        from: String,
        latest: Latest,
        bases: Bases,
        apps: Option<Vec<StatusApp>>,
        now: Timestamp,
    ) -> Self {
        let age = now.duration_since(latest.run.finished);
        let complete = latest.run.coverage == Coverage::Complete;
        let total = |base: &Base| Change {
            bytes: difference(
                latest.totals.allocated_bytes.0,
                base.homes.values().fold(0, |sum, home| sum.saturating_add(home.allocated)),
            ),
            exact: complete && base.homes.values().all(BaseHome::complete),
        };
        let total_change =
            Changes { day: bases.day.as_ref().map(total), week: bases.week.as_ref().map(total) };
        // A home that was not listed may exist.
        let listed = latest.run.coverage != Coverage::Interrupted
            && latest
                .homes
                .iter()
                .all(|home| home.kind != HomeKind::Outside || home.coverage == Coverage::Complete);
        let gone = match &bases.day {
            Some(base) if listed => gone(base, &latest.homes),
            _ => Vec::new(),
        };
        let all_homes = bases.day.as_ref().is_some_and(|base| base.listed().all_homes);
        let mut homes: Vec<StatusLine> =
            latest.homes.into_iter().map(|home| StatusLine::new(home, &bases, all_homes)).collect();
        homes.sort_by(|a, b| (a.rank(), a.label()).cmp(&(b.rank(), b.label())));
        let mut members = members::lines(latest.members, &mut homes);
        let with_apps = apps.is_some();
        let apps = apps.unwrap_or_default();
        let other_apps = members::place_apps(apps, &mut homes, &mut members);
        Self {
            schema: "efs-scan/status/1",
            from,
            age_seconds: age.as_secs(),
            stale: is_stale(latest.run.finished, now),
            run: latest.run,
            file_system: latest.file_system,
            groups: latest.groups,
            money: latest.money,
            totals: latest.totals,
            total_change,
            orphans: latest.orphans,
            errors: latest.errors,
            unconditional: latest.unconditional,
            compared_day: bases.day,
            compared_week: bases.week,
            grew_most_left_out: bases.grew_left_out,
            homes,
            members,
            gone,
            other_apps,
            saw_all_homes: listed,
            with_apps,
            restricted: false,
        }
    }

    /// True if it has a line of a home or of a member.
    pub(crate) fn shows_any(&self) -> bool {
        !self.homes.is_empty() || !self.members.is_empty()
    }

    /// Keeps only the lines of these users. Returns the users without one.
    pub(crate) fn restrict<'a>(&mut self, users: &'a [String]) -> Vec<&'a str> {
        let homes = self.homes.iter().map(SelectedBy::from);
        let by: Vec<SelectedBy<'_>> =
            homes.chain(self.members.iter().map(SelectedBy::from)).collect();
        let (keep, missing) = selected(&by, users);
        drop(by);
        let mut keep = keep.into_iter();
        let mut is_kept = || keep.next().unwrap_or(false);
        self.homes.retain(|_| is_kept());
        self.members.retain(|_| is_kept());
        self.gone.clear();
        self.other_apps.clear();
        self.restricted = true;
        missing
    }
}

impl<'a> From<&'a StatusLine> for SelectedBy<'a> {
    fn from(line: &'a StatusLine) -> Self {
        (&line.home).into()
    }
}

impl StatusLine {
    /// Compares a home. `all_homes` is true if the run of the day before lists every home that there was.
    fn new(home: HomeLine, bases: &Bases, all_homes: bool) -> Self {
        let key = home.key();
        fn before<'a>(base: &'a Option<Base>, key: &HomeKey) -> Option<&'a BaseHome> {
            base.as_ref()?.homes.get(key)
        }
        let change = |before: &BaseHome| Change {
            bytes: difference(home.allocated_bytes.0, before.allocated),
            exact: before.complete() && home.coverage == Coverage::Complete,
        };
        let (day, week) = (before(&bases.day, &key), before(&bases.week, &key));
        Self {
            new: all_homes && day.is_none() && home.kind != HomeKind::Outside,
            change: Changes { day: day.map(change), week: week.map(change) },
            grew_most: bases.grew.get(&key).cloned(),
            apps: Vec::new(),
            members: Vec::new(),
            home,
        }
    }

    /// Sort key: known owners first, orphan homes last.
    pub(super) fn rank(&self) -> u8 {
        match (self.home.kind, self.home.owner.status) {
            (HomeKind::Outside, _) => 2,
            (_, OwnerStatus::Known) => 0,
            (_, OwnerStatus::Unknown) => 1,
            (_, OwnerStatus::Orphan) => 3,
        }
    }

    fn label(&self) -> (&str, &str) {
        (self.home.owner.name.as_deref().unwrap_or_default(), &self.home.name)
    }
}

impl HomeLine {
    fn key(&self) -> HomeKey {
        (self.kind == HomeKind::Outside, self.name_bytes())
    }
}

fn difference(now: u64, before: u64) -> i64 {
    i64::try_from(i128::from(now) - i128::from(before)).unwrap_or(i64::MAX)
}

fn gone(base: &Base, homes: &[HomeLine]) -> Vec<Gone> {
    let there: BTreeSet<HomeKey> = homes.iter().map(HomeLine::key).collect();
    let left = base.homes.iter().filter(|(key, _)| !key.0 && !there.contains(*key));
    let gone = left.map(|((_, name), home)| {
        let (name, name_base64) = lossy(name);
        Gone {
            name,
            name_base64,
            uid: home.uid,
            owner: home.owner.clone(),
            allocated_bytes: AllocatedBytes(home.allocated),
        }
    });
    gone.collect()
}
