//! Byte counts that cannot be mixed up, and money.
//!
//! A file on EFS has three sizes, and adding one to another is the classic mistake of usage reports:
//! [`ApparentBytes`] is `st_size`, [`AllocatedBytes`] is `st_blocks * 512`, and
//! [`MeteredBytes`] is what EFS bills. There is deliberately no `From` between them.

use std::iter::Sum;
use std::ops::{Add, AddAssign};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

macro_rules! bytes {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[derive(Serialize, Deserialize, JsonSchema)]
        #[serde(transparent)]
        pub struct $name(pub u64);

        impl Add for $name {
            type Output = Self;
            fn add(self, other: Self) -> Self {
                Self(self.0.saturating_add(other.0))
            }
        }

        impl AddAssign for $name {
            fn add_assign(&mut self, other: Self) {
                *self = *self + other;
            }
        }

        impl Sum for $name {
            fn sum<I: Iterator<Item = Self>>(iter: I) -> Self {
                iter.fold(Self::default(), Add::add)
            }
        }

        impl $name {
            /// Formats the count for people, in powers of 1024: `1.5 GiB`.
            pub fn human(self) -> String {
                human(self.0)
            }
        }
    };
}

bytes! {
    /// `st_size`: the number of bytes that a reader gets. For sparse files it exceeds the stored
    /// size.
    ApparentBytes
}
bytes! {
    /// `st_blocks * 512` (NFS `space_used`): the data as stored, which `du` counts.
    AllocatedBytes
}
bytes! {
    /// The size that EFS meters and bills: allocated bytes and 2 KiB of metadata for each inode (EFS
    /// user guide, "metered sizes").
    MeteredBytes
}

bytes! {
    /// The size of an EBS volume, billed whole whatever it holds. It is no part of EFS.
    VolumeBytes
}

/// Bytes of metadata that EFS meters for every inode (EFS user guide, "metered sizes").
pub const METADATA_BYTES_PER_INODE: u64 = 2048;

impl MeteredBytes {
    /// Returns the metered size of `inodes` inodes that together hold `allocated` bytes.
    pub fn of(allocated: AllocatedBytes, inodes: u64) -> Self {
        let metadata = inodes.saturating_mul(METADATA_BYTES_PER_INODE);
        Self(allocated.0.saturating_add(metadata))
    }
}

/// An amount of US dollars.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, PartialOrd, Serialize, Deserialize, JsonSchema,
)]
#[serde(transparent)]
pub struct Usd(pub f64);

impl Usd {
    /// Formats the amount for people: `1234.50 USD`.
    pub fn human(self) -> String {
        format!("{} USD", self.amount())
    }

    /// Formats the amount without the currency. An amount above zero never reads as zero.
    pub fn amount(self) -> String {
        match self.0 {
            tiny if tiny > 0.0 && tiny < 0.005 => "<0.01".to_owned(),
            amount => format!("{amount:.2}"),
        }
    }
}

/// Formats `bytes` in powers of 1024 with one decimal: `0 B`, `4 KiB`, `1.5 GiB`.
pub fn human(bytes: u64) -> String {
    humansize::format_size(bytes, humansize::BINARY.decimal_places(1))
}

/// Formats growth or shrinkage: `+4 KiB`, `-1.5 GiB`, `=`.
pub fn human_change(bytes: i64) -> String {
    match bytes {
        0 => "=".to_owned(),
        1.. => format!("+{}", human(bytes.unsigned_abs())),
        _ => format!("-{}", human(bytes.unsigned_abs())),
    }
}

/// Formats a number of seconds in its largest unit: `90 s`, `36 h`, `3 d`.
pub fn human_seconds(seconds: i64) -> String {
    match seconds {
        ..120 => format!("{seconds} s"),
        120..7200 => format!("{} min", seconds / 60),
        7200..172_800 => format!("{} h", seconds / 3600),
        _ => format!("{} d", seconds / 86_400),
    }
}

/// Parses a size as people write it: `50GiB` and `1.5 TiB` are powers of 1024, `50GB` and `50G`
/// powers of 1000, a bare number bytes.
pub fn parse_size(text: &str) -> Result<u64, String> {
    parse_size::parse_size(text.trim()).map_err(|error| {
        format!("`{text}` is not a size ({error}); write it like 50GiB, 1.5TiB or 500MB")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_read_as_people_write_them() {
        assert_eq!(parse_size("50GiB"), Ok(50 << 30));
        assert_eq!(parse_size(" 1.5 TiB "), Ok(3 << 39));
        assert_eq!(parse_size("50GB"), Ok(50_000_000_000));
        assert_eq!(parse_size("12"), Ok(12));
        assert!(parse_size("fifty").is_err());
        assert!(parse_size("").is_err());
        assert!(parse_size("-1GiB").is_err());
    }

    #[test]
    fn sums_saturate_instead_of_wrapping() {
        assert_eq!(AllocatedBytes(u64::MAX) + AllocatedBytes(1), AllocatedBytes(u64::MAX));
    }
}
