//! Table of groups, sorted by size.

use maud::{Markup, html};

use super::bar;
use super::words::{cents, count, usd};
use crate::report::{Coverage, Report};

/// Shows the section; empty if nobody is in a group.
pub(super) fn section(report: &Report) -> Markup {
    let groups = &report.groups;
    let costs = groups.iter().any(|group| group.cost_month.is_some());
    let quotas = groups.iter().any(|group| group.quota.is_some());
    html! { @if !groups.is_empty() {
        section id="groups" aria-labelledby="groups-title" {
            h2 id="groups-title" { "Groups" }
            div.scroll tabindex="0" role="region" aria-label="Groups, as a table" {
                table.homes id="groups-table" {
                    thead { tr {
                        th scope="col" data-sort="text" { "Group" }
                        th.n scope="col" data-sort="number" { "Homes" }
                        th.n scope="col" data-sort="number" aria-sort="descending" { "Size" }
                        th.n scope="col" data-sort="number" title="What EFS bills: 2 KiB more for each inode" { "Metered" }
                        @if costs { th.n scope="col" data-sort="number" { "USD/month" } }
                        th.n scope="col" data-sort="number" title="What deleting trash and caches frees, at most" { "Reclaimable" }
                        @if quotas { th.n scope="col" data-sort="number" { "Quota" } }
                    } }
                    tbody { @for group in groups { tr {
                        th scope="row" {
                            bdi { (group.printable_name()) }
                            @if group.is_over_quota() { " " span.mark.bad { "over quota" } }
                            @if group.coverage != Coverage::Complete {
                                " " span.mark.warn { (group.coverage.name()) }
                            }
                        }
                        td.n data-v=(group.homes) { (count(group.homes)) }
                        td.n data-v=(group.usage.allocated_bytes.0) { (group.usage.allocated_bytes.human()) }
                        td.n data-v=(group.usage.metered_bytes.0) { (group.usage.metered_bytes.human()) }
                        @if costs {
                            td.n data-v=[group.cost_month.map(cents)] {
                                (group.cost_month.map_or_else(|| "–".to_owned(), usd))
                            }
                        }
                        td.n data-v=(group.frees.allocated_bytes.0) { (group.frees.allocated_bytes.human()) }
                        @if quotas { (bar::quota_cell(group.quota.as_ref())) }
                    } } }
                }
            }
        }
    } }
}
