//! HTML pages: one about everybody, one for each user, and one about several file systems. Each is a
//! pure function from reports and their history to one self-contained file.
//!
//! Charts are SVG drawn here. The smallest well-kept chart library weighs as much as the whole page
//! of 40 homes, draws on a canvas that a screen reader cannot read, writes `style` attributes that
//! a strict Content-Security-Policy refuses, and shows nothing without JavaScript or on paper. The
//! script only sorts, filters, copies, draws what grew, switches the theme and updates the age.
//!
//! Every text from a report passes through [`crate::text::printable`] and maud, which escapes it. A
//! whole page is a [`Shown`], so it contains no hidden characters.

mod bar;
mod cells;
mod chart;
mod findings;
mod fleet;
mod fleet_grew;
mod fleet_people;
mod frame;
mod grew;
mod groups;
mod homes;
mod money;
mod scan;
mod squarify;
mod summary;
mod treemap;
mod trend;
mod user;
mod words;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use jiff::Timestamp;
use maud::html;

use crate::history::History;
use crate::report::{Coverage, HomeAt, HomeKind, HomeReport, Report};
use crate::text::Shown;
pub use fleet::{Fleet, FleetMember};
pub(crate) use grew::WhatGrew;
use trend::Past;
use words::{many, named, on, root_of, shown};

/// All pages about a run.
#[derive(Debug)]
pub struct Pages<'a> {
    report: &'a Report,
    past: Past<'a>,
    now: Timestamp,
    home_at: HomeAt<'a>,
    only: Option<BTreeSet<Vec<u8>>>,
    grew: WhatGrew,
    /// Positions in the report of the homes on the page of each uid. Empty for a uid with homes
    /// that all belong to others as well.
    of_uids: BTreeMap<u32, Vec<usize>>,
}

impl<'a> Pages<'a> {
    /// Makes the pages about `report` at the time `now`. `history` may or may not contain the
    /// report.
    pub fn new(report: &'a Report, history: &'a History, now: Timestamp) -> Self {
        let mut of_uids = BTreeMap::<u32, Vec<usize>>::new();
        for (at, home) in report.homes.iter().enumerate() {
            let homes = home.uid.map(|uid| of_uids.entry(uid).or_default());
            if let (Some(homes), true) = (homes, user::whose(&home).is_some()) {
                homes.push(at);
            }
        }
        Self {
            report,
            past: Past::new(report, history),
            now,
            home_at: HomeAt::default(),
            only: None,
            grew: WhatGrew::default(),
            of_uids,
        }
    }

    /// Adds commands to users' pages, for homes that users see at `home_at`.
    pub fn seen_at(self, home_at: Option<&'a Path>) -> Self {
        Self { home_at: HomeAt::new(self.report, home_at), ..self }
    }

    /// Adds what grew since an earlier run.
    pub(crate) fn grown(self, grew: WhatGrew) -> Self {
        Self { grew, ..self }
    }

    /// Restricts the pages to these homes, if any are given: pages of their owners, and one about
    /// these homes instead of everybody.
    pub fn only(self, homes: Option<BTreeSet<Vec<u8>>>) -> Self {
        Self { only: homes, ..self }
    }

    /// True if the pages are restricted to some homes.
    pub fn are_some(&self) -> bool {
        self.only.is_some()
    }

    /// Returns the page about the homes that these pages are restricted to. Returns `None` if they
    /// are not restricted, or no home is one person's alone.
    pub fn of_some(&self) -> Option<Shown> {
        let only = self.only.as_ref()?;
        let homes = self.report.homes.iter().filter(|home| user::whose(home).is_some());
        self.about(&homes.filter(|home| only.contains(&home.name_bytes())).collect::<Vec<_>>())
    }

    /// Returns the page about everybody.
    pub fn overview(&self) -> Shown {
        let Self { report, past, now, .. } = self;
        let body = html! {
            (summary::tiles(report, past))
            (treemap::section(report))
            (grew::section(&self.grew))
            (trend::section(report, past))
            (homes::section(report, past))
            (groups::section(report))
            (findings::section(report))
            (scan::orphans(report))
            (scan::section(report))
        };
        let title = format!("Disk usage of {}", named(report).unwrap_or_else(|| root_of(report)));
        let read = (report.run.coverage, report.errors.count);
        frame::page(report, *now, read, (&title, &body))
    }

    /// Returns the page of one uid, with nothing about others, or `None` if the uid has no home. If
    /// none of its homes is its own alone, the page says so.
    pub fn of_user(&self, uid: u32) -> Option<Shown> {
        let homes = self.of_uids.get(&uid)?.iter().filter_map(|at| self.report.homes.get(*at));
        let page = self.about(&homes.collect::<Vec<_>>());
        Some(page.unwrap_or_else(|| self.empty(uid)))
    }

    /// Returns the page about these homes, or `None` if there are none.
    fn about(&self, homes: &[HomeReport]) -> Option<Shown> {
        let Self { report, past, now, home_at, .. } = self;
        let uids: BTreeSet<_> = homes.iter().map(|home| home.uid).collect();
        let whose = match (&homes.first()?.owner.name, homes.first()?.uid) {
            _ if uids.len() > 1 => many(homes.len() as u64, "home", "homes"),
            (Some(name), _) => shown(name.as_bytes()),
            (None, uid) => format!("uid {}", uid?),
        };
        let title = format!("Disk usage of {whose}{}", on(report));
        let read = user::read(homes);
        // A page about several people is for who looks after them, who sees no single home.
        let nowhere = HomeAt::default();
        let home_at = if uids.len() == 1 { home_at } else { &nowhere };
        let body = html! { @for home in homes { (user::home((report, &self.grew), past, home, home_at)) } };
        Some(frame::page(report, *now, read, (&title, &body)))
    }

    /// Returns the uids that have a page.
    pub fn uids(&self) -> BTreeSet<u32> {
        self.asked().filter_map(|home| user::whose(&home)).collect()
    }

    /// Returns the uids with homes, but none of their own alone. They get no page, but a page that
    /// an earlier run made for them is replaced.
    pub fn uids_without_page(&self) -> BTreeSet<u32> {
        let has_none = |uid: &u32| self.of_uids.get(uid).is_none_or(Vec::is_empty);
        let homes = self.asked().filter(|home| home.kind != HomeKind::Outside);
        homes.filter_map(|home| home.uid).filter(has_none).collect()
    }

    /// Returns the page of a uid without a home of its own alone.
    fn empty(&self, uid: u32) -> Shown {
        let title = format!("Disk usage of uid {uid}{}", on(self.report));
        let body = html! { p.none { "No home here is this user's alone. Ask the administrator." } };
        let read = (Coverage::Complete, 0);
        frame::page(self.report, self.now, read, (&title, &body))
    }

    fn asked(&self) -> impl Iterator<Item = HomeReport> {
        let is_asked = |home: &HomeReport| {
            self.only.as_ref().is_none_or(|only| only.contains(&home.name_bytes()))
        };
        self.report.homes.iter().filter(is_asked)
    }
}
