//! The notice of homes and groups over quota, and of homes that grew fast.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::report::{Coverage, GroupReport, GrownHome, Growth, HomeReport, Report};
use crate::text::{Shown, plural, printable};

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

/// Names of the homes and groups over quota.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Over {
    pub homes: BTreeSet<String>,
    /// A notice of an earlier version has none.
    #[serde(default)]
    pub groups: BTreeSet<String>,
}

/// Homes that grew fast, by their printable names, and the start of the run whose notice said so.
pub(super) type Told = BTreeMap<String, Timestamp>;

/// The homes that grew fast, with those that were `told` of before. A home is told of again only for
/// growth since the run whose notice named it: so once a day, however often scans run.
pub(super) fn grown(report: &Report, told: &Told) -> Told {
    let Some(Growth { since: Some(since), homes, .. }) = &report.growth else {
        // Nothing is known of growth since then.
        return told.clone();
    };
    let mut now = told.clone();
    now.retain(|_, at| *at > since.started);
    for home in homes {
        now.entry(printable(&home.name_bytes())).or_insert(report.run.started);
    }
    now
}

/// True if a home grew fast that was not told of.
pub(super) fn has_newly_grown(report: &Report, told: &Told) -> bool {
    report
        .growth
        .as_ref()
        .is_some_and(|growth| growth.homes.iter().any(|home| is_newly_grown(growth, home, told)))
}

fn is_newly_grown(growth: &Growth, home: &GrownHome, told: &Told) -> bool {
    let since = growth.since.as_ref().map(|since| since.started);
    told.get(&printable(&home.name_bytes())).is_none_or(|at| since.is_some_and(|it| *at <= it))
}

/// The homes and groups over quota. One that was over quota `before` and was not read completely this
/// time still counts.
pub fn over_quota(report: &Report, before: &Over) -> Over {
    let mut homes: BTreeSet<String> = report.over_quota().map(|home| home.name).collect();
    let mut groups: BTreeSet<String> =
        report.groups_over_quota().filter_map(|group| group.name.clone()).collect();
    if report.run.coverage != Coverage::Complete {
        let read = report.homes.iter().filter(|home| home.coverage == Coverage::Complete);
        let read: BTreeSet<String> = read.map(|home| home.name).collect();
        homes.extend(before.homes.iter().filter(|name| !read.contains(*name)).cloned());
        // Any home that was not read may be of any group.
        groups.extend(before.groups.iter().cloned());
    }
    Over { homes, groups }
}

/// Writes the message; `before` has the homes and groups over quota in the last one, and `told` those
/// that grew fast.
pub fn compose(report: &Report, before: &Over, told: &Told) -> Notice {
    let mut over: Vec<HomeReport> = report.over_quota().collect();
    over.sort_by(|a, b| {
        let rank = |home: &HomeReport| home.quota.map_or(0.0, |quota| quota.used_percent);
        rank(b).total_cmp(&rank(a)).then_with(|| a.name.cmp(&b.name))
    });
    let groups: Vec<&GroupReport> = report.groups_over_quota().collect();
    let is_new = |group: &&&GroupReport| is_new_group(group, before);
    let new = over.iter().filter(|home| !before.homes.contains(&home.name)).count()
        + groups.iter().filter(is_new).count();
    let mut text = String::new();
    // Writing to a String cannot fail.
    let _ = write(&mut text, report, (&over, &groups), (before, told));
    // Paths are as long as strangers made them.
    if text.len() > MAX_TEXT {
        text.truncate(text.floor_char_boundary(MAX_TEXT));
        text += "\n(cut here)\n";
    }
    let count = |count: usize, one: &str, many: &str| {
        (count > 0).then(|| format!("{count} {}", plural(count as u64, one, many)))
    };
    let what = [count(over.len(), "home", "homes"), count(groups.len(), "group", "groups")];
    let what: Vec<String> = what.into_iter().flatten().collect();
    // A topic may have the notices of several file systems.
    let name = report.run.identity.as_ref().and_then(|identity| identity.name.as_ref());
    let name = name.map(|name| format!("{:.40}: ", name.as_str())).unwrap_or_default();
    let grown = report.growth.as_ref().map_or(0, |growth| growth.homes.len());
    let grown = count(grown, "home", "homes").map(|homes| format!("; {homes} grew fast"));
    let grown = grown.unwrap_or_default();
    Notice {
        subject: Shown::line(&match what.is_empty() {
            true => format!("efs-scan: {name}nobody is over quota{grown}"),
            false => {
                format!("efs-scan: {name}{} over quota, {new} newly{grown}", what.join(" and "))
            }
        }),
        text: Shown::lines(text),
    }
}

fn is_new_group(group: &GroupReport, before: &Over) -> bool {
    group.name.as_ref().is_some_and(|name| !before.groups.contains(name))
}

fn write(
    out: &mut String,
    report: &Report,
    (over, groups): (&[HomeReport], &[&GroupReport]),
    (before, told): (&Over, &Told),
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
        let new = if before.homes.contains(&home.name) { "" } else { "  NEW" };
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
    if !groups.is_empty() {
        writeln!(out, "\nGroups over quota:")?;
    }
    for group in groups.iter().take(MAX_HOMES) {
        let new = if is_new_group(group, before) { "  NEW" } else { "" };
        let Some(quota) = group.quota else { continue };
        let homes = plural(group.homes, "home", "homes");
        writeln!(
            out,
            "  {}  {} of {} ({:.1} %)  in {} {homes}{new}",
            short(group.name.as_deref().unwrap_or_default().as_bytes()),
            group.usage.allocated_bytes.human(),
            quota.limit_bytes.human(),
            quota.used_percent,
            group.homes,
        )?;
    }
    let now = over_quota(report, before);
    let homes = before.homes.difference(&now.homes).map(|name| short(name.as_bytes()));
    let groups = before.groups.difference(&now.groups);
    let groups = groups.map(|name| format!("group {}", short(name.as_bytes())));
    let back: Vec<String> = homes.chain(groups).take(MAX_HOMES).collect();
    if !back.is_empty() {
        writeln!(out, "\nNo longer over quota: {}", back.join(", "))?;
    }
    if let Some(growth) = &report.growth {
        write_growth(out, report, growth, told)?;
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

fn write_growth(
    out: &mut String,
    report: &Report,
    growth: &Growth,
    told: &Told,
) -> std::fmt::Result {
    if let Some(reason) = &growth.unknown {
        writeln!(out, "\nGrowth since the day before is not known: {}.", short(reason.as_bytes()))?;
    }
    let shown = &growth.homes[..growth.homes.len().min(MAX_HOMES)];
    let names: BTreeSet<Vec<u8>> = shown.iter().map(GrownHome::name_bytes).collect();
    let homes = report.homes.iter().filter(|home| names.contains(&home.name_bytes()));
    let whose: BTreeMap<Vec<u8>, String> =
        homes.map(|home| (home.name_bytes(), who(&home))).collect();
    if let (Some(since), false) = (&growth.since, shown.is_empty()) {
        let day = since.started.strftime("%Y-%m-%d %H:%M UTC");
        writeln!(out, "\nGrew fast since {day}:")?;
    }
    for home in shown {
        let name = home.name_bytes();
        let who = whose.get(&name).cloned().unwrap_or_else(|| short(&name));
        let (day, all) = (home.day_bytes.human(), home.allocated_bytes.human());
        write!(out, "  {who}  +{day} in a day, to {all}")?;
        if home.new {
            write!(out, ", a new home")?;
        }
        if let Some(place) = &home.place {
            let new = if place.new { ", new" } else { "" };
            let path = match short(place.printable_path().as_bytes()) {
                path if path.is_empty() => "directly in the home".to_owned(),
                path => path,
            };
            write!(out, "; most in {path}, +{}{new}", place.allocated_bytes.human())?;
        }
        writeln!(out, "{}", if is_newly_grown(growth, home, told) { "  NEW" } else { "" })?;
    }
    if growth.homes.len() > MAX_HOMES {
        writeln!(out, "  and {} more", growth.homes.len() - MAX_HOMES)?;
    }
    if growth.not_compared > 0 {
        let homes = plural(growth.not_compared, "home", "homes");
        writeln!(
            out,
            "\nGrowth of {} {homes} is not known: not all was read, now or then.",
            growth.not_compared
        )?;
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
