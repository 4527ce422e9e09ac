//! Properties of a server without faults.

use std::time::Duration;

use super::protocol::status_flag;

/// Policy for the number of slots a session gets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Slots {
    /// At most this many.
    AtMost(u32),
    /// As observed with Linux 6.1: 160 if the requested cached reply size is at most 256 bytes, 64
    /// up to 1,024, 30 above.
    Knfsd,
}

/// Way in which a connection is bound to a session (RFC 8881, section 2.10.3.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Binding {
    /// By its first SEQUENCE, as the RFC requires without state protection.
    Implicit,
    /// By BIND_CONN_TO_SESSION or CREATE_SESSION only. Before that, SEQUENCE fails with
    /// CONN_NOT_BOUND_TO_SESSION.
    Explicit,
}

/// Choice of a new connection's partition.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dealing {
    /// One after the other, so a reconnect lands elsewhere.
    InTurn,
    /// By the seed.
    Random,
}

/// Ways in which partitions identify themselves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Naming {
    /// Server owners and client ids differ.
    Distinct,
    /// Server owners and scopes are the same and client ids differ, as with several ganeshas on one
    /// host.
    SameOwner,
    /// Client ids and sessions also get the same numbers.
    SameNumbers,
}

/// Servers that accept a READDIR's cookie and verifier.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cookies {
    /// Every partition.
    Shared,
    /// The partition that sent them. Another one answers NOT_SAME.
    OfPartition,
}

/// Policy for a READDIR whose reply would exceed `ca_maxresponsesize`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TooLarge {
    /// It fails with REP_TOO_BIG.
    Refuse,
    /// It returns as many entries as fit, as Linux does, and fails with REP_TOO_BIG only if none
    /// fits.
    Shorten,
}

/// The operation that reports to a retry that its reply was not cached (RFC 8881, section
/// 2.10.6.1.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Uncached {
    /// SEQUENCE fails with RETRY_UNCACHED_REP.
    AtSequence,
    /// SEQUENCE succeeds and the next operation fails with RETRY_UNCACHED_REP, as with Linux.
    AfterSequence,
}

/// Treatment of uid 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Squash {
    /// Root may read everything except directories of mode 0.
    None,
    /// uid 0 becomes uid 65534, as on EFS without `elasticfilesystem:ClientRootAccess`.
    Root,
}

/// Settings fixed at the start. The default resembles Linux's server on a fast network.
#[derive(Debug, Clone)]
pub struct Config {
    /// Port on 127.0.0.1; 0 picks a free one.
    pub port: u16,
    /// Number of servers with the same tree that do not know each other's client ids and sessions,
    /// at least 1. Each connection leads to one of them, and limits apply to each.
    pub partitions: u32,
    pub dealing: Dealing,
    pub naming: Naming,
    pub cookies: Cookies,
    /// Time from a request's arrival to its reply. Waiting takes no thread. Replies delayed by a
    /// millisecond or more may be sent up to a tenth of a millisecond late, together.
    pub delay: Duration,
    /// Up to this much is added to each reply, so that replies overtake each other.
    pub jitter: Duration,
    /// Requests per second beyond which further ones wait, however many are in flight, like a file
    /// system's limit.
    pub requests_per_second: Option<u32>,
    /// `ca_maxrequests` granted.
    pub slots: Slots,
    /// `ca_maxoperations` granted, at most. Linux 6.1: 50.
    pub max_operations: u32,
    /// The same for a client's sessions after its first, if different.
    pub later_operations: Option<u32>,
    /// `ca_maxrequestsize` granted, in bytes, at most.
    pub max_request: u32,
    /// `ca_maxresponsesize` granted, in bytes, at most.
    pub max_response: u32,
    /// `ca_maxresponsesize_cached` granted, in bytes, at most.
    pub max_response_cached: u32,
    /// Limit of a READDIR result in bytes, besides its maxcount.
    pub max_readdir: Option<u32>,
    /// Replies are split into fragments of at most this many bytes.
    pub fragment: Option<u32>,
    /// Linux: `Implicit`.
    pub binding: Binding,
    /// Linux: `Shorten`.
    pub too_large: TooLarge,
    /// Linux: `AfterSequence`.
    pub uncached: Uncached,
    /// Used by [`Model`](super::Model), which checks modes and owners.
    pub squash: Squash,
    /// A client silent for longer loses its sessions. Also the attribute `lease_time`.
    pub lease: Duration,
    /// `sr_status_flags` of each SEQUENCE.
    pub status_flags: u32,
    /// Unsupported attributes: numbers of [`attr`](super::attr).
    pub without: Vec<u8>,
    /// Domain and name in `eir_server_impl_id`. Linux 6.1 and ganesha 4.3 send none.
    pub implementation: Option<(&'static str, &'static str)>,
    /// Seed of jitter and random faults.
    pub seed: u64,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            port: 0,
            partitions: 1,
            dealing: Dealing::InTurn,
            naming: Naming::Distinct,
            cookies: Cookies::Shared,
            delay: Duration::ZERO,
            jitter: Duration::ZERO,
            requests_per_second: None,
            slots: Slots::AtMost(64),
            max_operations: 50,
            later_operations: None,
            max_request: 1 << 20,
            max_response: 1 << 20,
            max_response_cached: 4096,
            max_readdir: None,
            fragment: None,
            binding: Binding::Implicit,
            too_large: TooLarge::Refuse,
            uncached: Uncached::AfterSequence,
            squash: Squash::None,
            lease: Duration::from_secs(90),
            status_flags: status_flag::CB_PATH_DOWN,
            without: Vec::new(),
            implementation: Some(("example.com", "efs-scan-testbed")),
            seed: 1,
        }
    }
}
