//! The output of `--dry-run`: every message in full, with its recipient and reasons. Nothing is sent
//! or noted.

use std::fmt::{Result, Write};

use super::Work;
use super::ledger::{ReminderLedger, ReminderStep};
use super::letter::Summary;
use super::people::Recipient;
use crate::aws::Email;
use crate::text::Shown;

/// The whole output. Names and messages in it are printable.
pub(crate) fn preview(work: &Work<'_>, ledger: &ReminderLedger) -> Shown {
    let mut out = String::new();
    // Writing to a String cannot fail.
    let _ = write(&mut out, work, ledger);
    Shown::lines(out)
}

fn write(out: &mut String, work: &Work<'_>, ledger: &ReminderLedger) -> Result {
    let count = work.due.len();
    writeln!(out, "Dry run: nothing is sent. Reminders due: {count}.")?;
    let writer = work.writer();
    for (at, due) in work.due.iter().enumerate() {
        let person = &due.person;
        writeln!(out, "\n==== {} of {count}", at + 1)?;
        writeln!(out, "Why: {}", why(person))?;
        email(out, &work.email(&person.address, writer.reminder(person)))?;
    }
    for person in work.sorted.people.values() {
        for reason in person.reasons() {
            if let Some(told) = ledger.told(&person.address, reason) {
                let when = told.at.strftime("%Y-%m-%d");
                let did = match told.step {
                    ReminderStep::Sent => "was told on",
                    ReminderStep::Sending | ReminderStep::Unsure => "was perhaps told on",
                };
                let (to, reason) = (&person.address, reason.text());
                writeln!(out, "\n==== Not again within a week: {to}, {reason}, {did} {when}")?;
            }
        }
    }
    for untold in work.sorted.not_personal() {
        writeln!(out, "\n==== To nobody: {}", untold.key())?;
    }
    let untold = work.unheard(ledger);
    let unsure = ledger.open_ends();
    let summary = Summary { sent: count, unsure, untold, ..Summary::default() };
    if !summary.is_empty() {
        writeln!(out, "\n==== To the administrator, if SES refuses nothing")?;
        email(out, &work.email(&work.reminding.admin, summary.letter(work.report)))?;
    }
    Ok(())
}

fn why(person: &Recipient<'_>) -> String {
    let homes = person.subjects.iter().map(|subject| {
        let reasons: Vec<&str> = subject.reasons.iter().map(|reason| reason.text()).collect();
        format!("{} ({})", subject.home.printable_name(), reasons.join(", "))
    });
    homes.collect::<Vec<_>>().join(", ")
}

fn email(out: &mut String, email: &Email) -> Result {
    let Email { from, to, reply_to, subject, text } = email;
    writeln!(out, "From: {from}\nTo: {to}\nReply-To: {reply_to}\nSubject: {subject}\n\n{text}")
}
