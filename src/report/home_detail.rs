//! Terminal text about one home: sizes, classes, ages, findings with their commands, and the
//! largest directories and files.

use std::fmt::{Result, Write};

use super::home_at::names_a_tool;
use super::model::*;
use super::table::{age_of, finding_table, future_line, marks, owner_of};
use crate::columns::{columns, push_table, show_column, usd};
use crate::text::printable;
use crate::units::{AllocatedBytes, human};
use crate::usage::Class;

/// Names of the ages.
const AGES: [&str; 5] = ["up to 7 d", "30 d", "90 d", "1 y", "older"];

/// Writes everything about a home.
///
/// # Errors
/// Those of `out`; a String has none.
pub(super) fn home_detail(out: &mut dyn Write, report: &Report, home: &HomeReport) -> Result {
    usage(out, report, home)?;
    if !home.rules.is_empty() {
        findings(out, home)?;
    }
    let dirs = home.largest_dirs.iter();
    let dirs = dirs.map(|dir| (dir.allocated_bytes, dir.printable_path()));
    largest(out, "Largest directories", dirs)?;
    let files = home.largest_files.iter();
    let files = files.map(|file| (file.allocated_bytes, file.printable_path()));
    largest(out, "Largest files", files)
}

fn usage(out: &mut dyn Write, report: &Report, home: &HomeReport) -> Result {
    let usage = &home.usage;
    let uid = home.uid.map(|uid| format!("uid {uid}")).unwrap_or_default();
    let group = home.owner.group.as_ref();
    let group = group.map(|group| format!("group {}", printable(group.as_bytes())));
    let group = group.unwrap_or_default();
    let marks = marks(home).join(", ");
    let mut head = vec![home.printable_name(), owner_of(home), uid, group, marks];
    head.dedup();
    head.retain(|part| !part.is_empty());
    writeln!(out, "{}", head.join("  "))?;
    writeln!(
        out,
        "  {} allocated, {} metered, {} apparent",
        usage.allocated_bytes.human(),
        usage.metered_bytes.human(),
        human(usage.apparent_bytes.0),
    )?;
    let newest = age_of(home.newest_mtime, report.run.started);
    let Usage { files, dirs, symlinks, other, .. } = usage;
    writeln!(
        out,
        "  {files} files, {dirs} directories, {symlinks} symlinks, {other} others; \
         newest change {newest}",
    )?;
    if let Some(owner) = &home.directory_owner {
        // The marks in the first line leave out directories that root owns.
        writeln!(out, "  {}, not by the uid of its name", owner.mark())?;
    }
    if let Some(quota) = home.quota {
        writeln!(out, "  quota: {}", quota.human())?;
    }
    if let Some(cost) = home.cost_month {
        let saves = home.reclaimable.filter(|all| all.share.inodes > 0);
        let saves = saves.map(|all| format!("; reclaimable: {}", all.human()));
        writeln!(out, "  costs {} a month{}", cost.human(), saves.unwrap_or_default())?;
    }
    if home.shared.inodes > 0 {
        writeln!(
            out,
            "  shared with other homes by hard links: {}, of which {} are charged to them",
            home.shared.allocated_bytes.human(),
            home.charged_elsewhere.allocated_bytes.human(),
        )?;
    }
    writeln!(out, "  by class: {}", parts(&Class::ALL.map(Class::name), &usage.by_class.shares()))?;
    writeln!(out, "  by age: {}", parts(&AGES, &usage.by_age.shares()))?;
    match future_line(usage) {
        Some(line) => writeln!(out, "  {line}"),
        None => Ok(()),
    }
}

/// `trash 1 GiB, rest 2 GiB`, without empty shares.
fn parts(names: &[&str], shares: &[Share]) -> String {
    let some = names.iter().zip(shares).filter(|(_, share)| share.inodes > 0);
    let part = |(name, share): (&&str, &Share)| format!("{name} {}", share.allocated_bytes.human());
    some.map(part).collect::<Vec<_>>().join(", ")
}

fn findings(out: &mut dyn Write, home: &HomeReport) -> Result {
    if !home.findings.is_empty() {
        writeln!(out, "\nClean-up candidates")?;
        push_table(out, &finding_table(&home.findings.iter().collect::<Vec<_>>()))?;
        writeln!(out, "\nHow the owner reclaims them; paths are those of this machine")?;
        if let Some(line) = run_as(home) {
            writeln!(out, "  {line}")?;
        }
        if home.findings.iter().filter_map(|it| it.advice.as_deref()).any(names_a_tool) {
            writeln!(
                out,
                "  (by hand, a tool acts on the home that HOME names: for another one, put `HOME=PATH` before the \
                 command)"
            )?;
        }
        for finding in &home.findings {
            let rule = printable(finding.rule.as_bytes());
            match (&finding.command, &finding.advice) {
                (Some(command), _) => writeln!(out, "  {rule}: {}", printable_command(command))?,
                (None, Some(advice)) => {
                    let path = printable(&finding.path_bytes());
                    writeln!(out, "  {rule}: {path}: by hand: {}", printable_command(advice))?;
                }
                (None, None) => {}
            }
        }
    }
    writeln!(out, "\nBy rule")?;
    let head = ["RULE", "PLACES", "SIZE", "FREES", "USD/MONTH", "NOTE"];
    let mut table = columns(&head, &[1, 2, 3, 4]);
    show_column(&mut table, 4, home.cost_month.is_some());
    for rule in &home.rules {
        table.add_row([
            printable(rule.rule.as_bytes()),
            rule.places.to_string(),
            rule.usage.allocated_bytes.human(),
            rule.frees.allocated_bytes.human(),
            usd(rule.cost_month),
            printable(rule.note_in(home).unwrap_or_default().as_bytes()),
        ]);
    }
    push_table(out, &table)
}

/// Says as whom to run the commands of a home, which root's shell would run as well.
fn run_as(home: &HomeReport) -> Option<String> {
    let uid = home.uid.filter(|uid| *uid != 0)?;
    let first = match home.is_roots() {
        true => format!("Root owns this home: give it to uid {uid} first. "),
        false => String::new(),
    };
    home.findings.iter().any(|finding| finding.command.is_some()).then(|| {
        format!(
            "{first}Run them in a shell with the owner's rights and no group's, `setpriv --reuid={uid} \
             --regid=65534 --clear-groups sh`, never as root: the owner may have put a link there meanwhile. If \
             that shell does not start, run nothing"
        )
    })
}

fn largest(
    out: &mut dyn Write,
    title: &str,
    rows: impl Iterator<Item = (AllocatedBytes, String)>,
) -> Result {
    let mut table = columns(&["SIZE", "PATH"], &[0]);
    for (bytes, path) in rows {
        table.add_row([bytes.human(), path]);
    }
    if table.is_empty() {
        return Ok(());
    }
    writeln!(out, "\n{title}")?;
    push_table(out, &table)
}

/// Replaces control characters in a command. Its paths are quoted and printable already.
fn printable_command(command: &str) -> String {
    let safe = |c: char| if c.is_control() { '\u{fffd}' } else { c };
    command.chars().map(safe).collect()
}
