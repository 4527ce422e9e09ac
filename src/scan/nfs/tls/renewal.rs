//! Renews a client's certificate before the certificate or the credentials behind its signature
//! expire.

use std::fmt;
use std::io;
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use rustls::SignatureScheme;
use rustls::client::ResolvesClientCert;
use rustls::crypto::aws_lc_rs::sign::any_supported_type;
use rustls::pki_types::PrivatePkcs8KeyDer;
use rustls::sign::{CertifiedKey, SigningKey};

use super::certificate::{ClientKey, LIFETIME, Statement};
use super::{EfsClient, IamSignature};
use crate::log;
use crate::sync::lock;

/// Remaining validity at which a certificate is replaced. The credentials' expiry counts as well.
const MARGIN: Duration = Duration::from_secs(15 * 60);

/// Pause after a failed renewal while the last certificate is still valid.
const RETRY: Duration = Duration::from_secs(60);

/// Certificates of one client, in succession. All of them have the same key.
pub(super) struct ClientCertificates {
    client: EfsClient,
    /// The server's name.
    host: String,
    private: Arc<dyn SigningKey>,
    now: Mutex<Current>,
}

/// The certificate in use.
#[derive(Clone, Debug)]
struct Current {
    certificate: Arc<CertifiedKey>,
    made: SystemTime,
    /// Time to replace the certificate.
    due: SystemTime,
    /// Expiry of the certificate or of the credentials behind it.
    until: SystemTime,
    /// Number of certificates made before it.
    serial: u64,
}

impl ClientCertificates {
    /// Makes the key and the first certificate.
    ///
    /// # Errors
    /// If the key cannot be made, or nothing signs for it.
    pub(super) fn new(client: EfsClient, host: &str) -> io::Result<Self> {
        let made = Arc::clone(&client.key.made);
        let key = match made.get() {
            Some(key) => key,
            None => {
                let key = ClientKey::generate().map_err(io::Error::other)?;
                made.get_or_init(|| key)
            }
        };
        let private = PrivatePkcs8KeyDer::from(key.private()).into();
        let private = any_supported_type(&private).map_err(io::Error::other)?;
        let first = make(&client, host, key, &private, 0)?;
        Ok(Self { client, host: host.to_owned(), private, now: Mutex::new(first) })
    }

    /// Returns the end of the current certificate or of the credentials behind it.
    pub(super) fn until(&self) -> SystemTime {
        lock(&self.now).until
    }

    /// Replaces the certificate if it is due, for connections made from now on.
    ///
    /// # Errors
    /// If it has expired and cannot be replaced.
    pub(super) fn renew(&self) -> io::Result<()> {
        let mut current = lock(&self.now);
        let now = self.client.clock.now();
        // A time before `made` means that the clock was set back.
        if (current.made..current.due).contains(&now) {
            return Ok(());
        }
        let Some(key) = self.client.key.made.get() else { return Ok(()) };
        match make(&self.client, &self.host, key, &self.private, current.serial + 1) {
            Ok(next) => *current = next,
            Err(error) if (current.made..current.until).contains(&now) => {
                log::warn!("{error}; connections use the previous certificate");
                current.due = now + RETRY;
            }
            Err(error) => return Err(error),
        }
        Ok(())
    }
}

/// Makes the certificate with this serial number.
fn make(
    client: &EfsClient,
    host: &str,
    key: &ClientKey,
    private: &Arc<dyn SigningKey>,
    serial: u64,
) -> io::Result<Current> {
    let made = client.clock.now();
    // X.509 and signatures use whole seconds.
    let seconds = made.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
    let at = UNIX_EPOCH + Duration::from_secs(seconds);
    let sign = |signer: &Arc<dyn super::IamIdentity>| signer.sign(&key.hash(), at);
    let iam: Option<IamSignature> = client.iam.as_ref().map(sign).transpose().map_err(|error| {
        io::Error::new(io::ErrorKind::PermissionDenied, format!("--iam: {error}"))
    })?;
    let says = Statement {
        host,
        file_system: &client.file_system,
        access_point: client.access_point.as_deref(),
        iam: iam.as_ref(),
        at,
        serial,
    };
    let certificate = key.certify(&says).map_err(io::Error::other)?;
    let until = at + LIFETIME;
    let until = iam.as_ref().and_then(|iam| iam.expires).map_or(until, |end| end.min(until));
    log::debug!(serial = serial, "made a certificate for {}", client.file_system);
    let certificate = Arc::new(CertifiedKey::new(vec![certificate], Arc::clone(private)));
    Ok(Current { certificate, made, due: until - MARGIN, until, serial })
}

impl ResolvesClientCert for ClientCertificates {
    /// Returns the current certificate, ignoring the issuers that the server names: EFS trusts the
    /// signature in it.
    fn resolve(&self, _: &[&[u8]], _: &[SignatureScheme]) -> Option<Arc<CertifiedKey>> {
        Some(Arc::clone(&lock(&self.now).certificate))
    }

    fn has_certs(&self) -> bool {
        true
    }
}

impl fmt::Debug for ClientCertificates {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClientCertificates").field("client", &self.client).finish_non_exhaustive()
    }
}
