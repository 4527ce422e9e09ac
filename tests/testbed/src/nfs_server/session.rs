//! A session: its slots and the rules of their sequence ids (RFC 8881, 2.10.6).

use std::collections::HashSet;
use std::sync::atomic::{
    AtomicBool, AtomicU32, AtomicU64,
    Ordering::{Relaxed, SeqCst},
};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::protocol::Status;
use super::request::{Channel, Sequence, SessionId};

/// Locks, also behind a thread that panicked: what is behind our locks is valid at any time.
pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[derive(Debug)]
pub(super) struct Session {
    pub(super) id: SessionId,
    pub(super) client: u64,
    /// What was granted for the fore channel.
    pub(super) granted: Channel,
    /// Ended, by anybody. A connection that still holds it finds out by this.
    pub(super) dead: AtomicBool,
    /// When the client was heard of last, in milliseconds since the server's start.
    pub(super) heard: Arc<AtomicU64>,
    /// Connections that belong to it.
    bound: Mutex<HashSet<u64>>,
    slots: Mutex<Vec<Slot>>,
    /// For each slot, the connection whose request is in flight; 0 for none. SeqCst: nothing here
    /// is worth an argument.
    busy: Vec<AtomicU64>,
    /// `sr_target_highest_slotid`.
    target: AtomicU32,
}

#[derive(Debug, Clone, Default)]
struct Slot {
    /// Of the latest request.
    sequence: u32,
    /// What it asked for.
    hash: u64,
    /// Through which connection it came.
    connection: u64,
    /// Its reply behind the xid, if it was cached.
    reply: Option<Vec<u8>>,
}

/// What a SEQUENCE is.
#[derive(Debug)]
pub(super) enum Begun {
    New,
    /// A repetition of the latest request, with the reply if it was cached.
    Repeated(Option<Vec<u8>>),
    /// It fails. With words where the client broke a rule.
    Failed(Status, Option<String>),
}

impl Session {
    pub(super) fn new(id: SessionId, client: u64, granted: Channel, heard: Arc<AtomicU64>) -> Self {
        let slots = granted.max_requests as usize;
        Self {
            id,
            client,
            granted,
            dead: AtomicBool::new(false),
            heard,
            bound: Mutex::default(),
            slots: Mutex::new(vec![Slot::default(); slots]),
            busy: (0..slots).map(|_| AtomicU64::new(0)).collect(),
            target: AtomicU32::new(granted.max_requests.saturating_sub(1)),
        }
    }

    pub(super) fn bind(&self, connection: u64) {
        lock(&self.bound).insert(connection);
    }

    pub(super) fn is_bound(&self, connection: u64) -> bool {
        lock(&self.bound).contains(&connection)
    }

    /// The highest slot there is.
    pub(super) fn highest(&self) -> u32 {
        self.granted.max_requests.saturating_sub(1)
    }

    pub(super) fn target(&self) -> u32 {
        self.target.load(Relaxed)
    }

    pub(super) fn set_target(&self, highest: u32) {
        self.target.store(highest.min(self.highest()), Relaxed);
    }

    /// Takes a slot for a request. `hash` stands for what the request asks for besides.
    pub(super) fn begin(&self, asked: &Sequence, hash: u64, connection: u64) -> Begun {
        let number = asked.slot;
        let failed = |status, why: &str| {
            let sequence = asked.sequence;
            Begun::Failed(status, Some(format!("slot {number}, sequence {sequence}: {why}")))
        };
        let mut slots = lock(&self.slots);
        let granted = slots.len();
        let (Some(slot), Some(busy)) =
            (slots.get_mut(number as usize), self.busy.get(number as usize))
        else {
            return failed(Status::BADSLOT, &format!("only {granted} slots were granted"));
        };
        if asked.highest_slot as usize >= granted {
            let why = format!("highest slot {} of {granted}", asked.highest_slot);
            return failed(Status::BAD_HIGH_SLOT, &why);
        }
        let next = slot.sequence.wrapping_add(1);
        let holder = busy.load(SeqCst);
        if holder != 0 {
            // A retry after the connection broke, of which the server has not heard yet, is
            // within the rules; its reply may still be on its way.
            return match (asked.sequence == slot.sequence, holder == connection) {
                (true, false) => Begun::Failed(Status::DELAY, None),
                (true, true) => failed(Status::DELAY, "sent again while in flight"),
                // The request before went out on a connection that is gone, unanswered: its
                // reply never comes.
                (false, _) if asked.sequence != next || holder == connection => {
                    failed(Status::SEQ_MISORDERED, "two requests at once on one slot")
                }
                (false, _) => Begun::Failed(Status::SEQ_MISORDERED, None),
            };
        }
        if asked.sequence == next {
            *slot = Slot { sequence: next, hash, connection, reply: None };
            busy.store(connection, SeqCst);
            return Begun::New;
        }
        if asked.sequence == slot.sequence && slot.connection != 0 {
            if slot.hash != hash {
                return failed(Status::SEQ_FALSE_RETRY, "another request than the one it repeats");
            }
            return Begun::Repeated(slot.reply.clone());
        }
        // From another connection it may be an old request that was overtaken by its own retry.
        match slot.connection != 0 && slot.connection != connection {
            true => Begun::Failed(Status::SEQ_MISORDERED, None),
            false => failed(Status::SEQ_MISORDERED, &format!("{next} was next")),
        }
    }

    /// Keeps the reply, without its xid, of the request that has the slot.
    pub(super) fn keep(&self, slot: u32, reply: &[u8]) {
        if let Some(slot) = lock(&self.slots).get_mut(slot as usize) {
            slot.reply = Some(reply.to_vec());
        }
    }

    /// The request that had the slot is answered, or never will be.
    pub(super) fn release(&self, slot: u32) {
        if let Some(busy) = self.busy.get(slot as usize) {
            busy.store(0, SeqCst);
        }
    }
}

/// Stands for what a request asks for: whatever differs has another number, almost always.
pub(super) fn hash(bytes: &[u8]) -> u64 {
    const FACTOR: u64 = 0x9e37_79b9_7f4a_7c15;
    let (words, rest) = bytes.as_chunks::<8>();
    let step = |hash: u64, word: u64| (hash ^ word).wrapping_mul(FACTOR).rotate_left(29);
    let hash = words.iter().fold(FACTOR, |hash, word| step(hash, u64::from_le_bytes(*word)));
    let mut last = [0; 8];
    last[..rest.len()].copy_from_slice(rest);
    step(step(hash, u64::from_le_bytes(last)), bytes.len() as u64)
}
