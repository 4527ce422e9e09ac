//! One entry of a directory, as engines describe it.

use std::io;

/// Attributes of one inode as a listing found them. Every field was filled by the file system: an
/// engine that cannot fill one reports an error instead (unknown is not zero).
///
/// There is no atime: EFS does not update it, and asking for it costs round trips (EFS user guide,
/// "unsupported NFSv4 features"; kernel `nfs_getattr`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attrs {
    pub kind: FileKind,
    /// Device. Inode numbers are unique within a device.
    pub dev: u64,
    /// Inode number; 0 is valid.
    pub ino: u64,
    pub nlink: u32,
    pub uid: u32,
    pub gid: u32,
    /// The permissions, the last twelve bits of `st_mode`.
    pub mode: u16,
    /// `st_size`, bytes.
    pub apparent: u64,
    /// `st_blocks * 512`, bytes.
    pub allocated: u64,
    /// Last change of the data, in seconds since 1970.
    pub mtime: i64,
    pub mount: Mount,
}

impl Attrs {
    /// True if the owner may read, write and enter the directory. An owner without these rights
    /// cannot remove what is in it.
    pub(super) fn is_accessible(&self) -> bool {
        self.mode & 0o700 == 0o700
    }

    /// True if the owner may enter the directory and change its names.
    pub(super) fn is_writable(&self) -> bool {
        self.mode & 0o300 == 0o300
    }

    /// True if everybody may make names in the directory, and change none but their own, as in `/tmp`.
    pub(super) fn is_for_all(&self) -> bool {
        self.mode & 0o1003 == 0o1003
    }

    /// True if others than the directory's owner may change any name in it.
    pub(super) fn is_open_to_others(&self) -> bool {
        is_open_to_others(self.uid, self.gid, self.mode)
    }

    /// True if others may make names in the directory, whatever else they may do there.
    pub(super) fn lets_others_add(&self) -> bool {
        lets_others_add(self.uid, self.gid, self.mode)
    }

    /// True if an access control list may let others make or change names in the directory: where the
    /// group's bits seem to be those of the owner's own group, they may be the list's mask (acl(5)).
    pub(super) fn may_hide_acl(&self) -> bool {
        may_hide_acl(self.uid, self.gid, self.mode)
    }

    /// True if only its owner may change a name in the directory, whoever else may write to it.
    pub(super) fn is_sticky(&self) -> bool {
        self.mode & 0o1000 != 0
    }

    /// True if others than the owner may enter the directory.
    pub(super) fn lets_others_enter(&self) -> bool {
        self.mode & 0o011 != 0
    }

    /// True if `user` may enter the directory, as far as its mode shows: nobody knows in which groups
    /// a user is.
    pub(super) fn lets_enter(&self, user: u32) -> bool {
        self.mode & if self.uid == user { 0o100 } else { 0o011 } != 0
    }
}

/// True if others than the owner `uid` of a directory may change any name in it: everybody, or a group of
/// people who share it. Where everybody has a group of their own, of the same number, programs set the
/// group's bit on every directory (umask 002): such a group counts only with the setgid bit of shared
/// directories. Root's group always counts: some platforms give it to every program, with any uid
/// (OpenShift).
pub(super) fn is_open_to_others(uid: u32, gid: u32, mode: u16) -> bool {
    let is_shared = mode & 0o020 != 0 && (mode & 0o2000 != 0 || gid != uid || gid == 0);
    mode & 0o1000 == 0 && (mode & 0o002 != 0 || is_shared)
}

/// See [`Attrs::lets_others_add`]. The sticky bit protects names that are there.
pub(super) fn lets_others_add(uid: u32, gid: u32, mode: u16) -> bool {
    is_open_to_others(uid, gid, mode & !0o1000)
}

/// See [`Attrs::may_hide_acl`].
pub(super) fn may_hide_acl(uid: u32, gid: u32, mode: u16) -> bool {
    mode & 0o020 != 0 && !lets_others_add(uid, gid, mode)
}

/// The kinds of inode that a report counts separately.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum FileKind {
    File,
    Dir,
    /// A symbolic link; never followed.
    Symlink,
    /// A FIFO, socket or device.
    Other,
}

/// Distinguishes the root of a mount from an ordinary entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mount {
    /// An ordinary entry of its parent's file system.
    Inside,
    /// Another mount starts here; it may be a bind mount of the same file system.
    Root,
}

/// An operation on the file system, as errors name it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Op {
    /// Opening a directory.
    Open,
    /// Reading a directory's names.
    List,
    /// Reading an entry's attributes.
    Stat,
    /// Reading the first bytes of a marker file such as `CACHEDIR.TAG`.
    Read,
    /// Tracking a hard-linked inode, which this program does itself.
    Link,
    /// Merging the shards of a run, which this program does itself.
    Merge,
}

impl Op {
    /// Returns the name in messages and reports.
    pub fn name(self) -> &'static str {
        match self {
            Op::Open => "open",
            Op::List => "list",
            Op::Stat => "stat",
            Op::Read => "read",
            Op::Link => "link",
            Op::Merge => "merge",
        }
    }
}

/// Answers questions about a directory while it is being listed. A rule may need something that the
/// listing has not shown: the first bytes of a marker file, or if a name not listed yet exists.
pub trait Probe {
    /// Returns true if `name` exists in the directory.
    ///
    /// # Errors
    /// Any error of the file system except that the name does not exist.
    fn exists(&self, name: &[u8]) -> io::Result<bool>;

    /// Returns true if the regular file `name` begins with `bytes`. Never follows a link.
    ///
    /// # Errors
    /// Any error of the file system except that the name does not exist.
    fn starts_with(&self, name: &[u8], bytes: &[u8]) -> io::Result<bool>;
}
