//! The earlier runs that the newest one is compared with, from the published tables of homes.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use serde::Serialize;

use crate::changes::GrewMost;
use crate::published::{HomesTable, Latest, TableCoverage, homes_tables};
use crate::report::{Coverage, FileSystemKey};
use crate::service_error::{ServiceError, ServiceResult};
use crate::store::Store;
use crate::text::lossy;
use crate::units::AllocatedBytes;

/// A period, and how old the run that stands for it may be: timers drift, and days are missed.
const DAY: Span = Span { hours: 24, from: 12, to: 60 };
const WEEK: Span = Span { hours: 7 * 24, from: 6 * 24, to: 10 * 24 };

#[derive(Clone, Copy)]
struct Span {
    hours: i64,
    from: i64,
    to: i64,
}

/// A run to compare with.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Base {
    /// Id of the run.
    pub(super) run: String,
    pub(super) started: Timestamp,
    #[serde(skip)]
    pub(super) homes: BTreeMap<HomeKey, BaseHome>,
}

/// True for the entry for everything outside of homes, and a name. A home may have the name of that
/// entry.
pub(super) type HomeKey = (bool, Vec<u8>);

/// A home of an earlier run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct BaseHome {
    pub(super) uid: Option<u32>,
    pub(super) owner: String,
    pub(super) coverage: Coverage,
    pub(super) allocated: u64,
}

/// The runs that stand for the day and the week before.
#[derive(Clone, Debug, Default)]
pub(crate) struct Bases {
    pub(super) day: Option<Base>,
    pub(super) week: Option<Base>,
    /// The place of each home that grew most since the day before.
    pub(super) grew: BTreeMap<HomeKey, Grew>,
    /// Why these are not known, although both runs may have a table of directories.
    pub(crate) grew_left_out: Option<String>,
    /// True if that is because a table could not be read.
    pub(crate) grew_unread: bool,
    /// Runs to compare with that may be there and could not be read.
    pub(crate) unread: Vec<ServiceError>,
}

/// The place of a home that grew most.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(super) struct Grew {
    /// Path below the home; empty for what is directly in it.
    pub(super) path: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) path_base64: Option<String>,
    pub(super) allocated_bytes: AllocatedBytes,
    /// True if it was not there the day before.
    pub(super) new: bool,
}

impl Bases {
    /// Id of the run of the day before.
    pub(crate) fn day_run(&self) -> Option<&str> {
        self.day.as_ref().map(|base| base.run.as_str())
    }

    /// Adds the places that grew most since that run.
    pub(crate) fn add_grew(&mut self, places: Vec<GrewMost>) {
        self.grew = (places.into_iter())
            .map(|place| {
                let (path, path_base64) = lossy(&place.path);
                let (allocated_bytes, new) = (place.allocated, place.new);
                ((place.outside, place.home), Grew { path, path_base64, allocated_bytes, new })
            })
            .collect();
    }

    /// Reads the runs. What cannot be read counts as missing: the rest of the status does not need it.
    pub(crate) fn read(store: &dyn Store, of: &FileSystemKey, latest: &Latest) -> Self {
        let started = latest.run.started;
        let first = started.saturating_sub(SignedDuration::from_hours(WEEK.to + 24));
        let mut problems = Vec::new();
        let runs = match homes_tables(store, of, first.unwrap_or(started)) {
            Ok((runs, unlisted)) => {
                problems = unlisted;
                runs
            }
            Err(error) => {
                problems.push(error);
                Vec::new()
            }
        };
        let mut find = |span: Span| {
            let hours = |at: Timestamp| started.duration_since(at).as_hours();
            let near = |run: &&HomesTable| (span.from..=span.to).contains(&hours(run.started));
            let nearest = runs.iter().filter(near).min_by_key(|run| {
                let away = started.duration_since(run.started);
                (away - SignedDuration::from_hours(span.hours)).abs()
            });
            let read = nearest.map(|run| read_base(store, run)).transpose();
            read.unwrap_or_else(|error| {
                problems.push(error);
                None
            })
        };
        let (day, week) = (find(DAY).flatten(), find(WEEK).flatten());
        Self { day, week, unread: problems, ..Self::default() }
    }
}

fn read_base(store: &dyn Store, run: &HomesTable) -> ServiceResult<Option<Base>> {
    // A lifecycle rule may remove it between listing and reading.
    let Some(object) = store.get(&run.key)? else { return Ok(None) };
    let mut homes = BTreeMap::new();
    run.rows(store, object.bytes, |row| {
        let home = BaseHome {
            uid: row.uid,
            owner: row.owner.into_owned(),
            coverage: row.coverage,
            allocated: row.allocated.0,
        };
        homes.insert((row.outside, row.home.into_owned()), home);
    })?;
    Ok(Some(Base { run: run.run.clone(), started: run.started, homes }))
}

impl Base {
    /// The coverage of the run, by its homes.
    pub(super) fn listed(&self) -> TableCoverage {
        let mut listed = TableCoverage::default();
        self.homes.iter().for_each(|((outside, _), home)| listed.add(*outside, home.coverage));
        listed
    }
}

impl BaseHome {
    pub(super) fn complete(&self) -> bool {
        self.coverage == Coverage::Complete
    }
}
