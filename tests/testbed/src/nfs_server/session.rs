//! A session: its slots and the rules of their sequence ids (RFC 8881, section 2.10.6).

use std::collections::HashSet;
use std::sync::atomic::{
    AtomicBool, AtomicU32, AtomicU64,
    Ordering::{Relaxed, SeqCst},
};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::protocol::Status;
use super::request::{Channel, Sequence, SessionId};

/// Locks even if a thread panicked: the protected data is always valid.
pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[derive(Debug)]
pub(super) struct Session {
    pub(super) id: SessionId,
    pub(super) client: u64,
    /// The granted fore channel.
    pub(super) granted: Channel,
    /// True once the session is destroyed. Connections that still hold the session check this.
    pub(super) dead: AtomicBool,
    /// Time of the last lease renewal, in milliseconds since the server's start.
    pub(super) heard: Arc<AtomicU64>,
    /// Connections bound to it.
    bound: Mutex<HashSet<u64>>,
    slots: Mutex<Vec<Slot>>,
    /// Per slot, the connection whose request is in flight; 0 for none. SeqCst: a weaker ordering
    /// gains nothing here.
    busy: Vec<AtomicU64>,
    /// `sr_target_highest_slotid`.
    target: AtomicU32,
}

#[derive(Debug, Clone, Default)]
struct Slot {
    /// Sequence id of the latest request.
    sequence: u32,
    /// Hash of its operations.
    hash: u64,
    /// The connection it came on.
    connection: u64,
    /// Its reply after the xid, if cached.
    reply: Option<Vec<u8>>,
}

/// Classification of a SEQUENCE.
#[derive(Debug)]
pub(super) enum Begun {
    New,
    /// A retry of the latest request, with the reply if it was cached.
    Repeated(Option<Vec<u8>>),
    /// It fails. Has a text if the client violated the protocol.
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

    /// Returns the highest slot.
    pub(super) fn highest(&self) -> u32 {
        self.granted.max_requests.saturating_sub(1)
    }

    pub(super) fn target(&self) -> u32 {
        self.target.load(Relaxed)
    }

    pub(super) fn set_target(&self, highest: u32) {
        self.target.store(highest.min(self.highest()), Relaxed);
    }

    /// Takes a slot for a request. `hash` identifies its other operations.
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
            // A retry after a connection loss the server has not noticed yet is legitimate; its
            // reply may still be on the way.
            return match (asked.sequence == slot.sequence, holder == connection) {
                (true, false) => Begun::Failed(Status::DELAY, None),
                (true, true) => failed(Status::DELAY, "sent again while in flight"),
                // The previous request came on a lost connection and its reply never arrives.
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
        // On another connection it may be an old request overtaken by its own retry.
        match slot.connection != 0 && slot.connection != connection {
            true => Begun::Failed(Status::SEQ_MISORDERED, None),
            false => failed(Status::SEQ_MISORDERED, &format!("{next} was next")),
        }
    }

    /// Caches the reply, without its xid, of the slot's request.
    pub(super) fn keep(&self, slot: u32, reply: &[u8]) {
        if let Some(slot) = lock(&self.slots).get_mut(slot as usize) {
            slot.reply = Some(reply.to_vec());
        }
    }

    /// Frees the slot: its request is answered, or never will be.
    pub(super) fn release(&self, slot: u32) {
        if let Some(busy) = self.busy.get(slot as usize) {
            busy.store(0, SeqCst);
        }
    }
}

/// Identifies a request's operations: different ones almost always differ in hash.
pub(super) fn hash(bytes: &[u8]) -> u64 {
    const FACTOR: u64 = 0x9e37_79b9_7f4a_7c15;
    let (words, rest) = bytes.as_chunks::<8>();
    let step = |hash: u64, word: u64| (hash ^ word).wrapping_mul(FACTOR).rotate_left(29);
    let hash = words.iter().fold(FACTOR, |hash, word| step(hash, u64::from_le_bytes(*word)));
    let mut last = [0; 8];
    last[..rest.len()].copy_from_slice(rest);
    step(step(hash, u64::from_le_bytes(last)), bytes.len() as u64)
}
