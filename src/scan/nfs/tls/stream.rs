//! A connection with TLS on it, by rustls, which the SDK of AWS stands on, too.
//!
//! Readiness comes in edges, so nothing may be left where no event tells of it. What the kernel has
//! is read until it has no more; what was read is decrypted before more is; and what rustls holds
//! for the kernel is sent by [`Stream::send`], which the caller repeats when there is room again.

use std::io::{self, ErrorKind, Read, Write};
use std::sync::Arc;

use mio::net::TcpStream;
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, ClientConnection, RootCertStore};

use super::{Tls, problem};

/// Bytes that rustls may hold that are not sent.
const HELD: usize = 256 * 1024;

/// Bytes read at once: rustls itself would take 4 KiB.
const READ: usize = 128 * 1024;

/// Looks at the kernel for one byte in the clear: records without any could come for ever.
const FETCHES: usize = 16;

/// Whom to trust, and who the server must be.
#[derive(Clone, Debug)]
pub(in super::super) struct Secure {
    config: Arc<ClientConfig>,
    name: ServerName<'static>,
    server: Arc<str>,
}

impl Secure {
    /// # Errors
    /// There are no root certificates, or no certificate can be for such a name.
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
                "--tls: this machine has no root certificates{why}; install ca-certificates, or \
                 name a file of them in SSL_CERT_FILE"
            )));
        }
        let server = tls.server.as_str();
        let name = ServerName::try_from(server.to_owned()).map_err(|_| {
            io::Error::other(format!("--tls: no certificate can be for the name `{server}`"))
        })?;
        // Named, because a process with two of them has none by default.
        let provider = Arc::new(aws_lc_rs::default_provider());
        let config = ClientConfig::builder_with_provider(provider);
        let config = config.with_safe_default_protocol_versions().map_err(io::Error::other)?;
        let config = config.with_root_certificates(roots).with_no_client_auth();
        Ok(Self { config: Arc::new(config), name, server: server.into() })
    }

    /// Whom the certificate must be for.
    pub(in super::super) fn server(&self) -> &str {
        &self.server
    }

    /// Puts TLS on a connection that is being made.
    pub(in super::super) fn begin(&self, stream: TcpStream) -> io::Result<Stream> {
        let tls = ClientConnection::new(Arc::clone(&self.config), self.name.clone());
        let mut tls = tls.map_err(io::Error::other)?;
        tls.set_buffer_limit(Some(HELD));
        Ok(Stream { stream, tls, coming: Vec::new(), read: 0 })
    }
}

/// A connection with TLS on it.
#[derive(Debug)]
pub(in super::super) struct Stream {
    pub(in super::super) stream: TcpStream,
    tls: ClientConnection,
    /// What the kernel gave; `coming[read..]` is not decrypted yet.
    coming: Vec<u8>,
    read: usize,
}

/// What a look at the kernel brought.
enum Came {
    Bytes,
    NotYet,
    End,
}

impl Stream {
    /// Goes on with the handshake. Whether it has come to its end.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidData`] where another try would end in the same way.
    pub(in super::super) fn shake(&mut self) -> io::Result<bool> {
        self.shake_on().map_err(|error| match error.kind() {
            // As a server does that closes with a part of the client's words unread.
            ErrorKind::ConnectionReset | ErrorKind::BrokenPipe => problem::hung_up(),
            _ => error,
        })
    }

    fn shake_on(&mut self) -> io::Result<bool> {
        loop {
            self.try_send()?;
            if !self.tls.is_handshaking() {
                return Ok(true);
            }
            match self.fetch()? {
                Came::Bytes => self.decrypt()?,
                Came::NotYet => return Ok(false),
                Came::End => return Err(problem::hung_up()),
            }
        }
    }

    /// Reads what was sent in the clear, as much as there is and fits.
    pub(in super::super) fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let mut filled = 0;
        let mut fetches = 0;
        while filled < buffer.len() {
            match self.tls.reader().read(&mut buffer[filled..]) {
                // The server took its leave, and said so.
                Ok(0) => break,
                Ok(bytes) => {
                    filled += bytes;
                    continue;
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                Err(error) => return Err(error),
            }
            // What came with one read of the kernel goes on at once: the next one tells the rest.
            if filled > 0 && self.read == self.coming.len() {
                break;
            }
            fetches += usize::from(filled == 0);
            if fetches > FETCHES {
                // Asked again when it was looked at the time.
                return Err(ErrorKind::Interrupted.into());
            }
            match self.fetch()? {
                Came::Bytes => self.decrypt()?,
                Came::NotYet => return Err(ErrorKind::WouldBlock.into()),
                Came::End => break,
            }
            // An answer, where TLS itself has one: new keys, for one.
            self.try_send()?;
        }
        Ok(filled)
    }

    /// Takes bytes to be sent; [`Stream::send`] sends what was taken and not sent.
    ///
    /// # Errors
    /// [`ErrorKind::WouldBlock`] where none are taken before the kernel takes what there is.
    pub(in super::super) fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self.tls.writer().write(bytes)? {
            0 => {
                self.send()?;
                self.tls.writer().write(bytes)
            }
            taken => Ok(taken),
        }
    }

    /// Sends what rustls holds.
    ///
    /// # Errors
    /// [`ErrorKind::WouldBlock`] if the kernel does not take all of it.
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

    /// The same where it is no matter whether all of it goes: there is an event when more can.
    fn try_send(&mut self) -> io::Result<()> {
        match self.send() {
            Err(error) if error.kind() == ErrorKind::WouldBlock => Ok(()),
            sent => sent,
        }
    }

    /// Makes sure that there are bytes to decrypt.
    fn fetch(&mut self) -> io::Result<Came> {
        if self.read < self.coming.len() {
            return Ok(Came::Bytes);
        }
        self.coming.resize(READ, 0);
        self.read = 0;
        let came = loop {
            match self.stream.read(&mut self.coming) {
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                came => break came,
            }
        };
        self.coming.truncate(*came.as_ref().unwrap_or(&0));
        match came {
            Ok(0) => Ok(Came::End),
            Ok(_) => Ok(Came::Bytes),
            Err(error) if error.kind() == ErrorKind::WouldBlock => Ok(Came::NotYet),
            Err(error) => Err(error),
        }
    }

    /// Gives rustls what it takes of what has come.
    fn decrypt(&mut self) -> io::Result<()> {
        let mut rest = &self.coming[self.read..];
        let taken = self.tls.read_tls(&mut rest)?;
        self.read += taken;
        if taken == 0 {
            // Behind the server's last word, which there is nothing to.
            self.read = self.coming.len();
        }
        match self.tls.process_new_packets() {
            Ok(_) => Ok(()),
            Err(error) => {
                // The server is told what is wrong; whether it hears that is all the same.
                let _ = self.send();
                Err(problem::io(&error))
            }
        }
    }
}

impl Drop for Stream {
    /// Takes leave as TLS wants it, if the kernel has room for that: nobody waits for an answer.
    fn drop(&mut self) {
        self.tls.send_close_notify();
        let _ = self.send();
    }
}
