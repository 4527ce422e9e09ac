//! A file system that answers as late as EFS and never ends.
//!
//! [`mount`] serves a [`computed::Tree`](crate::computed::Tree) and delays the kernel like an NFS
//! server; [`Counts`] contains the program's requests. Opening a directory costs two round trips
//! (GETATTR and ACCESS), names with their attributes one, attributes that the kernel does not know
//! one. The end of a listing is free, because an NFS client learns it with the last names.

mod backend;
mod counts;
mod delay;

use std::io;
use std::num::NonZeroUsize;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use fuser::{BackgroundSession, MountOption, SessionACL};

use super::mount::{self, config};
use crate::computed::Tree;
use crate::is_root;
use backend::Slow;

pub use counts::Counts;

/// Mounts `tree` on `point`, an empty directory, until the session is dropped. `threads` take
/// requests; none of them sleeps during a round trip.
///
/// # Errors
/// If FUSE is missing or not allowed.
pub fn mount(
    tree: Tree,
    round_trip: Duration,
    point: &Path,
    threads: NonZeroUsize,
) -> io::Result<(BackgroundSession, Arc<Counts>)> {
    let (slow, counts) = Slow::new(tree, round_trip)?;
    let mut config = config("slow-tree", threads);
    config.mount_options.extend([MountOption::RO, MountOption::DefaultPermissions]);
    // Other users can access it only if the mounting user may allow that without a setting.
    config.acl = match is_root() {
        true => SessionACL::All,
        false => SessionACL::Owner,
    };
    config.clone_fd = true;
    Ok((mount::mount(slow, point, &config)?, counts))
}
