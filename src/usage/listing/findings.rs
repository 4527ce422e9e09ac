//! Findings in a listing: contents that withhold a command, and files that are findings themselves.

use std::io;
use std::sync::Arc;

use super::{Listing, MANY};
use crate::usage::class::Class;
use crate::usage::home::{Content, FindingAccount};
use crate::usage::ledger::Ledger;
use crate::usage::rules::{Rule, RuleIndex, Rules};
use crate::usage::seen::Seen;
use crate::usage::sources::{ANY_MADE, InProject};
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
        if begins {
            self.note_sources(rules.get(finding.rule), finding, seen);
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
        // Trash may hold a repository that somebody threw away. A trash in a backup belongs to the backup.
        if within && (rule.class != Class::Trash || begins && self.dir.in_data) {
            finding.hold(Content::Data);
        }
        if self.has_others {
            finding.hold(Content::Others);
        }
    }

    /// Records what a finding's directory is made from, if its tool could not make it again otherwise.
    fn note_sources(&self, rule: &Rule, finding: &FindingAccount, seen: &Seen<'_>) {
        let is_made = |name: &[u8]| rule.made.iter().any(|pattern| pattern.matches(name));
        let has_made = || {
            let mut names = seen.names.into_iter().flat_map(|names| names.split(|b| *b == b'/'));
            rule.made.is_empty() || seen.names.is_none() || names.any(is_made)
        };
        if rule.made_from != 0 && has_made() {
            match &self.dir.project {
                Some(InProject::Made(project, _)) => finding.is_made_in(project, rule.made_of),
                _ => finding.hold(Content::Unsourced),
            }
        }
        if let Some(ending) = &rule.sources {
            let known = seen.names.zip(self.dir.sources.as_deref());
            let are_made =
                known.is_some_and(|(names, sources)| sources.make(names, &self.larger, ending));
            if !are_made || self.has_larger_than_source {
                finding.hold(Content::Unsourced);
            }
        }
    }

    /// Records that an entry may be a source.
    #[inline]
    pub(super) fn note_source(&mut self, rules: &Rules, name: &[u8], attrs: &Attrs) {
        if self.names < MANY && rules.is_source(name) {
            self.sources.add(name, attrs);
        }
        if attrs.kind != FileKind::File || attrs.apparent == 0 {
            return;
        }
        if rules.has_of_project(self.markers) {
            self.filled |= rules.marker(name);
        }
        self.source_endings |= self.dir.source_endings(rules, name);
        if let Some(sources) = &self.dir.sources {
            self.has_larger_than_source |= sources.are_too_small_for(name, attrs.apparent);
            if self.names < MANY && attrs.apparent > ANY_MADE {
                self.larger.push(name, attrs.apparent);
            }
        }
    }

    /// Tells the project of the directory that it has sources. What another tool made is none.
    pub(super) fn tell_project(&self) {
        if let Some(InProject::Source(project)) = &self.dir.project
            && self.source_endings != 0
            && self.dir.starts.get().is_none()
        {
            project.found_sources(self.source_endings);
        }
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
        let has_contents = attrs.kind == FileKind::File && attrs.apparent > 0;
        if !has_contents && rule.owns.may_be_companion(name) {
            self.owned.add_no_companion(name);
        }
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
                && !dir.in_layer
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
        if !self.dir.may_be_of(attrs.uid) || !ledger.lets_remove(&self.dir, attrs.uid) {
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
        finding.count(amount, 0);
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
