//! Random trees whose directories move during a scan, and the results that a correct scan may give.
//!
//! Two moves leave no trace that a scan could see, so a correct scan may miss them. A directory
//! that moves from a place that is not listed yet to one that is listed already counts nowhere. A
//! directory that moves to a place that is not listed yet, after it was read, counts twice. An
//! engine that opens by handle also reads it where it was listed.

use std::collections::BTreeMap;

use serde_json::Value;

/// Number of homes in the root. Every other directory is below one of them.
const HOMES: usize = 3;

/// Name of the sums outside homes.
const OUTSIDE: &str = "(outside homes)";

/// A tree of directories with one file each (the root has none), and simultaneous moves.
#[derive(Clone, Debug)]
pub struct Moves {
    /// Path of each directory, the root first, a parent before its children.
    pub dirs: Vec<String>,
    parents: Vec<usize>,
    /// Index of a directory, and of its new parent; `None` if it leaves the tree.
    moves: Vec<(usize, Option<usize>)>,
    /// The directory whose first names trigger the moves. An engine that opens by name gets the
    /// names from before the moves, and then the new ones.
    pub trigger: usize,
}

/// Way in which an engine opens a directory that moves after its parent was listed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OpensBy {
    /// The engine has to find the directory again.
    Name,
    /// The engine reads the directory at any place.
    Handle,
}

/// The directories and files of a home that a scan may count, and flags for a home that must or may
/// be partial.
#[derive(Clone, Copy, Debug, Default)]
struct Expected {
    least: u64,
    most: u64,
    missing: bool,
    may_miss: bool,
}

impl Moves {
    /// Makes a plan from random numbers. Returns `None` if no move is possible.
    pub fn new(parents: &[u8], moves: &[(u8, u8)], trigger: u8) -> Option<Self> {
        let mut plan =
            Self { dirs: vec![String::new()], parents: vec![0], moves: Vec::new(), trigger: 0 };
        for home in 0..HOMES {
            plan.dirs.push(format!("{}", 200_001 + home));
            plan.parents.push(0);
        }
        for parent in parents {
            let at = plan.dirs.len();
            let parent = 1 + usize::from(*parent) % (at - 1);
            // One place that a rule finds, and places without a rule.
            let found = parent == 1 && !plan.dirs.contains(&"200001/.cache".to_owned());
            let name = if found { ".cache".to_owned() } else { format!("d{at}") };
            plan.dirs.push(format!("{}/{name}", plan.dirs[parent]));
            plan.parents.push(parent);
        }
        let count = plan.dirs.len();
        for (from, to) in moves {
            let from = 1 + usize::from(*from) % (count - 1);
            let to = Some(usize::from(*to) % (count + 1)).filter(|to| *to < count);
            let apart = |(other, place): &(usize, Option<usize>)| {
                !plan.is_in(from, *other)
                    && !plan.is_in(*other, from)
                    && place.is_none_or(|place| !plan.is_in(place, from))
            };
            let sound = to.is_none_or(|to| {
                !plan.is_in(to, from) && plan.moves.iter().all(|(other, _)| !plan.is_in(to, *other))
            });
            if sound && plan.moves.iter().all(apart) {
                plan.moves.push((from, to));
            }
        }
        plan.trigger = usize::from(trigger) % count;
        (!plan.moves.is_empty()).then_some(plan)
    }

    /// Returns the old and new path of each directory that moves; the new path is `None` if it
    /// leaves the tree.
    pub fn paths(&self) -> Vec<(String, Option<String>)> {
        let path = |(at, (from, to)): (usize, &(usize, Option<usize>))| {
            let to = to.map(|to| format!("{}/m{at}", self.dirs[to]));
            (self.dirs[*from].clone(), to.map(|to| to.trim_start_matches('/').to_owned()))
        };
        self.moves.iter().enumerate().map(path).collect()
    }

    fn is_in(&self, dir: usize, above: usize) -> bool {
        let mut up = std::iter::successors(Some(dir), |dir| (*dir > 0).then(|| self.parents[*dir]));
        up.any(|dir| dir == above)
    }

    fn home(&self, dir: usize) -> usize {
        if dir <= HOMES { dir } else { self.home(self.parents[dir]) }
    }

    /// Returns the number of directories and files in a directory, including itself.
    fn weight(&self, dir: usize) -> u64 {
        2 * (0..self.dirs.len()).filter(|other| self.is_in(*other, dir)).count() as u64
    }

    /// Returns the permitted results of a scan that began to list the directories `begun` before
    /// the moves, in any order. All of them except the trigger were listed completely.
    fn expected(&self, begun: &[usize], opens_by: OpensBy) -> BTreeMap<String, Expected> {
        let mut homes: BTreeMap<String, Expected> = BTreeMap::new();
        let root = Expected { least: 1, most: 1, ..Expected::default() };
        homes.insert(OUTSIDE.to_owned(), root);
        for home in 1..=HOMES {
            let moved = self.moves.iter().filter(|(from, _)| self.is_in(*from, home));
            let stays = match self.moves.iter().any(|(from, _)| *from == home) {
                true => 0,
                false => self.weight(home) - moved.map(|(from, _)| self.weight(*from)).sum::<u64>(),
            };
            let expected = Expected { least: stays, most: stays, ..Expected::default() };
            homes.insert(self.dirs[home].clone(), expected);
        }
        for (at, (from, to)) in self.moves.iter().enumerate() {
            let (parent, weight) = (self.parents[*from], self.weight(*from));
            let listed = |dir: usize| begun.contains(&dir) && dir != self.trigger;
            // Its name was returned, but its attributes were not requested yet.
            let named = opens_by == OpensBy::Name && parent == self.trigger;
            let was = self.dirs[self.home(*from)].clone();
            let becomes = to.map(|to| match to {
                0 => format!("m{at}"),
                to => self.dirs[self.home(to)].clone(),
            });
            let unlisted_place = to.is_some_and(|to| !listed(to));
            if begun.contains(from) {
                // It counts where it was, except for directories below it that were not open yet.
                let home = homes.entry(was).or_default();
                home.most += weight;
                home.may_miss = true;
                if let Some(becomes) = becomes.filter(|_| unlisted_place) {
                    // Its directories and files may count twice.
                    homes.entry(becomes).or_default().most += weight;
                }
                continue;
            }
            if listed(parent) || named {
                let top = (*from > HOMES && !named).then(|| self.home(*from));
                let is_found = match opens_by {
                    OpensBy::Name => *to == Some(parent) || to.is_some() && *to == top,
                    OpensBy::Handle => to.is_some(),
                };
                if is_found {
                    // A home whose attributes were not read yet is a home only under its new name.
                    let renamed = becomes.clone().filter(|_| named && parent == 0);
                    let home = homes.entry(renamed.unwrap_or(was)).or_default();
                    (home.least, home.most) = (home.least + weight, home.most + weight);
                } else {
                    // An entry without attributes belongs to its parent.
                    let lacks = if named && parent == 0 { OUTSIDE.to_owned() } else { was };
                    homes.entry(lacks).or_default().missing = true;
                }
                // A directory that was found again does not count in its new place.
                if is_found && opens_by == OpensBy::Name {
                    continue;
                }
            }
            if let Some(becomes) = becomes.filter(|_| unlisted_place) {
                let home = homes.entry(becomes).or_default();
                (home.least, home.most) = (home.least + weight, home.most + weight);
            }
        }
        homes
    }

    /// Checks the report of a scan that began to list `begun` before the moves.
    ///
    /// # Panics
    /// If the report is wrong.
    pub fn check(&self, report: &Value, begun: &[usize], opens_by: OpensBy) {
        let line = |home: &Value| {
            let counts = &home["usage"];
            let line = ["name", "coverage"].map(|key| &home[key]);
            format!("{line:?} {} and {}", counts["dirs"], counts["files"])
        };
        let lines: Vec<String> = report["homes"].as_array().unwrap().iter().map(line).collect();
        let said = || format!("{self:?}\nbegun: {begun:?}\n{lines:#?}\n{}", report["errors"]);
        let mut missing = 0;
        for (name, expected) in self.expected(begun, opens_by) {
            let homes = report["homes"].as_array().unwrap();
            let home = homes.iter().find(|home| home["name"] == *name);
            let number = |key: &str| home.map_or(0, |home| home["usage"][key].as_u64().unwrap());
            let counted = number("dirs") + number("files");
            let partial = home.is_some_and(|home| home["coverage"] == "partial");
            assert!(counted <= expected.most, "{name} has {counted}: {expected:?}, {}", said());
            assert!(
                counted >= expected.least || partial && expected.may_miss,
                "{name} has {counted}: {expected:?}, {}",
                said()
            );
            if expected.missing || !expected.may_miss {
                assert_eq!(partial, expected.missing, "{name}: {expected:?}, {}", said());
            }
            missing += u64::from(partial);
        }
        let errors = &report["errors"];
        assert_eq!(errors["by_kind"]["moved"].as_u64().unwrap_or(0), errors["count"], "{}", said());
        assert_eq!(report["run"]["coverage"] == "partial", missing > 0, "{}", said());
    }
}
