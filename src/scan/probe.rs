//! What an engine finds out about its server before a scan.

use std::time::Duration;

/// What to try, beside what every scan does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trial {
    /// Nothing.
    Plain,
    /// A request with two directories, unless the server may be Linux.
    Batch,
}

/// A server as seen over several connections.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ServerProbe {
    /// The address, and how the client shows who it is.
    pub reached: String,
    /// How many connections were asked for: as many as a scan opens at most.
    pub connections: usize,
    /// The connections that have a session, by state partition.
    pub partitions: Vec<usize>,
    /// The least number of servers that these partitions can be: of servers whose answers do not tell
    /// them apart, each connection counts as one.
    pub fewest_servers: usize,
    /// Why a connection has no session.
    pub problem: Option<String>,
    /// What every session allows.
    pub grants: Grants,
    /// The shortest, the middle and the longest round trip of a request that reads attributes.
    pub round_trips: Option<[Duration; 3]>,
    /// Names of attributes that a scan uses and the server does not have.
    pub lacking: Vec<&'static str>,
    /// Why a partition does not know the file handle of another one.
    pub foreign_handle: Option<String>,
    /// How a request with several directories is answered, if that was to be tried.
    pub batch: Option<BatchAnswer>,
}

/// What a session allows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Grants {
    /// Requests in flight.
    pub requests: u32,
    /// Operations in a request.
    pub operations: u32,
    /// Bytes of a reply.
    pub reply: u32,
}

/// How a request with two directories is answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BatchAnswer {
    /// As two requests are.
    Right,
    /// Otherwise, in this way.
    Wrong(String),
    /// It was not sent: the server may be Linux, which it can crash.
    MayBeLinux,
    /// It could not be compared, for this reason.
    Unknown(String),
}
