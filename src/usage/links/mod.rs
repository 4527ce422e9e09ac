//! Hard links: decides which home pays for an inode with several links. The inode counts once, and
//! the first home by name among those that link to it is charged.
//!
//! The choice must not depend on which worker came first. So nothing is charged until all links of
//! an inode were seen, or the walk is over; then the inode is forgotten. Memory holds only inodes
//! with several links of which some were not seen yet, in 40 bytes each: their common attributes
//! are in a [`profile`]. Beyond a bound they go to disk, sorted by inode, and are merged when the
//! walk is over. The sums are the same for every bound.

mod carry;
mod profile;
mod record;
mod settle;

use std::collections::BTreeSet;
use std::io;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock};

use hashbrown::HashMap;
use hashbrown::hash_map::Entry;
use smallvec::SmallVec;

use super::Attrs;
use super::home::{FindingAccount, FindingSums, Home};
use super::spill::Log;
use super::spill::runs::{Gather, Merge, Run};
use super::tally::{Ages, Amount};
use super::together::NamedFindings;
use crate::log;
use crate::sync::lock;
use crate::units::human;
pub(super) use carry::{Renumber, without_device};
use profile::{Inode, LinkFinding, LinkPlace, Profiles};
use record::{KEY, Numbers, Record};
pub use settle::LinkTotals;

/// Number of locks, large enough that workers rarely wait for each other.
const SHARDS: usize = 32;

/// Bytes of an inode in a hash table: inode number, [`Inode`], and the table's own byte.
const INODE_BYTES: usize = size_of::<(u64, Inode)>() + 1;

/// Bound of the memory for hard links, and the place for the overflow.
#[derive(Clone, Debug)]
pub struct LinkMemory {
    /// Bytes.
    pub bound: u64,
    /// A directory for temporary files, or the reason that there is none.
    pub directory: Result<PathBuf, String>,
}

/// Inodes with several links that were not all seen yet, by device and inode number.
#[derive(Debug)]
pub(super) struct Links {
    shards: Vec<Mutex<Shard>>,
    totals: Mutex<LinkTotals>,
    ages: Ages,
    memory: LinkMemory,
    /// Bound of a shard, in bytes.
    bound: usize,
    /// Opened by the first full shard, or the reason that it cannot be opened.
    log: OnceLock<Result<Log, String>>,
    /// Records on their way to the log. Only one shard is written at a time, because a buffer per
    /// worker would take more than the bound.
    outgoing: Mutex<Vec<Record>>,
    /// The first failure to write to the log.
    failure: OnceLock<String>,
    /// Number of findings that hold hard links.
    findings: AtomicU64,
    /// Records of shards, if this is a merge.
    imported: OnceLock<Gather<{ record::SIZE }>>,
}

/// Inodes of one part of the inode numbers.
#[derive(Debug, Default)]
struct Shard {
    /// Inodes by device; nearly always one device.
    devices: SmallVec<[(u64, HashMap<u64, Inode>); 1]>,
    profiles: Profiles,
    /// The runs written to disk.
    runs: Vec<Run>,
}

/// The outcome of counting a link.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Linked {
    /// It was the last link of the inode.
    Last,
    /// Other links were not seen yet.
    Waiting,
    /// It does not count: memory is full, and the disk cannot take more.
    Lost,
}

impl Links {
    pub(super) fn new(ages: Ages, memory: LinkMemory) -> Self {
        let bound = usize::try_from(memory.bound).unwrap_or(usize::MAX) / SHARDS;
        Self {
            shards: (0..SHARDS).map(|_| Mutex::default()).collect(),
            totals: Mutex::default(),
            ages,
            memory,
            bound,
            log: OnceLock::new(),
            outgoing: Mutex::default(),
            failure: OnceLock::new(),
            findings: AtomicU64::new(1),
            imported: OnceLock::new(),
        }
    }

    /// Counts one link of an inode that has several.
    pub(super) fn add(
        &self,
        attrs: &Attrs,
        home: &Arc<Home>,
        finding: Option<&Arc<FindingAccount>>,
    ) -> Linked {
        let place = LinkPlace::new(home, finding.map(|finding| self.finding(finding)));
        let mut shard = lock(&self.shards[(attrs.ino % SHARDS as u64) as usize]);
        let shard = &mut *shard;
        if shard.is_full(self.bound) && self.failure.get().is_none() {
            self.spill(shard);
        }
        let lost = self.failure.get().is_some() && shard.is_full(self.bound);
        let Shard { devices, profiles, .. } = shard;
        match device(devices, attrs.dev).entry(attrs.ino) {
            Entry::Vacant(_) if lost => Linked::Lost,
            Entry::Vacant(entry) => {
                let profile = profiles.first(attrs, place);
                let Attrs { apparent, allocated, mtime, .. } = *attrs;
                entry.insert(Inode { apparent, allocated, mtime, profile });
                Linked::Waiting
            }
            Entry::Occupied(mut entry) => {
                let inode = entry.get_mut();
                inode.profile = profiles.next(inode.profile, place);
                if !profiles.get(inode.profile).is_complete() {
                    return Linked::Waiting;
                }
                profiles.settle(&entry.remove(), &self.ages);
                Linked::Last
            }
        }
    }

    /// Returns the reason that links are lost.
    pub(super) fn failure(&self) -> io::Error {
        io::Error::other(self.failure.get().map_or("", String::as_str))
    }

    fn finding(&self, finding: &Arc<FindingAccount>) -> LinkFinding {
        // Relaxed: only the number itself matters, and it is unique.
        let number = || self.findings.fetch_add(1, Ordering::Relaxed);
        LinkFinding {
            number: *finding.number.get_or_init(number),
            rule: finding.rule,
            class: finding.class,
            account: Some(Arc::clone(finding)),
        }
    }

    /// Empties a shard: charges settled inodes, and writes the rest to disk. If writing fails, the
    /// rest stays in memory.
    fn spill(&self, shard: &mut Shard) {
        self.charge(&mut shard.profiles);
        if shard.is_empty() {
            return shard.profiles.clear();
        }
        let mut records = lock(&self.outgoing);
        records.clear();
        records.extend(shard.records());
        let open = || {
            let directory = self.memory.directory.clone()?;
            Log::open(&directory).map_err(|error| format!("{}: {error}", directory.display()))
        };
        let written = match self.log.get_or_init(open) {
            Ok(log) => Run::write(log, &mut records).map_err(|error| error.to_string()),
            Err(problem) => Err(problem.clone()),
        };
        match written {
            Ok(run) => {
                // A closed log means that the walk is over, and nothing counts any more.
                shard.runs.extend(run);
                shard.devices.iter_mut().for_each(|(_, inodes)| inodes.clear());
                shard.profiles.clear();
            }
            Err(problem) => {
                let problem = format!(
                    "hard links beyond {} of memory could not be written: {problem}",
                    human(self.memory.bound)
                );
                log::error!("{problem}; the scan goes on without them");
                let _ = self.failure.set(problem);
            }
        }
    }

    fn charge(&self, profiles: &mut Profiles) {
        let mut totals = lock(&self.totals);
        for (sums, profile) in profiles.take_sums() {
            totals.charge(profile, &sums);
        }
    }

    /// Charges the inodes that still have unseen links. Called once, when the walk is over, with
    /// the homes by number. Also returns an error if inodes written to disk could not be read back,
    /// so they do not count.
    pub(super) fn finish(&self, homes: &[Arc<Home>]) -> (LinkTotals, Option<io::Error>) {
        let numbers = Numbers { homes, findings: kept_findings(homes) };
        let mut failed = None;
        for shard in &self.shards {
            let shard = std::mem::take(&mut *lock(shard));
            failed = failed.or(self.settle_shard(shard, &numbers).err());
        }
        failed = failed.or(self.settle_imported(&numbers).err());
        (lock(&self.totals).clone(), failed)
    }

    fn settle_shard(&self, mut shard: Shard, numbers: &Numbers<'_>) -> io::Result<()> {
        match shard.runs.is_empty() {
            true => {
                self.settle_all(&mut shard);
                Ok(())
            }
            false => self.settle_runs(shard, numbers, None),
        }
    }

    /// Settles a shard of which a part is on disk. Inodes of which not all links were seen go to
    /// `unsettled` instead, if it is there.
    fn settle_runs(
        &self,
        mut shard: Shard,
        numbers: &Numbers<'_>,
        unsettled: Option<&Gather<{ record::SIZE }>>,
    ) -> io::Result<()> {
        let records = shard.records().collect();
        self.charge(&mut shard.profiles);
        let runs = std::mem::take(&mut shard.runs);
        drop(shard);
        // There are runs, so there is a log.
        let Some(Ok(log)) = self.log.get() else { return Ok(()) };
        self.settle_merged(Merge::new(Some(log.close()?), &runs, records)?, numbers, unsettled)
    }

    fn settle_all(&self, shard: &mut Shard) {
        let mut unseen = Amount::default();
        for inode in shard.devices.iter().flat_map(|(_, inodes)| inodes.values()) {
            unseen.merge(Amount::one(inode.allocated));
            shard.profiles.settle(inode, &self.ages);
        }
        lock(&self.totals).unseen.merge(unseen);
        self.charge(&mut shard.profiles);
    }

    /// Merges the records of each inode from several runs.
    fn settle_merged(
        &self,
        mut merge: Merge<'_, { record::SIZE }>,
        numbers: &Numbers<'_>,
        unsettled: Option<&Gather<{ record::SIZE }>>,
    ) -> io::Result<()> {
        let damaged = || io::Error::from(io::ErrorKind::InvalidData);
        let mut profiles = Profiles::default();
        let mut next = merge.next()?;
        while let Some(first) = next {
            let record::Read { kind, uid, nlink, mut inode, place } =
                numbers.read(&first).ok_or_else(damaged)?;
            let mut records: SmallVec<[Record; 2]> = SmallVec::from_iter([first]);
            let mut places = SmallVec::from_iter([place]);
            next = merge.next()?;
            while let Some(more) = next.filter(|more| more[..KEY] == first[..KEY]) {
                profile::add(&mut places, numbers.read(&more).ok_or_else(damaged)?.place);
                records.push(more);
                next = merge.next()?;
            }
            let is_complete = profile::are_complete(&places, nlink);
            if let (Some(unsettled), false) = (unsettled, is_complete) {
                unsettled.push(records.into_iter())?;
                continue;
            }
            inode.profile = profiles.intern((kind, uid, nlink), places);
            profiles.settle(&inode, &self.ages);
            if !is_complete {
                lock(&self.totals).unseen.merge(Amount::one(inode.allocated));
            }
            if profiles.bytes() > self.bound {
                self.charge(&mut profiles);
                profiles.clear();
            }
        }
        self.charge(&mut profiles);
        Ok(())
    }
}

impl Shard {
    /// True if one more inode might take the shard beyond `bound` bytes. A full table doubles.
    fn is_full(&self, bound: usize) -> bool {
        let table = |inodes: &HashMap<u64, Inode>| {
            let grows = inodes.len() == inodes.capacity();
            // A table fills seven eighths of its slots.
            inodes.capacity() * 8 / 7 * if grows { 2 * INODE_BYTES } else { INODE_BYTES }
        };
        let tables: usize = self.devices.iter().map(|(_, inodes)| table(inodes)).sum();
        let profiles = self.profiles.bytes();
        tables + profiles > bound && (profiles > 0 || !self.is_empty())
    }

    fn is_empty(&self) -> bool {
        self.devices.iter().all(|(_, inodes)| inodes.is_empty())
    }

    /// Iterates over all inodes as records for the disk.
    fn records(&self) -> impl Iterator<Item = Record> {
        let inodes = self
            .devices
            .iter()
            .flat_map(|(dev, inodes)| inodes.iter().map(|(ino, inode)| ((*dev, *ino), inode)));
        inodes.flat_map(|(key, inode)| record::write(key, inode, self.profiles.get(inode.profile)))
    }
}

fn device(
    devices: &mut SmallVec<[(u64, HashMap<u64, Inode>); 1]>,
    dev: u64,
) -> &mut HashMap<u64, Inode> {
    let at = devices.iter().position(|(other, _)| *other == dev).unwrap_or_else(|| {
        devices.push((dev, HashMap::new()));
        devices.len() - 1
    });
    &mut devices[at].1
}

/// Returns the paths of the findings that others name.
pub(super) fn named_findings(homes: &[Arc<Home>]) -> NamedFindings {
    let all = || homes.iter().flat_map(|home| home.findings_with_links());
    let mut wanted = BTreeSet::new();
    for finding in all() {
        let FindingSums { together, across, .. } = finding.sums();
        let named = [together, across].into_iter().flatten().map(|more| more.others);
        wanted.extend(named.flatten());
    }
    let named = all().filter_map(|finding| {
        let (number, path) = (*finding.number.get()?, finding.path.get()?);
        wanted.contains(&number).then(|| (number, path.clone()))
    });
    named.collect()
}

/// Returns the reported findings with hard links, by number.
fn kept_findings(homes: &[Arc<Home>]) -> HashMap<u64, Arc<FindingAccount>> {
    let mut kept = HashMap::new();
    for home in homes {
        for finding in home.findings_with_links() {
            if let Some(number) = finding.number.get() {
                kept.insert(*number, finding);
            }
        }
    }
    kept
}
