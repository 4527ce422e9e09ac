//! Reads the table, row by row. A file may be anything: `claims` checks it.

use std::io;
use std::sync::Arc;

use parquet::column::reader::ColumnReaderImpl;
use parquet::data_type::{BoolType, ByteArrayType, DataType, Int64Type};
use parquet::errors::ParquetError;
use parquet::file::reader::{ChunkReader, FileReader, RowGroupReader, SerializedFileReader};
use thiserror::Error;

use super::about::About;
use super::claims::{Bounded, Checked, damaged, footer, no_panic};
use super::columns::{
    CLASS, FIRST_FLAG, FIRST_NUMBER, FLAGS, HOME, HOME_BYTES, KIND, NEWEST, NEWEST_AT, NUMBERS,
    PATH, PATH_BYTES, RULE, TEXTS,
};
use crate::usage::DirRow;
use crate::usage::{Class, HomeKind};

/// Number of rows decoded at a time.
const BATCH: usize = 1024;

/// Reason that a file cannot be read.
#[derive(Debug, Error)]
pub enum ReadProblem {
    #[error("it is no Parquet file, or a damaged one: {0}")]
    Damaged(ParquetError),
    #[error("it has schema {0}, which this version does not know")]
    Schema(String),
    #[error("it has no column `{0}` of the type that the table has")]
    Column(&'static str),
    #[error("it could not be read: {0}")]
    Io(#[from] io::Error),
}

impl From<ParquetError> for ReadProblem {
    fn from(error: ParquetError) -> Self {
        match error {
            ParquetError::External(error) => match error.downcast::<io::Error>() {
                Ok(error) => Self::Io(*error),
                Err(error) => Self::Damaged(ParquetError::External(error)),
            },
            error => Self::Damaged(error),
        }
    }
}

/// Reads the rows of a file, in the order of the table.
///
/// It holds a few thousand rows at a time. It reads its input at many positions, so an object of a
/// store has to be fetched to a file first.
pub struct DirsReader {
    file: Box<dyn FileReader>,
    about: About,
    rows: u64,
    next_group: usize,
    group: Option<Group>,
    row: DirRow,
}

/// The columns of the current row group, and the last decoded batch.
struct Group {
    texts: Vec<Column<ByteArrayType>>,
    flags: Vec<Column<BoolType>>,
    newest: Column<Int64Type>,
    numbers: Vec<Column<Int64Type>>,
    left: usize,
    /// Position in the batch, and the batch's length.
    at: usize,
    length: usize,
}

struct Column<T: DataType> {
    reader: ColumnReaderImpl<T>,
    is_optional: bool,
    values: Vec<T::T>,
    levels: Vec<i16>,
    /// Number of values before that of the next row.
    taken: usize,
}

impl DirsReader {
    /// Opens a file, such as a [`std::fs::File`].
    ///
    /// # Errors
    /// It is not such a table, or cannot be read.
    pub fn open(file: impl ChunkReader + 'static) -> Result<Self, ReadProblem> {
        no_panic(|| Self::open_checked(file))
    }

    fn open_checked(file: impl ChunkReader + 'static) -> Result<Self, ReadProblem> {
        let length = file.len();
        let file = SerializedFileReader::new(Bounded(file))?;
        let head = file.metadata().file_metadata();
        let pairs = head.key_value_metadata().map_or(&[][..], Vec::as_slice);
        let about = About::of_metadata(pairs).map_err(ReadProblem::Schema)?;
        let schema = Arc::clone(&head.schema_descr_ptr());
        let names = TEXTS.iter().map(|text| text.name);
        let names = names.chain(FLAGS.iter().map(|flag| flag.name)).chain([NEWEST]);
        let names = names.chain(NUMBERS.iter().map(|number| number.name));
        let ours = super::columns::schema()?;
        // Later versions of the schema add columns after these.
        for (at, name) in names.enumerate() {
            let want = &ours.get_fields()[at];
            let has = schema.columns().get(at).map(|column| column.self_type());
            let is_same = has.is_some_and(|has| {
                has.is_primitive()
                    && has.name() == name
                    && has.get_physical_type() == want.get_physical_type()
                    && has.get_basic_info().repetition() == want.get_basic_info().repetition()
            });
            if !is_same {
                return Err(ReadProblem::Column(name));
            }
        }
        let rows = footer(file.metadata(), length)?;
        let row = DirRow::default();
        Ok(Self { file: Box::new(file), about, rows, next_group: 0, group: None, row })
    }

    /// Returns the facts about the run.
    pub fn about(&self) -> &About {
        &self.about
    }

    /// Returns the number of rows in the file.
    pub fn rows(&self) -> u64 {
        self.rows
    }

    /// Returns the next row, in the order of [`DirRow::cmp_place`], or `None` after the last.
    ///
    /// # Errors
    /// The file is damaged or cannot be read.
    pub fn next_row(&mut self) -> Result<Option<&DirRow>, ReadProblem> {
        loop {
            if self.group.as_ref().is_some_and(|group| group.left > 0) {
                break;
            }
            if self.next_group == self.file.num_row_groups() {
                return Ok(None);
            }
            self.group =
                Some(no_panic(|| Group::open(&*self.file.get_row_group(self.next_group)?))?);
            self.next_group += 1;
        }
        let Some(group) = &mut self.group else { return Ok(None) };
        if let Err(problem) = group.next(&mut self.row) {
            // The library may have stopped half-way.
            self.group = None;
            return Err(problem);
        }
        Ok(Some(&self.row))
    }
}

impl Group {
    fn open(group: &dyn RowGroupReader) -> Result<Self, ReadProblem> {
        let number = |at: usize| Column::open(group, FIRST_NUMBER + at, false);
        Ok(Self {
            texts: (TEXTS.iter().enumerate())
                .map(|(at, text)| Column::open(group, at, text.is_optional))
                .collect::<Result<_, _>>()?,
            flags: (0..FLAGS.len())
                .map(|at| Column::open(group, FIRST_FLAG + at, false))
                .collect::<Result<_, _>>()?,
            newest: Column::open(group, NEWEST_AT, true)?,
            numbers: (0..NUMBERS.len()).map(number).collect::<Result<_, _>>()?,
            left: usize::try_from(group.metadata().num_rows()).unwrap_or(0),
            at: 0,
            length: 0,
        })
    }

    fn next(&mut self, row: &mut DirRow) -> Result<(), ReadProblem> {
        if self.at == self.length {
            no_panic(|| self.fill())?;
        }
        self.decode(row);
        self.at += 1;
        self.left -= 1;
        Ok(())
    }

    /// Decodes the next batch.
    fn fill(&mut self) -> Result<(), ReadProblem> {
        self.length = self.left.min(BATCH);
        self.at = 0;
        self.texts.iter_mut().try_for_each(|column| column.fill(self.length))?;
        self.flags.iter_mut().try_for_each(|column| column.fill(self.length))?;
        self.newest.fill(self.length)?;
        self.numbers.iter_mut().try_for_each(|column| column.fill(self.length))
    }

    fn decode(&mut self, row: &mut DirRow) {
        let at = self.at;
        let [kind, home, home_bytes, path, path_bytes, class, rule] =
            [KIND, HOME, HOME_BYTES, PATH, PATH_BYTES, CLASS, RULE]
                .map(|column| self.texts[column].advance(at));
        let text = |column: usize, index: Option<usize>| {
            index.map_or(&[][..], |index| self.texts[column].values[index].data())
        };
        row.kind = match text(KIND, kind) {
            b"uid" => HomeKind::Uid,
            b"outside" => HomeKind::Outside,
            _ => HomeKind::Named,
        };
        let home = home_bytes.map_or_else(|| text(HOME, home), |at| text(HOME_BYTES, Some(at)));
        row.home.clear();
        if row.kind != HomeKind::Outside && home != b"." {
            row.home.extend_from_slice(home);
        }
        let path = path_bytes.map_or_else(|| text(PATH, path), |at| text(PATH_BYTES, Some(at)));
        row.path.clear();
        row.path.extend_from_slice(path);
        let class = text(CLASS, class);
        // An unknown class of a later version becomes `rest`, as in a report.
        let known = Class::ALL.into_iter().find(|known| known.name().as_bytes() == class);
        row.class = known.unwrap_or(Class::Rest);
        row.rule.clear();
        row.rule.push_str(&String::from_utf8_lossy(text(RULE, rule)));
        for (column, flag) in self.flags.iter().zip(&FLAGS) {
            (flag.set)(row, column.values[at]);
        }
        row.newest = self.newest.advance(at).map(|at| self.newest.values[at].div_euclid(1000));
        for (column, number) in self.numbers.iter().zip(&NUMBERS) {
            (number.set)(row, u64::try_from(column.values[at]).unwrap_or(0));
        }
    }
}

impl<T: DataType> Column<T> {
    fn open(group: &dyn RowGroupReader, at: usize, optional: bool) -> Result<Self, ReadProblem> {
        let column = group.metadata().column(at);
        let pages = group.get_column_page_reader(at)?;
        let of = column.column_type();
        let pages = Box::new(Checked { pages, of, is_optional: optional });
        let reader = ColumnReaderImpl::new(column.column_descr_ptr(), pages);
        let (values, levels) = (Vec::with_capacity(BATCH), Vec::with_capacity(BATCH));
        Ok(Self { reader, is_optional: optional, values, levels, taken: 0 })
    }

    /// Decodes the next `count` rows.
    fn fill(&mut self, count: usize) -> Result<(), ReadProblem> {
        self.values.clear();
        self.levels.clear();
        self.taken = 0;
        let mut read = 0;
        while read < count {
            let levels = self.is_optional.then_some(&mut self.levels);
            let more = self.reader.read_records(count - read, levels, None, &mut self.values)?.0;
            if more == 0 {
                return Err(damaged("a column has too few rows").into());
            }
            read += more;
        }
        let values = match self.is_optional {
            true => self.levels.iter().filter(|level| **level != 0).count(),
            false => count,
        };
        match self.values.len() == values && (!self.is_optional || self.levels.len() == count) {
            true => Ok(()),
            false => Err(damaged("a column has too few values").into()),
        }
    }

    /// Returns the index of the value of the next row, `at`, if it has a value.
    fn advance(&mut self, at: usize) -> Option<usize> {
        if self.is_optional && self.levels[at] == 0 {
            return None;
        }
        self.taken += 1;
        Some(self.taken - 1)
    }
}

impl std::fmt::Debug for DirsReader {
    fn fmt(&self, to: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        to.debug_struct("DirsReader").field("about", &self.about).finish_non_exhaustive()
    }
}

impl<T: DataType> std::fmt::Debug for Column<T> {
    fn fmt(&self, to: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        to.debug_struct("Column").finish_non_exhaustive()
    }
}
