//! Every entry of a scan, kept on disk until the walk is over and the entries can be written
//! nested.
//!
//! The walk finds directories in any order, and several at once, but the form ([`EntryForm`]) is
//! nested, depth first. No tree is kept in memory. Instead, each part of a listing is turned into
//! text when it is committed, and appended to a temporary file ([`Log`]). A second file
//! ([`DirIndex`]) stores for each directory, by its number, where the last of its parts is. When
//! the walk is over, one pass goes down from the root ([`nest`]) and copies the parts to their
//! places. Memory holds a buffer for each open listing, and in the last pass one frame for each
//! level of the tree.
//!
//! A part is a header of three words (offset of the previous part, bytes of leaves, number of
//! subdirectories), the text of the leaves, which are the entries that are not directories, and the
//! subdirectories: number, two lengths, the text of the name and that of the attributes.

mod dir_index;
mod form;
mod nest;

use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, OnceLock};

pub use dir_index::ReadState;
pub use form::{Bare, EntryForm};
pub use nest::Collected;

use super::dir::Dir;
use super::seen::Extent;
use super::spill::Log;
use crate::log;
use crate::sync::lock;
use crate::usage::Attrs;
use dir_index::{DirIndex, DirRecord};

/// Bytes of text above which a listing should be committed.
const HEAVY: usize = 64 * 1024;

/// Bytes of text of a directory with some ten files.
const FEW: usize = 1024;

/// The entries that a walk collects, to be written in one form.
#[derive(Debug)]
pub struct Export {
    form: &'static dyn EntryForm,
    log: Log,
    index: DirIndex,
    /// Directory of both files, for messages.
    directory: PathBuf,
    /// Number of directories numbered so far.
    directories: AtomicU64,
    /// The root's own attributes, in the form.
    root: OnceLock<Vec<u8>>,
    /// The first error of a temporary file. It ends the export.
    broken: OnceLock<io::Error>,
}

/// Place of an open directory in an export.
#[derive(Debug)]
pub(in crate::usage) struct Branch {
    number: u64,
    progress: Mutex<DirProgress>,
}

#[derive(Debug)]
struct DirProgress {
    /// Listings that have not ended.
    open: usize,
    /// True if part of the directory could not be read.
    failed: bool,
    record: DirRecord,
}

/// Text of one listing that is not committed yet.
#[derive(Debug)]
pub(in crate::usage) struct Lines {
    form: &'static dyn EntryForm,
    leaves: Vec<u8>,
    branches: Vec<u8>,
    /// Number of subdirectories in `branches`.
    count: u64,
    /// True if the directory itself could not be read to its end.
    failed: bool,
}

impl Export {
    /// Opens an export with two nameless temporary files in `directory`. They take as much space as
    /// the result, and 8 bytes for each directory.
    ///
    /// # Errors
    /// If a file cannot be created there.
    pub fn open(directory: &Path, form: &'static dyn EntryForm) -> io::Result<Self> {
        Ok(Self {
            form,
            log: Log::open(directory)?,
            index: DirIndex::open(directory)?,
            directory: directory.to_owned(),
            directories: 0.into(),
            root: OnceLock::new(),
            broken: OnceLock::new(),
        })
    }

    /// Begins the text of a listing.
    pub(in crate::usage) fn lines(&self) -> Lines {
        Lines::new(self.form)
    }

    /// Adds the root, which has number 0. `attrs` are its attributes if its own inode counts.
    pub(in crate::usage) fn root(&self, attrs: Option<&Attrs>) -> Branch {
        self.root.get_or_init(|| {
            let mut text = Vec::new();
            if let Some(attrs) = attrs {
                self.form.attrs(&mut text, attrs, None);
            }
            text
        });
        self.branch()
    }

    /// Assigns a number to a directory.
    pub(in crate::usage) fn branch(&self) -> Branch {
        // Relaxed: only the number itself matters, and it is unique.
        let number = self.directories.fetch_add(1, Ordering::Relaxed);
        let progress = DirProgress { open: 1, failed: false, record: DirRecord::default() };
        Branch { number, progress: Mutex::new(progress) }
    }

    /// Appends the text of a listing to the log, and empties it.
    pub(in crate::usage) fn commit(&self, branch: &Branch, lines: &mut Lines, listed: Extent) {
        let mut progress = lock(&branch.progress);
        let lines = std::mem::replace(lines, self.lines());
        progress.failed |= lines.failed;
        let mut record = DirRecord { state: ReadState::Partly, ..progress.record };
        if !progress.failed && listed == Extent::Whole && progress.open == 1 {
            // Only the end is left, and it writes nothing in this case.
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

    /// Begins another listing of the directory.
    pub(in crate::usage) fn fork(&self, branch: &Branch) {
        lock(&branch.progress).open += 1;
    }

    /// Ends a listing of the directory.
    pub(in crate::usage) fn end(&self, branch: &Branch) {
        let mut progress = lock(&branch.progress);
        progress.open = progress.open.saturating_sub(1);
        if progress.open == 0 && !progress.failed {
            let record = DirRecord { state: ReadState::Whole, ..progress.record };
            self.set(branch, &mut progress, record);
        }
    }

    /// Marks a directory as partly read after its listing has ended.
    pub(in crate::usage) fn failed(&self, branch: &Branch) {
        let mut progress = lock(&branch.progress);
        progress.failed = true;
        let record = DirRecord { state: ReadState::Partly, ..progress.record };
        self.set(branch, &mut progress, record);
    }

    /// Marks a directory as gone: its parent listed it, but it can no longer be opened.
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

    /// Runs `write`, unless a write failed before. The first failure ends the export, not the scan.
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
            log::error!("the export is given up, the scan goes on: writing {problem}");
        }
        None
    }
}

impl Lines {
    fn new(form: &'static dyn EntryForm) -> Self {
        Self { form, leaves: Vec::new(), branches: Vec::new(), count: 0, failed: false }
    }

    /// Adds an entry of the directory `of` that is not a directory itself.
    pub(in crate::usage) fn leaf(&mut self, of: &Dir, name: &[u8], attrs: &Attrs) {
        if self.leaves.is_empty() {
            // Enough for most directories, so the text is not moved as it grows.
            self.leaves.reserve(FEW);
        }
        self.form.leaf(&mut self.leaves, name, attrs, of.attrs.dev);
    }

    /// Adds a subdirectory of `of`, with its attributes if its own inode `counts`.
    pub(in crate::usage) fn branch(&mut self, of: &Dir, dir: &Dir, counts: bool) {
        let Some(branch) = &dir.branch else { return };
        self.count += 1;
        self.branches.extend_from_slice(&branch.number.to_le_bytes());
        let lengths = self.branches.len();
        self.branches.extend_from_slice(&[0; 8]);
        let name = self.branches.len();
        self.form.name(&mut self.branches, &dir.name);
        let attrs = self.branches.len();
        if counts {
            self.form.attrs(&mut self.branches, &dir.attrs, Some(of.attrs.dev));
        }
        // A name has at most 255 bytes, and a form writes a few bytes for each.
        let length = |from: usize, to: usize| u32::try_from(to - from).unwrap_or(u32::MAX);
        let end = self.branches.len();
        self.branches[lengths..lengths + 4].copy_from_slice(&length(name, attrs).to_le_bytes());
        self.branches[lengths + 4..name].copy_from_slice(&length(attrs, end).to_le_bytes());
    }

    /// Adds an entry that a glob excludes.
    pub(in crate::usage) fn excluded(&mut self, name: &[u8]) {
        self.form.bare(&mut self.leaves, name, Bare::Excluded);
    }

    /// Adds an entry where another file system is mounted.
    pub(in crate::usage) fn foreign(&mut self, name: &[u8]) {
        self.form.bare(&mut self.leaves, name, Bare::OtherFileSystem);
    }

    /// Records a read error of the entry `name`, or of the directory itself.
    pub(in crate::usage) fn failed(&mut self, name: Option<&[u8]>) {
        match name {
            Some(name) => self.form.bare(&mut self.leaves, name, Bare::Unread),
            None => self.failed = true,
        }
    }

    /// True if there is so much text that it should be committed.
    pub(in crate::usage) fn is_heavy(&self) -> bool {
        self.leaves.len() >= HEAVY
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)] // A test that cannot go on fails.
mod tests {
    use super::*;
    use std::io::Write;

    /// Writes nothing: these tests check only the directories' read states.
    #[derive(Debug)]
    struct NoForm;

    impl EntryForm for NoForm {
        fn leaf(&self, _: &mut Vec<u8>, _: &[u8], _: &Attrs, _: u64) {}
        fn bare(&self, _: &mut Vec<u8>, _: &[u8], _: Bare) {}
        fn name(&self, _: &mut Vec<u8>, _: &[u8]) {}
        fn attrs(&self, _: &mut Vec<u8>, _: &Attrs, _: Option<u64>) {}
        fn begin(&self, _: &mut dyn Write, _: &[u8], _: &[u8], _: ReadState) -> io::Result<()> {
            Ok(())
        }
        fn end(&self, _: &mut dyn Write) -> io::Result<()> {
            Ok(())
        }
    }

    struct Open(Export, Branch);

    impl Open {
        fn new() -> Self {
            let export = Export::open(&std::env::temp_dir(), &NoForm).unwrap();
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
        Lines { leaves: b",{}".to_vec(), failed, ..Lines::new(&NoForm) }
    }

    #[test]
    fn a_directory_is_whole_when_its_last_listing_has_ended() {
        let open = Open::new();
        assert_eq!(open.state(), ReadState::Unread);
        assert_eq!(open.commit(lines(false), Extent::Partly), ReadState::Partly);
        open.0.fork(&open.1);
        assert_eq!(open.commit(Lines::new(&NoForm), Extent::Whole), ReadState::Partly);
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
        assert_eq!(open.commit(Lines::new(&NoForm), Extent::Whole), ReadState::Whole);
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
