//! Translates the kernel's requests for a [`Backend`].

use std::ffi::OsStr;
use std::io;
use std::time::Duration;

use fuser::{
    Errno, FileAttr, FileHandle, FileType, Filesystem, FopenFlags, Generation, INodeNo, InitFlags,
    KernelConfig, LockOwner, OpenFlags, ReplyAttr, ReplyData, ReplyDirectory, ReplyDirectoryPlus,
    ReplyEntry, ReplyOpen, Request,
};

/// Kind of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Op {
    /// A name in a directory.
    Lookup,
    /// The attributes of an inode.
    Getattr,
    Opendir,
    /// Names of a directory.
    Readdir,
    /// Names of a directory with their attributes.
    ReaddirPlus,
    Open,
}

/// A request to be answered.
#[derive(Clone, Copy, Debug)]
pub struct Call {
    pub op: Op,
    /// The inode of the request; for a look-up, the one found, if any.
    pub ino: Option<u64>,
    /// Offset in the directory, for listings.
    pub offset: u64,
    /// Entries in the answer, for listings.
    pub entries: u64,
}

impl Call {
    fn of(op: Op, ino: Option<u64>) -> Self {
        Self { op, ino, offset: 0, entries: 0 }
    }
}

/// The answer to a call.
#[derive(Clone, Copy, Debug)]
pub enum Verdict {
    /// The correct answer.
    Right,
    Fail(Errno),
    /// For a look-up: another inode.
    LeadTo(FileAttr),
}

/// An answer that waits for its verdict. Dropping it answers with an I/O error.
pub type Answer = Box<dyn FnOnce(Verdict) + Send>;

/// One entry of a listing.
#[derive(Debug)]
pub struct Listed<'a> {
    pub ino: u64,
    pub kind: FileType,
    pub name: &'a OsStr,
    /// Offset of the entry after this one.
    pub next: u64,
}

/// A read-only file system as a [`Server`] sees it.
pub trait Backend: Send + Sync + 'static {
    /// Returns the time for which the kernel may keep names and attributes.
    fn time_to_live(&self) -> Duration;

    /// Returns the capabilities that the kernel must have.
    fn capabilities(&self) -> InitFlags {
        InitFlags::empty()
    }

    fn attr(&self, ino: u64) -> Option<FileAttr>;

    /// Returns the inode of `name` in the directory `parent`.
    fn find(&self, parent: u64, name: &OsStr) -> Option<u64>;

    /// Passes the entries of `dir` from `offset` on to `add` until it returns true (no more room).
    /// Returns the number of entries that fitted, or `None` if `dir` is not a directory.
    fn list(&self, dir: u64, offset: u64, add: &mut dyn FnMut(&Listed<'_>) -> bool) -> Option<u64>;

    /// Returns the bytes of a file or the target of a symbolic link; `None` if files cannot be
    /// read.
    fn content(&self, ino: u64) -> Option<&[u8]>;

    /// Gives `answer` its verdict, now or later, on this thread or another.
    fn answer(&self, call: Call, answer: Answer);

    /// Called when the kernel drops an inode from its memory.
    fn forgotten(&self) {}
}

/// Serves a backend through FUSE. It keeps no state of its own.
pub struct Server<B>(pub B);

impl<B: Backend> Server<B> {
    /// Answers a listing of `entries` entries; `done` sends it, or the error.
    fn listed(
        &self,
        op: Op,
        ino: INodeNo,
        offset: u64,
        entries: u64,
        done: impl FnOnce(Option<Errno>) + Send + 'static,
    ) {
        let call = Call { op, ino: Some(ino.0), offset, entries };
        let answer = move |verdict| match verdict {
            Verdict::Fail(errno) => done(Some(errno)),
            _ => done(None),
        };
        self.0.answer(call, Box::new(answer));
    }

    fn opened(&self, op: Op, ino: INodeNo, reply: ReplyOpen) {
        let answer = move |verdict| match verdict {
            Verdict::Fail(errno) => reply.error(errno),
            _ => reply.opened(FileHandle(0), FopenFlags::empty()),
        };
        self.0.answer(Call::of(op, Some(ino.0)), Box::new(answer));
    }
}

impl<B: Backend> Filesystem for Server<B> {
    fn init(&mut self, _: &Request, config: &mut KernelConfig) -> io::Result<()> {
        config
            .add_capabilities(self.0.capabilities())
            .map_err(|missing| io::Error::other(format!("this kernel has no {missing:?}")))
    }

    fn lookup(&self, _: &Request, parent: INodeNo, name: &OsStr, reply: ReplyEntry) {
        let ino = self.0.find(parent.0, name);
        let attr = ino.and_then(|ino| self.0.attr(ino));
        let valid = self.0.time_to_live();
        let answer = move |verdict| match (verdict, attr) {
            (Verdict::Fail(errno), _) => reply.error(errno),
            (Verdict::LeadTo(attr), _) | (Verdict::Right, Some(attr)) => {
                reply.entry(&valid, &attr, Generation(0));
            }
            (Verdict::Right, None) => reply.error(Errno::ENOENT),
        };
        self.0.answer(Call::of(Op::Lookup, ino), Box::new(answer));
    }

    fn forget(&self, _: &Request, _: INodeNo, _: u64) {
        self.0.forgotten();
    }

    fn getattr(&self, _: &Request, ino: INodeNo, _: Option<FileHandle>, reply: ReplyAttr) {
        let attr = self.0.attr(ino.0);
        let valid = self.0.time_to_live();
        let answer = move |verdict| match (verdict, attr) {
            (Verdict::Fail(errno), _) => reply.error(errno),
            (_, Some(attr)) => reply.attr(&valid, &attr),
            (_, None) => reply.error(Errno::ENOENT),
        };
        self.0.answer(Call::of(Op::Getattr, Some(ino.0)), Box::new(answer));
    }

    fn readlink(&self, _: &Request, ino: INodeNo, reply: ReplyData) {
        match self.0.content(ino.0) {
            Some(target) => reply.data(target),
            None => reply.error(Errno::ENOSYS),
        }
    }

    fn open(&self, _: &Request, ino: INodeNo, _: OpenFlags, reply: ReplyOpen) {
        self.opened(Op::Open, ino, reply);
    }

    fn opendir(&self, _: &Request, ino: INodeNo, _: OpenFlags, reply: ReplyOpen) {
        self.opened(Op::Opendir, ino, reply);
    }

    fn read(
        &self,
        _: &Request,
        ino: INodeNo,
        _: FileHandle,
        offset: u64,
        size: u32,
        _: OpenFlags,
        _: Option<LockOwner>,
        reply: ReplyData,
    ) {
        let Some(content) = self.0.content(ino.0) else { return reply.error(Errno::ENOSYS) };
        let from = content.len().min(offset as usize);
        let to = content.len().min(from + size as usize);
        reply.data(&content[from..to]);
    }

    fn readdir(
        &self,
        _: &Request,
        ino: INodeNo,
        _: FileHandle,
        offset: u64,
        mut reply: ReplyDirectory,
    ) {
        let entries = self.0.list(ino.0, offset, &mut |entry| {
            reply.add(INodeNo(entry.ino), entry.next, entry.kind, entry.name)
        });
        let Some(entries) = entries else { return reply.error(Errno::ENOTDIR) };
        self.listed(Op::Readdir, ino, offset, entries, move |error| match error {
            Some(errno) => reply.error(errno),
            None => reply.ok(),
        });
    }

    fn readdirplus(
        &self,
        _: &Request,
        ino: INodeNo,
        _: FileHandle,
        offset: u64,
        mut reply: ReplyDirectoryPlus,
    ) {
        let valid = self.0.time_to_live();
        let entries = self.0.list(ino.0, offset, &mut |entry| match self.0.attr(entry.ino) {
            Some(attr) => {
                reply.add(INodeNo(entry.ino), entry.next, entry.name, &valid, &attr, Generation(0))
            }
            None => false,
        });
        let Some(entries) = entries else { return reply.error(Errno::ENOTDIR) };
        self.listed(Op::ReaddirPlus, ino, offset, entries, move |error| match error {
            Some(errno) => reply.error(errno),
            None => reply.ok(),
        });
    }
}
