//! Who uses what on Amazon EFS.
//!
//! The data's way: an engine ([`scan`]) lists directories and yields entries; each is given its
//! owner and rule and added to tallies ([`usage`]); the closed tallies and the [`names`] of
//! people make a [`report::Report`]; renderers turn that into text. Nothing flows back: the walk
//! does not know what becomes of its numbers, a renderer does not know how a file was found.

mod atomic;
pub mod aws;
pub mod cli;
mod columns;
mod commands;
pub mod config;
mod exit;
pub mod history;
mod log;
pub mod names;
mod nice;
pub mod outbox;
mod output;
pub mod pages;
mod progress;
pub mod published;
pub mod remind;
pub mod report;
pub mod scan;
pub mod service_error;
pub mod state;
mod status;
pub mod stop;
pub mod store;
mod sync;
pub mod text;
pub mod units;
pub mod usage;

pub use commands::run;
pub use exit::Exit;
