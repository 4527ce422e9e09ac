//! A file system that answers as late as EFS and never ends.
//!
//! [`Tree`](crate::computed::Tree) computes every directory and file from its inode number, so a hundred million of them
//! cost neither memory nor disk; [`Slow`] serves it through FUSE and lets the kernel wait as an
//! NFS server would, while [`Counts`] says what a program asked for. What it costs: opening a
//! directory two round trips (GETATTR and ACCESS), names with their attributes one, attributes
//! that the kernel has not got one. That names have ended is told for nothing, since an NFS
//! client learns it with the last names.

mod delay;
mod mount;
mod serve;

pub use mount::mount;
pub use serve::{Counts, Slow};
