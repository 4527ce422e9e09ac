//! What needs a server, a container, Terraform or a Linux of its own. Each test skips itself, and
//! says so, where it has not got that.

#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used)] // A test that cannot go on fails.

mod interop;
mod mount;
mod packages;
mod terraform;
