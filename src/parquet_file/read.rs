//! Reads the columns of a table that are asked for.

use std::sync::Arc;

use parquet::basic::Type as Physical;
use parquet::column::reader::ColumnReaderImpl;
use parquet::data_type::{BoolType, ByteArrayType, DataType, DoubleType, Int64Type};
use parquet::file::reader::{ChunkReader, FileReader, RowGroupReader, SerializedFileReader};

use super::claims::{Checked, footer};
use super::guard::{self, ReadProblem, TextDeltas, caught};
use super::metadata::Facts;
use super::source::{ReadAt, Source};

/// Number of rows decoded at a time.
const BATCH: usize = 1024;

/// The same of texts that are differences to the text before: a page of a few MiB can be one text,
/// many times.
const DELTAS_AT_ONCE: usize = 16;

/// Bytes of text of a column in a batch.
const MAX_TEXT: usize = 64 << 20;

/// A column that a reader asks for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Wanted {
    pub(crate) name: &'static str,
    pub(crate) of: Kind,
    pub(crate) need: Need,
}

/// Type of the values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Bytes, which need not be UTF-8 whatever the column says.
    Text,
    /// Those of a sorted column, which may be differences to the text before.
    SortedText,
    Flag,
    /// An integer, or a time in milliseconds.
    Number,
    Real,
}

/// The parts of a column that must exist.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Need {
    /// A value in each row.
    Each,
    /// The column.
    Column,
    /// Nothing: other versions do not have it.
    Nothing,
}

/// Reads the rows of a file.
///
/// It holds a few thousand rows at a time. It reads its input at many positions, so a large object of
/// a store has to be fetched to a file first.
pub(crate) struct TableReader {
    file: Box<dyn FileReader>,
    raw: Box<dyn ReadAt>,
    /// The wanted columns, and where they are.
    columns: Vec<(Wanted, Option<usize>)>,
    rows: u64,
    next_group: usize,
    group: Vec<Column>,
    /// Rows of the group that are not decoded yet.
    left: usize,
    /// Position after the current row in the batch, and the batch's length.
    at: usize,
    length: usize,
}

/// A wanted column of the current row group.
enum Column {
    Text(Values<ByteArrayType>),
    Flag(Values<BoolType>),
    Number(Values<Int64Type>),
    Real(Values<DoubleType>),
    Absent,
}

struct Values<T: DataType> {
    reader: ColumnReaderImpl<T>,
    is_optional: bool,
    values: Vec<T::T>,
    levels: Vec<i16>,
    /// Index of each row's value, if values are optional.
    places: Vec<u32>,
}

/// The place of no value.
const NONE: u32 = u32::MAX;

impl TableReader {
    /// Opens a file.
    ///
    /// # Errors
    /// It is not such a table, or cannot be read.
    pub(crate) fn open<T: ChunkReader + 'static>(
        file: Source<T>,
        wanted: impl IntoIterator<Item = Wanted>,
    ) -> Result<Self, ReadProblem> {
        guard::check_footer(&file)?;
        let raw = Box::new(file.clone());
        let (file, rows) = caught(|| {
            let file = SerializedFileReader::new(file)?;
            let rows = footer(file.metadata(), raw.length())?;
            Ok((file, rows))
        })?;
        let head = file.metadata().file_metadata();
        let facts = head.key_value_metadata().map_or(&[][..], Vec::as_slice);
        Facts::of(facts).map_err(ReadProblem::schema)?;
        let schema = Arc::clone(&head.schema_descr_ptr());
        let find = |wanted: Wanted| {
            let at = schema.columns().iter().position(|has| has.name() == wanted.name);
            let fits = |at: usize| {
                let has = schema.column(at);
                has.physical_type() == wanted.of.physical()
                    && has.max_rep_level() == 0
                    && has.max_def_level() <= 1
            };
            match at {
                Some(at) if fits(at) => Ok((wanted, Some(at))),
                None if wanted.need == Need::Nothing => Ok((wanted, None)),
                _ => Err(ReadProblem::Column(wanted.name)),
            }
        };
        let columns = wanted.into_iter().map(find).collect::<Result<_, _>>()?;
        Ok(Self {
            rows,
            file: Box::new(file),
            raw,
            columns,
            next_group: 0,
            group: Vec::new(),
            left: 0,
            at: 0,
            length: 0,
        })
    }

    /// Returns the facts in the metadata.
    pub(crate) fn facts(&self) -> Facts<'_> {
        let facts = self.file.metadata().file_metadata().key_value_metadata();
        Facts::all(facts.map_or(&[], Vec::as_slice))
    }

    /// Returns the number of rows that the file claims to have.
    pub(crate) fn rows(&self) -> u64 {
        self.rows
    }

    #[cfg(test)]
    pub(super) fn groups(&self) -> usize {
        self.file.num_row_groups()
    }

    /// Goes to the next row. Returns false after the last one.
    ///
    /// # Errors
    /// The file is damaged or cannot be read. Then nothing more is read of it.
    pub(crate) fn advance(&mut self) -> Result<bool, ReadProblem> {
        if self.at < self.length {
            self.at += 1;
            return Ok(true);
        }
        while self.left == 0 {
            if self.next_group == self.file.num_row_groups() {
                return Ok(false);
            }
            self.open_group()?;
        }
        self.length = self.left.min(BATCH);
        let (count, group, columns) = (self.length, &mut self.group, &self.columns);
        let filled = caught(|| {
            group.iter_mut().zip(columns).try_for_each(|(column, (wanted, _))| match column {
                Column::Text(texts) => texts.fill_texts(count, wanted),
                Column::Flag(flags) => flags.fill(count, wanted),
                Column::Number(numbers) => numbers.fill(count, wanted),
                Column::Real(reals) => reals.fill(count, wanted),
                Column::Absent => Ok(()),
            })
        });
        if filled.is_err() {
            // The state that the library left is not read again.
            (self.at, self.length, self.left) = (0, 0, 0);
            self.next_group = self.file.num_row_groups();
        }
        filled?;
        self.left -= self.length;
        self.at = 1;
        Ok(true)
    }

    fn open_group(&mut self) -> Result<(), ReadProblem> {
        let (file, raw, at) = (&*self.file, &*self.raw, self.next_group);
        let columns = &self.columns;
        let (group, rows) = caught(|| {
            let group = file.get_row_group(at)?;
            let open = |(wanted, at): &(Wanted, Option<usize>)| match at {
                Some(at) => Column::open(&*group, raw, *at, wanted.of),
                None => Ok(Column::Absent),
            };
            let columns = columns.iter().map(open).collect::<Result<_, _>>()?;
            Ok((columns, usize::try_from(group.metadata().num_rows()).unwrap_or(0)))
        })?;
        self.next_group += 1;
        (self.group, self.left) = (group, rows);
        Ok(())
    }

    /// Returns the current row's text in the wanted column of this index.
    pub(crate) fn text(&self, column: usize) -> Option<&[u8]> {
        match &self.group[column] {
            Column::Text(texts) => texts.get(self.at - 1).map(|text| text.data()),
            _ => None,
        }
    }

    /// Returns the name in a column, which need not be UTF-8, with the bytes in the other column if
    /// there are any.
    pub(crate) fn name(&self, text: usize, bytes: usize) -> &[u8] {
        self.text(bytes).or_else(|| self.text(text)).unwrap_or_default()
    }

    /// Returns the current row's boolean.
    pub(crate) fn flag(&self, column: usize) -> Option<bool> {
        match &self.group[column] {
            Column::Flag(flags) => flags.get(self.at - 1).copied(),
            _ => None,
        }
    }

    /// Returns the current row's integer. No column has negative ones, apart from times.
    pub(crate) fn number(&self, column: usize) -> Option<i64> {
        match &self.group[column] {
            Column::Number(numbers) => numbers.get(self.at - 1).copied(),
            _ => None,
        }
    }

    /// Returns the current row's number with a fraction.
    pub(crate) fn real(&self, column: usize) -> Option<f64> {
        match &self.group[column] {
            Column::Real(reals) => reals.get(self.at - 1).copied(),
            _ => None,
        }
    }
}

impl Kind {
    fn physical(self) -> Physical {
        match self {
            Self::Text | Self::SortedText => Physical::BYTE_ARRAY,
            Self::Flag => Physical::BOOLEAN,
            Self::Number => Physical::INT64,
            Self::Real => Physical::DOUBLE,
        }
    }
}

impl Column {
    fn open(
        group: &dyn RowGroupReader,
        raw: &dyn ReadAt,
        at: usize,
        of: Kind,
    ) -> Result<Self, ReadProblem> {
        let deltas = match of {
            Kind::SortedText => TextDeltas::Allowed,
            _ => TextDeltas::Refused,
        };
        guard::check_pages(raw, group.metadata().column(at).byte_range(), deltas)?;
        Ok(match of {
            Kind::Text | Kind::SortedText => Self::Text(Values::open(group, at)?),
            Kind::Flag => Self::Flag(Values::open(group, at)?),
            Kind::Number => Self::Number(Values::open(group, at)?),
            Kind::Real => Self::Real(Values::open(group, at)?),
        })
    }
}

impl<T: DataType> Values<T> {
    fn open(group: &dyn RowGroupReader, at: usize) -> Result<Self, ReadProblem> {
        let column = group.metadata().column(at);
        let is_optional = column.column_descr().max_def_level() > 0;
        let pages = group.get_column_page_reader(at)?;
        let pages = Checked { pages, of: T::get_physical_type(), is_optional };
        let reader = ColumnReaderImpl::new(column.column_descr_ptr(), Box::new(pages));
        let (values, levels, places) = (Vec::new(), Vec::new(), Vec::new());
        Ok(Self { reader, is_optional, values, levels, places })
    }

    /// Decodes the next `count` rows.
    fn fill(&mut self, count: usize, wanted: &Wanted) -> Result<(), ReadProblem> {
        self.clear();
        self.read(count)?;
        self.place(count, wanted)
    }

    fn clear(&mut self) {
        self.values.clear();
        self.levels.clear();
        self.places.clear();
    }

    fn read(&mut self, count: usize) -> Result<(), ReadProblem> {
        let mut read = 0;
        while read < count {
            let levels = self.is_optional.then_some(&mut self.levels);
            let more = self.reader.read_records(count - read, levels, None, &mut self.values)?.0;
            if more == 0 {
                return Err(ReadProblem::damaged("a column has too few values"));
            }
            read += more;
        }
        Ok(())
    }

    /// Finds the value of each row.
    fn place(&mut self, count: usize, wanted: &Wanted) -> Result<(), ReadProblem> {
        if self.is_optional {
            let mut next = 0;
            self.places.extend(self.levels.iter().map(|level| match level {
                0 => NONE,
                _ => {
                    next += 1;
                    next - 1
                }
            }));
        }
        let has_all = match wanted.need {
            Need::Each => self.values.len() == count,
            _ => !self.is_optional || self.places.len() == count,
        };
        match has_all {
            true => Ok(()),
            false => Err(ReadProblem::damaged(&format!("`{}` has no value", wanted.name))),
        }
    }

    /// Returns the value of a row of the batch.
    fn get(&self, row: usize) -> Option<&T::T> {
        match self.is_optional {
            true => self.values.get(*self.places.get(row)? as usize),
            false => self.values.get(row),
        }
    }
}

impl Values<ByteArrayType> {
    /// Decodes the next `count` rows, unless their texts are longer than those of any file system.
    fn fill_texts(&mut self, count: usize, wanted: &Wanted) -> Result<(), ReadProblem> {
        self.clear();
        let step = if wanted.of == Kind::SortedText { DELTAS_AT_ONCE } else { count };
        let (mut read, mut text) = (0, 0);
        while read < count {
            let known = self.values.len();
            self.read(step.min(count - read))?;
            read += step.min(count - read);
            text += self.values[known..].iter().map(|text| text.len()).sum::<usize>();
            if text > MAX_TEXT {
                return Err(ReadProblem::damaged("endless texts"));
            }
        }
        self.place(count, wanted)
    }
}

impl std::fmt::Debug for TableReader {
    fn fmt(&self, to: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        to.debug_struct("TableReader").field("columns", &self.columns).finish_non_exhaustive()
    }
}
