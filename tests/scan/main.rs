//! What a scan finds and how it accounts for it, on trees of every sort: plain and hostile ones,
//! file systems that fail, and scans that are interrupted.

#![allow(clippy::unwrap_used)] // A test that cannot go on fails.

#[cfg(target_os = "linux")]
mod faults;
mod hostile;
#[cfg(target_os = "linux")]
mod interrupt;
mod model;
mod money;
mod ncdu;
mod oracle;
#[cfg(target_os = "linux")]
mod pace;
#[cfg(target_os = "linux")]
mod progress;
mod rules;
