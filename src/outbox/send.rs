//! Sends what waits in the spool, oldest first, each step once.

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::objects::Pointed;
use super::spool::{self, Job, Plan, Progress};
use super::{cloudwatch, notice, objects};
use crate::aws::Aws;
use crate::service_error::{ServiceError, ServiceResult, Trouble};
use crate::state::State;
use crate::stop::Stop;
use crate::text::printable;

/// CloudWatch refuses what is older (CloudWatch API reference, PutMetricData). Two weeks, less
/// the time it takes.
const OLDEST_METRIC: SignedDuration = SignedDuration::from_hours(14 * 24 - 1);

/// File of the state directory that holds who was over quota when it was last said.
const TOLD: &str = "over-quota.json";

/// Who was named to a topic.
#[derive(Debug, Default, Serialize, Deserialize)]
struct Told {
    run: String,
    homes: BTreeSet<String>,
}

/// What became of the spool.
#[derive(Debug, Default)]
pub struct Sent {
    /// Runs that are wholly published now.
    pub runs: usize,
    /// Runs that still wait.
    pub waiting: usize,
    /// Why, a line each.
    pub problems: Vec<String>,
}

/// Sends everything that waits. A place that fails is not tried again for later runs.
///
/// # Errors
/// If the spool itself cannot be read.
pub fn send(state: &State, aws: &Aws, stop: &Stop) -> Result<Sent, String> {
    let mut sent = Sent::default();
    let mut failed = BTreeSet::new();
    for id in spool::waiting(state)? {
        let done = !stop.is_set() && {
            match spool::job(state, &id) {
                Ok(job) => {
                    let mut sender = Sender { state, aws, stop, id: &id, job: &job };
                    sender.all(&mut failed, &mut sent.problems)
                }
                Err(problem) => {
                    sent.problems.push(problem);
                    false
                }
            }
        };
        match done {
            true => {
                spool::remove(state, &id)?;
                sent.runs += 1;
            }
            false => sent.waiting += 1,
        }
    }
    if stop.is_set() && sent.waiting > 0 {
        sent.problems.push("stopped before all was sent".to_owned());
    }
    Ok(sent)
}

/// One run on its way.
struct Sender<'a> {
    state: &'a State,
    aws: &'a Aws,
    stop: &'a Stop,
    id: &'a str,
    job: &'a Job,
}

impl Sender<'_> {
    /// Whether all of it is done.
    fn all(&mut self, failed: &mut BTreeSet<String>, problems: &mut Vec<String>) -> bool {
        let mut progress = spool::progress(self.state, self.id);
        let Plan { publish, cloudwatch, notify } = &self.job.plan;
        let places = [
            publish.as_ref().map(ToString::to_string),
            cloudwatch.as_ref().map(|to| format!("CloudWatch {}", to.namespace)),
            notify.as_ref().map(|to| to.topic.clone()),
        ];
        let steps = [Self::publish, Self::measure, Self::notify];
        for (place, step) in places.into_iter().zip(steps) {
            let Some(place) = place else { continue };
            if failed.contains(&place) || self.stop.is_set() {
                continue;
            }
            let before = progress.clone();
            if let Err(error) = step(self, &mut progress) {
                problems.push(error.text);
                // A message that is refused says nothing against the next run's.
                let is_topic = notify.as_ref().is_some_and(|to| to.topic == place);
                if !is_topic || error.trouble != Trouble::Refused {
                    failed.insert(place);
                }
            }
            if progress != before {
                spool::remember(self.state, self.id, &progress);
            }
        }
        progress.is_all_of(&self.job.plan)
    }

    fn publish(&self, progress: &mut Progress) -> ServiceResult<()> {
        let Some(destination) = &self.job.plan.publish else { return Ok(()) };
        if !progress.published {
            let store = destination.open(self.aws)?;
            match objects::publish(&*store, &self.job.report)? {
                Pointed::Here => tracing::info!("published {} to {destination}", self.id),
                Pointed::Newer => tracing::warn!(
                    "{destination} names a newer run than {}: another monitor's, or a clock is wrong",
                    self.id
                ),
            }
            progress.published = true;
        }
        Ok(())
    }

    fn measure(&self, progress: &mut Progress) -> ServiceResult<()> {
        let Some(to) = &self.job.plan.cloudwatch else { return Ok(()) };
        // ScanComplete says that there is a report to read: an alarm waits for it.
        let early = self.job.plan.publish.is_some() && !progress.published;
        if progress.measured || early {
            return Ok(());
        }
        let finished = self.job.report.run.finished;
        if Timestamp::now().duration_since(finished) > OLDEST_METRIC {
            tracing::warn!("CloudWatch takes nothing as old as run {}: left out", self.id);
            progress.measured = true;
            return Ok(());
        }
        let missing = to.users.missing(&self.job.report);
        if !missing.is_empty() && progress.metrics == 0 {
            let missing = printable(missing.join(", ").as_bytes());
            tracing::warn!("--cloudwatch-users: there is no home of {missing}");
        }
        let all = cloudwatch::metrics(&self.job.report, &to.file_system, &to.users);
        for batch in cloudwatch::batches(&all[progress.metrics.min(all.len())..]) {
            self.aws.put_metrics(&to.namespace, batch).map_err(|error| {
                let (sent, all) = (progress.metrics, all.len());
                let text = format!("{} ({sent} of {all} metrics were sent)", error.text);
                ServiceError { text, ..error }
            })?;
            progress.metrics += batch.len();
            spool::remember(self.state, self.id, progress);
        }
        progress.measured = true;
        Ok(())
    }

    fn notify(&self, progress: &mut Progress) -> ServiceResult<()> {
        let Some(to) = &self.job.plan.notify else { return Ok(()) };
        if progress.notified {
            return Ok(());
        }
        let mut told: BTreeMap<String, Told> = self.state.read(TOLD).unwrap_or_default();
        let before = told.entry(to.topic.clone()).or_default();
        let homes = notice::over_quota(&self.job.report, &before.homes);
        // A run that waited long says nothing new once a newer one was heard.
        let news = before.run.as_str() < self.id && (to.always || homes != before.homes);
        if news {
            let message = notice::compose(&self.job.report, &before.homes);
            self.aws.notify(&to.topic, &message.subject, &message.text)?;
            *before = Told { run: self.id.to_owned(), homes };
            if let Err(problem) = self.state.write(TOLD, &told) {
                tracing::warn!("{problem}");
            }
        }
        progress.notified = true;
        Ok(())
    }
}
