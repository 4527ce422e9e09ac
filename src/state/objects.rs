//! State as objects at the destination of the runs, for a machine without a disk.

use std::collections::BTreeMap;
use std::hash::{BuildHasher, RandomState};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use jiff::Timestamp;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::StateError;
use super::lease::{Lease, put_own};
use super::renewal::{Held, Renewed};
use crate::service_error::{ServiceError, ServiceResult, Trouble};
use crate::store::{Condition, Opener};
use crate::sync::lock;

/// Name and version of the schema.
const SCHEMA: &str = "efs-scan/state/1";

/// Name of the lock's object.
const LOCK: &str = "lock.json";

/// How long a lock lasts if its holder does not renew it, which it does three times in that time.
const LASTS: Duration = Duration::from_secs(60);

/// An object of state.
#[derive(Serialize, Deserialize)]
struct StateFile<T> {
    schema: String,
    /// Who wrote it: no two writes have the same.
    writer: String,
    value: T,
}

/// Small files below one prefix. Clones share what they have read and the lock.
#[derive(Clone, Debug)]
pub struct StateObjects {
    at: Arc<dyn Opener>,
    prefix: String,
    lasts: Duration,
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    token: String,
    /// The condition under which each object may be written: that nobody wrote it since it was read.
    seen: Mutex<BTreeMap<String, Condition>>,
    lock: Mutex<Option<Arc<Held>>>,
    writes: Mutex<u64>,
}

impl StateObjects {
    /// Returns the state of the file system `key`.
    pub fn of_file_system(at: &Arc<dyn Opener>, key: &str) -> Self {
        Self::new(at, format!("state/fs={key}"), LASTS)
    }

    /// Returns the state of reminders.
    pub fn of_reminders(at: &Arc<dyn Opener>) -> Self {
        Self::new(at, "state/remind".to_owned(), LASTS)
    }

    /// Returns the state below a prefix, whose lock lasts for `lasts` without being renewed.
    pub fn new(at: &Arc<dyn Opener>, prefix: String, lasts: Duration) -> Self {
        let shared = Shared {
            token: token(),
            seen: Mutex::default(),
            lock: Mutex::default(),
            writes: Mutex::default(),
        };
        Self { at: Arc::clone(at), prefix, lasts, shared: Arc::new(shared) }
    }

    fn key(&self, name: &str) -> String {
        format!("{}/{name}", self.prefix)
    }

    pub(super) fn name(&self, name: &str) -> String {
        let key = self.key(name);
        self.at.open().map_or_else(|_| key.clone(), |store| store.name(&key))
    }

    /// True if there is a file of this name.
    ///
    /// # Errors
    /// Names the file.
    pub(crate) fn has(&self, name: &str) -> ServiceResult<bool> {
        Ok(self.at.open()?.head(&self.key(name), 1)?.is_some())
    }

    pub(super) fn read<T: DeserializeOwned>(&self, name: &str) -> ServiceResult<Option<T>> {
        let (key, store) = (self.key(name), self.at.open()?);
        let object = store.get(&key)?;
        let seen = Condition::since(object.as_ref());
        lock(&self.shared.seen).insert(name.to_owned(), seen);
        let Some(object) = object else { return Ok(None) };
        let refused = |problem: String| {
            ServiceError::new(Trouble::Refused, format!("{}: {problem}", store.name(&key)))
        };
        let file: StateFile<T> =
            serde_json::from_slice(&object.bytes).map_err(|error| refused(error.to_string()))?;
        match file.schema == SCHEMA {
            true => Ok(Some(file.value)),
            false => Err(refused(format!("it has the schema {}", file.schema))),
        }
    }

    pub(super) fn write(&self, name: &str, value: &impl Serialize) -> ServiceResult<()> {
        let (key, store) = (self.key(name), self.at.open()?);
        let refused = |problem: &str| {
            let text = format!("writing {}: {problem}", store.name(&key));
            ServiceError::new(Trouble::Refused, text)
        };
        self.check_lock().map_err(|error| refused(&error.text))?;
        let seen = lock(&self.shared.seen).get(name).cloned();
        let condition = match seen {
            Some(condition) => condition,
            None => Condition::since(store.get(&key)?.as_ref()),
        };
        let file = StateFile { schema: SCHEMA.to_owned(), writer: self.next_writer(), value };
        let bytes = serde_json::to_vec(&file).map_err(|error| refused(&error.to_string()))?;
        match put_own(&*store, &key, &bytes, condition)? {
            Some(version) => {
                let unchanged = Condition::Unchanged(version);
                lock(&self.shared.seen).insert(name.to_owned(), unchanged);
                Ok(())
            }
            None => Err(refused("another run has written it since this one read it")),
        }
    }

    pub(super) fn check_lock(&self) -> ServiceResult<()> {
        let held = lock(&self.shared.lock);
        match held.as_ref().and_then(|held| held.lost_to()) {
            None => Ok(()),
            Some(other) => {
                let text = format!("{other} has taken {} from this run", self.name(LOCK));
                Err(ServiceError::new(Trouble::Refused, text))
            }
        }
    }

    /// Returns what no other write has as its writer.
    fn next_writer(&self) -> String {
        let mut writes = lock(&self.shared.writes);
        *writes += 1;
        format!("{}-{writes}", self.shared.token)
    }

    /// Takes the lock and renews it until it is dropped.
    pub(super) fn lock(&self, doing: &str) -> Result<Renewed, StateError> {
        let (key, token) = (self.key(LOCK), token());
        let (pid, now) = (std::process::id(), Timestamp::now());
        let (host, now) = (host(), now.strftime("%Y-%m-%d %H:%M:%S UTC"));
        let holder = format!("efs-scan on {host} with process id {pid}, {doing} since {now},");
        let store = self.at.open()?;
        let lease = Lease::acquire(&*store, &key, (&holder, &token), self.lasts)?;
        // The lock is there now, so both conditions can be tried with it.
        store.check_kept(&key)?;
        let renewed = Renewed::start(&self.at, lease, self.lasts)?;
        // What was read before may have been changed by the holder before.
        lock(&self.shared.seen).clear();
        *lock(&self.shared.lock) = Some(Arc::clone(renewed.held()));
        Ok(renewed)
    }
}

fn host() -> String {
    rustix::system::uname().nodename().to_string_lossy().into_owned()
}

/// Returns what nobody else makes. In containers, process ids and even host names may be the same, so
/// it is a random number, as the standard library makes them for its maps.
fn token() -> String {
    format!("{}-{:016x}", host(), RandomState::new().hash_one(Timestamp::now()))
}
