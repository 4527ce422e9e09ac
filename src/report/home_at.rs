//! Commands with paths as the owner sees them: a SageMaker space mounts a single home, at another
//! path than this machine.

use std::collections::BTreeSet;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use super::model::{Coverage, Finding, HomeKind, HomeReport, Report};
use super::withheld::LONGEST_COMMAND;
use crate::aws::MemberKind;
use crate::text::shell_word;

/// Advice if the root is a URL, for which this machine has no path.
pub(super) const NO_PATH: &str =
    "scan a mount, or set home_at in the configuration, to get a command with a path";

/// The path at which people see their homes, and who has more than one home.
#[derive(Clone, Debug, Default)]
pub(crate) struct HomeAt<'a> {
    path: Option<&'a Path>,
    /// Names of owners with several uid homes. A space mounts only one of them at this path.
    ambiguous: BTreeSet<String>,
    ambiguous_uids: BTreeSet<u32>,
    /// False if there may be homes that the run does not know.
    all_homes: bool,
}

impl<'a> HomeAt<'a> {
    pub(crate) fn new(report: &'a Report, path: Option<&'a Path>) -> Self {
        let homes = || report.homes.iter().filter(|home| home.kind == HomeKind::Uid);
        let all_homes =
            report.run.coverage != Coverage::Interrupted && report.left_out.above_homes == 0;
        if path.is_none() {
            return Self::default();
        }
        Self {
            path,
            all_homes,
            ambiguous: repeated(homes().filter_map(|home| home.owner.name)),
            ambiguous_uids: repeated(homes().filter_map(|home| home.uid)),
        }
    }

    /// True if people see their homes at another path than this machine does.
    pub(crate) fn is_set(&self) -> bool {
        self.path.is_some()
    }

    /// The path at which its owner sees `home`. Only the home named by the owner's uid is mounted
    /// there. In a space that several people share, the space's own home is; whoever reads about that
    /// one sees another home at this path.
    pub(crate) fn of(&self, home: &HomeReport) -> Option<&'a Path> {
        let name = home.owner.name.as_deref();
        let several = name.is_some_and(|name| self.ambiguous.contains(name))
            || home.uid.is_some_and(|uid| self.ambiguous_uids.contains(&uid));
        let is_persons = home.kind == HomeKind::Uid && home.owner.member != Some(MemberKind::Space);
        self.path.filter(|_| self.all_homes && is_persons && !several)
    }
}

/// Returns the items that occur more than once.
fn repeated<T: Ord + Clone>(items: impl Iterator<Item = T>) -> BTreeSet<T> {
    let mut seen = BTreeSet::new();
    items.filter(|item| !seen.insert(item.clone())).collect()
}

/// Advice to the owner of a home that root owns, for example after a restore by `cp -r`: the
/// owner's own `rm` would fail.
const OWNED_BY_ROOT: &str =
    "root owns this home: ask the administrator to make it yours, or to remove this finding";

/// The same for the administrator.
pub(crate) const OWNED_BY_ROOT_STILL: &str =
    "root owns this home, so its owner cannot remove this before the home is the owner's";

/// True if words name a tool, which acts on the home of whoever runs it.
pub(crate) fn names_a_tool(words: &str) -> bool {
    words.contains('`')
}

/// Words to an owner whose home may be at `home_at` in a space, or may not.
const PATH_NOT_KNOWN: &str = "the path of this home in your space is not known";

/// The action that a home's owner can take on a finding.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Remedy<'a> {
    /// A command, with paths as the owner sees them.
    Command(String),
    /// Words, if there is no command or the owner may not run it.
    ByHand(&'a str),
}

/// Returns what the owner of a home does about a finding, in messages and on pages. `is_only_home` is
/// false if the owner has another uid home, which might be at the same path in another space.
/// `has_own_root` is false if another file system has the same root.
pub(crate) fn remedy<'a>(
    report: &Report,
    (home, finding): (&HomeReport, &'a Finding),
    home_at: &HomeAt<'_>,
    (is_only_home, has_own_root): (bool, bool),
) -> Option<Remedy<'a>> {
    let nowhere = HomeAt::default();
    let at = if is_only_home { home_at } else { &nowhere };
    let is_unknown = home_at.is_set() && at.of(home).is_none();
    let lacks_path = is_unknown && finding.advice.as_deref() == Some(NO_PATH);
    let has_other_path = finding.command.is_some() && (is_unknown || !has_own_root);
    if (lacks_path || has_other_path) && !home.is_roots() {
        return Some(Remedy::ByHand(PATH_NOT_KNOWN));
    }
    match command_at(report, home, finding, at) {
        Some(command) => Some(Remedy::Command(command)),
        None => advice_for_owner(home, finding).map(Remedy::ByHand),
    }
}

/// Returns the advice to the home's owner if [`command_at`] gives no command.
fn advice_for_owner<'a>(home: &HomeReport, finding: &'a Finding) -> Option<&'a str> {
    match home.is_roots() && finding.command.is_some() {
        true => Some(OWNED_BY_ROOT),
        false => finding.advice.as_deref(),
    }
}

/// Returns the command with which the home's owner reclaims a finding. Paths are as that person
/// sees them, or as in the report if these are not known. `None` if the owner may not run it.
fn command_at(
    report: &Report,
    home: &HomeReport,
    finding: &Finding,
    home_at: &HomeAt<'_>,
) -> Option<String> {
    if home.is_roots() {
        return None;
    }
    let path = finding.path_bytes();
    let name = home.name_bytes();
    let Some((at, below)) = home_at.of(home).zip(below(&name, &path)) else {
        return finding.command.clone();
    };
    // A finding without a command had it withheld, unless only its path was missing.
    if finding.command.is_none() && finding.advice.as_deref() != Some(NO_PATH) {
        return None;
    }
    let there = [at.as_os_str().as_bytes(), b"/", below].concat();
    // The rule's template tells the place from other text that looks like its path.
    let mut rules = home.rules.iter().chain(&report.rules);
    if let Some(rule) = rules.find(|rule| rule.rule == finding.rule)
        && let Some(template) = &rule.command
    {
        return Some(fill(template, &there)).filter(|command| command.len() <= LONGEST_COMMAND);
    }
    // Joined as in the report, which also holds for the root `/`.
    let here = shell_word(&[&report.run.root_bytes()[..], b"/", &path].concat());
    let command = finding.command.as_ref()?.replace(&here, &shell_word(&there));
    Some(command).filter(|command| command.len() <= LONGEST_COMMAND)
}

/// Puts the path of a finding into a command.
pub(super) fn fill(command: &str, path: &[u8]) -> String {
    // One pass: a path may itself hold `{path}`.
    let mut out = String::new();
    let mut rest = command;
    while let Some(at) = rest.find('{') {
        out.push_str(&rest[..at]);
        rest = &rest[at..];
        if let Some(after) = rest.strip_prefix("{path}") {
            out.push_str(&shell_word(path));
            rest = after;
        } else {
            out.push('{');
            rest = &rest[1..];
        }
    }
    out.push_str(rest);
    out
}

/// Returns `path` relative to `home`, or `None` if it is not below it. Both are relative to the
/// root; the root itself is `.` as a home and empty as a path.
pub(crate) fn below<'a>(home: &[u8], path: &'a [u8]) -> Option<&'a [u8]> {
    match home {
        b"." | b"" => Some(path).filter(|path| !path.is_empty()),
        home => path.strip_prefix(home)?.strip_prefix(b"/"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_gets_the_path_quoted_and_once() {
        assert_eq!(fill("tool --at {path} {other}", b"/efs/1/a"), "tool --at /efs/1/a {other}");
        assert_eq!(fill("tool {path}", b"/a b/{path}"), "tool '/a b/{path}'");
    }

    #[test]
    fn a_path_below_a_home_differs_from_one_with_the_same_prefix() {
        assert_eq!(below(b"200005", b"200005/.cache"), Some(&b".cache"[..]));
        assert_eq!(below(b"200005", b"2000055/.cache"), None);
        assert_eq!(below(b"200005", b"200005"), None);
        for root in [&b"."[..], b""] {
            assert_eq!(below(root, b".cache/pip"), Some(&b".cache/pip"[..]));
            assert_eq!(below(root, b""), None);
        }
    }
}
