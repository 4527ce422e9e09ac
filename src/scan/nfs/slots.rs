//! Slots of a session and their sequence ids (RFC 8881, section 2.10.6.1).
//!
//! A slot carries one request at a time. The request's sequence id is that of the slot's last
//! executed request plus one. A request that fails in SEQUENCE itself was not executed, so the next
//! one reuses its sequence id.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

/// Outcome of a slot's request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum SlotOutcome {
    /// SEQUENCE succeeded. The operations after it may have failed.
    Completed,
    /// SEQUENCE failed.
    Refused,
}

/// The slot table of one session.
#[derive(Debug)]
pub(super) struct SlotTable {
    /// Sequence id of each slot's next request.
    next: Vec<u32>,
    /// Free slots, lowest first: a server may withdraw the highest ones.
    free: BinaryHeap<Reverse<u32>>,
    /// True for each slot with a request in flight.
    busy: Vec<bool>,
    /// The highest slot with a request in flight.
    highest: u32,
    /// The highest slot the server wants us to use (`sr_target_highest_slotid`).
    target: u32,
}

impl SlotTable {
    /// Creates a table of the granted number of slots, at most `most` and at least one.
    pub(super) fn new(granted: u32, most: u32) -> Self {
        let count = granted.min(most).max(1);
        Self {
            next: vec![1; count as usize],
            free: (0..count).map(Reverse).collect(),
            busy: vec![false; count as usize],
            highest: 0,
            target: count - 1,
        }
    }

    /// Returns the number of slots that may be in use at once.
    pub(super) fn usable(&self) -> usize {
        self.next.len().min(self.target as usize + 1)
    }

    /// Returns the number of slots in use.
    pub(super) fn in_flight(&self) -> usize {
        self.next.len() - self.free.len()
    }

    /// Takes a free slot. Returns the slot, its sequence id and the highest slot in use.
    pub(super) fn acquire(&mut self) -> Option<(u32, u32, u32)> {
        // If the lowest free slot is above the target, they all are.
        let Reverse(slot) = *self.free.peek().filter(|slot| slot.0 <= self.target)?;
        self.free.pop();
        self.busy[slot as usize] = true;
        self.highest = self.highest.max(slot);
        Some((slot, self.next[slot as usize], self.highest))
    }

    /// Frees a slot.
    pub(super) fn release(&mut self, slot: u32, outcome: SlotOutcome) {
        let at = slot as usize;
        if outcome == SlotOutcome::Completed {
            // After the highest sequence id comes 0 (section 2.10.6.1).
            self.next[at] = self.next[at].wrapping_add(1);
        }
        self.busy[at] = false;
        self.free.push(Reverse(slot));
        while self.highest > 0 && !self.busy[self.highest as usize] {
            self.highest -= 1;
        }
    }

    /// Sets the highest slot to use. Slot 0 is always usable.
    pub(super) fn set_target(&mut self, target: u32) {
        self.target = target.min(self.next.len() as u32 - 1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sequence_ids_advance_only_for_executed_requests() {
        let mut slots = SlotTable::new(2, 100);
        assert_eq!(slots.acquire(), Some((0, 1, 0)));
        assert_eq!(slots.acquire(), Some((1, 1, 1)));
        assert_eq!(slots.acquire(), None);
        slots.release(0, SlotOutcome::Completed);
        assert_eq!(slots.acquire(), Some((0, 2, 1)));
        slots.release(0, SlotOutcome::Refused);
        slots.release(1, SlotOutcome::Completed);
        assert_eq!(slots.acquire(), Some((0, 2, 0)), "the refused request's sequence id is reused");
        assert_eq!((slots.in_flight(), slots.usable()), (1, 2));
    }

    #[test]
    fn the_target_takes_effect_as_slots_are_freed() {
        let mut slots = SlotTable::new(64, 4);
        assert_eq!(slots.usable(), 4, "limited by `most`");
        let all: Vec<_> = std::iter::from_fn(|| slots.acquire()).collect();
        assert_eq!(all.len(), 4);
        slots.set_target(1);
        slots.release(3, SlotOutcome::Completed);
        assert_eq!(slots.acquire(), None, "slots above the target are not used");
        slots.release(1, SlotOutcome::Completed);
        assert_eq!(slots.acquire(), Some((1, 2, 2)));
        slots.set_target(1_000_000);
        assert_eq!(slots.acquire(), Some((3, 2, 3)));
        slots.set_target(0);
        assert_eq!(slots.usable(), 1);
    }

    #[test]
    fn there_is_always_one_slot() {
        assert_eq!(SlotTable::new(0, 100).acquire(), Some((0, 1, 0)));
    }

    #[test]
    fn sequence_ids_wrap_to_zero() {
        let mut slots = SlotTable::new(1, 1);
        slots.next[0] = u32::MAX;
        assert_eq!(slots.acquire(), Some((0, u32::MAX, 0)));
        slots.release(0, SlotOutcome::Completed);
        assert_eq!(slots.acquire(), Some((0, 0, 0)));
    }
}
