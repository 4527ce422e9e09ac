//! Checks what a file claims before the library believes it. A destination may be writable by others,
//! and the library allocates memory by what a file says of itself.
//!
//! [`Bounded`] checks the sizes of the footer and of pages, [`footer`] the places and numbers in the
//! footer, and [`Checked`] the numbers in pages. [`no_panic`] turns the panics that remain into
//! errors.

use std::cell::Cell;
use std::io::Read;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Once;

use bytes::Bytes;
use parquet::basic::{Encoding, Type};
use parquet::column::page::{Page, PageMetadata, PageReader};
use parquet::errors::{ParquetError, Result};
use parquet::file::metadata::ParquetMetaData;
use parquet::file::reader::{ChunkReader, Length};

use super::delta;

/// The largest footer, and the largest page before it is decompressed. A table of 10 million rows has
/// a footer of a tenth of this.
const MOST_READ: usize = 64 << 20;

/// The largest page after it was decompressed. Pages of ours have 1 MiB, and what 1,024 more values
/// take.
const MOST_PAGE: u32 = 8 << 20;

/// Rows per byte of a file, at most. Every row has a path of its own.
const ROWS_PER_BYTE: u64 = 8;

/// The largest number of values in a page whose values have lengths. Pages of ours have 8,192.
const MOST_VALUES: u32 = 1 << 20;

/// The longest text in bytes: a path of the table, in which each byte may be shown as three.
const LONGEST: usize = 16 << 10;

pub(super) fn damaged(what: impl Into<String>) -> ParquetError {
    ParquetError::General(what.into())
}

/// A file of which too much is never read at once.
pub(super) struct Bounded<R>(pub(super) R);

impl<R: ChunkReader> Bounded<R> {
    /// Checks the beginning of a page: its type, and its size after and before decompression.
    fn page(&self, start: u64) -> Result<()> {
        let mut head = [0; 18];
        let length = self.len().saturating_sub(start).min(head.len() as u64);
        let head = &mut head[..length as usize];
        self.0.get_read(start)?.read_exact(head)?;
        let mut rest = &*head;
        let [_, size, _] = [(); 3].map(|()| {
            // A field that follows the one before, of 32 bits.
            let (0x15, after) = rest.split_first().map(|(byte, after)| (*byte, after))? else {
                return None;
            };
            rest = after;
            delta::varint(&mut rest)
        });
        // The sign is the lowest bit.
        let is_small = |size: u64| size & 1 == 0 && size >> 1 <= u64::from(MOST_PAGE);
        match size.is_some_and(is_small) {
            true => Ok(()),
            false => Err(damaged(format!("the page at {start} is none, or too large"))),
        }
    }
}

impl<R: ChunkReader> Length for Bounded<R> {
    fn len(&self) -> u64 {
        self.0.len()
    }
}

impl<R: ChunkReader> ChunkReader for Bounded<R> {
    type T = R::T;

    /// The library begins to read here at pages, and at the end of the file.
    fn get_read(&self, start: u64) -> Result<Self::T> {
        if start.checked_add(8) != Some(self.len()) {
            self.page(start)?;
        }
        self.0.get_read(start)
    }

    fn get_bytes(&self, start: u64, length: usize) -> Result<Bytes> {
        let is_there = start.checked_add(length as u64).is_some_and(|end| end <= self.len());
        if !is_there || length > MOST_READ {
            return Err(damaged(format!("{length} bytes at {start} are claimed")));
        }
        self.0.get_bytes(start, length)
    }
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

thread_local! {
    /// True while a panic says that a file is damaged.
    static IS_READING: Cell<bool> = const { Cell::new(false) };
}

/// Runs a step of the library, which has assertions and indexes that a damaged file reaches. What it
/// was called on must not be used after an error.
///
/// # Errors
/// Those of `step`, or that it panicked. The panic is not printed.
pub(super) fn no_panic<T, E: From<ParquetError>>(
    step: impl FnOnce() -> std::result::Result<T, E>,
) -> std::result::Result<T, E> {
    static HOOK: Once = Once::new();
    HOOK.call_once(|| {
        let before = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |panic| {
            if !IS_READING.get() {
                before(panic);
            }
        }));
    });
    let outer = IS_READING.replace(true);
    let done = catch_unwind(AssertUnwindSafe(step));
    IS_READING.set(outer);
    done.unwrap_or_else(|_| Err(damaged("it contradicts itself").into()))
}
