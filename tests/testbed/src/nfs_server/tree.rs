//! The interface of a tree to serve.

use super::attrs::{Attrs, Handle};
use super::protocol::Status;

/// The caller, after root squash.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Who {
    pub uid: u32,
}

/// A directory entry.
#[derive(Debug)]
pub struct Entry<'a> {
    pub name: &'a [u8],
    /// The cookie to continue after this entry; greater than 2 (RFC 8881, section 18.23.3).
    pub cookie: u64,
    /// The attributes, or the error to report in `rdattr_error`.
    pub attrs: Result<Attrs<'a>, Status>,
}

/// Result of offering an entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Room {
    Left,
    /// It did not fit: the entry is the first of the next listing.
    Full,
}

/// End of a listing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Listed {
    /// `cookieverf4`.
    pub verifier: [u8; 8],
    pub eof: bool,
}

/// Files and directories by handle. Called by several threads at once.
pub trait Tree: Send + Sync {
    /// Returns the root's handle, for PUTROOTFH.
    fn root(&self) -> Handle;

    /// Passes the inode's attributes to `with`.
    ///
    /// # Errors
    /// `STALE` if the inode no longer exists. The other methods return this, too.
    fn attrs(&self, handle: Handle, with: &mut dyn FnMut(&Attrs<'_>)) -> Result<(), Status>;

    /// Checks that the inode exists, for PUTFH.
    ///
    /// # Errors
    /// See [`Tree::attrs`].
    fn check(&self, handle: Handle) -> Result<(), Status> {
        self.attrs(handle, &mut |_| ())
    }

    /// Looks up `name` in a directory.
    ///
    /// # Errors
    /// `NOENT`, `NOTDIR`, `SYMLINK`, `ACCESS`.
    fn lookup(&self, dir: Handle, name: &[u8], who: Who) -> Result<Handle, Status>;

    /// Passes the entries after `cookie` to `each` until it returns [`Room::Full`]. `verifier`
    /// comes from the previous listing; zeros at the start.
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

    /// Reads at most `count` bytes from `offset`. The flag is true if they are the last.
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

    /// Returns the last component of the inode's path, for faults on a name. `None` for the root.
    fn name(&self, handle: Handle) -> Option<Vec<u8>>;
}
