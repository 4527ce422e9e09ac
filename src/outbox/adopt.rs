//! Moves what an earlier version kept in the state directory to the parts of its file systems: it kept
//! one spool, and the last notices of one file system.

use std::fs;
use std::io;
use std::path::Path;

use serde::Deserialize;

use super::send::LAST_NOTICES;
use super::spool::{Job, job_file, progress_file};
use crate::report::{FileSystemKey, Identity};
use crate::state::{self, StateDir};
use crate::text::bytes_of;

/// The file system that is about to be scanned, whose the rest of the state is.
pub(super) struct Adopter<'a> {
    pub(super) part: &'a StateDir,
    pub(super) identity: &'a Identity,
    /// The bytes of the root as reports name it.
    pub(super) root: &'a [u8],
}

/// Moves everything. It may be killed at any step, and done again. The problems, a line each, keep
/// nothing else back.
pub(super) fn adopt(state: &StateDir, by: Option<&Adopter<'_>>) -> Vec<String> {
    let mut problems = Vec::new();
    let spool = state.path("spool");
    if spool.is_dir() {
        // The scan of an earlier version may go on.
        match state.lock("moving its spool") {
            Ok(_lock) => spooled(state, by, &mut problems),
            Err(error) => problems.push(error.to_string()),
        }
    }
    if let Some(by) = by {
        let (from, to) = (state.path(LAST_NOTICES), by.part.path(LAST_NOTICES));
        if !to.exists() {
            problems.extend(rename(&from, &to).err());
        }
    }
    problems
}

fn spooled(state: &StateDir, by: Option<&Adopter<'_>>, problems: &mut Vec<String>) {
    let spool = state.path("spool");
    let names = fs::read_dir(&spool).into_iter().flatten().flatten();
    let names = names.filter_map(|entry| entry.file_name().into_string().ok());
    let mut ids: Vec<String> =
        names.filter_map(|name| Some(name.strip_suffix(".run.json")?.to_owned())).collect();
    ids.sort_unstable();
    for id in ids {
        problems.extend(run(state, &id, by).err());
    }
    // What is left of a run that is gone says nothing.
    let left = fs::read_dir(&spool).into_iter().flatten().flatten();
    for entry in
        left.filter(|entry| entry.file_name().to_string_lossy().ends_with(".progress.json"))
    {
        let _ = fs::remove_file(entry.path());
    }
    // Not if anything is in it.
    let _ = fs::remove_dir(&spool);
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
    root: String,
    #[serde(default)]
    root_base64: Option<String>,
}

#[derive(Deserialize)]
struct SpooledId {
    id: String,
}

/// Moves a run to the part of its file system. A run that cannot be read is the adopter's, who names it
/// whenever it sends.
fn run(state: &StateDir, id: &str, by: Option<&Adopter<'_>>) -> Result<(), String> {
    let (from, progress) = (state.path(&job_file(id)), state.path(&progress_file(id)));
    let spooled = state::read::<Spooled>(&from).ok().map(|spooled| spooled.report);
    let adopter = by.filter(|by| spooled.as_ref().is_none_or(|report| by.owns(report)));
    let part = match (adopter, &spooled) {
        (Some(by), _) => by.part.clone(),
        (None, Some(report)) => {
            state.part(report.key().as_str()).map_err(|error| error.to_string())?
        }
        (None, None) => return Ok(()),
    };
    // Its steps come first: the run is sent from where they are.
    rename(&progress, &part.path(&progress_file(id)))?;
    let to = part.path(&job_file(id));
    if let (Some(by), Some(_)) = (adopter, &spooled) {
        // Its report gets the identity that the root has now.
        let read = |error: io::Error| format!("reading {}: {error}", state::shown(&from).display());
        let mut job: Job = state::read(&from).map_err(read)?;
        job.report.run.identity = Some(by.identity.clone());
        state::write(&to, &job)?;
        return fs::remove_file(&from)
            .map_err(|error| format!("removing {}: {error}", state::shown(&from).display()));
    }
    rename(&from, &to)
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
