//! The notice of homes over quota.

use std::collections::BTreeSet;
use std::fmt::Write;

use crate::report::{Coverage, HomeReport, Report};
use crate::text::{Shown, printable};

/// Limits of one message: homes and findings, bytes of the text, characters of a name or path.
/// SNS takes 256 KiB, and form encoding makes up to three bytes of one.
const MAX_HOMES: usize = 200;
const MAX_FINDINGS: usize = 10;
const MAX_TEXT: usize = 60 * 1024;
const MAX_NAME: usize = 300;

/// A message for SNS.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notice {
    /// ASCII, under 100 characters.
    pub subject: Shown,
    pub text: Shown,
}

/// The names of the homes over quota. A home that was over quota `before` and was not read
/// completely this time still counts.
pub fn over_quota(report: &Report, before: &BTreeSet<String>) -> BTreeSet<String> {
    let mut over: BTreeSet<String> = report.over_quota().map(|home| home.name).collect();
    if report.run.coverage != Coverage::Complete {
        let read = report.homes.iter().filter(|home| home.coverage == Coverage::Complete);
        let read: BTreeSet<String> = read.map(|home| home.name).collect();
        over.extend(before.iter().filter(|name| !read.contains(*name)).cloned());
    }
    over
}

/// Writes the message; `before` has the homes over quota in the last one.
pub fn compose(report: &Report, before: &BTreeSet<String>) -> Notice {
    let mut over: Vec<HomeReport> = report.over_quota().collect();
    over.sort_by(|a, b| {
        let rank = |home: &HomeReport| home.quota.map_or(0.0, |quota| quota.used_percent);
        rank(b).total_cmp(&rank(a)).then_with(|| a.name.cmp(&b.name))
    });
    let new = over.iter().filter(|home| !before.contains(&home.name)).count();
    let now = over_quota(report, before);
    let back: Vec<&String> = before.difference(&now).collect();
    let mut text = String::new();
    // Writing to a String cannot fail.
    let _ = write(&mut text, report, &over, before, &back);
    // Paths are as long as strangers made them.
    if text.len() > MAX_TEXT {
        text.truncate(text.floor_char_boundary(MAX_TEXT));
        text += "\n(cut here)\n";
    }
    Notice {
        subject: Shown::line(&match over.len() {
            0 => "efs-scan: nobody is over quota".to_owned(),
            1 => format!("efs-scan: 1 home over quota, {new} newly"),
            count => format!("efs-scan: {count} homes over quota, {new} newly"),
        }),
        text: Shown::lines(text),
    }
}

fn write(
    out: &mut String,
    report: &Report,
    over: &[HomeReport],
    before: &BTreeSet<String>,
    back: &[&String],
) -> std::fmt::Result {
    let run = &report.run;
    let root = run.printable_root();
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
            back.iter().take(MAX_HOMES).map(|name| short(name.as_bytes())).collect();
        writeln!(out, "\nNo longer over quota: {}", names.join(", "))?;
    }
    let findings = report.largest_findings(MAX_FINDINGS);
    if !findings.is_empty() {
        writeln!(out, "\nClean-up candidates, by what deleting them frees:")?;
    }
    for finding in findings {
        let path = short(&finding.path_bytes());
        let frees = finding.frees.allocated_bytes.human();
        writeln!(out, "  {frees}  {}  {path}", finding.rule)?;
    }
    Ok(())
}

fn short(bytes: &[u8]) -> String {
    let text = printable(bytes);
    match text.char_indices().nth(MAX_NAME) {
        Some((at, _)) => format!("{}...", &text[..at]),
        None => text,
    }
}

fn who(home: &HomeReport) -> String {
    let name = short(&home.name_bytes());
    let name = match home.other_owner() {
        Some(other) => format!("{name}, {}", other.mark()),
        None => name,
    };
    match &home.owner.name {
        Some(owner) => format!("{} ({name})", short(owner.as_bytes())),
        None => name,
    }
}
