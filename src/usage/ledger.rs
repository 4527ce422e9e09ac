//! The accounts of one walk: what an engine tells of directories goes in, sums per home come out.
//!
//! An engine takes a [`Listing`] for a directory, tells it every entry, and commits it. Nothing
//! counts before that, so a listing that must begin again is dropped and taken anew. What is
//! committed is added under one short lock per home; the engine may be a pool of threads or one
//! event loop.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock};

use super::class::Class;
use super::dir::Dir;
use super::errors::{Errors, Problem};
use super::export::{Branch, Export};
use super::home::{FindingAccount, Home, HomeKind};
use super::links::{LinkTotals, Links};
use super::listing::Listing;
use super::rules::{Rules, Seen};
use super::scope::Scope;
use super::tally::{Ages, Tally};
use super::top::Large;
use super::trie::{Entered, TreeLevel};
use crate::sync::lock;
use crate::usage::{Attrs, Op};

/// How many findings a home keeps by name, for each of its largest files.
const FINDINGS_PER_TOP: usize = 2;

/// What a walk is to find out.
#[derive(Debug)]
pub struct WalkTask {
    /// Compiled rules.
    pub rules: Rules,
    /// What belongs to the scan.
    pub scope: Scope,
    /// Ages as of the start of the run.
    pub ages: Ages,
    /// How many of the largest to keep.
    pub top: usize,
    /// Where every entry is written down, if that is wanted.
    pub export: Option<Export>,
}

/// What a progress display reads while the walk goes on.
#[derive(Debug, Default)]
pub struct WalkProgress {
    /// Inodes committed; one with several links when the last of them was seen.
    pub entries: AtomicU64,
    /// Their allocated bytes.
    pub bytes: AtomicU64,
    /// Directories found and not listed yet.
    pub waiting: AtomicU64,
}

/// The accounts.
#[derive(Debug)]
pub struct Ledger {
    pub(super) task: WalkTask,
    root_dev: OnceLock<u64>,
    homes: Mutex<Vec<Arc<Home>>>,
    pub(super) links: Links,
    errors: Mutex<Errors>,
    /// How far it is.
    pub progress: WalkProgress,
}

/// What came out.
#[derive(Debug)]
pub struct Totals {
    /// Homes, and what lies outside of them.
    pub homes: Vec<Arc<Home>>,
    /// What could not be read.
    pub errors: Errors,
    /// Hard links that lead out of the scan.
    pub links: LinkTotals,
    /// The ledger they come from: its rules are those that findings name.
    pub ledger: Arc<Ledger>,
}

impl Ledger {
    /// Opens empty accounts.
    pub fn new(task: WalkTask) -> Self {
        Self {
            links: Links::new(task.ages),
            errors: Mutex::new(Errors::new(task.scope.exclude.len())),
            task,
            root_dev: OnceLock::new(),
            homes: Mutex::default(),
            progress: WalkProgress::default(),
        }
    }

    /// The rules in use.
    pub fn rules(&self) -> &Rules {
        &self.task.rules
    }

    /// Where every entry was written down, if that was wanted.
    pub fn export(&self) -> Option<&Export> {
        self.task.export.as_ref()
    }

    /// The globs of what is left out.
    pub fn excluded_globs(&self) -> &[String] {
        self.task.scope.exclude.globs()
    }

    /// The root, from its own attributes. Call it once.
    pub fn root(&self, attrs: Attrs) -> Arc<Dir> {
        self.root_dev.get_or_init(|| attrs.dev);
        let (kind, place) = match self.task.scope.home_depth {
            0 => (HomeKind::Named, TreeLevel::Home),
            _ => (HomeKind::Outside, TreeLevel::AboveHomes),
        };
        let uid = (kind == HomeKind::Named).then_some(attrs.uid);
        let home = self.open_home(Box::default(), kind, uid);
        let entered = self.task.rules.enter(place, &[], b"");
        let counted = Some(&attrs).filter(|_| self.task.scope.counts_at(0));
        let branch = self.export().map(|export| export.root(counted));
        let mut dir = new_dir(None, Box::default(), attrs, home, entered.states);
        dir.branch = branch.map(Box::new);
        Arc::new(dir)
    }

    /// Whether an entry with these attributes is on a file system that the scan stays out of.
    pub(super) fn is_foreign_mount(&self, attrs: &Attrs) -> bool {
        self.task.scope.is_foreign_mount(attrs, self.root_dev.get().copied())
    }

    fn open_home(&self, path: Box<[u8]>, kind: HomeKind, uid: Option<u32>) -> Arc<Home> {
        let home = Home::new(path, kind, uid, self.task.top);
        lock(&self.homes).push(Arc::clone(&home));
        home
    }

    /// A listing of `dir` that will count the directory itself too.
    pub fn begin(&self, dir: &Arc<Dir>) -> Listing {
        Listing::new(self, dir, Some(dir.attrs.clone()))
    }

    /// A second listing of a directory that is being listed, for a part of its names. Each is
    /// committed by itself.
    pub fn fork(&self, dir: &Arc<Dir>) -> Listing {
        // Relaxed: the listing this is forked from keeps the directory open.
        dir.open.fetch_add(1, Ordering::Relaxed);
        self.exported(dir, Export::fork);
        Listing::new(self, dir, None)
    }

    /// Ends a listing whose last part was committed.
    pub fn end(&self, listing: Listing) {
        self.exported(&listing.dir, Export::end);
        listing.dir.close(|dir, subtree| self.complete(dir, subtree));
    }

    /// Ends a directory that was listed in its parent and is gone.
    pub fn vanished(&self, dir: &Arc<Dir>) {
        lock(&self.errors).vanished += 1;
        self.exported(dir, Export::gone);
        dir.close(|dir, subtree| self.complete(dir, subtree));
    }

    /// Notes that something of a directory could not be read, whose listing has ended before.
    pub fn failed(&self, dir: &Dir, op: Op, error: &std::io::Error) {
        dir.home.books(|books| books.errors += 1);
        lock(&self.errors).add(Problem::new(dir.path(), op, error));
        self.exported(dir, Export::failed);
    }

    /// Tells the export, if there is to be one, what became of a directory.
    fn exported(&self, dir: &Dir, tell: impl FnOnce(&Export, &Branch)) {
        if let (Some(export), Some(branch)) = (self.export(), &dir.branch) {
            tell(export, branch);
        }
    }

    pub(super) fn errors(&self, with: impl FnOnce(&mut Errors)) {
        with(&mut lock(&self.errors));
    }

    /// Decides whether a finding begins at `dir`: by the first rule that applies, if that goes
    /// before the one `dir` lies in. Every part of a listing comes to the same answer.
    ///
    /// # Errors
    /// What a look into the directory met; the rules that need none are decided all the same.
    pub(super) fn decide(&self, dir: &Dir, seen: &Seen<'_>) -> std::io::Result<()> {
        if dir.starts.get().is_some() {
            return Ok(());
        }
        let before = dir.inherited.as_ref().map(|finding| finding.rule);
        let plain = dir.plain.filter(|rule| before.is_none_or(|before| *rule < before));
        // A marker that lies above the homes says nothing of them.
        let inside = match dir.home.is_home() {
            true => self.task.rules.inside(&dir.matched, plain.or(before), seen),
            false => Ok(None),
        };
        if let Some(rule) = inside.as_ref().ok().copied().flatten().or(plain) {
            let class = self.task.rules.get(rule).class;
            dir.starts.get_or_init(|| FindingAccount::new(rule, class));
        }
        inside.map(|_| ())
    }

    pub(super) fn found(
        &self,
        home: &Home,
        finding: &Arc<FindingAccount>,
        path: impl FnOnce() -> Vec<u8>,
    ) {
        let limit = self.task.top * FINDINGS_PER_TOP;
        home.books(|books| books.found(finding, limit, || path().into()));
    }

    /// Makes the directory `name` of `parent` known: its home, and the rules that match it.
    pub(super) fn child(
        &self,
        parent: &Arc<Dir>,
        name: Box<[u8]>,
        attrs: Attrs,
        seen: &Seen<'_>,
        failed: &mut dyn FnMut(std::io::Error),
    ) -> Arc<Dir> {
        let depth = parent.depth + 1;
        let home_depth = self.task.scope.home_depth;
        let place = match depth.cmp(&home_depth) {
            std::cmp::Ordering::Less => TreeLevel::AboveHomes,
            std::cmp::Ordering::Equal => TreeLevel::Home,
            std::cmp::Ordering::Greater => TreeLevel::InHome,
        };
        let home = match place {
            TreeLevel::Home => {
                let uid = uid_of_name(&name);
                let kind = if uid.is_some() { HomeKind::Uid } else { HomeKind::Named };
                let uid = uid.unwrap_or(attrs.uid);
                self.open_home(parent.path_of(&name).into(), kind, Some(uid))
            }
            // Apart for each top-level directory, for the lines that `du -d1` prints of them.
            TreeLevel::AboveHomes if depth == 1 => {
                self.open_home(name.clone(), HomeKind::Outside, None)
            }
            _ => Arc::clone(&parent.home),
        };
        let Entered { states, mut rules } = self.task.rules.enter(place, &parent.states, &name);
        rules.retain(|&rule| {
            self.task.rules.beside_holds(rule, seen).unwrap_or_else(|error| {
                failed(error);
                false
            })
        });
        // Above the homes a directory holds everybody's: no rule may claim it.
        let claimable = place != TreeLevel::AboveHomes;
        let plain = rules.iter().copied().find(|&rule| !self.task.rules.looks_inside(rule));
        let plain = plain.filter(|_| claimable);
        rules.retain(|&rule| self.task.rules.looks_inside(rule));
        let mut dir = new_dir(Some(parent), name, attrs, home, states);
        dir.inherited = parent.finding().cloned();
        dir.plain = plain;
        dir.matched = rules;
        dir.branch = self.export().map(|export| Box::new(export.branch()));
        Arc::new(dir)
    }

    fn complete(&self, dir: &Arc<Dir>, subtree: u64) {
        if let Some(finding) = dir.starts.get() {
            self.found(&dir.home, finding, || dir.path());
        }
        // A directory that is nearly all one subdirectory leaves its place to that.
        let largest = dir.largest_child.load(Ordering::Relaxed);
        let passes_through = u128::from(largest) * 10 >= u128::from(subtree) * 9;
        if dir.home.is_home() && !dir.is_home_itself() && !passes_through {
            dir.home.offer_dir(subtree, || Large {
                path: dir.path().into(),
                allocated: subtree,
                apparent: 0,
                mtime: dir.attrs.mtime,
                nlink: 1,
                inode: (dir.attrs.dev, dir.attrs.ino),
            });
        }
    }

    /// Closes the accounts when no engine writes to them any more, or as far as they are.
    pub fn finish(self: &Arc<Self>) -> Totals {
        let links = self.links.finish();
        let mut homes = lock(&self.homes).clone();
        homes.sort_by(|a, b| (a.kind, &a.path).cmp(&(b.kind, &b.path)));
        Totals { homes, errors: lock(&self.errors).clone(), links, ledger: Arc::clone(self) }
    }

    /// Takes one link to an inode that has several.
    pub(super) fn link(
        &self,
        attrs: Attrs,
        home: &Arc<Home>,
        finding: Option<&Arc<FindingAccount>>,
        class: Class,
    ) {
        let allocated = attrs.allocated;
        if self.links.add(attrs, home, finding, class) {
            // Relaxed: for display only.
            self.progress.entries.fetch_add(1, Ordering::Relaxed);
            self.progress.bytes.fetch_add(allocated, Ordering::Relaxed);
        }
    }

    pub(super) fn progressed(&self, tally: &Tally) {
        // Relaxed: for display only.
        let progress = &self.progress;
        progress.entries.fetch_add(tally.inodes(), Ordering::Relaxed);
        progress.bytes.fetch_add(tally.allocated.0, Ordering::Relaxed);
    }

    pub(super) fn class_of(finding: Option<&Arc<FindingAccount>>) -> Class {
        finding.map_or(Class::Rest, |finding| finding.class)
    }
}

/// The uid that a home's name is, if it is made of digits and fits.
pub fn uid_of_name(name: &[u8]) -> Option<u32> {
    if name.is_empty() || !name.iter().all(u8::is_ascii_digit) {
        return None;
    }
    std::str::from_utf8(name).ok()?.parse().ok()
}

fn new_dir(
    parent: Option<&Arc<Dir>>,
    name: Box<[u8]>,
    attrs: Attrs,
    home: Arc<Home>,
    states: Box<[u16]>,
) -> Dir {
    Dir {
        parent: parent.cloned(),
        name,
        depth: parent.map_or(0, |parent| parent.depth + 1),
        attrs,
        home,
        inherited: None,
        starts: OnceLock::new(),
        plain: None,
        matched: Vec::new(),
        states,
        branch: None,
        open: 1.into(),
        subtree: 0.into(),
        largest_child: 0.into(),
    }
}
