//! From no connection to a session: TCP, TLS, EXCHANGE_ID, CREATE_SESSION, RECLAIM_COMPLETE.

use std::io;
use std::net::SocketAddr;
use std::time::Instant;

use mio::Token;

use super::{Client, Lost};
use crate::scan::nfs::answers::{
    Answers, CONFIRMED_R, CreateSession, ExchangeId, Fault, USE_NON_PNFS,
};
use crate::scan::nfs::compound::{Operation, Request};
use crate::scan::nfs::inode;
use crate::scan::nfs::link::{Session, State, Step, WANTED};
use crate::scan::nfs::rpc::Refused;
use crate::scan::nfs::status::Status;
use crate::scan::nfs::tls::Secure;
use crate::scan::nfs::transport::Transport;

/// The least bytes of a reply that are of any use: one entry with a long name.
const LEAST_RESPONSE: u32 = 1024;

impl Client {
    pub(super) fn connect(&mut self, at: usize, now: Instant) {
        let address = self.address();
        let (secure, registry) = (self.options.secure.as_ref(), self.poll.registry());
        match Transport::connect(address, secure, registry, Token(at)) {
            Ok(stream) => {
                self.links[at].connect(stream);
                self.links[at].setup = Some((0, now));
            }
            Err(error) => self.lose(at, &format!("{address}: {error}")),
        }
    }

    /// Where connections lead: another address after each failure, until one has answered.
    pub(super) fn address(&self) -> SocketAddr {
        self.addresses[self.address]
    }

    /// Goes on with TLS's handshake. Whether it has come to its end.
    pub(super) fn secured(&mut self, at: usize) -> Result<bool, Lost> {
        self.links[at].secured().map_err(|error| {
            let problem = self.insecure(&error.to_string());
            // Who was there before may be there again, with the certificate that it had.
            if error.kind() == io::ErrorKind::InvalidData && !self.identity.was_met() {
                self.walk.fatal = Some(("connect to", io::Error::other(problem.clone())));
            }
            problem
        })
    }

    fn insecure(&self, problem: &str) -> Lost {
        let server = self.options.secure.as_ref().map_or("", Secure::server);
        format!("TLS with {server} at {}: {problem}", self.address())
    }

    /// What is said of a connection that nothing comes on.
    pub(super) fn silent(&self, at: usize) -> Lost {
        match self.links[at].state {
            State::Securing => {
                let problem = "it does not answer; if it speaks NFS without TLS, leave out --tls";
                self.insecure(problem)
            }
            _ => "it does not answer".to_owned(),
        }
    }

    /// What comes is TLS, which a server may say that was spoken to without it.
    pub(super) fn came_encrypted(&mut self) -> Lost {
        let problem = "the server wants TLS; say --tls";
        if self.options.secure.is_none() && !self.identity.was_met() {
            self.walk.fatal = Some(("connect to", io::Error::other(problem)));
        }
        problem.to_owned()
    }

    /// Why a connection was lost, and what may help if the server took it and never gave an answer.
    pub(super) fn with_hint(&self, at: usize, why: &str) -> Lost {
        let taken = matches!(self.links[at].state, State::Waiting | State::Setup(_));
        let never = !self.identity.was_met() && self.identity.client().is_none();
        match taken && self.options.secure.is_none() && never {
            true => format!("{why}; a server that wants TLS needs --tls"),
            false => why.to_owned(),
        }
    }

    /// Makes the session of a connection that has none, when it is its turn.
    pub(super) fn set_up_waiting(&mut self, now: Instant) {
        for at in 0..self.links.len() {
            if matches!(self.links[at].state, State::Waiting) && self.identity.take_turn(at) {
                let step = match (self.identity.client(), self.identity.orphan()) {
                    (None, _) => Step::Exchange,
                    (Some(_), Some(_)) => Step::Tidy,
                    (Some(_), None) => Step::Create,
                };
                self.set_up(at, step, now);
            }
        }
    }

    /// Sends the request of a step.
    pub(super) fn set_up(&mut self, at: usize, step: Step, now: Instant) {
        let xid = self.next_xid();
        let mut request = Request::new(Vec::new(), xid, &self.options.credential);
        let link = &mut self.links[at];
        match (step, &mut link.session) {
            (Step::Exchange, _) => {
                let verifier = self.identity.verifier();
                request.exchange_id(&verifier, self.identity.owner(), USE_NON_PNFS);
            }
            (Step::Tidy, _) => {
                request.destroy_session(&self.identity.orphan().unwrap_or_default());
            }
            (Step::Create, _) => {
                let (client, sequence) = self.identity.client().unwrap_or_default();
                request.create_session(client, sequence, &WANTED);
            }
            (Step::Bind, Some(session)) => request.bind_conn_to_session(&session.id),
            (Step::Bind, None) => return,
        }
        link.send(&request.finish());
        link.setup = Some((xid, now));
        link.state = State::Setup(step);
    }

    /// The number of a request outside of slots.
    pub(super) fn next_xid(&mut self) -> u32 {
        self.number = self.number.wrapping_add(1);
        self.number << 12 | 0xfff
    }

    /// RPC did not take a step of the setup.
    pub(super) fn refused(&mut self, refused: Refused) -> Lost {
        if !self.identity.was_known() {
            self.walk.fatal = Some(("connect to", inode::refusal(refused)));
        }
        refused.to_string()
    }

    /// The answer to a step.
    pub(super) fn step_answer(
        &mut self,
        at: usize,
        mut answers: Answers<'_>,
        now: Instant,
    ) -> Result<(), Lost> {
        let State::Setup(step) = self.links[at].state else {
            return Err("an answer that nobody waits for".to_owned());
        };
        let done = match step {
            Step::Exchange => match answers.exchange_id() {
                // Of an earlier life: where its sessions' numbers are, nobody here knows.
                Ok(ExchangeId { client, flags, .. }) if flags & CONFIRMED_R != 0 => {
                    self.identity.forget(client);
                    return Err("the server takes this client for another one".to_owned());
                }
                Ok(exchanged) => {
                    if exchanged.may_be_linux() {
                        self.walk.one_at_a_time();
                    }
                    self.identity.known(exchanged.client, exchanged.sequence);
                    self.set_up(at, Step::Create, now);
                    Ok(())
                }
                Err(fault) => Err(fault),
            },
            Step::Tidy => match answers.done(Operation::DestroySession) {
                // It is busy with what was lost: when all ends, then.
                Err(Fault::Status { status: Status::DELAY, .. }) => {
                    self.set_up(at, Step::Create, now);
                    Ok(())
                }
                Ok(()) | Err(Fault::Status { .. }) => {
                    self.identity.tidied();
                    let more = self.identity.orphan().is_some();
                    self.set_up(at, if more { Step::Tidy } else { Step::Create }, now);
                    Ok(())
                }
                Err(fault) => Err(fault),
            },
            Step::Create => match answers.create_session() {
                Ok(created) => return self.created(at, &created, now),
                Err(fault) => Err(fault),
            },
            Step::Bind => answers.bind_conn_to_session().map(|_| {
                self.links[at].state = State::Ready;
            }),
        };
        done.map_err(|fault| self.step_failed(at, step, fault))
    }

    fn created(&mut self, at: usize, created: &CreateSession, now: Instant) -> Result<(), Lost> {
        let CreateSession { session, fore, .. } = created;
        tracing::debug!(link = at, ?fore, "session");
        let first = !self.identity.was_known();
        let client = self.identity.created(at);
        let problem = match self.walk.operations() {
            needed if fore.max_operations < needed => Some(format!(
                "the server grants {} operations in a request, and {needed} are needed",
                fore.max_operations
            )),
            _ if fore.max_response < LEAST_RESPONSE => Some(format!(
                "the server grants replies of {} bytes, and {LEAST_RESPONSE} are needed",
                fore.max_response
            )),
            _ => None,
        };
        match problem {
            Some(problem) if first => {
                self.walk.fatal = Some(("connect to", io::Error::other(problem)));
            }
            // Others have sufficed and may do so again: what was read is not thrown away for it.
            Some(problem) => {
                self.identity.left(client, *session);
                return Err(problem);
            }
            None => {}
        }
        self.links[at].session = Some(Session::new(*session, client, fore, self.window.most()));
        self.links[at].state = State::Ready;
        if self.identity.must_reclaim() {
            self.reclaim(at, now);
        }
        Ok(())
    }

    /// Says that nothing is reclaimed.
    fn reclaim(&mut self, at: usize, now: Instant) {
        let link = &mut self.links[at];
        let Some(session) = &mut link.session else { return };
        self.number = self.number.wrapping_add(1);
        let (number, credential) = (self.number, &self.options.credential);
        let begun = session.begin(number, Vec::new(), credential, Vec::new(), now);
        if let Ok((_, mut request)) = begun {
            request.reclaim_complete();
            link.send(&request.finish());
        }
    }

    /// Says it again where the server put it off.
    pub(super) fn reclaim_again(&mut self, now: Instant) {
        if !self.identity.reclaim_is_due(now) {
            return;
        }
        if let Some(at) = (0..self.links.len()).find(|at| self.links[*at].free() > 0) {
            self.identity.reclaim_said();
            self.reclaim(at, now);
        }
    }

    /// What a step's failure means; the connection is made anew after a pause.
    fn step_failed(&mut self, at: usize, step: Step, fault: Fault) -> Lost {
        if let Fault::Status { status, .. } = fault {
            let (client, _) = self.identity.client().unwrap_or_default();
            // Who is busy says nothing of what was asked before.
            let busy = matches!(
                status,
                Status::DELAY | Status::GRACE | Status::SERVERFAULT | Status::RESOURCE
            );
            if step == Step::Create && !busy {
                self.identity.answered();
            }
            match status {
                _ if busy => {}
                // Of the client id it says nothing.
                Status::BADSESSION if step == Step::Bind => {}
                Status::CLID_INUSE
                | Status::STALE_CLIENTID
                | Status::EXPIRED
                | Status::SEQ_MISORDERED
                | Status::BADSESSION => self.identity.forget(client),
                other if !self.identity.was_known() && step != Step::Bind => {
                    let error = match other {
                        Status::MINOR_VERS_MISMATCH => io::Error::other(format!(
                            "{other}: the server does not speak NFSv4.1, which is needed"
                        )),
                        other => inode::advice(other),
                    };
                    self.walk.fatal = Some(("connect to", error));
                }
                _ => {}
            }
            self.identity.met();
        }
        self.identity.let_go(at);
        fault.to_string()
    }
}
