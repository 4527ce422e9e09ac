//! FUSE file systems for tests and measurements, all of them on one [`server`].
//!
//! [`slow`] is as far away as EFS and endless; [`faulty`] holds a test's entries and fails on
//! request. Each is a [`server::Backend`]: it provides the inodes and decides how and when a
//! request is answered.

pub mod faulty;
mod mount;
pub mod server;
pub mod slow;

pub use mount::can_mount;
