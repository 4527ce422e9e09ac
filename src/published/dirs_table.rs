//! Finds the published tables of directories.

use jiff::Timestamp;

use super::homes_table::HomesTable;
use super::order::started_of;
use crate::report::FileSystemKey;
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

    /// The table of homes of the same run.
    pub(crate) fn homes(&self) -> HomesTable {
        let path = self.key.strip_prefix("dirs/").unwrap_or(&self.key);
        let path = path.strip_suffix(".parquet").unwrap_or(path);
        let (run, started) = (self.run.clone(), self.started);
        HomesTable { key: format!("homes/{path}.csv"), run, started }
    }
}
