//! Output of `--dry-run`: every message in full, with its recipient and reasons. Nothing is sent or
//! recorded.

use std::fmt::{Result, Write};

use super::address::Address;
use super::ledger::{Reason, ReminderLedger, ReminderStep, Topic};
use super::letter::Summary;
use super::people::Subject;
use super::{Due, Work};
use crate::aws::Email;
use crate::text::{Shown, printable};

/// Returns the whole output. Names and messages in it are printable.
pub(crate) fn preview(work: &Work<'_>, ledger: &ReminderLedger) -> Shown {
    let mut out = String::new();
    // Writing to a String cannot fail.
    let _ = write(&mut out, work, ledger);
    Shown::lines(out)
}

fn write(out: &mut String, work: &Work<'_>, ledger: &ReminderLedger) -> Result {
    let count = work.due.len();
    writeln!(out, "Dry run: nothing is sent. Reminders due: {count}.")?;
    for (at, due) in work.due.iter().enumerate() {
        writeln!(out, "\n==== {} of {count}", at + 1)?;
        writeln!(out, "Why: {}", why(due))?;
        email(out, &work.message(due))?;
    }
    let people = work.homes.into_iter().flat_map(|homes| homes.sorted.people());
    for person in people {
        for topic in person.topics() {
            let is_of = |subject: &&Subject<'_>| Some(&subject.run.key) == topic.file_system;
            let what = topic.reason.text().to_owned();
            let what = match person.subjects.iter().find(is_of) {
                Some(subject) => subject.on(what),
                None => what,
            };
            not_again(out, ledger, (&person.address, &topic), &what)?;
        }
    }
    for owner in work.apps.into_iter().flat_map(|apps| apps.owners.values()) {
        let topic = Topic { file_system: None, reason: Reason::Apps, run: "apps" };
        not_again(out, ledger, (&owner.address, &topic), topic.reason.text())?;
    }
    for untold in work.homes.into_iter().flat_map(|homes| homes.sorted.not_personal()) {
        writeln!(out, "\n==== To nobody: {}", untold.subject.on(untold.key_1()))?;
    }
    let (untold, untold_apps) = (work.unheard(ledger), work.unheard_apps(ledger));
    let unsure = ledger.open_ends();
    let summary = Summary { sent: count, unsure, untold, untold_apps, ..Summary::default() };
    if !summary.is_empty() {
        writeln!(out, "\n==== To the administrator, if SES refuses nothing")?;
        email(out, &work.summary(&summary))?;
    }
    Ok(())
}

/// Adds a note if somebody was told of this within a week.
fn not_again(
    out: &mut String,
    ledger: &ReminderLedger,
    (to, topic): (&Address, &Topic<'_>),
    what: &str,
) -> Result {
    let Some(told) = ledger.told(to, topic.file_system, topic.reason) else { return Ok(()) };
    let when = told.at.strftime("%Y-%m-%d");
    let did = match told.step {
        ReminderStep::Sent => "was told on",
        ReminderStep::Sending | ReminderStep::Unsure => "was perhaps told on",
    };
    writeln!(out, "\n==== Not again within a week: {to}, {what}, {did} {when}")
}

fn why(due: &Due<'_>) -> String {
    let person = match due {
        Due::Homes(person) => person,
        Due::Apps(owner) => {
            let apps = owner.apps.iter();
            let apps = apps.map(|app| format!("{} ({})", app.what(), app.since()));
            return printable(apps.collect::<Vec<_>>().join(", ").as_bytes());
        }
    };
    let homes = person.subjects.iter().map(|subject| {
        let reasons: Vec<&str> = subject.reasons.iter().map(|reason| reason.text()).collect();
        let home = subject.on(subject.home.printable_name());
        format!("{home} ({})", reasons.join(", "))
    });
    homes.collect::<Vec<_>>().join(", ")
}

fn email(out: &mut String, email: &Email) -> Result {
    let Email { from, to, copy_to, reply_to, subject, text } = email;
    writeln!(out, "From: {from}\nTo: {to}")?;
    if let Some(copy_to) = copy_to {
        writeln!(out, "Cc: {copy_to}")?;
    }
    writeln!(out, "Reply-To: {reply_to}\nSubject: {subject}\n\n{text}")
}
