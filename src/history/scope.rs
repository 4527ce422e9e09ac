//! Which runs looked at the same.
//!
//! The tables of homes do not say what was scanned. The report does, within its first bytes: so
//! much of it is read and no more.

use crate::published::HomesTable;
use crate::report::Run;
use crate::service_error::ServiceResult;
use crate::store::{Extent, Store};

/// Where `run` lies in a report, with globs of `--exclude` and users to spare.
const HEAD_BYTES: usize = 16 << 10;

/// The runs that looked at what the newest one looked at, and the ids of the others. A run whose
/// report says nothing, such as one that was removed, is taken for one of the same.
pub(super) fn comparable(
    store: &dyn Store,
    tables: Vec<HomesTable>,
) -> ServiceResult<(Vec<HomesTable>, Vec<String>)> {
    let keys: Vec<String> = tables.iter().map(|table| report_key(&table.key)).collect();
    let keys: Vec<&str> = keys.iter().map(String::as_str).collect();
    let mut runs: Vec<Option<Run>> = Vec::with_capacity(tables.len());
    store.get_each(&keys, Extent::First(HEAD_BYTES), &mut |_, object| {
        // If the store has trouble, the table will be told about.
        runs.push(object.ok().flatten().and_then(|object| run_of(&object.bytes)));
        Ok(())
    })?;
    let newest = runs.iter().rev().flatten().next().cloned();
    let same = |run: &Option<Run>| match (run, &newest) {
        (Some(run), Some(newest)) => run.sees_what(newest),
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

/// `runs/dt=DAY/RUN.json` of `homes/dt=DAY/RUN.csv`.
fn report_key(table: &str) -> String {
    let path = table.strip_prefix("homes/").unwrap_or(table);
    format!("runs/{}.json", path.strip_suffix(".csv").unwrap_or(path))
}

/// The run from the beginning of a report, where it comes right behind the schema.
fn run_of(head: &[u8]) -> Option<Run> {
    const KEY: &[u8] = b"\"run\":";
    let at = head.windows(KEY.len()).position(|bytes| bytes == KEY)?;
    let mut values = serde_json::Deserializer::from_slice(&head[at + KEY.len()..]).into_iter();
    values.next()?.ok()
}
