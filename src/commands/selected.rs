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
    match missing.is_empty() {
        true => Ok(asked),
        false => Err(no_home(&missing, "in the newest run", false)),
    }
}

/// Refuses users without a home. They may have one if `some_unread`, and then asking for them is no
/// mistake.
pub(super) fn no_home(missing: &[impl AsRef<str>], place: &str, some_unread: bool) -> Failure {
    let names: Vec<&str> = missing.iter().map(AsRef::as_ref).collect();
    let problem = format!("no home for {} {place}", names.join(", "));
    match some_unread {
        true => Failure::fatal(format!("{problem}, as far as it could be read")),
        false => Failure::usage(problem),
    }
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
