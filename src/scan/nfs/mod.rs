//! The direct NFSv4.1 engine: a client of our own, without a mount (RFC 8881).
//!
//! The way of a request: [`compound::Request`] writes a COMPOUND with its RPC header and record
//! mark; the server's bytes go into [`rpc::Records`], each record through [`rpc::reply`], and
//! [`answers::Answers`] reads the results in the order of the operations. None of these does IO.
//!
//! [`walk::Walk`] knows what is to be read and what answers mean, and nothing of sessions;
//! [`client::Client`] is the event loop with connections ([`link`]), slots ([`slots`]), one client
//! id ([`identity`]) and as many requests in flight as are worth it ([`window`]). [`transport`] has
//! the bytes of a connection, which [`tls`] encrypts where that is wanted.

mod answers;
mod attrs;
mod client;
mod compound;
#[cfg(any(test, feature = "fuzzing"))]
pub mod fuzzing;
mod identity;
mod inode;
mod link;
mod readdir;
mod reading;
mod retry;
mod rpc;
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

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use client::{Client, Options};
use rpc::Credential;
pub use target::Target;
use tls::Secure;
pub use tls::Tls;
use walk::Walk;
use window::Window;

use super::{Ended, Engine, Pacing, WalkError};
use crate::stop::Stop;
use crate::usage::Ledger;

/// How long an answer may take, as with AWS's recommended mount option `timeo=600`.
const PATIENCE: Duration = Duration::from_secs(60);

/// How long a server may be away before what was not read is given up.
const AWAY: Duration = Duration::from_secs(300);

/// Walks a server's directory without a mount.
#[derive(Clone, Debug)]
pub struct Nfs {
    /// Where.
    pub target: Target,
    /// Through TLS, if that is wanted.
    pub tls: Option<Tls>,
    /// Who asks: the server believes it (AUTH_SYS).
    pub uid: u32,
    /// Its group.
    pub gid: u32,
    /// The most directories in one request; 1 where nobody knows that the server can take more.
    pub batch: usize,
    /// Requests in flight.
    pub pacing: Pacing,
    /// How long an answer may take before its connection is given up.
    pub patience: Duration,
    /// How long the server may be away before the walk is given up.
    pub away: Duration,
}

impl Nfs {
    /// Will walk `target` as that user.
    pub fn new(target: Target, uid: u32, gid: u32, pacing: Pacing) -> Self {
        Self { target, tls: None, uid, gid, batch: 1, pacing, patience: PATIENCE, away: AWAY }
    }
}

impl Engine for Nfs {
    fn name(&self) -> &'static str {
        "nfs"
    }

    fn walk(&self, ledger: &Arc<Ledger>, stop: &Arc<Stop>) -> Result<Ended, WalkError> {
        let failed = |(op, error)| WalkError::Root {
            op,
            path: PathBuf::from(self.target.to_string()),
            error,
        };
        // Another one for each run: a server takes who comes with a known one for that one.
        let time = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let seed = time.as_nanos() as u64 ^ u64::from(std::process::id()) << 48;
        let host = rustix::system::uname();
        let credential =
            Credential::sys(seed as u32, host.nodename().to_bytes(), self.uid, self.gid);
        let walk = Walk::new(Arc::clone(ledger), self.target.path.clone(), self.batch, seed);
        let window = Window::new(&self.pacing, stop);
        let secure = self.tls.as_ref().map(Secure::new).transpose();
        let options = Options {
            credential,
            secure: secure.map_err(|error| failed(("connect to", error)))?,
            patience: self.patience,
            away: self.away,
        };
        let client = Client::new(&self.target, options, walk, window, seed);
        client.map_err(|error| failed(("find", error)))?.run(stop).map_err(failed)
    }
}
