//! Lower bound of a walk's time that efs-scan is measured against.
//!
//! [`walk`] reads one directory with as few system calls as possible and keeps three sums;
//! [`schedule`] spreads those reads over threads in three interchangeable ways. The result is the
//! *floor*: a walker that does everything efs-scan does can be at most as fast, so the difference
//! between the two is the cost of the accounting.
//!
//! `efs-scan-testbed` has the trees, file systems and servers that both are measured on.
//!
//! `benches/compare.sh` measures efs-scan, the floor, `du` and the other disk-usage tools on one
//! tree; `benches/schedulers.sh` measures the three schedules.

pub mod schedule;
pub mod walk;
