//! A file system in memory that fails on request.
//!
//! A test fills a [`Tree`], adds [`Fault`]s and mounts it; [`Mounted::state`] counts the calls that
//! arrived. The kernel caches nothing, so each system call of the program reaches the faults.

mod backend;
mod tree;

use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use fuser::BackgroundSession;
pub use fuser::{Errno, FileType};
use tempfile::TempDir;

use super::mount::{self, unmount};
use crate::scratch;
use backend::Faulty;

pub use super::mount::can_mount;
pub use super::server::Op;
pub use backend::State;
pub use tree::{Action, Fault, Tree};

/// A tree that is mounted until this is dropped.
pub struct Mounted {
    pub state: Arc<State>,
    point: PathBuf,
    session: Option<BackgroundSession>,
    /// Dropped last, when nothing is mounted in it any more.
    _below: TempDir,
}

/// Mounts `tree` in a directory of its own.
///
/// # Panics
/// If it cannot be mounted.
pub fn mount(tree: Tree) -> Mounted {
    let below = scratch();
    let point = below.path().join("mnt");
    std::fs::create_dir(&point).unwrap();
    let (faulty, state) = Faulty::new(tree);
    // With one thread, a blocked request stops all others.
    let config = mount::config("efs-scan-test", NonZeroUsize::MIN);
    let session = mount::mount(faulty, &point, &config).unwrap();
    Mounted { state, point, session: Some(session), _below: below }
}

impl Mounted {
    /// Returns the mount point.
    pub fn path(&self) -> &Path {
        &self.point
    }
}

impl Drop for Mounted {
    fn drop(&mut self) {
        self.state.release();
        if let Some(session) = self.session.take() {
            unmount(session, &self.point);
        }
    }
}
