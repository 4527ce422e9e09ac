//! Injected faults and the conditions under which they occur.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use super::protocol::{Op, Status};
use crate::computed::mix;

/// Reason that RPC refuses a call (RFC 5531, section 9).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// `RPC_MISMATCH`: only version 2 is supported.
    RpcMismatch,
    /// `AUTH_ERROR` with AUTH_BADCRED.
    BadCredential,
    /// `AUTH_ERROR` with AUTH_TOOWEAK.
    TooWeak,
    ProgramUnavailable,
    /// Only NFSv3 is supported.
    ProgramMismatch,
    ProcedureUnavailable,
    GarbageArguments,
    SystemError,
}

/// Effect of a fault.
#[derive(Clone)]
pub enum What {
    /// The operation fails with this status; for a whole request, its first operation. SEQUENCE
    /// then does not advance its slot. BADSESSION and DEADSESSION at SEQUENCE end the session for
    /// good; STALE_CLIENTID at CREATE_SESSION and EXPIRED anywhere end the client and its sessions.
    Status(Status),
    /// RPC refuses the call; nothing is executed.
    Refuse(Refusal),
    /// The connection closes without executing the request. Pending replies are lost.
    DropBefore,
    /// The request is executed, then the connection closes without the reply. Earlier replies are
    /// sent.
    DropAfter,
    /// The request is executed, then the connection closes after half of the reply.
    DropInside,
    /// The request is neither executed nor answered, nor are later ones on this connection, which
    /// stays open.
    Silent,
    /// The reply is sent in small pieces over this time, and so are those queued behind it.
    Slow(Duration),
    /// The reply is delayed by this much more than others.
    Late(Duration),
    /// All sessions and client ids are lost and all connections close, without executing the
    /// request. For this long, operations on files fail with GRACE.
    Restart(Duration),
    /// The reply is random bytes after the xid.
    Garbage,
    /// Random bytes without a record mark replace the reply; then the connection continues as
    /// usual.
    Noise,
    /// The reply is a record of half the bytes.
    Truncated,
    /// The reply has a different xid.
    WrongXid,
    /// The reply is sent twice.
    Twice,
    /// This is called, then the request is executed as usual.
    Call(Arc<dyn Fn() + Send + Sync>),
}

impl What {
    /// Creates a `What::Call`.
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

/// Location of a fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum At {
    /// At each new connection. Only `DropBefore`, `Silent` and `Call` apply.
    Connection,
    /// At each call, including NULL.
    Request,
    /// At each operation of this kind, executed or not.
    Operation(Op),
}

/// A fault rule. Only the first rule that fires applies, and later rules do not count that event.
#[derive(Debug, Clone)]
pub struct Fault {
    /// Its location.
    pub at: At,
    /// Its effect.
    pub what: What,
    /// Limits the rule to inodes of this name: LOOKUP by its argument, other operations by the last
    /// path component of the current file handle; empty for the root.
    pub name: Option<Vec<u8>>,
    /// Skips this many matches first.
    pub after: u64,
    /// Hits this many matches; `u64::MAX` hits all.
    pub times: u64,
    /// Hits this many of 1,000 matches, chosen by the server's seed: the same ones each time, as
    /// far as requests come in the same order.
    pub per_mille: u32,
}

impl Fault {
    /// Hits the next match.
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

    /// Limits the rule to a name; see [`Fault::name`].
    #[must_use]
    pub fn named(self, name: impl Into<Vec<u8>>) -> Self {
        Self { name: Some(name.into()), ..self }
    }

    /// Skips this many matches first.
    #[must_use]
    pub fn after(self, after: u64) -> Self {
        Self { after, ..self }
    }

    /// Hits this many matches instead of one.
    #[must_use]
    pub fn times(self, times: u64) -> Self {
        Self { times, ..self }
    }

    /// Hits all matches.
    #[must_use]
    pub fn always(self) -> Self {
        self.times(u64::MAX)
    }

    /// Hits matches at random, without end.
    #[must_use]
    pub fn per_mille(self, per_mille: u32) -> Self {
        Self { per_mille, times: u64::MAX, ..self }
    }

    /// Returns all faults a client can overcome within seconds, each at `per_mille`: totals must be
    /// right regardless. Excludes `Silent`, which costs a client's timeout, and TOO_MANY_OPS, which
    /// the smallest request must not get.
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
        // `Restart` resets everything in flight: rarer, or nothing else would occur.
        let rare = |fault: Self| match fault.what {
            What::Restart(_) => fault.per_mille(per_mille.div_ceil(10)),
            _ => fault.per_mille(per_mille),
        };
        requests.into_iter().chain(statuses).map(rare).collect()
    }
}

/// The rules, with what they have matched and hit.
pub(super) struct Rules {
    rules: Vec<(Fault, u64, u64)>,
    /// Hits of rules removed since.
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

    /// Returns the effect that applies, if any. `name` is evaluated only if a rule needs it.
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
