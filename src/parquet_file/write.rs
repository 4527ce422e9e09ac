//! Writes a table.

use std::io::{self, Write};
use std::sync::{Arc, Mutex};

use parquet::basic::{Compression, ZstdLevel};
use parquet::column::writer::ColumnWriterImpl;
use parquet::data_type::{BoolType, ByteArray, ByteArrayType, DataType, DoubleType, Int64Type};
use parquet::errors::{ParquetError, Result};
use parquet::file::metadata::KeyValue;
use parquet::file::properties::{EnabledStatistics, WriterProperties};
use parquet::file::writer::{SerializedFileWriter, SerializedRowGroupWriter};
use parquet::schema::types::ColumnPath;

use super::column::{Column, Columns, Get, schema};
use crate::sync::lock;

/// Number of rows in a row group. A writer holds one group, about 5 MB.
pub(crate) const GROUP_ROWS: usize = 8 * 1024;

/// A row group has no more bytes of text, unless a single row has. Strangers choose names, which may
/// be a thousand times as long as usual.
const GROUP_TEXT: usize = 16 << 20;

/// Number of rows in a page, the smallest unit that a reader can skip.
const PAGE_ROWS: usize = 8 * 1024;

/// Bytes of text that are added to a page at once. The library looks at a page's size in between.
const TEXT_AT_ONCE: usize = 1 << 20;

/// Bytes of the file that are held before they are passed on.
const PIECE: usize = 64 << 10;

/// Level of zstd. Higher levels take longer and save little.
const LEVEL: i32 = 3;

/// First and last second, in milliseconds, that other programs can show as a date: the years 1 and
/// 9999. An mtime may be any number.
const DATES: (i64, i64) = (-62_135_596_800_000, 253_402_300_799_000);

/// Writes rows of the type `R`.
pub(crate) struct TableWriter<R, W: Write + Send> {
    file: SerializedFileWriter<W>,
    columns: Vec<(Column<R>, Batch)>,
    rows: usize,
    text: usize,
}

/// Values of a column for one row group.
enum Batch {
    Text(TextValues),
    /// The texts, and their bytes where they are not UTF-8.
    Name(TextValues, TextValues),
    Flag(Values<bool>),
    Number(Values<i64>),
    Real(Values<f64>),
}

struct Values<T> {
    values: Vec<T>,
    /// For each row, 1 if it has a value.
    levels: Vec<i16>,
}

#[derive(Default)]
struct TextValues {
    bytes: Vec<u8>,
    /// End of each value in `bytes`.
    ends: Vec<usize>,
    levels: Vec<i16>,
}

/// Writes a table to any output: `rows` passes each row on.
///
/// # Errors
/// Those of `rows` and of `to`.
pub(crate) fn write_table<R>(
    table: &str,
    columns: Columns<R>,
    metadata: Vec<KeyValue>,
    to: &mut dyn Write,
    rows: impl FnOnce(&mut dyn FnMut(&R) -> io::Result<()>) -> io::Result<()>,
) -> io::Result<()> {
    let pieces = Pieces::default();
    let mut writer = TableWriter::new(pieces.clone(), table, columns, metadata)?;
    rows(&mut |row| {
        writer.push(row)?;
        pieces.pass(PIECE, to)
    })?;
    writer.finish()?;
    pieces.pass(0, to)
}

impl<R, W: Write + Send> TableWriter<R, W> {
    /// Begins a file.
    ///
    /// # Errors
    /// Those of `to`.
    pub(crate) fn new(
        to: W,
        table: &str,
        columns: Columns<R>,
        metadata: Vec<KeyValue>,
    ) -> io::Result<Self> {
        let level = ZstdLevel::try_new(LEVEL).map_err(of_output)?;
        Self::compressed(to, table, columns, metadata, Compression::ZSTD(level))
    }

    /// Begins a file with this compression.
    pub(crate) fn compressed(
        to: W,
        table: &str,
        Columns(columns): Columns<R>,
        metadata: Vec<KeyValue>,
        with: Compression,
    ) -> io::Result<Self> {
        let properties = properties(&columns, metadata, with);
        let schema = schema(table, &columns).map_err(of_output)?;
        let file = SerializedFileWriter::new(to, schema, Arc::new(properties));
        let columns = columns.into_iter().map(|column| {
            let batch = Batch::of(&column.get);
            (column, batch)
        });
        let columns = columns.collect();
        Ok(Self { file: file.map_err(of_output)?, columns, rows: 0, text: 0 })
    }

    /// Adds a row.
    ///
    /// # Errors
    /// Those of the output.
    pub(crate) fn push(&mut self, row: &R) -> io::Result<()> {
        for (column, batch) in &mut self.columns {
            self.text += match (&column.get, batch) {
                (Get::Text(get), Batch::Text(to)) => to.add(get(row).as_deref()),
                (Get::Name(get), Batch::Name(to, raw)) => match get(row).as_deref() {
                    None => to.add(None) + raw.add(None),
                    Some(name) => match std::str::from_utf8(name) {
                        Ok(_) => to.add(Some(name)) + raw.add(None),
                        Err(_) => {
                            let text = String::from_utf8_lossy(name);
                            to.add(Some(text.as_bytes())) + raw.add(Some(name))
                        }
                    },
                },
                (Get::Flag(get), Batch::Flag(to)) => to.add(get(row)),
                (Get::Number(get), Batch::Number(to)) => {
                    to.add(get(row).map(|number| i64::try_from(number).unwrap_or(i64::MAX)))
                }
                (Get::Real(get), Batch::Real(to)) => to.add(get(row)),
                (Get::Time(get), Batch::Number(to)) => {
                    to.add(get(row).map(|millis| millis.clamp(DATES.0, DATES.1)))
                }
                // `Batch::of` made it for this column.
                _ => 0,
            };
        }
        self.rows += 1;
        match self.rows == GROUP_ROWS || self.text >= GROUP_TEXT {
            true => self.flush(),
            false => Ok(()),
        }
    }

    /// Writes the remaining rows and the end of the file. Returns the output.
    ///
    /// # Errors
    /// Those of the output. A file without an end is unreadable.
    pub(crate) fn finish(mut self) -> io::Result<W> {
        if self.rows > 0 {
            self.flush()?;
        }
        self.file.into_inner().map_err(of_output)
    }

    fn flush(&mut self) -> io::Result<()> {
        (self.rows, self.text) = (0, 0);
        self.write_group().map_err(of_output)
    }

    fn write_group(&mut self) -> Result<()> {
        let mut group = self.file.next_row_group()?;
        for (column, batch) in &mut self.columns {
            let is_optional = column.is_optional;
            match batch {
                Batch::Text(texts) => texts.write(&mut group, is_optional)?,
                Batch::Name(texts, raw) => {
                    texts.write(&mut group, is_optional)?;
                    raw.write(&mut group, true)?;
                }
                Batch::Flag(flags) => flags.write::<BoolType>(&mut group, is_optional)?,
                Batch::Number(numbers) => numbers.write::<Int64Type>(&mut group, is_optional)?,
                Batch::Real(reals) => reals.write::<DoubleType>(&mut group, is_optional)?,
            }
        }
        group.close()?;
        Ok(())
    }
}

impl Batch {
    fn of<R>(get: &Get<R>) -> Self {
        match get {
            Get::Text(_) => Self::Text(TextValues::default()),
            Get::Name(_) => Self::Name(TextValues::default(), TextValues::default()),
            Get::Flag(_) => Self::Flag(Values::new()),
            Get::Number(_) | Get::Time(_) => Self::Number(Values::new()),
            Get::Real(_) => Self::Real(Values::new()),
        }
    }
}

impl<T> Values<T> {
    fn new() -> Self {
        Self { values: Vec::new(), levels: Vec::new() }
    }

    /// Adds the value of a row. Returns how many bytes of text it has.
    fn add(&mut self, value: Option<T>) -> usize {
        self.levels.push(value.is_some().into());
        self.values.extend(value);
        0
    }

    fn write<D: DataType<T = T>>(
        &mut self,
        group: &mut SerializedRowGroupWriter<'_, impl Write + Send>,
        is_optional: bool,
    ) -> Result<()> {
        let levels = is_optional.then_some(&*self.levels);
        write_column::<D>(group, |column| {
            column.write_batch(&self.values, levels, None).map(drop)
        })?;
        self.values.clear();
        self.levels.clear();
        Ok(())
    }
}

impl TextValues {
    /// Adds the value of a row. Returns its number of bytes.
    fn add(&mut self, value: Option<&[u8]>) -> usize {
        self.levels.push(value.is_some().into());
        let value = value.inspect(|value| {
            self.bytes.extend_from_slice(value);
            self.ends.push(self.bytes.len());
        });
        value.map_or(0, <[u8]>::len)
    }

    fn write(
        &mut self,
        group: &mut SerializedRowGroupWriter<'_, impl Write + Send>,
        is_optional: bool,
    ) -> Result<()> {
        let Self { bytes, ends, levels } = std::mem::take(self);
        let rows = levels.len();
        // The values share an allocation.
        let bytes = ByteArray::from(bytes);
        let (mut at, mut ends) = (0, ends.into_iter());
        let mut values = Vec::new();
        write_column::<ByteArrayType>(group, |column| {
            let (mut first, mut text) = (0, 0);
            for (row, level) in levels.iter().enumerate() {
                if let Some(end) = ends.by_ref().take(usize::from(*level == 1)).next() {
                    values.push(bytes.slice(at, end - at));
                    text += end - at;
                    at = end;
                }
                if text >= TEXT_AT_ONCE || row + 1 == rows {
                    let levels = is_optional.then_some(&levels[first..=row]);
                    column.write_batch(&values, levels, None)?;
                    values.clear();
                    (first, text) = (row + 1, 0);
                }
            }
            Ok(())
        })
    }
}

fn write_column<T: DataType>(
    group: &mut SerializedRowGroupWriter<'_, impl Write + Send>,
    write: impl FnOnce(&mut ColumnWriterImpl<'_, T>) -> Result<()>,
) -> Result<()> {
    let ended = || ParquetError::General("the file has too few columns".to_owned());
    let mut column = group.next_column()?.ok_or_else(ended)?;
    write(column.typed::<T>())?;
    column.close()
}

fn properties<R>(
    columns: &[Column<R>],
    metadata: Vec<KeyValue>,
    with: Compression,
) -> WriterProperties {
    let mut properties = WriterProperties::builder()
        .set_created_by(format!("efs-scan {}", env!("CARGO_PKG_VERSION")))
        .set_compression(with)
        .set_statistics_enabled(EnabledStatistics::Page)
        .set_data_page_row_count_limit(PAGE_ROWS)
        .set_write_batch_size(1024)
        .set_max_row_group_row_count(None)
        .set_key_value_metadata(Some(metadata));
    for column in columns {
        // The bytes of names have no encoding of their own: they are few.
        let Some(encoding) = column.encoding else { continue };
        let name = ColumnPath::from(column.name);
        properties = properties
            .set_column_dictionary_enabled(name.clone(), false)
            .set_column_encoding(name, encoding);
    }
    properties.build()
}

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

/// Bytes that were written and not passed on yet. The library wants an output that any thread may use.
#[derive(Clone, Default)]
struct Pieces(Arc<Mutex<Vec<u8>>>);

impl Pieces {
    /// Passes everything on if it is more than `least` bytes.
    fn pass(&self, least: usize, to: &mut dyn Write) -> io::Result<()> {
        let mut bytes = lock(&self.0);
        if bytes.len() > least {
            to.write_all(&bytes)?;
            bytes.clear();
        }
        Ok(())
    }
}

impl Write for Pieces {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        lock(&self.0).extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
