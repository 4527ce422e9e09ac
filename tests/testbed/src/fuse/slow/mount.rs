//! Mounting a [`Slow`] tree.

use std::io;
use std::num::NonZeroUsize;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use fuser::{BackgroundSession, Config, MountOption, Session, SessionACL};
use rustix::process::geteuid;

use super::serve::{Counts, Slow};
use crate::computed::Tree;

/// Mounts `tree` on `point`, an empty directory, until the session is dropped. `threads` take
/// requests; none of them sleeps, however long a round trip is.
///
/// # Errors
/// When FUSE is not there, or not allowed.
pub fn mount(
    tree: Tree,
    round_trip: Duration,
    point: &Path,
    threads: NonZeroUsize,
) -> io::Result<(BackgroundSession, Arc<Counts>)> {
    let (slow, counts) = Slow::new(tree, round_trip)?;
    let session = Session::new(slow, point, &config(threads))?.spawn()?;
    Ok((session, counts))
}

fn config(threads: NonZeroUsize) -> Config {
    let mut config = Config::default();
    config.mount_options = vec![
        MountOption::FSName("slow-tree".to_owned()),
        MountOption::RO,
        MountOption::DefaultPermissions,
    ];
    // Others see it only where whoever mounts may allow that without asking.
    config.acl = match geteuid().is_root() {
        true => SessionACL::All,
        false => SessionACL::Owner,
    };
    config.n_threads = Some(threads.get());
    config.clone_fd = true;
    config
}
