//! Results of examining an engine's server before a scan.

use std::time::{Duration, SystemTime};

/// Optional trial during the examination.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trial {
    /// Nothing.
    Plain,
    /// A request with two directories, unless the server may be Linux.
    Batch,
}

/// A server as observed over several connections.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ServerProbe {
    /// Address, and the client's way to authenticate.
    pub reached: String,
    /// Number of attempted connections: the most that a scan opens.
    pub connections: usize,
    /// Number of connections with a session, by partition.
    pub partitions: Vec<usize>,
    /// Lower bound of the number of servers. Servers whose answers do not tell them apart count as
    /// one for each connection.
    pub fewest_servers: usize,
    /// Why a connection has no session.
    pub problem: Option<String>,
    /// Smallest limits of all sessions.
    pub grants: Grants,
    /// Shortest, median and longest round trip of a request for attributes.
    pub round_trips: Option<[Duration; 3]>,
    /// Attributes that a scan uses and the server lacks.
    pub lacking: Vec<&'static str>,
    /// Why a partition rejects a file handle of another one.
    pub foreign_handle: Option<String>,
    /// Answer to a request with several directories, if it was tried.
    pub batch: Option<BatchAnswer>,
    /// Protocol and certificates of the connections, if they use TLS.
    pub tls: Option<TlsProbe>,
}

/// TLS of a connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TlsProbe {
    /// `TLS 1.3`
    pub protocol: String,
    /// IANA's name of the cipher suite.
    pub cipher: String,
    /// End of the server's certificate, if that can be read.
    pub server_until: Option<SystemTime>,
    /// End of the client's certificate or of the credentials that signed it, whichever is first.
    /// `None` if the client presents none.
    pub client_until: Option<SystemTime>,
}

/// Limits of a session.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Grants {
    /// Requests in flight.
    pub requests: u32,
    /// Operations in a request.
    pub operations: u32,
    /// Bytes of a reply.
    pub reply: u32,
}

/// Answer to a request with two directories.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BatchAnswer {
    /// The same entries as in two requests.
    Right,
    /// Other entries, as described.
    Wrong(String),
    /// Not tried: the server may be Linux, which such a request can crash.
    MayBeLinux,
    /// Not comparable, for this reason.
    Unknown(String),
}
