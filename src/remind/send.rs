//! Sends the reminders that are due, one message at a time.

use std::thread::sleep;
use std::time::{Duration, Instant};

use super::ledger::ReminderLedger;
use super::letter::Summary;
use super::{Work, say, summarise};
use crate::aws::{Aws, EmailError, EmailOutcome, Mailer};
use crate::exit::{Exit, Failure};
use crate::service_error::ServiceError;
use crate::stop::Stop;
use crate::text::plural;

/// Number of consecutive lost answers after which sending stops, because each further message may
/// leave somebody without a reminder for a week.
const UNKNOWN_IN_A_ROW: usize = 3;

/// Interval of checks for a signal.
const TICK: Duration = Duration::from_millis(50);

/// Limits messages to a rate.
struct SendPace {
    pause: Duration,
    last: Option<Instant>,
}

impl SendPace {
    /// Makes a pace of `rate` messages per second; without a pause if the rate is missing or
    /// absurd.
    fn new(rate: Option<f64>) -> Self {
        let rate = rate.filter(|rate| rate.is_finite() && *rate >= 0.01);
        let pause = rate.map_or(Duration::ZERO, |rate| Duration::from_secs_f64(1.0 / rate));
        Self { pause, last: None }
    }

    fn wait(&mut self, stop: &Stop) {
        if let Some(last) = self.last {
            while last.elapsed() < self.pause && !stop.is_set() {
                sleep(TICK.min(self.pause.saturating_sub(last.elapsed())));
            }
        }
        self.last = Some(Instant::now());
    }
}

/// Sends all reminders, and then the administrator's summary.
pub(crate) fn send(
    work: &Work<'_>,
    ledger: &mut ReminderLedger,
    aws: &Aws,
    stop: &Stop,
) -> Result<Exit, Failure> {
    let (untold, untold_apps) = (work.unheard(ledger), work.unheard_apps(ledger));
    let mut summary = Summary { untold, untold_apps, ..Summary::default() };
    if work.due.is_empty() && summary.is_empty() && ledger.open_ends().is_empty() {
        summarise(&summary, 0, work);
        return Ok(Exit::Complete);
    }
    // Checked before anybody is recorded as reminded.
    let unsent = |error: ServiceError| Failure::new(Exit::Unpublished, error.text);
    let mailer = aws.mailer().map_err(unsent)?;
    let mut pace = SendPace::new(mailer.rate().map_err(unsent)?);
    let (waiting, closed) = all(work, ledger, &mailer, stop, &mut pace, &mut summary)?;
    let interrupted = stop.is_set();
    summary.unsure = ledger.open_ends();
    for (to, at) in &summary.unsure {
        say(&format!("{to}: it is not known whether the reminder of {at} was sent"));
    }
    if let Some(error) = &closed {
        let were = plural(waiting as u64, "reminder was", "reminders were");
        say(&format!("{}; {waiting} {were} not sent", error.text));
    }
    let mut told = true;
    // If no summary is sent now, the next invocation finds the same items again.
    if closed.is_none() && !interrupted && !summary.is_empty() {
        pace.wait(stop);
        told = tell(work, ledger, &mailer, &summary)?;
    }
    summarise(&summary, waiting, work);
    let sent = summary.refused.is_empty() && summary.unsure.is_empty() && told;
    Ok(match () {
        () if closed.is_some() || !sent => Exit::Unpublished,
        () if interrupted => Exit::Interrupted,
        () => Exit::Complete,
    })
}

/// Sends the reminders. Returns the number of reminders that were not tried, and the error that
/// ended the sending, unless a signal did.
fn all(
    work: &Work<'_>,
    ledger: &mut ReminderLedger,
    mailer: &Mailer<'_>,
    stop: &Stop,
    pace: &mut SendPace,
    summary: &mut Summary<'_>,
) -> Result<(usize, Option<ServiceError>), Failure> {
    let mut unknown = 0;
    for (done, due) in work.due.iter().enumerate() {
        let left = work.due.len() - done;
        pace.wait(stop);
        if stop.is_set() {
            return Ok((left, None));
        }
        let (to, topics) = (due.address(), due.topics());
        let email = work.message(due);
        // Recorded before and after sending; see the ledger.
        ledger.sending(to, &topics).map_err(Failure::fatal)?;
        match mailer.send(&email) {
            Ok(()) => {
                ledger.sent(to, &topics).map_err(Failure::fatal)?;
                summary.sent += 1;
                unknown = 0;
            }
            Err(EmailError { outcome: EmailOutcome::Rejected, error }) => {
                ledger.withdraw(to, &topics).map_err(Failure::fatal)?;
                say(&error.text);
                summary.refused.push((to.to_string(), error.text));
                unknown = 0;
            }
            Err(EmailError { outcome: EmailOutcome::Closed, error }) => {
                ledger.withdraw(to, &topics).map_err(Failure::fatal)?;
                return Ok((left, Some(error)));
            }
            Err(EmailError { outcome: EmailOutcome::Unknown, error }) => {
                unknown += 1;
                if unknown == UNKNOWN_IN_A_ROW {
                    return Ok((left - 1, Some(error)));
                }
                say(&error.text);
            }
        }
    }
    Ok((0, None))
}

/// Sends the summary, and returns true if SES accepted it. It is recorded afterwards: telling twice
/// is better than never.
fn tell(
    work: &Work<'_>,
    ledger: &mut ReminderLedger,
    mailer: &Mailer<'_>,
    summary: &Summary<'_>,
) -> Result<bool, Failure> {
    let email = work.summary(summary);
    if let Err(EmailError { error, .. }) = mailer.send(&email) {
        say(&error.text);
        return Ok(false);
    }
    let homes = summary.untold.iter().map(|untold| untold.key());
    let apps = summary.untold_apps.iter().map(|untold| untold.key());
    ledger.reported(homes.chain(apps)).map_err(Failure::fatal)?;
    Ok(true)
}
