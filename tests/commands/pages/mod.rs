//! The HTML pages: content, privacy, and publishing. How they look and behave in a browser is
//! tested in `browser`.

mod command;
mod content;
pub(crate) mod fleet;
pub(crate) mod hostile;
pub(crate) mod invented;
mod markup;
mod parts;
mod published;

use efs_scan::history::{History, HomeSeries, RunPoint};
use efs_scan::report::{Coverage, HomeKind, Report};
use efs_scan::text::bytes_of;
use efs_scan::units::AllocatedBytes;
use jiff::{SignedDuration, Timestamp};

/// Returns the start of the tests' run.
fn start() -> Timestamp {
    "2026-11-24T02:00:00Z".parse().unwrap()
}

/// Returns a run on the day of [`start`] with the history of the days before.
pub(crate) fn grown(homes: usize, days: i64) -> (Report, History) {
    let at = |day: i64| start() - SignedDuration::from_hours(24 * (days - day));
    let runs: Vec<Report> =
        (0..=days).map(|day| invented::report(homes, at(day), day as f64)).collect();
    let history = history(&runs);
    (runs.into_iter().next_back().unwrap(), history)
}

/// Returns the history of these runs, which all have the same homes in the same order.
fn history(runs: &[Report]) -> History {
    let whole = |report: &Report| report.run.coverage == Coverage::Complete;
    let points = runs.iter().map(|report| RunPoint {
        id: report.run.id.clone(),
        started: report.run.started,
        coverage: report.run.coverage,
        total: whole(report).then_some(report.totals.allocated_bytes),
    });
    let homes = runs[0].homes.iter().enumerate().map(|(at, home)| HomeSeries {
        name: bytes_of(&home.name, home.name_base64.as_deref()).into(),
        outside: home.kind == HomeKind::Outside,
        uid: home.uid,
        owner: home.owner.name.clone(),
        points: runs.iter().map(|report| size(&report.homes.get(at).unwrap())).collect(),
        quota: home.quota.map(|quota| quota.limit_bytes),
        newest: Some(Coverage::Complete),
        gone: false,
        since: None,
    });
    History { runs: points.collect(), homes: homes.collect(), ..History::default() }
}

fn size(home: &efs_scan::report::HomeReport) -> Option<AllocatedBytes> {
    (home.coverage == Coverage::Complete).then_some(home.usage.allocated_bytes)
}
