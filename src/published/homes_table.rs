//! Reads the published tables of homes: the results of earlier runs without their reports.

use std::borrow::Cow;

use jiff::Timestamp;

use super::layout::Form;
use super::order::started_of;
use super::{homes_csv, homes_parquet};
use crate::report::{Coverage, FileSystemKey};
use crate::service_error::{ServiceError, ServiceResult, Trouble};
use crate::store::{Listing, Store};
use crate::units::{AllocatedBytes, MeteredBytes};

/// The table of homes of a run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HomesTable {
    pub key: String,
    /// Id of the run.
    pub run: String,
    /// Start of the run, by its id.
    pub started: Timestamp,
    form: Form,
}

/// One row of a table.
#[derive(Clone, Debug)]
pub struct HomeRow<'a> {
    /// True for the row of everything outside homes. A home may have the same name.
    pub outside: bool,
    /// The bytes of its path below the root.
    pub home: Cow<'a, [u8]>,
    pub uid: Option<u32>,
    /// The owner's name; empty if no owner is known.
    pub owner: Cow<'a, str>,
    pub coverage: Coverage,
    pub allocated: AllocatedBytes,
    pub quota: Option<AllocatedBytes>,
    /// The name of the group that pays; empty if there is none.
    pub group: Cow<'a, str>,
    /// `None` in a table without that column.
    pub metered: Option<MeteredBytes>,
    /// Estimated cost in USD a month, if a price is known.
    pub cost_month: Option<f64>,
}

/// Lists the tables of a file system's runs that started on the day of `first` (in UTC) or later,
/// oldest first. A day that cannot be listed is an error beside them.
///
/// # Errors
/// If the store cannot list them at all.
pub fn homes_tables(
    store: &dyn Store,
    of: &FileSystemKey,
    first: Timestamp,
) -> ServiceResult<(Vec<HomesTable>, Vec<ServiceError>)> {
    let day = first.strftime("%Y-%m-%d").to_string();
    let (mut tables, mut errors) = (Vec::new(), Vec::new());
    for form in Form::ALL {
        let days = form.days("homes", of);
        let Listing { keys, unlisted } = store.list(&days, &format!("{days}{day}"))?;
        tables.extend(keys.into_iter().filter_map(|key| HomesTable::of(key, form)));
        errors.extend(unlisted);
    }
    // A run whose table was converted has it in both forms, the present one first.
    tables.sort_by(|a, b| (a.started, &a.run, a.form).cmp(&(b.started, &b.run, b.form)));
    tables.dedup_by(|a, b| a.run == b.run);
    Ok((tables, errors))
}

impl HomesTable {
    /// `None` if the key is not that of a run's table.
    fn of(key: String, form: Form) -> Option<Self> {
        let run = key.rsplit('/').next()?.strip_suffix(form.end())?.to_owned();
        let started = started_of(&run)?;
        Some(Self { key, run, started, form })
    }

    /// The tables that a run may have: in the present form, or in that of an earlier version.
    pub(super) fn of_run(of: &FileSystemKey, run: &str) -> Option<[Self; 2]> {
        let started = started_of(run)?;
        let table = |form: Form| {
            let key = form.key("homes", of, run, started);
            Self { key, run: run.to_owned(), started, form }
        };
        Some(Form::ALL.map(table))
    }

    /// Key of the run's report.
    pub(super) fn report_key(&self) -> String {
        let path = self.form.below(&self.key).unwrap_or(&self.key);
        format!("runs/{path}.json")
    }

    /// Passes every row of the table, whose object is `bytes`, to `each`. Some rows may come before
    /// an error.
    ///
    /// # Errors
    /// Names the table and what is wrong with it.
    pub fn rows(
        &self,
        store: &dyn Store,
        bytes: Vec<u8>,
        each: impl FnMut(HomeRow<'_>),
    ) -> ServiceResult<()> {
        let read = match self.form {
            Form::Parquet => homes_parquet::rows(bytes, each),
            Form::Csv => homes_csv::rows(&bytes, each),
        };
        read.map_err(|problem| {
            ServiceError::new(Trouble::Refused, format!("{}: {problem}", store.name(&self.key)))
        })
    }
}

/// The coverage of a run, by the rows of its table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TableCoverage {
    /// True if every home has a row: the run was not interrupted, and no directory above the
    /// homes, which counts as outside of them, was unreadable.
    pub all_homes: bool,
    pub coverage: Coverage,
}

impl Default for TableCoverage {
    fn default() -> Self {
        Self { all_homes: true, coverage: Coverage::Complete }
    }
}

impl TableCoverage {
    /// Adds a row.
    pub fn add(&mut self, outside: bool, coverage: Coverage) {
        self.all_homes &= match outside {
            true => coverage == Coverage::Complete,
            false => coverage != Coverage::Interrupted,
        };
        self.coverage = match (self.coverage, coverage) {
            (Coverage::Interrupted, _) | (_, Coverage::Interrupted) => Coverage::Interrupted,
            (Coverage::Complete, Coverage::Complete) => Coverage::Complete,
            _ => Coverage::Partial,
        };
    }
}
