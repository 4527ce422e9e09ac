//! Shards: several scans that each read a part of one tree, and one account of all of them.
//!
//! [`Cuts`] assign every directory to a shard. The directories above the cuts are the **trunk**. Every
//! shard lists the trunk, so it finds the homes, rules and findings in force that a scan of the whole
//! tree finds, but only one shard counts what lies directly in a directory of it. Everything else is
//! read by one shard only.
//!
//! [`write`] writes the accounts of a shard as they are when its walk ends: sums that add up, and what
//! only the other shards can settle, which are the sums of the trunk, and inodes of which not all links
//! were seen. [`Merge`] adds shards to the accounts of an empty [`Ledger`], completes the trunk as a
//! walk completes directories, and leaves the rest to [`Ledger::finish`]. So each sum is made in one
//! place, whether there are shards or not.
//!
//! One answer needs more than sums: a build has a command only if the shard that reads it has seen its
//! sources, too. Where a project is cut, that may be another one, and the command is not offered.

mod books;
mod frames;
mod merge;
mod trunk;
mod write;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};

use sha2::{Digest, Sha256};

use super::dir::Dir;
use super::ledger::Ledger;
use super::notes::Notes;
use super::trie::TreeLevel;
use crate::sync::lock;
pub use merge::Merge;

/// Where a tree is cut, and which shard reads what. Paths are below the root.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Cuts {
    shards: u32,
    /// Directories and the shards that read them, by index.
    assigned: BTreeMap<Vec<u8>, u32>,
    /// Directories above cuts; those above homes are as well, without being here.
    trunk: BTreeSet<Vec<u8>>,
}

impl Cuts {
    /// Cuts a tree for `shards` shards, at least one. `assigned` has directories and the indexes of the
    /// shards that read them, and everything above these is cut open. So is everything in `open`.
    /// Directories that are not named here go by a hash of their paths.
    pub fn new(
        shards: u32,
        assigned: BTreeMap<Vec<u8>, u32>,
        open: impl IntoIterator<Item = Vec<u8>>,
    ) -> Self {
        let open: BTreeSet<Vec<u8>> = open.into_iter().collect();
        let above = |path: &Vec<u8>| {
            let slashes = path.iter().enumerate().filter(|(_, byte)| **byte == b'/');
            slashes.map(|(at, _)| path[..at].to_vec()).collect::<Vec<_>>()
        };
        let mut trunk: BTreeSet<Vec<u8>> = assigned.keys().chain(&open).flat_map(above).collect();
        trunk.extend(open);
        Self { shards: shards.max(1), assigned, trunk }
    }

    /// Number of shards.
    pub fn shards(&self) -> u32 {
        self.shards
    }

    /// Directories that are assigned by name, and the indexes of the shards that read them.
    pub fn assigned(&self) -> impl Iterator<Item = (&[u8], u32)> {
        self.assigned.iter().map(|(path, shard)| (&**path, *shard))
    }

    /// Directories in homes above cuts, and those named to be cut open.
    pub fn open(&self) -> impl Iterator<Item = &[u8]> {
        self.trunk.iter().map(|path| &**path)
    }

    /// True if a directory in a home is cut open.
    pub fn is_open(&self, path: &[u8]) -> bool {
        self.trunk.contains(path)
    }

    /// Returns the index of the shard that reads a directory, or counts it if it is in the trunk.
    pub fn shard_of(&self, path: &[u8]) -> u32 {
        let by_hash = || {
            let hash = Sha256::digest(path);
            let first = hash.iter().take(8).fold(0, |word, byte| word << 8 | u64::from(*byte));
            // The remainder is less than a u32.
            (first % u64::from(self.shards)) as u32
        };
        self.assigned.get(path).copied().unwrap_or_else(by_hash)
    }
}

/// One shard of a tree.
#[derive(Clone, Debug)]
pub struct Shard {
    pub cuts: Cuts,
    /// Its index.
    pub index: u32,
}

/// What a shard notes of a directory in the trunk.
#[derive(Debug)]
pub(super) struct Trunk {
    /// True if this shard counts what lies directly in it.
    is_mine: bool,
    notes: Mutex<Notes>,
}

impl Trunk {
    pub(super) fn note(&self, notes: Notes) {
        lock(&self.notes).add(notes);
    }
}

impl Ledger {
    /// True if `dir` and the entries in it that are no directories count in this walk.
    pub(super) fn counts(&self, dir: &Dir) -> bool {
        self.setup.scope.counts(dir) && dir.trunk.as_ref().is_none_or(|trunk| trunk.is_mine)
    }

    /// True if the shard reads the directory `name` of `parent`. Always true without shards.
    #[inline]
    pub(super) fn has_in_shard(&self, parent: &Dir, name: &[u8]) -> bool {
        match (&self.setup.shard, &parent.trunk) {
            (Some(shard), Some(_)) => shard.has(self, parent, name),
            _ => true,
        }
    }

    /// Opens a directory. In a shard, notes if it is in the trunk.
    pub(super) fn with_trunk(&self, mut dir: Dir) -> Arc<Dir> {
        let Some(shard) = &self.setup.shard else { return Arc::new(dir) };
        let above = dir.parent.as_ref().map(|parent| parent.trunk.is_some());
        let path = if above == Some(false) { Vec::new() } else { dir.path() };
        let is_trunk = match above {
            None => true,
            Some(above) => above && (!dir.in_home() || shard.cuts.is_open(&path)),
        };
        if !is_trunk {
            return Arc::new(dir);
        }
        let is_mine = shard.cuts.shard_of(&path) == shard.index;
        dir.trunk = Some(Box::new(Trunk { is_mine, notes: Mutex::default() }));
        let dir = Arc::new(dir);
        lock(&self.trunk).push(Arc::clone(&dir));
        dir
    }
}

impl Shard {
    fn has(&self, ledger: &Ledger, parent: &Dir, name: &[u8]) -> bool {
        let path = parent.path_of(name);
        ledger.setup.scope.level(parent, name) == TreeLevel::AboveHomes
            || self.cuts.is_open(&path)
            || self.cuts.shard_of(&path) == self.index
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everything_above_a_cut_is_in_the_trunk() {
        let assigned = [(b"a/b/c".to_vec(), 1), (b"d".to_vec(), 0)].into();
        let cuts = Cuts::new(2, assigned, [b"x/y".to_vec()]);
        let trunk: Vec<&[u8]> = cuts.trunk.iter().map(|path| &**path).collect();
        assert_eq!(trunk, [&b"a"[..], b"a/b", b"x", b"x/y"]);
        assert_eq!((cuts.shard_of(b"a/b/c"), cuts.shard_of(b"d")), (1, 0));
        assert_eq!(cuts.assigned().next(), Some((&b"a/b/c"[..], 1)));
    }

    #[test]
    fn a_hash_spreads_what_is_not_assigned_and_never_changes() {
        let cuts = Cuts::new(7, BTreeMap::new(), []);
        let mut sizes = [0; 7];
        (0..7000)
            .for_each(|at| sizes[cuts.shard_of(format!("20{at:04}").as_bytes()) as usize] += 1);
        assert!(sizes.iter().all(|size| (850..1150).contains(size)), "{sizes:?}");
        // Shards of one run may run on different machines.
        let first = Cuts::new(1000, BTreeMap::new(), []).shard_of(b"200005");
        assert_eq!(first, FIRST);
    }

    /// By `printf 200005 | sha256sum`, the first eight bytes modulo 1,000.
    const FIRST: u32 = 75;
}
