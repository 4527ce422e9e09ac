//! Writes a run to a store.
//!
//! The objects of the run come first and never change. Then come `du/KEY.txt` and, last,
//! `latest/KEY.json`. Both change only if nobody wrote them since they were read, and only from an
//! older run of the file system to a newer one. A crash between any two steps leaves the former
//! `latest/KEY.json`, and repeating the calls completes the work.
//!
//! Two publishers could still leave the `du` of one beside the `latest` of the other: the older one
//! reads both, writes `du` after the newer one did, and fails at `latest`. So each publisher ends by
//! comparing `du` with the run that `latest/KEY.json` names. It corrects `du` if need be, and compares
//! again after each write, so the last writer has seen the two agree.
//!
//! `du/latest.txt` is the same text while one file system is published, and says so where there are
//! several. Each publisher makes it right after its `latest/KEY.json` is there, so the last one has seen
//! all file systems.

use std::cmp::Ordering;
use std::io::Write;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::log;
use crate::published::{
    self, DU_LATEST, Keys, Pointer, Rank, Unchanging, du_key, latest_key, rank,
};
use crate::report::{FileSystemKey, Report, Root, Roots};
use crate::service_error::{ServiceError, ServiceResult, Trouble};
use crate::store::{Condition, Fill, Put, Store};

/// Attempts of a conditional write when others write in between.
pub(super) const ROUNDS: usize = 8;

/// The run that `latest/KEY.json`, or a page, shows after a write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pointed {
    /// This run, since now or before.
    Here,
    /// A newer run, so nothing was written.
    Newer,
}

/// What to do where another root has published under the key of a file system.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum OtherRoot {
    #[default]
    Refuse,
    /// It is the same file system, mounted elsewhere or moved.
    TakeOver,
}

/// Checks that a run of this root can be published under a key: that the store can be written and
/// keeps the conditions of writes, that what is there of the file system is from this program, and is
/// of the same root. Returns when its newest run finished.
///
/// # Errors
/// Says why it cannot.
pub fn check(
    store: &dyn Store,
    key: &FileSystemKey,
    root: &Root<'_>,
    other: OtherRoot,
) -> ServiceResult<Option<Timestamp>> {
    store.check()?;
    published::refuse_version_1(store)?;
    let Some((newest, _)) = published::pointer(store, key)? else { return Ok(None) };
    if other == OtherRoot::Refuse {
        refuse_other_root(store, key, &newest, root)?;
    }
    if let Some(table) = newest.homes_table() {
        store.check_kept(&table)?;
    }
    Ok(Some(newest.run.finished))
}

/// Refuses to mix the runs of two roots under one key.
fn refuse_other_root(
    store: &dyn Store,
    key: &FileSystemKey,
    there: &Pointer,
    root: &Root<'_>,
) -> ServiceResult<()> {
    let Some(other) = there.run.root().filter(|other| root.against(other) == Roots::Other) else {
        return Ok(());
    };
    let name = store.name(&latest_key(key));
    let text = format!(
        "{name} is of the run {} of {}, which is not what {} is: give this file system a --name of its \
         own, or publish elsewhere; --take-over if it is the same one, mounted elsewhere or moved",
        there.run.id,
        other.human(),
        root.human(),
    );
    Err(ServiceError::new(Trouble::Refused, text))
}

/// A run that is published.
#[derive(Clone, Copy)]
pub(super) struct Publishable<'a> {
    pub(super) report: &'a Report,
    /// Makes its table of directories, if it has one.
    pub(super) dirs: Option<&'a Fill<'a>>,
}

/// Publishes the run. Repeating it changes nothing.
///
/// # Errors
/// Names the object that could not be written. All of it may be tried again.
pub fn publish(store: &dyn Store, report: &Report) -> ServiceResult<Pointed> {
    publish_over(store, Publishable { report, dirs: None }, OtherRoot::Refuse)
}

/// Publishes the run, perhaps over those of another root.
pub(super) fn publish_over(
    store: &dyn Store,
    Publishable { report, dirs }: Publishable<'_>,
    other: OtherRoot,
) -> ServiceResult<Pointed> {
    published::refuse_version_1(store)?;
    let key = report.file_system_key();
    if let (OtherRoot::Refuse, Some((there, _))) = (other, published::pointer(store, &key)?) {
        let now = Timestamp::now();
        // An earlier run replaces nothing.
        if there.rank(now) < rank(&report.run.id, now) {
            refuse_other_root(store, &key, &there, &report.run.root_of())?;
        }
    }
    for Unchanging { key, write } in published::immutable(report) {
        // A conflict means that the object is there already: keys are unique to the run.
        store.put_filled(&key, &|to| write(report, to), Condition::Absent)?;
    }
    if let Some(dirs) = dirs {
        store.put_filled(&Keys::of(report).dirs, dirs, Condition::Absent)?;
    }
    let pointed = point(store, report)?;
    settle(store, report)?;
    Ok(pointed)
}

/// Makes `latest/KEY.json` name this run, unless it names a newer one.
fn point(store: &dyn Store, report: &Report) -> ServiceResult<Pointed> {
    let of = report.file_system_key();
    let (du_key, latest_key) = (du_key(&of), latest_key(&of));
    let text = published::du_latest(report);
    for _ in 0..ROUNDS {
        let du = store.get(&du_key)?;
        let latest = published::pointer(store, &of)?;
        if let Some((pointer, _)) = &latest {
            let now = Timestamp::now();
            match pointer.rank(now).cmp(&rank(&report.run.id, now)) {
                Ordering::Greater => return Ok(Pointed::Newer),
                Ordering::Equal => return Ok(Pointed::Here),
                Ordering::Less => warn_of_clock(&store.name(&latest_key), pointer, now),
            }
        }
        // Before a first run there was nothing to check this with.
        if latest.is_none() {
            store.check_kept(&Keys::of(report).homes)?;
        }
        let same = du.as_ref().is_some_and(|du| du.bytes == text);
        if !same && store.put(&du_key, &text, Condition::since(du.as_ref()))? == Put::Conflict {
            continue;
        }
        let fill = |to: &mut dyn Write| published::latest(report, store.is_conditional(), to);
        let seen = latest.map_or(Condition::Absent, |(_, version)| Condition::Unchanged(version));
        if store.put_filled(&latest_key, &fill, seen)? == Put::Done {
            return Ok(Pointed::Here);
        }
    }
    Err(crowded(store, &latest_key))
}

/// Warns if the run that is replaced is there because a clock was wrong. `name` is its object's.
fn warn_of_clock(name: &str, pointer: &Pointer, now: Timestamp) {
    let why = match pointer.rank(now) {
        Rank::Run(_) => return,
        Rank::Future(_) => "is from the future",
        Rank::None => "has times that contradict each other",
    };
    log::warn!(
        "{name} named the run {}, which {why}: a clock is or was wrong. This run replaces it",
        pointer.run.id
    );
}

/// Makes `du/KEY.txt` that of the run that `latest/KEY.json` names, and `du/latest.txt` the same where
/// no other file system is published.
fn settle(store: &dyn Store, report: &Report) -> ServiceResult<()> {
    let key = du_key(&report.file_system_key());
    for _ in 0..ROUNDS {
        let Some(text) = newest_du(store, report)? else { return Ok(()) };
        let of_it = settled(store, &key, &text)?;
        // It is read before the file systems are listed: another one's publisher, who lists them after
        // that, changes it then.
        let there = store.get(DU_LATEST)?;
        let text = match published::file_systems(store)?.len() {
            0 | 1 => &text[..],
            _ => published::DU_OF_SEVERAL,
        };
        let of_all = there.as_ref().is_some_and(|there| there.bytes == text);
        if !of_all {
            store.put(DU_LATEST, text, Condition::since(there.as_ref()))?;
        }
        if of_it && of_all {
            return Ok(());
        }
    }
    Err(crowded(store, &key))
}

/// Writes the text unless it is there, and returns true if it was. After a conflict, too, it is to be
/// compared again.
fn settled(store: &dyn Store, key: &str, text: &[u8]) -> ServiceResult<bool> {
    let there = store.get(key)?;
    if there.as_ref().is_some_and(|there| there.bytes == text) {
        return Ok(true);
    }
    store.put(key, text, Condition::since(there.as_ref()))?;
    Ok(false)
}

/// The newest run of the report's file system in the form of `du`. `None` if its report was removed:
/// then the right text is unknown.
fn newest_du(store: &dyn Store, report: &Report) -> ServiceResult<Option<Vec<u8>>> {
    let Some((pointer, _)) = published::pointer(store, &report.file_system_key())? else {
        return Ok(None);
    };
    if pointer.run.id == report.run.id {
        return Ok(Some(published::du_latest(report)));
    }
    let key = pointer.report;
    let Some(read) = published::parsed::<Report>(store, &key)? else { return Ok(None) };
    let newer = read.map_err(|error| {
        let text = format!("{}: {error}", store.name(&key));
        ServiceError::new(Trouble::Refused, text)
    })?;
    Ok(Some(published::du_latest(&newer)))
}

pub(super) fn crowded(store: &dyn Store, key: &str) -> ServiceError {
    let text = format!("{} keeps being changed by other writers", store.name(key));
    ServiceError::new(Trouble::Throttled, text)
}
