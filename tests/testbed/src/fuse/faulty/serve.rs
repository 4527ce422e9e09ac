//! Answers the kernel for a [`Tree`], rightly or as its faults say.
//!
//! Nothing may be cached by the kernel (every time to live is zero), so each system call of the
//! program reaches the faults, and the calls that arrive can be counted.

#![allow(dead_code)] // Two test files use a part of this each.

use std::collections::HashMap;
use std::ffi::OsStr;
use std::sync::{Arc, Condvar, Mutex};
use std::time::Duration;

use fuser::{
    Errno, FileHandle, FileType, Filesystem, FopenFlags, Generation, INodeNo, LockOwner, OpenFlags,
    ReplyAttr, ReplyData, ReplyDirectory, ReplyEntry, ReplyOpen, Request,
};

use super::tree::{Action, Node, Op, Tree};

/// What happened so far.
#[derive(Debug, Default)]
pub struct State {
    counters: Mutex<Counters>,
    released: Mutex<bool>,
    release: Condvar,
}

#[derive(Debug, Default)]
struct Counters {
    calls: HashMap<(Op, u64), u64>,
    /// How often each fault was considered.
    faults: HashMap<usize, u64>,
}

impl State {
    /// How often `op` came for the inode.
    pub fn calls(&self, op: Op, ino: u64) -> u64 {
        let counters = self.counters.lock().unwrap();
        counters.calls.get(&(op, ino)).copied().unwrap_or(0)
    }

    /// How often `op` came for anything.
    pub fn all_calls(&self, op: Op) -> u64 {
        let counters = self.counters.lock().unwrap();
        let calls = counters.calls.iter().filter(|((called, _), _)| *called == op);
        calls.map(|(_, count)| count).sum()
    }

    /// Lets a server that died answer again.
    pub fn release(&self) {
        *self.released.lock().unwrap() = true;
        self.release.notify_all();
    }

    fn wait_for_release(&self) {
        let released = self.released.lock().unwrap();
        let _released = self.release.wait_while(released, |released| !*released);
    }
}

/// A tree while it is mounted.
#[derive(Debug)]
pub struct Served {
    tree: Tree,
    /// The inodes of the faults.
    targets: Vec<Option<u64>>,
    state: Arc<State>,
}

/// What comes of the faults.
enum Verdict {
    Right,
    Wrong(Errno),
    Elsewhere(u64),
    LastWords,
}

impl Served {
    /// `tree` as it is served, and what is known of the service meanwhile.
    pub fn new(tree: Tree) -> (Self, Arc<State>) {
        let find = |path: &String| tree.find(path).unwrap();
        let targets = tree.faults.iter().map(|fault| fault.path.as_ref().map(find));
        let state = Arc::new(State::default());
        let served = Self { targets: targets.collect(), tree, state: Arc::clone(&state) };
        (served, state)
    }

    fn node(&self, ino: INodeNo) -> Option<&Node> {
        self.tree.inode(ino.0)
    }

    /// What is to be answered to `op` on `ino`, at a position for listings.
    fn judge(&self, op: Op, ino: u64, offset: u64) -> Verdict {
        let mut delay = Duration::ZERO;
        let mut verdict = Verdict::Right;
        let mut counters = self.state.counters.lock().unwrap();
        *counters.calls.entry((op, ino)).or_default() += 1;
        for (at, (fault, target)) in self.tree.faults.iter().zip(&self.targets).enumerate() {
            if fault.op != op || target.is_some_and(|target| target != ino) || offset < fault.after
            {
                continue;
            }
            let seen = counters.faults.entry(at).or_default();
            *seen += 1;
            if *seen <= fault.skip || *seen - fault.skip > fault.times {
                continue;
            }
            verdict = match fault.action {
                Action::Fail(errno) => Verdict::Wrong(errno),
                Action::LeadTo(path) => Verdict::Elsewhere(self.tree.find(path).unwrap()),
                Action::Die => Verdict::LastWords,
                Action::Delay(more) => {
                    delay += more;
                    continue;
                }
            };
            break;
        }
        drop(counters);
        std::thread::sleep(delay);
        verdict
    }

    /// Where a listing of `ino` that begins at `offset` has to pause, so that a fault after some
    /// entries finds those given out.
    fn pause(&self, ino: u64, offset: u64) -> u64 {
        let faults = self.tree.faults.iter().zip(&self.targets);
        faults
            .filter(|(fault, target)| fault.op == Op::Readdir && **target == Some(ino))
            .map(|(fault, _)| fault.after)
            .filter(|after| *after > offset)
            .min()
            .unwrap_or(u64::MAX)
    }
}

impl Filesystem for Served {
    fn lookup(&self, _: &Request, parent: INodeNo, name: &OsStr, reply: ReplyEntry) {
        let entries = self.node(parent).map_or(&[][..], |node| &node.entries);
        let Some(entry) = entries.iter().find(|entry| entry.name == name) else {
            return reply.error(Errno::ENOENT);
        };
        let verdict = self.judge(Op::Lookup, entry.ino, 0);
        let ino = match verdict {
            Verdict::Wrong(errno) => return reply.error(errno),
            Verdict::Elsewhere(ino) => ino,
            Verdict::Right | Verdict::LastWords => entry.ino,
        };
        match self.tree.inode(ino) {
            Some(node) => reply.entry(&Duration::ZERO, &node.attr, Generation(0)),
            None => reply.error(Errno::ENOENT),
        }
        self.linger(&verdict);
    }

    fn getattr(&self, _: &Request, ino: INodeNo, _: Option<FileHandle>, reply: ReplyAttr) {
        let verdict = self.judge(Op::Getattr, ino.0, 0);
        match (&verdict, self.node(ino)) {
            (Verdict::Wrong(errno), _) => return reply.error(*errno),
            (_, None) => return reply.error(Errno::ENOENT),
            (_, Some(node)) => reply.attr(&Duration::ZERO, &node.attr),
        }
        self.linger(&verdict);
    }

    fn readlink(&self, _: &Request, ino: INodeNo, reply: ReplyData) {
        reply.data(self.node(ino).map_or(&[][..], |node| &node.content));
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
        let content = self.node(ino).map_or(&[][..], |node| &node.content);
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
        let verdict = self.judge(Op::Readdir, ino.0, offset);
        if let Verdict::Wrong(errno) = verdict {
            return reply.error(errno);
        }
        let dots = [".", ".."].map(|name| (ino.0, FileType::Directory, OsStr::new(name)));
        let entries = self.node(ino).map_or(&[][..], |node| &node.entries);
        let names = entries.iter().map(|entry| {
            let (ino, kind) = entry.listed;
            (ino, kind, &*entry.name)
        });
        let pause = self.pause(ino.0, offset);
        for (next, (ino, kind, name)) in (1..).zip(dots.into_iter().chain(names)) {
            if next > pause || next > offset && reply.add(INodeNo(ino), next, kind, name) {
                break;
            }
        }
        reply.ok();
        self.linger(&verdict);
    }
}

impl Served {
    fn opened(&self, op: Op, ino: INodeNo, reply: ReplyOpen) {
        let verdict = self.judge(op, ino.0, 0);
        match verdict {
            Verdict::Wrong(errno) => return reply.error(errno),
            _ => reply.opened(FileHandle(0), FopenFlags::empty()),
        }
        self.linger(&verdict);
    }

    /// Does not come back to work after the last words. The answer was given before: a request
    /// that the kernel still queues can be killed with its process, while one that a FUSE server
    /// has taken cannot, other than on NFS.
    fn linger(&self, verdict: &Verdict) {
        if matches!(verdict, Verdict::LastWords) {
            self.state.wait_for_release();
        }
    }
}
