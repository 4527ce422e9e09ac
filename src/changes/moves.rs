//! Finds directories that are gone in one place and new in another: probably they were moved.

use std::cmp::{Ordering, Reverse};
use std::collections::{BTreeSet, BinaryHeap, HashMap, VecDeque};

use super::figures::Figures;
use super::merge::Side;
use super::place::{HomeTree, Place, cmp_paths, is_below};
use crate::dirs::DirRow;

/// Places of each side that are remembered: those that weigh most.
const MOST: usize = 8 * 1024;

/// What a subtree is known by wherever it is: all of its sizes, and its newest mtime.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Look {
    /// Files, directories, apparent and allocated bytes.
    sums: [u64; 4],
    newest: i64,
    is_file: bool,
}

impl Look {
    /// `None` if it would be that of many others.
    pub(super) fn of(row: &DirRow) -> Option<Self> {
        let (newest, sums) = (row.newest?, &row.subtree);
        let is_known = sums.files > 0 && sums.apparent.0 > 0;
        let sums = [sums.files, sums.dirs, sums.apparent.0, sums.allocated.0];
        is_known.then_some(Self { sums, newest, is_file: row.is_file })
    }
}

/// The other end of a move.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Moved {
    /// Index of the home there.
    pub(super) home: usize,
    /// Path below that home.
    pub(super) path: Vec<u8>,
}

/// A place that is in one of the tables.
#[derive(Debug)]
struct Candidate {
    /// Index of its home among those that changed.
    home: usize,
    look: Look,
    place: Place,
}

/// The places that may have been moved: the gone ones and the new ones.
#[derive(Debug, Default)]
pub(super) struct Candidates {
    gone: BinaryHeap<ByWeight>,
    new: BinaryHeap<ByWeight>,
}

/// The least is the first that is forgotten.
#[derive(Debug)]
struct ByWeight(Reverse<u64>, Candidate);

impl PartialEq for ByWeight {
    fn eq(&self, other: &Self) -> bool {
        self.0 == other.0
    }
}

impl Eq for ByWeight {}

impl PartialOrd for ByWeight {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for ByWeight {
    fn cmp(&self, other: &Self) -> Ordering {
        self.0.cmp(&other.0)
    }
}

impl Candidates {
    /// Remembers a place that is gone (of the old side) or new, if there is room.
    pub(super) fn offer(&mut self, side: Side, home: usize, look: Look, place: &Place) {
        let heap = match side {
            Side::Old => &mut self.gone,
            Side::New => &mut self.new,
        };
        if heap.len() >= MOST {
            if heap.peek().is_some_and(|least| least.0.0 >= place.weight) {
                return;
            }
            heap.pop();
        }
        heap.push(ByWeight(Reverse(place.weight), Candidate { home, look, place: place.clone() }));
    }

    /// Returns the pairs of a gone place and the new one that looks the same. Where several do, the
    /// last component of the path decides, or else nothing does. What lies in a moved directory is in
    /// no pair of its own.
    fn pairs(self) -> Vec<(Candidate, Candidate)> {
        let sorted = |heap: BinaryHeap<ByWeight>| {
            let mut all: Vec<Candidate> = heap.into_iter().map(|by| by.1).collect();
            all.sort_by(|one, other| {
                one.home
                    .cmp(&other.home)
                    .then_with(|| cmp_paths(&one.place.path, &other.place.path))
            });
            all
        };
        let (gone, new) = (sorted(self.gone), sorted(self.new));
        let mut looks: HashMap<Look, (usize, Vec<usize>)> = HashMap::new();
        gone.iter().for_each(|place| looks.entry(place.look).or_default().0 += 1);
        let mut named: HashMap<(Look, &[u8]), VecDeque<usize>> = HashMap::new();
        for (at, place) in new.iter().enumerate() {
            if let Some((_, there)) = looks.get_mut(&place.look) {
                there.push(at);
                named.entry((place.look, last_name(place))).or_default().push_back(at);
            }
        }
        let mut from: Vec<usize> = Vec::new();
        let (mut to, mut taken): (Vec<usize>, BTreeSet<usize>) = Default::default();
        // The moved place that comes last before others contains them, or nothing does.
        for (at, place) in gone.iter().enumerate() {
            if from.last().is_some_and(|last: &usize| contains(&gone[*last], place)) {
                continue;
            }
            let Some((count, there)) = looks.get(&place.look) else { continue };
            let found = match &there[..] {
                [one] if *count == 1 => Some(*one).filter(|one| is_free(&new, &taken, *one)),
                _ => {
                    let mut same = named.get_mut(&(place.look, last_name(place)));
                    // One that is not free will not be later.
                    let next = || same.as_mut().and_then(|same| same.pop_front());
                    std::iter::from_fn(next).find(|new_at| is_free(&new, &taken, *new_at))
                }
            };
            if let Some(found) = found {
                from.push(at);
                to.push(found);
                taken.insert(found);
            }
        }
        let (mut gone, mut new): (Vec<_>, Vec<_>) =
            (gone.into_iter().map(Some).collect(), new.into_iter().map(Some).collect());
        let pair = |(from, to): (usize, usize)| Some((gone[from].take()?, new[to].take()?));
        from.into_iter().zip(to).filter_map(pair).collect()
    }
}

fn contains(above: &Candidate, below: &Candidate) -> bool {
    above.home == below.home && is_below(&below.place.path, &above.place.path)
}

/// True if the candidate neither contains one of the taken ones, which are in order and contain each
/// other not, nor lies in one.
fn is_free(all: &[Candidate], taken: &BTreeSet<usize>, at: usize) -> bool {
    let before = taken.range(..=at).next_back();
    let after = taken.range(at + 1..).next();
    let is_in = |above: &usize| *above == at || contains(&all[*above], &all[at]);
    !before.is_some_and(is_in) && !after.is_some_and(|below| contains(&all[at], &all[*below]))
}

fn last_name(candidate: &Candidate) -> &[u8] {
    candidate.place.path.rsplit(|byte| *byte == b'/').next().unwrap_or_default()
}

/// Gives both ends of each move a place of its own, if it weighs at least a `part`-th of what changed
/// in one of the homes.
pub(super) fn apply(homes: &mut [HomeTree], candidates: Candidates, part: u64) {
    let mut touched = Vec::new();
    for (gone, new) in candidates.pairs() {
        let (Some(from), Some(to)) = (homes.get(gone.home), homes.get(new.home)) else { continue };
        if gone.place.weight < from.weight.min(to.weight) / part.max(1) {
            continue;
        }
        let ends = [
            (gone.home, Moved { home: new.home, path: new.place.path.clone() }, gone.place.clone()),
            (new.home, Moved { home: gone.home, path: gone.place.path }, new.place),
        ];
        for (home, other, place) in ends {
            insert(&mut homes[home], place, other);
            touched.push(home);
        }
    }
    touched.sort_unstable();
    touched.dedup();
    touched.into_iter().for_each(|home| homes[home].reorder());
}

/// Takes a place out of the one that it was counted in.
fn insert(home: &mut HomeTree, place: Place, other: Moved) {
    let holder = |it: &&mut Place| it.path == place.path || is_below(&place.path, &it.path);
    let holders = home.places.iter_mut().filter(holder);
    let Some(holder) = holders.max_by_key(|it| it.path.len()) else { return };
    if holder.path == place.path {
        holder.moved = Some(other);
        return;
    }
    let change = place.change();
    match holder.presence == place.presence {
        true => holder.own = holder.own - change,
        // It was folded into a directory that stays.
        false => holder.folded = holder.folded - change,
    }
    let place = Place { own: change, folded: Figures::default(), moved: Some(other), ..place };
    home.places.push(Place { folded_places: 0, small: Figures::default(), ..place });
}
