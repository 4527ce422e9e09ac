//! The slots of a session: which are free, and the number of each one's next request (RFC 8881,
//! section 2.10.6.1).
//!
//! A slot carries one request at a time, numbered by one more than its last that was done. A
//! request that fails in SEQUENCE itself was not done: its number is the next one's again.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

/// What became of a slot's request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Slot {
    /// SEQUENCE was done, whatever the operations behind it came to.
    Done,
    /// SEQUENCE failed.
    Refused,
}

/// The slots of one session.
#[derive(Debug)]
pub(super) struct Slots {
    /// Number of each slot's next request.
    next: Vec<u32>,
    /// The lowest first: a server that has many slots may take the highest ones away.
    free: BinaryHeap<Reverse<u32>>,
    /// Whether each carries a request.
    busy: Vec<bool>,
    /// No slot above this one does.
    highest: u32,
    /// The highest that the server wants to be used.
    target: u32,
}

impl Slots {
    /// As many as the server granted, at least one.
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

    /// How many may carry requests at once.
    pub(super) fn usable(&self) -> usize {
        self.next.len().min(self.target as usize + 1)
    }

    /// How many carry one.
    pub(super) fn in_flight(&self) -> usize {
        self.next.len() - self.free.len()
    }

    /// Takes a free slot: it, the number of its request, and the highest slot in use with it.
    pub(super) fn take(&mut self) -> Option<(u32, u32, u32)> {
        // The lowest is above the target: all are, until requests come back.
        let Reverse(slot) = *self.free.peek().filter(|slot| slot.0 <= self.target)?;
        self.free.pop();
        self.busy[slot as usize] = true;
        self.highest = self.highest.max(slot);
        Some((slot, self.next[slot as usize], self.highest))
    }

    /// Gives a slot back.
    pub(super) fn give_back(&mut self, slot: u32, what: Slot) {
        let at = slot as usize;
        if what == Slot::Done {
            // The number after the last one is 0 (section 2.10.6.1).
            self.next[at] = self.next[at].wrapping_add(1);
        }
        self.busy[at] = false;
        self.free.push(Reverse(slot));
        while self.highest > 0 && !self.busy[self.highest as usize] {
            self.highest -= 1;
        }
    }

    /// The server wants no slot above this one to be used. There is always one.
    pub(super) fn aim(&mut self, target: u32) {
        self.target = target.min(self.next.len() as u32 - 1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_go_on_where_the_server_did_the_request() {
        let mut slots = Slots::new(2, 100);
        assert_eq!(slots.take(), Some((0, 1, 0)));
        assert_eq!(slots.take(), Some((1, 1, 1)));
        assert_eq!(slots.take(), None);
        slots.give_back(0, Slot::Done);
        assert_eq!(slots.take(), Some((0, 2, 1)));
        slots.give_back(0, Slot::Refused);
        slots.give_back(1, Slot::Done);
        assert_eq!(slots.take(), Some((0, 2, 0)), "the number of what was refused again");
        assert_eq!((slots.in_flight(), slots.usable()), (1, 2));
    }

    #[test]
    fn the_target_is_kept_as_requests_come_back() {
        let mut slots = Slots::new(64, 4);
        assert_eq!(slots.usable(), 4, "as many as are wanted");
        let all: Vec<_> = std::iter::from_fn(|| slots.take()).collect();
        assert_eq!(all.len(), 4);
        slots.aim(1);
        slots.give_back(3, Slot::Done);
        assert_eq!(slots.take(), None, "the highest are not used any more");
        slots.give_back(1, Slot::Done);
        assert_eq!(slots.take(), Some((1, 2, 2)));
        slots.aim(1_000_000);
        assert_eq!(slots.take(), Some((3, 2, 3)));
        slots.aim(0);
        assert_eq!(slots.usable(), 1);
    }

    #[test]
    fn a_server_that_grants_none_grants_one() {
        assert_eq!(Slots::new(0, 100).take(), Some((0, 1, 0)));
    }

    #[test]
    fn numbers_begin_again() {
        let mut slots = Slots::new(1, 1);
        slots.next[0] = u32::MAX;
        assert_eq!(slots.take(), Some((0, u32::MAX, 0)));
        slots.give_back(0, Slot::Done);
        assert_eq!(slots.take(), Some((0, 0, 0)));
    }
}
