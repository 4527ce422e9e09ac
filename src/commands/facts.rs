//! Reads owners and coverage of the homes whose directories are compared.

use crate::changes::{Facts, FactsOfHomes};
use crate::log;
use crate::published::{DirsTable, Latest};
use crate::report::{Coverage, FileSystemKey, HomeKind, HomeReport, Report};
use crate::store::Store;

/// A home in the table of homes of a run.
pub(super) struct HomeOf {
    /// True for what is outside homes, and the path as in the table of directories.
    pub(super) key: (bool, Vec<u8>),
    pub(super) uid: Option<u32>,
    pub(super) owner: Option<String>,
    pub(super) coverage: Coverage,
}

/// The homes of a run, and true if some of them may be missing. Without its table of homes, owners have no
/// names.
pub(super) fn homes_of(
    store: &dyn Store,
    of: &FileSystemKey,
    table: &DirsTable,
) -> (Vec<HomeOf>, bool) {
    let mut all = Vec::new();
    let read = table.homes(of).into_iter().flatten().find_map(|homes| {
        let object = store.get(&homes.key).transpose()?;
        Some(object.and_then(|object| {
            homes.rows(store, object.bytes, |row| {
                all.push(HomeOf {
                    key: key(row.outside, row.home.into_owned()),
                    uid: row.uid,
                    owner: Some(row.owner.into_owned()).filter(|owner| !owner.is_empty()),
                    coverage: row.coverage,
                });
            })
        }))
    });
    let error = read.and_then(Result::err);
    if let Some(error) = &error {
        log::warn!("no names of owners: {}", error.text);
    }
    (all, error.is_some())
}

/// The key of a home, as in the table of directories.
fn key(outside: bool, name: Vec<u8>) -> (bool, Vec<u8>) {
    (outside, if outside || name == b"." { Vec::new() } else { name })
}

/// The facts of these homes.
pub(super) fn facts(homes: Vec<HomeOf>) -> FactsOfHomes {
    let facts = |home: HomeOf| (home.key, Facts { owner: home.owner, coverage: home.coverage });
    homes.into_iter().map(facts).collect()
}

/// The facts of a report's homes.
pub(super) fn of_report(report: &Report) -> FactsOfHomes {
    let facts = |home: HomeReport| {
        let key = key(home.kind == HomeKind::Outside, home.name_bytes());
        (key, Facts { owner: home.owner.name, coverage: home.coverage })
    };
    report.homes.iter().map(facts).collect()
}

/// The facts of the homes of a newest run.
pub(super) fn of_latest(latest: &Latest) -> FactsOfHomes {
    let homes = latest.homes.iter().map(|home| {
        let key = key(home.kind == HomeKind::Outside, home.name_bytes());
        (key, Facts { owner: home.owner.name.clone(), coverage: home.coverage })
    });
    homes.collect()
}
