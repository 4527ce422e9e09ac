//! Servers, file systems and trees for the tests and measurements of efs-scan. It does not depend
//! on efs-scan; it runs it as a program.
//!
//! - [`nfs_server`]: an NFSv4.1 server in process that is slow, faulty or unreachable on request
//! - [`fuse`]: FUSE file systems, one that fails on request and one as slow as EFS
//! - [`computed`]: the endless tree that both of them serve without storing it
//! - [`tree`]: makes a real tree like a SageMaker Studio file system
//! - [`aws`]: a stand-in for AWS on the loopback
//! - [`terminator`]: stunnel in front of a server, with certificates for the test
//! - [`efs_gate`]: TLS in front of a server that requires certificates like EFS
//! - [`uml`]: boots user-mode Linux for a job; `uml/run` is the script, `uml/guest.sh` has what
//!   jobs use
//! - [`balancer`]: distributes connections over several servers
//! - `program`: runs efs-scan and other commands under a watchdog
//! - `oracles`: `du` and `find`, which tests compare efs-scan with
//! - [`moves`]: random moves during a scan, and the results of a correct scan
//! - `files`: directories and files for tests
//! - [`published`]: what runs published, without their times
//! - `skip`: skips and reports tests that cannot run on this machine

#![allow(clippy::unwrap_used)] // A test that cannot go on fails.

pub mod aws;
pub mod balancer;
#[cfg(target_os = "linux")]
pub mod computed;
pub mod efs_gate;
mod files;
#[cfg(target_os = "linux")]
pub mod fuse;
pub mod moves;
#[cfg(target_os = "linux")]
pub mod nfs_server;
mod oracles;
mod program;
pub mod published;
mod skip;
pub mod terminator;
#[cfg(target_os = "linux")]
pub mod tree;
pub mod uml;

pub use files::{ODD_NAME, file, give, raw, scratch};
pub use oracles::{du, find};
pub use program::{at_once, efs_scan, finish, home, peak, program, report, run, signal, watched};
pub use skip::{is_root, skip_unless};
