//! A directory as a store. Each object is a file that is written under a temporary name and
//! renamed.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, BufReader, Read};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::thread::sleep;
use std::time::{Duration, Instant, SystemTime};

#[cfg(target_os = "linux")]
use rustix::fs::{Mode, OFlags, ResolveFlags};
#[cfg(target_os = "linux")]
use rustix::io::Errno;

use super::{Condition, Fill, Listing, MAX_OBJECT, Object, Put, ReadSize, Store, Take, Version};
use crate::atomic::{self, LockedFile, NO_FOLLOW, NO_WAIT, PART_PREFIX};
use crate::guard;
use crate::service_error::{ServiceError, ServiceResult, Trouble};

/// Name of the lock file of publishers.
const LOCK: &str = ".efs-scan.lock";

/// Time to wait for another publisher, which holds the lock for one object at a time.
const PATIENCE: Duration = Duration::from_secs(30);
const PAUSE: Duration = Duration::from_millis(20);

/// A store in a directory.
#[derive(Debug)]
pub struct Directory(PathBuf);

impl Directory {
    /// Opens the store. The first write makes the directory.
    pub fn new(path: PathBuf) -> Self {
        Self(path)
    }

    fn path(&self, key: &str) -> PathBuf {
        self.0.join(key)
    }

    /// Returns the path of an object. Keys may come from other objects, so a key that leads out of
    /// the store is refused.
    fn checked(&self, key: &str) -> io::Result<PathBuf> {
        let plain = |part: &str| !matches!(part, "" | "." | "..") && !part.contains('\0');
        match key.split('/').all(plain) {
            true => Ok(self.path(key)),
            false => Err(io::Error::other("it is not the key of an object")),
        }
    }

    /// Locks out other publishers until what it returns is dropped. The lock is on a file, because NFS
    /// locks on directories hold on this machine only.
    fn lock(&self) -> io::Result<LockedFile> {
        fs::create_dir_all(&self.0)?;
        // A user who can write to the directory could put links where root writes.
        guard::refuse_shared(&self.0, &fs::metadata(&self.0)?)?;
        guard::refuse_replaceable(&self.0)?;
        let file = atomic::open_lock(&self.0.join(LOCK))?;
        let until = Instant::now() + PATIENCE;
        loop {
            match file.try_lock() {
                Ok(()) => return Ok(LockedFile(file)),
                Err(TryLockError::WouldBlock) if Instant::now() < until => sleep(PAUSE),
                Err(TryLockError::WouldBlock) => {
                    let problem = "another publisher has been writing there for a long time";
                    return Err(io::Error::new(io::ErrorKind::TimedOut, problem));
                }
                Err(TryLockError::Error(error)) => return Err(error),
            }
        }
    }

    /// Makes the directories of a key, and checks them.
    fn make(&self, parent: &Path) -> io::Result<()> {
        self.check_each(parent, |directory| match fs::create_dir(directory) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(error),
            _ => Ok(()),
        })
    }

    /// Checks the directories of a key from the top down, each before anything is done in it, and after
    /// `before`. None of them may be a link, which could lead out of the store. If the publisher is root,
    /// only root may write to each parent, so nobody can replace a directory meanwhile.
    fn check_each(
        &self,
        parent: &Path,
        before: impl Fn(&Path) -> io::Result<()>,
    ) -> io::Result<()> {
        let below: Vec<&Path> = parent.ancestors().take_while(|path| *path != self.0).collect();
        for directory in below.into_iter().rev() {
            before(directory)?;
            let metadata = fs::symlink_metadata(directory)?;
            if !metadata.is_dir() {
                let problem = format!("{} is not a directory", directory.display());
                return Err(io::Error::new(io::ErrorKind::NotADirectory, problem));
            }
            guard::refuse_shared(directory, &metadata)?;
        }
        Ok(())
    }

    fn try_put(&self, key: &str, fill: &Fill<'_>, condition: &Condition) -> io::Result<Put> {
        let path = self.checked(key)?;
        let _lock = self.lock()?;
        let parent = path.parent().unwrap_or(&self.0);
        self.make(parent)?;
        // The lock is held, so these parts are left from a crash. Listing the directory also makes an NFS client
        // ask the server for names that it remembers: otherwise, another machine's object could be overlooked.
        atomic::sweep(parent)?;
        let holds = match (condition, version_at(&path)?) {
            (Condition::Absent, now) => now.is_none(),
            (Condition::Unchanged(seen), now) => now.as_ref() == Some(seen),
        };
        if !holds {
            return Ok(Put::Conflict);
        }
        // Others may read the figures, as far as the umask allows.
        atomic::replace(&path, 0o666, fill)?;
        Ok(Put::Done)
    }

    fn try_discard(&self, key: &str) -> io::Result<()> {
        let path = self.checked(key)?;
        let _lock = self.lock()?;
        self.check_each(path.parent().unwrap_or(&self.0), |_| Ok(()))?;
        fs::remove_file(&path)
    }

    /// Opens an object. Others may be able to write to the store, so links are refused in every
    /// part of the key.
    #[cfg(target_os = "linux")]
    fn open(&self, key: &str) -> io::Result<File> {
        let path = self.checked(key)?;
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
        let below = ResolveFlags::BENEATH | ResolveFlags::NO_SYMLINKS;
        let root = File::open(&self.0)?;
        match rustix::fs::openat2(&root, key, flags, Mode::empty(), below) {
            // Linux before 5.6 lacks openat2, and some containers refuse it.
            Err(Errno::NOSYS | Errno::PERM) => open_last(&path),
            file => Ok(file?.into()),
        }
    }

    #[cfg(not(target_os = "linux"))]
    fn open(&self, key: &str) -> io::Result<File> {
        open_last(&self.checked(key)?)
    }

    /// Opens an object; `None` if there is none.
    fn open_object(&self, key: &str, size: ReadSize) -> io::Result<Option<File>> {
        let file = match self.open(key) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            file => file?,
        };
        let metadata = file.metadata()?;
        match metadata.is_file() {
            true if size == ReadSize::Whole && metadata.len() > MAX_OBJECT => {
                let most = MAX_OBJECT >> 20;
                let problem = format!("it is larger than {most} MiB, and not from efs-scan");
                Err(io::Error::new(io::ErrorKind::FileTooLarge, problem))
            }
            true => Ok(Some(file)),
            false => Err(io::Error::other("it is not a regular file")),
        }
    }

    fn read_object(&self, key: &str, size: ReadSize) -> ServiceResult<Option<Object>> {
        Ok(self.read_dated(key, size)?.map(|(object, _)| object))
    }

    /// Reads an object, and when it was written.
    fn read_dated(
        &self,
        key: &str,
        size: ReadSize,
    ) -> ServiceResult<Option<(Object, Option<SystemTime>)>> {
        let read = || {
            let Some(file) = self.open_object(key, size)? else { return Ok(None) };
            let bound = match size {
                // The file may grow while it is read.
                ReadSize::Whole => MAX_OBJECT,
                ReadSize::First(wanted) => wanted as u64,
            };
            let metadata = file.metadata()?;
            let mut bytes = Vec::new();
            file.take(bound).read_to_end(&mut bytes)?;
            Ok(Some((Object { bytes, version: version_of(&metadata) }, metadata.modified().ok())))
        };
        read().map_err(|error| self.error("reading", key, &error))
    }

    /// Returns the time by the clock that dates the files here: on NFS, the server's.
    fn now(&self) -> io::Result<SystemTime> {
        let probe = tempfile::Builder::new().prefix(PART_PREFIX).tempfile_in(&self.0)?;
        probe.as_file().metadata()?.modified()
    }

    fn error(&self, operation: &str, key: &str, error: &io::Error) -> ServiceError {
        let trouble = match error.kind() {
            io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => Trouble::Denied,
            io::ErrorKind::NotFound => Trouble::Missing,
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => Trouble::Unreachable,
            io::ErrorKind::TimedOut | io::ErrorKind::StaleNetworkFileHandle => Trouble::Unreachable,
            _ => Trouble::Refused,
        };
        ServiceError::new(trouble, format!("{operation} {}: {error}", self.name(key)))
    }
}

impl Directory {
    /// Adds the keys of the files below `directory`. Directories before `after` are skipped, and
    /// directories that cannot be listed are reported in `unlisted`.
    fn collect(&self, directory: &str, after: &str, to: &mut Listing) -> io::Result<()> {
        let entries = match fs::read_dir(self.path(directory)) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            entries => entries?,
        };
        for entry in entries {
            let entry = entry?;
            // All of our keys are UTF-8.
            let Ok(name) = entry.file_name().into_string() else { continue };
            if name.starts_with(PART_PREFIX) || name == LOCK {
                continue;
            }
            let key = if directory.is_empty() { name } else { format!("{directory}/{name}") };
            if !entry.file_type()?.is_dir() {
                to.keys.push(key);
            } else if (after.starts_with(&key) || key.as_str() > after)
                && let Err(error) = self.collect(&key, after, to)
            {
                to.unlisted.push(self.error("listing", &key, &error));
            }
        }
        Ok(())
    }
}

impl Store for Directory {
    fn name(&self, key: &str) -> String {
        self.path(key).display().to_string()
    }

    fn check(&self) -> ServiceResult<()> {
        let probe = || {
            let _lock = self.lock()?;
            // No object lies in this directory, so nothing else removes what a crash here left.
            atomic::sweep(&self.0)?;
            tempfile::Builder::new().prefix(PART_PREFIX).tempfile_in(&self.0).map(drop)
        };
        probe().map_err(|error| self.error("writing to", "", &error))
    }

    fn get(&self, key: &str) -> ServiceResult<Option<Object>> {
        self.read_object(key, ReadSize::Whole)
    }

    fn get_aged(&self, key: &str) -> ServiceResult<Option<(Object, Option<Duration>)>> {
        let Some((object, modified)) = self.read_dated(key, ReadSize::Whole)? else {
            return Ok(None);
        };
        let age = self.now().ok().and_then(|now| now.duration_since(modified?).ok());
        Ok(Some((object, age)))
    }

    fn read(&self, key: &str, take: &mut dyn FnMut(&mut dyn Read)) -> ServiceResult<bool> {
        let file = self.open_object(key, ReadSize::Whole);
        let file = file.map_err(|error| self.error("reading", key, &error))?;
        Ok(file
            .map(|file| take(&mut BufReader::with_capacity(64 << 10, file.take(MAX_OBJECT))))
            .is_some())
    }

    fn get_each(&self, keys: &[&str], size: ReadSize, take: &mut Take<'_>) -> ServiceResult<()> {
        keys.iter().enumerate().try_for_each(|(at, key)| take(at, self.read_object(key, size)))
    }

    fn put(&self, key: &str, bytes: &[u8], condition: Condition) -> ServiceResult<Put> {
        self.put_filled(key, &|to| to.write_all(bytes), condition)
    }

    fn put_filled(&self, key: &str, fill: &Fill<'_>, condition: Condition) -> ServiceResult<Put> {
        self.try_put(key, fill, &condition).map_err(|error| self.error("writing", key, &error))
    }

    fn discard(&self, key: &str) -> ServiceResult<()> {
        match self.try_discard(key) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            discarded => discarded.map_err(|error| self.error("deleting", key, &error)),
        }
    }

    fn list(&self, prefix: &str, after: &str) -> ServiceResult<Listing> {
        let mut listing = Listing::default();
        let directory = prefix.rsplit_once('/').map_or("", |(directory, _)| directory);
        self.collect(directory, after, &mut listing)
            .map_err(|error| self.error("listing", directory, &error))?;
        let keys = &mut listing.keys;
        keys.retain(|key| key.starts_with(prefix) && key.as_str() > after);
        keys.sort_unstable();
        Ok(listing)
    }
}

/// Opens a file unless it is itself a link.
fn open_last(path: &Path) -> io::Result<File> {
    OpenOptions::new().read(true).custom_flags(NO_FOLLOW | NO_WAIT).open(path)
}

fn version_at(path: &Path) -> io::Result<Option<Version>> {
    match fs::symlink_metadata(path) {
        Ok(metadata) => Ok(Some(version_of(&metadata))),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// Returns the version of a file. Every write makes a new inode. If its number is reused, the
/// modification time differs.
fn version_of(metadata: &fs::Metadata) -> Version {
    let (inode, size) = (metadata.ino(), metadata.len());
    Version(format!("{inode}-{}.{:09}-{size}", metadata.mtime(), metadata.mtime_nsec()))
}
