//! A use of a tool that creates what a rule finds, and the rule's command or advice on copies of
//! it.

use std::path::{Path, PathBuf};
use std::process::Command;

use efs_scan::usage::rule_file::RuleSpec;
use efs_scan_testbed::*;
use serde_json::Value;
use tempfile::TempDir;

use super::Row;
use super::effect::{TOLERANCE, Trial};
use super::workshop::Workshop;

/// Steps by which a tool makes an example of a rule. Scripts run in bash with HOME and working
/// directory in the home; `$DEMO` has packages, `$INDEX` serves them, and `$TOOLS` is where tools
/// are installed.
pub(super) struct Case {
    /// Programs that the scripts need.
    pub(super) needs: &'static [&'static str],
    /// Prints the tool's version.
    pub(super) version: &'static str,
    /// The finding, below the home; a star at its end stands for the rest of a name.
    pub(super) finds: &'static str,
    pub(super) make: &'static str,
    /// Uses the tool again, which recreates what was removed.
    pub(super) again: &'static str,
    /// The rule's advice as a script, if the rule has no command.
    pub(super) advised: &'static str,
    /// Other paths that the tool may write, such as its logs, below HOME or the home.
    pub(super) records: &'static [&'static str],
}

/// Defaults of most cases, which have a command.
pub(super) const BASE: Case =
    Case { needs: &[], version: "", finds: "", make: "", again: "", advised: "", records: &[] };

/// Names of homes that a shell, an option parser, a glob or a template could misread.
pub(super) const AWKWARD: [&str; 2] =
    ["-rf it's $(touch x)\n`touch y`", "\n{path} \"*\" [a]\\ ;touch z"];

/// The home in which the example is made.
const PLAIN: &str = "200005";

/// Copies a tree with its hard links.
pub(super) fn copy(from: &Path, to: &Path) {
    let copied = Command::new("cp").args(["-a", "--"]).args([from, to]).output().unwrap();
    assert!(copied.status.success(), "{}", String::from_utf8_lossy(&copied.stderr));
}

/// A home with the tool's example, copies of it with awkward names, and a HOME elsewhere.
struct Made {
    top: TempDir,
    efs: PathBuf,
    space: PathBuf,
    bin: PathBuf,
    report: Value,
    /// The tool and its version.
    by: String,
}

impl Made {
    fn new(case: &Case, workshop: &Workshop) -> Result<Self, String> {
        let top = scratch();
        let [efs, space, bin] = ["efs", "space", "bin"].map(|name| top.path().join(name));
        let plain = efs.join(PLAIN);
        for directory in [&plain, &top.path().join("cwd")] {
            std::fs::create_dir_all(directory).unwrap();
        }
        let version = workshop.script(case.version, top.path())?;
        workshop.script(case.make, &plain)?;
        for name in AWKWARD {
            copy(&plain, &efs.join(name));
        }
        copy(&plain, &space);
        workshop.only(&["rm"], &bin);
        let report = report(&efs, [] as [&str; 0], 0);
        let by = version.lines().next().unwrap_or_default().to_owned();
        Ok(Self { top, efs, space, bin, report, by })
    }

    fn finding(&self, case: &Case, name: &str) -> Result<&Value, String> {
        let findings = home(&self.report, name)["findings"].as_array().unwrap();
        let path = format!("{name}/{}", case.finds);
        let is_it = |finding: &&Value| {
            let at = finding["path"].as_str().unwrap();
            path.strip_suffix('*').map_or(at == path, |start| at.starts_with(start))
        };
        findings.iter().find(is_it).ok_or_else(|| {
            let found: Vec<_> = findings.iter().map(|f| (&f["rule"], &f["path"])).collect();
            format!("{path:?} is not found, but {found:?}")
        })
    }

    fn trial<'a>(&'a self, case: &'a Case, shell: &'a str) -> Trial<'a> {
        Trial {
            efs: &self.efs,
            world: self.top.path(),
            space: &self.space,
            bin: &self.bin,
            shell,
            tolerance: TOLERANCE,
            records: case.records,
        }
    }
}

/// Makes the example, runs the command of its finding in every home, and uses the tool again. Also
/// returns the rule.
pub(super) fn try_it(
    case: &Case,
    workshop: &Workshop,
    rules: &[RuleSpec],
) -> Result<(String, Row), String> {
    let made = Made::new(case, workshop)?;
    let plain = made.efs.join(PLAIN);
    let finding = made.finding(case, PLAIN)?;
    let id = finding["rule"].as_str().unwrap();
    let rule = rules.iter().find(|rule| rule.id == id).unwrap();
    let row = match &rule.command {
        Some(_) => commanded(case, &made).map_err(|why| format!("{id}: {why}"))?,
        None => advised(case, &made, workshop).map_err(|why| format!("{id}: {why}"))?,
    };
    // Used again, in the home where the example was first made.
    let again = workshop.script(case.again, &plain);
    again.map_err(|why| format!("{id}: after its command, {why}"))?;
    let place = made.efs.join(finding["path"].as_str().unwrap());
    if std::fs::read_dir(&place).map_or(true, |mut entries| entries.next().is_none()) {
        return Err(format!("{id}: `{}` did not make {} again", case.again, place.display()));
    }
    Ok((id.to_owned(), row))
}

fn commanded(case: &Case, made: &Made) -> Result<Row, String> {
    let mut rows = Vec::new();
    for (name, shell) in [(AWKWARD[0], "/bin/bash"), (AWKWARD[1], "/bin/sh"), (PLAIN, "/bin/sh")] {
        let finding = made.finding(case, name)?;
        if finding["command"].is_null() {
            return Err(format!("the command is withheld: {finding:#}"));
        }
        let mut trial = made.trial(case, shell);
        trial.tolerance = 0;
        rows.push(trial.run(finding, &made.efs.join(name), &made.by)?);
    }
    Ok(rows.pop().unwrap())
}

/// Follows the advice in the plain home.
fn advised(case: &Case, made: &Made, workshop: &Workshop) -> Result<Row, String> {
    let finding = made.finding(case, PLAIN)?;
    let trial = made.trial(case, "");
    let home = made.efs.join(PLAIN);
    if case.advised.is_empty() {
        return Ok(trial.none(finding, &made.by));
    }
    trial.measure(finding, &home, &made.by, || workshop.script(case.advised, &home).map(drop))
}
