//! Client ids and sessions: EXCHANGE_ID, CREATE_SESSION and the operations that destroy both (RFC
//! 8881, sections 18.35 to 18.37 and 18.50).

use std::collections::HashMap;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use super::config::{Config, Slots};
use super::protocol::Status;
use super::request::{Channel, SessionId};
use super::session::{Session, lock};

/// Result of EXCHANGE_ID.
pub(super) struct Exchanged {
    pub(super) client: u64,
    pub(super) sequence: u32,
    pub(super) confirmed: bool,
    /// True if the owner came with another verifier while it had sessions. They end once the client
    /// confirms.
    pub(super) usurps: bool,
}

/// Result of CREATE_SESSION.
#[derive(Clone)]
pub(super) struct Created {
    pub(super) session: Arc<Session>,
    pub(super) sequence: u32,
    pub(super) fore: Channel,
}

struct Client {
    owner: Vec<u8>,
    verifier: [u8; 8],
    confirmed: bool,
    reclaimed: bool,
    /// Sequence id of the next CREATE_SESSION.
    sequence: u32,
    /// Result of the latest CREATE_SESSION, for a retry.
    created: Option<Created>,
    heard: Arc<AtomicU64>,
}

#[derive(Default)]
struct Known {
    clients: HashMap<u64, Client>,
    sessions: HashMap<SessionId, Arc<Session>>,
}

impl Known {
    fn end(&mut self, session: &SessionId) -> bool {
        let ended = self.sessions.remove(session);
        if let Some(session) = &ended {
            session.dead.store(true, Relaxed);
        }
        ended.is_some()
    }

    /// Discards a client and its sessions.
    fn forget(&mut self, client: u64) {
        self.clients.remove(&client);
        let theirs = self.sessions.values().filter(|session| session.client == client);
        let theirs: Vec<_> = theirs.map(|session| session.id).collect();
        for session in theirs {
            self.end(&session);
        }
    }
}

/// All client ids and sessions of a partition.
pub(super) struct Clients {
    known: Mutex<Known>,
    /// Counts up: no id is assigned twice, not even after a restart.
    next: AtomicU64,
    /// Target slot of new sessions.
    target: AtomicU32,
    pub(super) sessions_made: AtomicU64,
}

impl Clients {
    /// Makes a partition's clients. `first` is the first number that is assigned.
    pub(super) fn new(first: u64) -> Self {
        Self {
            known: Mutex::default(),
            next: AtomicU64::new(first),
            target: AtomicU32::new(u32::MAX),
            sessions_made: AtomicU64::new(0),
        }
    }

    pub(super) fn exchange(
        &self,
        owner: &[u8],
        verifier: [u8; 8],
        update: bool,
        now: u64,
    ) -> Result<Exchanged, Status> {
        let mut known = lock(&self.known);
        let mine = |client: &Client| client.owner == owner;
        let confirmed = known.clients.iter().find(|(_, client)| mine(client) && client.confirmed);
        match confirmed {
            Some((&client, found)) if found.verifier == verifier => {
                let sequence = found.sequence;
                return Ok(Exchanged { client, sequence, confirmed: true, usurps: false });
            }
            Some(_) if update => return Err(Status::NOT_SAME),
            None if update => return Err(Status::NOENT),
            // The client has restarted. Its old state goes when it confirms the new client id.
            Some(_) | None => {}
        }
        let before = confirmed.map(|(&client, _)| client);
        let usurps = known.sessions.values().any(|session| Some(session.client) == before);
        known.clients.retain(|_, client| client.confirmed || !mine(client));
        let client = self.next.fetch_add(1, Relaxed) << 32 | 0xc11e;
        let record = Client {
            owner: owner.to_vec(),
            verifier,
            confirmed: false,
            reclaimed: false,
            sequence: 1,
            created: None,
            heard: Arc::new(AtomicU64::new(now)),
        };
        known.clients.insert(client, record);
        Ok(Exchanged { client, sequence: 1, confirmed: false, usurps })
    }

    pub(super) fn create(
        &self,
        client: u64,
        sequence: u32,
        asked: &Channel,
        config: &Config,
        now: u64,
    ) -> Result<Created, Status> {
        let mut known = lock(&self.known);
        let record = known.clients.get_mut(&client).ok_or(Status::STALE_CLIENTID)?;
        if let Some(created) = &record.created
            && sequence == record.sequence.wrapping_sub(1)
        {
            return Ok(created.clone());
        }
        if sequence != record.sequence {
            return Err(Status::SEQ_MISORDERED);
        }
        record.heard.store(now, Relaxed);
        record.confirmed = true;
        record.sequence = record.sequence.wrapping_add(1);
        let number = self.next.fetch_add(1, Relaxed);
        let mut id = SessionId::default();
        id[..8].copy_from_slice(&client.to_be_bytes());
        id[8..].copy_from_slice(&number.to_be_bytes());
        let mut fore = grant(asked, config);
        if let Some(most) = config.later_operations.filter(|_| record.created.is_some()) {
            fore.max_operations = fore.max_operations.min(most);
        }
        let session = Arc::new(Session::new(id, client, fore, Arc::clone(&record.heard)));
        session.set_target(self.target.load(Relaxed));
        let created = Created { session: Arc::clone(&session), sequence, fore };
        record.created = Some(created.clone());
        let owner = record.owner.clone();
        known.sessions.insert(id, session);
        self.sessions_made.fetch_add(1, Relaxed);
        let before: Vec<u64> = known
            .clients
            .iter()
            .filter(|(other, record)| **other != client && record.owner == owner)
            .map(|(other, _)| *other)
            .collect();
        for other in before {
            known.forget(other);
        }
        Ok(created)
    }

    /// Returns the session if it exists and its lease has not expired.
    pub(super) fn session(&self, id: &SessionId) -> Option<Arc<Session>> {
        lock(&self.known).sessions.get(id).cloned()
    }

    /// Renews the lease of the session's client. Returns false if it had expired, along with all
    /// its sessions.
    pub(super) fn renew(&self, session: &Session, lease: Duration, now: u64) -> bool {
        let before = session.heard.swap(now, Relaxed);
        if u128::from(now.saturating_sub(before)) <= lease.as_millis() {
            return true;
        }
        lock(&self.known).forget(session.client);
        false
    }

    pub(super) fn reclaim_complete(&self, client: u64) -> Status {
        match lock(&self.known).clients.get_mut(&client) {
            Some(client) if client.reclaimed => Status::COMPLETE_ALREADY,
            Some(client) => {
                client.reclaimed = true;
                Status::OK
            }
            None => Status::STALE_CLIENTID,
        }
    }

    pub(super) fn destroy_session(&self, id: &SessionId) -> Status {
        match lock(&self.known).end(id) {
            true => Status::OK,
            false => Status::BADSESSION,
        }
    }

    pub(super) fn destroy_client(&self, client: u64) -> Status {
        let mut known = lock(&self.known);
        if !known.clients.contains_key(&client) {
            return Status::STALE_CLIENTID;
        }
        if known.sessions.values().any(|session| session.client == client) {
            return Status::CLIENTID_BUSY;
        }
        known.forget(client);
        Status::OK
    }

    /// Discards a client, as when its lease expires.
    pub(super) fn forget_client(&self, client: u64) {
        lock(&self.known).forget(client);
    }

    /// Discards everything, as a restart does.
    pub(super) fn forget(&self) {
        let mut known = lock(&self.known);
        known.clients.clear();
        for (_, session) in known.sessions.drain() {
            session.dead.store(true, Relaxed);
        }
    }

    /// Sets the target slot of all sessions.
    pub(super) fn set_target(&self, highest: u32) {
        self.target.store(highest, Relaxed);
        for session in lock(&self.known).sessions.values() {
            session.set_target(highest);
        }
    }

    /// Returns the number of sessions and of clients.
    pub(super) fn alive(&self) -> (usize, usize) {
        let known = lock(&self.known);
        (known.sessions.len(), known.clients.len())
    }
}

fn grant(asked: &Channel, config: &Config) -> Channel {
    let slots = match config.slots {
        Slots::AtMost(most) => most,
        Slots::Knfsd => match asked.max_response_cached {
            ..=256 => 160,
            257..=1024 => 64,
            _ => 30,
        },
    };
    Channel {
        max_request: asked.max_request.min(config.max_request),
        max_response: asked.max_response.min(config.max_response),
        max_response_cached: asked.max_response_cached.min(config.max_response_cached),
        max_operations: asked.max_operations.min(config.max_operations),
        max_requests: asked.max_requests.min(slots).max(1),
    }
}
