//! Engines list directories and put their entries into the [`Ledger`].
//!
//! `posix` walks a mounted file system with many `workers`, `portable` does so on other systems,
//! and `nfs` accesses an NFS server without a mount; `probe` has what that engine finds out before a
//! scan. [`Plan`] sets the initial and the largest number of workers of a walk, `concurrency` changes
//! their number while it runs, and `pace` counts, times and limits round trips.

mod acl;
#[cfg(target_os = "linux")]
mod concurrency;
mod efs_name;
mod mount;
mod mountstats;
#[cfg(target_os = "linux")]
mod nfs;
#[cfg(target_os = "linux")]
mod pace;
#[cfg(target_os = "linux")]
mod parents;
mod plan;
#[cfg(feature = "portable")]
mod portable;
#[cfg(target_os = "linux")]
mod posix;
mod probe;
#[cfg(target_os = "linux")]
mod reading;
#[cfg(target_os = "linux")]
mod statx;
mod threads;
#[cfg(target_os = "linux")]
mod workers;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use clap::ValueEnum;
use serde::{Deserialize, Serialize};

pub use acl::may_have_acl;
pub use efs_name::EfsName;
pub use mount::{MountedEfs, Volume, efs_of, is_file_system_id, is_mount_point, volume_of};
pub use mountstats::{Costly, NfsMount, Traffic};
#[cfg(all(target_os = "linux", any(test, feature = "fuzzing")))]
#[doc(hidden)]
pub use nfs::fuzzing;
#[cfg(target_os = "linux")]
pub use nfs::{
    ClientKeyCell, Clock, EfsClient, IamIdentity, IamSignature, Loops, Nfs, Target, Tls,
};
pub use plan::{Bounds, FsKind, Pacing, Plan, descriptor_limit, raise_descriptor_limit};
#[cfg(feature = "portable")]
pub use portable::Portable;
#[cfg(target_os = "linux")]
pub use posix::Posix;
pub use probe::{BatchAnswer, Grants, ServerProbe, TlsProbe, Trial};
pub use threads::Threads;

use crate::stop::Stop;
use crate::usage::Ledger;

/// Longest time that an engine needs to end after a stop, on a machine that is not overloaded.
pub(crate) const LONGEST_END: Duration = Duration::from_millis(1200);

/// Finds the entries below a root and puts them into the ledger.
pub trait Engine {
    /// Returns the name in reports.
    fn name(&self) -> &'static str;

    /// Walks until everything is read or `stop` is set.
    ///
    /// A directory that cannot be read is recorded in the ledger, and the walk goes on.
    ///
    /// # Errors
    /// Only if there is no result at all: the root cannot be read, or a worker panicked.
    fn walk(&self, ledger: &Arc<Ledger>, stop: &Arc<Stop>) -> Result<Ended, WalkError>;

    /// Examines the server, if the engine accesses one. Adds nothing to the ledger.
    ///
    /// # Errors
    /// The server cannot be reached, or its root cannot be read.
    fn probe(
        &self,
        _ledger: &Arc<Ledger>,
        _trial: Trial,
        _stop: &Arc<Stop>,
    ) -> Option<Result<ServerProbe, WalkError>> {
        None
    }
}

/// The engines by name, as the command line and the configuration spell them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum EngineKind {
    /// getdents64 and statx relative to descriptors (Linux)
    #[cfg(target_os = "linux")]
    #[default]
    Posix,
    /// NFSv4.1 without a mount: ROOT is nfs://HOST/path (Linux)
    #[cfg(target_os = "linux")]
    Nfs,
    /// jwalk, for other systems and as a second opinion; not as root on a tree that others write to
    #[cfg(feature = "portable")]
    #[cfg_attr(not(target_os = "linux"), default)]
    Portable,
}

impl EngineKind {
    /// True if the engine supports limits on rate and latency.
    pub fn can_hold_back(self) -> bool {
        match self {
            #[cfg(target_os = "linux")]
            Self::Posix | Self::Nfs => true,
            #[cfg(feature = "portable")]
            Self::Portable => false,
        }
    }
}

/// Outcome of a walk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    /// Every directory was visited.
    Complete,
    /// The walk was told to stop.
    Interrupted,
}

/// An error that leaves no result.
#[derive(Debug, thiserror::Error)]
pub enum WalkError {
    /// The root cannot be opened or is no directory.
    #[error("{op} {}: {error}", path.display())]
    Root { op: &'static str, path: PathBuf, error: std::io::Error },
    /// A bug in the program. The message has been printed already.
    #[error("a worker of the walk panicked; please report this with the message above")]
    Panicked,
    /// The threads could not be started.
    #[error("starting a worker thread: {reason}")]
    Threads { reason: String },
}
