//! Matches replies to requests and frees their slots.

use std::time::{Duration, Instant};

use super::{LostReason, NfsClient};
use crate::scan::nfs::compound::NfsOp;
use crate::scan::nfs::connection::{ConnectionState, SetupStep};
use crate::scan::nfs::partition::Partition;
use crate::scan::nfs::results::{CompoundResults, OpError};
use crate::scan::nfs::rpc;
use crate::scan::nfs::session::{PendingRequest, ReplyMatch};
use crate::scan::nfs::slots::SlotOutcome;
use crate::scan::nfs::status::Status;
use crate::scan::nfs::walk::ReadTask;

/// Pause before repeating a RECLAIM_COMPLETE the server postponed. Nothing waits for it.
const RECLAIM_PAUSE: Duration = Duration::from_millis(200);

impl NfsClient {
    /// Handles all complete records.
    pub(super) fn receive(&mut self, at: usize) -> Result<(), LostReason> {
        let mut records = self.connections[at].take_records();
        let now = Instant::now();
        let done = loop {
            match records.next() {
                Ok(Some(record)) => {
                    if let Err(lost) = self.handle_record(at, record, now) {
                        break Err(lost);
                    }
                }
                Ok(None) => break Ok(()),
                Err(error) if error.is_tls() => break Err(self.reply_is_tls()),
                Err(error) => break Err(error.to_string()),
            }
        };
        self.connections[at].put_records(records);
        done
    }

    fn handle_record(&mut self, at: usize, record: &[u8], now: Instant) -> Result<(), LostReason> {
        let reply = rpc::reply(record).map_err(|malformed| malformed.to_string())?;
        let connection = &mut self.connections[at];
        if let Some((xid, _)) = connection.setup
            && xid == reply.xid
        {
            connection.setup = None;
            let reader = reply.outcome.map_err(|error| self.rpc_failed(error))?;
            let results =
                CompoundResults::new(reader).map_err(|malformed| malformed.to_string())?;
            return self.setup_reply(at, results, now);
        }
        let Some(session) = &mut connection.session else {
            return Err("a reply that matches no request".to_owned());
        };
        let pending = match session.match_reply(reply.xid) {
            ReplyMatch::Pending(pending) => pending,
            ReplyMatch::Duplicate => return Ok(()),
            ReplyMatch::Unknown => return Err("a reply that matches no request".to_owned()),
        };
        let outcome = reply.outcome.map_err(|error| error.to_string());
        let results = outcome.and_then(|reader| {
            CompoundResults::new(reader).map_err(|malformed| malformed.to_string())
        });
        match results {
            Ok(results) => self.session_reply(at, pending, results, record.len(), now),
            Err(why) => {
                self.walk.reply_unusable(pending.tasks, &why);
                Err(why)
            }
        }
    }

    /// Handles a reply within the session.
    fn session_reply(
        &mut self,
        at: usize,
        pending: PendingRequest,
        mut results: CompoundResults<'_>,
        size: usize,
        now: Instant,
    ) -> Result<(), LostReason> {
        let Some(session) = &mut self.connections[at].session else { return Ok(()) };
        let PendingRequest { slot, sequence, tasks, sent, .. } = pending;
        match results.sequence() {
            Ok(sequence_result) => {
                let echoed =
                    (sequence_result.session, sequence_result.slot, sequence_result.sequence);
                if echoed != (session.id, slot, sequence) {
                    let why = "the reply is for another slot";
                    self.walk.reply_unusable(tasks, why);
                    return Err(why.to_owned());
                }
                session.release_slot(slot, SlotOutcome::Completed);
                session.slots.set_target(sequence_result.target_highest_slot);
                self.connections[at].failures = 0;
                if tasks.is_empty() {
                    self.reclaim_complete_reply(at, &mut results, now);
                    return Ok(());
                }
                self.last_reply = now;
                self.window.answered(tasks.len(), now.saturating_duration_since(sent));
                let done = self.walk.take_results(tasks, &mut results, size, now);
                self.window.refund(std::mem::take(&mut self.walk.not_executed));
                done.map_err(|malformed| malformed.to_string())
            }
            Err(OpError::Status { status, .. }) => {
                session.release_slot(slot, SlotOutcome::Refused);
                self.sequence_failed(at, status, tasks, now)
            }
            Err(error) => {
                self.walk.reply_unusable(tasks, &error.to_string());
                Err(error.to_string())
            }
        }
    }

    /// Handles the reply to a request without tasks, which may have held RECLAIM_COMPLETE.
    fn reclaim_complete_reply(
        &mut self,
        at: usize,
        results: &mut CompoundResults<'_>,
        now: Instant,
    ) {
        let at = self.connections[at].partition;
        let Some(partition) = self.identity.partition(at) else { return };
        match results.check(NfsOp::ReclaimComplete) {
            // COMPLETE_ALREADY: a repetition, which is harmless.
            Ok(()) | Err(OpError::Status { status: Status::COMPLETE_ALREADY, .. }) => {
                partition.reclaim_complete_done();
            }
            Err(OpError::Status { status: Status::DELAY | Status::GRACE, .. }) => {
                partition.postpone_reclaim_complete(now + RECLAIM_PAUSE);
            }
            Err(_) => {}
        }
    }

    /// Handles a request whose SEQUENCE failed: none of its operations was executed.
    fn sequence_failed(
        &mut self,
        at: usize,
        status: Status,
        tasks: Vec<ReadTask>,
        now: Instant,
    ) -> Result<(), LostReason> {
        match status {
            Status::DELAY
            | Status::GRACE
            | Status::TOO_MANY_OPS
            | Status::REQ_TOO_BIG
            | Status::REP_TOO_BIG
            // ganesha's reply to more operations than it likes, even if it granted them.
            | Status::RESOURCE => {
                // The server is there; it only postpones.
                self.last_reply = now;
                self.walk.sequence_failed(tasks, status, now);
                Ok(())
            }
            Status::CONN_NOT_BOUND_TO_SESSION => {
                self.walk.requeue(tasks);
                if matches!(self.connections[at].state, ConnectionState::Ready) {
                    self.send_setup_step(at, SetupStep::BindConnection, now);
                }
                Ok(())
            }
            Status::STALE_CLIENTID | Status::EXPIRED => {
                self.walk.requeue(tasks);
                let partition = self.connections[at].partition;
                self.identity.partition(partition).into_iter().for_each(Partition::doubt);
                Err(status.to_string())
            }
            // BADSESSION, DEADSESSION, BADSLOT, SEQ_MISORDERED and others: the session is unusable,
            // and a new one is cheap.
            other => {
                self.walk.requeue(tasks);
                Err(other.to_string())
            }
        }
    }
}
