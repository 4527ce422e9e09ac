//! Reads one directory with as few system calls as possible: `openat`, `getdents64` until it is
//! empty, one `statx` per entry.

use std::ffi::{CStr, CString};
use std::io;
use std::ops::AddAssign;
use std::os::fd::OwnedFd;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use rustix::fs::{AtFlags, CWD, FileType, Mode, OFlags, RawDir, Statx, StatxFlags, openat, statx};

/// Buffer of one `getdents64`, about 2,000 names. Over NFS the kernel asks for attributes again
/// only after the names so far were stat'ed, so each buffer is stat'ed before the next one is read.
const BUFFER: usize = 64 * 1024;

/// Attributes that a real scan needs, so that the floor asks the kernel for no less. atime is left
/// out: EFS does not keep it, and asking can cost an NFS client a round trip.
const MASK: StatxFlags = StatxFlags::TYPE
    .union(StatxFlags::MODE)
    .union(StatxFlags::NLINK)
    .union(StatxFlags::UID)
    .union(StatxFlags::MTIME)
    .union(StatxFlags::INO)
    .union(StatxFlags::SIZE)
    .union(StatxFlags::BLOCKS);

/// A directory to read, named relative to its parent: an absolute path would make an NFS client
/// revalidate every component.
///
/// The parent's descriptor stays open until the last of its children was opened. As long as the
/// schedule is last in, first out, open files number about the depth of the tree times the workers.
pub struct Dir {
    parent: Arc<OwnedFd>,
    name: CString,
}

impl Dir {
    /// Starts a walk. `path` may be a symbolic link; links below it are not followed.
    ///
    /// # Errors
    /// If `path` cannot be opened as a directory.
    pub fn root(path: &Path) -> io::Result<Self> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        Ok(Self {
            parent: Arc::new(openat(CWD, path, flags, Mode::empty())?),
            name: c".".to_owned(),
        })
    }

    fn open(&self) -> io::Result<OwnedFd> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        Ok(openat(&self.parent, &self.name, flags, Mode::empty())?)
    }
}

/// Result of a walk. Hard links count once per name, as with `du --count-links`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sums {
    /// Directories, including the root.
    pub dirs: u64,
    /// All other entries.
    pub others: u64,
    /// Allocated bytes of both: `st_blocks * 512`.
    pub bytes: u64,
    /// Failed system calls. If there are any, the sums are too low.
    pub errors: u64,
}

impl Sums {
    fn count(&mut self, stat: &Statx) -> FileType {
        let kind = FileType::from_raw_mode(stat.stx_mode.into());
        match kind {
            FileType::Directory => self.dirs += 1,
            _ => self.others += 1,
        }
        self.bytes += stat.stx_blocks * 512;
        kind
    }
}

impl AddAssign for Sums {
    fn add_assign(&mut self, other: Self) {
        self.dirs += other.dirs;
        self.others += other.others;
        self.bytes += other.bytes;
        self.errors += other.errors;
    }
}

/// State of one worker.
pub struct Reader {
    buffer: Vec<u8>,
    delay: Duration,
    sums: Sums,
}

impl Reader {
    /// Simulates round trips with a sleep of `delay` at each open, and at each `getdents64` that
    /// returned names (an NFS client answers the last, empty one from its cache).
    #[must_use]
    pub fn new(delay: Duration) -> Self {
        Self { buffer: Vec::with_capacity(BUFFER), delay, sums: Sums::default() }
    }

    #[must_use]
    pub fn sums(&self) -> Sums {
        self.sums
    }

    /// Counts the root, which no directory lists.
    pub fn count_root(&mut self, root: &Dir) {
        match statx(&root.parent, c".", AtFlags::SYMLINK_NOFOLLOW, MASK) {
            Ok(stat) => {
                self.sums.count(&stat);
            }
            Err(error) => self.fail("statx", &root.name, error.into()),
        }
    }

    /// Counts the entries of `dir` and appends its directories to `children`.
    pub fn visit(&mut self, dir: &Dir, children: &mut Vec<Dir>) {
        self.round_trip();
        let fd = match dir.open() {
            Ok(fd) => Arc::new(fd),
            Err(error) => return self.fail("open", &dir.name, error),
        };
        // Moved out for the loop: the entries borrow it while `self` counts them.
        let mut buffer = std::mem::take(&mut self.buffer);
        let mut entries = RawDir::new(&*fd, buffer.spare_capacity_mut());
        loop {
            let refill = entries.is_buffer_empty();
            let entry = match entries.next() {
                Some(Ok(entry)) => entry,
                Some(Err(error)) => {
                    self.fail("getdents64", &dir.name, error.into());
                    break;
                }
                None => break,
            };
            if refill {
                self.round_trip();
            }
            let name = entry.file_name();
            if name == c"." || name == c".." {
                continue;
            }
            match statx(&*fd, name, AtFlags::SYMLINK_NOFOLLOW, MASK) {
                Ok(stat) => {
                    if self.sums.count(&stat) == FileType::Directory {
                        children.push(Dir { parent: Arc::clone(&fd), name: name.to_owned() });
                    }
                }
                Err(error) => self.fail("statx", name, error.into()),
            }
        }
        self.buffer = buffer;
    }

    fn round_trip(&self) {
        if !self.delay.is_zero() {
            std::thread::sleep(self.delay);
        }
    }

    fn fail(&mut self, call: &str, name: &CStr, error: io::Error) {
        self.sums.errors += 1;
        eprintln!("{call} {}: {error}", name.to_string_lossy());
    }
}
