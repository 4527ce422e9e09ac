//! Handles a call: its RPC part, the faults that hit it, and their effects on its reply.

use std::sync::Arc;
use std::time::Duration;

use super::attrs::{Handle, Wanted};
use super::counts::Batch;
use super::faults::{At, Refusal, What};
use super::frames;
use super::partition::Partition;
use super::protocol::{Op, Status, rpc};
use super::queue::Delivery;
use super::request::{self, Args, Call, Credential};
use super::server::Shared;
use super::session::Session;
use super::xdr::Put as _;
use crate::computed::mix;

/// Outcome of a request.
pub(super) enum Step {
    Reply(Reply),
    /// No reply, and none to anything after it.
    Silent,
    Close,
}

/// A reply, and the way to send it.
pub(super) struct Reply {
    /// The slot that the reply frees.
    pub(super) slot: Option<(Arc<Session>, u32)>,
    pub(super) how: Delivery,
    /// Extra delay.
    pub(super) late: Duration,
}

/// The faults that hit one request.
#[derive(Default)]
pub(super) struct Plan {
    /// Fault of the whole request.
    pub(super) fate: Option<What>,
    /// Operations that fail, by position.
    pub(super) failing: Vec<(usize, Status)>,
}

/// Executes the requests of one connection.
pub(super) struct Handler<'a> {
    pub(super) shared: &'a Arc<Shared>,
    pub(super) partition: &'a Partition,
    pub(super) connection: u64,
    /// The session of the latest request.
    pub(super) session: Option<Arc<Session>>,
    pub(super) wanted: Wanted,
    pub(super) batch: Batch,
    pub(super) uid: Option<u32>,
    handled: u64,
}

impl<'a> Handler<'a> {
    pub(super) fn new(shared: &'a Arc<Shared>, connection: u64) -> Self {
        Self {
            shared,
            partition: shared.partition(connection),
            connection,
            session: None,
            wanted: Wanted::new(shared.facts.clone()),
            batch: Batch::new(),
            uid: None,
            handled: 0,
        }
    }

    /// Returns the number of requests so far.
    pub(super) fn handled(&self) -> u64 {
        self.handled
    }

    /// Publishes the counts.
    pub(super) fn flush(&mut self) {
        self.shared.tally.add(&mut self.batch);
    }

    pub(super) fn violation(&self, what: impl std::fmt::Display) {
        self.shared.tally.violation(format!("connection {}: {what}", self.connection));
    }

    /// Executes the request and appends its reply to `out`.
    pub(super) fn handle(&mut self, record: &[u8], out: &mut Vec<u8>) -> Step {
        self.handled += 1;
        self.batch.requests += 1;
        let Ok(call) = request::call(record) else {
            self.violation("not an RPC call");
            return Step::Close;
        };
        let mut plan = Plan { fate: self.shared.fault_at(At::Request, || None), failing: vec![] };
        let place = frames::open(out);
        out.put_u32(call.xid);
        out.put_u32(rpc::REPLY);
        if let Some(refusal) = self.refusal(&call) {
            refuse(out, refusal);
            return self.finish(out, place, None, &plan);
        }
        if let Credential::Sys(uid) = call.credential
            && self.uid != Some(uid)
        {
            self.uid = Some(uid);
            self.shared.tally.uid(uid);
        }
        let mut ops = Vec::with_capacity(8);
        let compound = match call.procedure {
            rpc::NULL => None,
            _ => match request::compound(call.arguments, &mut ops) {
                Ok(compound) => Some(compound),
                Err(_) => {
                    self.violation("a COMPOUND whose head is not XDR");
                    refuse(out, Refusal::GarbageArguments);
                    return self.finish(out, place, None, &plan);
                }
            },
        };
        if self.shared.is_faulty() {
            self.plan(&ops, &mut plan);
        }
        match &plan.fate {
            Some(What::DropBefore) => return abandon(out, place, Step::Close),
            Some(What::Silent) => return abandon(out, place, Step::Silent),
            Some(What::Restart(grace)) => {
                let partition = Partition::of(&self.shared.config, self.connection);
                self.shared.restart(partition, *grace);
                return abandon(out, place, Step::Close);
            }
            Some(What::Refuse(refusal)) => {
                refuse(out, *refusal);
                return self.finish(out, place, None, &plan);
            }
            _ => {}
        }
        // Accepted, verifier of AUTH_NONE, success.
        for word in [0, rpc::AUTH_NONE, 0, 0] {
            out.put_u32(word);
        }
        let slot = match compound {
            None => None,
            Some(compound) => {
                if compound.trailing {
                    self.violation("bytes behind the last operation");
                }
                self.compound(&compound, &ops, record.len(), &plan.failing, out, place)
            }
        };
        self.finish(out, place, slot, &plan)
    }

    /// Returns the reason that RPC refuses the call, if it does.
    fn refusal(&self, call: &Call<'_>) -> Option<Refusal> {
        let (refusal, what) = if call.rpc != rpc::VERSION {
            (Refusal::RpcMismatch, "RPC version")
        } else if call.program != rpc::NFS {
            (Refusal::ProgramUnavailable, "program")
        } else if call.version != rpc::NFS_V4 {
            (Refusal::ProgramMismatch, "NFS version")
        } else {
            match (call.procedure, call.credential) {
                (rpc::NULL, _) | (rpc::COMPOUND, Credential::Sys(_)) => return None,
                (rpc::COMPOUND, Credential::None) => (Refusal::TooWeak, "flavor AUTH_NONE"),
                (rpc::COMPOUND, Credential::Other(_)) => (Refusal::BadCredential, "flavor"),
                _ => (Refusal::ProcedureUnavailable, "procedure"),
            }
        };
        self.violation(format_args!("{what} that is not served: {call:?}"));
        Some(refusal)
    }

    /// Applies the fault rules to each operation.
    fn plan(&self, ops: &[Args<'_>], plan: &mut Plan) {
        if let Some(What::Status(status)) = plan.fate {
            plan.failing.push((0, status));
        }
        let root = self.shared.tree.root();
        let mut current = None;
        let mut below: Option<&[u8]> = None;
        for (at, args) in ops.iter().enumerate() {
            match args {
                Args::Putrootfh => (current, below) = (Some(root), None),
                Args::Putfh(bytes) => (current, below) = (Handle::from_bytes(bytes).ok(), None),
                Args::Lookup(name) => below = Some(*name),
                _ => {}
            }
            let name = || match below {
                Some(name) => Some(name.to_vec()),
                None if current == Some(root) => Some(Vec::new()),
                None => current.and_then(|handle| self.shared.tree.name(handle)),
            };
            match self.shared.fault_at(At::Operation(args.op()), name) {
                Some(What::Status(status)) => plan.failing.push((at, status)),
                Some(What::Call(call)) => call(),
                Some(what) => plan.fate = Some(plan.fate.take().unwrap_or(what)),
                None => {}
            }
        }
        if let Some(What::Call(call)) = &plan.fate {
            call();
        }
    }

    /// Completes the record and applies the plan to it.
    fn finish(
        &self,
        out: &mut Vec<u8>,
        place: usize,
        slot: Option<(Arc<Session>, u32)>,
        plan: &Plan,
    ) -> Step {
        let (mut how, mut late) = (Delivery::Plain, Duration::ZERO);
        let seed = self.shared.config.seed ^ self.connection << 32 ^ self.handled;
        let half = |out: &Vec<u8>| (out.len() - place) / 8 * 4;
        match &plan.fate {
            Some(What::Garbage) => noise(&mut out[place + 8..], seed),
            Some(What::WrongXid) => out[place + 4..place + 8].iter_mut().for_each(|xid| *xid ^= 85),
            Some(What::Truncated) => out.truncate(place + 4 + half(out)),
            Some(What::Late(by)) => late = *by,
            Some(What::Slow(time)) => how = Delivery::Slow(*time),
            _ => {}
        }
        frames::close(out, place);
        if let Some(size) = self.shared.config.fragment {
            frames::split(out, place, size);
        }
        match &plan.fate {
            Some(What::Noise) => noise(&mut out[place..], seed),
            Some(What::Twice) => out.extend_from_within(place..),
            Some(What::DropAfter) => {
                out.truncate(place);
                how = Delivery::Last;
            }
            Some(What::DropInside) => {
                out.truncate(place + half(out));
                how = Delivery::Last;
            }
            _ => {}
        }
        Step::Reply(Reply { slot, how, late })
    }
}

/// Discards a reply in progress.
fn abandon(out: &mut Vec<u8>, place: usize, step: Step) -> Step {
    out.truncate(place);
    step
}

/// Writes the rest of a reply that refuses the call (RFC 5531, section 9).
fn refuse(out: &mut Vec<u8>, refusal: Refusal) {
    const DENIED: u32 = 1;
    let words: &[u32] = match refusal {
        Refusal::RpcMismatch => &[DENIED, 0, 2, 2],
        Refusal::BadCredential => &[DENIED, 1, 1],
        Refusal::TooWeak => &[DENIED, 1, 5],
        Refusal::ProgramUnavailable => &[0, 0, 0, 1],
        Refusal::ProgramMismatch => &[0, 0, 0, 2, 3, 3],
        Refusal::ProcedureUnavailable => &[0, 0, 0, 3],
        Refusal::GarbageArguments => &[0, 0, 0, 4],
        Refusal::SystemError => &[0, 0, 0, 5],
    };
    for word in words {
        out.put_u32(*word);
    }
}

/// True if the operation may come without SEQUENCE (RFC 8881, section 18.46.3).
pub(super) fn stands_alone(op: Op) -> bool {
    matches!(
        op,
        Op::EXCHANGE_ID
            | Op::CREATE_SESSION
            | Op::BIND_CONN_TO_SESSION
            | Op::DESTROY_SESSION
            | Op::DESTROY_CLIENTID
    )
}

/// Fills `bytes` with pseudo-random noise from `seed`.
fn noise(bytes: &mut [u8], seed: u64) {
    for (at, chunk) in bytes.chunks_mut(8).enumerate() {
        chunk.copy_from_slice(&mix(seed ^ mix(at as u64)).to_le_bytes()[..chunk.len()]);
    }
}
