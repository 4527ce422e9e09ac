//! Homes and findings, and the sums that each keeps.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU16, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::class::{AmountByClass, Class};
use super::closed::{Account, ClosedBooks, Shelf};
use super::rules::{Endings, RuleIndex};
use super::sources::Project;
use super::tally::{Amount, Tally};
use super::together::Together;
use super::top::{Large, Top, size_key};
use super::whose::HomeOwner;
use crate::sync::lock;

/// The reason why a directory is a home.
///
/// The first home in this order pays for an inode with links in several, so `Outside` comes last.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "lowercase")]
#[schemars(rename = "Kind", description = "What makes a directory a home.")]
pub enum HomeKind {
    /// Its name is a uid.
    Uid,
    /// It stands where homes do.
    Named,
    /// Not a home: what lies above or beside homes.
    Outside,
}

impl HomeKind {
    /// The name as in JSON.
    pub fn name(self) -> &'static str {
        match self {
            Self::Uid => "uid",
            Self::Named => "named",
            Self::Outside => "outside",
        }
    }
}

/// A home directory, or everything outside of homes below one top-level directory.
#[derive(Debug)]
pub struct Home {
    /// Path below the root; outside of homes, that of the top-level directory.
    pub path: Box<[u8]>,
    pub kind: HomeKind,
    /// Owner; `None` outside of homes.
    pub uid: Option<u32>,
    /// Owner of the directory itself, which may be another one; `None` outside of homes.
    pub directory_owner: Option<u32>,
    /// Position among the homes in the order in which the walk came to them.
    pub(super) number: u32,
    account: Mutex<Account>,
    /// How many of the largest files and directories it keeps.
    top: usize,
    // Both only filter: the books decide again under their lock, so a stale value costs one lock.
    file_floor: AtomicU64,
    dir_floor: AtomicU64,
}

/// The sums of a home so far.
#[derive(Debug)]
pub struct Books {
    /// All inodes that are charged to the home.
    pub tally: Tally,
    /// The same by class.
    pub by_class: AmountByClass,
    /// Largest files.
    pub files: Top,
    /// Largest directories below the home.
    pub dirs: Top,
    /// Totals by rule.
    pub rules: BTreeMap<RuleIndex, RuleTotal>,
    /// Inodes that deleting all trash and caches frees, but those of no single rule.
    pub across_rules: Amount,
    /// The largest findings.
    pub findings: Vec<FoundPlace>,
    /// Inodes with links in this home and in another one.
    pub shared: Amount,
    /// Those of the shared inodes that another home is charged for.
    pub charged_elsewhere: Amount,
    /// How many operations failed in the home.
    pub errors: u64,
    /// How many of its entries vanished between listing and reading.
    pub vanished: u64,
}

/// The sum of all findings of one rule in a home.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RuleTotal {
    /// How many findings.
    pub places: u64,
    /// Inodes with one link.
    pub single: Amount,
    /// Inodes with several links.
    pub linked: LinkedTotal,
}

/// Inodes with several links in all findings of one rule, in a home or in the whole scan.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LinkedTotal {
    /// All of them, each once.
    pub whole: Amount,
    /// Those that deleting all these findings would free: they have no link elsewhere.
    pub frees: Amount,
}

impl RuleTotal {
    /// Sums all inodes, each once.
    pub fn whole(&self) -> Amount {
        self.single.plus(self.linked.whole)
    }

    /// Sums the inodes that deleting all findings frees.
    pub fn frees(&self) -> Amount {
        self.single.plus(self.linked.frees)
    }
}

/// A finding that is complete, with its path.
#[derive(Clone, Debug)]
pub struct FoundPlace {
    pub finding: Arc<FindingAccount>,
    /// Path below the root.
    pub path: Box<[u8]>,
    /// Allocated bytes and inodes, by which it is ranked; hard links by their share, because other
    /// links of the inodes may come later.
    pub(super) size: (u64, u64),
}

/// The sums of one finding: a directory or file that a rule matches, and everything below it that
/// no earlier rule claims.
#[derive(Debug)]
pub struct FindingAccount {
    pub rule: RuleIndex,
    pub class: Class,
    /// Number among those that hold hard links, if it is one of them.
    pub(super) number: OnceLock<u64>,
    /// Its path, if it holds hard links and is among those that are kept.
    pub(super) path: OnceLock<Box<[u8]>>,
    sums: Mutex<FindingSums>,
    /// Its [`Content`], one bit each.
    contents: AtomicU16,
    /// The project that it is made in, if its tool needs the sources of that, and their ending.
    project: OnceLock<(Arc<Project>, Endings)>,
}

/// Contents of a finding that its figure leaves out, or that its command must not take along.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Content {
    /// Another finding, which the sums leave out.
    Finding = 1,
    /// Names that are not known to be the rule's tool's.
    Foreign = 2,
    /// A database, or a repository that the rule does not expect.
    Data = 4,
    /// A mount, entered or not.
    Mount = 8,
    /// Entries that a glob leaves out.
    Excluded = 16,
    /// Something that could not be read.
    Unread = 32,
    /// A directory without its owner's rights, so what is in it stays; or it lies in one, or in one
    /// of another owner.
    Protected = 64,
    /// Entries of other users than their directory's owner, who may remove them all the same.
    Others = 128,
    /// Files whose sources are not where its tool would make them again.
    Unsourced = 256,
}

/// The inodes of a finding.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FindingSums {
    /// Inodes with one link.
    pub single: Amount,
    /// Allocated bytes of inodes with several links, divided by their links, for each link seen in
    /// it. Known before the inodes are.
    pub(super) shares: u64,
    /// Inodes with several, each once.
    pub linked: Amount,
    /// Linked inodes whose links all lie in this finding.
    pub linked_inside: Amount,
    /// Linked inodes that deleting this finding frees only together with others of the home.
    pub together: Option<Box<Together>>,
    /// Linked inodes that deleting it frees only together with others, some of which are in other
    /// homes.
    pub across: Option<Box<Together>>,
}

impl FindingAccount {
    pub(super) fn new(rule: RuleIndex, class: Class) -> Arc<Self> {
        Arc::new(Self {
            rule,
            class,
            number: OnceLock::new(),
            path: OnceLock::new(),
            sums: Mutex::default(),
            contents: 0.into(),
            project: OnceLock::new(),
        })
    }

    pub(super) fn hold(&self, content: Content) {
        // Relaxed: read after the walk.
        self.contents.fetch_or(content as u16, Ordering::Relaxed);
    }

    /// Holds [`Content::Unsourced`] unless the project turns out to have sources of this ending.
    pub(super) fn is_made_in(&self, project: &Arc<Project>, ending: Endings) {
        self.project.get_or_init(|| (Arc::clone(project), ending));
    }

    pub fn holds(&self, content: Content) -> bool {
        self.contents() & content as u16 != 0
    }

    /// All of its [`Content`].
    pub(super) fn contents(&self) -> u16 {
        let lacks_sources =
            self.project.get().is_some_and(|(project, ending)| !project.has_sources(*ending));
        let unsourced = if lacks_sources { Content::Unsourced as u16 } else { 0 };
        self.contents.load(Ordering::Relaxed) | unsourced
    }

    pub(super) fn hold_all(&self, contents: u16) {
        // Relaxed: as in `hold`.
        self.contents.fetch_or(contents, Ordering::Relaxed);
    }

    /// Counts inodes with one link, and the `shares` of those with several.
    pub(super) fn count(&self, single: Amount, shares: u64) {
        if single != Amount::default() || shares > 0 {
            self.update(|sums| {
                sums.single.merge(single);
                sums.shares = sums.shares.saturating_add(shares);
            });
        }
    }

    pub(super) fn update(&self, change: impl FnOnce(&mut FindingSums)) {
        change(&mut lock(&self.sums));
    }

    pub fn sums(&self) -> FindingSums {
        lock(&self.sums).clone()
    }
}

impl FindingSums {
    /// Sums all inodes, each once.
    pub fn whole(&self) -> Amount {
        self.single.plus(self.linked)
    }

    /// Sums the inodes that deleting the finding frees.
    pub fn frees(&self) -> Amount {
        self.single.plus(self.linked_inside)
    }
}

impl Home {
    /// False for the parts outside of homes.
    pub fn is_home(&self) -> bool {
        self.kind != HomeKind::Outside
    }

    /// A home at `path`, or what lies outside of homes there if nobody owns it.
    pub(super) fn new(
        path: Box<[u8]>,
        owner: Option<HomeOwner>,
        top: usize,
        number: u32,
    ) -> Arc<Self> {
        let floor = Top::new(top).floor();
        Arc::new(Self {
            path,
            kind: owner.map_or(HomeKind::Outside, |owner| owner.kind),
            uid: owner.map(|owner| owner.uid),
            directory_owner: owner.map(|owner| owner.directory),
            number,
            account: Mutex::new(Account::New),
            top,
            file_floor: AtomicU64::new(floor),
            dir_floor: AtomicU64::new(floor),
        })
    }

    /// Key by which homes are ordered to be charged for the inodes they share: the first pays.
    pub fn order(&self) -> (HomeKind, &[u8]) {
        // Uid and named homes are one kind here: their names decide.
        (self.kind.max(HomeKind::Named), &self.path)
    }

    /// Changes the books. Those that are closed stay open then: whoever changes them once, such as
    /// the settling of hard links, may do so a million times.
    pub(super) fn books<T>(&self, with: impl FnOnce(&mut Books) -> T) -> T {
        let mut account = lock(&self.account);
        match &*account {
            Account::New => *account = Account::Open(Box::new(Books::new(self.top))),
            Account::Closed(closed) => {
                *account = Account::Open(Box::new(closed.open(&self.path, self.top)));
            }
            Account::Open(_) => {}
        }
        let Account::Open(books) = &mut *account else { unreachable!("it was opened") };
        let out = with(books);
        // Relaxed: see the fields.
        self.file_floor.store(books.files.floor(), Ordering::Relaxed);
        self.dir_floor.store(books.dirs.floor(), Ordering::Relaxed);
        out
    }

    /// Reads the books. Those that are closed stay so.
    pub fn read_books<T>(&self, with: impl FnOnce(&Books) -> T) -> T {
        match &*lock(&self.account) {
            Account::New => with(&Books::new(self.top)),
            Account::Open(books) => with(books),
            Account::Closed(closed) => with(&closed.open(&self.path, self.top)),
        }
    }

    /// Key by which homes are ordered as their books were closed. Whoever drops them in this order frees
    /// memory with each few thousand of them.
    pub fn closing_order(&self) -> (usize, usize) {
        match &*lock(&self.account) {
            Account::New | Account::Open(_) => (0, 0),
            Account::Closed(closed) => closed.place(),
        }
    }

    /// Closes the books: everything in the home was read, and little will change them.
    pub(super) fn close_books(&self, shelf: &Shelf) {
        let mut account = lock(&self.account);
        if let Account::Open(_) = *account
            && let Account::Open(books) = std::mem::replace(&mut *account, Account::New)
        {
            *account = Account::Closed(ClosedBooks::of(*books, &self.path, shelf));
        }
    }

    /// The findings in the books with hard links, and perhaps others.
    pub(super) fn findings_with_links(&self) -> Vec<Arc<FindingAccount>> {
        match &*lock(&self.account) {
            Account::New => Vec::new(),
            Account::Open(books) => {
                books.findings.iter().map(|found| Arc::clone(&found.finding)).collect()
            }
            Account::Closed(closed) => closed.living().to_vec(),
        }
    }

    /// Returns the size key from which on a file may be among the largest.
    pub fn file_floor(&self) -> u64 {
        self.file_floor.load(Ordering::Relaxed)
    }

    /// Offers a directory whose subtree is complete to the largest.
    pub(super) fn offer_dir(&self, allocated: u64, dir: impl FnOnce() -> Large) {
        if size_key(allocated, 0) >= self.dir_floor.load(Ordering::Relaxed) {
            let dir = dir();
            self.books(|books| books.dirs.offer(dir));
        }
    }
}

impl Books {
    pub(super) fn new(top: usize) -> Self {
        Self {
            tally: Tally::default(),
            by_class: AmountByClass::default(),
            files: Top::new(top),
            dirs: Top::new(top),
            rules: BTreeMap::new(),
            across_rules: Amount::default(),
            findings: Vec::new(),
            shared: Amount::default(),
            charged_elsewhere: Amount::default(),
            errors: 0,
            vanished: 0,
        }
    }

    /// Adds a finding that is complete to its rule's total, and keeps it if it is among the `limit`
    /// largest.
    pub(super) fn found(
        &mut self,
        finding: &Arc<FindingAccount>,
        limit: usize,
        path: impl FnOnce() -> Box<[u8]>,
    ) {
        let sums = finding.sums();
        let total = self.rules.entry(finding.rule).or_default();
        total.places += 1;
        // Inodes with several links are added when all their links are known.
        total.single.merge(sums.single);
        let size = (sums.single.allocated.0.saturating_add(sums.shares), sums.single.inodes);
        let smaller = |last: &FoundPlace| last.size > size;
        if self.findings.len() >= limit && self.findings.last().is_none_or(smaller) {
            return;
        }
        self.keep(FoundPlace { finding: Arc::clone(finding), path: path(), size }, limit);
    }

    /// Keeps a finding if it is among the `limit` largest.
    pub(super) fn keep(&mut self, found: FoundPlace, limit: usize) {
        if found.finding.number.get().is_some() {
            found.finding.path.get_or_init(|| found.path.clone());
        }
        let at = self.findings.partition_point(|other| other.rank() < found.rank());
        self.findings.insert(at, found);
        self.findings.truncate(limit);
    }
}

impl FoundPlace {
    /// Key that sorts larger ones first, then by path and rule.
    fn rank(&self) -> (Reverse<(u64, u64)>, &[u8], RuleIndex) {
        (Reverse(self.size), &self.path, self.finding.rule)
    }
}
