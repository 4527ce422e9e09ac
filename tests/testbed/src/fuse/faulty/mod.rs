//! A file system in memory that fails on request.

mod mount;
mod serve;
mod tree;

pub use fuser::{Errno, FileType};
pub use mount::{Mounted, can_mount, mount};
pub use serve::{Served, State};
pub use tree::{Action, Entry, Fault, Node, Op, Tree};
