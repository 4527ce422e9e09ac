//! The columns: their names and types, and the figure of a row that each holds.
//!
//! Names are those of the table of homes. Sizes are in bytes.

use crate::parquet_file::{Columns, Kind, Need, Wanted};
use crate::report::OUTSIDE_HOMES;
use crate::usage::{DirRow, HomeKind};

/// A column of numbers.
struct Number {
    name: &'static str,
    get: fn(&DirRow) -> Option<u64>,
    set: fn(&mut DirRow, u64),
}

/// Name of the table.
pub(super) const TABLE: &str = "dirs";

/// Returns the columns, in order.
pub(super) fn columns() -> Columns<DirRow> {
    let first = Columns::<DirRow>::new()
        .text("kind", |row| Some(row.kind.name().as_bytes().into()))
        .name("home", |row| Some(home_name(row).into()))
        .name("path", |row| Some((&row.path).into()))
        .sorted()
        .text("class", |row| Some(row.class.name().as_bytes().into()))
        .text("rule", |row| {
            Some(&row.rule).filter(|rule| !rule.is_empty()).map(|rule| rule.as_bytes().into())
        })
        .optional()
        .flag("is_file", |row| Some(row.is_file))
        .flag("is_finding", |row| Some(row.is_finding))
        .time("newest_mtime", |row| row.newest.map(|seconds| seconds.saturating_mul(1000)))
        .optional();
    NUMBERS.iter().fold(first, |columns, column| columns.number(column.name, column.get))
}

/// The name of the home as in the report.
fn home_name(row: &DirRow) -> &[u8] {
    match (row.kind, &*row.home) {
        (HomeKind::Outside, _) => OUTSIDE_HOMES.as_bytes(),
        (_, b"") => b".",
        (_, home) => home,
    }
}

/// Indexes of the columns that a reader wants.
pub(super) const KIND: usize = 0;
pub(super) const HOME: usize = 1;
pub(super) const HOME_BYTES: usize = 2;
pub(super) const PATH: usize = 3;
pub(super) const PATH_BYTES: usize = 4;
pub(super) const CLASS: usize = 5;
pub(super) const RULE: usize = 6;
pub(super) const IS_FILE: usize = 7;
pub(super) const IS_FINDING: usize = 8;
pub(super) const NEWEST: usize = 9;
const FIRST_NUMBER: usize = 10;

/// Returns the columns that a reader wants: all of this version. A later one may add some.
pub(super) fn wanted() -> impl Iterator<Item = Wanted> {
    let column = |name, of, need| Wanted { name, of, need };
    let first = [
        column("kind", Kind::Text, Need::Each),
        column("home", Kind::Text, Need::Each),
        column("home_bytes", Kind::Text, Need::Column),
        column("path", Kind::SortedText, Need::Each),
        column("path_bytes", Kind::Text, Need::Column),
        column("class", Kind::Text, Need::Each),
        column("rule", Kind::Text, Need::Column),
        column("is_file", Kind::Flag, Need::Each),
        column("is_finding", Kind::Flag, Need::Each),
        column("newest_mtime", Kind::Number, Need::Column),
    ];
    let numbers = NUMBERS.iter().map(move |number| column(number.name, Kind::Number, Need::Each));
    first.into_iter().chain(numbers)
}

/// Sets the numbers of a row to those that `get` returns for the indexes of their columns.
pub(super) fn set_numbers(row: &mut DirRow, get: impl Fn(usize) -> Option<i64>) {
    for (at, number) in NUMBERS.iter().enumerate() {
        let value = get(FIRST_NUMBER + at).and_then(|value| u64::try_from(value).ok());
        (number.set)(row, value.unwrap_or(0));
    }
}

macro_rules! number {
    ($name:literal, $($place:tt)+) => {
        Number { name: $name, get: |row| Some(row.$($place)+), set: |row, to| row.$($place)+ = to }
    };
}

/// The last columns. Those about the whole subtree come first, because most queries use them.
const NUMBERS: [Number; 25] = [
    // The reader computes it from the path.
    Number { name: "depth", get: |row| Some(row.depth()), set: |_, _| {} },
    Number {
        name: "uid",
        get: |row| Some(row.uid.into()),
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
