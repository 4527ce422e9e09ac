//! Walks two tables side by side.

use std::cmp::Ordering;

use crate::dirs::{DirRow, DirsReader, ReadProblem};
use crate::report::Coverage;

/// The rows of a table, in its order.
pub(crate) trait Rows {
    /// Why a row could not be read.
    type Error;

    /// Returns the next row, or `None` after the last.
    ///
    /// # Errors
    /// If it cannot be read.
    fn next_row(&mut self) -> Result<Option<&DirRow>, Self::Error>;

    /// True if the run did not read everything, so that what has no row may be there.
    fn is_partial(&self) -> bool;
}

impl Rows for DirsReader {
    type Error = ReadProblem;

    fn next_row(&mut self) -> Result<Option<&DirRow>, ReadProblem> {
        DirsReader::next_row(self)
    }

    fn is_partial(&self) -> bool {
        self.about().coverage != Coverage::Complete.name()
    }
}

impl Rows for std::slice::Iter<'_, DirRow> {
    type Error = std::convert::Infallible;

    fn next_row(&mut self) -> Result<Option<&DirRow>, Self::Error> {
        Ok(self.next())
    }

    fn is_partial(&self) -> bool {
        false
    }
}

/// Which of two tables a row is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Side {
    /// The run that the changes begin with.
    Old,
    /// The run that they end with.
    New,
}

/// Why two tables cannot be compared.
#[derive(Debug)]
pub(crate) enum MergeError<E> {
    /// A row of this table could not be read.
    Read(Side, E),
    /// The rows of this table are not in the order of the table.
    Order(Side),
}

/// One table, one row ahead.
struct Ahead<R> {
    side: Side,
    rows: R,
    row: DirRow,
    is_ended: bool,
}

impl<R: Rows> Ahead<R> {
    fn new(side: Side, rows: R) -> Result<Self, MergeError<R::Error>> {
        let mut ahead = Self { side, rows, row: DirRow::default(), is_ended: false };
        match ahead.rows.next_row().map_err(|error| MergeError::Read(side, error))? {
            Some(row) => copy(row, &mut ahead.row),
            None => ahead.is_ended = true,
        }
        Ok(ahead)
    }

    fn advance(&mut self) -> Result<(), MergeError<R::Error>> {
        match self.rows.next_row().map_err(|error| MergeError::Read(self.side, error))? {
            // Rows out of order would be attributed to the wrong directories.
            Some(row) if row.cmp_place(&self.row) != Ordering::Greater => {
                return Err(MergeError::Order(self.side));
            }
            Some(row) => copy(row, &mut self.row),
            None => self.is_ended = true,
        }
        Ok(())
    }
}

/// Copies a row into the memory of another.
fn copy(from: &DirRow, to: &mut DirRow) {
    let (mut home, mut path) = (std::mem::take(&mut to.home), std::mem::take(&mut to.path));
    let mut rule = std::mem::take(&mut to.rule);
    home.clone_from(&from.home);
    path.clone_from(&from.path);
    rule.clone_from(&from.rule);
    let DirRow { kind, is_file, uid, class, is_finding, own, rest, subtree, .. } = *from;
    let DirRow { linked, newest, ages, future, .. } = *from;
    *to = DirRow {
        kind,
        home,
        path,
        is_file,
        uid,
        class,
        rule,
        is_finding,
        own,
        rest,
        subtree,
        linked,
        newest,
        ages,
        future,
    };
}

/// Passes each place that is in one of two tables to `each`, with its rows there.
///
/// # Errors
/// If a row cannot be read.
pub(super) fn merge<R: Rows>(
    old: R,
    new: R,
    mut each: impl FnMut(Option<&DirRow>, Option<&DirRow>),
) -> Result<(), MergeError<R::Error>> {
    let (mut old, mut new) = (Ahead::new(Side::Old, old)?, Ahead::new(Side::New, new)?);
    loop {
        let order = match (old.is_ended, new.is_ended) {
            (true, true) => return Ok(()),
            (true, false) => Ordering::Greater,
            (false, true) => Ordering::Less,
            (false, false) => old.row.cmp_place(&new.row),
        };
        each(order.is_le().then_some(&old.row), order.is_ge().then_some(&new.row));
        if order.is_le() {
            old.advance()?;
        }
        if order.is_ge() {
            new.advance()?;
        }
    }
}
