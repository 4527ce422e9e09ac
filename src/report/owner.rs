//! The owners of a home and of its directory, from the sources of names.

use super::model::{DirectoryOwner, Owner, OwnerStatus};
use crate::names::Names;
use crate::usage::{Home, HomeKind};

/// Returns the owner of a home. A home whose directory a known person owns is not an orphan: that
/// person took it over, or its name is a number but not a uid.
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

/// Returns the owner of a home's directory, if the home's name is another uid or the name of another
/// person.
pub(super) fn directory_owner(names: &Names, home: &Home) -> Option<DirectoryOwner> {
    let has_anothers_name = |uid: u32| {
        let name = home.path.rsplit(|byte| *byte == b'/').next().unwrap_or_default();
        let name = str::from_utf8(name).ok().filter(|_| home.kind == HomeKind::Named);
        name.is_some_and(|name| names.is_called_like_another(name, uid))
    };
    let is_another = |uid: &u32| home.uid != Some(*uid) || has_anothers_name(*uid);
    let uid = home.directory_owner.filter(is_another)?;
    let name = names.owner(uid).map(|owner| owner.name);
    Some(DirectoryOwner { uid, name })
}
