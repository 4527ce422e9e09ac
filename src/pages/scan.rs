//! Orphan homes, and facts about the scan itself.

use std::cmp::Reverse;

use maud::{Markup, html};

use super::homes::marks;
use super::words::*;
use crate::report::{ErrorReport, HomeReport, OwnerStatus, Report};

/// Numbers of homes and errors shown.
const ORPHANS: usize = 100;
const ERRORS: usize = 20;

/// Shows the section on orphan homes.
pub(super) fn orphans(report: &Report) -> Markup {
    let is_orphan = |home: &HomeReport| home.owner.status == OwnerStatus::Orphan;
    let mut homes: Vec<HomeReport> = report.homes.iter().filter(is_orphan).collect();
    homes.sort_by_key(|home| Reverse(home.usage.allocated_bytes));
    let costs = homes.iter().any(|home| home.cost_month.is_some());
    html! {
        section id="orphans" aria-labelledby="orphans-title" {
            h2 id="orphans-title" { "Orphan homes" }
            @match report.orphans {
                None => p.none { "Not known: no source of names claims to know everybody, such as \
                    the user profiles of a SageMaker domain." },
                Some(_) if homes.is_empty() => p.none { "None: every home named by a uid has a known \
                    owner." },
                Some(orphans) => {
                    p { (many(orphans.homes, "home", "homes")) " with "
                        (orphans.usage.allocated_bytes.human())
                        @if let Some(cost) = orphans.cost_month {
                            ", " (usd(cost)) " USD a month"
                        }
                        ". Their owners have left or were \
                        never known. An administrator has to decide: efs-scan has no command for \
                        them." }
                    div.scroll tabindex="0" role="region" aria-label="Orphan homes, as a table" {
                        table {
                            thead { tr { th scope="col" { "Directory" } th.n scope="col" { "Uid" }
                                th.n scope="col" { "Size" }
                                @if costs { th.n scope="col" { "USD/month" } }
                                th scope="col" { "Last change" } } }
                            tbody { @for home in homes.iter().take(ORPHANS) { tr {
                                th scope="row" { bdi { (directory(home)) } (marks(home)) }
                                td.n { @if let Some(uid) = home.uid { (uid) } }
                                td.n { (home.usage.allocated_bytes.human()) }
                                @if costs { td.n { (home.cost_month.map_or_else(String::new, usd)) } }
                                td { @if let Some(at) = home.newest_mtime { (day(at)) } }
                            } } }
                        }
                    }
                    @if homes.len() > ORPHANS {
                        p.none { (count((homes.len() - ORPHANS) as u64)) " more." }
                    }
                },
            }
        }
    }
}

/// Shows the section on the run: its time, coverage, errors, and omissions.
pub(super) fn section(report: &Report) -> Markup {
    let run = &report.run;
    let took = run.seconds();
    let (errors, left_out) = (&report.errors, &report.left_out);
    html! {
        section id="scan" aria-labelledby="scan-title" {
            h2 id="scan-title" { "The scan" }
            dl.facts {
                dt { "Root" } dd { bdi { (root_of(report)) } ", homes at depth " (run.home_depth) }
                dt { "Time" } dd { (time(run.started)) " to " (time(run.finished)) ", "
                    (format!("{took:.0} s")) ", engine " (shown(run.engine.as_bytes())) }
                @if let Some(clock) = &run.clock { dt { "Clock" } dd { (clock.line()) } }
                dt { "Coverage" } dd { (run.coverage.name())
                    @if errors.count > 0 { ": " (many(errors.count, "error", "errors")) }
                    @if errors.vanished > 0 { "; " (many(errors.vanished, "entry", "entries"))
                        " vanished while it ran" } }
                dt { "Names from" } dd { @if run.names.is_empty() { "nowhere" }
                    (shown(run.names.join(", ").as_bytes())) }
                @if let Some(efs) = &report.file_system {
                    dt { "EFS" } dd { @match efs.line(report.totals.metered_bytes).trim_end() {
                        "" => { (shown(efs.id.as_bytes())) },
                        line => (line),
                    } }
                }
                @let lifecycle = report.file_system.as_ref().map(|efs| efs.lifecycle_lines());
                @if let Some(lines) = lifecycle.filter(|lines| !lines.is_empty()) {
                    dt { "Lifecycle" } dd { (lines.trim_end()) }
                }
                @let throughput = report.file_system.as_ref().map(|efs| efs.throughput_lines());
                @if let Some(lines) = throughput.filter(|lines| !lines.is_empty()) {
                    dt { "Throughput" } dd { (lines.trim_end()) }
                }
                @if let Some(money) = &report.money {
                    dt { "Costs" } dd { (money.caveat().trim_end()) " Which storage class a file \
                        is in cannot be seen." }
                }
                @if report.hard_links.shared_between_homes.inodes > 0 {
                    dt { "Hard links" } dd { "between homes: "
                        (report.hard_links.shared_between_homes.allocated_bytes.human())
                        ", charged to the first home by name" }
                }
                @if left_out.mounts > 0 || !left_out.excluded.is_empty() {
                    dt { "Left out" } dd {
                        @if left_out.mounts > 0 { (many(left_out.mounts, "mount", "mounts")) ". " }
                        @for excluded in &left_out.excluded {
                            code { (shown(excluded.glob.as_bytes())) } ": "
                            (many(excluded.entries, "entry", "entries")) ". "
                        }
                    }
                }
            }
            @if let Some(problem) = &report.dirs_problem {
                p { "There is no table of directories: " (shown(problem.as_bytes())) "." }
            }
            @if !errors.samples.is_empty() { (not_read(errors)) }
        }
    }
}

fn not_read(errors: &ErrorReport) -> Markup {
    html! {
        h3 { "Not read" }
        div.scroll tabindex="0" role="region" aria-label="Not read" {
            table {
                thead { tr { th scope="col" { "Operation" } th scope="col" { "Path" }
                    th scope="col" { "Error" } } }
                tbody { @for sample in errors.samples.iter().take(ERRORS) { tr {
                    td { (shown(sample.op.as_bytes())) }
                    td.path { (path_of(&sample.path_bytes())) }
                    td { (shown(sample.message.as_bytes())) }
                } } }
            }
        }
        @if errors.count > ERRORS as u64 {
            p.none { (count(errors.count - ERRORS.min(errors.samples.len()) as u64)) " more." }
        }
    }
}
