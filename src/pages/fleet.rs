//! The page about all file systems of a destination: their sizes, trends, costs and ages, and what
//! people and groups have on all of them.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use maud::{Markup, html};

use super::chart::{ChartPoint, spark};
use super::frame::{Frame, age};
use super::trend::{change, changed};
use super::words::{cents, count, many, shown, time, usd};
use super::{WhatGrew, fleet_grew, fleet_people};
use crate::history::RunPoint;
use crate::published::{FLEET_META, Latest, OLD, added, is_future, is_old};
use crate::report::{Coverage, FileSystemKey, HomeKind, SamePeople};
use crate::text::Shown;
use crate::units::{AllocatedBytes, MeteredBytes, Usd};

/// The days over which changes are shown.
const DAYS: [i64; 3] = [1, 7, 30];

/// A file system, by its newest run.
#[derive(Clone, Debug)]
pub struct FleetMember {
    pub key: FileSystemKey,
    pub latest: Latest,
    /// Some earlier runs, oldest first, and perhaps the newest one.
    pub trend: Vec<RunPoint>,
    /// True if the page links to `KEY/latest.html` beside it.
    pub is_linked: bool,
}

/// All that the page shows.
#[derive(Clone, Debug)]
pub struct Fleet {
    pub members: Vec<FleetMember>,
    /// File systems whose newest run is broken.
    pub broken: Vec<FileSystemKey>,
    pub same_people: SamePeople,
}

impl Fleet {
    /// Makes the page at the time `now`.
    pub fn page(&self, now: Timestamp) -> Shown {
        self.page_grown(&[], now)
    }

    /// Makes the page, with what grew on each of the members.
    pub(crate) fn page_grown(&self, grew: &[WhatGrew], now: Timestamp) -> Shown {
        let rows: Vec<Row<'_>> = self.members.iter().map(|member| Row::new(member, now)).collect();
        let title = match (&rows[..], &self.broken[..]) {
            ([only], []) => format!("Disk usage of {}", only.name),
            _ => {
                let all = self.members.len() + self.broken.len();
                format!("Disk usage of {}", many(all as u64, "file system", "file systems"))
            }
        };
        // With one file system there is this page, too: its address stays when a second one comes.
        // That file system's own page has more about its people and groups.
        let is_one = self.members.len() == 1;
        let body = html! {
            (tiles(&rows, self.broken.len() as u64))
            (self.section(&rows))
            @if !is_one {
                (fleet_grew::section(&self.members, grew))
                (fleet_people::sections(&self.members, self.same_people, now))
            }
        };
        let by = format!("efs-scan {}.", env!("CARGO_PKG_VERSION"));
        let head = self.head(&rows, now);
        Frame { meta: &[(FLEET_META, &now.to_string())], title: &title, head, body: &body, by }
            .page()
    }

    fn head(&self, rows: &[Row<'_>], now: Timestamp) -> Markup {
        let finished = rows.iter().map(|row| row.finished());
        let (oldest, newest) = (finished.clone().min(), finished.max());
        let partial = rows.iter().filter(|row| row.coverage() != Coverage::Complete).count();
        html! {
            @if let (Some(oldest), Some(newest)) = (oldest, newest) {
                p.run {
                    @if rows.len() == 1 { "Scan finished " }
                    @else { "Oldest scan finished " }
                    (time(oldest)) ", " b data-ago=(oldest) { (age(oldest, now)) }
                    @if oldest != newest {
                        "; newest " (time(newest)) ", " b data-ago=(newest) { (age(newest, now)) }
                    }
                    "."
                }
                p.banner.stale hidden[!is_old(oldest, now)] data-stale=(oldest) { b { "Stale. " }
                    "Some of these figures are more than " (OLD.as_hours()) " hours old: see the \
                    column Age. A daily scan may not be running, or this is a copy of an earlier \
                    page." }
                @if is_future(newest, now) {
                    p.banner { b { "From the future. " } "A run finished after this page was made: \
                        a clock is or was wrong." }
                }
            }
            @if partial > 0 {
                p.banner { b { "Partial. " } (many(partial as u64, "file system", "file systems"))
                    " could not be read completely: sizes are lower bounds, and some changes are \
                    not known." }
            }
            @if !self.broken.is_empty() {
                p.banner { b { "Not shown. " } "The newest run cannot be read of "
                    (self.broken.iter().map(FileSystemKey::as_str).collect::<Vec<_>>().join(", ")) "." }
            }
        }
    }

    fn section(&self, rows: &[Row<'_>]) -> Markup {
        let costs = rows.iter().any(|row| row.cost().is_some());
        html! {
            section id="file-systems" aria-labelledby="file-systems-title" {
                h2 id="file-systems-title" { "File systems" }
                div.scroll tabindex="0" role="region" aria-label="File systems, as a table" {
                    table.homes id="file-systems-table" {
                        thead { tr {
                            th scope="col" data-sort="text" { "Name" }
                            th.n scope="col" data-sort="number" aria-sort="descending" { "Size" }
                            th scope="col" { "30 days" }
                            @for days in DAYS {
                                th.n scope="col" data-sort="number" title="Change over this time" {
                                    (days) @if days == 1 { " day" } @else { " days" }
                                }
                            }
                            th.n scope="col" data-sort="number" title="What EFS bills: 2 KiB more for each inode" { "Metered" }
                            @if costs { th.n scope="col" data-sort="number" { "USD/month" } }
                            th.n scope="col" data-sort="number" { "Trash" }
                            th.n scope="col" data-sort="number" { "Caches" }
                            th.n scope="col" data-sort="number" { "Homes" }
                            th.n scope="col" data-sort="number" title="Time since the newest run finished" { "Age" }
                        } }
                        tbody {
                            @for row in by_size(rows) { (row.markup(costs)) }
                            @for key in &self.broken { tr {
                                th scope="row" { (key.as_str()) " " span.mark.bad { "not readable" } }
                                @for _ in 0..(10 + usize::from(costs)) { td.n { "–" } }
                            } }
                        }
                    }
                }
            }
        }
    }
}

fn by_size<'a, 'b>(rows: &'b [Row<'a>]) -> Vec<&'b Row<'a>> {
    let mut rows: Vec<&Row<'_>> = rows.iter().collect();
    rows.sort_by_key(|row| std::cmp::Reverse(row.member.latest.totals.allocated_bytes));
    rows
}

/// A file system with what is computed of it.
struct Row<'a> {
    member: &'a FleetMember,
    name: String,
    points: Vec<ChartPoint>,
    now: Timestamp,
}

impl<'a> Row<'a> {
    fn new(member: &'a FleetMember, now: Timestamp) -> Self {
        // A run that ended after the summary was read is not the one of the other figures.
        let runs = member.trend.iter().filter(|run| run.id <= member.latest.run.id);
        let points = runs.map(|run| (run.started, run.total.map(|bytes| bytes.0))).collect();
        Self { member, name: name(member), points, now }
    }

    fn finished(&self) -> Timestamp {
        self.member.latest.run.finished
    }

    fn coverage(&self) -> Coverage {
        self.member.latest.run.coverage
    }

    fn cost(&self) -> Option<Usd> {
        self.member.latest.money.as_ref().map(|money| money.month)
    }

    fn homes(&self) -> u64 {
        let homes = self.member.latest.homes.iter();
        homes.filter(|home| home.kind != HomeKind::Outside).count() as u64
    }

    fn markup(&self, costs: bool) -> Markup {
        let latest = &self.member.latest;
        let (totals, key, finished) = (&latest.totals, self.member.key.as_str(), self.finished());
        let classes = &totals.by_class;
        let size = |bytes: AllocatedBytes| {
            html! {
                td.n data-v=(bytes.0) { @if bytes.0 > 0 { (bytes.human()) } @else { "–" } }
            }
        };
        html! { tr {
            th scope="row" {
                @if self.member.is_linked { a href={ (key) "/latest.html" } { (self.name) } }
                @else { (self.name) }
                @if self.name != key { " " small.id[self.member.key.is_efs()] { (key) } }
                (self.marks())
            }
            (size(totals.allocated_bytes))
            td { @if self.points.len() > 1 { (spark(&self.points)) } @else { "–" } }
            @for days in DAYS {
                @let bytes = change(&self.points, days);
                td.n data-v=[bytes] { (changed(bytes)) }
            }
            td.n data-v=(totals.metered_bytes.0) { (totals.metered_bytes.human()) }
            @if costs {
                td.n data-v=[self.cost().map(cents)] { (self.cost().map_or_else(|| "–".to_owned(), usd)) }
            }
            (size(classes.trash.allocated_bytes))
            (size(classes.cache.allocated_bytes))
            td.n data-v=(self.homes()) { (count(self.homes())) }
            td.n data-v=(self.now.duration_since(finished).as_secs()) {
                span data-ago=(finished) { (age(finished, self.now)) }
            }
        } }
    }

    fn marks(&self) -> Markup {
        let (run, finished) = (&self.member.latest.run, self.finished());
        html! {
            " " span.mark.bad hidden[!is_old(finished, self.now)] data-stale=(finished) { "stale" }
            @if is_future(finished, self.now) { " " span.mark.bad { "from the future" } }
            @if run.coverage != Coverage::Complete { " " span.mark.warn { (run.coverage.name()) } }
            @if !run.users.is_empty() { " " span.mark.warn { "some homes only" } }
        }
    }
}

/// Returns the name that people gave a file system, or its key.
pub(super) fn name(member: &FleetMember) -> String {
    let name = member.latest.run.identity.as_ref().and_then(|identity| identity.name.as_ref());
    shown(name.unwrap_or(&member.key).as_str().as_bytes())
}

/// Names of file systems by their keys.
pub(super) fn names(members: &[FleetMember]) -> BTreeMap<&FileSystemKey, String> {
    members.iter().map(|member| (&member.key, name(member))).collect()
}

/// Shows the most important figures of all.
fn tiles(rows: &[Row<'_>], broken: u64) -> Markup {
    let totals = || rows.iter().map(|row| &row.member.latest.totals);
    let metered: MeteredBytes = totals().map(|totals| totals.metered_bytes).sum();
    let size: AllocatedBytes = totals().map(|totals| totals.allocated_bytes).sum();
    let trash: AllocatedBytes = totals().map(|totals| totals.by_class.trash.allocated_bytes).sum();
    let cache: AllocatedBytes = totals().map(|totals| totals.by_class.cache.allocated_bytes).sum();
    let cost = rows.iter().map(Row::cost).fold(None, added);
    let without_price = rows.iter().filter(|row| row.cost().is_none()).count() as u64;
    let money = rows.iter().filter_map(|row| row.member.latest.money.as_ref());
    let saves = money.map(|money| Some(money.reclaimable.month)).fold(None, added);
    let homes: u64 = rows.iter().map(Row::homes).sum();
    let now = rows.iter().map(|row| row.now).max().unwrap_or_default();
    let fresh =
        |row: &&Row<'_>| now.duration_since(row.finished()) <= SignedDuration::from_hours(24);
    html! { dl.tiles {
        div {
            dt { "Allocated size" }
            dd.figure { (size.human()) }
            dd.changes { (changes(rows, broken)) }
        }
        div { @match cost {
            Some(cost) => {
                dt { "Cost" }
                dd.figure { (usd(cost)) small { " USD a month" } }
                dd {
                    "for a metered size of " (metered.human())
                    @if without_price > 0 { ", without " (many(without_price, "file system", "file systems")) " of unknown price" }
                }
            },
            None => {
                dt { "Metered size" }
                dd.figure { (metered.human()) }
                dd { "what EFS bills: 2 KiB more for each inode" }
            },
        } }
        div {
            dt { "Trash and caches" }
            dd.figure { ((trash + cache).human()) }
            dd {
                "trash " (trash.human()) ", caches " (cache.human())
                @if let Some(saves) = saves { "; reclaimable at most: " b { (usd(saves)) " USD a month" } }
            }
        }
        div {
            dt { "File systems" }
            dd.figure { (count(rows.len() as u64)) }
            dd { (count(rows.iter().filter(fresh).count() as u64)) " scanned within a day"
                @if broken > 0 { ", " b.bad { (count(broken)) " not readable" } } }
        }
        div {
            dt { "Homes" }
            dd.figure { (count(homes)) }
            dd { (many(totals().map(|totals| totals.files).sum(), "file", "files")) }
        }
    } }
}

/// Shows the changes of all file systems together: about, where that of some is not known, or of other
/// days because their newest run is old.
fn changes(rows: &[Row<'_>], broken: u64) -> Markup {
    let gaps = broken > 0 || rows.iter().any(|row| is_old(row.finished(), row.now));
    let sums = DAYS.map(|days| {
        let known: Vec<i64> = rows.iter().filter_map(|row| change(&row.points, days)).collect();
        let sum = known.iter().fold(0i64, |sum, bytes| sum.saturating_add(*bytes));
        (days, (!known.is_empty()).then_some(sum), gaps || known.len() < rows.len())
    });
    html! {
        @if sums.iter().all(|(_, sum, _)| sum.is_none()) { "change is not known" }
        @else { @for (at, (days, sum, some)) in sums.into_iter().enumerate() {
            @if at > 0 { " " }
            span {
                (days) @if days == 1 { " day " } @else { " days " }
                @if some && sum.is_some() { "about " }
                (changed(sum))
                @if at + 1 < DAYS.len() { "," }
            }
        } }
    }
}
