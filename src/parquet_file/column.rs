//! The columns of a table.
//!
//! No type is unsigned, because Athena has no unsigned types; a figure beyond 63 bits, which only a
//! hostile file system claims, becomes the largest one.

use std::borrow::Cow;
use std::sync::Arc;

use parquet::basic::{Encoding, LogicalType, Repetition, TimeUnit, Type as Physical};
use parquet::errors::Result;
use parquet::schema::types::{Type, TypePtr};

/// A column of a table with rows of the type `R`, or two for a name.
pub(super) struct Column<R> {
    pub(super) name: &'static str,
    pub(super) get: Get<R>,
    pub(super) is_optional: bool,
    /// `None` for a dictionary.
    pub(super) encoding: Option<Encoding>,
}

/// Gets the value of a row. One that is not optional has a value in each row.
pub(super) enum Get<R> {
    Text(GetText<R>),
    Name(GetText<R>),
    Flag(fn(&R) -> Option<bool>),
    Number(fn(&R) -> Option<u64>),
    Real(fn(&R) -> Option<f64>),
    Time(fn(&R) -> Option<i64>),
}

pub(crate) type GetText<R> = for<'r> fn(&'r R) -> Option<Cow<'r, [u8]>>;

/// The columns of a table, in order. Each method adds a column or changes the last one.
pub(crate) struct Columns<R>(pub(super) Vec<Column<R>>);

impl<R> Columns<R> {
    pub(crate) fn new() -> Self {
        Self(Vec::new())
    }

    fn with(mut self, name: &'static str, get: Get<R>, encoding: Option<Encoding>) -> Self {
        self.0.push(Column { name, get, is_optional: false, encoding });
        self
    }

    /// A column of texts, which are UTF-8.
    pub(crate) fn text(self, name: &'static str, get: GetText<R>) -> Self {
        self.with(name, Get::Text(get), None)
    }

    /// A column of names that need not be UTF-8. Where one is not, the column has replacement
    /// characters for the wrong bytes, and a second column, `NAME_bytes`, has the bytes.
    pub(crate) fn name(self, name: &'static str, get: GetText<R>) -> Self {
        self.with(name, Get::Name(get), None)
    }

    /// A column of booleans.
    pub(crate) fn flag(self, name: &'static str, get: fn(&R) -> Option<bool>) -> Self {
        self.with(name, Get::Flag(get), None)
    }

    /// A column of integers.
    pub(crate) fn number(self, name: &'static str, get: fn(&R) -> Option<u64>) -> Self {
        self.with(name, Get::Number(get), Some(Encoding::DELTA_BINARY_PACKED))
    }

    /// A column of numbers with a fraction.
    pub(crate) fn real(self, name: &'static str, get: fn(&R) -> Option<f64>) -> Self {
        self.with(name, Get::Real(get), Some(Encoding::PLAIN))
    }

    /// A column of times in UTC, from milliseconds since 1970.
    pub(crate) fn time(self, name: &'static str, get: fn(&R) -> Option<i64>) -> Self {
        self.with(name, Get::Time(get), Some(Encoding::DELTA_BINARY_PACKED))
    }

    /// Some rows have no value in the last column.
    pub(crate) fn optional(self) -> Self {
        self.change(|last| last.is_optional = true)
    }

    /// The values of the last column differ, so a dictionary of them saves nothing.
    pub(crate) fn distinct(self) -> Self {
        self.change(|last| last.encoding = Some(Encoding::PLAIN))
    }

    /// The values of the last column begin as the value before them does. Only a reader that wants
    /// [`Kind::SortedText`](super::Kind) reads them.
    pub(crate) fn sorted(self) -> Self {
        self.change(|last| last.encoding = Some(Encoding::DELTA_BYTE_ARRAY))
    }

    fn change(mut self, change: impl FnOnce(&mut Column<R>)) -> Self {
        if let Some(last) = self.0.last_mut() {
            change(last);
        }
        self
    }
}

/// Name of the column with the bytes of the names in another one.
pub(super) fn bytes_name(name: &str) -> String {
    format!("{name}_bytes")
}

/// Returns the schema of a file.
///
/// # Errors
/// Those of the library. Two columns of one name are not checked.
pub(super) fn schema<R>(table: &str, columns: &[Column<R>]) -> Result<TypePtr> {
    let mut fields = Vec::new();
    let mut add = |name: &str, of: Physical, is_optional: bool, meaning: Option<LogicalType>| {
        let repetition = if is_optional { Repetition::OPTIONAL } else { Repetition::REQUIRED };
        let field = Type::primitive_type_builder(name, of).with_repetition(repetition);
        fields.push(Arc::new(field.with_logical_type(meaning).build()?));
        Ok::<_, parquet::errors::ParquetError>(())
    };
    for Column { name, get, is_optional, .. } in columns {
        let (of, meaning) = match get {
            Get::Text(_) | Get::Name(_) => (Physical::BYTE_ARRAY, Some(LogicalType::String)),
            Get::Flag(_) => (Physical::BOOLEAN, None),
            Get::Number(_) => (Physical::INT64, None),
            Get::Real(_) => (Physical::DOUBLE, None),
            Get::Time(_) => (Physical::INT64, Some(LogicalType::timestamp(true, TimeUnit::MILLIS))),
        };
        add(name, of, *is_optional, meaning)?;
        if let Get::Name(_) = get {
            add(&bytes_name(name), Physical::BYTE_ARRAY, true, None)?;
        }
    }
    Ok(Arc::new(Type::group_type_builder(table).with_fields(fields).build()?))
}
