//! Reads the newest run at a destination: the one that `latest.json` names.

use serde::Deserialize;

use super::latest::{Latest, SCHEMA as LATEST_SCHEMA};
use super::layout::LATEST;
use crate::report::Report;
use crate::service_error::{ServiceError, ServiceResult, Trouble};
use crate::store::{Object, Store};

/// Reads `latest.json`, if there is one.
///
/// # Errors
/// If it cannot be read, or is not from this program.
pub fn newest(store: &dyn Store) -> ServiceResult<Option<Latest>> {
    let Some(object) = store.get(LATEST)? else { return Ok(None) };
    let refused = |problem| Err(ServiceError::new(Trouble::Refused, problem));
    let name = store.name(LATEST);
    match serde_json::from_slice::<Latest>(&object.bytes) {
        Ok(latest) if latest.schema == LATEST_SCHEMA => Ok(Some(latest)),
        Ok(Latest { schema, .. }) => refused(format!(
            "{name} has the schema {schema}, and this program reads {LATEST_SCHEMA}"
        )),
        Err(error) => refused(format!("{name} is not from efs-scan: {error}")),
    }
}

/// Reads the report that `latest.json` names.
///
/// # Errors
/// If nothing is published, an object cannot be read, or the two are not of the same run.
pub fn newest_report(store: &dyn Store) -> ServiceResult<Report> {
    let missing = |text| ServiceError::new(Trouble::Missing, text);
    let refused = |text| ServiceError::new(Trouble::Refused, text);
    let latest = newest(store)?.ok_or_else(|| missing(nothing_there(store)))?;
    let (name, pointer) = (store.name(&latest.report), store.name(LATEST));
    let object = store.get(&latest.report)?;
    let object = object.ok_or_else(|| missing(format!("{name} is gone, which {pointer} names")))?;
    let report: Report = serde_json::from_slice(&object.bytes)
        .map_err(|error| refused(format!("{name} is not from efs-scan: {error}")))?;
    match report.run == latest.run {
        true => Ok(report),
        false => Err(refused(format!("{name} is not the run that {LATEST} names"))),
    }
}

/// The message for a destination without a published run.
pub fn nothing_there(store: &dyn Store) -> String {
    format!("nothing is published there yet: {} does not exist", store.name(LATEST))
}

/// The run that a `latest.json` names, in any version of its schema.
#[derive(Deserialize)]
pub(crate) struct Pointer {
    pub(crate) run: PointerRun,
    pub(crate) report: Option<String>,
}

#[derive(Deserialize)]
pub(crate) struct PointerRun {
    pub(crate) id: String,
}

/// Reads the pointer in `latest.json`.
pub(crate) fn named(store: &dyn Store, latest: &Object) -> ServiceResult<Pointer> {
    serde_json::from_slice(&latest.bytes).map_err(|_| {
        let name = store.name(LATEST);
        let text = format!("{name} is not from efs-scan; move it away, or publish elsewhere");
        ServiceError::new(Trouble::Refused, text)
    })
}
