//! The newest published run of each file system, with what changed since the day and the week before.

mod changes;
mod fleet;
mod members;
mod rows;
mod table;
mod view;

pub(crate) use changes::Bases;
pub(crate) use fleet::{Fleet, Lines, Member};
pub(crate) use members::StatusApp;
pub(crate) use table::table;
pub(crate) use view::StatusView;
