#![allow(clippy::unwrap_used)] // A test that cannot go on fails.

use std::net::{TcpListener, TcpStream};

use super::*;

#[test]
fn sent_bytes_are_released_while_more_are_queued() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let stream = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    let (mut peer, _) = listener.accept().unwrap();
    stream.set_nonblocking(true).unwrap();
    let mut connection = Connection::new(Instant::now());
    connection.connect(Transport::Plain(mio::net::TcpStream::from_std(stream)));
    // More than the kernel accepts.
    connection.send(&vec![0; 64 * FULL]);
    let mut read = vec![0; FULL];
    for _ in 0..100 {
        connection.send(&vec![0; FULL]);
        connection.writable();
        connection.flush().unwrap();
        peer.read_exact(&mut read).unwrap();
        assert!(connection.is_full(), "the queue never empties");
        assert!(connection.written <= FULL, "{} sent bytes are kept", connection.written);
    }
}
