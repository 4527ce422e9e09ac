//! Reads the newest run at a destination: the one that `latest.json` names.

use jiff::{SignedDuration, Timestamp};
use serde::Deserialize;

use super::latest::{Latest, SCHEMA as LATEST_SCHEMA};
use super::layout::{Keys, LATEST};
use super::order::{Rank, rank, started_of};
use crate::report::{Report, drop_unchecked_commands};
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
    let latest = match serde_json::from_slice::<Latest>(&object.bytes) {
        Ok(latest) if latest.schema == LATEST_SCHEMA => latest,
        Ok(Latest { schema, .. }) => {
            return refused(format!(
                "{name} has the schema {schema}, and this program reads {LATEST_SCHEMA}"
            ));
        }
        Err(error) => return refused(format!("{name} is not from efs-scan: {error}")),
    };
    let keys = keys_of(&latest.run.id);
    match keys.is_some_and(|keys| (&keys.run, &keys.homes) == (&latest.report, &latest.homes_table))
    {
        true => Ok(Some(latest)),
        false => refused(format!(
            "{name} is not from efs-scan: its run {} and the objects that it names do not fit \
             together",
            latest.run.id
        )),
    }
}

/// The keys of a run's objects; `None` if this is not the id of a run.
fn keys_of(id: &str) -> Option<Keys> {
    Some(Keys::new(id, started_of(id)?))
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
    let mut report: Report = serde_json::from_slice(&object.bytes)
        .map_err(|error| refused(format!("{name} is not from efs-scan: {error}")))?;
    match report.run == latest.run {
        true => {
            drop_unchecked_commands(&mut report);
            Ok(report)
        }
        false => Err(refused(format!("{name} is not the run that {LATEST} names"))),
    }
}

/// The message for a destination without a published run.
pub fn nothing_there(store: &dyn Store) -> String {
    format!("nothing is published there yet: {} does not exist", store.name(LATEST))
}

/// The run that a `latest.json` names, in any version of its schema.
#[derive(Debug, Deserialize)]
pub(crate) struct Pointer {
    schema: String,
    pub(crate) run: PointerRun,
    /// Key of the report.
    pub(crate) report: String,
}

#[derive(Debug, Deserialize)]
pub(crate) struct PointerRun {
    pub(crate) id: String,
    started: Timestamp,
    pub(crate) finished: Timestamp,
}

impl Pointer {
    /// True if it is what this program writes, in any version.
    fn is_ours(&self) -> bool {
        self.schema.starts_with(ANY_SCHEMA)
            && keys_of(&self.run.id).is_some_and(|keys| keys.run == self.report)
    }

    /// Key of the table of homes.
    pub(crate) fn homes_table(&self) -> Option<String> {
        keys_of(&self.run.id).map(|keys| keys.homes)
    }

    /// Ranks the run. One whose times contradict each other is the work of a clock that stepped, or
    /// of nobody: any other run is newer.
    pub(crate) fn rank(&self, now: Timestamp) -> Rank<'_> {
        let PointerRun { id, started, finished } = &self.run;
        let fits = |start: Timestamp| start.duration_since(*started).abs() < ONE_SECOND;
        match started_of(id).is_some_and(fits) && started <= finished {
            true => rank(id, now),
            false => Rank::None,
        }
    }
}

/// Beginning of [`LATEST_SCHEMA`] in all its versions.
const ANY_SCHEMA: &str = "efs-scan/latest/";

const ONE_SECOND: SignedDuration = SignedDuration::from_secs(1);

/// Reads the pointer in `latest.json`.
pub(crate) fn named(store: &dyn Store, latest: &Object) -> ServiceResult<Pointer> {
    match serde_json::from_slice::<Pointer>(&latest.bytes) {
        Ok(pointer) if pointer.is_ours() => Ok(pointer),
        _ => {
            let name = store.name(LATEST);
            let text = format!("{name} is not from efs-scan; move it away, or publish elsewhere");
            Err(ServiceError::new(Trouble::Refused, text))
        }
    }
}
