//! Moves a destination from version 1 of the layout, which held one file system, to the present one.
//!
//! Every object is copied to its new key, byte for byte; then each file system gets the summary of its
//! newest run; `latest.json` is replaced last, by a note that no version takes for a run. So an earlier
//! version cannot publish there any more. Whatever ends the work between two steps, doing it again
//! completes it. The old objects stay where they are, and nothing reads them. After that, tables are
//! converted: see [`convert`].

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde_json::{Value, json};

use super::convert::{Converted, convert};
use super::objects::{ROUNDS, crowded};
use crate::published::{
    self, DU_LATEST, Keys, LATEST_V1, OldRun, du_key, is_version_1, latest_key, old_run, rank,
};
use crate::report::{FileSystemKey, Report};
use crate::service_error::{ServiceError, ServiceResult, Trouble};
use crate::store::{Condition, Put, Store};

/// What was moved.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Migrated {
    /// The file systems, by the number of their runs.
    pub runs: BTreeMap<FileSystemKey, usize>,
    /// The file systems that had runs with CSV tables.
    pub tables: BTreeMap<FileSystemKey, Converted>,
}

/// Moves and converts everything. What is in the present layout and form stays as it is.
///
/// # Errors
/// Names the object that could not be read or written. All of it may be tried again.
pub fn migrate(store: &dyn Store) -> ServiceResult<Migrated> {
    let runs = move_runs(store)?;
    Ok(Migrated { runs, tables: convert(store)? })
}

/// Moves the runs of version 1. Returns their number by file system.
fn move_runs(store: &dyn Store) -> ServiceResult<BTreeMap<FileSystemKey, usize>> {
    for _ in 0..ROUNDS {
        let Some(latest) = store.get(LATEST_V1)?.filter(|it| is_version_1(&it.bytes)) else {
            return Ok(BTreeMap::new());
        };
        store.check()?;
        let newest: Value = serde_json::from_slice(&latest.bytes).map_err(|error| {
            refused(format!("{} is not from efs-scan: {error}", store.name(LATEST_V1)))
        })?;
        let runs = old_runs(store, &newest)?;
        for run in &runs {
            copy(store, run)?;
        }
        let mut moved: BTreeMap<FileSystemKey, usize> = BTreeMap::new();
        for run in &runs {
            *moved.entry(run.of.clone()).or_default() += 1;
        }
        for of in moved.keys() {
            point(store, of, &runs, &newest)?;
        }
        if moved.len() > 1 {
            let there = store.get(DU_LATEST)?;
            store.put(DU_LATEST, published::DU_OF_SEVERAL, Condition::since(there.as_ref()))?;
        }
        let note = json!({
            "schema": "efs-scan/moved/2",
            "note": "The runs are at latest/KEY.json; an earlier efs-scan cannot publish here any more.",
        });
        let note = note.to_string();
        let unchanged = Condition::Unchanged(latest.version);
        // An earlier version may have published meanwhile.
        if store.put(LATEST_V1, note.as_bytes(), unchanged)? == Put::Done {
            return Ok(moved);
        }
    }
    Err(crowded(store, LATEST_V1))
}

/// A run of version 1, and the file system that it belongs to.
struct Old {
    of: FileSystemKey,
    id: String,
    /// The objects that are there: the old key and the new one.
    objects: Vec<(String, String)>,
}

/// Lists the runs, each with its file system: by the EFS id in its report, or else by the id that the
/// other runs of its root have, or else by the root. A run whose report is gone is of the newest one's.
fn old_runs(store: &dyn Store, newest: &Value) -> ServiceResult<Vec<Old>> {
    let mut keys: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for table in ["runs", "homes", "findings"] {
        let days = format!("{table}/dt=");
        let listed = store.list(&days, &days)?;
        if let Some(error) = listed.unlisted.into_iter().next() {
            return Err(error);
        }
        for key in listed.keys {
            if let Some(id) = published::id_of_key(&key) {
                keys.entry(id).or_default().push(key);
            }
        }
    }
    let mut reports: BTreeMap<&str, OldRun> = BTreeMap::new();
    for (id, keys) in &keys {
        if let Some(key) = keys.iter().find(|key| key.starts_with("runs/"))
            && let Some(run) = old_run(store, key)?
        {
            reports.insert(id, run);
        }
    }
    let mut ids_of_roots: BTreeMap<&[u8], BTreeSet<&FileSystemKey>> = BTreeMap::new();
    for run in reports.values() {
        ids_of_roots.entry(&run.root).or_default().extend(&run.efs);
    }
    let of = |run: &OldRun| {
        let ids = ids_of_roots.get(&*run.root).filter(|ids| ids.len() == 1);
        let id = run.efs.as_ref().or_else(|| ids.and_then(|ids| ids.iter().copied().next()));
        id.cloned().unwrap_or_else(|| FileSystemKey::of_root(&run.root))
    };
    let newest = newest["run"]["id"].as_str().and_then(|id| reports.get(id));
    let rest = newest.or_else(|| reports.values().next_back()).map(&of);
    let mut runs = Vec::new();
    for (id, old) in &keys {
        let Some(of) = reports.get(id.as_str()).map(&of).or_else(|| rest.clone()) else {
            return Err(refused(format!(
                "{}: no report says which root was scanned",
                store.name("runs/")
            )));
        };
        let moved =
            |key: &String| Some((key.clone(), key.replacen("/dt=", &format!("/fs={of}/dt="), 1)));
        let objects = old.iter().filter_map(moved).collect();
        runs.push(Old { of, id: id.clone(), objects });
    }
    Ok(runs)
}

/// Copies the objects of a run.
fn copy(store: &dyn Store, run: &Old) -> ServiceResult<()> {
    for (old, new) in &run.objects {
        // A lifecycle rule may remove it between listing and reading.
        let Some(object) = store.get(old)? else { continue };
        if store.put(new, &object.bytes, Condition::Absent)? == Put::Conflict {
            let there = store.get(new)?;
            if there.is_none_or(|there| there.bytes != object.bytes) {
                let (old, new) = (store.name(old), store.name(new));
                return Err(refused(format!("{new} is there already, and is not what {old} is")));
            }
        }
    }
    Ok(())
}

/// Writes the summary of a file system's newest run, and its form of `du`, unless that of a later one is
/// there.
fn point(store: &dyn Store, of: &FileSystemKey, runs: &[Old], newest: &Value) -> ServiceResult<()> {
    let mut own = runs.iter().rev().filter(|run| run.of == *of);
    let is_newest = |run: &&Old| newest["run"]["id"] == *run.id;
    // The newest run of all is the one that was pointed to, whatever the clock says of others.
    let run = own.clone().find(is_newest).or_else(|| own.next());
    let Some(run) = run else { return Ok(()) };
    let key = |table: &str| {
        run.objects.iter().map(|(_, new)| new).find(|new| new.starts_with(table)).cloned()
    };
    let report = match key("runs/") {
        Some(key) => published::parsed::<Report>(store, &key)?
            .transpose()
            .map_err(|error| refused(format!("{}: {error}", store.name(&key))))?,
        None => None,
    };
    let mut summary = match (is_newest(&run), &report) {
        (true, _) => newest.clone(),
        (false, Some(report)) => {
            let mut json = Vec::new();
            // Memory takes all.
            let _ = published::latest(report, store.is_conditional(), &mut json);
            serde_json::from_slice(&json).map_err(|error| refused(error.to_string()))?
        }
        (false, None) => return Ok(()),
    };
    let Some(keys) = Keys::of_id(of, &run.id) else { return Ok(()) };
    summary["report"] = keys.run.into();
    // It is CSV, and stays beside the Parquet table that is made of it.
    summary["homes_table"] = key("homes/").unwrap_or(keys.homes).into();
    let (du_key, latest_key, summary) = (du_key(of), latest_key(of), summary.to_string());
    for _ in 0..ROUNDS {
        let (there, now) = (published::pointer(store, of)?, Timestamp::now());
        // The work was broken off after this step. An earlier version may have published since then.
        if there.as_ref().is_some_and(|(there, _)| there.rank(now) >= rank(&run.id, now)) {
            return Ok(());
        }
        if let Some(report) = &report {
            let du = store.get(&du_key)?;
            store.put(&du_key, &published::du_latest(report), Condition::since(du.as_ref()))?;
        }
        let seen = there.map_or(Condition::Absent, |(_, version)| Condition::Unchanged(version));
        if store.put(&latest_key, summary.as_bytes(), seen)? == Put::Done {
            return Ok(());
        }
    }
    Err(crowded(store, &latest_key))
}

fn refused(text: String) -> ServiceError {
    ServiceError::new(Trouble::Refused, text)
}
