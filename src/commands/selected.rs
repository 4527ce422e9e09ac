//! The homes of a published report that `--user` selects.

use std::collections::BTreeSet;

use crate::exit::Failure;
use crate::published::{SelectedBy, selected};
use crate::report::Report;

/// Returns the paths of the homes of `users`; `None` if no users are given.
pub(super) fn homes_of(
    report: &Report,
    users: &[String],
) -> Result<Option<BTreeSet<Vec<u8>>>, Failure> {
    let (asked, missing) = find_homes_of(report, users);
    if !missing.is_empty() {
        let problem = format!("no home for {} in the newest run", missing.join(", "));
        return Err(Failure::usage(problem));
    }
    Ok(asked)
}

/// Returns the same, and the users without a home.
pub(super) fn find_homes_of<'u>(
    report: &Report,
    users: &'u [String],
) -> (Option<BTreeSet<Vec<u8>>>, Vec<&'u str>) {
    if users.is_empty() {
        return (None, Vec::new());
    }
    let homes = report.homes.iter();
    let homes = homes.map(|home| (home.name_bytes(), home.uid, home.owner, home.kind));
    let homes: Vec<_> = homes.collect();
    let by = homes.iter().map(|(path, uid, owner, kind)| SelectedBy::new(path, *uid, owner, *kind));
    let homes: Vec<SelectedBy<'_>> = by.collect();
    let (keep, missing) = selected(&homes, users);
    let kept = homes.into_iter().zip(keep).filter(|(_, keep)| *keep);
    (Some(kept.map(|(home, _)| home.path.into_owned()).collect()), missing)
}
