//! The history as a terminal table.

use std::fmt::{Result, Write};

use super::growth::Forecast;
use super::series::HomeSeries;
use super::spark::{Axis, Blocks};
use super::view::{HistoryView, Outlook};
use crate::columns::{columns, push_table};
use crate::report::{Coverage, OUTSIDE_HOMES};
use crate::text::{Shown, plural, printable};
use crate::units::{AllocatedBytes, human_change, human_seconds};

const UNKNOWN: &str = "?";

/// Renders the history with printable names.
pub(crate) fn table(view: &HistoryView, blocks: Blocks) -> Shown {
    let mut out = String::new();
    // Writing to a String cannot fail.
    let _ = write_table(&mut out, view, blocks);
    Shown::lines(out)
}

fn write_table(out: &mut String, view: &HistoryView, blocks: Blocks) -> Result {
    let history = &view.history;
    let age = human_seconds(view.age_seconds().max(0));
    if view.stale() {
        writeln!(out, "!!! STALE: the newest run is {age} old. Is the daily scan running? !!!\n")?;
    }
    if view.summary_unreadable {
        writeln!(
            out,
            "!!! The summary of the newest run cannot be read, which has all names of owners !!!\n"
        )?;
    }
    let from = printable(view.from.as_bytes());
    let runs = history.runs.len();
    write!(out, "{from}  {runs} {}", plural(runs as u64, "run", "runs"))?;
    if let (Some(first), Some(last)) = (history.runs.first(), history.runs.last()) {
        let first = first.started.strftime("%Y-%m-%d");
        let last = last.started.strftime("%Y-%m-%d %H:%M UTC");
        write!(out, " from {first} to {last}, {age} ago")?;
    }
    let whole = history.runs.iter().filter(|run| run.coverage == Coverage::Complete).count();
    match runs - whole {
        0 => writeln!(out, ", all complete\n")?,
        some => writeln!(out, ", {some} of them PARTIAL or INTERRUPTED\n")?,
    }
    lines(out, view, blocks)?;
    remarks(out, view)
}

fn lines(out: &mut String, view: &HistoryView, blocks: Blocks) -> Result {
    let history = &view.history;
    let limit = if view.restricted && view.budget.is_some() { "BUDGET" } else { "QUOTA" };
    let head =
        ["HOME", "OWNER", "SIZE", "TREND", "7 D, PER DAY", "30 D, PER DAY", limit, "FORECAST", ""];
    let mut table = columns(&head, &[2, 4, 5, 6]);
    let axis = Axis::new(&history.runs, blocks);
    let shown = history.homes.iter().filter(|home| !home.gone);
    if let Some(outlook) = view.of_total() {
        let people = shown.clone().filter(|home| !home.outside).count();
        let known = history.runs.iter().rev().find_map(|run| Some((run.started, run.total?)));
        let newest = history.runs.last().is_some_and(|run| run.total.is_some());
        let mark = known.filter(|_| !newest).map(|(at, _)| size_of(at)).unwrap_or_default();
        table.add_row(row(
            [format!("total of {people}"), String::new()],
            known.map(|(_, size)| size),
            axis.draw(history.runs.iter().map(|run| run.total)),
            outlook,
            mark,
        ));
    }
    for home in shown {
        let name = match home.outside {
            true => OUTSIDE_HOMES.to_owned(),
            false => printable(&home.name),
        };
        let owner = match (&home.owner, home.uid) {
            (Some(owner), _) => printable(owner.as_bytes()),
            (None, uid) => uid.map(|uid| uid.to_string()).unwrap_or_default(),
        };
        table.add_row(row(
            [name, owner],
            home.last(&history.runs).map(|(_, size)| size),
            axis.draw(home.points.iter().copied()),
            view.of_home(home),
            marks(view, home).join(", "),
        ));
    }
    push_table(out, &table)
}

fn row(
    name: [String; 2],
    size: Option<AllocatedBytes>,
    trend: String,
    outlook: Outlook,
    marks: String,
) -> Vec<String> {
    name.into_iter().chain(cells(size, trend, outlook, marks)).collect()
}

/// The cells of a line from its size on.
pub(super) fn cells(
    size: Option<AllocatedBytes>,
    trend: String,
    outlook: Outlook,
    marks: String,
) -> Vec<String> {
    let or_unknown = |text: Option<String>| text.unwrap_or_else(|| UNKNOWN.to_owned());
    vec![
        or_unknown(size.map(AllocatedBytes::human)),
        trend,
        or_unknown(outlook.bytes_per_day_7.map(human_change)),
        or_unknown(outlook.bytes_per_day_30.map(human_change)),
        outlook.limit_bytes.map(AllocatedBytes::human).unwrap_or_default(),
        match outlook.forecast {
            Forecast::On(date) => date.to_string(),
            Forecast::Beyond => "in over 10 years".to_owned(),
            Forecast::NotGrowing => "not growing".to_owned(),
            Forecast::TooFewRuns => "too few runs".to_owned(),
            Forecast::AlreadyOver => "REACHED".to_owned(),
            Forecast::NoLimit => String::new(),
        },
        marks,
    ]
}

fn marks(view: &HistoryView, home: &HomeSeries) -> Vec<String> {
    let runs = &view.history.runs;
    let mut marks = Vec::new();
    match home.newest {
        Some(Coverage::Complete) => {}
        Some(coverage) => marks.push(coverage.name().to_uppercase()),
        None => marks.push("NOT LISTED".to_owned()),
    }
    if let (true, Some((at, _))) = (home.newest != Some(Coverage::Complete), home.last(runs)) {
        marks.push(size_of(at));
    }
    if let Some(since) = home.since.and_then(|since| runs.get(since)) {
        marks.push(format!("ANOTHER OWNER UNTIL {}", since.started.strftime("%Y-%m-%d")));
    }
    marks
}

pub(super) fn size_of(at: jiff::Timestamp) -> String {
    format!("size of {}", at.strftime("%Y-%m-%d"))
}

/// What the trend and the growth are.
pub(super) fn growth_remark() -> String {
    format!(
        "TREND goes from the least to the most of its own line; a gap is a time without a \
         complete reading.\nGrowth is the median of the slopes between all days (Theil-Sen). \
         {UNKNOWN} is unknown: it takes 5 days with a\ncomplete reading, over at least half of the \
         time."
    )
}

fn remarks(out: &mut String, view: &HistoryView) -> Result {
    let history = &view.history;
    writeln!(out, "\n{}", growth_remark())?;
    let gone = history.homes.iter().filter(|home| home.gone).count();
    let notes = [
        ("Homes", gone, "gone and not shown; --format csv and json have them"),
        ("Runs", history.not_comparable.len(), "of another root, or left out other things"),
        ("Runs", history.unreadable.len(), "broken and left out"),
        ("Days", history.unlisted, "whose runs could not be listed"),
    ];
    let mut notes = notes.into_iter().filter(|(_, count, _)| *count > 0);
    notes.try_for_each(|(of, count, what)| writeln!(out, "{of}: {count} {what}."))
}
