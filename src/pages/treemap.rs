//! Treemap: each home with its largest parts, coloured by class.

use std::cmp::Reverse;
use std::fmt::Write;

use maud::{Markup, html};

use super::cells::{Cell, cells};
use super::squarify::{Rect, squarify};
use super::words::{count, label, meaning};
use crate::report::{HomeReport, Report, Usage};
use crate::units::human;
use crate::usage::Class;

/// Number of homes with a rectangle of their own. All others share one.
const HOMES: usize = 1500;

/// Minimum area of a home drawn with its parts. Smaller homes are drawn by class, with one shape
/// per class for all of them.
const DIVIDED: f64 = 1600.0;

/// Maximum characters of a name or a path.
const NAME: usize = 60;

/// Number of homes in the table.
const LINES: usize = 100;

/// Minimum side of a part, because a smaller one cannot be pointed at.
const LEAST: f64 = 3.0;

/// Height of a home's heading, and minimum size of a home that has one.
const HEADING: f64 = 15.0;
const HEADED: (f64, f64) = (46.0, 30.0);

/// A drawing: its size, and the CSS class that shows it on screens of that width.
const WIDE: (f64, f64, &str) = (1200.0, 520.0, "map wide");
const NARROW: (f64, f64, &str) = (360.0, 460.0, "map narrow");

/// Number of parts in a line of the table.
const PARTS: usize = 4;

/// A home of the treemap, or all homes too small for a rectangle of their own.
struct Tile {
    name: String,
    bytes: u64,
    cells: Vec<Cell>,
}

/// Shows the section, with a table of the same figures.
pub(super) fn section(report: &Report) -> Markup {
    let parts = parts(report);
    html! {
        section id="map" aria-labelledby="map-title" {
            h2 id="map-title" { "Usage by directory" }
            ul.legend { @for class in Class::ALL {
                li { span.swatch.(class.name()) {} b { (class.name()) } " " (meaning(class)) }
            } }
            p.none { "Each home with its largest directories; a home too small for these shows its \
                classes." }
            @if parts.is_empty() {
                p { "Nothing is stored." }
            } @else {
                (drawing(&parts, WIDE))
                (drawing(&parts, NARROW))
                (table(&parts))
            }
        }
    }
}

fn parts(report: &Report) -> Vec<Tile> {
    let mut order = report.homes.order(|home| Reverse(home.usage.allocated_bytes));
    let small = order.split_off(order.len().min(HOMES));
    let there = |at: &usize| {
        report.homes.get(*at).filter(|home: &HomeReport| home.usage.allocated_bytes.0 > 0)
    };
    let mut parts: Vec<Tile> = order
        .iter()
        .filter_map(there)
        .map(|home| Tile {
            name: cut(label(&home)),
            bytes: home.usage.allocated_bytes.0,
            cells: cells(&home)
                .into_iter()
                .map(|cell| Cell { label: cut(cell.label), ..cell })
                .collect(),
        })
        .collect();
    let (mut smaller, mut usage) = (0, Usage::default());
    for home in small.iter().filter_map(there) {
        smaller += 1;
        usage.add(&home.usage);
    }
    if smaller > 0 {
        let shares = Class::ALL.into_iter().zip(usage.by_class.shares());
        let mut cells: Vec<Cell> = shares
            .map(|(class, share)| Cell {
                label: class.name().to_owned(),
                bytes: share.allocated_bytes.0,
                class,
            })
            .collect();
        cells.retain(|cell| cell.bytes > 0);
        cells.sort_by_key(|cell| Reverse(cell.bytes));
        let name = format!("{} smaller homes", count(smaller));
        parts.push(Tile { name, bytes: usage.allocated_bytes.0, cells });
        parts.sort_by_key(|part| Reverse(part.bytes));
    }
    parts
}

/// Shortens a name that occurs here several times. The table of homes has it whole.
fn cut(name: String) -> String {
    match name.char_indices().nth(NAME) {
        Some((end, _)) => format!("{}…", &name[..end]),
        None => name,
    }
}

fn drawing(parts: &[Tile], (w, h, class): (f64, f64, &str)) -> Markup {
    let sizes: Vec<u64> = parts.iter().map(|part| part.bytes).collect();
    let rects = squarify(&sizes, Rect { x: 0.0, y: 0.0, w, h });
    let first = &parts[0];
    let all = format!(
        "Treemap of {} parts by size; the largest is {} with {}. The table below says the same.",
        parts.len(),
        first.name,
        human(first.bytes)
    );
    let is_small = |rect: &Rect| rect.w * rect.h < DIVIDED;
    let homes = || parts.iter().zip(&rects);
    let mut shapes = [const { String::new() }; Class::ALL.len()];
    for (part, rect) in homes().filter(|(_, rect)| is_small(rect)) {
        add_classes(&mut shapes, part, *rect);
    }
    html! {
        svg class=(class) viewBox={ "0 0 " (w) " " (h) } role="img" aria-label=(all) {
            @for (class, shape) in Class::ALL.into_iter().zip(&shapes) {
                @if !shape.is_empty() { path class=(class.name()) d=(shape) {} }
            }
            @for (part, rect) in homes() {
                @if is_small(rect) { (frame(part, *rect)) } @else { (home(part, *rect)) }
            }
        }
    }
}

fn home(part: &Tile, rect: Rect) -> Markup {
    let headed = rect.w >= HEADED.0 && rect.h >= HEADED.1;
    let inner = rect.inside(1.0, if headed { HEADING } else { 0.0 });
    let sizes: Vec<u64> = part.cells.iter().map(|cell| cell.bytes).collect();
    let rects = squarify(&sizes, inner);
    let size = human(part.bytes);
    html! {
        g {
            rect.home x=(px(rect.x)) y=(px(rect.y)) width=(px(rect.w)) height=(px(rect.h)) {
                title { (part.name) ": " (size) }
            }
            @for (cell, rect) in part.cells.iter().zip(rects) {
                @if rect.w >= LEAST && rect.h >= LEAST { (piece(part, cell, rect)) }
            }
            @if headed {
                text.head x=(px(rect.x + 4.0)) y=(px(rect.y + 12.0)) {
                    (clipped(&part.name, Some(&size), rect.w - 8.0))
                }
            }
        }
    }
}

fn add_classes(shapes: &mut [String; Class::ALL.len()], part: &Tile, rect: Rect) {
    let mut bytes = [0u64; Class::ALL.len()];
    part.cells.iter().for_each(|cell| bytes[cell.class as usize] += cell.bytes);
    let mut classes: Vec<(u64, Class)> = bytes.into_iter().zip(Class::ALL).collect();
    classes.retain(|(bytes, _)| *bytes > 0);
    classes.sort_by_key(|(bytes, class)| (Reverse(*bytes), *class));
    let sizes: Vec<u64> = classes.iter().map(|(bytes, _)| *bytes).collect();
    for ((_, class), Rect { x, y, w, h }) in classes.iter().zip(squarify(&sizes, rect)) {
        let (x, y, w, h) = (px(x), px(y), px(w), px(h));
        if w > 0.0 && h > 0.0 {
            // Writing to a String cannot fail.
            let _ = write!(shapes[*class as usize], "M{x} {y}h{w}v{h}h-{w}z");
        }
    }
}

fn frame(part: &Tile, rect: Rect) -> Markup {
    html! {
        rect.frame x=(px(rect.x)) y=(px(rect.y)) width=(px(rect.w)) height=(px(rect.h)) {
            title { (part.name) ": " (human(part.bytes)) }
        }
    }
}

fn piece(part: &Tile, cell: &Cell, rect: Rect) -> Markup {
    let text = match rect.h >= 15.0 && rect.w >= 34.0 {
        true => short(&cell.label, rect.w - 6.0),
        false => String::new(),
    };
    html! {
        rect class=(cell.class.name()) x=(px(rect.x)) y=(px(rect.y)) width=(px(rect.w))
            height=(px(rect.h)) {
            title { (part.name) ", " (cell.label) ": " (human(cell.bytes)) " (" (cell.class.name()) ")" }
        }
        @if !text.is_empty() {
            text class={ "on-" (cell.class.name()) } x=(px(rect.x + 3.0)) y=(px(rect.y + 12.0)) {
                (text)
            }
        }
    }
}

/// Returns a path, or its last component if the path does not fit.
fn short(path: &str, room: f64) -> String {
    let whole = clipped(path, None, room);
    match path.rsplit_once('/') {
        Some((_, last)) if whole != path => clipped(last, None, room),
        _ => whole,
    }
}

/// Returns as much of a text as fits into `room` units, followed by `size` if that fits too. Text
/// is 11 units high, and no letter of the font is wider than assumed here.
fn clipped(text: &str, size: Option<&str>, room: f64) -> String {
    let wide = |c: char| if c.is_ascii() { 6.6 } else { 12.0 };
    let width = |text: &str| text.chars().map(wide).sum::<f64>();
    if let Some(size) = size
        && width(text) + width(size) + 8.0 <= room
    {
        return format!("{text}  {size}");
    }
    if width(text) <= room {
        return text.to_owned();
    }
    let mut used = 12.0;
    let kept: String = text
        .chars()
        .take_while(|c| {
            used += wide(*c);
            used <= room
        })
        .collect();
    // Fewer letters are of no use.
    if kept.chars().count() < 3 { String::new() } else { kept + "…" }
}

/// Rounds a coordinate to a tenth, because a page holds thousands.
fn px(value: f64) -> f64 {
    (value * 10.0).round() / 10.0
}

fn table(parts: &[Tile]) -> Markup {
    html! {
        details {
            summary { "The treemap as a table" }
            div.scroll tabindex="0" role="region" aria-label="The treemap as a table" {
                table {
                    thead { tr { th scope="col" { "Home" } th.n scope="col" { "Size" }
                        th scope="col" { "Largest parts" } } }
                    tbody { @for part in parts.iter().take(LINES) { tr {
                        th scope="row" { bdi { (part.name) } }
                        td.n { (human(part.bytes)) }
                        td { @for (at, cell) in part.cells.iter().take(PARTS).enumerate() {
                            @if at > 0 { ", " }
                            bdi { (cell.label) } " " (human(cell.bytes)) " (" (cell.class.name()) ")"
                        } }
                    } } }
                }
            }
            @if parts.len() > LINES {
                p.none { (count((parts.len() - LINES) as u64)) " smaller ones; all homes are \
                    listed under “Homes”." }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_cut_to_their_room() {
        assert_eq!(clipped("alice", Some("1 GiB"), 200.0), "alice  1 GiB");
        assert_eq!(clipped("alice", Some("1 GiB"), 40.0), "alice");
        assert_eq!(clipped("a-very-long-name", None, 50.0), "a-ver…");
        assert_eq!(clipped("a-very-long-name", None, 25.0), "");
        assert_eq!(clipped("目录目录目录", None, 50.0), "目录目…");
    }
}
