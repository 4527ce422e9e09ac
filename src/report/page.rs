//! The page about one home: classes, ages, findings with what reclaims them, and the largest.

use super::model::*;
use super::table::{
    age_of, columns, finding_table, line, marks, name_of, owner_of, percent, push_table,
};
use crate::text::{bytes_of, printable};
use crate::units::{AllocatedBytes, human};

/// Everything about one home.
pub(super) fn page(out: &mut String, report: &Report, home: &HomeReport) {
    let usage = &home.usage;
    let owner = match owner_of(home) {
        owner if owner.is_empty() => String::new(),
        owner => format!("  {owner}"),
    };
    let uid = home
        .uid
        .map(|uid| format!("  uid {uid}"))
        .unwrap_or_default();
    line(
        out,
        format_args!("{}{owner}{uid}  {}", name_of(home), marks(home).join(", ")),
    );
    line(
        out,
        format_args!(
            "  {} allocated, {} metered, {} apparent",
            usage.allocated_bytes.human(),
            usage.metered_bytes.human(),
            human(usage.apparent_bytes.0),
        ),
    );
    line(
        out,
        format_args!(
            "  {} files, {} directories, {} symlinks, {} others; newest change {}",
            usage.files,
            usage.dirs,
            usage.symlinks,
            usage.other,
            age_of(home.newest_mtime, report.run.started),
        ),
    );
    if let Some(quota) = home.quota {
        line(out, format_args!("  quota: {}", percent(&quota)));
    }
    if home.shared.inodes > 0 {
        line(
            out,
            format_args!(
                "  shared with other homes by hard links: {}, of which {} are charged to them",
                home.shared.allocated_bytes.human(),
                home.charged_elsewhere.allocated_bytes.human(),
            ),
        );
    }
    let parts = |names: &[&str], shares: &[Share]| {
        let part =
            |(name, share): (&&str, &Share)| format!("{name} {}", share.allocated_bytes.human());
        let some = |(_, share): &(&&str, &Share)| share.inodes > 0;
        let parts: Vec<_> = names.iter().zip(shares).filter(some).map(part).collect();
        parts.join(", ")
    };
    const AGES: [&str; 5] = ["up to 7 d", "30 d", "90 d", "1 y", "older"];
    line(
        out,
        format_args!(
            "  by class: {}",
            parts(&ByClass::NAMES, &usage.by_class.shares())
        ),
    );
    line(
        out,
        format_args!("  by age: {}", parts(&AGES, &usage.by_age.shares())),
    );
    if !home.findings.is_empty() {
        line(out, format_args!("\nFindings"));
        push_table(
            out,
            &finding_table(&home.findings.iter().collect::<Vec<_>>()),
        );
        line(out, format_args!("\nWhat reclaims them, run by the owner"));
        let mut said = Vec::new();
        for finding in &home.findings {
            if let Some(command) = &finding.command
                && !said.contains(command)
            {
                let rule = printable(finding.rule.as_bytes());
                line(
                    out,
                    format_args!("  {rule}: {}", printable_command(command)),
                );
                said.push(command.clone());
            }
        }
        let named = home.findings.len() as u64;
        let places: u64 = home.rules.iter().map(|rule| rule.places).sum();
        if places > named {
            line(
                out,
                format_args!("  ({} smaller findings; all by rule:)", places - named),
            );
            let mut table = columns(&["RULE", "PLACES", "SIZE", "FREES", "COMMAND"], &[1, 2, 3]);
            for rule in &home.rules {
                table.add_row([
                    printable(rule.rule.as_bytes()),
                    rule.places.to_string(),
                    rule.usage.allocated_bytes.human(),
                    rule.frees.allocated_bytes.human(),
                    printable_command(rule.command.as_deref().unwrap_or("")),
                ]);
            }
            push_table(out, &table);
        }
    }
    let mut large = |title: &str, rows: Vec<(AllocatedBytes, Vec<u8>)>| {
        if !rows.is_empty() {
            let mut table = columns(&["SIZE", "PATH"], &[0]);
            for (bytes, path) in rows {
                table.add_row([bytes.human(), printable(&path)]);
            }
            line(out, format_args!("\n{title}"));
            push_table(out, &table);
        }
    };
    let dirs = home.largest_dirs.iter();
    let dirs = dirs.map(|d| {
        (
            d.allocated_bytes,
            bytes_of(&d.path, d.path_base64.as_deref()),
        )
    });
    large("Largest directories", dirs.collect());
    let files = home.largest_files.iter();
    let files = files.map(|f| {
        (
            f.allocated_bytes,
            bytes_of(&f.path, f.path_base64.as_deref()),
        )
    });
    large("Largest files", files.collect());
    line(out, format_args!(""));
}

/// A command as it is: its paths were quoted so that they print.
fn printable_command(command: &str) -> String {
    command
        .chars()
        .map(|c| if c.is_control() { '\u{fffd}' } else { c })
        .collect()
}
