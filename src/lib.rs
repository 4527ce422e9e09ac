//! Who uses what on Amazon EFS.
//!
//! The data's way: an engine ([`scan`]) lists directories and yields entries; each is given its
//! owner and rule and added to tallies ([`usage`]). Nothing flows back: the walk does not know
//! what becomes of its numbers.

pub mod scan;
mod sync;
pub mod units;
pub mod usage;
