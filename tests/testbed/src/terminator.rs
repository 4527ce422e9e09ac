//! stunnel in front of a server, with certificates that openssl makes for the test.

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use crate::skip_unless;

/// Returns true if stunnel and openssl are installed. If not, `what` is reported as skipped.
pub fn can_run(what: &str) -> bool {
    let there = |program: &str, arg: &str| {
        let mut command = Command::new(program);
        let quiet = command.arg(arg).stdin(Stdio::null()).stdout(Stdio::null());
        quiet.stderr(Stdio::null()).status().is_ok()
    };
    skip_unless(there("stunnel", "-version"), what, "stunnel (stunnel4) is not installed")
        && skip_unless(there("openssl", "version"), what, "openssl is not installed")
}

/// A certificate authority in a directory of the test.
pub struct Issuer {
    dir: PathBuf,
}

/// A server's certificate and its key.
#[derive(Clone)]
pub struct Certificate {
    chain: PathBuf,
    key: PathBuf,
}

const KEY: [&str; 5] = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"];

impl Issuer {
    pub fn new(dir: &Path, name: &str) -> Self {
        let dir = dir.join(name);
        std::fs::create_dir_all(&dir).unwrap();
        let mut command = Command::new("openssl");
        command.args(["req", "-x509"]).args(KEY).args(["-days", "2", "-keyout", "ca.key"]);
        command.args(["-out", "ca.pem", "-subj", &format!("/CN={name}")]);
        succeed(command.current_dir(&dir));
        Self { dir }
    }

    /// Returns the root certificate, for clients that trust this authority.
    pub fn root(&self) -> PathBuf {
        self.dir.join("ca.pem")
    }

    /// Issues a certificate for `names` (`DNS:localhost,IP:127.0.0.1`), valid for `days` from now.
    pub fn issue(&self, names: &str, days: i32) -> Certificate {
        let name = format!("{}-{days}", names.replace([':', ','], "-"));
        let file = |ending: &str| self.dir.join(format!("{name}.{ending}"));
        let mut command = Command::new("openssl");
        command.args(["req"]).args(KEY).args(["-subj", "/CN=server", "-keyout"]);
        succeed(command.arg(file("key")).arg("-out").arg(file("request")));
        std::fs::write(file("names"), format!("subjectAltName={names}\n")).unwrap();
        let mut command = Command::new("openssl");
        command.args(["x509", "-req", "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial"]);
        command.args(["-days", &days.to_string(), "-in"]).arg(file("request"));
        command.arg("-extfile").arg(file("names")).arg("-out").arg(file("pem"));
        succeed(command.current_dir(&self.dir));
        Certificate { chain: file("pem"), key: file("key") }
    }
}

fn succeed(command: &mut Command) {
    let output = command.stdin(Stdio::null()).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

/// A terminator that runs until this is dropped.
pub struct Terminator {
    child: Option<Child>,
    config: PathBuf,
    port: u16,
}

impl Terminator {
    /// Starts in front of `server`, with `more` lines of configuration.
    pub fn start(server: SocketAddr, certificate: &Certificate, more: &str) -> Self {
        // Another process may take the port before stunnel does.
        for _ in 0..3 {
            let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
            let config = certificate.chain.with_extension(format!("{port}.conf"));
            let mut terminator = Self { child: None, config, port };
            if terminator.serve(server, certificate, more) {
                return terminator;
            }
        }
        panic!("stunnel does not start; its log is in {:?}", certificate.chain.parent());
    }

    pub fn address(&self) -> SocketAddr {
        ([127, 0, 0, 1], self.port).into()
    }

    /// Kills it, which closes all connections.
    pub fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }

    /// Starts again on the same port.
    pub fn restart(&mut self, server: SocketAddr, certificate: &Certificate) {
        self.kill();
        assert!(self.serve(server, certificate, ""), "{:?}", self.config);
    }

    fn serve(&mut self, server: SocketAddr, certificate: &Certificate, more: &str) -> bool {
        let (Certificate { chain, key }, address) = (certificate, self.address());
        let log = self.config.with_extension("log");
        let conf = format!(
            "foreground = yes\npid =\noutput = {}\nTIMEOUTclose = 0\n[nfs]\naccept = {address}\n\
             connect = {server}\ncert = {}\nkey = {}\n{more}\n",
            log.display(),
            chain.display(),
            key.display()
        );
        std::fs::write(&self.config, conf).unwrap();
        let mut command = Command::new("stunnel");
        command.arg(&self.config).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        let child = self.child.insert(command.spawn().unwrap());
        let until = Instant::now() + Duration::from_secs(10);
        while Instant::now() < until && child.try_wait().unwrap().is_none() {
            if TcpStream::connect(address).is_ok() {
                return true;
            }
            thread::sleep(Duration::from_millis(10));
        }
        false
    }
}

impl Drop for Terminator {
    fn drop(&mut self) {
        self.kill();
    }
}

/// Starts a relay that passes a few bytes at a time and has small buffers, so that writes are cut
/// short and records arrive in pieces. It ends with its connections.
pub fn narrow(to: SocketAddr, piece: usize, pause: Duration) -> SocketAddr {
    let listener = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None);
    let listener = listener.unwrap();
    // Applies to the accepted connections. A small segment size also makes the sender's buffer
    // small.
    listener.set_recv_buffer_size(4096).unwrap();
    listener.set_tcp_mss(536).unwrap();
    listener.bind(&SocketAddr::from(([127, 0, 0, 1], 0)).into()).unwrap();
    listener.listen(16).unwrap();
    let listener: TcpListener = listener.into();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        for client in listener.incoming() {
            let (client, server) = (client.unwrap(), TcpStream::connect(to).unwrap());
            for (mut from, mut to) in
                [(client.try_clone().unwrap(), server.try_clone().unwrap()), (server, client)]
            {
                to.set_nodelay(true).unwrap();
                thread::spawn(move || {
                    let mut bytes = vec![0; piece];
                    while let Ok(some @ 1..) = from.read(&mut bytes)
                        && to.write_all(&bytes[..some]).is_ok()
                    {
                        thread::sleep(pause);
                    }
                    let _ = to.shutdown(Shutdown::Write);
                });
            }
        }
    });
    address
}
