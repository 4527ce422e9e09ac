//! Counts the requests to a slow tree.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// Requests so far. All accesses are Relaxed: the numbers are independent, and they are read after
/// the last request was answered.
#[derive(Debug, Default)]
pub struct Counts {
    pub lookups: AtomicU64,
    pub getattrs: AtomicU64,
    pub opendirs: AtomicU64,
    /// Listings that returned names alone.
    pub readdirs: AtomicU64,
    /// Listings that returned names with attributes.
    pub readdirpluses: AtomicU64,
    /// Listings that returned nothing, at the end of a directory.
    pub ends: AtomicU64,
    /// Inodes that the kernel dropped from its memory.
    pub forgotten: AtomicU64,
    pub round_trips: AtomicU64,
    /// The most requests that waited for their round trips at one time.
    pub peak_in_flight: AtomicU64,
    pub(super) in_flight: AtomicU64,
}

impl fmt::Display for Counts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let numbers = [
            ("lookups", &self.lookups),
            ("getattrs", &self.getattrs),
            ("opendirs", &self.opendirs),
            ("readdirs", &self.readdirs),
            ("readdirpluses", &self.readdirpluses),
            ("ends", &self.ends),
            ("forgotten", &self.forgotten),
            ("round_trips", &self.round_trips),
            ("peak_in_flight", &self.peak_in_flight),
        ];
        for (at, (name, number)) in numbers.into_iter().enumerate() {
            let space = if at == 0 { "" } else { " " };
            write!(f, "{space}{name}={}", number.load(Relaxed))?;
        }
        Ok(())
    }
}
