//! What the tests and the measurements run against. Nothing in here knows efs-scan.

#![allow(clippy::unwrap_used)] // A test that cannot go on fails.

pub mod aws;
#[cfg(target_os = "linux")]
pub mod computed;
mod files;
#[cfg(target_os = "linux")]
pub mod fuse;
#[cfg(target_os = "linux")]
pub mod nfs_server;
mod oracles;
mod program;
mod skip;
pub mod terminator;
#[cfg(target_os = "linux")]
pub mod tree;
pub mod uml;

pub use files::{ODD_NAME, file, raw, scratch};
pub use oracles::{du, find};
pub use program::{efs_scan, finish, home, program, report, run, signal, watched};
pub use skip::{is_root, skip_unless};
