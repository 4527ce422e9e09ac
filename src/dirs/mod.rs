//! The table `dirs`: a Parquet file with a row for each directory of a run that is large enough,
//! each home and each finding.
//!
//! [`DirRow`] is a row and explains the figures, `columns` gives each its column, [`DirsWriter`]
//! writes the rows in their order, and [`DirsReader`] reads them one after another. Both hold one
//! row group at most, however many rows there are.
//!
//! Of the `parquet` crate, only the part that knows nothing of Arrow is compiled.

mod about;
mod columns;
mod read;
mod row;
mod write;

pub use about::About;
pub use read::{DirsReader, ReadProblem};
pub use row::{DirRow, Linked, Sums};
pub use write::DirsWriter;

#[cfg(test)]
#[allow(clippy::unwrap_used)] // A test that cannot go on fails.
mod tests;
