//! The message about who is over quota.

use std::collections::BTreeSet;
use std::fmt::Write;

use crate::report::{HomeReport, Report};
use crate::text::{bytes_of, printable};

/// Homes and findings named in one message; SNS takes 256 KiB.
const MAX_HOMES: usize = 200;
const MAX_FINDINGS: usize = 10;

/// A message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notice {
    /// ASCII, under 100 characters.
    pub subject: String,
    /// The text.
    pub text: String,
}

/// The homes over quota, by name.
pub fn over_quota(report: &Report) -> BTreeSet<String> {
    report.over_quota().map(|home| home.name.clone()).collect()
}

/// What to say, given who was over quota when it was last said.
pub fn compose(report: &Report, before: &BTreeSet<String>) -> Notice {
    let mut over: Vec<&HomeReport> = report.over_quota().collect();
    over.sort_by(|a, b| {
        let rank = |home: &HomeReport| home.quota.map_or(0.0, |quota| quota.used_percent);
        rank(b).total_cmp(&rank(a)).then_with(|| a.name.cmp(&b.name))
    });
    let new = over.iter().filter(|home| !before.contains(&home.name)).count();
    let now = over_quota(report);
    let back: Vec<&String> = before.difference(&now).collect();
    let mut text = String::new();
    // Writing to a String cannot fail.
    let _ = write(&mut text, report, &over, before, &back);
    Notice {
        subject: match over.len() {
            0 => "efs-scan: nobody is over quota".to_owned(),
            1 => format!("efs-scan: 1 home over quota, {new} newly"),
            count => format!("efs-scan: {count} homes over quota, {new} newly"),
        },
        text,
    }
}

fn write(
    out: &mut String,
    report: &Report,
    over: &[&HomeReport],
    before: &BTreeSet<String>,
    back: &[&String],
) -> std::fmt::Result {
    let run = &report.run;
    let root = printable(&bytes_of(&run.root, run.root_base64.as_deref()));
    let day = run.started.strftime("%Y-%m-%d %H:%M UTC");
    let total = report.totals.allocated_bytes.human();
    writeln!(out, "{root}, scanned {day} ({}): {total} in all.\n", run.coverage.name())?;
    if over.is_empty() {
        writeln!(out, "No home is over its quota.")?;
    } else {
        writeln!(out, "Over quota:")?;
    }
    for home in over.iter().take(MAX_HOMES) {
        let new = if before.contains(&home.name) { "" } else { "  NEW" };
        let Some(quota) = home.quota else { continue };
        writeln!(
            out,
            "  {}  {} of {} ({:.1} %)  trash {}, caches {}{new}",
            who(home),
            home.usage.allocated_bytes.human(),
            quota.limit_bytes.human(),
            quota.used_percent,
            home.usage.by_class.trash.allocated_bytes.human(),
            home.usage.by_class.cache.allocated_bytes.human(),
        )?;
    }
    if over.len() > MAX_HOMES {
        writeln!(out, "  and {} more", over.len() - MAX_HOMES)?;
    }
    if !back.is_empty() {
        let names: Vec<String> =
            back.iter().take(MAX_HOMES).map(|name| printable(name.as_bytes())).collect();
        writeln!(out, "\nNo longer over quota: {}", names.join(", "))?;
    }
    let findings = report.largest_findings(MAX_FINDINGS);
    if !findings.is_empty() {
        writeln!(out, "\nLargest findings, by what deleting them frees:")?;
    }
    for finding in findings {
        let path = printable(&bytes_of(&finding.path, finding.path_base64.as_deref()));
        let frees = finding.frees.allocated_bytes.human();
        writeln!(out, "  {frees}  {}  {path}", finding.rule)?;
    }
    Ok(())
}

fn who(home: &HomeReport) -> String {
    let name = printable(&bytes_of(&home.name, home.name_base64.as_deref()));
    match &home.owner.name {
        Some(owner) => format!("{} ({name})", printable(owner.as_bytes())),
        None => name,
    }
}
