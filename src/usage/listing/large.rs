//! The largest files of a listing, as many as the report names.

use std::collections::BTreeSet;

use super::{Listing, Named};
use crate::usage::Attrs;
use crate::usage::top::{Large, size_key};

impl Listing {
    /// Keeps a file that may be among the largest.
    pub(super) fn keep_large(&mut self, name: &[u8], attrs: &Attrs, top: usize) {
        self.large.push((name.into(), attrs.clone()));
        // Within one directory, names sort like paths.
        if self.large.len() >= 4 * top.max(1) {
            let size = |attrs: &Attrs| (attrs.allocated, attrs.apparent);
            self.large.sort_by(|(a_name, a), (b_name, b)| {
                size(b).cmp(&size(a)).then_with(|| a_name.cmp(b_name))
            });
            // Several names of one inode must not displace other files.
            let mut seen = BTreeSet::new();
            self.large.retain(|(_, a)| a.nlink == 1 || seen.insert((a.dev, a.ino)));
            self.large.truncate(top);
            let floor = |(_, last): &Named| size_key(last.allocated, last.apparent);
            if self.large.len() >= top {
                self.file_floor = self.large.last().map_or(u64::MAX, floor);
            }
        }
    }

    /// Takes the files that may be among the largest of the home.
    pub(super) fn take_large(&mut self) -> Vec<Large> {
        let floor = self.dir.home.file_floor();
        let mut prefix = None;
        std::mem::take(&mut self.large)
            .into_iter()
            .filter(|(_, attrs)| size_key(attrs.allocated, attrs.apparent) >= floor)
            .map(|(name, attrs)| {
                let prefix: &Vec<u8> = prefix.get_or_insert_with(|| self.dir.path_of(b""));
                Large {
                    path: [prefix, &*name].concat().into(),
                    allocated: attrs.allocated,
                    apparent: attrs.apparent,
                    mtime: attrs.mtime,
                    nlink: attrs.nlink,
                    inode: (attrs.dev, attrs.ino),
                }
            })
            .collect()
    }
}
