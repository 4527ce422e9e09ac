//! The objects that are published of a run, and their keys.

use jiff::Timestamp;
use serde::Serialize;

use super::latest::Latest;
use crate::report::{DuNames, Report, csv, du, findings_csv};
use crate::service_error::{ServiceError, ServiceResult, Trouble};
use crate::store::Store;

/// Key of the small object that readers poll. It is written last, so the objects that it names
/// exist.
pub const LATEST: &str = "latest.json";

/// Key of the newest run as `du` prints it, for readers of that form.
pub const DU_LATEST: &str = "du/latest.txt";

/// The keys of a run's objects.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Keys {
    /// The report.
    pub run: String,
    /// The table of homes.
    pub homes: String,
    /// The table of findings.
    pub findings: String,
}

impl Keys {
    /// The day in the keys is that of the run's start, in UTC.
    pub fn of(report: &Report) -> Self {
        Self::new(&report.run.id, report.run.started)
    }

    pub(super) fn new(id: &str, started: Timestamp) -> Self {
        let day = started.strftime("%Y-%m-%d");
        let key = |table: &str, form: &str| format!("{table}/dt={day}/{id}.{form}");
        Self {
            run: key("runs", "json"),
            homes: key("homes", "csv"),
            findings: key("findings", "csv"),
        }
    }
}

/// A key and the contents of its object.
pub(crate) type Keyed = (String, Vec<u8>);

/// The objects of a run that never change.
pub(crate) fn immutable(report: &Report) -> ServiceResult<[Keyed; 3]> {
    let keys = Keys::of(report);
    let table = |made: Result<Vec<u8>, ::csv::Error>| {
        made.map_err(|error| ServiceError::new(Trouble::Refused, format!("writing CSV: {error}")))
    };
    Ok([
        (keys.run, json(report)?),
        // Each record is one line, whatever a name contains: Athena splits files at line ends.
        (keys.homes, table(csv(report, DuNames::Printable))?),
        (keys.findings, table(findings_csv(report))?),
    ])
}

/// The contents of [`DU_LATEST`]: the run as `du -h -d1` prints it.
pub(crate) fn du_latest(report: &Report) -> Vec<u8> {
    du(report, DuNames::Raw)
}

/// The contents of [`LATEST`] at this store.
pub(crate) fn latest(report: &Report, store: &dyn Store) -> ServiceResult<Vec<u8>> {
    json(&Latest { unconditional: !store.is_conditional(), ..Latest::of(report) })
}

fn json(value: &impl Serialize) -> ServiceResult<Vec<u8>> {
    serde_json::to_vec(value)
        .map_err(|error| ServiceError::new(Trouble::Refused, format!("writing JSON: {error}")))
}
