//! The state directory: its lock, the spool, and small files that are read and written whole.
//! Only the user who runs efs-scan may write in it.

use std::fs::{DirBuilder, File, TryLockError};
use std::io::{self, Read, Seek, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::atomic;
use crate::bounded::{self, Bound};
use crate::guard;

/// The largest file of the state directory: a run in the spool has the size of its report.
const LARGEST: Bound = Bound::mib(1024, "efs-scan did not write it; move it away");

/// The most bytes of a lock that are read: one line.
const MAX_HOLDER: u64 = 1024;

/// Why a state directory cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum StateError {
    /// It must not be used as it is.
    #[error("{0}")]
    Refused(String),
    /// Another run uses it.
    #[error("{0}")]
    Held(String),
    /// It is full, or cannot be written for another reason that says nothing about its safety.
    #[error("{0}")]
    Unwritable(String),
}

impl StateError {
    fn of(error: &io::Error, text: String) -> Self {
        match error.kind() {
            io::ErrorKind::StorageFull
            | io::ErrorKind::QuotaExceeded
            | io::ErrorKind::FileTooLarge
            | io::ErrorKind::ReadOnlyFilesystem
            | io::ErrorKind::PermissionDenied
            | io::ErrorKind::StaleNetworkFileHandle
            | io::ErrorKind::TimedOut => Self::Unwritable(text),
            _ if error.raw_os_error() == Some(libc::EIO) => Self::Unwritable(text),
            _ => Self::Refused(text),
        }
    }
}

/// A state directory that exists.
#[derive(Clone, Debug)]
pub struct StateDir(PathBuf);

impl StateDir {
    /// Opens the directory, and makes it if need be.
    ///
    /// # Errors
    /// Names the directory.
    pub fn open(path: &Path) -> Result<Self, StateError> {
        let text = |problem: &str| format!("--state-dir {}: {problem}", path.display());
        let failed = |error: io::Error| StateError::of(&error, text(&error.to_string()));
        let refused = |problem: &str| Err(StateError::Refused(text(problem)));
        make_dir(&path.join("spool")).map_err(failed)?;
        // The files in it decide where this program writes.
        for metadata in [path.metadata(), path.join("spool").symlink_metadata()] {
            let metadata = metadata.map_err(failed)?;
            let mine = metadata.uid() == rustix::process::geteuid().as_raw();
            if !metadata.is_dir() {
                return refused("its spool is not a directory");
            }
            if !mine || metadata.mode() & 0o022 != 0 {
                return refused(
                    "it must belong to who runs efs-scan, and nobody else may write there",
                );
            }
        }
        guard::refuse_replaceable(path)
            .map_err(|error| StateError::Refused(text(&error.to_string())))?;
        Ok(Self(path.to_owned()))
    }

    /// Path of a file in the directory.
    pub fn path(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    /// Keeps other runs out of the directory until the lock is dropped. `doing` tells them why.
    ///
    /// # Errors
    /// If another run holds the lock: the message says which.
    pub fn lock(&self, doing: &str) -> Result<Lock, StateError> {
        let path = self.path("lock");
        let failed = |error: io::Error| {
            StateError::of(&error, format!("locking {}: {error}", path.display()))
        };
        // It is not truncated: until it is locked, it names the run that holds it.
        let mut file = atomic::open_lock(&path).map_err(failed)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let mut holder = String::new();
                // A lock that cannot be read is a lock all the same.
                let _ = (&file).take(MAX_HOLDER).read_to_string(&mut holder);
                let holder = match holder.trim() {
                    "" => "another efs-scan",
                    holder => holder,
                };
                let state = self.0.display();
                let problem = format!("{holder} is using the state directory {state}");
                return Err(StateError::Held(problem));
            }
            Err(TryLockError::Error(error)) => return Err(failed(error)),
        }
        let (pid, now) = (std::process::id(), Timestamp::now());
        let now = now.strftime("%Y-%m-%d %H:%M:%S UTC");
        let holder = format!("efs-scan with process id {pid}, {doing} since {now},\n");
        // On a full disk the lock holds, although it does not say who has it.
        let _ = file
            .set_len(0)
            .and_then(|()| file.rewind())
            .and_then(|()| file.write_all(holder.as_bytes()));
        // No other run writes here now.
        for directory in [self.0.clone(), self.path("spool")] {
            if let Err(error) = atomic::sweep(&directory) {
                tracing::warn!("removing temporary files in {}: {error}", directory.display());
            }
        }
        Ok(Lock { _file: file })
    }

    /// Reads a file. Warns if it cannot be read; one that does not exist is no fault.
    pub fn read<T: DeserializeOwned>(&self, name: &str) -> Option<T> {
        let path = self.path(name);
        match read(&path) {
            Ok(value) => Some(value),
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(error) => {
                tracing::warn!("{}: {error}", path.display());
                None
            }
        }
    }

    /// Writes a file.
    ///
    /// # Errors
    /// Names the file.
    pub fn write(&self, name: &str, value: &impl Serialize) -> Result<(), String> {
        write(&self.path(name), value)
    }
}

/// A lock on the state directory. The kernel releases it when the process ends, however it ends.
#[derive(Debug)]
pub struct Lock {
    _file: File,
}

/// Makes a directory for state, and those above it.
///
/// # Errors
/// If one cannot be made.
pub(crate) fn make_dir(path: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(path)
}

/// Reads a state file.
///
/// # Errors
/// If the file cannot be read, or is not what it should be.
pub(crate) fn read<T: DeserializeOwned>(path: &Path) -> io::Result<T> {
    Ok(serde_json::from_slice(&bounded::read(path, LARGEST)?)?)
}

/// Writes a state file: whole or not at all, and readable by its owner only.
///
/// # Errors
/// Names the file. The old one is still there.
pub(crate) fn write(path: &Path, value: &impl Serialize) -> Result<(), String> {
    let written = serde_json::to_vec(value).map_err(io::Error::from);
    written
        .and_then(|bytes| atomic::replace(path, 0o600, &bytes))
        .map_err(|error| format!("writing {}: {error}", path.display()))
}
