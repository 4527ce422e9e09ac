//! Earlier runs to compare with: the published tables of homes.

use std::collections::BTreeMap;

use jiff::fmt::strtime;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use schemars::JsonSchema;
use serde::Serialize;

use crate::publish::{Latest, Store};
use crate::report::bytes_of_cell;
use crate::service::{ServiceError, ServiceResult, Trouble};
use crate::text::lossy;

/// A day and how far from it the run may be that stands for it: timers drift, and days are missed.
const DAY: Span = Span { hours: 24, from: 12, to: 60 };
const WEEK: Span = Span { hours: 7 * 24, from: 6 * 24, to: 10 * 24 };

#[derive(Clone, Copy)]
struct Span {
    hours: i64,
    from: i64,
    to: i64,
}

/// An earlier run.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub(super) struct Base {
    /// Its id.
    pub(super) run: String,
    /// When it started.
    #[schemars(with = "String")]
    pub(super) started: Timestamp,
    /// Its homes.
    #[serde(skip)]
    pub(super) homes: BTreeMap<HomeKey, BaseHome>,
}

/// Whether it is what lies outside of all homes, and its name. A home may be called like that.
pub(super) type HomeKey = (bool, Vec<u8>);

/// A home of an earlier run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct BaseHome {
    pub(super) uid: Option<u32>,
    pub(super) owner: String,
    pub(super) complete: bool,
    pub(super) interrupted: bool,
    pub(super) allocated: u64,
}

/// The runs that stand for the day and the week before.
#[derive(Clone, Debug, Default)]
pub(super) struct Bases {
    pub(super) day: Option<Base>,
    pub(super) week: Option<Base>,
}

impl Bases {
    /// Reads them. A run that cannot be read is one that is not there, with a warning.
    pub(super) fn read(store: &dyn Store, latest: &Latest) -> ServiceResult<Self> {
        let started = latest.run.started;
        let first = started.saturating_sub(SignedDuration::from_hours(WEEK.to + 24));
        let first = first.unwrap_or(started).strftime("%Y-%m-%d").to_string();
        let keys = store.list("homes/dt=", &format!("homes/dt={first}"))?;
        let runs: Vec<(Timestamp, &str, &str)> = keys
            .iter()
            .filter_map(|key| {
                let id = key.rsplit('/').next()?.strip_suffix(".csv")?;
                Some((started_of(id)?, id, key.as_str()))
            })
            .collect();
        let find = |span: Span| {
            let hours = |at: Timestamp| started.duration_since(at).as_hours();
            let near = runs.iter().filter(|(at, ..)| (span.from..=span.to).contains(&hours(*at)));
            let nearest = near.min_by_key(|(at, ..)| {
                let away = started.duration_since(*at) - SignedDuration::from_hours(span.hours);
                away.abs()
            });
            nearest.and_then(|(at, id, key)| {
                // What can be shown without it is shown.
                read_base(store, *at, id, key).unwrap_or_else(|error| {
                    tracing::warn!("no comparison: {}", error.text);
                    None
                })
            })
        };
        Ok(Self { day: find(DAY), week: find(WEEK) })
    }
}

/// When a run started, by its id.
fn started_of(id: &str) -> Option<Timestamp> {
    let time = strtime::parse("%Y%m%dT%H%M%S%.fZ", id).ok()?.to_datetime().ok()?;
    TimeZone::UTC.to_timestamp(time).ok()
}

fn read_base(
    store: &dyn Store,
    started: Timestamp,
    id: &str,
    key: &str,
) -> ServiceResult<Option<Base>> {
    // Lifecycle rules may remove it between listing and reading.
    let Some(object) = store.get(key)? else { return Ok(None) };
    let homes = homes_of(&object.bytes).map_err(|problem| {
        ServiceError::new(Trouble::Refused, format!("{}: {problem}", store.name(key)))
    })?;
    Ok(Some(Base { run: id.to_owned(), started, homes }))
}

impl Base {
    /// Whether every home there was is in it: the run went to its end, and nothing above the
    /// homes, which counts as outside of them, was unreadable.
    pub(super) fn has_all_homes(&self) -> bool {
        self.homes.iter().all(|((outside, _), home)| match outside {
            true => home.complete,
            false => !home.interrupted,
        })
    }
}

fn homes_of(table: &[u8]) -> Result<BTreeMap<HomeKey, BaseHome>, String> {
    let mut reader = csv::Reader::from_reader(table);
    let head = reader.headers().map_err(|error| error.to_string())?.clone();
    let column = |name: &str| {
        let at = head.iter().position(|cell| cell == name);
        at.ok_or_else(|| format!("it has no column `{name}`"))
    };
    let [home, kind, uid, owner] = ["home", "kind", "uid", "owner"].map(column);
    let [coverage, allocated] = ["coverage", "allocated_bytes"].map(column);
    let (home, kind, uid, owner) = (home?, kind?, uid?, owner?);
    let (coverage, allocated) = (coverage?, allocated?);
    let mut homes = BTreeMap::new();
    for record in reader.records() {
        let record = record.map_err(|error| error.to_string())?;
        let cell = |at: usize| record.get(at).unwrap_or_default();
        let number = cell(allocated).parse();
        let line = record.position().map_or(0, csv::Position::line);
        homes.insert(
            (cell(kind) == "outside", bytes_of_cell(cell(home))),
            BaseHome {
                uid: cell(uid).parse().ok(),
                owner: lossy(&bytes_of_cell(cell(owner))).0,
                complete: cell(coverage) == "complete",
                interrupted: cell(coverage) == "interrupted",
                allocated: number
                    .map_err(|_| format!("line {line}: allocated_bytes is no number"))?,
            },
        );
    }
    Ok(homes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_says_by_its_id_when_it_started() {
        let at = started_of("20261124T080232.123456Z").expect("an id");
        assert_eq!(at.to_string(), "2026-11-24T08:02:32.123456Z");
        assert_eq!(started_of("latest"), None);
    }
}
