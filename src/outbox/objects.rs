//! Writes a run to a store.
//!
//! The objects of the run come first and never change. Then come `du/latest.txt` and, last,
//! `latest.json`. Both change only if nobody wrote them since they were read, and only from an
//! older run to a newer one. A crash between any two steps leaves the former `latest.json`, and
//! repeating the calls completes the work.
//!
//! Two publishers could still leave the `du` of one beside the `latest.json` of the other: the
//! older one reads both, writes `du` after the newer one did, and fails at `latest.json`. So each
//! publisher ends by comparing `du` with the run that `latest.json` names. It corrects `du` if
//! need be, and compares again after each write, so the last writer has seen the two agree.

use std::cmp::Ordering;
use std::io::Write;

use jiff::Timestamp;

use crate::log;
use crate::published::{self, DU_LATEST, Keys, LATEST, Pointer, Rank, Unchanging, rank};
use crate::report::Report;
use crate::service_error::{ServiceError, ServiceResult, Trouble};
use crate::store::{Condition, Put, Store};

/// Attempts of a conditional write when others write in between.
pub(super) const ROUNDS: usize = 8;

/// The run that `latest.json`, or a page, shows after a write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pointed {
    /// This run, since now or before.
    Here,
    /// A newer run, so nothing was written.
    Newer,
}

/// Checks that a run can be published: that the store can be written and keeps the conditions of
/// writes, and that `latest.json` is from this program. Returns when the newest run finished.
///
/// # Errors
/// Says why it cannot.
pub fn check(store: &dyn Store) -> ServiceResult<Option<Timestamp>> {
    store.check()?;
    let Some((newest, _)) = published::pointer(store)? else { return Ok(None) };
    if let Some(table) = newest.homes_table() {
        store.check_kept(&table)?;
    }
    Ok(Some(newest.run.finished))
}

/// Publishes the run. Repeating it changes nothing.
///
/// # Errors
/// Names the object that could not be written. All of it may be tried again.
pub fn publish(store: &dyn Store, report: &Report) -> ServiceResult<Pointed> {
    for Unchanging { key, write } in published::immutable(report) {
        // A conflict means that the object is there already: keys are unique to the run.
        store.put_filled(&key, &|to| write(report, to), Condition::Absent)?;
    }
    let pointed = point(store, report)?;
    settle(store, report)?;
    Ok(pointed)
}

/// Makes `latest.json` name this run, unless it names a newer one.
fn point(store: &dyn Store, report: &Report) -> ServiceResult<Pointed> {
    let text = published::du_latest(report);
    for _ in 0..ROUNDS {
        let du = store.get(DU_LATEST)?;
        let latest = published::pointer(store)?;
        if let Some((pointer, _)) = &latest {
            let now = Timestamp::now();
            match pointer.rank(now).cmp(&rank(&report.run.id, now)) {
                Ordering::Greater => return Ok(Pointed::Newer),
                Ordering::Equal => return Ok(Pointed::Here),
                Ordering::Less => warn_of_clock(store, pointer, now),
            }
        }
        // Before a first run there was nothing to check this with.
        if latest.is_none() {
            store.check_kept(&Keys::of(report).homes)?;
        }
        let same = du.as_ref().is_some_and(|du| du.bytes == text);
        if !same && store.put(DU_LATEST, &text, Condition::since(du.as_ref()))? == Put::Conflict {
            continue;
        }
        let fill = |to: &mut dyn Write| published::latest(report, store.is_conditional(), to);
        let seen = latest.map_or(Condition::Absent, |(_, version)| Condition::Unchanged(version));
        if store.put_filled(LATEST, &fill, seen)? == Put::Done {
            return Ok(Pointed::Here);
        }
    }
    Err(crowded(store, LATEST))
}

/// Warns if the run that is replaced is there because a clock was wrong.
fn warn_of_clock(store: &dyn Store, pointer: &Pointer, now: Timestamp) {
    let why = match pointer.rank(now) {
        Rank::Run(_) => return,
        Rank::Future(_) => "is from the future",
        Rank::None => "has times that contradict each other",
    };
    let name = store.name(LATEST);
    log::warn!(
        "{name} named the run {}, which {why}: a clock is or was wrong. This run replaces it",
        pointer.run.id
    );
}

/// Makes `du/latest.txt` that of the run that `latest.json` names.
fn settle(store: &dyn Store, report: &Report) -> ServiceResult<()> {
    for _ in 0..ROUNDS {
        let Some((pointer, _)) = published::pointer(store)? else { return Ok(()) };
        let du = store.get(DU_LATEST)?;
        let text = if pointer.run.id == report.run.id {
            published::du_latest(report)
        } else {
            // If that report was removed, the right text is unknown.
            let key = pointer.report;
            let Some(read) = published::parsed::<Report>(store, &key)? else { return Ok(()) };
            let newer = read.map_err(|error| {
                let text = format!("{}: {error}", store.name(&key));
                ServiceError::new(Trouble::Refused, text)
            })?;
            published::du_latest(&newer)
        };
        if du.as_ref().is_some_and(|du| du.bytes == text) {
            return Ok(());
        }
        // After a conflict, too, the loop compares again.
        store.put(DU_LATEST, &text, Condition::since(du.as_ref()))?;
    }
    Err(crowded(store, DU_LATEST))
}

pub(super) fn crowded(store: &dyn Store, key: &str) -> ServiceError {
    let text = format!("{} keeps being changed by other writers", store.name(key));
    ServiceError::new(Trouble::Throttled, text)
}
