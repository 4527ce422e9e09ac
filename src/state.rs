//! The state directory: its lock, the spool, and small files that are read and written whole.
//! Only the user who runs efs-scan may write in it.

use std::fs::{self, DirBuilder, File, TryLockError};
use std::io::{self, Read, Seek, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::atomic;

/// A state directory that exists.
#[derive(Clone, Debug)]
pub struct StateDir(PathBuf);

impl StateDir {
    /// Opens the directory, and makes it if need be.
    ///
    /// # Errors
    /// Names the directory.
    pub fn open(path: &Path) -> Result<Self, String> {
        let failed = |problem: String| format!("--state-dir {}: {problem}", path.display());
        make_dir(&path.join("spool")).map_err(|error| failed(error.to_string()))?;
        // The files in it decide where this program writes.
        for metadata in [path.metadata(), path.join("spool").symlink_metadata()] {
            let metadata = metadata.map_err(|error| failed(error.to_string()))?;
            let mine = metadata.uid() == rustix::process::geteuid().as_raw();
            if !metadata.is_dir() {
                return Err(failed("its spool is not a directory".to_owned()));
            }
            if !mine || metadata.mode() & 0o022 != 0 {
                let problem =
                    "it must belong to who runs efs-scan, and nobody else may write there";
                return Err(failed(problem.to_owned()));
            }
        }
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
    pub fn lock(&self, doing: &str) -> Result<Lock, String> {
        let path = self.path("lock");
        let failed = |error: io::Error| format!("locking {}: {error}", path.display());
        // It is not truncated: until it is locked, it names the run that holds it.
        let mut file = atomic::open_lock(&path).map_err(failed)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let mut holder = String::new();
                // A lock that cannot be read is a lock all the same.
                let _ = file.read_to_string(&mut holder);
                let holder = match holder.trim() {
                    "" => "another efs-scan",
                    holder => holder,
                };
                let state = self.0.display();
                return Err(format!("{holder} is using the state directory {state}"));
            }
            Err(TryLockError::Error(error)) => return Err(failed(error)),
        }
        let (pid, now) = (std::process::id(), Timestamp::now());
        let now = now.strftime("%Y-%m-%d %H:%M:%S UTC");
        let holder = format!("efs-scan with process id {pid}, {doing} since {now},\n");
        file.set_len(0)
            .and_then(|()| file.rewind())
            .and_then(|()| file.write_all(holder.as_bytes()))
            .map_err(failed)?;
        // No other run writes here now.
        for directory in [self.0.clone(), self.path("spool")] {
            atomic::sweep(&directory).map_err(failed)?;
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
    Ok(serde_json::from_slice(&fs::read(path)?)?)
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
