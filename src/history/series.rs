//! The series of sizes of each home over some runs.

use jiff::Timestamp;
use serde::Serialize;

use super::growth::{self, Forecast, SizeAt};
use crate::report::Coverage;
use crate::units::AllocatedBytes;

/// Runs of some period, and the series of each home.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct History {
    /// Oldest first.
    pub runs: Vec<RunPoint>,
    /// Largest first; the entry for everything outside of homes last.
    pub homes: Vec<HomeSeries>,
    /// Ids of the runs with another scope than the newest one: another root, other homes, other
    /// `--exclude`. They are not among `runs`.
    pub not_comparable: Vec<String>,
    /// Ids of the runs whose table could not be read or is broken. They are not among `runs`.
    pub unreadable: Vec<String>,
    /// Number of directories of tables, one for each day, that could not be listed.
    pub unlisted: usize,
}

impl History {
    /// True if every run of the period could be read.
    pub fn is_whole(&self) -> bool {
        self.unreadable.is_empty() && self.unlisted == 0
    }
}

/// A run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct RunPoint {
    /// Id of the run.
    pub id: String,
    /// Start of the run.
    pub started: Timestamp,
    /// How much the run read.
    pub coverage: Coverage,
    /// Sum over the whole root; `None` if the run is not complete.
    #[serde(rename = "allocated_bytes")]
    pub total: Option<AllocatedBytes>,
}

/// A home over the runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HomeSeries {
    /// Path below the root: bytes that strangers chose.
    pub name: Box<[u8]>,
    /// True for the entry for everything outside of homes. A home may have the name of that entry.
    pub outside: bool,
    /// The owner's uid by the newest run that has the home.
    pub uid: Option<u32>,
    /// The owner's name, if known.
    pub owner: Option<String>,
    /// One for each run. `None` if the home did not exist, was not read completely, or had another
    /// owner.
    pub points: Vec<Option<AllocatedBytes>>,
    /// The quota by the newest run that has the home.
    pub quota: Option<AllocatedBytes>,
    /// Coverage by the newest run; `None` if that does not have the home.
    pub newest: Option<Coverage>,
    /// True if the home certainly does not exist any more.
    pub gone: bool,
    /// Index of the first run with the present owner, if the home had another one before.
    pub since: Option<usize>,
}

impl History {
    /// The growth of everything together over the last `days`, in bytes a day. `None` as in
    /// [`HomeSeries::growth`].
    pub fn growth(&self, days: u32) -> Option<f64> {
        growth::per_day(self.totals(), self.runs.last()?.started, days)
    }

    /// The date when everything together reaches `budget`.
    pub fn forecast(&self, budget: Option<AllocatedBytes>) -> Forecast {
        Forecast::of(self.totals().last(), self.growth(30).or_else(|| self.growth(7)), budget)
    }

    fn totals(&self) -> impl Iterator<Item = SizeAt> {
        self.runs.iter().filter_map(|run| Some((run.started, run.total?)))
    }
}

impl HomeSeries {
    /// The growth over the last 7 or 30 `days` of the runs, in bytes a day. `None` if the home is
    /// gone, or if fewer than five days over at least half of the time have a known size.
    pub fn growth(&self, runs: &[RunPoint], days: u32) -> Option<f64> {
        if self.gone {
            return None;
        }
        growth::per_day(self.known(runs), runs.last()?.started, days)
    }

    /// The date when the home reaches `limit`, by its growth over 30 days, or else over 7.
    pub fn forecast(&self, runs: &[RunPoint], limit: Option<AllocatedBytes>) -> Forecast {
        let rate = self.growth(runs, 30).or_else(|| self.growth(runs, 7));
        Forecast::of(self.last(runs), rate, limit)
    }

    /// The newest known size, and the time of its run.
    pub fn last(&self, runs: &[RunPoint]) -> Option<(Timestamp, AllocatedBytes)> {
        // From the end, where most homes have one.
        let mut both = runs.iter().zip(&self.points).rev();
        both.find_map(|(run, size)| Some((run.started, (*size)?)))
    }

    fn known(&self, runs: &[RunPoint]) -> impl Iterator<Item = SizeAt> {
        runs.iter().zip(&self.points).filter_map(|(run, size)| Some((run.started, (*size)?)))
    }
}
