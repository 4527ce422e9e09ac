//! The places that grew most.

use std::cmp::Reverse;

use super::Explained;
use super::place::{HomeTree, Presence};
use super::select::{Chosen, Selection};
use super::view::name_of;
use crate::text::bytes_of;
use crate::units::AllocatedBytes;
use crate::usage::HomeKind;

/// The place of a home that grew most.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct GrewMost {
    pub(crate) outside: bool,
    /// Path of the home, or `(outside homes)`, as a report names it.
    pub(crate) home: Vec<u8>,
    /// Path below the home.
    pub(crate) path: Vec<u8>,
    pub(crate) allocated: AllocatedBytes,
    /// True if it was not there before.
    pub(crate) new: bool,
}

impl Explained {
    /// The places of each home that grew most, at most so many of each, the largest growth of a home first.
    /// Homes in which nothing grew have none.
    pub(crate) fn grew_most(&self, most_of_each: usize) -> Vec<GrewMost> {
        let of = |(home, selection): &(HomeTree, Selection)| {
            let here = |line: &&Chosen| home.places[line.place].moved.is_none();
            let grown = |line: &Chosen| u64::try_from(line.change.allocated_bytes).unwrap_or(0);
            let mut lines: Vec<&Chosen> = selection.lines.iter().filter(here).collect();
            lines.retain(|line| grown(line) > 0);
            lines.sort_by_key(|line| Reverse(grown(line)));
            let (name, raw) = name_of(home);
            let bytes = bytes_of(&name, raw.as_deref());
            let most = move |line: &Chosen| {
                let place = &home.places[line.place];
                GrewMost {
                    outside: home.kind == HomeKind::Outside,
                    home: bytes.clone(),
                    path: place.path.clone(),
                    allocated: AllocatedBytes(grown(line)),
                    new: place.presence == Presence::New && place.is_sure && !self.partial[0],
                }
            };
            lines.into_iter().take(most_of_each).map(most).collect::<Vec<_>>()
        };
        self.homes.iter().flat_map(of).collect()
    }
}
