//! Commands that are not offered, because they would do other things than their finding says.

use crate::usage::{Content, FindingAccount, Rule};

/// Contents of a finding that make its command do more or less than the finding says, and what to do.
const WITHHELD: [(Content, &str); 7] = [
    (
        Content::Foreign,
        "other things may lie in it: look through it, and remove what is not needed",
    ),
    (
        Content::Finding,
        "other findings lie in it, which removing it takes along: clean these up first",
    ),
    (Content::Data, "a repository or a database lies in it: look through it first"),
    (
        Content::Mount,
        "another file system is mounted in it, which would be emptied, too: unmount it",
    ),
    (Content::Excluded, "the scan leaves out something that lies in it: look through it first"),
    (Content::Unread, "something in it could not be read: look through it first"),
    (
        Content::Protected,
        "it is in a directory that is another's or write-protected, or has such a one in it, which `rm` \
         leaves: look at owners and modes",
    ),
];

/// Says why the command of a rule would do something else than the finding says, if it would.
pub(super) fn withheld(rule: &Rule, finding: &FindingAccount) -> Option<&'static str> {
    let command = rule.command.as_deref()?;
    if command.starts_with("truncate ") && finding.sums().linked.inodes > 0 {
        return Some("it has another name (hard link), which truncating empties too: look at both");
    }
    let mut reasons = WITHHELD.iter().filter(|(content, _)| finding.holds(*content));
    reasons.next().map(|(_, why)| *why)
}
