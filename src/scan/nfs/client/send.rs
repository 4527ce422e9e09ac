//! Sends requests: as many as the window allows, and SEQUENCE alone to renew the lease.

use std::time::{Duration, Instant};

use super::NfsClient;
use crate::scan::nfs::connection::{Connection, ConnectionState};
use crate::scan::nfs::session::NfsSession;

/// The most connections of a scan.
pub(super) const MAX_CONNECTIONS: usize = 8;

/// Failures after which a connection is not expected to come back soon.
const TRIES: u32 = 3;

impl NfsClient {
    /// Sends as many requests as may be in flight, and flushes all connections.
    pub(super) fn send(&mut self, now: Instant) {
        self.start_next_setup(now);
        let has_session = self.sessions().next().is_some();
        self.walk.share_tasks(has_session);
        if std::mem::take(&mut self.walk.busy) {
            self.window.server_busy(now);
        }
        self.release_bound();
        let mut in_flight: usize = self.sessions().map(|session| session.slots.in_flight()).sum();
        let limit = self.window.limit(now, in_flight, self.walk.ready(now));
        let mut free_slots: usize = self.sessions().map(NfsSession::free).sum();
        let share =
            self.walk.batch_size(limit.min(in_flight + free_slots)).min(self.window.burst());
        while in_flight < limit && free_slots > 0 && self.walk.ready(now) > 0 {
            if !self.window.may_send(now) {
                break;
            }
            let useful = |at: &usize| self.walk.has_tasks(self.connections[*at].partition);
            let connections = (0..self.connections.len()).filter(useful);
            let best = connections.max_by_key(|at| self.connections[*at].free());
            let Some(at) = best.filter(|at| self.connections[*at].free() > 0) else { break };
            let free = free_slots.min(limit - in_flight);
            if !self.request(at, free, share, now) {
                continue;
            }
            in_flight += 1;
            free_slots -= 1;
        }
        // Add connections if the existing ones have too few slots.
        let all_ready = self
            .connections
            .iter()
            .all(|connection| matches!(connection.state, ConnectionState::Ready));
        if all_ready && free_slots == 0 && in_flight < limit {
            // Add them together, so their handshakes run at the same time.
            let slots = self.sessions().map(NfsSession::granted).max().unwrap_or(0);
            let missing = (limit - in_flight).div_ceil(slots.max(1));
            let more = missing.min(MAX_CONNECTIONS.saturating_sub(self.connections.len()));
            self.connections.extend((0..more).map(|_| Connection::new(now)));
        }
        self.retry_reclaim_complete(now);
        self.renew_leases(now);
        for at in 0..self.connections.len() {
            if let Err(error) = self.connections[at].flush() {
                self.close_connection(at, &error.to_string());
            }
        }
    }

    fn sessions(&self) -> impl Iterator<Item = &NfsSession> {
        let ready = self
            .connections
            .iter()
            .filter(|connection| matches!(connection.state, ConnectionState::Ready));
        ready.filter_map(|connection| connection.session.as_ref())
    }

    /// Sends a request. Returns false if all queued tasks are bound to other partitions.
    fn request(&mut self, at: usize, free: usize, share: usize, now: Instant) -> bool {
        let connection = &mut self.connections[at];
        let Some(session) = &mut connection.session else { return false };
        let limits = session.limits;
        let tasks = self.walk.next_tasks(connection.partition, free, share, &limits);
        if tasks.is_empty() {
            return false;
        }
        self.window.sent(tasks.len(), now);
        self.request_counter = self.request_counter.wrapping_add(1);
        let buffer = std::mem::take(&mut self.buffer);
        match session.begin_request(
            self.request_counter,
            tasks,
            &self.options.credential,
            buffer,
            now,
        ) {
            Ok((xid, mut request)) => {
                self.walk.write_tasks(session.tasks(xid), &mut request);
                let bytes = request.finish();
                connection.send(&bytes);
                self.buffer = bytes;
            }
            Err(tasks) => self.walk.requeue(tasks),
        }
        true
    }

    /// Releases listings whose partition has no connection, once every connection knows its
    /// partition.
    fn release_bound(&mut self) {
        let is_settled = |connection: &Connection| {
            matches!(connection.state, ConnectionState::Ready) || connection.failures >= TRIES
        };
        if self.walk.has_bound() && self.connections.iter().all(is_settled) {
            let connections = &self.connections;
            self.walk.release(|partition| {
                connections.iter().any(|connection| connection.partition == Some(partition))
            });
        }
    }

    /// Renews the lease of each partition, over all connections that have no request in flight.
    /// Every SEQUENCE renews the lease of its client id, and each partition has its own. The only
    /// known lease time is that of the partition which returned the root. If another one has a
    /// shorter lease, its idle sessions may expire; that costs a reconnect and loses nothing. The
    /// same holds for a client id on a partition without connections.
    fn renew_leases(&mut self, now: Instant) {
        let lease = Duration::from_secs(u64::from(self.walk.lease.unwrap_or(90)).max(1));
        if now.saturating_duration_since(self.last_renewal) < lease / 3 {
            return;
        }
        for connection in &mut self.connections {
            let ready = matches!(connection.state, ConnectionState::Ready);
            if let Some(session) = connection.session.as_mut().filter(|_| ready)
                && session.slots.in_flight() == 0
            {
                self.request_counter = self.request_counter.wrapping_add(1);
                let begun = session.begin_request(
                    self.request_counter,
                    Vec::new(),
                    &self.options.credential,
                    Vec::new(),
                    now,
                );
                if let Ok((_, request)) = begun {
                    connection.send(&request.finish());
                }
            }
        }
        self.last_renewal = now;
    }

    /// Sends RECLAIM_COMPLETE: this client has no state to reclaim.
    pub(super) fn send_reclaim_complete(&mut self, at: usize, now: Instant) {
        let connection = &mut self.connections[at];
        let Some(session) = &mut connection.session else { return };
        self.request_counter = self.request_counter.wrapping_add(1);
        let (number, credential) = (self.request_counter, &self.options.credential);
        let begun = session.begin_request(number, Vec::new(), credential, Vec::new(), now);
        if let Ok((_, mut request)) = begun {
            request.reclaim_complete();
            connection.send(&request.finish());
        }
    }

    /// Sends RECLAIM_COMPLETE again after the server postponed it.
    pub(super) fn retry_reclaim_complete(&mut self, now: Instant) {
        for at in 0..self.connections.len() {
            let connection = &self.connections[at];
            if connection.free() > 0
                && let Some(partition) = self.identity.partition(connection.partition)
                && partition.reclaim_complete_is_due(now)
            {
                partition.reclaim_complete_sent();
                self.send_reclaim_complete(at, now);
            }
        }
    }
}
