//! A run on its way out: what must hold before the scan, and what happens after it.

use std::collections::BTreeSet;
use std::path::Path;

use crate::aws::{Aws, EfsSize};
use crate::config::Config;
use crate::exit::{Exit, Failure};
use crate::outbox;
use crate::outbox::{CloudWatch, Job, Sent, Targets};
use crate::output::refuse_inside;
use crate::published::HomeLine;
use crate::report::{Coverage, HomeKind, Report, Run, ScannedPart};
use crate::scan::efs_of;
use crate::service_error::Trouble;
use crate::state::{Lock, StateDir};
use crate::stop::Stop;
use crate::store::Destination;

/// Publishes the run of this process, and those that wait.
#[derive(Debug)]
pub(crate) struct Publisher {
    state: StateDir,
    targets: Targets,
    interrupted: bool,
    _lock: Lock,
}

/// Whether a run was put into the spool.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kept {
    Spooled,
    LeftOut,
}

impl Publisher {
    /// Locks the state directory and makes sure that everything can be published, so that a scan
    /// of an hour does not end in vain. `None` where nothing is to be published.
    pub(crate) fn prepare(config: &Config, aws: &Aws) -> Result<Option<Self>, Failure> {
        let publishing = &config.publishing;
        if publishing.is_empty() && !config.state_asked {
            return Ok(None);
        }
        refuse_inside(&config.root, &config.state_dir, "--state-dir").map_err(Failure::usage)?;
        if let Some(Destination::Directory(path)) = &publishing.to {
            refuse_inside(&config.root, path, "--publish").map_err(Failure::usage)?;
        }
        let cloudwatch = match &publishing.namespace {
            None => None,
            Some(namespace) => Some(CloudWatch {
                namespace: namespace.clone(),
                file_system: file_system_id(config).ok_or_else(|| {
                    Failure::usage("--cloudwatch needs --file-system-id: the mount names none")
                })?,
                users: publishing.users.clone(),
            }),
        };
        let publish = match &publishing.to {
            // The run may be sent later, and from elsewhere.
            Some(Destination::Directory(path)) => {
                Some(Destination::Directory(std::path::absolute(path).map_err(Failure::usage)?))
            }
            other => other.clone(),
        };
        let targets = Targets { publish, cloudwatch, notify: publishing.notify.clone() };
        let state = StateDir::open(&config.state_dir).map_err(Failure::usage)?;
        let doing = format!("scanning {}", config.root.display());
        let lock = state.lock(&doing).map_err(Failure::fatal)?;
        if let Some(destination) = &targets.publish {
            let checked = destination.open(aws).and_then(|store| outbox::check(&*store));
            match checked {
                Ok(()) => {}
                // The scan is worth it all the same: what cannot be sent is kept.
                Err(error) if error.trouble.passes() => tracing::warn!("{}", error.text),
                Err(error) => return Err(Failure::fatal(error.text)),
            }
        }
        if targets.cloudwatch.is_some() || targets.notify.is_some() {
            aws.ready().map_err(|error| Failure::fatal(error.text))?;
        }
        Ok(Some(Self { state, targets, interrupted: publishing.interrupted, _lock: lock }))
    }

    /// Whether runs go anywhere.
    pub(crate) fn publishes(&self) -> bool {
        !self.targets.is_empty()
    }

    /// Puts the run into the spool: from here on it is not lost.
    pub(crate) fn keep(&self, report: &Report) -> Result<Kept, Failure> {
        let interrupted = report.run.coverage == Coverage::Interrupted;
        if self.targets.is_empty() || (interrupted && !self.interrupted) {
            return Ok(Kept::LeftOut);
        }
        let job = Job { targets: self.targets.clone(), report: report.clone() };
        outbox::add(&self.state, &job).map_err(Failure::fatal)?;
        Ok(Kept::Spooled)
    }

    /// Sends this run and those before it.
    pub(crate) fn send(&self, aws: &Aws, kept: Kept, stop: &Stop) -> Result<Sent, Failure> {
        // A run that was interrupted and is published nevertheless must not stop at its own stop.
        let unstopped = Stop::default();
        let stop = match kept {
            Kept::Spooled if stop.is_set() => &unstopped,
            _ => stop,
        };
        send(&self.state, aws, stop)
    }
}

/// `efs-scan publish`: sends what waits.
pub(crate) fn send_waiting(state_dir: &Path, stop: &Stop) -> Result<Exit, Failure> {
    let state = StateDir::open(state_dir).map_err(Failure::usage)?;
    let _lock = state.lock("publishing").map_err(Failure::fatal)?;
    let sent = send(&state, &Aws::default(), stop)?;
    Ok(match (stop.is_set(), sent.waiting) {
        (_, 0) => {
            tracing::info!(target: crate::log::SUMMARY, runs = sent.runs, "published");
            Exit::Complete
        }
        (true, _) => Exit::Interrupted,
        (false, _) => Exit::Unpublished,
    })
}

fn send(state: &StateDir, aws: &Aws, stop: &Stop) -> Result<Sent, Failure> {
    let sent = outbox::send(state, aws, stop).map_err(Failure::fatal)?;
    for problem in &sent.problems {
        tracing::error!("{}", crate::text::printable(problem.as_bytes()));
    }
    if sent.waiting > 0 {
        let (waiting, spool) = (sent.waiting, state.path("spool"));
        tracing::error!(
            "not published: {waiting} runs wait in {}; `efs-scan publish` sends them",
            spool.display()
        );
    }
    Ok(sent)
}

/// How many inodes the newest published run found, if that was of the same as `run` is: all of
/// them, or in homes of the given names. Only a progress bar depends on it, so trouble is no more
/// than a word for who asks.
pub(crate) fn inodes_before(
    earlier: &Destination,
    run: &Run,
    homes: Option<&BTreeSet<Vec<u8>>>,
) -> Option<u64> {
    let aws = Aws::default();
    let latest = earlier.open(&aws).and_then(|store| crate::published::newest(&*store));
    let latest = latest.inspect_err(|error| tracing::debug!("{}", error.text)).ok()??;
    let before = &latest.run;
    if !before.covers_what(run) || before.coverage == Coverage::Interrupted {
        return None;
    }
    let Some(homes) = homes else { return Some(latest.totals.share().inodes) };
    let asked = |home: &&HomeLine| {
        let path = home.name_bytes();
        home.kind != HomeKind::Outside
            && path.rsplit(|byte| *byte == b'/').next().is_some_and(|name| homes.contains(name))
    };
    latest.homes.iter().filter(asked).map(|home| home.inodes).sum()
}

/// Which EFS file system is scanned: the one that was named, or the mount's.
fn file_system_id(config: &Config) -> Option<String> {
    config.file_system_id.clone().or_else(|| efs_of(&config.root).map(|(id, _)| id))
}

/// The file system that is scanned.
#[derive(Debug)]
pub(crate) struct Scanned {
    pub(crate) id: String,
    /// What EFS meters of it, if it says so.
    pub(crate) efs: Option<EfsSize>,
    /// Whether ROOT is all of it.
    pub(crate) part: ScannedPart,
}

/// What EFS says of the file system that is scanned, if it is known which one it is. Asked before
/// the scan: a wrong id shows at once, and the figure is hours old anyway.
pub(crate) fn file_system(config: &Config, aws: &Aws) -> Result<Option<Scanned>, Failure> {
    let Some(id) = file_system_id(config) else { return Ok(None) };
    // Where the mount does not tell, whoever named the file system at ROOT is taken at their word.
    let part = match efs_of(&config.root) {
        Some((_, false)) => ScannedPart::Some,
        _ => ScannedPart::Whole,
    };
    let asked = config.file_system_id.is_some();
    match aws.file_system_size(&id) {
        Ok(size) => Ok(Some(Scanned { id, efs: Some(size), part })),
        Err(error) if asked && error.trouble == Trouble::Missing => {
            Err(Failure::usage(format!("--file-system-id: {}", error.text)))
        }
        Err(error) => {
            // Nobody asked for it where the mount alone names it.
            match asked || !config.publishing.is_empty() {
                true => tracing::warn!("{}; the report goes without EFS's figures", error.text),
                false => tracing::info!("{}", error.text),
            }
            Ok(Some(Scanned { id, efs: None, part }))
        }
    }
}
