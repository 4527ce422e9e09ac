//! The program's commands: their output, what they publish and send, and their settings. The
//! testbed's stand-in for AWS runs in the test's own process.

#![allow(clippy::unwrap_used)] // A test that cannot go on fails.

mod arrows;
#[cfg(feature = "aws")]
mod aws;
mod bounds;
mod browser;
mod changes;
mod cli;
mod config;
#[cfg(all(feature = "aws", target_os = "linux"))]
mod emulators;
mod file_systems;
mod generated;
mod grafana;
mod groups;
mod history;
mod links;
mod pages;
mod prometheus;
#[cfg(target_os = "linux")]
mod publish;
mod remind;
#[cfg(target_os = "linux")]
mod shards;
mod status;
mod tables;
mod whose;
