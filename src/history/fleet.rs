//! The history of several file systems together: what each of them, each person or each group holds,
//! day by day.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use jiff::civil::Date;

use super::growth::date;
use super::months::{self, Month};
use super::series::{History, HomeSeries, RunPoint};
use super::sums::{SumBy, Sums, Whose};
use super::view::HistoryView;
use crate::published::{GroupQuotas, is_stale};
use crate::report::{
    Coverage, FileSystemKey, NO_GROUP, OUTSIDE_HOMES, OwnedHome, Payer, SamePeople,
};
use crate::units::AllocatedBytes;

/// The history of one of several file systems.
#[derive(Debug)]
pub(crate) struct MemberHistory {
    pub(crate) key: FileSystemKey,
    pub(crate) history: History,
    pub(crate) sums: Sums,
    /// Sources of the names of owners, by name and uid.
    pub(crate) sources: BTreeMap<(String, Option<u32>), String>,
    /// Quotas of groups in the newest run.
    pub(crate) group_quotas: GroupQuotas,
    /// True if the summary of the newest run could not be read, so sources and quotas are not known.
    pub(crate) summary_unreadable: bool,
}

/// The history of several file systems.
#[derive(Debug)]
pub(crate) struct FleetHistory {
    pub(super) by: SumBy,
    pub(super) members: Vec<MemberHistory>,
    /// File systems without a run that could be read. They are in none of the figures.
    pub(super) unreadable: Vec<FileSystemKey>,
    /// The days as runs and the lines as homes, so they grow as homes do.
    pub(super) view: HistoryView,
    /// More of each of these lines.
    pub(super) more: Vec<More>,
    /// What was held in each month.
    pub(super) months: Vec<Month>,
}

/// What a line has that a home has not.
#[derive(Clone, Debug, Default)]
pub(super) struct More {
    /// Number of homes in the newest runs.
    pub(super) homes: u64,
    /// The size in the newest run of each file system, if it is known there.
    pub(super) file_systems: BTreeMap<FileSystemKey, Option<AllocatedBytes>>,
}

/// Where a line's sums are: the index of a file system, and the numbers there.
pub(super) type Parts = BTreeMap<usize, Vec<u32>>;

/// A line that is being made.
pub(super) struct Line {
    pub(super) name: String,
    pub(super) parts: Parts,
}

impl FleetHistory {
    /// Adds up the sums of the file systems. Others are `unreadable`. `view` has the settings, and its
    /// history is replaced.
    pub(crate) fn new(
        (members, unreadable): (Vec<MemberHistory>, Vec<FileSystemKey>),
        by: SumBy,
        same: SamePeople,
        view: HistoryView,
    ) -> Self {
        let lines = lines(&members, same);
        let days: BTreeSet<Date> = members.iter().flat_map(MemberHistory::dates).collect();
        let last: Vec<BTreeMap<Date, usize>> =
            members.iter().map(MemberHistory::last_of_days).collect();
        let runs: Vec<RunPoint> = days.iter().map(|day| point(&members, &last, *day)).collect();
        let made = lines.iter().map(|(payer, line)| {
            let size = |day: &Date| -> Option<AllocatedBytes> {
                let parts = line.parts.iter().map(|(at, numbers)| {
                    let run = last[*at].get(day)?;
                    members[*at].size(*run, numbers)
                });
                parts.sum()
            };
            let points: Vec<_> = days.iter().map(size).collect();
            let more = More::new(&members, line);
            let whole = more.file_systems.values().all(Option::is_some);
            let quota = match payer {
                Payer::Group(name) if more.homes > 0 => quota(&members, &more, name),
                _ => None,
            };
            let series = HomeSeries {
                name: line.name.as_bytes().into(),
                outside: *payer == Payer::Outside,
                uid: None,
                owner: None,
                points,
                quota,
                newest: Some(if whole { Coverage::Complete } else { Coverage::Partial }),
                gone: more.homes == 0 && *payer != Payer::Outside,
                since: None,
            };
            (series, more)
        });
        let mut made: Vec<(HomeSeries, More)> = made.collect();
        let rank = |home: &HomeSeries| (home.outside, Reverse(home.last(&runs).map(|last| last.1)));
        made.sort_by(|(a, _), (b, _)| (rank(a), &a.name).cmp(&(rank(b), &b.name)));
        let (homes, more) = made.into_iter().unzip();
        let all = |of: fn(&History) -> &[String]| {
            members.iter().flat_map(|member| of(&member.history).to_vec()).collect()
        };
        let history = History {
            runs,
            homes,
            not_comparable: all(|history| &history.not_comparable),
            unreadable: all(|history| &history.unreadable),
            unlisted: members.iter().map(|member| member.history.unlisted).sum(),
        };
        let months = months::months(&members, &lines);
        Self { by, members, unreadable, view: HistoryView { history, ..view }, more, months }
    }

    /// True if every run of the period could be read, and every summary of a newest run.
    pub(crate) fn is_whole(&self) -> bool {
        let broken = self.members.iter().any(|member| member.summary_unreadable);
        self.view.history.is_whole() && self.unreadable.is_empty() && !broken
    }
}

impl MemberHistory {
    /// Start of the newest run.
    pub(super) fn newest(&self) -> Option<Timestamp> {
        self.history.runs.last().map(|run| run.started)
    }

    pub(super) fn stale(&self, now: Timestamp) -> bool {
        self.newest().is_none_or(|newest| is_stale(newest, now))
    }

    fn dates(&self) -> impl Iterator<Item = Date> {
        self.history.runs.iter().map(|run| date(run.started))
    }

    /// The last run of each day.
    fn last_of_days(&self) -> BTreeMap<Date, usize> {
        self.dates().enumerate().map(|(at, day)| (day, at)).collect()
    }

    /// The size of what these held in a run, if it is known.
    fn size(&self, run: usize, numbers: &[u32]) -> Option<AllocatedBytes> {
        let known = self.history.runs.get(run)?.coverage != Coverage::Interrupted;
        self.sums.runs.get(run).filter(|_| known)?.size(numbers)
    }

    /// Who that is across file systems, and the name for people.
    fn payer(&self, whose: &Whose, same: SamePeople) -> (Payer, String) {
        let of = &self.key;
        let home =
            |home, owner, source, uid| same.payer(of, OwnedHome { home, owner, source, uid });
        match whose {
            Whose::Everybody => (Payer::Home(of.clone(), String::new()), of.to_string()),
            Whose::Person(name, uid) => {
                let source = self.sources.get(&(name.clone(), *uid)).map(String::as_str);
                (home("", Some(name), source, *uid), name.clone())
            }
            Whose::Home(name) => (home(name, None, None, None), name.clone()),
            Whose::Group(name) => (Payer::Group(name.clone()), name.clone()),
            Whose::NoGroup => (Payer::NoGroup, NO_GROUP.to_owned()),
            Whose::Outside => (Payer::Outside, OUTSIDE_HOMES.to_owned()),
        }
    }
}

impl More {
    fn new(members: &[MemberHistory], line: &Line) -> Self {
        let mut more = Self::default();
        for (at, numbers) in &line.parts {
            let member = &members[*at];
            let Some(newest) = member.history.runs.len().checked_sub(1) else { continue };
            let held = |number: &u32| member.sums.runs.get(newest)?.of(*number);
            let homes: u64 = numbers.iter().filter_map(held).map(|held| held.homes).sum();
            if homes > 0 || numbers.iter().any(|number| held(number).is_some()) {
                let size = member.size(newest, numbers);
                more.file_systems.insert(member.key.clone(), size);
            }
            more.homes += homes;
        }
        more
    }
}

/// The quota of a group that has one on each file system with a home of it: their sum.
fn quota(members: &[MemberHistory], more: &More, group: &str) -> Option<AllocatedBytes> {
    let there = members.iter().filter(|member| more.file_systems.contains_key(&member.key));
    there.map(|member| member.group_quotas.get(group).copied()).sum()
}

/// The lines, by whom they are of.
fn lines(members: &[MemberHistory], same: SamePeople) -> BTreeMap<Payer, Line> {
    let mut lines: BTreeMap<Payer, Line> = BTreeMap::new();
    for (at, member) in members.iter().enumerate() {
        for (number, whose) in (0..).zip(&member.sums.whose) {
            let (payer, name) = member.payer(whose, same);
            let line = lines.entry(payer).or_insert(Line { name, parts: Parts::new() });
            line.parts.entry(at).or_default().push(number);
        }
    }
    lines
}

/// A day as a run: its time is that of the last run, and its size is known if every file system has a
/// complete run on that day.
fn point(members: &[MemberHistory], last: &[BTreeMap<Date, usize>], day: Date) -> RunPoint {
    let runs = members.iter().zip(last);
    let run = |(member, last): (&MemberHistory, &BTreeMap<Date, usize>)| {
        last.get(&day).and_then(|at| member.history.runs.get(*at)).cloned()
    };
    let runs: Vec<Option<RunPoint>> = runs.map(run).collect();
    let total: Option<AllocatedBytes> = runs.iter().map(|run| run.as_ref()?.total).sum();
    RunPoint {
        id: day.to_string(),
        started: runs.iter().flatten().map(|run| run.started).max().unwrap_or_default(),
        coverage: if total.is_some() { Coverage::Complete } else { Coverage::Partial },
        total,
    }
}
