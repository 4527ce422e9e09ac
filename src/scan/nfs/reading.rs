//! A directory on its way through the walk, and what rules want to know of names in it.

use std::io;
use std::sync::Arc;

use super::compound::Verifier;
use super::retry::Tries;
use crate::usage::Probe;
use crate::usage::{Dir, Ledger, Listing};

/// How often a listing is begun again.
const RESTARTS: u32 = 5;

/// A directory that is being read.
#[derive(Debug)]
pub(super) struct Reading {
    pub(super) dir: Arc<Dir>,
    pub(super) handle: Box<[u8]>,
    /// Where the next names begin, and what came with that.
    pub(super) cookie: u64,
    pub(super) verifier: Verifier,
    /// What was read; nothing before the first answer.
    pub(super) listing: Option<Listing>,
    /// Handles of the directories that the listing holds back, in its order.
    pub(super) handles: Vec<Box<[u8]>>,
    pub(super) markers: Known,
    /// The most bytes of an answer, where what is usual did not do.
    pub(super) max_count: Option<u32>,
    /// How many the last request asked for.
    pub(super) asked: u32,
    /// Tries of the request that is due.
    pub(super) tries: Tries,
    /// How often an answer was none.
    pub(super) spoilt: u32,
    restarts: u32,
    /// Replies, and the cookie of one of them: one that comes again shows a circle (Brent).
    replies: u32,
    kept: u64,
    /// Whether all names are read.
    pub(super) ended: bool,
    /// Directories that the last part of it brought.
    pub(super) given: usize,
}

impl Reading {
    /// A directory that is to be read from its start.
    pub(super) fn new(dir: Arc<Dir>, handle: Box<[u8]>) -> Self {
        Self {
            dir,
            handle,
            cookie: 0,
            verifier: Verifier::default(),
            listing: None,
            handles: Vec::new(),
            markers: Known::default(),
            max_count: None,
            asked: 0,
            tries: Tries::default(),
            spoilt: 0,
            restarts: 0,
            replies: 0,
            kept: 0,
            ended: false,
            given: 0,
        }
    }

    /// Begins again, where nothing of it counts yet. Whether that can be.
    pub(super) fn restart(&mut self, ledger: &Ledger) -> bool {
        if self.restarts == RESTARTS || !self.can_restart() {
            return false;
        }
        self.restarts += 1;
        self.rewind(ledger);
        true
    }

    /// Whether nothing of it counts yet.
    pub(super) fn can_restart(&self) -> bool {
        self.listing.as_ref().is_none_or(Listing::can_restart)
    }

    /// Drops what was read, which must not count yet.
    pub(super) fn rewind(&mut self, ledger: &Ledger) {
        if self.listing.is_some() {
            self.listing = Some(ledger.begin(&self.dir));
        }
        self.cookie = 0;
        self.replies = 0;
        self.verifier = Verifier::default();
        self.handles.clear();
        self.markers = Known::default();
    }
}

impl Reading {
    /// Takes a reply's last cookie. Whether the names may go on behind it: not where the server's
    /// cookies go round in a circle, as a directory's are seen to do whose hashes collide.
    pub(super) fn goes_on(&mut self, cookie: u64) -> bool {
        if self.replies > 0 && cookie == self.kept {
            return false;
        }
        self.replies += 1;
        // Brent: by the time that two looks are a circle apart, one of them is in it.
        if self.replies.is_power_of_two() {
            self.kept = cookie;
        }
        self.cookie = cookie;
        true
    }
}

/// What became of a question about a name.
#[derive(Debug)]
pub(super) enum Found {
    /// There is none.
    No,
    /// There is, and so it begins; empty where it is no regular file.
    Yes(Vec<u8>),
    /// The server did not tell.
    Failed(io::Error),
}

/// What is known of marker files: names that make a rule apply to the directory they lie in.
#[derive(Debug, Default)]
pub(super) struct Known {
    /// Names and how many bytes of each a rule compares; the last one is asked next.
    questions: Vec<(Box<[u8]>, u32)>,
    answers: Vec<(Box<[u8]>, Found)>,
    /// Whether the listing has ended so far that the questions are due.
    due: bool,
    /// Whether names that were not seen are asked for, too.
    all: bool,
}

impl Known {
    /// The listing has such a name.
    #[inline]
    pub(super) fn saw(&mut self, ledger: &Ledger, name: &[u8]) {
        let bytes = ledger.rules().head_of(name);
        // A server may list a name as often as it likes.
        let mut known = self.answers.iter().map(|(name, _)| name);
        let mut asked = self.questions.iter().map(|(name, _)| name);
        if bytes > 0 && !known.any(|other| **other == *name) && !asked.any(|o| **o == *name) {
            self.questions.push((name.into(), bytes));
        }
    }

    /// What is to be counted needs the answers. Of a directory that is counted in parts, also
    /// whether there are names that its listing has not come to.
    pub(super) fn ask(&mut self, ledger: &Ledger, listing: Option<&Listing>, part: bool) {
        self.due = true;
        if part && !std::mem::replace(&mut self.all, true) {
            let seen = listing.map_or(0, Listing::markers);
            for name in ledger.rules().markers_but(seen) {
                self.questions.push((name.into(), ledger.rules().head_of(name).max(1)));
            }
        }
    }

    /// The next question that is due.
    pub(super) fn question(&self) -> Option<(&[u8], u32)> {
        let (name, bytes) = self.questions.last().filter(|_| self.due)?;
        Some((name, *bytes))
    }

    /// The answer to [`Self::question`].
    pub(super) fn answer(&mut self, found: Found) {
        if let Some((name, _)) = self.questions.pop() {
            self.answers.push((name, found));
        }
    }

    /// How the file of that name begins, if there is one. What nobody asked is not there.
    fn found(&self, name: &[u8]) -> io::Result<Option<&[u8]>> {
        match self.answers.iter().find(|(other, _)| **other == *name) {
            Some((_, Found::Yes(data))) => Ok(Some(data)),
            Some((_, Found::Failed(error))) => Err(match error.raw_os_error() {
                Some(code) => io::Error::from_raw_os_error(code),
                None => io::Error::new(error.kind(), error.to_string()),
            }),
            Some((_, Found::No)) | None => Ok(None),
        }
    }
}

/// Bytes that a rule compares with the start of a file are known before the listing ends.
impl Probe for Known {
    fn exists(&self, name: &[u8]) -> io::Result<bool> {
        self.found(name).map(|found| found.is_some())
    }

    fn starts_with(&self, name: &[u8], bytes: &[u8]) -> io::Result<bool> {
        Ok(self.found(name)?.is_some_and(|data| data.starts_with(bytes)))
    }
}
