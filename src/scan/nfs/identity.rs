//! The client's identity: one client owner and one verifier for the whole run, and the partitions
//! that know it.
//!
//! Each connection asks EXCHANGE_ID, because only the answer tells which server it has reached (RFC
//! 8881, section 2.10.5). A server that knows the owner answers with the client id we have; the
//! connection then creates its session under it. Any other server assigns a new one:
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
//! - The verifier never changes, and an owner never comes with another one. A new verifier would
//!   discard the sessions of the old one, on a server that we perhaps do not know we have reached.
//! - The turn to ask EXCHANGE_ID is one connection's, until the client id it got is confirmed: known
//!   from before, or by the connection's own CREATE_SESSION. At most one client id is unconfirmed.
//! - The turn to create a session is one connection's per partition, so each CREATE_SESSION has the
//!   next sequence id.
//! - Among the partitions of one owner, at most one that may be confirmed has a given name and
//!   client id: a second server with both is found by its answer, which lacks CONFIRMED_R.
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
    /// The number of owners that belong to a single connection.
    own_owners: u32,
    partitions: Vec<Partition>,
    /// The connection whose turn it is to ask EXCHANGE_ID.
    turn: Option<usize>,
    /// True if there was ever a session.
    had_session: bool,
    /// True if a server has ever replied, even if only that it is busy.
    has_answered: bool,
}

/// The owner that connections share.
pub(super) const SHARED_OWNER: u32 = 0;

/// What EXCHANGE_ID's answer says about the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ServerMatch {
    /// This partition's server.
    Known(usize),
    /// Another server, or one that has forgotten us. The client id is not confirmed yet.
    New(usize),
    /// It contradicts an earlier answer.
    Contradiction,
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
            own_owners: 0,
            partitions: Vec::new(),
            turn: None,
            had_session: false,
            has_answered: false,
        }
    }

    /// The client owner with this number.
    pub(super) fn owner(&self, number: u32) -> Vec<u8> {
        let mut owner = self.owner.clone();
        if number != SHARED_OWNER {
            owner.extend_from_slice(format!(" {number}").as_bytes());
        }
        owner
    }

    /// The number of an owner no server has seen.
    pub(super) fn own_owner(&mut self) -> u32 {
        self.own_owners += 1;
        self.own_owners
    }

    pub(super) fn verifier(&self) -> Verifier {
        self.verifier.to_be_bytes()
    }

    /// Finds or adds the partition of the server that gave this answer to an owner.
    pub(super) fn identify(&mut self, owner: u32, answer: &ExchangeIdResult<'_>) -> ServerMatch {
        let known = self.partitions.iter().position(|known| known.matches(owner, answer));
        if answer.flags & CONFIRMED_R != 0 {
            // Without the partition we do not know the sequence id: the answer's has no meaning.
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

    /// The partition of a connection, if it has one.
    pub(super) fn partition(&mut self, at: Option<usize>) -> Option<&mut Partition> {
        at.and_then(|at| self.partitions.get_mut(at))
    }

    /// True if this connection may ask EXCHANGE_ID now.
    pub(super) fn acquire_turn(&mut self, connection: usize) -> bool {
        *self.turn.get_or_insert(connection) == connection
    }

    /// Lets the next connection ask EXCHANGE_ID.
    pub(super) fn release_turn(&mut self, connection: usize) {
        self.turn.take_if(|turn| *turn == connection);
    }

    /// Records that a server has created a session.
    pub(super) fn note_session(&mut self) {
        self.had_session = true;
        self.has_answered = true;
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
}

#[cfg(test)]
mod tests;
