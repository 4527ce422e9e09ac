//! Growth between two published runs, for commands that show it beside other things.
//!
//! These commands do without it where the tables of directories are not there, cannot be read, or
//! would take too long, and say so.

use std::time::Instant;

use jiff::SignedDuration;

use super::facts::{facts, homes_of};
use crate::changes::{
    ChangesView, Compared, Explained, FactsOfHomes, GrewMost, Options, Rows, Scope, explain,
};
use crate::dirs::{DirRow, DirsReader, ReadProblem};
use crate::published::{DirsTable, table_before};
use crate::report::{FileSystemKey, GrownPlace, Money, Run};
use crate::service_error::{ServiceError, Trouble};
use crate::store::{Store, fetched};
use crate::text::{lossy, printable};
use crate::units::MeteredBytes;

/// How much is read at most.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bounds {
    /// Bytes of each table.
    pub(super) most: u64,
    /// When reading ends, finished or not.
    pub(super) until: Option<Instant>,
}

/// Why what grew is not known.
#[derive(Debug)]
pub(super) enum NotKnown {
    /// One of the runs has no table of directories, as those of earlier versions.
    NoTable,
    /// A table is larger than is read here, or takes longer. The reason is for people.
    LeftOut(String),
    /// A table could not be read, or is damaged.
    Unread(String),
}

/// Explains what changed between two runs of a file system, with at most `limit` lines a home.
///
/// # Errors
/// If the tables are not there, or not read to their ends.
pub(super) fn between(
    store: &dyn Store,
    of: &FileSystemKey,
    runs: [&str; 2],
    (scope, limit): (Scope, usize),
    bounds: Bounds,
) -> Result<Explained, NotKnown> {
    let [old, new] = runs.map(|run| reader(store, of, run, bounds));
    let (old, new) = (old?, new?);
    explained([old, new], (scope, limit), bounds)
}

/// Explains what changed in a published run since the one nearest to so long before it.
///
/// # Errors
/// If there is no such run, or the tables are not read to their ends.
pub(super) fn since(
    store: &dyn Store,
    (of, run): (&FileSystemKey, &Run),
    wanted: SignedDuration,
    (scope, limit): (Scope, usize),
    bounds: Bounds,
) -> Result<Since, NotKnown> {
    let before = table_before(store, of, run, wanted).map_err(|error| NotKnown::of(&error))?;
    let before = before.ok_or(NotKnown::NoTable)?;
    // The table of the run itself comes first: it may have none.
    let new = reader(store, of, &run.id, bounds)?;
    let old = reader(store, of, &before.run, bounds)?;
    let runs = [
        Compared::new(old.about(), Some(before.started)),
        Compared::new(new.about(), Some(run.started)),
    ];
    // A complete run leaves nothing in doubt.
    let old_facts = match Rows::is_partial(&old) {
        true => facts(homes_of(store, of, &before).0),
        false => FactsOfHomes::new(),
    };
    let explained = explained([old, new], (scope, limit), bounds)?;
    Ok(Since { explained, runs, of: of.clone(), old_facts, limit })
}

/// Changes since an earlier run.
pub(super) struct Since {
    pub(super) explained: Explained,
    pub(super) runs: [Compared; 2],
    of: FileSystemKey,
    old_facts: FactsOfHomes,
    limit: usize,
}

impl Since {
    /// The changes as they are shown, with owners and prices of the newer run.
    pub(super) fn view(self, facts: FactsOfHomes, money: Option<Money>) -> ChangesView {
        let options = Options { scope: Scope::default(), limit: self.limit, min: MeteredBytes(0) };
        let of = (None, self.of.to_string());
        let facts = [self.old_facts, facts];
        ChangesView::new(self.explained, &options, of, self.runs, &facts, money)
    }
}

/// The table of a run.
pub(super) fn reader(
    store: &dyn Store,
    of: &FileSystemKey,
    run: &str,
    bounds: Bounds,
) -> Result<DirsReader, NotKnown> {
    let table = DirsTable::of_run(of, run).ok_or(NotKnown::NoTable)?;
    if bounds.is_over() {
        return Err(NotKnown::too_long());
    }
    let file = fetched(store, &table.key, bounds.most);
    let file = file.map_err(|error| NotKnown::of(&error))?;
    DirsReader::open(file.ok_or(NotKnown::NoTable)?).map_err(|problem| {
        let name = printable(store.name(&table.key).as_bytes());
        NotKnown::Unread(format!("{name}: {problem}"))
    })
}

/// Explains what changed between two tables.
pub(super) fn explained(
    [old, new]: [DirsReader; 2],
    (scope, limit): (Scope, usize),
    bounds: Bounds,
) -> Result<Explained, NotKnown> {
    let options = Options { scope, limit, min: MeteredBytes(0) };
    let bounded = |rows| BoundedRows { rows, bounds, read: 0 };
    match explain(bounded(old), bounded(new), &options) {
        Ok(explained) => Ok(explained),
        Err(_) if bounds.is_over() => Err(NotKnown::too_long()),
        Err(_) => Err(NotKnown::Unread("a table of directories is damaged".to_owned())),
    }
}

/// The place as reports name it.
pub(super) fn place(place: GrewMost) -> GrownPlace {
    let (path, path_base64) = lossy(&place.path);
    GrownPlace { path, path_base64, allocated_bytes: place.allocated, new: place.new }
}

impl Bounds {
    fn is_over(&self) -> bool {
        self.until.is_some_and(|until| Instant::now() >= until)
    }
}

impl NotKnown {
    pub(super) fn of(error: &ServiceError) -> Self {
        let reason = printable(error.text.as_bytes());
        match error.trouble {
            // It is too large.
            Trouble::Refused => Self::LeftOut(reason),
            _ => Self::Unread(reason),
        }
    }

    fn too_long() -> Self {
        Self::LeftOut("the tables of directories take too long to read".to_owned())
    }

    /// True if it would be known if everything could be read.
    pub(super) fn is_gap(&self) -> bool {
        matches!(self, Self::Unread(_))
    }

    /// The reason, if it is none that every destination has at first.
    pub(super) fn reason(self) -> Option<String> {
        match self {
            Self::NoTable => None,
            Self::LeftOut(reason) | Self::Unread(reason) => Some(reason),
        }
    }
}

/// The rows of a table, until the time is over.
struct BoundedRows {
    rows: DirsReader,
    bounds: Bounds,
    read: u64,
}

/// Rows between two looks at the clock.
const ROWS: u64 = 4096;

impl Rows for BoundedRows {
    /// `None` if the time is over.
    type Error = Option<ReadProblem>;

    fn next_into(&mut self, row: &mut DirRow) -> Result<bool, Self::Error> {
        self.read += 1;
        if self.read.is_multiple_of(ROWS) && self.bounds.is_over() {
            return Err(None);
        }
        self.rows.next_into(row).map_err(Some)
    }

    fn is_partial(&self) -> bool {
        Rows::is_partial(&self.rows)
    }
}
