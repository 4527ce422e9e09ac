//! Every entry of a scan in the form of ncdu, nested as the directories are.
//!
//! The walk finds directories in any order, and several at once; the form is nested, depth first.
//! So that no tree is kept in memory, each part of a listing is turned into JSON when it counts,
//! and appended to a temporary file ([`spill::Log`]); a second one ([`spill::DirIndex`]) says for
//! each directory, by its number, where the last of its parts is. When the walk is over, one pass
//! goes down from the root ([`nest`]) and copies the parts to where they belong. What is in memory
//! is a buffer for each open listing, and in the last pass one frame for each level.
//!
//! A part is a header of three words (where the part before it is, how many bytes of entries, how
//! many subdirectories), the entries that are no directories as JSON, each with a comma before it,
//! and the subdirectories: number, lengths, the JSON of the name and that of the attributes.

mod entry;
mod nest;
mod spill;

use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, OnceLock};

pub use nest::ExportHead;

use super::dir::Dir;
use super::rules::Extent;
use crate::sync::lock;
use crate::usage::Attrs;
use entry::Bare;
use spill::{DirIndex, DirRecord, Log, ReadState};

/// JSON that a listing holds before it should be committed, bytes.
const HEAVY: usize = 64 * 1024;

/// What a walk writes down of every entry.
#[derive(Debug)]
pub struct Export {
    log: Log,
    index: DirIndex,
    /// Where both are, for messages.
    directory: PathBuf,
    directories: AtomicU64,
    /// The root's own attributes, as JSON.
    root: OnceLock<Vec<u8>>,
    /// Why it cannot be written, once that is so.
    broken: OnceLock<io::Error>,
}

/// What an export knows of a directory while it is open.
#[derive(Debug)]
pub(in crate::usage) struct Branch {
    number: u64,
    progress: Mutex<DirProgress>,
}

#[derive(Debug)]
struct DirProgress {
    /// Listings that have not ended.
    open: usize,
    /// Whether something of it could not be read.
    failed: bool,
    record: DirRecord,
}

/// What one listing has for an export and did not commit yet.
#[derive(Debug, Default)]
pub(in crate::usage) struct Lines {
    leaves: Vec<u8>,
    branches: Vec<u8>,
    count: u64,
    /// Whether the directory itself could not be read to its end.
    failed: bool,
}

impl Export {
    /// An export whose temporary files lie in `directory`, without a name. They take as much
    /// space as the result, and 8 bytes for each directory.
    ///
    /// # Errors
    /// If a file cannot be made there.
    pub fn open(directory: &Path) -> io::Result<Self> {
        Ok(Self {
            log: Log::open(directory)?,
            index: DirIndex::open(directory)?,
            directory: directory.to_owned(),
            directories: 0.into(),
            root: OnceLock::new(),
            broken: OnceLock::new(),
        })
    }

    /// The root, which is the first directory that is known. Its attributes, if they count.
    pub(in crate::usage) fn root(&self, attrs: Option<&Attrs>) -> Branch {
        self.root.get_or_init(|| {
            let mut json = Vec::new();
            if let Some(attrs) = attrs {
                entry::sizes(&mut json, attrs, None);
            }
            json
        });
        self.branch()
    }

    /// A directory that is known from now on.
    pub(in crate::usage) fn branch(&self) -> Branch {
        // Relaxed: each has its own number, and nothing else depends on it.
        let number = self.directories.fetch_add(1, Ordering::Relaxed);
        let progress = DirProgress { open: 1, failed: false, record: DirRecord::default() };
        Branch { number, progress: Mutex::new(progress) }
    }

    /// Writes down what a listing holds, and empties it.
    pub(in crate::usage) fn commit(&self, branch: &Branch, lines: &mut Lines, listed: Extent) {
        let mut progress = lock(&branch.progress);
        let lines = std::mem::take(lines);
        progress.failed |= lines.failed;
        let mut record = DirRecord { state: ReadState::Partly, ..progress.record };
        if !progress.failed && listed == Extent::Whole && progress.open == 1 {
            // All that is left is to end it.
            record.state = ReadState::Whole;
        }
        if lines.count > 0 || !lines.leaves.is_empty() {
            let before = record.newest.map_or(0, |at| at + 1);
            let header = [before, lines.leaves.len() as u64, lines.count];
            let header = header.map(u64::to_le_bytes);
            let parts = [header.as_flattened(), &lines.leaves, &lines.branches];
            match self.attempt(|| self.log.append(&parts)).flatten() {
                Some(at) => record.newest = Some(at),
                None => return progress.failed = true,
            }
        }
        self.set(branch, &mut progress, record);
    }

    /// Another listing of the directory begins.
    pub(in crate::usage) fn fork(&self, branch: &Branch) {
        lock(&branch.progress).open += 1;
    }

    /// A listing of the directory ends.
    pub(in crate::usage) fn end(&self, branch: &Branch) {
        let mut progress = lock(&branch.progress);
        progress.open = progress.open.saturating_sub(1);
        if progress.open == 0 && !progress.failed {
            let record = DirRecord { state: ReadState::Whole, ..progress.record };
            self.set(branch, &mut progress, record);
        }
    }

    /// Something of the directory could not be read, which turned out when its listing had ended.
    pub(in crate::usage) fn failed(&self, branch: &Branch) {
        let mut progress = lock(&branch.progress);
        progress.failed = true;
        let record = DirRecord { state: ReadState::Partly, ..progress.record };
        self.set(branch, &mut progress, record);
    }

    /// The directory was known from its parent and is not there.
    pub(in crate::usage) fn gone(&self, branch: &Branch) {
        let record = DirRecord { state: ReadState::Gone, newest: None };
        self.set(branch, &mut lock(&branch.progress), record);
    }

    fn set(&self, branch: &Branch, progress: &mut DirProgress, record: DirRecord) {
        if progress.record != record {
            progress.record = record;
            self.attempt(|| self.index.set(branch.number, record));
        }
    }

    /// Writes, unless that failed before: then the export has no result, but the scan has.
    fn attempt<T>(&self, write: impl FnOnce() -> io::Result<T>) -> Option<T> {
        if self.broken.get().is_some() {
            return None;
        }
        let error = match write() {
            Ok(done) => return Some(done),
            Err(error) => error,
        };
        let problem = format!("a temporary file in {}: {error}", self.directory.display());
        if self.broken.set(io::Error::new(error.kind(), problem.clone())).is_ok() {
            tracing::error!("the export is given up, the scan goes on: writing {problem}");
        }
        None
    }
}

impl Lines {
    /// An entry that is no directory, in the directory `of`.
    pub(in crate::usage) fn leaf(&mut self, of: &Dir, name: &[u8], attrs: &Attrs) {
        entry::leaf(&mut self.leaves, name, attrs, of.attrs.dev);
    }

    /// A subdirectory of `of`, and whether its own inode counts.
    pub(in crate::usage) fn branch(&mut self, of: &Dir, dir: &Dir, counts: bool) {
        let Some(branch) = &dir.branch else { return };
        self.count += 1;
        self.branches.extend_from_slice(&branch.number.to_le_bytes());
        let lengths = self.branches.len();
        self.branches.extend_from_slice(&[0; 8]);
        let name = self.branches.len();
        entry::string(&mut self.branches, &dir.name);
        let attrs = self.branches.len();
        if counts {
            entry::sizes(&mut self.branches, &dir.attrs, Some(of.attrs.dev));
        }
        // A name has 255 bytes at most, and six are written for each at most.
        let length = |from: usize, to: usize| u32::try_from(to - from).unwrap_or(u32::MAX);
        let end = self.branches.len();
        self.branches[lengths..lengths + 4].copy_from_slice(&length(name, attrs).to_le_bytes());
        self.branches[lengths + 4..name].copy_from_slice(&length(attrs, end).to_le_bytes());
    }

    /// An entry that a glob leaves out.
    pub(in crate::usage) fn excluded(&mut self, name: &[u8]) {
        entry::bare(&mut self.leaves, name, Bare::Excluded);
    }

    /// An entry on another file system.
    pub(in crate::usage) fn foreign(&mut self, name: &[u8]) {
        entry::bare(&mut self.leaves, name, Bare::OtherFileSystem);
    }

    /// What could not be read: the entry `name`, or the directory itself.
    pub(in crate::usage) fn failed(&mut self, name: Option<&[u8]>) {
        match name {
            Some(name) => entry::bare(&mut self.leaves, name, Bare::Unread),
            None => self.failed = true,
        }
    }

    /// Whether it holds so much that it should be committed.
    pub(in crate::usage) fn is_heavy(&self) -> bool {
        self.leaves.len() >= HEAVY
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)] // A test that cannot go on fails.
mod tests {
    use super::*;

    struct Open(Export, Branch);

    impl Open {
        fn new() -> Self {
            let export = Export::open(&std::env::temp_dir()).unwrap();
            let branch = export.branch();
            Self(export, branch)
        }

        fn commit(&self, lines: Lines, listed: Extent) -> ReadState {
            self.0.commit(&self.1, &mut { lines }, listed);
            self.state()
        }

        fn end(&self) -> ReadState {
            self.0.end(&self.1);
            self.state()
        }

        fn state(&self) -> ReadState {
            self.0.index.get(self.1.number).unwrap().state
        }
    }

    fn lines(failed: bool) -> Lines {
        Lines { leaves: b",{}".to_vec(), failed, ..Lines::default() }
    }

    #[test]
    fn a_directory_is_whole_when_its_last_listing_has_ended() {
        let open = Open::new();
        assert_eq!(open.state(), ReadState::Unread);
        assert_eq!(open.commit(lines(false), Extent::Partly), ReadState::Partly);
        open.0.fork(&open.1);
        assert_eq!(open.commit(Lines::default(), Extent::Whole), ReadState::Partly);
        assert_eq!(open.end(), ReadState::Partly);
        assert_eq!(open.commit(lines(false), Extent::Partly), ReadState::Partly);
        assert_eq!(open.end(), ReadState::Whole);
    }

    #[test]
    fn one_part_that_failed_makes_it_partly() {
        let open = Open::new();
        open.0.fork(&open.1);
        assert_eq!(open.commit(lines(true), Extent::Partly), ReadState::Partly);
        assert_eq!(open.end(), ReadState::Partly);
        assert_eq!(open.commit(lines(false), Extent::Whole), ReadState::Partly);
        assert_eq!(open.end(), ReadState::Partly);
        let open = Open::new();
        assert_eq!(open.commit(lines(false), Extent::Whole), ReadState::Whole);
        assert_eq!(open.end(), ReadState::Whole);
        open.0.failed(&open.1);
        assert_eq!(open.state(), ReadState::Partly);
    }

    #[test]
    fn an_empty_one_is_whole_and_one_that_vanished_is_gone() {
        let open = Open::new();
        assert_eq!(open.commit(Lines::default(), Extent::Whole), ReadState::Whole);
        assert_eq!(open.0.index.get(0).unwrap().newest, None);
        let open = Open::new();
        open.0.gone(&open.1);
        assert_eq!(open.state(), ReadState::Gone);
    }

    #[test]
    fn what_comes_after_the_end_is_not_taken_for_read() {
        let open = Open::new();
        open.0.log.close().unwrap();
        assert_eq!(open.commit(lines(false), Extent::Whole), ReadState::Unread);
        assert_eq!(open.end(), ReadState::Unread);
    }
}
