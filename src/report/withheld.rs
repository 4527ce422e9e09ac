//! Commands that are not offered, because they would do other things than their finding says.

use super::model::{Report, RuleReport};
use crate::usage::{Class, Content, FindingAccount, Rule};

/// Programs that change a file under all its names.
const EMPTIERS: [&str; 6] = ["truncate", "shred", "cp", "dd", "tee", "install"];

/// Contents of a finding that make its command do more or less than the finding says, and what to do.
const WITHHELD: [(Content, &str); 9] = [
    (
        Content::Foreign,
        "other things may lie in it: look through it, and remove what is not needed",
    ),
    (
        Content::Unsourced,
        "what it was made from is not seen beside it, so it may be the last copy of a program: look for the \
         sources first",
    ),
    (
        Content::Finding,
        "other findings lie in it, which removing it takes along: look at these first",
    ),
    (
        Content::Data,
        "it holds, or is part of, a repository, a database, a backup or an archive with a list of its files: look through it first",
    ),
    (Content::Mount, "another file system is mounted in it, on it or above it: unmount that first"),
    (Content::Excluded, "the scan leaves out something that lies in it: look through it first"),
    (Content::Unread, "something in it could not be read: look through it first"),
    (
        Content::Protected,
        "it is in a directory that is another's, closed, write-protected or open to others, or has such a one in \
         it: look at owners and modes",
    ),
    (
        Content::Others,
        "files of other people lie in it, which removing it takes along: look at these first",
    ),
];

/// Says what to look at before doing what the advice of a rule says, if there is something.
pub(super) fn look_first(rule: &Rule, finding: &FindingAccount) -> Option<&'static str> {
    if rule.command.is_some() || rule.hint || rule.class == Class::Output {
        return None;
    }
    let taken_along = [
        Content::Data,
        Content::Finding,
        Content::Mount,
        Content::Excluded,
        Content::Unread,
        Content::Others,
    ];
    let mut reasons = WITHHELD.iter().filter(|(content, _)| taken_along.contains(content));
    reasons.find(|(content, _)| finding.holds(*content)).map(|(_, why)| *why)
}

/// Says why the command of a rule would do something else than the finding says, if it would.
pub(super) fn withheld(rule: &Rule, finding: &FindingAccount) -> Option<&'static str> {
    let command = rule.command.as_deref()?;
    let program = |word: &str| word.rsplit('/').next().is_some_and(|name| EMPTIERS.contains(&name));
    if command.split(' ').any(program) && finding.sums().linked.inodes > 0 {
        return Some("it has another name (hard link), which this empties too: look at both");
    }
    let mut reasons = WITHHELD.iter().filter(|(content, _)| finding.holds(*content));
    reasons.next().map(|(_, why)| *why)
}

/// Longest command in bytes. A terminal cuts a line of 4,096 (termios(3), canonical mode) without a
/// word, and the shell runs the rest. Paths are shorter than that, too (`PATH_MAX`).
pub(super) const LONGEST_COMMAND: usize = 4000;

/// Advice where a command would be longer.
pub(super) const TOO_LONG: &str =
    "its path is too long for a terminal: begin in a directory further down";

/// Advice where the name of a file ends in a newline. Command substitution drops it, and the slash that
/// keeps it names a directory.
pub(super) const ENDS_IN_NEWLINE: &str =
    "its name ends in a newline, which no command here can give: remove it with a file manager";

/// Version of the checks that the commands of findings pass (src/report/withheld.rs, what rules must
/// prove). Raise it with each change of a rule or a check after which a command that was offered is
/// offered no more.
pub const COMMAND_CHECKS: u32 = 15;

/// Removes the commands and the advice of a run that an older program published, because they passed
/// fewer checks.
pub(crate) fn drop_unchecked_commands(report: &mut Report) {
    if report.run.command_checks >= COMMAND_CHECKS {
        return;
    }
    report.homes.update(|home| {
        for finding in &mut home.findings {
            if finding.command.take().is_some() || finding.advice.is_some() {
                finding.advice = Some(OLD_RUN.to_owned());
            }
        }
        home.rules.iter_mut().for_each(drop_command);
    });
    report.rules.iter_mut().for_each(drop_command);
}

/// Removes the command, the advice and the note of a rule.
fn drop_command(rule: &mut RuleReport) {
    rule.command = None;
    rule.advice = None;
    rule.note = None;
}

/// Advice for findings of a run that an older program published.
const OLD_RUN: &str = "look through it; the next scan says how to reclaim it";
