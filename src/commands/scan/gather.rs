//! Gathers the shards of a run: waits for them, and settles which the run is made of.
//!
//! The key of each shard settles that. The shard writes there on the condition that nothing is there, and so
//! does a merge that goes on without it. Whoever comes second sees what the first one wrote. So all merges of
//! a run are made of the same shards, also one that repeats another that was killed, and no shard that the
//! merge went on without ends well.

use std::io::Write;
use std::time::{Duration, Instant};

use super::shard::failed;
use super::slot::{self, NoShard};
use crate::exit::Failure;
use crate::log;
use crate::scan::descriptor_limit;
use crate::service_error::ServiceResult;
use crate::shards::{self, Agreed, Head, Keys, Merged, Opened, write_object};
use crate::stop::Stop;
use crate::store::{Condition, Put, Store};

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

/// A shard that is there.
struct Found {
    head: Head,
    /// Its file, if not too many are open.
    opened: Option<Box<Opened>>,
}

/// The shards of a run, as far as they are known.
pub(super) struct Shards<'a> {
    store: &'a dyn Store,
    keys: &'a Keys,
    agreed: &'a Agreed,
    /// By number, from 1.
    slots: Vec<Result<Box<Found>, NoShard>>,
    /// How many more files may be open.
    room: u64,
}

impl<'a> Shards<'a> {
    pub(super) fn new(store: &'a dyn Store, keys: &'a Keys, agreed: &'a Agreed) -> Self {
        let missing = |_| Err(NoShard::missing(Condition::Absent));
        let slots = (0..agreed.plan.request.shards).map(missing).collect();
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
            if is_settled(&self.slots[at]) {
                at += 1;
            } else if let Ok(Some(merged)) = self.merged() {
                return Ok(Some(merged));
            } else if wait.rest() {
                match &self.slots[at] {
                    Err(NoShard::Unread(why)) if warned != Some(at) => {
                        log::warn!("waiting for shard {}, which cannot be read: {why}", at + 1);
                        warned = Some(at);
                    }
                    _ => log::debug!("waiting for shard {}", at + 1),
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
        match self.slots.iter().all(is_settled) {
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
            if let Err(NoShard::Unread(problem)) = slot {
                return Err(unread(shard, problem));
            }
        }
        if self.slots.iter().any(Result::is_ok) {
            return Ok(());
        }
        let why = self.all().find_map(|(_, head)| head.err()).unwrap_or_default();
        Err(Failure::fatal(format!("no shard can be merged; shard 1: {why}")))
    }

    /// Writes a marker at the key of each missing shard. One that arrived meanwhile is merged.
    ///
    /// # Errors
    /// If that cannot be written. Then nothing may be published.
    pub(super) fn leave_out(&mut self) -> Result<(), Failure> {
        for at in 0..self.slots.len() {
            for _ in 0..ATTEMPTS {
                let Err(NoShard::Lacking(why, condition)) = &self.slots[at] else { break };
                match self.put_left_out(at, why, condition).map_err(failed)? {
                    Put::Done => self.slots[at] = Err(NoShard::LeftOut(why.clone())),
                    Put::Conflict => self.look(at),
                }
            }
            match &self.slots[at] {
                Err(NoShard::Unread(problem)) => return Err(unread(at + 1, problem)),
                Err(NoShard::Lacking(..)) => return Err(unread(at + 1, "it changes all the time")),
                _ => {}
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
        let heads = self.slots.iter().map(|slot| match slot {
            Ok(found) => Ok(&found.head),
            Err(no) => Err(no.why()),
        });
        (1..).zip(heads)
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
        let again;
        let opened = match &self.slots[shard as usize - 1] {
            Ok(found) if let Some(opened) = &found.opened => opened,
            _ => {
                let found = slot::look(self.store, self.keys, self.agreed, shard);
                again = found.map_err(|no| unread(shard as usize, no.why()))?;
                &again
            }
        };
        let taken = opened.accounts().and_then(|mut from| take(&mut from));
        taken.map_err(|error| Failure::fatal(format!("shard {shard}: {error}")))
    }

    /// Looks at a shard again.
    fn look(&mut self, at: usize) {
        let (key, shard) = self.key(at);
        let opened = slot::condition_of(self.store, &key).and_then(|condition| {
            // An unusable object is fetched again only if it changed.
            match &self.slots[at] {
                Err(NoShard::Lacking(why, before)) if *before == condition => {
                    Err(NoShard::Lacking(why.clone(), condition))
                }
                _ => slot::open(self.store, self.keys, self.agreed, shard, condition),
            }
        });
        self.slots[at] = opened.map(|opened| {
            let keeps = self.room > 0;
            self.room = self.room.saturating_sub(1);
            Box::new(Found { head: opened.head.clone(), opened: keeps.then_some(opened) })
        });
    }

    /// The key of a shard, and its number.
    fn key(&self, at: usize) -> (String, u32) {
        let shard = u32::try_from(at).map_or(u32::MAX, |at| at + 1);
        (self.keys.shard(shard), shard)
    }
}

/// True if nobody changes the contents of a key any more.
fn is_settled(slot: &Result<Box<Found>, NoShard>) -> bool {
    matches!(slot, Ok(_) | Err(NoShard::LeftOut(_)))
}

fn unread(shard: usize, problem: &str) -> Failure {
    Failure::fatal(format!(
        "shard {shard} cannot be read: {problem}. This merge published nothing: run it again"
    ))
}
