//! Renews a lease in the background, for as long as it is held.

use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex, OnceLock, TryLockError};
use std::thread;
use std::time::{Duration, Instant};

use super::lease::Lease;
use crate::log;
use crate::service_error::ServiceError;
use crate::store::Opener;
use crate::sync::lock;

/// Time to wait for a renewal that is under way, before a lease is left to expire.
const PATIENCE: Duration = Duration::from_secs(2);

/// A lease that is renewed, and released when this is dropped.
#[derive(Debug)]
pub struct Renewed {
    at: Arc<dyn Opener>,
    held: Arc<Held>,
    /// The thread ends when this is dropped.
    _ends: Sender<()>,
}

/// A lease, shared with the thread that renews it.
#[derive(Debug)]
pub(super) struct Held {
    lease: Mutex<Option<Lease>>,
    /// Who has taken it, in words, if somebody has.
    lost: OnceLock<String>,
}

impl Held {
    /// Who has taken the lease from this run, if somebody has.
    pub(super) fn lost_to(&self) -> Option<&str> {
        self.lost.get().map(String::as_str)
    }
}

impl Renewed {
    /// Renews a lease at each third of the time that it lasts.
    ///
    /// # Errors
    /// No thread can be started.
    pub(super) fn start(
        at: &Arc<dyn Opener>,
        lease: Lease,
        lasts: Duration,
    ) -> Result<Self, ServiceError> {
        let held = Arc::new(Held { lease: Mutex::new(Some(lease)), lost: OnceLock::new() });
        let (ends, ended) = channel();
        let (shared, mut store) = (Arc::clone(&held), at.anew());
        let renews = move || {
            let mut is_failing = false;
            while ended.recv_timeout(lasts / 3) == Err(RecvTimeoutError::Timeout) {
                match renew(&shared, &*store) {
                    Ok(true) => is_failing = false,
                    Ok(false) => return,
                    Err(error) => {
                        if !is_failing {
                            log::warn!("renewing the lock: {error}");
                        }
                        is_failing = true;
                        // The patience with this access may be used up.
                        store = store.anew();
                    }
                }
            }
        };
        thread::Builder::new().name("lease".to_owned()).spawn(renews).map_err(|error| {
            let trouble = crate::service_error::Trouble::Refused;
            ServiceError::new(trouble, format!("starting a thread: {error}"))
        })?;
        Ok(Self { at: Arc::clone(at), held, _ends: ends })
    }

    pub(super) fn held(&self) -> &Arc<Held> {
        &self.held
    }
}

/// Renews the lease; false if it is not held any more.
fn renew(held: &Held, at: &dyn Opener) -> Result<bool, ServiceError> {
    let mut lease = lock(&held.lease);
    let Some(current) = &mut *lease else { return Ok(false) };
    let Err(other) = current.renew(&*at.open()?)? else { return Ok(true) };
    *lease = None;
    log::error!(
        "the lock of this run expired, and {other} has taken it: this run writes no state any more"
    );
    let _ = held.lost.set(other);
    Ok(false)
}

impl Drop for Renewed {
    fn drop(&mut self) {
        let until = Instant::now() + PATIENCE;
        let lease = loop {
            match self.held.lease.try_lock() {
                Ok(mut lease) => break lease.take(),
                Err(TryLockError::Poisoned(lease)) => break lease.into_inner().take(),
                Err(TryLockError::WouldBlock) if Instant::now() < until => {
                    thread::sleep(Duration::from_millis(20));
                }
                Err(TryLockError::WouldBlock) => return,
            }
        };
        let Some(lease) = lease else { return };
        let released = self.at.open().and_then(|store| lease.release(&*store));
        if let Err(error) = released {
            log::warn!("releasing the lock, which is free when it expires: {error}");
        }
    }
}
