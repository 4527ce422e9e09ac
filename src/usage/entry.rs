//! What an engine says about one entry.

use std::io;

/// The attributes of one inode as a listing found them. Every field was filled by the file
/// system: an engine that cannot fill one reports an error instead (unknown is not zero).
///
/// There is no atime: EFS does not update it, and asking for it costs round trips
/// (EFS user guide, "unsupported NFSv4 features"; kernel `nfs_getattr`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attrs {
    /// What kind of inode it is.
    pub kind: FileKind,
    /// The file system it lives on; inode numbers mean nothing without it.
    pub dev: u64,
    /// Inode number. 0 is a valid one.
    pub ino: u64,
    /// Link count.
    pub nlink: u32,
    /// Owner.
    pub uid: u32,
    /// `st_size`, bytes.
    pub apparent: u64,
    /// `st_blocks * 512`, bytes.
    pub allocated: u64,
    /// Last change of the data, seconds since 1970.
    pub mtime: i64,
    /// Whether something is mounted here, also a bind mount of the same file system.
    pub mount: Mount,
}

/// The kinds that a report counts apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FileKind {
    /// A regular file.
    File,
    /// A directory.
    Dir,
    /// A symbolic link; never followed.
    Symlink,
    /// A fifo, socket or device.
    Other,
}

/// Whether an entry is the root of a mount.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mount {
    /// An ordinary entry of its parent's file system.
    Inside,
    /// Another mount starts here.
    Root,
}

/// The operation that failed, as errors name it.
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
}

impl Op {
    /// The name in messages and reports.
    pub fn name(self) -> &'static str {
        match self {
            Op::Open => "open",
            Op::List => "list",
            Op::Stat => "stat",
            Op::Read => "read",
        }
    }
}

/// Asks about names in a directory while it is being listed. What a rule needs to know and the
/// listing has not shown: the first bytes of a marker file, or whether a name exists that the
/// listing has not come to yet.
pub trait Probe {
    /// Whether `name` exists in the directory.
    ///
    /// # Errors
    /// What the file system answered, other than that the name does not exist.
    fn exists(&self, name: &[u8]) -> io::Result<bool>;

    /// Whether the regular file `name` begins with `bytes`. Never follows a link.
    ///
    /// # Errors
    /// What the file system answered, other than that the name does not exist.
    fn starts_with(&self, name: &[u8], bytes: &[u8]) -> io::Result<bool>;
}
