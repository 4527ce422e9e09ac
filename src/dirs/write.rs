//! Writes the table.

use std::io::{self, Write};
use std::sync::Arc;

use parquet::basic::{Compression, Encoding, ZstdLevel};
use parquet::column::writer::ColumnWriterImpl;
use parquet::data_type::{BoolType, ByteArray, ByteArrayType, DataType, Int64Type};
use parquet::errors::{ParquetError, Result};
use parquet::file::properties::{EnabledStatistics, WriterProperties};
use parquet::file::writer::{SerializedFileWriter, SerializedRowGroupWriter};
use parquet::schema::types::ColumnPath;

use super::about::About;
use super::columns::{
    CLASS, FLAGS, HOME, HOME_BYTES, KIND, NEWEST, NUMBERS, PATH, PATH_BYTES, RULE, TEXTS, schema,
};
use crate::report::OUTSIDE_HOMES;
use crate::usage::DirRow;
use crate::usage::HomeKind;

/// Number of rows in a row group. A writer or reader holds one group, about 20 MB.
pub(super) const GROUP_ROWS: usize = 32 * 1024;

/// Bytes of paths in a row group, for rows with long paths. Most groups have a tenth of it.
const GROUP_BYTES: usize = 16 << 20;

/// Number of rows in a page, the smallest unit that a reader can skip.
const PAGE_ROWS: usize = 8 * 1024;

/// First and last second, in milliseconds, that other programs can show as a date: the years 1 and
/// 9999. An mtime may be any number.
const DATES: (i64, i64) = (-62_135_596_800_000, 253_402_300_799_000);

/// Writes the rows of one run.
pub struct DirsWriter<W: Write + Send> {
    file: SerializedFileWriter<W>,
    rows: usize,
    texts: [TextBatch; TEXTS.len()],
    flags: [Vec<bool>; FLAGS.len()],
    newest: Vec<i64>,
    has_newest: Vec<i16>,
    numbers: Vec<Vec<i64>>,
}

/// Values of a text column for one row group.
#[derive(Default)]
struct TextBatch {
    bytes: Vec<u8>,
    /// End of each value in `bytes`.
    ends: Vec<usize>,
    /// For each row, 1 if it has a value.
    levels: Vec<i16>,
}

impl<W: Write + Send> DirsWriter<W> {
    /// Begins a file.
    ///
    /// # Errors
    /// Those of `to`.
    pub fn new(to: W, about: &About) -> io::Result<Self> {
        let level = ZstdLevel::try_new(LEVEL).map_err(of_output)?;
        Self::compressed(to, about, Compression::ZSTD(level))
    }

    /// Begins a file with this compression.
    pub(super) fn compressed(to: W, about: &About, with: Compression) -> io::Result<Self> {
        let properties = properties(about, with);
        let schema = schema().map_err(of_output)?;
        let file = SerializedFileWriter::new(to, schema, Arc::new(properties));
        Ok(Self {
            file: file.map_err(of_output)?,
            rows: 0,
            texts: Default::default(),
            flags: Default::default(),
            newest: Vec::new(),
            has_newest: Vec::new(),
            numbers: NUMBERS.iter().map(|_| Vec::new()).collect(),
        })
    }

    /// Adds a row. Rows come in the order of [`DirRow::cmp_place`].
    ///
    /// # Errors
    /// Those of the output.
    pub fn push(&mut self, row: &DirRow) -> io::Result<()> {
        let home = match (row.kind, &*row.home) {
            (HomeKind::Outside, _) => OUTSIDE_HOMES.as_bytes(),
            // The report uses the same names.
            (_, b"") => b".",
            (_, home) => home,
        };
        self.texts[KIND].add(Some(row.kind.name().as_bytes()));
        self.add_lossy(HOME, HOME_BYTES, home);
        self.add_lossy(PATH, PATH_BYTES, &row.path);
        self.texts[CLASS].add(Some(row.class.name().as_bytes()));
        self.texts[RULE].add(Some(row.rule.as_bytes()).filter(|rule| !rule.is_empty()));
        for (column, flag) in self.flags.iter_mut().zip(&FLAGS) {
            column.push((flag.get)(row));
        }
        let millis = |seconds: i64| seconds.saturating_mul(1000).clamp(DATES.0, DATES.1);
        self.newest.extend(row.newest.map(millis));
        self.has_newest.push(row.newest.is_some().into());
        for (column, number) in self.numbers.iter_mut().zip(&NUMBERS) {
            column.push(i64::try_from((number.get)(row)).unwrap_or(i64::MAX));
        }
        self.rows += 1;
        let is_full = self.rows == GROUP_ROWS || self.texts[PATH].bytes.len() >= GROUP_BYTES;
        if is_full { self.flush() } else { Ok(()) }
    }

    fn add_lossy(&mut self, text: usize, raw: usize, bytes: &[u8]) {
        match std::str::from_utf8(bytes) {
            Ok(_) => {
                self.texts[text].add(Some(bytes));
                self.texts[raw].add(None);
            }
            Err(_) => {
                self.texts[text].add(Some(String::from_utf8_lossy(bytes).as_bytes()));
                self.texts[raw].add(Some(bytes));
            }
        }
    }

    /// Writes the remaining rows and the end of the file. Returns the output.
    ///
    /// # Errors
    /// Those of the output. A file without an end is unreadable.
    pub fn finish(mut self) -> io::Result<W> {
        if self.rows > 0 {
            self.flush()?;
        }
        self.file.into_inner().map_err(of_output)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.rows = 0;
        self.write_group().map_err(of_output)
    }

    fn write_group(&mut self) -> Result<()> {
        let mut group = self.file.next_row_group()?;
        for (batch, text) in self.texts.iter_mut().zip(&TEXTS) {
            let (values, levels) = batch.take();
            let levels = text.is_optional.then_some(&*levels);
            write::<ByteArrayType>(&mut group, &values, levels)?;
        }
        for column in &mut self.flags {
            write::<BoolType>(&mut group, column, None)?;
            column.clear();
        }
        write::<Int64Type>(&mut group, &self.newest, Some(&self.has_newest))?;
        self.newest.clear();
        self.has_newest.clear();
        for column in &mut self.numbers {
            write::<Int64Type>(&mut group, column, None)?;
            column.clear();
        }
        group.close()?;
        Ok(())
    }
}

impl TextBatch {
    fn add(&mut self, value: Option<&[u8]>) {
        self.levels.push(value.is_some().into());
        if let Some(value) = value {
            self.bytes.extend_from_slice(value);
            self.ends.push(self.bytes.len());
        }
    }

    /// Takes the values, which share an allocation.
    fn take(&mut self) -> (Vec<ByteArray>, Vec<i16>) {
        let Self { bytes, ends, levels } = std::mem::take(self);
        let bytes = ByteArray::from(bytes);
        let mut at = 0;
        let value = |end| {
            let start = std::mem::replace(&mut at, end);
            bytes.slice(start, end - start)
        };
        (ends.into_iter().map(value).collect(), levels)
    }
}

fn write<T: DataType>(
    group: &mut SerializedRowGroupWriter<'_, impl Write + Send>,
    values: &[T::T],
    levels: Option<&[i16]>,
) -> Result<()> {
    let ended = || ParquetError::General("the file has too few columns".to_owned());
    let mut column = group.next_column()?.ok_or_else(ended)?;
    let typed: &mut ColumnWriterImpl<'_, T> = column.typed::<T>();
    typed.write_batch(values, levels, None)?;
    column.close()
}

fn properties(about: &About, compression: Compression) -> WriterProperties {
    let mut properties = WriterProperties::builder()
        .set_created_by(format!("efs-scan {}", env!("CARGO_PKG_VERSION")))
        .set_compression(compression)
        .set_statistics_enabled(EnabledStatistics::Page)
        .set_data_page_row_count_limit(PAGE_ROWS)
        .set_write_batch_size(1024)
        .set_max_row_group_row_count(None)
        .set_key_value_metadata(Some(about.to_metadata()));
    for text in TEXTS.iter().filter(|text| text.encoding.is_some()) {
        let column = ColumnPath::from(text.name);
        properties = properties
            .set_column_dictionary_enabled(column.clone(), false)
            .set_column_encoding(column, text.encoding.unwrap_or(Encoding::PLAIN));
    }
    for name in NUMBERS.iter().map(|number| number.name).chain([NEWEST]) {
        let column = ColumnPath::from(name);
        properties = properties
            .set_column_dictionary_enabled(column.clone(), false)
            .set_column_encoding(column, Encoding::DELTA_BINARY_PACKED);
    }
    properties.build()
}

/// Level of zstd. Higher levels take longer and save little.
const LEVEL: i32 = 3;

/// Returns the output's own error, if the error wraps one.
fn of_output(error: ParquetError) -> io::Error {
    match error {
        ParquetError::External(error) => match error.downcast::<io::Error>() {
            Ok(error) => *error,
            Err(error) => io::Error::other(error),
        },
        error => io::Error::other(error),
    }
}
