//! TLS from the first byte of a connection.
//!
//! EFS's mount targets accept TLS on the NFS port from clients that start with it, as efs-utils'
//! proxy does. So does any server behind a proxy such as stunnel. (RPC-with-TLS, RFC 9289, starts
//! in plaintext and is a different protocol.)

use std::path::PathBuf;

#[cfg(feature = "tls")]
mod certificate;
mod efs;
#[cfg(feature = "tls")]
mod facts;
#[cfg(feature = "tls")]
mod problem;
#[cfg(feature = "tls")]
mod renewal;
#[cfg(feature = "tls")]
mod stream;

pub use efs::{ClientKeyCell, Clock, EfsClient, IamIdentity, IamSignature};

#[cfg(feature = "tls")]
pub(super) use stream::{TlsConnector, TlsStream};

/// TLS settings: the server's name, the root certificates, and the client's identity.
#[derive(Clone, Debug)]
pub struct Tls {
    /// Name or address that the server's certificate must match.
    pub server: String,
    /// PEM file with root certificates. Default: the system's, or those of `SSL_CERT_FILE` and
    /// `SSL_CERT_DIR`.
    pub roots: Option<PathBuf>,
    /// Identity that the client presents to EFS. Other servers get no certificate.
    pub efs: Option<EfsClient>,
}

impl Tls {
    /// True if this build supports TLS (feature `tls`).
    pub const BUILT_IN: bool = cfg!(feature = "tls");

    /// Uses the system's root certificates, and no client certificate.
    pub fn new(server: &str) -> Self {
        Self { server: server.to_owned(), roots: None, efs: None }
    }
}

/// TLS connector of a build without the feature `tls`; no value exists.
#[cfg(not(feature = "tls"))]
#[derive(Clone, Debug)]
pub(super) enum TlsConnector {}

#[cfg(not(feature = "tls"))]
impl TlsConnector {
    pub(super) fn new(_: &Tls) -> std::io::Result<Self> {
        Err(std::io::Error::other("this efs-scan was built without the feature `tls`"))
    }

    pub(super) fn server(&self) -> &str {
        match *self {}
    }
}
