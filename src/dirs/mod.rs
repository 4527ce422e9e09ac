//! The table `dirs`: a Parquet file with a row for each directory of a run that is large enough,
//! each home and each finding.
//!
//! [`DirRow`] is a row and explains the figures, `columns` assigns a column to each, [`DirsWriter`]
//! writes the rows in order, and [`DirsReader`] reads them one by one. Both hold at most one row
//! group, for any number of rows: see `parquet_file`.

mod about;
mod columns;
mod read;
mod write;

pub use crate::parquet_file::ReadProblem;
pub use crate::usage::{DirRow, Linked, Sums};
pub use about::About;
pub use read::DirsReader;
pub use write::{DirsWriter, write_scanned};

#[cfg(test)]
#[allow(clippy::unwrap_used)] // A test that cannot go on fails.
mod tests;
