//! The text form that an export is written in.

use std::fmt;
use std::io::{self, Write};

use super::dir_index::ReadState;
use crate::usage::Attrs;

/// A text form that holds every entry, nested as the directories are. The report has one: ncdu's.
///
/// Workers make the pieces during the walk, entry by entry, because there are many workers and
/// only one pass that puts the pieces together. That pass copies them as they are.
pub trait EntryForm: fmt::Debug + Sync {
    /// Appends an entry that is no directory; `dev` is the device of the directory it is in.
    fn leaf(&self, to: &mut Vec<u8>, name: &[u8], attrs: &Attrs, dev: u64);

    /// Appends an entry of which only the name is known.
    fn bare(&self, to: &mut Vec<u8>, name: &[u8], why: Bare);

    /// Appends the name of a directory, as [`begin`](Self::begin) will need it.
    fn name(&self, to: &mut Vec<u8>, name: &[u8]);

    /// Appends the attributes of a directory, as [`begin`](Self::begin) will need them; `above` is
    /// the device of the directory it is in, if it is in one.
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
    ///
    /// # Errors
    /// The error of `to`.
    fn end(&self, to: &mut dyn Write) -> io::Result<()>;
}

/// Why nothing is known of an entry but its name.
#[derive(Clone, Copy, Debug)]
pub enum Bare {
    /// Its attributes could not be read.
    Unread,
    /// A glob leaves it out.
    Excluded,
    /// Another file system is mounted there.
    OtherFileSystem,
}
