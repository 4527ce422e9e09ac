//! Sets up a connection: TCP, TLS, EXCHANGE_ID, CREATE_SESSION, RECLAIM_COMPLETE.

use std::io;
use std::net::SocketAddr;
use std::time::Instant;

use mio::Token;

use super::{LostReason, NfsClient};
use crate::log;
use crate::scan::nfs::compound::{NfsOp, Request};
use crate::scan::nfs::connection::{ConnectionState, SetupStep};
use crate::scan::nfs::errors;
use crate::scan::nfs::identity::ServerMatch;
use crate::scan::nfs::partition::Partition;
use crate::scan::nfs::results::{
    CompoundResults, CreateSessionResult, ExchangeIdResult, OpError, USE_NON_PNFS,
};
use crate::scan::nfs::rpc::RpcError;
use crate::scan::nfs::session::{NfsSession, REQUESTED_CHANNEL};
use crate::scan::nfs::status::Status;
use crate::scan::nfs::tls::TlsConnector;
use crate::scan::nfs::transport::Transport;

/// Smallest useful reply in bytes: one entry with a long name.
const MIN_RESPONSE: u32 = 1024;

impl NfsClient {
    pub(super) fn connect(&mut self, at: usize, now: Instant) {
        let address = self.address();
        let (tls, registry) = (self.options.tls.as_ref(), self.poll.registry());
        match Transport::connect(address, tls, registry, Token(at)) {
            Ok(stream) => {
                self.connections[at].connect(stream);
                self.connections[at].setup = Some((0, now));
            }
            Err(error) => self.close_connection(at, &format!("{address}: {error}")),
        }
    }

    /// Returns the address to connect to. It changes after each failure until a server has replied.
    pub(super) fn address(&self) -> SocketAddr {
        self.addresses[self.address_index]
    }

    /// Continues the TLS handshake. Returns true when it is complete.
    pub(super) fn secured(&mut self, at: usize) -> Result<bool, LostReason> {
        self.connections[at].secured().map_err(|error| {
            let problem = self.tls_error(&error.to_string());
            // A server that replied before may come back with its old certificate.
            if error.kind() == io::ErrorKind::InvalidData && !self.identity.has_answered() {
                self.walk.fatal = Some(("connect to", io::Error::other(problem.clone())));
            }
            problem
        })
    }

    fn tls_error(&self, problem: &str) -> LostReason {
        let server = self.options.tls.as_ref().map_or("", TlsConnector::server);
        format!("TLS with {server} at {}: {problem}", self.address())
    }

    /// Describes a connection on which nothing arrives.
    pub(super) fn silence_reason(&self, at: usize) -> LostReason {
        match self.connections[at].state {
            ConnectionState::TlsHandshake => {
                let problem =
                    "the server does not respond; if it speaks NFS without TLS, omit --tls";
                self.tls_error(problem)
            }
            _ => "the server does not respond".to_owned(),
        }
    }

    /// Handles a TLS alert in reply to plaintext: the server requires TLS.
    pub(super) fn reply_is_tls(&mut self) -> LostReason {
        let problem = "the server requires TLS; use --tls";
        if self.options.tls.is_none() && !self.identity.has_answered() {
            self.walk.fatal = Some(("connect to", io::Error::other(problem)));
        }
        problem.to_owned()
    }

    /// Adds a hint about TLS if the server accepted the connection and never replied.
    pub(super) fn with_hint(&self, at: usize, why: &str) -> LostReason {
        let taken = matches!(
            self.connections[at].state,
            ConnectionState::AwaitingTurn | ConnectionState::Identified | ConnectionState::Setup(_)
        );
        let never = !self.identity.has_answered() && !self.identity.is_known();
        match taken && self.options.tls.is_none() && never {
            true => format!("{why}; if the server requires TLS, use --tls"),
            false => why.to_owned(),
        }
    }

    /// Continues the setup of the connections whose turn it is.
    pub(super) fn start_next_setup(&mut self, now: Instant) {
        for at in 0..self.connections.len() {
            let connection = &self.connections[at];
            match connection.state {
                ConnectionState::AwaitingTurn if self.identity.acquire_turn(at) => {
                    self.send_setup_step(at, SetupStep::ExchangeId, now);
                }
                ConnectionState::Identified => {
                    let partition = self.identity.partition(connection.partition);
                    if partition.is_some_and(|partition| partition.acquire_turn(at)) {
                        self.create_session(at, now);
                    }
                }
                _ => {}
            }
        }
    }

    /// Sends CREATE_SESSION, after DESTROY_SESSION for sessions whose connections were lost.
    fn create_session(&mut self, at: usize, now: Instant) {
        let partition = self.identity.partition(self.connections[at].partition);
        match partition.and_then(|partition| partition.orphan()) {
            Some(_) => self.send_setup_step(at, SetupStep::DestroyOrphan, now),
            None => self.send_setup_step(at, SetupStep::CreateSession, now),
        }
    }

    /// Sends the request of a setup step.
    pub(super) fn send_setup_step(&mut self, at: usize, step: SetupStep, now: Instant) {
        let xid = self.next_xid();
        let mut request = Request::new(Vec::new(), xid, &self.options.credential);
        let connection = &mut self.connections[at];
        match (step, &connection.session, self.identity.partition(connection.partition)) {
            (SetupStep::ExchangeId, ..) => {
                let owner = self.identity.owner(connection.owner);
                request.exchange_id(&self.identity.verifier(), &owner, USE_NON_PNFS);
            }
            (SetupStep::DestroyOrphan, _, Some(partition)) => {
                request.destroy_session(&partition.orphan().unwrap_or_default());
            }
            (SetupStep::CreateSession, _, Some(partition)) => {
                let (client, sequence) = partition.client();
                request.create_session(client, sequence, &REQUESTED_CHANNEL);
            }
            (SetupStep::BindConnection, Some(session), _) => {
                request.bind_conn_to_session(&session.id);
            }
            (SetupStep::DestroyOrphan | SetupStep::CreateSession, _, None)
            | (SetupStep::BindConnection, None, _) => return,
        }
        connection.send(&request.finish());
        connection.setup = Some((xid, now));
        connection.state = ConnectionState::Setup(step);
    }

    /// Returns an xid outside the slots.
    pub(super) fn next_xid(&mut self) -> u32 {
        self.request_counter = self.request_counter.wrapping_add(1);
        self.request_counter << 12 | 0xfff
    }

    /// Handles an RPC error in a setup step.
    pub(super) fn rpc_failed(&mut self, error: RpcError) -> LostReason {
        if !self.identity.had_session() {
            self.walk.fatal = Some(("connect to", errors::from_rpc(error)));
        }
        error.to_string()
    }

    /// Handles the reply to a setup step.
    pub(super) fn setup_reply(
        &mut self,
        at: usize,
        mut results: CompoundResults<'_>,
        now: Instant,
    ) -> Result<(), LostReason> {
        let ConnectionState::Setup(step) = self.connections[at].state else {
            return Err("a reply that matches no request".to_owned());
        };
        let done = match step {
            SetupStep::ExchangeId => match results.exchange_id() {
                Ok(exchanged) => return self.exchanged(at, &exchanged, now),
                Err(error) => Err(error),
            },
            SetupStep::DestroyOrphan => match results.check(NfsOp::DestroySession) {
                // Requests on the lost connection are still running. Destroy the session at the
                // end.
                Err(OpError::Status { status: Status::DELAY, .. }) => {
                    self.send_setup_step(at, SetupStep::CreateSession, now);
                    Ok(())
                }
                Ok(()) | Err(OpError::Status { .. }) => {
                    let partition = self.identity.partition(self.connections[at].partition);
                    partition.into_iter().for_each(Partition::orphan_destroyed);
                    match self.leaving {
                        true => self.connections[at].state = ConnectionState::Identified,
                        false => self.create_session(at, now),
                    }
                    Ok(())
                }
                Err(error) => Err(error),
            },
            SetupStep::CreateSession => match results.create_session() {
                Ok(created) => return self.session_created(at, &created, now),
                Err(error) => Err(error),
            },
            SetupStep::BindConnection => results.bind_conn_to_session().map(|_| {
                self.connections[at].state = ConnectionState::Ready;
            }),
        };
        done.or_else(|error| self.setup_step_failed(at, step, error))
    }

    /// Assigns the connection to the partition that EXCHANGE_ID has found.
    fn exchanged(
        &mut self,
        at: usize,
        answer: &ExchangeIdResult<'_>,
        now: Instant,
    ) -> Result<(), LostReason> {
        if answer.may_be_linux() {
            self.may_be_linux = true;
            self.walk.disable_batching();
        }
        let found = self.identity.identify(self.connections[at].owner, answer);
        log::debug!(connection = at, "server: {found:?}");
        match found {
            ServerMatch::Known(partition) => {
                self.connections[at].partition = Some(partition);
                self.connections[at].state = ConnectionState::Identified;
                self.identity.release_turn(at);
                if !self.leaving {
                    self.start_next_setup(now);
                }
            }
            ServerMatch::New(partition) => {
                self.connections[at].partition = Some(partition);
                self.connections[at].state = ConnectionState::Identified;
                // The turn ends once CREATE_SESSION has confirmed the client id.
                match self.leaving {
                    true => self.identity.release_turn(at),
                    false => self.start_next_setup(now),
                }
            }
            ServerMatch::Contradiction => return self.contradicted(at, "client id"),
        }
        Ok(())
    }

    /// Gives the connection a separate owner, because the server's answers about the shared one
    /// contradict each other.
    fn contradicted(&mut self, at: usize, what: &str) -> Result<(), LostReason> {
        let connection = &mut self.connections[at];
        let partition = self.identity.partition(connection.partition.take());
        partition.into_iter().for_each(|partition| partition.release_turn(at));
        self.identity.release_turn(at);
        let again = std::mem::replace(&mut connection.owner_changed, true);
        connection.owner = self.identity.own_owner();
        connection.state = ConnectionState::AwaitingTurn;
        log::debug!(connection = at, "the server's answers contradict each other: {what}");
        // Once per connection immediately, further times after a pause.
        match again || self.leaving {
            true => Err(format!("the server's answers contradict each other: {what}")),
            false => Ok(()),
        }
    }

    fn session_created(
        &mut self,
        at: usize,
        created: &CreateSessionResult,
        now: Instant,
    ) -> Result<(), LostReason> {
        let CreateSessionResult { session, fore, .. } = created;
        log::debug!(connection = at, "session: {fore:?}");
        let place = self.connections[at].partition;
        let mut theirs = self.connections.iter().filter(|other| other.partition == place);
        let taken = theirs.any(|other| other.session.as_ref().is_some_and(|it| it.id == *session));
        let first = !self.identity.had_session();
        let Some(partition) = self.identity.partition(place) else { return Ok(()) };
        // This is the reply to an earlier CREATE_SESSION, so the sequence ids are not ours.
        if taken || partition.is_orphan(session) {
            return self.contradicted(at, "a session in use");
        }
        partition.session_created();
        partition.release_turn(at);
        let owes_reclaim_complete = partition.owes_reclaim_complete();
        self.identity.note_session();
        self.identity.release_turn(at);
        let problem = match self.walk.operations_needed() {
            needed if fore.max_operations < needed => Some(format!(
                "the server allows {} operations per request; {needed} are needed",
                fore.max_operations
            )),
            _ if fore.max_response < MIN_RESPONSE => Some(format!(
                "the server allows replies of {} bytes; {MIN_RESPONSE} are needed",
                fore.max_response
            )),
            _ => None,
        };
        match problem {
            Some(problem) if first => {
                self.walk.fatal = Some(("connect to", io::Error::other(problem)));
            }
            // Earlier sessions were good enough, and the next one may be. Keep what has been read.
            Some(problem) => {
                let partition = self.identity.partition(place);
                partition.into_iter().for_each(|partition| partition.add_orphan(*session));
                return Err(problem);
            }
            None => {}
        }
        self.connections[at].session = Some(NfsSession::new(*session, fore, self.window.most()));
        self.connections[at].state = ConnectionState::Ready;
        if owes_reclaim_complete {
            self.send_reclaim_complete(at, now);
        }
        Ok(())
    }

    /// Handles the failure of a setup step. The connection is retried after a pause, or continues
    /// with a separate owner.
    fn setup_step_failed(
        &mut self,
        at: usize,
        step: SetupStep,
        error: OpError,
    ) -> Result<(), LostReason> {
        if let OpError::Status { status, .. } = error {
            let partition = self.identity.partition(self.connections[at].partition);
            // A busy server says nothing about an earlier CREATE_SESSION.
            let busy = matches!(
                status,
                Status::DELAY | Status::GRACE | Status::SERVERFAULT | Status::RESOURCE
            );
            let refused = partition.filter(|_| step == SetupStep::CreateSession && !busy);
            if let Some(partition) = refused {
                partition.create_session_refused();
                if matches!(status, Status::STALE_CLIENTID | Status::EXPIRED) {
                    partition.doubt();
                }
            }
            self.identity.note_answer();
            match status {
                _ if busy => {}
                // This says nothing about the client id; the next EXCHANGE_ID does.
                _ if step == SetupStep::BindConnection => {}
                Status::CLID_INUSE
                | Status::STALE_CLIENTID
                | Status::EXPIRED
                | Status::SEQ_MISORDERED
                | Status::BADSESSION => return self.contradicted(at, &error.to_string()),
                other if !self.identity.had_session() => {
                    let error = match other {
                        Status::MINOR_VERS_MISMATCH => io::Error::other(format!(
                            "{other}: the server does not support NFSv4.1, which is required"
                        )),
                        other => errors::with_advice(other),
                    };
                    self.walk.fatal = Some(("connect to", error));
                }
                _ => {}
            }
        }
        Err(error.to_string())
    }
}
