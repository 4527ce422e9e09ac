//! `delay-proxy`: passes TCP connections on to a server and delays what the server sends, for machines
//! whose kernel cannot.

use std::io::{self, Read as _, Write as _};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::mpsc::{Receiver, sync_channel};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use clap::Parser;

/// Passes TCP connections on to a server and delays what the server sends. The first line on stdout
/// is the proxy's own address. It runs until it is killed.
#[derive(Parser)]
struct Cli {
    /// Address of the server
    server: SocketAddr,
    /// Time that each byte from the server takes
    #[arg(long, value_name = "N", default_value_t = 0.0)]
    delay_ms: f64,
}

/// Size of a read.
const CHUNK: usize = 256 * 1024;

/// Most reads that are under way, so that memory stays bounded.
const UNDER_WAY: usize = 4096;

fn main() -> Result<()> {
    let Cli { server, delay_ms } = Cli::parse();
    let delay = Duration::try_from_secs_f64(delay_ms / 1000.0).context("--delay-ms")?;
    let listener = TcpListener::bind("127.0.0.1:0")?;
    println!("{}", listener.local_addr()?);
    for client in listener.incoming() {
        // A refused connection closes at the client, too.
        let _ = client.and_then(|client| join(client, server, delay));
    }
    Ok(())
}

fn join(client: TcpStream, server: SocketAddr, delay: Duration) -> io::Result<()> {
    let server = TcpStream::connect(server)?;
    client.set_nodelay(true)?;
    server.set_nodelay(true)?;
    let (mut from, mut to) = (client.try_clone()?, server.try_clone()?);
    thread::spawn(move || {
        let _ = io::copy(&mut from, &mut to);
        let _ = to.shutdown(Shutdown::Write);
    });
    let (sender, receiver) = sync_channel(UNDER_WAY);
    thread::spawn(move || deliver(&receiver, &client));
    let mut server = server;
    thread::spawn(move || {
        let mut buffer = vec![0; CHUNK];
        while let Ok(read @ 1..) = server.read(&mut buffer) {
            let bytes: Box<[u8]> = buffer[..read].into();
            if sender.send((Instant::now() + delay, bytes)).is_err() {
                break;
            }
        }
    });
    Ok(())
}

/// Writes what is due, in order, and closes the connection after the last of it.
fn deliver(due: &Receiver<(Instant, Box<[u8]>)>, mut client: &TcpStream) {
    while let Ok((at, bytes)) = due.recv() {
        thread::sleep(at.saturating_duration_since(Instant::now()));
        if client.write_all(&bytes).is_err() {
            break;
        }
    }
    let _ = client.shutdown(Shutdown::Both);
}
