//! What is published of a run, and under which keys.

use serde::Serialize;

use super::latest::Latest;
use crate::report::{DuNames, Report, csv, du, findings_csv};
use crate::service_error::{ServiceError, ServiceResult, Trouble};

/// The small object that readers ask for. It is written last: what it names is there.
pub const LATEST: &str = "latest.json";

/// The form of the old daily file.
pub const DU_LATEST: &str = "du/latest.txt";

/// Where the objects of a run are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Keys {
    /// The whole report.
    pub run: String,
    /// A line for each home.
    pub homes: String,
    /// A line for each finding.
    pub findings: String,
}

impl Keys {
    /// The keys of a run; its day is the one it started on, in UTC.
    pub fn of(report: &Report) -> Self {
        let day = report.run.started.strftime("%Y-%m-%d");
        let id = &report.run.id;
        let key = |table: &str, form: &str| format!("{table}/dt={day}/{id}.{form}");
        Self {
            run: key("runs", "json"),
            homes: key("homes", "csv"),
            findings: key("findings", "csv"),
        }
    }
}

/// An object and its key.
pub(crate) type Keyed = (String, Vec<u8>);

/// The objects that never change once they are there.
pub(crate) fn immutable(report: &Report) -> ServiceResult<[Keyed; 3]> {
    let keys = Keys::of(report);
    let table = |made: Result<Vec<u8>, ::csv::Error>| {
        made.map_err(|error| ServiceError::new(Trouble::Refused, format!("writing CSV: {error}")))
    };
    Ok([
        (keys.run, json(report)?),
        // One record on each line, whatever a name holds: Athena splits files at line ends.
        (keys.homes, table(csv(report, DuNames::Printable))?),
        (keys.findings, table(findings_csv(report))?),
    ])
}

/// `du -h -d1` of the run.
pub(crate) fn du_latest(report: &Report) -> Vec<u8> {
    du(report, DuNames::Raw)
}

/// What points to the run.
pub(crate) fn latest(report: &Report) -> ServiceResult<Vec<u8>> {
    json(&Latest::of(report))
}

fn json(value: &impl Serialize) -> ServiceResult<Vec<u8>> {
    serde_json::to_vec(value)
        .map_err(|error| ServiceError::new(Trouble::Refused, format!("writing JSON: {error}")))
}
