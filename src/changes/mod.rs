//! What changed between two runs, and where: two tables of directories are read side by side.
//!
//! `merge` pairs the rows, which `read_ahead` may read in other threads, `collect` sums up what
//! changed and holds of each home the places that changed most, `moves` finds what only went
//! elsewhere, `select` chooses the lines, and `view` makes the result of them, which `table` prints;
//! `unread` says which lines a partial run leaves in doubt.
//!
//! Each row stands for what is in its directory and in no row below it, so the differences of all
//! rows add up to the difference of the home. A place without a line of its own is folded into one
//! above it or into what is left, and nothing is counted twice or lost.

mod collect;
mod figures;
mod grew_most;
mod merge;
mod moves;
mod place;
mod read_ahead;
mod scope;
mod select;
mod table;
mod tree;
mod unread;
mod view;

#[cfg(test)]
#[allow(clippy::unwrap_used)] // A test that cannot go on fails.
mod tests;

use crate::units::MeteredBytes;

#[cfg(test)]
use figures::Figures;
pub(crate) use grew_most::GrewMost;
pub(crate) use merge::{MergeError, Rows, Side};
pub(crate) use read_ahead::ReadAhead;
pub(crate) use scope::Scope;
pub(crate) use table::table;
pub(crate) use tree::Node;
pub(crate) use view::{
    ChangesView, Compared, Facts, FactsOfHomes, HomeChanges, Line, What, json_schema,
};

/// What to show of the changes.
#[derive(Clone, Debug)]
pub(crate) struct Options {
    pub(crate) scope: Scope,
    /// Lines of a home, at most.
    pub(crate) limit: usize,
    /// Lines that changed by less have none.
    pub(crate) min: MeteredBytes,
}

/// The changes of each home, and the lines that explain them.
pub(crate) struct Explained {
    homes: Vec<(place::HomeTree, select::Selection)>,
    /// Number of homes in which nothing changed.
    unchanged: u64,
    /// True for the old and the new run if it did not read everything.
    partial: [bool; 2],
}

/// Explains what changed from one table to the other.
///
/// # Errors
/// If a row cannot be read.
pub(crate) fn explain<R: Rows>(
    old: R,
    new: R,
    options: &Options,
) -> Result<Explained, MergeError<R::Error>> {
    let partial = [old.is_partial(), new.is_partial()];
    let mut collector = collect::Collector::new(64 + 4 * options.limit);
    merge::merge(old, new, |old, new| {
        if new.or(old).is_some_and(|row| options.scope.has(row)) {
            collector.add(old, new);
        }
    })?;
    collector.end();
    let collect::Collector { mut homes, unchanged, candidates, .. } = collector;
    moves::apply(&mut homes, candidates, 4 * options.limit.max(20) as u64);
    let select = |(at, home): (usize, place::HomeTree)| {
        let selection = select::select(&home, at, options.limit, options.min.0);
        (home, selection)
    };
    let homes = homes.into_iter().enumerate().map(select).collect();
    Ok(Explained { homes, unchanged, partial })
}
