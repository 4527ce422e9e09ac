//! How entries are found: engines list directories and tell the accounts what is in them.

#[cfg(target_os = "linux")]
mod concurrency;
mod entry;
mod mount;
#[cfg(target_os = "linux")]
mod nfs;
#[cfg(target_os = "linux")]
mod nodes;
#[cfg(target_os = "linux")]
mod pace;
#[cfg(feature = "portable")]
mod portable;
#[cfg(target_os = "linux")]
mod posix;
#[cfg(target_os = "linux")]
mod reading;
mod root;
#[cfg(target_os = "linux")]
mod statx;
mod traffic;
#[cfg(target_os = "linux")]
mod workers;

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

pub use entry::{Attrs, FileKind, Mount, Op, Probe};
pub use mount::{efs_of, is_file_system_id, is_mount_point};
#[cfg(all(target_os = "linux", any(test, feature = "fuzzing")))]
#[doc(hidden)]
pub use nfs::fuzzing;
#[cfg(target_os = "linux")]
pub use nfs::{Nfs, Target, Tls};
#[cfg(feature = "portable")]
pub use portable::Portable;
#[cfg(target_os = "linux")]
pub use posix::Posix;
pub use root::{Bounds, FsKind, Pacing, Root, Threads, raise_descriptor_limit};
pub use traffic::{Costly, NfsMount, Traffic};

use crate::usage::Ledger;

/// Finds entries below a root and tells the accounts of them.
pub trait Engine {
    /// The name in reports.
    fn name(&self) -> &'static str;

    /// Walks everything, or until `stop` is set.
    ///
    /// Directories that cannot be read are the ledger's to record; the walk goes on.
    ///
    /// # Errors
    /// Only what makes the whole walk pointless: the root cannot be read, or a worker panicked.
    fn walk(&self, ledger: &Arc<Ledger>, stop: &Arc<Stop>) -> Result<Ended, WalkError>;
}

/// How a walk ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    /// All directories were visited.
    Complete,
    /// It was told to stop.
    Interrupted,
}

/// Set from a signal handler or another thread, read by workers.
#[derive(Debug, Default)]
pub struct Stop(Arc<AtomicBool>);

impl Stop {
    /// The flag itself, for a signal handler.
    pub fn flag(&self) -> Arc<AtomicBool> {
        Arc::clone(&self.0)
    }

    /// Asks for an end.
    pub fn set(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    /// Whether an end was asked for.
    #[inline]
    pub fn is_set(&self) -> bool {
        // Relaxed: nothing is published through the flag, it need only be seen soon.
        self.0.load(Ordering::Relaxed)
    }
}

/// Why there is no result at all.
#[derive(Debug, thiserror::Error)]
pub enum WalkError {
    /// The root cannot be opened or is no directory.
    #[error("{op} {}: {error}", path.display())]
    Root {
        /// What was tried.
        op: &'static str,
        /// The root.
        path: PathBuf,
        /// What the system answered.
        error: std::io::Error,
    },
    /// A bug in the program; the message has been printed.
    #[error("a worker of the walk panicked; please report this with the message above")]
    Panicked,
    /// The threads could not be started.
    #[error("starting a worker thread: {reason}")]
    Threads {
        /// What the system said.
        reason: String,
    },
}
