//! Who uses what on Amazon EFS.
//!
//! The data's way: an engine ([`scan`]) lists directories and yields entries; each is given its
//! owner and rule and added to tallies ([`usage`]); the closed tallies and the [`names`] of
//! people make a [`report::Report`]; renderers turn that into text. Nothing flows back: the walk
//! does not know what becomes of its numbers, a renderer does not know how a file was found.

mod app;
mod atomic;
pub mod aws;
pub mod cli;
pub mod config;
mod exit;
mod generate;
pub mod history;
mod log;
pub mod names;
mod nice;
mod output;
mod progress;
pub mod publish;
mod publisher;
pub mod remind;
pub mod report;
mod reporting;
pub mod scan;
mod scanning;
pub mod service;
mod status;
mod sync;
pub mod text;
pub mod units;
pub mod usage;

pub use app::run;
pub use exit::Exit;
