//! Answers requests for a computed tree when their round trips are over.

use std::ffi::OsStr;
use std::io;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use fuser::{FileAttr, FileType, InitFlags};

use super::super::server::{Answer, Backend, Call, Listed, Op, Verdict};
use super::counts::Counts;
use super::delay::Delay;
use crate::computed::Tree;

/// Validity of attributes, longer than any measurement: the kernel never asks twice, so every
/// request that arrives is for something it does not know.
const VALID: Duration = Duration::from_secs(1_000_000);

/// A mounted tree. It stores nothing per request, so there is nothing to forget either.
pub(super) struct Slow {
    tree: Tree,
    /// Time of a round trip, and the queue of waiting answers; `None` if it takes no time.
    delay: Option<(Duration, Delay)>,
    counts: Arc<Counts>,
}

impl Slow {
    /// # Errors
    /// If the delaying thread cannot be started.
    pub(super) fn new(tree: Tree, round_trip: Duration) -> io::Result<(Self, Arc<Counts>)> {
        let delay = match round_trip.is_zero() {
            true => None,
            false => Some((round_trip, Delay::new()?)),
        };
        let counts = Arc::new(Counts::default());
        Ok((Self { tree, delay, counts: Arc::clone(&counts) }, counts))
    }
}

impl Backend for Slow {
    fn time_to_live(&self) -> Duration {
        VALID
    }

    /// Attributes come with names as an NFS client requests them: at the start of a listing, and
    /// later only if somebody examined the entries before. Without parallel operations in a
    /// directory, the kernel would request two of its entries one after the other.
    fn capabilities(&self) -> InitFlags {
        InitFlags::FUSE_DO_READDIRPLUS
            | InitFlags::FUSE_READDIRPLUS_AUTO
            | InitFlags::FUSE_PARALLEL_DIROPS
    }

    fn attr(&self, ino: u64) -> Option<FileAttr> {
        self.tree.attr(ino)
    }

    fn find(&self, parent: u64, name: &OsStr) -> Option<u64> {
        self.tree.listing(parent)?.find(name.to_str()?)
    }

    /// Offsets 1 and 2 follow `.` and `..`.
    fn list(&self, dir: u64, offset: u64, add: &mut dyn FnMut(&Listed<'_>) -> bool) -> Option<u64> {
        let listing = self.tree.listing(dir)?;
        let mut name = String::new();
        let mut at = offset;
        loop {
            let (ino, name) = match at {
                0 => (dir, "."),
                1 => (listing.parent(), ".."),
                _ => match listing.entry(at - 2, &mut name) {
                    Some(ino) => (ino, name.as_str()),
                    None => return Some(at - offset),
                },
            };
            // Only names of files begin with f.
            let kind = match name.starts_with('f') {
                true => FileType::RegularFile,
                false => FileType::Directory,
            };
            if add(&Listed { ino, kind, name: name.as_ref(), next: at + 1 }) {
                return Some(at - offset);
            }
            at += 1;
        }
    }

    fn content(&self, _: u64) -> Option<&[u8]> {
        None
    }

    /// Counts the call and answers it after its round trips, one after another.
    fn answer(&self, call: Call, answer: Answer) {
        let counts = &self.counts;
        let (kind, trips) = match call.op {
            Op::Lookup => (&counts.lookups, 1),
            Op::Getattr => (&counts.getattrs, 1),
            Op::Opendir => (&counts.opendirs, 2),
            Op::Readdir | Op::ReaddirPlus if call.entries == 0 => (&counts.ends, 0),
            Op::Readdir => (&counts.readdirs, 1),
            Op::ReaddirPlus => (&counts.readdirpluses, 1),
            Op::Open => return answer(Verdict::Right),
        };
        kind.fetch_add(1, Relaxed);
        if trips == 0 {
            return answer(Verdict::Right);
        }
        counts.round_trips.fetch_add(u64::from(trips), Relaxed);
        let flying = counts.in_flight.fetch_add(1, Relaxed) + 1;
        counts.peak_in_flight.fetch_max(flying, Relaxed);
        let counts = Arc::clone(counts);
        // Counted down before the kernel receives the answer, because the next request of the same
        // caller may arrive while this closure still runs.
        let land = move || {
            counts.in_flight.fetch_sub(1, Relaxed);
            answer(Verdict::Right);
        };
        match &self.delay {
            Some((round_trip, delay)) => delay.after(*round_trip * trips, Box::new(land)),
            None => land(),
        }
    }

    fn forgotten(&self) {
        self.counts.forgotten.fetch_add(1, Relaxed);
    }
}
