//! A file system in memory, and what is wrong with it. `serve.rs` answers for it.

#![allow(dead_code)] // Two test files use a part of this each.

use std::ffi::OsString;
use std::time::{Duration, SystemTime};

use fuser::{Errno, FileAttr, FileType, INodeNo};

/// What the kernel asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Op {
    /// A name in a directory.
    Lookup,
    /// The attributes of an inode.
    Getattr,
    /// Opening a directory.
    Opendir,
    /// Names of a directory.
    Readdir,
    /// Opening a file.
    Open,
}

/// What happens instead of the right answer.
#[derive(Clone, Copy, Debug)]
pub enum Action {
    /// The operation fails.
    Fail(Errno),
    /// A look-up finds what is at this path.
    LeadTo(&'static str),
    /// The answer takes that long.
    Delay(Duration),
    /// The answer comes, and after it none to anything, as from a server that has died.
    Die,
}

/// One fault: which operation on what, and when.
#[derive(Clone, Debug)]
pub struct Fault {
    pub op: Op,
    /// None for every inode.
    pub path: Option<String>,
    pub action: Action,
    pub skip: u64,
    pub times: u64,
    pub after: u64,
}

impl Fault {
    /// `action` for every `op` on `path`.
    pub fn new(op: Op, path: &str, action: Action) -> Self {
        Self { path: Some(path.to_owned()), ..Self::everywhere(op, action) }
    }

    /// `op` on `path` fails with `errno`.
    pub fn fail(op: Op, path: &str, errno: Errno) -> Self {
        Self::new(op, path, Action::Fail(errno))
    }

    /// `action` for every `op` on anything.
    pub fn everywhere(op: Op, action: Action) -> Self {
        Self { op, path: None, action, skip: 0, times: u64::MAX, after: 0 }
    }

    /// Not for the first `calls`.
    pub fn skip(self, calls: u64) -> Self {
        Self { skip: calls, ..self }
    }

    /// Only so many times.
    pub fn times(self, times: u64) -> Self {
        Self { times, ..self }
    }

    /// Only when so many entries of the directory were given out.
    pub fn after(self, entries: u64) -> Self {
        // . and .. come first.
        Self { after: entries + 2, ..self }
    }
}

/// A tree that is built before it is mounted.
#[derive(Debug)]
pub struct Tree {
    nodes: Vec<Node>,
    pub faults: Vec<Fault>,
}

#[derive(Debug)]
pub struct Node {
    pub attr: FileAttr,
    pub entries: Vec<Entry>,
    pub content: Vec<u8>,
}

#[derive(Debug)]
pub struct Entry {
    pub name: OsString,
    pub ino: u64,
    /// What a listing says of it, which may be wrong.
    pub listed: (u64, FileType),
}

impl Default for Tree {
    fn default() -> Self {
        Self::new()
    }
}

impl Tree {
    /// A root with nothing in it.
    pub fn new() -> Self {
        let mut tree = Self { nodes: Vec::new(), faults: Vec::new() };
        tree.node(FileType::Directory, 4096, &[]);
        tree
    }

    fn node(&mut self, kind: FileType, size: u64, content: &[u8]) -> u64 {
        let ino = self.nodes.len() as u64 + 1;
        let now = SystemTime::now();
        let attr = FileAttr {
            ino: INodeNo(ino),
            size,
            blocks: size.div_ceil(512),
            atime: now,
            mtime: now,
            ctime: now,
            crtime: now,
            kind,
            perm: 0o755,
            nlink: if kind == FileType::Directory { 2 } else { 1 },
            uid: 0,
            gid: 0,
            rdev: 0,
            blksize: 4096,
            flags: 0,
        };
        self.nodes.push(Node { attr, entries: Vec::new(), content: content.to_vec() });
        ino
    }

    /// The inode of that number.
    pub fn inode(&self, ino: u64) -> Option<&Node> {
        self.nodes.get((ino as usize).checked_sub(1)?)
    }

    fn at(&mut self, ino: u64) -> &mut Node {
        &mut self.nodes[ino as usize - 1]
    }

    /// The inode at `path`; empty for the root.
    pub fn find(&self, path: &str) -> Option<u64> {
        let mut names = path.split('/').filter(|name| !name.is_empty());
        names.try_fold(1, |ino, name| {
            let entries = &self.nodes[ino as usize - 1].entries;
            let entry = entries.iter().find(|entry| entry.name == name);
            entry.map(|entry| entry.ino)
        })
    }

    fn add(&mut self, path: &str, ino: u64) {
        let (parent, name) = path.rsplit_once('/').unwrap_or(("", path));
        let parent = self.dir(parent);
        let listed = (ino, self.at(ino).attr.kind);
        self.at(parent).entries.push(Entry { name: name.into(), ino, listed });
    }

    /// A directory, with those above it.
    pub fn dir(&mut self, path: &str) -> u64 {
        self.find(path).unwrap_or_else(|| {
            let ino = self.node(FileType::Directory, 4096, &[]);
            self.add(path, ino);
            ino
        })
    }

    /// A file of `size` bytes, all of them zero and allocated.
    pub fn file(&mut self, path: &str, size: u64) {
        let ino = self.node(FileType::RegularFile, size, &[]);
        self.add(path, ino);
    }

    /// A file with something in it.
    pub fn text(&mut self, path: &str, content: &[u8]) {
        let ino = self.node(FileType::RegularFile, content.len() as u64, content);
        self.add(path, ino);
    }

    /// A symbolic link.
    pub fn symlink(&mut self, path: &str, target: &str) {
        let size = target.len() as u64;
        let ino = self.node(FileType::Symlink, size, target.as_bytes());
        self.add(path, ino);
    }

    /// One more name for a file.
    pub fn link(&mut self, from: &str, path: &str) {
        let ino = self.find(from).unwrap();
        self.at(ino).attr.nlink += 1;
        self.add(path, ino);
    }

    /// Changes the attributes of what is at `path`.
    pub fn change(&mut self, path: &str, change: impl FnOnce(&mut FileAttr)) {
        let ino = self.find(path).unwrap();
        change(&mut self.at(ino).attr);
    }

    /// Makes listings say another inode number and kind of `path` than its attributes do.
    pub fn listed_as(&mut self, path: &str, ino: u64, kind: FileType) {
        let (parent, name) = path.rsplit_once('/').unwrap_or(("", path));
        let parent = self.find(parent).unwrap();
        let entries = self.at(parent).entries.iter_mut();
        for entry in entries.filter(|entry| entry.name == name) {
            entry.listed = (ino, kind);
        }
    }

    /// Adds a fault. The first that applies counts.
    pub fn fault(&mut self, fault: Fault) {
        self.faults.push(fault);
    }
}
