//! Content of a file system in memory, and its faults.

use std::ffi::OsString;
use std::time::{Duration, SystemTime};

use fuser::{Errno, FileAttr, FileType, INodeNo};

use super::super::server::Op;

/// Deviation from the correct answer.
#[derive(Clone, Copy, Debug)]
pub enum Action {
    /// The operation fails.
    Fail(Errno),
    /// A look-up finds the entry at this path.
    LeadTo(&'static str),
    /// The answer is delayed by this time.
    Delay(Duration),
    /// Before the answer, all entries of [`Tree::moves`] move.
    Move,
    /// The server answers this call and nothing more, as if it had died.
    Die,
}

/// An action with its operation, path and moment.
#[derive(Clone, Debug)]
pub struct Fault {
    pub(super) op: Op,
    /// `None` matches every inode.
    pub(super) path: Option<String>,
    pub(super) action: Action,
    pub(super) skip: u64,
    pub(super) times: u64,
    pub(super) after: u64,
}

impl Fault {
    /// Makes a fault: `action` for every `op` on `path`.
    pub fn new(op: Op, path: &str, action: Action) -> Self {
        Self { path: Some(path.to_owned()), ..Self::everywhere(op, action) }
    }

    /// Makes a fault: `op` on `path` fails with `errno`.
    pub fn fail(op: Op, path: &str, errno: Errno) -> Self {
        Self::new(op, path, Action::Fail(errno))
    }

    /// Makes a fault: `action` for every `op` on anything.
    pub fn everywhere(op: Op, action: Action) -> Self {
        Self { op, path: None, action, skip: 0, times: u64::MAX, after: 0 }
    }

    /// Spares the first `calls`.
    pub fn skip(self, calls: u64) -> Self {
        Self { skip: calls, ..self }
    }

    /// Applies at most `times` times.
    pub fn times(self, times: u64) -> Self {
        Self { times, ..self }
    }

    /// Waits until `entries` entries of the directory were returned.
    pub fn after(self, entries: u64) -> Self {
        // . and .. come first.
        Self { after: entries + 2, ..self }
    }
}

/// Inodes and names, built before they are mounted. Inode 1 is the root.
#[derive(Debug)]
pub struct Tree {
    nodes: Vec<Node>,
    pub(super) faults: Vec<Fault>,
}

#[derive(Debug)]
pub(super) struct Node {
    pub(super) attr: FileAttr,
    pub(super) entries: Vec<Entry>,
    pub(super) content: Vec<u8>,
}

#[derive(Debug)]
pub(super) struct Entry {
    pub(super) name: OsString,
    pub(super) ino: u64,
    /// Inode number and kind that a listing shows, which may be wrong.
    pub(super) listed: (u64, FileType),
    pub(super) there: There,
}

/// Presence of an entry in its directory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum There {
    Always,
    BeforeMove,
    AfterMove,
}

impl Default for Tree {
    fn default() -> Self {
        Self::new()
    }
}

impl Tree {
    /// Makes an empty root.
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

    pub(super) fn inode(&self, ino: u64) -> Option<&Node> {
        self.nodes.get((ino as usize).checked_sub(1)?)
    }

    fn at(&mut self, ino: u64) -> &mut Node {
        &mut self.nodes[ino as usize - 1]
    }

    /// Returns the inode number of `path`; the empty path is the root.
    pub fn find(&self, path: &str) -> Option<u64> {
        let mut names = path.split('/').filter(|name| !name.is_empty());
        names.try_fold(1, |ino, name| {
            let entries = &self.nodes[ino as usize - 1].entries;
            let entry = entries.iter().find(|entry| entry.name == name);
            entry.map(|entry| entry.ino)
        })
    }

    fn add(&mut self, path: &str, ino: u64, there: There) {
        let (parent, name) = path.rsplit_once('/').unwrap_or(("", path));
        let parent = self.dir(parent);
        let listed = (ino, self.at(ino).attr.kind);
        self.at(parent).entries.push(Entry { name: name.into(), ino, listed, there });
    }

    /// Adds a directory and those above it. Returns its inode number.
    pub fn dir(&mut self, path: &str) -> u64 {
        self.find(path).unwrap_or_else(|| {
            let ino = self.node(FileType::Directory, 4096, &[]);
            self.add(path, ino, There::Always);
            ino
        })
    }

    /// Adds a file of `size` bytes, all of them zero and allocated.
    pub fn file(&mut self, path: &str, size: u64) {
        let ino = self.node(FileType::RegularFile, size, &[]);
        self.add(path, ino, There::Always);
    }

    /// Adds a file with this content.
    pub fn text(&mut self, path: &str, content: &[u8]) {
        let ino = self.node(FileType::RegularFile, content.len() as u64, content);
        self.add(path, ino, There::Always);
    }

    /// Adds a symbolic link.
    pub fn symlink(&mut self, path: &str, target: &str) {
        let size = target.len() as u64;
        let ino = self.node(FileType::Symlink, size, target.as_bytes());
        self.add(path, ino, There::Always);
    }

    /// Adds a hard link.
    pub fn link(&mut self, from: &str, path: &str) {
        let ino = self.find(from).unwrap();
        self.at(ino).attr.nlink += 1;
        self.add(path, ino, There::Always);
    }

    /// Changes the attributes of `path`.
    pub fn change(&mut self, path: &str, change: impl FnOnce(&mut FileAttr)) {
        let ino = self.find(path).unwrap();
        change(&mut self.at(ino).attr);
    }

    /// Makes listings show another inode number and kind for `path` than its attributes do.
    pub fn listed_as(&mut self, path: &str, ino: u64, kind: FileType) {
        let (parent, name) = path.rsplit_once('/').unwrap_or(("", path));
        let parent = self.find(parent).unwrap();
        let entries = self.at(parent).entries.iter_mut();
        for entry in entries.filter(|entry| entry.name == name) {
            entry.listed = (ino, kind);
        }
    }

    /// Moves the entry `from` to `to` when [`Action::Move`] happens.
    pub fn moves(&mut self, from: &str, to: &str) {
        let ino = self.leaves(from);
        self.add(to, ino, There::AfterMove);
    }

    /// Removes the entry `from` when [`Action::Move`] happens. Returns its inode number.
    pub fn leaves(&mut self, from: &str) -> u64 {
        let ino = self.find(from).unwrap();
        let (parent, name) = from.rsplit_once('/').unwrap_or(("", from));
        let parent = self.find(parent).unwrap();
        let mut entries = self.at(parent).entries.iter_mut();
        entries.find(|entry| entry.name == name).unwrap().there = There::BeforeMove;
        ino
    }

    /// Adds a fault. The first that applies to a call wins; delays add up.
    pub fn fault(&mut self, fault: Fault) {
        self.faults.push(fault);
    }
}
