//! Gives runs that an earlier version left in the spool the file system that they are of. It kept one
//! spool for all.

use std::fs;
use std::io;
use std::path::Path;

use serde::Deserialize;
use serde::de::IgnoredAny;

use super::spool::{Job, job_file, progress_file};
use crate::report::{FileSystemKey, Identity};
use crate::state::{self, StateDir};
use crate::text::bytes_of;

/// The file system that has the state directory as its part, and is about to be scanned.
pub(super) struct Adopter<'a> {
    pub(super) identity: &'a Identity,
    /// The bytes of the root as reports name it.
    pub(super) root: &'a [u8],
}

/// Gives the runs of an earlier version in the spool of `state` their file systems: those of the
/// adopter get its identity and stay, and others move to a part of their own. The caller holds the
/// lock. It may be killed at any step, and done again. The problems, a line each, keep nothing else
/// back.
pub(super) fn adopt(state: &StateDir, by: &Adopter<'_>) -> Vec<String> {
    let names = fs::read_dir(state.path("spool")).into_iter().flatten().flatten();
    let names = names.filter_map(|entry| entry.file_name().into_string().ok());
    let mut ids: Vec<String> =
        names.filter_map(|name| Some(name.strip_suffix(".run.json")?.to_owned())).collect();
    ids.sort_unstable();
    ids.iter().filter_map(|id| run(state, id, by).err()).collect()
}

/// The parts of a run in the spool that say whose it is.
#[derive(Deserialize)]
struct Spooled {
    report: SpooledReport,
}

#[derive(Deserialize)]
struct SpooledReport {
    run: SpooledRun,
    #[serde(default)]
    file_system: Option<SpooledId>,
}

#[derive(Deserialize)]
struct SpooledRun {
    #[serde(default)]
    identity: Option<IgnoredAny>,
    root: String,
    #[serde(default)]
    root_base64: Option<String>,
}

#[derive(Deserialize)]
struct SpooledId {
    id: String,
}

/// Gives a run its file system. Whoever sends a run that cannot be read names it.
fn run(state: &StateDir, id: &str, by: &Adopter<'_>) -> Result<(), String> {
    let from = state.path(&job_file(id));
    let Ok(Spooled { report }) = state::read::<Spooled>(&from) else { return Ok(()) };
    if report.run.identity.is_some() {
        return Ok(());
    }
    if by.owns(&report) {
        let read = |error: io::Error| format!("reading {}: {error}", state::shown(&from).display());
        let mut job: Job = state::read(&from).map_err(read)?;
        job.report.run.identity = Some(by.identity.clone());
        return state::write(&from, &job);
    }
    let part = state.separate_part(report.key().as_str()).map_err(|error| error.to_string())?;
    // Its steps come first: the run is sent from where they are.
    rename(&state.path(&progress_file(id)), &part.path(&progress_file(id)))?;
    rename(&from, &part.path(&job_file(id)))
}

impl SpooledReport {
    fn root(&self) -> Vec<u8> {
        bytes_of(&self.run.root, self.run.root_base64.as_deref())
    }

    fn key(&self) -> FileSystemKey {
        let id = self.file_system.as_ref().and_then(|it| FileSystemKey::new(&it.id).ok());
        id.unwrap_or_else(|| FileSystemKey::of_root(&self.root()))
    }
}

impl Adopter<'_> {
    /// True if a run is of the adopter's file system: of its id, or without one of its root.
    fn owns(&self, report: &SpooledReport) -> bool {
        match &report.file_system {
            Some(known) => known.id == self.identity.key.as_str(),
            None => report.root() == self.root,
        }
    }
}

fn rename(from: &Path, to: &Path) -> Result<(), String> {
    match fs::rename(from, to) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            Err(format!("moving {}: {error}", state::shown(from).display()))
        }
        _ => Ok(()),
    }
}
