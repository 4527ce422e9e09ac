//! One listing of a directory: entries collected without a lock until they are committed.

mod findings;
mod large;

use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use super::dir::Dir;
use super::errors::Problem;
use super::exclude::Scratch;
use super::export::{Export, Lines};
use super::home::{Content, FindingAccount};
use super::ledger::Ledger;
use super::rules::RuleIndex;
use super::seen::{Extent, Seen};
use super::tally::{Amount, Tally};
use super::top::size_key;
use super::trie::States;
use super::{Attrs, FileKind, Mount, Op, Probe};

/// How many subdirectories, links and the like a listing holds before it should be committed, so
/// that a directory of millions takes little memory. Until its first commit it can be begun again.
const HEAVY: usize = 1024;

/// How many bytes of names a listing keeps, for rules that ask what else a directory holds. More
/// names than fit are not those of a tool.
const HEARD: usize = 1024;

/// The same where a rule that matches the directory's path asks, or what its tool owns in it.
const HEARD_AT_PATH: usize = 32 * 1024;

/// From how many names on a directory is a large one. Rules never ask what else a large one holds,
/// because it may be counted in parts. Smaller ones are never counted in parts, so what is found
/// does not depend on the number of threads.
const MANY: u32 = 1000;

/// A name and its attributes.
type Named = (Box<[u8]>, Attrs);

/// The sums of one directory, or of a part of its names.
#[derive(Debug)]
pub struct Listing {
    pub(super) dir: Arc<Dir>,
    /// Attributes of the directory itself until they are counted.
    own: Option<Attrs>,
    /// Where it lies among what the tool of its finding owns; `None` if all in it is the tool's.
    in_owned: Option<States>,
    tally: Tally,
    /// Allocated bytes of hard-linked inodes, divided by their links, for the subtree's sum.
    shares: u64,
    markers: u64,
    /// How many names it has so far.
    names: u32,
    /// The names so far, a slash after each, up to `hears` bytes.
    heard: Vec<u8>,
    hears: usize,
    subdirs: Vec<Named>,
    links: Vec<Attrs>,
    /// Files that a rule matches by name. They are decided after the directory's own rule, which
    /// may go before theirs.
    matches: Vec<(RuleIndex, Box<[u8]>, Attrs)>,
    large: Vec<Named>,
    file_floor: u64,
    /// For matching globs, if any may match here.
    scratch: Option<Scratch>,
    /// Text of the entries, if there is an export.
    lines: Option<Lines>,
    problems: Vec<Problem>,
    vanished: u64,
    mounts: u64,
    /// True if another mount begins in the directory, whether it is entered or not.
    has_mount: bool,
    excluded: BTreeMap<usize, u64>,
    committed: bool,
}

impl Listing {
    pub(super) fn new(ledger: &Ledger, dir: &Arc<Dir>, own: Option<Attrs>) -> Self {
        let scope = &ledger.setup.scope;
        let in_owned = dir.inherited.as_ref().and_then(|finding| {
            let owns = &ledger.setup.rules.get(finding.rule).owns;
            owns.top().and_then(|_| owns.below(dir.names_in_finding().into_iter()))
        });
        let asks = in_owned.is_some() || dir.matches_a_path();
        Self {
            dir: Arc::clone(dir),
            own: own.filter(|_| scope.counts(dir)),
            tally: Tally::default(),
            shares: 0,
            markers: 0,
            names: 0,
            heard: Vec::with_capacity(HEARD + 256),
            hears: if asks { HEARD_AT_PATH } else { HEARD },
            in_owned,
            subdirs: Vec::new(),
            links: Vec::new(),
            matches: Vec::new(),
            large: Vec::new(),
            file_floor: dir.home.file_floor(),
            scratch: (!dir.globs.is_dead()).then(Scratch::default),
            lines: ledger.export().map(Export::lines),
            problems: Vec::new(),
            vanished: 0,
            mounts: 0,
            has_mount: false,
            excluded: BTreeMap::new(),
            committed: false,
        }
    }

    /// Notes that a name exists. Returns true if its attributes are wanted.
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
            *self.excluded.entry(glob).or_default() += 1;
            if let Some(lines) = &mut self.lines {
                lines.excluded(name);
            }
        }
        glob.is_none()
    }

    /// Counts an entry of the directory. Subdirectories and hard links are kept for the commit.
    #[inline]
    pub fn entry(&mut self, ledger: &Ledger, name: &[u8], attrs: Attrs) {
        self.has_mount |= attrs.mount == Mount::Root;
        if ledger.is_foreign_mount(&attrs) {
            self.has_mount = true;
            self.mounts += 1;
            if let Some(lines) = &mut self.lines {
                lines.foreign(name);
            }
            return;
        }
        if attrs.kind == FileKind::Dir {
            if ledger.surveys(&self.dir, name, &attrs) {
                return;
            }
            self.subdirs.push((name.into(), attrs));
            return;
        }
        if !ledger.setup.scope.counts(&self.dir) {
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

    /// Notes that `name`, or the directory itself, could not be read. A name that does not exist
    /// any more is not an error.
    pub fn failed(&mut self, op: Op, name: Option<&[u8]>, error: &io::Error) {
        if name.is_some() && error.kind() == io::ErrorKind::NotFound {
            self.vanished += 1;
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
        self.problems.push(Problem::new(path, op, error));
    }

    /// Notes that a subdirectory was no longer there when its attributes were asked for.
    pub fn moved(&mut self, name: &[u8]) {
        self.vanished += 1;
        self.problems.push(Problem::moved(self.dir.path_of(name)));
    }

    /// True if one of the subdirectories that it holds has this inode number.
    pub fn has_directory(&self, ino: u64) -> bool {
        self.subdirs.iter().any(|(_, attrs)| attrs.ino == ino)
    }

    /// Notes that another file system was mounted on the directory after its parent was listed, so
    /// that its contents cannot be seen.
    pub fn mounted_over(&mut self) {
        self.mounts += 1;
        self.has_mount = true;
        // Names may be missing.
        self.names = MANY;
    }

    /// Returns how many subdirectories it holds.
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

    /// True if it holds so much that it should be committed before it goes on.
    pub fn is_heavy(&self) -> bool {
        let held = self.subdirs.len() + self.links.len() + self.matches.len() + self.problems.len();
        self.is_large() && (held >= HEAVY || self.lines.as_ref().is_some_and(Lines::is_heavy))
    }

    /// True if nothing of it counts yet, so it may be dropped and begun again.
    pub fn can_restart(&self) -> bool {
        !self.committed
    }

    /// Adds what it holds to the accounts and empties it. Returns the subdirectories, which the
    /// engine lists next.
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
        let has_dirs = !self.subdirs.is_empty();
        let seen = Seen { markers: self.markers, listing: listed, large, has_dirs, names, probe };
        let mut refused: Vec<io::Error> = Vec::new();

        refused.extend(ledger.decide(&dir, &seen).err());
        let finding = dir.finding();
        let class = Ledger::class_of(finding);
        if let Some(finding) = finding {
            self.note_contents(ledger, finding, seen.names);
        }

        let mut tally = std::mem::take(&mut self.tally);
        if let Some(own) = self.own.take() {
            tally.count(&own, &ledger.setup.ages, home.uid);
        }
        // So far, those of the links that were told as entries.
        let shares = self.shares;
        for (rule, name, attrs) in std::mem::take(&mut self.matches) {
            let holds = finding.is_none_or(|finding| rule < finding.rule)
                && ledger.setup.rules.file_holds(rule, &name, &seen).unwrap_or_else(|error| {
                    refused.push(error);
                    false
                });
            if !holds {
                self.plain(ledger, &mut tally, attrs, finding);
            } else {
                if let Some(finding) = finding {
                    finding.hold(Content::Finding);
                }
                self.file_finding(ledger, rule, &name, attrs, &seen);
            }
        }
        let amount = tally.amount();
        ledger.progressed(&tally);
        let subtree = amount.allocated.0.saturating_add(std::mem::take(&mut self.shares));
        dir.add_subtree(subtree);
        if let Some(finding) = finding
            && (amount != Amount::default() || shares > 0)
        {
            finding.update(|sums| {
                sums.single.merge(amount);
                sums.shares = sums.shares.saturating_add(shares);
            });
        }
        let large = self.take_large();
        home.books(|books| {
            books.tally.merge(&tally);
            books.by_class.add(class, amount);
            large.into_iter().for_each(|file| books.files.offer(file));
        });
        for attrs in std::mem::take(&mut self.links) {
            ledger.link(&attrs, home, finding);
        }

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
            self.problems.push(Problem::new(dir.path(), Op::Read, error));
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

    /// Counts a file: in `tally`, or with its other links if it has several.
    fn plain(
        &mut self,
        ledger: &Ledger,
        tally: &mut Tally,
        attrs: Attrs,
        finding: Option<&Arc<FindingAccount>>,
    ) {
        if attrs.nlink > 1 {
            let share = attrs.allocated / u64::from(attrs.nlink);
            self.share(share);
            if let Some(finding) = finding {
                finding.update(|sums| sums.shares = sums.shares.saturating_add(share));
            }
            ledger.link(&attrs, &self.dir.home, finding);
        } else {
            tally.count(&attrs, &ledger.setup.ages, self.dir.home.uid);
        }
    }

    fn report(&mut self, ledger: &Ledger) {
        if self.problems.is_empty() && self.vanished + self.mounts == 0 && self.excluded.is_empty()
        {
            return;
        }
        if !self.problems.is_empty() || self.vanished > 0 {
            self.dir.home.books(|books| {
                books.errors += self.problems.len() as u64;
                books.vanished += self.vanished;
            });
        }
        let left_out = self.problems.len() as u64
            + self.vanished
            + self.mounts
            + self.excluded.values().sum::<u64>();
        ledger.errors(|errors| {
            if !self.dir.in_home() {
                errors.above_homes += left_out;
            }
            errors.vanished += std::mem::take(&mut self.vanished);
            errors.mounts += std::mem::take(&mut self.mounts);
            for (glob, entries) in std::mem::take(&mut self.excluded) {
                errors.excluded[glob] += entries;
            }
            self.problems.drain(..).for_each(|problem| errors.add(problem));
        });
    }
}
