//! What could not be read, and what was left out: counted, never silently smaller.

use std::collections::{BTreeMap, BTreeSet};
use std::io;

use crate::usage::Op;

/// How many errors a report names.
pub(super) const SAMPLES: usize = 100;

/// One operation that failed on one path.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Problem {
    /// Path below the root.
    pub path: Vec<u8>,
    /// What was tried.
    pub op: Op,
    /// What kind of failure it was.
    pub kind: ErrorKind,
    /// What the file system answered.
    pub message: String,
}

/// Failures that want different remedies.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum ErrorKind {
    /// EACCES, EPERM: run as uid 0, or root squash is on.
    PermissionDenied,
    /// EIO.
    InputOutput,
    /// ESTALE, also after one more try from the parent.
    Stale,
    /// ENOENT where it cannot be a matter of time.
    NotFound,
    /// EMFILE, ENFILE: too few descriptors.
    TooManyFiles,
    /// The file system did not fill all attributes that were asked for.
    Incomplete,
    /// Anything else; the message says it.
    Other,
}

impl ErrorKind {
    /// The name in reports.
    pub fn name(self) -> &'static str {
        match self {
            Self::PermissionDenied => "permission_denied",
            Self::InputOutput => "input_output",
            Self::Stale => "stale",
            Self::NotFound => "not_found",
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
    /// What went wrong with `path`.
    pub fn new(path: Vec<u8>, op: Op, error: &io::Error) -> Self {
        Self { path, op, kind: ErrorKind::of(error), message: error.to_string() }
    }
}

/// Everything that keeps a report from being the whole truth.
#[derive(Clone, Debug, Default)]
pub struct Errors {
    /// How many operations failed.
    pub count: u64,
    /// The same by kind.
    pub by_kind: BTreeMap<ErrorKind, u64>,
    /// The first `SAMPLES` by path: the same ones in every run.
    pub samples: BTreeSet<Problem>,
    /// Entries that were gone when their turn came. Not errors.
    pub vanished: u64,
    /// Mounts that were left out.
    pub mounts: u64,
    /// Entries left out, by the position of the glob that said so.
    pub excluded: Vec<u64>,
}

impl Errors {
    /// None yet, for a scan with `globs` exclusions.
    pub fn new(globs: usize) -> Self {
        Self { excluded: vec![0; globs], ..Self::default() }
    }

    /// Counts a failure.
    pub fn add(&mut self, problem: Problem) {
        self.count += 1;
        *self.by_kind.entry(problem.kind).or_default() += 1;
        self.samples.insert(problem);
        if self.samples.len() > SAMPLES {
            self.samples.pop_last();
        }
    }
}
