//! Sends the runs in the spool, oldest first, each step once.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Seek, Write};

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::notice::{Over, Told};
use super::objects::{Pointed, Publishable};
use super::spool::{self, JobRef, StepsDone, Targets};
use super::{cloudwatch, notice, objects};
use crate::aws::Aws;
use crate::log;
use crate::published::rank;
use crate::service_error::{ServiceError, ServiceResult, Trouble};
use crate::state::{State, StateDir};
use crate::stop::Stop;
use crate::store::Fill;
use crate::text::printable;

/// The greatest age of a metric: CloudWatch refuses data older than two weeks (API reference,
/// PutMetricData), and sending takes some time.
const OLDEST_METRIC: SignedDuration = SignedDuration::from_hours(14 * 24 - 1);

/// CloudWatch refuses data from more than two hours ahead, too.
const NEWEST_METRIC: SignedDuration = SignedDuration::from_hours(2);

/// File of the state directory with the last notice to each topic.
pub(super) const LAST_NOTICES: &str = "over-quota.json";

/// The last notice to a topic.
#[derive(Debug, Default, Serialize, Deserialize)]
struct LastNotice {
    run: String,
    /// The homes and groups over quota.
    #[serde(flatten)]
    over: Over,
    /// The homes that grew fast. A notice of an earlier version has none.
    #[serde(default, skip_serializing_if = "Told::is_empty")]
    grown: Told,
}

/// The result of sending.
#[derive(Debug, Default)]
pub struct Sent {
    /// Runs that are completely published now.
    pub runs: usize,
    /// Runs that still wait.
    pub waiting: usize,
    /// The run that could not be kept in the spool.
    pub(crate) unkept: Unkept,
    /// The reasons, a line each.
    pub problems: Vec<String>,
}

/// The fate of a run that the spool could not keep.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Unkept {
    /// The spool kept it.
    #[default]
    None,
    /// All of it was sent.
    Sent,
    /// Some or all of it could not be sent, and nothing will try again.
    Lost,
    /// The same, on a machine that has no spool by design, whose job may be retried.
    Unretried,
}

/// The fate of a run before it is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kept {
    Spooled,
    /// It is not to be published.
    LeftOut,
    /// The spool cannot be written, so this process has to send the run.
    Unkept,
    /// There is no spool, because the destination keeps the state. This process has to send the run.
    Direct,
}

impl Kept {
    /// True if the run is to be published.
    pub(crate) fn is_published(self) -> bool {
        self != Self::LeftOut
    }
}

/// The parts of the file system's state that sending uses.
#[derive(Clone, Copy, Debug)]
pub(super) struct Places<'a> {
    /// `None` if there is none, or it cannot be used.
    pub(super) spool: Option<&'a StateDir>,
    /// `None` if they cannot be used.
    pub(super) files: Option<&'a State>,
}

/// The run of this process.
#[derive(Clone, Copy)]
pub(super) struct Own<'a> {
    pub(super) job: JobRef<'a>,
    /// Makes its table of directories, if it has one.
    pub(super) dirs: Option<&'a Fill<'a>>,
    pub(super) kept: Kept,
}

/// Sends all runs in the spool, and then that of this process if it is not there. A
/// target that fails is not tried again for later runs, unless it refused that one run.
pub(super) fn send(places: Places<'_>, own: Option<Own<'_>>, aws: &Aws, stop: &Stop) -> Sent {
    let mut sent = Sent::default();
    let mut failed = BTreeSet::new();
    let waiting = places.spool.map(|spool| (spool, spool::waiting(spool, &mut sent.problems)));
    for (state, id) in
        waiting.iter().flat_map(|(spool, ids)| ids.iter().map(move |id| (*spool, id)))
    {
        let mut send = |job: JobRef<'_>, problems: &mut Vec<String>| {
            let mut sender = Sender { places, waits: true, aws, stop, id, job, dirs: None };
            sender.all(spool::steps_done(state, id), &mut failed, problems)
        };
        let done = match own {
            _ if stop.is_set() => false,
            // There is no need to read it back.
            Some(own) if own.kept == Kept::Spooled && own.job.report.run.id == *id => {
                send(own.job, &mut sent.problems)
            }
            _ => match spool::job(state, id) {
                Ok(job) => send(job.by_ref(), &mut sent.problems),
                Err(problem) => {
                    sent.problems.push(problem);
                    false
                }
            },
        };
        match done {
            true => {
                // It does not wait: if its file stays, the next run finds that all is done.
                sent.problems.extend(spool::remove(state, id).err());
                sent.runs += 1;
            }
            false => sent.waiting += 1,
        }
    }
    if let Some(Own { job, dirs, kept }) = own
        && kept != Kept::Spooled
    {
        let id = &job.report.run.id;
        let mut sender = Sender { places, waits: false, aws, stop, id, job, dirs };
        let done = sender.all(StepsDone::default(), &mut failed, &mut sent.problems);
        sent.unkept = match (kept, done) {
            (Kept::Direct, true) => Unkept::None,
            (Kept::Direct, false) => Unkept::Unretried,
            (_, true) => Unkept::Sent,
            (_, false) => Unkept::Lost,
        };
        sent.runs += usize::from(done);
    }
    if stop.is_set() && sent.waiting > 0 {
        sent.problems.push("stopped before all was sent".to_owned());
    }
    sent
}

/// Sends one run.
struct Sender<'a> {
    places: Places<'a>,
    /// True if the run is in the spool, and what is left of it is sent later.
    waits: bool,
    aws: &'a Aws,
    stop: &'a Stop,
    id: &'a str,
    job: JobRef<'a>,
    /// Makes the table of directories, if the run has one that is not in the spool.
    dirs: Option<&'a Fill<'a>>,
}

impl Sender<'_> {
    /// Makes the steps that are not done yet; true if all are done now. `failed` has the targets
    /// that are not to be tried.
    fn all(
        &mut self,
        mut done: StepsDone,
        failed: &mut BTreeSet<String>,
        problems: &mut Vec<String>,
    ) -> bool {
        let Targets { publish, cloudwatch, notify, other_root: _ } = self.job.targets;
        let targets = [
            publish.as_ref().map(ToString::to_string),
            cloudwatch.as_ref().map(|to| format!("CloudWatch {}", to.namespace)),
            notify.as_ref().map(|to| to.topic.clone()),
        ];
        let steps = [Self::publish, Self::measure, Self::notify];
        for (target, step) in targets.into_iter().zip(steps) {
            let Some(target) = target else { continue };
            if failed.contains(&target) || self.stop.is_set() {
                continue;
            }
            let before = done.clone();
            if let Err(error) = step(self, &mut done) {
                problems.push(error.text);
                // A target that refuses this run may take the next one; one that is down takes none.
                if error.trouble != Trouble::Refused {
                    failed.insert(target);
                }
            }
            if done != before {
                self.remember(&done);
            }
        }
        done.is_all_of(self.job.targets)
    }

    fn remember(&self, done: &StepsDone) {
        if let (Some(spool), true) = (self.places.spool, self.waits) {
            spool::remember(spool, self.id, done);
        }
    }

    fn publish(&self, done: &mut StepsDone) -> ServiceResult<()> {
        let Some(destination) = &self.job.targets.publish else { return Ok(()) };
        if !done.published {
            let store = destination.open(self.aws)?;
            let failed = |problem| ServiceError::new(Trouble::Refused, problem);
            let spooled = match self.places.spool {
                Some(spool) if self.waits => spool::dirs(spool, self.id).map_err(failed)?,
                _ => None,
            };
            let copied = spooled.map(|file| {
                move |to: &mut dyn Write| {
                    // It may be made twice.
                    (&file).rewind()?;
                    io::copy(&mut &file, to).map(|_| ())
                }
            });
            let dirs = copied.as_ref().map(|copied| copied as &Fill<'_>).or(self.dirs);
            let run = Publishable { report: self.job.report, dirs };
            match objects::publish_over(&*store, run, self.job.targets.other_root)? {
                Pointed::Here => log::info!("published {} to {destination}", self.id),
                Pointed::Newer => log::warn!(
                    "{destination} names a newer run than {}: another monitor's, or a clock is wrong",
                    self.id
                ),
            }
            done.published = true;
        }
        Ok(())
    }

    fn measure(&self, done: &mut StepsDone) -> ServiceResult<()> {
        let Some(to) = &self.job.targets.cloudwatch else { return Ok(()) };
        // The objects come first: ScanComplete says that there is a report to read.
        let early = self.job.targets.publish.is_some() && !done.published;
        if done.measured || early {
            return Ok(());
        }
        let age = Timestamp::now().duration_since(self.job.report.run.finished);
        if age > OLDEST_METRIC || -age > NEWEST_METRIC {
            let why = if age.is_negative() { "from the future" } else { "too old for CloudWatch" };
            log::warn!("run {} is {why}; its metrics are skipped", self.id);
            done.measured = true;
            return Ok(());
        }
        if done.metrics == 0 {
            for (flag, missing) in cloudwatch::missing(self.job.report, to) {
                let missing = printable(missing.join(", ").as_bytes());
                log::warn!("{flag}: there is no home of {missing}");
            }
        }
        let all = cloudwatch::metrics(self.job.report, to);
        for batch in cloudwatch::batches(&all[done.metrics.min(all.len())..]) {
            self.aws.put_metrics(&to.namespace, batch).map_err(|error| {
                let (sent, all) = (done.metrics, all.len());
                let text = format!("{} ({sent} of {all} metrics were sent)", error.text);
                ServiceError { text, ..error }
            })?;
            done.metrics += batch.len();
            self.remember(done);
        }
        done.measured = true;
        Ok(())
    }

    /// Reads the last notices. If they are unreadable, a notice is sent once more.
    fn last_notices(&self) -> ServiceResult<BTreeMap<String, LastNotice>> {
        let Some(files) = self.places.files else { return Ok(BTreeMap::new()) };
        files.check_lock()?;
        match files.read(LAST_NOTICES) {
            Ok(notices) => Ok(notices.unwrap_or_default()),
            Err(error) if error.trouble == Trouble::Refused => {
                log::warn!("{error}");
                Ok(BTreeMap::new())
            }
            Err(error) => Err(error),
        }
    }

    fn notify(&self, done: &mut StepsDone) -> ServiceResult<()> {
        let Some(to) = &self.job.targets.notify else { return Ok(()) };
        if done.notified {
            return Ok(());
        }
        let mut notices = self.last_notices()?;
        let last = notices.entry(to.topic.clone()).or_default();
        let over = notice::over_quota(self.job.report, &last.over);
        let grew = notice::has_newly_grown(self.job.report, &last.grown);
        let now = Timestamp::now();
        let (before, this) = (rank(&last.run, now), rank(self.id, now));
        if before.is_future() {
            let run = &last.run;
            log::warn!("the last notice was of the run {run}, which is from the future");
        }
        // A run older than the last notice has no news.
        let news = before < this && (to.always || over != last.over || grew);
        if news {
            let message = notice::compose(self.job.report, &last.over, &last.grown);
            self.aws.notify(&to.topic, &message.subject, &message.text)?;
        }
        // A notice from the future is replaced, even without news: it would silence all others.
        if news || (before.is_future() && before < this) {
            let grown = notice::grown(self.job.report, &last.grown);
            *last = LastNotice { run: self.id.to_owned(), over, grown };
            let written = self.places.files.map(|files| files.write(LAST_NOTICES, &notices));
            if let Some(Err(problem)) = written {
                log::warn!("{problem}; the next run may send the notice again");
            }
        }
        done.notified = true;
        Ok(())
    }
}
