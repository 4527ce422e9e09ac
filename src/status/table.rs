//! The status as a terminal table.

use std::fmt::{Result, Write};

use jiff::Timestamp;

use super::changes::Base;
use super::members::StatusApp;
use super::rows::{Spaces, change, or_dash, rows};
use super::view::StatusView;
use crate::aws::App;
use crate::columns::{columns, push_table, show_column, usd};
use crate::report::{Coverage, HomeKind};
use crate::text::{Shown, bytes_of, plural, printable};
use crate::units::human_seconds;

/// Positions of the columns of groups and of costs.
const GROUP: usize = 1;
const COST: usize = 7;

/// Homes of which the place that grew most is named.
const GREW: usize = 10;

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
    let future = view.stale && view.age_seconds < 0;
    let ago = if future { "in the future".to_owned() } else { format!("{age} ago") };
    if future {
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
        Coverage::Interrupted => "INTERRUPTED: only a part was read".to_owned(),
    };
    let started = run.started.strftime("%Y-%m-%d %H:%M UTC");
    writeln!(out, "{root}  {started}, {ago}, {coverage}")?;
    if let Some(file_system) = &view.file_system {
        out.push_str(&file_system.line(view.totals.metered_bytes));
    }
    writeln!(out)?;
    lines(out, view)?;
    remarks(out, view)
}

fn lines(out: &mut String, view: &StatusView) -> Result {
    let mut head = vec![
        "NAME",
        "GROUP",
        "UID",
        "SIZE",
        "TRASH",
        "CACHE",
        "QUOTA",
        "USD/MONTH",
        "DAY",
        "WEEK",
        "",
    ];
    if view.with_apps {
        head.push("APPS");
    }
    let mut table = columns(&head, &[2, 3, 4, 5, 6, 7, 8, 9]);
    let classes = &view.totals.by_class;
    let cost = view.money.as_ref().map(|money| money.month);
    show_column(&mut table, COST, cost.is_some());
    let in_group = view.homes.iter().any(|line| line.home.owner.group.is_some());
    show_column(&mut table, GROUP, in_group);
    let people = view.homes.iter().filter(|line| line.home.kind != HomeKind::Outside).count();
    if !view.restricted {
        table.add_row([
            format!("total of {people}"),
            String::new(),
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
    let spaces = Spaces::of(view);
    for row in rows(view) {
        let mut cells = row.cells(view);
        if view.with_apps {
            let apps = row.apps(&spaces).map(|one| app(one, row.space()));
            cells.push(apps.collect::<Vec<_>>().join("\n"));
        }
        table.add_row(cells);
    }
    push_table(out, &table)
}

/// `JupyterLab default on ml.t3.medium in space lab, InService since 2026-11-24 08:00 UTC`. The line
/// of `own_space` names that space already.
fn app(app: &StatusApp, own_space: Option<&str>) -> String {
    let StatusApp { app, .. } = app;
    let on = app.instance_type.as_ref().map(|kind| format!(" on {kind}")).unwrap_or_default();
    let since = app.created.map(|at| format!(" since {}", at.strftime("%Y-%m-%d %H:%M UTC")));
    let since = since.unwrap_or_default();
    let space = app.space.as_deref().filter(|space| own_space != Some(*space));
    let space = space.map(|space| format!(" in space {space}")).unwrap_or_default();
    printable(format!("{} {}{on}{space}, {}{since}", app.kind, app.name, app.status).as_bytes())
}

fn remarks(out: &mut String, view: &StatusView) -> Result {
    let mut end = String::new();
    let mut grew: Vec<_> =
        view.homes.iter().filter_map(|line| Some((line, line.grew_most.as_ref()?))).collect();
    grew.sort_by_key(|(_, grew)| std::cmp::Reverse(grew.allocated_bytes));
    for (line, grew) in grew.into_iter().take(GREW) {
        let place = match printable(&bytes_of(&grew.path, grew.path_base64.as_deref())) {
            path if path.is_empty() => "directly in the home".to_owned(),
            path => path,
        };
        let new = if grew.new { ", new" } else { "" };
        let bytes = grew.allocated_bytes.human();
        writeln!(
            end,
            "Grew most since the day before: {}: {place}, +{bytes}{new}.",
            line.home.label()
        )?;
    }
    if let Some(reason) = &view.grew_most_left_out {
        writeln!(
            end,
            "Where homes grew most is left out: {}; `efs-scan changes` reads it.",
            printable(reason.as_bytes())
        )?;
    }
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
        let StatusApp { app: App { profile, space, .. }, .. } = other;
        let whose = profile.as_ref().or(space.as_ref()).map_or("?", String::as_str);
        writeln!(
            end,
            "App without a home here: {}: {}",
            printable(whose.as_bytes()),
            app(other, None)
        )?;
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
                writeln!(end, "Reclaimable by {}: {}.", line.home.label(), all.human())?;
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
    if view.has_rough_changes() {
        end.push_str("~ is about so much: one of the two runs did not read everything.\n");
    }
    if view.unconditional {
        end.push_str(
            "Published without conditions: of two monitors that publish here at the same time, the \
             older run may have replaced the newer one.\n",
        );
    }
    write!(out, "\n{end}")
}

fn day(at: Timestamp) -> String {
    format!("the run of {}", at.strftime("%Y-%m-%d %H:%M UTC"))
}
