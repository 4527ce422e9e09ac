//! The event loop: connections and their sessions on one side, the walk on the other.
//!
//! One thread, on mio: a request costs microseconds and waits for milliseconds, so thousands in
//! flight are a table here where they would be as many tasks in an async runtime, and what an
//! answer does to the accounts needs no lock that another thread wants. mio is what tokio stands
//! on; this is the part of it that is used.
//!
//! Invariant: every task that [`Walk::take`] gave comes back by exactly one of `answer`, `again`,
//! `refused` and `spoilt`. A request ends in one of three ways: its answer came, its connection was
//! given up, or SEQUENCE refused it; each takes the flight out of its slot, so none does twice.

mod leave;
mod receive;
mod setup;

use std::io;
use std::net::{SocketAddr, ToSocketAddrs};
use std::sync::Arc;
use std::time::{Duration, Instant};

use mio::{Events, Poll};

use super::identity::Identity;
use super::link::{Link, Session, State, Step};
use super::retry::Retries;
use super::rpc::Credential;
use super::target::Target;
use super::tls::Secure;
use super::walk::Walk;
use super::window::Window;
use crate::scan::Ended;
use crate::stop::Stop;

/// How often it looks whether it should stop, at least.
const STOP_LATENCY: Duration = Duration::from_millis(50);

/// Connections at most.
const MOST_LINKS: usize = 8;

/// How long TLS's handshake may take: a server that does not know it may wait for more of what it
/// takes for a request.
const HANDSHAKE: Duration = Duration::from_secs(10);

/// Reads of one connection in a turn, of up to 256 KiB each: what is left waits for the next turn,
/// so that a server that sends faster than it is read holds up neither time nor signals.
const READS: usize = 16;

/// A turn takes milliseconds. One that took longer than this was not spent on waiting for the server:
/// the process was stopped, or looked an owner up.
const STALL: Duration = Duration::from_secs(1);

/// How often a server is tried that has never answered, at least; and one that gave a client id
/// and then no session.
const TRIES: usize = 3;
const TRIES_KNOWN: usize = 9;

/// What a scan without a mount may do.
#[derive(Clone, Debug)]
pub(super) struct Options {
    pub(super) credential: Credential,
    /// TLS, if connections are to have it.
    pub(super) secure: Option<Secure>,
    /// How long an answer may take before its connection is given up.
    pub(super) patience: Duration,
    /// How long the server may be away before the walk is given up.
    pub(super) away: Duration,
}

/// The client.
pub(super) struct Client {
    poll: Poll,
    addresses: Vec<SocketAddr>,
    /// Which of them all connections lead to: sessions and handles are one server's, and nobody says
    /// that another address is the same server's.
    address: usize,
    options: Options,
    identity: Identity,
    links: Vec<Link>,
    walk: Walk,
    window: Window,
    retries: Retries,
    number: u32,
    /// When a request was last answered.
    heard: Instant,
    /// When it was last looked what is due.
    looked: Instant,
    /// Why the last connection was lost.
    lost: Option<String>,
    buffer: Vec<u8>,
}

/// Why a connection is given up.
type Lost = String;

impl Client {
    /// Looks the server up.
    ///
    /// # Errors
    /// It has no address, or the system has no means to wait for sockets.
    pub(super) fn new(
        target: &Target,
        options: Options,
        walk: Walk,
        window: Window,
        seed: u64,
    ) -> io::Result<Self> {
        let addresses: Vec<SocketAddr> =
            (target.host.as_str(), target.port).to_socket_addrs()?.collect();
        if addresses.is_empty() {
            return Err(io::Error::new(io::ErrorKind::NotFound, "the name has no address"));
        }
        Ok(Self {
            poll: Poll::new()?,
            addresses,
            address: 0,
            options,
            identity: Identity::new(seed),
            links: vec![Link::new(Instant::now())],
            walk,
            window,
            retries: Retries::new(seed),
            number: 0,
            heard: Instant::now(),
            looked: Instant::now(),
            lost: None,
            buffer: Vec::new(),
        })
    }

    /// Walks until all is read, or until `stop` is set.
    ///
    /// # Errors
    /// What was tried and why there is no result: the root cannot be read, or the server not
    /// reached.
    pub(super) fn run(&mut self, stop: &Arc<Stop>) -> Result<Ended, (&'static str, io::Error)> {
        let mut events = Events::with_capacity(64);
        let ended = loop {
            if stop.is_set() {
                for session in self.links.iter_mut().filter_map(|link| link.session.as_mut()) {
                    session.abandon().for_each(|tasks| self.walk.again(tasks));
                }
                self.walk.interrupt();
                break Ended::Interrupted;
            }
            let now = Instant::now();
            self.maintain(now)?;
            if self.walk.is_done() {
                break Ended::Complete;
            }
            self.send(now);
            let wait = self.wait(now);
            match self.poll.poll(&mut events, Some(wait)) {
                Err(error) if error.kind() != io::ErrorKind::Interrupted => {
                    return Err(("wait for", error));
                }
                _ => {}
            }
            let left: Vec<usize> =
                (0..self.links.len()).filter(|at| self.links[*at].unread).collect();
            for event in &events {
                let at = event.token().0;
                if event.is_writable() {
                    self.links[at].writable();
                }
                if let Err(lost) = self.attend(at, event.is_readable() || event.is_error()) {
                    self.lose(at, &lost);
                }
            }
            for at in left {
                if let Err(lost) = self.attend(at, false) {
                    self.lose(at, &lost);
                }
            }
        };
        self.leave();
        match self.walk.fatal.take() {
            Some(fatal) => Err(fatal),
            None => Ok(ended),
        }
    }

    fn wait(&self, now: Instant) -> Duration {
        if self.links.iter().any(|link| link.unread) {
            return Duration::ZERO;
        }
        let next = self.walk.next().into_iter().chain(self.window.held_until());
        let downs = self.links.iter().filter_map(|link| match link.state {
            State::Down(until) => Some(until),
            _ => None,
        });
        let next = next.chain(downs).min();
        let wait = next.map_or(STOP_LATENCY, |next| next.saturating_duration_since(now));
        // At least a moment: what is due now was just looked at.
        wait.min(STOP_LATENCY).min(self.window.tick()).max(Duration::from_millis(1))
    }

    /// What is due by time: connections, late answers, leases.
    fn maintain(&mut self, now: Instant) -> Result<(), (&'static str, io::Error)> {
        let turn = now.saturating_duration_since(std::mem::replace(&mut self.looked, now));
        if turn > STALL {
            self.slept(turn, now);
        }
        for at in 0..self.links.len() {
            let link = &mut self.links[at];
            let patience = self.options.patience;
            let late = |since, patience| now.saturating_duration_since(since) > patience;
            let lost = match (&link.state, link.setup, &mut link.session) {
                (State::Down(until), ..) if *until <= now => {
                    self.connect(at, now);
                    continue;
                }
                (State::Connecting | State::Setup(_), Some((_, since)), _)
                    if late(since, patience) =>
                {
                    true
                }
                (State::Securing, Some((_, since)), _) => late(since, patience.min(HANDSHAKE)),
                (_, _, Some(session)) if session.may_be_late(now, patience) => {
                    session.waited(now) > patience
                }
                _ => false,
            };
            if lost {
                let silent = self.silent(at);
                self.lose(at, &silent);
            }
        }
        let reason = || {
            let reason = self.lost.clone().unwrap_or_else(|| "no connection".to_owned());
            io::Error::new(io::ErrorKind::TimedOut, reason)
        };
        // Who was never there is not waited for.
        let tries = if self.identity.client().is_some() { TRIES_KNOWN } else { TRIES };
        let tried = self.links[0].failures as usize >= self.addresses.len().max(tries);
        if tried && !self.identity.was_met() && self.walk.fatal.is_none() {
            return Err(("connect to", reason()));
        }
        if now.saturating_duration_since(self.heard) > self.options.away {
            self.walk.give_up(&reason);
        }
        Ok(())
    }

    /// Nobody looked for answers for so long: who slept cannot say that the server was silent, and
    /// the answers may be here, unread.
    fn slept(&mut self, time: Duration, now: Instant) {
        self.heard = now.min(self.heard + time);
        for link in &mut self.links {
            if let Some((_, since)) = &mut link.setup {
                *since = now.min(*since + time);
            }
            if let Some(session) = &mut link.session {
                session.slept(time, now);
            }
        }
    }

    /// Looks at a connection that something happened to, or that there was more to read of.
    fn attend(&mut self, at: usize, mut readable: bool) -> Result<(), Lost> {
        let said = |error: io::Error| error.to_string();
        if matches!(self.links[at].state, State::Connecting) {
            if !self.links[at].connected().map_err(said)? {
                return Ok(());
            }
            self.links[at].state = State::Securing;
            self.links[at].setup = Some((0, Instant::now()));
        }
        if matches!(self.links[at].state, State::Securing) {
            if !self.secured(at)? {
                return Ok(());
            }
            self.links[at].state = State::Waiting;
            self.links[at].setup = None;
            // What came behind the handshake was read with it, and no event tells of it again.
            readable = true;
        }
        // Events come in edges: what is left must be remembered.
        self.links[at].unread |= readable;
        for _ in 0..READS {
            if !self.links[at].unread || !self.links[at].fill().map_err(said)? {
                break;
            }
            self.receive(at)?;
        }
        self.links[at].flush().map_err(said)
    }

    /// Gives a connection up; what was in flight is asked again.
    fn lose(&mut self, at: usize, why: &str) {
        let why = self.with_hint(at, why);
        if !self.identity.was_met() {
            self.address = (self.address + 1) % self.addresses.len();
        }
        let link = &mut self.links[at];
        // A session that was asked for may have been made.
        if matches!(link.state, State::Setup(Step::Create)) && link.setup.is_some() {
            self.identity.unanswered();
        }
        link.failures += 1;
        let pause = self.retries.pause(link.failures);
        tracing::debug!(link = at, why, ?pause, "connection given up");
        if let Some(mut session) = link.close(Instant::now() + pause) {
            session.abandon().for_each(|tasks| self.walk.again(tasks));
            self.identity.left(session.client, session.id);
        }
        self.identity.let_go(at);
        self.lost = Some(why);
    }

    /// Sends as many requests as may be in flight, and flushes.
    fn send(&mut self, now: Instant) {
        self.set_up_waiting(now);
        if std::mem::take(&mut self.walk.busy) {
            self.window.busy(now);
        }
        let limit = self.window.limit(now, self.walk.ready(now));
        let mut in_flight: usize = self.sessions().map(|session| session.slots.in_flight()).sum();
        let mut room: usize = self.sessions().map(Session::free).sum();
        let share = self.walk.share(limit.min(in_flight + room)).min(self.window.burst());
        while in_flight < limit && room > 0 && self.walk.ready(now) > 0 {
            if !self.window.may_go(now) {
                break;
            }
            // The connection with the most free slots.
            let best = (0..self.links.len()).max_by_key(|at| self.links[*at].free());
            let Some(at) = best.filter(|at| self.links[*at].free() > 0) else { break };
            let free = room.min(limit - in_flight);
            self.request(at, free, share, now);
            in_flight += 1;
            room -= 1;
        }
        // More connections, where the slots of those there are do not suffice.
        let all_ready = self.links.iter().all(|link| matches!(link.state, State::Ready));
        if all_ready && room == 0 && in_flight < limit && self.links.len() < MOST_LINKS {
            self.links.push(Link::new(now));
        }
        self.reclaim_again(now);
        self.renew(now);
        for at in 0..self.links.len() {
            if let Err(error) = self.links[at].flush() {
                self.lose(at, &error.to_string());
            }
        }
    }

    fn sessions(&self) -> impl Iterator<Item = &Session> {
        let ready = self.links.iter().filter(|link| matches!(link.state, State::Ready));
        ready.filter_map(|link| link.session.as_ref())
    }

    fn request(&mut self, at: usize, free: usize, share: usize, now: Instant) {
        let link = &mut self.links[at];
        let Some(session) = &mut link.session else { return };
        let room = session.room;
        let tasks = self.walk.take(free, share, &room);
        self.window.sent(tasks.len(), now);
        self.number = self.number.wrapping_add(1);
        let buffer = std::mem::take(&mut self.buffer);
        match session.begin(self.number, tasks, &self.options.credential, buffer, now) {
            Ok((xid, mut request)) => {
                self.walk.write(session.tasks(xid), &mut request);
                let bytes = request.finish();
                link.send(&bytes);
                self.buffer = bytes;
            }
            Err(tasks) => self.walk.again(tasks),
        }
    }

    /// Tells the server that this client is alive, where nothing else does.
    fn renew(&mut self, now: Instant) {
        let lease = Duration::from_secs(u64::from(self.walk.lease.unwrap_or(90)).max(1));
        if now.saturating_duration_since(self.identity.spoken()) < lease / 3 {
            return;
        }
        for link in &mut self.links {
            let ready = matches!(link.state, State::Ready);
            if let Some(session) = link.session.as_mut().filter(|_| ready)
                && session.slots.in_flight() == 0
            {
                self.number = self.number.wrapping_add(1);
                let begun = session.begin(
                    self.number,
                    Vec::new(),
                    &self.options.credential,
                    Vec::new(),
                    now,
                );
                if let Ok((_, request)) = begun {
                    link.send(&request.finish());
                }
            }
        }
        self.identity.spoke(now);
    }
}

#[cfg(test)]
mod tests;
