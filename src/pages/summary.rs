//! The most important figures, at the top.

use maud::{Markup, html};

use super::money;
use super::trend::{Past, changes};
use super::words::{count, many, usd};
use crate::report::{HomeKind, Report};

/// Shows the tiles.
pub(super) fn tiles(report: &Report, past: &Past<'_>) -> Markup {
    let total = past.total();
    let totals = &report.totals;
    let classes = &totals.by_class;
    let homes = report.homes.iter().filter(|home| home.kind != HomeKind::Outside).count() as u64;
    let with_quota = report.homes.iter().any(|home| home.quota.is_some());
    let over = report.over_quota().count() as u64;
    html! {
        dl.tiles {
            div {
                dt { "Allocated size" }
                dd.figure { (totals.allocated_bytes.human()) }
                dd.changes { (changes(&total)) }
            }
            div {
                @match money::month(report) {
                    Some(month) => {
                        dt { "Cost" }
                        dd.figure { (usd(month)) small { " USD a month" } }
                        dd { "for a metered size of " (totals.metered_bytes.human()) }
                    },
                    None => {
                        dt { "Metered size" }
                        dd.figure { (totals.metered_bytes.human()) }
                        dd { "what EFS bills: 2 KiB more for each inode" }
                    },
                }
            }
            div {
                dt { "Reclaimable, at most" }
                @let share = money::reclaimable(report);
                dd.figure { (share.0.human()) }
                dd {
                    "trash " (classes.trash.allocated_bytes.human())
                    ", caches " (classes.cache.allocated_bytes.human())
                    @if let Some(month) = share.1 { ": " b { (usd(month)) " USD a month" } }
                }
            }
            div {
                dt { "Homes" }
                dd.figure { (count(homes)) }
                dd { @match (with_quota, over) {
                    (false, _) => "no quota is set",
                    (true, 0) => "none over quota",
                    (true, over) => b.bad { (count(over)) " over quota" },
                } }
            }
            div {
                dt { "Orphan homes" }
                @match report.orphans {
                    Some(orphans) => {
                        dd.figure { (count(orphans.homes)) }
                        dd { (orphans.usage.allocated_bytes.human()) }
                    },
                    None => {
                        dd.figure { "not known" }
                        dd { "no source of names knows everybody" }
                    },
                }
            }
            div {
                dt { "Files" }
                dd.figure { (count(totals.files)) }
                dd { (many(totals.dirs, "directory", "directories")) }
            }
        }
    }
}
