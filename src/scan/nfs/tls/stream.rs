//! TLS connection on top of rustls, which the AWS SDK uses as well.
//!
//! Readiness is edge-triggered, so no data may be left that no event will report. The kernel is
//! read until it has no more data, data that was read is decrypted before more is read, and
//! [`TlsStream::send`] sends the data that rustls holds for the kernel. The caller repeats it when
//! the kernel accepts more.

use std::io::{self, ErrorKind, Read, Write};
use std::sync::Arc;
use std::time::SystemTime;

use mio::net::TcpStream;
use rustls::client::Resumption;
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, ClientConnection, RootCertStore};

use super::renewal::ClientCertificates;
use super::{Tls, facts, problem};
use crate::scan::probe::TlsProbe;

/// Most unsent bytes that rustls may hold.
const WRITE_BUFFER: usize = 256 * 1024;

/// Bytes per read; rustls itself would read 4 KiB.
const READ_SIZE: usize = 128 * 1024;

/// Most reads of the kernel without any plaintext: a server could send empty TLS records forever.
const MAX_FETCHES: usize = 16;

/// Creates TLS connections to one server name with given root certificates.
#[derive(Clone, Debug)]
pub(in super::super) struct TlsConnector {
    config: Arc<ClientConfig>,
    name: ServerName<'static>,
    server: Arc<str>,
    /// Certificates to present, if any.
    certificates: Option<Arc<ClientCertificates>>,
}

impl TlsConnector {
    /// Loads the root certificates, and makes the client's certificate.
    ///
    /// # Errors
    /// If there are no root certificates, the name is not valid in a certificate, or the client's
    /// identity is not available.
    pub(in super::super) fn new(tls: &Tls) -> io::Result<Self> {
        let found = match &tls.roots {
            Some(file) => rustls_native_certs::load_certs_from_paths(Some(file), None),
            None => rustls_native_certs::load_native_certs(),
        };
        let mut roots = RootCertStore::empty();
        roots.add_parsable_certificates(found.certs);
        if roots.is_empty() {
            let why = found.errors.first().map_or(String::new(), |error| format!(" ({error})"));
            return Err(io::Error::other(format!(
                "--tls: no root certificates found{why}; install ca-certificates, or \
                 name a PEM file in SSL_CERT_FILE"
            )));
        }
        let server = tls.server.as_str();
        let name = ServerName::try_from(server.to_owned()).map_err(|_| {
            io::Error::other(format!("--tls: `{server}` is not a valid name in a certificate"))
        })?;
        // Named explicitly: with two crypto providers linked, rustls has no default.
        let provider = Arc::new(aws_lc_rs::default_provider());
        let config = ClientConfig::builder_with_provider(provider);
        let config = config.with_safe_default_protocol_versions().map_err(io::Error::other)?;
        let config = config.with_root_certificates(roots);
        let client = tls.efs.clone().map(|client| ClientCertificates::new(client, server));
        let certificates = client.transpose()?.map(Arc::new);
        let config = match certificates.clone() {
            None => config.with_no_client_auth(),
            Some(certificates) => {
                let mut config = config.with_client_cert_resolver(certificates);
                // A resumed session would keep the certificate of the first one.
                config.resumption = Resumption::disabled();
                config
            }
        };
        Ok(Self { config: Arc::new(config), name, server: server.into(), certificates })
    }

    /// Returns the name that the certificate must match.
    pub(in super::super) fn server(&self) -> &str {
        &self.server
    }

    /// Wraps a TCP connection, which need not be established yet.
    pub(in super::super) fn begin(&self, stream: TcpStream) -> io::Result<TlsStream> {
        if let Some(certificates) = &self.certificates {
            certificates.renew()?;
        }
        let tls = ClientConnection::new(Arc::clone(&self.config), self.name.clone());
        let mut tls = tls.map_err(io::Error::other)?;
        tls.set_buffer_limit(Some(WRITE_BUFFER));
        let client_until = self.certificates.as_ref().map(|certificates| certificates.until());
        Ok(TlsStream { stream, tls, client_until, encrypted: Vec::new(), decrypted: 0 })
    }
}

#[derive(Debug)]
pub(in super::super) struct TlsStream {
    pub(in super::super) stream: TcpStream,
    tls: ClientConnection,
    /// End of the client's certificate.
    client_until: Option<SystemTime>,
    /// Bytes from the kernel; `encrypted[decrypted..]` is still to be decrypted.
    encrypted: Vec<u8>,
    decrypted: usize,
}

/// Result of a read of the kernel.
enum Fetched {
    Bytes,
    NotYet,
    End,
}

impl TlsStream {
    /// Returns what the handshake has agreed on.
    pub(in super::super) fn facts(&self) -> TlsProbe {
        facts::of(&self.tls, self.client_until)
    }

    /// Continues the handshake. Returns true when it is complete.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidData`] if a retry is pointless.
    pub(in super::super) fn handshake(&mut self) -> io::Result<bool> {
        self.handshake_step().map_err(|error| match error.kind() {
            // The server closed the connection without reading all of the client's data.
            ErrorKind::ConnectionReset | ErrorKind::BrokenPipe => problem::handshake_cut_off(),
            _ => error,
        })
    }

    fn handshake_step(&mut self) -> io::Result<bool> {
        loop {
            self.try_send()?;
            if !self.tls.is_handshaking() {
                return Ok(true);
            }
            match self.fetch()? {
                Fetched::Bytes => self.decrypt()?,
                Fetched::NotYet => return Ok(false),
                Fetched::End => return Err(problem::handshake_cut_off()),
            }
        }
    }

    /// Reads available plaintext, as much as fits.
    pub(in super::super) fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let mut filled = 0;
        let mut fetches = 0;
        while filled < buffer.len() {
            match self.tls.reader().read(&mut buffer[filled..]) {
                // The server closed the connection with close_notify.
                Ok(0) => break,
                Ok(bytes) => {
                    filled += bytes;
                    continue;
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                Err(error) => return Err(error),
            }
            // Return the plaintext of this read; the next read fetches more.
            if filled > 0 && self.decrypted == self.encrypted.len() {
                break;
            }
            fetches += usize::from(filled == 0);
            if fetches > MAX_FETCHES {
                // The event loop checks its timers before it reads again.
                return Err(ErrorKind::Interrupted.into());
            }
            match self.fetch()? {
                Fetched::Bytes => self.decrypt()?,
                Fetched::NotYet => return Err(ErrorKind::WouldBlock.into()),
                Fetched::End => break,
            }
            // TLS itself may have a reply, for example to a key update.
            self.try_send()?;
        }
        Ok(filled)
    }

    /// Accepts plaintext to send; [`TlsStream::send`] sends the rest of it later.
    ///
    /// # Errors
    /// [`ErrorKind::WouldBlock`] if nothing is accepted until the kernel takes more.
    pub(in super::super) fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self.tls.writer().write(bytes)? {
            0 => {
                self.send()?;
                self.tls.writer().write(bytes)
            }
            taken => Ok(taken),
        }
    }

    /// Sends the data that rustls holds.
    pub(in super::super) fn send(&mut self) -> io::Result<()> {
        while self.tls.wants_write() {
            match self.tls.write_tls(&mut self.stream) {
                Ok(0) => return Err(ErrorKind::WriteZero.into()),
                Ok(_) => {}
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// Like [`Self::send`], but leaves the rest for the next writable event.
    fn try_send(&mut self) -> io::Result<()> {
        match self.send() {
            Err(error) if error.kind() == ErrorKind::WouldBlock => Ok(()),
            sent => sent,
        }
    }

    /// Ensures that there are bytes to decrypt.
    fn fetch(&mut self) -> io::Result<Fetched> {
        if self.decrypted < self.encrypted.len() {
            return Ok(Fetched::Bytes);
        }
        self.encrypted.resize(READ_SIZE, 0);
        self.decrypted = 0;
        let came = loop {
            match self.stream.read(&mut self.encrypted) {
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                came => break came,
            }
        };
        self.encrypted.truncate(*came.as_ref().unwrap_or(&0));
        match came {
            Ok(0) => Ok(Fetched::End),
            Ok(_) => Ok(Fetched::Bytes),
            Err(error) if error.kind() == ErrorKind::WouldBlock => Ok(Fetched::NotYet),
            Err(error) => Err(error),
        }
    }

    /// Passes bytes to rustls and decrypts them.
    fn decrypt(&mut self) -> io::Result<()> {
        let mut rest = &self.encrypted[self.decrypted..];
        let taken = self.tls.read_tls(&mut rest)?;
        self.decrypted += taken;
        if taken == 0 {
            // After close_notify nothing more is decrypted.
            self.decrypted = self.encrypted.len();
        }
        match self.tls.process_new_packets() {
            Ok(_) => Ok(()),
            Err(error) => {
                // Tell the server what is wrong, as a courtesy.
                let _ = self.send();
                Err(problem::io(&error))
            }
        }
    }
}

impl Drop for TlsStream {
    /// Sends close_notify if the kernel accepts it, without waiting for a reply.
    fn drop(&mut self) {
        self.tls.send_close_notify();
        let _ = self.send();
    }
}
