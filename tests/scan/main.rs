//! The scan and its accounts: on plain and hostile trees, on file systems that fail, and when it is
//! interrupted.

#![allow(clippy::unwrap_used)] // A test that cannot go on fails.

mod dirs;
mod dirs_rows;
#[cfg(target_os = "linux")]
mod faults;
mod hostile;
#[cfg(target_os = "linux")]
mod interrupt;
mod links;
mod model;
mod money;
mod ncdu;
mod oracle;
#[cfg(target_os = "linux")]
mod pace;
#[cfg(target_os = "linux")]
mod progress;
mod rules;
#[cfg(target_os = "linux")]
mod shards;
#[path = "../commands/tables.rs"]
mod tables;
