//! Applies READDIR's results: a directory's entries, its marker files, and its end.
//!
//! A listing that spans several replies is counted at its end, or in parts if it is large.

use std::io;
use std::time::Instant;

use rustix::io::Errno;

use super::{NfsWalk, QueuedTask, ReadTask};
use crate::scan::nfs::compound::NfsOp;
use crate::scan::nfs::directory_read::DirectoryRead;
use crate::scan::nfs::markers::MarkerContents;
use crate::scan::nfs::readdir::ReadDirEnd;
use crate::scan::nfs::results::{CompoundResults, OpError};
use crate::scan::nfs::retry::AttemptCounts;
use crate::scan::nfs::status::Status;
use crate::usage::{Attrs, Dir, Extent, FileKind, Op};

/// Depth from which directories are checked for being their own ancestors.
const LOOP_CHECK_DEPTH: u32 = 128;

impl NfsWalk {
    /// Adds a reply's entries to the listing.
    pub(super) fn apply_listing(
        &mut self,
        reading: &mut DirectoryRead,
        results: &mut CompoundResults<'_>,
    ) -> Result<ReadDirEnd, OpError> {
        if !reading.can_restart() {
            // Part of this listing has been counted, which cannot be undone: check the whole reply
            // first.
            let mut trial = results.clone();
            let whole = trial.check(NfsOp::PutFh).and_then(|()| Ok(trial.read_dir()?.end()?));
            if let Err(error) = whole {
                // Skip these results, so that the request's next task does not read them.
                *results = trial;
                return Err(error);
            }
        }
        results.check(NfsOp::PutFh)?;
        let mut entries = results.read_dir()?;
        let ledger = &self.ledger;
        let listing = reading.listing.get_or_insert_with(|| Box::new(ledger.begin(&reading.dir)));
        for entry in &mut entries {
            let Ok(entry) = entry else { break };
            if !entry.is_plain() {
                let problem = "the server listed an invalid file name";
                listing.failed(Op::List, None, &io::Error::other(problem));
                continue;
            }
            if !listing.wants(ledger, entry.name) {
                continue;
            }
            match self.inodes.attrs(&entry.attributes, Some(reading.dir.attrs.dev)) {
                Ok(attrs) if is_own_ancestor(&reading.dir, &attrs) => {
                    listing.failed(Op::Open, Some(entry.name), &Errno::LOOP.into());
                }
                Ok(attrs) => {
                    reading.markers.note(ledger, entry.name, attrs.apparent);
                    let held_back = listing.directories();
                    listing.entry(ledger, entry.name, attrs);
                    if listing.directories() > held_back {
                        reading.handles.push(entry.attributes.handle.unwrap_or_default().into());
                    }
                }
                Err(error) => listing.failed(Op::Stat, Some(entry.name), &error),
            }
        }
        Ok(entries.end()?)
    }

    /// Continues or ends a listing after a reply.
    pub(super) fn listing_advanced(
        &mut self,
        mut reading: Box<DirectoryRead>,
        end: ReadDirEnd,
        now: Instant,
    ) {
        let before = reading.cookie;
        let cookie = end.cookie.unwrap_or(before);
        if !end.eof && end.cookie.is_none() {
            // ganesha's reply if not even one entry fits, in place of TOOSMALL.
            let task = ReadTask::List(reading);
            return self.failed(task, NfsOp::ReadDir, Status::TOOSMALL, 1, now);
        }
        reading.tries = AttemptCounts::default();
        reading.unusable_replies = 0;
        if (!reading.accept_cookie(cookie) || cookie == before) && !end.eof {
            let error = io::Error::other("the server's directory cookies form a loop");
            return self.unreadable(reading, Op::List, &error);
        }
        reading.verifier = end.verifier;
        reading.at_eof = end.eof;
        let heavy = reading.listing.as_ref().is_some_and(|listing| listing.is_heavy());
        if end.eof || heavy {
            reading.markers.begin(&self.ledger, reading.listing.as_deref(), heavy && !end.eof);
            self.advance(reading);
        } else {
            self.push(ReadTask::List(reading));
        }
    }

    /// Reads the next marker file, or counts the listing once all markers are known.
    pub(super) fn advance(&mut self, mut reading: Box<DirectoryRead>) {
        reading.tries = AttemptCounts::default();
        if reading.markers.next().is_some() {
            return self.push(ReadTask::ReadMarker(reading));
        }
        let extent = if reading.at_eof { Extent::Whole } else { Extent::Partly };
        self.commit(&mut reading, extent);
        if reading.at_eof {
            self.listed += 1;
            if let Some(listing) = reading.listing {
                self.ledger.end(*listing);
            }
        } else if self.ready.len() > self.crowded {
            self.deferred.push(ReadTask::List(reading));
        } else {
            // Below its children on the stack: depth first.
            let at = self.ready.len().saturating_sub(reading.children_queued);
            self.ready.insert(at, QueuedTask::Begun(ReadTask::List(reading)));
        }
    }

    pub(super) fn commit(&mut self, reading: &mut DirectoryRead, extent: Extent) {
        let Some(listing) = &mut reading.listing else { return };
        let children = listing.commit(&self.ledger, extent, &reading.markers);
        let handles = std::mem::take(&mut reading.handles);
        reading.children_queued = children.len();
        // The first name ends up on top, as with the mount engines.
        for (dir, handle) in children.into_iter().zip(handles).rev() {
            match handle.is_empty() {
                false => self.ready.push(QueuedTask::New(dir, handle)),
                true => {
                    let child = Box::new(DirectoryRead::new(dir, handle));
                    let problem = "the server did not report filehandle";
                    let problem = io::Error::new(io::ErrorKind::InvalidData, problem);
                    self.unreadable(child, Op::Open, &problem);
                }
            }
        }
    }
}

/// True if a directory is one of its own ancestors, which would make the walk endless. Checked only
/// at great depth: EFS allows at most 1,000 levels.
fn is_own_ancestor(dir: &Dir, child: &Attrs) -> bool {
    if child.kind != FileKind::Dir || dir.depth < LOOP_CHECK_DEPTH {
        return false;
    }
    let mut above = Some(dir);
    while let Some(dir) = above {
        if (dir.attrs.dev, dir.attrs.ino) == (child.dev, child.ino) {
            return true;
        }
        above = dir.parent.as_deref();
    }
    false
}

pub(super) fn apply_marker(
    reading: &mut DirectoryRead,
    results: &mut CompoundResults<'_>,
) -> Result<(), OpError> {
    results.check(NfsOp::PutFh)?;
    results.check(NfsOp::Lookup)?;
    let read = results.read()?;
    reading.markers.record(MarkerContents::Start(read.data.to_vec()));
    Ok(())
}
