//! A tree that a test builds, and changes while it is served.

mod node;
mod serve;

use std::collections::{BTreeMap, HashMap};
use std::sync::{PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use super::protocol::Status;
pub use node::Node;

/// Behavior of a listing whose directory has changed since it began.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OnChange {
    /// It continues after the cookie: entries present throughout come exactly once.
    GoOn,
    /// It fails with NOT_SAME, by its verifier.
    NotSame,
    /// It fails with BAD_COOKIE.
    BadCookie,
}

/// A tree in memory. Paths have no leading or trailing slash; the root's is empty. Each change is
/// atomic for concurrent readers.
pub struct Model {
    inner: RwLock<Inner>,
}

struct Inner {
    inodes: HashMap<u64, Inode>,
    next: u64,
    on_change: OnChange,
    gone: Status,
}

struct Inode {
    node: Node,
    /// The number of its names.
    links: u32,
    change: u64,
    /// A directory's entries by cookie, and the reverse.
    entries: BTreeMap<u64, (Vec<u8>, u64)>,
    cookies: HashMap<Vec<u8>, u64>,
    next_cookie: u64,
    /// The number of its subdirectories.
    subdirs: u32,
    /// Major and minor of the file system.
    fsid: (u64, u64),
    /// Its first name.
    name: Vec<u8>,
}

const ROOT: u64 = 2;

/// Cookies 0, 1 and 2 are reserved.
const FIRST_COOKIE: u64 = 3;

/// An inode found by walking a [`Model`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    pub path: Vec<u8>,
    pub fileid: u64,
    pub numlinks: u32,
    pub fsid: (u64, u64),
    pub node: Node,
}

impl Default for Model {
    fn default() -> Self {
        Self::new()
    }
}

impl Model {
    /// Makes an empty root directory, owned by root.
    #[must_use]
    pub fn new() -> Self {
        let root = Inode::new(Node::dir(), (1, 0), Vec::new());
        Self {
            inner: RwLock::new(Inner {
                inodes: HashMap::from([(ROOT, root)]),
                next: ROOT + 1,
                on_change: OnChange::GoOn,
                gone: Status::STALE,
            }),
        }
    }

    /// Adds `node` at `path`, with missing parent directories, and returns its fileid.
    ///
    /// # Panics
    /// The name is taken, or a parent is not a directory: the test is wrong.
    pub fn add(&self, path: impl AsRef<[u8]>, node: Node) -> u64 {
        self.write().add(path.as_ref(), node)
    }

    /// Adds a hard link.
    ///
    /// # Panics
    /// There is no `old`, or `new` is taken.
    pub fn link(&self, old: impl AsRef<[u8]>, new: impl AsRef<[u8]>) {
        let mut inner = self.write();
        let id = inner.expect(old.as_ref());
        let (dir, name) = inner.parent(new.as_ref());
        inner.enter(dir, name, id);
        inner.change(id, |inode| inode.links += 1);
    }

    /// Gives an inode another name. Its handle stays.
    ///
    /// # Panics
    /// There is no `old`, or `new` is taken.
    pub fn rename(&self, old: impl AsRef<[u8]>, new: impl AsRef<[u8]>) {
        self.link(&old, new);
        self.remove(old);
    }

    /// Removes a name and, with the last name of a directory, everything below it. Handles of
    /// removed inodes then return STALE, or as set by [`Model::gone_as`].
    ///
    /// # Panics
    /// The name does not exist.
    pub fn remove(&self, path: impl AsRef<[u8]>) {
        let mut inner = self.write();
        let (dir, name) = inner.parent(path.as_ref());
        inner.leave(dir, &name);
    }

    /// Changes the attributes of the inode at `path`.
    ///
    /// # Panics
    /// The path does not exist.
    pub fn update(&self, path: impl AsRef<[u8]>, with: impl FnOnce(&mut Node)) {
        let mut inner = self.write();
        let id = inner.expect(path.as_ref());
        inner.change(id, |inode| with(&mut inode.node));
    }

    /// Sets what happens to listings of changing directories.
    pub fn on_change(&self, what: OnChange) {
        self.write().on_change = what;
    }

    /// Sets the status for handles of removed inodes: STALE by default, NOENT on some servers.
    pub fn gone_as(&self, status: Status) {
        self.write().gone = status;
    }

    /// Returns all entries a client should find, the root first and each directory before its
    /// entries. An inode with several names appears several times.
    #[must_use]
    pub fn walk(&self) -> Vec<Found> {
        let inner = self.read();
        let mut found = Vec::new();
        let mut todo = vec![(Vec::new(), ROOT)];
        while let Some((path, id)) = todo.pop() {
            let Some(inode) = inner.inodes.get(&id) else { continue };
            for (name, id) in inode.entries.values().rev() {
                let mut below = path.clone();
                if !below.is_empty() {
                    below.push(b'/');
                }
                below.extend_from_slice(name);
                todo.push((below, *id));
            }
            found.push(Found {
                path,
                fileid: id,
                numlinks: inode.numlinks(),
                fsid: inode.fsid,
                node: inode.node.clone(),
            });
        }
        found
    }

    fn read(&self) -> RwLockReadGuard<'_, Inner> {
        self.inner.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, Inner> {
        self.inner.write().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inode {
    fn new(node: Node, fsid: (u64, u64), name: Vec<u8>) -> Self {
        Self {
            node,
            links: 1,
            change: 1,
            entries: BTreeMap::new(),
            cookies: HashMap::new(),
            next_cookie: FIRST_COOKIE,
            subdirs: 0,
            fsid,
            name,
        }
    }

    fn numlinks(&self) -> u32 {
        if self.node.is_dir() { 2 + self.subdirs } else { self.links }
    }
}

impl Inner {
    fn find(&self, path: &[u8]) -> Option<u64> {
        let names = path.split(|&byte| byte == b'/').filter(|name| !name.is_empty());
        names.into_iter().try_fold(ROOT, |dir, name| self.child(dir, name))
    }

    fn child(&self, dir: u64, name: &[u8]) -> Option<u64> {
        let dir = self.inodes.get(&dir)?;
        let cookie = dir.cookies.get(name)?;
        dir.entries.get(cookie).map(|(_, id)| *id)
    }

    fn expect(&self, path: &[u8]) -> u64 {
        let missing = || panic!("no {} in the model", String::from_utf8_lossy(path));
        self.find(path).unwrap_or_else(missing)
    }

    /// Returns the parent directory of `path`, created if missing, and the last component.
    fn parent(&mut self, path: &[u8]) -> (u64, Vec<u8>) {
        let (above, name) = match path.iter().rposition(|&byte| byte == b'/') {
            Some(slash) => (&path[..slash], &path[slash + 1..]),
            None => (&[][..], path),
        };
        let dir = match self.find(above) {
            Some(dir) => dir,
            None => self.add(above, Node::dir()),
        };
        (dir, name.to_vec())
    }

    fn add(&mut self, path: &[u8], node: Node) -> u64 {
        let (dir, name) = self.parent(path);
        let id = self.next;
        self.next += 1;
        let above = self.inodes.get(&dir).map_or((1, 0), |dir| dir.fsid);
        let fsid = node.root_of.unwrap_or(above);
        self.inodes.insert(id, Inode::new(node, fsid, name.clone()));
        self.enter(dir, name, id);
        id
    }

    fn enter(&mut self, dir: u64, name: Vec<u8>, id: u64) {
        let subdir = self.inodes.get(&id).is_some_and(|inode| inode.node.is_dir());
        let known = self.inodes.get_mut(&dir).filter(|dir| dir.node.is_dir());
        let dir = known.expect("a directory to add to");
        let cookie = dir.next_cookie;
        let before = dir.cookies.insert(name.clone(), cookie);
        assert!(before.is_none(), "{} is in the model already", String::from_utf8_lossy(&name));
        dir.entries.insert(cookie, (name, id));
        dir.next_cookie += 1;
        dir.subdirs += u32::from(subdir);
        dir.change += 1;
    }

    fn leave(&mut self, dir: u64, name: &[u8]) {
        let child = self.child(dir, name).and_then(|id| self.inodes.get(&id));
        let subdir = child.is_some_and(|inode| inode.node.is_dir());
        let dir = self.inodes.get_mut(&dir).expect("a directory to remove from");
        let cookie = dir.cookies.remove(name).expect("a name to remove");
        let (_, id) = dir.entries.remove(&cookie).expect("what the name stands for");
        dir.subdirs -= u32::from(subdir);
        dir.change += 1;
        let mut todo = vec![id];
        while let Some(id) = todo.pop() {
            let Some(inode) = self.inodes.get_mut(&id) else { continue };
            inode.links -= 1;
            inode.change += 1;
            if inode.links == 0
                && let Some(gone) = self.inodes.remove(&id)
            {
                todo.extend(gone.entries.into_values().map(|(_, id)| id));
            }
        }
    }

    fn change(&mut self, id: u64, with: impl FnOnce(&mut Inode)) {
        if let Some(inode) = self.inodes.get_mut(&id) {
            with(inode);
            inode.change += 1;
        }
    }
}
