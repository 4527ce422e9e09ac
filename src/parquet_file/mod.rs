//! Tables in Parquet files: written and read row by row, with bounded memory.
//!
//! [`Columns`] name the figures of a row and get them. [`TableWriter`] writes rows of any type that has
//! such columns, and [`TableReader`] reads the columns that are asked for, by name. Both hold at most
//! one row group. A file may be anybody's work, so `guard` and `claims` check what it says before the
//! library allocates memory for it.
//!
//! Only the part of the `parquet` crate without Arrow is compiled.

mod claims;
mod column;
mod delta;
mod guard;
mod metadata;
mod read;
mod source;
mod thrift;
mod write;

pub(crate) use column::Columns;
pub use guard::ReadProblem;
pub(crate) use metadata::{Facts, pairs};
pub(crate) use read::{Kind, Need, TableReader, Wanted};
pub(crate) use source::Source;
#[cfg(test)]
pub(crate) use write::GROUP_ROWS;
pub(crate) use write::{TableWriter, write_table};

#[cfg(test)]
#[allow(clippy::unwrap_used)] // A test that cannot go on fails.
mod tests;
