//! What the runs of some time say of each home.

use jiff::Timestamp;
use serde::Serialize;

use super::growth::{self, Forecast, SizeAt};
use crate::report::Coverage;
use crate::units::AllocatedBytes;

/// The runs of some time, and what became of every home in it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct History {
    /// Oldest first.
    pub runs: Vec<RunPoint>,
    /// Largest first, what lies outside of all homes last.
    pub homes: Vec<HomeSeries>,
    /// Ids of the runs that looked at something else than the newest one does: another root, other
    /// homes, other things left out. They are not among `runs`.
    pub not_comparable: Vec<String>,
    /// Ids of the runs whose table is broken or could not be read. They are not among `runs`.
    pub unreadable: Vec<String>,
}

/// A run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct RunPoint {
    /// Its id.
    pub id: String,
    /// When it started.
    pub started: Timestamp,
    /// Whether it read everything.
    pub coverage: Coverage,
    /// All homes and what lies outside; `None` where not all of that was read.
    #[serde(rename = "allocated_bytes")]
    pub total: Option<AllocatedBytes>,
}

/// A home through the runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HomeSeries {
    /// Path below the root: bytes that strangers chose.
    pub name: Box<[u8]>,
    /// Whether it is what lies outside of all homes. A home may be called like that.
    pub outside: bool,
    /// Whose it is, by the newest run that has it.
    pub uid: Option<u32>,
    /// Who that is, if anybody knows.
    pub owner: Option<String>,
    /// One for each run. `None` where it was not there, was not read whole, or was somebody
    /// else's.
    pub points: Vec<Option<AllocatedBytes>>,
    /// Its quota by the newest run that has it.
    pub quota: Option<AllocatedBytes>,
    /// How the newest run read it; `None` where that run has no such home.
    pub newest: Option<Coverage>,
    /// Whether it is certain that it is not there any more.
    pub gone: bool,
    /// Index of the run since when it is this person's, where it was another one's before.
    pub since: Option<usize>,
}

impl History {
    /// The growth of everything together over the last `days`, in bytes a day. `None` as in
    /// [`HomeSeries::growth`].
    pub fn growth(&self, days: u32) -> Option<f64> {
        growth::per_day(self.totals(), self.runs.last()?.started, days)
    }

    /// When everything together reaches `budget`.
    pub fn forecast(&self, budget: Option<AllocatedBytes>) -> Forecast {
        Forecast::of(self.totals().last(), self.growth(30).or_else(|| self.growth(7)), budget)
    }

    fn totals(&self) -> impl Iterator<Item = SizeAt> {
        self.runs.iter().filter_map(|run| Some((run.started, run.total?)))
    }
}

impl HomeSeries {
    /// The growth over the last 7 or 30 `days` of the runs, in bytes a day. `None` where it cannot
    /// be said: the home is gone, or of fewer than five days in more than half of the time a size
    /// is known.
    pub fn growth(&self, runs: &[RunPoint], days: u32) -> Option<f64> {
        if self.gone {
            return None;
        }
        growth::per_day(self.known(runs), runs.last()?.started, days)
    }

    /// When the home reaches `limit`, by its growth over 30 days, or over 7 where that is all that
    /// is known.
    pub fn forecast(&self, runs: &[RunPoint], limit: Option<AllocatedBytes>) -> Forecast {
        let rate = self.growth(runs, 30).or_else(|| self.growth(runs, 7));
        Forecast::of(self.last(runs), rate, limit)
    }

    /// The newest size that is known, and the time of that run.
    pub fn last(&self, runs: &[RunPoint]) -> Option<(Timestamp, AllocatedBytes)> {
        // From the end: most have one there.
        let mut both = runs.iter().zip(&self.points).rev();
        both.find_map(|(run, size)| Some((run.started, (*size)?)))
    }

    fn known(&self, runs: &[RunPoint]) -> impl Iterator<Item = SizeAt> {
        runs.iter().zip(&self.points).filter_map(|(run, size)| Some((run.started, (*size)?)))
    }
}
