//! One use of a tool that makes what a rule finds, and the rule's command on copies of it.

use std::path::Path;
use std::process::Command;

use efs_scan_testbed::*;

use super::effect::{LEAST, TOLERANCE, Trial};
use super::workshop::Workshop;
use super::{Row, only_removes};

/// How a tool makes an example of a rule. Scripts run in bash with HOME and working directory in the
/// home; `$DEMO` has packages, `$INDEX` serves them, and `$TOOLS` is where tools are installed.
pub(super) struct Case {
    pub(super) rule: &'static str,
    /// Programs that the scripts need.
    pub(super) needs: &'static [&'static str],
    /// Prints the tool's version.
    pub(super) version: &'static str,
    /// The finding, below the home.
    pub(super) finds: &'static str,
    pub(super) make: &'static str,
    /// Uses the tool again, which makes what was cleaned up.
    pub(super) again: &'static str,
    /// Programs that the rule's command needs.
    pub(super) runs: &'static [&'static str],
    /// Where the tool keeps records of its own runs, below HOME or the home.
    pub(super) records: &'static [&'static str],
}

/// A case of a command that only removes.
pub(super) const REMOVED: Case = Case {
    rule: "",
    needs: &[],
    version: "",
    finds: "",
    make: "",
    again: "",
    runs: &["rm"],
    records: &[],
};

/// Names of homes that a shell, an option parser, a glob or a template would read otherwise. Without
/// a backslash, because `go clean -cache` finds nothing below one.
pub(super) const AWKWARD: [&str; 2] =
    ["-rf it's $(touch x)\n`touch y`", "\n{path} \"*\" [a] ;touch z"];

/// Copies a tree with its hard links.
pub(super) fn copy(from: &Path, to: &Path) {
    let copied = Command::new("cp").args(["-a", "--"]).args([from, to]).output().unwrap();
    assert!(copied.status.success(), "{}", String::from_utf8_lossy(&copied.stderr));
}

/// Makes the example in one home, copies it into homes with awkward names and a HOME elsewhere, and
/// runs the command on each.
pub(super) fn try_it(case: &Case, workshop: &Workshop) -> Result<Row, String> {
    let top = scratch();
    let [efs, space, bin] = ["efs", "space", "bin"].map(|name| top.path().join(name));
    let plain = efs.join("200005");
    for directory in [&plain, &top.path().join("cwd")] {
        std::fs::create_dir_all(directory).unwrap();
    }
    let version = workshop.script(case.version, top.path())?;
    workshop.script(case.make, &plain)?;
    for name in AWKWARD {
        copy(&plain, &efs.join(name));
    }
    copy(&plain, &space);
    workshop.only(case.runs, &bin);
    let report = report(&efs, [] as [&str; 0], 0);
    let mut last = None;
    for (name, shell) in [(AWKWARD[0], "/bin/bash"), (AWKWARD[1], "/bin/sh"), ("200005", "/bin/sh")]
    {
        let findings = home(&report, name)["findings"].as_array().unwrap();
        let path = format!("{name}/{}", case.finds);
        let mine = |finding: &&serde_json::Value| {
            finding["rule"] == case.rule && finding["path"] == path.as_str()
        };
        let Some(finding) = findings.iter().find(mine) else {
            let found: Vec<_> = findings.iter().map(|f| (&f["rule"], &f["path"])).collect();
            return Err(format!("{path:?} is not found, but {found:?}"));
        };
        let removes = finding["command"].as_str().is_some_and(only_removes);
        let trial = Trial {
            efs: &efs,
            world: top.path(),
            space: &space,
            bin: &bin,
            shell,
            tolerance: if removes { 0 } else { TOLERANCE },
            records: case.records,
        };
        let row =
            trial.run(finding, &efs.join(name), version.lines().next().unwrap_or_default())?;
        if !removes && row.said < LEAST {
            return Err(format!("the example is too small: {}", row.said));
        }
        last = Some(row);
    }
    // Made again, in the home where it was made first.
    workshop.script(case.again, &plain).map_err(|why| format!("after its command, {why}"))?;
    let place = plain.join(case.finds);
    if std::fs::read_dir(&place).map_or(true, |mut entries| entries.next().is_none()) {
        return Err(format!("`{}` did not make {} again", case.again, place.display()));
    }
    Ok(last.unwrap())
}
