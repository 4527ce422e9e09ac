//! What efs-scan is measured against.
//!
//! [`walk`] reads one directory with the fewest system calls there are and keeps three sums;
//! [`schedule`] carries those reads over threads in three interchangeable ways. The result is the
//! *floor*: a walker that does everything efs-scan does can at best be as fast, so the distance
//! between the two is the price of the accounting and nothing else.
//!
//! The trees, file systems and servers that it is measured on are in `efs-scan-testbed`.
//!
//! `benches/compare.sh` measures efs-scan, the floor, `du` and the other disk-usage tools on one
//! tree; `benches/schedulers.sh` measures the three schedules.

pub mod schedule;
pub mod walk;
