//! The status of several file systems: a section for each, and what they have together, by file system,
//! by person or by group.

use std::fmt::{Result, Write};

use serde::Serialize;

use super::rows::{change, or_dash};
use super::table::table;
use super::view::{Change, StatusLine, StatusView};
use crate::columns::{columns, push_table, show_column, usd};
use crate::published::{Sums, added, group_quotas, groups, people, without};
use crate::report::{Coverage, FileSystemKey, SamePeople};
use crate::text::{Shown, printable};
use crate::units::{AllocatedBytes, MeteredBytes, Usd, human_seconds};

/// The newest runs of several file systems.
#[derive(Debug, Serialize)]
pub(crate) struct Fleet {
    schema: &'static str,
    from: String,
    total: FleetTotal,
    /// File systems whose newest run could not be read. They are in none of the figures.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    unreadable: Vec<FileSystemKey>,
    pub(crate) file_systems: Vec<Member>,
    /// People with the homes of all file systems; with `--by person`.
    #[serde(skip_serializing_if = "Option::is_none")]
    people: Option<Vec<Sums>>,
    /// Groups with the homes of all file systems; with `--by group`.
    #[serde(skip_serializing_if = "Option::is_none")]
    groups: Option<Vec<Sums>>,
}

/// A file system and its newest run.
#[derive(Debug, Serialize)]
pub(crate) struct Member {
    pub(crate) key: FileSystemKey,
    #[serde(flatten)]
    pub(crate) view: StatusView,
}

/// Sums over all file systems; with `--user`, over the homes that are shown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
struct FleetTotal {
    homes: u64,
    allocated_bytes: AllocatedBytes,
    metered_bytes: MeteredBytes,
    trash_bytes: AllocatedBytes,
    cache_bytes: AllocatedBytes,
    /// The cost of the file systems whose price is known.
    cost_month: Option<Usd>,
    /// Growth of those that have a run to compare with; not exact if some have none, are stale or could
    /// not be read.
    day: Option<Change>,
    week: Option<Change>,
}

/// What the lines of the status are about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Lines {
    /// A section for each file system, with its homes, and the sums.
    All,
    FileSystems,
    People(SamePeople),
    Groups,
}

impl Fleet {
    pub(crate) fn new(
        from: String,
        file_systems: Vec<Member>,
        unreadable: Vec<FileSystemKey>,
        lines: Lines,
    ) -> Self {
        let mut total = file_systems.iter().fold(FleetTotal::default(), FleetTotal::and);
        // The growth of a stale one is that of another day.
        if !unreadable.is_empty() || file_systems.iter().any(|member| member.view.stale) {
            (total.day, total.week) = (total.day.map(Change::about), total.week.map(Change::about));
        }
        let homes = || {
            let lines = file_systems.iter().map(|member| (&member.key, &member.view.homes));
            lines.flat_map(|(key, lines)| lines.iter().map(move |line| (key, &line.home)))
        };
        let people = match lines {
            Lines::People(same) => Some(people(homes(), same)),
            _ => None,
        };
        let quotas = || {
            let quotas = file_systems.iter();
            quotas.map(|member| (&member.key, group_quotas(&member.view.groups))).collect()
        };
        let groups = (lines == Lines::Groups).then(|| groups(homes(), &quotas()));
        Self {
            schema: "efs-scan/fleet-status/1",
            from,
            total,
            unreadable,
            file_systems,
            people,
            groups,
        }
    }

    /// True if the newest run of any file system is stale.
    pub(crate) fn is_stale(&self) -> bool {
        self.file_systems.iter().any(|member| member.view.stale)
    }

    /// Renders it with printable names.
    pub(crate) fn table(&self, lines: Lines) -> Shown {
        let mut out = without(&self.unreadable);
        if !out.is_empty() {
            out.push('\n');
        }
        if lines == Lines::All {
            for member in &self.file_systems {
                out += &format!("== {}\n{}\n", member.label(), &*table(&member.view));
            }
        }
        // Writing to a String cannot fail.
        let _ = match (&self.people, &self.groups) {
            (Some(people), _) => self.lines(&mut out, "NAME", people),
            (None, Some(groups)) => self.lines(&mut out, "GROUP", groups),
            (None, None) => self.sums(&mut out, lines),
        };
        Shown::lines(out)
    }

    fn sums(&self, out: &mut String, lines: Lines) -> Result {
        if lines == Lines::All {
            writeln!(out, "== All file systems")?;
        }
        let head = [
            "FILE SYSTEM",
            "HOMES",
            "SIZE",
            "TRASH",
            "CACHE",
            "USD/MONTH",
            "DAY",
            "WEEK",
            "AGE",
            "",
        ];
        let mut table = columns(&head, &[1, 2, 3, 4, 5, 6, 7, 8]);
        show_column(&mut table, 5, self.total.cost_month.is_some());
        let count = self.file_systems.len();
        table.add_row(self.total.cells(format!("total of {count}"), String::new(), String::new()));
        for member in &self.file_systems {
            let sums = FleetTotal::default().and(member);
            table.add_row(sums.cells(member.label(), member.age(), member.marks()));
        }
        push_table(out, &table)?;
        let changes = [self.total.day, self.total.week];
        match changes.into_iter().flatten().all(|change| change.exact) {
            true => Ok(()),
            false => writeln!(
                out,
                "\n~ is about so much: a run is partial, old or not readable, or has none to compare with."
            ),
        }
    }

    /// A line for each person or group.
    fn lines(&self, out: &mut String, head: &str, all: &[Sums]) -> Result {
        let head =
            [head, "HOMES", "SIZE", "TRASH", "CACHE", "USD/MONTH", "QUOTA", "FILE SYSTEMS", ""];
        let mut table = columns(&head, &[1, 2, 3, 4, 5, 6]);
        show_column(&mut table, 5, all.iter().any(|sums| sums.cost_month.is_some()));
        show_column(&mut table, 6, all.iter().any(|sums| sums.quota.is_some()));
        for sums in all {
            let places = sums.file_systems.iter();
            let places: Vec<String> =
                places.map(|(key, bytes)| format!("{key} {}", bytes.human())).collect();
            table.add_row([
                sums.name.clone(),
                sums.homes.to_string(),
                sums.allocated_bytes.human(),
                or_dash(sums.trash_bytes),
                or_dash(sums.cache_bytes),
                usd(sums.cost_month),
                sums.quota.map(|quota| quota.human()).unwrap_or_default(),
                places.join(", "),
                self.marks_of(sums),
            ]);
        }
        push_table(out, &table)
    }

    /// What to know of a line, with the file systems that it is about if there are several.
    fn marks_of(&self, sums: &Sums) -> String {
        let mark = |mark: &str, on: &[&FileSystemKey]| match on {
            [] => None,
            _ if sums.file_systems.len() == 1 => Some(mark.to_owned()),
            _ => {
                let on: Vec<&str> = on.iter().map(|key| key.as_str()).collect();
                Some(format!("{mark} on {}", on.join(", ")))
            }
        };
        let over: Vec<&FileSystemKey> = sums.over_quota_on.iter().collect();
        let partial: Vec<&FileSystemKey> = sums.partial_on.iter().collect();
        let stale = self.file_systems.iter().filter(|member| member.view.stale);
        let stale = stale.map(|member| &member.key);
        let stale: Vec<_> = stale.filter(|key| sums.file_systems.contains_key(*key)).collect();
        let marks = [mark("OVER QUOTA", &over), mark("PARTIAL", &partial), mark("STALE", &stale)];
        marks.into_iter().flatten().collect::<Vec<_>>().join("; ")
    }
}

impl Member {
    /// The name that people gave it and its key, or its key only.
    fn label(&self) -> String {
        let name = self.view.run.identity.as_ref().and_then(|identity| identity.name.as_ref());
        match name.filter(|name| **name != self.key) {
            Some(name) => format!("{name} ({})", self.key),
            None => self.key.to_string(),
        }
    }

    fn age(&self) -> String {
        human_seconds(self.view.age_seconds.max(0))
    }

    fn marks(&self) -> String {
        let stale = self.view.stale.then(|| match self.view.age_seconds < 0 {
            true => "FROM THE FUTURE".to_owned(),
            false => "STALE".to_owned(),
        });
        let coverage = self.view.run.coverage;
        let partial = (coverage != Coverage::Complete).then(|| coverage.name().to_uppercase());
        stale.into_iter().chain(partial).collect::<Vec<_>>().join(", ")
    }
}

impl FleetTotal {
    fn and(self, member: &Member) -> Self {
        let view = &member.view;
        if view.restricted {
            return view.homes.iter().fold(self, Self::and_home);
        }
        let classes = &view.totals.by_class;
        let homes = view.homes.iter().filter(|line| line.is_home()).count() as u64;
        let cost = view.money.as_ref().map(|money| money.month);
        let is_first = self == Self::default();
        Self {
            homes: self.homes + homes,
            allocated_bytes: self.allocated_bytes + view.totals.allocated_bytes,
            metered_bytes: self.metered_bytes + view.totals.metered_bytes,
            trash_bytes: self.trash_bytes + classes.trash.allocated_bytes,
            cache_bytes: self.cache_bytes + classes.cache.allocated_bytes,
            cost_month: added(self.cost_month, cost),
            day: grown(self.day, view.total_change.day, is_first),
            week: grown(self.week, view.total_change.week, is_first),
        }
    }

    fn and_home(self, line: &StatusLine) -> Self {
        let home = &line.home;
        let is_first = self == Self::default();
        // All of a new home has grown.
        let exact = home.coverage == Coverage::Complete;
        let bytes = i64::try_from(home.allocated_bytes.0).unwrap_or(i64::MAX);
        let new = line.new.then_some(Change { bytes, exact });
        Self {
            homes: self.homes + u64::from(line.is_home()),
            allocated_bytes: self.allocated_bytes + home.allocated_bytes,
            metered_bytes: self.metered_bytes + home.metered_bytes,
            trash_bytes: self.trash_bytes + home.trash_bytes,
            cache_bytes: self.cache_bytes + home.cache_bytes,
            cost_month: added(self.cost_month, home.cost_month),
            day: grown(self.day, line.change.day.or(new), is_first),
            week: grown(self.week, line.change.week, is_first),
        }
    }

    fn cells(&self, name: String, age: String, marks: String) -> Vec<String> {
        vec![
            printable(name.as_bytes()),
            self.homes.to_string(),
            self.allocated_bytes.human(),
            or_dash(self.trash_bytes),
            or_dash(self.cache_bytes),
            usd(self.cost_month),
            change(self.day),
            change(self.week),
            age,
            marks,
        ]
    }
}

/// The growth of both; not exact if one has no run to compare with.
fn grown(one: Option<Change>, other: Option<Change>, is_first: bool) -> Option<Change> {
    match (one, other) {
        (Some(one), Some(other)) => Some(Change {
            bytes: one.bytes.saturating_add(other.bytes),
            exact: one.exact && other.exact,
        }),
        (None, Some(only)) if is_first => Some(only),
        (one, other) => one.or(other).map(Change::about),
    }
}
