//! The end: sessions and the client id are given back, so that the server need not keep them for a
//! lease time. As far as that goes quickly; a server that does not answer has to do it by itself.

use std::time::{Duration, Instant};

use mio::Events;

use super::Client;
use crate::scan::nfs::answers::{Answers, Fault};
use crate::scan::nfs::compound::{Operation, Request};
use crate::scan::nfs::link::{State, Step};
use crate::scan::nfs::rpc;
use crate::scan::nfs::status::Status;

/// How long it may take, and how long one connection may keep the others from it.
const GOODBYE: Duration = Duration::from_secs(1);
const SHARE: Duration = Duration::from_millis(250);

/// How soon what the server was too busy for is asked again.
const PAUSE: Duration = Duration::from_millis(20);

impl Client {
    /// Takes leave.
    pub(super) fn leave(&mut self) {
        let until = Instant::now() + GOODBYE;
        // Again where the connection is lost at the last moment.
        while Instant::now() < until {
            self.finish_steps(until);
            self.end_sessions(until);
            let Some(at) = self.any_link(until) else { return };
            if self.identity.may_have_more() {
                self.set_up(at, Step::Create, Instant::now());
            } else if self.give_back(at, until) {
                return;
            }
            // A server that is busy, or hangs up, is not asked as often as can be.
            std::thread::sleep(PAUSE);
        }
    }

    /// Sessions, each through its connection.
    fn end_sessions(&mut self, until: Instant) {
        for at in 0..self.links.len() {
            let ready = matches!(self.links[at].state, State::Ready | State::Setup(Step::Bind));
            let Some(session) = self.links[at].session.take() else { continue };
            let destroy = |request: &mut Request| request.destroy_session(&session.id);
            let until = until.min(Instant::now() + SHARE);
            if !ready || !self.ask(at, Operation::DestroySession, &destroy, until) {
                self.identity.left(session.client, session.id);
            }
        }
    }

    /// Sessions whose connections were lost, and the client id. Whether the connection held.
    fn give_back(&mut self, at: usize, until: Instant) -> bool {
        while let Some(id) = self.identity.orphan() {
            let destroy = |request: &mut Request| request.destroy_session(&id);
            if !self.ask(at, Operation::DestroySession, &destroy, until) {
                return false;
            }
            self.identity.tidied();
        }
        self.identity.client().is_none_or(|(client, _)| {
            let destroy = |request: &mut Request| request.destroy_client_id(client);
            self.ask(at, Operation::DestroyClientId, &destroy, until)
        })
    }

    /// A session that is being made can be given back only when it is there. Through another
    /// connection, if that takes long.
    fn finish_steps(&mut self, until: Instant) {
        let until = until.min(Instant::now() + SHARE);
        let mut events = Events::with_capacity(64);
        let making = |client: &Self| {
            let links = client.links.iter().enumerate();
            let mut made = links.filter(|(_, link)| {
                matches!(link.state, State::Setup(Step::Exchange | Step::Tidy | Step::Create))
            });
            made.next().map(|(at, _)| at)
        };
        while let Some(at) = making(self)
            && Instant::now() < until
        {
            if let Err(lost) = self.attend(at, true) {
                self.lose(at, &lost);
            }
            if making(self) == Some(at) {
                self.poll_writable(&mut events);
            }
        }
        while let Some(at) = making(self) {
            self.lose(at, "it does not answer to the leave");
        }
    }

    /// A connection that holds; a new one where all were lost and something is left behind.
    fn any_link(&mut self, until: Instant) -> Option<usize> {
        self.identity.client()?;
        let connected = |state: &State| {
            matches!(state, State::Ready | State::Waiting | State::Setup(Step::Bind))
        };
        let held = self.links.iter().position(|link| connected(&link.state));
        if held.is_some() {
            return held;
        }
        let at = 0;
        let mut events = Events::with_capacity(64);
        if matches!(self.links[at].state, State::Down(_)) {
            self.connect(at, Instant::now());
        }
        while matches!(self.links[at].state, State::Connecting | State::Securing)
            && Instant::now() < until
        {
            self.poll_writable(&mut events);
            if let Err(lost) = self.attend(at, false) {
                self.lose(at, &lost);
            }
        }
        connected(&self.links[at].state).then_some(at)
    }

    /// Asks for one thing outside of sessions. Whether there was an answer; without one the
    /// connection is given up.
    fn ask(
        &mut self,
        at: usize,
        operation: Operation,
        write: &dyn Fn(&mut Request),
        until: Instant,
    ) -> bool {
        let mut events = Events::with_capacity(64);
        loop {
            let xid = self.next_xid();
            let mut request = Request::new(Vec::new(), xid, &self.options.credential);
            write(&mut request);
            self.links[at].send(&request.finish());
            let busy = loop {
                match self.look_for(at, xid, operation, until) {
                    Ok(Some(status)) => break status == Status::DELAY,
                    Ok(None) if Instant::now() < until => self.poll_writable(&mut events),
                    Ok(None) | Err(()) => {
                        self.lose(at, "it does not answer to the leave");
                        return false;
                    }
                }
            };
            if !busy || Instant::now() + PAUSE >= until {
                return !busy;
            }
            std::thread::sleep(PAUSE);
        }
    }

    /// Reads what has come on a connection: the status of the answer with that number, if it has.
    /// All other answers are to what is not waited for any more.
    fn look_for(
        &mut self,
        at: usize,
        xid: u32,
        operation: Operation,
        until: Instant,
    ) -> Result<Option<Status>, ()> {
        let link = &mut self.links[at];
        link.flush().map_err(|_| ())?;
        let mut found = None;
        while found.is_none() && Instant::now() < until && link.fill().map_err(|_| ())? {
            let mut records = link.take_records();
            while let Some(record) = records.next().map_err(|_| ())? {
                let reply = rpc::reply(record).map_err(|_| ())?;
                if reply.xid == xid {
                    let reader = reply.outcome.map_err(|_| ())?;
                    let mut answers = Answers::new(reader).map_err(|_| ())?;
                    found = match answers.done(operation) {
                        Ok(()) => Some(Status::OK),
                        Err(Fault::Status { status, .. }) => Some(status),
                        Err(_) => return Err(()),
                    };
                }
            }
            link.put_records(records);
        }
        Ok(found)
    }

    fn poll_writable(&mut self, events: &mut Events) {
        let _ = self.poll.poll(events, Some(PAUSE));
        for event in &*events {
            if event.is_writable() {
                self.links[event.token().0].writable();
            }
        }
    }
}
