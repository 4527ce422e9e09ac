//! The directories above the root: who could put another directory in the root's place.

use super::entry::{is_open_to_others, may_hide_acl};

/// Answers whose commands can trust the path to the root. A person can put another directory in its place
/// who owns a directory above it, or may change one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum AboveRoot {
    /// Everybody's: only root can, or no path of this machine leads to the root.
    #[default]
    Trusted,
    /// Only those of the person with this uid.
    OnlyOf(u32),
    /// Nobody's.
    Untrusted,
}

impl AboveRoot {
    /// Adds a directory by its owner, its group and the last twelve bits of its `st_mode`. `has_acl` says if
    /// it may have an access control list.
    #[must_use]
    pub fn and(self, uid: u32, gid: u32, mode: u16, has_acl: impl FnOnce() -> bool) -> Self {
        match self {
            _ if is_open_to_others(uid, gid, mode) => Self::Untrusted,
            _ if may_hide_acl(uid, gid, mode) && has_acl() => Self::Untrusted,
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
