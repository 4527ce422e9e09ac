//! Reads the published tables of homes of some period, one run after the other.

use std::cmp::Reverse;
use std::collections::{BTreeSet, HashMap};

use jiff::{SignedDuration, Timestamp};

use super::series::{History, HomeSeries, RunPoint};
use super::sums::{Held, SumBy, Sums};
use crate::log;
use crate::published::{HomeRow, HomesTable, TableCoverage, comparable, homes_tables, is_future};
use crate::report::{Coverage, FileSystemKey};
use crate::service_error::{ServiceError, ServiceResult, Trouble};
use crate::store::{ReadSize, Store};
use crate::text::{lossy, printable};
use crate::units::AllocatedBytes;

/// Reads the runs of a file system in the `days` before `now`. A run with a broken table is left out with a warning.
///
/// # Errors
/// If the store cannot list the runs, or refuses to give out any of them.
pub fn read(
    store: &dyn Store,
    of: &FileSystemKey,
    days: u32,
    now: Timestamp,
) -> ServiceResult<History> {
    read_sums(store, of, days, now, None).map(|(history, _)| history)
}

/// Reads the runs as [`read`] does, and what their homes add up to.
///
/// # Errors
/// Those of [`read`].
pub(crate) fn read_sums(
    store: &dyn Store,
    of: &FileSystemKey,
    days: u32,
    now: Timestamp,
    by: Option<SumBy>,
) -> ServiceResult<(History, Sums)> {
    read_some(store, of, (days, now), by, |_| ())
}

/// The ages of the runs in a [`trend`], in days before the newest one. A change since yesterday, last
/// week or last month has its run among them.
const TREND: [i64; 12] = [0, 1, 2, 3, 5, 7, 10, 14, 18, 22, 26, 30];

/// Reads a few runs of the 30 days before `now`: those nearest to the days of `TREND`, so that the
/// trends of many file systems are read quickly.
///
/// # Errors
/// Those of [`read`].
pub fn trend(store: &dyn Store, of: &FileSystemKey, now: Timestamp) -> ServiceResult<History> {
    // A run that stands for a day may be from the day before.
    let thin = |tables: &mut Vec<HomesTable>| {
        let Some(newest) = tables.last().map(|table| table.started) else { return };
        let away = |table: &HomesTable, days: i64| {
            let age = newest.duration_since(table.started);
            (age - SignedDuration::from_hours(24 * days)).abs()
        };
        let nearest = |days: &i64| (0..tables.len()).min_by_key(|at| away(&tables[*at], *days));
        let wanted: BTreeSet<usize> = TREND.iter().filter_map(nearest).collect();
        let mut at = 0..tables.len();
        tables.retain(|_| at.next().is_some_and(|at| wanted.contains(&at)));
    };
    read_some(store, of, (32, now), None, thin).map(|(history, _)| history)
}

/// Reads the runs that `thin` leaves of those in the `days` before `now`.
fn read_some(
    store: &dyn Store,
    of: &FileSystemKey,
    (days, now): (u32, Timestamp),
    by: Option<SumBy>,
    thin: impl FnOnce(&mut Vec<HomesTable>),
) -> ServiceResult<(History, Sums)> {
    let first = now.saturating_sub(SignedDuration::from_hours(24 * i64::from(days)));
    let (mut tables, unlisted) = homes_tables(store, of, first.unwrap_or(now))?;
    unlisted.iter().for_each(|error| warn(&format!("left out: {}", error.text)));
    // A wrong clock made it. It would count as the newest run until its time comes.
    tables.retain(|table| {
        let future = is_future(table.started, now);
        if future {
            warn(&format!("left out: {} is from the future", store.name(&table.key)));
        }
        !future
    });
    thin(&mut tables);
    let (tables, not_comparable) = comparable(store, tables)?;
    let mut reader =
        HistoryReader { tables: &tables, sums: Sums::new(by), ..HistoryReader::default() };
    let mut problems = Vec::new();
    let keys: Vec<&str> = tables.iter().map(|table| table.key.as_str()).collect();
    store.get_each(&keys, ReadSize::Whole, &mut |at, object| {
        let table = &tables[at];
        let run = match object {
            // A lifecycle rule may remove it between listing and reading.
            Ok(None) => return Ok(()),
            Ok(Some(object)) => reader.rows(store, table, object.bytes),
            Err(error) => Err(error),
        };
        match run {
            Ok(run) => reader.commit(at, run),
            Err(error) => {
                reader.unreadable.push(table.run.clone());
                problems.push(error);
            }
        }
        Ok(())
    })?;
    // If the store refuses every run, the problem is not one of a single run.
    let refused =
        |error: &&ServiceError| matches!(error.trouble, Trouble::Credentials | Trouble::Denied);
    if let (true, Some(error)) = (reader.runs.is_empty(), problems.iter().find(refused)) {
        return Err(error.clone());
    }
    problems.iter().for_each(|error| warn(&format!("left out: {}", error.text)));
    let sums = std::mem::take(&mut reader.sums);
    Ok((History { unlisted: unlisted.len(), ..reader.history(not_comparable) }, sums))
}

fn warn(problem: &str) {
    log::warn!("{}", printable(problem.as_bytes()));
}

/// Interned texts: names of homes and owners are the same in nearly every run.
#[derive(Default)]
struct Texts {
    numbers: HashMap<Box<[u8]>, u32>,
    texts: Vec<Box<[u8]>>,
}

impl Texts {
    fn number(&mut self, text: &[u8]) -> u32 {
        if let Some(number) = self.numbers.get(text) {
            return *number;
        }
        // More texts than that do not fit into memory.
        let number = u32::try_from(self.texts.len()).unwrap_or(u32::MAX);
        self.numbers.insert(text.into(), number);
        self.texts.push(text.into());
        number
    }
}

/// The rows of one run, kept apart until its table was read to the end.
#[derive(Default)]
struct RunRows {
    rows: Vec<RunRow>,
    listed: TableCoverage,
    has_outside: bool,
    held: HashMap<u32, Held>,
}

struct RunRow {
    key: (bool, u32),
    uid: Option<u32>,
    owner: u32,
    coverage: Coverage,
    allocated: AllocatedBytes,
    quota: Option<AllocatedBytes>,
}

/// The series of a home, up to the last run read.
struct SeriesSoFar {
    uid: Option<u32>,
    owner: u32,
    points: Vec<Option<AllocatedBytes>>,
    quota: Option<AllocatedBytes>,
    /// Index of the last run that has the home, and the coverage there.
    last: (usize, Coverage),
    since: Option<usize>,
}

#[derive(Default)]
struct HistoryReader<'a> {
    tables: &'a [HomesTable],
    texts: Texts,
    runs: Vec<RunPoint>,
    /// Of the newest run.
    listed: TableCoverage,
    has_outside: bool,
    homes: HashMap<(bool, u32), SeriesSoFar>,
    unreadable: Vec<String>,
    sums: Sums,
}

impl HistoryReader<'_> {
    fn rows(
        &mut self,
        store: &dyn Store,
        table: &HomesTable,
        bytes: Vec<u8>,
    ) -> ServiceResult<RunRows> {
        let mut run = RunRows::default();
        table.rows(store, bytes, |row| {
            run.add(&row, &mut self.texts);
            self.sums.add(&row, &mut run.held);
        })?;
        // That line is the last one. A table without it, where earlier ones have it, was cut off
        // between two lines.
        if self.has_outside && !run.has_outside {
            let problem = format!("{}: its last lines are missing", store.name(&table.key));
            return Err(ServiceError::new(Trouble::Refused, problem));
        }
        Ok(run)
    }

    fn commit(&mut self, at: usize, run: RunRows) {
        let index = self.runs.len();
        let table = &self.tables[at];
        let sum = run.rows.iter().map(|row| row.allocated).sum();
        self.runs.push(RunPoint {
            id: table.run.clone(),
            started: table.started,
            coverage: run.listed.coverage,
            total: Some(sum).filter(|_| run.listed.coverage == Coverage::Complete),
        });
        self.sums.commit(run.held, run.listed.all_homes);
        self.listed = run.listed;
        if run.has_outside && !self.has_outside {
            // The first table with that line shows that the earlier ones were cut off.
            for earlier in &mut self.runs[..index] {
                (earlier.coverage, earlier.total) = (Coverage::Interrupted, None);
            }
            self.has_outside = true;
        }
        let nobody = self.texts.number(b"");
        for row in run.rows {
            let home = self.homes.entry(row.key).or_insert_with(|| SeriesSoFar {
                uid: row.uid,
                owner: row.owner,
                points: Vec::new(),
                quota: None,
                last: (index, row.coverage),
                since: None,
            });
            let other_uid = home.uid.is_some() && row.uid.is_some() && home.uid != row.uid;
            let known = home.owner != nobody && row.owner != nobody;
            if other_uid || (known && home.owner != row.owner) {
                // The series starts again: the size of one owner is no growth of the other.
                home.points.fill(None);
                home.since = Some(index);
            }
            home.uid = row.uid.or(home.uid);
            if row.owner != nobody || other_uid {
                home.owner = row.owner;
            }
            home.points.resize(index, None);
            home.points.push(Some(row.allocated).filter(|_| row.coverage == Coverage::Complete));
            (home.quota, home.last) = (row.quota, (index, row.coverage));
        }
    }

    fn history(self, not_comparable: Vec<String>) -> History {
        let Self { texts, runs, listed, homes, unreadable, .. } = self;
        let newest = runs.len().saturating_sub(1);
        let text = |number: u32| texts.texts.get(number as usize).map_or(&[][..], |text| &**text);
        let series = homes.into_iter().map(|((outside, name), mut home)| {
            home.points.resize(runs.len(), None);
            let there = home.last.0 == newest;
            HomeSeries {
                name: text(name).into(),
                outside,
                uid: home.uid,
                owner: Some(lossy(text(home.owner)).0).filter(|owner| !owner.is_empty()),
                points: home.points,
                quota: home.quota,
                newest: Some(home.last.1).filter(|_| there),
                // A home that was not listed may exist.
                gone: !there && listed.all_homes,
                since: home.since,
            }
        });
        let mut series: Vec<HomeSeries> = series.collect();
        let rank = |home: &HomeSeries| (home.outside, Reverse(home.last(&runs).map(|last| last.1)));
        series.sort_by(|a, b| (rank(a), &a.name).cmp(&(rank(b), &b.name)));
        History { runs, homes: series, not_comparable, unreadable, unlisted: 0 }
    }
}

impl RunRows {
    fn add(&mut self, row: &HomeRow<'_>, texts: &mut Texts) {
        self.listed.add(row.outside, row.coverage);
        self.has_outside |= row.outside;
        self.rows.push(RunRow {
            key: (row.outside, texts.number(&row.home)),
            uid: row.uid,
            owner: texts.number(row.owner.as_bytes()),
            coverage: row.coverage,
            allocated: row.allocated,
            quota: row.quota,
        });
    }
}
