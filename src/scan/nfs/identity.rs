//! The client's identity on the server: a client owner, a verifier and one client id for all
//! connections, each of which has a session of its own. Sessions are created one after the other,
//! because CREATE_SESSION's sequence id grows by one each time.

use std::collections::VecDeque;
use std::time::Instant;

use super::compound::{SessionId, Verifier};

/// Client owner, verifier and client id, and what is known of their sessions.
#[derive(Debug)]
pub(super) struct ClientIdentity {
    owner: Vec<u8>,
    verifier: u64,
    /// The client id and the sequence id of its next CREATE_SESSION.
    client: Option<(u64, u32)>,
    /// True until RECLAIM_COMPLETE has succeeded: required once per client id.
    reclaim_complete_owed: bool,
    /// When to send it again after the server postponed it.
    reclaim_complete_at: Option<Instant>,
    /// The connection whose turn it is to create its session.
    turn: Option<usize>,
    /// True if there was ever a session.
    had_session: bool,
    /// True if the server has ever replied, even if only that it is busy.
    has_answered: bool,
    /// True if a connection was lost before the reply to its CREATE_SESSION.
    session_unknown: bool,
    /// Sessions whose connections were lost. The server keeps them until they are destroyed.
    orphans: VecDeque<SessionId>,
    last_renewal: Instant,
}

impl ClientIdentity {
    /// Creates an identity no server has seen. `seed` must differ between runs.
    pub(super) fn new(seed: u64) -> Self {
        let host = rustix::system::uname();
        let mut owner = b"efs-scan ".to_vec();
        owner.extend_from_slice(host.nodename().to_bytes());
        owner.extend_from_slice(format!(" {} {seed:016x}", std::process::id()).as_bytes());
        Self {
            owner,
            verifier: seed,
            client: None,
            reclaim_complete_owed: false,
            reclaim_complete_at: None,
            turn: None,
            had_session: false,
            has_answered: false,
            session_unknown: false,
            orphans: VecDeque::new(),
            last_renewal: Instant::now(),
        }
    }

    pub(super) fn owner(&self) -> &[u8] {
        &self.owner
    }

    pub(super) fn verifier(&self) -> Verifier {
        self.verifier.to_be_bytes()
    }

    /// The client id and the sequence id of its next CREATE_SESSION.
    pub(super) fn client(&self) -> Option<(u64, u32)> {
        self.client
    }

    /// Stores the client id that the server assigned.
    pub(super) fn assign(&mut self, client: u64, sequence: u32) {
        self.client = Some((client, sequence));
        self.reclaim_complete_owed = true;
        self.reclaim_complete_at = None;
    }

    /// Discards a client id the server no longer knows. A new verifier gets a new one.
    pub(super) fn forget(&mut self, client: u64) {
        if self.client.is_some_and(|(known, _)| known != client) {
            return;
        }
        self.client = None;
        self.session_unknown = false;
        self.orphans.clear();
        self.verifier = self.verifier.wrapping_add(1);
    }

    /// Records a session whose connection was lost.
    pub(super) fn add_orphan(&mut self, client: u64, session: SessionId) {
        if self.client.is_some_and(|(known, _)| known == client) {
            self.orphans.push_back(session);
        }
    }

    /// The first orphaned session. It stays first until it is destroyed, even if others are added.
    pub(super) fn orphan(&self) -> Option<SessionId> {
        self.orphans.front().copied()
    }

    /// Removes the first orphaned session, which the server has destroyed.
    pub(super) fn orphan_destroyed(&mut self) {
        self.orphans.pop_front();
    }

    /// True if this connection may create its session now.
    pub(super) fn acquire_turn(&mut self, connection: usize) -> bool {
        *self.turn.get_or_insert(connection) == connection
    }

    /// Lets the next connection create its session.
    pub(super) fn release_turn(&mut self, connection: usize) {
        if self.turn == Some(connection) {
            self.turn = None;
        }
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

    /// Records a new session and returns its client id.
    pub(super) fn session_created(&mut self, connection: usize) -> u64 {
        if let Some((_, sequence)) = &mut self.client {
            *sequence = sequence.wrapping_add(1);
        }
        self.had_session = true;
        self.has_answered = true;
        self.session_unknown = false;
        self.release_turn(connection);
        self.client.unwrap_or_default().0
    }

    /// True if RECLAIM_COMPLETE is still to be sent for this client id.
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

    /// True if there was ever a session.
    pub(super) fn had_session(&self) -> bool {
        self.had_session
    }

    /// Records that the server has replied, even if only that it is not ready.
    pub(super) fn note_answer(&mut self) {
        self.has_answered = true;
    }

    pub(super) fn has_answered(&self) -> bool {
        self.has_answered
    }

    /// When the lease was last renewed.
    pub(super) fn last_renewal(&self) -> Instant {
        self.last_renewal
    }

    pub(super) fn renewed(&mut self, now: Instant) {
        self.last_renewal = now;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_orphan_added_during_a_destroy_is_kept() {
        let mut identity = ClientIdentity::new(1);
        identity.assign(7, 1);
        identity.add_orphan(7, [1; 16]);
        assert_eq!(identity.orphan(), Some([1; 16]));
        identity.add_orphan(7, [2; 16]);
        // The first one's reply arrives.
        identity.orphan_destroyed();
        assert_eq!(identity.orphan(), Some([2; 16]));
        identity.orphan_destroyed();
        assert_eq!(identity.orphan(), None);
    }
}
