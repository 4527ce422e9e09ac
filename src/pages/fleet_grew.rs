//! Shows what grew on each of several file systems: one table, whose treemap opens into file systems,
//! homes and directories.

use maud::{Markup, html};

use super::fleet::{FleetMember, name};
use super::grew::{Readers, Row, WhatGrew, home_row, partial, sum, table, tree};
use super::words::{many, minute, shown};
use crate::changes::ChangesView;
use crate::units::Usd;

/// Homes and lines of all file systems together, about, and of each at least. A file system's own page has
/// more.
const HOMES: usize = 100;
const LINES: usize = 600;
const LEAST: (usize, usize) = (3, 20);

/// Shows the section. `grew` has what grew on each of the members, or nothing if it was not looked for.
pub(super) fn section(members: &[FleetMember], grew: &[WhatGrew]) -> Markup {
    let all = || members.iter().zip(grew);
    let mut known: Vec<(&FleetMember, &ChangesView)> = all()
        .filter_map(|(member, grew)| match grew {
            WhatGrew::Known(view) => Some((member, &**view)),
            _ => None,
        })
        .collect();
    known.sort_by_key(|(_, view)| std::cmp::Reverse(view.change.allocated_bytes));
    let left_out = || {
        all().filter_map(|(member, grew)| match grew {
            WhatGrew::LeftOut(reason) | WhatGrew::Unread(reason) => Some((name(member), reason)),
            _ => None,
        })
    };
    if known.is_empty() && left_out().next().is_none() && !grew.is_empty() {
        return html! {};
    }
    let none = all().filter(|(_, grew)| matches!(grew, WhatGrew::NoRun));
    let none: Vec<String> = none.map(|(member, _)| name(member)).collect();
    html! {
        section id="grew" aria-labelledby="grew-title" {
            h2 id="grew-title" { "What grew" }
            @if grew.is_empty() { p.none { "The page of each file system says what grew there." } }
            @if !known.is_empty() { (of_all(&known)) }
            @for (name, reason) in left_out() {
                p.none { "What grew on " (name) " is not known: " (shown(reason.as_bytes())) "." }
            }
            @if !none.is_empty() && !known.is_empty() {
                p.none { "Without an earlier run to compare with: " (none.join(", ")) "." }
            }
        }
    }
}

fn of_all(known: &[(&FleetMember, &ChangesView)]) -> Markup {
    let views = || known.iter().map(|(_, view)| view);
    let bytes = views().fold(0i64, |sum, view| sum.saturating_add(view.change.allocated_bytes));
    let costs = views().any(|view| view.money.is_some());
    // A sum would be too small if one of them has no price.
    let cost = views().map(|view| view.cost_month.map(|cost| cost.0)).sum::<Option<f64>>();
    let of = known.len();
    let (homes, lines) = ((HOMES / of).max(LEAST.0), (LINES / of).max(LEAST.1));
    let rows = known.iter().flat_map(|(member, view)| of_one(member, view, homes, lines));
    let is_partial = views().any(|view| view.is_partial());
    html! {
        p { (sum(bytes, cost.map(Usd), is_partial)) " since about a day before the newest run of "
            (many(of as u64, "file system", "file systems")) "." }
        @if is_partial { (partial()) }
        (table(costs, rows.collect()))
    }
}

/// The rows of a file system: its own, those of the homes that grew most, and one of the other homes.
fn of_one(member: &FleetMember, view: &ChangesView, homes: usize, lines: usize) -> Vec<Row> {
    let head = html! {
        (name(member))
        @if let Some(started) = view.old.started { " " small { "since " (minute(started)) } }
        @if view.is_partial() { " " span.mark.warn { "partial" } }
    };
    let (bytes, files) = (Some(view.change.allocated_bytes), view.change.files);
    let mut rows = vec![Row { cost: view.cost_month, bytes, files, ..Row::named(0, head) }];
    let mut listed = 0;
    for home in view.homes.iter().take(homes) {
        if rows.len() >= lines {
            break;
        }
        rows.push(home_row(home, 1));
        rows.extend(tree(home, 2, Readers::Everybody));
        listed += 1;
    }
    let others = &view.homes[listed..];
    if !others.is_empty() {
        let add = |of: &dyn Fn(&crate::changes::HomeChanges) -> i64| {
            others.iter().fold(0i64, |sum, home| sum.saturating_add(of(home)))
        };
        let (bytes, files) =
            (add(&|home| home.change.allocated_bytes), add(&|home| home.change.files));
        let name = html! { "(" (many(others.len() as u64, "other home", "other homes")) ")" };
        rows.push(Row { bytes: Some(bytes), files, grew: bytes.max(0), ..Row::named(1, name) });
    }
    rows
}
