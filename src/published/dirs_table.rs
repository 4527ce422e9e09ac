//! Finds the published tables of directories.

use jiff::{SignedDuration, Timestamp};

use super::homes_table::HomesTable;
use super::order::started_of;
use super::runs::is_same_scope;
use crate::report::{FileSystemKey, Run};
use crate::service_error::{ServiceError, ServiceResult};
use crate::store::{Listing, Store};

/// The table of directories of a run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct DirsTable {
    pub(crate) key: String,
    /// Id of the run.
    pub(crate) run: String,
    /// Start of the run, by its id.
    pub(crate) started: Timestamp,
}

/// Lists the tables of a file system's runs, oldest first. A day that cannot be listed is an error
/// beside them.
///
/// # Errors
/// If the store cannot list them at all.
pub(crate) fn dirs_tables(
    store: &dyn Store,
    of: &FileSystemKey,
) -> ServiceResult<(Vec<DirsTable>, Vec<ServiceError>)> {
    let days = format!("dirs/fs={of}/dt=");
    let Listing { keys, unlisted } = store.list(&days, &days)?;
    let mut tables: Vec<DirsTable> = keys.into_iter().filter_map(DirsTable::of).collect();
    tables.sort_by(|a, b| (a.started, &a.run).cmp(&(b.started, &b.run)));
    Ok((tables, unlisted))
}

/// Ages of a run, in hours, that another one is compared with.
const FROM: i64 = 12;
const TO: i64 = 10 * 24;

/// Runs that are looked at, at most.
const LOOKS: usize = 8;

/// Finds the table of the run whose age at the start of `run` is nearest to `wanted`, between half a day
/// and ten days, and that scanned the same.
///
/// # Errors
/// If the store cannot list or read.
pub(crate) fn table_before(
    store: &dyn Store,
    of: &FileSystemKey,
    run: &Run,
    wanted: SignedDuration,
) -> ServiceResult<Option<DirsTable>> {
    let first = run.started.saturating_sub(SignedDuration::from_hours(TO));
    let days = format!("dirs/fs={of}/dt=");
    let from = format!("{days}{}", first.unwrap_or(run.started).strftime("%Y-%m-%d"));
    let Listing { keys, unlisted } = store.list(&days, &from)?;
    if let Some(error) = unlisted.into_iter().next() {
        return Err(error);
    }
    let age = |table: &DirsTable| run.started.duration_since(table.started);
    let mut tables: Vec<DirsTable> = keys.into_iter().filter_map(DirsTable::of).collect();
    tables.retain(|table| (FROM..=TO).contains(&age(table).as_hours()));
    tables.sort_by_key(|table| (age(table) - wanted).abs());
    for table in tables.into_iter().take(LOOKS) {
        // Both forms of its table of homes are of the same report.
        if let Some([homes, _]) = table.homes(of)
            && is_same_scope(store, &homes, run)?
        {
            return Ok(Some(table));
        }
    }
    Ok(None)
}

impl DirsTable {
    /// `None` if the key is not that of a run's table.
    fn of(key: String) -> Option<Self> {
        let run = key.rsplit('/').next()?.strip_suffix(".parquet")?.to_owned();
        let started = started_of(&run)?;
        Some(Self { key, run, started })
    }

    /// The table of a run; `None` if this is not the id of a run. It may not be there.
    pub(crate) fn of_run(of: &FileSystemKey, run: &str) -> Option<Self> {
        let day = started_of(run)?.strftime("%Y-%m-%d");
        Self::of(format!("dirs/fs={of}/dt={day}/{run}.parquet"))
    }

    /// The tables of homes that the same run may have.
    pub(crate) fn homes(&self, of: &FileSystemKey) -> Option<[HomesTable; 2]> {
        HomesTable::of_run(of, &self.run)
    }
}
