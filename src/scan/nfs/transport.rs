//! The bytes of a connection, plain or through TLS.
//!
//! EFS's mount targets speak TLS on the port of NFS when the client begins with it, as efs-utils'
//! proxy does; so does any server behind a proxy such as stunnel. (RPC-with-TLS, RFC 9289, begins
//! in plain and is another thing.)

use std::io::{self, ErrorKind, Read, Write};
use std::net::SocketAddr;

use mio::event::Source;
use mio::net::TcpStream;
use mio::{Interest, Registry, Token};

#[cfg(feature = "tls")]
pub(super) use secure::Secure;

/// Without TLS in this build there is none to ask for.
#[cfg(not(feature = "tls"))]
#[derive(Clone, Debug)]
pub(super) enum Secure {}

/// A connection.
#[derive(Debug)]
pub(super) enum Transport {
    /// As it is.
    Plain(TcpStream),
    /// Encrypted.
    #[cfg(feature = "tls")]
    Tls(Box<secure::Stream>),
}

impl Transport {
    /// Begins to connect.
    pub(super) fn connect(address: SocketAddr, secure: Option<&Secure>) -> io::Result<Self> {
        let stream = TcpStream::connect(address)?;
        match secure {
            None => Ok(Self::Plain(stream)),
            #[cfg(feature = "tls")]
            Some(secure) => Ok(Self::Tls(Box::new(secure.begin(stream)?))),
            #[cfg(not(feature = "tls"))]
            Some(never) => match *never {},
        }
    }

    fn stream(&self) -> &TcpStream {
        match self {
            Self::Plain(stream) => stream,
            #[cfg(feature = "tls")]
            Self::Tls(tls) => &tls.stream,
        }
    }

    /// Whether TCP's handshake came to an end.
    pub(super) fn connected(&self) -> io::Result<bool> {
        let stream = self.stream();
        if let Some(error) = stream.take_error()? {
            return Err(error);
        }
        match stream.peer_addr() {
            Ok(_) => {
                // A request is to leave at once.
                stream.set_nodelay(true)?;
                Ok(true)
            }
            Err(error) if error.kind() == ErrorKind::NotConnected => Ok(false),
            Err(error) => Err(error),
        }
    }
}

impl Read for Transport {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Plain(stream) => stream.read(buffer),
            #[cfg(feature = "tls")]
            Self::Tls(tls) => tls.read(buffer),
        }
    }
}

impl Write for Transport {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Plain(stream) => stream.write(bytes),
            #[cfg(feature = "tls")]
            Self::Tls(tls) => tls.write(bytes),
        }
    }

    /// Sends what was taken and not sent: [`ErrorKind::WouldBlock`] if the kernel takes no more.
    fn flush(&mut self) -> io::Result<()> {
        match self {
            Self::Plain(_) => Ok(()),
            #[cfg(feature = "tls")]
            Self::Tls(tls) => tls.send(),
        }
    }
}

impl Source for Transport {
    fn register(&mut self, registry: &Registry, token: Token, on: Interest) -> io::Result<()> {
        match self {
            Self::Plain(stream) => stream.register(registry, token, on),
            #[cfg(feature = "tls")]
            Self::Tls(tls) => tls.stream.register(registry, token, on),
        }
    }

    fn reregister(&mut self, registry: &Registry, token: Token, on: Interest) -> io::Result<()> {
        match self {
            Self::Plain(stream) => stream.reregister(registry, token, on),
            #[cfg(feature = "tls")]
            Self::Tls(tls) => tls.stream.reregister(registry, token, on),
        }
    }

    fn deregister(&mut self, registry: &Registry) -> io::Result<()> {
        match self {
            Self::Plain(stream) => stream.deregister(registry),
            #[cfg(feature = "tls")]
            Self::Tls(tls) => tls.stream.deregister(registry),
        }
    }
}

#[cfg(feature = "tls")]
mod secure {
    //! rustls, which the SDK of AWS stands on, too.

    use std::io::{self, ErrorKind, Read, Write};
    use std::sync::Arc;

    use mio::net::TcpStream;
    use rustls::pki_types::ServerName;
    use rustls::{ClientConfig, ClientConnection, RootCertStore};

    /// Plain bytes that rustls may hold that are not sent, more than one request has.
    const BUFFER: usize = 256 * 1024;

    /// Whom to trust, and who the server must be.
    #[derive(Clone, Debug)]
    pub(in super::super) struct Secure {
        config: Arc<ClientConfig>,
        name: ServerName<'static>,
    }

    /// A connection with TLS on it.
    #[derive(Debug)]
    pub(in super::super) struct Stream {
        pub(super) stream: TcpStream,
        tls: ClientConnection,
    }

    impl Secure {
        /// The machine's root certificates, and a server of that name.
        ///
        /// # Errors
        /// There are no certificates, or no certificate can be for such a name.
        pub(in super::super) fn new(name: &str) -> Result<Self, String> {
            let mut roots = RootCertStore::empty();
            let found = rustls_native_certs::load_native_certs();
            roots.add_parsable_certificates(found.certs);
            if roots.is_empty() {
                let what = "install ca-certificates, or name a file of them in SSL_CERT_FILE";
                return Err(format!("--tls: this machine has no root certificates; {what}"));
            }
            let name = ServerName::try_from(name.to_owned())
                .map_err(|_| format!("--tls: no certificate can be for `{name}`"))?;
            let config = ClientConfig::builder().with_root_certificates(roots);
            Ok(Self { config: Arc::new(config.with_no_client_auth()), name })
        }

        pub(super) fn begin(&self, stream: TcpStream) -> io::Result<Stream> {
            let tls = ClientConnection::new(Arc::clone(&self.config), self.name.clone());
            let mut tls = tls.map_err(io::Error::other)?;
            tls.set_buffer_limit(Some(BUFFER));
            Ok(Stream { stream, tls })
        }
    }

    impl Stream {
        pub(super) fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            loop {
                match self.tls.reader().read(buffer) {
                    Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                    read => return read,
                }
                // Nothing is decrypted: as much as has come, and an answer if TLS itself has one.
                if self.tls.read_tls(&mut self.stream)? == 0 {
                    return Ok(0);
                }
                let taken = self.tls.process_new_packets();
                // Also what went wrong is told to the server.
                let sent = self.send();
                taken.map_err(|error| io::Error::new(ErrorKind::InvalidData, error))?;
                match sent {
                    Err(error) if error.kind() != ErrorKind::WouldBlock => return Err(error),
                    _ => {}
                }
            }
        }

        pub(super) fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            // What does not fit waits until the kernel has taken what there is.
            let taken = self.tls.writer().write(bytes)?;
            match (self.send(), taken) {
                (Err(error), 0) => Err(error),
                (Err(error), _) if error.kind() != ErrorKind::WouldBlock => Err(error),
                _ => Ok(taken),
            }
        }

        pub(super) fn send(&mut self) -> io::Result<()> {
            while self.tls.wants_write() {
                self.tls.write_tls(&mut self.stream)?;
            }
            Ok(())
        }
    }
}
