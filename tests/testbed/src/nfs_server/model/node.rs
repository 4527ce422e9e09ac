//! Describes an inode for a test.

use super::super::attrs::Kind;
use super::super::protocol::Status;

/// An inode to add: `Node::file(10).owner(200_005).mtime(0)`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Node {
    /// The file type.
    pub kind: Kind,
    /// Apparent size in bytes.
    pub size: u64,
    /// Allocated bytes.
    pub space_used: u64,
    pub uid: u32,
    /// Text for the attribute `owner` in place of the uid.
    pub owner_name: Option<String>,
    /// 0 denies a directory to everybody, including root. Otherwise root may do anything, and
    /// others what the bits for owner and others allow; there are no groups.
    pub mode: u32,
    /// Seconds and nanoseconds.
    pub mtime: (i64, u32),
    /// The first bytes of a file; zeros follow up to its size.
    pub data: Vec<u8>,
    /// Set for the root of a nested file system: its fsid.
    pub root_of: Option<(u64, u64)>,
    /// Set if listings cannot return its attributes: the error.
    pub no_attrs: Option<Status>,
}

impl Node {
    #[must_use]
    pub fn new(kind: Kind) -> Self {
        Self {
            kind,
            size: 0,
            space_used: 0,
            uid: 0,
            owner_name: None,
            mode: 0o644,
            mtime: (1_767_225_600, 0),
            data: Vec::new(),
            root_of: None,
            no_attrs: None,
        }
    }

    /// Makes a directory of 4 KiB with mode 755.
    #[must_use]
    pub fn dir() -> Self {
        Self { size: 4096, space_used: 4096, mode: 0o755, ..Self::new(Kind::Dir) }
    }

    /// Makes a file of `size` bytes, allocated in units of 4 KiB.
    #[must_use]
    pub fn file(size: u64) -> Self {
        let space_used = size.div_ceil(4096) * 4096;
        Self { size, space_used, ..Self::new(Kind::File) }
    }

    /// Makes a file with these contents.
    #[must_use]
    pub fn data(data: impl Into<Vec<u8>>) -> Self {
        let data = data.into();
        Self { data: data.clone(), ..Self::file(data.len() as u64) }
    }

    /// Makes a symlink with a target of this length.
    #[must_use]
    pub fn symlink(size: u64) -> Self {
        Self { size, mode: 0o777, ..Self::new(Kind::Symlink) }
    }

    /// Sets the allocated bytes, independent of the size.
    #[must_use]
    pub fn used(self, space_used: u64) -> Self {
        Self { space_used, ..self }
    }

    #[must_use]
    pub fn owner(self, uid: u32) -> Self {
        Self { uid, ..self }
    }

    /// Sets the owner text, as sent by a server with a domain.
    #[must_use]
    pub fn owner_name(self, name: &str) -> Self {
        Self { owner_name: Some(name.to_owned()), ..self }
    }

    #[must_use]
    pub fn mode(self, mode: u32) -> Self {
        Self { mode, ..self }
    }

    /// Seconds since 1970.
    #[must_use]
    pub fn mtime(self, seconds: i64) -> Self {
        Self { mtime: (seconds, 0), ..self }
    }

    /// Makes it the root of a nested file system.
    #[must_use]
    pub fn root_of(self, fsid: (u64, u64)) -> Self {
        Self { root_of: Some(fsid), ..self }
    }

    /// Makes listings return this error in place of its attributes.
    #[must_use]
    pub fn no_attrs(self, status: Status) -> Self {
        Self { no_attrs: Some(status), ..self }
    }

    pub(super) fn is_dir(&self) -> bool {
        self.kind == Kind::Dir
    }

    /// True if `uid` has the mode's `bit`: 4 to read, 1 to search.
    pub(super) fn allows(&self, uid: u32, bit: u32) -> bool {
        match uid {
            _ if self.is_dir() && self.mode == 0 => false,
            0 => true,
            _ if uid == self.uid => self.mode >> 6 & bit != 0,
            _ => self.mode & bit != 0,
        }
    }
}
