//! E-mail, once a week, to owners whose homes are over quota or hold much trash, and to users whose
//! apps run for long.
//!
//! Reminders come from the newest published run of each file system, which must not be stale, and from
//! homes that it read completely. Each person gets one message about all homes and reasons. A file
//! records who was reminded; `ledger.rs` describes the effects of a crash. Homes without an address are
//! reported to the administrator.
//!
//! Reminders of apps need no run: SageMaker is asked for the running apps. They are separate
//! messages.

mod address;
mod app_letter;
mod apps;
#[cfg(any(test, feature = "fuzzing"))]
pub(crate) mod fuzzing;
mod instance_prices;
mod ledger;
mod letter;
mod people;
mod preview;
mod send;
mod template;
mod thresholds;

use jiff::Timestamp;

use crate::aws::Email;
use crate::log;
use crate::text::printable;
use crate::units::AllocatedBytes;
use app_letter::UntoldApp;
use apps::AppOwner;
use ledger::{Reason, Topic};
use letter::{LetterWriter, Summary};
use people::{Recipient, Sorted, Untold};

pub(crate) use address::AddressBook;
pub use address::{Address, AddressMap, AddressTemplate, Addresses, Dashes, check_sender};
pub(crate) use apps::{LongRunning, SortedApps, long_running, sort_apps};
pub use instance_prices::{InstancePrices, PriceTable};
pub(crate) use ledger::{FILE as LEDGER, ReminderLedger};
pub(crate) use people::{Grew, NewestRun, Others, sort};
pub(crate) use preview::preview;
pub(crate) use send::send;
pub use template::{About, Template};
pub use thresholds::Thresholds;

/// Subdirectory of the state directory for reminders, with its own lock: a scan may take hours, and
/// neither should wait for the other. At a destination it is [`StateObjects::of_reminders`](crate::state::StateObjects::of_reminders).
pub(crate) const STATE: &str = "remind";

/// Checked settings of reminders.
#[derive(Debug)]
pub struct Reminding {
    /// The sender.
    pub from: String,
    /// The administrator, who gets a summary of what could not be sent.
    pub admin: Address,
    /// Addresses of owners.
    pub addresses: Addresses,
    /// Trash in a home above which its owner is reminded.
    pub trash: Option<AllocatedBytes>,
    /// The subject.
    pub subject: Template,
    /// The text.
    pub body: Template,
    /// Reminders of apps.
    pub apps: AppReminding,
}

/// Settings of reminders of long-running apps.
#[derive(Debug)]
pub struct AppReminding {
    /// True if owners are reminded of apps without a flag.
    pub is_on: bool,
    /// Time that an app may run.
    pub thresholds: Thresholds,
    /// Hourly prices of instances.
    pub prices: InstancePrices,
    /// True if the administrator gets a copy of each message.
    pub copy: bool,
    /// The subject.
    pub subject: Template,
    /// The text.
    pub body: Template,
}

/// A reminder that is due.
#[derive(Debug)]
enum Due<'a> {
    Homes(Recipient<'a>),
    Apps(&'a AppOwner<'a>),
}

impl<'a> Due<'a> {
    fn address(&self) -> &Address {
        match self {
            Self::Homes(person) => &person.address,
            Self::Apps(owner) => &owner.address,
        }
    }

    /// What it is about, for the ledger.
    fn topics(&self) -> Vec<Topic<'a>> {
        match self {
            Self::Homes(person) => person.topics(),
            Self::Apps(_) => {
                vec![Topic { file_system: None, reason: Reason::Apps, run: "apps" }]
            }
        }
    }
}

/// The newest run of each file system, and the homes in them with a reason for a reminder.
#[derive(Clone, Copy, Debug)]
pub(crate) struct HomeWork<'a> {
    pub(crate) runs: &'a [NewestRun<'a>],
    pub(crate) sorted: &'a Sorted<'a>,
}

/// Inputs of one invocation: the settings, the homes and the apps.
pub(crate) struct Work<'a> {
    reminding: &'a Reminding,
    homes: Option<HomeWork<'a>>,
    apps: Option<&'a SortedApps<'a>>,
    now: Timestamp,
    due: Vec<Due<'a>>,
}

impl<'a> Work<'a> {
    pub(crate) fn new(
        reminding: &'a Reminding,
        homes: Option<HomeWork<'a>>,
        apps: Option<&'a SortedApps<'a>>,
        now: Timestamp,
        ledger: &ReminderLedger,
    ) -> Self {
        let people = homes.into_iter().flat_map(|homes| homes.sorted.people());
        let people = people.map(|person| person.untold(ledger));
        let of_homes = people.filter(|person| !person.subjects.is_empty()).map(Due::Homes);
        let owners = apps.into_iter().flat_map(|apps| apps.owners.values());
        let is_due =
            |owner: &&AppOwner<'_>| ledger.told(&owner.address, None, Reason::Apps).is_none();
        let due = of_homes.chain(owners.filter(is_due).map(Due::Apps)).collect();
        Self { reminding, homes, apps, now, due }
    }
}

impl Work<'_> {
    /// Returns the message of a reminder.
    fn message(&self, due: &Due<'_>) -> Email {
        let Reminding { admin, apps, subject, body, .. } = self.reminding;
        let (letter, copy_to) = match due {
            Due::Apps(owner) => {
                let copy = apps.copy && owner.address.key() != admin.key();
                let letter = app_letter::letter(owner, apps, admin.as_str(), self.now);
                (letter, copy.then(|| admin.to_string()))
            }
            Due::Homes(person) => {
                let writer = LetterWriter { subject, body, admin: admin.as_str() };
                (writer.reminder(person), None)
            }
        };
        self.email(due.address(), letter, copy_to)
    }

    /// Returns the summary message to the administrator.
    fn summary(&self, summary: &Summary<'_>) -> Email {
        let head = match self.homes {
            Some(HomeWork { runs, .. }) => letter::head(runs),
            None => {
                let now = self.now.strftime("%Y-%m-%d %H:%M UTC");
                format!("Apps on SageMaker Studio, as of {now}.")
            }
        };
        self.email(&self.reminding.admin, summary.letter(&head), None)
    }

    fn email(&self, to: &Address, letter: letter::Letter, copy_to: Option<String>) -> Email {
        Email {
            from: self.reminding.from.clone(),
            to: to.to_string(),
            copy_to,
            reply_to: self.reminding.admin.to_string(),
            subject: letter.subject,
            text: letter.text,
        }
    }

    /// Returns homes that the administrator was not told of in the last week.
    fn unheard(&self, ledger: &ReminderLedger) -> Vec<&Untold<'_>> {
        let untold = self.homes.into_iter().flat_map(|homes| &homes.sorted.untold);
        let is_listed = |untold: &&Untold<'_>| {
            ledger.is_listed(&untold.key()) || ledger.is_listed(&untold.key_1())
        };
        untold.filter(|untold| !is_listed(untold)).collect()
    }

    /// Returns apps that the administrator was not told of in the last week.
    fn unheard_apps(&self, ledger: &ReminderLedger) -> Vec<&UntoldApp<'_>> {
        let untold = self.apps.into_iter().flat_map(|apps| &apps.untold);
        untold.filter(|untold| !ledger.is_listed(&untold.key())).collect()
    }

    /// Returns the number of homes and apps without a recipient, and the number of homes that are
    /// not one person's.
    fn without(&self) -> (usize, usize) {
        let homes = self.homes.map_or(0, |homes| homes.sorted.untold.len());
        let apps = self.apps.map_or(0, |apps| apps.untold.len());
        (homes + apps, self.homes.map_or(0, |homes| homes.sorted.not_personal().count()))
    }
}

/// Logs the one-line summary for cron.
fn summarise(summary: &Summary<'_>, waiting: usize, work: &Work<'_>) {
    let (untold, not_personal) = work.without();
    log::summary!(
        sent = summary.sent,
        refused = summary.refused.len(),
        unsure = summary.unsure.len(),
        waiting = waiting,
        untold = untold,
        // Of these, the homes of two owners and those filled mostly by others.
        not_personal = (not_personal > 0).then_some(not_personal),
        "reminded",
    );
}

fn say(problem: &str) {
    log::error!("{}", printable(problem.as_bytes()));
}
