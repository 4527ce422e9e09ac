//! The table of directories: a row for each that is large enough, each home and each finding.
//!
//! An open directory has a [`DirAccount`]. When everything below it is listed, its sums go to its
//! parent's account, and its row leaves memory, so memory follows open directories only. Rows are
//! sorted by place, on disk if there are many.
//!
//! An inode with several links is charged when the walk is over, because its links may be anywhere:
//! [`links`] finds out to which place, and [`settle`] adds it there. Until then a directory may turn
//! out to be large enough, and has a row for the time being.

mod carry;
mod key;
mod links;
mod record;
mod row;
mod settle;
mod sums;

use std::io;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, OnceLock};

use super::class::Class;
use super::dir::Dir;
use super::home::{FindingAccount, Home};
use super::ledger::Ledger;
use super::spill::pieces::Sorter;
use super::tally::Tally;
use super::{Attrs, RuleIndex};
use crate::log;
use crate::sync::lock;
use crate::units::{AllocatedBytes, MeteredBytes};
pub(in crate::usage) use carry::{Imported, LINK};
use links::Links;
use record::{Record, Shape};
pub use row::{DirRow, Linked, Sums};
use sums::Subtree;

/// The rows of a walk.
#[derive(Debug)]
pub struct DirTable {
    min: MeteredBytes,
    /// A directory for temporary files, or the reason that there is none.
    directory: Result<PathBuf, String>,
    rows: Sorter,
    links: Links,
    /// Number of places with links so far.
    places: AtomicU32,
    /// For each home by its number, its position in the order in which homes are charged.
    payers: OnceLock<Vec<u32>>,
    /// The first failure. It ends the table, not the scan.
    broken: OnceLock<String>,
}

/// The longest path of a row below its home, in bytes. It is the longest that programs can pass to
/// Linux (PATH_MAX). What lies deeper counts in the row above: a user can make a path of any length, and
/// rows for each of its directories would take the square of it.
const LONGEST: u32 = 4096;

/// Sums of an open directory.
#[derive(Debug, Default)]
pub(in crate::usage) struct DirAccount {
    /// Length of its path below its home.
    length: u32,
    amounts: Mutex<Amounts>,
}

#[derive(Clone, Debug, Default)]
struct Amounts {
    own: Sums,
    rest: Sums,
    subtree: Subtree,
    /// Metered size of the links in the subtree, as if each were an inode of its own.
    potential: u64,
    /// Its number, if it holds links itself.
    place: Option<u32>,
}

impl DirAccount {
    /// Counts inodes with one link: the directory's own and those directly in it.
    pub(in crate::usage) fn count(&self, tally: &Tally) {
        let subtree = Subtree::of(tally);
        let mut amounts = lock(&self.amounts);
        amounts.own.add(&subtree.sums);
        amounts.subtree.add(&subtree);
    }
}

impl DirAccount {
    /// Opens the account of the entry `name` of a directory, which belongs to `home`.
    pub(in crate::usage) fn below(parent: &Dir, name: &[u8], home: &Arc<Home>) -> Box<Self> {
        let above = parent.account.as_ref().filter(|_| is_one_home(&parent.home, home));
        let length = above.map_or(0, |above| match above.length {
            0 => name.len(),
            above => (above as usize).saturating_add(1 + name.len()),
        });
        Box::new(Self { length: u32::try_from(length).unwrap_or(u32::MAX), ..Self::default() })
    }

    /// True if the path is too long for a row.
    fn is_deep(&self) -> bool {
        self.length > LONGEST
    }
}

impl DirTable {
    /// A table of the directories whose subtree is metered at least `min`. `directory` is for
    /// temporary files.
    pub fn new(min: MeteredBytes, directory: Result<PathBuf, String>) -> Self {
        Self {
            min,
            rows: Sorter::new(directory.clone()),
            links: Links::new(directory.clone()),
            directory,
            places: 0.into(),
            payers: OnceLock::new(),
            broken: OnceLock::new(),
        }
    }

    /// Metered size from which on a directory has a row.
    pub fn min(&self) -> MeteredBytes {
        self.min
    }

    /// Counts links of inodes that have several: in `account`, which is that of the directory `dir`
    /// or of a finding in it.
    pub(in crate::usage) fn links(
        &self,
        (dir, account): (&Dir, &DirAccount),
        links: &[Attrs],
        class: Class,
    ) {
        if links.is_empty() {
            return;
        }
        let home = &dir.home;
        let above = std::iter::successors(Some(dir), |dir| dir.parent.as_deref());
        let mut above = above.filter_map(|dir| dir.account.as_deref());
        let account = match account.is_deep() {
            true => above.find(|account| !account.is_deep()).unwrap_or(account),
            false => account,
        };
        let place = {
            let mut amounts = lock(&account.amounts);
            let metered = |one: &Attrs| MeteredBytes::of(AllocatedBytes(one.allocated), 1).0;
            let potential = links.iter().map(metered).fold(0, u64::saturating_add);
            amounts.potential = amounts.potential.saturating_add(potential);
            // Relaxed: only the number itself matters, and it is unique.
            let next = || self.places.fetch_add(1, Ordering::Relaxed);
            *amounts.place.get_or_insert_with(next)
        };
        if place == u32::MAX {
            return self.give_up("there are too many directories with hard links");
        }
        let records = links.iter().map(|attrs| links::link(attrs, (home.number, class, place)));
        self.attempt(|| self.links.push(records));
    }

    /// Adds the row of a file that is a finding, and counts it in the directory `dir`.
    pub(in crate::usage) fn file(
        &self,
        dir: &Dir,
        name: &[u8],
        uid: u32,
        finding: &FindingAccount,
        account: &DirAccount,
    ) {
        let shape = Shape {
            kind: dir.home.kind,
            is_file: true,
            is_finding: true,
            uid,
            class: finding.class,
            rule: Some(finding.rule),
        };
        let amounts = lock(&account.amounts).clone();
        if !account.is_deep() {
            self.push(&key::of(dir, Some(name)), &Record::row(shape, &amounts));
        }
        if let Some(above) = &dir.account {
            let mut above = lock(&above.amounts);
            if account.is_deep() {
                above.own.add(&amounts.own);
            }
            above.subtree.add(&amounts.subtree);
            above.potential = above.potential.saturating_add(amounts.potential);
        }
    }

    /// Ends a directory: everything below it was listed. Its sums go to its parent, and it leaves a
    /// row if it may have one.
    pub(in crate::usage) fn complete(&self, dir: &Arc<Dir>) {
        let Some(account) = &dir.account else { return };
        let amounts = std::mem::take(&mut *lock(&account.amounts));
        // Its own inode does not count: it vanished, or lies outside of the homes that are scanned.
        if amounts.own.dirs == 0 {
            return;
        }
        let most = amounts.subtree.sums.metered.0.saturating_add(amounts.potential);
        let above = dir.parent.as_ref().filter(|parent| is_one_home(&parent.home, &dir.home));
        let is_wanted = above.is_none() || dir.starts.get().is_some() || most >= self.min.0;
        let is_row = is_wanted && !account.is_deep();
        if is_row {
            let finding = dir.finding();
            let shape = Shape {
                kind: dir.home.kind,
                is_file: false,
                is_finding: dir.starts.get().is_some(),
                uid: dir.attrs.uid,
                class: finding.map_or(Class::Rest, |finding| finding.class),
                rule: finding.map(|finding| finding.rule),
            };
            self.push(&key::of(dir, None), &Record::row(shape, &amounts));
        } else if let Some(place) = amounts.place {
            self.push(&key::of(dir, None), &Record::of_place(place));
        }
        if let Some(above) = above.and_then(|above| above.account.as_ref()) {
            let mut above = lock(&above.amounts);
            above.subtree.add(&amounts.subtree);
            above.potential = above.potential.saturating_add(amounts.potential);
            if !is_row {
                above.rest.add(&amounts.own);
                above.rest.add(&amounts.rest);
            }
        }
    }

    /// Notes the homes, by number, when the walk is over.
    pub(in crate::usage) fn finish(&self, homes: &[Arc<Home>]) {
        self.payers.get_or_init(|| {
            let mut order: Vec<u32> = homes.iter().map(|home| home.number).collect();
            order.sort_by_key(|home| homes[*home as usize].order());
            let mut payers = vec![0; homes.len()];
            for (position, home) in order.into_iter().enumerate() {
                payers[home as usize] = position as u32;
            }
            payers
        });
    }

    /// Gives the table up, because its sums would not be those of the report.
    pub(in crate::usage) fn give_up(&self, problem: &str) {
        if self.broken.set(problem.to_owned()).is_ok() {
            log::error!("the table of directories is given up, the scan goes on: {problem}");
        }
    }

    fn push(&self, key: &[u8], record: &Record) {
        self.attempt(|| self.rows.push(key, &record.pack()));
    }

    fn attempt(&self, write: impl FnOnce() -> io::Result<()>) {
        if self.broken.get().is_none()
            && let Err(error) = write()
        {
            self.give_up(&format!("a temporary file could not be written: {error}"));
        }
    }
}

/// The part of its table that a walk passes on.
impl Ledger {
    /// Why the table of directories was given up, if it was.
    pub fn dirs_failure(&self) -> Option<&str> {
        self.dirs()?.broken.get().map(String::as_str)
    }

    /// Passes on the rows of the table of directories, in the order of [`DirRow::cmp_place`]. Call it
    /// after [`finish`](Self::finish) if the walk was complete; it may be called again.
    ///
    /// # Errors
    /// If there is no table, if a temporary file could not be written or cannot be read, and the
    /// errors of `each`.
    pub fn each_row(&self, each: &mut dyn FnMut(&DirRow) -> io::Result<()>) -> io::Result<()> {
        let none = || io::Error::other("the walk kept no directories");
        let dirs = self.dirs().ok_or_else(none)?;
        let rules = &self.setup.rules;
        dirs.each_row(self.setup.ages, &|rule| rules.get(rule).id.to_string(), each)
    }
}

/// Compares homes. Everything outside homes counts as one.
fn is_one_home(one: &Arc<Home>, other: &Arc<Home>) -> bool {
    Arc::ptr_eq(one, other) || !one.is_home() && !other.is_home()
}

/// The rule of a row by its id.
pub(in crate::usage) type RuleId<'a> = &'a dyn Fn(RuleIndex) -> String;
