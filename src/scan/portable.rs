//! Engine for systems without the `posix` one, on top of jwalk.
//!
//! It is one small file on purpose: jwalk's maintainer now recommends another crate, so nothing
//! else may depend on it. On Linux this engine is a second opinion for the tests and a baseline for
//! the benchmarks. It uses whole paths, so paths beyond the system's limit are reported as errors.
//!
//! It is not safe on a tree that others write to: jwalk opens by path and follows a link that
//! replaced a directory or one of its ancestors. The entries found there are discarded if the
//! directory is still another one after the listing, but count if it was put back by then. So the
//! command refuses this engine to root, unless told that nobody else writes to the tree.

use std::collections::HashMap;
use std::ffi::OsStr;
use std::fs::OpenOptions;
use std::io::{self, Read};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::Duration;

use jwalk::{DirEntry, Parallelism, WalkDirGeneric};
use rustix::fs::OFlags;
use rustix::io::Errno;

use super::{Ended, Engine, WalkError};
use crate::stop::Stop;
use crate::sync::lock;
use crate::usage::{Attrs, Dir, Extent, FileKind, Ledger, Mount, Op, Probe};

/// Time that an interrupted walk waits for its last listings. A longer listing is on a server that
/// does not answer.
const LAST_LISTINGS: Duration = Duration::from_millis(500);

/// The `portable` engine.
#[derive(Debug)]
pub struct Portable {
    root: PathBuf,
    threads: usize,
}

/// State that jwalk passes on: the directory that is being read, and the directory of an entry.
type DirState = (Option<Arc<Dir>>, Option<Arc<Dir>>);

impl Portable {
    /// Creates an engine that walks `root` with `threads` threads.
    pub fn new(root: PathBuf, threads: usize) -> Self {
        Self { root, threads }
    }
}

impl Engine for Portable {
    fn name(&self) -> &'static str {
        "portable"
    }

    fn walk(&self, ledger: &Arc<Ledger>, stop: &Arc<Stop>) -> Result<Ended, WalkError> {
        let failed = |op| {
            let path = self.root.clone();
            move |error| WalkError::Root { op, path, error }
        };
        let attrs = attrs(&std::fs::metadata(&self.root).map_err(failed("stat"))?);
        std::fs::read_dir(&self.root).map_err(failed("open"))?;
        let root = ledger.root(attrs);
        let shared = (Arc::clone(ledger), Arc::clone(stop));
        let panicked = Arc::new(AtomicBool::new(false));
        let its_panicked = Arc::clone(&panicked);
        let running = Arc::new(Running::default());
        let its_running = Arc::clone(&running);
        let walk = WalkDirGeneric::<DirState>::new(&self.root)
            .root_read_dir_state(Some(root))
            .skip_hidden(false)
            .parallelism(match self.threads {
                1 => Parallelism::Serial,
                threads => Parallelism::RayonNewPool(threads),
            })
            .process_read_dir(move |depth, path, dir, entries| {
                let (ledger, stop) = &shared;
                let _listing = its_running.begin();
                // Without a depth, this is jwalk's entry of the root itself, which `root` already
                // is.
                if let (Some(_), Some(dir), false) = (depth, dir.as_ref(), stop.is_set()) {
                    // jwalk waits forever for a worker that panicked.
                    let listed = catch_unwind(AssertUnwindSafe(|| {
                        list(ledger, dir, path, entries);
                    }));
                    if listed.is_err() {
                        its_panicked.store(true, Ordering::Relaxed);
                        stop.set();
                    }
                }
            });
        for entry in walk {
            if stop.is_set() {
                break;
            }
            // jwalk reports only here that a directory could not be opened.
            if let Ok(entry) = entry
                && let Some(dir) = &entry.client_state
                && let Some(error) = entry.read_children.as_ref().and_then(|c| c.error())
            {
                unreadable(ledger, dir, &to_io(error));
            }
        }
        // jwalk does not wait for its threads, and entries that they count after the walk would be
        // in the export but not in the report.
        running.wait(LAST_LISTINGS);
        // Relaxed: the walk is over.
        match (panicked.load(Ordering::Relaxed), stop.is_set()) {
            (true, _) => Err(WalkError::Panicked),
            (false, true) => Ok(Ended::Interrupted),
            (false, false) => Ok(Ended::Complete),
        }
    }
}

/// Number of listings that jwalk's threads are working on.
#[derive(Default)]
struct Running {
    count: Mutex<usize>,
    ended: Condvar,
}

impl Running {
    /// Counts a listing until the result is dropped.
    // Invariant: a listing is counted before it checks the stop flag. So once the flag is set and
    // the count is zero, nothing more is counted in the ledger.
    fn begin(&self) -> impl Drop + '_ {
        struct Ends<'a>(&'a Running);
        impl Drop for Ends<'_> {
            fn drop(&mut self) {
                *lock(&self.0.count) -= 1;
                self.0.ended.notify_all();
            }
        }
        *lock(&self.count) += 1;
        Ends(self)
    }

    /// Waits until no listing is running, for at most `patience`.
    fn wait(&self, patience: Duration) {
        let count = lock(&self.count);
        let ended = self.ended.wait_timeout_while(count, patience, |count| *count > 0);
        drop(ended.unwrap_or_else(PoisonError::into_inner));
    }
}

/// Commits one directory that jwalk has read, and leaves only the directories to enter in
/// `entries`.
fn list(
    ledger: &Ledger,
    dir: &Arc<Dir>,
    path: &Path,
    entries: &mut Vec<jwalk::Result<DirEntry<DirState>>>,
) {
    dir.ask_for_acl(|| super::may_have_acl(path));
    let mut listing = ledger.begin(dir);
    entries.retain(|entry| match entry {
        Ok(entry) => {
            let name = entry.file_name.as_bytes();
            if !listing.wants(ledger, name) {
                return false;
            }
            let attrs = match entry_attrs(&path.join(&entry.file_name)) {
                Err(error) if is_gone(&error) && !entry.file_type.is_dir() => {
                    attrs_again(dir, path, &entry.file_name)
                }
                attrs => Some(attrs),
            };
            match attrs {
                Some(Ok(attrs)) => listing.entry(ledger, name, attrs),
                None => listing.moved(name),
                Some(Err(error)) if is_gone(&error) && entry.file_type.is_dir() => {
                    listing.moved(name);
                }
                Some(Err(error)) => listing.failed(Op::Stat, Some(name), &error),
            }
            true
        }
        Err(error) => {
            listing.failed(Op::List, None, &to_io(error));
            false
        }
    });
    // jwalk opens by path, so it may have read another directory that replaced this one.
    if dir.depth > 0 && !is_still(dir, path) {
        drop(listing);
        entries.clear();
        return ledger.moved(dir);
    }
    let children = listing.commit(ledger, Extent::Whole, &PathProbe(path));
    let mut by_name: HashMap<&[u8], &Arc<Dir>> =
        children.iter().map(|child| (&*child.name, child)).collect();
    for entry in entries.iter_mut().flatten() {
        let child = entry.read_children.as_ref();
        let child = child.and_then(|_| by_name.remove(entry.file_name.as_bytes()));
        entry.client_state = child.cloned();
        match (child, &mut entry.read_children) {
            (Some(child), Some(read)) => read.client_read_state = Some(Some(Arc::clone(child))),
            (_, read) => *read = None,
        }
    }
    // jwalk would keep every file in memory until its turn.
    entries.retain(|entry| entry.as_ref().is_ok_and(|entry| entry.read_children.is_some()));
    // jwalk does not enter a name that it listed as a file, even if it is a directory now.
    for child in by_name.into_values() {
        let problem = io::Error::other("it became a directory while its parent was listed");
        unreadable(ledger, child, &problem);
    }
    ledger.end(listing);
}

/// Number of tries to find a directory at its path while somebody moves it back and forth.
const TRIES: usize = 100;

/// Reads the attributes of a file that was not at its path: it may be gone, or one of its ancestors
/// may have been elsewhere for a moment. `None` if the directory is not found.
fn attrs_again(dir: &Dir, path: &Path, name: &OsStr) -> Option<io::Result<Attrs>> {
    let flags = OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let found = (0..TRIES).find_map(|_| {
        let fd = rustix::fs::open(path, flags, rustix::fs::Mode::empty()).ok()?;
        let stat = rustix::fs::fstat(&fd).ok()?;
        ((stat.st_dev, stat.st_ino) == (dir.attrs.dev, dir.attrs.ino)).then_some(fd)
    });
    let fd = found?;
    #[cfg(target_os = "linux")]
    let attrs = super::statx::attrs_at(&fd, &std::ffi::CString::new(name.as_bytes()).ok()?);
    #[cfg(not(target_os = "linux"))]
    let attrs = entry_attrs(&path.join(name));
    drop(fd);
    Some(attrs)
}

fn is_gone(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::NotFound
}

/// Returns true if the path still leads to the directory that its parent's listing found.
fn is_still(dir: &Dir, path: &Path) -> bool {
    std::fs::symlink_metadata(path)
        .is_ok_and(|metadata| (metadata.dev(), metadata.ino()) == (dir.attrs.dev, dir.attrs.ino))
}

/// Ends a directory that cannot be opened: its own inode counts, and its contents are an error.
fn unreadable(ledger: &Ledger, dir: &Arc<Dir>, error: &io::Error) {
    let replaced = error.raw_os_error() == Some(Errno::NOTDIR.raw_os_error());
    if replaced || error.kind() == io::ErrorKind::NotFound {
        return ledger.moved(dir);
    }
    let mut listing = ledger.begin(dir);
    listing.failed(Op::Open, None, error);
    listing.commit(ledger, Extent::Whole, &PathProbe(Path::new("")));
    ledger.end(listing);
}

/// Converts jwalk's error to the system's error, which decides how it counts.
fn to_io(error: &jwalk::Error) -> io::Error {
    match error.io_error().map(|error| (error.raw_os_error(), error.to_string())) {
        Some((Some(code), _)) => io::Error::from_raw_os_error(code),
        Some((None, message)) => io::Error::other(message),
        None => io::Error::other(error.to_string()),
    }
}

/// Reads an entry's attributes. On Linux they show if a directory is a mount point, even for a bind
/// mount of the same file system, which would count twice.
fn entry_attrs(path: &Path) -> io::Result<Attrs> {
    #[cfg(target_os = "linux")]
    return super::statx::attrs_at_path(path);
    #[cfg(not(target_os = "linux"))]
    std::fs::symlink_metadata(path).map(|metadata| attrs(&metadata))
}

fn attrs(metadata: &std::fs::Metadata) -> Attrs {
    let file_type = metadata.file_type();
    Attrs {
        kind: if file_type.is_dir() {
            FileKind::Dir
        } else if file_type.is_symlink() {
            FileKind::Symlink
        } else if file_type.is_file() {
            FileKind::File
        } else {
            FileKind::Other
        },
        dev: metadata.dev(),
        ino: metadata.ino(),
        nlink: u32::try_from(metadata.nlink()).unwrap_or(u32::MAX),
        uid: metadata.uid(),
        gid: metadata.gid(),
        mode: (metadata.mode() & 0o7777) as u16,
        apparent: metadata.size(),
        allocated: metadata.blocks().saturating_mul(512),
        mtime: metadata.mtime(),
        // Bind mounts of the same file system are not recognized here (see `entry_attrs`); `dev`
        // shows other mounts.
        mount: Mount::Inside,
    }
}

/// Answers a rule's questions about the directory at a path.
struct PathProbe<'a>(&'a Path);

impl PathProbe<'_> {
    fn join(&self, name: &[u8]) -> PathBuf {
        self.0.join(OsStr::from_bytes(name))
    }
}

impl Probe for PathProbe<'_> {
    fn exists(&self, name: &[u8]) -> io::Result<bool> {
        match std::fs::symlink_metadata(self.join(name)) {
            Ok(_) => Ok(true),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
            Err(error) => Err(error),
        }
    }

    fn starts_with(&self, name: &[u8], bytes: &[u8]) -> io::Result<bool> {
        let flags = OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::NOCTTY;
        let opened = OpenOptions::new()
            .read(true)
            .custom_flags(flags.bits().cast_signed())
            .open(self.join(name));
        let mut file = match opened {
            Ok(file) => file,
            Err(error) => {
                // The name is gone, a link, or a socket, so it is no marker.
                let harmless = [Errno::NOENT, Errno::LOOP, Errno::NXIO];
                let errno = error.raw_os_error().map(Errno::from_raw_os_error);
                let harmless = errno.is_some_and(|errno| harmless.contains(&errno));
                return if harmless { Ok(false) } else { Err(error) };
            }
        };
        let mut head = vec![0; bytes.len()];
        Ok(file.metadata()?.is_file() && file.read_exact(&mut head).is_ok() && head == bytes)
    }
}
