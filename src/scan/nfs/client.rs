//! The event loop: connections and their sessions on one side, the walk on the other.
//!
//! One thread, on mio. A request costs microseconds of CPU and waits milliseconds for its reply.
//! Thousands of requests in flight are a table here rather than as many tasks of an async runtime.
//! If one thread is too slow for the server, further loops help it ([`loops`]).
//!
//! Invariant: every task that [`NfsWalk::next_tasks`] returned goes back to the walk exactly once,
//! through `take_results`, `requeue`, `sequence_failed` or `reply_unusable`. A request ends in one
//! of three ways: its reply arrives, its connection is closed, or its SEQUENCE fails. Each of them
//! takes the request out of its slot, so only the first one counts.

mod leave;
mod loops;
mod maintain;
mod probe;
mod receive;
mod send;
mod setup;

use std::io;
use std::net::{SocketAddr, ToSocketAddrs};
use std::sync::Arc;
use std::time::{Duration, Instant};

use mio::{Events, Poll, Token};

pub use self::loops::Loops;
use self::loops::Recruiting;
use super::connection::{Connection, ConnectionState, SetupStep};
use super::identity::ClientIdentity;
use super::retry::RetryPolicy;
use super::rpc::Credential;
use super::target::Target;
use super::tls::TlsConnector;
use super::walk::NfsWalk;
use super::window::RequestWindow;
use crate::log;
use crate::scan::Ended;
use crate::stop::Stop;

/// Longest time between two checks of the stop flag.
const STOP_LATENCY: Duration = Duration::from_millis(50);

/// Reads per connection and turn, each of up to 64 KiB. The rest waits for the next turn, so that
/// a server that sends faster than we read delays neither timers nor signals.
const READS_PER_TURN: usize = 16;

/// The token of the waker, which no connection has.
const WAKER: Token = Token(usize::MAX);

/// Settings of the client.
#[derive(Clone, Debug)]
pub(super) struct ClientOptions {
    pub(super) credential: Credential,
    /// Set if connections use TLS.
    pub(super) tls: Option<TlsConnector>,
    /// A connection is closed after waiting this long for a reply.
    pub(super) reply_timeout: Duration,
    /// The walk gives up after the server has been away this long.
    pub(super) outage_limit: Duration,
    /// The number of event loops.
    pub(super) loops: Loops,
    /// Unique per run.
    pub(super) seed: u64,
}

/// The NFSv4.1 client: an event loop over all connections.
pub(super) struct NfsClient {
    poll: Poll,
    addresses: Vec<SocketAddr>,
    /// Index of the address all connections use. Sessions and file handles belong to one server,
    /// and another address may lead to another one.
    address_index: usize,
    options: ClientOptions,
    identity: ClientIdentity,
    /// When leases were last renewed, on all connections.
    last_renewal: Instant,
    /// True during the clean-up, which creates no sessions.
    leaving: bool,
    connections: Vec<Connection>,
    walk: NfsWalk,
    window: RequestWindow,
    /// Until further loops have been started.
    recruiting: Option<Recruiting>,
    retries: RetryPolicy,
    request_counter: u32,
    /// Time of the last successful request.
    last_reply: Instant,
    last_maintenance: Instant,
    /// True if a server said that it is Linux, or did not say what it is.
    may_be_linux: bool,
    /// True if there has been a TCP connection.
    pub(super) was_reached: bool,
    /// Reason that the last connection was closed.
    last_error: Option<String>,
    buffer: Vec<u8>,
}

/// Reason that a connection is closed.
type LostReason = String;

impl NfsClient {
    /// Resolves the server's name.
    ///
    /// # Errors
    /// The name has no address, or the system cannot create a poll.
    pub(super) fn new(
        target: &Target,
        options: ClientOptions,
        walk: NfsWalk,
        window: RequestWindow,
    ) -> io::Result<Self> {
        let addresses: Vec<SocketAddr> =
            (target.host.as_str(), target.port).to_socket_addrs()?.collect();
        if addresses.is_empty() {
            return Err(io::Error::new(io::ErrorKind::NotFound, "the name has no address"));
        }
        let recruiting = Recruiting::new(options.loops, &window);
        Ok(Self { recruiting, ..Self::with(addresses, options, walk, window)? })
    }

    fn with(
        addresses: Vec<SocketAddr>,
        options: ClientOptions,
        walk: NfsWalk,
        window: RequestWindow,
    ) -> io::Result<Self> {
        let seed = options.seed;
        Ok(Self {
            poll: Poll::new()?,
            addresses,
            address_index: 0,
            options,
            identity: ClientIdentity::new(seed),
            last_renewal: Instant::now(),
            leaving: false,
            connections: vec![Connection::new(Instant::now())],
            walk,
            window,
            recruiting: None,
            retries: RetryPolicy::new(seed),
            request_counter: 0,
            last_reply: Instant::now(),
            last_maintenance: Instant::now(),
            may_be_linux: false,
            was_reached: false,
            last_error: None,
            buffer: Vec::new(),
        })
    }

    /// Turns the loop until everything is read, or until `stop` is set. `start` starts helpers.
    fn turn(
        &mut self,
        stop: &Arc<Stop>,
        start: &mut dyn FnMut(Self),
    ) -> Result<Ended, (&'static str, io::Error)> {
        let mut events = Events::with_capacity(64);
        let mut had_helpers = false;
        loop {
            if stop.is_set() {
                self.abandon();
                self.walk.interrupt();
                return Ok(Ended::Interrupted);
            }
            let now = Instant::now();
            self.maintain(now)?;
            // Noted before, because a walk that is done has left its team.
            had_helpers |= self.walk.team().is_some();
            if self.walk.is_done() {
                // A helper that saw `stop` since the check above has dropped its directories.
                let dropped = stop.is_set() && had_helpers;
                return Ok(if dropped { Ended::Interrupted } else { Ended::Complete });
            }
            self.recruit(stop, start);
            self.send(now);
            let wait = self.wait(now);
            match self.poll.poll(&mut events, Some(wait)) {
                Err(error) if error.kind() != io::ErrorKind::Interrupted => {
                    return Err(("wait for", error));
                }
                _ => {}
            }
            let left: Vec<usize> =
                (0..self.connections.len()).filter(|at| self.connections[*at].unread).collect();
            for event in events.iter().filter(|event| event.token() != WAKER) {
                let at = event.token().0;
                if event.is_writable() {
                    self.connections[at].writable();
                }
                if let Err(lost) = self.service(at, event.is_readable() || event.is_error()) {
                    self.close_connection(at, &lost);
                }
            }
            for at in left {
                if let Err(lost) = self.service(at, false) {
                    self.close_connection(at, &lost);
                }
            }
        }
    }

    /// Takes back everything in flight.
    fn abandon(&mut self) {
        let sessions = self.connections.iter_mut();
        for session in sessions.filter_map(|connection| connection.session.as_mut()) {
            session.abandon().for_each(|tasks| self.walk.requeue(tasks));
        }
    }

    /// Ends the loop: leaves what it still has to the others, and cleans up at the server.
    fn end(&mut self) {
        self.abandon();
        self.walk.leave_team();
        self.leave();
    }

    fn wait(&self, now: Instant) -> Duration {
        if self.connections.iter().any(|connection| connection.unread) {
            return Duration::ZERO;
        }
        let next = self.walk.next_retry().into_iter().chain(self.window.held_until());
        let downs = self.connections.iter().filter_map(|connection| match connection.state {
            ConnectionState::Down(until) => Some(until),
            _ => None,
        });
        let next = next.chain(downs).min();
        let wait = next.map_or(STOP_LATENCY, |next| next.saturating_duration_since(now));
        // At least a millisecond: anything due now has just been handled.
        wait.min(STOP_LATENCY).min(self.window.tick()).max(Duration::from_millis(1))
    }

    /// Handles an event on a connection, or continues to read from one with data left.
    fn service(&mut self, at: usize, mut readable: bool) -> Result<(), LostReason> {
        let reason = |error: io::Error| error.to_string();
        if matches!(self.connections[at].state, ConnectionState::Connecting) {
            if !self.connections[at].connected().map_err(reason)? {
                return Ok(());
            }
            self.was_reached = true;
            self.connections[at].state = ConnectionState::TlsHandshake;
            self.connections[at].setup = Some((0, Instant::now()));
        }
        if matches!(self.connections[at].state, ConnectionState::TlsHandshake) {
            if !self.secured(at)? {
                return Ok(());
            }
            self.connections[at].state = ConnectionState::AwaitingTurn;
            self.connections[at].setup = None;
            // Data after the handshake has been read along with it, and no further event reports
            // it.
            readable = true;
        }
        // Events are edge-triggered: remember that there is data to read.
        self.connections[at].unread |= readable;
        for _ in 0..READS_PER_TURN {
            if !self.connections[at].unread || !self.connections[at].fill().map_err(reason)? {
                break;
            }
            self.receive(at)?;
        }
        self.connections[at].flush().map_err(reason)
    }

    /// Closes a connection and requeues the tasks in flight on it.
    fn close_connection(&mut self, at: usize, why: &str) {
        let why = self.with_hint(at, why);
        if !self.identity.has_answered() {
            self.address_index = (self.address_index + 1) % self.addresses.len();
        }
        self.identity.release_turn(at);
        let connection = &mut self.connections[at];
        let partition = self.identity.partition(connection.partition.take());
        let creating = matches!(connection.state, ConnectionState::Setup(SetupStep::CreateSession))
            && connection.setup.is_some();
        connection.failures += 1;
        let pause = self.retries.pause(connection.failures);
        log::debug!(connection = at, "connection given up for {pause:?}: {why}");
        let mut session = connection.close(Instant::now() + pause);
        if let Some(session) = &mut session {
            session.abandon().for_each(|tasks| self.walk.requeue(tasks));
        }
        if let Some(partition) = partition {
            // The server may have created the requested session.
            if creating {
                partition.create_session_lost();
            }
            session.iter().for_each(|session| partition.add_orphan(session.id));
            partition.release_turn(at);
        }
        self.last_error = Some(why);
    }
}

#[cfg(test)]
mod tests;
