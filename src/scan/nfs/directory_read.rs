//! State of a directory that is being read.

use std::sync::Arc;

use super::compound::Verifier;
use super::markers::MarkerProbe;
use super::retry::AttemptCounts;
use crate::usage::{Dir, Ledger, Listing};

/// Restarts of a listing after which the directory counts as unreadable.
const MAX_RESTARTS: u32 = 5;

/// A directory that is being read.
#[derive(Debug)]
pub(super) struct DirectoryRead {
    pub(super) dir: Arc<Dir>,
    pub(super) handle: Box<[u8]>,
    /// The cookie to continue from, and the cookieverf that came with it.
    pub(super) cookie: u64,
    pub(super) verifier: Verifier,
    /// The partition that sent the cookie, or that receives the first request.
    pub(super) partition: Option<usize>,
    /// The entries so far; `None` before the first reply. Boxed because thousands of directories wait
    /// for that, and the listing is larger than everything else here.
    pub(super) listing: Option<Box<Listing>>,
    /// File handles of the listing's pending subdirectories, in the same order.
    pub(super) handles: Vec<Box<[u8]>>,
    pub(super) markers: MarkerProbe,
    /// Result size to request in bytes, if the usual one failed.
    pub(super) max_count: Option<u32>,
    /// Result size in the last request, in bytes.
    pub(super) asked: u32,
    /// Failures of the current request.
    pub(super) tries: AttemptCounts,
    /// Consecutive unusable replies.
    pub(super) unusable_replies: u32,
    restarts: u32,
    /// Number of replies, and one of their cookies: if that cookie arrives again, the cookies loop
    /// (Brent).
    replies: u32,
    remembered_cookie: u64,
    /// True if all entries have been read.
    pub(super) at_eof: bool,
    /// Subdirectories that the last commit queued.
    pub(super) children_queued: usize,
}

impl DirectoryRead {
    /// Starts reading a directory.
    pub(super) fn new(dir: Arc<Dir>, handle: Box<[u8]>) -> Self {
        Self {
            dir,
            handle,
            cookie: 0,
            verifier: Verifier::default(),
            partition: None,
            listing: None,
            handles: Vec::new(),
            markers: MarkerProbe::default(),
            max_count: None,
            asked: 0,
            tries: AttemptCounts::default(),
            unusable_replies: 0,
            restarts: 0,
            replies: 0,
            remembered_cookie: 0,
            at_eof: false,
            children_queued: 0,
        }
    }

    /// Restarts the listing if nothing of it has been counted. Returns false if it cannot be
    /// restarted.
    pub(super) fn restart(&mut self, ledger: &Ledger) -> bool {
        if self.restarts == MAX_RESTARTS || !self.can_restart() {
            return false;
        }
        self.restarts += 1;
        self.rewind(ledger);
        true
    }

    /// True if nothing of the listing has been counted.
    pub(super) fn can_restart(&self) -> bool {
        self.listing.as_ref().is_none_or(|listing| listing.can_restart())
    }

    /// Discards the listing. Nothing of it may have been counted.
    pub(super) fn rewind(&mut self, ledger: &Ledger) {
        if self.listing.is_some() {
            self.listing = Some(Box::new(ledger.begin(&self.dir)));
        }
        self.cookie = 0;
        self.replies = 0;
        self.verifier = Verifier::default();
        self.handles.clear();
        self.markers = MarkerProbe::default();
    }
}

impl DirectoryRead {
    /// Accepts a reply's last cookie as the place to continue from. Returns false if the cookies
    /// loop, as seen on directories with hash collisions.
    pub(super) fn accept_cookie(&mut self, cookie: u64) -> bool {
        if self.replies > 0 && cookie == self.remembered_cookie {
            return false;
        }
        self.replies += 1;
        // Brent: once the distance between two kept cookies reaches the loop's length, the kept one
        // is in the loop.
        if self.replies.is_power_of_two() {
            self.remembered_cookie = cookie;
        }
        self.cookie = cookie;
        true
    }
}
