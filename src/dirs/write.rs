//! Writes the table.

use std::io::{self, Write};

use super::about::About;
use super::columns::{TABLE, columns};
use crate::parquet_file::{TableWriter, write_table};
use crate::usage::{DirRow, Ledger};

/// Writes the rows of one run.
pub struct DirsWriter<W: Write + Send>(TableWriter<DirRow, W>);

impl<W: Write + Send> DirsWriter<W> {
    /// Begins a file.
    ///
    /// # Errors
    /// Those of `to`.
    pub fn new(to: W, about: &About) -> io::Result<Self> {
        Ok(Self(TableWriter::new(to, TABLE, columns(), about.to_metadata())?))
    }

    #[cfg(test)]
    pub(super) fn compressed(
        to: W,
        about: &About,
        with: parquet::basic::Compression,
    ) -> io::Result<Self> {
        let metadata = about.to_metadata();
        Ok(Self(TableWriter::compressed(to, TABLE, columns(), metadata, with)?))
    }

    /// Adds a row. Rows come in the order of [`DirRow::cmp_place`].
    ///
    /// # Errors
    /// Those of the output.
    pub fn push(&mut self, row: &DirRow) -> io::Result<()> {
        self.0.push(row)
    }

    /// Writes the remaining rows and the end of the file. Returns the output.
    ///
    /// # Errors
    /// Those of the output. A file without an end is unreadable.
    pub fn finish(self) -> io::Result<W> {
        self.0.finish()
    }
}

/// Writes the table of a walk that is complete. It may be written several times.
///
/// # Errors
/// Those of [`Ledger::each_row`], and of `to`.
pub fn write_scanned(ledger: &Ledger, about: &About, to: &mut dyn Write) -> io::Result<()> {
    write_table(TABLE, columns(), about.to_metadata(), to, |push| ledger.each_row(push))
}
