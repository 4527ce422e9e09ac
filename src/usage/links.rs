//! Hard links: who pays for an inode with several links. It counts once, and the first home by
//! name among those that link to it is charged for it.
//!
//! The choice must not depend on which worker came first. So nothing is charged until all links of
//! an inode were seen, or the walk is over; then the inode is forgotten. Memory holds only inodes
//! with several links of which some were not seen yet.

use std::collections::hash_map::Entry;
use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex};

use smallvec::SmallVec;

use super::Attrs;
use super::class::Class;
use super::home::{FindingAccount, Home, LinkedTotal};
use super::rules::RuleIndex;
use super::tally::{Ages, Amount};
use crate::sync::lock;

/// Number of locks: enough that workers rarely wait for each other.
const SHARDS: usize = 32;

/// Inodes with several links of which not all were seen yet, by device and inode number.
#[derive(Debug)]
pub(super) struct Links {
    shards: Vec<Mutex<HashMap<(u64, u64), LinkedInode>>>,
    /// Totals over the whole scan. They are no sum over homes, which may share an inode.
    totals: Mutex<LinkTotals>,
    ages: Ages,
}

#[derive(Debug)]
struct LinkedInode {
    attrs: Attrs,
    seen: u32,
    /// Nearly all inodes have all their links in one place.
    places: SmallVec<[LinkPlace; 1]>,
}

/// Links of one inode that count in the same way: same home, finding and class.
#[derive(Debug)]
struct LinkPlace {
    home: Arc<Home>,
    finding: Option<Arc<FindingAccount>>,
    class: Class,
    links: u32,
}

/// Totals over all inodes with several links.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LinkTotals {
    /// Inodes with links that were not seen, because they lie outside of the scan.
    pub unseen: Amount,
    /// By rule, the inodes with several links in the findings of all homes together.
    pub rules: BTreeMap<RuleIndex, LinkedTotal>,
    /// Inodes that deleting all trash and caches frees, but those of no single rule: the links lie
    /// in findings of several.
    pub across_rules: Amount,
}

impl Links {
    pub(super) fn new(ages: Ages) -> Self {
        Self {
            shards: (0..SHARDS).map(|_| Mutex::default()).collect(),
            totals: Mutex::default(),
            ages,
        }
    }

    /// Counts one link to an inode that has several. Returns true if it was the last of them, and
    /// the inode has been charged.
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
                    let amount = Amount::one(inode.attrs.allocated);
                    finding.update(|sums| sums.linked.merge(amount));
                }
                inode.places.push(place);
            }
        }
        let last = inode.seen >= inode.attrs.nlink;
        if last {
            let inode = entry.remove();
            // Charged with the shard's lock held, so no other worker sees the inode as new.
            self.charge(&inode);
        }
        last
    }

    /// Charges the inodes that still have unseen links. Called once, when the walk is over.
    pub(super) fn finish(&self) -> LinkTotals {
        let mut unseen = Amount::default();
        for shard in &self.shards {
            for (_, inode) in lock(shard).drain() {
                unseen.merge(Amount::one(inode.attrs.allocated));
                self.charge(&inode);
            }
        }
        LinkTotals { unseen, ..lock(&self.totals).clone() }
    }

    /// Charges the first home by name, and tells every other home and every finding of the inode.
    fn charge(&self, inode: &LinkedInode) {
        let amount = Amount::one(inode.attrs.allocated);
        let places = &inode.places;
        let homes = places.iter().map(|place| &place.home);
        let payer = homes.min_by_key(|home| home.order()).unwrap_or(&places[0].home);
        let at_payer = places.iter().filter(|place| Arc::ptr_eq(&place.home, payer));
        let class = at_payer.map(|place| place.class).max().unwrap_or(Class::Rest);
        payer.books(|books| {
            books.tally.count(&inode.attrs, &self.ages, payer.uid);
            books.by_class.add(class, amount);
        });

        for (at, place) in places.iter().enumerate() {
            let home = &place.home;
            let before = || places.iter().take(at);
            // A link from outside of homes makes nothing shared between homes.
            let is_other_home =
                |other: &LinkPlace| other.home.is_home() && !same_home(&other.home, home);
            if places.iter().any(is_other_home)
                && !before().any(|other| same_home(&other.home, home))
            {
                home.books(|books| {
                    books.shared.merge(amount);
                    if !same_home(home, payer) {
                        books.charged_elsewhere.merge(amount);
                    }
                });
            }
            let Some(finding) = &place.finding else { continue };
            if place.links >= inode.attrs.nlink {
                finding.update(|sums| sums.linked_inside.merge(amount));
            }
            // Following a rule's advice deletes all places of the rule: those in this home, or
            // those in the whole scan.
            let of_rule = |other: &&LinkPlace| other.rule() == place.rule();
            let at_home = |other: &&LinkPlace| of_rule(other) && Arc::ptr_eq(&other.home, home);
            let count = |total: &mut LinkedTotal, links: u32| {
                total.whole.merge(amount);
                if links >= inode.attrs.nlink {
                    total.frees.merge(amount);
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
                count(lock(&self.totals).rules.entry(finding.rule).or_default(), links);
            }
        }
        self.free_across(inode, amount);
    }

    /// Counts an inode that no single finding frees where several together do: all its links lie in
    /// findings, as those of a package store and of the projects that link to it.
    fn free_across(&self, inode: &LinkedInode, amount: Amount) {
        let places = &inode.places;
        // The class of hints and of what no rule named is `Rest`: nobody is told to delete that.
        let in_findings = places.iter().filter(|place| place.class != Class::Rest);
        let links: u32 = in_findings.map(|place| place.links).sum();
        if places.len() < 2 || links < inode.attrs.nlink {
            return;
        }
        let (first, others) = (&places[0], &places[1..]);
        let one_home = others.iter().all(|other| Arc::ptr_eq(&other.home, &first.home));
        let one_rule = others.iter().all(|other| other.rule() == first.rule());
        if one_home {
            for (at, place) in places.iter().enumerate() {
                let Some(finding) = &place.finding else { continue };
                let rest = places.iter().enumerate().filter(|(other, _)| *other != at);
                let with = rest.filter_map(|(_, other)| other.rule());
                finding.update(|sums| sums.free_together(amount, with));
            }
        }
        let expendable = |place: &LinkPlace| matches!(place.class, Class::Trash | Class::Cache);
        if one_rule || !places.iter().all(expendable) {
            return;
        }
        lock(&self.totals).across_rules.merge(amount);
        if one_home {
            first.home.books(|books| books.across_rules.merge(amount));
        }
    }
}

/// Compares homes; the parts outside of homes are one.
fn same_home(one: &Arc<Home>, other: &Arc<Home>) -> bool {
    Arc::ptr_eq(one, other) || !one.is_home() && !other.is_home()
}

impl LinkPlace {
    fn rule(&self) -> Option<RuleIndex> {
        self.finding.as_ref().map(|finding| finding.rule)
    }

    /// True if links in both places count in the same way.
    fn is_like(&self, other: &LinkPlace) -> bool {
        Arc::ptr_eq(&self.home, &other.home)
            && self.class == other.class
            && self.finding.as_ref().map(Arc::as_ptr) == other.finding.as_ref().map(Arc::as_ptr)
    }
}
