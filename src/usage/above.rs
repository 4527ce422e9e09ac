//! The directories above the root: who could put another directory in the root's place.

use super::entry::{is_open_to_others, lets_others_add, may_hide_acl};

/// Facts that the directories above the root tell about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AboveRoot {
    /// Owners whose commands can trust the path to the root.
    pub path: PathTrust,
    /// True if the root is part of a database, an archive or a repository, by its path or by a marker above it.
    pub in_data: bool,
}

impl AboveRoot {
    /// No path of this machine leads to the root.
    pub const NOTHING: Self = Self { path: PathTrust::Trusted, in_data: false };

    /// The directories could not be examined.
    pub const UNKNOWN: Self = Self { path: PathTrust::Untrusted, in_data: false };
}

/// Answers whose commands can trust the path to the root. Whoever owns or may change a directory above the root
/// can replace the root.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PathTrust {
    /// Everybody's: only root can, or no path of this machine leads to the root.
    Trusted,
    /// Only those of the person with this uid.
    OnlyOf(u32),
    /// Nobody's.
    Untrusted,
}

impl PathTrust {
    /// Adds a directory by its owner, its group and the last twelve bits of its `st_mode`. `below` owns the
    /// directory in it that leads to the root. `has_acl` says if it may have an access control list.
    #[must_use]
    pub fn and(
        self,
        (uid, gid, mode): (u32, u32, u16),
        below: u32,
        has_acl: impl FnOnce() -> bool,
    ) -> Self {
        let has_acl = may_hide_acl(uid, gid, mode) && has_acl();
        let is_sticky = mode & 0o1000 != 0;
        match self {
            _ if is_open_to_others(uid, gid, mode) => Self::Untrusted,
            _ if has_acl && !is_sticky => Self::Untrusted,
            // In a directory such as /tmp, a name that its owner gives up is anybody's.
            _ if below != 0 && (has_acl || lets_others_add(uid, gid, mode)) => Self::Untrusted,
            _ if uid == 0 => self,
            Self::Trusted => Self::OnlyOf(uid),
            Self::OnlyOf(person) if person == uid => self,
            _ => Self::Untrusted,
        }
    }

    /// True if a command of `owner` can trust the path.
    pub(super) fn is_trusted_by(self, owner: u32) -> bool {
        self == Self::Trusted || self == Self::OnlyOf(owner)
    }
}
