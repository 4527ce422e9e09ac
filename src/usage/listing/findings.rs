//! Findings in a listing: contents that withhold a command, and files that are findings themselves.

use std::collections::HashSet;
use std::io;
use std::sync::Arc;

use super::Listing;
use crate::usage::class::Class;
use crate::usage::home::{Content, FindingAccount};
use crate::usage::ledger::Ledger;
use crate::usage::rules::{Rule, RuleIndex};
use crate::usage::seen::Seen;
use crate::usage::tally::Tally;
use crate::usage::{Attrs, FileKind, Mount};

impl Listing {
    /// Records the contents of this directory that the finding's command must not remove.
    pub(super) fn note_contents(&self, ledger: &Ledger, finding: &FindingAccount, seen: &Seen<'_>) {
        let rules = &ledger.setup.rules;
        let knows_owner = self.owning_rule == Some(finding.rule);
        if let Some((owned, place)) = self.dir.place_in_owned(rules)
            && (!knows_owner
                || self.owned.are_foreign(owned.holding(place, rules, seen), seen.names))
        {
            finding.hold(Content::Foreign);
        }
        let begins = self.dir.starts.get().is_some();
        if begins && self.lacks_sources(rules.get(finding.rule), seen) {
            finding.hold(Content::Unsourced);
        }
        let uid = self.dir.attrs.uid;
        // For the directory in which the finding begins, the ledger has decided.
        let parent = self.dir.parent.as_ref().filter(|_| !begins);
        let is_anothers = parent.is_some_and(|parent| parent.attrs.uid != uid);
        // An empty directory can be removed even so.
        if self.names > 0 && (is_anothers || !self.dir.attrs.is_accessible()) {
            finding.hold(Content::Protected);
        }
        if self.has_mount {
            finding.hold(Content::Mount);
        }
        if !self.notes.excluded.is_empty() {
            finding.hold(Content::Excluded);
        }
        if !self.notes.problems.is_empty() {
            finding.hold(Content::Unread);
        }
        let rule = rules.get(finding.rule);
        let within = self.dir.in_data || seen.of_data || rules.are_data(self.markers);
        if within && rule.class != Class::Trash {
            finding.hold(Content::Data);
        }
        if self.has_others {
            finding.hold(Content::Others);
        }
    }

    /// True if the directory of a finding holds something that its tool could not make again, because
    /// the sources are not seen.
    fn lacks_sources(&self, rule: &Rule, seen: &Seen<'_>) -> bool {
        let is_made = |name: &[u8]| rule.made.iter().any(|pattern| pattern.matches(name));
        let has_made = || {
            let mut names = seen.names.into_iter().flat_map(|names| names.split(|b| *b == b'/'));
            rule.made.is_empty() || seen.names.is_none() || names.any(is_made)
        };
        if rule.made_from != 0 && self.dir.sources_reach == 0 && has_made() {
            return true;
        }
        rule.sources.as_ref().is_some_and(|ending| {
            let known = seen.names.zip(self.dir.sources.as_deref());
            !known.is_some_and(|(names, sources)| are_made_from(names, sources, ending))
        })
    }

    /// Records that the rule's tool does not own an entry. Each part of a large listing checks its own
    /// entries, so the result does not depend on how the listing is split.
    pub(super) fn note_owner(&mut self, rule: &Rule, name: &[u8], attrs: &Attrs) {
        let place = self.dir.in_owned.as_deref().or(rule.owns.top()).unwrap_or_default();
        let ownership = match attrs.kind {
            FileKind::Dir => rule.owns.of_dir(place, name),
            _ => rule.owns.of_file(place, name, attrs.nlink),
        };
        self.owned.add(name, ownership);
    }

    /// Decides which files that a rule matches by name are findings, and counts them. Returns errors of
    /// reading them.
    pub(super) fn file_matches(
        &mut self,
        ledger: &Ledger,
        tally: &mut Tally,
        seen: &Seen<'_>,
    ) -> Vec<io::Error> {
        let dir = Arc::clone(&self.dir);
        let finding = dir.finding();
        let mut refused = Vec::new();
        for (rule, name, attrs) in std::mem::take(&mut self.matches) {
            let holds = finding.is_none_or(|finding| rule < finding.rule)
                && ledger.rules().file_holds(rule, &name, seen).unwrap_or_else(|error| {
                    refused.push(error);
                    false
                });
            if holds {
                if let Some(finding) = finding {
                    finding.hold(Content::Finding);
                }
                self.file_finding(ledger, rule, &name, attrs, seen);
                continue;
            }
            if let Some(outer) = finding
                && is_later_output(ledger, (rule, &name), outer, seen)
            {
                outer.hold(Content::Finding);
            }
            self.plain(ledger, tally, attrs, (finding, dir.account.as_deref()));
        }
        refused
    }

    /// Counts a file that is a finding itself, because no earlier rule claims its directory.
    pub(super) fn file_finding(
        &mut self,
        ledger: &Ledger,
        rule: RuleIndex,
        name: &[u8],
        attrs: Attrs,
        seen: &Seen<'_>,
    ) {
        let home = Arc::clone(&self.dir.home);
        let class = ledger.setup.rules.get(rule).class;
        let finding = FindingAccount::new(rule, class);
        if !self.dir.may_be_of(attrs.uid) || !self.dir.lets_remove(attrs.uid) {
            finding.hold(Content::Protected);
        }
        if attrs.mount == Mount::Root || self.dir.is_or_below_a_mount() {
            finding.hold(Content::Mount);
        }
        if self.dir.in_data || seen.of_data {
            finding.hold(Content::Data);
        }
        let mut tally = Tally::default();
        let (uid, account) = (attrs.uid, ledger.account(&self.dir, name, &home));
        self.plain(ledger, &mut tally, attrs, (Some(&finding), account.as_deref()));
        if let (Some(dirs), Some(account)) = (ledger.dirs(), &account) {
            account.count(&tally);
            dirs.file(&self.dir, name, uid, &finding, account);
        }
        let amount = tally.amount();
        ledger.progressed(&tally);
        self.share(amount.allocated.0);
        finding.update(|sums| sums.single.merge(amount));
        home.books(|books| {
            books.tally.merge(&tally);
            books.by_class.add(class, amount);
        });
        ledger.found(&home, &finding, || self.dir.path_of(name));
    }
}

/// True if a file is an output, which may be the only copy, for a rule that comes after that of the
/// finding it lies in. A file that cannot be read counts as one.
fn is_later_output(
    ledger: &Ledger,
    (rule, name): (RuleIndex, &[u8]),
    outer: &FindingAccount,
    seen: &Seen<'_>,
) -> bool {
    let rules = ledger.rules();
    rule > outer.rule
        && outer.class != Class::Trash
        && rules.get(rule).class == Class::Output
        && rules.file_holds(rule, name, seen).unwrap_or(true)
}

/// What follows the name of a module in the names of files that Python compiles from it: a tag (PEP
/// 3147), or else the ending.
const COMPILED: [&[&[u8]]; 2] = [&[b".cpython-", b".pypy", b".graalpy"], &[b".pyc", b".pyo"]];

/// True if every one of `names` continues with a dot after the name of one of `sources`, which has
/// `ending` instead. In both lists, each name is followed by a slash.
fn are_made_from(names: &[u8], sources: &[u8], ending: &[u8]) -> bool {
    let stems = sources.split(|byte| *byte == b'/').filter_map(|name| name.strip_suffix(ending));
    let stems: HashSet<&[u8]> = stems.collect();
    let mut names = names.split(|byte| *byte == b'/').filter(|name| !name.is_empty());
    names.all(|name| {
        let mut dots = name.iter().enumerate().rev().filter(|(_, byte)| **byte == b'.');
        // A name may have dots: `model.old.py` is another module than `model.py`.
        let mut compiled = COMPILED.iter().filter_map(|marks| {
            let begins =
                |(at, _): &(usize, &u8)| marks.iter().any(|it| name[*at..].starts_with(it));
            dots.clone().find(begins)
        });
        match compiled.next() {
            Some((at, _)) => stems.contains(&name[..at]),
            None => dots.any(|(at, _)| stems.contains(&name[..at])),
        }
    })
}
