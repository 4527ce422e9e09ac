//! TLS, terminated by stunnel in front of the server: the results are those without TLS.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener};
use std::path::Path;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use efs_scan::scan::{Nfs, Threads, Tls};
use efs_scan_testbed::computed::Tree;
use efs_scan_testbed::nfs_server::{Computed, Config, Fault, Model, Node, Op, Server, Slots, What};
use serde_json::Value;
use tempfile::TempDir;

use super::walk::{Outcome, assert_left, assert_polite, assert_whole, engine, plain, serve, walk};
use efs_scan_testbed::terminator::{Certificate, Issuer, Terminator, can_run, narrow};
use efs_scan_testbed::{efs_scan, scratch, watched};

/// An issuer, and its certificate for `localhost` and 127.0.0.1.
struct Trust {
    dir: TempDir,
    issuer: Issuer,
    good: Certificate,
}

impl Trust {
    /// Returns `None`, with a message, if stunnel is missing.
    fn new(what: &str) -> Option<Self> {
        if !can_run(what) {
            return None;
        }
        let dir = scratch();
        let issuer = Issuer::new(dir.path(), "trusted");
        let good = issuer.issue("DNS:localhost,IP:127.0.0.1", 2);
        Some(Self { dir, issuer, good })
    }

    fn before(&self, server: &Server) -> Terminator {
        Terminator::start(server.address(), &self.good, "")
    }

    /// Makes the tests' engine, connecting to `address`.
    fn engine(&self, server: &Server, address: SocketAddr) -> Nfs {
        let tls = Tls { roots: Some(self.issuer.root()), ..Tls::new("localhost") };
        let target = format!("nfs://{address}/").parse().unwrap();
        Nfs { target, tls: Some(tls), ..engine(server) }
    }

    fn whole(&self, model: &Arc<Model>, server: &Server, address: SocketAddr) {
        let outcome = walk(&self.engine(server, address)).unwrap();
        assert_whole(server, model, &outcome);
        assert_left(server);
    }
}

fn computed(config: Config, dirs: u64) -> Server {
    let tree = Arc::new(Computed::new(Tree::even(dirs, 4, 20, 10)));
    Server::start(config, tree as _).unwrap()
}

#[test]
fn everything_is_found_with_tls_1_2_and_1_3() {
    let Some(trust) = Trust::new("a walk through TLS") else { return };
    for version in ["", "sslVersion = TLSv1.2", "sslVersion = TLSv1.3"] {
        let model = plain();
        let server = serve(Config::default(), &model);
        let terminator = Terminator::start(server.address(), &trust.good, version);
        trust.whole(&model, &server, terminator.address());
    }
}

#[test]
fn listings_of_many_tls_records_are_complete() {
    let Some(trust) = Trust::new("large answers through TLS") else { return };
    let model = Model::new();
    for at in 0..20_000 {
        model.add(format!("200005/wide/entry-{at}"), Node::file(at));
    }
    for at in 0..500 {
        model.add(format!("200006/dirs/{at}/below"), Node::file(at));
    }
    let model = Arc::new(model);
    let server = serve(Config::default(), &model);
    let terminator = trust.before(&server);
    trust.whole(&model, &server, terminator.address());
    for (piece, pause) in [(1500, 0), (16_389, 1)] {
        let narrow = narrow(terminator.address(), piece, Duration::from_millis(pause));
        let mut engine = trust.engine(&server, narrow);
        engine.reply_timeout = Duration::from_secs(10);
        let outcome = walk(&engine).unwrap();
        assert_whole(&server, &model, &outcome);
    }
}

#[test]
fn partial_writes_continue() {
    let Some(trust) = Trust::new("short writes through TLS") else { return };
    // Many requests of many directories: more than the buffers hold.
    let config = Config { slots: Slots::AtMost(64), max_operations: 1024, ..Config::default() };
    let server = computed(config, 20_000);
    let terminator = trust.before(&server);
    let plainly = walk(&engine(&server)).unwrap();
    let narrow = narrow(terminator.address(), 5000, Duration::from_micros(200));
    let mut engine = trust.engine(&server, narrow);
    engine.reply_timeout = Duration::from_secs(10);
    engine.pacing.threads = Threads::Fixed(64);
    same(&walk(&engine).unwrap(), &plainly);
    assert_polite(&server);
    assert_left(&server);
}

#[track_caller]
fn same(secure: &Outcome, plain: &Outcome) {
    assert_eq!(secure.errors, []);
    assert_eq!((secure.ended, secure.sums), (plain.ended, plain.sums));
}

#[test]
fn batches_and_a_thousand_requests_in_flight_give_the_same_result() {
    let Some(trust) = Trust::new("many requests through TLS") else { return };
    let delay = Duration::from_millis(50);
    let slots = Slots::AtMost(256);
    let config = Config { delay, slots, max_operations: 1024, ..Config::default() };
    let server = computed(config, 5000);
    let terminator = trust.before(&server);
    let plainly = walk(&engine(&server)).unwrap();
    for (threads, batch) in [(1024, 1), (1024, 10), (1, 1000), (7, 48)] {
        let mut engine = trust.engine(&server, terminator.address());
        engine.reply_timeout = Duration::from_secs(10);
        engine.pacing.threads = Threads::Fixed(threads);
        engine.batch = batch;
        same(&walk(&engine).unwrap(), &plainly);
        if batch == 1 {
            // Fewer if the machine is too slow to send them all while the first one waits.
            let most = server.counts().most_in_flight;
            assert!((512..=threads as u64).contains(&most), "{most}");
        }
        assert_left(&server);
    }
    assert_polite(&server);
}

#[test]
fn faults_behind_tls_are_overcome() {
    let Some(trust) = Trust::new("faults behind TLS") else { return };
    let soon = Duration::from_millis(20);
    for what in [
        What::DropBefore,
        What::DropAfter,
        What::DropInside,
        What::Silent,
        What::Slow(soon),
        What::Late(soon),
        What::Garbage,
        What::Noise,
        What::Truncated,
        What::Restart(soon),
    ] {
        for after in [0, 1, 9] {
            let model = plain();
            let server = serve(Config::default(), &model);
            let terminator = trust.before(&server);
            server.fault(Fault::request(what.clone()).after(after));
            let outcome = walk(&trust.engine(&server, terminator.address())).unwrap();
            assert_whole(&server, &model, &outcome);
            assert_eq!(server.faults_fired(), 1, "{what:?} after {after}");
            assert_left(&server);
        }
    }
}

#[test]
fn the_walk_waits_for_a_restarting_terminator() {
    let Some(trust) = Trust::new("a terminator that is killed") else { return };
    let wrong = trust.issuer.issue("DNS:elsewhere", 2);
    let slots = Slots::AtMost(8);
    let delay = Duration::from_millis(5);
    let server = computed(Config { delay, slots, ..Config::default() }, 3000);
    let plainly = walk(&engine(&server)).unwrap();
    let before = server.counts().of(Op::READDIR);
    let mut terminator = trust.before(&server);
    let mut engine = trust.engine(&server, terminator.address());
    engine.batch = 1;
    engine.pacing.threads = Threads::Fixed(8);
    let outcome = thread::scope(|scope| {
        let walking = scope.spawn(|| walk(&engine).unwrap());
        let wait = |more: u64| {
            while server.counts().of(Op::READDIR) < before + more {
                thread::sleep(Duration::from_millis(1));
            }
        };
        wait(300);
        terminator.kill();
        thread::sleep(Duration::from_millis(100));
        terminator.restart(server.address(), &trust.good);
        wait(1200);
        // With a wrong certificate for a moment, then with its own again.
        terminator.restart(server.address(), &wrong);
        thread::sleep(Duration::from_millis(300));
        terminator.restart(server.address(), &trust.good);
        walking.join().unwrap()
    });
    same(&outcome, &plainly);
    assert_polite(&server);
    assert_left(&server);
}

/// Runs the program on this URL, trusting `root`.
fn program(url: &str, root: &Path, args: &[&str]) -> std::process::Output {
    let mut command = efs_scan();
    command.args([url, "--nfs-uid", "0", "--format", "json"]).args(args);
    command.env("SSL_CERT_FILE", root).env_remove("SSL_CERT_DIR");
    watched(&mut command, Duration::from_secs(60))
}

#[test]
fn the_report_is_the_same_without_tls() {
    let Some(trust) = Trust::new("the program through TLS") else { return };
    let server = serve(Config::default(), &plain());
    let terminator = trust.before(&server);
    let port = terminator.address().port();
    let totals = |url: &str, args: &[&str]| {
        let output = program(url, &trust.issuer.root(), args);
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(0), "{stderr}");
        let report: Value = serde_json::from_slice(&output.stdout).unwrap();
        assert_eq!(report["run"]["coverage"], "complete");
        let homes = report["homes"].as_array().unwrap().clone();
        (report["totals"].clone(), homes)
    };
    let plainly = totals(&format!("nfs://{}/", server.address()), &[]);
    for host in ["localhost", "127.0.0.1"] {
        let secure = totals(&format!("nfs://{host}:{port}/"), &["--tls"]);
        assert_eq!(secure, plainly);
    }
    assert_left(&server);
}

/// Checks that the program fails at once with one line.
#[track_caller]
fn refused(url: &str, root: &Path, args: &[&str], wanted: &[&str]) {
    let before = Instant::now();
    let output = program(url, root, args);
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{stderr}");
    assert!(output.stdout.is_empty());
    assert_eq!(stderr.lines().count(), 1, "{stderr}");
    assert!(before.elapsed() < Duration::from_secs(5), "{:?}: {stderr}", before.elapsed());
    for part in [&["connect to nfs://"], wanted].concat() {
        assert!(stderr.contains(part), "{part:?} is not in {stderr}");
    }
}

#[test]
fn a_bad_certificate_is_explained() {
    let Some(trust) = Trust::new("wrong certificates") else { return };
    let server = serve(Config::default(), &plain());
    let other = Issuer::new(trust.dir.path(), "unknown");
    let (elsewhere, everywhere) = ("DNS:elsewhere.example", "DNS:localhost,IP:127.0.0.1");
    for (certificate, wanted) in [
        (trust.issuer.issue(elsewhere, 2), ["is for elsewhere.example; use a name"]),
        (trust.issuer.issue(everywhere, -1), ["has expired"]),
        (other.issue(everywhere, 2), ["does not trust the issuer"]),
    ] {
        let terminator = Terminator::start(server.address(), &certificate, "");
        let url = format!("nfs://localhost:{}/", terminator.address().port());
        let named = ["TLS with localhost at ", wanted[0]];
        refused(&url, &trust.issuer.root(), &["--tls"], &named);
    }
    // The certificate comes first: no request was sent.
    assert_eq!(server.counts().requests, 0);
    let url = format!("nfs://{}/", server.address());
    refused(&url, Path::new("/dev/null"), &["--tls"], &["root certificates", "SSL_CERT_FILE"]);
}

#[test]
fn a_server_without_tls_is_recognized() {
    let Some(trust) = Trust::new("a server without TLS") else { return };
    let root = trust.issuer.root();
    let server = serve(Config::default(), &plain());
    let url = format!("nfs://{}/", server.address());
    refused(&url, &root, &["--tls"], &["hung up in the handshake", "omit --tls"]);
    // A server that replies in plaintext.
    let url = answers(b"\x80\x00\x00\x18 and so on: no TLS");
    refused(&url, &root, &["--tls"], &["does not speak TLS on this port", "omit --tls"]);
    // A server that waits for the rest of a request.
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let problem = walk(&trust.engine(&server, silent.local_addr().unwrap())).unwrap_err();
    let problem = problem.to_string();
    assert!(problem.contains("does not respond; if it speaks NFS without TLS"), "{problem}");
}

#[test]
fn a_server_that_requires_tls_is_recognized() {
    let Some(trust) = Trust::new("a server with TLS") else { return };
    let server = serve(Config::default(), &plain());
    let terminator = trust.before(&server);
    let url = format!("nfs://{}/", terminator.address());
    refused(&url, &trust.issuer.root(), &[], &["if the server requires TLS, use --tls"]);
    // A server that sends a TLS alert.
    let url = answers(b"\x15\x03\x01\x00\x02\x02\x46");
    refused(&url, &trust.issuer.root(), &[], &["the server requires TLS; use --tls"]);
}

/// Starts a server that sends these bytes in reply to anything.
fn answers(bytes: &'static [u8]) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        for client in listener.incoming() {
            let mut client = client.unwrap();
            let mut heard = [0; 4096];
            let _ = client.read(&mut heard).and_then(|_| client.write_all(bytes));
        }
    });
    format!("nfs://{address}/")
}
