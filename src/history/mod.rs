//! The size of each home over the published runs, its growth, and when that reaches a limit. See
//! [`read()`].

mod fleet;
mod fleet_forms;
mod forms;
mod growth;
mod months;
mod read;
mod series;
mod spark;
mod sums;
mod table;
mod view;

use crate::published::{newest, nothing_there};
use crate::report::FileSystemKey;
use crate::service_error::ServiceResult;
use crate::store::Store;

pub(crate) use fleet::{FleetHistory, MemberHistory};
pub(crate) use forms::{csv, json};
pub use growth::Forecast;
pub(crate) use read::read_sums;
pub use read::{read, trend};
pub use series::{History, HomeSeries, RunPoint};
pub(crate) use spark::Blocks;
pub(crate) use sums::SumBy;
pub(crate) use table::table;
pub(crate) use view::HistoryView;

/// Says why the history of a file system has no runs.
pub(crate) fn why_empty(
    history: &History,
    store: &dyn Store,
    of: &FileSystemKey,
    days: u32,
) -> ServiceResult<String> {
    let tables = store.name(&format!("homes/parquet/fs={of}/"));
    let broken = history.unreadable.len() + history.unlisted;
    if broken > 0 {
        return Ok(format!(
            "no table of the last {days} days in {tables} could be read; broken: {broken}"
        ));
    }
    Ok(match newest(store, of)? {
        None => nothing_there(store),
        Some(_) => format!("no run of the last {days} days is in {tables}; --days N looks further"),
    })
}
