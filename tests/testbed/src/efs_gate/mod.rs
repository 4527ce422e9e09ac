//! TLS in front of a server, as EFS's mount targets use it: every client presents a certificate
//! that names its file system and its identity, and the gate checks all of it.
//!
//! It deliberately shares no code with the client: `der` and `certificate` read the certificate,
//! and `signature` computes the expected signature.

mod certificate;
mod der;
mod signature;

use std::fmt;
use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::SystemTime;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rcgen::{CertificateParams, KeyPair};
use rustls::client::danger::HandshakeSignatureValid;
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::{CertificateDer, PrivatePkcs8KeyDer, UnixTime};
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::{
    CertificateError, DigitallySignedStruct, DistinguishedName, Error, ServerConfig,
    ServerConnection, SignatureScheme,
};

pub use certificate::{Presented, Signature};
use signature::Connect;

/// An access key that the gate knows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccessKey {
    pub id: String,
    pub secret: String,
    pub session_token: Option<String>,
}

impl AccessKey {
    pub fn new(id: &str, secret: &str, session_token: Option<&str>) -> Self {
        let session_token = session_token.map(str::to_owned);
        Self { id: id.to_owned(), secret: secret.to_owned(), session_token }
    }
}

impl AccessKey {
    /// Returns this key's signature for a connection.
    pub fn signature(
        &self,
        (region, file_system): (&str, &str),
        key_hash: &str,
        at: SystemTime,
    ) -> String {
        let (access_key_id, session_token) = (&*self.id, self.session_token.as_deref());
        let connect = Connect { key_hash, access_key_id, session_token, at, region, file_system };
        connect.signature(&self.secret)
    }
}

/// Properties that a client needs to be admitted.
#[derive(Debug, Clone)]
pub struct Wanted {
    /// The name of the file system and of the server's certificate: `fs-ID.efs.REGION.amazonaws.com`.
    pub host: String,
    pub file_system: String,
    pub region: String,
    pub access_points: Vec<String>,
    pub keys: Vec<AccessKey>,
    /// True if anonymous clients are refused.
    pub iam: bool,
}

/// Ways to refuse a client.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refuse {
    /// The handshake fails with an alert.
    Alert,
    /// The connection closes after the handshake, without a word.
    Close,
    /// The connection leads to this server, which refuses all requests.
    Deny(SocketAddr),
}

/// A gate that runs until this is dropped; its connections end with their clients.
pub struct Gate {
    address: SocketAddr,
    root: PathBuf,
    shared: Arc<Shared>,
}

struct Shared {
    wanted: Mutex<Wanted>,
    refuse: Mutex<Refuse>,
    now: Box<dyn Fn() -> SystemTime + Send + Sync>,
    /// One result per handshake.
    seen: Mutex<Vec<Result<Presented, String>>>,
    ended: Mutex<bool>,
}

impl Gate {
    /// Starts the gate in front of `server`. Writes the root certificate for clients to `dir`.
    pub fn start(
        server: SocketAddr,
        wanted: Wanted,
        dir: &Path,
        now: impl Fn() -> SystemTime + Send + Sync + 'static,
    ) -> Self {
        let key = KeyPair::generate().unwrap();
        let params = CertificateParams::new([wanted.host.clone(), "localhost".to_owned()]).unwrap();
        let own = params.self_signed(&key).unwrap();
        let root = dir.join(format!("{}.pem", wanted.host));
        let lines: Vec<String> = STANDARD
            .encode(own.der())
            .as_bytes()
            .chunks(64)
            .map(|line| String::from_utf8_lossy(line).into_owned())
            .collect();
        let text = lines.join("\n");
        let pem = format!("-----BEGIN CERTIFICATE-----\n{text}\n-----END CERTIFICATE-----\n");
        std::fs::write(&root, pem).unwrap();

        let shared = Arc::new(Shared {
            wanted: Mutex::new(wanted),
            refuse: Mutex::new(Refuse::Alert),
            now: Box::new(now),
            seen: Mutex::default(),
            ended: Mutex::new(false),
        });
        let provider = Arc::new(aws_lc_rs::default_provider());
        let config = ServerConfig::builder_with_provider(provider);
        let config = config.with_safe_default_protocol_versions().unwrap();
        let config = config.with_client_cert_verifier(Arc::<Shared>::clone(&shared));
        let key = PrivatePkcs8KeyDer::from(key.serialize_der());
        let config = config.with_single_cert(vec![own.der().clone()], key.into()).unwrap();
        let config = Arc::new(config);

        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let serving = Arc::clone(&shared);
        thread::spawn(move || {
            for client in listener.incoming().flatten() {
                if *serving.ended.lock().unwrap() {
                    break;
                }
                let (config, shared) = (Arc::clone(&config), Arc::clone(&serving));
                thread::spawn(move || serve(client, server, config, &shared));
            }
        });
        Self { address, root, shared }
    }

    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Returns the PEM file with the certificate that clients must trust.
    pub fn root(&self) -> PathBuf {
        self.root.clone()
    }

    /// Refuses clients in this way from now on.
    pub fn refuse(&self, how: Refuse) {
        *self.shared.refuse.lock().unwrap() = how;
    }

    /// Changes the required properties from now on.
    pub fn want(&self, change: impl FnOnce(&mut Wanted)) {
        change(&mut self.shared.wanted.lock().unwrap());
    }

    /// Returns the certificates that clients presented, one per handshake, or the reasons that they
    /// were refused.
    pub fn seen(&self) -> Vec<Result<Presented, String>> {
        self.shared.seen.lock().unwrap().clone()
    }
}

impl Drop for Gate {
    fn drop(&mut self) {
        *self.shared.ended.lock().unwrap() = true;
        let _ = TcpStream::connect(self.address);
    }
}

impl Shared {
    fn check(&self, certificate: &[u8]) -> Result<Presented, String> {
        let presented = certificate::read(certificate)?;
        presented.is_in_time((self.now)())?;
        self.wanted.lock().unwrap().admits(&presented)?;
        Ok(presented)
    }
}

impl Wanted {
    fn admits(&self, client: &Presented) -> Result<(), String> {
        if client.file_system != self.file_system {
            return Err(format!("for another file system: {}", client.file_system));
        }
        if client.common_name != self.host.chars().take(64).collect::<String>() {
            return Err(format!("for another host: {}", client.common_name));
        }
        if let Some(id) = client.access_point.as_ref().filter(|id| !self.access_points.contains(id))
        {
            return Err(format!("no access point {id}"));
        }
        let Some(iam) = &client.iam else {
            return if self.iam { Err("anonymous".to_owned()) } else { Ok(()) };
        };
        let key = self.keys.iter().find(|key| key.id == iam.access_key_id);
        let key = key.ok_or_else(|| format!("no access key {}", iam.access_key_id))?;
        if key.session_token != iam.session_token {
            return Err("another session token".to_owned());
        }
        let place = (&*self.region, &*self.file_system);
        match key.signature(place, &client.key_hash, iam.at) == iam.signature {
            true => Ok(()),
            false => Err("the signature is wrong".to_owned()),
        }
    }
}

impl fmt::Debug for Shared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shared").field("wanted", &self.wanted).finish_non_exhaustive()
    }
}

impl ClientCertVerifier for Shared {
    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        &[]
    }

    fn verify_client_cert(
        &self,
        certificate: &CertificateDer<'_>,
        others: &[CertificateDer<'_>],
        _: UnixTime,
    ) -> Result<ClientCertVerified, Error> {
        let checked = match others {
            [] => self.check(certificate),
            _ => Err("more than one certificate".to_owned()),
        };
        let refused = checked.is_err();
        self.seen.lock().unwrap().push(checked);
        match *self.refuse.lock().unwrap() {
            Refuse::Alert if refused => {
                Err(Error::InvalidCertificate(CertificateError::ApplicationVerificationFailure))
            }
            _ => Ok(ClientCertVerified::assertion()),
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = aws_lc_rs::default_provider().signature_verification_algorithms;
        rustls::crypto::verify_tls12_signature(message, certificate, signed, &algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = aws_lc_rs::default_provider().signature_verification_algorithms;
        rustls::crypto::verify_tls13_signature(message, certificate, signed, &algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        aws_lc_rs::default_provider().signature_verification_algorithms.supported_schemes()
    }
}

/// Serves one client to its end.
fn serve(mut client: TcpStream, server: SocketAddr, config: Arc<ServerConfig>, shared: &Shared) {
    let _ = client.set_nodelay(true);
    let Ok(mut tls) = ServerConnection::new(config) else { return };
    while tls.is_handshaking() {
        if tls.complete_io(&mut client).is_err() {
            // Sends the alert.
            let _ = tls.write_tls(&mut client);
            let _ = client.shutdown(Shutdown::Write);
            let _ = client.read(&mut [0; 4096]);
            return;
        }
    }
    let certificate = tls.peer_certificates().and_then(<[_]>::first);
    let admitted = certificate.is_some_and(|certificate| shared.check(certificate).is_ok());
    let refuse = *shared.refuse.lock().unwrap();
    let server = match refuse {
        _ if admitted => server,
        Refuse::Deny(server) => server,
        Refuse::Alert | Refuse::Close => return,
    };
    let Ok(server) = TcpStream::connect(server) else { return };
    let _ = server.set_nodelay(true);
    relay(&client, &server, tls);
    let _ = client.shutdown(Shutdown::Both);
    let _ = server.shutdown(Shutdown::Both);
}

/// Passes bytes both ways until one side ends.
fn relay(client: &TcpStream, server: &TcpStream, tls: ServerConnection) {
    let tls = Mutex::new(tls);
    let send = |tls: &mut ServerConnection| {
        let mut client = client;
        while tls.wants_write() {
            tls.write_tls(&mut client)?;
        }
        Ok::<(), std::io::Error>(())
    };
    let both = || {
        let _ = client.shutdown(Shutdown::Both);
        let _ = server.shutdown(Shutdown::Both);
    };
    thread::scope(|scope| {
        scope.spawn(|| {
            let mut buffer = vec![0; 64 << 10];
            let mut from = server;
            while let Ok(count @ 1..) = from.read(&mut buffer) {
                let mut tls = tls.lock().unwrap();
                for piece in buffer[..count].chunks(16 << 10) {
                    if tls.writer().write_all(piece).is_err() || send(&mut tls).is_err() {
                        return both();
                    }
                }
            }
            both();
        });
        let mut buffer = vec![0; 64 << 10];
        let mut plain = Vec::new();
        let (mut from, mut to) = (client, server);
        // Data that arrived with the end of the handshake is already decrypted.
        let mut count = 0;
        loop {
            let mut rest = &buffer[..count];
            plain.clear();
            {
                let mut tls = tls.lock().unwrap();
                loop {
                    let taken =
                        if rest.is_empty() { 0 } else { tls.read_tls(&mut rest).unwrap_or(0) };
                    let Ok(state) = tls.process_new_packets() else { return both() };
                    let start = plain.len();
                    plain.resize(start + state.plaintext_bytes_to_read(), 0);
                    if tls.reader().read_exact(&mut plain[start..]).is_err() {
                        return both();
                    }
                    if taken == 0 || rest.is_empty() {
                        break;
                    }
                }
                if send(&mut tls).is_err() {
                    return both();
                }
            }
            if to.write_all(&plain).is_err() {
                return both();
            }
            match from.read(&mut buffer) {
                Ok(more @ 1..) => count = more,
                _ => return both(),
            }
        }
    });
}
