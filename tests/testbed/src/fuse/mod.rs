//! FUSE file systems: [`slow`] answers as late as EFS, [`faulty`] fails on request.

pub mod faulty;
pub mod slow;
