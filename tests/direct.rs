//! The direct NFS engine against a server that fails on request: whatever happens on the way, the
//! totals are the tree's, or the report names what is missing.

#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used)] // A test that cannot go on fails.

#[path = "direct/circles.rs"]
mod circles;
mod common;
#[path = "direct/fatal.rs"]
mod fatal;
#[path = "direct/faults.rs"]
mod faults;
#[path = "direct/limits.rs"]
mod limits;
#[path = "direct/markers.rs"]
mod markers;
#[path = "direct/pace.rs"]
mod pace;
#[path = "direct/sessions.rs"]
mod sessions;
#[path = "direct/storm.rs"]
mod storm;
#[cfg(feature = "tls")]
#[path = "direct/terminator.rs"]
mod terminator;
#[cfg(feature = "tls")]
#[path = "direct/tls.rs"]
mod tls;
#[path = "direct/trees.rs"]
mod trees;
#[path = "direct/walk.rs"]
mod walk;
