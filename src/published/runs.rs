//! Finds the runs that scanned the same.
//!
//! The tables of homes do not say what was scanned. The report does, within its first bytes, so
//! only these are read.

use super::homes_table::HomesTable;
use crate::report::Run;
use crate::service_error::ServiceResult;
use crate::store::{ReadSize, Store};

/// Bytes of a report that hold `run`, with room for `--exclude` globs and users.
const HEAD_BYTES: usize = 16 << 10;

/// Splits the tables into those whose runs scanned what the newest one did, and the ids of the
/// other runs. A run whose report cannot be read, such as a removed one, counts as the same.
///
/// # Errors
/// If the store gives out nothing at all.
pub(crate) fn comparable(
    store: &dyn Store,
    tables: Vec<HomesTable>,
) -> ServiceResult<(Vec<HomesTable>, Vec<String>)> {
    let keys: Vec<String> = tables.iter().map(HomesTable::report_key).collect();
    let keys: Vec<&str> = keys.iter().map(String::as_str).collect();
    let mut runs: Vec<Option<Run>> = Vec::with_capacity(tables.len());
    store.get_each(&keys, ReadSize::First(HEAD_BYTES), &mut |_, object| {
        // If the store is at fault, reading the table reports it.
        runs.push(object.ok().flatten().and_then(|object| run_in(&object.bytes)));
        Ok(())
    })?;
    let newest = runs.iter().rev().flatten().next().cloned();
    let same = |run: &Option<Run>| match (run, &newest) {
        (Some(run), Some(newest)) => run.has_same_scope(newest),
        _ => true,
    };
    let (mut kept, mut others) = (Vec::new(), Vec::new());
    for (table, run) in tables.into_iter().zip(&runs) {
        match same(run) {
            true => kept.push(table),
            false => others.push(table.run),
        }
    }
    Ok((kept, others))
}

/// True if the run of the table scanned what `run` does, or if its report cannot be read, such as a
/// removed one.
///
/// # Errors
/// If the store gives out nothing at all.
pub(super) fn is_same_scope(
    store: &dyn Store,
    table: &HomesTable,
    run: &Run,
) -> ServiceResult<bool> {
    let head = store.head(&table.report_key(), HEAD_BYTES)?;
    let there = head.and_then(|object| run_in(&object.bytes));
    Ok(there.is_none_or(|there| there.has_same_scope(run)))
}

/// Reads the run from the beginning of a report, where it follows the schema.
fn run_in(head: &[u8]) -> Option<Run> {
    const KEY: &[u8] = b"\"run\":";
    let at = head.windows(KEY.len()).position(|bytes| bytes == KEY)?;
    let mut values = serde_json::Deserializer::from_slice(&head[at + KEY.len()..]).into_iter();
    values.next()?.ok()
}
