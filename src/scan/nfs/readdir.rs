//! Decodes the entries of a READDIR reply one by one (RFC 8881, section 18.23).

use super::attrs::Attributes;
use super::compound::Verifier;
use super::results::CompoundResults;
use super::xdr::{Malformed, XdrReader};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct DirEntry<'a> {
    /// The position after this entry.
    pub(super) cookie: u64,
    /// The name as the server sent it; see [`DirEntry::is_plain`].
    pub(super) name: &'a [u8],
    /// The requested attributes that the server reported.
    pub(super) attributes: Attributes<'a>,
}

/// Longest name to accept, in bytes. Linux's file systems and EFS allow 255; where names are 255
/// UTF-16 units, it is up to three times as many. Names are kept, so without a limit a server could
/// exhaust memory with replies of one name each.
const NAME_LIMIT: usize = 1024;

impl DirEntry<'_> {
    /// True if the name is valid for a directory entry: not empty or too long, not `.` or `..`,
    /// which NFSv4 does not list, and without the slashes and NULs that would lead elsewhere.
    pub(super) fn is_plain(&self) -> bool {
        !matches!(self.name, b"" | b"." | b"..")
            && self.name.len() <= NAME_LIMIT
            && !self.name.iter().any(|b| matches!(b, 0 | b'/'))
    }
}

/// Position in a listing: the cookieverf, and the cookie of the last entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct ReadDirCursor {
    verifier: Verifier,
    last: Option<u64>,
}

impl ReadDirCursor {
    #[inline]
    pub(super) fn read(reader: &mut XdrReader<'_>) -> Result<Self, Malformed> {
        Ok(Self { verifier: reader.array("cookieverf")?, last: None })
    }
}

/// End of a reply's entries, and the position to continue from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct ReadDirEnd {
    /// True if the directory ends here.
    pub(super) eof: bool,
    /// The cookieverf for the next READDIR of this directory.
    pub(super) verifier: Verifier,
    /// The cookie for the next READDIR: the last entry's, or `None` without entries. Without
    /// entries and `eof`, repeating the request would never end; the same is true of a cookie that
    /// was sent before.
    pub(super) cookie: Option<u64>,
}

/// Iterates over the entries; [`DirEntries::end`] follows.
///
/// An error is the last item.
#[derive(Debug)]
pub(super) struct DirEntries<'r, 'a> {
    results: &'r mut CompoundResults<'a>,
    cursor: ReadDirCursor,
    /// Set once there are no more entries: `eof`, or the error.
    ended: Option<Result<bool, Malformed>>,
}

impl<'r, 'a> DirEntries<'r, 'a> {
    #[inline]
    pub(super) fn new(results: &'r mut CompoundResults<'a>, cursor: ReadDirCursor) -> Self {
        Self { results, cursor, ended: None }
    }

    /// Skips the remaining entries and returns where to continue.
    pub(super) fn end(mut self) -> Result<ReadDirEnd, Malformed> {
        loop {
            if let Some(ended) = self.ended {
                let ReadDirCursor { verifier, last } = self.cursor;
                return ended.map(|eof| ReadDirEnd { eof, verifier, cookie: last });
            }
            self.next();
        }
    }

    #[inline]
    fn read(&mut self) -> Result<Option<DirEntry<'a>>, Malformed> {
        let reader = &mut self.results.reader;
        if !reader.bool("another entry or none")? {
            let eof = reader.bool("eof")?;
            self.ended = Some(Ok(eof));
            self.results.listing_ended();
            return Ok(None);
        }
        let cookie = reader.u64("cookie")?;
        let name = reader.opaque(usize::MAX, "name")?;
        let attributes = Attributes::read(reader)?;
        self.cursor.last = Some(cookie);
        Ok(Some(DirEntry { cookie, name, attributes }))
    }
}

impl<'a> Iterator for DirEntries<'_, 'a> {
    type Item = Result<DirEntry<'a>, Malformed>;

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        if self.ended.is_some() {
            return None;
        }
        match self.read() {
            Ok(entry) => entry.map(Ok),
            Err(malformed) => {
                self.ended = Some(Err(self.results.poison(malformed)));
                Some(Err(malformed))
            }
        }
    }
}

#[cfg(test)]
mod tests;
