//! Adds the accounts of shards to those of an empty ledger.

use std::collections::HashMap;
use std::io::{self, Read};
use std::sync::Arc;
use std::sync::atomic::Ordering;

use super::books;
use super::frames::{self, Tag, damaged};
use super::trunk::{Frame, join};
use crate::packed::{Pack, Texts, Unpacker};
use crate::usage::Op;
use crate::usage::dir::Dir;
use crate::usage::dirs::{DirAccount, Imported, LINK};
use crate::usage::errors::{Errors, Problem};
use crate::usage::home::{Content, FindingAccount, Home, HomeKind};
use crate::usage::ledger::{FINDINGS_PER_TOP, Ledger};
use crate::usage::links::{LinkTotals, Renumber};
use crate::usage::notes::Notes;
use crate::usage::whose::HomeOwner;

/// Shards that are being added to a ledger.
pub struct Merge<'a> {
    ledger: &'a Ledger,
    shards: u32,
    /// The directories of the trunk by path, and what the shards noted of them.
    trunk: HashMap<Box<[u8]>, (Arc<Dir>, Notes)>,
}

/// The shard that is being added.
struct Adding<'a> {
    index: u32,
    shards: u32,
    /// The numbers here of its homes, by their numbers there.
    homes: Vec<u32>,
    /// The numbers here of findings of the trunk that have one already.
    findings: HashMap<u64, u64>,
    /// Findings of the trunk, and what the shard has in them. They name others by number, so they
    /// wait until all numbers are known.
    waiting: Vec<(Arc<Dir>, Arc<FindingAccount>)>,
    /// Where its rows go; `None` if there is no table.
    rows: Option<Imported<'a>>,
}

impl Adding<'_> {
    /// Returns the number here of a finding.
    fn finding(&self, number: u64) -> u64 {
        let unique = || {
            let before = number.saturating_sub(1).saturating_mul(self.shards.into());
            before.saturating_add(u64::from(self.index) + 1)
        };
        self.findings.get(&number).copied().unwrap_or_else(unique)
    }
}

impl<'a> Merge<'a> {
    /// Begins to merge so many shards.
    pub fn new(ledger: &'a Ledger, shards: u32) -> Self {
        Self { ledger, shards, trunk: HashMap::new() }
    }

    /// Adds the shard of this index, once.
    ///
    /// # Errors
    /// Those of `from`, and if it does not hold the accounts of a shard. Then the ledger is of no use
    /// any more.
    pub fn add(&mut self, index: u32, from: &mut dyn Read) -> io::Result<()> {
        let mut adding = Adding {
            index,
            shards: self.shards,
            homes: Vec::new(),
            findings: HashMap::new(),
            waiting: Vec::new(),
            rows: None,
        };
        let (mut bytes, texts) = (Vec::new(), Texts::default());
        loop {
            let tag = frames::read(from, &mut bytes)?;
            let unpacker = &mut Unpacker::new(&bytes, &texts);
            if tag != Tag::Trunk {
                self.add_findings(&mut adding);
            }
            match tag {
                Tag::Sums => self.sums(&mut adding, unpacker)?,
                Tag::Trunk => self.directory(&mut adding, unpacker)?,
                Tag::Home => self.home(&mut adding, unpacker),
                Tag::Row => {
                    let (key, value) =
                        (Box::<[u8]>::unpack(unpacker), Box::<[u8]>::unpack(unpacker));
                    adding.rows.iter().for_each(|rows| rows.row(&key, &value));
                }
                Tag::RowLinks => {
                    for link in records::<LINK>(&bytes)? {
                        if let Some(rows) = &adding.rows {
                            rows.link(*link, &adding.homes).ok_or_else(damaged)?;
                        }
                    }
                }
                Tag::Links => {
                    let finding = |number| adding.finding(number);
                    let renumber = Renumber { homes: &adding.homes, finding: &finding };
                    for record in records(&bytes)? {
                        let record = renumber.record(*record).ok_or_else(damaged)?;
                        self.ledger.links.import(record)?;
                    }
                }
                Tag::End => return Ok(()),
            }
        }
    }

    fn sums(&self, adding: &mut Adding<'a>, from: &mut Unpacker<'_>) -> io::Result<()> {
        let errors = Errors::unpack(from);
        self.ledger.errors(|all| all.merge(errors));
        self.ledger.links.add_totals(&LinkTotals::unpack(from));
        let places = u32::unpack(from);
        let problem = String::unpack(from);
        let Some(dirs) = self.ledger.dirs() else { return Ok(()) };
        if !problem.is_empty() {
            dirs.give_up(&problem);
        }
        let too_many = || io::Error::other("the shards have too many directories with hard links");
        adding.rows = Some(dirs.import(places).ok_or_else(too_many)?);
        Ok(())
    }

    /// Adds a directory of the trunk.
    fn directory(&mut self, adding: &mut Adding<'a>, from: &mut Unpacker<'_>) -> io::Result<()> {
        let Frame { path, attrs, home, subtree, largest_child, finding, notes } =
            Frame::unpack(from);
        if !self.trunk.contains_key(&path) {
            let dir = self.opened(&path, attrs, home)?;
            self.trunk.insert(path.clone(), (dir, Notes::default()));
        }
        let (dir, all_notes) = self.trunk.get_mut(&path).ok_or_else(damaged)?;
        dir.add_subtree(subtree);
        // Relaxed: one thread merges.
        dir.largest_child.fetch_max(largest_child, Ordering::Relaxed);
        join(all_notes, notes);
        if let Some((finding, number)) = finding {
            let here = dir.starts.get_or_init(|| FindingAccount::new(finding.rule, finding.class));
            if let Some(number) = number.filter(|_| here.rule == finding.rule) {
                let known = *here.number.get_or_init(|| adding.finding(number));
                adding.findings.insert(number, known);
            }
            adding.waiting.push((Arc::clone(dir), finding));
        }
        if let (Some(account), Some(rows)) = (&dir.account, &mut adding.rows) {
            rows.account(account, from);
        }
        Ok(())
    }

    /// Adds what the shard has in findings of the trunk.
    fn add_findings(&self, adding: &mut Adding<'_>) {
        for (dir, finding) in std::mem::take(&mut adding.waiting) {
            let more = finding.sums().renumbered(&|number| adding.finding(number));
            match dir.starts.get().filter(|here| here.rule == finding.rule) {
                Some(here) => {
                    here.hold_all(finding.contents());
                    here.update(|sums| sums.merge(more));
                }
                // In a tree that changes, shards may find different things at one place.
                None => {
                    finding.update(|sums| *sums = more);
                    self.ledger.found(&dir.home, &finding, || dir.path());
                }
            }
        }
    }

    fn opened(
        &self,
        path: &[u8],
        attrs: crate::usage::Attrs,
        home: Option<(HomeKind, Option<u32>, Option<u32>)>,
    ) -> io::Result<Arc<Dir>> {
        let ledger = self.ledger;
        let (above, name) = match path.iter().rposition(|byte| *byte == b'/') {
            Some(slash) => (&path[..slash], &path[slash + 1..]),
            None => (&b""[..], path),
        };
        let parent = match path {
            b"" => None,
            _ => Some(&self.trunk.get(above).ok_or_else(damaged)?.0),
        };
        let opens = home.map(|home| ledger.open_home(path.into(), owner(home)));
        let home = opens.or_else(|| parent.map(|parent| Arc::clone(&parent.home)));
        let home = home.ok_or_else(damaged)?;
        let mut dir = Dir::new(parent, name.into(), attrs, home, Box::default());
        dir.inherited = parent.and_then(|parent| parent.finding().cloned());
        dir.account = match (ledger.dirs(), parent) {
            (None, _) => None,
            (Some(_), None) => Some(Box::default()),
            (Some(_), Some(parent)) => Some(DirAccount::below(parent, name, &dir.home)),
        };
        // Relaxed: one thread merges.
        parent.iter().for_each(|parent| _ = parent.open.fetch_add(1, Ordering::Relaxed));
        Ok(Arc::new(dir))
    }

    fn home(&self, adding: &mut Adding<'_>, from: &mut Unpacker<'_>) {
        let path: Box<[u8]> = Pack::unpack(from);
        let owned = (Pack::unpack(from), Pack::unpack(from), Pack::unpack(from));
        let number = |number| adding.finding(number);
        let more = books::unpack(&path, self.ledger.setup.top, from, &number);
        let in_trunk = self.trunk.get(&path).filter(|(dir, _)| dir.is_home_itself());
        let home: Arc<Home> = match in_trunk {
            Some((dir, _)) => Arc::clone(&dir.home),
            None => self.ledger.open_home(path, owner(owned)),
        };
        adding.homes.push(home.number);
        let limit = self.ledger.setup.top * FINDINGS_PER_TOP;
        home.books(|books| books.merge(more, limit));
        if in_trunk.is_none() {
            // No other shard has it.
            self.ledger.close_books(&home);
        }
    }

    /// Notes that a shard is not there, with the reason. The run is partial then, and the homes and
    /// findings of which the shard may have parts are.
    pub fn lacks(&mut self, reason: &str) {
        let error = io::Error::other(reason);
        self.ledger.errors(|errors| {
            errors.above_homes += 1;
            errors.add(Problem::new(Vec::new(), Op::Merge, &error));
        });
        for (dir, _) in self.trunk.values() {
            if dir.is_home_itself() {
                dir.home.books(|books| books.errors += 1);
            }
            if let Some(finding) = dir.finding() {
                finding.hold(Content::Unread);
            }
        }
        if let Some(dirs) = self.ledger.dirs() {
            dirs.give_up(reason);
        }
    }

    /// Completes the directories of the trunk. [`Ledger::finish`] comes next.
    pub fn end(self) {
        for (dir, notes) in self.trunk.into_values() {
            if !notes.is_empty() {
                self.ledger.note(&dir, notes);
            }
            dir.close(|dir, subtree| self.ledger.complete(dir, subtree));
        }
    }
}

fn owner((kind, uid, directory): (HomeKind, Option<u32>, Option<u32>)) -> Option<HomeOwner> {
    Some(HomeOwner { kind, uid: uid?, directory: directory? })
}

/// The records in a frame.
fn records<const SIZE: usize>(bytes: &[u8]) -> io::Result<&[[u8; SIZE]]> {
    match bytes.as_chunks() {
        (records, []) => Ok(records),
        _ => Err(damaged()),
    }
}
