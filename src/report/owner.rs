//! The owners of a home and of its directory, by the sources of names.

use super::model::{DirectoryOwner, Owner, OwnerStatus};
use crate::names::Names;
use crate::usage::{Home, HomeKind};

/// The owner of a home. A home whose directory a known person owns is no orphan: that person has
/// taken it over, or it is called by a number that is no uid.
pub(super) fn owner(names: &Names, home: &Home) -> Owner {
    let has_known_directory_owner =
        directory_owner(names, home).is_some_and(|owner| owner.uid != 0 && owner.name.is_some());
    match home.uid.and_then(|uid| names.owner(uid)) {
        Some(owner) => Owner {
            name: Some(owner.name),
            aliases: owner.aliases,
            source: Some(owner.source),
            member: owner.member,
            status: OwnerStatus::Known,
            group: owner.group,
            has_namesake: owner.has_namesake,
        },
        None => Owner {
            status: match home.kind {
                HomeKind::Uid if names.know_everybody() && !has_known_directory_owner => {
                    OwnerStatus::Orphan
                }
                _ => OwnerStatus::Unknown,
            },
            ..Owner::default()
        },
    }
}

/// The owner of the directory of a uid home, if it is another one than its name says.
pub(super) fn directory_owner(names: &Names, home: &Home) -> Option<DirectoryOwner> {
    let uid = home.directory_owner.filter(|uid| home.uid != Some(*uid))?;
    let name = names.owner(uid).map(|owner| owner.name);
    Some(DirectoryOwner { uid, name })
}
