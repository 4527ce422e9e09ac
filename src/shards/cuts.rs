//! Cuts by the directories of an earlier run: so many for each shard.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};

use crate::usage::{Cuts, DirRow, HomeKind};

/// Parts of a shard's mean so small that they are not named, but go by a hash.
const UNNAMED: u64 = 1000;

/// The most directories that are named, about. A plan with that many has some MiB.
const MOST_NAMED: u64 = 200_000;

/// Parts of a shard's mean that a directory may be whole.
const PART: u64 = 20;

/// A directory with so few is not worth a cut.
const LEAST_PART: u64 = 8;

/// The most directories that are cut open. Every shard lists them.
const MOST_OPEN: usize = 4096;

/// Collects the weights of directories: the number of directories in them.
pub(crate) struct Weights {
    shards: u32,
    all: u64,
    /// What is less goes by its hash.
    least: u64,
    /// Homes and directories in them, in the order of the table.
    named: Vec<Weight>,
    /// What each shard has by hash.
    loads: Vec<u64>,
}

#[derive(Clone, Debug)]
struct Weight {
    path: Vec<u8>,
    dirs: u64,
    /// Indexes of the directories in it that are named; those in these are not.
    below: Vec<usize>,
    is_home: bool,
}

impl Weights {
    /// Begins with the number of directories of the whole run.
    pub(crate) fn new(shards: u32, all: u64) -> Self {
        let shards = shards.max(1);
        let least = (all / u64::from(shards) / UNNAMED).max(all / MOST_NAMED).max(1);
        let loads = vec![0; shards as usize];
        Self { shards, all, least, named: Vec::new(), loads }
    }

    /// Adds a row of the table of directories. Rows come in the order of the table.
    pub(crate) fn add(&mut self, row: &DirRow) {
        // What is outside of homes is listed by every shard.
        if row.is_file || row.kind == HomeKind::Outside {
            return;
        }
        let dirs = row.subtree.dirs;
        let (is_home, path) = (row.is_home(), path_of(row));
        if dirs < self.least && !(is_home && path.is_empty()) {
            if is_home {
                let shard = Cuts::new(self.shards, BTreeMap::new(), []).shard_of(&path);
                self.loads[shard as usize] += dirs;
            }
            return;
        }
        self.named.push(Weight { path, dirs, below: Vec::new(), is_home });
    }

    /// Cuts the tree so that every shard has about as much.
    pub(crate) fn cuts(mut self) -> Cuts {
        self.nest();
        let mut units: BinaryHeap<(u64, usize)> = BinaryHeap::new();
        let homes = self.named.iter().enumerate().filter(|(_, weight)| weight.is_home);
        units.extend(homes.map(|(at, weight)| (weight.dirs, at)));
        let whole = (self.all / u64::from(self.shards) / PART).max(LEAST_PART);
        let (mut open, mut spread) = (Vec::new(), 0);
        let mut kept = Vec::new();
        while let Some((dirs, at)) = units.pop() {
            let weight = &self.named[at];
            let is_root = weight.path.is_empty();
            if !is_root && (dirs <= whole || open.len() >= MOST_OPEN) {
                kept.push((dirs, at));
                continue;
            }
            open.push(weight.path.clone());
            let below = weight.below.iter().map(|at| (self.named[*at].dirs, *at));
            let named: u64 = below.clone().map(|(dirs, _)| dirs).sum();
            spread += dirs.saturating_sub(named);
            units.extend(below);
        }
        // The largest come first, as they come from the heap.
        kept.sort_by_key(|(dirs, at)| (Reverse(*dirs), *at));
        let even = spread / u64::from(self.shards);
        let loads = self.loads.iter().zip(0u32..);
        let mut loads: BinaryHeap<Reverse<(u64, u32)>> =
            loads.map(|(load, shard)| Reverse((load + even, shard))).collect();
        let mut assigned = BTreeMap::new();
        for (dirs, at) in kept {
            let Some(Reverse((load, shard))) = loads.pop() else { break };
            loads.push(Reverse((load + dirs, shard)));
            assigned.insert(std::mem::take(&mut self.named[at].path), shard);
        }
        Cuts::new(self.shards, assigned, open)
    }

    /// Finds out which directory lies in which.
    fn nest(&mut self) {
        let mut above: Vec<usize> = Vec::new();
        for at in 0..self.named.len() {
            let (before, from) = self.named.split_at_mut(at);
            let this = &from[0];
            if this.is_home {
                above.clear();
            }
            let is_in = |other: &Weight| {
                let rest = this.path.strip_prefix(&*other.path);
                rest.is_some_and(|rest| other.path.is_empty() || rest.first() == Some(&b'/'))
            };
            while above.last().is_some_and(|last| !is_in(&before[*last])) {
                above.pop();
            }
            if let Some(last) = above.last() {
                before[*last].below.push(at);
            }
            above.push(at);
        }
    }
}

/// The path below the root.
fn path_of(row: &DirRow) -> Vec<u8> {
    match (row.home.is_empty(), row.path.is_empty()) {
        (true, _) => row.path.clone(),
        (_, true) => row.home.clone(),
        (false, false) => [&*row.home, &*row.path].join(&b'/'),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::usage::Sums;

    fn row(home: &str, path: &str, dirs: u64) -> DirRow {
        DirRow {
            kind: HomeKind::Named,
            home: home.into(),
            path: path.into(),
            subtree: Sums { dirs, ..Sums::default() },
            ..DirRow::default()
        }
    }

    /// The number of directories that each shard has of `rows`, which are all that there are.
    fn loads(rows: &[DirRow], shards: u32) -> (Cuts, Vec<u64>) {
        let all = rows.iter().filter(|row| row.is_home()).map(|row| row.subtree.dirs).sum();
        let mut weights = Weights::new(shards, all);
        rows.iter().for_each(|row| weights.add(row));
        let cuts = weights.cuts();
        let mut loads = vec![0; shards as usize];
        let mut cut: Vec<Vec<u8>> = Vec::new();
        for row in rows {
            let path = path_of(row);
            let is_in = |above: &Vec<u8>| {
                path.strip_prefix(&**above).is_some_and(|it| it.first() == Some(&b'/'))
            };
            if cut.last().is_some_and(is_in) {
                continue;
            }
            if cuts.is_open(&path) {
                loads[cuts.shard_of(&path) as usize] += 1;
                continue;
            }
            loads[cuts.shard_of(&path) as usize] += row.subtree.dirs;
            cut.push(path);
        }
        (cuts, loads)
    }

    fn is_balanced(loads: &[u64]) -> bool {
        let (all, most) = (loads.iter().sum::<u64>(), loads.iter().max().copied().unwrap_or(0));
        most * 10 * loads.len() as u64 <= all * 11
    }

    #[test]
    fn a_home_that_is_half_of_everything_is_cut() {
        // 200 homes, and one as large as all of them, in which one directory has nearly everything.
        let mut rows: Vec<DirRow> =
            (0..200).map(|at| row(&format!("2{at:05}"), "", 50 + at)).collect();
        rows.push(row("giant", "", 30_101));
        rows.push(row("giant", "a", 30_000));
        rows.push(row("giant", "a/b", 29_999));
        for at in 0..298 {
            rows.push(row("giant", &format!("a/b/{at:04}"), 100));
        }
        for shards in [1, 2, 4, 8, 16] {
            let (cuts, loads) = loads(&rows, shards);
            assert!(is_balanced(&loads), "{shards}: {loads:?}");
            assert!(shards == 1 || cuts.is_open(b"giant/a/b"), "{shards}");
        }
    }

    #[test]
    fn many_small_homes_are_spread() {
        let rows: Vec<DirRow> = (0..50_000).map(|at| row(&format!("2{at:05}"), "", 3)).collect();
        let (_, loads) = loads(&rows, 16);
        assert!(is_balanced(&loads), "{loads:?}");
    }

    #[test]
    fn a_root_that_is_the_home_is_always_cut() {
        let rows = [row("", "", 11), row("", "a", 5), row("", "b", 5)];
        let (cuts, _) = loads(&rows, 2);
        assert_ne!(cuts.shard_of(b"a"), cuts.shard_of(b"b"));
    }
}
