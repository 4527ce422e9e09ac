//! Cleans up at the end: destroys the sessions and client ids, so the servers need not keep them
//! for a lease time. The clean-up is brief; if a server does not respond, its lease expires.
//!
//! A partition's state can be destroyed only over a connection to it. If all such connections are
//! lost, further ones are made, as long as they may lead to that partition.

use std::time::{Duration, Instant};

use mio::Events;

use super::{NfsClient, STOP_LATENCY};
use crate::scan::LONGEST_END;
use crate::scan::nfs::compound::{NfsOp, Request};
use crate::scan::nfs::connection::{ConnectionState, SetupStep};
use crate::scan::nfs::partition::Partition;
use crate::scan::nfs::results::{CompoundResults, OpError};
use crate::scan::nfs::rpc;
use crate::scan::nfs::status::Status;

/// Time limit for the clean-up. The rest of [`LONGEST_END`] is for the event loop to see the stop.
const LEAVE_TIMEOUT: Duration = LONGEST_END.saturating_sub(STOP_LATENCY.saturating_mul(4));

/// Time limit for each connection's share of the clean-up.
const CONNECTION_TIMEOUT: Duration = Duration::from_millis(250);

/// Most connections made to find the partitions that have none.
const MAX_SEARCHES: usize = 8;

/// Pause before repeating a request that the server was too busy for.
const BUSY_PAUSE: Duration = Duration::from_millis(20);

impl NfsClient {
    /// Destroys the sessions and the client ids.
    pub(super) fn leave(&mut self) {
        let until = Instant::now() + LEAVE_TIMEOUT;
        self.leaving = true;
        let mut searches = 0;
        // Start over if a connection is lost in the process.
        while Instant::now() < until {
            self.finish_setups(until);
            self.destroy_sessions(until);
            if let Some((at, partition)) = self.connection_to_partition() {
                let place = self.identity.partition(Some(partition));
                if place.is_some_and(|place| place.may_have_unknown_session()) {
                    self.send_setup_step(at, SetupStep::CreateSession, Instant::now());
                } else if self.destroy_orphans_and_client_id(at, partition, until) {
                    continue;
                }
            } else {
                let mut partitions = self.identity.partitions().iter();
                let Some(missed) = partitions.find(|partition| partition.is_missed()) else {
                    return;
                };
                let owner = missed.owner;
                searches += 1;
                if searches > MAX_SEARCHES || !self.search(owner, until) {
                    return;
                }
            }
            // Do not hammer a server that is busy or closes connections.
            std::thread::sleep(BUSY_PAUSE);
        }
    }

    /// Returns a usable connection to a partition that still has state of ours, and that partition.
    fn connection_to_partition(&self) -> Option<(usize, usize)> {
        let mut connections = self.connections.iter().enumerate();
        connections.find_map(|(at, connection)| {
            let usable = matches!(
                connection.state,
                ConnectionState::Ready
                    | ConnectionState::Identified
                    | ConnectionState::Setup(SetupStep::BindConnection)
            );
            let partition = connection.partition.filter(|_| usable)?;
            (!self.identity.partitions()[partition].is_left()).then_some((at, partition))
        })
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
            let partition = self.connections[at].partition;
            if (!ready || !self.call(at, NfsOp::DestroySession, &destroy, until))
                && let Some(partition) = self.identity.partition(partition)
            {
                partition.add_orphan(session.id);
            }
        }
    }

    /// Destroys a partition's orphaned sessions and client id. Returns false if the connection
    /// failed.
    fn destroy_orphans_and_client_id(
        &mut self,
        at: usize,
        partition: usize,
        until: Instant,
    ) -> bool {
        while let Some(place) = self.identity.partition(Some(partition))
            && let Some(id) = place.orphan()
        {
            let destroy = |request: &mut Request| request.destroy_session(&id);
            if !self.call(at, NfsOp::DestroySession, &destroy, until) {
                return false;
            }
            let place = self.identity.partition(Some(partition));
            place.into_iter().for_each(Partition::orphan_destroyed);
        }
        let Some(place) = self.identity.partition(Some(partition)) else { return true };
        let (client, _) = place.client();
        let destroy = |request: &mut Request| request.destroy_client_id(client);
        let destroyed = self.call(at, NfsOp::DestroyClientId, &destroy, until);
        if let Some(place) = self.identity.partition(Some(partition)).filter(|_| destroyed) {
            place.leave();
        }
        destroyed
    }

    /// Waits for sessions that are being created, because only an existing session can be
    /// destroyed. If that takes too long, another connection takes over.
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

    /// Makes a connection and sends EXCHANGE_ID for `owner`; the reply identifies the partition.
    /// Returns false if the server cannot be reached.
    fn search(&mut self, owner: u32, until: Instant) -> bool {
        let mut states = self.connections.iter().map(|connection| &connection.state);
        let waiting = states.position(|state| matches!(state, ConnectionState::AwaitingTurn));
        let at = waiting.unwrap_or(0);
        let mut events = Events::with_capacity(64);
        if waiting.is_none() {
            if !matches!(self.connections[at].state, ConnectionState::Down(_)) {
                self.close_connection(at, "it leads to a server that is cleaned up");
            }
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
        let connected = matches!(self.connections[at].state, ConnectionState::AwaitingTurn);
        if connected {
            self.connections[at].owner = owner;
            self.send_setup_step(at, SetupStep::ExchangeId, Instant::now());
        }
        connected
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

    pub(super) fn poll_writable(&mut self, events: &mut Events) {
        let _ = self.poll.poll(events, Some(BUSY_PAUSE));
        for event in &*events {
            if event.is_writable() {
                self.connections[event.token().0].writable();
            }
        }
    }
}
