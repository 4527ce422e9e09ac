//! What outlives a run: small files that are read and written whole, a lock, and on a disk the
//! spool.
//!
//! It is kept in the state directory ([`StateDir`]), or at the destination as objects below
//! `state/` where there is no disk to keep it on. Both keep the same promises, but for the spool,
//! which only a directory has.

mod directory;
mod lease;
mod objects;
mod renewal;

use std::path::PathBuf;
use std::sync::Arc;

use clap::ValueEnum;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::atomic::LockedFile;
use crate::service_error::{ServiceError, ServiceResult, Trouble};
use crate::store::Opener;

pub use directory::{StateDir, own_in_shared};
pub(crate) use directory::{own_name, read, shown, write};
pub use lease::{Lease, Other};
pub use objects::StateObjects;
pub use renewal::Renewed;

/// Where state is kept, as the command line and the configuration spell it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum KeepIn {
    /// In the state directory; at the destination where that cannot be written, and in a container
    /// without a volume for it
    #[default]
    Auto,
    /// In the state directory
    Directory,
    /// At the destination of the runs, in the directory `state`
    Destination,
}

/// Reason why the state is unusable.
#[derive(Debug, thiserror::Error)]
pub enum StateError {
    /// The directory is not safe to use.
    #[error("{0}")]
    Refused(String),
    /// Another run uses it.
    #[error("{0}")]
    Held(String),
    /// The directory is full, or cannot be written for another reason that does not concern its
    /// safety.
    #[error("{0}")]
    Unwritable(String),
    /// The destination that keeps it fails.
    #[error(transparent)]
    Destination(#[from] ServiceError),
}

/// The place of the state of all file systems.
#[derive(Clone, Debug)]
pub enum StatePlace {
    /// A directory, which may not exist yet.
    Directory(PathBuf),
    /// The destination of the runs.
    Destination(Arc<dyn Opener>),
}

/// Small files of one file system, or of reminders.
#[derive(Clone, Debug)]
pub enum State {
    /// Files of a directory, which may not exist yet.
    Directory(PathBuf),
    /// Objects.
    Objects(StateObjects),
}

impl State {
    /// Reads a file; `None` if there is none.
    ///
    /// # Errors
    /// Names the file, which cannot be read, or has unexpected contents.
    pub fn read<T: DeserializeOwned>(&self, name: &str) -> ServiceResult<Option<T>> {
        match self {
            Self::Objects(objects) => objects.read(name),
            Self::Directory(directory) => match directory::read(&directory.join(name)) {
                Ok(value) => Ok(Some(value)),
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
                Err(error) => {
                    let text = format!("{}: {error}", self.name(name));
                    Err(ServiceError::new(Trouble::Refused, text))
                }
            },
        }
    }

    /// Writes a file, whole or not at all, readable by its owner only. An object is only written if nobody else wrote it since
    /// it was read.
    ///
    /// # Errors
    /// Names the file. The old one is still there, unless the answer of a store was lost.
    pub fn write(&self, name: &str, value: &impl Serialize) -> Result<(), String> {
        match self {
            Self::Objects(objects) => objects.write(name, value).map_err(|error| error.text),
            Self::Directory(directory) => {
                directory::make_dir(directory)
                    .map_err(|error| format!("making {}: {error}", shown(directory).display()))?;
                directory::write(&directory.join(name), value)
            }
        }
    }

    /// Checks that the lock is not known to have been taken by another run.
    ///
    /// # Errors
    /// Names the other run.
    pub fn check_lock(&self) -> ServiceResult<()> {
        match self {
            Self::Objects(objects) => objects.check_lock(),
            Self::Directory(_) => Ok(()),
        }
    }

    /// Returns the name of a file in messages.
    pub fn name(&self, name: &str) -> String {
        match self {
            Self::Objects(objects) => objects.name(name),
            Self::Directory(directory) => shown(&directory.join(name)).display().to_string(),
        }
    }

    /// Keeps other runs out until the lock is dropped. `doing` tells them the reason.
    ///
    /// # Errors
    /// Another run holds the lock: the message names it.
    pub fn lock(&self, doing: &str) -> Result<Lock, StateError> {
        match self {
            Self::Objects(objects) => objects.lock(doing).map(Lock::Lease),
            Self::Directory(directory) => StateDir::open(directory)?.lock(doing),
        }
    }
}

/// A lock on the state.
#[derive(Debug)]
pub enum Lock {
    /// Of a directory. The kernel releases it when the process ends, however it ends.
    File(LockedFile),
    /// An object. It is free some time after the process ended, however it ended.
    Lease(Renewed),
}
