//! HTML pages: one about everybody, and one for each user. Each is a pure function from a report and
//! its history to one self-contained file.
//!
//! Charts are SVG drawn here. The smallest well-kept chart library weighs as much as the whole page
//! of 40 homes, draws on a canvas that a screen reader cannot read, writes `style` attributes that a
//! strict Content-Security-Policy refuses, and shows nothing without JavaScript or on paper. The
//! script only sorts, filters, copies, switches the theme and updates the age of the figures.
//!
//! Every text from a report goes through [`crate::text::printable`] and maud, which escapes it.

mod bar;
mod cells;
mod chart;
mod findings;
mod frame;
mod homes;
mod money;
mod scan;
mod squarify;
mod summary;
mod treemap;
mod trend;
mod user;
mod words;

use std::collections::BTreeSet;
use std::path::Path;

use jiff::Timestamp;
use maud::html;

use crate::history::History;
use crate::report::{HomeKind, Report};
use trend::Past;
use words::{root_of, shown};

/// All pages about a run.
#[derive(Debug)]
pub struct Pages<'a> {
    report: &'a Report,
    past: Past<'a>,
    now: Timestamp,
    home_at: Option<&'a Path>,
}

impl<'a> Pages<'a> {
    /// The pages about `report`, which `history` may or may not hold, made `now`.
    pub fn new(report: &'a Report, history: &'a History, now: Timestamp) -> Self {
        Self { report, past: Past::new(report, history), now, home_at: None }
    }

    /// The same, with commands on users' pages for homes that users see at `home_at`.
    pub fn seen_at(self, home_at: Option<&'a Path>) -> Self {
        Self { home_at, ..self }
    }

    /// The page about everybody.
    pub fn overview(&self) -> String {
        let Self { report, past, now, .. } = self;
        let body = html! {
            (summary::tiles(report, past))
            (treemap::section(report))
            (trend::section(report, past))
            (homes::section(report, past))
            (findings::section(report))
            (scan::orphans(report))
            (scan::section(report))
        };
        let title = format!("Disk usage of {}", root_of(report));
        let read = (report.run.coverage, report.errors.count);
        frame::page(report, *now, read, (&title, &body)).into_string()
    }

    /// The page of one uid, with nothing about others, or `None` if the uid has no home.
    pub fn of_user(&self, uid: u32) -> Option<String> {
        let Self { report, past, now, home_at } = self;
        let homes: Vec<_> = report.homes.iter().filter(|home| user::is_of(home, uid)).collect();
        let name = homes.first()?.owner.name.as_deref().map(|name| shown(name.as_bytes()));
        let title = format!("Disk usage of {}", name.unwrap_or_else(|| format!("uid {uid}")));
        let read = user::read(&homes);
        let body = html! { @for home in homes { (user::home(report, past, home, *home_at)) } };
        Some(frame::page(report, *now, read, (&title, &body)).into_string())
    }

    /// The uids that have a page.
    pub fn uids(&self) -> BTreeSet<u32> {
        let homes = self.report.homes.iter().filter(|home| home.kind != HomeKind::Outside);
        homes.filter_map(|home| home.uid).collect()
    }
}
