//! The run of about a day before another one, which may not be published yet.

use jiff::SignedDuration;

use super::homes_table::{HomesTable, TableCoverage, homes_tables};
use super::runs::is_same_scope;
use crate::report::{Coverage, GrowthBase, HomesBefore, Run};
use crate::service_error::ServiceResult;
use crate::store::Store;

/// Hours that the run may be older: timers drift, and a day may be missed.
const FROM: i64 = 12;
const TO: i64 = 60;

/// Runs that are looked at, at most.
const MOST: usize = 8;

/// The homes of the run of the day before.
pub(crate) struct DayBefore {
    pub(crate) base: GrowthBase,
    pub(crate) homes: HomesBefore,
    /// True if the run lists every home that there was.
    pub(crate) all_homes: bool,
}

/// Reads the homes of the complete run nearest to a day before this one, which scanned the same. Where
/// none is complete, one that is not has the homes that it read. The error inside is the reason why
/// there is none.
///
/// # Errors
/// If the store cannot be read.
pub(crate) fn day_before(store: &dyn Store, of: &Run) -> ServiceResult<Result<DayBefore, String>> {
    let Some(identity) = &of.identity else { return Ok(Err("the run has no identity".to_owned())) };
    let first = of.started.saturating_sub(SignedDuration::from_hours(TO));
    let (tables, unlisted) = homes_tables(store, &identity.key, first.unwrap_or(of.started))?;
    if let Some(error) = unlisted.into_iter().next() {
        return Err(error);
    }
    let age = |table: &HomesTable| of.started.duration_since(table.started);
    let near = |table: &HomesTable| {
        age(table) >= SignedDuration::from_hours(FROM)
            && age(table) <= SignedDuration::from_hours(TO)
    };
    let mut tables: Vec<HomesTable> = tables.into_iter().filter(near).collect();
    tables.sort_by_key(|table| (age(table) - SignedDuration::from_hours(24)).abs());
    if tables.is_empty() {
        return Ok(Err(format!("no run of {FROM} to {TO} hours before is published")));
    }
    let mut partial = None;
    for table in tables.into_iter().take(MOST) {
        // A lifecycle rule may remove it between listing and reading.
        let Some(object) = store.get(&table.key)? else { continue };
        if !is_same_scope(store, &table, of)? {
            continue;
        }
        let (mut homes, mut read) = (HomesBefore::new(), TableCoverage::default());
        table.rows(store, object.bytes, |row| {
            read.add(row.outside, row.coverage);
            if !row.outside {
                let whole = row.coverage == Coverage::Complete;
                homes.insert(row.home.into_owned(), whole.then_some(row.allocated));
            }
        })?;
        let days = ((age(&table).as_hours() + 12) / 24).max(1);
        let base = GrowthBase {
            run: table.run,
            started: table.started,
            days: u32::try_from(days).unwrap_or(1),
        };
        let before = DayBefore { base, homes, all_homes: read.all_homes };
        if read.coverage == Coverage::Complete {
            return Ok(Ok(before));
        }
        partial.get_or_insert(before);
    }
    let none = format!("the runs of {FROM} to {TO} hours before scanned something else");
    Ok(partial.ok_or(none))
}
