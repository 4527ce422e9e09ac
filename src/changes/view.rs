//! The changes as they are shown; also their JSON.

use std::cmp::Reverse;
use std::collections::HashMap;

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::Serialize;

use super::figures::Figures;
use super::place::{HomeTree, Presence};
use super::select::{Chosen, Selection};
use super::unread::{may_lack, only_seems};
use super::{Explained, Options};
use crate::dirs::About;
use crate::report::{Coverage, Money, OUTSIDE_HOMES};
use crate::text::{bytes_of, lossy, printable};
use crate::units::{AllocatedBytes, MeteredBytes, Usd};
use crate::usage::{Class, HomeKind};

/// Name and version of the schema. Keys are only added within a version.
const SCHEMA: &str = "efs-scan/changes/1";

/// What changed between two runs.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct ChangesView {
    /// Name and version of the schema.
    pub(crate) schema: String,
    /// The destination, if the tables are published ones.
    pub(crate) from: Option<String>,
    /// Key of the file system.
    pub(crate) file_system: String,
    /// The run that the changes begin with.
    pub(crate) old: Compared,
    /// The run that they end with.
    pub(crate) new: Compared,
    /// The directory that was asked for.
    pub(crate) path: Option<String>,
    /// Its bytes in base64, where `path` is lossy.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) path_base64: Option<String>,
    /// The price of a GiB-month that all costs are computed with, by the newest run; `null` if none
    /// is known.
    pub(crate) money: Option<Money>,
    /// Everything together.
    pub(crate) change: Figures,
    /// What it adds to the bill of a month.
    pub(crate) cost_month: Option<Usd>,
    /// Homes in which something changed; those that grew most come first.
    pub(crate) homes: Vec<HomeChanges>,
    /// Number of homes in which nothing changed.
    pub(crate) unchanged_homes: u64,
}

/// One of the runs.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub(crate) struct Compared {
    /// Id of the run; `null` for a table that was written by hand.
    pub(crate) run: Option<String>,
    /// When it started.
    #[schemars(with = "Option<String>")]
    pub(crate) started: Option<Timestamp>,
    /// `complete`, `partial` or `interrupted`.
    pub(crate) coverage: String,
    /// Directories of which the subtree is metered less have no row.
    pub(crate) dirs_min_bytes: MeteredBytes,
}

impl Compared {
    pub(crate) fn new(about: &About, started: Option<Timestamp>) -> Self {
        let (run, coverage) = (about.run.clone(), about.coverage.clone());
        Self { run, started, coverage, dirs_min_bytes: about.dirs_min }
    }
}

/// The changes of a home.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct HomeChanges {
    /// Path below the root, or `(outside homes)`.
    pub(crate) name: String,
    /// Its bytes in base64, where `name` is lossy.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) name_base64: Option<String>,
    /// True for everything outside homes. A home may have the same name.
    pub(crate) outside: bool,
    pub(crate) uid: Option<u32>,
    pub(crate) owner: Option<String>,
    /// How much of it the old run read, if that is known.
    pub(crate) old_coverage: Option<Coverage>,
    /// The same of the new run.
    pub(crate) new_coverage: Option<Coverage>,
    /// Everything in it. The changes of `lines` and of `rest` add up to it.
    pub(crate) change: Figures,
    pub(crate) cost_month: Option<Usd>,
    /// Growth and shrinkage of all places added up.
    pub(crate) gross_bytes: MeteredBytes,
    /// Change of inodes with several links, each of which is charged to one place only. If another
    /// place is charged for them now, nothing grew there.
    pub(crate) linked_metered_bytes: i64,
    pub(crate) lines: Vec<Line>,
    pub(crate) rest: Rest,
}

/// A place.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct Line {
    /// Path below the home; empty for what is directly in the home.
    pub(crate) path: String,
    /// Its bytes in base64, where `path` is lossy.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) path_base64: Option<String>,
    #[serde(skip)]
    pub(crate) bytes: Vec<u8>,
    /// True for a file.
    pub(crate) is_file: bool,
    pub(crate) what: What,
    /// False if it may not have happened: a directory without a row may have been, or be, in the place of
    /// what is new or gone, or the other run did not read all of the home.
    pub(crate) sure: bool,
    /// The other end of a move.
    pub(crate) other: Option<OtherEnd>,
    /// Allocated bytes of everything in it in the old run; 0 if it was not there.
    pub(crate) old_allocated_bytes: AllocatedBytes,
    pub(crate) new_allocated_bytes: AllocatedBytes,
    /// What changed in it, without what other lines below it stand for.
    pub(crate) change: Figures,
    pub(crate) cost_month: Option<Usd>,
    /// True if other lines are about places in it.
    pub(crate) has_lines: bool,
    pub(crate) class: Class,
    /// Id of the rule in force; empty if there is none.
    pub(crate) rule: String,
    /// True if a finding begins here.
    pub(crate) is_finding: bool,
    /// Change of inodes with several links.
    pub(crate) linked_metered_bytes: i64,
}

/// What happened to a place.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum What {
    Grew,
    Shrank,
    New,
    Gone,
    /// Within the home, probably: all sizes and the newest mtime are the same at `other`. Its change
    /// is that of both ends.
    Moved,
    /// From another home, probably.
    MovedHere,
    /// To another home, probably.
    MovedAway,
}

/// The other end of a move.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct OtherEnd {
    /// The home there, if it is another one.
    pub(crate) home: Option<String>,
    /// Its bytes in base64, where `home` is lossy.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) home_base64: Option<String>,
    pub(crate) path: String,
    /// Its bytes in base64, where `path` is lossy.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) path_base64: Option<String>,
}

impl OtherEnd {
    fn new((home, home_base64): (Option<String>, Option<String>), path: &[u8]) -> Self {
        let (path, path_base64) = lossy(path);
        Self { home, home_base64, path, path_base64 }
    }

    /// The path for people, below the root if the home is another one.
    pub(crate) fn printable(&self) -> String {
        let path = printable(&bytes_of(&self.path, self.path_base64.as_deref()));
        match &self.home {
            Some(home) => {
                format!("{}/{path}", printable(&bytes_of(home, self.home_base64.as_deref())))
            }
            None => path,
        }
    }
}

/// What no line stands for.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct Rest {
    /// Places that changed less than those with a line.
    pub(crate) places: u64,
    pub(crate) change: Figures,
    /// Directories that are too small for the tables.
    pub(crate) smaller_directories: Figures,
    /// What the rows of the tables do not account for. Zero, unless a table is wrong.
    pub(crate) unexplained: Figures,
}

/// What the tables of homes say of a home.
#[derive(Clone, Debug)]
pub(crate) struct Facts {
    pub(crate) owner: Option<String>,
    pub(crate) coverage: Coverage,
}

/// Homes of either run by their paths; what is outside homes has `true`.
pub(crate) type FactsOfHomes = HashMap<(bool, Vec<u8>), Facts>;

/// The schema of the JSON as in `deploy/generated`, with a newline at its end.
pub(crate) fn json_schema() -> String {
    let schema = schemars::schema_for!(ChangesView);
    // A schema is plain data, so this cannot fail.
    let text = serde_json::to_string_pretty(&schema).unwrap_or_default();
    text + "\n"
}

impl ChangesView {
    pub(crate) fn new(
        explained: Explained,
        options: &Options,
        (from, file_system): (Option<String>, String),
        [old, new]: [Compared; 2],
        facts: &[FactsOfHomes; 2],
        money: Option<Money>,
    ) -> Self {
        let mut homes: Vec<HomeChanges> = (0..explained.homes.len())
            .map(|at| HomeChanges::new(&explained, at, facts, money.as_ref()))
            .collect();
        homes.sort_by_key(|home| (Reverse(home.change.allocated_bytes), Reverse(home.gross_bytes)));
        let change = homes.iter().fold(Figures::default(), |sum, home| sum + home.change);
        let path = options.scope.path.as_deref().map(lossy);
        let (path, path_base64) = path.map_or((None, None), |(text, raw)| (Some(text), raw));
        Self {
            schema: SCHEMA.to_owned(),
            from,
            file_system,
            old,
            new,
            path,
            path_base64,
            cost_month: cost(money.as_ref(), change),
            money,
            change,
            homes,
            unchanged_homes: explained.unchanged,
        }
    }

    /// True if something was not read in one of the runs.
    pub(crate) fn is_partial(&self) -> bool {
        [&self.old, &self.new].iter().any(|run| run.coverage != Coverage::Complete.name())
    }

    /// True if no row was looked at.
    pub(crate) fn is_empty(&self) -> bool {
        self.homes.is_empty() && self.unchanged_homes == 0
    }

    /// The least size that has a row in both tables.
    pub(crate) fn least(&self) -> MeteredBytes {
        self.old.dirs_min_bytes.max(self.new.dirs_min_bytes)
    }
}

fn cost(money: Option<&Money>, change: Figures) -> Option<Usd> {
    let of = money?.of(MeteredBytes(change.metered_bytes.unsigned_abs()));
    Some(Usd(of.0 * if change.metered_bytes < 0 { -1.0 } else { 1.0 }))
}

/// The name of a home as a report has it, and its bytes in base64 if that is lossy.
pub(super) fn name_of(home: &HomeTree) -> (String, Option<String>) {
    match &*home.home {
        _ if home.kind == HomeKind::Outside => (OUTSIDE_HOMES.to_owned(), None),
        b"" => (".".to_owned(), None),
        name => lossy(name),
    }
}

impl HomeChanges {
    fn new(
        explained: &Explained,
        at: usize,
        facts: &[FactsOfHomes; 2],
        money: Option<&Money>,
    ) -> Self {
        let all = &explained.homes;
        let (home, selection) = &all[at];
        let (name, name_base64) = name_of(home);
        let key = (home.kind == HomeKind::Outside, home.home.clone());
        let [old, new] = facts.each_ref().map(|facts| facts.get(&key));
        let lines = selection.lines.iter();
        let lacks = may_lack(&key, facts, explained.partial);
        let line = |chosen: &Chosen| Line::new(all, at, *chosen, (lacks, money));
        let lines = lines.filter_map(line).collect();
        let parts = home.places.iter().fold(Figures::default(), |sum, place| sum + place.change());
        Self {
            name,
            name_base64,
            outside: key.0,
            uid: home.uid,
            owner: new.or(old).and_then(|facts| facts.owner.clone()),
            old_coverage: old.map(|facts| facts.coverage),
            new_coverage: new.map(|facts| facts.coverage),
            change: home.total,
            cost_month: cost(money, home.total),
            gross_bytes: MeteredBytes(home.weight),
            linked_metered_bytes: home.places.first().map_or(0, |root| root.linked),
            lines,
            rest: Rest {
                places: selection.other_places,
                change: selection.other,
                smaller_directories: selection.small,
                unexplained: home.total - parts,
            },
        }
    }

    /// True if a part of it was not read in one of the runs.
    pub(crate) fn is_partial(&self) -> bool {
        let partly =
            |coverage: Option<Coverage>| coverage.is_some_and(|it| it != Coverage::Complete);
        partly(self.old_coverage) || partly(self.new_coverage)
    }
}

impl Line {
    /// `None` for the old end of a move within a home, which the new end tells.
    fn new(
        all: &[(HomeTree, Selection)],
        at: usize,
        chosen: Chosen,
        (lacks, money): ([bool; 2], Option<&Money>),
    ) -> Option<Self> {
        let (home, selection) = &all[at];
        let place = &home.places[chosen.place];
        let moved = place.moved.as_ref();
        let within = moved.filter(|other| other.home == at);
        // Both ends weigh the same, so both have a line; if one had none, each would be told apart.
        let other_line = within.and_then(|other| {
            let is_it = |line: &&Chosen| home.places[line.place].path == other.path;
            selection.lines.iter().find(is_it)
        });
        if other_line.is_some() && place.presence == Presence::Gone {
            return None;
        }
        let change = chosen.change + other_line.map(|line| line.change).unwrap_or_default();
        let what = match (place.presence, moved, other_line) {
            (_, _, Some(_)) => What::Moved,
            (Presence::Gone, Some(_), _) => What::MovedAway,
            (Presence::New, Some(_), _) => What::MovedHere,
            (Presence::Gone, None, _) => What::Gone,
            (Presence::New, None, _) => What::New,
            _ => Self::direction(change),
        };
        let other_end = moved.map(|other| {
            let home = (other.home != at).then(|| name_of(&all[other.home].0));
            OtherEnd::new(home.map_or((None, None), |(name, raw)| (Some(name), raw)), &other.path)
        });
        // A place in both runs existed before and still does.
        let is_sure = place.is_sure || place.presence == Presence::Both;
        let (path, path_base64) = lossy(&place.path);
        let old_size = other_line.map_or(place, |line| &home.places[line.place]).sizes[0];
        Some(Self {
            path,
            path_base64,
            bytes: place.path.clone(),
            is_file: place.is_file,
            what,
            sure: is_sure && moved.is_none() && !only_seems(what, lacks),
            other: other_end,
            old_allocated_bytes: AllocatedBytes(old_size),
            new_allocated_bytes: AllocatedBytes(place.sizes[1]),
            change,
            cost_month: cost(money, change),
            has_lines: chosen.has_lines,
            class: place.class,
            rule: place.rule.clone(),
            is_finding: place.is_finding,
            linked_metered_bytes: place.linked,
        })
    }

    fn direction(change: Figures) -> What {
        let sign = |it: Figures| match it.allocated_bytes {
            0 => it.metered_bytes,
            bytes => bytes,
        };
        if sign(change) < 0 { What::Shrank } else { What::Grew }
    }
}
