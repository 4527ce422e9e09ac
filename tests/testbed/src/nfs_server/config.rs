//! What a server is like, before anything goes wrong.

use std::time::Duration;

use super::protocol::status_flag;

/// How many slots a session gets, of those that were asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Slots {
    /// At most so many.
    AtMost(u32),
    /// As Linux 6.1 was seen to grant them: 160 when the size asked for cached replies is at most
    /// 256 bytes, 64 up to 1,024, 30 above.
    Knfsd,
}

/// When a connection belongs to a session (RFC 8881, 2.10.3.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Binding {
    /// With the first SEQUENCE that comes through it, as the RFC wants it without state
    /// protection.
    Implicit,
    /// Only after BIND_CONN_TO_SESSION, or when the session was made through it; before that
    /// SEQUENCE answers CONN_NOT_BOUND_TO_SESSION.
    Explicit,
}

/// What becomes of a READDIR that would make the reply larger than `ca_maxresponsesize`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TooLarge {
    /// It fails with REP_TOO_BIG.
    Refuse,
    /// It gives as many entries as there is room for, as Linux does; REP_TOO_BIG only where
    /// there is none for one.
    Shorten,
}

/// Where a retry is told that its reply was not cached (RFC 8881, 2.10.6.1.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Uncached {
    /// SEQUENCE answers RETRY_UNCACHED_REP.
    AtSequence,
    /// SEQUENCE succeeds and the operation after it answers RETRY_UNCACHED_REP, as Linux does.
    AfterSequence,
}

/// Whether uid 0 is anybody special.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Squash {
    /// Root may look at everything but directories of mode 0.
    None,
    /// uid 0 is uid 65534, as EFS has it without `elasticfilesystem:ClientRootAccess`.
    Root,
}

/// The knobs that are set at the start. The default is like Linux's server on a fast network.
#[derive(Debug, Clone)]
pub struct Config {
    /// On 127.0.0.1; 0 takes a free one.
    pub port: u16,
    /// From the arrival of a request to its reply. No thread waits for it. Replies of delays of
    /// a millisecond and more may come up to a tenth of a millisecond later, together.
    pub delay: Duration,
    /// A delay up to this is added to each reply, so that replies overtake each other.
    pub jitter: Duration,
    /// Requests beyond so many a second wait for their turn, however many are in flight, as a
    /// file system's limit makes them wait. None: no limit.
    pub requests_per_second: Option<u32>,
    /// `ca_maxrequests` granted.
    pub slots: Slots,
    /// `ca_maxoperations` granted, at most. Linux 6.1: 50.
    pub max_operations: u32,
    /// The same of a client's sessions after its first. None: as in that.
    pub later_operations: Option<u32>,
    /// `ca_maxrequestsize` granted, in bytes, at most.
    pub max_request: u32,
    /// `ca_maxresponsesize` granted, in bytes, at most.
    pub max_response: u32,
    /// `ca_maxresponsesize_cached` granted, in bytes, at most.
    pub max_response_cached: u32,
    /// A READDIR has at most so many bytes, whatever its maxcount. None: no limit but maxcount.
    pub max_readdir: Option<u32>,
    /// Replies are sent as fragments of at most so many bytes. None: as one.
    pub fragment: Option<u32>,
    /// Whether BIND_CONN_TO_SESSION is needed. Linux: `Implicit`.
    pub binding: Binding,
    /// Linux: `Shorten`.
    pub too_large: TooLarge,
    /// Linux: `AfterSequence`.
    pub uncached: Uncached,
    /// For [`Model`](super::Model), which looks at modes and owners.
    pub squash: Squash,
    /// A client that is silent for longer loses its sessions; also the attribute `lease_time`.
    pub lease: Duration,
    /// `sr_status_flags` of each SEQUENCE.
    pub status_flags: u32,
    /// Attributes that are not supported: numbers of [`attr`](super::attr).
    pub without: Vec<u8>,
    /// Domain and name in `eir_server_impl_id`. None: it names itself not, as Linux 6.1 and
    /// ganesha 4.3.
    pub implementation: Option<(&'static str, &'static str)>,
    /// What jitter and chance are drawn from.
    pub seed: u64,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            port: 0,
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
            implementation: Some(("example.com", "efs-scan-bench")),
            seed: 1,
        }
    }
}
