//! Listing of one directory: collects entries without a lock until they are committed.

mod findings;
mod large;

use std::io;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use super::dir::Dir;
use super::dirs::DirAccount;
use super::errors::Problem;
use super::exclude::Scratch;
use super::export::{Export, Lines};
use super::home::{Content, FindingAccount};
use super::ledger::Ledger;
use super::notes::Notes;
use super::owned::OwnedNames;
use super::rules::{Endings, RuleIndex};
use super::seen::{Extent, Seen};
use super::sources::{Project, SizedNames, SourceNames};
use super::tally::{Amount, Tally};
use super::top::size_key;
use super::{Attrs, FileKind, Mount, Op, Probe};

/// Number of subdirectories, links and the like above which a listing should be committed, so a
/// directory of millions takes little memory. A listing can be restarted until its first commit.
const HEAVY: usize = 1024;

/// Bytes of names that a listing keeps, for rules that ask what else a directory holds. No tool's
/// directory has more names than fit.
const HEARD: usize = 1024;

/// Bytes of the names of most directories. Each thread keeps freed memory of this size at hand, and
/// none of more than a KiB (glibc).
const MOST_HEARD: usize = 256;

/// Bytes of names to keep if a rule that matches the directory's path needs them: fewer than
/// [`MANY`] names of any length fit.
const HEARD_AT_PATH: usize = 256 * 1024;

/// Number of names that makes a directory large. Rules never ask what else a large directory holds,
/// because it may be counted in parts. Smaller ones are never counted in parts, so findings do not
/// depend on the number of threads.
const MANY: u32 = 1000;

/// A name and its attributes.
type Named = (Box<[u8]>, Attrs);

/// The sums of one directory, or of a part of its names.
#[derive(Debug)]
pub struct Listing {
    pub(super) dir: Arc<Dir>,
    /// Attributes of the directory itself until they are counted.
    own: Option<Attrs>,
    tally: Tally,
    /// Allocated bytes of hard-linked inodes, divided by their link counts, for the subtree's sum.
    shares: u64,
    markers: u64,
    /// Number of names so far.
    names: u32,
    /// The names so far, each followed by a slash, up to `hears` bytes.
    heard: Vec<u8>,
    hears: usize,
    /// Files that those in a subdirectory may be made from.
    sources: SourceNames,
    /// The markers that are files with contents.
    filled: u64,
    /// Endings of its files with contents that are sources of a project.
    source_endings: Endings,
    /// True if a file has more in it than its empty source makes.
    has_larger_than_source: bool,
    /// Compiled files that not every source makes.
    larger: SizedNames,
    subdirs: Vec<Named>,
    links: Vec<Attrs>,
    /// Rule whose list of owned paths applies to the directory's names: the finding's, or the first
    /// that may start a finding here.
    owning_rule: Option<RuleIndex>,
    /// The names so far, compared with that list.
    owned: OwnedNames,
    /// Owner of the directory.
    uid: u32,
    /// True if an entry belongs to another user than the directory, and not to root.
    has_others: bool,
    /// Files that a rule matches by name. They are decided after the directory's own rule, which
    /// may precede theirs.
    matches: Vec<(RuleIndex, Box<[u8]>, Attrs)>,
    large: Vec<Named>,
    file_floor: u64,
    /// Memory for matching globs, if any may match here.
    scratch: Option<Scratch>,
    /// Text of the entries, if there is an export.
    lines: Option<Lines>,
    notes: Notes,
    /// True if another mount begins in the directory, entered or not.
    has_mount: bool,
    /// True if the directory has subdirectories.
    has_dirs: bool,
    /// True if the entries that are no directories count. In a shard, another one may count them.
    counts: bool,
    committed: bool,
}

impl Listing {
    pub(super) fn new(ledger: &Ledger, dir: &Arc<Dir>, own: Option<Attrs>) -> Self {
        let counts = ledger.counts(dir);
        let mut candidates = dir.plain.iter().chain(&dir.matched).copied();
        let owning_rule = match (&dir.in_owned, &dir.inherited) {
            (Some(_), Some(finding)) => Some(finding.rule),
            _ => candidates.find(|rule| ledger.setup.rules.get(*rule).owns.top().is_some()),
        };
        let asks =
            owning_rule.is_some_and(|rule| ledger.setup.rules.get(rule).owns.asks_for_companions());
        Self {
            dir: Arc::clone(dir),
            own: own.filter(|_| counts),
            tally: Tally::default(),
            shares: 0,
            markers: 0,
            names: 0,
            heard: Vec::with_capacity(MOST_HEARD),
            hears: if dir.matches_a_path() || asks { HEARD_AT_PATH } else { HEARD },
            sources: SourceNames::default(),
            filled: 0,
            source_endings: 0,
            has_larger_than_source: false,
            larger: SizedNames::default(),
            subdirs: Vec::new(),
            links: Vec::new(),
            owning_rule,
            owned: OwnedNames::default(),
            uid: dir.attrs.uid,
            has_others: false,
            matches: Vec::new(),
            large: Vec::new(),
            file_floor: dir.home.file_floor(),
            scratch: (!dir.globs.is_dead()).then(Scratch::default),
            lines: ledger.export().map(Export::lines),
            notes: Notes::default(),
            has_mount: false,
            has_dirs: false,
            counts,
            committed: false,
        }
    }

    /// Records that a name exists. Returns true if its attributes are needed.
    #[inline]
    pub fn wants(&mut self, ledger: &Ledger, name: &[u8]) -> bool {
        self.markers |= ledger.setup.rules.marker(name);
        self.names = self.names.saturating_add(1);
        if self.heard.len() < self.hears {
            self.heard.extend_from_slice(name);
            self.heard.push(b'/');
        }
        let scope = &ledger.setup.scope;
        if !scope.selects(&self.dir, name) {
            return false;
        }
        let Some(scratch) = &mut self.scratch else {
            return true;
        };
        let glob = scope.exclude.first_match(&self.dir.globs, name, scratch);
        if let Some(glob) = glob {
            *self.notes.excluded.entry(glob).or_default() += 1;
            if let Some(lines) = &mut self.lines {
                lines.excluded(name);
            }
        }
        glob.is_none()
    }

    /// Counts an entry of the directory. Subdirectories and hard links are kept until the commit.
    #[inline]
    pub fn entry(&mut self, ledger: &Ledger, name: &[u8], attrs: Attrs) {
        self.has_mount |= attrs.mount == Mount::Root;
        if ledger.is_foreign_mount(&attrs) {
            self.has_mount = true;
            self.notes.mounts += 1;
            if let Some(lines) = &mut self.lines {
                lines.foreign(name);
            }
            return;
        }
        self.has_others |= attrs.uid != self.uid && attrs.uid != 0;
        // uv makes one in its cache, so that git does not look further up.
        if attrs.apparent == 0 && attrs.kind == FileKind::File && name == b".git" {
            self.markers &= !ledger.setup.rules.marker(name);
        }
        if let Some(rule) = self.owning_rule
            && !self.owned.is_decided()
        {
            self.note_owner(ledger.rules().get(rule), name, &attrs);
        }
        if attrs.kind == FileKind::Dir {
            if ledger.surveys(&self.dir, name, &attrs) {
                return;
            }
            self.has_dirs = true;
            if ledger.has_in_shard(&self.dir, name) {
                self.subdirs.push((name.into(), attrs));
            }
            return;
        }
        self.note_source(ledger.rules(), name, &attrs);
        if !self.counts {
            return;
        }
        if let Some(lines) = &mut self.lines {
            lines.leaf(&self.dir, name, &attrs);
        }
        if size_key(attrs.allocated, attrs.apparent) >= self.file_floor {
            self.keep_large(name, &attrs, ledger.setup.top);
        }
        if attrs.kind == FileKind::File
            && let Some(rule) = ledger.setup.rules.file(name, attrs.apparent)
        {
            self.matches.push((rule, name.into(), attrs));
        } else if attrs.nlink > 1 {
            self.share(attrs.allocated / u64::from(attrs.nlink));
            self.links.push(attrs);
        } else {
            self.tally.count(&attrs, &ledger.setup.ages, self.dir.home.uid);
        }
    }

    fn share(&mut self, bytes: u64) {
        self.shares = self.shares.saturating_add(bytes);
    }

    /// Records that `name`, or the directory itself, could not be read. A name that no longer
    /// exists is not an error.
    pub fn failed(&mut self, op: Op, name: Option<&[u8]>, error: &io::Error) {
        if name.is_some() && error.kind() == io::ErrorKind::NotFound {
            self.notes.vanished += 1;
            return;
        }
        if name.is_none() {
            // Names may be missing.
            self.names = MANY;
        }
        if let Some(lines) = &mut self.lines {
            lines.failed(name);
        }
        let path = match name {
            Some(name) => self.dir.path_of(name),
            None => self.dir.path(),
        };
        self.notes.problems.push(Problem::new(path, op, error));
    }

    /// Records that a subdirectory no longer existed when its attributes were requested.
    pub fn moved(&mut self, name: &[u8]) {
        self.notes.vanished += 1;
        self.notes.problems.push(Problem::moved(self.dir.path_of(name)));
    }

    /// True if one of the subdirectories in this listing has this inode number.
    pub fn has_directory(&self, ino: u64) -> bool {
        self.subdirs.iter().any(|(_, attrs)| attrs.ino == ino)
    }

    /// Records that another file system was mounted on the directory after its parent was listed,
    /// so its contents cannot be seen.
    pub fn mounted_over(&mut self) {
        self.notes.mounts += 1;
        self.has_mount = true;
        // Names may be missing.
        self.names = MANY;
    }

    /// Returns the number of subdirectories in this listing.
    pub fn directories(&self) -> usize {
        self.subdirs.len()
    }

    /// Returns the markers that were seen, as [`super::Rules`] numbers them.
    pub fn markers(&self) -> u64 {
        self.markers
    }

    /// True if the directory has so many names that it may be counted in parts.
    pub fn is_large(&self) -> bool {
        self.names >= MANY
    }

    /// True if the listing holds so much that it should be committed before more entries are read.
    pub fn is_heavy(&self) -> bool {
        let noted = self.notes.problems.len();
        let held = self.subdirs.len() + self.links.len() + self.matches.len() + noted;
        self.is_large() && (held >= HEAVY || self.lines.as_ref().is_some_and(Lines::is_heavy))
    }

    /// True if nothing is committed yet, so the listing may be dropped and restarted.
    pub fn can_restart(&self) -> bool {
        !self.committed
    }

    /// Adds the listing's contents to the accounts and empties it. Returns the subdirectories,
    /// which the engine lists next.
    pub fn commit(&mut self, ledger: &Ledger, listed: Extent, probe: &dyn Probe) -> Vec<Arc<Dir>> {
        self.committed = true;
        let dir = Arc::clone(&self.dir);
        let home = &dir.home;
        if listed == Extent::Partly {
            dir.split();
        }
        let heard = std::mem::take(&mut self.heard);
        let large = dir.is_split() || self.is_large();
        let names = Some(&*heard).filter(|heard| !large && heard.len() < self.hears);
        let has_dirs = self.has_dirs;
        let markers = self.markers;
        let sources = std::mem::take(&mut self.sources);
        let sources = Some(&sources).filter(|_| !large);
        let is_project = !large && ledger.rules().may_be_project(markers);
        let project = is_project.then(|| {
            Project::new(ledger.rules().endings_of_files(self.filled), dir.project.as_ref())
        });
        let of_data = false;
        let mut seen = Seen {
            markers,
            listing: listed,
            large,
            has_dirs,
            names,
            sources,
            filled: self.filled,
            project: project.as_ref(),
            probe,
            of_data,
        };
        seen.of_data = ledger.setup.rules.is_of_data(&seen);
        let mut refused: Vec<io::Error> = Vec::new();

        refused.extend(ledger.decide(&dir, &seen).err());
        self.tell_project();
        let finding = dir.finding();
        let class = Ledger::class_of(finding);
        if let Some(finding) = finding {
            self.note_contents(ledger, finding, &seen);
        }

        let mut tally = std::mem::take(&mut self.tally);
        if let Some(own) = self.own.take() {
            tally.count(&own, &ledger.setup.ages, home.uid);
        }
        // So far, the shares of the links that were passed to `entry`.
        let shares = self.shares;
        refused.extend(self.file_matches(ledger, &mut tally, &seen));
        let amount = tally.amount();
        ledger.progressed(&tally);
        let subtree = amount.allocated.0.saturating_add(std::mem::take(&mut self.shares));
        dir.count(&tally, subtree);
        if let Some(finding) = finding {
            finding.count(amount, shares);
        }
        let large = self.take_large();
        home.books(|books| {
            books.tally.merge(&tally);
            books.by_class.add(class, amount);
            large.into_iter().for_each(|file| books.files.offer(file));
        });
        let links = std::mem::take(&mut self.links);
        ledger.links(&links, &dir, finding, dir.account.as_deref());

        let subdirs = std::mem::take(&mut self.subdirs);
        // Relaxed: this listing keeps the directory open.
        dir.open.fetch_add(subdirs.len(), Ordering::Relaxed);
        let mut failed = |error| refused.push(error);
        let children: Vec<_> = subdirs
            .into_iter()
            .map(|(name, attrs)| ledger.child(&dir, name, attrs, &seen, &mut failed))
            .collect();
        self.export(ledger, &children, listed);
        if let Some(finding) = dir.finding()
            && !refused.is_empty()
        {
            finding.hold(Content::Unread);
        }
        for error in &refused {
            self.notes.problems.push(Problem::new(dir.path(), Op::Read, error));
        }
        self.report(ledger);
        children
    }

    fn export(&mut self, ledger: &Ledger, children: &[Arc<Dir>], listed: Extent) {
        let exported = (ledger.export(), &self.dir.branch, &mut self.lines);
        let (Some(export), Some(branch), Some(lines)) = exported else { return };
        for child in children {
            lines.branch(&self.dir, child, ledger.setup.scope.counts(child));
        }
        export.commit(branch, lines, listed);
    }

    /// Counts a file: in `tally`, or in the table of hard links if it has several.
    fn plain(
        &mut self,
        ledger: &Ledger,
        tally: &mut Tally,
        attrs: Attrs,
        (finding, account): (Option<&Arc<FindingAccount>>, Option<&DirAccount>),
    ) {
        if attrs.nlink > 1 {
            let share = attrs.allocated / u64::from(attrs.nlink);
            self.share(share);
            if let Some(finding) = finding {
                finding.count(Amount::default(), share);
            }
            ledger.links(&[attrs], &self.dir, finding, account);
        } else {
            tally.count(&attrs, &ledger.setup.ages, self.dir.home.uid);
        }
    }

    /// Passes on what could not be read and what was left out.
    fn report(&mut self, ledger: &Ledger) {
        let mut notes = std::mem::take(&mut self.notes);
        if !self.dir.in_home() {
            notes.above_homes = notes.sum();
        }
        if !notes.is_empty() {
            ledger.note(&self.dir, notes);
        }
    }
}
