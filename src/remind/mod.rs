//! `efs-scan remind`: e-mail to those who are over quota or have much trash, once a week.
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

use jiff::Timestamp;

use crate::aws::{Aws, Email};
use crate::cli::RemindArgs;
use crate::config::Readers;
use crate::exit::{Exit, Failure};
use crate::log;
use crate::output::{Output, refuse_inside};
use crate::published::{is_stale, newest_report};
use crate::report::{Coverage, Kind, Report};
use crate::service_error::ServiceError;
use crate::state::StateDir;
use crate::stop::Stop;
use crate::text::printable;
use crate::units::AllocatedBytes;
use ledger::{Ledger, Reason};
use letter::{Letter, Summary, Writer};
use people::{Person, Sorted, Untold};

pub use address::{Address, AddressMap, AddressTemplate, Addresses, Dashes, check_sender};
pub use template::Template;

/// Directory of the state directory that reminders have for themselves, with a lock of its own: a
/// scan may take hours, and must not be kept from its start either.
const STATE: &str = "remind";

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
    person: Person<'a>,
    reasons: Vec<Reason>,
}

/// Everything that one call works with.
struct Work<'a> {
    report: &'a Report,
    reminding: &'a Reminding,
    /// Where people see what is in their home.
    home_at: Option<&'a Path>,
    due: Vec<Due<'a>>,
    untold: &'a [Untold<'a>],
}

/// Reminds everybody who is to be reminded.
pub(crate) fn run(
    args: &RemindArgs,
    readers: Readers,
    reminding: &Reminding,
    stop: &Stop,
) -> Result<Exit, Failure> {
    let from = readers.source(args.from.as_deref()).map_err(Failure::usage)?;
    let book = reminding.addresses.open().map_err(Failure::usage)?;
    let aws = Aws::default();
    let store = from.open(&aws).map_err(failed)?;
    let report = newest_report(&*store).map_err(failed)?;
    let now = Timestamp::now();
    if is_stale(report.run.finished, now) {
        let finished = report.run.finished.strftime("%Y-%m-%d %H:%M UTC");
        let problem = format!(
            "nobody is reminded of old figures: the newest run in {from} finished {finished}"
        );
        return Err(Failure(Exit::Stale, problem));
    }
    let Sorted { people, untold } = people::sort(&report, &book, reminding.trash);
    let directory = readers.state_dir.join(STATE);
    // One who only looks makes no directory and waits for nobody.
    let locked = match args.dry_run {
        true => None,
        false => {
            refuse_inside(Path::new(&report.run.root), &readers.state_dir, "--state-dir")
                .and_then(|()| StateDir::open(&readers.state_dir))
                .map_err(Failure::usage)?;
            let state = StateDir::open(&directory).map_err(Failure::usage)?;
            let lock = state.lock("reminding").map_err(Failure::fatal)?;
            Some(lock)
        }
    };
    let mut ledger = Ledger::open(&directory, now).map_err(Failure::fatal)?;
    let due = people.values().filter_map(|person| due(person, &ledger)).collect();
    let home_at = readers.home_at.as_deref();
    let work = Work { report: &report, reminding, home_at, due, untold: &untold };
    let exit = match locked {
        None => {
            let text = preview::preview(&work, people.values(), &ledger);
            Output::Stdout.write(text.as_bytes()).map_err(Failure::fatal)?;
            Exit::Complete
        }
        Some(_lock) => send::send(&work, &mut ledger, &aws, stop)?,
    };
    Ok(match exit {
        Exit::Complete if warn_of_unread(&report) => Exit::Partial,
        exit => exit,
    })
}

/// Whether there may be more to remind people of than the run could see.
fn warn_of_unread(report: &Report) -> bool {
    let homes = report.homes.iter().filter(|home| home.kind != Kind::Outside);
    let unread = homes.filter(|home| home.coverage != Coverage::Complete).count();
    // Homes that an interrupted run did not come to are not in it at all.
    let interrupted = report.run.coverage == Coverage::Interrupted;
    if unread > 0 || interrupted {
        let coverage = report.run.coverage.name();
        tracing::warn!(
            "the newest run is {coverage}: of {unread} homes that it did not read completely \
             nobody is reminded"
        );
    }
    unread > 0 || interrupted
}

fn failed(error: ServiceError) -> Failure {
    Failure::fatal(error.text)
}

/// What a person is to be reminded of now.
fn due<'a>(person: &Person<'a>, ledger: &Ledger) -> Option<Due<'a>> {
    let mut reasons = person.reasons();
    reasons.retain(|reason| ledger.told(&person.address, *reason).is_none());
    (!reasons.is_empty()).then(|| Due { person: person.only(&reasons), reasons })
}

impl Work<'_> {
    fn writer(&self) -> Writer<'_> {
        let Reminding { subject, body, admin, .. } = self.reminding;
        let (report, home_at) = (self.report, self.home_at);
        Writer { report, subject, body, admin: admin.as_str(), home_at }
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
    fn unheard(&self, ledger: &Ledger) -> Vec<&Untold<'_>> {
        self.untold.iter().filter(|untold| !ledger.is_listed(&untold.key())).collect()
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
