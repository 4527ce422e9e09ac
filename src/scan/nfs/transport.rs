//! The bytes of a connection, plain or through TLS.

use std::io::{self, ErrorKind, Read, Write};
use std::net::SocketAddr;

use mio::net::TcpStream;
use mio::{Interest, Registry, Token};

use super::tls::Secure;
#[cfg(feature = "tls")]
use super::tls::Stream;

/// A connection.
#[derive(Debug)]
pub(super) enum Transport {
    /// As it is.
    Plain(TcpStream),
    /// Encrypted.
    #[cfg(feature = "tls")]
    Tls(Box<Stream>),
}

impl Transport {
    /// Begins to connect, and will be heard of under that token.
    ///
    /// # Errors
    /// The system has no socket, or the address cannot be reached.
    pub(super) fn connect(
        address: SocketAddr,
        secure: Option<&Secure>,
        registry: &Registry,
        token: Token,
    ) -> io::Result<Self> {
        let mut stream = TcpStream::connect(address)?;
        registry.register(&mut stream, token, Interest::READABLE | Interest::WRITABLE)?;
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
    ///
    /// # Errors
    /// It failed.
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

    /// Goes on with TLS's handshake. Whether it came to an end, or there is none.
    ///
    /// # Errors
    /// It failed: with [`ErrorKind::InvalidData`] where another try would end in the same way.
    pub(super) fn secured(&mut self) -> io::Result<bool> {
        match self {
            Self::Plain(_) => Ok(true),
            #[cfg(feature = "tls")]
            Self::Tls(tls) => tls.shake(),
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
