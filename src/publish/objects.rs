//! Writing a run to a store.
//!
//! The objects of the run first, each once and for ever; then `du/latest.txt` and, last of all,
//! `latest.json`. Both of these change only on the condition that nobody wrote since they were
//! read, and only from an older run to a newer one. A crash between any two steps leaves the
//! former `latest.json`, and the same calls again finish the work.

use serde::Deserialize;

use super::layout::{self, DU_LATEST, LATEST};
use super::store::{Condition, Put, Store};
use crate::report::Report;
use crate::service::{ServiceError, ServiceResult, Trouble};

/// How often the two are tried anew because somebody else wrote between.
const ROUNDS: usize = 8;

/// What became of `latest.json`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pointed {
    /// It names this run now, or did so before.
    Here,
    /// It names a newer run, and stays.
    Newer,
}

/// Publishes the run; a second time changes nothing.
///
/// # Errors
/// What could not be written. All of it may be tried again.
pub fn publish(store: &dyn Store, report: &Report) -> ServiceResult<Pointed> {
    for (key, bytes) in layout::immutable(report)? {
        // A conflict means that it is there already: nobody else writes under this run's name.
        store.put(&key, &bytes, Condition::Absent)?;
    }
    let latest_bytes = layout::latest(report)?;
    for _ in 0..ROUNDS {
        // In this order: whoever wins at `latest.json` has seen its own `du` unchanged.
        let du = store.get(DU_LATEST)?;
        let latest = store.get(LATEST)?;
        if let Some(latest) = &latest {
            let name = store.name(LATEST);
            let published = run_of(&latest.bytes).ok_or_else(|| {
                let text =
                    format!("{name} is not from efs-scan; move it away, or publish elsewhere");
                ServiceError::new(Trouble::Refused, text)
            })?;
            match published.as_str().cmp(report.run.id.as_str()) {
                std::cmp::Ordering::Greater => return Ok(Pointed::Newer),
                std::cmp::Ordering::Equal => return Ok(Pointed::Here),
                std::cmp::Ordering::Less => {}
            }
        }
        let text = layout::du_latest(report);
        let same = du.as_ref().is_some_and(|du| du.bytes == text);
        if !same && store.put(DU_LATEST, &text, Condition::since(du.as_ref()))? == Put::Conflict {
            continue;
        }
        if store.put(LATEST, &latest_bytes, Condition::since(latest.as_ref()))? == Put::Done {
            return Ok(Pointed::Here);
        }
    }
    let text = format!("{} is written by others all the time", store.name(LATEST));
    Err(ServiceError::new(Trouble::Throttled, text))
}

/// The id of the run that a `latest.json` names.
fn run_of(latest: &[u8]) -> Option<String> {
    #[derive(Deserialize)]
    struct Pointer {
        run: Run,
    }
    #[derive(Deserialize)]
    struct Run {
        id: String,
    }
    serde_json::from_slice::<Pointer>(latest).ok().map(|latest| latest.run.id)
}
