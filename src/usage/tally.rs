//! Sums over inodes. Tallies merge in any order, so directories may be committed in any order and
//! by any worker with the same result (a property test holds this).

use jiff::Timestamp;

use super::{Attrs, FileKind};
use crate::units::{AllocatedBytes, ApparentBytes, MeteredBytes};

/// A number of inodes and the bytes allocated to them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Amount {
    pub inodes: u64,
    /// Sum of `st_blocks * 512`.
    pub allocated: AllocatedBytes,
}

impl Amount {
    /// Returns the amount of one inode with `allocated` bytes.
    pub fn one(allocated: u64) -> Self {
        Self { inodes: 1, allocated: AllocatedBytes(allocated) }
    }

    pub fn merge(&mut self, other: Amount) {
        self.inodes += other.inodes;
        self.allocated += other.allocated;
    }

    /// Returns the sum of both.
    pub fn plus(mut self, other: Amount) -> Amount {
        self.merge(other);
        self
    }

    /// Returns the size that EFS meters: 2 KiB for each inode, and the allocated bytes.
    pub fn metered(self) -> MeteredBytes {
        MeteredBytes::of(self.allocated, self.inodes)
    }
}

/// Limits between the ages of mtime, computed once per run.
#[derive(Clone, Copy, Debug)]
pub struct Ages {
    /// Seconds since 1970 before which an inode is older than 7, 30, 90 and 365 days.
    cutoffs: [i64; 4],
    /// Seconds since 1970 when the run started.
    start: i64,
}

/// Seconds by which the server's clock may be ahead of ours before a time counts as in the future.
const CLOCK_SKEW: i64 = 300;

impl Ages {
    /// Number of ages: up to 7 d, 30 d, 90 d, 1 y, and older.
    pub const COUNT: usize = 5;

    /// Computes the limits for `now`, in seconds since 1970.
    pub fn at(now: i64) -> Self {
        const DAY: i64 = 86_400;
        Self { cutoffs: [7, 30, 90, 365].map(|days| now.saturating_sub(days * DAY)), start: now }
    }

    /// True if `mtime` is in the future. A file that changes during the walk is newer than the
    /// walk's start, so only then the clock is read.
    #[inline]
    fn is_future(&self, mtime: i64) -> bool {
        mtime > self.start.saturating_add(CLOCK_SKEW)
            && mtime > Timestamp::now().as_second().saturating_add(CLOCK_SKEW)
    }

    /// Returns the index of the age that `mtime` falls in, 0 for the youngest.
    pub fn of(&self, mtime: i64) -> usize {
        self.cutoffs.iter().filter(|cutoff| mtime < **cutoff).count()
    }
}

/// Sums over a set of inodes, without their classes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Regular files.
    pub files: u64,
    /// Directories.
    pub dirs: u64,
    /// Symbolic links.
    pub symlinks: u64,
    /// FIFOs, sockets and devices.
    pub other: u64,
    /// Sum of `st_size`.
    pub apparent: ApparentBytes,
    /// Sum of `st_blocks * 512`.
    pub allocated: AllocatedBytes,
    /// Inodes and allocated bytes by age of mtime.
    pub by_age: [Amount; Ages::COUNT],
    /// Inodes whose mtime is in the future. They count in no age and are ignored for `newest`.
    pub future: Amount,
    /// Newest mtime, in seconds since 1970.
    pub newest: Option<i64>,
    /// Inodes whose uid differs from the home's.
    pub foreign: Amount,
}

impl Tally {
    /// Counts one inode. `owner` is the uid of its home; `None` outside of homes.
    #[inline]
    pub fn count(&mut self, attrs: &Attrs, ages: &Ages, owner: Option<u32>) {
        match attrs.kind {
            FileKind::File => self.files += 1,
            FileKind::Dir => self.dirs += 1,
            FileKind::Symlink => self.symlinks += 1,
            FileKind::Other => self.other += 1,
        }
        self.apparent += ApparentBytes(attrs.apparent);
        self.allocated += AllocatedBytes(attrs.allocated);
        let amount = Amount::one(attrs.allocated);
        if ages.is_future(attrs.mtime) {
            self.future.merge(amount);
        } else {
            self.by_age[ages.of(attrs.mtime)].merge(amount);
            self.newest = self.newest.max(Some(attrs.mtime));
        }
        if owner.is_some_and(|uid| uid != attrs.uid) {
            self.foreign.merge(amount);
        }
    }

    pub fn merge(&mut self, other: &Tally) {
        self.files += other.files;
        self.dirs += other.dirs;
        self.symlinks += other.symlinks;
        self.other += other.other;
        self.apparent += other.apparent;
        self.allocated += other.allocated;
        for (mine, theirs) in self.by_age.iter_mut().zip(other.by_age) {
            mine.merge(theirs);
        }
        self.future.merge(other.future);
        self.newest = self.newest.max(other.newest);
        self.foreign.merge(other.foreign);
    }

    /// Returns the number of inodes of every kind.
    pub fn inodes(&self) -> u64 {
        self.files + self.dirs + self.symlinks + self.other
    }

    /// Returns inodes and allocated bytes.
    pub fn amount(&self) -> Amount {
        Amount { inodes: self.inodes(), allocated: self.allocated }
    }
}

#[cfg(test)]
mod tests {
    use super::super::Mount;
    use super::*;
    use proptest::prelude::*;

    fn attrs() -> impl Strategy<Value = Attrs> {
        let kind = prop_oneof![
            Just(FileKind::File),
            Just(FileKind::Dir),
            Just(FileKind::Symlink),
            Just(FileKind::Other)
        ];
        (
            kind,
            0..1u64 << 50,
            0..1u64 << 40,
            prop_oneof![-10_000_000..200_000_000i64, 1i64 << 40..1 << 50],
            0..3u32,
        )
            .prop_map(|(kind, apparent, blocks, mtime, uid)| Attrs {
                kind,
                dev: 1,
                ino: 0,
                nlink: 1,
                uid,
                gid: 0,
                mode: 0o700,
                apparent,
                allocated: blocks * 512,
                mtime,
                mount: Mount::Inside,
            })
    }

    fn tally<'a>(all: impl IntoIterator<Item = &'a Attrs>) -> Tally {
        let mut tally = Tally::default();
        for one in all {
            tally.count(one, &Ages::at(100_000_000), Some(1));
        }
        tally
    }

    proptest! {
        #[test]
        fn any_split_merged_in_any_order_is_the_whole(
            all in proptest::collection::vec((attrs(), 0..8usize), 0..60),
            order in Just((0..8usize).collect::<Vec<_>>()).prop_shuffle(),
        ) {
            let whole = tally(all.iter().map(|(attrs, _)| attrs));
            let mut merged = Tally::default();
            for part in order {
                merged.merge(&tally(all.iter().filter(|(_, p)| *p == part).map(|(a, _)| a)));
            }
            prop_assert_eq!(&merged, &whole);
            let ages = whole.by_age.iter().fold(whole.future, |mut sum, amount| {
                sum.merge(*amount);
                sum
            });
            prop_assert_eq!(ages, whole.amount());
        }
    }

    #[test]
    fn a_time_of_the_future_is_the_newest_of_nothing() {
        let now = Timestamp::now().as_second();
        let of = |mtime, started| {
            let mut tally = Tally::default();
            let attrs = Attrs {
                kind: FileKind::File,
                dev: 1,
                ino: 0,
                nlink: 1,
                uid: 1,
                gid: 0,
                mode: 0o700,
                apparent: 0,
                allocated: 512,
                mtime,
                mount: Mount::Inside,
            };
            tally.count(&attrs, &Ages::at(started), None);
            (tally.future.inodes, tally.newest)
        };
        for ahead in [2 * CLOCK_SKEW, 86_400, 1 << 40] {
            assert_eq!(of(now + ahead, now), (1, None), "{ahead}");
        }
        assert_eq!(of(i64::MAX, i64::MAX - 1), (0, Some(i64::MAX)), "nothing overflows");
        assert_eq!(of(now + 10, now), (0, Some(now + 10)), "clocks differ");
        assert_eq!(of(now, now - 86_400), (0, Some(now)), "it changed during a long walk");
    }

    #[test]
    fn ages_have_their_limits_on_the_old_side() {
        let now = 1_000_000_000;
        let ages = Ages::at(now);
        let day = 86_400;
        for (mtime, age) in [
            (now + day, 0),
            (now - 7 * day, 0),
            (now - 7 * day - 1, 1),
            (now - 30 * day - 1, 2),
            (now - 90 * day - 1, 3),
            (now - 365 * day, 3),
            (now - 365 * day - 1, 4),
            (i64::MIN, 4),
        ] {
            assert_eq!(ages.of(mtime), age, "mtime {mtime}");
        }
    }
}
