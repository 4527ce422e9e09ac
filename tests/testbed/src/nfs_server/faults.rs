//! What can go wrong, and when.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use super::protocol::{Op, Status};
use crate::computed::mix;

/// Why RPC refuses a call (RFC 5531, 9).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// `RPC_MISMATCH`: only version 2 is spoken.
    RpcMismatch,
    /// `AUTH_ERROR` with AUTH_BADCRED.
    BadCredential,
    /// `AUTH_ERROR` with AUTH_TOOWEAK.
    TooWeak,
    ProgramUnavailable,
    /// Only NFSv3 is spoken.
    ProgramMismatch,
    ProcedureUnavailable,
    GarbageArguments,
    SystemError,
}

/// What happens.
#[derive(Clone)]
pub enum What {
    /// The operation fails with it; of a whole request, its first operation. SEQUENCE then does
    /// not advance its slot. BADSESSION and DEADSESSION at SEQUENCE end the session for good,
    /// STALE_CLIENTID at CREATE_SESSION and EXPIRED anywhere the client with its sessions.
    Status(Status),
    /// RPC refuses the call; nothing is performed.
    Refuse(Refusal),
    /// Closed without performing the request. Replies that wait in this connection are lost.
    DropBefore,
    /// Performed, then closed without its reply. Replies that were due before are sent.
    DropAfter,
    /// Performed, then closed after half of its reply.
    DropInside,
    /// Neither performed nor answered; nor is anything that comes later through this connection,
    /// which stays open.
    Silent,
    /// Performed, but its reply goes out in small pieces over that time; so do all that wait
    /// behind it.
    Slow(Duration),
    /// Performed, and answered so much later than others.
    Late(Duration),
    /// All sessions and client ids are forgotten and all connections closed, without performing
    /// it. For that long afterwards, operations on files answer GRACE.
    Restart(Duration),
    /// Performed; behind the xid its reply is random bytes.
    Garbage,
    /// Performed; instead of its reply come random bytes without a record mark, then the
    /// connection goes on as if nothing had been.
    Noise,
    /// Performed; its reply is a record of half the bytes.
    Truncated,
    /// Performed; its reply has another xid.
    WrongXid,
    /// Performed; its reply comes twice.
    Twice,
    /// This is called, then the request is performed as always.
    Call(Arc<dyn Fn() + Send + Sync>),
}

impl What {
    /// A `What::Call`.
    pub fn call(with: impl Fn() + Send + Sync + 'static) -> Self {
        Self::Call(Arc::new(with))
    }
}

impl fmt::Debug for What {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Status(status) => write!(f, "{status}"),
            Self::Refuse(refusal) => write!(f, "{refusal:?}"),
            Self::DropBefore => f.write_str("DropBefore"),
            Self::DropAfter => f.write_str("DropAfter"),
            Self::DropInside => f.write_str("DropInside"),
            Self::Silent => f.write_str("Silent"),
            Self::Slow(time) => write!(f, "Slow({time:?})"),
            Self::Late(time) => write!(f, "Late({time:?})"),
            Self::Restart(grace) => write!(f, "Restart({grace:?})"),
            Self::Garbage => f.write_str("Garbage"),
            Self::Noise => f.write_str("Noise"),
            Self::Truncated => f.write_str("Truncated"),
            Self::WrongXid => f.write_str("WrongXid"),
            Self::Twice => f.write_str("Twice"),
            Self::Call(_) => f.write_str("Call"),
        }
    }
}

/// Where a rule looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum At {
    /// Each connection that is made. Only `DropBefore`, `Silent` and `Call` mean anything here.
    Connection,
    /// Each call, NULL too.
    Request,
    /// Each operation of that kind that is asked for, performed or not.
    Operation(Op),
}

/// A rule: what happens to whom. The first rule that fires is the only one, and the rules behind
/// it do not count what it took.
#[derive(Debug, Clone)]
pub struct Fault {
    /// Where it looks.
    pub at: At,
    /// What it does.
    pub what: What,
    /// Only what concerns an inode of this name: LOOKUP by its argument, other operations by the
    /// current file handle, as the last component of its path; empty for the root.
    pub name: Option<Vec<u8>>,
    /// So many that match pass before.
    pub after: u64,
    /// So many are hit, then no more. `u64::MAX` is always.
    pub times: u64,
    /// Of 1,000 that match, so many are hit, by the server's seed: the same ones each time, as
    /// far as requests come in the same order.
    pub per_mille: u32,
}

impl Fault {
    /// Hits the next one.
    #[must_use]
    pub fn new(at: At, what: What) -> Self {
        Self { at, what, name: None, after: 0, times: 1, per_mille: 1000 }
    }

    /// Hits the next connection.
    #[must_use]
    pub fn connection(what: What) -> Self {
        Self::new(At::Connection, what)
    }

    /// Hits the next request.
    #[must_use]
    pub fn request(what: What) -> Self {
        Self::new(At::Request, what)
    }

    /// Hits the next operation of a kind.
    #[must_use]
    pub fn operation(op: Op, what: What) -> Self {
        Self::new(At::Operation(op), what)
    }

    /// Fails the next operation of a kind.
    #[must_use]
    pub fn status(op: Op, status: Status) -> Self {
        Self::operation(op, What::Status(status))
    }

    /// Only what has this name; see [`Fault::name`].
    #[must_use]
    pub fn named(self, name: impl Into<Vec<u8>>) -> Self {
        Self { name: Some(name.into()), ..self }
    }

    /// So many that match pass before.
    #[must_use]
    pub fn after(self, after: u64) -> Self {
        Self { after, ..self }
    }

    /// So many are hit, not just one.
    #[must_use]
    pub fn times(self, times: u64) -> Self {
        Self { times, ..self }
    }

    /// All are hit.
    #[must_use]
    pub fn always(self) -> Self {
        self.times(u64::MAX)
    }

    /// Hits by chance, without end.
    #[must_use]
    pub fn per_mille(self, per_mille: u32) -> Self {
        Self { per_mille, times: u64::MAX, ..self }
    }

    /// Each fault that a client can overcome within seconds, `per_mille` times in 1,000: the
    /// totals must be right whatever it does. Without `Silent`, which takes a client's timeout,
    /// and TOO_MANY_OPS, which the smallest request must not get.
    #[must_use]
    pub fn storm(per_mille: u32) -> Vec<Self> {
        let pause = Duration::from_millis(20);
        let requests = [
            What::DropBefore,
            What::DropAfter,
            What::DropInside,
            What::Slow(pause),
            What::Late(pause),
            What::Restart(Duration::ZERO),
            What::Garbage,
            What::Noise,
            What::Truncated,
            What::WrongXid,
            What::Twice,
        ];
        let statuses = [
            (Op::SEQUENCE, Status::DELAY),
            (Op::SEQUENCE, Status::BADSESSION),
            (Op::SEQUENCE, Status::DEADSESSION),
            (Op::SEQUENCE, Status::BADSLOT),
            (Op::SEQUENCE, Status::SEQ_MISORDERED),
            (Op::CREATE_SESSION, Status::STALE_CLIENTID),
            (Op::CREATE_SESSION, Status::DELAY),
            (Op::EXCHANGE_ID, Status::DELAY),
            (Op::PUTFH, Status::DELAY),
            (Op::READDIR, Status::DELAY),
            (Op::READDIR, Status::GRACE),
            (Op::READDIR, Status::BAD_COOKIE),
            (Op::READDIR, Status::NOT_SAME),
            (Op::READDIR, Status::TOOSMALL),
            (Op::READDIR, Status::REP_TOO_BIG),
            (Op::READDIR, Status::RESOURCE),
        ];
        let requests = requests.map(Self::request);
        let statuses = statuses.map(|(op, status)| Self::status(op, status));
        // `Restart` sets back all that is in flight: rarer, or nothing else is seen.
        let rare = |fault: Self| match fault.what {
            What::Restart(_) => fault.per_mille(per_mille.div_ceil(10)),
            _ => fault.per_mille(per_mille),
        };
        requests.into_iter().chain(statuses).map(rare).collect()
    }
}

/// Rules with what they have seen and hit.
pub(super) struct Rules {
    rules: Vec<(Fault, u64, u64)>,
    /// Hits of rules that are gone.
    fired: u64,
    seed: u64,
}

impl Rules {
    pub(super) fn new(seed: u64) -> Self {
        Self { rules: Vec::new(), fired: 0, seed }
    }

    pub(super) fn add(&mut self, fault: Fault) {
        self.rules.push((fault, 0, 0));
    }

    pub(super) fn clear(&mut self) {
        self.fired = self.fired();
        self.rules.clear();
    }

    pub(super) fn fired(&self) -> u64 {
        self.fired + self.rules.iter().map(|(_, _, fired)| fired).sum::<u64>()
    }

    /// What happens, if anything. `name` is only asked for when a rule wants one.
    pub(super) fn take(
        &mut self,
        at: At,
        mut name: impl FnMut() -> Option<Vec<u8>>,
    ) -> Option<What> {
        let mut called: Option<Option<Vec<u8>>> = None;
        for (number, (fault, seen, fired)) in self.rules.iter_mut().enumerate() {
            if fault.at != at {
                continue;
            }
            if fault.name.is_some() && fault.name != *called.get_or_insert_with(&mut name) {
                continue;
            }
            *seen += 1;
            let draw = mix(self.seed ^ mix((number as u64) << 40 | *seen)) % 1000;
            if *seen > fault.after && *fired < fault.times && draw < u64::from(fault.per_mille) {
                *fired += 1;
                return Some(fault.what.clone());
            }
        }
        None
    }
}
