//! What everybody, each person or each group holds in each run of a file system.

use std::collections::HashMap;

use crate::published::HomeRow;
use crate::report::Coverage;
use crate::text::lossy;
use crate::units::{AllocatedBytes, MeteredBytes};

/// What the homes of a run are added up by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum SumBy {
    FileSystem,
    Person,
    Group,
}

/// Whose a home is, within one file system.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum Whose {
    Everybody,
    /// A person, by name and uid.
    Person(String, Option<u32>),
    /// A home without a known owner.
    Home(String),
    Group(String),
    NoGroup,
    Outside,
}

/// What somebody holds in a run.
#[derive(Clone, Copy, Debug)]
pub(super) struct Held {
    pub(super) homes: u64,
    pub(super) allocated: AllocatedBytes,
    pub(super) metered: MeteredBytes,
    /// In USD a month; `None` without a price.
    pub(super) cost: Option<f64>,
    /// True if all of it was read.
    complete: bool,
}

/// The sums of the runs of a file system.
#[derive(Debug, Default)]
pub(crate) struct Sums {
    pub(super) by: Option<SumBy>,
    /// Everybody who held something in any run, by number.
    pub(super) whose: Vec<Whose>,
    numbers: HashMap<Whose, u32>,
    /// One for each run of the history.
    pub(super) runs: Vec<RunSums>,
}

/// The sums of a run, by the number of whose they are.
#[derive(Debug, Default)]
pub(super) struct RunSums {
    pub(super) held: Vec<(u32, Held)>,
    /// True if every home was listed, so somebody without a sum held nothing.
    pub(super) all_homes: bool,
}

impl Sums {
    pub(super) fn new(by: Option<SumBy>) -> Self {
        Self { by, ..Self::default() }
    }

    /// Adds a row to the sums of its run.
    pub(super) fn add(&mut self, row: &HomeRow<'_>, to: &mut HashMap<u32, Held>) {
        let Some(whose) = self.by.map(|by| Whose::of(row, by)) else { return };
        let number = match self.numbers.get(&whose) {
            Some(number) => *number,
            None => {
                // More names than that do not fit into memory.
                let number = u32::try_from(self.whose.len()).unwrap_or(u32::MAX);
                self.whose.push(whose.clone());
                self.numbers.insert(whose, number);
                number
            }
        };
        let held = to.entry(number).or_insert(Held {
            homes: 0,
            allocated: AllocatedBytes(0),
            metered: MeteredBytes(0),
            cost: None,
            complete: true,
        });
        held.homes += u64::from(!row.outside);
        held.allocated += row.allocated;
        held.metered += row.metered.unwrap_or_default();
        held.cost = match (held.cost, row.cost_month) {
            (Some(sum), Some(cost)) => Some(sum + cost),
            (sum, cost) => sum.or(cost),
        };
        held.complete &= row.coverage == Coverage::Complete;
    }

    pub(super) fn commit(&mut self, run: HashMap<u32, Held>, all_homes: bool) {
        let mut held: Vec<(u32, Held)> = run.into_iter().collect();
        held.sort_unstable_by_key(|(number, _)| *number);
        self.runs.push(RunSums { held, all_homes });
    }
}

impl RunSums {
    pub(super) fn of(&self, number: u32) -> Option<&Held> {
        let at = self.held.binary_search_by_key(&number, |(number, _)| *number).ok()?;
        self.held.get(at).map(|(_, held)| held)
    }

    /// The size of what these hold together, if it is known.
    pub(super) fn size(&self, numbers: &[u32]) -> Option<AllocatedBytes> {
        if !self.all_homes {
            return None;
        }
        let held = numbers.iter().filter_map(|number| self.of(*number));
        held.map(|held| Some(held.allocated).filter(|_| held.complete)).sum()
    }
}

impl Whose {
    fn of(row: &HomeRow<'_>, by: SumBy) -> Self {
        match (by, row.outside) {
            (SumBy::FileSystem, _) => Self::Everybody,
            (_, true) => Self::Outside,
            (SumBy::Group, false) if row.group.is_empty() => Self::NoGroup,
            (SumBy::Group, false) => Self::Group(row.group.to_string()),
            (SumBy::Person, false) if row.owner.is_empty() => Self::Home(lossy(&row.home).0),
            (SumBy::Person, false) => Self::Person(row.owner.to_string(), row.uid),
        }
    }
}
