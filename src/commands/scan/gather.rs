//! Gathers the shards of a run: waits for them, and settles which the run is made of.
//!
//! The key of each shard settles that. The shard writes there on the condition that nothing is there, and so
//! does a merge that goes on without it. Whoever comes second sees what the first one wrote. So all merges of
//! a run are made of the same shards, also one that repeats another that was killed, and no shard that the
//! merge went on without ends well.

use std::io::Write;
use std::time::{Duration, Instant};

use super::shard::{MOST_SHARD, failed};
use crate::exit::Failure;
use crate::log;
use crate::scan::descriptor_limit;
use crate::service_error::ServiceResult;
use crate::shards::{
    self, Agreed, Head, Keys, Merged, Opened, Unusable, open_object, write_object,
};
use crate::stop::Stop;
use crate::store::{Condition, Put, Store, fetched};

/// Time between two looks for shards that are not there yet.
const PAUSE: Duration = Duration::from_secs(2);

/// How often somebody else may write first while a shard is left out.
const ATTEMPTS: usize = 10;

/// How long to wait for what is not there yet.
pub(super) struct Wait<'a> {
    until: Instant,
    stop: &'a Stop,
}

impl<'a> Wait<'a> {
    pub(super) fn new(time: Duration, stop: &'a Stop) -> Self {
        Self { until: Instant::now() + time, stop }
    }

    /// Waits until it is time to look again. Returns false if there is no time left.
    pub(super) fn rest(&self) -> bool {
        let pause = self.until.min(Instant::now() + PAUSE);
        let has_time = Instant::now() < self.until;
        while Instant::now() < pause && !self.stop.is_set() {
            std::thread::sleep(Duration::from_millis(50));
        }
        has_time && !self.stop.is_set()
    }
}

/// What is at the key of a shard.
enum Slot {
    /// The shard. Its file is open if there are not too many.
    Whole(Box<Head>, Option<Box<Opened>>),
    /// A merge's marker: the run is made without this shard, and why.
    LeftOut(String),
    /// Nothing that can be merged, and what to write on. The shard may still come.
    Lacking(String, Condition),
    /// Something that could not be read here.
    Unread(String),
}

impl Slot {
    fn is_settled(&self) -> bool {
        matches!(self, Self::Whole(..) | Self::LeftOut(_))
    }

    /// Returns what is said of the shard, or why it cannot be merged.
    fn head(&self) -> Result<&Head, &str> {
        match self {
            Self::Whole(head, _) => Ok(head),
            Self::LeftOut(why) | Self::Lacking(why, _) | Self::Unread(why) => Err(why),
        }
    }
}

/// The shards of a run, as far as they are known.
pub(super) struct Shards<'a> {
    store: &'a dyn Store,
    keys: &'a Keys,
    agreed: &'a Agreed,
    /// By number, from 1.
    slots: Vec<Slot>,
    /// How many more files may be open.
    room: u64,
}

impl<'a> Shards<'a> {
    pub(super) fn new(store: &'a dyn Store, keys: &'a Keys, agreed: &'a Agreed) -> Self {
        let missing = || Slot::Lacking("it is missing".to_owned(), Condition::Absent);
        let slots = (0..agreed.plan.request.shards).map(|_| missing()).collect();
        // The other half is for what else is open: threads, temporary files, the store.
        Self { store, keys, agreed, slots, room: descriptor_limit() / 2 }
    }

    /// Waits until all shards are there, or the time is over. Returns the result of another merge that finished
    /// first: it deletes the shards.
    ///
    /// # Errors
    /// If it cannot be found out whether the run is merged.
    pub(super) fn wait(&mut self, wait: &Wait<'_>) -> Result<Option<Merged>, Failure> {
        let (mut at, mut warned) = (0, None);
        // It looks at one at a time, because an array may have thousands.
        while at < self.slots.len() {
            self.look(at);
            if self.slots[at].is_settled() {
                at += 1;
            } else if let Ok(Some(merged)) = self.merged() {
                return Ok(Some(merged));
            } else if wait.rest() {
                let why = self.slots[at].head().err().unwrap_or_default();
                match &self.slots[at] {
                    Slot::Unread(_) if warned != Some(at) => {
                        log::warn!("waiting for shard {}, which cannot be read: {why}", at + 1);
                        warned = Some(at);
                    }
                    _ => log::debug!("waiting for shard {}: {why}", at + 1),
                }
            } else {
                break;
            }
        }
        for at in at..self.slots.len() {
            if !wait.stop.is_set() {
                self.look(at);
            }
        }
        match self.slots.iter().all(Slot::is_settled) {
            true => Ok(None),
            false => self.merged().map_err(failed),
        }
    }

    /// Checks that something can be merged, and that nothing is lost only because it cannot be read here.
    ///
    /// # Errors
    /// Says what to do.
    pub(super) fn check(&self) -> Result<(), Failure> {
        for (slot, shard) in self.slots.iter().zip(1..) {
            if let Slot::Unread(problem) = slot {
                return Err(unread(shard, problem));
            }
        }
        if self.slots.iter().any(|slot| slot.head().is_ok()) {
            return Ok(());
        }
        let why = self.slots.first().and_then(|slot| slot.head().err()).unwrap_or_default();
        Err(Failure::fatal(format!("no shard can be merged; shard 1: {why}")))
    }

    /// Writes a marker at the key of each missing shard. One that arrived meanwhile is merged.
    ///
    /// # Errors
    /// If that cannot be written. Then nothing may be published.
    pub(super) fn leave_out(&mut self) -> Result<(), Failure> {
        for at in 0..self.slots.len() {
            for _ in 0..ATTEMPTS {
                let Slot::Lacking(why, condition) = &self.slots[at] else { break };
                match self.put_left_out(at, why, condition).map_err(failed)? {
                    Put::Done => self.slots[at] = Slot::LeftOut(why.clone()),
                    Put::Conflict => self.look(at),
                }
            }
            if let Slot::Unread(problem) | Slot::Lacking(problem, _) = &self.slots[at] {
                return Err(unread(at + 1, problem));
            }
        }
        Ok(())
    }

    fn put_left_out(&self, at: usize, why: &str, condition: &Condition) -> ServiceResult<Put> {
        let (key, shard) = self.key(at);
        let head = Head::left_out(self.agreed.digest.clone(), shard, why);
        let fill = |to: &mut dyn Write| write_object(to, &head, |_| Ok(()));
        self.store.put_filled(&key, &fill, condition.clone())
    }

    /// Reads that the run was merged, if it was.
    ///
    /// # Errors
    /// If it cannot be read.
    pub(super) fn merged(&self) -> ServiceResult<Option<Merged>> {
        shards::merged(self.store, self.keys)
    }

    /// Returns the shards in order: each by its number, with its head, or with the reason why it is not in
    /// this run.
    pub(super) fn all(&self) -> impl Iterator<Item = (u32, Result<&Head, &str>)> {
        (1..).zip(self.slots.iter().map(Slot::head))
    }

    /// Passes the accounts of a shard to `take`, by its number.
    ///
    /// # Errors
    /// Names the shard.
    pub(super) fn read(
        &self,
        shard: u32,
        take: impl FnOnce(&mut dyn std::io::Read) -> std::io::Result<()>,
    ) -> Result<(), Failure> {
        let at = shard as usize - 1;
        let again;
        let opened: &Opened = match &self.slots[at] {
            Slot::Whole(_, Some(opened)) => opened,
            _ => {
                again = self.fetch(at).map_err(|slot| {
                    unread(at + 1, slot.head().err().unwrap_or("it was changed"))
                })?;
                &again
            }
        };
        let taken = opened.accounts().and_then(|mut from| take(&mut from));
        taken.map_err(|error| Failure::fatal(format!("shard {shard}: {error}")))
    }

    /// Looks at a shard again.
    fn look(&mut self, at: usize) {
        let (key, _) = self.key(at);
        let version = match self.store.head(&key, 1) {
            Ok(object) => object.map(|object| object.version),
            Err(error) => {
                self.slots[at] = Slot::Unread(error.text);
                return;
            }
        };
        let condition = version.map_or(Condition::Absent, Condition::Unchanged);
        // An unusable object is fetched again only if it changed.
        let is_known = |before: &Condition| condition != Condition::Absent && *before == condition;
        if matches!(&self.slots[at], Slot::Lacking(_, before) if is_known(before)) {
            return;
        }
        self.slots[at] = match self.fetch(at) {
            Ok(opened) => {
                let head = Box::new(opened.head.clone());
                let keeps = self.room > 0;
                self.room = self.room.saturating_sub(1);
                Slot::Whole(head, keeps.then(|| Box::new(opened)))
            }
            Err(Slot::Lacking(why, _)) => Slot::Lacking(why, condition),
            Err(other) => other,
        };
    }

    /// Fetches a shard. What cannot be merged is returned as the contents of its key.
    fn fetch(&self, at: usize) -> Result<Opened, Slot> {
        let (key, shard) = self.key(at);
        let lacking = |why: String| Slot::Lacking(why, Condition::Absent);
        let file =
            fetched(self.store, &key, MOST_SHARD).map_err(|error| Slot::Unread(error.text))?;
        let file = file.ok_or_else(|| lacking("it is missing".to_owned()))?;
        open_object(file, &self.agreed.digest, shard).map_err(|problem| match problem {
            Unusable::LeftOut(why) => Slot::LeftOut(why),
            Unusable::Unreadable(_) => Slot::Unread(problem.to_string()),
            _ => lacking(problem.to_string()),
        })
    }

    /// The key of a shard, and its number.
    fn key(&self, at: usize) -> (String, u32) {
        let shard = u32::try_from(at).map_or(u32::MAX, |at| at + 1);
        (self.keys.shard(shard), shard)
    }
}

fn unread(shard: usize, problem: &str) -> Failure {
    Failure::fatal(format!(
        "shard {shard} cannot be read: {problem}. This merge published nothing: run it again"
    ))
}
