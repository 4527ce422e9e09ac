//! Cleans up at the end: destroys the sessions and the client id, so that the server need not keep
//! them for a lease time. The clean-up is brief; if the server does not respond, its lease expires.

use std::time::{Duration, Instant};

use mio::Events;

use super::NfsClient;
use crate::scan::nfs::compound::{NfsOp, Request};
use crate::scan::nfs::connection::{ConnectionState, SetupStep};
use crate::scan::nfs::results::{CompoundResults, OpError};
use crate::scan::nfs::rpc;
use crate::scan::nfs::status::Status;

/// Time limit for the clean-up, and for each connection's share of it.
const LEAVE_TIMEOUT: Duration = Duration::from_secs(1);
const CONNECTION_TIMEOUT: Duration = Duration::from_millis(250);

/// Pause before repeating a request that the server was too busy for.
const BUSY_PAUSE: Duration = Duration::from_millis(20);

impl NfsClient {
    /// Destroys the sessions and the client id.
    pub(super) fn leave(&mut self) {
        let until = Instant::now() + LEAVE_TIMEOUT;
        // Start over if the last connection is lost in the process.
        while Instant::now() < until {
            self.finish_setups(until);
            self.destroy_sessions(until);
            let Some(at) = self.usable_connection(until) else { return };
            if self.identity.may_have_unknown_session() {
                self.send_setup_step(at, SetupStep::CreateSession, Instant::now());
            } else if self.destroy_orphans_and_client_id(at, until) {
                return;
            }
            // Do not hammer a server that is busy or closes connections.
            std::thread::sleep(BUSY_PAUSE);
        }
    }

    /// Destroys each ready session over its own connection.
    fn destroy_sessions(&mut self, until: Instant) {
        for at in 0..self.connections.len() {
            let ready = matches!(
                self.connections[at].state,
                ConnectionState::Ready | ConnectionState::Setup(SetupStep::BindConnection)
            );
            let Some(session) = self.connections[at].session.take() else { continue };
            let destroy = |request: &mut Request| request.destroy_session(&session.id);
            let until = until.min(Instant::now() + CONNECTION_TIMEOUT);
            if !ready || !self.call(at, NfsOp::DestroySession, &destroy, until) {
                self.identity.add_orphan(session.client, session.id);
            }
        }
    }

    /// Destroys the orphaned sessions and the client id. Returns false if the connection failed.
    fn destroy_orphans_and_client_id(&mut self, at: usize, until: Instant) -> bool {
        while let Some(id) = self.identity.orphan() {
            let destroy = |request: &mut Request| request.destroy_session(&id);
            if !self.call(at, NfsOp::DestroySession, &destroy, until) {
                return false;
            }
            self.identity.orphan_destroyed();
        }
        self.identity.client().is_none_or(|(client, _)| {
            let destroy = |request: &mut Request| request.destroy_client_id(client);
            self.call(at, NfsOp::DestroyClientId, &destroy, until)
        })
    }

    /// Waits for sessions being created, since only an existing session can be destroyed. If that
    /// takes too long, another connection takes over.
    fn finish_setups(&mut self, until: Instant) {
        let until = until.min(Instant::now() + CONNECTION_TIMEOUT);
        let mut events = Events::with_capacity(64);
        let making = |client: &Self| {
            let connections = client.connections.iter().enumerate();
            let mut made = connections.filter(|(_, connection)| {
                matches!(
                    connection.state,
                    ConnectionState::Setup(
                        SetupStep::ExchangeId | SetupStep::DestroyOrphan | SetupStep::CreateSession
                    )
                )
            });
            made.next().map(|(at, _)| at)
        };
        while let Some(at) = making(self)
            && Instant::now() < until
        {
            if let Err(lost) = self.service(at, true) {
                self.close_connection(at, &lost);
            }
            if making(self) == Some(at) {
                self.poll_writable(&mut events);
            }
        }
        while let Some(at) = making(self) {
            self.close_connection(at, "the server does not respond to the clean-up");
        }
    }

    /// Finds a working connection, or makes one if all are lost and the server still has our state.
    fn usable_connection(&mut self, until: Instant) -> Option<usize> {
        self.identity.client()?;
        let connected = |state: &ConnectionState| {
            matches!(
                state,
                ConnectionState::Ready
                    | ConnectionState::AwaitingTurn
                    | ConnectionState::Setup(SetupStep::BindConnection)
            )
        };
        let held = self.connections.iter().position(|connection| connected(&connection.state));
        if held.is_some() {
            return held;
        }
        let at = 0;
        let mut events = Events::with_capacity(64);
        if matches!(self.connections[at].state, ConnectionState::Down(_)) {
            self.connect(at, Instant::now());
        }
        while matches!(
            self.connections[at].state,
            ConnectionState::Connecting | ConnectionState::TlsHandshake
        ) && Instant::now() < until
        {
            self.poll_writable(&mut events);
            if let Err(lost) = self.service(at, false) {
                self.close_connection(at, &lost);
            }
        }
        connected(&self.connections[at].state).then_some(at)
    }

    /// Executes one operation outside a session. Returns false if there was no reply, in which case
    /// the connection is closed.
    fn call(
        &mut self,
        at: usize,
        operation: NfsOp,
        write: &dyn Fn(&mut Request),
        until: Instant,
    ) -> bool {
        let mut events = Events::with_capacity(64);
        loop {
            let xid = self.next_xid();
            let mut request = Request::new(Vec::new(), xid, &self.options.credential);
            write(&mut request);
            self.connections[at].send(&request.finish());
            let busy = loop {
                match self.poll_reply(at, xid, operation, until) {
                    Ok(Some(status)) => break status == Status::DELAY,
                    Ok(None) if Instant::now() < until => self.poll_writable(&mut events),
                    Ok(None) | Err(()) => {
                        self.close_connection(at, "the server does not respond to the clean-up");
                        return false;
                    }
                }
            };
            if !busy || Instant::now() + BUSY_PAUSE >= until {
                return !busy;
            }
            std::thread::sleep(BUSY_PAUSE);
        }
    }

    /// Reads what has arrived on a connection and returns the status of the reply with this xid, if
    /// it is there. Other replies are to requests we no longer wait for.
    fn poll_reply(
        &mut self,
        at: usize,
        xid: u32,
        operation: NfsOp,
        until: Instant,
    ) -> Result<Option<Status>, ()> {
        let connection = &mut self.connections[at];
        connection.flush().map_err(|_| ())?;
        let mut found = None;
        while found.is_none() && Instant::now() < until && connection.fill().map_err(|_| ())? {
            let mut records = connection.take_records();
            while let Some(record) = records.next().map_err(|_| ())? {
                let reply = rpc::reply(record).map_err(|_| ())?;
                if reply.xid == xid {
                    let reader = reply.outcome.map_err(|_| ())?;
                    let mut results = CompoundResults::new(reader).map_err(|_| ())?;
                    found = match results.check(operation) {
                        Ok(()) => Some(Status::OK),
                        Err(OpError::Status { status, .. }) => Some(status),
                        Err(_) => return Err(()),
                    };
                }
            }
            connection.put_records(records);
        }
        Ok(found)
    }

    fn poll_writable(&mut self, events: &mut Events) {
        let _ = self.poll.poll(events, Some(BUSY_PAUSE));
        for event in &*events {
            if event.is_writable() {
                self.connections[event.token().0].writable();
            }
        }
    }
}
