//! The frames of a shard's accounts: a tag, a length and bytes each.

use std::io::{self, Read, Write};

/// What a frame has, in the order in which the frames come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Tag {
    /// Sums of the whole shard; one frame.
    Sums = 1,
    /// A directory of the trunk, after those above it.
    Trunk = 2,
    /// A home, by number.
    Home = 3,
    /// A row of the table of directories.
    Row = 4,
    /// Hard links of the table of directories.
    RowLinks = 5,
    /// Inodes of which not all links were seen.
    Links = 6,
    /// The end; without it, something is missing.
    End = 7,
}

const TAGS: [Tag; 7] =
    [Tag::Sums, Tag::Trunk, Tag::Home, Tag::Row, Tag::RowLinks, Tag::Links, Tag::End];

/// The longest frame. A home with the most findings and files takes some MiB.
const LONGEST: u32 = 256 << 20;

pub(super) fn write(to: &mut dyn Write, tag: Tag, bytes: &[u8]) -> io::Result<()> {
    let length = u32::try_from(bytes.len()).ok().filter(|length| *length <= LONGEST);
    let length = length.ok_or_else(|| io::Error::other("a home has too much to be kept"))?;
    to.write_all(&[tag as u8])?;
    to.write_all(&length.to_le_bytes())?;
    to.write_all(bytes)
}

/// Reads a frame into `bytes`.
///
/// # Errors
/// Those of `from`, and if it ends, or this is none.
pub(super) fn read(from: &mut dyn Read, bytes: &mut Vec<u8>) -> io::Result<Tag> {
    let mut head = [0; 5];
    from.read_exact(&mut head)?;
    let [tag, length @ ..] = head;
    let tag = TAGS.into_iter().find(|known| *known as u8 == tag).ok_or_else(damaged)?;
    let length = u32::from_le_bytes(length);
    if length > LONGEST {
        return Err(damaged());
    }
    bytes.clear();
    // Memory grows with what is there, whatever the length says.
    match from.take(length.into()).read_to_end(bytes)? == length as usize {
        true => Ok(tag),
        false => Err(io::ErrorKind::UnexpectedEof.into()),
    }
}

pub(super) fn damaged() -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, "the accounts of a shard are damaged")
}
