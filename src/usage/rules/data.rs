//! Repositories, databases and archives: directories in which everything belongs together, whatever its names.

use super::{Markers, Rules};
use crate::usage::seen::{Extent, Seen};

/// Names that mark the directory of a database.
pub(super) const DATABASES: [&str; 3] = ["PG_VERSION", "ibdata1", "WiredTiger"];

/// Names that mark a directory with a list of its files, which it is broken without: a BagIt archive, the mirror
/// of a backup, a crate from `cargo vendor`, an object of the Oxford Common File Layout.
pub(super) const ARCHIVES: [&str; 5] = [
    "bagit.txt",
    "rdiff-backup-data",
    ".cargo-checksum.json",
    "0=ocfl_object_1.0",
    "0=ocfl_object_1.1",
];

/// Names that mark a working tree; for git, `.git` may also be a file. The directories of these
/// names are repositories.
pub(super) const WORKING_TREES: [&str; 5] = [".git", ".hg", ".svn", ".bzr", ".jj"];

/// Names that mark a bare git repository if all of them are present.
pub(super) const BARE_REPOSITORY: [&str; 3] = ["HEAD", "objects", "refs"];

impl Rules {
    /// True if the markers seen in a directory show that it holds a database, an archive or a repository.
    pub(in crate::usage) fn are_data(&self, seen: Markers) -> bool {
        seen & self.working_trees != 0 || self.are_of_data(seen)
    }

    /// True if the markers show that everything in the directory belongs to a database, an archive or a
    /// repository.
    fn are_of_data(&self, seen: Markers) -> bool {
        self.are_of_database(seen) || seen & self.bare_repository == self.bare_repository
    }

    /// True if the markers show that everything in the directory belongs to a database or an archive.
    pub(in crate::usage) fn are_of_database(&self, seen: Markers) -> bool {
        seen & self.databases != 0
    }

    /// True if everything in a directory belongs to a database, an archive or a repository. Markers that a part
    /// of a listing has not seen are looked up; one that cannot be looked up counts as present.
    pub(in crate::usage) fn is_of_data(&self, seen: &Seen<'_>) -> bool {
        if seen.listing == Extent::Whole {
            return self.are_of_data(seen.markers);
        }
        let has_any = |wanted| seen.first_of(self, wanted).map_or(true, |found| found.is_some());
        let bits = (0..self.markers.len()).map(|bit| 1 << bit);
        let mut bare = bits.filter(|bit| self.bare_repository & bit != 0);
        has_any(self.databases) || bare.all(has_any)
    }

    /// True if everything in a directory that is not scanned belongs to a database, an archive or a repository.
    /// `has` says if it has a name.
    pub fn is_all_data(has: impl Fn(&str) -> bool) -> bool {
        let mut marks = DATABASES.iter().chain(&ARCHIVES);
        marks.any(|name| has(name)) || BARE_REPOSITORY.iter().all(|name| has(name))
    }

    /// True if a directory of this name is a repository.
    pub fn is_repository(name: &[u8]) -> bool {
        WORKING_TREES.iter().any(|tree| tree.as_bytes() == name)
    }
}
