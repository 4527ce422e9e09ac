//! Reads the table, row by row.

use parquet::file::reader::ChunkReader;

use super::about::About;
use super::columns::{
    CLASS, HOME, HOME_BYTES, IS_FILE, IS_FINDING, KIND, NEWEST, PATH, PATH_BYTES, RULE,
    set_numbers, wanted,
};
use crate::parquet_file::{ReadProblem, Source, TableReader};
use crate::usage::{Class, DirRow, HomeKind};

/// Reads the rows of a file, in the order of the table.
///
/// It holds a few thousand rows at a time. It reads its input at many positions, so an object of a
/// store has to be fetched to a file first.
#[derive(Debug)]
pub struct DirsReader {
    table: TableReader,
    about: About,
    row: DirRow,
}

impl DirsReader {
    /// Opens a file, such as a [`std::fs::File`].
    ///
    /// # Errors
    /// It is not such a table, or cannot be read.
    pub fn open(file: impl ChunkReader + 'static) -> Result<Self, ReadProblem> {
        let table = TableReader::open(Source::new(file), wanted())?;
        let about = About::of(&table.facts());
        Ok(Self { table, about, row: DirRow::default() })
    }

    /// Returns the facts about the run.
    pub fn about(&self) -> &About {
        &self.about
    }

    /// Returns the number of rows in the file.
    pub fn rows(&self) -> u64 {
        self.table.rows()
    }

    /// Returns the next row, in the order of [`DirRow::cmp_place`], or `None` after the last.
    ///
    /// # Errors
    /// The file is damaged or cannot be read.
    pub fn next_row(&mut self) -> Result<Option<&DirRow>, ReadProblem> {
        let mut row = std::mem::take(&mut self.row);
        let more = self.next_into(&mut row);
        self.row = row;
        Ok(more?.then_some(&self.row))
    }

    /// Puts the next row in place of `row`, whose memory is used again. Returns false after the last.
    ///
    /// # Errors
    /// As for [`DirsReader::next_row`].
    pub fn next_into(&mut self, row: &mut DirRow) -> Result<bool, ReadProblem> {
        let more = self.table.advance()?;
        if more {
            decode(&self.table, row);
        }
        Ok(more)
    }
}

fn decode(table: &TableReader, row: &mut DirRow) {
    row.kind = match table.text(KIND) {
        Some(b"uid") => HomeKind::Uid,
        Some(b"outside") => HomeKind::Outside,
        _ => HomeKind::Named,
    };
    let home = table.name(HOME, HOME_BYTES);
    row.home.clear();
    if row.kind != HomeKind::Outside && home != b"." {
        row.home.extend_from_slice(home);
    }
    row.path.clear();
    row.path.extend_from_slice(table.name(PATH, PATH_BYTES));
    let class = table.text(CLASS).unwrap_or_default();
    // An unknown class of a later version becomes `rest`, as in a report.
    let known = Class::ALL.into_iter().find(|known| known.name().as_bytes() == class);
    row.class = known.unwrap_or(Class::Rest);
    row.rule.clear();
    row.rule.push_str(&String::from_utf8_lossy(table.text(RULE).unwrap_or_default()));
    row.is_file = table.flag(IS_FILE) == Some(true);
    row.is_finding = table.flag(IS_FINDING) == Some(true);
    row.newest = table.number(NEWEST).map(|millis| millis.div_euclid(1000));
    set_numbers(row, |column| table.number(column));
}
