//! The nfs engine against a server that fails on request: in every case, the totals are the tree's,
//! or the report names what is missing.

#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used)] // A test that cannot go on fails.

mod check;
mod circles;
mod dirs;
#[path = "../scan/dirs_rows.rs"]
mod dirs_rows;
mod fatal;
mod faults;
#[cfg(feature = "tls")]
mod gate;
#[cfg(feature = "tls")]
mod iam;
mod limits;
mod loops;
mod markers;
mod moves;
mod pace;
mod partitions;
mod sessions;
mod storm;
#[cfg(feature = "tls")]
mod tls;
mod trees;
mod walk;
