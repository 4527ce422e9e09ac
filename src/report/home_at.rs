//! Commands with paths as the owner sees them: a SageMaker space mounts one home elsewhere than
//! this machine mounts the whole file system.

use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use super::model::{Finding, HomeReport, Report};
use crate::text::shell_word;

/// The command that reclaims a finding in `home`, with paths below `home_at`. Without `home_at` it
/// is the report's.
pub(crate) fn command_at(
    report: &Report,
    home: &HomeReport,
    finding: &Finding,
    home_at: Option<&Path>,
) -> Option<String> {
    let command = finding.command.as_ref()?;
    let path = finding.path_bytes();
    let name = home.name_bytes();
    let Some((at, below)) = home_at.zip(below(&name, &path)) else { return Some(command.clone()) };
    let root = report.run.root_bytes();
    // As in the report, for the root `/` too.
    let here = shell_word(&[&root[..], b"/", &path].concat());
    let there = shell_word(&[at.as_os_str().as_bytes(), b"/", below].concat());
    Some(command.replace(&here, &there))
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
