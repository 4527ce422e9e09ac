//! TCP balancer: distributes connections over several servers in turn, as EFS does over its state
//! partitions.

use std::io;
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::thread;

/// A balancer that runs until the process ends; its connections end with their peers.
pub struct Balancer {
    address: SocketAddr,
    connections: Arc<AtomicUsize>,
}

impl Balancer {
    /// Listens on the loopback and connects to `servers`, of which there is at least one.
    ///
    /// # Panics
    /// There is no port, or a thread cannot be started.
    #[must_use]
    pub fn start(servers: Vec<SocketAddr>) -> Self {
        Self::listen(TcpListener::bind("127.0.0.1:0").unwrap(), servers)
    }

    /// Does the same for a port that is open already.
    ///
    /// # Panics
    /// A thread cannot be started.
    pub fn listen(listener: TcpListener, servers: Vec<SocketAddr>) -> Self {
        let address = listener.local_addr().unwrap();
        let connections = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&connections);
        thread::spawn(move || {
            for client in listener.incoming() {
                let number = count.fetch_add(1, SeqCst);
                // A refused connection closes at the client, too.
                let _ = client.and_then(|client| join(client, servers[number % servers.len()]));
            }
        });
        Self { address, connections }
    }

    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Returns the number of connections since the last call.
    #[must_use]
    pub fn take_connections(&self) -> usize {
        self.connections.swap(0, SeqCst)
    }
}

/// Copies both ways until either side closes.
fn join(client: TcpStream, server: SocketAddr) -> io::Result<()> {
    let server = TcpStream::connect(server)?;
    client.set_nodelay(true)?;
    server.set_nodelay(true)?;
    for (from, to) in [(client.try_clone()?, server.try_clone()?), (server, client)] {
        thread::spawn(move || {
            let _ = io::copy(&mut &from, &mut &to);
            let _ = from.shutdown(Shutdown::Both);
            let _ = to.shutdown(Shutdown::Both);
        });
    }
    Ok(())
}
