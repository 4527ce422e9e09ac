//! A partition: one of the servers behind the address, and our client id there.
//!
//! EFS distributes connections over such servers. They share files and file handles, but each has
//! its own client ids, sessions and slots. Most other servers are a single partition.

use std::collections::VecDeque;
use std::time::Instant;

use super::compound::SessionId;
use super::results::ExchangeIdResult;

/// A client id on a server, and what is known of its sessions.
#[derive(Debug)]
pub(super) struct Partition {
    /// Number of the client owner that the client id was assigned to.
    pub(super) owner: u32,
    /// The server's owner and scope, which need not be unique.
    major: Vec<u8>,
    scope: Vec<u8>,
    /// The client id and the sequence id of its next CREATE_SESSION.
    client: u64,
    sequence: u32,
    /// True if there was a session, which makes the client id permanent.
    confirmed: bool,
    /// True if the server may have discarded the client id: it reported that, or a server with its
    /// name does not know it. Either it restarted, or that is another server.
    doubted: bool,
    /// The connection that has the turn to create its session.
    turn: Option<usize>,
    /// True if a connection was lost before the reply to its CREATE_SESSION.
    session_unknown: bool,
    /// Sessions whose connections were lost. The server keeps them until they are destroyed.
    orphans: VecDeque<SessionId>,
    /// True until RECLAIM_COMPLETE has succeeded: required once per client id.
    reclaim_complete_owed: bool,
    /// Time to send it again after the server postponed it.
    reclaim_complete_at: Option<Instant>,
    /// True if the clean-up is finished with this partition.
    left: bool,
}

impl Partition {
    /// Records a client id that a server assigned.
    pub(super) fn new(owner: u32, answer: &ExchangeIdResult<'_>) -> Self {
        Self {
            owner,
            major: answer.server.to_vec(),
            scope: answer.scope.to_vec(),
            client: answer.client,
            sequence: answer.sequence,
            confirmed: false,
            doubted: false,
            turn: None,
            session_unknown: false,
            orphans: VecDeque::new(),
            reclaim_complete_owed: true,
            reclaim_complete_at: None,
            left: false,
        }
    }

    /// True if the answer is from a server with this name. Several servers may share a name:
    /// nfs-ganesha and Linux use the host's.
    pub(super) fn is_namesake(&self, owner: u32, answer: &ExchangeIdResult<'_>) -> bool {
        self.owner == owner && self.major == answer.server && self.scope == answer.scope
    }

    /// True if the name and the client id match.
    pub(super) fn matches(&self, owner: u32, answer: &ExchangeIdResult<'_>) -> bool {
        self.is_namesake(owner, answer) && self.client == answer.client
    }

    /// True if the server may hold the client id permanently.
    pub(super) fn may_be_confirmed(&self) -> bool {
        self.confirmed || self.session_unknown
    }

    /// Records that the server has recognized the client id.
    pub(super) fn recognized(&mut self) {
        self.confirmed = true;
        self.doubted = false;
        self.left = false;
    }

    /// Records that the server may have discarded the client id, and all its sessions. The next
    /// EXCHANGE_ID clarifies this.
    pub(super) fn doubt(&mut self) {
        self.doubted = true;
    }

    /// Returns the client id and the sequence id of its next CREATE_SESSION.
    pub(super) fn client(&self) -> (u64, u32) {
        (self.client, self.sequence)
    }

    /// Records a session whose connection was lost.
    pub(super) fn add_orphan(&mut self, session: SessionId) {
        self.orphans.push_back(session);
    }

    /// Returns the first orphaned session. It stays first until it is destroyed, even if others are
    /// added.
    pub(super) fn orphan(&self) -> Option<SessionId> {
        self.orphans.front().copied()
    }

    pub(super) fn is_orphan(&self, session: &SessionId) -> bool {
        self.orphans.contains(session)
    }

    /// Removes the first orphaned session, which the server has destroyed.
    pub(super) fn orphan_destroyed(&mut self) {
        self.orphans.pop_front();
    }

    /// Takes the turn to create a session if it is free. True if this connection has it.
    pub(super) fn acquire_turn(&mut self, connection: usize) -> bool {
        *self.turn.get_or_insert(connection) == connection
    }

    /// Passes the turn to create a session to the next connection.
    pub(super) fn release_turn(&mut self, connection: usize) {
        self.turn.take_if(|turn| *turn == connection);
    }

    /// Records that a connection was lost before the reply to its CREATE_SESSION.
    pub(super) fn create_session_lost(&mut self) {
        self.session_unknown = true;
    }

    /// Records that the server did not create the session.
    pub(super) fn create_session_refused(&mut self) {
        self.session_unknown = false;
    }

    /// True if the server may hold a session we never heard about. Repeating CREATE_SESSION with
    /// the same sequence id returns it (RFC 8881, section 18.36.4).
    pub(super) fn may_have_unknown_session(&self) -> bool {
        self.session_unknown
    }

    /// Records a new session.
    pub(super) fn session_created(&mut self) {
        self.sequence = self.sequence.wrapping_add(1);
        self.confirmed = true;
        self.session_unknown = false;
    }

    /// True if RECLAIM_COMPLETE must still be sent for this client id.
    pub(super) fn owes_reclaim_complete(&self) -> bool {
        self.reclaim_complete_owed
    }

    pub(super) fn reclaim_complete_done(&mut self) {
        self.reclaim_complete_owed = false;
    }

    pub(super) fn postpone_reclaim_complete(&mut self, at: Instant) {
        self.reclaim_complete_at = Some(at);
    }

    /// True if a postponed RECLAIM_COMPLETE is due.
    pub(super) fn reclaim_complete_is_due(&self, now: Instant) -> bool {
        self.reclaim_complete_owed && self.reclaim_complete_at.is_some_and(|at| at <= now)
    }

    pub(super) fn reclaim_complete_sent(&mut self) {
        self.reclaim_complete_at = None;
    }

    /// True if the clean-up is finished with this partition.
    pub(super) fn is_left(&self) -> bool {
        self.left
    }

    /// True if the clean-up should look for a connection to this server. It skips a server that
    /// probably has nothing to destroy.
    pub(super) fn is_missed(&self) -> bool {
        !self.left && !self.doubted
    }

    pub(super) fn leave(&mut self) {
        self.left = true;
    }
}

#[cfg(test)]
mod tests;
