//! Who this client is to the server: one client id for all connections, each with a session of its
//! own. Sessions are made one after the other, because their numbers go up by one.

use std::collections::VecDeque;
use std::time::Instant;

use super::compound::{SessionId, Verifier};

/// The client.
#[derive(Debug)]
pub(super) struct Identity {
    owner: Vec<u8>,
    verifier: u64,
    /// The client id and the number of its next CREATE_SESSION.
    client: Option<(u64, u32)>,
    /// Whether RECLAIM_COMPLETE is due: once for each client id.
    reclaim: bool,
    /// When it is to be sent again, because the server put it off.
    reclaim_at: Option<Instant>,
    /// The connection that makes its session.
    turn: Option<usize>,
    /// Whether there was ever a session.
    was_known: bool,
    /// Whether the server has answered at all, if only that it is busy.
    met: bool,
    /// A session was asked for by a connection that was lost then.
    asked: bool,
    /// Sessions of connections that were lost: the server keeps them until they are destroyed.
    orphans: VecDeque<SessionId>,
    spoken: Instant,
}

impl Identity {
    /// A client that no server has seen: `seed` is another one for each run.
    pub(super) fn new(seed: u64) -> Self {
        let host = rustix::system::uname();
        let mut owner = b"efs-scan ".to_vec();
        owner.extend_from_slice(host.nodename().to_bytes());
        owner.extend_from_slice(format!(" {} {seed:016x}", std::process::id()).as_bytes());
        Self {
            owner,
            verifier: seed,
            client: None,
            reclaim: false,
            reclaim_at: None,
            turn: None,
            was_known: false,
            met: false,
            asked: false,
            orphans: VecDeque::new(),
            spoken: Instant::now(),
        }
    }

    pub(super) fn owner(&self) -> &[u8] {
        &self.owner
    }

    pub(super) fn verifier(&self) -> Verifier {
        self.verifier.to_be_bytes()
    }

    /// The client id and the number of its next CREATE_SESSION.
    pub(super) fn client(&self) -> Option<(u64, u32)> {
        self.client
    }

    /// The server gave a client id.
    pub(super) fn known(&mut self, client: u64, sequence: u32) {
        self.client = Some((client, sequence));
        self.reclaim = true;
        self.reclaim_at = None;
    }

    /// The server has forgotten that client: another verifier asks for another client id.
    pub(super) fn forget(&mut self, client: u64) {
        if self.client.is_some_and(|(known, _)| known != client) {
            return;
        }
        self.client = None;
        self.asked = false;
        self.orphans.clear();
        self.verifier = self.verifier.wrapping_add(1);
    }

    /// A session's connection was lost.
    pub(super) fn left(&mut self, client: u64, session: SessionId) {
        if self.client.is_some_and(|(known, _)| known == client) {
            self.orphans.push_back(session);
        }
    }

    /// A session that nothing uses any more: the same one until it is tidied, though others join.
    pub(super) fn orphan(&self) -> Option<SessionId> {
        self.orphans.front().copied()
    }

    /// The server does not keep that one any more.
    pub(super) fn tidied(&mut self) {
        self.orphans.pop_front();
    }

    /// Whether a connection may make its session now.
    pub(super) fn take_turn(&mut self, link: usize) -> bool {
        *self.turn.get_or_insert(link) == link
    }

    /// A connection does not make one any more.
    pub(super) fn let_go(&mut self, link: usize) {
        if self.turn == Some(link) {
            self.turn = None;
        }
    }

    /// A session was asked for, and the connection lost before the answer.
    pub(super) fn unanswered(&mut self) {
        self.asked = true;
    }

    /// The server would not make one.
    pub(super) fn answered(&mut self) {
        self.asked = false;
    }

    /// Whether one may be there that nobody here knows of: to the same number, the server says which
    /// (RFC 8881, 18.36.4).
    pub(super) fn may_have_more(&self) -> bool {
        self.asked
    }

    /// A session was made, for the client that is given.
    pub(super) fn created(&mut self, link: usize) -> u64 {
        if let Some((_, sequence)) = &mut self.client {
            *sequence = sequence.wrapping_add(1);
        }
        self.was_known = true;
        self.met = true;
        self.asked = false;
        self.let_go(link);
        self.client.unwrap_or_default().0
    }

    /// Whether a session that was made has to say that nothing is reclaimed.
    pub(super) fn must_reclaim(&self) -> bool {
        self.reclaim
    }

    /// The server knows that.
    pub(super) fn reclaimed(&mut self) {
        self.reclaim = false;
    }

    /// The server wants to hear it later.
    pub(super) fn reclaim_later(&mut self, at: Instant) {
        self.reclaim_at = Some(at);
    }

    /// Whether it may be told again.
    pub(super) fn reclaim_is_due(&self, now: Instant) -> bool {
        self.reclaim && self.reclaim_at.is_some_and(|at| at <= now)
    }

    /// It was told again.
    pub(super) fn reclaim_said(&mut self) {
        self.reclaim_at = None;
    }

    /// Whether there was ever a session.
    pub(super) fn was_known(&self) -> bool {
        self.was_known
    }

    /// The server answered, if only that it is not ready.
    pub(super) fn met(&mut self) {
        self.met = true;
    }

    /// Whether it did.
    pub(super) fn was_met(&self) -> bool {
        self.met
    }

    /// When the server was last told that we are alive, where nothing else told it.
    pub(super) fn spoken(&self) -> Instant {
        self.spoken
    }

    /// It was told now.
    pub(super) fn spoke(&mut self, now: Instant) {
        self.spoken = now;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_session_that_is_lost_while_another_is_given_back_is_kept() {
        let mut identity = Identity::new(1);
        identity.known(7, 1);
        identity.left(7, [1; 16]);
        assert_eq!(identity.orphan(), Some([1; 16]));
        identity.left(7, [2; 16]);
        // The answer to the first.
        identity.tidied();
        assert_eq!(identity.orphan(), Some([2; 16]));
        identity.tidied();
        assert_eq!(identity.orphan(), None);
    }
}
