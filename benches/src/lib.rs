//! What efs-scan is measured against, and on.
//!
//! [`tree`] makes a tree with the shapes of a SageMaker Studio file system. [`walk`] reads one
//! directory with the fewest system calls there are and keeps three sums; [`schedule`] carries
//! those reads over threads in three interchangeable ways. The result is the *floor*: a walker
//! that does everything efs-scan does can at best be as fast, so the distance between the two is
//! the price of the accounting and nothing else.
//!
//! [`slow`] is a file system that is computed, not stored, and as slow as one far away.
//!
//! [`nfs41`] is an NFSv4.1 server on the loopback that gets slow, wrong or lost on request.
//!
//! `benches/compare.sh` measures efs-scan, the floor, `du` and the other disk-usage tools on one
//! tree; `benches/schedulers.sh` measures the three schedules.

pub mod nfs41;
pub mod schedule;
pub mod slow;
pub mod tree;
pub mod walk;
