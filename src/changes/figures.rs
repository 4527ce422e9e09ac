//! Differences of sizes and counts.

use std::ops::{Add, AddAssign, Neg, Sub};

use schemars::JsonSchema;
use serde::Serialize;

use crate::dirs::Sums;

/// How much something changed; negative if it shrank.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, JsonSchema)]
pub(crate) struct Figures {
    /// Regular files.
    pub files: i64,
    /// Directories.
    pub dirs: i64,
    /// Sum of `st_size`.
    pub apparent_bytes: i64,
    /// Sum of `st_blocks * 512`, what `du` counts.
    pub allocated_bytes: i64,
    /// What EFS bills: allocated bytes and 2 KiB for each inode.
    pub metered_bytes: i64,
}

impl Figures {
    pub(super) fn is_zero(&self) -> bool {
        *self == Self::default()
    }

    /// How much of the bill changed, whatever its sign: places are ranked by it.
    pub(super) fn weight(&self) -> u64 {
        self.metered_bytes.unsigned_abs()
    }
}

/// Sizes beyond 63 bits are only claimed by a hostile file system.
fn signed(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

impl From<&Sums> for Figures {
    fn from(sums: &Sums) -> Self {
        Self {
            files: signed(sums.files),
            dirs: signed(sums.dirs),
            apparent_bytes: signed(sums.apparent.0),
            allocated_bytes: signed(sums.allocated.0),
            metered_bytes: signed(sums.metered.0),
        }
    }
}

impl Add for Figures {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self {
            files: self.files.saturating_add(other.files),
            dirs: self.dirs.saturating_add(other.dirs),
            apparent_bytes: self.apparent_bytes.saturating_add(other.apparent_bytes),
            allocated_bytes: self.allocated_bytes.saturating_add(other.allocated_bytes),
            metered_bytes: self.metered_bytes.saturating_add(other.metered_bytes),
        }
    }
}

impl Neg for Figures {
    type Output = Self;

    fn neg(self) -> Self {
        Self {
            files: self.files.saturating_neg(),
            dirs: self.dirs.saturating_neg(),
            apparent_bytes: self.apparent_bytes.saturating_neg(),
            allocated_bytes: self.allocated_bytes.saturating_neg(),
            metered_bytes: self.metered_bytes.saturating_neg(),
        }
    }
}

impl Sub for Figures {
    type Output = Self;

    fn sub(self, other: Self) -> Self {
        self + -other
    }
}

impl AddAssign for Figures {
    fn add_assign(&mut self, other: Self) {
        *self = *self + other;
    }
}
