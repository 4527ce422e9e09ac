//! Growth since an earlier run: a tree of places as a table. The script draws the table as a treemap
//! that opens into homes and directories.

use maud::{Markup, html};

use super::words::{count, many, minute, path_of, shown, signed, usd};
use crate::changes::{ChangesView, HomeChanges, Line, Node, What};
use crate::report::{Coverage, HomeReport};
use crate::text::bytes_of;
use crate::units::{Usd, human};
use crate::usage::Class;

/// Homes on the page about everybody, and the lines of all of them, at most.
const HOMES: usize = 100;
const LINES: usize = 600;

/// Deepest indentation of a line.
const DEEPEST: usize = 8;

/// The section about growth since an earlier run.
#[derive(Debug, Default)]
pub(crate) enum WhatGrew {
    /// No earlier run has a table of directories.
    #[default]
    NoRun,
    /// The reason why it is not known.
    LeftOut(String),
    /// The same, if a table could not be read.
    Unread(String),
    Known(Box<ChangesView>),
}

impl WhatGrew {
    /// True if something of it could not be read.
    pub(crate) fn is_gap(&self) -> bool {
        matches!(self, Self::Unread(_))
    }
}

/// Whose page a table is on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Readers {
    Everybody,
    /// The owner of the home, who sees no path in another one.
    Owner,
}

/// Shows the section about all homes.
pub(super) fn section(grew: &WhatGrew) -> Markup {
    let body = match grew {
        WhatGrew::NoRun => return html! {},
        WhatGrew::LeftOut(reason) | WhatGrew::Unread(reason) => left_out(reason),
        WhatGrew::Known(view) => of_all(view),
    };
    html! {
        section id="grew" aria-labelledby="grew-title" {
            h2 id="grew-title" { "What grew" }
            (body)
        }
    }
}

/// Shows the part about one home, on the page of its owner.
pub(super) fn of_home(grew: &WhatGrew, home: &HomeReport) -> Markup {
    let body = match grew {
        WhatGrew::NoRun => return html! {},
        WhatGrew::LeftOut(reason) | WhatGrew::Unread(reason) => left_out(reason),
        WhatGrew::Known(view) => {
            let name = home.name_bytes();
            let is_it = |it: &&HomeChanges| !it.outside && name_of(it) == name;
            match view.homes.iter().find(is_it) {
                None => html! { p.none { "Nothing changed" (since(view)) "." } },
                Some(changes) => html! {
                    @let is_partial = is_partial(changes) || view.is_partial();
                    p { (sum(changes.change.allocated_bytes, changes.cost_month, is_partial)) (since(view)) "." }
                    @if is_partial { (partial()) }
                    (table(view.money.is_some(), tree(changes, 0, Readers::Owner)))
                },
            }
        }
    };
    html! { h3 { "What grew" } (body) }
}

fn left_out(reason: &str) -> Markup {
    html! { p.none { "What grew is not known: " (shown(reason.as_bytes())) "." } }
}

fn of_all(view: &ChangesView) -> Markup {
    let mut rows = Vec::new();
    let mut homes = view.homes.iter();
    let mut left = 0;
    let mut left_bytes = 0i64;
    for (at, home) in homes.by_ref().enumerate() {
        if at == HOMES || rows.len() >= LINES {
            left = 1;
            left_bytes = home.change.allocated_bytes;
            break;
        }
        rows.push(home_row(home, 0));
        rows.extend(tree(home, 1, Readers::Everybody));
    }
    for home in homes {
        left += 1;
        left_bytes = left_bytes.saturating_add(home.change.allocated_bytes);
    }
    let changed = view.homes.len() as u64;
    html! {
        p { (sum(view.change.allocated_bytes, view.cost_month, view.is_partial())) (since(view)) "; "
            (many(changed, "home", "homes")) " changed, " (count(view.unchanged_homes)) " did not." }
        @if view.is_partial() { (partial()) }
        @if changed > 0 { (table(view.money.is_some(), rows)) }
        @if left > 0 { p.none { (many(left, "home", "homes")) " more: " (signed(left_bytes)) "." } }
    }
}

/// `+1.2 GiB, +0.36 USD a month`; if not everything was read, `about` that.
pub(super) fn sum(bytes: i64, cost: Option<Usd>, is_partial: bool) -> Markup {
    html! {
        @if is_partial { "About " }
        b { (signed(bytes)) }
        @if let Some(cost) = cost { ", " (signed_usd(cost)) " USD a month" }
    }
}

fn since(view: &ChangesView) -> Markup {
    html! { @match view.old.started {
        Some(started) => { " since the run of " (minute(started)) },
        None => " since the run before",
    } }
}

pub(super) fn partial() -> Markup {
    html! { p.none { "Not everything was read by both runs: what one of them did not read seems new or \
    gone, or to have grown or shrunk." } }
}

fn is_partial(home: &HomeChanges) -> bool {
    let partly = |it: Option<Coverage>| it.is_some_and(|it| it != Coverage::Complete);
    partly(home.old_coverage) || partly(home.new_coverage)
}

fn name_of(home: &HomeChanges) -> Vec<u8> {
    bytes_of(&home.name, home.name_base64.as_deref())
}

/// A line of the table.
pub(super) struct Row {
    pub(super) depth: usize,
    pub(super) name: Markup,
    pub(super) bytes: Option<i64>,
    pub(super) files: i64,
    pub(super) cost: Option<Usd>,
    pub(super) what: &'static str,
    pub(super) class: Class,
    /// Allocated bytes now.
    pub(super) size: Option<u64>,
    /// Growth of this line alone, without that of lines below it. The script draws it.
    pub(super) grew: i64,
}

impl Row {
    /// A row without figures.
    pub(super) fn named(depth: usize, name: Markup) -> Self {
        Self {
            depth,
            name,
            bytes: None,
            files: 0,
            cost: None,
            what: "",
            class: Class::Rest,
            size: None,
            grew: 0,
        }
    }
}

pub(super) fn home_row(home: &HomeChanges, depth: usize) -> Row {
    let directory = shown(&name_of(home));
    let name = html! {
        @match &home.owner {
            Some(owner) => { bdi { (shown(owner.as_bytes())) } " " small { bdi { (directory) } } },
            None => bdi { (directory) },
        }
        @if is_partial(home) { " " span.mark.warn { "partial" } }
    };
    Row {
        depth,
        name,
        bytes: Some(home.change.allocated_bytes),
        files: home.change.files,
        cost: home.cost_month,
        what: "",
        class: Class::Rest,
        size: None,
        grew: 0,
    }
}

/// Returns the lines of a home.
pub(super) fn tree(home: &HomeChanges, depth: usize, readers: Readers) -> Vec<Row> {
    let mut rows: Vec<Row> = home.tree().iter().map(|node| row(node, depth, readers)).collect();
    let rest = &home.rest;
    let (change, small, other) = (rest.change, rest.smaller_directories, rest.unexplained);
    let bytes =
        [change, small, other].iter().fold(0i64, |sum, it| sum.saturating_add(it.allocated_bytes));
    let files = [change, small, other].iter().fold(0i64, |sum, it| sum.saturating_add(it.files));
    if bytes != 0 || files != 0 {
        let name = html! { "(smaller changes)" };
        rows.push(Row { bytes: Some(bytes), files, grew: bytes.max(0), ..Row::named(depth, name) });
    }
    rows
}

fn row(node: &Node<'_>, depth: usize, readers: Readers) -> Row {
    let depth = depth + node.depth;
    let Some(line) = node.line else {
        let name = html! { (path_of(node.name)) "/" };
        return Row::named(depth, name);
    };
    let name = html! {
        @if node.name.is_empty() { (line.part()) } @else { (path_of(node.name)) }
        (other_end(line, readers))
        @if line.is_mostly_linked() { ", hard links" }
    };
    let bytes = line.change.allocated_bytes;
    Row {
        depth,
        name,
        bytes: Some(bytes),
        files: line.change.files,
        cost: line.cost_month,
        what: line.what(),
        class: line.class,
        size: Some(line.new_allocated_bytes.0),
        grew: bytes.max(0),
    }
}

/// Shows the other end of a move, unless it is in a home that the reader does not see.
fn other_end(line: &Line, readers: Readers) -> Markup {
    let Some(other) = &line.other else { return html! {} };
    let to = if line.what == What::MovedAway { ", to " } else { ", from " };
    html! { @match (&other.home, readers) {
        (Some(_), Readers::Owner) => { (to) "elsewhere" },
        _ => { (to) bdi { (other.printable()) } },
    } }
}

pub(super) fn table(costs: bool, rows: Vec<Row>) -> Markup {
    let has_moves = rows.iter().any(|row| row.what == "moved");
    html! {
        div.scroll tabindex="0" role="region" aria-label="What grew, as a table" {
            table.grew data-grew="" {
                thead { tr {
                    th scope="col" { "Place" } th.n scope="col" { "Change" }
                    @if costs { th.n scope="col" { "USD/month" } }
                    th.n scope="col" { "Files" } th scope="col" { "What" } th scope="col" { "Class" }
                    th.n scope="col" { "Size now" }
                } }
                tbody { @for row in rows {
                    tr data-depth=(row.depth) data-grew=(row.grew) data-class=(row.class.name()) {
                        th.(format!("d{}", row.depth.min(DEEPEST))) scope="row" { (row.name) }
                        td.n { @if let Some(bytes) = row.bytes { (signed(bytes)) } }
                        @if costs { td.n { @if let Some(cost) = row.cost { (signed_usd(cost)) } } }
                        td.n { @if row.files != 0 { (signed_count(row.files)) } }
                        td { (row.what) }
                        td { @if row.class != Class::Rest { span.swatch.(row.class.name()) {} (row.class.name()) } }
                        td.n { @if let Some(size) = row.size { (human(size)) } }
                    }
                } }
            }
        }
        @if has_moves {
            p.none { "Moves are probable: all sizes and the newest change are the same at both ends." }
        }
    }
}

fn signed_usd(cost: Usd) -> String {
    let amount = usd(Usd(cost.0.abs()));
    match cost.0 {
        cost if cost < 0.0 => format!("\u{2212}{amount}"),
        _ => format!("+{amount}"),
    }
}

fn signed_count(number: i64) -> String {
    let digits = count(number.unsigned_abs());
    if number < 0 { format!("\u{2212}{digits}") } else { format!("+{digits}") }
}
