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

impl EfsClient {
    /// Returns the likely reason that EFS does not admit this client, and how to check it.
    pub(in super::super) fn advice(&self, failed: Refused) -> String {
        let id = &self.file_system;
        let policy = format!("aws efs describe-file-system-policy --file-system-id {id}");
        match (failed, &self.iam) {
            (Refused::Unreachable, _) => "the security group of the mount target has to let this \
                 machine in on port 2049 (aws ec2 describe-security-groups), and its network a route"
                .to_owned(),
            (Refused::Closed, Some(_)) => "where EFS closes a connection, it does not accept the \
                 signature: look at this machine's clock (timedatectl), at the region of the file \
                 system (AWS_REGION) and at the credentials (aws sts get-caller-identity); \
                 --iam=false connects without"
                .to_owned(),
            (Refused::Closed, None) => {
                format!(
                    "where EFS closes a connection, it may want an IAM identity or know no such \
                     access point: see the policy ({policy}), and use --iam"
                )
            }
            (Refused::Denied, Some(_)) => format!(
                "the policy of the file system or that of the role has to allow \
                 elasticfilesystem:ClientMount, and ClientRootAccess for uid 0: see both ({policy}; \
                 aws sts get-caller-identity)"
            ),
            (Refused::Denied, None) => format!(
                "this client is anonymous, and the policy of the file system may want an IAM identity \
                 with elasticfilesystem:ClientMount, and ClientRootAccess for uid 0: see it \
                 ({policy}), and use --iam"
            ),
        }
    }
}

/// Ways in which EFS refuses a client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in super::super) enum Refused {
    /// There was no connection.
    Unreachable,
    /// Connections end before any reply.
    Closed,
    /// The root of the file system cannot be read.
    Denied,
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
