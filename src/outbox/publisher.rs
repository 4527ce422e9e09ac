//! The front of the outbox: a scan prepares it, puts its run into the spool, and sends.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use jiff::Timestamp;

use super::adopt::{Adopter, adopt};
use super::metrics_of::MetricsOf;
use super::objects::{self, OtherRoot};
use super::send::{Kept, Own, Places, Sent, Unkept, send};
use super::spool::{self, CloudWatch, JobRef, Notify, Targets};
use crate::aws::Aws;
use crate::exit::{Exit, Failure};
use crate::log;
use crate::output::refuse_inside;
use crate::report::{Coverage, Identity, Report, Root};
use crate::service_error::ServiceError;
use crate::state::{Lock, State, StateDir, StateError, StateObjects, StatePlace, shown};
use crate::stop::Stop;
use crate::store::{Destination, Fill, Opener};
use crate::text::{plural, printable};

/// The targets of runs, as far as the configuration knows.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Publishing {
    /// The destination of the objects.
    pub(crate) to: Option<Destination>,
    /// True if interrupted runs are published, too.
    pub(crate) interrupted: bool,
    /// True if HTML pages are published at the destination.
    pub(crate) report: bool,
    /// True if the table of directories is published.
    pub(crate) dirs: bool,
    /// Namespace of the metrics.
    pub(crate) namespace: Option<String>,
    /// Users who have metrics of their own.
    pub(crate) users: MetricsOf,
    /// Groups that have metrics of their own.
    pub(crate) groups: MetricsOf,
    pub(crate) notify: Option<Notify>,
    /// What to do where another root has published as this file system.
    pub(crate) other_root: OtherRoot,
}

impl Publishing {
    /// True if runs go nowhere.
    pub(crate) fn is_empty(&self) -> bool {
        self.to.is_none() && self.namespace.is_none() && self.notify.is_none()
    }

    /// The targets of a run of this file system.
    fn targets(&self, file_system: Option<String>) -> Result<Targets, Failure> {
        let cloudwatch = match &self.namespace {
            None => None,
            Some(namespace) => Some(CloudWatch {
                namespace: namespace.clone(),
                file_system: file_system.ok_or_else(|| {
                    Failure::usage("--cloudwatch needs --file-system-id: the root does not name an EFS file system")
                })?,
                users: self.users.clone(),
                groups: self.groups.clone(),
            }),
        };
        let publish = match &self.to {
            // Absolute, because a later process with another working directory may send the run.
            Some(Destination::Directory(path)) => {
                Some(Destination::Directory(std::path::absolute(path).map_err(Failure::usage)?))
            }
            other => other.clone(),
        };
        Ok(Targets {
            publish,
            cloudwatch,
            notify: self.notify.clone(),
            other_root: self.other_root,
        })
    }
}

/// What a scan is about to scan.
#[derive(Clone, Debug)]
pub(crate) struct Scanned<'a> {
    pub(crate) root: &'a Path,
    /// The root as reports name it.
    pub(crate) named: &'a Path,
    pub(crate) identity: &'a Identity,
    /// The id of EFS, if it is known.
    pub(crate) efs: Option<String>,
}

/// Publishes the run of this process, and those of its file system that wait in the spool. It holds
/// the lock of the file system's part of the state directory.
#[derive(Debug)]
pub(crate) struct Publisher {
    kept: KeptState,
    targets: Targets,
    interrupted: bool,
    newest: Option<Timestamp>,
}

/// The state of the file system, which this process has locked.
#[derive(Debug)]
struct KeptState {
    /// `None` if the destination keeps the state, or the directory cannot be written.
    spool: Option<StateDir>,
    /// `None` if the directory cannot be written.
    files: Option<State>,
    _lock: Option<Lock>,
}

impl KeptState {
    fn directory(part: StateDir, lock: Lock) -> Self {
        Self { files: Some(part.files()), spool: Some(part), _lock: Some(lock) }
    }

    fn places(&self) -> Places<'_> {
        Places { spool: self.spool.as_ref(), files: self.files.as_ref() }
    }
}

impl Publisher {
    /// Locks the state and checks that everything can be published, so that a scan of an hour does
    /// not end in vain.
    pub(crate) fn prepare(
        publishing: &Publishing,
        scanned: Scanned<'_>,
        place: &StatePlace,
        aws: &Aws,
    ) -> Result<Self, Failure> {
        let Scanned { root, named, identity, ref efs } = scanned;
        if let StatePlace::Directory(directory) = place {
            refuse_inside(root, directory, "--state-dir").map_err(Failure::usage)?;
        }
        if let Some(Destination::Directory(path)) = &publishing.to {
            refuse_inside(root, path, "--publish").map_err(Failure::usage)?;
        }
        let targets = publishing.targets(efs.clone())?;
        let doing = format!("scanning {}", root.display());
        let of =
            Root { path: named.as_os_str().as_encoded_bytes().into(), identity: Some(identity) };
        let check = || check(&targets, &of, identity, aws);
        let (kept, checked) = match place {
            StatePlace::Directory(directory) => {
                let kept = match (open(directory, identity, named, &doing), targets.is_empty()) {
                    (Ok((part, lock)), _) => KeptState::directory(part, lock),
                    (Err(StateError::Unwritable(problem)), false) => {
                        log::error!(
                            "{problem}; the run cannot wait there, and is published directly"
                        );
                        KeptState { spool: None, files: None, _lock: None }
                    }
                    (Err(error @ StateError::Held(_)), _) => return Err(Failure::fatal(error)),
                    (Err(error), _) => return Err(Failure::usage(error)),
                };
                (kept, check())
            }
            // The lock needs the conditions of writes that the check proves.
            StatePlace::Destination(at) => {
                let checked = check().map_err(not_scanned)?;
                (at_destination(at, identity, &doing)?, Ok(checked))
            }
        };
        let newest = match checked {
            Ok(finished) => finished,
            // The run waits in the spool until the trouble is over.
            Err(error) if error.trouble.passes() => {
                log::warn!("{}", error.text);
                None
            }
            Err(error) => return Err(Failure::fatal(error.text)),
        };
        if targets.cloudwatch.is_some() || targets.notify.is_some() {
            aws.ready().map_err(|error| Failure::fatal(error.text))?;
        }
        Ok(Self { kept, targets, interrupted: publishing.interrupted, newest })
    }

    /// The small files of the file system's state at the destination, if it is there.
    pub(crate) fn state_at_destination(&self) -> Option<&State> {
        self.kept.files.as_ref().filter(|files| matches!(files, State::Objects(_)))
    }

    /// True if runs go anywhere.
    pub(crate) fn publishes(&self) -> bool {
        !self.targets.is_empty()
    }

    /// When the newest run that is published at the destination finished.
    pub(crate) fn newest(&self) -> Option<Timestamp> {
        self.newest
    }

    /// The directory of the runs that wait.
    pub(crate) fn spool(&self) -> Option<PathBuf> {
        self.kept.spool.as_ref().map(|spool| shown(&spool.path("spool")))
    }

    /// Puts the run into the spool. From then on it cannot be lost. If the spool cannot be written,
    /// the run is still to be sent by [`send`](Self::send).
    pub(crate) fn keep(&self, report: &Report) -> Kept {
        let interrupted = report.run.coverage == Coverage::Interrupted;
        if self.targets.is_empty() || (interrupted && !self.interrupted) {
            return Kept::LeftOut;
        }
        let Some(state) = &self.kept.spool else {
            return if self.kept.files.is_some() { Kept::Direct } else { Kept::Unkept };
        };
        match spool::add(state, JobRef { targets: &self.targets, report }) {
            Ok(()) => Kept::Spooled,
            Err(problem) => {
                log::error!("{problem}; the run cannot wait there, and is published directly");
                // Nothing there would ever send it.
                let _ = spool::remove_dirs(state, &report.run.id);
                Kept::Unkept
            }
        }
    }

    /// Puts a run into the spool once more, with what is known of it since.
    pub(crate) fn keep_again(&self, report: &Report) {
        let Some(state) = &self.kept.spool else { return };
        if let Err(problem) = spool::add(state, JobRef { targets: &self.targets, report }) {
            log::warn!("{problem}; if the run has to wait, it is sent without its growth");
        }
    }

    /// Opens the table of directories of the run `id`, if the spool has it.
    pub(crate) fn kept_dirs(&self, id: &str) -> Option<File> {
        spool::dirs(self.kept.spool.as_ref()?, id).ok().flatten()
    }

    /// Puts the table of directories of the run `id` into the spool, before the run itself. Does
    /// nothing if the run cannot wait there.
    ///
    /// # Errors
    /// If it cannot be written.
    pub(crate) fn keep_dirs(&self, id: &str, dirs: &Fill<'_>) -> Result<(), String> {
        match &self.kept.spool {
            Some(state) => spool::add_dirs(state, id, dirs),
            None => Ok(()),
        }
    }

    /// Sends this run and those that waited before it.
    /// `dirs` makes the table of directories of this run, if it has one.
    pub(crate) fn send(
        &self,
        aws: &Aws,
        (report, dirs): (&Report, Option<&Fill<'_>>),
        kept: Kept,
        stop: &Stop,
    ) -> Sent {
        // The signal that interrupted a run does not stop its publication.
        let unstopped = Stop::default();
        let stop = match kept.is_published() && stop.is_set() {
            true => &unstopped,
            false => stop,
        };
        let job = JobRef { targets: &self.targets, report };
        let own = kept.is_published().then_some(Own { job, dirs, kept });
        logged(self.kept.places(), own, aws, stop)
    }
}

/// Checks that runs can be published. Returns when the newest run that is published finished.
fn check(
    targets: &Targets,
    of: &Root<'_>,
    identity: &Identity,
    aws: &Aws,
) -> Result<Option<Timestamp>, ServiceError> {
    let Some(destination) = &targets.publish else { return Ok(None) };
    let store = destination.open(aws)?;
    objects::check(&*store, &identity.key, of, targets.other_root)
}

/// Locks the state of the file system at the destination.
fn at_destination(
    at: &Arc<dyn Opener>,
    identity: &Identity,
    doing: &str,
) -> Result<KeptState, Failure> {
    let files = State::Objects(StateObjects::of_file_system(at, identity.key.as_str()));
    let lock = files.lock(doing).map_err(|error| match error {
        StateError::Destination(error) => not_scanned(error),
        error => Failure::fatal(error),
    })?;
    Ok(KeptState { spool: None, files: Some(files), _lock: Some(lock) })
}

/// Ends a scan whose destination fails before it begins. There is no spool for its run.
fn not_scanned(error: ServiceError) -> Failure {
    match error.trouble.passes() {
        true => {
            let problem = format!(
                "{error}; nothing was scanned, because its run could not wait anywhere: retry the job"
            );
            Failure::new(Exit::Unpublished, problem)
        }
        false => Failure::fatal(error.text),
    }
}

fn open(
    state_dir: &Path,
    identity: &Identity,
    root: &Path,
    doing: &str,
) -> Result<(StateDir, Lock), StateError> {
    let state = StateDir::open(state_dir)?;
    let part = state.part(identity.key.as_str())?;
    let lock = part.lock(doing)?;
    let root = root.as_os_str().as_encoded_bytes();
    if part == state {
        log_all(&adopt(&part, &Adopter { identity, root }));
    }
    Ok((part, lock))
}

fn log_all(problems: &[String]) {
    for problem in problems {
        log::error!("{}", printable(problem.as_bytes()));
    }
}

/// Sends what waits in the spool of a file system, and logs what cannot be sent.
pub(crate) fn send_waiting(state: &StateDir, aws: &Aws, stop: &Stop) -> Sent {
    let files = state.files();
    logged(Places { spool: Some(state), files: Some(&files) }, None, aws, stop)
}

fn logged(places: Places<'_>, own: Option<Own<'_>>, aws: &Aws, stop: &Stop) -> Sent {
    let sent = send(places, own, aws, stop);
    log_all(&sent.problems);
    if let (Some(state), true) = (places.spool, sent.waiting > 0) {
        let waiting = sent.waiting as u64;
        let (runs_wait, them) =
            (plural(waiting, "run waits", "runs wait"), plural(waiting, "it", "them"));
        let spool = shown(&state.path("spool"));
        log::error!(
            "not published: {waiting} {runs_wait} in {}; `efs-scan publish` sends {them}",
            spool.display()
        );
    }
    match sent.unkept {
        Unkept::None => {}
        Unkept::Sent => log::error!(
            "this run is published, but the state directory could not keep it: \
             had publishing failed, the run would be lost"
        ),
        Unkept::Lost => log::error!(
            "this run is lost: the state directory could not keep it, and not all of it could be \
             published"
        ),
        Unkept::Unretried => log::error!(
            "this run is lost unless the job is retried: there is no disk to keep it on, and not all \
             of it could be published"
        ),
    }
    sent
}
