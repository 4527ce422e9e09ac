//! Ledger of one walk: an engine puts entries in and gets sums by home out.
//!
//! An engine takes a [`Listing`] for a directory, tells it every entry, and commits it. Nothing
//! counts before that, so an engine that must read a directory again drops the listing and takes a
//! new one. A commit takes one short lock per home. The engine may be a thread pool or one event
//! loop.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock};

use super::above::AboveRoot;
use super::class::Class;
use super::closed::Shelf;
use super::dir::Dir;
use super::dirs::{DirAccount, DirTable};
use super::errors::{Errors, Problem};
use super::export::{Branch, Export};
use super::home::{Content, FindingAccount, Home, HomeKind};
use super::links::{LinkMemory, LinkTotals, Linked, Links, named_findings};
use super::listing::Listing;
use super::rules::Rules;
use super::scope::Scope;
use super::seen::Seen;
use super::shard::Shard;
use super::tally::{Ages, Tally};
use super::together::NamedFindings;
use super::top::Large;
use super::trie::{Entered, TreeLevel};
use super::whose::{HomeOwner, UidNames, is_trash_of_root, names_another};
use super::{Attrs, Op};
use crate::sync::lock;

/// Number of findings that a home keeps by path, per file in its list of the largest.
pub(super) const FINDINGS_PER_TOP: usize = 2;

/// Settings of a ledger: what to count, and how.
#[derive(Debug)]
pub struct LedgerSetup {
    pub rules: Rules,
    pub scope: Scope,
    /// The directories above the root.
    pub above: AboveRoot,
    /// Decides which names of homes are uids.
    pub uids: UidNames,
    /// Ages relative to the start of the run.
    pub ages: Ages,
    /// Number of largest files and directories that each home keeps.
    pub top: usize,
    /// Memory for hard links.
    pub links: LinkMemory,
    /// Collects every entry, if the result lists them.
    pub export: Option<Export>,
    /// Collects the rows of the table of directories, if there is one.
    pub dirs: Option<DirTable>,
    /// The shard to read, if it is not the whole tree.
    pub shard: Option<Shard>,
}

/// Counters that a progress display reads during the walk.
#[derive(Debug, Default)]
pub struct WalkProgress {
    /// Inodes that were committed. An inode with several links counts when its last link is seen.
    pub entries: AtomicU64,
    /// Allocated bytes of these inodes.
    pub bytes: AtomicU64,
    /// Directories that were found and are not listed yet.
    pub waiting: AtomicU64,
}

/// The accounts of one walk.
#[derive(Debug)]
pub struct Ledger {
    pub(super) setup: LedgerSetup,
    /// Device and inode of the root.
    root_inode: OnceLock<(u64, u64)>,
    pub(super) homes: Mutex<Vec<Arc<Home>>>,
    closed: Shelf,
    pub(super) links: Links,
    /// The directories of the trunk, those above first. Empty unless this is a shard.
    pub(super) trunk: Mutex<Vec<Arc<Dir>>>,
    errors: Mutex<Errors>,
    pub progress: WalkProgress,
}

/// The sums of a completed walk.
#[derive(Debug)]
pub struct Totals {
    /// Homes, followed by everything outside homes.
    pub homes: Vec<Arc<Home>>,
    pub errors: Errors,
    /// Sums over inodes with several links.
    pub links: LinkTotals,
    pub named_findings: NamedFindings,
    /// The ledger of these sums, which has the rules that findings name by index.
    pub ledger: Arc<Ledger>,
}

impl Ledger {
    pub fn new(setup: LedgerSetup) -> Self {
        Self {
            links: Links::new(setup.ages, setup.links.clone()),
            errors: Mutex::new(Errors::new(setup.scope.exclude.len())),
            setup,
            root_inode: OnceLock::new(),
            homes: Mutex::default(),
            closed: Shelf::default(),
            trunk: Mutex::default(),
            progress: WalkProgress::default(),
        }
    }

    pub fn rules(&self) -> &Rules {
        &self.setup.rules
    }

    pub fn export(&self) -> Option<&Export> {
        self.setup.export.as_ref()
    }

    pub fn excluded_globs(&self) -> &[String] {
        self.setup.scope.exclude.globs()
    }

    /// Opens the root, given its own attributes. Call it once.
    pub fn root(&self, attrs: Attrs) -> Arc<Dir> {
        self.root_inode.get_or_init(|| (attrs.dev, attrs.ino));
        let owner = HomeOwner { kind: HomeKind::Named, uid: attrs.uid, directory: attrs.uid };
        let (owner, place) = match self.setup.scope.home_depth {
            0 => (Some(owner), TreeLevel::Home),
            _ => (None, TreeLevel::AboveHomes),
        };
        let home = self.open_home(Box::default(), owner);
        let entered = self.setup.rules.enter(place, &[], b"");
        let mut dir = Dir::new(None, Box::default(), attrs, home, entered.states);
        let counted = Some(&dir.attrs).filter(|_| self.setup.scope.counts(&dir));
        let branch = self.export().map(|export| export.root(counted));
        dir.in_data = self.setup.above.in_data;
        dir.in_layer = self.setup.rules.is_root_in_layer();
        dir.globs = self.setup.scope.exclude.start();
        dir.account = self.dirs().map(|_| Box::default());
        dir.branch = branch.map(Box::new);
        self.with_trunk(dir)
    }

    /// Returns device and inode of the root, once it is open.
    pub fn root_inode(&self) -> Option<(u64, u64)> {
        self.root_inode.get().copied()
    }

    /// True if an entry with these attributes is on a mount that the scan does not enter.
    pub fn is_foreign_mount(&self, attrs: &Attrs) -> bool {
        self.setup.scope.is_foreign_mount(attrs, self.root_inode().map(|(dev, _)| dev))
    }

    pub(super) fn open_home(&self, path: Box<[u8]>, owner: Option<HomeOwner>) -> Arc<Home> {
        let mut homes = lock(&self.homes);
        let number = u32::try_from(homes.len()).unwrap_or(u32::MAX);
        let home = Home::new(path, owner, self.setup.top, number);
        homes.push(Arc::clone(&home));
        home
    }

    /// Opens the home of the directory `name` in `parent`.
    fn home(&self, parent: &Dir, name: &[u8], attrs: &Attrs) -> Arc<Home> {
        self.open_home(parent.path_of(name).into(), Some(self.setup.uids.owner(name, attrs.uid)))
    }

    /// Records a home that is to be found but not read. Returns false if the directory is no home,
    /// or is to be read. The home is recorded before the commit: a restarted listing records it
    /// twice, with the same result.
    pub(super) fn surveys(&self, parent: &Dir, name: &[u8], attrs: &Attrs) -> bool {
        let scope = &self.setup.scope;
        let found = scope.is_survey() && scope.level(parent, name) == TreeLevel::Home;
        if found {
            self.home(parent, name, attrs);
        }
        found
    }

    /// Begins a listing of `dir` that counts the directory itself as well.
    pub fn begin(&self, dir: &Arc<Dir>) -> Listing {
        Listing::new(self, dir, Some(dir.attrs.clone()))
    }

    /// Begins a further listing of a directory that is being listed, for part of its names. Each
    /// listing is committed separately.
    pub fn fork(&self, dir: &Arc<Dir>) -> Listing {
        // Relaxed: the listing that this one is forked from keeps the directory open.
        dir.open.fetch_add(1, Ordering::Relaxed);
        dir.split();
        self.exported(dir, Export::fork);
        Listing::new(self, dir, None)
    }

    /// Ends a listing after its last commit.
    pub fn end(&self, listing: Listing) {
        self.exported(&listing.dir, Export::end);
        listing.dir.close(|dir, subtree| self.complete(dir, subtree));
    }

    /// Ends a directory that is counted under another name, because it was renamed and listed
    /// twice.
    pub fn listed_elsewhere(&self, dir: &Arc<Dir>) {
        self.exported(dir, Export::gone);
        dir.close(|dir, subtree| self.complete(dir, subtree));
    }

    /// Passes a directory to the export, if there is one.
    pub(super) fn exported(&self, dir: &Dir, tell: impl FnOnce(&Export, &Branch)) {
        if let (Some(export), Some(branch)) = (self.export(), &dir.branch) {
            tell(export, branch);
        }
    }

    pub(super) fn errors(&self, with: impl FnOnce(&mut Errors)) {
        with(&mut lock(&self.errors));
    }

    /// Begins a finding at `dir` if a rule applies that precedes the rule of the enclosing finding.
    /// Every part of a listing makes the same decision.
    ///
    /// # Errors
    /// The file system's error from looking inside. Rules that match by path alone are applied even
    /// then.
    pub(super) fn decide(&self, dir: &Dir, seen: &Seen<'_>) -> std::io::Result<()> {
        if dir.starts.get().is_some() {
            return Ok(());
        }
        let before = dir.inherited.as_ref().map(|finding| finding.rule);
        let plain = dir.plain.filter(|rule| before.is_none_or(|before| *rule < before));
        // A marker beside homes, or directly in a home, says nothing about the homes.
        let pathless = !dir.is_home_itself() && !dir.in_layer;
        let inside = match dir.home.is_home() {
            true => self.setup.rules.inside(&dir.matched, pathless, plain.or(before), seen),
            false => Ok(None),
        };
        if let Some(rule) = inside.as_ref().ok().copied().flatten().or(plain) {
            let class = self.setup.rules.get(rule).class;
            let finding = dir.starts.get_or_init(|| FindingAccount::new(rule, class));
            // The contents of a mount may belong to someone else and have another path as well.
            if dir.is_or_below_a_mount() {
                finding.hold(Content::Mount);
            }
            let owner = dir.attrs.uid;
            if class == Class::Trash && names_another(&dir.name, owner) {
                finding.hold(Content::Foreign);
            }
            let rules = &self.setup.rules;
            if dir.parent.as_ref().is_some_and(|above| rules.is_part_of_another(rule, above)) {
                finding.hold(Content::Data);
            }
            let is_removable = |parent: &Arc<Dir>| self.lets_remove(parent, owner);
            if !dir.may_be_of(owner) || !dir.parent.as_ref().is_none_or(is_removable) {
                finding.hold(Content::Protected);
            }
            if let Some(outer) = &dir.inherited {
                outer.hold(Content::Finding);
            }
        } else if let Some(outer) = dir.inherited.as_ref().filter(|it| it.class != Class::Trash)
            && self.setup.rules.is_later_output((dir.plain, &dir.matched), outer.rule, seen)?
        {
            outer.hold(Content::Finding);
        }
        inside.map(|_| ())
    }

    /// True if `owner` may remove the entries of `dir` with `rm`, and nobody else can lead it elsewhere.
    pub(super) fn lets_remove(&self, dir: &Arc<Dir>, owner: u32) -> bool {
        self.setup.above.path.is_trusted_by(owner) && dir.lets_remove(owner)
    }

    pub(super) fn found(
        &self,
        home: &Home,
        finding: &Arc<FindingAccount>,
        path: impl FnOnce() -> Vec<u8>,
    ) {
        let limit = self.setup.top * FINDINGS_PER_TOP;
        home.books(|books| books.found(finding, limit, || path().into()));
    }

    /// Opens the directory `name` of `parent`: finds its home and the rules that match its path.
    /// `failed` is called if a check for a neighbouring name fails.
    pub(super) fn child(
        &self,
        parent: &Arc<Dir>,
        name: Box<[u8]>,
        attrs: Attrs,
        seen: &Seen<'_>,
        failed: &mut dyn FnMut(std::io::Error),
    ) -> Arc<Dir> {
        let place = self.setup.scope.level(parent, &name);
        let home = match place {
            TreeLevel::Home => self.home(parent, &name, &attrs),
            // One account per top-level directory, because `du -d1` prints a line for each.
            TreeLevel::AboveHomes if parent.depth == 0 => self.open_home(name.clone(), None),
            _ => Arc::clone(&parent.home),
        };
        let Entered { states, mut rules } = self.setup.rules.enter(place, &parent.states, &name);
        // No rule claims a home, whatever its name is, except for a trash at the root, which is a
        // home.
        if place == TreeLevel::Home {
            let trash = is_trash_of_root(&name);
            rules.retain(|&rule| trash && self.setup.rules.get(rule).class == Class::Trash);
        }
        rules.retain(|&rule| !parent.in_layer && self.setup.rules.below_holds(rule, parent));
        rules.retain(|&rule| {
            self.setup.rules.beside_holds(rule, seen).unwrap_or_else(|error| {
                failed(error);
                false
            })
        });
        // No rule may claim a directory above the homes, because it holds everybody's files.
        let claimable = place != TreeLevel::AboveHomes;
        let plain = rules.iter().copied().find(|&rule| !self.setup.rules.looks_inside(rule));
        let plain = plain.filter(|_| claimable);
        let mut dir = Dir::new(Some(parent), name, attrs, home, states);
        dir.note_sources(&self.setup.rules, &rules, seen);
        rules.retain(|&rule| self.setup.rules.looks_inside(rule));
        dir.in_data = parent.in_data || Rules::is_repository(&dir.name) || seen.of_data;
        dir.in_layer = parent.in_layer || {
            let names = std::iter::once(&*dir.name).chain(parent.names_up_to_root());
            self.setup.rules.begins_layer(names)
        };
        dir.inherited = parent.finding().cloned();
        dir.in_owned = parent.owned_below(&self.setup.rules, &dir.name, seen);
        dir.plain = plain;
        dir.matched = rules;
        dir.globs = self.setup.scope.exclude.below(&parent.globs, &dir.name);
        dir.branch = self.export().map(|export| Box::new(export.branch()));
        dir.account = self.account(parent, &dir.name, &dir.home);
        self.with_trunk(dir)
    }

    /// Opens the account of an entry, if there is a table of directories.
    pub(super) fn account(
        &self,
        parent: &Dir,
        name: &[u8],
        home: &Arc<Home>,
    ) -> Option<Box<DirAccount>> {
        self.dirs().map(|_| DirAccount::below(parent, name, home))
    }

    pub(super) fn dirs(&self) -> Option<&DirTable> {
        self.setup.dirs.as_ref()
    }

    /// Ends a directory of which everything is known. Returns what counts in its parent's subtree.
    pub(super) fn complete(&self, dir: &Arc<Dir>, subtree: u64) -> u64 {
        // Other shards have more of the trunk.
        if dir.trunk.is_some() {
            return 0;
        }
        if let Some(dirs) = self.dirs() {
            dirs.complete(dir);
        }
        if let Some(finding) = dir.starts.get() {
            self.found(&dir.home, finding, || dir.path());
        }
        // If one subdirectory makes up nearly all of a directory, only the subdirectory is listed.
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
        if dir.is_home_itself() {
            self.close_books(&dir.home);
        }
        subtree
    }

    pub(super) fn close_books(&self, home: &Home) {
        home.close_books(&self.closed);
    }

    /// Closes the accounts when the walk is over. Call it once. After an interruption, the accounts
    /// hold everything that was committed before.
    pub fn finish(self: &Arc<Self>) -> Totals {
        let mut homes = std::mem::take(&mut *lock(&self.homes));
        let (links, failed) = self.links.finish(&homes);
        homes.iter().for_each(|home| self.close_books(home));
        if let Some(dirs) = self.dirs() {
            dirs.finish(&homes);
            if failed.is_some() {
                dirs.give_up("hard links were lost");
            }
        }
        if let Some(error) = failed {
            lock(&self.errors).add(Problem::new(Vec::new(), Op::Link, &error));
        }
        homes.sort_by(|a, b| (a.kind, &a.path).cmp(&(b.kind, &b.path)));
        let (errors, named_findings) = (lock(&self.errors).clone(), named_findings(&homes));
        Totals { homes, errors, links, named_findings, ledger: Arc::clone(self) }
    }

    /// Counts links of inodes that have several, in the directory `dir`. `account` is that of their
    /// row.
    pub(super) fn links(
        &self,
        links: &[Attrs],
        dir: &Dir,
        finding: Option<&Arc<FindingAccount>>,
        account: Option<&DirAccount>,
    ) {
        if let (Some(dirs), Some(account)) = (self.dirs(), account) {
            dirs.links((dir, account), links, Self::class_of(finding));
        }
        links.iter().for_each(|attrs| self.link(attrs, &dir.home, finding));
    }

    fn link(&self, attrs: &Attrs, home: &Arc<Home>, finding: Option<&Arc<FindingAccount>>) {
        match self.links.add(attrs, home, finding) {
            Linked::Waiting => {}
            Linked::Last => {
                // Relaxed: for display only.
                self.progress.entries.fetch_add(1, Ordering::Relaxed);
                self.progress.bytes.fetch_add(attrs.allocated, Ordering::Relaxed);
            }
            Linked::Lost => {
                home.books(|books| books.errors += 1);
                if let Some(dirs) = self.dirs() {
                    dirs.give_up("hard links were lost");
                }
                let problem = Problem::new(home.path.to_vec(), Op::Link, &self.links.failure());
                lock(&self.errors).add(problem);
            }
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
