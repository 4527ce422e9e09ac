//! Finds the owner of a home: the uid in its name, or else the owner of its directory.

use std::sync::Arc;

use super::home::HomeKind;
use crate::text::uid_of_name;

/// The trash at the top of a file system that has a directory for each uid (FreeDesktop trash
/// specification).
pub(super) const TRASH_FOR_ALL: &[u8] = b".Trash";

/// The owner of a home.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct HomeOwner {
    pub(super) kind: HomeKind,
    pub(super) uid: u32,
    /// The uid that owns the directory.
    pub(super) directory: u32,
}

/// Decides which directories with a number as their name are the home of that uid. Others, such as
/// `2024`, are named by a number for another reason.
#[derive(Clone, Default)]
pub struct UidNames(Option<Arc<IsUid>>);

/// True if the number may be the uid of a person, given the owner of the directory.
type IsUid = dyn Fn(u32, u32) -> bool + Send + Sync;

impl UidNames {
    /// Accepts only numbers for which `is_uid` is true, or whose directory belongs to that uid. By
    /// default, every number is a uid.
    pub fn accepted_by(is_uid: impl Fn(u32, u32) -> bool + Send + Sync + 'static) -> Self {
        Self(Some(Arc::new(is_uid)))
    }

    /// Returns the owner of a home called `name` whose directory belongs to `directory`.
    pub(super) fn owner(&self, name: &[u8], directory: u32) -> HomeOwner {
        // `.Trash` holds everybody's files, so its creator is not its owner.
        let of_trash = uid_of_trash(name).or((name == TRASH_FOR_ALL).then_some(0));
        if let Some(uid) = of_trash {
            return HomeOwner { kind: HomeKind::Named, uid, directory };
        }
        let is_uid = |uid: &u32| {
            *uid == directory || self.0.as_ref().is_none_or(|is_uid| is_uid(*uid, directory))
        };
        match uid_of_name(name).filter(is_uid) {
            Some(uid) => HomeOwner { kind: HomeKind::Uid, uid, directory },
            None => HomeOwner { kind: HomeKind::Named, uid: directory, directory },
        }
    }
}

impl std::fmt::Debug for UidNames {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(if self.0.is_some() { "UidNames(some)" } else { "UidNames(all)" })
    }
}

/// Returns the uid of a trash directory at the top of a file system: `.Trash-200005` (FreeDesktop
/// trash specification).
pub(super) fn uid_of_trash(name: &[u8]) -> Option<u32> {
    uid_of_name(name.strip_prefix(b".Trash-")?)
}

/// True if the name is that of a trash directory at the top of a file system: `.Trash`, which has a
/// directory for each uid, or `.Trash-UID`.
pub(crate) fn is_trash_of_root(name: &[u8]) -> bool {
    name == TRASH_FOR_ALL || uid_of_trash(name).is_some()
}

/// True if the name of a trash directory, `UID` or `.Trash-UID`, is the uid of somebody else than its
/// owner. In a container, users often have the uid 0 or 1000.
pub(super) fn names_another(name: &[u8], owner: u32) -> bool {
    let number = name.strip_prefix(b".Trash-").unwrap_or(name);
    // A time is no uid at all.
    number.iter().all(u8::is_ascii_digit)
        && uid_of_name(number).is_none_or(|uid| ![owner, 0, 1000].contains(&uid))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digits_are_a_uid_only_with_a_reason() {
        let judge = UidNames::accepted_by(|uid, _| uid >= 200_000);
        let kind = |name: &str, directory| judge.owner(name.as_bytes(), directory).kind;
        for (name, directory, uid) in [("200005", 0, 200_005), ("2024", 2024, 2024)] {
            let want = HomeOwner { kind: HomeKind::Uid, uid, directory };
            assert_eq!(judge.owner(name.as_bytes(), directory), want, "{name}");
        }
        let named = HomeOwner { kind: HomeKind::Named, uid: 200_005, directory: 200_005 };
        assert_eq!(judge.owner(b"2024", 200_005), named);
        assert_eq!(kind("0200005", 200_005), HomeKind::Named);
        assert_eq!(UidNames::default().owner(b"2024", 0).kind, HomeKind::Uid);
    }

    #[test]
    fn only_the_trash_of_a_uid_stands_at_the_top() {
        assert_eq!(uid_of_trash(b".Trash-0"), Some(0));
        assert_eq!(uid_of_trash(b".Trash-200005"), Some(200_005));
        for name in [".Trash", ".Trash-", ".Trash-alice", ".Trash-007", ".Trash-1x", "Trash-1"] {
            assert_eq!(uid_of_trash(name.as_bytes()), None, "{name}");
        }
        // The name gives the owner, as for a home.
        let owner = UidNames::default().owner(b".Trash-200006", 200_005);
        let want = HomeOwner { kind: HomeKind::Named, uid: 200_006, directory: 200_005 };
        assert_eq!(owner, want);
        assert_eq!(UidNames::default().owner(b".Trash", 200_005), HomeOwner { uid: 0, ..want });
    }
}
