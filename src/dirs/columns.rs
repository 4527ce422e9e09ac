//! The columns: their names, types and encodings, and the figure of a row that each holds.
//!
//! Names are those of the table of homes. Sizes are in bytes. No type is unsigned, because Athena
//! has no unsigned types; a figure beyond 63 bits, which only a hostile file system claims, becomes
//! the largest one.

use std::sync::Arc;

use parquet::basic::{Encoding, LogicalType, Repetition, TimeUnit, Type as Physical};
use parquet::errors::Result;
use parquet::schema::types::{Type, TypePtr};

use crate::usage::DirRow;

/// A column of numbers.
pub(super) struct Number {
    pub(super) name: &'static str,
    pub(super) get: fn(&DirRow) -> u64,
    pub(super) set: fn(&mut DirRow, u64),
}

/// A column of texts.
pub(super) struct Text {
    pub(super) name: &'static str,
    pub(super) is_optional: bool,
    pub(super) is_utf8: bool,
    /// `None` for a dictionary.
    pub(super) encoding: Option<Encoding>,
}

/// A column of booleans.
pub(super) struct Flag {
    pub(super) name: &'static str,
    pub(super) get: fn(&DirRow) -> bool,
    pub(super) set: fn(&mut DirRow, bool),
}

const fn text(name: &'static str) -> Text {
    Text { name, is_optional: false, is_utf8: true, encoding: None }
}

/// Declares the column with the bytes of the previous column, if these are not UTF-8.
const fn raw(name: &'static str) -> Text {
    Text { name, is_optional: true, is_utf8: false, encoding: None }
}

/// Positions in [`TEXTS`].
pub(super) const KIND: usize = 0;
pub(super) const HOME: usize = 1;
pub(super) const HOME_BYTES: usize = 2;
pub(super) const PATH: usize = 3;
pub(super) const PATH_BYTES: usize = 4;
pub(super) const CLASS: usize = 5;
pub(super) const RULE: usize = 6;

/// The first columns of the file.
pub(super) const TEXTS: [Text; 7] = [
    text("kind"),
    text("home"),
    raw("home_bytes"),
    Text { encoding: Some(Encoding::DELTA_BYTE_ARRAY), ..text("path") },
    raw("path_bytes"),
    text("class"),
    Text { is_optional: true, ..text("rule") },
];

/// The columns after [`TEXTS`].
pub(super) const FLAGS: [Flag; 2] = [
    Flag { name: "is_file", get: |row| row.is_file, set: |row, to| row.is_file = to },
    Flag { name: "is_finding", get: |row| row.is_finding, set: |row, to| row.is_finding = to },
];

/// The column after [`FLAGS`]: optional, in milliseconds since 1970.
pub(super) const NEWEST: &str = "newest_mtime";

macro_rules! number {
    ($name:literal, $($place:tt)+) => {
        Number { name: $name, get: |row| row.$($place)+, set: |row, to| row.$($place)+ = to }
    };
}

/// The last columns. Those about the whole subtree come first, because most queries use them.
pub(super) const NUMBERS: [Number; 25] = [
    // The reader computes it from the path.
    Number { name: "depth", get: DirRow::depth, set: |_, _| {} },
    Number {
        name: "uid",
        get: |row| row.uid.into(),
        set: |row, to| row.uid = u32::try_from(to).unwrap_or(u32::MAX),
    },
    number!("files", subtree.files),
    number!("dirs", subtree.dirs),
    number!("apparent_bytes", subtree.apparent.0),
    number!("allocated_bytes", subtree.allocated.0),
    number!("metered_bytes", subtree.metered.0),
    number!("own_files", own.files),
    number!("own_apparent_bytes", own.apparent.0),
    number!("own_allocated_bytes", own.allocated.0),
    number!("own_metered_bytes", own.metered.0),
    number!("rest_files", rest.files),
    number!("rest_dirs", rest.dirs),
    number!("rest_apparent_bytes", rest.apparent.0),
    number!("rest_allocated_bytes", rest.allocated.0),
    number!("rest_metered_bytes", rest.metered.0),
    number!("linked_inodes", linked.inodes),
    number!("linked_metered_bytes", linked.metered.0),
    number!("days_7_metered_bytes", ages[0].0),
    number!("days_30_metered_bytes", ages[1].0),
    number!("days_90_metered_bytes", ages[2].0),
    number!("year_1_metered_bytes", ages[3].0),
    number!("older_metered_bytes", ages[4].0),
    number!("future_metered_bytes", future.0),
    // 1 for a directory, 0 for a file.
    number!("own_dirs", own.dirs),
];

/// Index in the file of the first column after the texts.
pub(super) const FIRST_FLAG: usize = TEXTS.len();
pub(super) const NEWEST_AT: usize = FIRST_FLAG + FLAGS.len();
pub(super) const FIRST_NUMBER: usize = NEWEST_AT + 1;

/// Returns the schema of the file.
///
/// # Errors
/// Those of the library. This schema is valid, so there are none.
pub(super) fn schema() -> Result<TypePtr> {
    let column = |name: &str, of: Physical, is_optional: bool, meaning: Option<LogicalType>| {
        let repetition = if is_optional { Repetition::OPTIONAL } else { Repetition::REQUIRED };
        let column = Type::primitive_type_builder(name, of).with_repetition(repetition);
        Ok(Arc::new(column.with_logical_type(meaning).build()?))
    };
    let texts = TEXTS.iter().map(|text| {
        let meaning = text.is_utf8.then_some(LogicalType::String);
        column(text.name, Physical::BYTE_ARRAY, text.is_optional, meaning)
    });
    let flags = FLAGS.iter().map(|flag| column(flag.name, Physical::BOOLEAN, false, None));
    let time = LogicalType::timestamp(true, TimeUnit::MILLIS);
    let newest = std::iter::once_with(|| column(NEWEST, Physical::INT64, true, Some(time)));
    let numbers = NUMBERS.iter().map(|number| column(number.name, Physical::INT64, false, None));
    let columns = texts.chain(flags).chain(newest).chain(numbers).collect::<Result<_>>()?;
    Ok(Arc::new(Type::group_type_builder("dirs").with_fields(columns).build()?))
}
