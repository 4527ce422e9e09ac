//! Identity of a client of EFS.

use std::fmt;
use std::sync::Arc;
use std::time::SystemTime;

/// A client of EFS, which presents a certificate in every TLS handshake.
#[derive(Clone, Debug)]
pub struct EfsClient {
    /// `fs-…`
    pub file_system: String,
    /// `fsap-…`
    pub access_point: Option<String>,
    /// Signs for an IAM identity; `None` for an anonymous client.
    pub iam: Option<Arc<dyn IamIdentity>>,
    pub clock: Clock,
    pub key: ClientKeyCell,
}

impl EfsClient {
    /// Makes an anonymous client.
    pub fn new(file_system: &str) -> Self {
        Self {
            file_system: file_system.to_owned(),
            access_point: None,
            iam: None,
            clock: Clock::default(),
            key: ClientKeyCell::default(),
        }
    }
}

/// Private key of a client, generated on first use and shared by its copies.
#[derive(Clone, Debug, Default)]
pub struct ClientKeyCell {
    #[cfg(feature = "tls")]
    pub(super) made: Arc<std::sync::OnceLock<super::certificate::ClientKey>>,
}

/// An IAM identity.
pub trait IamIdentity: fmt::Debug + Send + Sync {
    /// Signs a connection to the file system for the owner of a key. `public_key_sha1` is the hash
    /// of the public key in hexadecimal digits.
    ///
    /// # Errors
    /// The reason that there are no credentials, in one line.
    fn sign(&self, public_key_sha1: &str, at: SystemTime) -> Result<IamSignature, String>;
}

/// A signature, and the values that the server needs to check it.
#[derive(Clone, PartialEq, Eq)]
pub struct IamSignature {
    pub access_key_id: String,
    pub session_token: Option<String>,
    /// 64 hexadecimal digits.
    pub signature: String,
    /// Expiry of the credentials, if known.
    pub expires: Option<SystemTime>,
}

impl fmt::Debug for IamSignature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct("IamSignature");
        shown.field("access_key_id", &self.access_key_id).field("expires", &self.expires);
        shown.finish_non_exhaustive()
    }
}

/// Clock that certificates are dated by.
#[derive(Clone)]
pub struct Clock(Arc<dyn Fn() -> SystemTime + Send + Sync>);

impl Clock {
    /// Makes a clock for tests.
    pub fn new(now: impl Fn() -> SystemTime + Send + Sync + 'static) -> Self {
        Self(Arc::new(now))
    }

    /// Returns the time of this clock.
    pub fn now(&self) -> SystemTime {
        (self.0)()
    }
}

impl Default for Clock {
    /// Returns this machine's clock.
    fn default() -> Self {
        Self::new(SystemTime::now)
    }
}

impl fmt::Debug for Clock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Clock")
    }
}
