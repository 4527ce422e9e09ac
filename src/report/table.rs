//! The terminal table.

use std::fmt::{Result, Write};
use std::io;

use comfy_table::Table;
use jiff::Timestamp;

use super::groups::group_lines;
use super::home_detail::home_detail;
use super::model::*;
use crate::columns::{columns, push_long_table, push_table, show_column, usd};
use crate::text::{ShownLines, plural, printable};
use crate::units::{AllocatedBytes, Usd};

/// How much the table shows of each home.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Detail {
    /// A line for each home, up to a limit.
    Lines(Option<usize>),
    /// All details of each home.
    Pages,
}

/// Findings shown below the homes.
const FINDINGS_SHOWN: usize = 10;

/// Errors shown.
const ERRORS_SHOWN: usize = 5;

/// Writes the report with printable names.
///
/// # Errors
/// Those of `to`.
pub fn table(report: &Report, detail: Detail, to: &mut dyn io::Write) -> io::Result<()> {
    let mut lines = ShownLines::new(to);
    // `end` returns the error.
    let _ = write_table(&mut lines, report, detail);
    lines.end()
}

fn write_table(out: &mut dyn Write, report: &Report, detail: Detail) -> Result {
    let run = &report.run;
    let took = run.seconds();
    let root = run.printable_root();
    let started = run.started.strftime("%Y-%m-%d %H:%M:%S UTC");
    let coverage = match run.coverage {
        Coverage::Complete => "complete",
        Coverage::Partial => "PARTIAL: not everything could be read",
        Coverage::Interrupted => "INTERRUPTED: only a part was read",
    };
    writeln!(out, "{root}  {started}, {took:.1} s, {coverage}\n")?;
    match detail {
        Detail::Lines(limit) => {
            home_lines(out, report, limit)?;
            group_lines(out, report, limit.unwrap_or(usize::MAX))?;
            findings(out, report)?;
        }
        Detail::Pages => {
            report.homes.iter().try_for_each(|home| home_detail(out, report, &home))?
        }
    }
    let mut end = String::new();
    if let Some(file_system) = &report.file_system {
        end += &file_system.line(report.totals.metered_bytes);
        end += &file_system.lifecycle_lines();
        end += &file_system.throughput_lines();
    }
    if let Some(clock) = &run.clock {
        writeln!(end, "Note: {}.", clock.line())?;
    }
    remarks(&mut end, report)?;
    if let Some(nfs) = &report.nfs {
        // Requests for directories outside of the totals cannot be told apart.
        let all = run.users.is_empty() && run.coverage != Coverage::Interrupted;
        end += &nfs.lines(all.then_some(report.totals.dirs));
    }
    if !end.is_empty() {
        write!(out, "\n{end}")?;
    }
    Ok(())
}

fn home_lines(out: &mut dyn Write, report: &Report, limit: Option<usize>) -> Result {
    let head = [
        "HOME",
        "OWNER",
        "GROUP",
        "SIZE",
        "METERED",
        "USD/MONTH",
        "FILES",
        "TRASH",
        "CACHE",
        "ENV",
        "NEWEST",
        "QUOTA",
        "",
    ];
    let table = || {
        let mut table = columns(&head, &[3, 4, 5, 6, 7, 8, 9, 10, 11]);
        show_column(&mut table, 2, !report.groups.is_empty());
        show_column(&mut table, 5, report.money.is_some());
        table
    };
    let shown = limit.unwrap_or(usize::MAX);
    let homes = report.homes.iter().filter(|home| home.kind != HomeKind::Outside);
    let outside = report.homes.iter().filter(|home| home.kind == HomeKind::Outside);
    let lines = homes.clone().take(shown).chain(outside).map(|home| {
        let age = age_of(home.newest_mtime, report.run.started);
        cells(
            [home.printable_name(), owner_of(&home), group_of(&home)],
            &home.usage,
            home.cost_month,
            age,
            home.quota.map(|quota| quota.human()).unwrap_or_default(),
            marks(&home).join(", "),
        )
    });
    let age = age_of(report.newest_mtime, report.run.started);
    let count = homes.clone().count();
    let total = [format!("total of {count}"), String::new(), String::new()];
    let cost = report.money.as_ref().map(|money| money.month);
    let total = cells(total, &report.totals, cost, age, String::new(), String::new());
    push_long_table(out, table, lines.chain([total]))?;
    if count > shown {
        let rest: AllocatedBytes = homes.skip(shown).map(|home| home.usage.allocated_bytes).sum();
        let hidden = count - shown;
        let homes = plural(hidden as u64, "home", "homes");
        writeln!(out, "({hidden} more {homes} not shown: {})", rest.human())?;
    }
    Ok(())
}

fn cells(
    [name, owner, group]: [String; 3],
    usage: &Usage,
    cost: Option<Usd>,
    age: String,
    quota: String,
    marks: String,
) -> Vec<String> {
    let or_dash = |share: Share| match share.inodes {
        0 => "-".to_owned(),
        _ => share.allocated_bytes.human(),
    };
    vec![
        name,
        owner,
        group,
        usage.allocated_bytes.human(),
        usage.metered_bytes.human(),
        usd(cost),
        usage.files.to_string(),
        or_dash(usage.by_class.trash),
        or_dash(usage.by_class.cache),
        or_dash(usage.by_class.environment),
        age,
        quota,
        marks,
    ]
}

pub(super) fn owner_of(home: &HomeReport) -> String {
    match (&home.owner.name, home.owner.status, home.kind, home.uid) {
        (Some(name), ..) => printable(name.as_bytes()),
        (None, OwnerStatus::Orphan, ..) => "(orphan)".to_owned(),
        // The name of a uid home is its uid already.
        (None, _, HomeKind::Named, Some(uid)) => format!("uid {uid}"),
        _ => String::new(),
    }
}

/// The group that pays, or a dash; empty for the entry outside of homes.
pub(super) fn group_of(home: &HomeReport) -> String {
    match (&home.owner.group, home.kind) {
        (Some(group), _) => printable(group.as_bytes()),
        (None, HomeKind::Outside) => String::new(),
        (None, _) => "-".to_owned(),
    }
}

pub(super) fn marks(home: &HomeReport) -> Vec<String> {
    let mut marks = Vec::new();
    if home.quota.is_some_and(|quota| quota.over) {
        marks.push("OVER QUOTA".to_owned());
    }
    if home.owner.status == OwnerStatus::Orphan {
        marks.push("orphan".to_owned());
    }
    marks.extend(home.other_owner().map(DirectoryOwner::mark));
    if home.errors > 0 {
        let errors = plural(home.errors, "error", "errors");
        marks.push(format!("PARTIAL ({} {errors})", home.errors));
    }
    if home.foreign.inodes > 0 {
        marks.push(format!("{} owned by others", home.foreign.allocated_bytes.human()));
    }
    marks
}

/// Formats the age of `time` in its largest unit.
pub(super) fn age_of(time: Option<Timestamp>, now: Timestamp) -> String {
    let Some(time) = time else {
        return "-".to_owned();
    };
    let days = now.duration_since(time).as_secs() / 86_400;
    match days {
        ..=0 => "today".to_owned(),
        1..=59 => format!("{days} d"),
        60..=729 => format!("{} mo", days / 30),
        _ => format!("{} y", days / 365),
    }
}

/// Writes the findings of all homes that free most.
fn findings(out: &mut dyn Write, report: &Report) -> Result {
    let all = report.largest_findings(FINDINGS_SHOWN);
    if all.is_empty() {
        return Ok(());
    }
    writeln!(out, "\nClean-up candidates (efs-scan --user NAME shows how to reclaim them)")?;
    push_table(out, &finding_table(&all.iter().collect::<Vec<_>>()))
}

pub(super) fn finding_table(findings: &[&Finding]) -> Table {
    let head = ["FREES", "USD/MONTH", "SIZE", "CLASS", "RULE", "PATH", "FREES MORE"];
    let mut table = columns(&head, &[0, 1, 2]);
    show_column(&mut table, 1, findings.iter().any(|finding| finding.cost_month.is_some()));
    show_column(
        &mut table,
        6,
        findings.iter().any(|it| it.together.is_some() || it.across.is_some()),
    );
    for finding in findings {
        let class = if finding.hint { "hint" } else { finding.class.name() };
        table.add_row([
            finding.frees.allocated_bytes.human(),
            usd(finding.cost_month),
            finding.usage.allocated_bytes.human(),
            class.to_owned(),
            printable(finding.rule.as_bytes()),
            finding.printable_path(),
            finding.frees_more(Reader::Administrator).join("; "),
        ]);
    }
    table
}

/// A line on inodes whose time is in the future, if there are any.
pub(super) fn future_line(usage: &Usage) -> Option<String> {
    let Share { inodes, allocated_bytes, .. } = usage.by_age.future;
    let entries = plural(inodes, "entry", "entries");
    (inodes > 0).then(|| {
        let size = allocated_bytes.human();
        format!(
            "Timestamps in the future: {inodes} {entries}, {size}, not counted in any age or as \
             NEWEST."
        )
    })
}

/// Writes remarks that a reader needs to understand the table.
fn remarks(out: &mut dyn Write, report: &Report) -> Result {
    let classes = &report.totals.by_class;
    let (trash, cache) = (classes.trash, classes.cache);
    if (trash.allocated_bytes + cache.allocated_bytes).0 > 0 {
        writeln!(
            out,
            "Reclaimable (trash {} and caches {}): {} can be had back at most.",
            trash.allocated_bytes.human(),
            cache.allocated_bytes.human(),
            report.reclaimable_share().allocated_bytes.human()
        )?;
    }
    if let Some(money) = &report.money {
        write!(out, "{}{}", money.saving(), money.caveat())?;
    }
    if let Some(orphans) = report.orphans.filter(|orphans| orphans.homes > 0) {
        let bytes = orphans.usage.allocated_bytes.human();
        let cost = orphans.cost_month.map(|cost| format!(", {} a month", cost.human()));
        writeln!(out, "Orphan homes: {}, {bytes}{}.", orphans.homes, cost.unwrap_or_default())?;
    }
    let over = report.over_quota().count();
    if over > 0 {
        writeln!(out, "Homes over quota: {over}.")?;
    }
    let over = report.groups_over_quota().count();
    if over > 0 {
        writeln!(out, "Groups over quota: {over}.")?;
    }
    let shared = report.hard_links.shared_between_homes;
    if shared.inodes > 0 {
        writeln!(
            out,
            "Hard links between homes: {}, charged to the first home by name.",
            shared.allocated_bytes.human()
        )?;
    }
    let outside = report.hard_links.linked_from_outside;
    if outside.inodes > 0 {
        writeln!(
            out,
            "Hard links to places not scanned: {}, counted here; a scan of everything may charge \
             another home.",
            outside.allocated_bytes.human()
        )?;
    }
    if let Some(line) = future_line(&report.totals).filter(|_| report.run.users.is_empty()) {
        writeln!(out, "{line}")?;
    }
    for excluded in &report.left_out.excluded {
        let glob = printable(excluded.glob.as_bytes());
        let entries = plural(excluded.entries, "entry", "entries");
        writeln!(out, "Left out by --exclude {glob}: {} {entries}.", excluded.entries)?;
    }
    if report.left_out.mounts > 0 {
        let mounts = report.left_out.mounts;
        let what = plural(mounts, "mount", "mounts");
        writeln!(out, "Left out: {mounts} {what} (--cross-mounts enters mounts).")?;
    }
    if let Some(problem) = &report.dirs_problem {
        writeln!(out, "No table of directories: {}.", printable(problem.as_bytes()))?;
    }
    if report.errors.vanished > 0 {
        writeln!(out, "Vanished during the scan: {}.", report.errors.vanished)?;
    }
    if report.errors.count > 0 {
        let errors = plural(report.errors.count, "error", "errors");
        writeln!(out, "Not read: {} {errors}", report.errors.count)?;
        for sample in report.errors.samples.iter().take(ERRORS_SHOWN) {
            let path = sample.printable_path();
            writeln!(out, "  {} {path}: {}", sample.op, sample.message)?;
        }
        let more = report.errors.count.saturating_sub(ERRORS_SHOWN as u64);
        if more > 0 {
            writeln!(out, "  ({more} more; --format json names up to 100)")?;
        }
    }
    Ok(())
}
