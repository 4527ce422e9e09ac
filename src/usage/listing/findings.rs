//! Findings in a listing: contents that withhold a command, and files that are findings themselves.

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
        let uid = self.dir.attrs.uid;
        let is_anothers = self.dir.parent.as_ref().is_some_and(|parent| parent.attrs.uid != uid);
        // An empty directory can be removed even so.
        if self.names > 0 && (is_anothers || !self.dir.attrs.is_accessible()) {
            finding.hold(Content::Protected);
        }
        if self.has_mount {
            finding.hold(Content::Mount);
        }
        if !self.excluded.is_empty() {
            finding.hold(Content::Excluded);
        }
        if !self.problems.is_empty() {
            finding.hold(Content::Unread);
        }
        let rule = rules.get(finding.rule);
        let within = self.dir.in_data || seen.of_data || rules.are_data(self.markers);
        let has_database = rules.are_of_database(self.markers) && rule.class != Class::Trash;
        if within && !rule.repositories || has_database {
            finding.hold(Content::Data);
        }
        if self.has_others {
            finding.hold(Content::Others);
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
