//! Tables for a terminal: columns without borders.

use std::fmt::{Result, Write};

use comfy_table::{CellAlignment, ColumnConstraint, ContentArrangement, Table, presets};

use crate::units::Usd;

/// Makes a table without borders, with the columns at `numbers` aligned to the right.
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

/// Hides the column at `at` if `known` is false.
pub(crate) fn show_column(table: &mut Table, at: usize, known: bool) {
    if let (false, Some(column)) = (known, table.column_mut(at)) {
        column.set_constraint(ColumnConstraint::Hidden);
    }
}

/// Appends the table without trailing blanks.
///
/// # Errors
/// Those of `out`.
pub(crate) fn push_table(out: &mut dyn Write, table: &Table) -> Result {
    table.lines().try_for_each(|row| writeln!(out, "{}", row.trim_end()))
}

/// Rows laid out at a time: a row takes 10 KiB during layout.
const AT_ONCE: usize = 100;

/// Appends a table of any number of rows. `table` makes the table without rows. The rows are made
/// twice: once to measure the columns, once to write them.
///
/// # Errors
/// Those of `out`.
pub(crate) fn push_long_table(
    out: &mut dyn Write,
    table: impl Fn() -> Table,
    rows: impl Iterator<Item = Vec<String>> + Clone,
) -> Result {
    let next = |rows: &mut dyn Iterator<Item = Vec<String>>| {
        let rows: Vec<Vec<String>> = rows.take(AT_ONCE).collect();
        (!rows.is_empty()).then_some(rows)
    };
    let mut widths = Vec::new();
    let mut measured = rows.clone();
    while let Some(rows) = next(&mut measured) {
        let mut table = table();
        table.add_rows(rows);
        let of_part = table.column_max_content_widths();
        widths.resize(of_part.len(), 0);
        widths.iter_mut().zip(of_part).for_each(|(all, part)| *all = part.max(*all));
    }
    // A ruler row with the widths of the widest cells gives all parts the same columns. It is not
    // written.
    let ruler: Vec<String> = widths.into_iter().map(|width| "-".repeat(width.into())).collect();
    let (mut rows, mut head) = (rows, 0);
    while let Some(part) = next(&mut rows) {
        let mut table = table();
        table.add_rows(part).add_row(&ruler);
        let lines: Vec<String> = table.lines().collect();
        let shown = &lines[head..lines.len() - 1];
        shown.iter().try_for_each(|line| writeln!(out, "{}", line.trim_end()))?;
        head = 1;
    }
    Ok(())
}

/// Formats an amount as a cell; empty if it is not known.
pub(crate) fn usd(amount: Option<Usd>) -> String {
    amount.map(Usd::amount).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_in_parts_looks_like_a_whole_one() {
        let empty = || {
            let mut table = columns(&["NAME", "SIZE", "USD", "LINES"], &[1]);
            show_column(&mut table, 2, false);
            table
        };
        let row = |at: usize| {
            let name = if at.is_multiple_of(700) {
                "\u{76ee}\u{5f55} of many".repeat(at / 700)
            } else {
                format!("n{at}")
            };
            vec![name, (at * at).to_string(), "1".to_owned(), "a\nbc".repeat(at % 2)]
        };
        for count in [0, 1, AT_ONCE, AT_ONCE + 1, 3 * AT_ONCE + 7] {
            let (mut whole, mut parts) = (String::new(), String::new());
            let mut table = empty();
            table.add_rows((0..count).map(row));
            push_table(&mut whole, &table).expect("a string takes all");
            push_long_table(&mut parts, empty, (0..count).map(row)).expect("a string takes all");
            let head = if count == 0 { &whole } else { "" };
            assert_eq!(format!("{head}{parts}"), whole, "{count}");
        }
    }
}
