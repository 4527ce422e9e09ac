//! Hard links: an inode counts once, and one home is charged for it.
//!
//! Which one must not depend on which worker came first, so nothing is charged until all links of
//! an inode were seen, or the walk is over: then the smallest home by name among those that link
//! to it pays, and the inode is forgotten. Only inodes with more than one link are remembered.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::{Arc, Mutex};

use super::home::{Finding, Home, HomeKind};
use super::tally::{Ages, Class, Part};
use crate::scan::Attrs;
use crate::sync::lock;

/// Enough that workers rarely meet at one lock.
const SHARDS: usize = 32;

/// Inodes with several links, of which some were seen.
#[derive(Debug)]
pub(super) struct Links {
    shards: Vec<Mutex<HashMap<(u64, u64), Inode>>>,
    ages: Ages,
}

#[derive(Debug)]
struct Inode {
    attrs: Attrs,
    seen: u32,
    places: Vec<Place>,
}

/// Where links of one inode lie that are alike to the accounts.
#[derive(Debug)]
struct Place {
    home: Arc<Home>,
    finding: Option<Arc<Finding>>,
    class: Class,
    links: u32,
}

/// What is known of all hard links at the end.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LinkTotals {
    /// Inodes some of whose links were not seen: they lie outside of what was scanned.
    pub unseen: Part,
}

impl Links {
    /// Knows no inode yet.
    pub(super) fn new(ages: Ages) -> Self {
        Self {
            shards: (0..SHARDS).map(|_| Mutex::default()).collect(),
            ages,
        }
    }

    /// Takes one link to an inode that has several.
    pub(super) fn add(
        &self,
        attrs: Attrs,
        home: &Arc<Home>,
        finding: Option<&Arc<Finding>>,
        class: Class,
    ) {
        let key = (attrs.dev, attrs.ino);
        let mut shard = lock(&self.shards[(attrs.ino % SHARDS as u64) as usize]);
        let mut entry = match shard.entry(key) {
            Entry::Occupied(entry) => entry,
            Entry::Vacant(entry) => entry.insert_entry(Inode {
                attrs,
                seen: 0,
                places: Vec::new(),
            }),
        };
        let inode = entry.get_mut();
        inode.seen += 1;
        let same = |place: &&mut Place| {
            Arc::ptr_eq(&place.home, home)
                && place.class == class
                && place.finding.as_ref().map(Arc::as_ptr) == finding.map(Arc::as_ptr)
        };
        match inode.places.iter_mut().find(same) {
            Some(place) => place.links += 1,
            None => {
                if let Some(finding) = finding {
                    let part = Part::one(inode.attrs.allocated);
                    finding.update(|sums| sums.linked.merge(part));
                }
                inode.places.push(Place {
                    home: Arc::clone(home),
                    finding: finding.cloned(),
                    class,
                    links: 1,
                });
            }
        }
        if inode.seen >= inode.attrs.nlink {
            let inode = entry.remove();
            // The shard's lock is held: no other worker may see the inode as new meanwhile.
            self.charge(&inode);
        }
    }

    /// Charges the inodes whose links were not all seen. Called once, when the walk is over.
    pub(super) fn finish(&self) -> LinkTotals {
        let mut totals = LinkTotals::default();
        for shard in &self.shards {
            for (_, inode) in lock(shard).drain() {
                totals.unseen.merge(Part::one(inode.attrs.allocated));
                self.charge(&inode);
            }
        }
        totals
    }

    fn charge(&self, inode: &Inode) {
        let part = Part::one(inode.attrs.allocated);
        let Some(payer) = inode
            .places
            .iter()
            .map(|place| &place.home)
            .min_by_key(|h| h.order())
        else {
            return;
        };
        let class = inode
            .places
            .iter()
            .filter(|place| Arc::ptr_eq(&place.home, payer))
            .map(|place| place.class)
            .max()
            .unwrap_or(Class::Rest);
        payer.books(|books| {
            books.tally.count(&inode.attrs, &self.ages, payer.uid);
            books.by_class.add(class, part);
        });

        let first = |at: usize, same: &dyn Fn(&Place) -> bool| !inode.places[..at].iter().any(same);
        let links = |same: &dyn Fn(&Place) -> bool| -> u32 {
            inode
                .places
                .iter()
                .filter(|p| same(p))
                .map(|p| p.links)
                .sum()
        };
        let shared = inode
            .places
            .iter()
            .any(|place| !Arc::ptr_eq(&place.home, payer));
        for (at, place) in inode.places.iter().enumerate() {
            let home = &place.home;
            if shared && first(at, &|other| Arc::ptr_eq(&other.home, home)) {
                home.books(|books| {
                    books.shared.merge(part);
                    if !Arc::ptr_eq(home, payer) {
                        books.charged_elsewhere.merge(part);
                    }
                });
            }
            let Some(finding) = &place.finding else {
                continue;
            };
            if place.links >= inode.attrs.nlink {
                finding.update(|sums| sums.linked_inside.merge(part));
            }
            let same_rule = |other: &Place| {
                Arc::ptr_eq(&other.home, home)
                    && other
                        .finding
                        .as_ref()
                        .is_some_and(|f| f.rule == finding.rule)
            };
            if first(at, &same_rule) {
                let all_inside = links(&same_rule) >= inode.attrs.nlink;
                home.books(|books| {
                    let total = books.rules.entry(finding.rule).or_default();
                    total.whole.merge(part);
                    if all_inside {
                        total.frees.merge(part);
                    }
                });
            }
        }
    }
}

impl Home {
    /// Whether it is a home at all.
    pub fn is_home(&self) -> bool {
        self.kind != HomeKind::Outside
    }
}
