//! Charges inodes whose links are all known, and updates their homes and findings.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::profile::{LinkPlace, Profile};
use crate::usage::class::Class;
use crate::usage::home::{Home, LinkedTotal};
use crate::usage::rules::RuleIndex;
use crate::usage::tally::{Amount, Tally};

/// Totals over all inodes with several links.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LinkTotals {
    /// Inodes with links that were not seen, because they lie outside the scan.
    pub unseen: Amount,
    /// By rule, the inodes with several links in the findings of all homes together. These are not
    /// sums over homes, because homes may share an inode.
    pub rules: BTreeMap<RuleIndex, LinkedTotal>,
    /// Inodes that deleting all trash and caches frees, but no single rule frees, because the links
    /// lie in findings of several rules.
    pub across_rules: Amount,
}

impl LinkTotals {
    /// Charges the inodes `sums`, which all have this profile, to the first home by name, and
    /// updates every other home and every finding.
    pub(super) fn charge(&mut self, profile: &Profile, sums: &Tally) {
        let amount = sums.amount();
        let places = &profile.places;
        let payer = profile.payer();
        let at_payer = places.iter().filter(|place| Arc::ptr_eq(&place.home, payer));
        let class = at_payer.map(LinkPlace::class).max().unwrap_or(Class::Rest);
        payer.books(|books| {
            books.tally.merge(sums);
            books.by_class.add(class, amount);
        });
        for (at, place) in places.iter().enumerate() {
            let (before, home) = (&places[..at], &place.home);
            // A link from outside homes does not make an inode shared between homes.
            let is_other_home =
                |other: &LinkPlace| other.home.is_home() && !same_home(&other.home, home);
            if places.iter().any(is_other_home)
                && !before.iter().any(|other| same_home(&other.home, home))
            {
                home.books(|books| {
                    books.shared.merge(amount);
                    if !same_home(home, payer) {
                        books.charged_elsewhere.merge(amount);
                    }
                });
            }
            self.tell_finding(profile, at, amount);
        }
        self.free_across(profile, amount);
    }

    /// Updates the finding of the place `at`, and its rule.
    fn tell_finding(&mut self, profile: &Profile, at: usize, amount: Amount) {
        let (places, before) = (&profile.places, &profile.places[..at]);
        let place = &places[at];
        let Some(finding) = &place.finding else { return };
        let is_inside = |links: u32| links >= profile.nlink;
        if let Some(account) = &finding.account {
            account.update(|sums| {
                sums.linked.merge(amount);
                if is_inside(place.links) {
                    sums.linked_inside.merge(amount);
                }
            });
        }
        // Following a rule's advice deletes all places of the rule, either in this home or in the
        // whole scan.
        let of_rule = |other: &&LinkPlace| other.rule() == place.rule();
        let at_home = |other: &&LinkPlace| of_rule(other) && Arc::ptr_eq(&other.home, &place.home);
        let count = |total: &mut LinkedTotal, links: u32| {
            total.whole.merge(amount);
            if is_inside(links) {
                total.frees.merge(amount);
            }
        };
        if !before.iter().any(|other| at_home(&other)) {
            let links = places.iter().filter(at_home).map(|place| place.links).sum();
            let rule = finding.rule;
            place
                .home
                .books(|books| count(&mut books.rules.entry(rule).or_default().linked, links));
        }
        if !before.iter().any(|other| of_rule(&other)) {
            let links = places.iter().filter(of_rule).map(|place| place.links).sum();
            count(self.rules.entry(finding.rule).or_default(), links);
        }
    }

    /// Counts inodes that no single finding frees but several together do: all their links lie in
    /// findings, such as a package store and the projects that link to it.
    fn free_across(&mut self, profile: &Profile, amount: Amount) {
        let places = &profile.places;
        // Hints and entries without a rule have the class `Rest`. Nobody is told to delete them.
        let in_findings = places.iter().filter(|place| place.class() != Class::Rest);
        let links: u32 = in_findings.map(|place| place.links).sum();
        if places.len() < 2 || links < profile.nlink {
            return;
        }
        let (first, others) = (&places[0], &places[1..]);
        let one_home = others.iter().all(|other| Arc::ptr_eq(&other.home, &first.home));
        let one_rule = others.iter().all(|other| other.rule() == first.rule());
        for (at, place) in places.iter().enumerate() {
            let account = place.finding.as_ref().and_then(|finding| finding.account.as_ref());
            let Some(account) = account else { continue };
            let rest = places.iter().enumerate().filter(|(other, _)| *other != at);
            let with = rest.filter_map(|(_, other)| other.finding.as_ref());
            let with = with.map(|finding| (finding.rule, finding.number));
            account.update(|sums| {
                let more = if one_home { &mut sums.together } else { &mut sums.across };
                more.get_or_insert_default().add(amount, with);
            });
        }
        let expendable = |place: &LinkPlace| matches!(place.class(), Class::Trash | Class::Cache);
        if one_rule || !places.iter().all(expendable) {
            return;
        }
        self.across_rules.merge(amount);
        if one_home {
            first.home.books(|books| books.across_rules.merge(amount));
        }
    }
}

/// Compares homes. All parts outside homes count as one.
fn same_home(one: &Arc<Home>, other: &Arc<Home>) -> bool {
    Arc::ptr_eq(one, other) || !one.is_home() && !other.is_home()
}
