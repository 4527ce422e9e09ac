//! The owners of a home and of its directory, by the sources of names.

use super::model::{DirectoryOwner, Owner, OwnerStatus};
use crate::names::Names;
use crate::usage::{Home, HomeKind};

/// The owner of a home.
pub(super) fn owner(names: &Names, home: &Home) -> Owner {
    match home.uid.and_then(|uid| names.owner(uid)) {
        Some(owner) => Owner {
            name: Some(owner.name),
            aliases: owner.aliases,
            source: Some(owner.source),
            member: owner.member,
            status: OwnerStatus::Known,
        },
        None => Owner {
            status: match home.kind {
                HomeKind::Uid if names.know_everybody() => OwnerStatus::Orphan,
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
