//! Answers for a [`Tree`], correctly or as its faults demand.

use std::collections::HashMap;
use std::ffi::OsStr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex};
use std::time::Duration;

use fuser::{FileAttr, FileType};

use super::super::server::{Answer, Backend, Call, Listed, Op, Verdict};
use super::tree::{Action, Entry, There, Tree};

/// Counts the calls that arrived, and lets a dead server continue.
#[derive(Debug, Default)]
pub struct State {
    counters: Mutex<Counters>,
    released: Mutex<bool>,
    release: Condvar,
}

#[derive(Debug, Default)]
struct Counters {
    calls: HashMap<(Op, u64), u64>,
    /// Calls that each fault applied to, before `skip` and `times`.
    faults: HashMap<usize, u64>,
    /// Directories whose first names were requested before entries moved.
    listed: Vec<u64>,
    moved: bool,
}

impl State {
    /// Returns the number of `op` calls for the inode.
    pub fn calls(&self, op: Op, ino: u64) -> u64 {
        let counters = self.counters.lock().unwrap();
        counters.calls.get(&(op, ino)).copied().unwrap_or(0)
    }

    /// Returns the number of `op` calls for all inodes.
    pub fn all_calls(&self, op: Op) -> u64 {
        let counters = self.counters.lock().unwrap();
        let calls = counters.calls.iter().filter(|((called, _), _)| *called == op);
        calls.map(|(_, count)| count).sum()
    }

    /// Returns the directories whose first names were requested before entries moved, and the one
    /// that triggered the move.
    pub fn listed_before_move(&self) -> Vec<u64> {
        self.counters.lock().unwrap().listed.clone()
    }

    /// Lets a dead server answer again.
    pub fn release(&self) {
        *self.released.lock().unwrap() = true;
        self.release.notify_all();
    }

    fn wait_for_release(&self) {
        let released = self.released.lock().unwrap();
        let _released = self.release.wait_while(released, |released| !*released);
    }
}

/// A mounted tree.
#[derive(Debug)]
pub(super) struct Faulty {
    tree: Tree,
    /// Inode of each fault's path.
    targets: Vec<Option<u64>>,
    state: Arc<State>,
    /// True once the entries have moved.
    moved: AtomicBool,
}

/// Effect of the faults on a call.
struct Judged {
    verdict: Verdict,
    delay: Duration,
    /// True if nothing is answered after this answer.
    dies: bool,
}

impl Faulty {
    pub(super) fn new(tree: Tree) -> (Self, Arc<State>) {
        let find = |path: &String| tree.find(path).unwrap();
        let targets = tree.faults.iter().map(|fault| fault.path.as_ref().map(find));
        let state = Arc::new(State::default());
        let faulty = Self {
            targets: targets.collect(),
            tree,
            state: Arc::clone(&state),
            moved: AtomicBool::new(false),
        };
        (faulty, state)
    }

    /// Counts the call and applies the faults: all delays, and the first other fault.
    fn judge(&self, op: Op, ino: u64, offset: u64) -> Judged {
        let mut judged = Judged { verdict: Verdict::Right, delay: Duration::ZERO, dies: false };
        let mut counters = self.state.counters.lock().unwrap();
        *counters.calls.entry((op, ino)).or_default() += 1;
        if op == Op::Readdir && !counters.moved {
            counters.listed.push(ino);
        }
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
            match fault.action {
                Action::Fail(errno) => judged.verdict = Verdict::Fail(errno),
                Action::LeadTo(path) => {
                    let attr = self.tree.find(path).and_then(|ino| self.attr(ino)).unwrap();
                    judged.verdict = Verdict::LeadTo(attr);
                }
                Action::Die => judged.dies = true,
                Action::Move => {
                    counters.moved = true;
                    self.moved.store(true, Ordering::SeqCst);
                }
                Action::Delay(more) => {
                    judged.delay += more;
                    continue;
                }
            }
            break;
        }
        judged
    }

    fn is_there(&self, entry: &Entry) -> bool {
        match entry.there {
            There::Always => true,
            There::BeforeMove => !self.moved.load(Ordering::SeqCst),
            There::AfterMove => self.moved.load(Ordering::SeqCst),
        }
    }

    /// Returns the offset at which a listing of `ino` that begins at `offset` must pause, so that a
    /// fault after some entries occurs when those entries were already returned.
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

impl Backend for Faulty {
    fn time_to_live(&self) -> Duration {
        Duration::ZERO
    }

    fn attr(&self, ino: u64) -> Option<FileAttr> {
        Some(self.tree.inode(ino)?.attr)
    }

    fn find(&self, parent: u64, name: &OsStr) -> Option<u64> {
        let entries = &self.tree.inode(parent)?.entries;
        Some(entries.iter().find(|entry| entry.name == name && self.is_there(entry))?.ino)
    }

    fn list(&self, dir: u64, offset: u64, add: &mut dyn FnMut(&Listed<'_>) -> bool) -> Option<u64> {
        let dots = [".", ".."].map(|name| (dir, FileType::Directory, OsStr::new(name)));
        let names = self.tree.inode(dir)?.entries.iter().map(|entry| {
            let (ino, kind) = entry.listed;
            (ino, kind, &*entry.name, self.is_there(entry))
        });
        let dots = dots.map(|(ino, kind, name)| (ino, kind, name, true));
        let pause = self.pause(dir, offset);
        let mut given = 0;
        for (next, (ino, kind, name, there)) in (1..).zip(dots.into_iter().chain(names)) {
            // Offsets stay the same when an entry moves.
            if !there {
                continue;
            }
            if given > 0 && next > pause || next > offset && add(&Listed { ino, kind, name, next })
            {
                break;
            }
            given += u64::from(next > offset);
        }
        Some(given)
    }

    fn content(&self, ino: u64) -> Option<&[u8]> {
        Some(&self.tree.inode(ino)?.content)
    }

    /// Answers on this thread, the only one, so a delay or a death stops everything.
    fn answer(&self, call: Call, answer: Answer) {
        // Names that do not exist have no faults.
        let Some(ino) = call.ino else { return answer(Verdict::Right) };
        let judged = self.judge(call.op, ino, call.offset);
        std::thread::sleep(judged.delay);
        answer(judged.verdict);
        // After the answer: a request that is still queued in the kernel can be killed with its
        // process, but not one that a FUSE server has taken, unlike on NFS.
        if judged.dies {
            self.state.wait_for_release();
        }
    }
}
