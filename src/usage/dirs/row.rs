//! A row of the table.

use std::cmp::Ordering;

use crate::units::{AllocatedBytes, ApparentBytes, MeteredBytes};
use crate::usage::class::Class;
use crate::usage::home::HomeKind;
use crate::usage::tally::Ages;

/// A directory, or a file that is a finding itself.
///
/// Each row counts in three ways: `own` is what it holds directly, `subtree` everything below it,
/// and `rest` what those directories below it hold that have no row and for which this is the
/// nearest row above. So `subtree` is `own`, `rest`, and the `subtree` of each row directly below
/// (the rows for which this is the nearest row above), in each of its figures. The sum of `own` and
/// `rest` over all rows of a home, of a class or of everything counts each inode once.
///
/// No figure crosses into a home: the directories above the homes count what is outside of homes.
///
/// A directory or file whose path below its home is longer than 4,096 bytes has no row, so the row above
/// counts it, whatever its class is.
///
/// An inode with several links counts at one of them: in the home that is charged for it, in the
/// class that it has there, at the first path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DirRow {
    /// The kind of home; [`HomeKind::Outside`] for everything outside homes, which is one place.
    pub kind: HomeKind,
    /// Path of the home below the root, with the file system's bytes. Empty outside of homes, and
    /// if the root is the home.
    pub home: Vec<u8>,
    /// Path below the home, or outside of homes below the root; empty for the home (the root)
    /// itself.
    pub path: Vec<u8>,
    /// True for a file. Files have a row only if they are findings; then their directory's `own`
    /// leaves them out.
    pub is_file: bool,
    /// Owner of the directory or file.
    pub uid: u32,
    /// Class of what it holds directly.
    pub class: Class,
    /// Id of the rule in force, which may be a directory's above; empty if there is none. A hint has
    /// the class `rest`. The directories of `rest` have the same rule.
    pub rule: String,
    /// True if a finding begins here.
    pub is_finding: bool,
    /// Its own inode, and the entries in it that are no directories and have no row.
    pub own: Sums,
    /// What directories below it hold that have no row.
    pub rest: Sums,
    /// Everything in it, itself included.
    pub subtree: Sums,
    /// Those inodes of `subtree` that have several links.
    pub linked: Linked,
    /// Newest mtime in the subtree, in seconds since 1970. Times in the future do not count.
    pub newest: Option<i64>,
    /// Metered size of the subtree by age of mtime, youngest first: up to 7, 30, 90 and 365 days
    /// before the run, and older.
    pub ages: [MeteredBytes; Ages::COUNT],
    /// The same of mtimes in the future. All ages and this one sum up to the metered size.
    pub future: MeteredBytes,
}

/// Sums over inodes, each counted once.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sums {
    /// Regular files. Symbolic links and others count only in the sizes.
    pub files: u64,
    /// Directories.
    pub dirs: u64,
    /// Sum of `st_size`.
    pub apparent: ApparentBytes,
    /// Sum of `st_blocks * 512`.
    pub allocated: AllocatedBytes,
    /// What EFS bills: allocated bytes and 2 KiB for each inode of any kind.
    pub metered: MeteredBytes,
}

/// Inodes with several links that are charged in one subtree.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Linked {
    pub inodes: u64,
    pub metered: MeteredBytes,
}

impl Sums {
    pub fn add(&mut self, other: &Sums) {
        self.files += other.files;
        self.dirs += other.dirs;
        self.apparent += other.apparent;
        self.allocated += other.allocated;
        self.metered += other.metered;
    }
}

impl Default for DirRow {
    fn default() -> Self {
        Self {
            kind: HomeKind::Outside,
            home: Vec::new(),
            path: Vec::new(),
            is_file: false,
            uid: 0,
            class: Class::Rest,
            rule: String::new(),
            is_finding: false,
            own: Sums::default(),
            rest: Sums::default(),
            subtree: Sums::default(),
            linked: Linked::default(),
            newest: None,
            ages: Default::default(),
            future: MeteredBytes(0),
        }
    }
}

impl DirRow {
    /// True for the row of a home, and for that of everything outside homes.
    pub fn is_home(&self) -> bool {
        self.path.is_empty()
    }

    /// Number of components of `path`: 0 for a home.
    pub fn depth(&self) -> u64 {
        match self.path.is_empty() {
            true => 0,
            false => 1 + self.path.iter().filter(|byte| **byte == b'/').count() as u64,
        }
    }

    /// True if `other` is in the same home, and below this directory at any depth.
    pub fn contains(&self, other: &DirRow) -> bool {
        let below = other.path.strip_prefix(&*self.path);
        self.is_outside() == other.is_outside()
            && self.home == other.home
            && match below {
                Some(below) if self.path.is_empty() => !below.is_empty(),
                Some(below) => below.first() == Some(&b'/'),
                None => false,
            }
    }

    /// Compares the places of two rows by the order of the table: homes by their paths, everything
    /// outside homes last; within a home depth first, each directory before what is below it.
    /// Components compare as bytes.
    pub fn cmp_place(&self, other: &DirRow) -> Ordering {
        (self.is_outside().cmp(&other.is_outside()))
            .then_with(|| cmp_paths(&self.home, &other.home))
            .then_with(|| cmp_paths(&self.path, &other.path))
    }

    fn is_outside(&self) -> bool {
        self.kind == HomeKind::Outside
    }
}

/// Compares component by component. A slash, which ends a component, comes before every byte of a
/// name.
fn cmp_paths(one: &[u8], other: &[u8]) -> Ordering {
    let rank = |byte: &u8| if *byte == b'/' { 0 } else { *byte };
    one.iter().map(rank).cmp(other.iter().map(rank))
}
