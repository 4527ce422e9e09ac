//! Table of homes, sorted by size. The script turns its headings into sort buttons, and shows the
//! filters.

use std::cmp::Reverse;

use maud::{Markup, html};

use super::trend::{Past, change, changed, reaches_quota};
use super::words::{ago, cents, count, directory, label, many, shown, usd};
use super::{bar, money};
use crate::aws::MemberKind;
use crate::report::{Coverage, HomeKind, HomeReport, OwnerStatus, Report};

/// Columns that the table has.
struct Columns {
    longest: u64,
    group: bool,
    quota: bool,
    cost: bool,
    past: bool,
}

/// Shows the section.
pub(super) fn section(report: &Report, past: &Past<'_>) -> Markup {
    let mut columns = Columns {
        longest: 0,
        group: !report.groups.is_empty(),
        quota: false,
        cost: false,
        past: past.runs.len() > 1,
    };
    let mut people = 0;
    let order = report.homes.order(|home| {
        columns.longest = columns.longest.max(home.usage.allocated_bytes.0);
        columns.quota |= home.quota.is_some();
        columns.cost |= home.cost_month.is_some();
        people += u64::from(home.kind != HomeKind::Outside);
        (home.kind == HomeKind::Outside, Reverse(home.usage.allocated_bytes))
    });
    let homes = order.into_iter().filter_map(|at| report.homes.get(at));
    html! {
        section id="homes" aria-labelledby="homes-title" {
            h2 id="homes-title" { "Homes" }
            form.tools hidden data-for="homes-table" {
                label { "Filter " input type="search" name="text" autocomplete="off"
                    placeholder=(if columns.group { "name, group, uid or directory" } else { "name, uid or directory" }); }
                label { input type="checkbox" name="over"; " over quota" }
                label { input type="checkbox" name="orphan"; " orphans" }
                span role="status" { (many(people, "home", "homes")) }
            }
            div.scroll tabindex="0" role="region" aria-label="Homes, as a table" {
                table.homes id="homes-table" {
                    thead { tr {
                        th scope="col" data-sort="text" { "Name" }
                        @if columns.group { th scope="col" data-sort="text" { "Group" } }
                        th.n scope="col" data-sort="number" aria-sort="descending" { "Size" }
                        th scope="col" { "Classes" }
                        th.n scope="col" data-sort="number" title="What deleting trash and caches frees, at most" { "Reclaimable" }
                        @if columns.quota {
                            th.n scope="col" data-sort="number" { "Quota" }
                        }
                        @if columns.cost { th.n scope="col" data-sort="number" { "USD/month" } }
                        @if columns.past {
                            th.n scope="col" data-sort="number" { "7 days" }
                            th.n scope="col" data-sort="number" { "30 days" }
                            @if columns.quota { th.n scope="col" data-sort="text" { "Quota reached" } }
                        }
                        th.n scope="col" data-sort="number" { "Files" }
                        th.n scope="col" data-sort="number" { "Last change" }
                    } }
                    tbody { @for home in homes { (row(report, past, &home, &columns)) } }
                }
            }
        }
    }
}

fn row(report: &Report, past: &Past<'_>, home: &HomeReport, columns: &Columns) -> Markup {
    let usage = &home.usage;
    let (can_go, _) = money::reclaimable_of(home);
    let series = past.of(home);
    let curve = series.map(|series| past.curve(series)).unwrap_or_default();
    let (week, month) = (change(&curve, 7), change(&curve, 30));
    let is_orphan = home.owner.status == OwnerStatus::Orphan;
    let over = home.quota.is_some_and(|quota| quota.over);
    html! {
        tr data-over[over] data-orphan[is_orphan] {
            th scope="row" { (name(home)) }
            @if columns.group { td { @match &home.owner.group {
                Some(group) => bdi { (shown(group.as_bytes())) },
                None => "–",
            } } }
            td.n data-v=(usage.allocated_bytes.0) { (usage.allocated_bytes.human()) }
            td.bars { (bar::classes(&usage.by_class, columns.longest)) }
            td.n data-v=(can_go.0) { @if can_go.0 > 0 { (can_go.human()) } @else { "–" } }
            @if columns.quota { (bar::quota_cell(home.quota.as_ref())) }
            @if columns.cost {
                td.n data-v=[home.cost_month.map(cents)] {
                    (home.cost_month.map_or_else(|| "–".to_owned(), usd))
                }
            }
            @if columns.past {
                td.n data-v=[week] { (changed(week)) }
                td.n data-v=[month] { (changed(month)) }
                @if columns.quota {
                    td.n { (reaches_quota(past, home)) }
                }
            }
            td.n data-v=(usage.files) { (count(usage.files)) }
            td.n data-v=[home.newest_mtime.map(|at| at.as_second())] { @match home.newest_mtime {
                Some(at) => (ago(report.run.started.duration_since(at).as_secs())),
                None => "–",
            } }
        }
    }
}

/// Shows the owner, the directory if it differs, and the marks.
fn name(home: &HomeReport) -> Markup {
    let (label, directory) = (label(home), directory(home));
    html! {
        bdi { (label) }
        @if label != directory { " " small { bdi { (directory) } } }
        (marks(home))
    }
}

/// Shows the marks of a home, most of one word.
pub(super) fn marks(home: &HomeReport) -> Markup {
    html! {
        @if home.owner.member == Some(MemberKind::Space) { " " span.mark { "space" } }
        @if home.owner.status == OwnerStatus::Orphan { " " span.mark.warn { "orphan" } }
        @if let Some(owner) = home.other_owner() { " " span.mark.warn { (owner.mark()) } }
        @if home.quota.is_some_and(|quota| quota.over) { " " span.mark.bad { "over quota" } }
        @if home.coverage != Coverage::Complete {
            " " span.mark.warn { (home.coverage.name()) }
        }
    }
}
