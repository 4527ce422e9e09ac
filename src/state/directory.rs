//! The state directory: a part for each file system, with a lock and a spool, and small files that
//! are read and written whole. The part of the first file system is the directory itself, so its
//! spool is in the same place with one file system or several.
//!
//! Only the user who runs efs-scan may write in it. In a directory that others may write to, it is
//! a subdirectory of that user's own.

use std::fs::{DirBuilder, File, OpenOptions, Permissions, TryLockError};
use std::io::{self, BufReader, Read, Seek, Write};
#[cfg(target_os = "linux")]
use std::os::fd::IntoRawFd;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use jiff::Timestamp;
#[cfg(target_os = "linux")]
use rustix::fs::{self, Mode, OFlags};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::{Lock, State, StateError};
use crate::atomic::{self, LockedFile, NO_WAIT};
use crate::bounded::{self, Bound};
use crate::guard;
use crate::log;

/// Largest file of the state directory: a run in the spool has the size of its report.
const LARGEST: Bound = Bound::mib(1024, "efs-scan did not write it; move it away");

/// Largest number of bytes read of a lock, which has one line.
const MAX_HOLDER: u64 = 1024;

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

/// Makes the subdirectory of this user in a state directory that others may write to. The returned
/// path goes through a descriptor, which stays open while the process lives, so others cannot
/// redirect it. Each component is opened without following links.
///
/// # Errors
/// Names the directory.
#[cfg(target_os = "linux")]
pub fn own_in_shared(shared: &Path) -> Result<PathBuf, StateError> {
    let name = own_name();
    let text = |problem: &str| format!("--state-dir {}: {problem}", shared.join(&name).display());
    let failed = |error: io::Error| StateError::of(&error, text(&error.to_string()));
    make_dir(shared).map_err(failed)?;
    let directory = OFlags::DIRECTORY | OFlags::CLOEXEC;
    let above = fs::open(shared, directory, Mode::empty()).map_err(|error| failed(error.into()))?;
    match fs::mkdirat(&above, &name, Mode::RWXU) {
        Ok(()) | Err(rustix::io::Errno::EXIST) => {}
        Err(error) => return Err(failed(error.into())),
    }
    let own = fs::openat(&above, &name, directory | OFlags::NOFOLLOW, Mode::empty());
    let own = File::from(own.map_err(|error| failed(error.into()))?);
    let metadata = own.metadata().map_err(failed)?;
    if metadata.uid() != rustix::process::geteuid().as_raw() {
        let problem =
            format!("it belongs to uid {}, not to the user who runs efs-scan", metadata.uid());
        return Err(StateError::Refused(text(&problem)));
    }
    // The group of the volume may have been given access: Kubernetes does so for all files
    // (`fsGroup`).
    own.set_permissions(Permissions::from_mode(0o700)).map_err(failed)?;
    Ok(PathBuf::from(format!("{DESCRIPTORS}{}", own.into_raw_fd())))
}

/// Makes the subdirectory of this user in a state directory that others may write to.
///
/// # Errors
/// Names the directory.
#[cfg(not(target_os = "linux"))]
pub fn own_in_shared(shared: &Path) -> Result<PathBuf, StateError> {
    let own = shared.join(own_name());
    let failed = |error: io::Error| StateError::of(&error, format!("--state-dir: {error}"));
    make_dir(&own).map_err(failed)?;
    Ok(own)
}

/// Name of this user's subdirectory.
pub(crate) fn own_name() -> String {
    format!("efs-scan-{}", rustix::process::geteuid().as_raw())
}

/// Directory with the descriptors of this process on Linux.
const DESCRIPTORS: &str = "/proc/self/fd/";

/// True for a path through a descriptor.
fn is_pinned(path: &Path) -> bool {
    path.starts_with(DESCRIPTORS)
}

/// True for a path below a descriptor's.
fn is_below_descriptor(path: &Path) -> bool {
    path.strip_prefix(DESCRIPTORS).is_ok_and(|below| below.components().count() > 1)
}

/// Directory with the parts of all file systems but the first.
const PARTS: &str = "fs";

/// File with the key of the file system whose part is the directory itself.
const FIRST: &str = "file-system.json";

const OTHERS_WRITE: &str = "it must belong to the user who runs efs-scan, and nobody else may \
     write there; --state-dir-shared allows a volume that others write to";

/// Returns the path as messages show it.
pub(crate) fn shown(path: &Path) -> PathBuf {
    let Ok(below) = path.strip_prefix(DESCRIPTORS) else { return path.to_owned() };
    let mut parts = below.components();
    let descriptor = parts.next().map(|number| Path::new(DESCRIPTORS).join(number));
    match descriptor.and_then(|descriptor| descriptor.read_link().ok()) {
        Some(directory) => directory.join(parts.as_path()),
        None => path.to_owned(),
    }
}

/// An existing state directory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StateDir(PathBuf);

impl StateDir {
    /// Opens the directory, and makes it if it does not exist.
    ///
    /// # Errors
    /// Names the directory.
    pub fn open(path: &Path) -> Result<Self, StateError> {
        Self::made(path, [path.to_owned()])
    }

    /// Opens the part of a file system, and makes it if it does not exist: a directory with a lock
    /// and a spool. The part of the first file system is the directory itself. `key` is a single
    /// path component.
    ///
    /// # Errors
    /// Names the directory.
    pub fn part(&self, key: &str) -> Result<Self, StateError> {
        if self.path(PARTS).join(key).is_dir() || !self.is_part_of(key)? {
            return self.separate_part(key);
        }
        Self::made(&self.0, [self.0.clone(), self.path("spool")])
    }

    /// Opens a part other than the directory itself, and makes it if it does not exist.
    ///
    /// # Errors
    /// Names the directory.
    pub fn separate_part(&self, key: &str) -> Result<Self, StateError> {
        let parts = self.path(PARTS);
        let part = parts.join(key);
        let spool = part.join("spool");
        Self::made(&part.clone(), [parts, part, spool])
    }

    /// True if the directory itself is the part of the file system `key`. The first caller claims
    /// it.
    fn is_part_of(&self, key: &str) -> Result<bool, StateError> {
        let path = self.path(FIRST);
        let failed = |error: io::Error| {
            StateError::of(&error, format!("{}: {error}", shown(&path).display()))
        };
        match read::<String>(&path) {
            Ok(first) => return Ok(first == key),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(failed(error)),
        }
        let taken = atomic::create(&path, 0o600, |to| Ok(serde_json::to_writer(to, key)?));
        match taken {
            Ok(true) => Ok(true),
            // Another file system has claimed it first.
            Ok(false) => Ok(read::<String>(&path).map_err(failed)? == key),
            // It has, and its lock's holder has swept what was being written here.
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                Ok(read::<String>(&path).map_err(failed)? == key)
            }
            Err(error) => Err(failed(error)),
        }
    }

    /// Opens all existing parts.
    ///
    /// # Errors
    /// Names the directory.
    pub fn parts(&self) -> Result<Vec<Self>, StateError> {
        let parts = self.path(PARTS);
        let failed = |error: io::Error| {
            StateError::of(&error, format!("listing {}: {error}", shown(&parts).display()))
        };
        let mut names = Vec::new();
        match std::fs::read_dir(&parts) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            entries => {
                for entry in entries.map_err(failed)? {
                    names.extend(entry.map_err(failed)?.file_name().into_string());
                }
            }
        }
        names.sort_unstable();
        let own = self.path("spool").is_dir().then(|| self.clone());
        own.map(Ok).into_iter().chain(names.iter().map(|name| self.separate_part(name))).collect()
    }

    /// Makes the directories, each of which lies in the previous one, unless they exist. It checks
    /// who may write there, because the files in them decide where this program writes.
    fn made<const N: usize>(path: &Path, places: [PathBuf; N]) -> Result<Self, StateError> {
        let text = |problem: &str| format!("--state-dir {}: {problem}", shown(path).display());
        let failed = |error: io::Error| StateError::of(&error, text(&error.to_string()));
        let refused = |problem: &str| Err(StateError::Refused(text(problem)));
        for place in places {
            make_dir(&place).map_err(failed)?;
            let metadata = match place == path && !is_below_descriptor(path) {
                true => place.metadata(),
                false => place.symlink_metadata(),
            };
            let metadata = metadata.map_err(failed)?;
            let mine = metadata.uid() == rustix::process::geteuid().as_raw();
            let private = metadata.mode() & 0o022 == 0;
            match (metadata.is_dir(), mine && private) {
                (false, _) => {
                    return refused(&format!("{} is not a directory", shown(&place).display()));
                }
                (true, true) => {}
                // Only this user can replace it: see `own_in_shared`.
                (true, false) if mine && is_pinned(path) => {
                    let private = Permissions::from_mode(0o700);
                    std::fs::set_permissions(&place, private).map_err(failed)?;
                }
                (true, false) => return refused(OTHERS_WRITE),
            }
        }
        if !is_pinned(path) {
            guard::refuse_replaceable(path).map_err(|error| {
                StateError::Refused(text(&format!("{error}, or allow it with --state-dir-shared")))
            })?;
        }
        Ok(Self(path.to_owned()))
    }

    /// Returns the small files of the directory.
    pub fn files(&self) -> State {
        State::Directory(self.0.clone())
    }

    /// Returns the path of a file in the directory.
    pub fn path(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    /// Keeps other runs out of the directory until the lock is dropped. `doing` tells them the
    /// reason.
    ///
    /// # Errors
    /// Another run holds the lock: the message names it.
    pub fn lock(&self, doing: &str) -> Result<Lock, StateError> {
        let path = self.path("lock");
        let failed = |error: io::Error| {
            StateError::of(&error, format!("locking {}: {error}", shown(&path).display()))
        };
        // The file is not truncated: before it is locked, it names the run that holds the lock.
        let mut file = atomic::open_lock(&path).map_err(failed)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let mut holder = String::new();
                // The lock holds even if its contents cannot be read.
                let _ = (&file).take(MAX_HOLDER).read_to_string(&mut holder);
                let holder = match holder.trim() {
                    "" => "another efs-scan",
                    holder => holder,
                };
                let state = shown(&self.0);
                let state = state.display();
                let problem = format!("{holder} is using the state directory {state}");
                return Err(StateError::Held(problem));
            }
            Err(TryLockError::Error(error)) => return Err(failed(error)),
        }
        let (pid, now) = (std::process::id(), Timestamp::now());
        let now = now.strftime("%Y-%m-%d %H:%M:%S UTC");
        let holder = format!("efs-scan with process id {pid}, {doing} since {now},\n");
        // On a full disk the lock holds, although the file does not name its holder.
        let _ = file
            .set_len(0)
            .and_then(|()| file.rewind())
            .and_then(|()| file.write_all(holder.as_bytes()));
        // No other run writes here now, so temporary files are left over.
        let spool = Some(self.path("spool")).filter(|spool| spool.is_dir());
        for directory in [self.0.clone()].into_iter().chain(spool) {
            if let Err(error) = atomic::sweep(&directory) {
                log::warn!("removing temporary files in {}: {error}", directory.display());
            }
        }
        Ok(Lock::File(LockedFile(file)))
    }

    /// Reads a file. Warns if it exists but cannot be read.
    pub fn read<T: DeserializeOwned>(&self, name: &str) -> Option<T> {
        let path = self.path(name);
        match read(&path) {
            Ok(value) => Some(value),
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(error) => {
                log::warn!("{}: {error}", shown(&path).display());
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

    /// Writes a file piece by piece: whole or not at all, and readable by its owner only.
    ///
    /// # Errors
    /// Names the file. The old one is still there.
    pub fn fill(
        &self,
        name: &str,
        fill: impl FnOnce(&mut dyn Write) -> io::Result<()>,
    ) -> Result<(), String> {
        filled(&self.path(name), fill)
    }
}

/// Makes a directory for state, and its parents.
///
/// # Errors
/// A directory cannot be made.
pub(super) fn make_dir(path: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(path)
}

/// Reads a state file.
///
/// # Errors
/// The file cannot be read, or has unexpected contents.
pub(crate) fn read<T: DeserializeOwned>(path: &Path) -> io::Result<T> {
    // Opening a FIFO would block.
    let file = OpenOptions::new().read(true).custom_flags(NO_WAIT).open(path)?;
    if !file.metadata()?.is_file() {
        return Err(io::Error::other("it is not a regular file"));
    }
    // Reads through a buffer: a run in the spool may have hundreds of MiB.
    let file = BufReader::with_capacity(64 << 10, bounded::take(file, LARGEST)?);
    Ok(serde_json::from_reader(file)?)
}

/// Writes a state file, whole or not at all, readable only by its owner.
///
/// # Errors
/// Names the file. The old file is kept.
pub(crate) fn write(path: &Path, value: &impl Serialize) -> Result<(), String> {
    filled(path, |to| Ok(serde_json::to_writer(to, value)?))
}

fn filled(path: &Path, fill: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> Result<(), String> {
    atomic::replace(path, 0o600, fill)
        .map_err(|error| format!("writing {}: {error}", shown(path).display()))
}

#[cfg(test)]
mod tests {
    use std::sync::Barrier;

    use super::*;

    /// As a process has that another thread starts while the lock is held.
    #[test]
    fn a_lock_ends_though_the_file_is_open_elsewhere() {
        let dir = tempfile::tempdir().expect("a directory");
        let state = StateDir::open(dir.path()).expect("it opens");
        let lock = state.lock("counting").expect("it is free");
        let Lock::File(LockedFile(file)) = &lock else { panic!("{lock:?}") };
        let _elsewhere = file.try_clone().expect("a descriptor");
        drop(lock);
        drop(state.lock("counting again").expect("it was released"));
    }

    /// One of them claims the directory itself, and sweeps it with its lock while the others try to.
    #[test]
    fn first_parts_at_once_disturb_none() {
        const KEYS: [&str; 4] = ["dev", "stage", "prod", "data"];
        for _ in 0..40 {
            let dir = tempfile::tempdir().expect("a directory");
            let barrier = Barrier::new(KEYS.len());
            let open = |key: &str| {
                let state = StateDir::open(dir.path()).expect("a state directory");
                barrier.wait();
                let part = state.part(key).expect(key);
                let _lock = part.lock("scanning").expect(key);
                part.0 == dir.path()
            };
            let open = &open;
            let own = std::thread::scope(|scope| {
                let all = KEYS.map(|key| scope.spawn(move || open(key)));
                all.map(|one| one.join().expect("no panic")).into_iter().filter(|own| *own).count()
            });
            assert_eq!(own, 1);
        }
    }
}
