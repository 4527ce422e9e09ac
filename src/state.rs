//! The state directory: the lock, the spool, and what was said to whom. It is root's alone.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Read, Seek, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use rustix::fs::{FlockOperation, flock};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::atomic;

/// A state directory that exists.
#[derive(Clone, Debug)]
pub struct State(PathBuf);

impl State {
    /// Opens the directory, and makes it if need be.
    ///
    /// # Errors
    /// Names the directory.
    pub fn open(path: &Path) -> Result<Self, String> {
        let made = DirBuilder::new().recursive(true).mode(0o700).create(path.join("spool"));
        let failed = |problem: String| format!("--state-dir {}: {problem}", path.display());
        made.map_err(|error| failed(error.to_string()))?;
        // What lies here decides where this program writes.
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

    /// The path of a file in it.
    pub fn path(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    /// Keeps other runs out of this directory until it is dropped.
    ///
    /// # Errors
    /// If another run is in it: the message names that one.
    pub fn lock(&self, doing: &str) -> Result<Lock, String> {
        let path = self.path("lock");
        let failed = |error: io::Error| format!("locking {}: {error}", path.display());
        let mut options = OpenOptions::new();
        // Not truncated: until it is locked it says who has it.
        options.read(true).write(true).create(true).truncate(false).mode(0o600);
        options.custom_flags(rustix::fs::OFlags::NOFOLLOW.bits().cast_signed());
        let mut file = options.open(&path).map_err(failed)?;
        match flock(&file, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => {}
            Err(rustix::io::Errno::WOULDBLOCK) => {
                let mut who = String::new();
                // A lock that cannot be read is a lock all the same.
                let _ = file.read_to_string(&mut who);
                let who = if who.trim().is_empty() { "another efs-scan" } else { who.trim() };
                let state = self.0.display();
                return Err(format!("{who} is at work with the state directory {state}"));
            }
            Err(error) => return Err(failed(error.into())),
        }
        let (pid, now) = (std::process::id(), Timestamp::now());
        let now = now.strftime("%Y-%m-%d %H:%M:%S UTC");
        let who = format!("efs-scan with process id {pid}, {doing} since {now},\n");
        file.set_len(0)
            .and_then(|()| file.rewind())
            .and_then(|()| file.write_all(who.as_bytes()))
            .map_err(failed)?;
        // Nobody else writes here now.
        for directory in [self.0.clone(), self.path("spool")] {
            atomic::sweep(&directory).map_err(failed)?;
        }
        Ok(Lock { _file: file })
    }

    /// What is kept under `name`, if it is there and can be read; says so if it cannot.
    pub fn read<T: DeserializeOwned>(&self, name: &str) -> Option<T> {
        let read = match fs::read(self.path(name)) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return None,
            Err(error) => Err(error.to_string()),
            Ok(bytes) => serde_json::from_slice(&bytes).map_err(|error| error.to_string()),
        };
        read.inspect_err(|problem| tracing::warn!("{}: {problem}", self.path(name).display())).ok()
    }

    /// Keeps something under `name`.
    ///
    /// # Errors
    /// Names the file.
    pub fn write(&self, name: &str, value: &impl Serialize) -> Result<(), String> {
        let path = self.path(name);
        let bytes = serde_json::to_vec(value).map_err(|error| error.to_string());
        bytes
            .and_then(|bytes| atomic::replace(&path, 0o600, &bytes).map_err(|e| e.to_string()))
            .map_err(|problem| format!("writing {}: {problem}", path.display()))
    }
}

/// Held as long as it lives; the kernel lets go of it when the process ends, however that ends.
#[derive(Debug)]
pub struct Lock {
    _file: File,
}
