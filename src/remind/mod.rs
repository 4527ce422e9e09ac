//! E-mail to owners whose homes are over quota or hold much trash, once a week.
//!
//! Reminders come from the newest published run, which must not be stale, and from homes that it read
//! completely. Each address gets one message about all its homes and reasons. A file keeps who was
//! reminded; `ledger.rs` tells what a crash can do. Homes without an address go to the administrator.

mod address;
#[cfg(any(test, feature = "fuzzing"))]
pub(crate) mod fuzzing;
mod ledger;
mod letter;
mod people;
mod preview;
mod send;
mod template;

use std::path::Path;

use crate::aws::Email;
use crate::log;
use crate::report::{HomeAt, Report};
use crate::text::printable;
use crate::units::AllocatedBytes;
use ledger::Reason;
use letter::{Letter, LetterWriter, Summary};
use people::{Recipient, Sorted, Untold};

pub use address::{Address, AddressMap, AddressTemplate, Addresses, Dashes, check_sender};
pub(crate) use ledger::ReminderLedger;
pub(crate) use people::sort;
pub(crate) use preview::preview;
pub(crate) use send::send;
pub use template::Template;

/// The reminders' own part of the state directory, with a lock of its own: a scan may take hours, and
/// neither should wait for the other.
pub(crate) const STATE: &str = "remind";

/// The settings of reminders, checked.
#[derive(Debug)]
pub struct Reminding {
    /// The sender.
    pub from: String,
    /// The administrator, who gets a summary of what could not be sent.
    pub admin: Address,
    /// Addresses of owners.
    pub addresses: Addresses,
    /// More trash than this in a home is a reason to remind its owner.
    pub trash: Option<AllocatedBytes>,
    /// The subject.
    pub subject: Template,
    /// The text.
    pub body: Template,
}

/// A reminder that is due, and its reasons.
#[derive(Debug)]
struct Due<'a> {
    person: Recipient<'a>,
    reasons: Vec<Reason>,
}

/// The reminders of one call: which are due, and what they are made of.
pub(crate) struct Work<'a> {
    report: &'a Report,
    reminding: &'a Reminding,
    /// The path at which owners see their home.
    home_at: Option<&'a Path>,
    sorted: &'a Sorted<'a>,
    due: Vec<Due<'a>>,
}

/// The reminder of a person that is due now, if any.
fn due<'a>(person: &Recipient<'a>, ledger: &ReminderLedger) -> Option<Due<'a>> {
    let mut reasons = person.reasons();
    reasons.retain(|reason| ledger.told(&person.address, *reason).is_none());
    (!reasons.is_empty()).then(|| Due { person: person.only(&reasons), reasons })
}

impl<'a> Work<'a> {
    pub(crate) fn new(
        report: &'a Report,
        reminding: &'a Reminding,
        home_at: Option<&'a Path>,
        sorted: &'a Sorted<'a>,
        ledger: &ReminderLedger,
    ) -> Self {
        let due = sorted.people.values().filter_map(|person| due(person, ledger)).collect();
        Self { report, reminding, home_at, sorted, due }
    }
}

impl Work<'_> {
    fn writer(&self) -> LetterWriter<'_> {
        let Reminding { subject, body, admin, .. } = self.reminding;
        let report = self.report;
        let home_at = HomeAt::new(report, self.home_at);
        LetterWriter { report, subject, body, admin: admin.as_str(), home_at }
    }

    fn email(&self, to: &Address, letter: Letter) -> Email {
        Email {
            from: self.reminding.from.clone(),
            to: to.to_string(),
            reply_to: self.reminding.admin.to_string(),
            subject: letter.subject,
            text: letter.text,
        }
    }

    /// Homes that the administrator was not told of within a week.
    fn unheard(&self, ledger: &ReminderLedger) -> Vec<&Untold<'_>> {
        self.sorted.untold.iter().filter(|untold| !ledger.is_listed(&untold.key())).collect()
    }
}

/// Logs the one-line summary for cron.
fn summarise(summary: &Summary<'_>, waiting: usize, sorted: &Sorted<'_>) {
    let not_personal = sorted.not_personal().count();
    tracing::info!(
        target: log::SUMMARY,
        sent = summary.sent,
        refused = summary.refused.len(),
        unsure = summary.unsure.len(),
        waiting,
        untold = sorted.untold.len(),
        // Of these, the homes of two owners and those that mostly others fill.
        not_personal = (not_personal > 0).then_some(not_personal),
        "reminded",
    );
}

fn say(problem: &str) {
    tracing::error!("{}", printable(problem.as_bytes()));
}
