//! Executes a COMPOUND: one operation after another, up to the first that fails.

use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

use super::attrs::Handle;
use super::calls::{Handler, stands_alone};
use super::config::{Binding, Squash, Uncached};
use super::protocol::{Op, Status};
use super::request::{Args, Compound, Sequence, SessionId};
use super::session::{Begun, Session, hash};
use super::tree::Who;
use super::xdr::Put as _;

/// The uid that root is squashed to.
const NOBODY: u32 = 65_534;

/// State that the operations of a COMPOUND share.
pub(super) struct State {
    /// Start of the record in the reply bytes, with its mark.
    pub(super) place: usize,
    /// Limit of the reply in bytes.
    pub(super) limit: usize,
    /// Status of a reply beyond the limit.
    pub(super) too_large: Status,
    pub(super) current: Option<Handle>,
    pub(super) who: Who,
    pub(super) session: Option<Arc<Session>>,
    /// The slot in use, and true if it caches the reply.
    slot: Option<(u32, bool)>,
}

/// Outcome of a SEQUENCE that did not fail.
enum Sequenced {
    Begun,
    /// The whole reply comes from the reply cache.
    Replayed,
    /// The next operation fails (RETRY_UNCACHED_REP).
    Uncached,
}

impl Handler<'_> {
    /// Appends the COMPOUND's reply to `out` and returns the slot that sending it frees. `size` is
    /// the request's.
    pub(super) fn compound(
        &mut self,
        compound: &Compound<'_>,
        ops: &[Args<'_>],
        size: usize,
        failing: &[(usize, Status)],
        out: &mut Vec<u8>,
        place: usize,
    ) -> Option<(Arc<Session>, u32)> {
        let head = out.len();
        out.put_u32(Status::OK.0);
        out.put_opaque(compound.tag);
        let count = out.len();
        out.put_u32(0);
        let uid = match (self.uid, self.shared.config.squash) {
            (Some(0), Squash::Root) => NOBODY,
            (uid, _) => uid.unwrap_or(NOBODY),
        };
        let mut state = State {
            place,
            limit: self.shared.config.max_response as usize,
            too_large: Status::REP_TOO_BIG,
            current: None,
            who: Who { uid },
            session: None,
            slot: None,
        };
        if compound.minor != 1 {
            self.violation(format_args!("minor version {}", compound.minor));
            out.patch_u32(head, Status::MINOR_VERS_MISMATCH.0);
            return None;
        }
        let mut next = None;
        for (at, args) in ops.iter().enumerate() {
            self.batch.operation(args.op());
            let begin = out.len();
            out.put_u32(args.op().0);
            out.put_u32(Status::OK.0);
            let injected =
                failing.iter().find(|(place, _)| *place == at).map(|(_, status)| *status);
            let result = match (injected.or(next.take()), args) {
                (Some(status), _) => {
                    self.aftermath(args, status);
                    Err(status)
                }
                (None, _) if at == 0 => {
                    self.first(args, compound, size, &mut state, out, &mut next)
                }
                (None, args) => self.perform(args, &mut state, out),
            };
            if matches!(result, Err(Status::OK)) {
                // The cached reply has replaced this one.
                return None;
            }
            let too_large = out.len() - place - 4 > state.limit;
            let result = if too_large { Err(state.too_large) } else { result };
            out.patch_u32(count, at as u32 + 1);
            if let Err(status) = result {
                out.truncate(begin + 8);
                out.patch_u32(begin + 4, status.0);
                out.patch_u32(head, status.0);
                break;
            }
        }
        let (number, keep) = state.slot?;
        let session = state.session?;
        if keep {
            // After the mark and the xid.
            session.keep(number, &out[place + 8..]);
        }
        Some((session, number))
    }

    /// Executes the first operation, which is SEQUENCE or stands alone. `Err(OK)`: the reply is
    /// complete.
    fn first(
        &mut self,
        args: &Args<'_>,
        compound: &Compound<'_>,
        size: usize,
        state: &mut State,
        out: &mut Vec<u8>,
        next: &mut Option<Status>,
    ) -> Result<(), Status> {
        match args {
            Args::Sequence(asked) => match self.sequence(asked, compound, size, state, out)? {
                Sequenced::Begun => Ok(()),
                Sequenced::Replayed => Err(Status::OK),
                Sequenced::Uncached => {
                    *next = Some(Status::RETRY_UNCACHED_REP);
                    Ok(())
                }
            },
            Args::Broken(_) | Args::Unserved(_) => self.perform(args, state, out),
            _ if !stands_alone(args.op()) => {
                self.violation(format_args!("{} without SEQUENCE", args.op()));
                Err(Status::OP_NOT_IN_SESSION)
            }
            _ if compound.count != 1 => {
                self.violation(format_args!("{} is not the only operation", args.op()));
                Err(Status::NOT_ONLY_OP)
            }
            _ => self.perform(args, state, out),
        }
    }

    fn sequence(
        &mut self,
        asked: &Sequence,
        compound: &Compound<'_>,
        size: usize,
        state: &mut State,
        out: &mut Vec<u8>,
    ) -> Result<Sequenced, Status> {
        let session = self.find(&asked.session)?;
        let granted = session.granted;
        let now = self.shared.now();
        if !self.partition.clients.renew(&session, self.shared.config.lease, now) {
            return Err(Status::BADSESSION);
        }
        if size > granted.max_request as usize {
            self.violation(format_args!("{size} bytes where {} may be", granted.max_request));
            return Err(Status::REQ_TOO_BIG);
        }
        if compound.count > granted.max_operations {
            let (count, most) = (compound.count, granted.max_operations);
            self.violation(format_args!("{count} operations where {most} may be"));
            return Err(Status::TOO_MANY_OPS);
        }
        if asked.highest_slot < asked.slot {
            let (highest, slot) = (asked.highest_slot, asked.slot);
            self.violation(format_args!("highest slot {highest} with a request in slot {slot}"));
        }
        if asked.slot > session.target() {
            self.shared.tally.above_target.fetch_add(1, Relaxed);
        }
        let limit = match asked.cache {
            true => granted.max_response.min(granted.max_response_cached),
            false => granted.max_response,
        };
        state.limit = limit as usize;
        if asked.cache && limit < granted.max_response {
            state.too_large = Status::REP_TOO_BIG_TO_CACHE;
        }
        match session.begin(asked, hash(compound.body), self.connection) {
            Begun::New => {}
            Begun::Failed(status, why) => {
                if let Some(why) = why {
                    self.violation(why);
                }
                return Err(status);
            }
            Begun::Repeated(Some(reply)) => {
                self.shared.tally.retries.fetch_add(1, Relaxed);
                out.truncate(state.place + 8);
                out.extend_from_slice(&reply);
                return Ok(Sequenced::Replayed);
            }
            Begun::Repeated(None) => {
                self.shared.tally.retries.fetch_add(1, Relaxed);
                if self.shared.config.uncached == Uncached::AtSequence {
                    return Err(Status::RETRY_UNCACHED_REP);
                }
                self.sequenced(asked, &session, out);
                return Ok(Sequenced::Uncached);
            }
        }
        self.sequenced(asked, &session, out);
        state.slot = Some((asked.slot, asked.cache));
        state.session = Some(session);
        Ok(Sequenced::Begun)
    }

    /// Writes `SEQUENCE4resok`.
    fn sequenced(&self, asked: &Sequence, session: &Session, out: &mut Vec<u8>) {
        out.extend_from_slice(&asked.session);
        let flags = self.shared.status_flags();
        for word in [asked.sequence, asked.slot, session.highest(), session.target(), flags] {
            out.put_u32(word);
        }
    }

    /// Returns the session if this connection may use it.
    fn find(&mut self, id: &SessionId) -> Result<Arc<Session>, Status> {
        let held = self.session.as_ref().filter(|held| held.id == *id);
        if let Some(held) = held
            && !held.dead.load(Relaxed)
        {
            return Ok(Arc::clone(held));
        }
        let found = self.partition.clients.session(id).ok_or(Status::BADSESSION)?;
        match self.shared.config.binding {
            Binding::Implicit => found.bind(self.connection),
            Binding::Explicit if found.is_bound(self.connection) => {}
            Binding::Explicit => return Err(Status::CONN_NOT_BOUND_TO_SESSION),
        }
        self.session = Some(Arc::clone(&found));
        Ok(found)
    }

    /// Applies the side effects of an injected error.
    fn aftermath(&self, args: &Args<'_>, status: Status) {
        let clients = &self.partition.clients;
        let client = match args {
            Args::Sequence(asked) => {
                if matches!(status, Status::BADSESSION | Status::DEADSESSION) {
                    clients.destroy_session(&asked.session);
                }
                clients.session(&asked.session).map(|session| session.client)
            }
            Args::CreateSession { client, .. } => Some(*client),
            _ => self.session.as_ref().map(|session| session.client),
        };
        let created = args.op() == Op::CREATE_SESSION;
        if status == Status::EXPIRED || (created && status == Status::STALE_CLIENTID) {
            client.into_iter().for_each(|client| clients.forget_client(client));
        }
    }
}
