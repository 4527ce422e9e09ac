//! Open directories: the chain up to the root, and the sums that are passed up it.

use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};

use super::dirs::DirAccount;
use super::exclude::Position;
use super::export::Branch;
use super::home::{FindingAccount, Home};
use super::owned::Owned;
use super::rules::{Endings, RuleIndex, Rules};
use super::seen::Seen;
use super::shard::Trunk;
use super::sources::{InProject, SourceNames};
use super::tally::Tally;
use super::trie::States;
use super::whose::TRASH_FOR_ALL;
use super::{Attrs, Mount};

/// A directory that was found and is not complete yet. It lives until everything below it is
/// listed. A walk's memory grows with the number of these, never with the number of files.
#[derive(Debug)]
pub struct Dir {
    /// The parent directory; `None` for the root.
    pub parent: Option<Arc<Dir>>,
    /// The directory's name; empty for the root.
    pub name: Box<[u8]>,
    /// 0 for the root.
    pub depth: u32,
    /// The directory's own attributes, from its parent's listing.
    pub attrs: Attrs,
    /// The home that the directory's inodes are charged to.
    pub(super) home: Arc<Home>,
    /// The finding that the parent lies in.
    pub(super) inherited: Option<Arc<FindingAccount>>,
    /// The finding that begins here.
    pub(super) starts: OnceLock<Arc<FindingAccount>>,
    /// The first rule that the path alone matches.
    pub(super) plain: Option<RuleIndex>,
    /// Rules that match the path and depend on the directory's contents.
    pub(super) matched: Vec<RuleIndex>,
    pub(super) states: States,
    /// Position among the paths that the parent's finding lists as owned by its tool; `None` if the
    /// tool owns everything here, or there is no such finding.
    pub(super) in_owned: Option<States>,
    /// Files beside the directory from which its own may be made, if a rule asks; `None` if they are not
    /// all known.
    pub(super) sources: Option<Box<SourceNames>>,
    /// Its role in the project that it is in, if there is one.
    pub(super) project: Option<InProject>,
    /// True if an access control list may let others change its names.
    pub(super) has_acl: AtomicBool,
    /// True if the directory is part of a repository, a database or an archive.
    pub(super) in_data: bool,
    /// True if the directory is in a layer of an image.
    pub(super) in_layer: bool,
    /// Progress of the `--exclude` globs after the directory's path.
    pub(super) globs: Position,
    /// Place in the export. Boxed because most scans have no export.
    pub(super) branch: Option<Box<Branch>>,
    /// Its sums, if there is a table of directories.
    pub(super) account: Option<Box<DirAccount>>,
    /// What a shard notes of it, if it is above the cuts.
    pub(super) trunk: Option<Box<Trunk>>,
    /// Listings and subdirectories that are not complete.
    pub(super) open: AtomicUsize,
    /// True once the directory is counted in parts.
    pub(super) in_parts: AtomicBool,
    /// Allocated bytes of everything below, with hard-linked inodes by their share.
    pub(super) subtree: AtomicU64,
    /// Allocated bytes of the largest subdirectory with everything below it.
    pub(super) largest_child: AtomicU64,
}

impl Dir {
    /// Opens a directory that is in no finding yet.
    pub(super) fn new(
        parent: Option<&Arc<Dir>>,
        name: Box<[u8]>,
        attrs: Attrs,
        home: Arc<Home>,
        states: Box<[u16]>,
    ) -> Self {
        let project = parent.and_then(|parent| parent.project_below(&name));
        Self {
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
            in_owned: None,
            sources: None,
            project,
            has_acl: false.into(),
            in_data: false,
            in_layer: false,
            globs: Position::default(),
            branch: None,
            account: None,
            trunk: None,
            open: 1.into(),
            in_parts: false.into(),
            subtree: 0.into(),
            largest_child: 0.into(),
        }
    }

    /// Returns the finding that the directory's own entries belong to.
    pub(super) fn finding(&self) -> Option<&Arc<FindingAccount>> {
        self.starts.get().or(self.inherited.as_ref())
    }

    /// Returns the paths that the tool of the directory's finding owns, and the directory's position
    /// among them; `None` if the rule lists none, or the tool owns everything here.
    pub(super) fn place_in_owned<'a>(&'a self, rules: &'a Rules) -> Option<(&'a Owned, &'a [u16])> {
        let owned = &rules.get(self.finding()?.rule).owns;
        match self.starts.get() {
            Some(_) => owned.top().map(|place| (owned, place)),
            None => self.in_owned.as_deref().map(|place| (owned, place)),
        }
    }

    /// Returns the position of the subdirectory `name` among these paths.
    pub(super) fn owned_below(
        &self,
        rules: &Rules,
        name: &[u8],
        seen: &Seen<'_>,
    ) -> Option<States> {
        let (owned, place) = self.place_in_owned(rules)?;
        owned.below(place, name, owned.holding(place, rules, seen))
    }

    /// Returns the role of the subdirectory `name` in the project. A finding among the sources is not a
    /// source, because another tool made it. Hidden directories have attributes and old versions of sources
    /// (`.AppleDouble/main.rs`, `.history`), unless they are a repository's.
    fn project_below(&self, name: &[u8]) -> Option<InProject> {
        let project = self.project.as_ref()?;
        let is_hidden = name.starts_with(b".") && !self.in_data && !Rules::is_repository(name);
        match project {
            InProject::Source(_) if is_hidden || self.starts.get().is_some() => None,
            project => project.below(),
        }
    }

    /// Notes what the directory may be made from, for the rules that match its path, or that it is a
    /// source itself. `seen` is of its parent.
    pub(super) fn note_sources(&mut self, rules: &Rules, matched: &[RuleIndex], seen: &Seen<'_>) {
        let matched = || matched.iter().map(|rule| rules.get(*rule));
        if matched().any(|rule| rule.sources.is_some()) {
            self.sources = seen.sources.map(|sources| Box::new(sources.clone()));
        }
        let is_source = rules.marker(&self.name) & rules.made_from != 0;
        let is_made = || matched().any(|rule| rule.is_made_beside(seen.filled));
        match seen.project {
            Some(project) if is_source => {
                self.project = Some(InProject::Source(Arc::clone(project)));
            }
            Some(project) if is_made() => self.project = Some(InProject::made(project)),
            // Of another project than the one above, and without sources.
            _ if matched().any(|rule| rules.is_beside_manifest(rule)) => self.project = None,
            _ => {}
        }
    }

    /// Returns the endings of sources that a file with contents stands for in this directory: that of its name,
    /// or all of them if it is an object of a repository.
    pub(super) fn source_endings(&self, rules: &Rules, name: &[u8]) -> Endings {
        match (&self.project, &self.parent) {
            (Some(InProject::Source(_)), Some(parent)) if self.in_data => {
                // An aborted fetch leaves `tmp_pack_…`.
                let is_object = *parent.name == *b"objects"
                    && (name.ends_with(b".pack") || name.iter().all(u8::is_ascii_hexdigit));
                if is_object { Endings::MAX } else { 0 }
            }
            // macOS keeps attributes of `main.rs` in `._main.rs`.
            (Some(InProject::Source(_)), _) if !name.starts_with(b".") => rules.endings_of(name),
            _ => 0,
        }
    }

    /// Returns the path below the root, with the file system's bytes; empty for the root.
    pub fn path(&self) -> Vec<u8> {
        let upwards = std::iter::successors(Some(self), |dir| dir.parent.as_deref());
        let below_root = || upwards.clone().take_while(|dir| dir.parent.is_some());
        let length: usize = below_root().map(|dir| dir.name.len() + 1).sum();
        let mut path = vec![b'/'; length.saturating_sub(1)];
        let mut rest = &mut *path;
        for dir in below_root() {
            let (above, name) = rest.split_at_mut(rest.len() - dir.name.len());
            name.copy_from_slice(&dir.name);
            rest = above.split_last_mut().map_or(&mut [], |(_, above)| above);
        }
        path
    }

    /// Returns the path of an entry of this directory.
    pub fn path_of(&self, name: &[u8]) -> Vec<u8> {
        let mut path = self.path();
        if !path.is_empty() {
            path.push(b'/');
        }
        path.extend_from_slice(name);
        path
    }

    /// Marks the directory as counted in parts, none of which has all of its names.
    pub(super) fn split(&self) {
        // Relaxed: the listing that commits the last part is the one that forked the others.
        self.in_parts.store(true, Ordering::Relaxed);
    }

    /// True if the path of a rule matches the directory's path.
    pub(super) fn matches_a_path(&self) -> bool {
        self.plain.is_some() || !self.matched.is_empty()
    }

    /// True if the directory is counted in parts.
    pub(super) fn is_split(&self) -> bool {
        self.in_parts.load(Ordering::Relaxed)
    }

    /// Counts inodes with one link: the directory's own and those directly in it. `subtree` is their
    /// part of the subtree's sum.
    pub(super) fn count(&self, tally: &Tally, subtree: u64) {
        self.add_subtree(subtree);
        if let Some(account) = &self.account {
            account.count(tally);
        }
    }

    /// Adds to the sum of the subtree. Saturates, because a file system may claim sizes whose sum
    /// overflows.
    pub(super) fn add_subtree(&self, bytes: u64) {
        let add = |sum: u64| Some(sum.saturating_add(bytes));
        // Relaxed: `close` makes this visible to the thread that completes the directory.
        let _ = self.subtree.fetch_update(Ordering::Relaxed, Ordering::Relaxed, add);
    }

    /// Iterates over the names of the directory and its ancestors, up to its home's. A home's name
    /// may be `lib`, if the scan begins above or below people's homes.
    pub(super) fn names_up_to_home(self: &Arc<Self>) -> impl Iterator<Item = &[u8]> {
        std::iter::successors(Some(self), |dir| match dir.is_home_itself() {
            true => None,
            false => dir.parent.as_ref(),
        })
        .map(|dir| &*dir.name)
    }

    /// Iterates over the names of the directory and its ancestors, without the root's.
    pub(super) fn names_up_to_root(self: &Arc<Self>) -> impl Iterator<Item = &[u8]> + Clone {
        let up_to_root = std::iter::successors(Some(self), |dir| dir.parent.as_ref());
        up_to_root.filter(|dir| dir.parent.is_some()).map(|dir| &*dir.name)
    }

    /// True if `owner` may remove this directory's entries with `rm`, and nobody else below the root can
    /// lead it elsewhere. `owner` owns this directory and may write to it, or it is root's and for all, like
    /// a trash; and `owner` may enter its ancestors. These are `owner`'s or root's and not open to others,
    /// because anybody else could put a link to another place there. Below a directory in which all may make names
    /// (`/scratch`), a person's directory is nobody's: its name may have been given up and taken by somebody else since the
    /// scan. The root itself may be closed if it is no home, because spaces mount homes and not the root.
    pub(super) fn lets_remove(self: &Arc<Self>, owner: u32) -> bool {
        let up_to_root = || std::iter::successors(Some(self), |dir| dir.parent.as_ref());
        // A private directory above an open one closes nothing: a space or an access point may begin below it.
        let is_open =
            up_to_root().any(|dir| dir.attrs.lets_others_enter() && dir.is_open_to_others());
        let may_be_taken = up_to_root().any(|dir| {
            let above = dir.parent.as_ref();
            dir.attrs.uid != 0 && above.is_some_and(|above| above.lets_others_add())
        });
        let is_owners = self.attrs.uid == owner && self.attrs.is_writable();
        let is_for_all = self.attrs.uid == 0 && self.attrs.is_for_all();
        let is_on_the_way = |dir: &Arc<Self>| {
            let may_be_closed = dir.parent.is_none() && !dir.in_home();
            [owner, 0].contains(&dir.attrs.uid) && (may_be_closed || dir.attrs.lets_enter(owner))
        };
        (is_owners || is_for_all)
            && !is_open
            && !may_be_taken
            && up_to_root().skip(1).all(is_on_the_way)
    }

    /// Asks if the directory has an access control list, if one might let others change names in it. An
    /// engine calls this before it lists the directory.
    pub fn ask_for_acl(&self, has_acl: impl FnOnce() -> bool) {
        if self.attrs.may_hide_acl() && has_acl() {
            // Relaxed: whoever decides about something below sees what was written before.
            self.has_acl.store(true, Ordering::Relaxed);
        }
    }

    fn is_open_to_others(&self) -> bool {
        self.attrs.is_open_to_others() || self.has_acl() && !self.attrs.is_sticky()
    }

    fn lets_others_add(&self) -> bool {
        self.attrs.lets_others_add() || self.has_acl()
    }

    fn has_acl(&self) -> bool {
        // Relaxed: as above.
        self.has_acl.load(Ordering::Relaxed)
    }

    /// True if the home may be `owner`'s. Root may own directories in any home, because root
    /// restores homes for others; and a trash for all has a directory for each.
    pub(super) fn may_be_of(&self, owner: u32) -> bool {
        owner == 0 || self.home.uid == Some(owner) || *self.home.path == *TRASH_FOR_ALL
    }

    /// True if another file system, or another part of this one, is mounted here or on an ancestor.
    /// The root itself does not count, because it usually is a mount.
    pub(super) fn is_or_below_a_mount(&self) -> bool {
        let above = std::iter::successors(Some(self), |dir| dir.parent.as_deref());
        let mut below_root = above.take_while(|dir| dir.parent.is_some());
        below_root.any(|dir| dir.attrs.mount == Mount::Root)
    }

    /// True for a home and everything below it.
    pub fn in_home(&self) -> bool {
        self.home.is_home()
    }

    /// True for the directory in which its home begins.
    pub fn is_home_itself(&self) -> bool {
        self.parent.as_ref().is_none_or(|parent| !Arc::ptr_eq(&parent.home, &self.home))
    }

    /// Ends one listing or subdirectory of `self`. After the last one, the directory is complete:
    /// its sum is added to its parent, which may be complete in turn. `complete` is called for each
    /// complete directory with its sum, and returns what to add.
    ///
    /// Invariant: `open` is raised before a child or a further listing exists, so it reaches 0
    /// once, after everything below has been added.
    pub(super) fn close(self: &Arc<Self>, complete: impl Fn(&Arc<Dir>, u64) -> u64) {
        let mut dir = self;
        // AcqRel: the last one to leave sees everything that the others added before they left.
        while dir.open.fetch_sub(1, Ordering::AcqRel) == 1 {
            let subtree = complete(dir, dir.subtree.load(Ordering::Relaxed));
            let Some(parent) = &dir.parent else { return };
            parent.add_subtree(subtree);
            parent.largest_child.fetch_max(subtree, Ordering::Relaxed);
            dir = parent;
        }
    }
}

impl Drop for Dir {
    /// Unlinks the chain of parents one by one. The derived drop would recurse once per path
    /// component, of which there may be 100,000.
    fn drop(&mut self) {
        let mut parent = self.parent.take();
        while let Some(dir) = parent {
            parent = Arc::into_inner(dir).and_then(|mut dir| dir.parent.take());
        }
    }
}
