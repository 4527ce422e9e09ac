//! Answers: whose each is, and what becomes of its slot.

use std::time::{Duration, Instant};

use super::{Client, Lost};
use crate::scan::nfs::answers::{Answers, Fault};
use crate::scan::nfs::compound::Operation;
use crate::scan::nfs::link::{Flight, State, Step, Whose};
use crate::scan::nfs::rpc;
use crate::scan::nfs::slots::Slot;
use crate::scan::nfs::status::Status;
use crate::scan::nfs::walk::Task;

/// How soon RECLAIM_COMPLETE is sent again where the server put it off. Nothing here waits for it.
const RECLAIM_PAUSE: Duration = Duration::from_millis(200);

impl Client {
    /// Takes the records that have come whole.
    pub(super) fn receive(&mut self, at: usize) -> Result<(), Lost> {
        let mut records = self.links[at].take_records();
        let now = Instant::now();
        let done = loop {
            match records.next() {
                Ok(Some(record)) => {
                    if let Err(lost) = self.record(at, record, now) {
                        break Err(lost);
                    }
                }
                Ok(None) => break Ok(()),
                Err(unframed) if unframed.is_tls() => break Err(self.came_encrypted()),
                Err(unframed) => break Err(unframed.to_string()),
            }
        };
        self.links[at].put_records(records);
        done
    }

    fn record(&mut self, at: usize, record: &[u8], now: Instant) -> Result<(), Lost> {
        let reply = rpc::reply(record).map_err(|malformed| malformed.to_string())?;
        let link = &mut self.links[at];
        if link.setup.is_some_and(|(xid, _)| xid == reply.xid) {
            link.setup = None;
            let reader = reply.outcome.map_err(|refused| self.refused(refused))?;
            let answers = Answers::new(reader).map_err(|malformed| malformed.to_string())?;
            return self.step_answer(at, answers, now);
        }
        let Some(session) = &mut link.session else {
            return Err("an answer that nobody waits for".to_owned());
        };
        let flight = match session.landed(reply.xid) {
            Whose::Flight(flight) => flight,
            Whose::Twice => return Ok(()),
            Whose::Nobody => return Err("an answer that nobody waits for".to_owned()),
        };
        let outcome = reply.outcome.map_err(|refused| refused.to_string());
        let answers = outcome
            .and_then(|reader| Answers::new(reader).map_err(|malformed| malformed.to_string()));
        match answers {
            Ok(answers) => self.landed(at, flight, answers, record.len(), now),
            Err(why) => {
                self.walk.spoilt(flight.tasks, &why);
                Err(why)
            }
        }
    }

    /// An answer in the session.
    fn landed(
        &mut self,
        at: usize,
        flight: Flight,
        mut answers: Answers<'_>,
        size: usize,
        now: Instant,
    ) -> Result<(), Lost> {
        let Some(session) = &mut self.links[at].session else { return Ok(()) };
        let Flight { slot, sequence, tasks, sent, .. } = flight;
        match answers.sequence() {
            Ok(told) => {
                if (told.session, told.slot, told.sequence) != (session.id, slot, sequence) {
                    let why = "the answer is for another slot";
                    self.walk.spoilt(tasks, why);
                    return Err(why.to_owned());
                }
                session.done(slot, Slot::Done);
                session.slots.aim(told.target_highest_slot);
                self.links[at].failures = 0;
                if tasks.is_empty() {
                    // Whether RECLAIM_COMPLETE was in it; a second one does no harm.
                    match answers.done(Operation::ReclaimComplete) {
                        Ok(()) | Err(Fault::Status { status: Status::COMPLETE_ALREADY, .. }) => {
                            self.identity.reclaimed();
                        }
                        Err(Fault::Status { status: Status::DELAY | Status::GRACE, .. }) => {
                            self.identity.reclaim_later(now + RECLAIM_PAUSE);
                        }
                        Err(_) => {}
                    }
                    return Ok(());
                }
                self.heard = now;
                self.window.answered(tasks.len(), now.saturating_duration_since(sent));
                let done = self.walk.answer(tasks, &mut answers, size, now);
                self.window.undone(std::mem::take(&mut self.walk.undone));
                done.map_err(|malformed| malformed.to_string())
            }
            Err(Fault::Status { status, .. }) => {
                session.done(slot, Slot::Refused);
                self.refused_in_sequence(at, status, tasks, now)
            }
            Err(fault) => {
                self.walk.spoilt(tasks, &fault.to_string());
                Err(fault.to_string())
            }
        }
    }

    fn refused_in_sequence(
        &mut self,
        at: usize,
        status: Status,
        tasks: Vec<Task>,
        now: Instant,
    ) -> Result<(), Lost> {
        match status {
            Status::DELAY
            | Status::GRACE
            | Status::TOO_MANY_OPS
            | Status::REQ_TOO_BIG
            | Status::REP_TOO_BIG
            // Ganesha, for more operations than it likes, though it grants them.
            | Status::RESOURCE => {
                // The server is there, and has its reasons.
                self.heard = now;
                self.walk.refused(tasks, status, now);
                Ok(())
            }
            Status::CONN_NOT_BOUND_TO_SESSION => {
                self.walk.again(tasks);
                if matches!(self.links[at].state, State::Ready) {
                    self.set_up(at, Step::Bind, now);
                }
                Ok(())
            }
            Status::STALE_CLIENTID | Status::EXPIRED => {
                self.walk.again(tasks);
                let session = self.links[at].session.as_ref();
                session.into_iter().for_each(|session| self.identity.forget(session.client));
                Err(status.to_string())
            }
            // BADSESSION, DEADSESSION, BADSLOT, SEQ_MISORDERED and whatever else: this session is
            // of no use any more, and a new one is soon made.
            other => {
                self.walk.again(tasks);
                Err(other.to_string())
            }
        }
    }
}
