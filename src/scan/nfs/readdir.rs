//! The entries of a READDIR's reply, decoded one by one (RFC 8881, section 18.23).

use super::answers::Answers;
use super::attrs::Attributes;
use super::compound::Verifier;
use super::xdr::{Malformed, Reader};

/// An entry of a directory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Entry<'a> {
    /// Where the listing goes on behind this entry.
    pub(super) cookie: u64,
    /// The name as the server sent it: see [`Entry::is_plain`].
    pub(super) name: &'a [u8],
    /// What was asked for and the server told.
    pub(super) attributes: Attributes<'a>,
}

/// The longest name that is believed, bytes. Linux's file systems and EFS have 255; where those are
/// characters of UTF-16 it is up to three times as many. Names are kept, so without a limit a server
/// could fill the memory with replies of one name each.
const NAME_LIMIT: usize = 1024;

impl Entry<'_> {
    /// Whether the name can be one in a directory: not empty, not endless, neither `.` nor `..`,
    /// which NFSv4 does not list, and without the slashes and NULs that would lead elsewhere.
    pub(super) fn is_plain(&self) -> bool {
        !matches!(self.name, b"" | b"." | b"..")
            && self.name.len() <= NAME_LIMIT
            && !self.name.iter().any(|b| matches!(b, 0 | b'/'))
    }
}

/// Where a listing stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Listing {
    verifier: Verifier,
    last: Option<u64>,
}

impl Listing {
    #[inline]
    pub(super) fn read(reader: &mut Reader<'_>) -> Result<Self, Malformed> {
        Ok(Self { verifier: reader.array("cookieverf")?, last: None })
    }
}

/// How a reply's entries ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct End {
    /// Whether the directory ends here.
    pub(super) eof: bool,
    /// For the next READDIR of this directory.
    pub(super) verifier: Verifier,
    /// The last entry's, for the next READDIR. `None` where there was no entry: then there must be
    /// `eof`, or asking again would not end. The same is true of a cookie that was sent before.
    pub(super) cookie: Option<u64>,
}

/// The entries, as an iterator; then [`Entries::end`].
///
/// An error is the last item.
#[derive(Debug)]
pub(super) struct Entries<'r, 'a> {
    answers: &'r mut Answers<'a>,
    listing: Listing,
    /// Whether there are no more entries, and then whether the directory ends.
    ended: Option<Result<bool, Malformed>>,
}

impl<'r, 'a> Entries<'r, 'a> {
    #[inline]
    pub(super) fn new(answers: &'r mut Answers<'a>, listing: Listing) -> Self {
        Self { answers, listing, ended: None }
    }

    /// Skips what was not asked for, and tells how to go on.
    pub(super) fn end(mut self) -> Result<End, Malformed> {
        loop {
            if let Some(ended) = self.ended {
                let Listing { verifier, last } = self.listing;
                return ended.map(|eof| End { eof, verifier, cookie: last });
            }
            self.next();
        }
    }

    #[inline]
    fn read(&mut self) -> Result<Option<Entry<'a>>, Malformed> {
        let reader = &mut self.answers.reader;
        if !reader.bool("another entry or none")? {
            let eof = reader.bool("eof")?;
            self.ended = Some(Ok(eof));
            self.answers.listed();
            return Ok(None);
        }
        let cookie = reader.u64("cookie")?;
        let name = reader.opaque(usize::MAX, "name")?;
        let attributes = Attributes::read(reader)?;
        self.listing.last = Some(cookie);
        Ok(Some(Entry { cookie, name, attributes }))
    }
}

impl<'a> Iterator for Entries<'_, 'a> {
    type Item = Result<Entry<'a>, Malformed>;

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        if self.ended.is_some() {
            return None;
        }
        match self.read() {
            Ok(entry) => entry.map(Ok),
            Err(malformed) => {
                self.ended = Some(Err(self.answers.broken(malformed)));
                Some(Err(malformed))
            }
        }
    }
}

#[cfg(test)]
mod tests;
