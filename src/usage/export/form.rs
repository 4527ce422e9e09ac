//! The text form that an export is written in.

use std::fmt;
use std::io::{self, Write};

use super::dir_index::ReadState;
use crate::usage::Attrs;

/// A text form that holds every entry, nested like the directories. The report has one: ncdu's.
///
/// Workers format the pieces during the walk, entry by entry, because there are many workers and
/// only one pass that assembles the pieces. That pass copies them unchanged.
pub trait EntryForm: fmt::Debug + Sync {
    /// Appends an entry that is not a directory; `dev` is the device of its directory.
    fn leaf(&self, to: &mut Vec<u8>, name: &[u8], attrs: &Attrs, dev: u64);

    /// Appends an entry of which only the name is known.
    fn bare(&self, to: &mut Vec<u8>, name: &[u8], why: Bare);

    /// Appends the name of a directory in the format that [`begin`](Self::begin) takes.
    fn name(&self, to: &mut Vec<u8>, name: &[u8]);

    /// Appends the attributes of a directory in the format that [`begin`](Self::begin) takes;
    /// `above` is the device of its parent, if it has one.
    fn attrs(&self, to: &mut Vec<u8>, attrs: &Attrs, above: Option<u64>);

    /// Begins a directory. Its own inode was not counted if `attrs` is empty.
    ///
    /// # Errors
    /// The error of `to`.
    fn begin(
        &self,
        to: &mut dyn Write,
        name: &[u8],
        attrs: &[u8],
        read: ReadState,
    ) -> io::Result<()>;

    /// Ends the directory that was begun last and has not ended yet.
    fn end(&self, to: &mut dyn Write) -> io::Result<()>;
}

/// Reason that only the name of an entry is known.
#[derive(Clone, Copy, Debug)]
pub enum Bare {
    /// Its attributes could not be read.
    Unread,
    /// A glob excludes it.
    Excluded,
    /// Another file system is mounted there.
    OtherFileSystem,
}
