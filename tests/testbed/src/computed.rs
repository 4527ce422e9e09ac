//! A tree computed from inode numbers: the entries of a directory follow from its number, so a
//! hundred million of them cost neither memory nor disk.

use std::fmt::Write as _;
use std::ops::Range;
use std::time::{Duration, SystemTime};

use fuser::{FileAttr, FileType, INodeNo};

/// The root's inode, as FUSE requires it.
pub const ROOT: u64 = 1;

/// Name and owner of the first home.
pub const FIRST_UID: u64 = 200_005;

/// Newest modification time: 2026-01-01. It is fixed so that trees are the same every day.
pub(crate) const NEWEST: u64 = 1_767_225_600;

/// Directories are numbered level by level, the root with 0, and an inode number is
/// `1 + directory * (files + 1)`, plus `1 + file` for a file in it.
///
/// The entries of a directory have *positions*: its directories first, then its files.
#[derive(Debug)]
pub struct Tree {
    /// Directories, including the root.
    dirs: u64,
    /// Files per directory that has any.
    files: u64,
    /// The first directory that has files.
    files_from: u64,
    /// True if the files of every second home are links to those of the previous home.
    linked: bool,
    levels: Vec<Level>,
}

/// Directories of one depth. Invariant: `start < Tree::dirs`, and the last level may be cut short
/// there.
#[derive(Debug)]
struct Level {
    /// The number of its first directory.
    start: u64,
    /// Directories of this level per directory of the level above.
    fanout: u64,
    /// Directories of this level per home.
    per_home: u64,
}

impl Tree {
    /// Makes a tree of `dirs` directories including the root: `homes` homes, and `fanout`
    /// directories in each directory below until there are enough. Each but the root has `files`
    /// files.
    #[must_use]
    pub fn even(dirs: u64, files: u64, homes: u64, fanout: u64) -> Self {
        // A chain would have as many levels as directories.
        let fanout = fanout.max(2);
        Self::new(dirs, files, 1, std::iter::once(homes).chain(std::iter::repeat(fanout)))
    }

    /// Makes the tree of [`Self::even`], except that in every second home all names of files are
    /// hard links to the files of the previous home.
    #[must_use]
    pub fn linked(dirs: u64, files: u64, homes: u64, fanout: u64) -> Self {
        Self { linked: true, ..Self::even(dirs, files, homes, fanout) }
    }

    /// Makes one home with one directory of `files` files.
    #[must_use]
    pub fn wide_files(files: u64) -> Self {
        Self::new(3, files, 2, [1, 1].into_iter())
    }

    /// Makes one home with one directory of `dirs` empty directories.
    #[must_use]
    pub fn wide_dirs(dirs: u64) -> Self {
        Self::new(dirs + 3, 0, 1, [1, 1, dirs].into_iter())
    }

    fn new(dirs: u64, files: u64, files_from: u64, fanouts: impl Iterator<Item = u64>) -> Self {
        let mut levels = vec![Level { start: 0, fanout: 1, per_home: 0 }];
        let (mut start, mut all) = (1_u64, 1_u64);
        for fanout in fanouts {
            if start >= dirs {
                break;
            }
            let above = levels.last().map_or(0, |level| level.per_home);
            levels.push(Level { start, fanout, per_home: above.saturating_mul(fanout).max(1) });
            all = all.saturating_mul(fanout);
            start = start.saturating_add(all);
        }
        Self { dirs, files, files_from, linked: false, levels }
    }

    /// Returns the number of directories, including the root.
    #[must_use]
    pub fn dirs(&self) -> u64 {
        self.dirs
    }

    /// Returns the number of files in all directories, each once.
    #[must_use]
    pub fn files(&self) -> u64 {
        match self.linked {
            false => self.files * self.dirs.saturating_sub(self.files_from),
            true => {
                self.files * (1..self.dirs).filter(|dir| self.keeper(*dir) == *dir).count() as u64
            }
        }
    }

    /// Returns the directory that holds the files of `dir`, which is another one if they are hard
    /// links.
    fn keeper(&self, dir: u64) -> u64 {
        let level = &self.levels[self.level(dir)];
        let is_copy = self.linked && dir > 0 && (dir - level.start) / level.per_home % 2 == 1;
        if is_copy { dir - level.per_home } else { dir }
    }

    /// Returns the number of the directory that `ino` is or is in, and the number of the file in it
    /// if `ino` is a file.
    pub(crate) fn place(&self, ino: u64) -> Option<(u64, Option<u64>)> {
        let number = ino.checked_sub(ROOT)?;
        let (dir, rest) = (number / (self.files + 1), number % (self.files + 1));
        match rest.checked_sub(1) {
            _ if dir >= self.dirs => None,
            Some(_) if dir < self.files_from => None,
            file => Some((dir, file)),
        }
    }

    pub(crate) fn inode(&self, dir: u64) -> u64 {
        ROOT + dir * (self.files + 1)
    }

    pub(crate) fn level(&self, dir: u64) -> usize {
        self.levels.partition_point(|level| level.start <= dir) - 1
    }

    pub(crate) fn subdirs(&self, dir: u64) -> Range<u64> {
        let level = self.level(dir);
        let Some(below) = self.levels.get(level + 1) else { return 0..0 };
        let first = below.start + (dir - self.levels[level].start) * below.fanout;
        first.min(self.dirs)..(first + below.fanout).min(self.dirs)
    }

    pub(crate) fn parent(&self, dir: u64) -> u64 {
        match self.level(dir) {
            0 => 0,
            at => {
                let level = &self.levels[at];
                self.levels[at - 1].start + (dir - level.start) / level.fanout
            }
        }
    }

    pub(crate) fn owner(&self, dir: u64) -> u64 {
        match self.level(dir) {
            0 => 0,
            at => FIRST_UID + (dir - self.levels[at].start) / self.levels[at].per_home,
        }
    }

    /// Returns the attributes of `ino`, if there is such an inode.
    #[must_use]
    pub fn attr(&self, ino: u64) -> Option<FileAttr> {
        let (dir, file) = self.place(ino)?;
        let random = mix(ino);
        let (kind, perm, size, nlink) = match file {
            Some(_) => {
                let links = if self.linked { 2 } else { 1 };
                (FileType::RegularFile, 0o644, file_size(ino), links)
            }
            None => {
                let subdirs = self.subdirs(dir);
                let perm = if self.level(dir) == 1 { 0o700 } else { 0o755 };
                (FileType::Directory, perm, 4096, 2 + (subdirs.end - subdirs.start))
            }
        };
        let age = Duration::from_secs(random % (700 * 86_400));
        let time = SystemTime::UNIX_EPOCH + Duration::from_secs(NEWEST) - age;
        Some(FileAttr {
            ino: INodeNo(ino),
            size,
            blocks: size.div_ceil(4096) * 8,
            atime: time,
            mtime: time,
            ctime: time,
            crtime: time,
            kind,
            perm,
            nlink: u32::try_from(nlink).unwrap_or(u32::MAX),
            uid: u32::try_from(self.owner(dir)).unwrap_or(u32::MAX),
            gid: 0,
            rdev: 0,
            blksize: 4096,
            flags: 0,
        })
    }

    /// Returns the entries of `ino`, if it is a directory.
    #[must_use]
    pub fn listing(&self, ino: u64) -> Option<Listing<'_>> {
        match self.place(ino)? {
            (dir, None) => {
                let (subdirs, files) = (self.subdirs(dir), self.files_in(dir));
                Some(Listing { tree: self, dir, subdirs, files })
            }
            (_, Some(_)) => None,
        }
    }

    pub(crate) fn files_in(&self, dir: u64) -> u64 {
        if dir < self.files_from { 0 } else { self.files }
    }
}

/// Entries of one directory.
#[derive(Debug)]
pub struct Listing<'a> {
    tree: &'a Tree,
    dir: u64,
    subdirs: Range<u64>,
    files: u64,
}

impl Listing<'_> {
    /// Returns the inode number of the parent directory.
    #[must_use]
    pub fn parent(&self) -> u64 {
        self.tree.inode(self.tree.parent(self.dir))
    }

    /// Returns the inode number at `position` and writes its name to `name`; `None` after the last.
    pub fn entry(&self, position: u64, name: &mut String) -> Option<u64> {
        name.clear();
        let subdirs = self.subdirs.end - self.subdirs.start;
        let written = match position.checked_sub(subdirs) {
            Some(file) if file >= self.files => return None,
            Some(file) => write!(name, "f{file}"),
            None if self.dir == 0 => write!(name, "{}", FIRST_UID + position),
            None => write!(name, "d{position}"),
        };
        written.ok()?;
        Some(match position.checked_sub(subdirs) {
            Some(file) => self.tree.inode(self.tree.keeper(self.dir)) + 1 + file,
            None => self.tree.inode(self.subdirs.start + position),
        })
    }

    /// Returns the inode number of `name`.
    #[must_use]
    pub fn find(&self, name: &str) -> Option<u64> {
        let subdirs = self.subdirs.end - self.subdirs.start;
        let number = |digits: &str| digits.parse::<u64>().ok();
        let position = match name.as_bytes().first()? {
            b'f' => number(&name[1..])?.checked_add(subdirs)?,
            b'd' => number(&name[1..])?,
            _ => number(name)?.checked_sub(FIRST_UID)?,
        };
        // Accept only names that a listing shows: not `d01`, not the name of a home elsewhere.
        let mut listed = String::new();
        let ino = self.entry(position, &mut listed)?;
        (listed == name).then_some(ino)
    }
}

/// Returns the size of a file: up to 64 KiB, with small sizes far more often, as in homes.
pub(crate) fn file_size(ino: u64) -> u64 {
    let random = mix(ino);
    (random >> 8) % (1 << (random % 17))
}

/// Maps a number to one that looks random (the finalizer of SplitMix64).
pub(crate) fn mix(number: u64) -> u64 {
    let mut z = number.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}
