//! The homes that `--user` asks for.

use std::collections::{BTreeMap, BTreeSet};

use crate::exit::Failure;
use crate::names::Names;
use crate::report::{HomeReport, Report};

/// For each user that was asked for, the names that the user's home may have.
pub(super) type HomesByUser = BTreeMap<String, BTreeSet<Vec<u8>>>;

/// Finds these names: the user's uids, and the text itself. `None` if no user was asked for.
pub(super) fn homes_by_user(
    users: &[String],
    names: &Names,
) -> Result<Option<HomesByUser>, Failure> {
    let mut homes = HomesByUser::new();
    for user in users {
        if user.is_empty() || user.contains('/') {
            return Err(Failure::usage(format!("--user `{user}` is neither a name nor a uid")));
        }
        let uids = names.uids(user).into_iter().map(|uid| uid.to_string().into_bytes());
        homes.insert(user.clone(), uids.chain([user.clone().into_bytes()]).collect());
    }
    Ok(Some(homes).filter(|_| !users.is_empty()))
}

/// The names of all homes that were asked for.
pub(super) fn all_names(homes: &HomesByUser) -> BTreeSet<Vec<u8>> {
    homes.values().flatten().cloned().collect()
}

/// Users that were asked for and have no home in the report.
pub(super) fn missing_users<'a>(report: &Report, homes: &'a HomesByUser) -> Vec<&'a str> {
    let last_component = |home: &HomeReport| {
        let name = home.name_bytes();
        name.rsplit(|byte| *byte == b'/').next().map(<[u8]>::to_vec)
    };
    let found: BTreeSet<Vec<u8>> = report.homes.iter().filter_map(last_component).collect();
    let missing = homes.iter().filter(|(_, homes)| homes.is_disjoint(&found));
    missing.map(|(user, _)| user.as_str()).collect()
}
