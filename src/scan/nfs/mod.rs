//! The nfs engine: walks a directory of an NFSv4.1 server (RFC 8881) without a mount.
//!
//! The walk queues the server's root directory. Whenever the window allows another request, the
//! client takes one or more directories from the queue and a free slot of a session, and writes one
//! COMPOUND: SEQUENCE, then PUTFH and READDIR for each directory. The server's bytes are split into
//! records; a record's xid leads back to the slot and so to the directories. Their READDIR results,
//! entries with attributes, are added to each directory's listing. At the end of a directory, after
//! reading the marker files that rules ask for, its listing is committed to the ledger and its
//! subdirectories are queued. A large directory is committed in parts. Requests whose connection is
//! lost go back to the queue; a listing counts only once it is committed, so nothing is counted
//! twice.
//!
//! The files, in the order data flows:
//!
//! - `target.rs`: the directory to scan, `nfs://HOST[:PORT]/path`
//! - `walk.rs`: the queue of directories, and the interpretation of results; no IO and no sessions
//!   - `walk/root.rs`: the root directory
//!   - `walk/batch.rs`: several directories in one request
//!   - `walk/bound.rs`: listings that are continued on the partition where they began
//!   - `walk/listing.rs`: a READDIR's results, up to the end of a directory
//!   - `walk/failed.rs`: failed tasks, repeated or recorded as errors
//! - `directory_read.rs`: the state of a directory being read
//! - `markers.rs`: the marker files of a directory
//! - `window.rs`: the number of requests that may be in flight; `window/climb.rs` adjusts it,
//!   and `window/climb/trial.rs` tries others
//! - `client.rs`: the event loop
//!   - `client/setup.rs`: from a connection to a session
//!   - `client/send.rs`: requests
//!   - `client/receive.rs`: replies
//!   - `client/maintain.rs`: timers
//!   - `client/leave.rs`: clean-up at the end
//!   - `client/probe.rs`: examines the server before a scan; `client/probe/batch.rs`: tries several
//!     directories in one request
//! - `identity.rs`: client owner and verifier, and which partition a connection has reached
//! - `partition.rs`: a server behind the address, and our client id there
//! - `connection.rs`: a connection and the state of its setup
//! - `session.rs`: a session and its requests in flight
//! - `slots.rs`: a session's slots and their sequence ids
//! - `compound.rs`: writes requests
//! - `transport.rs`: the bytes of a connection, plain or TLS
//! - `tls.rs`, `tls/stream.rs`, `tls/problem.rs`: TLS and its error messages
//!   - `tls/facts.rs`: what a connection has agreed on
//!   - `tls/efs.rs`, `tls/certificate.rs`, `tls/renewal.rs`: a client's identity for EFS
//! - `rpc.rs`: record marking, call and reply headers
//! - `results.rs`: reads the results of a COMPOUND
//! - `readdir.rs`: reads the entries of a READDIR
//! - `attrs.rs`: attribute bitmaps and values
//! - `status.rs`: status codes
//! - `inode.rs`: converts attributes for the ledger
//! - `retry.rs`: decides if and when a failed operation is repeated
//! - `errors.rs`: statuses as the errors of reports; `advice.rs`: why EFS may refuse a client
//! - `xdr.rs`: integers and opaque data, for everything that is read and written above
//! - `fuzzing.rs`, `testing.rs`: entry points for fuzz targets, the server's side for unit tests

mod advice;
mod attrs;
mod client;
mod compound;
mod connection;
mod directory_read;
mod errors;
#[cfg(any(test, feature = "fuzzing"))]
pub mod fuzzing;
mod identity;
mod inode;
mod markers;
mod partition;
mod readdir;
mod results;
mod retry;
mod rpc;
mod session;
mod slots;
mod status;
mod target;
#[cfg(test)]
mod testing;
mod tls;
mod transport;
mod walk;
mod window;
mod xdr;

use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use rustix::io::Errno;

use advice::{Client, Refused};
pub use client::Loops;
use client::{ClientOptions, NfsClient};
use rpc::Credential;
pub use target::Target;
use tls::TlsConnector;
pub use tls::{ClientKeyCell, Clock, EfsClient, IamIdentity, IamSignature, Tls};
use walk::NfsWalk;
use window::RequestWindow;

use super::probe::{ServerProbe, Trial};
use super::{Ended, Engine, Pacing, WalkError};
use crate::stop::Stop;
use crate::usage::Ledger;

/// Default of [`Nfs::reply_timeout`]: AWS's recommended mount option `timeo=600`.
const REPLY_TIMEOUT: Duration = Duration::from_secs(60);

/// Default of [`Nfs::outage_limit`].
const OUTAGE_LIMIT: Duration = Duration::from_secs(300);

/// The nfs engine: walks a server's directory without a mount.
#[derive(Clone, Debug)]
pub struct Nfs {
    /// The directory to walk.
    pub target: Target,
    /// Connects with TLS if set.
    pub tls: Option<Tls>,
    /// The file system's id (`fs-…`), if it is one of EFS.
    pub file_system: Option<String>,
    /// The uid of the AUTH_SYS credential, which the server trusts.
    pub uid: u32,
    /// The gid of the AUTH_SYS credential.
    pub gid: u32,
    /// Most directories per request; 1 unless the server is known to support more.
    pub batch: usize,
    /// Limits of the requests in flight.
    pub pacing: Pacing,
    /// The number of event loops.
    pub loops: Loops,
    /// A connection is closed after waiting this long for a reply.
    pub reply_timeout: Duration,
    /// The walk gives up after the server has been away this long.
    pub outage_limit: Duration,
}

impl Nfs {
    /// Creates an engine with default time limits, without TLS and without batching.
    pub fn new(target: Target, uid: u32, gid: u32, pacing: Pacing) -> Self {
        Self {
            target,
            tls: None,
            file_system: None,
            uid,
            gid,
            batch: 1,
            pacing,
            loops: Loops::Auto,
            reply_timeout: REPLY_TIMEOUT,
            outage_limit: OUTAGE_LIMIT,
        }
    }
}

impl Engine for Nfs {
    fn name(&self) -> &'static str {
        "nfs"
    }

    fn walk(&self, ledger: &Arc<Ledger>, stop: &Arc<Stop>) -> Result<Ended, WalkError> {
        let mut client = self.client(ledger, self.batch, stop)?;
        let ended = client.run(stop);
        ended.map_err(|(op, error)| self.failed(op, self.explain(&client, op, error)))
    }

    fn probe(
        &self,
        ledger: &Arc<Ledger>,
        trial: Trial,
        stop: &Arc<Stop>,
    ) -> Option<Result<ServerProbe, WalkError>> {
        let probed = self.client(ledger, 1, stop).and_then(|mut client| {
            let probed = client.probe(&self.target.path, trial, stop);
            let told = probed.map(|probe| ServerProbe {
                reached: format!("{}{}", probe.reached, self.authentication()),
                ..probe
            });
            told.map_err(|(op, error)| self.failed(op, self.explain(&client, op, error)))
        });
        Some(probed)
    }
}

impl Nfs {
    /// Finds the server.
    fn client(
        &self,
        ledger: &Arc<Ledger>,
        batch: usize,
        stop: &Arc<Stop>,
    ) -> Result<NfsClient, WalkError> {
        // Unique per run: the server treats a client with a known owner as that client.
        let time = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let seed = time.as_nanos() as u64 ^ u64::from(std::process::id()) << 48;
        let host = rustix::system::uname();
        let credential =
            Credential::sys(seed as u32, host.nodename().to_bytes(), self.uid, self.gid);
        let walk = NfsWalk::new(Arc::clone(ledger), self.target.path.clone(), batch, seed);
        let window = RequestWindow::new(&self.pacing, stop);
        let tls = self.tls.as_ref().map(TlsConnector::new).transpose();
        let tls = tls.map_err(|error| self.failed("connect to", error))?;
        let options = ClientOptions {
            credential,
            tls,
            reply_timeout: self.reply_timeout,
            outage_limit: self.outage_limit,
            loops: self.loops,
            seed,
        };
        let client = NfsClient::new(&self.target, options, walk, window);
        client.map_err(|error| self.failed("find", error))
    }

    fn failed(&self, op: &'static str, error: io::Error) -> WalkError {
        WalkError::Root { op, path: PathBuf::from(self.target.to_string()), error }
    }

    /// Describes the client's way to authenticate.
    fn authentication(&self) -> String {
        let Some(tls) = &self.tls else { return String::new() };
        let Some(efs) = &tls.efs else { return " (TLS)".to_owned() };
        let who = if efs.iam.is_some() { "an IAM identity" } else { "anonymous" };
        let through = efs.access_point.iter().map(|id| format!(", {id}")).collect::<String>();
        format!(" (TLS, {who}{through})")
    }

    /// Adds the likely reason if EFS does not admit this client.
    fn explain(&self, client: &NfsClient, op: &str, error: io::Error) -> io::Error {
        let Some(file_system) = &self.file_system else { return error };
        let (refused, said) = match error.kind() {
            // Replaces the advice for general servers.
            io::ErrorKind::PermissionDenied => (Refused::Denied, Errno::ACCESS.to_string()),
            // Errors of the server's certificate have another kind.
            io::ErrorKind::TimedOut if op == "connect to" => match client.was_reached {
                true => (Refused::Closed, error.to_string()),
                false => (Refused::Unreachable, error.to_string()),
            },
            _ => return error,
        };
        let who = match &self.tls {
            None => Client::Plain,
            Some(Tls { efs: Some(EfsClient { iam: Some(_), .. }), .. }) => Client::Signed,
            Some(_) => Client::Anonymous,
        };
        let advice = advice::of(refused, who, file_system);
        io::Error::new(error.kind(), format!("{said}; {advice}"))
    }
}
