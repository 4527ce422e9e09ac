//! Walks two tables side by side.

use std::cmp::Ordering;

use crate::dirs::{DirRow, DirsReader, ReadProblem};
use crate::report::Coverage;

/// The rows of a table, in its order.
pub(crate) trait Rows {
    /// Why a row could not be read.
    type Error;

    /// Puts the next row in place of `row`, whose memory is used again. Returns false after the last.
    ///
    /// # Errors
    /// If it cannot be read.
    fn next_into(&mut self, row: &mut DirRow) -> Result<bool, Self::Error>;

    /// True if the run did not read everything, so that what has no row may be there.
    fn is_partial(&self) -> bool;
}

impl Rows for DirsReader {
    type Error = ReadProblem;

    fn next_into(&mut self, row: &mut DirRow) -> Result<bool, ReadProblem> {
        DirsReader::next_into(self, row)
    }

    fn is_partial(&self) -> bool {
        self.about().coverage != Coverage::Complete.name()
    }
}

impl Rows for std::slice::Iter<'_, DirRow> {
    type Error = std::convert::Infallible;

    fn next_into(&mut self, row: &mut DirRow) -> Result<bool, Self::Error> {
        Ok(self.next().map(|next| row.clone_from(next)).is_some())
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
    before: DirRow,
    is_ended: bool,
}

impl<R: Rows> Ahead<R> {
    fn new(side: Side, mut rows: R) -> Result<Self, MergeError<R::Error>> {
        let (mut row, before) = (DirRow::default(), DirRow::default());
        let more = rows.next_into(&mut row).map_err(|error| MergeError::Read(side, error))?;
        Ok(Self { side, rows, row, before, is_ended: !more })
    }

    fn advance(&mut self) -> Result<(), MergeError<R::Error>> {
        std::mem::swap(&mut self.row, &mut self.before);
        let more = self.rows.next_into(&mut self.row);
        self.is_ended = !more.map_err(|error| MergeError::Read(self.side, error))?;
        // Rows out of order would be attributed to the wrong directories.
        match self.is_ended || self.row.cmp_place(&self.before) == Ordering::Greater {
            true => Ok(()),
            false => Err(MergeError::Order(self.side)),
        }
    }
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
