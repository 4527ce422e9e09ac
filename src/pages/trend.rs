//! Changes: curves and growth over earlier runs.

use std::collections::BTreeMap;

use jiff::SignedDuration;
use maud::{Markup, html};

use super::chart::{ChartPoint, chart, spark};
use super::words::{count, day, label, many, shown, signed};
use crate::history::{Forecast, History, HomeSeries, RunPoint};
use crate::report::{Coverage, HomeKind, HomeReport, Report, first};
use crate::units::human;

/// Number of homes in the table of the fastest-growing ones.
const GROWERS: usize = 8;

/// Number of gone homes shown.
const GONE: usize = 20;

/// Maximum distance of a run from the day that it stands for, in addition to half of the period:
/// timers drift, and days are missed.
const DRIFT: SignedDuration = SignedDuration::from_hours(36);

/// Shows the section: the curve of everything, the fastest-growing homes and the gone ones.
pub(super) fn section(report: &Report, past: &Past<'_>) -> Markup {
    let growers = past.growers(report);
    html! {
        section id="trend" aria-labelledby="trend-title" {
            h2 id="trend-title" { "Changes" }
            @if past.runs.len() < 2 {
                p.none { "No earlier run is published to compare with." }
            } @else {
                h3 { "Total" }
                (chart("Total", &past.total()))
                h3 { "Fastest-growing homes" }
                @if growers.is_empty() { p.none { "No home is known to have grown." } }
                @else { (table(past, &growers)) }
                (gone(past))
            }
            (left_out(past.history))
        }
    }
}

/// Runs up to that of the report, and the series of each home.
#[derive(Debug)]
pub(super) struct Past<'a> {
    pub(super) runs: &'a [RunPoint],
    homes: BTreeMap<(bool, &'a [u8]), &'a HomeSeries>,
    history: &'a History,
}

impl<'a> Past<'a> {
    pub(super) fn new(report: &Report, history: &'a History) -> Self {
        let until = history.runs.iter().rposition(|run| run.id <= report.run.id);
        let homes = history.homes.iter().map(|series| ((series.outside, &*series.name), series));
        Self {
            runs: &history.runs[..until.map_or(0, |at| at + 1)],
            homes: homes.collect(),
            history,
        }
    }

    pub(super) fn total(&self) -> Vec<ChartPoint> {
        self.runs.iter().map(|run| (run.started, run.total.map(|bytes| bytes.0))).collect()
    }

    /// Returns the series of a home.
    pub(super) fn of(&self, home: &HomeReport) -> Option<&'a HomeSeries> {
        let name = home.name_bytes();
        self.homes.get(&(home.kind == HomeKind::Outside, &name[..])).copied()
    }

    /// Returns the curve of a home, from its first known size.
    pub(super) fn curve(&self, series: &HomeSeries) -> Vec<ChartPoint> {
        let points = self.runs.iter().zip(&series.points);
        let points = points.map(|(run, bytes)| (run.started, bytes.map(|bytes| bytes.0)));
        points.skip_while(|(_, bytes)| bytes.is_none()).collect()
    }

    fn growers(&self, report: &Report) -> Vec<Grower> {
        let grower = |home: HomeReport| {
            let series = self.of(&home)?;
            let growth = series.growth(self.runs, 30).or_else(|| series.growth(self.runs, 7));
            let a_day = growth.filter(|a_day| *a_day >= 1.0)?;
            Some(Grower { home, points: self.curve(series), a_day })
        };
        let homes = report.homes.iter().filter(|home| home.kind != HomeKind::Outside);
        first(homes.filter_map(grower), GROWERS, |a, b| b.a_day.total_cmp(&a.a_day))
    }
}

/// Returns the growth of a curve since the run `days` before its last one. `None` if one of the two
/// sizes is unknown.
pub(super) fn change(points: &[ChartPoint], days: i64) -> Option<i64> {
    let ((last, now), before) = points.split_last()?;
    let wanted = SignedDuration::from_hours(24 * days);
    let off = |at: &ChartPoint| (last.duration_since(at.0) - wanted).abs();
    let then =
        before.iter().min_by_key(|at| off(at)).filter(|at| off(at) <= DRIFT.min(wanted / 2))?;
    let difference = i128::from((*now)?) - i128::from(then.1?);
    i64::try_from(difference).ok()
}

/// Formats growth: `+1.2 GiB`, or a dash if unknown.
pub(super) fn changed(bytes: Option<i64>) -> String {
    bytes.map_or_else(|| "–".to_owned(), signed)
}

/// Shows homes that no longer exist.
fn gone(past: &Past<'_>) -> Markup {
    let gone = || past.history.homes.iter().filter(|series| series.gone);
    let all = gone().count();
    html! { @if all > 0 {
        h3 { "Gone homes" }
        ul { @for series in gone().take(GONE) { li {
            bdi { (shown(&series.name)) }
            @if let Some(owner) = &series.owner { " (" bdi { (shown(owner.as_bytes())) } ")" }
            @if let Some((at, bytes)) = series.last(past.runs) {
                ", " (bytes.human()) " on " (day(at))
            }
        } } }
        @if all > GONE { p.none { (count((all - GONE) as u64)) " more." } }
    } }
}

/// Shows the number of runs left out of the comparison.
fn left_out(history: &History) -> Markup {
    let (other, broken) = (history.not_comparable.len(), history.unreadable.len());
    html! {
        @if other > 0 { p.none { (many(other as u64, "earlier run", "earlier runs"))
            " of another scope left out, such as another root." } }
        @if broken > 0 { p.none { (many(broken as u64, "earlier run", "earlier runs"))
            " left out because they could not be read." } }
    }
}

/// Shows the changes over a day, a week and a month, for a tile.
pub(super) fn changes(points: &[ChartPoint]) -> Markup {
    let changes = [1, 7, 30].map(|days| (days, change(points, days)));
    html! {
        @if changes.iter().all(|(_, bytes)| bytes.is_none()) { "change is not known" }
        @else { @for (at, (days, bytes)) in changes.into_iter().enumerate() {
            @if at > 0 { ", " }
            span { (days) @if days == 1 { " day " } @else { " days " } (changed(bytes)) }
        } }
    }
}

/// Returns the date when a home reaches its quota, or a few words. Empty without a quota.
pub(super) fn reaches_quota(past: &Past<'_>, home: &HomeReport) -> String {
    let limit = home.quota.map(|quota| quota.limit_bytes);
    let forecast = past.of(home).map(|series| series.forecast(past.runs, limit));
    // The bytes above the quota may be in directories that this run did not read.
    let is_read_less =
        home.coverage != Coverage::Complete && home.quota.is_some_and(|quota| !quota.over);
    match forecast {
        Some(Forecast::On(date)) => date.to_string(),
        Some(Forecast::NotGrowing) => "not growing".to_owned(),
        Some(Forecast::TooFewRuns) => "too few runs".to_owned(),
        Some(Forecast::AlreadyOver) if is_read_less => "by an earlier run".to_owned(),
        Some(Forecast::AlreadyOver) => "already".to_owned(),
        Some(Forecast::Beyond) => "in years".to_owned(),
        Some(Forecast::NoLimit) | None => String::new(),
    }
}

/// A growing home with its curve.
struct Grower {
    home: HomeReport,
    points: Vec<ChartPoint>,
    a_day: f64,
}

fn table(past: &Past<'_>, growers: &[Grower]) -> Markup {
    html! {
        div.scroll tabindex="0" role="region" aria-label="Fastest-growing homes" {
            table {
                thead { tr {
                    th scope="col" { "Name" } th scope="col" { "Curve" } th.n scope="col" { "Size" }
                    th.n scope="col" { "Per day" } th.n scope="col" { "Last 7 days" }
                    th.n scope="col" { "Last 30 days" } th.n scope="col" { "Quota reached" }
                } }
                tbody { @for grower in growers { tr {
                    th scope="row" { bdi { (label(&grower.home)) } }
                    td { (spark(&grower.points)) }
                    td.n { (human(grower.home.usage.allocated_bytes.0)) }
                    td.n { (signed(grower.a_day as i64)) }
                    td.n { (changed(change(&grower.points, 7))) }
                    td.n { (changed(change(&grower.points, 30))) }
                    td.n { (reaches_quota(past, &grower.home)) }
                } } }
            }
        }
    }
}
