//! A partition: one of the servers behind one address. All partitions serve one tree with the same
//! file handles. Client ids, sessions, grace period and rate are separate.

use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::{Duration, Instant};

use super::clients::Clients;
use super::config::{Config, Dealing, Naming};
use super::session::lock;
use crate::computed::mix;

/// The server owner and scope.
const SERVER: &[u8] = b"efs-scan synthetic server";

/// Client ids of one partition differ from those of another by at least this much.
const APART: u64 = 1 << 20;

pub(super) struct Partition {
    pub(super) clients: Clients,
    /// The server owner and the scope: the same on all connections, as trunking requires.
    pub(super) name: Vec<u8>,
    /// Its position, from 0.
    pub(super) number: u64,
    /// End of the grace period in milliseconds since the start.
    grace_until: AtomicU64,
    /// Earliest start of the next request, if the rate is limited.
    free: Mutex<Instant>,
}

impl Partition {
    /// Creates all partitions of a server.
    pub(super) fn all(config: &Config, start: Instant) -> Vec<Self> {
        let partition = |number: u64| {
            let mut name = SERVER.to_vec();
            if config.naming == Naming::Distinct && number > 0 {
                name.extend_from_slice(format!(" {number}").as_bytes());
            }
            let first = match config.naming {
                Naming::Distinct | Naming::SameOwner => 1 + number * APART,
                Naming::SameNumbers => 1,
            };
            Self {
                clients: Clients::new(first),
                name,
                number,
                grace_until: AtomicU64::new(0),
                free: Mutex::new(start),
            }
        };
        (0..u64::from(config.partitions.max(1))).map(partition).collect()
    }

    /// Returns the partition of a connection, counted from 1.
    pub(super) fn of(config: &Config, connection: u64) -> usize {
        let many = u64::from(config.partitions.max(1));
        let drawn = match config.dealing {
            Dealing::InTurn => connection.wrapping_sub(1),
            Dealing::Random => mix(config.seed ^ mix(connection)),
        };
        (drawn % many) as usize
    }

    /// Starts a grace period that ends at `until`, in milliseconds since the start.
    pub(super) fn grace(&self, until: u64) {
        self.grace_until.store(until, Relaxed);
    }

    pub(super) fn in_grace(&self, now: impl FnOnce() -> u64) -> bool {
        // Nearly always 0, which needs no clock.
        match self.grace_until.load(Relaxed) {
            0 => false,
            until => now() < until,
        }
    }

    /// Returns the earliest start of a request that arrives now, at `most` per second.
    pub(super) fn turn(&self, now: Instant, most: u32) -> Instant {
        let mut free = lock(&self.free);
        let begins = now.max(*free);
        *free = begins + Duration::from_secs(1) / most.max(1);
        begins
    }
}
