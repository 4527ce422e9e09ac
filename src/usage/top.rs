//! The N largest, kept while the walk goes on.

use std::cmp::Reverse;

/// Something large: a file or a directory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Large {
    /// Path below the root, bytes as the file system has them.
    pub path: Box<[u8]>,
    /// `st_blocks * 512`; of a directory, of everything below it.
    pub allocated: u64,
    /// `st_size`; of a directory 0.
    pub apparent: u64,
    /// Last change, seconds since 1970; of a directory its own.
    pub mtime: i64,
    /// Link count of a file; of a directory 1.
    pub nlink: u32,
    /// (device, inode): one inode stands in a list once, under its smallest path.
    pub inode: (u64, u64),
}

impl Large {
    /// Larger first, then by path: a total order, so that the list does not depend on timing.
    /// Apparent bytes go before the path because files of one block are many.
    fn rank(&self) -> (Reverse<(u64, u64)>, &[u8]) {
        (Reverse((self.allocated, self.apparent)), &self.path)
    }
}

/// A size, in whole blocks of 512 bytes, of which a larger file never has a smaller one, in one word so that workers may read it
/// without a lock: blocks, and below them apparent bytes as far as they fit.
pub(super) fn size_key(allocated: u64, apparent: u64) -> u64 {
    const APPARENT_BITS: u32 = 24;
    let blocks = allocated / 512;
    if blocks >= 1 << (64 - APPARENT_BITS) {
        return u64::MAX;
    }
    blocks << APPARENT_BITS | apparent.min((1 << APPARENT_BITS) - 1)
}

/// The `limit` largest of all that were offered, whatever the order they were offered in.
#[derive(Clone, Debug)]
pub struct Top {
    limit: usize,
    items: Vec<Large>,
}

impl Top {
    /// Keeps at most `limit`.
    pub fn new(limit: usize) -> Self {
        Self { limit, items: Vec::new() }
    }

    /// Offers one.
    ///
    /// That the outcome does not depend on the order: an inode's rank only improves when a
    /// smaller path of it comes, so whatever an inode pushes out it would also push out with its
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

    /// The `size_key` below which an offer changes nothing. What has no block is never large.
    pub fn floor(&self) -> u64 {
        match self.items.last() {
            Some(last) if self.items.len() >= self.limit => size_key(last.allocated, last.apparent),
            _ if self.limit == 0 => u64::MAX,
            _ => size_key(512, 0),
        }
    }

    /// The largest, largest first.
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
                // Two inodes share a size, so that ties are met.
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

            // Against a model that has all of them at once.
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
