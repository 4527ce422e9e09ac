//! The client's identity: a client owner and a verifier for the whole run, and the partitions that
//! know them.
//!
//! Each connection asks EXCHANGE_ID, because only the answer identifies the server that it reached
//! (RFC 8881, section 2.10.5). A server that knows the owner answers with our existing client id,
//! and the connection creates its session under that id. Any other server assigns a new one:
//!
//! ```text
//! connection 0   EXCHANGE_ID -> A: new id 5     CREATE_SESSION(5, 1) -> session
//! connection 1   EXCHANGE_ID -> A: 5, confirmed CREATE_SESSION(5, 2) -> session
//! connection 2   EXCHANGE_ID -> B: new id 9     CREATE_SESSION(9, 1) -> session
//! connection 3   EXCHANGE_ID -> C: new id 5     contradicts A's answer, if C has A's name:
//!                EXCHANGE_ID with an owner of its own -> C: new id 6, CREATE_SESSION(6, 1)
//! ```
//!
//! Two interleavings lose a client id, and two turns prevent them:
//!
//! ```text
//! connection 0   EXCHANGE_ID -> A: new id 5                        CREATE_SESSION(5, 1) -> STALE
//! connection 1                     EXCHANGE_ID -> A: new id 6, which replaces the unconfirmed 5
//!
//! connection 0   CREATE_SESSION(5, 2)
//! connection 1   CREATE_SESSION(5, 2) -> connection 0's session, as if it were repeated
//! ```
//!
//! Invariants:
//! - The verifier never changes, and an owner is always sent with the same verifier. A new one would
//!   discard the sessions of the old one on any server that knows the owner.
//! - A single connection has the turn to ask EXCHANGE_ID, until its client id is confirmed: it was
//!   known before, or the connection created a session. At most one client id is unconfirmed.
//! - A single connection per partition has the turn to create a session, so each CREATE_SESSION has
//!   the next sequence id.
//! - Among the partitions of an owner, at most one that may be confirmed has a given name and client
//!   id: a second server with both is recognized because its answer lacks CONFIRMED_R.
//! - A session is used and destroyed only over connections that EXCHANGE_ID assigned to its
//!   partition, so a session of another server with the same id is not touched.

use super::compound::Verifier;
use super::partition::Partition;
use super::results::{CONFIRMED_R, ExchangeIdResult};

/// Client owner, verifier and partitions.
#[derive(Debug)]
pub(super) struct ClientIdentity {
    owner: Vec<u8>,
    verifier: u64,
    /// Number of owners that belong to a single connection.
    own_owners: u32,
    partitions: Vec<Partition>,
    /// The connection that has the turn to ask EXCHANGE_ID.
    turn: Option<usize>,
    /// True if there ever was a session.
    had_session: bool,
    /// True if a server ever replied, even if only that it is busy.
    has_answered: bool,
}

/// Number of the owner that connections share.
pub(super) const SHARED_OWNER: u32 = 0;

/// Result of matching EXCHANGE_ID's answer with the known partitions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ServerMatch {
    /// This partition's server.
    Known(usize),
    /// Another server, or one that lost our state. The client id is not confirmed yet.
    New(usize),
    /// The answer contradicts an earlier one.
    Contradiction,
}

impl ClientIdentity {
    /// Creates an identity that no server has seen. `seed` must differ between runs.
    pub(super) fn new(seed: u64) -> Self {
        let host = rustix::system::uname();
        let mut owner = b"efs-scan ".to_vec();
        owner.extend_from_slice(host.nodename().to_bytes());
        owner.extend_from_slice(format!(" {} {seed:016x}", std::process::id()).as_bytes());
        Self {
            owner,
            verifier: seed,
            own_owners: 0,
            partitions: Vec::new(),
            turn: None,
            had_session: false,
            has_answered: false,
        }
    }

    /// Returns the client owner with this number.
    pub(super) fn owner(&self, number: u32) -> Vec<u8> {
        let mut owner = self.owner.clone();
        if number != SHARED_OWNER {
            owner.extend_from_slice(format!(" {number}").as_bytes());
        }
        owner
    }

    /// Returns the number of an owner that no server has seen.
    pub(super) fn own_owner(&mut self) -> u32 {
        self.own_owners += 1;
        self.own_owners
    }

    pub(super) fn verifier(&self) -> Verifier {
        self.verifier.to_be_bytes()
    }

    /// Finds or adds the partition of the server that sent this answer for an owner.
    pub(super) fn identify(&mut self, owner: u32, answer: &ExchangeIdResult<'_>) -> ServerMatch {
        let known = self.partitions.iter().position(|known| known.matches(owner, answer));
        if answer.flags & CONFIRMED_R != 0 {
            // Without the partition, the sequence id is unknown: the one in the answer has no
            // meaning.
            let Some(at) = known else { return ServerMatch::Contradiction };
            self.partitions[at].recognized();
            return ServerMatch::Known(at);
        }
        if known.is_some_and(|at| self.partitions[at].may_be_confirmed()) {
            return ServerMatch::Contradiction;
        }
        let mut replaced = None;
        for (at, namesake) in self.partitions.iter_mut().enumerate() {
            if namesake.is_namesake(owner, answer) {
                namesake.doubt();
                if !namesake.may_be_confirmed() {
                    replaced = Some(at);
                }
            }
        }
        let partition = Partition::new(owner, answer);
        ServerMatch::New(match replaced {
            Some(at) => {
                self.partitions[at] = partition;
                at
            }
            None => {
                self.partitions.push(partition);
                self.partitions.len() - 1
            }
        })
    }

    /// True if a server has assigned a client id.
    pub(super) fn is_known(&self) -> bool {
        !self.partitions.is_empty()
    }

    pub(super) fn partitions(&self) -> &[Partition] {
        &self.partitions
    }

    /// Returns the partition of a connection, if it has one.
    pub(super) fn partition(&mut self, at: Option<usize>) -> Option<&mut Partition> {
        at.and_then(|at| self.partitions.get_mut(at))
    }

    /// Takes the turn to ask EXCHANGE_ID if it is free. True if this connection has it.
    pub(super) fn acquire_turn(&mut self, connection: usize) -> bool {
        *self.turn.get_or_insert(connection) == connection
    }

    /// Passes the turn to ask EXCHANGE_ID to the next connection.
    pub(super) fn release_turn(&mut self, connection: usize) {
        self.turn.take_if(|turn| *turn == connection);
    }

    /// Records that a server has created a session.
    pub(super) fn note_session(&mut self) {
        self.had_session = true;
        self.has_answered = true;
    }

    /// True if there ever was a session.
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
}

#[cfg(test)]
mod tests;
