//! Hard links: an inode counts once, and one home is charged for it.
//!
//! Which one must not depend on which worker came first, so nothing is charged until all links of
//! an inode were seen, or the walk is over: then the smallest home by name among those that link
//! to it pays, and the inode is forgotten. Only inodes with more than one link are remembered.

use std::collections::hash_map::Entry;
use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex};

use smallvec::SmallVec;

use super::class::Class;
use super::home::{FindingAccount, Home, HomeKind, LinkedTotal};
use super::rules::RuleIndex;
use super::tally::{Ages, Amount};
use crate::sync::lock;
use crate::usage::Attrs;

/// Enough that workers rarely meet at one lock.
const SHARDS: usize = 32;

/// Inodes with several links, of which some were seen.
#[derive(Debug)]
pub(super) struct Links {
    shards: Vec<Mutex<HashMap<(u64, u64), LinkedInode>>>,
    /// What each rule found in the whole scan, where homes may share an inode.
    rules: Mutex<BTreeMap<RuleIndex, LinkedTotal>>,
    ages: Ages,
}

#[derive(Debug)]
struct LinkedInode {
    attrs: Attrs,
    seen: u32,
    /// Nearly all inodes have their links in one place or two.
    places: SmallVec<[LinkPlace; 1]>,
}

/// Where links of one inode lie that are alike to the accounts.
#[derive(Debug)]
struct LinkPlace {
    home: Arc<Home>,
    finding: Option<Arc<FindingAccount>>,
    class: Class,
    links: u32,
}

/// What is known of all hard links at the end.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LinkTotals {
    /// Inodes some of whose links were not seen: they lie outside of what was scanned.
    pub unseen: Amount,
    /// Inodes with several links in what each rule found in all homes together.
    pub rules: BTreeMap<RuleIndex, LinkedTotal>,
}

impl Links {
    /// Knows no inode yet.
    pub(super) fn new(ages: Ages) -> Self {
        Self {
            shards: (0..SHARDS).map(|_| Mutex::default()).collect(),
            rules: Mutex::default(),
            ages,
        }
    }

    /// Takes one link to an inode that has several; whether that was the last of them.
    pub(super) fn add(
        &self,
        attrs: Attrs,
        home: &Arc<Home>,
        finding: Option<&Arc<FindingAccount>>,
        class: Class,
    ) -> bool {
        let key = (attrs.dev, attrs.ino);
        let place =
            LinkPlace { home: Arc::clone(home), finding: finding.cloned(), class, links: 1 };
        let mut shard = lock(&self.shards[(attrs.ino % SHARDS as u64) as usize]);
        let mut entry = match shard.entry(key) {
            Entry::Occupied(entry) => entry,
            Entry::Vacant(entry) => {
                entry.insert_entry(LinkedInode { attrs, seen: 0, places: SmallVec::new() })
            }
        };
        let inode = entry.get_mut();
        inode.seen += 1;
        match inode.places.iter().position(|other| other.is_like(&place)) {
            Some(at) => inode.places[at].links += 1,
            None => {
                if let Some(finding) = finding {
                    let part = Amount::one(inode.attrs.allocated);
                    finding.update(|sums| sums.linked.merge(part));
                }
                inode.places.push(place);
            }
        }
        let last = inode.seen >= inode.attrs.nlink;
        if last {
            let inode = entry.remove();
            // The shard's lock is held: no other worker may see the inode as new meanwhile.
            self.charge(&inode);
        }
        last
    }

    /// Charges the inodes whose links were not all seen. Called once, when the walk is over.
    pub(super) fn finish(&self) -> LinkTotals {
        let mut totals = LinkTotals::default();
        for shard in &self.shards {
            for (_, inode) in lock(shard).drain() {
                totals.unseen.merge(Amount::one(inode.attrs.allocated));
                self.charge(&inode);
            }
        }
        totals.rules.clone_from(&lock(&self.rules));
        totals
    }

    fn charge(&self, inode: &LinkedInode) {
        let part = Amount::one(inode.attrs.allocated);
        let places = &inode.places;
        let homes = places.iter().map(|place| &place.home);
        let payer = homes.min_by_key(|home| home.order()).unwrap_or(&places[0].home);
        let at_payer = places.iter().filter(|place| Arc::ptr_eq(&place.home, payer));
        let class = at_payer.map(|place| place.class).max().unwrap_or(Class::Rest);
        payer.books(|books| {
            books.tally.count(&inode.attrs, &self.ages, payer.uid);
            books.by_class.add(class, part);
        });

        let shared = places.iter().any(|place| !same_home(&place.home, payer));
        for (at, place) in places.iter().enumerate() {
            let home = &place.home;
            let before = || places.iter().take(at);
            if shared && !before().any(|other| same_home(&other.home, home)) {
                home.books(|books| {
                    books.shared.merge(part);
                    if !same_home(home, payer) {
                        books.charged_elsewhere.merge(part);
                    }
                });
            }
            let Some(finding) = &place.finding else { continue };
            if place.links >= inode.attrs.nlink {
                finding.update(|sums| sums.linked_inside.merge(part));
            }
            // All places of one rule together are freed by following its advice: in this home,
            // and in the whole scan.
            let of_rule = |other: &&LinkPlace| other.rule() == place.rule();
            let at_home = |other: &&LinkPlace| of_rule(other) && Arc::ptr_eq(&other.home, home);
            let count = |total: &mut LinkedTotal, links: u32| {
                total.whole.merge(part);
                if links >= inode.attrs.nlink {
                    total.frees.merge(part);
                }
            };
            if !before().any(|other| at_home(&other)) {
                let links = places.iter().filter(at_home).map(|place| place.links).sum();
                home.books(|books| {
                    count(&mut books.rules.entry(finding.rule).or_default().linked, links);
                });
            }
            if !before().any(|other| of_rule(&other)) {
                let links = places.iter().filter(of_rule).map(|place| place.links).sum();
                count(lock(&self.rules).entry(finding.rule).or_default(), links);
            }
        }
    }
}

/// What lies outside of homes is kept in several parts, and is one all the same.
fn same_home(one: &Arc<Home>, other: &Arc<Home>) -> bool {
    Arc::ptr_eq(one, other) || !one.is_home() && !other.is_home()
}

impl LinkPlace {
    fn rule(&self) -> Option<RuleIndex> {
        self.finding.as_ref().map(|finding| finding.rule)
    }

    /// Whether links in both places are alike to the accounts.
    fn is_like(&self, other: &LinkPlace) -> bool {
        Arc::ptr_eq(&self.home, &other.home)
            && self.class == other.class
            && self.finding.as_ref().map(Arc::as_ptr) == other.finding.as_ref().map(Arc::as_ptr)
    }
}

impl Home {
    /// Whether it is a home at all.
    pub fn is_home(&self) -> bool {
        self.kind != HomeKind::Outside
    }
}
