//! A connection with its session: queues requests, collects records, tracks the setup.

use std::io::{self, Read, Write};
use std::time::Instant;

use super::identity::SHARED_OWNER;
use super::rpc::RecordBuffer;
use super::session::{NfsSession, REQUESTED_CHANNEL};
use super::transport::Transport;

/// Bytes per read.
const READ: usize = 64 * 1024;

/// Queued bytes from which further requests should use another connection.
const FULL: usize = 256 * 1024;

/// Allowance for RPC headers beyond the granted reply size.
const ENVELOPE: usize = 4096;

/// Progress of a connection's setup.
#[derive(Debug)]
pub(super) enum ConnectionState {
    /// Not connected; to be connected at this time.
    Down(Instant),
    /// The TCP handshake is in progress.
    Connecting,
    /// The TLS handshake is in progress. Without TLS this state ends at once.
    TlsHandshake,
    /// Connected. Another connection has the turn to ask EXCHANGE_ID.
    AwaitingTurn,
    /// The partition is known. Another connection has the turn to create its session there.
    Identified,
    /// A setup request is in flight.
    Setup(SetupStep),
    /// The session exists and takes requests.
    Ready,
}

/// A step of the session setup.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum SetupStep {
    ExchangeId,
    /// DESTROY_SESSION for a session whose connection was lost.
    DestroyOrphan,
    CreateSession,
    BindConnection,
}

/// A connection and its session.
#[derive(Debug)]
pub(super) struct Connection {
    pub(super) state: ConnectionState,
    pub(super) stream: Option<Transport>,
    pub(super) session: Option<NfsSession>,
    /// Partition that EXCHANGE_ID found on this connection.
    pub(super) partition: Option<usize>,
    /// Number of the client owner that the connection uses.
    pub(super) owner: u32,
    /// True if the owner has changed since the connection was made.
    pub(super) owner_changed: bool,
    /// The xid of the setup request, and the start time of the request or of the handshake.
    pub(super) setup: Option<(u32, Instant)>,
    /// Consecutive failures.
    pub(super) failures: u32,
    out: Vec<u8>,
    written: usize,
    /// True if the kernel accepts more data.
    writable: bool,
    /// True if the kernel may have data that no further event reports.
    pub(super) unread: bool,
    records: RecordBuffer,
}

impl Connection {
    pub(super) fn new(now: Instant) -> Self {
        Self {
            state: ConnectionState::Down(now),
            stream: None,
            session: None,
            partition: None,
            owner: SHARED_OWNER,
            owner_changed: false,
            setup: None,
            failures: 0,
            out: Vec::new(),
            written: 0,
            writable: false,
            unread: false,
            records: RecordBuffer::new(0),
        }
    }

    /// Returns the number of requests that may be sent now.
    pub(super) fn free(&self) -> usize {
        match (&self.state, &self.session) {
            (ConnectionState::Ready, Some(session)) if !self.is_full() => session.free(),
            _ => 0,
        }
    }

    /// Resets the connection for a TCP handshake in progress.
    pub(super) fn connect(&mut self, stream: Transport) {
        self.stream = Some(stream);
        self.state = ConnectionState::Connecting;
        self.owner_changed = false;
        self.out.clear();
        self.written = 0;
        self.writable = false;
        self.unread = false;
        self.records = RecordBuffer::new(REQUESTED_CHANNEL.max_response as usize + ENVELOPE);
    }

    /// Returns true once the TCP handshake is complete.
    pub(super) fn connected(&mut self) -> io::Result<bool> {
        let Some(stream) = &self.stream else { return Ok(false) };
        let connected = stream.connected()?;
        self.writable |= connected;
        Ok(connected)
    }

    /// Returns true once the TLS handshake is complete, or if there is none.
    pub(super) fn secured(&mut self) -> io::Result<bool> {
        self.stream.as_mut().map_or(Ok(false), Transport::secured)
    }

    /// Records that the kernel accepts more data.
    pub(super) fn writable(&mut self) {
        self.writable = true;
    }

    /// Queues a request.
    pub(super) fn send(&mut self, bytes: &[u8]) {
        self.out.extend_from_slice(bytes);
    }

    /// True if so much is queued that further requests should use another connection.
    fn is_full(&self) -> bool {
        self.out.len() - self.written > FULL
    }

    /// Sends queued bytes as far as the kernel accepts them.
    pub(super) fn flush(&mut self) -> io::Result<()> {
        let Some(stream) = &mut self.stream else { return Ok(()) };
        while self.writable {
            let rest = &self.out[self.written..];
            // TLS may still hold bytes it accepted earlier, even if nothing is queued.
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
        } else if self.written > FULL {
            // If the queue never empties, the bytes sent must be removed here.
            self.out.drain(..self.written);
            self.written = 0;
        }
        Ok(())
    }

    /// Reads once. Returns true if there may be more, as [`Connection::unread`] then says.
    pub(super) fn fill(&mut self) -> io::Result<bool> {
        self.unread = false;
        let Some(stream) = &mut self.stream else { return Ok(false) };
        match stream.read(self.records.space(READ)) {
            Ok(0) => {
                return Err(io::Error::new(
                    io::ErrorKind::UnexpectedEof,
                    "the server closed the connection",
                ));
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

    /// Takes the records out, so that they can be read while the connection is borrowed.
    pub(super) fn take_records(&mut self) -> RecordBuffer {
        std::mem::replace(&mut self.records, RecordBuffer::new(0))
    }

    /// Puts the records back.
    pub(super) fn put_records(&mut self, records: RecordBuffer) {
        self.records = records;
    }

    /// Closes the connection until the given time and returns its session.
    pub(super) fn close(&mut self, until: Instant) -> Option<NfsSession> {
        self.stream = None;
        self.unread = false;
        self.setup = None;
        self.state = ConnectionState::Down(until);
        self.session.take()
    }
}

#[cfg(test)]
mod tests;
