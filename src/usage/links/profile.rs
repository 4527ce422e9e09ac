//! Profile of hard-linked inodes: kind, owner, link count, and the places where links were seen.
//! Nearly all inodes of a directory share one, so an inode in memory holds only its profile's id.

use std::sync::Arc;

use hashbrown::HashMap;
use smallvec::SmallVec;

use crate::usage::class::Class;
use crate::usage::home::{FindingAccount, Home};
use crate::usage::rules::RuleIndex;
use crate::usage::tally::{Ages, Tally};
use crate::usage::{Attrs, FileKind, Mount};

/// Position in [`Profiles`].
pub(super) type ProfileId = u32;

/// Approximate bytes of a profile, with its key and its sums.
const BYTES: usize = 512;

/// Links of one inode that count in the same way: in the same home and finding.
#[derive(Clone, Debug)]
pub(super) struct LinkPlace {
    pub(super) home: Arc<Home>,
    pub(super) finding: Option<LinkFinding>,
    pub(super) links: u32,
}

/// The finding that a link lies in.
#[derive(Clone, Debug)]
pub(super) struct LinkFinding {
    /// Unique number of the finding, from 1.
    pub(super) number: u64,
    pub(super) rule: RuleIndex,
    pub(super) class: Class,
    /// `None` for a finding that was too small to be kept.
    pub(super) account: Option<Arc<FindingAccount>>,
}

/// Number of the home, number of the finding or 0, and the number of links there.
type PlaceKey = (u32, u64, u32);

/// Identity of a profile; places are sorted.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Key {
    kind: FileKind,
    uid: u32,
    nlink: u32,
    places: SmallVec<[PlaceKey; 2]>,
}

#[derive(Debug)]
pub(super) struct Profile {
    pub(super) kind: FileKind,
    pub(super) uid: u32,
    pub(super) nlink: u32,
    pub(super) places: SmallVec<[LinkPlace; 2]>,
    /// Sums of the inodes settled with this profile. Boxed, because inodes only pass through most
    /// profiles.
    sums: Option<Box<Tally>>,
}

/// An inode without the attributes that are in its profile.
#[derive(Clone, Copy, Debug)]
pub(super) struct Inode {
    pub(super) apparent: u64,
    pub(super) allocated: u64,
    pub(super) mtime: i64,
    pub(super) profile: ProfileId,
}

/// All profiles of a shard.
#[derive(Debug, Default)]
pub(super) struct Profiles {
    ids: HashMap<Key, ProfileId>,
    all: Vec<Profile>,
    /// The last results of `first` and `next`, because the next inode of a directory usually needs
    /// the same ones.
    last_first: Option<ProfileId>,
    last_next: Option<(ProfileId, PlaceKey, ProfileId)>,
}

impl LinkPlace {
    /// Makes a place with one link, in the home or in its finding.
    pub(super) fn new(home: &Arc<Home>, finding: Option<LinkFinding>) -> Self {
        Self { home: Arc::clone(home), finding, links: 1 }
    }

    pub(super) fn class(&self) -> Class {
        self.finding.as_ref().map_or(Class::Rest, |finding| finding.class)
    }

    pub(super) fn rule(&self) -> Option<RuleIndex> {
        self.finding.as_ref().map(|finding| finding.rule)
    }

    fn key(&self) -> PlaceKey {
        let finding = self.finding.as_ref().map_or(0, |finding| finding.number);
        (self.home.number, finding, self.links)
    }

    /// True if links in both places count in the same way.
    fn is_like(&self, other: &LinkPlace) -> bool {
        let (home, finding, _) = self.key();
        (home, finding) == (other.key().0, other.key().1)
    }
}

impl Profile {
    /// True if all links of the profile's inodes were seen.
    pub(super) fn is_complete(&self) -> bool {
        are_complete(&self.places, self.nlink)
    }

    /// Returns the home that pays for the profile's inodes: the first by name.
    pub(super) fn payer(&self) -> &Arc<Home> {
        let homes = self.places.iter().map(|place| &place.home);
        homes.min_by_key(|home| home.order()).unwrap_or(&self.places[0].home)
    }

    fn key(&self) -> Key {
        let mut places: SmallVec<_> = self.places.iter().map(LinkPlace::key).collect();
        places.sort_unstable();
        Key { kind: self.kind, uid: self.uid, nlink: self.nlink, places }
    }

    /// Adds an inode whose links are all known.
    fn settle(&mut self, inode: &Inode, ages: &Ages) {
        let attrs = Attrs {
            kind: self.kind,
            dev: 0,
            ino: 0,
            nlink: self.nlink,
            uid: self.uid,
            gid: 0,
            mode: 0o700,
            apparent: inode.apparent,
            allocated: inode.allocated,
            mtime: inode.mtime,
            mount: Mount::Inside,
        };
        let owner = self.payer().uid;
        self.sums.get_or_insert_default().count(&attrs, ages, owner);
    }
}

impl Profiles {
    pub(super) fn get(&self, id: ProfileId) -> &Profile {
        &self.all[id as usize]
    }

    /// Returns the approximate memory of the profiles in bytes.
    pub(super) fn bytes(&self) -> usize {
        self.all.len() * BYTES
    }

    /// Returns the profile of an inode with one seen link.
    pub(super) fn first(&mut self, attrs: &Attrs, place: LinkPlace) -> ProfileId {
        let is_like = |id: &ProfileId| {
            let last = self.get(*id);
            (last.kind, last.uid, last.nlink) == (attrs.kind, attrs.uid, attrs.nlink)
                && last.places[0].key() == place.key()
        };
        if let Some(id) = self.last_first.filter(is_like) {
            return id;
        }
        let places = SmallVec::from_iter([place]);
        let id = self.intern((attrs.kind, attrs.uid, attrs.nlink), places);
        self.last_first = Some(id);
        id
    }

    /// Returns the profile of an inode with profile `id` after one more link was seen.
    pub(super) fn next(&mut self, id: ProfileId, place: LinkPlace) -> ProfileId {
        let key = place.key();
        if let Some((_, _, next)) = self.last_next.filter(|last| (last.0, last.1) == (id, key)) {
            return next;
        }
        let before = self.get(id);
        let attrs = (before.kind, before.uid, before.nlink);
        let mut places = before.places.clone();
        add(&mut places, place);
        let next = self.intern(attrs, places);
        self.last_next = Some((id, key, next));
        next
    }

    /// Returns the profile with exactly these places, which must be distinct.
    pub(super) fn intern(
        &mut self,
        (kind, uid, nlink): (FileKind, u32, u32),
        places: SmallVec<[LinkPlace; 2]>,
    ) -> ProfileId {
        let profile = Profile { kind, uid, nlink, places, sums: None };
        let all = &mut self.all;
        *self.ids.entry(profile.key()).or_insert_with(|| {
            all.push(profile);
            // More than 4 billion profiles would not fit in memory.
            ProfileId::try_from(all.len() - 1).unwrap_or(ProfileId::MAX)
        })
    }

    /// Adds an inode whose links are all known to the sums of its profile.
    pub(super) fn settle(&mut self, inode: &Inode, ages: &Ages) {
        self.all[inode.profile as usize].settle(inode, ages);
    }

    /// Takes the sums of every profile that has any.
    pub(super) fn take_sums(&mut self) -> impl Iterator<Item = (Tally, &Profile)> {
        self.all.iter_mut().filter_map(|profile| Some((*profile.sums.take()?, &*profile)))
    }

    pub(super) fn clear(&mut self) {
        *self = Self::default();
    }
}

/// True if these are all places of an inode with so many links.
pub(super) fn are_complete(places: &[LinkPlace], nlink: u32) -> bool {
    places.iter().map(|place| u64::from(place.links)).sum::<u64>() >= nlink.into()
}

/// Adds the links of `place` to those of the same place.
pub(super) fn add(places: &mut SmallVec<[LinkPlace; 2]>, place: LinkPlace) {
    match places.iter_mut().find(|other| other.is_like(&place)) {
        Some(same) => same.links += place.links,
        None => places.push(place),
    }
}
