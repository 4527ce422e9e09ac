//! The history as asked for, for every form.

use std::borrow::Cow;
use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::Serialize;

use super::growth::Forecast;
use super::series::{History, HomeSeries};
use crate::published::{SelectedBy, is_stale, selected};
use crate::units::AllocatedBytes;

/// A history, with the options of the command.
#[derive(Debug)]
pub(crate) struct HistoryView {
    /// The destination it was read from.
    pub(crate) from: String,
    pub(crate) days: u32,
    pub(crate) history: History,
    pub(crate) budget: Option<AllocatedBytes>,
    /// True if only some of the homes are shown.
    pub(crate) restricted: bool,
    /// True if the summary of the newest run could not be read, which has all names of owners.
    pub(crate) summary_unreadable: bool,
    pub(crate) now: Timestamp,
}

/// Growth of a home or of everything, and its forecast.
#[derive(Clone, Copy, Debug, Serialize)]
pub(super) struct Outlook {
    /// Quota or budget.
    pub(super) limit_bytes: Option<AllocatedBytes>,
    /// In whole bytes; `None` if unknown.
    pub(super) bytes_per_day_7: Option<i64>,
    pub(super) bytes_per_day_30: Option<i64>,
    pub(super) forecast: Forecast,
}

impl HistoryView {
    /// True if everything that the history is made of could be read.
    pub(crate) fn is_whole(&self) -> bool {
        self.history.is_whole() && !self.summary_unreadable
    }

    /// Keeps only the homes of these users. Returns the users without a home. `aliases` has further
    /// names of owners by the path of their home.
    pub(crate) fn restrict<'a>(
        &mut self,
        users: &'a [String],
        aliases: &BTreeMap<Vec<u8>, Vec<String>>,
    ) -> Vec<&'a str> {
        self.restricted = true;
        let more = |home: &HomeSeries| aliases.get(&*home.name).map_or(&[][..], |names| names);
        let homes = &mut self.history.homes;
        let all = homes.iter().map(|home| SelectedBy {
            path: Cow::Borrowed(&home.name),
            uid: home.uid,
            names: home.owner.iter().chain(more(home)).map(String::as_str).collect(),
            is_home: !home.outside,
        });
        let (keep, missing) = selected(&all.collect::<Vec<_>>(), users);
        let mut keep = keep.into_iter();
        homes.retain(|_| keep.next().unwrap_or(false));
        missing
    }

    /// The outlook of a home. With --user the budget is that of each of these homes.
    pub(super) fn of_home(&self, home: &HomeSeries) -> Outlook {
        let runs = &self.history.runs;
        let limit = self.budget.filter(|_| self.restricted).or(home.quota);
        Outlook {
            limit_bytes: limit,
            bytes_per_day_7: home.growth(runs, 7).map(whole),
            bytes_per_day_30: home.growth(runs, 30).map(whole),
            forecast: home.forecast(runs, limit),
        }
    }

    /// The outlook of everything together; `None` if only some homes are shown.
    pub(super) fn of_total(&self) -> Option<Outlook> {
        (!self.restricted).then(|| Outlook {
            limit_bytes: self.budget,
            bytes_per_day_7: self.history.growth(7).map(whole),
            bytes_per_day_30: self.history.growth(30).map(whole),
            forecast: self.history.forecast(self.budget),
        })
    }

    /// Start of the newest run; its table does not say when it finished.
    fn newest(&self) -> Timestamp {
        self.history.runs.last().map_or(self.now, |run| run.started)
    }

    /// Seconds since the newest run started.
    pub(super) fn age_seconds(&self) -> i64 {
        self.now.duration_since(self.newest()).as_secs()
    }

    /// True if the newest run is stale, by the time it started.
    pub(super) fn stale(&self) -> bool {
        is_stale(self.newest(), self.now)
    }
}

/// The cast saturates.
fn whole(bytes: f64) -> i64 {
    bytes.round() as i64
}
