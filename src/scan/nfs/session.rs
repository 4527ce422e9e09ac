//! A session: its slots and the requests that await a reply.

use std::time::{Duration, Instant};

use super::compound::{CacheThis, ChannelAttrs, Request, SequenceArgs, SessionId};
use super::rpc::Credential;
use super::slots::{SlotOutcome, SlotTable};
use super::walk::{ReadTask, RequestLimits};

/// The channel attributes we request. The cached reply size is tiny because Linux grants fewer
/// slots to a client with a large reply cache, and we need none: repeating a read is harmless.
pub(super) const REQUESTED_CHANNEL: ChannelAttrs = ChannelAttrs {
    max_request: 1 << 20,
    max_response: 1 << 20,
    max_response_cached: 128,
    max_operations: 1024,
    max_requests: 4096,
};

/// A session and its requests in flight.
#[derive(Debug)]
pub(super) struct NfsSession {
    pub(super) id: SessionId,
    pub(super) slots: SlotTable,
    pub(super) limits: RequestLimits,
    pending: Vec<Option<PendingRequest>>,
    /// The xid of each slot's last reply, until a duplicate of it arrives. One duplicate is
    /// tolerated; a server could send further ones forever.
    last_answered: Vec<Option<u32>>,
    oldest: Option<Instant>,
}

/// A request in flight.
#[derive(Debug)]
pub(super) struct PendingRequest {
    pub(super) xid: u32,
    pub(super) slot: u32,
    pub(super) sequence: u32,
    pub(super) tasks: Vec<ReadTask>,
    pub(super) sent: Instant,
}

/// Result of matching a reply to the requests.
#[derive(Debug)]
pub(super) enum ReplyMatch {
    Pending(PendingRequest),
    /// A request that already has its reply.
    Duplicate,
    /// Not a request of this session.
    Unknown,
}

impl NfsSession {
    /// Creates a session as granted, with at most `most` requests in flight.
    pub(super) fn new(id: SessionId, granted: &ChannelAttrs, most: u32) -> Self {
        let slots = SlotTable::new(granted.max_requests, most.min(REQUESTED_CHANNEL.max_requests));
        let count =
            granted.max_requests.min(most).clamp(1, REQUESTED_CHANNEL.max_requests) as usize;
        Self {
            id,
            slots,
            limits: RequestLimits {
                operations: granted.max_operations.min(REQUESTED_CHANNEL.max_operations),
                request: granted.max_request.min(REQUESTED_CHANNEL.max_request),
                reply: granted.max_response.min(REQUESTED_CHANNEL.max_response),
            },
            pending: std::iter::repeat_with(|| None).take(count).collect(),
            last_answered: vec![None; count],
            oldest: None,
        }
    }

    /// Returns the number of slots, even if the server wants fewer to be used now.
    pub(super) fn granted(&self) -> usize {
        self.pending.len()
    }

    /// Returns the number of requests that may be sent now.
    pub(super) fn free(&self) -> usize {
        self.slots.usable().saturating_sub(self.slots.in_flight())
    }

    /// Begins a request in a free slot and returns it with its xid. Returns the tasks if no slot is
    /// free.
    pub(super) fn begin_request(
        &mut self,
        number: u32,
        tasks: Vec<ReadTask>,
        credential: &Credential,
        buffer: Vec<u8>,
        now: Instant,
    ) -> Result<(u32, Request), Vec<ReadTask>> {
        let Some((slot, sequence, highest_slot)) = self.slots.acquire() else { return Err(tasks) };
        // The slot is part of the xid, so a reply needs no lookup.
        let xid = number << 12 | slot;
        let mut request = Request::new(buffer, xid, credential);
        let session = self.id;
        request.sequence(&SequenceArgs {
            session,
            sequence,
            slot,
            highest_slot,
            cache: CacheThis::No,
        });
        self.pending[slot as usize] =
            Some(PendingRequest { xid, slot, sequence, tasks, sent: now });
        self.oldest.get_or_insert(now);
        Ok((xid, request))
    }

    /// Returns the tasks of the request with this xid.
    pub(super) fn tasks(&self, xid: u32) -> &[ReadTask] {
        let flight = self.pending.get((xid & 0xfff) as usize).and_then(Option::as_ref);
        flight.map_or(&[], |flight| &flight.tasks)
    }

    /// Finds the request a reply belongs to and removes it from its slot.
    pub(super) fn match_reply(&mut self, xid: u32) -> ReplyMatch {
        let slot = (xid & 0xfff) as usize;
        match self.pending.get_mut(slot) {
            Some(flight) if flight.as_ref().is_some_and(|flight| flight.xid == xid) => {
                self.last_answered[slot] = Some(xid);
                flight.take().map_or(ReplyMatch::Unknown, ReplyMatch::Pending)
            }
            Some(_) if self.last_answered[slot].take_if(|answered| *answered == xid).is_some() => {
                ReplyMatch::Duplicate
            }
            _ => ReplyMatch::Unknown,
        }
    }

    /// Frees a slot for its next request.
    pub(super) fn release_slot(&mut self, slot: u32, what: SlotOutcome) {
        self.slots.release(slot, what);
        if self.slots.in_flight() == 0 {
            self.oldest = None;
        }
    }

    /// Returns all tasks in flight; their replies are no longer expected.
    pub(super) fn abandon(&mut self) -> impl Iterator<Item = Vec<ReadTask>> {
        std::mem::take(&mut self.pending).into_iter().flatten().map(|flight| flight.tasks)
    }

    /// Returns the waiting time of the oldest request. Scans all slots, so it is not called every
    /// turn.
    pub(super) fn oldest_wait(&mut self, now: Instant) -> Duration {
        // The recorded oldest request may have its reply by now.
        let sent = self.pending.iter().flatten().map(|flight| flight.sent).min();
        self.oldest = sent;
        sent.map_or(Duration::ZERO, |sent| now.saturating_duration_since(sent))
    }

    /// Excludes a stall of our own, which ends at `now`, from the waiting times.
    pub(super) fn exclude_stall(&mut self, time: Duration, now: Instant) {
        let sent = self.pending.iter_mut().flatten().map(|request| &mut request.sent);
        for since in sent.chain(&mut self.oldest) {
            *since = now.min(*since + time);
        }
    }

    /// True if a request may be overdue. This check is cheap; [`Self::oldest_wait`] is exact.
    pub(super) fn may_be_overdue(&self, now: Instant, reply_timeout: Duration) -> bool {
        self.oldest.is_some_and(|oldest| now.saturating_duration_since(oldest) > reply_timeout)
    }
}

#[cfg(test)]
mod tests;
