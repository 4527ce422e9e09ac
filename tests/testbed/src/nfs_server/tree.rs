//! What is served.

use super::attrs::{Attrs, Handle};
use super::protocol::Status;

/// Who asks, after root was squashed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Who {
    pub uid: u32,
}

/// One entry of a directory.
#[derive(Debug)]
pub struct Entry<'a> {
    pub name: &'a [u8],
    /// Where a listing that comes to here goes on; more than 2 (RFC 8881, 18.23.3).
    pub cookie: u64,
    /// Or why there are none, which goes into `rdattr_error`.
    pub attrs: Result<Attrs<'a>, Status>,
}

/// Whether there was room for an entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Room {
    Left,
    /// There was none: the entry is the first of the next listing.
    Full,
}

/// How a listing ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Listed {
    /// `cookieverf4`.
    pub verifier: [u8; 8],
    pub eof: bool,
}

/// Files and directories by their handles. Everything is asked for by several threads at once.
pub trait Tree: Send + Sync {
    /// What PUTROOTFH gives.
    fn root(&self) -> Handle;

    /// Gives `with` what is known of the inode.
    ///
    /// # Errors
    /// `STALE` when there is no such inode any more, as everywhere here.
    fn attrs(&self, handle: Handle, with: &mut dyn FnMut(&Attrs<'_>)) -> Result<(), Status>;

    /// Whether there is such an inode, as PUTFH asks.
    ///
    /// # Errors
    /// See [`Tree::attrs`].
    fn check(&self, handle: Handle) -> Result<(), Status> {
        self.attrs(handle, &mut |_| ())
    }

    /// What `name` stands for in a directory.
    ///
    /// # Errors
    /// `NOENT`, `NOTDIR`, `SYMLINK`, `ACCESS`.
    fn lookup(&self, dir: Handle, name: &[u8], who: Who) -> Result<Handle, Status>;

    /// Gives `each` the entries behind `cookie` until it says [`Room::Full`]. `verifier` is the
    /// one that the listing before gave, zeros at the start.
    ///
    /// # Errors
    /// `NOTDIR`, `ACCESS`, `BAD_COOKIE`, `NOT_SAME`.
    fn readdir(
        &self,
        dir: Handle,
        cookie: u64,
        verifier: [u8; 8],
        who: Who,
        each: &mut dyn FnMut(&Entry<'_>) -> Room,
    ) -> Result<Listed, Status>;

    /// At most `count` bytes from `offset` on, and whether they are the last.
    ///
    /// # Errors
    /// `ISDIR`, `WRONG_TYPE`, `ACCESS`.
    fn read(
        &self,
        file: Handle,
        offset: u64,
        count: u32,
        who: Who,
    ) -> Result<(Vec<u8>, bool), Status>;

    /// The last name of the inode's path, for faults on a name; the root has none.
    fn name(&self, handle: Handle) -> Option<Vec<u8>>;
}
