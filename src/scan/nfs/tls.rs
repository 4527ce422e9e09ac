//! TLS from the first byte of a connection.
//!
//! EFS's mount targets speak it on the port of NFS when the client begins with it, as the proxy of
//! efs-utils does; so does any server behind a proxy such as stunnel. (RPC-with-TLS, RFC 9289,
//! begins in plain and is another thing.)

use std::path::PathBuf;

#[cfg(feature = "tls")]
mod problem;
#[cfg(feature = "tls")]
mod stream;

#[cfg(feature = "tls")]
pub(super) use stream::{Secure, Stream};

/// Whom a connection must lead to, and who may say that it does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tls {
    /// The name or address that the server's certificate must be for.
    pub server: String,
    /// A PEM file of root certificates; without it the machine's, or those of `SSL_CERT_FILE` and
    /// `SSL_CERT_DIR`.
    pub roots: Option<PathBuf>,
}

impl Tls {
    /// Whether this build can do it: the feature `tls`.
    pub const BUILT_IN: bool = cfg!(feature = "tls");

    /// With the machine's root certificates.
    pub fn new(server: &str) -> Self {
        Self { server: server.to_owned(), roots: None }
    }
}

/// There is none without the feature.
#[cfg(not(feature = "tls"))]
#[derive(Clone, Debug)]
pub(super) enum Secure {}

#[cfg(not(feature = "tls"))]
impl Secure {
    pub(super) fn new(_: &Tls) -> std::io::Result<Self> {
        Err(std::io::Error::other("this efs-scan was built without the feature `tls`"))
    }

    pub(super) fn server(&self) -> &str {
        match *self {}
    }
}
