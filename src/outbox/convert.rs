//! Makes the Parquet tables of runs that earlier versions published with CSV tables.
//!
//! They are made of the run's report, so they are what this version would have published. The CSV
//! tables stay, and nothing reads them any more. Whatever ends the work, doing it again completes it.

use std::collections::{BTreeMap, BTreeSet};

use crate::published::{self, Form, Keys, id_of_key, write_findings, write_homes};
use crate::report::{FileSystemKey, Report, drop_unchecked_commands};
use crate::service_error::ServiceResult;
use crate::store::{Condition, Store};

/// Outcome of the conversion of a file system's tables.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Converted {
    /// Number of runs whose tables were made.
    pub runs: usize,
    /// Ids of the runs whose report is gone or broken. Their tables stay CSV, which this program
    /// reads as well.
    pub left: Vec<String>,
}

/// Makes the tables of all runs that lack them.
pub(super) fn convert(store: &dyn Store) -> ServiceResult<BTreeMap<FileSystemKey, Converted>> {
    let mut all = BTreeMap::new();
    for of in published::file_systems(store)? {
        let mut converted = Converted::default();
        let ids = unconverted(store, &of)?;
        if !ids.is_empty() {
            store.check()?;
        }
        for id in ids {
            match convert_run(store, &of, &id)? {
                true => converted.runs += 1,
                false => converted.left.push(id),
            }
        }
        if converted != Converted::default() {
            all.insert(of, converted);
        }
    }
    Ok(all)
}

/// Lists the runs with a CSV table that they do not have as Parquet.
fn unconverted(store: &dyn Store, of: &FileSystemKey) -> ServiceResult<BTreeSet<String>> {
    let mut all = BTreeSet::new();
    for table in ["homes", "findings"] {
        let ids = |form: Form| {
            let days = form.days(table, of);
            let listed = store.list(&days, &days)?;
            match listed.unlisted.into_iter().next() {
                Some(error) => Err(error),
                None => Ok(listed.keys.iter().filter_map(|key| id_of_key(key)).collect()),
            }
        };
        let (old, new): (BTreeSet<String>, BTreeSet<String>) =
            (ids(Form::Csv)?, ids(Form::Parquet)?);
        all.extend(old.into_iter().filter(|id| !new.contains(id)));
    }
    Ok(all)
}

/// Returns false if the run's report is gone or broken.
fn convert_run(store: &dyn Store, of: &FileSystemKey, id: &str) -> ServiceResult<bool> {
    let Some(keys) = Keys::of_id(of, id) else { return Ok(false) };
    let report = published::parsed::<Report>(store, &keys.run)?;
    let Some(mut report) = report.and_then(Result::ok).filter(|report| report.run.id == id) else {
        return Ok(false);
    };
    drop_unchecked_commands(&mut report);
    let write = |to: &mut dyn std::io::Write| write_homes(&report, of, to);
    store.put_filled(&keys.homes, &write, Condition::Absent)?;
    let write = |to: &mut dyn std::io::Write| write_findings(&report, of, to);
    store.put_filled(&keys.findings, &write, Condition::Absent)?;
    Ok(true)
}
