//! The status as a terminal table.

use std::fmt::{Result, Write};

use jiff::Timestamp;

use super::changes::Base;
use super::view::{Change, StatusLine, StatusView};
use crate::aws::{App, MemberKind};
use crate::columns::{columns, push_table, show_column, usd};
use crate::report::{Coverage, DirectoryOwner, HomeKind, OwnerStatus};
use crate::text::{Shown, plural, printable};
use crate::units::{AllocatedBytes, human_change, human_seconds};

/// Position of the column of costs.
const COST: usize = 6;

/// Renders the status with printable names.
pub(crate) fn table(view: &StatusView) -> Shown {
    let mut out = String::new();
    // Writing to a String cannot fail.
    let _ = write_table(&mut out, view);
    Shown::lines(out)
}

fn write_table(out: &mut String, view: &StatusView) -> Result {
    let run = &view.run;
    let age = human_seconds(view.age_seconds.max(0));
    if view.stale && view.age_seconds < 0 {
        writeln!(
            out,
            "!!! The newest run is from the future: a clock is or was wrong, and runs from \
                       before that time do not show !!!\n"
        )?;
    } else if view.stale {
        writeln!(out, "!!! STALE: the newest run is {age} old. Is the daily scan running? !!!\n")?;
    }
    let root = run.printable_root();
    let coverage = match run.coverage {
        Coverage::Complete => "complete".to_owned(),
        Coverage::Partial => {
            format!("PARTIAL: {} {}", view.errors, plural(view.errors, "error", "errors"))
        }
        Coverage::Interrupted => "INTERRUPTED: only what was seen until then".to_owned(),
    };
    let started = run.started.strftime("%Y-%m-%d %H:%M UTC");
    writeln!(out, "{root}  {started}, {age} ago, {coverage}")?;
    if let Some(file_system) = &view.file_system {
        out.push_str(&file_system.line(view.totals.metered_bytes));
    }
    writeln!(out)?;
    lines(out, view)?;
    remarks(out, view)
}

fn lines(out: &mut String, view: &StatusView) -> Result {
    let mut head =
        vec!["NAME", "UID", "SIZE", "TRASH", "CACHE", "QUOTA", "USD/MONTH", "DAY", "WEEK", ""];
    if view.with_apps {
        head.push("APPS");
    }
    let mut table = columns(&head, &[1, 2, 3, 4, 5, 6, 7, 8]);
    let classes = &view.totals.by_class;
    let cost = view.money.as_ref().map(|money| money.month);
    show_column(&mut table, COST, cost.is_some());
    let people = view.homes.iter().filter(|line| line.home.kind != HomeKind::Outside).count();
    if !view.restricted {
        table.add_row([
            format!("total of {people}"),
            String::new(),
            view.totals.allocated_bytes.human(),
            or_dash(classes.trash.allocated_bytes),
            or_dash(classes.cache.allocated_bytes),
            String::new(),
            usd(cost),
            change(view.total_change.day),
            change(view.total_change.week),
        ]);
    }
    for line in &view.homes {
        let home = &line.home;
        let mut row = vec![
            name(line),
            home.uid.map(|uid| uid.to_string()).unwrap_or_default(),
            home.allocated_bytes.human(),
            or_dash(home.trash_bytes),
            or_dash(home.cache_bytes),
            home.quota.map(|quota| quota.human()).unwrap_or_default(),
            usd(home.cost_month),
            change(line.change.day),
            change(line.change.week),
            marks(line).join(", "),
        ];
        if view.with_apps {
            row.push(line.apps.iter().map(app).collect::<Vec<_>>().join("\n"));
        }
        table.add_row(row);
    }
    push_table(out, &table)
}

fn name(line: &StatusLine) -> String {
    let home = &line.home;
    let home_name = home.printable_name();
    match (&home.owner.name, home.owner.status) {
        (Some(name), _) => printable(name.as_bytes()),
        (None, OwnerStatus::Orphan) => format!("(orphan) {home_name}"),
        (None, _) => home_name,
    }
}

fn marks(line: &StatusLine) -> Vec<String> {
    let home = &line.home;
    let mut marks = Vec::new();
    if home.owner.member == Some(MemberKind::Space) {
        marks.push("space".to_owned());
    }
    if line.new {
        marks.push("NEW".to_owned());
    }
    if home.quota.is_some_and(|quota| quota.over) {
        marks.push("OVER QUOTA".to_owned());
    }
    let other = home.directory_owner.as_ref().filter(|owner| owner.is_another_person());
    marks.extend(other.map(DirectoryOwner::mark));
    if home.coverage != Coverage::Complete {
        marks.push(home.coverage.name().to_uppercase());
    }
    marks
}

fn or_dash(bytes: AllocatedBytes) -> String {
    if bytes.0 == 0 { "-".to_owned() } else { bytes.human() }
}

/// `+1.2 GiB`, with `~` if one of the runs did not read everything.
fn change(change: Option<Change>) -> String {
    let Some(Change { bytes, exact }) = change else { return String::new() };
    let about = if exact { "" } else { "~" };
    format!("{about}{}", human_change(bytes))
}

/// `JupyterLab default on ml.t3.medium, InService since 2026-11-24 08:00 UTC`.
fn app(app: &App) -> String {
    let on = app.instance_type.as_ref().map(|kind| format!(" on {kind}")).unwrap_or_default();
    let since = app.created.map(|at| format!(" since {}", at.strftime("%Y-%m-%d %H:%M UTC")));
    let since = since.unwrap_or_default();
    printable(format!("{} {}{on}, {}{since}", app.kind, app.name, app.status).as_bytes())
}

fn remarks(out: &mut String, view: &StatusView) -> Result {
    let mut end = String::new();
    for gone in &view.gone {
        let name = gone.printable_name();
        let who = match gone.owner.as_str() {
            "" => name,
            owner => format!("{} ({name})", printable(owner.as_bytes())),
        };
        let bytes = gone.allocated_bytes.human();
        writeln!(end, "Gone since the day before: {who}, {bytes}.")?;
    }
    for other in &view.other_apps {
        let whose = other.profile.as_ref().or(other.space.as_ref()).map_or("?", String::as_str);
        writeln!(end, "App without a home here: {}: {}", printable(whose.as_bytes()), app(other))?;
    }
    if let Some(orphans) = view.orphans.filter(|orphans| orphans.homes > 0 && !view.restricted) {
        let bytes = orphans.usage.allocated_bytes.human();
        let cost = orphans.cost_month.map(|cost| format!(", {} a month", cost.human()));
        writeln!(end, "Orphan homes: {}, {bytes}{}.", orphans.homes, cost.unwrap_or_default())?;
    }
    if let Some(money) = &view.money {
        if view.restricted {
            for line in &view.homes {
                let Some(all) = line.home.reclaimable.filter(|all| all.share.inodes > 0) else {
                    continue;
                };
                writeln!(end, "Reclaimable by {}: {}.", name(line), all.human())?;
            }
        } else {
            end.push_str(&money.saving());
        }
        end.push_str(&money.caveat());
    }
    let since = |base: &Option<Base>| match base {
        Some(base) => day(base.started),
        None => "no run".to_owned(),
    };
    let (day, week) = (since(&view.compared_day), since(&view.compared_week));
    writeln!(end, "DAY is compared with {day}, WEEK with {week}.")?;
    write!(out, "\n{end}")
}

fn day(at: Timestamp) -> String {
    format!("the run of {}", at.strftime("%Y-%m-%d %H:%M UTC"))
}
