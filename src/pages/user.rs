//! Page of one user. It contains nothing about others, so an administrator can send it on.

use std::os::unix::ffi::OsStrExt;

use maud::{Markup, html};

use super::chart::chart;
use super::findings::{FindingLine, sort, table};
use super::grew::WhatGrew;
use super::homes::marks;
use super::trend::{Past, changes, reaches_quota};
use super::words::*;
use super::{bar, grew, money};
use crate::report::{
    Coverage, HomeAt, HomeKind, HomeReport, Remedy, Report, Usage, below, names_a_tool, remedy,
};
use crate::units::AllocatedBytes;
use crate::usage::Class;

/// Names of the ages.
const AGES: [&str; 5] =
    ["up to 7 days", "7 to 30 days", "30 to 90 days", "90 days to a year", "over a year"];

/// Returns the uid whose page shows this home. `None` if the home belongs to two people, or mostly
/// to others.
pub(super) fn whose(home: &HomeReport) -> Option<u32> {
    home.uid.filter(|_| home.kind != HomeKind::Outside && home.is_personal())
}

/// Returns the coverage of these homes together, and the number of errors in them.
pub(super) fn read(homes: &[HomeReport]) -> (Coverage, u64) {
    let worst = [Coverage::Interrupted, Coverage::Partial].into_iter();
    let worst = worst.into_iter().find(|it| homes.iter().any(|home| home.coverage == *it));
    (worst.unwrap_or(Coverage::Complete), homes.iter().map(|home| home.errors).sum())
}

/// Shows the section about one home.
pub(super) fn home(
    (report, what_grew): (&Report, &WhatGrew),
    past: &Past<'_>,
    home: &HomeReport,
    home_at: &HomeAt<'_>,
) -> Markup {
    html! {
        section.person {
            h2 { @if home.is_trash() { "The directory " } @else { "The home " } bdi { (directory(home)) } (marks(home)) }
            @if let Some(group) = &home.owner.group {
                p { "Its group is " bdi { (shown(group.as_bytes())) } "." }
            }
            (tiles(past, home))
            (classes(&home.usage))
            (changes_of(past, home))
            (grew::of_home(what_grew, home))
            (candidates(report, home, home_at))
            (largest(home))
        }
    }
}

fn tiles(past: &Past<'_>, home: &HomeReport) -> Markup {
    let series = past.of(home);
    let curve = series.map(|series| past.curve(series)).unwrap_or_default();
    let classes = &home.usage.by_class;
    let (can_go, saves) = money::reclaimable_of(home);
    html! {
        dl.tiles {
            div {
                dt { "Allocated size" }
                dd.figure { (home.usage.allocated_bytes.human()) }
                dd.changes { (changes(&curve)) }
            }
            @if let Some(quota) = &home.quota {
                div {
                    dt { "Quota" }
                    dd.figure { (format!("{:.0} %", quota.used_percent)) }
                    dd { "of " (quota.limit_bytes.human())
                        @let when = reaches_quota(past, home);
                        @if !when.is_empty() { "; reached: " (when) }
                        (bar::quota(quota)) }
                }
            }
            @if let Some(cost) = home.cost_month {
                div {
                    dt { "Cost" }
                    dd.figure { (usd(cost)) small { " USD a month" } }
                    dd { "an estimate, by its metered size of " (home.usage.metered_bytes.human()) }
                }
            }
            div {
                dt { "Reclaimable, at most" }
                dd.figure { (can_go.human()) }
                dd { "trash " (classes.trash.allocated_bytes.human()) ", caches "
                    (classes.cache.allocated_bytes.human())
                    @if let Some(saves) = saves { ": " b { (usd(saves)) " USD a month" } } }
            }
            div {
                dt { "Files" }
                dd.figure { (count(home.usage.files)) }
                dd { @match home.newest_mtime {
                    Some(at) => { "last change " (day(at)) },
                    None => "no change is known",
                } }
            }
        }
    }
}

fn classes(usage: &Usage) -> Markup {
    let whole = usage.allocated_bytes.0;
    html! {
        h3 { "By class" }
        (bar::classes(&usage.by_class, whole))
        ul.legend { @for (class, share) in Class::ALL.into_iter().zip(usage.by_class.shares()) {
            @if share.inodes > 0 {
                li { span.swatch.(class.name()) {} b { (class.name()) } " "
                    (share.allocated_bytes.human()) " " small { (meaning(class)) } }
            }
        } }
        h3 { "By age of the last change" }
        dl.facts { @for (age, share) in AGES.iter().zip(usage.by_age.shares()) {
            dt { (age) } dd { (share.allocated_bytes.human()) " in " (many(share.inodes, "entry", "entries")) }
        }
        @let future = usage.by_age.future;
        @if future.inodes > 0 {
            dt { "in the future" }
            dd { (future.allocated_bytes.human()) " in " (many(future.inodes, "entry", "entries")) }
        } }
    }
}

fn changes_of(past: &Past<'_>, home: &HomeReport) -> Markup {
    let curve = past.of(home).map(|series| past.curve(series)).unwrap_or_default();
    html! {
        h3 { "Changes" }
        @if curve.len() < 2 { p.none { "No earlier run is published to compare with." } }
        @else { (chart("Size", &curve)) }
    }
}

/// The name that people gave the file system, or its key.
fn name_of(report: &Report) -> String {
    let named = report.run.identity.as_ref().and_then(|identity| identity.name.clone());
    named.unwrap_or_else(|| report.file_system_key()).to_string()
}

fn candidates(report: &Report, home: &HomeReport, home_at: &HomeAt<'_>) -> Markup {
    let findings = home.findings.iter().map(|finding| {
        // `HomeAt` knows who has several homes here. The page is about one file system, and says so.
        let (command, advice) = match remedy(report, (home, finding), home_at, (true, true)) {
            Some(Remedy::Command(command)) => (Some(command), None),
            Some(Remedy::ByHand(advice)) => (None, Some(advice)),
            None => (None, None),
        };
        FindingLine { finding, command, advice, whose: None }
    });
    let mut lines: Vec<FindingLine<'_>> = findings.collect();
    sort(&mut lines);
    html! {
        h3 { "Clean-up candidates" }
        @if lines.is_empty() { p.none { "No rule found anything." } } @else {
            p { "You know best what you need. "
                @match home_at.of(home) {
                    Some(at) => { "Commands are for where you see your home: "
                        code { (shown(at.as_os_str().as_bytes())) } ". They are for your home on "
                        bdi { (shown(name_of(report).as_bytes())) } ": a space of another domain may \
                        show another home there." },
                    None => { "Paths are those of the machine that scanned: in a SageMaker \
                        Studio space, the home is " code { "~/user-default-efs" } " or "
                        code { "~" } "." },
                }
                " Each command names the place that it cleans."
                @if lines.iter().filter_map(|line| line.advice).any(names_a_tool) {
                    " By hand, a tool acts on the home that " code { "HOME" } " names. If that is \
                    another one, as in a space with a disk of its own, put " code { "HOME=" }
                    " and the path of this one before the command."
                }
            }
            div.scroll tabindex="0" role="region" aria-label="Clean-up candidates" {
                (table(&lines, &report.rules, None))
            }
        }
    }
}

/// Shows the largest directories and files whose paths are in this home. A file with several hard
/// links may have its path in another home.
fn largest(home: &HomeReport) -> Markup {
    let name = home.name_bytes();
    let is_inside = |(_, path): &(AllocatedBytes, Vec<u8>)| below(&name, path).is_some();
    let dirs = home.largest_dirs.iter().map(|dir| (dir.allocated_bytes, dir.path_bytes()));
    let files = home.largest_files.iter().map(|file| (file.allocated_bytes, file.path_bytes()));
    let dirs: Vec<_> = dirs.filter(is_inside).collect();
    let files: Vec<_> = files.filter(is_inside).collect();
    html! { @for (title, rows) in [("Largest directories", dirs), ("Largest files", files)] {
        @if !rows.is_empty() {
            h3 { (title) }
            div.scroll tabindex="0" role="region" aria-label=(title) {
                table.pair {
                    thead { tr { th.n scope="col" { "Size" } th scope="col" { "Path" } } }
                    tbody { @for (bytes, path) in rows { tr {
                        td.n { (bytes.human()) }
                        td.path { (path_of(&path)) }
                    } } }
                }
            }
        }
    } }
}
