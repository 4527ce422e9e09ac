//! The spool: runs that are not completely published yet.
//!
//! A run is written here before anything is sent, and removed when all of it has been sent. So
//! whatever happens in between, the next run or `efs-scan publish` finds it and continues after
//! the last step that is known to be done.

use std::fs::{self, File};
use std::io;

use serde::{Deserialize, Serialize};

use super::metrics_of::MetricsOf;
use super::objects::OtherRoot;
use crate::log;
use crate::report::Report;
use crate::state::{self, StateDir};
use crate::store::{Destination, Fill};

/// The targets that a run goes to.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Targets {
    /// The destination of its objects.
    pub publish: Option<Destination>,
    /// The target of its metrics.
    pub cloudwatch: Option<CloudWatch>,
    /// The target of the notice of homes over quota.
    pub notify: Option<Notify>,
    /// What to do where another root has published as this file system.
    #[serde(default)]
    pub other_root: OtherRoot,
}

impl Targets {
    /// True if the run goes nowhere.
    pub fn is_empty(&self) -> bool {
        self.publish.is_none() && self.cloudwatch.is_none() && self.notify.is_none()
    }
}

/// Metrics for CloudWatch.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CloudWatch {
    pub namespace: String,
    /// Value of the dimension `FileSystemId`.
    pub file_system: String,
    /// The users with metrics of their own.
    pub users: MetricsOf,
    /// The groups with metrics of their own. A run of an earlier version has none.
    #[serde(default)]
    pub groups: MetricsOf,
}

/// A notice through SNS.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Notify {
    /// ARN of the topic.
    pub topic: String,
    /// Send it also if nothing changed.
    pub always: bool,
}

/// A run and its targets.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Job {
    // The key in spool files of earlier versions.
    #[serde(rename = "plan")]
    pub targets: Targets,
    pub report: Report,
}

/// A [`Job`] that is not taken out of the spool.
#[derive(Clone, Copy, Debug, Serialize)]
pub(super) struct JobRef<'a> {
    #[serde(rename = "plan")]
    pub(super) targets: &'a Targets,
    pub(super) report: &'a Report,
}

impl Job {
    pub(super) fn by_ref(&self) -> JobRef<'_> {
        JobRef { targets: &self.targets, report: &self.report }
    }
}

/// The steps of a run that are done.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct StepsDone {
    /// The objects are written.
    pub(super) published: bool,
    /// Number of metrics that were sent, in their order.
    pub(super) metrics: usize,
    /// All metrics were sent.
    pub(super) measured: bool,
    /// The notice was sent or was not needed.
    pub(super) notified: bool,
}

impl StepsDone {
    /// True if every step for these targets is done.
    pub(super) fn is_all_of(&self, targets: &Targets) -> bool {
        (self.published || targets.publish.is_none())
            && (self.measured || targets.cloudwatch.is_none())
            && (self.notified || targets.notify.is_none())
    }
}

/// Adds a run.
///
/// # Errors
/// If it cannot be written: it would be lost with this process.
pub(super) fn add(state: &StateDir, job: JobRef<'_>) -> Result<(), String> {
    state.write(&job_file(&job.report.run.id), &job)
}

/// Adds the table of directories of a run. Its run is added after it.
///
/// # Errors
/// If it cannot be written.
pub(super) fn add_dirs(state: &StateDir, id: &str, dirs: &Fill<'_>) -> Result<(), String> {
    state.fill(&dirs_file(id), dirs)
}

/// Opens the table of directories of a run; `None` if it has none.
///
/// # Errors
/// If it cannot be opened.
pub(super) fn dirs(state: &StateDir, id: &str) -> Result<Option<File>, String> {
    let path = state.path(&dirs_file(id));
    match File::open(&path) {
        Ok(file) => Ok(Some(file)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(format!("reading {}: {error}", state::shown(&path).display())),
    }
}

/// Lists the ids of the runs in the spool, oldest first. What is wrong is added to `problems`, a line
/// each, and the rest is listed.
pub(super) fn waiting(state: &StateDir, problems: &mut Vec<String>) -> Vec<String> {
    let spool = state.path("spool");
    let (mut ids, mut progress, mut dirs) = (Vec::new(), Vec::new(), Vec::new());
    let listed = fs::read_dir(&spool).and_then(|entries| {
        for entry in entries {
            let name = entry?.file_name().into_string().unwrap_or_default();
            ids.extend(name.strip_suffix(".run.json").map(str::to_owned));
            progress.extend(name.strip_suffix(".progress.json").map(str::to_owned));
            dirs.extend(name.strip_suffix(".dirs.parquet").map(str::to_owned));
        }
        Ok(())
    });
    ids.sort_unstable();
    if let Err(error) = listed {
        problems.push(format!("listing {}: {error}", state::shown(&spool).display()));
        // The run of a step may be among those that were not listed.
        return ids;
    }
    // A crash between removing a run and its progress leaves the progress, and one between writing
    // its directories and the run leaves those.
    let is_left = |id: &&String| ids.binary_search(id).is_err();
    for left in progress.iter().filter(is_left) {
        problems.extend(remove_file(state, &progress_file(left)).err());
    }
    for left in dirs.iter().filter(is_left) {
        problems.extend(remove_dirs(state, left).err());
    }
    ids
}

/// Reads a run.
///
/// # Errors
/// If it cannot be read. It stays where it is.
pub(super) fn job(state: &StateDir, id: &str) -> Result<Job, String> {
    let path = state.path(&job_file(id));
    let failed = |error: String| format!("reading {}: {error}", state::shown(&path).display());
    let job: Job = state::read(&path).map_err(|error| failed(error.to_string()))?;
    // The keys of its objects contain the id.
    if job.report.run.id != id {
        return Err(failed(format!("it holds another run, {}", job.report.run.id)));
    }
    Ok(job)
}

/// Reads the steps of a run that are done.
pub(super) fn steps_done(state: &StateDir, id: &str) -> StepsDone {
    state.read(&progress_file(id)).unwrap_or_default()
}

/// Writes the steps of a run that are done. If that fails, a step may be repeated, which only
/// counts a metric twice.
pub(super) fn remember(state: &StateDir, id: &str, done: &StepsDone) {
    if let Err(problem) = state.write(&progress_file(id), done) {
        log::warn!("{problem}");
    }
}

/// Removes a run that is published.
///
/// # Errors
/// Names the file that could not be removed.
pub(super) fn remove(state: &StateDir, id: &str) -> Result<(), String> {
    // The run goes first: progress without a run has no effect.
    remove_file(state, &job_file(id))?;
    remove_file(state, &progress_file(id))?;
    remove_dirs(state, id)
}

/// Removes the table of directories of a run.
///
/// # Errors
/// Names the file that could not be removed.
pub(super) fn remove_dirs(state: &StateDir, id: &str) -> Result<(), String> {
    remove_file(state, &dirs_file(id))
}

fn remove_file(state: &StateDir, name: &str) -> Result<(), String> {
    let path = state.path(name);
    match fs::remove_file(&path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            Err(format!("removing {}: {error}", state::shown(&path).display()))
        }
        _ => Ok(()),
    }
}

pub(super) fn job_file(id: &str) -> String {
    format!("spool/{id}.run.json")
}

pub(super) fn dirs_file(id: &str) -> String {
    format!("spool/{id}.dirs.parquet")
}

pub(super) fn progress_file(id: &str) -> String {
    format!("spool/{id}.progress.json")
}
