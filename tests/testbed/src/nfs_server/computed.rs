//! Serves [`computed`](crate::computed), the arithmetic tree that FUSE serves as well, over NFS.

use super::attrs::{Attrs, Handle, Kind, Owner, decimal};
use super::protocol::Status;
use super::tree::{Entry, Listed, Room, Tree, Who};
use crate::computed::{self, FIRST_UID, NEWEST, ROOT, file_size, mix};

/// Cookies 0, 1 and 2 are reserved.
const FIRST_COOKIE: u64 = 3;

/// Serves a [`computed::Tree`]. It never changes, and its entries take no memory.
#[derive(Debug)]
pub struct Computed {
    tree: computed::Tree,
}

/// Attributes common to the inodes of a directory.
struct Common {
    owner: u32,
}

impl Computed {
    #[must_use]
    pub fn new(tree: computed::Tree) -> Self {
        Self { tree }
    }

    #[must_use]
    pub fn tree(&self) -> &computed::Tree {
        &self.tree
    }

    /// Returns the allocated bytes of all inodes. Visits each of them.
    #[must_use]
    pub fn space_used(&self) -> u64 {
        let dirs = 0..self.tree.dirs();
        let files = dirs.clone().map(|dir| {
            let first = self.tree.inode(dir) + 1;
            let inodes = first..first + self.tree.files_in(dir);
            inodes.map(|ino| allocated(file_size(ino))).sum::<u64>()
        });
        files.sum::<u64>() + self.tree.dirs() * allocated(DIR_SIZE)
    }

    fn place(&self, handle: Handle) -> Result<(u64, Option<u64>), Status> {
        self.tree.place(handle.id).ok_or(Status::STALE)
    }

    fn dir(&self, handle: Handle) -> Result<u64, Status> {
        match self.place(handle)? {
            (dir, None) => Ok(dir),
            (_, Some(_)) => Err(Status::NOTDIR),
        }
    }

    fn common(&self, dir: u64) -> Common {
        Common { owner: u32::try_from(self.tree.owner(dir)).unwrap_or(u32::MAX) }
    }

    fn dir_attrs(&self, dir: u64, common: &Common) -> Attrs<'static> {
        let subdirs = self.tree.subdirs(dir);
        let links = 2 + (subdirs.end - subdirs.start);
        let home = dir > 0 && self.tree.level(dir) == 1;
        Attrs {
            kind: Kind::Dir,
            size: DIR_SIZE,
            space_used: allocated(DIR_SIZE),
            numlinks: u32::try_from(links).unwrap_or(u32::MAX),
            mode: if home { 0o700 } else { 0o755 },
            ..file_attrs(self.tree.inode(dir), common)
        }
    }
}

/// The same as in the FUSE file system.
const DIR_SIZE: u64 = 4096;

fn allocated(size: u64) -> u64 {
    size.div_ceil(4096) * 4096
}

#[inline]
fn file_attrs(ino: u64, common: &Common) -> Attrs<'static> {
    let size = file_size(ino);
    let age = mix(ino) % (700 * 86_400);
    Attrs {
        handle: Handle::new(ino),
        kind: Kind::File,
        size,
        space_used: allocated(size),
        fsid: (1, 0),
        fileid: ino,
        mounted_on_fileid: ino,
        numlinks: 1,
        owner: Owner::Uid(common.owner),
        mode: 0o644,
        mtime: ((NEWEST - age).cast_signed(), 0),
        change: 1,
    }
}

impl Tree for Computed {
    fn root(&self) -> Handle {
        Handle::new(ROOT)
    }

    fn attrs(&self, handle: Handle, with: &mut dyn FnMut(&Attrs<'_>)) -> Result<(), Status> {
        let (dir, file) = self.place(handle)?;
        let common = self.common(dir);
        with(&match file {
            Some(_) => file_attrs(handle.id, &common),
            None => self.dir_attrs(dir, &common),
        });
        Ok(())
    }

    fn check(&self, handle: Handle) -> Result<(), Status> {
        self.place(handle).map(drop)
    }

    fn lookup(&self, dir: Handle, name: &[u8], _: Who) -> Result<Handle, Status> {
        self.dir(dir)?;
        let find = || self.tree.listing(dir.id)?.find(str::from_utf8(name).ok()?);
        find().map(Handle::new).ok_or(Status::NOENT)
    }

    fn readdir(
        &self,
        dir: Handle,
        cookie: u64,
        _: [u8; 8],
        _: Who,
        each: &mut dyn FnMut(&Entry<'_>) -> Room,
    ) -> Result<Listed, Status> {
        let dir = self.dir(dir)?;
        let subdirs = self.tree.subdirs(dir);
        let (dirs, files) = (subdirs.end - subdirs.start, self.tree.files_in(dir));
        let first = if cookie == 0 { 0 } else { cookie + 1 - FIRST_COOKIE };
        if first > dirs + files {
            return Err(Status::BAD_COOKIE);
        }
        let full = Listed { verifier: VERIFIER, eof: false };
        let mut name = Name::default();
        for position in first..dirs {
            let subdir = subdirs.start + position;
            // A home is its own owner; other directories have the owner of their parent.
            let common = self.common(subdir);
            let name = if dir == 0 {
                name.of(None, FIRST_UID + position)
            } else {
                name.of(Some(b'd'), position)
            };
            let attrs = Ok(self.dir_attrs(subdir, &common));
            if each(&Entry { name, cookie: position + FIRST_COOKIE, attrs }) == Room::Full {
                return Ok(full);
            }
        }
        let common = self.common(dir);
        let before = self.tree.inode(dir) + 1;
        for file in first.saturating_sub(dirs)..files {
            let name = name.of(Some(b'f'), file);
            let attrs = Ok(file_attrs(before + file, &common));
            if each(&Entry { name, cookie: dirs + file + FIRST_COOKIE, attrs }) == Room::Full {
                return Ok(full);
            }
        }
        Ok(Listed { eof: true, ..full })
    }

    fn read(
        &self,
        file: Handle,
        offset: u64,
        count: u32,
        _: Who,
    ) -> Result<(Vec<u8>, bool), Status> {
        if self.place(file)?.1.is_none() {
            return Err(Status::ISDIR);
        }
        let left = file_size(file.id).saturating_sub(offset);
        let given = left.min(u64::from(count));
        // Files contain only zeros.
        Ok((vec![0; usize::try_from(given).unwrap_or(0)], given == left))
    }

    fn name(&self, handle: Handle) -> Option<Vec<u8>> {
        match self.tree.place(handle.id)? {
            (0, None) => Some(Vec::new()),
            (_, Some(file)) => Some(Name::default().of(Some(b'f'), file).to_vec()),
            (dir, None) => {
                let above = self.tree.subdirs(self.tree.parent(dir));
                let position = dir - above.start;
                let mut name = Name::default();
                Some(match self.tree.parent(dir) {
                    0 => name.of(None, FIRST_UID + position).to_vec(),
                    _ => name.of(Some(b'd'), position).to_vec(),
                })
            }
        }
    }
}

/// Nothing ever changes.
const VERIFIER: [u8; 8] = *b"computed";

/// Buffer for a name: a letter and digits.
#[derive(Default)]
struct Name {
    bytes: [u8; 24],
}

impl Name {
    fn of(&mut self, letter: Option<u8>, number: u64) -> &[u8] {
        let mut first = decimal(number, &mut self.bytes);
        if let Some(letter) = letter {
            first -= 1;
            self.bytes[first] = letter;
        }
        &self.bytes[first..]
    }
}
