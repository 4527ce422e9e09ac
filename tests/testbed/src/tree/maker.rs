//! Makes entries with their owners and ages, and counts them.

use std::fmt::Display;
use std::os::fd::OwnedFd;

use anyhow::{Context as _, Result};
use rustix::fs::{
    AtFlags, CWD, FileType, Gid, Mode, OFlags, Timespec, Timestamps, Uid, chownat, ftruncate,
    linkat, mkdirat, mknodat, openat, symlinkat, utimensat,
};
use rustix::io::{Errno, pwrite};

use super::rng::Rng;

const DAY: i64 = 86_400;
/// Ages of groups of files: on both sides of the usual limits of disuse, none above two years.
const AGES: [i64; 10] = [
    DAY / 24,
    DAY,
    3 * DAY,
    14 * DAY,
    45 * DAY,
    100 * DAY,
    200 * DAY,
    370 * DAY,
    500 * DAY,
    660 * DAY,
];

const FILLER: [u8; 8192] = [b'.'; 8192];

/// Content of a file.
pub(super) enum Content<'a> {
    Empty,
    Text(&'a str),
    /// This many bytes, at most 8 KiB.
    Filler(u64),
    /// This many bytes, of which only the last 4 KiB are allocated: large, yet cheap.
    Sparse(u64),
}

/// Numbers of entries made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    pub dirs: u64,
    /// Regular files, each counted once regardless of its link count.
    pub files: u64,
    pub symlinks: u64,
    /// Additional names of files.
    pub hard_links: u64,
}

impl Counts {
    /// Entries that are not directories, as a walk counts them.
    #[must_use]
    pub fn others(&self) -> u64 {
        self.files + self.symlinks + self.hard_links
    }
}

/// Makes entries below one directory. All paths are relative to it.
pub(super) struct Maker {
    pub(super) base: OwnedFd,
    pub(super) rng: Rng,
    pub(super) counts: Counts,
    /// Fillers continue while `counts.dirs` is below this.
    pub(super) dir_limit: u64,
    owner: Option<Uid>,
    now: i64,
    age: i64,
    /// Ages of directories, set last because each new entry changes the time.
    ages: Vec<(String, i64)>,
}

impl Maker {
    /// Entries belong to `owner`, with group 0 as on EFS; with `None`, to the caller, the only
    /// owner that an ordinary user may choose.
    pub(super) fn new(base: OwnedFd, rng: Rng, owner: Option<u32>, now: i64) -> Self {
        Self {
            base,
            rng,
            counts: Counts::default(),
            dir_limit: u64::MAX,
            owner: owner.map(Uid::from_raw),
            now,
            age: 0,
            ages: Vec::new(),
        }
    }

    /// True while another directory may be made.
    pub(super) fn room(&self) -> bool {
        self.counts.dirs < self.dir_limit
    }

    /// Picks one of [`AGES`] as the approximate age of the next entries.
    pub(super) fn change_age(&mut self) {
        self.age = *self.rng.pick(&AGES);
    }

    fn some_age(&mut self) -> i64 {
        let spread = self.age.unsigned_abs() / 10 + 60;
        self.age + self.rng.range(0, spread) as i64
    }

    /// Makes the directory `at/name` unless it exists. Returns its path.
    pub(super) fn dir(&mut self, at: &str, name: impl Display) -> Result<String> {
        let path = join(at, name);
        match mkdirat(&self.base, &path, Mode::from_raw_mode(0o755)) {
            Ok(()) => {}
            Err(Errno::EXIST) => return Ok(path),
            Err(error) => return Err(error).with_context(|| format!("mkdir {path}")),
        }
        self.counts.dirs += 1;
        self.own(&path)?;
        let age = self.some_age();
        self.ages.push((path.clone(), age));
        Ok(path)
    }

    /// Makes several nested directories. Returns the path of the last.
    pub(super) fn dirs(&mut self, at: &str, names: &str) -> Result<String> {
        names.split('/').try_fold(at.to_owned(), |path, name| self.dir(&path, name))
    }

    pub(super) fn file(&mut self, at: &str, name: impl Display, content: Content) -> Result<()> {
        let path = join(at, name);
        self.write(&path, content).with_context(|| format!("make {path}"))?;
        self.counts.files += 1;
        self.own(&path)?;
        let age = self.some_age();
        self.set_age(&path, age)
    }

    /// Makes a small file, empty three times out of four, because a walk's cost depends on inodes,
    /// not bytes.
    pub(super) fn small(&mut self, at: &str, name: impl Display) -> Result<()> {
        let content = match self.rng.chance(25) {
            true => Content::Filler(self.rng.range(1, 6000)),
            false => Content::Empty,
        };
        self.file(at, name, content)
    }

    pub(super) fn symlink(&mut self, at: &str, name: impl Display, target: &str) -> Result<()> {
        let path = join(at, name);
        symlinkat(target, &self.base, &path).with_context(|| format!("symlink {path}"))?;
        self.counts.symlinks += 1;
        self.own(&path)?;
        let age = self.some_age();
        self.set_age(&path, age)
    }

    /// Links the file `from` below `other` (by default this maker's base) as `at/name`.
    pub(super) fn link(
        &mut self,
        other: Option<&OwnedFd>,
        from: &str,
        at: &str,
        name: impl Display,
    ) -> Result<()> {
        let path = join(at, name);
        let source = other.unwrap_or(&self.base);
        linkat(source, from, &self.base, &path, AtFlags::empty())
            .with_context(|| format!("link {from} as {path}"))?;
        self.counts.hard_links += 1;
        Ok(())
    }

    /// Sets the times of the directories.
    pub(super) fn finish(&mut self) -> Result<()> {
        for (path, age) in std::mem::take(&mut self.ages) {
            self.set_age(&path, age)?;
        }
        Ok(())
    }

    fn write(&self, path: &str, content: Content) -> rustix::io::Result<()> {
        let mode = Mode::from_raw_mode(0o644);
        if let Content::Empty = content {
            // One call instead of open and close.
            return mknodat(&self.base, path, FileType::RegularFile, mode, 0);
        }
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::CLOEXEC;
        let fd = openat(&self.base, path, flags, mode)?;
        match content {
            Content::Empty => {}
            Content::Text(text) => {
                pwrite(&fd, text.as_bytes(), 0)?;
            }
            Content::Filler(length) => {
                pwrite(&fd, &FILLER[..FILLER.len().min(length as usize)], 0)?;
            }
            Content::Sparse(length) => {
                ftruncate(&fd, length)?;
                pwrite(&fd, &FILLER[..4096], length.saturating_sub(4096))?;
            }
        }
        Ok(())
    }

    fn own(&self, path: &str) -> Result<()> {
        let Some(owner) = self.owner else {
            return Ok(());
        };
        let group = Some(Gid::from_raw(0));
        chownat(&self.base, path, Some(owner), group, AtFlags::SYMLINK_NOFOLLOW)
            .with_context(|| format!("chown {path}"))
    }

    fn set_age(&self, path: &str, age: i64) -> Result<()> {
        let time = Timespec { tv_sec: self.now - age, tv_nsec: 0 };
        let times = Timestamps { last_access: time, last_modification: time };
        utimensat(&self.base, path, &times, AtFlags::SYMLINK_NOFOLLOW)
            .with_context(|| format!("set the times of {path}"))
    }
}

/// Makes the home `name` in `parent` and opens it.
pub(super) fn home(parent: &OwnedFd, name: &str, owner: Option<u32>) -> Result<OwnedFd> {
    let make = || {
        mkdirat(parent, name, Mode::from_raw_mode(0o700))?;
        let group = owner.map(|_| Gid::from_raw(0));
        let owner = owner.map(Uid::from_raw);
        chownat(parent, name, owner, group, AtFlags::SYMLINK_NOFOLLOW)?;
        open_dir_at(parent, name)
    };
    make().with_context(|| format!("make the home {name}"))
}

/// Opens a directory given by the user.
pub(super) fn open_dir(path: &std::path::Path) -> rustix::io::Result<OwnedFd> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    openat(CWD, path, flags, Mode::empty())
}

fn open_dir_at(parent: &OwnedFd, name: &str) -> rustix::io::Result<OwnedFd> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    openat(parent, name, flags, Mode::empty())
}

fn join(at: &str, name: impl Display) -> String {
    match at {
        "" => name.to_string(),
        at => format!("{at}/{name}"),
    }
}
