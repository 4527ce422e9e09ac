//! Marker files: names that make a rule apply to the directory they are in.

use std::io;

use crate::usage::{Ledger, Listing, Probe};

/// Number of marker files that are read per directory. A rule does not apply to further ones.
const MOST: usize = 256;

/// The result of reading a marker file.
#[derive(Debug)]
pub(super) enum MarkerContents {
    Missing,
    /// The file's first bytes; empty if it is not a regular file.
    Start(Vec<u8>),
    /// The file could not be read.
    Unknown(io::Error),
}

/// Marker files of one directory, pending and known.
#[derive(Debug, Default)]
pub(super) struct MarkerProbe {
    /// Names, each with the number of bytes that rules compare. The last one is read next.
    pending: Vec<(Box<[u8]>, u32)>,
    known: Vec<(Box<[u8]>, MarkerContents)>,
    /// True if the listing is far enough to read the markers.
    due: bool,
    /// True if names that are not listed yet are also looked up.
    include_unlisted: bool,
}

impl MarkerProbe {
    /// Adds a name if a rule needs the file's first bytes.
    #[inline]
    pub(super) fn note(&mut self, ledger: &Ledger, name: &[u8], size: u64) {
        let bytes = ledger.rules().head_of(name, size);
        // A server may list a name any number of times.
        let mut known = self.known.iter().map(|(name, _)| name);
        let mut asked = self.pending.iter().map(|(name, _)| name);
        let few = self.known.len() + self.pending.len() < MOST;
        if bytes > 0 && few && !known.any(|other| **other == *name) && !asked.any(|o| **o == *name)
        {
            self.pending.push((name.into(), bytes));
        }
    }

    /// Starts reading the pending markers before the directory is counted. If it is counted in
    /// parts, this includes markers that have not been listed yet.
    pub(super) fn begin(&mut self, ledger: &Ledger, listing: Option<&Listing>, part: bool) {
        self.due = true;
        if part && !std::mem::replace(&mut self.include_unlisted, true) {
            let seen = listing.map_or(0, Listing::markers);
            for name in ledger.rules().markers_but(seen) {
                self.pending.push((name.into(), ledger.rules().head_of(name, 0).max(1)));
            }
        }
    }

    /// Returns the next marker to read.
    pub(super) fn next(&self) -> Option<(&[u8], u32)> {
        let (name, bytes) = self.pending.last().filter(|_| self.due)?;
        Some((name, *bytes))
    }

    /// Records the contents of the marker that [`Self::next`] returned.
    pub(super) fn record(&mut self, found: MarkerContents) {
        if let Some((name, _)) = self.pending.pop() {
            self.known.push((name, found));
        }
    }

    /// Returns a marker's first bytes if the file exists. A name that was never looked up counts as
    /// missing.
    fn lookup(&self, name: &[u8]) -> io::Result<Option<&[u8]>> {
        match self.known.iter().find(|(other, _)| **other == *name) {
            Some((_, MarkerContents::Start(data))) => Ok(Some(data)),
            Some((_, MarkerContents::Unknown(error))) => Err(match error.raw_os_error() {
                Some(code) => io::Error::from_raw_os_error(code),
                None => io::Error::new(error.kind(), error.to_string()),
            }),
            Some((_, MarkerContents::Missing)) | None => Ok(None),
        }
    }
}

/// Rules see only what was read before: no IO happens here.
impl Probe for MarkerProbe {
    fn exists(&self, name: &[u8]) -> io::Result<bool> {
        self.lookup(name).map(|found| found.is_some())
    }

    fn starts_with(&self, name: &[u8], bytes: &[u8]) -> io::Result<bool> {
        Ok(self.lookup(name)?.is_some_and(|data| data.starts_with(bytes)))
    }
}
