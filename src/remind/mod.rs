//! E-mail to owners whose homes are over quota or hold much trash, once a week.
//!
//! Read: the newest published run, which must be whole for a home and not old. Sent: one message to
//! an address, whatever the number of its homes and reasons. Remembered: in a file, and `ledger.rs`
//! says what a crash can do. What nobody could be told goes to the administrator.

mod address;
mod ledger;
mod letter;
mod people;
mod preview;
mod send;
mod template;

use std::path::Path;

use crate::aws::Email;
use crate::log;
use crate::report::Report;
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

/// Directory of the state directory that reminders have for themselves, with a lock of its own: a
/// scan may take hours, and must not be kept from its start either.
pub(crate) const STATE: &str = "remind";

/// What the configuration says about reminders, checked.
#[derive(Debug)]
pub struct Reminding {
    /// Who sends them.
    pub from: String,
    /// Who hears of what could not be sent.
    pub admin: Address,
    /// Who has which address.
    pub addresses: Addresses,
    /// More trash than this in a home is a reason.
    pub trash: Option<AllocatedBytes>,
    /// The subject.
    pub subject: Template,
    /// The text.
    pub body: Template,
}

/// A reminder that is due, and of what.
#[derive(Debug)]
struct Due<'a> {
    person: Recipient<'a>,
    reasons: Vec<Reason>,
}

/// The reminders of one call: which are due, and what they are made of.
pub(crate) struct Work<'a> {
    report: &'a Report,
    reminding: &'a Reminding,
    /// Where people see what is in their home.
    home_at: Option<&'a Path>,
    sorted: &'a Sorted<'a>,
    due: Vec<Due<'a>>,
}

/// What a person is to be reminded of now.
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
        let (report, home_at) = (self.report, self.home_at);
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

    /// What the administrator has not heard within a week.
    fn unheard(&self, ledger: &ReminderLedger) -> Vec<&Untold<'_>> {
        self.sorted.untold.iter().filter(|untold| !ledger.is_listed(&untold.key())).collect()
    }
}

/// Says what was done, in the one line for cron.
fn summarise(summary: &Summary<'_>, waiting: usize, untold: usize) {
    tracing::info!(
        target: log::SUMMARY,
        sent = summary.sent,
        refused = summary.refused.len(),
        unsure = summary.unsure.len(),
        waiting,
        untold,
        "reminded",
    );
}

fn say(problem: &str) {
    tracing::error!("{}", printable(problem.as_bytes()));
}
