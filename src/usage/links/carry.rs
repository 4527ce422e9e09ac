//! Hard links of a shard: it settles the inodes of which it saw all links, and the merge the others.

use std::io;
use std::sync::Arc;

use super::record::{self, Numbers, Record, SIZE};
use super::{LinkTotals, Links, kept_findings};
use crate::sync::lock;
use crate::usage::home::{FindingAccount, Home};
use crate::usage::spill::runs::Gather;

/// Inodes of which not all links were seen, as records in order.
pub(in crate::usage) type Unsettled = Gather<SIZE>;

impl Links {
    /// Charges the inodes of which all links were seen, and returns the others. Called once, when the
    /// walk of a shard is over, with its homes by number, and findings that are in no home's books.
    pub(in crate::usage) fn unsettled(
        &self,
        homes: &[Arc<Home>],
        findings: &[Arc<FindingAccount>],
    ) -> io::Result<(LinkTotals, Unsettled)> {
        let mut kept = kept_findings(homes);
        for finding in findings {
            kept.extend(finding.number.get().map(|number| (*number, Arc::clone(finding))));
        }
        let numbers = Numbers { homes, findings: kept };
        let unsettled = Unsettled::new(self.memory.directory.clone());
        for shard in &self.shards {
            let mut shard = std::mem::take(&mut *lock(shard));
            if shard.runs.is_empty() {
                self.charge(&mut shard.profiles);
                unsettled.push(shard.records())?;
            } else {
                self.settle_runs(shard, &numbers, Some(&unsettled))?;
            }
        }
        Ok((lock(&self.totals).clone(), unsettled))
    }

    /// Adds what a shard settled, and what it did not, to those of the merge.
    pub(in crate::usage) fn add_totals(&self, more: &LinkTotals) {
        lock(&self.totals).merge(more);
    }

    /// Adds a record of a shard.
    pub(in crate::usage) fn import(&self, record: Record) -> io::Result<()> {
        let open = || Unsettled::new(self.memory.directory.clone());
        self.imported.get_or_init(open).push([record].into_iter())
    }

    /// Settles the records of all shards.
    pub(super) fn settle_imported(&self, numbers: &Numbers<'_>) -> io::Result<()> {
        match self.imported.get() {
            Some(imported) => self.settle_merged(imported.merge()?, numbers, None),
            None => Ok(()),
        }
    }
}

/// What the numbers in a shard's records are in the merge.
pub(in crate::usage) struct Renumber<'a> {
    pub(in crate::usage) homes: &'a [u32],
    pub(in crate::usage) finding: &'a dyn Fn(u64) -> u64,
}

impl Renumber<'_> {
    /// Changes a record; `None` if it is damaged.
    pub(in crate::usage) fn record(&self, mut record: Record) -> Option<Record> {
        let home = record::home(&record);
        record::set_home(&mut record, *self.homes.get(home as usize)?);
        let finding = record::finding(&record);
        if finding > 0 {
            record::set_finding(&mut record, (self.finding)(finding));
        }
        Some(record)
    }
}

/// Replaces the device at the beginning of a record if it is that of the root, which differs between
/// machines.
pub(in crate::usage) fn without_device<const N: usize>(mut record: [u8; N], root: u64) -> [u8; N] {
    if record[..8] == root.to_be_bytes() {
        record[..8].fill(0);
    }
    record
}

impl LinkTotals {
    fn merge(&mut self, more: &Self) {
        self.unseen.merge(more.unseen);
        for (rule, total) in &more.rules {
            self.rules.entry(*rule).or_default().merge(total);
        }
        self.across_rules.merge(more.across_rules);
    }
}
