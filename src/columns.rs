//! Tables for a terminal: columns without borders.

use std::fmt::{Result, Write};

use comfy_table::{CellAlignment, ColumnConstraint, ContentArrangement, Table, presets};

use crate::units::Usd;

/// A table without borders; the columns at `numbers` are aligned to the right.
pub(crate) fn columns(head: &[&str], numbers: &[usize]) -> Table {
    let mut table = Table::new();
    table
        .load_style(presets::NOTHING)
        .set_content_arrangement(ContentArrangement::Disabled)
        .set_header(head.iter().copied());
    for (at, column) in table.column_iter_mut().enumerate() {
        column.set_padding((0, 2));
        if numbers.contains(&at) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    table
}

/// Hides the column at `at` unless it has something to say.
pub(crate) fn show_column(table: &mut Table, at: usize, known: bool) {
    if let (false, Some(column)) = (known, table.column_mut(at)) {
        column.set_constraint(ColumnConstraint::Hidden);
    }
}

/// Appends the table, without blanks at the ends of lines.
///
/// # Errors
/// Those of `out`; a `String` has none.
pub(crate) fn push_table(out: &mut String, table: &Table) -> Result {
    table.lines().try_for_each(|row| writeln!(out, "{}", row.trim_end()))
}

/// An amount as a cell; empty where it is not known.
pub(crate) fn usd(amount: Option<Usd>) -> String {
    amount.map(Usd::amount).unwrap_or_default()
}
