//! People and groups on the page about all file systems, with what they have on all of them.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use maud::{Markup, html};

use super::bar;
use super::fleet::{FleetMember, names};
use super::words::{cents, count, many, usd};
use crate::published::{Sums, group_quotas, groups, is_old, people};
use crate::report::{FileSystemKey, SamePeople};
use crate::units::AllocatedBytes;

/// Number of people shown.
const PEOPLE: usize = 500;

/// Shows both sections.
pub(super) fn sections(members: &[FleetMember], same: SamePeople, now: Timestamp) -> Markup {
    let homes = || {
        let lines = members.iter().map(|member| (&member.key, &member.latest.homes));
        lines.flat_map(|(key, homes)| homes.iter().map(move |home| (key, home)))
    };
    let quotas = members.iter().map(|member| (&member.key, group_quotas(&member.latest.groups)));
    let (people, groups) = (people(homes(), same), groups(homes(), &quotas.collect()));
    let in_groups = homes().any(|(_, home)| home.owner.group.is_some());
    let known = Known::new(members, now);
    html! {
        section id="people" aria-labelledby="people-title" {
            h2 id="people-title" { "People" }
            form.tools hidden data-for="people-table" {
                label { "Filter " input type="search" name="text" autocomplete="off" placeholder="name or file system"; }
                span role="status" { (many(people.len() as u64, "person or home", "people and homes")) }
            }
            (table("people-table", "Name", &people[..people.len().min(PEOPLE)], &known))
            @if people.len() > PEOPLE {
                p.none { (count((people.len() - PEOPLE) as u64)) " more, who use less." }
            }
        }
        @if in_groups {
            section id="groups" aria-labelledby="groups-title" {
                h2 id="groups-title" { "Groups" }
                (table("groups-table", "Group", &groups, &known))
            }
        }
    }
}

fn table(id: &str, what: &str, all: &[Sums], known: &Known<'_>) -> Markup {
    let costs = all.iter().any(|sums| sums.cost_month.is_some());
    let quotas = all.iter().any(|sums| sums.quota.is_some());
    let size = |bytes: AllocatedBytes| {
        html! {
            td.n data-v=(bytes.0) { @if bytes.0 > 0 { (bytes.human()) } @else { "–" } }
        }
    };
    html! {
        div.scroll tabindex="0" role="region" aria-label={ (what) "s and sizes, as a table" } {
            table.homes.fleet id=(id) {
                thead { tr {
                    th scope="col" data-sort="text" { (what) }
                    th.n scope="col" data-sort="number" aria-sort="descending" { "Size" }
                    @if costs { th.n scope="col" data-sort="number" { "USD/month" } }
                    th.n scope="col" data-sort="number" { "Trash" }
                    th.n scope="col" data-sort="number" { "Caches" }
                    th.n scope="col" data-sort="number" { "Homes" }
                    @if quotas { th.n scope="col" data-sort="number" { "Quota" } }
                    th scope="col" { "On" }
                } }
                tbody { @for sums in all { tr {
                    th scope="row" {
                        bdi { (sums.name) }
                        @if !sums.complete {
                            " " span.mark.warn { (known.on("partial", sums, sums.partial_on.iter())) }
                        }
                        @if !sums.over_quota_on.is_empty() {
                            " " span.mark.bad { (known.on("over quota", sums, sums.over_quota_on.iter())) }
                        }
                    }
                    (size(sums.allocated_bytes))
                    @if costs {
                        td.n data-v=[sums.cost_month.map(cents)] {
                            (sums.cost_month.map_or_else(|| "–".to_owned(), usd))
                        }
                    }
                    (size(sums.trash_bytes))
                    (size(sums.cache_bytes))
                    td.n data-v=(sums.homes) { (count(sums.homes)) }
                    @if quotas { (bar::quota_cell(sums.quota.as_ref())) }
                    td.places { (known.places(sums)) }
                } } }
            }
        }
    }
}

/// The file systems, as the lines name them.
struct Known<'a> {
    names: BTreeMap<&'a FileSystemKey, String>,
    /// Those whose figures are old already when the page is made. Later, the page says it at the top.
    stale: BTreeSet<&'a FileSystemKey>,
}

impl<'a> Known<'a> {
    fn new(members: &'a [FleetMember], now: Timestamp) -> Self {
        let stale = members.iter().filter(|member| is_old(member.latest.run.finished, now));
        Self { names: names(members), stale: stale.map(|member| &member.key).collect() }
    }

    fn name<'b>(&'b self, key: &'b FileSystemKey) -> &'b str {
        self.names.get(key).map_or(key.as_str(), |name| name.as_str())
    }

    /// A mark, with the file systems that it is about if the sums are of several.
    fn on<'b>(
        &'b self,
        mark: &str,
        sums: &Sums,
        keys: impl Iterator<Item = &'b FileSystemKey>,
    ) -> String {
        match sums.file_systems.len() {
            1 => mark.to_owned(),
            _ => {
                let on: Vec<&str> = keys.map(|key| self.name(key)).collect();
                format!("{mark} on {}", on.join(", "))
            }
        }
    }

    /// Shows the size on each file system; only its name where there is one.
    fn places(&self, sums: &Sums) -> Markup {
        let of = sums.file_systems.len();
        html! { @for (at, (key, bytes)) in sums.file_systems.iter().enumerate() {
            @if at > 0 { " " }
            span {
                (self.name(key))
                @if of > 1 { " " (bytes.human()) }
                @if self.stale.contains(key) { " " span.mark.bad { "stale" } }
                @if at + 1 < of { "," }
            }
        } }
    }
}
