//! The history as JSON and CSV.

use std::io::{self, Write};

use serde::Serialize;

use super::growth::Forecast;
use super::series::{HomeSeries, RunPoint};
use super::view::{HistoryView, Outlook};
use crate::published::is_false;
use crate::report::{self, Coverage, DuNames, HOME_BASE64, OUTSIDE_HOMES, base64_cell, name_cell};
use crate::text::{Shown, lossy};
use crate::units::AllocatedBytes;

/// Name and version of the schema. Keys are only added within a version.
const SCHEMA: &str = "efs-scan/history/1";

/// Headers are stable.
const HEAD: [&str; 13] = [
    "home",
    "outside",
    "uid",
    "owner",
    "run_id",
    "run_started",
    "allocated_bytes",
    "limit_bytes",
    "bytes_per_day_7",
    "bytes_per_day_30",
    "forecast",
    "forecast_date",
    HOME_BASE64,
];

#[derive(Serialize)]
struct Document<'a> {
    schema: &'static str,
    from: &'a str,
    days: u32,
    /// Seconds since the newest run started.
    age_seconds: i64,
    stale: bool,
    runs: &'a [RunPoint],
    not_comparable: &'a [String],
    unreadable: &'a [String],
    /// True if the summary of the newest run could not be read: `--user` knew one name of each owner.
    #[serde(skip_serializing_if = "is_false")]
    summary_unreadable: bool,
    /// `null` if only some homes are shown.
    total: Option<Outlook>,
    homes: Vec<HomeDocument<'a>>,
}

#[derive(Serialize)]
struct HomeDocument<'a> {
    name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    name_base64: Option<String>,
    outside: bool,
    uid: Option<u32>,
    owner: Option<&'a str>,
    /// Coverage by the newest run; `null` if that does not have the home.
    coverage: Option<Coverage>,
    gone: bool,
    /// The first run with the present owner, if the home had another one before.
    owner_since: Option<&'a str>,
    #[serde(flatten)]
    outlook: Outlook,
    /// One for each of `runs`; `null` if the home did not exist, was not read completely, or had
    /// another owner.
    allocated_bytes: &'a [Option<AllocatedBytes>],
}

/// The whole history as JSON.
pub(crate) fn json(view: &HistoryView) -> Result<Shown, String> {
    let history = &view.history;
    let home = |home: &'_ HomeSeries| {
        let (name, name_base64) = name_of(home);
        (name, name_base64, view.of_home(home))
    };
    let homes = history.homes.iter().map(|series| {
        let (name, name_base64, outlook) = home(series);
        let since = series.since.and_then(|since| history.runs.get(since));
        HomeDocument {
            name,
            name_base64,
            outside: series.outside,
            uid: series.uid,
            owner: series.owner.as_deref(),
            coverage: series.newest,
            gone: series.gone,
            owner_since: since.map(|run| run.id.as_str()),
            outlook,
            allocated_bytes: &series.points,
        }
    });
    let document = Document {
        schema: SCHEMA,
        from: &view.from,
        days: view.days,
        age_seconds: view.age_seconds(),
        stale: view.stale(),
        runs: &history.runs,
        not_comparable: &history.not_comparable,
        unreadable: &history.unreadable,
        summary_unreadable: view.summary_unreadable,
        total: view.of_total(),
        homes: homes.collect(),
    };
    report::json(&document)
}

/// A line for each home and run.
///
/// # Errors
/// Of `out`.
pub(crate) fn csv(view: &HistoryView, names: DuNames, out: &mut dyn Write) -> io::Result<()> {
    let mut writer = csv::Writer::from_writer(out);
    let number = |number: Option<i64>| number.map(|n| n.to_string()).unwrap_or_default();
    let bytes = |bytes: Option<AllocatedBytes>| bytes.map(|b| b.0.to_string()).unwrap_or_default();
    let started: Vec<String> =
        view.history.runs.iter().map(|run| run.started.to_string()).collect();
    writer.write_record(HEAD)?;
    for home in &view.history.homes {
        let outlook = view.of_home(home);
        let (forecast, date) = forecast(outlook.forecast);
        let raw = if home.outside { OUTSIDE_HOMES.as_bytes() } else { &home.name };
        let name = name_cell(raw, names);
        let base64 = base64_cell(raw, &name);
        let uid = number(home.uid.map(i64::from));
        let owner = name_cell(home.owner.as_deref().unwrap_or_default().as_bytes(), names);
        let limit = bytes(outlook.limit_bytes);
        let (week, month) = (number(outlook.bytes_per_day_7), number(outlook.bytes_per_day_30));
        for ((run, started), size) in view.history.runs.iter().zip(&started).zip(&home.points) {
            writer.write_record([
                name.as_bytes(),
                if home.outside { b"true" } else { b"false" },
                uid.as_bytes(),
                owner.as_bytes(),
                run.id.as_bytes(),
                started.as_bytes(),
                bytes(*size).as_bytes(),
                limit.as_bytes(),
                week.as_bytes(),
                month.as_bytes(),
                forecast.as_bytes(),
                date.as_bytes(),
                base64.as_bytes(),
            ])?;
        }
    }
    writer.flush()
}

/// The forecast as in JSON: its name and its date.
fn forecast(forecast: Forecast) -> (&'static str, String) {
    match forecast {
        Forecast::On(date) => ("on", date.to_string()),
        Forecast::Beyond => ("beyond", String::new()),
        Forecast::NotGrowing => ("not_growing", String::new()),
        Forecast::TooFewRuns => ("too_few_runs", String::new()),
        Forecast::AlreadyOver => ("already_over", String::new()),
        Forecast::NoLimit => ("no_limit", String::new()),
    }
}

fn name_of(home: &HomeSeries) -> (String, Option<String>) {
    match home.outside {
        true => (OUTSIDE_HOMES.to_owned(), None),
        false => lossy(&home.name),
    }
}
