//! The changes for people: a tree for each home, its figures beside it.

use std::fmt::{self, Write};

use super::figures::Figures;
use super::tree::Node;
use super::view::{ChangesView, Compared, HomeChanges, Line, What};
use crate::columns::{columns, push_long_table, show_column};
use crate::report::Coverage;
use crate::text::{Shown, plural, printable};
use crate::units::{Usd, human, human_change};
use crate::usage::Class;

/// The table of all homes.
pub(crate) fn table(view: &ChangesView) -> Shown {
    let mut out = String::new();
    // A String takes everything.
    let _ = write(view, &mut out);
    Shown::lines(out)
}

fn write(view: &ChangesView, out: &mut String) -> fmt::Result {
    let head = [&view.old, &view.new].map(run);
    writeln!(out, "Changes of {} from {} to {}", view.file_system, head[0], head[1])?;
    let cost = view.cost_month.map(|cost| format!(", {} USD a month", signed_usd(cost)));
    let (changed, same) = (view.homes.len() as u64, view.unchanged_homes);
    writeln!(
        out,
        "{}, {} {}{}; {changed} {} changed, {same} did not.",
        human_change(view.change.allocated_bytes),
        signed(view.change.files),
        plural(view.change.files.unsigned_abs(), "file", "files"),
        cost.unwrap_or_default(),
        plural(changed, "home", "homes"),
    )?;
    if view.homes.is_empty() {
        return Ok(());
    }
    out.push('\n');
    let empty = || {
        let head = ["CHANGE", "FILES", "USD/MONTH", "WHAT", "CLASS", "PLACE"];
        let mut table = columns(&head, &[0, 1, 2]);
        show_column(&mut table, 2, view.money.is_some());
        let has_class = |line: &Line| line.class != Class::Rest;
        let classes = view.homes.iter().any(|home| home.lines.iter().any(has_class));
        show_column(&mut table, 4, classes);
        table
    };
    push_long_table(out, empty, view.homes.iter().flat_map(rows))?;
    notes(view, out)
}

/// What a reader has to know about the figures.
fn notes(view: &ChangesView, out: &mut String) -> fmt::Result {
    let mut notes = Vec::new();
    let min = view.least();
    let any =
        |test: &dyn Fn(&Line) -> bool| view.homes.iter().flat_map(|home| &home.lines).any(test);
    if any(&|line| !line.sure && matches!(line.what, What::New | What::Gone)) {
        notes.push(match min.0 {
            0 => "new? and gone?: the tables cannot tell whether it was, or is, there".to_owned(),
            _ => format!(
                "new? and gone?: on the other side it may be there with less than {}",
                min.human()
            ),
        });
    }
    if any(&|line| matches!(line.what, What::Moved | What::MovedHere | What::MovedAway)) {
        notes.push(
            "moved is probable: all sizes and the newest change are the same there".to_owned(),
        );
    }
    for (when, run) in [("earlier", &view.old), ("later", &view.new)] {
        if run.coverage != Coverage::Complete.name() {
            notes.push(format!(
                "the {when} run is {}: what it did not read seems {}",
                printable(run.coverage.as_bytes()),
                if when == "earlier" { "new, or to have grown" } else { "gone, or to have shrunk" },
            ));
        }
    }
    notes.extend(
        view.money.as_ref().map(|money| money.caveat().trim_end().trim_end_matches('.').to_owned()),
    );
    if !notes.is_empty() {
        out.push('\n');
    }
    notes.iter().try_for_each(|note| writeln!(out, "{note}."))
}

fn run(run: &Compared) -> String {
    match (&run.started, &run.run) {
        (Some(started), _) => started.strftime("%Y-%m-%d %H:%M").to_string(),
        (None, Some(id)) => printable(id.as_bytes()),
        (None, None) => "a table of no run".to_owned(),
    }
}

/// The rows of a home: its own, and the tree.
fn rows(home: &HomeChanges) -> Vec<Vec<String>> {
    let mut name = printable(&crate::text::bytes_of(&home.name, home.name_base64.as_deref()));
    if let Some(owner) = &home.owner {
        name = format!("{name} ({})", printable(owner.as_bytes()));
    }
    if home.is_partial() {
        name += ", not read completely";
    }
    let mut rows = vec![cells(home.change, home.cost_month, "", "", name)];
    rows.extend(home.tree().iter().map(|node| row(node)));
    let rest = &home.rest;
    let linked = match home.linked_metered_bytes {
        0 => String::new(),
        bytes if bytes.unsigned_abs() < home.gross_bytes.0 / 20 => String::new(),
        bytes => format!("of it {} in files with several links", human_change(bytes)),
    };
    let places =
        format!("{} more {}", grouped(rest.places), plural(rest.places, "place", "places"));
    let rests = [
        (rest.change, if rest.places == 0 { "elsewhere".to_owned() } else { places }),
        (rest.smaller_directories, "smaller directories".to_owned()),
        (rest.unexplained, "not in the rows of the tables".to_owned()),
    ];
    let rests = rests.into_iter().filter(|(change, _)| *change != Figures::default());
    rows.extend(rests.map(|(change, what)| cells(change, None, "", "", format!("  ({what})"))));
    if !linked.is_empty() {
        let blank = [""; 5].map(str::to_owned).into_iter();
        rows.push(blank.chain([format!("  ({linked})")]).collect());
    }
    rows
}

fn indent(depth: usize) -> String {
    "  ".repeat(depth.min(40))
}

fn row(node: &Node<'_>) -> Vec<String> {
    let mut name = indent(node.depth + 1);
    let Some(line) = node.line else {
        let blank = [""; 5].map(str::to_owned).into_iter();
        name += &printable(node.name);
        return blank.chain([name + "/"]).collect();
    };
    name += &match node.name {
        b"" => line.part().to_owned(),
        rest => printable(rest),
    };
    if let Some(other) = &line.other {
        let to = if line.what == What::MovedAway { "to" } else { "from" };
        name = format!("{name}, {to} {}", other.printable());
        if line.what == What::Moved {
            name = format!("{name}: {}", human(line.new_allocated_bytes.0));
        }
    }
    if line.is_mostly_linked() {
        name += ", hard links";
    }
    let class = if line.class == Class::Rest { "" } else { line.class.name() };
    cells(line.change, line.cost_month, line.what(), class, name)
}

fn cells(change: Figures, cost: Option<Usd>, what: &str, class: &str, name: String) -> Vec<String> {
    let files = if change.files == 0 { String::new() } else { signed(change.files) };
    let cost = cost.filter(|_| change.metered_bytes != 0).map(signed_usd).unwrap_or_default();
    let (what, class) = (what.to_owned(), class.to_owned());
    vec![human_change(change.allocated_bytes), files, cost, what, class, name]
}

fn signed(count: i64) -> String {
    match count {
        0 => "0".to_owned(),
        1.. => format!("+{}", grouped(count.unsigned_abs())),
        _ => format!("-{}", grouped(count.unsigned_abs())),
    }
}

/// A number with commas between thousands.
fn grouped(count: u64) -> String {
    let digits = count.to_string();
    let parts: Vec<&str> = digits
        .as_bytes()
        .rchunks(3)
        .rev()
        .map(|part| std::str::from_utf8(part).unwrap_or_default())
        .collect();
    parts.join(",")
}

/// An amount with its sign.
fn signed_usd(cost: Usd) -> String {
    let amount = Usd(cost.0.abs()).amount();
    match cost.0 {
        0.0 => "0.00".to_owned(),
        cost if cost < 0.0 => format!("-{amount}"),
        _ => format!("+{amount}"),
    }
}
