//! The N largest files or directories, kept during the walk.

use std::cmp::Reverse;

/// A file or directory that may be among the largest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Large {
    /// Path below the root, with the file system's bytes.
    pub path: Box<[u8]>,
    /// `st_blocks * 512`; for a directory, the sum of everything below it.
    pub allocated: u64,
    /// `st_size`; 0 for a directory.
    pub apparent: u64,
    /// Last change of the file, or of the directory itself, in seconds since 1970.
    pub mtime: i64,
    /// Link count; 1 for a directory.
    pub nlink: u32,
    /// (device, inode): a list holds each inode once, with its smallest path.
    pub inode: (u64, u64),
}

impl Large {
    /// Returns the sort key: larger files first, then by path. The order is total, so the list does
    /// not depend on timing. Apparent bytes precede the path because many files have one block.
    fn rank(&self) -> (Reverse<(u64, u64)>, &[u8]) {
        (Reverse((self.allocated, self.apparent)), &self.path)
    }
}

/// Packs a size into one word, which workers can read without a lock: blocks of 512 bytes, and in
/// the low bits as much of the apparent bytes as fits. A larger file never has a smaller key.
pub(super) fn size_key(allocated: u64, apparent: u64) -> u64 {
    const APPARENT_BITS: u32 = 24;
    let blocks = allocated / 512;
    if blocks >= 1 << (64 - APPARENT_BITS) {
        return u64::MAX;
    }
    blocks << APPARENT_BITS | apparent.min((1 << APPARENT_BITS) - 1)
}

/// The `limit` largest of all offered items, in any order of offers.
#[derive(Clone, Debug)]
pub struct Top {
    limit: usize,
    items: Vec<Large>,
}

impl Top {
    pub fn new(limit: usize) -> Self {
        Self { limit, items: Vec::new() }
    }

    /// Restores a [`Top`] of the same limit from its items.
    pub(super) fn of(limit: usize, items: Vec<Large>) -> Self {
        Self { limit, items }
    }

    /// Adds an item if it is among the largest.
    ///
    /// The result does not depend on the order of offers: an inode's rank only improves, when a
    /// smaller path of it is offered, so anything it displaces it would also displace with its
    /// final rank.
    pub fn offer(&mut self, item: Large) {
        if let Some(twin) = self.items.iter().position(|other| other.inode == item.inode) {
            if self.items[twin].rank() <= item.rank() {
                return;
            }
            self.items.remove(twin);
        }
        let at = self.items.partition_point(|other| other.rank() < item.rank());
        if at < self.limit {
            self.items.insert(at, item);
            self.items.truncate(self.limit);
        }
    }

    /// Returns the `size_key` below which an offer changes nothing. A file without a block is never
    /// among the largest.
    pub fn floor(&self) -> u64 {
        match self.items.last() {
            Some(last) if self.items.len() >= self.limit => size_key(last.allocated, last.apparent),
            _ if self.limit == 0 => u64::MAX,
            _ => size_key(512, 0),
        }
    }

    /// Returns the items, largest first.
    pub fn items(&self) -> &[Large] {
        &self.items
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn order_of_offers_does_not_matter(
            offers in proptest::collection::vec(("[a-c]{1,3}", 0..6u64), 0..40),
            limit in 0..6usize,
        ) {
            let large = |path: &str, ino: u64| Large {
                path: path.as_bytes().into(),
                // Pairs of inodes share a size, so ties occur.
                allocated: (ino / 2 + 1) * 512,
                apparent: ino % 3,
                mtime: 0,
                nlink: 2,
                inode: (1, ino),
            };
            let mut forwards = Top::new(limit);
            let mut backwards = Top::new(limit);
            for (path, ino) in &offers {
                forwards.offer(large(path, *ino));
            }
            for (path, ino) in offers.iter().rev() {
                backwards.offer(large(path, *ino));
            }
            prop_assert_eq!(forwards.items(), backwards.items());

            // Compares with a model that has all items at once.
            let mut best = std::collections::BTreeMap::new();
            for (path, ino) in &offers {
                let entry = best.entry(*ino).or_insert_with(|| large(path, *ino));
                if path.as_bytes() < &*entry.path {
                    *entry = large(path, *ino);
                }
            }
            let mut model: Vec<_> = best.into_values().collect();
            model.sort_by(|a, b| a.rank().cmp(&b.rank()));
            model.truncate(limit);
            prop_assert_eq!(forwards.items(), &model[..]);
        }

        #[test]
        fn a_larger_file_never_has_a_smaller_key(
            a in (0..1u64 << 42, 0..1u64 << 30),
            b in (0..1u64 << 42, 0..1u64 << 30),
        ) {
            let (a, b) = (a.min(b), a.max(b));
            prop_assert!(size_key(a.0 * 512, a.1) <= size_key(b.0 * 512, b.1));
        }
    }
}
