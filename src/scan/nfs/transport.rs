//! The byte stream of a connection, plain or TLS.

use std::io::{self, ErrorKind, Read, Write};
use std::net::SocketAddr;

use mio::net::TcpStream;
use mio::{Interest, Registry, Token};

use super::tls::TlsConnector;
#[cfg(feature = "tls")]
use super::tls::TlsStream;
use crate::scan::probe::TlsProbe;

#[derive(Debug)]
pub(super) enum Transport {
    Plain(TcpStream),
    #[cfg(feature = "tls")]
    Tls(Box<TlsStream>),
}

impl Transport {
    /// Starts to connect and registers for events under the token.
    ///
    /// # Errors
    /// The system cannot create a socket, or the address is unreachable.
    pub(super) fn connect(
        address: SocketAddr,
        tls: Option<&TlsConnector>,
        registry: &Registry,
        token: Token,
    ) -> io::Result<Self> {
        let mut stream = TcpStream::connect(address)?;
        registry.register(&mut stream, token, Interest::READABLE | Interest::WRITABLE)?;
        match tls {
            None => Ok(Self::Plain(stream)),
            #[cfg(feature = "tls")]
            Some(connector) => Ok(Self::Tls(Box::new(connector.begin(stream)?))),
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

    /// Returns what TLS has agreed on, if the connection uses it.
    pub(super) fn tls(&self) -> Option<TlsProbe> {
        match self {
            Self::Plain(_) => None,
            #[cfg(feature = "tls")]
            Self::Tls(tls) => Some(tls.facts()),
        }
    }

    /// Returns true once the TCP handshake is complete.
    pub(super) fn connected(&self) -> io::Result<bool> {
        let stream = self.stream();
        if let Some(error) = stream.take_error()? {
            return Err(error);
        }
        match stream.peer_addr() {
            Ok(_) => {
                // Send requests without delay (Nagle).
                stream.set_nodelay(true)?;
                Ok(true)
            }
            Err(error) if error.kind() == ErrorKind::NotConnected => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Continues the TLS handshake. Returns true when it is complete or there is none.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidData`] if a retry is pointless.
    pub(super) fn secured(&mut self) -> io::Result<bool> {
        match self {
            Self::Plain(_) => Ok(true),
            #[cfg(feature = "tls")]
            Self::Tls(tls) => tls.handshake(),
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

    /// Sends the data that TLS holds: [`ErrorKind::WouldBlock`] if the kernel accepts no more.
    fn flush(&mut self) -> io::Result<()> {
        match self {
            Self::Plain(_) => Ok(()),
            #[cfg(feature = "tls")]
            Self::Tls(tls) => tls.send(),
        }
    }
}
