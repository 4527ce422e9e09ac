//! Tests that need a server, a container, Terraform or user-mode Linux. Each test skips itself, and
//! reports so, if it lacks what it needs.

#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used)] // A test that cannot go on fails.

mod container;
mod interop;
mod mount;
mod packages;
mod slurm;
mod terraform;
mod tools;
