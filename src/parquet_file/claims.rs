//! Checks places and numbers that the library read, before it goes on with them: [`footer`] those in
//! the footer, and [`Checked`] those in pages. `guard` checked their sizes before.

use parquet::basic::{Encoding, Type};
use parquet::column::page::{Page, PageMetadata, PageReader};
use parquet::errors::{ParquetError, Result};
use parquet::file::metadata::ParquetMetaData;

use super::delta;

/// Rows per byte of a file, at most. Every row has a path of its own.
const ROWS_PER_BYTE: u64 = 8;

/// The largest number of values in a page whose values have lengths. Pages of ours have 8,192.
const MOST_VALUES: u32 = 1 << 20;

/// The longest text in bytes: a path of the table, in which each byte may be shown as three.
const LONGEST: usize = 16 << 10;

fn damaged(what: impl Into<String>) -> ParquetError {
    ParquetError::General(what.into())
}

/// Checks the places of columns and the numbers of rows. `length` is that of the file.
///
/// # Errors
/// One of them is impossible.
pub(super) fn footer(metadata: &ParquetMetaData, length: u64) -> Result<u64> {
    let claimed = u64::try_from(metadata.file_metadata().num_rows()).ok();
    let mut rows = 0u64;
    for group in metadata.row_groups() {
        let more = u64::try_from(group.num_rows()).ok();
        rows = more.and_then(|more| rows.checked_add(more)).ok_or_else(|| damaged("rows"))?;
        for column in group.columns() {
            let start = column.dictionary_page_offset().unwrap_or(column.data_page_offset());
            let end =
                start.checked_add(column.compressed_size()).and_then(|end| end.try_into().ok());
            let is_there = start >= 0
                && column.compressed_size() >= 0
                && end.is_some_and(|end: u64| end <= length);
            if !is_there {
                return Err(damaged("a column is not within the file"));
            }
        }
    }
    match claimed == Some(rows) && rows <= length.saturating_mul(ROWS_PER_BYTE) {
        true => Ok(rows),
        false => Err(damaged(format!("{rows} rows are claimed"))),
    }
}

/// The pages of a column, with the numbers in them checked.
pub(super) struct Checked {
    pub(super) pages: Box<dyn PageReader>,
    pub(super) of: Type,
    pub(super) is_optional: bool,
}

impl Checked {
    fn check(&self, page: &Page) -> Result<()> {
        let is_text = self.of == Type::BYTE_ARRAY;
        let (values, encoding) = (page.num_values(), page.encoding());
        let is_sound = match (page, encoding) {
            // A value has its length before it, or is one bit at least.
            (Page::DictionaryPage { buf, .. }, _) => {
                let most = if is_text { buf.len() / 4 } else { buf.len() * 8 };
                values as usize <= most
            }
            (_, Encoding::DELTA_BYTE_ARRAY) => {
                let levels = match page {
                    Page::DataPageV2 { def_levels_byte_len, rep_levels_byte_len, .. } => {
                        def_levels_byte_len | rep_levels_byte_len
                    }
                    _ => 0,
                };
                is_text
                    && !self.is_optional
                    && levels == 0
                    && values <= MOST_VALUES
                    && delta::are_texts(page.buffer(), values as usize, LONGEST)
            }
            (_, Encoding::DELTA_BINARY_PACKED | Encoding::RLE) => !is_text,
            (_, Encoding::PLAIN | Encoding::RLE_DICTIONARY | Encoding::PLAIN_DICTIONARY) => true,
            _ => false,
        };
        match is_sound {
            true => Ok(()),
            false => Err(damaged(format!("a page of {values} values ({encoding}) is none"))),
        }
    }
}

impl PageReader for Checked {
    fn get_next_page(&mut self) -> Result<Option<Page>> {
        let page = self.pages.get_next_page()?;
        page.iter().try_for_each(|page| self.check(page))?;
        Ok(page)
    }

    fn peek_next_page(&mut self) -> Result<Option<PageMetadata>> {
        self.pages.peek_next_page()
    }

    fn skip_next_page(&mut self) -> Result<()> {
        self.pages.skip_next_page()
    }

    fn at_record_boundary(&mut self) -> Result<bool> {
        self.pages.at_record_boundary()
    }
}

impl Iterator for Checked {
    type Item = Result<Page>;

    fn next(&mut self) -> Option<Self::Item> {
        self.get_next_page().transpose()
    }
}
