//! Writing a run to a store.
//!
//! The objects of the run first, each once and for ever; then `du/latest.txt` and, last of all,
//! `latest.json`. Both of these change only on the condition that nobody wrote since they were
//! read, and only from an older run to a newer one. A crash between any two steps leaves the
//! former `latest.json`, and the same calls again finish the work.
//!
//! Two publishers may still leave the `du` of the one beside the `latest.json` of the other: the
//! older one reads both, writes `du` after the newer one did, and loses at `latest.json`. So
//! everybody ends by holding `du` against the run that `latest.json` names, and mends it, and
//! looks again after each write of its own: whoever wrote last has seen that the two agree.

use std::cmp::Ordering;

use crate::published::{self, DU_LATEST, LATEST, named};
use crate::report::Report;
use crate::service_error::{ServiceError, ServiceResult, Trouble};
use crate::store::{Condition, Put, Store};

/// How often the two are tried anew because somebody else wrote between.
pub(super) const ROUNDS: usize = 8;

/// What became of `latest.json`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pointed {
    /// It names this run now, or did so before.
    Here,
    /// It names a newer run, and stays.
    Newer,
}

/// Makes sure that a run can be published: that the store can be written, and that what is there
/// is from this program.
///
/// # Errors
/// What stands in the way.
pub fn check(store: &dyn Store) -> ServiceResult<()> {
    store.check()?;
    store.get(LATEST)?.map_or(Ok(()), |latest| named(store, &latest).map(drop))
}

/// Publishes the run; a second time changes nothing.
///
/// # Errors
/// What could not be written. All of it may be tried again.
pub fn publish(store: &dyn Store, report: &Report) -> ServiceResult<Pointed> {
    for (key, bytes) in published::immutable(report)? {
        // A conflict means that it is there already: nobody else writes under this run's name.
        store.put(&key, &bytes, Condition::Absent)?;
    }
    let pointed = point(store, report)?;
    settle(store, report)?;
    Ok(pointed)
}

/// Lets `latest.json` name this run, unless it names a newer one.
fn point(store: &dyn Store, report: &Report) -> ServiceResult<Pointed> {
    let latest_bytes = published::latest(report)?;
    let text = published::du_latest(report);
    for _ in 0..ROUNDS {
        let du = store.get(DU_LATEST)?;
        let latest = store.get(LATEST)?;
        if let Some(latest) = &latest {
            match named(store, latest)?.run.id.as_str().cmp(report.run.id.as_str()) {
                Ordering::Greater => return Ok(Pointed::Newer),
                Ordering::Equal => return Ok(Pointed::Here),
                Ordering::Less => {}
            }
        }
        let same = du.as_ref().is_some_and(|du| du.bytes == text);
        if !same && store.put(DU_LATEST, &text, Condition::since(du.as_ref()))? == Put::Conflict {
            continue;
        }
        if store.put(LATEST, &latest_bytes, Condition::since(latest.as_ref()))? == Put::Done {
            return Ok(Pointed::Here);
        }
    }
    Err(crowded(store, LATEST))
}

/// Makes `du/latest.txt` that of the run that `latest.json` names.
fn settle(store: &dyn Store, report: &Report) -> ServiceResult<()> {
    for _ in 0..ROUNDS {
        let Some(latest) = store.get(LATEST)? else { return Ok(()) };
        let du = store.get(DU_LATEST)?;
        let pointer = named(store, &latest)?;
        let text = if pointer.run.id == report.run.id {
            published::du_latest(report)
        } else {
            // Where it was removed, nobody can say what belongs there.
            let Some(key) = pointer.report else { return Ok(()) };
            let Some(run) = store.get(&key)? else { return Ok(()) };
            let newer: Report = serde_json::from_slice(&run.bytes).map_err(|error| {
                let text = format!("{}: {error}", store.name(&key));
                ServiceError::new(Trouble::Refused, text)
            })?;
            published::du_latest(&newer)
        };
        if du.as_ref().is_some_and(|du| du.bytes == text) {
            return Ok(());
        }
        // Done or not: look again.
        store.put(DU_LATEST, &text, Condition::since(du.as_ref()))?;
    }
    Err(crowded(store, DU_LATEST))
}

pub(super) fn crowded(store: &dyn Store, key: &str) -> ServiceError {
    let text = format!("{} is written by others all the time", store.name(key));
    ServiceError::new(Trouble::Throttled, text)
}
