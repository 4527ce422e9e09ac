//! A connection with its session: bytes out, records in, and who waits for which answer.

use std::io::{self, Read, Write};
use std::time::{Duration, Instant};

use super::compound::{Cache, Channel, Request, SequenceArgs, SessionId};
use super::rpc::{Credential, Records};
use super::slots::{Slot, Slots};
use super::transport::Transport;
use super::walk::{Room, Task};

/// Bytes read at once.
const READ: usize = 256 * 1024;

/// What a reply may have beside what was granted: headers of RPC.
const ENVELOPE: usize = 4096;

/// What we ask a server for. The cached size is tiny, because Linux gives fewer slots to who wants
/// replies kept; nothing here needs them, since reading twice does no harm.
pub(super) const WANTED: Channel = Channel {
    max_request: 1 << 20,
    max_response: 1 << 20,
    max_response_cached: 128,
    max_operations: 1024,
    max_requests: 4096,
};

/// How far a connection is.
#[derive(Debug)]
pub(super) enum State {
    /// Not connected, and not before then.
    Down(Instant),
    /// The TCP connection is being made.
    Connecting,
    /// TLS's handshake goes on. Without TLS for a moment only.
    Securing,
    /// Connected; another one has the turn to make its session.
    Waiting,
    /// A request of the setup is on its way.
    Setup(Step),
    /// Requests may be sent.
    Ready,
}

/// A step of the setup.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// EXCHANGE_ID.
    Exchange,
    /// DESTROY_SESSION of one whose connection was lost.
    Tidy,
    /// CREATE_SESSION.
    Create,
    /// BIND_CONN_TO_SESSION.
    Bind,
}

/// A session and the requests in it.
#[derive(Debug)]
pub(super) struct Session {
    pub(super) id: SessionId,
    /// The client id that it belongs to.
    pub(super) client: u64,
    pub(super) slots: Slots,
    pub(super) room: Room,
    flights: Vec<Option<Flight>>,
    /// The number of each slot's last answered request: a second answer to it is no harm. A third
    /// one is: they could come for ever.
    answered: Vec<Option<u32>>,
    oldest: Option<Instant>,
}

/// A request on its way.
#[derive(Debug)]
pub(super) struct Flight {
    pub(super) xid: u32,
    pub(super) slot: u32,
    pub(super) sequence: u32,
    pub(super) tasks: Vec<Task>,
    pub(super) sent: Instant,
}

/// Whose answer came.
#[derive(Debug)]
pub(super) enum Whose {
    /// This request's.
    Flight(Flight),
    /// One that was answered before.
    Twice,
    /// Nobody's.
    Nobody,
}

impl Session {
    /// A session as the server granted it; at most `most` requests at once.
    pub(super) fn new(id: SessionId, client: u64, granted: &Channel, most: u32) -> Self {
        let slots = Slots::new(granted.max_requests, most.min(WANTED.max_requests));
        let count = granted.max_requests.min(most).clamp(1, WANTED.max_requests) as usize;
        Self {
            id,
            client,
            slots,
            room: Room {
                operations: granted.max_operations.min(WANTED.max_operations),
                request: granted.max_request.min(WANTED.max_request),
                reply: granted.max_response.min(WANTED.max_response),
            },
            flights: std::iter::repeat_with(|| None).take(count).collect(),
            answered: vec![None; count],
            oldest: None,
        }
    }

    /// Requests that may be sent now.
    pub(super) fn free(&self) -> usize {
        self.slots.usable().saturating_sub(self.slots.in_flight())
    }

    /// Writes the begin of a request in a free slot and remembers who waits for its answer; its
    /// number comes with it. Without a free slot the tasks come back.
    pub(super) fn begin(
        &mut self,
        number: u32,
        tasks: Vec<Task>,
        credential: &Credential,
        buffer: Vec<u8>,
        now: Instant,
    ) -> Result<(u32, Request), Vec<Task>> {
        let Some((slot, sequence, highest_slot)) = self.slots.take() else { return Err(tasks) };
        // The slot is in the number, so that an answer needs no look-up.
        let xid = number << 12 | slot;
        let mut request = Request::new(buffer, xid, credential);
        let session = self.id;
        request.sequence(&SequenceArgs { session, sequence, slot, highest_slot, cache: Cache::No });
        self.flights[slot as usize] = Some(Flight { xid, slot, sequence, tasks, sent: now });
        self.oldest.get_or_insert(now);
        Ok((xid, request))
    }

    /// What the request carries that was begun last in that slot.
    pub(super) fn tasks(&self, xid: u32) -> &[Task] {
        let flight = self.flights.get((xid & 0xfff) as usize).and_then(Option::as_ref);
        flight.map_or(&[], |flight| &flight.tasks)
    }

    /// Who waits for that answer.
    pub(super) fn landed(&mut self, xid: u32) -> Whose {
        let slot = (xid & 0xfff) as usize;
        match self.flights.get_mut(slot) {
            Some(flight) if flight.as_ref().is_some_and(|flight| flight.xid == xid) => {
                self.answered[slot] = Some(xid);
                flight.take().map_or(Whose::Nobody, Whose::Flight)
            }
            Some(_) if self.answered[slot].take_if(|answered| *answered == xid).is_some() => {
                Whose::Twice
            }
            _ => Whose::Nobody,
        }
    }

    /// The slot may carry the next request.
    pub(super) fn done(&mut self, slot: u32, what: Slot) {
        self.slots.give_back(slot, what);
        if self.slots.in_flight() == 0 {
            self.oldest = None;
        }
    }

    /// All tasks in flight: nobody waits for their answers any more.
    pub(super) fn abandon(&mut self) -> impl Iterator<Item = Vec<Task>> {
        std::mem::take(&mut self.flights).into_iter().flatten().map(|flight| flight.tasks)
    }

    /// How long the oldest request has been waited for. Looked up now and then only.
    pub(super) fn waited(&mut self, now: Instant) -> Duration {
        // The oldest that was noted may have been answered since.
        let sent = self.flights.iter().flatten().map(|flight| flight.sent).min();
        self.oldest = sent;
        sent.map_or(Duration::ZERO, |sent| now.saturating_duration_since(sent))
    }

    /// Nobody looked for answers for so long, until now: that was not the server's time.
    pub(super) fn slept(&mut self, time: Duration, now: Instant) {
        let sent = self.flights.iter_mut().flatten().map(|flight| &mut flight.sent);
        for since in sent.chain(&mut self.oldest) {
            *since = now.min(*since + time);
        }
    }

    /// Whether any request is old enough to be worth a look.
    pub(super) fn may_be_late(&self, now: Instant, patience: Duration) -> bool {
        self.oldest.is_some_and(|oldest| now.saturating_duration_since(oldest) > patience)
    }
}

/// A connection.
#[derive(Debug)]
pub(super) struct Link {
    pub(super) state: State,
    pub(super) stream: Option<Transport>,
    pub(super) session: Option<Session>,
    /// The number of the setup's request, and since when it, or the handshake, is on its way.
    pub(super) setup: Option<(u32, Instant)>,
    /// Failures in a row.
    pub(super) failures: u32,
    out: Vec<u8>,
    written: usize,
    /// Whether the kernel has room for more.
    writable: bool,
    /// Whether the kernel may have something to read that no event will tell of.
    pub(super) unread: bool,
    records: Records,
}

impl Link {
    pub(super) fn new(now: Instant) -> Self {
        Self {
            state: State::Down(now),
            stream: None,
            session: None,
            setup: None,
            failures: 0,
            out: Vec::new(),
            written: 0,
            writable: false,
            unread: false,
            records: Records::new(0),
        }
    }

    /// Requests that may be sent on it now.
    pub(super) fn free(&self) -> usize {
        match (&self.state, &self.session) {
            (State::Ready, Some(session)) if !self.is_full() => session.free(),
            _ => 0,
        }
    }

    /// The connection is being made.
    pub(super) fn connect(&mut self, stream: Transport) {
        self.stream = Some(stream);
        self.state = State::Connecting;
        self.out.clear();
        self.written = 0;
        self.writable = false;
        self.unread = false;
        self.records = Records::new(WANTED.max_response as usize + ENVELOPE);
    }

    /// Whether TCP's handshake came to an end.
    ///
    /// # Errors
    /// It failed.
    pub(super) fn connected(&mut self) -> io::Result<bool> {
        let Some(stream) = &self.stream else { return Ok(false) };
        let connected = stream.connected()?;
        self.writable |= connected;
        Ok(connected)
    }

    /// Whether TLS's handshake came to an end, or none is needed.
    ///
    /// # Errors
    /// It failed.
    pub(super) fn secured(&mut self) -> io::Result<bool> {
        self.stream.as_mut().map_or(Ok(false), Transport::secured)
    }

    /// The kernel has room.
    pub(super) fn writable(&mut self) {
        self.writable = true;
    }

    /// Takes a request that is to be sent.
    pub(super) fn send(&mut self, bytes: &[u8]) {
        self.out.extend_from_slice(bytes);
    }

    /// Whether so much waits to be sent that more should wait elsewhere.
    fn is_full(&self) -> bool {
        self.out.len() - self.written > READ
    }

    /// Sends what waits, as far as the kernel takes it.
    ///
    /// # Errors
    /// The connection is gone.
    pub(super) fn flush(&mut self) -> io::Result<()> {
        let Some(stream) = &mut self.stream else { return Ok(()) };
        while self.writable {
            let rest = &self.out[self.written..];
            // What TLS has taken may still be with it, whether or not there is more.
            let sent =
                if rest.is_empty() { stream.flush().map(|()| 0) } else { stream.write(rest) };
            match sent {
                Ok(0) if rest.is_empty() => break,
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(bytes) => self.written += bytes,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => self.writable = false,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        if self.written == self.out.len() {
            self.out.clear();
            self.written = 0;
        } else if self.written > READ {
            // A server that always leaves something waiting would never see it empty.
            self.out.drain(..self.written);
            self.written = 0;
        }
        Ok(())
    }

    /// Reads once. Whether there may be more, which is [`Link::unread`] then.
    ///
    /// # Errors
    /// The connection is gone.
    pub(super) fn fill(&mut self) -> io::Result<bool> {
        self.unread = false;
        let Some(stream) = &mut self.stream else { return Ok(false) };
        match stream.read(self.records.space(READ)) {
            Ok(0) => {
                return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "the server hung up"));
            }
            Ok(bytes) => {
                self.records.filled(bytes);
                self.unread = true;
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            Err(error) if error.kind() == io::ErrorKind::Interrupted => self.unread = true,
            Err(error) => return Err(error),
        }
        Ok(self.unread)
    }

    /// The records that have come, apart from the link, so that they can be read beside it.
    pub(super) fn take_records(&mut self) -> Records {
        std::mem::replace(&mut self.records, Records::new(0))
    }

    /// Gives them back.
    pub(super) fn put_records(&mut self, records: Records) {
        self.records = records;
    }

    /// Closes it, until then, and gives its session.
    pub(super) fn close(&mut self, until: Instant) -> Option<Session> {
        self.stream = None;
        self.unread = false;
        self.setup = None;
        self.state = State::Down(until);
        self.session.take()
    }
}

#[cfg(test)]
mod tests;
