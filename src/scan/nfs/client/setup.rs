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
use crate::scan::nfs::results::{
    CONFIRMED_R, CompoundResults, CreateSessionResult, ExchangeIdResult, OpError, USE_NON_PNFS,
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

    /// The address to connect to. It changes after each failure until a server has replied.
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
            ConnectionState::AwaitingTurn | ConnectionState::Setup(_)
        );
        let never = !self.identity.has_answered() && self.identity.client().is_none();
        match taken && self.options.tls.is_none() && never {
            true => format!("{why}; if the server requires TLS, use --tls"),
            false => why.to_owned(),
        }
    }

    /// Starts the session setup of the next waiting connection. One connection at a time has its
    /// turn.
    pub(super) fn start_next_setup(&mut self, now: Instant) {
        for at in 0..self.connections.len() {
            if matches!(self.connections[at].state, ConnectionState::AwaitingTurn)
                && self.identity.acquire_turn(at)
            {
                let step = match (self.identity.client(), self.identity.orphan()) {
                    (None, _) => SetupStep::ExchangeId,
                    (Some(_), Some(_)) => SetupStep::DestroyOrphan,
                    (Some(_), None) => SetupStep::CreateSession,
                };
                self.send_setup_step(at, step, now);
            }
        }
    }

    /// Sends the request of a setup step.
    pub(super) fn send_setup_step(&mut self, at: usize, step: SetupStep, now: Instant) {
        let xid = self.next_xid();
        let mut request = Request::new(Vec::new(), xid, &self.options.credential);
        let connection = &mut self.connections[at];
        match (step, &mut connection.session) {
            (SetupStep::ExchangeId, _) => {
                let verifier = self.identity.verifier();
                request.exchange_id(&verifier, self.identity.owner(), USE_NON_PNFS);
            }
            (SetupStep::DestroyOrphan, _) => {
                request.destroy_session(&self.identity.orphan().unwrap_or_default());
            }
            (SetupStep::CreateSession, _) => {
                let (client, sequence) = self.identity.client().unwrap_or_default();
                request.create_session(client, sequence, &REQUESTED_CHANNEL);
            }
            (SetupStep::BindConnection, Some(session)) => request.bind_conn_to_session(&session.id),
            (SetupStep::BindConnection, None) => return,
        }
        connection.send(&request.finish());
        connection.setup = Some((xid, now));
        connection.state = ConnectionState::Setup(step);
    }

    /// An xid outside the slots.
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
            return Err("a reply to no request of ours".to_owned());
        };
        let done = match step {
            SetupStep::ExchangeId => match results.exchange_id() {
                // The client id exists from before, and we do not know its sequence ids.
                Ok(ExchangeIdResult { client, flags, .. }) if flags & CONFIRMED_R != 0 => {
                    self.identity.forget(client);
                    return Err("the server mistakes this client for an existing one".to_owned());
                }
                Ok(exchanged) => {
                    if exchanged.may_be_linux() {
                        self.walk.disable_batching();
                    }
                    self.identity.assign(exchanged.client, exchanged.sequence);
                    self.send_setup_step(at, SetupStep::CreateSession, now);
                    Ok(())
                }
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
                    self.identity.orphan_destroyed();
                    let more = self.identity.orphan().is_some();
                    self.send_setup_step(
                        at,
                        if more { SetupStep::DestroyOrphan } else { SetupStep::CreateSession },
                        now,
                    );
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
        done.map_err(|error| self.setup_step_failed(at, step, error))
    }

    fn session_created(
        &mut self,
        at: usize,
        created: &CreateSessionResult,
        now: Instant,
    ) -> Result<(), LostReason> {
        let CreateSessionResult { session, fore, .. } = created;
        log::debug!(connection = at, "session: {fore:?}");
        let first = !self.identity.had_session();
        let client = self.identity.session_created(at);
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
            // Earlier sessions were good enough and the next may be again. Keep what has been read.
            Some(problem) => {
                self.identity.add_orphan(client, *session);
                return Err(problem);
            }
            None => {}
        }
        self.connections[at].session =
            Some(NfsSession::new(*session, client, fore, self.window.most()));
        self.connections[at].state = ConnectionState::Ready;
        if self.identity.owes_reclaim_complete() {
            self.send_reclaim_complete(at, now);
        }
        Ok(())
    }

    /// Decides what the failure of a setup step means. The connection is retried after a pause.
    fn setup_step_failed(&mut self, at: usize, step: SetupStep, error: OpError) -> LostReason {
        if let OpError::Status { status, .. } = error {
            let (client, _) = self.identity.client().unwrap_or_default();
            // A busy server says nothing about an earlier CREATE_SESSION.
            let busy = matches!(
                status,
                Status::DELAY | Status::GRACE | Status::SERVERFAULT | Status::RESOURCE
            );
            if step == SetupStep::CreateSession && !busy {
                self.identity.create_session_refused();
            }
            match status {
                _ if busy => {}
                // This says nothing about the client id.
                Status::BADSESSION if step == SetupStep::BindConnection => {}
                Status::CLID_INUSE
                | Status::STALE_CLIENTID
                | Status::EXPIRED
                | Status::SEQ_MISORDERED
                | Status::BADSESSION => self.identity.forget(client),
                other if !self.identity.had_session() && step != SetupStep::BindConnection => {
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
            self.identity.note_answer();
        }
        self.identity.release_turn(at);
        error.to_string()
    }
}
