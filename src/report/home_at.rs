//! Commands with paths as the owner sees them: a SageMaker space mounts one home elsewhere than
//! this machine mounts the whole file system.

use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use super::model::{Finding, HomeKind, HomeReport, Report};
use crate::text::shell_word;

/// Advice where the root is a URL, for which this machine has no path.
pub(super) const NO_PATH: &str =
    "scan a mount, or set home_at in the configuration, to get a command with a path";

/// The command that reclaims a finding in `home`, with paths below `home_at`, where its person sees
/// it. Only the home that is called by the person's uid is mounted there: without `home_at`, and for
/// other homes, it is the report's.
pub(crate) fn command_at(
    report: &Report,
    home: &HomeReport,
    finding: &Finding,
    home_at: Option<&Path>,
) -> Option<String> {
    let path = finding.path_bytes();
    let name = home.name_bytes();
    let home_at = home_at.filter(|_| home.kind == HomeKind::Uid);
    let Some((at, below)) = home_at.zip(below(&name, &path)) else {
        return finding.command.clone();
    };
    // Without a command it was withheld, unless only its path was missing.
    if finding.command.is_none() && finding.advice.as_deref() != Some(NO_PATH) {
        return None;
    }
    let there = [at.as_os_str().as_bytes(), b"/", below].concat();
    // The rule's own command tells the place from what looks like it, and has the parent, too.
    let mut rules = home.rules.iter().chain(&report.rules);
    if let Some(rule) = rules.find(|rule| rule.rule == finding.rule)
        && let Some(template) = &rule.command
    {
        return Some(fill(template, &there));
    }
    // As in the report, for the root `/` too.
    let here = shell_word(&[&report.run.root_bytes()[..], b"/", &path].concat());
    Some(finding.command.as_ref()?.replace(&here, &shell_word(&there)))
}

/// Puts the path of a finding into a command, and the path of the directory it is in.
pub(super) fn fill(command: &str, path: &[u8]) -> String {
    let parent = path.iter().rposition(|byte| *byte == b'/').map_or(&path[..0], |at| &path[..at]);
    // One pass: a path may itself hold `{parent}`.
    let mut out = String::new();
    let mut rest = command;
    while let Some(at) = rest.find('{') {
        out.push_str(&rest[..at]);
        rest = &rest[at..];
        if let Some(after) = rest.strip_prefix("{path}") {
            out.push_str(&shell_word(path));
            rest = after;
        } else if let Some(after) = rest.strip_prefix("{parent}") {
            out.push_str(&shell_word(parent));
            rest = after;
        } else {
            out.push('{');
            rest = &rest[1..];
        }
    }
    out.push_str(rest);
    out
}

/// `path` relative to `home`, or `None` if it is not below it. Both are relative to the root, whose
/// own name is `.` as a home and empty as a path.
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
    fn a_command_gets_the_path_and_its_parent_quoted_and_once() {
        let both = "tool --in {parent}/x --at {path} {other}";
        assert_eq!(fill(both, b"/efs/1/a"), "tool --in /efs/1/x --at /efs/1/a {other}");
        assert_eq!(fill(both, b"/a b/{path}"), "tool --in '/a b'/x --at '/a b/{path}' {other}");
    }

    #[test]
    fn what_is_below_a_home_is_told_from_what_begins_like_it() {
        assert_eq!(below(b"200005", b"200005/.cache"), Some(&b".cache"[..]));
        assert_eq!(below(b"200005", b"2000055/.cache"), None);
        assert_eq!(below(b"200005", b"200005"), None);
        for root in [&b"."[..], b""] {
            assert_eq!(below(root, b".cache/pip"), Some(&b".cache/pip"[..]));
            assert_eq!(below(root, b""), None);
        }
    }
}
