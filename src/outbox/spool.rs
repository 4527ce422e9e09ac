//! Runs that are not wholly published yet.
//!
//! A run is written here, whole, before anything is sent, and removed when all of it was. So
//! whatever happens between, the next run or `efs-scan publish` finds it and goes on after the
//! last step that is known to be done.

use std::fs;
use std::io;

use serde::{Deserialize, Serialize};

use super::cloudwatch::UserMetrics;
use crate::report::Report;
use crate::state::State;
use crate::store::Destination;

/// Where a run is to go.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Plan {
    /// Its objects.
    pub publish: Option<Destination>,
    /// Its metrics.
    pub cloudwatch: Option<CloudWatch>,
    /// The notice of who is over quota.
    pub notify: Option<Notify>,
}

impl Plan {
    /// Whether there is nothing to do.
    pub fn is_empty(&self) -> bool {
        self.publish.is_none() && self.cloudwatch.is_none() && self.notify.is_none()
    }
}

/// Metrics for CloudWatch.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CloudWatch {
    /// The namespace.
    pub namespace: String,
    /// The dimension `FileSystemId`.
    pub file_system: String,
    /// Which users have metrics too.
    pub users: UserMetrics,
}

/// A notice through SNS.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Notify {
    /// ARN of the topic.
    pub topic: String,
    /// Also where nothing changed.
    pub always: bool,
}

/// A run and where it is to go.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Job {
    /// Where.
    pub plan: Plan,
    /// What.
    pub report: Report,
}

/// Which steps are done.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Progress {
    /// The objects are written.
    pub published: bool,
    /// How many metrics were sent, in their order.
    pub metrics: usize,
    /// All metrics were.
    pub measured: bool,
    /// The notice was sent, or was not needed.
    pub notified: bool,
}

impl Progress {
    /// Whether every step of the plan is done.
    pub(super) fn is_all_of(&self, plan: &Plan) -> bool {
        (self.published || plan.publish.is_none())
            && (self.measured || plan.cloudwatch.is_none())
            && (self.notified || plan.notify.is_none())
    }
}

/// Adds a run.
///
/// # Errors
/// If it could not be written: then it would be lost with this process.
pub fn add(state: &State, job: &Job) -> Result<(), String> {
    state.write(&job_file(&job.report.run.id), job)
}

/// Ids of the runs that wait, oldest first.
///
/// # Errors
/// If the spool cannot be listed.
pub(super) fn waiting(state: &State) -> Result<Vec<String>, String> {
    let spool = state.path("spool");
    let failed = |error: io::Error| format!("listing {}: {error}", spool.display());
    let (mut ids, mut progress) = (Vec::new(), Vec::new());
    for entry in fs::read_dir(&spool).map_err(failed)? {
        let name = entry.map_err(failed)?.file_name().into_string().unwrap_or_default();
        ids.extend(name.strip_suffix(".run.json").map(str::to_owned));
        progress.extend(name.strip_suffix(".progress.json").map(str::to_owned));
    }
    ids.sort_unstable();
    // What a crash left that came between removing a run and its progress.
    for left in progress.iter().filter(|id| ids.binary_search(id).is_err()) {
        fs::remove_file(state.path(&progress_file(left))).map_err(failed)?;
    }
    Ok(ids)
}

/// A waiting run.
///
/// # Errors
/// If it cannot be read. It stays where it is.
pub(super) fn job(state: &State, id: &str) -> Result<Job, String> {
    let path = state.path(&job_file(id));
    let failed = |error: String| format!("reading {}: {error}", path.display());
    let bytes = fs::read(&path).map_err(|error| failed(error.to_string()))?;
    let job: Job = serde_json::from_slice(&bytes).map_err(|error| failed(error.to_string()))?;
    // Keys are made of it.
    if job.report.run.id != id {
        return Err(failed(format!("it holds another run, {}", job.report.run.id)));
    }
    Ok(job)
}

/// How far it is.
pub(super) fn progress(state: &State, id: &str) -> Progress {
    state.read(&progress_file(id)).unwrap_or_default()
}

/// Remembers how far it is. If that fails, a step may be done twice: no harm but to a count.
pub(super) fn remember(state: &State, id: &str, progress: &Progress) {
    if let Err(problem) = state.write(&progress_file(id), progress) {
        tracing::warn!("{problem}");
    }
}

/// Forgets a run that is published.
///
/// # Errors
/// Names the file that could not be removed.
pub(super) fn remove(state: &State, id: &str) -> Result<(), String> {
    // The run first: progress without a run means nothing.
    for name in [job_file(id), progress_file(id)] {
        let path = state.path(&name);
        match fs::remove_file(&path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                return Err(format!("removing {}: {error}", path.display()));
            }
            _ => {}
        }
    }
    Ok(())
}

fn job_file(id: &str) -> String {
    format!("spool/{id}.run.json")
}

fn progress_file(id: &str) -> String {
    format!("spool/{id}.progress.json")
}
