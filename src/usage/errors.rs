//! Errors and omissions of a walk. Each one is counted, so a total that is too small is never
//! silent.

use std::collections::{BTreeMap, BTreeSet};
use std::io;

use super::Op;
use crate::packed::{pack_enums, pack_structs};

/// The most errors that a report names.
pub(super) const SAMPLES: usize = 100;

/// One operation that failed on one path.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Problem {
    /// Path below the root.
    pub path: Vec<u8>,
    pub op: Op,
    pub kind: ErrorKind,
    /// The file system's error, in words.
    pub message: String,
}

/// Kinds of errors, each with its own remedy.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum ErrorKind {
    /// EACCES, EPERM: the scan does not run as uid 0, or root squash is on.
    PermissionDenied,
    /// EIO.
    InputOutput,
    /// ESTALE, also after another try from the parent.
    Stale,
    /// ENOENT for a path that cannot have been removed during the scan.
    NotFound,
    /// A directory that its parent listed, but that was moved or removed before it was opened.
    Moved,
    /// EMFILE, ENFILE: too few descriptors.
    TooManyFiles,
    /// The file system did not fill in all requested attributes.
    Incomplete,
    /// Anything else: see the message.
    Other,
}

impl ErrorKind {
    /// Returns the name in reports.
    pub fn name(self) -> &'static str {
        match self {
            Self::PermissionDenied => "permission_denied",
            Self::InputOutput => "input_output",
            Self::Stale => "stale",
            Self::NotFound => "not_found",
            Self::Moved => "moved",
            Self::TooManyFiles => "too_many_open_files",
            Self::Incomplete => "incomplete_attributes",
            Self::Other => "other",
        }
    }

    fn of(error: &io::Error) -> Self {
        use rustix::io::Errno;
        match error.raw_os_error().map(Errno::from_raw_os_error) {
            Some(Errno::ACCESS | Errno::PERM) => Self::PermissionDenied,
            Some(Errno::IO) => Self::InputOutput,
            Some(Errno::STALE) => Self::Stale,
            Some(Errno::NOENT) => Self::NotFound,
            Some(Errno::MFILE | Errno::NFILE) => Self::TooManyFiles,
            None if error.kind() == io::ErrorKind::InvalidData => Self::Incomplete,
            _ => Self::Other,
        }
    }
}

impl Problem {
    pub fn new(path: Vec<u8>, op: Op, error: &io::Error) -> Self {
        Self { path, op, kind: ErrorKind::of(error), message: error.to_string() }
    }

    /// Makes the error of a directory that is not where its parent's listing found it. It may have
    /// been removed, or it may now be elsewhere, where it is not counted.
    pub(super) fn moved(path: Vec<u8>) -> Self {
        let message = "moved or removed during the scan, so its contents are not counted";
        Self { path, op: Op::Open, kind: ErrorKind::Moved, message: message.to_owned() }
    }
}

/// Everything that a scan did not see.
#[derive(Clone, Debug, Default)]
pub struct Errors {
    /// Number of failed operations.
    pub count: u64,
    /// Number of failed operations by kind.
    pub by_kind: BTreeMap<ErrorKind, u64>,
    /// The first `SAMPLES` errors by path, so every run names the same ones.
    pub samples: BTreeSet<Problem>,
    /// Entries that were removed or moved between listing and reading. Only a directory counts as
    /// an error as well ([`ErrorKind::Moved`]).
    pub vanished: u64,
    /// Mounts that were not entered.
    pub mounts: u64,
    /// Entries above the homes that were not read, for any reason. Some of them may contain homes.
    pub above_homes: u64,
    /// Number of excluded entries by the index of the matching glob.
    pub excluded: Vec<u64>,
}

impl Errors {
    /// Returns empty counts for a scan with `globs` exclusions.
    pub fn new(globs: usize) -> Self {
        Self { excluded: vec![0; globs], ..Self::default() }
    }

    pub fn add(&mut self, problem: Problem) {
        self.count += 1;
        *self.by_kind.entry(problem.kind).or_default() += 1;
        self.samples.insert(problem);
        if self.samples.len() > SAMPLES {
            self.samples.pop_last();
        }
    }

    /// Adds the errors of another shard.
    pub(super) fn merge(&mut self, more: Self) {
        let Self { count, by_kind, samples, vanished, mounts, above_homes, excluded } = more;
        self.count += count;
        for (kind, count) in by_kind {
            *self.by_kind.entry(kind).or_default() += count;
        }
        self.samples.extend(samples);
        while self.samples.len() > SAMPLES {
            self.samples.pop_last();
        }
        self.vanished += vanished;
        self.mounts += mounts;
        self.above_homes += above_homes;
        self.excluded.iter_mut().zip(excluded).for_each(|(mine, theirs)| *mine += theirs);
    }
}

pack_structs! {
    Problem { path, op, kind, message }
    Errors { count, by_kind, samples, vanished, mounts, above_homes, excluded }
}

pack_enums! {
    Op { Open, List, Stat, Read, Link, Merge }
    ErrorKind {
        Other, PermissionDenied, InputOutput, Stale, NotFound, Moved, TooManyFiles, Incomplete
    }
}
