//! A lock as an object: its holder renews it, and it is free once it was not renewed for some time.
//!
//! Taking, renewing and releasing are conditional writes, so of several who try, one succeeds. No
//! clock of another machine is believed. The age of a lease is what the store says (for S3, the
//! Date of its answer less the object's Last-Modified). A store that says nothing is watched: a
//! lease is over if it does not change for as long as it lasts.
//!
//! A holder that was suspended may find its lease taken by another. It learns that when it renews
//! the lease. A write of state that comes before that does no harm either: it is made on the
//! condition that the object is still the one that was read, so the history of each object is one
//! line, whoever wrote last.

use std::thread::sleep;
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

use super::StateError;
use crate::log;
use crate::service_error::{ServiceError, ServiceResult, Trouble};
use crate::store::{Condition, Object, Store, Version};
use crate::text::printable;

/// Name and version of the schema.
const SCHEMA: &str = "efs-scan/lease/1";

/// The Date and the Last-Modified of an answer have whole seconds.
const SLACK: Duration = Duration::from_secs(2);

/// The longest that another holder's lease may last.
const LONGEST: Duration = Duration::from_secs(3600);

/// Attempts to take a lease that others take and release meanwhile.
const ROUNDS: usize = 8;

/// Contents of the object.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct LeaseFile {
    schema: String,
    /// Who holds it, in words; `None` if it was released.
    holder: Option<String>,
    /// What no other holder has.
    token: String,
    /// Milliseconds that it lasts after each renewal.
    lasts_ms: u64,
    /// Number of renewals, so that no two contents are the same.
    renewed: u64,
}

/// A lease that another run holds, or may hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Other {
    /// The holder, in words.
    pub holder: String,
    version: Version,
    /// How long it lasts without being renewed.
    lasts: Duration,
}

/// A lease that this process holds, unless it has expired.
#[derive(Debug)]
pub struct Lease {
    key: String,
    file: LeaseFile,
    version: Version,
}

impl Lease {
    /// Takes the lease if it is free. `over` is a version that was seen for longer than it lasts.
    ///
    /// # Errors
    /// The store fails, or the object is not a lease.
    pub fn take(
        store: &dyn Store,
        key: &str,
        (holder, token): (&str, &str),
        lasts: Duration,
        over: Option<&Version>,
    ) -> ServiceResult<Result<Self, Other>> {
        let file = LeaseFile {
            schema: SCHEMA.to_owned(),
            holder: Some(holder.to_owned()),
            token: token.to_owned(),
            lasts_ms: u64::try_from(lasts.as_millis()).unwrap_or(u64::MAX),
            renewed: 0,
        };
        for _ in 0..ROUNDS {
            let condition = match store.get_aged(key)? {
                None => Condition::Absent,
                Some((object, age)) => match other(store, key, &object)? {
                    Some(other) if !other.is_over(age) && over != Some(&object.version) => {
                        return Ok(Err(other));
                    }
                    _ => Condition::Unchanged(object.version),
                },
            };
            if let Some(version) = put_own(store, key, &bytes_of(&file), condition)? {
                return Ok(Ok(Self { key: key.to_owned(), file, version }));
            }
        }
        let text = format!("{}: others keep taking it", store.name(key));
        Err(ServiceError::new(Trouble::Throttled, text))
    }

    /// Takes the lease, and waits for one whose holder may have ended without releasing it.
    ///
    /// # Errors
    /// Another run holds it and renews it, or the store fails.
    pub fn acquire(
        store: &dyn Store,
        key: &str,
        who: (&str, &str),
        lasts: Duration,
    ) -> Result<Self, StateError> {
        let mut watched: Option<(Other, Instant)> = None;
        loop {
            let is_over =
                |(other, since): &&(Other, Instant)| since.elapsed() > other.lasts + SLACK;
            let over = watched.as_ref().filter(is_over).map(|(other, _)| &other.version);
            let other = match Self::take(store, key, who, lasts, over)? {
                Ok(lease) => return Ok(lease),
                Err(other) => other,
            };
            match &watched {
                Some((before, _)) if before.version == other.version => {}
                // Its holder lives.
                Some(_) => {
                    let lock = store.name(key);
                    return Err(StateError::Held(format!("{} holds {lock}", other.holder)));
                }
                None => {
                    let seconds = (other.lasts + SLACK).as_secs();
                    log::warn!(
                        "waiting up to {seconds} s for {}: {} holds it, or ended without releasing it",
                        store.name(key),
                        other.holder
                    );
                    watched = Some((other.clone(), Instant::now()));
                }
            }
            sleep((other.lasts / 30).clamp(Duration::from_millis(50), Duration::from_secs(2)));
        }
    }

    /// Makes it last anew.
    ///
    /// # Errors
    /// The store fails, or, as the inner error, another run has taken it.
    pub fn renew(&mut self, store: &dyn Store) -> ServiceResult<Result<(), String>> {
        for _ in 0..ROUNDS {
            self.file.renewed += 1;
            let unchanged = Condition::Unchanged(self.version.clone());
            if let Some(version) = put_own(store, &self.key, &bytes_of(&self.file), unchanged)? {
                self.version = version;
                return Ok(Ok(()));
            }
            let Some(object) = store.get(&self.key)? else {
                // Somebody removed it, and nobody else has taken it.
                match put_own(store, &self.key, &bytes_of(&self.file), Condition::Absent)? {
                    Some(version) => self.version = version,
                    None => continue,
                }
                return Ok(Ok(()));
            };
            match parsed(store, &self.key, &object)? {
                // The answer of an earlier renewal was lost.
                file if file.token == self.file.token => self.version = object.version,
                file => return Ok(Err(file.holder.unwrap_or_else(|| "another run".to_owned()))),
            }
        }
        let text = format!("{}: others keep writing to it", store.name(&self.key));
        Err(ServiceError::new(Trouble::Throttled, text))
    }

    /// Releases it. One that another run has taken stays as it is.
    ///
    /// # Errors
    /// The store fails. It is free when it is over.
    pub fn release(mut self, store: &dyn Store) -> ServiceResult<()> {
        self.file.holder = None;
        self.renew(store).map(drop)
    }
}

impl Other {
    fn is_over(&self, age: Option<Duration>) -> bool {
        age.is_some_and(|age| age > self.lasts + SLACK)
    }
}

/// The holder of a lease; `None` if it was released.
fn other(store: &dyn Store, key: &str, object: &Object) -> ServiceResult<Option<Other>> {
    let file = parsed(store, key, object)?;
    let lasts = Duration::from_millis(file.lasts_ms).min(LONGEST);
    let holder = file.holder.map(|holder| printable(holder.as_bytes()));
    Ok(holder.map(|holder| Other { holder, version: object.version.clone(), lasts }))
}

fn parsed(store: &dyn Store, key: &str, object: &Object) -> ServiceResult<LeaseFile> {
    let refused = |problem: String| {
        let text = format!("{}: {problem}: efs-scan did not write it", store.name(key));
        ServiceError::new(Trouble::Refused, text)
    };
    let file: LeaseFile =
        serde_json::from_slice(&object.bytes).map_err(|error| refused(error.to_string()))?;
    match file.schema == SCHEMA {
        true => Ok(file),
        false => Err(refused(format!("it has the schema {}", file.schema))),
    }
}

fn bytes_of(file: &LeaseFile) -> Vec<u8> {
    serde_json::to_vec(file).expect("strings and numbers are JSON")
}

/// Writes an object that no other writer writes alike. Returns its version, also if it was written
/// and the answer was lost; `None` if the condition did not hold.
///
/// # Errors
/// The store fails. The object may have been written.
pub(super) fn put_own(
    store: &dyn Store,
    key: &str,
    bytes: &[u8],
    condition: Condition,
) -> ServiceResult<Option<Version>> {
    let put = store.put(key, bytes, condition);
    if let Err(error) = &put
        && !error.trouble.passes()
    {
        return Err(error.clone());
    }
    match store.get(key)? {
        Some(object) if object.bytes == bytes => Ok(Some(object.version)),
        _ => put.map(|_| None),
    }
}
