//! Sources: the files from which a tool makes a directory, so that it could make it again.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};

use super::rules::Endings;
use super::{Attrs, FileKind};

/// Levels of directories from the one beside its sources to those that have rules of their own, such as
/// `target/PLATFORM/release`.
const REACH: u8 = 3;

/// A project: a directory with sources, and with others that a tool makes from these.
#[derive(Debug, Default)]
pub(super) struct Project {
    /// Endings of the files with contents that were seen among the sources.
    sources: AtomicU8,
    /// The project among whose sources it is, as a workspace has them.
    outer: Option<Arc<Project>>,
    /// Number of projects around it.
    level: u8,
}

/// The most projects around one whose sources count for it. More are no workspace, and a long chain of
/// them would be walked for each directory.
const DEEPEST: u8 = 8;

impl Project {
    /// A project with sources of these endings directly in it. `role` is that of its directory in another one.
    pub(super) fn new(sources: Endings, role: Option<&InProject>) -> Arc<Self> {
        let outer = match role {
            Some(InProject::Source(outer)) if outer.level < DEEPEST => Some(Arc::clone(outer)),
            _ => None,
        };
        let level = outer.as_ref().map_or(0, |outer| outer.level + 1);
        Arc::new(Self { sources: sources.into(), outer, level })
    }

    /// True if a file of this ending with contents was seen among the sources. The answer is final when all of
    /// the project's directories are complete.
    pub(super) fn has_sources(&self, ending: Endings) -> bool {
        // Relaxed: whoever completes a directory sees what was written before.
        self.sources.load(Ordering::Relaxed) & ending != 0
    }

    /// Adds sources, which are those of the projects around it, too.
    pub(super) fn found_sources(&self, endings: Endings) {
        for project in std::iter::successors(Some(self), |project| project.outer.as_deref()) {
            // Relaxed: as above.
            project.sources.fetch_or(endings, Ordering::Relaxed);
        }
    }
}

/// The role of a directory in a project.
#[derive(Clone, Debug)]
pub(super) enum InProject {
    /// Its tool makes it. The number is that of levels for which this holds.
    Made(Arc<Project>, u8),
    /// It is one of the sources.
    Source(Arc<Project>),
}

impl InProject {
    /// The directory beside the sources.
    pub(super) fn made(project: &Arc<Project>) -> Self {
        Self::Made(Arc::clone(project), REACH)
    }

    /// Returns the role of its subdirectories.
    pub(super) fn below(&self) -> Option<Self> {
        match self {
            Self::Made(_, ..=1) => None,
            Self::Made(project, reach) => Some(Self::Made(Arc::clone(project), reach - 1)),
            Self::Source(_) => Some(self.clone()),
        }
    }
}

/// Files of a directory, with their sizes.
#[derive(Clone, Debug, Default)]
pub(super) struct SizedNames {
    /// Each followed by a slash.
    names: Vec<u8>,
    /// In bytes.
    sizes: Vec<u64>,
}

impl SizedNames {
    pub(super) fn push(&mut self, name: &[u8], size: u64) {
        self.names.extend_from_slice(name);
        self.names.push(b'/');
        self.sizes.push(size);
    }

    fn iter(&self) -> impl Iterator<Item = (&[u8], u64)> {
        self.names.split(|byte| *byte == b'/').zip(self.sizes.iter().copied())
    }
}

/// Files beside a directory that a tool compiles into it.
#[derive(Clone, Debug, Default)]
pub(super) struct SourceNames {
    files: SizedNames,
    /// True if `__init__.py` is empty, as in many packages.
    has_empty_init: bool,
}

/// The largest file, in bytes, that Python 3.8 to 3.14 compile an empty `__init__.py` to: some 140 bytes
/// and the path of the source. Longer paths lose a command, and nothing else.
const LARGEST_EMPTY_INIT: u64 = 300;

impl SourceNames {
    /// Adds a file. A link may lead nowhere, and a file may have lost its contents.
    pub(super) fn add(&mut self, name: &[u8], attrs: &Attrs) {
        let is_empty_init = attrs.apparent == 0 && name == b"__init__.py";
        if attrs.kind == FileKind::File && (attrs.apparent > 0 || is_empty_init) {
            self.has_empty_init |= is_empty_init;
            self.files.push(name, attrs.apparent);
        }
    }

    /// True if the file `name` has more in it than a tool makes of an empty source.
    #[inline]
    pub(super) fn are_too_small_for(&self, name: &[u8], size: u64) -> bool {
        self.has_empty_init && size > LARGEST_EMPTY_INIT && name.starts_with(b"__init__.")
    }

    /// True if every one of `names` continues with a dot after the name of a source, which has `ending`
    /// instead, and none of the `larger` ones is too large for its source. Each name is followed by a slash.
    pub(super) fn make(&self, names: &[u8], larger: &SizedNames, ending: &[u8]) -> bool {
        let sources = self.files.iter();
        let stems = sources.filter_map(|(name, size)| Some((name.strip_suffix(ending)?, size)));
        let stems: HashMap<&[u8], u64> = stems.collect();
        let source_of = |name: &[u8]| {
            let mut dots = name.iter().enumerate().rev().filter(|(_, byte)| **byte == b'.');
            // A name may have dots: `model.old.py` is another module than `model.py`.
            let mut compiled = COMPILED.iter().filter_map(|marks| {
                let begins =
                    |(at, _): &(usize, &u8)| marks.iter().any(|it| name[*at..].starts_with(it));
                dots.clone().find(begins)
            });
            match compiled.next() {
                Some((at, _)) => stems.get(&name[..at]),
                None => dots.find_map(|(at, _)| stems.get(&name[..at])),
            }
        };
        let mut names = names.split(|byte| *byte == b'/').filter(|name| !name.is_empty());
        let is_made = |(name, size): (&[u8], u64)| {
            source_of(name).is_some_and(|source| size <= largest_made_of(*source))
        };
        names.all(|name| source_of(name).is_some()) && larger.iter().all(is_made)
    }
}

/// The largest file, in bytes, that Python may compile a source of this size to. Of 72,450 compiled files of
/// Python's library and of packages, those above 4 KiB have up to 6.3 times the size of their source, and
/// none has 300 bytes more than 8 times. A source that has lost most of its contents makes no such file.
fn largest_made_of(source: u64) -> u64 {
    source.saturating_mul(8).saturating_add(ANY_MADE)
}

/// The largest compiled file, in bytes, that is accepted for any source with contents.
pub(super) const ANY_MADE: u64 = 1 << 10;

/// What follows the name of a module in the names of files that Python compiles from it: a tag (PEP
/// 3147), or else the ending.
const COMPILED: [&[&[u8]]; 2] = [&[b".cpython-", b".pypy", b".graalpy"], &[b".pyc", b".pyo"]];
