//! `efs-scan check` on servers with large or small grants, and on servers that refuse: the text of
//! each line.

use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::Command;
use std::time::Duration;

use efs_scan_testbed::nfs_server::{
    Config, Fault, Model, Naming, Node, Op, Refusal, Server, Slots, Squash, Status, What, attr,
};
use efs_scan_testbed::terminator::{Issuer, Terminator, can_run};
use efs_scan_testbed::{at_once, efs_scan, scratch, watched};

use super::walk::{assert_left, assert_polite, plain, serve};

const ID: &str = "fs-0123456789abcdef0";

/// Checks a server; returns the exit code and the lines.
fn check(address: SocketAddr, args: &[&str]) -> (Option<i32>, String) {
    check_by(&mut efs_scan(), address, args)
}

fn check_by(command: &mut Command, address: SocketAddr, args: &[&str]) -> (Option<i32>, String) {
    command.args(["check", &format!("nfs://{address}/"), "--nfs-uid", "0", "--patience", "8s"]);
    command.args(args).env("AWS_ENDPOINT_URL", "http://127.0.0.1:9");
    for key in ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"] {
        command.env_remove(key);
    }
    let output = watched(command, Duration::from_secs(30));
    assert!(output.stderr.is_empty(), "{}", String::from_utf8_lossy(&output.stderr));
    (output.status.code(), String::from_utf8_lossy(&output.stdout).into_owned())
}

/// Returns level and text of the only line of a check.
#[track_caller]
fn line<'a>(lines: &'a str, check: &str) -> (&'a str, &'a str) {
    let of = |line: &&str| line[5..20].trim() == check;
    let mut found = lines.lines().filter(of).map(|line| (line[..5].trim(), line[20..].trim()));
    let first = found.next().unwrap_or_else(|| panic!("no line {check}: {lines}"));
    assert_eq!(found.next(), None, "{lines}");
    first
}

/// A server, flags, and the line that they lead to: its name, level and words.
type Case = (
    fn() -> Server,
    &'static [&'static str],
    (&'static str, &'static str, &'static [&'static str]),
);

fn on(config: Config) -> Server {
    serve(config, &plain())
}

fn failing(op: Op, status: Status) -> Server {
    let server = on(Config::default());
    server.fault(Fault::status(op, status).always());
    server
}

fn partitions(count: u32, naming: Naming) -> Server {
    let slots = Slots::AtMost(4);
    on(Config { partitions: count, naming, slots, ..Config::default() })
}

const GRANTED: &[Case] = &[
    (
        || on(Config::default()),
        &[],
        (
            "server",
            "ok",
            &["8 connections lead to one server; each takes 64 requests", " ms a round trip ("],
        ),
    ),
    (
        || partitions(3, Naming::SameOwner),
        &[],
        (
            "server",
            "ok",
            &[
                "8 connections lead to 3 servers (state partitions; 3, 3, 2 of them)",
                "takes 4 requests",
            ],
        ),
    ),
    (
        || partitions(4, Naming::Distinct),
        &[],
        ("server", "ok", &["lead to 4 servers (state partitions; 2, 2, 2, 2 of them)"]),
    ),
    (
        || partitions(4, Naming::Distinct),
        &["--threads", "2"],
        ("server", "ok", &[": 2 connections lead to 2 servers"]),
    ),
    // The ids of the second server look like those of the first.
    (|| partitions(2, Naming::SameNumbers), &[], ("server", "ok", &["8 connections lead to 2"])),
    (
        || {
            let server = on(Config::default());
            server
                .fault(Fault::status(Op::CREATE_SESSION, Status(28 /* NOSPC */)).after(6).always());
            server
        },
        &[],
        (
            "server",
            "warn",
            &["5 of 8 connections lead to one server", "the others: CREATE_SESSION: NFS4ERR_NOSPC"],
        ),
    ),
    (
        || {
            let server = partitions(2, Naming::Distinct);
            // Each of the check's own walks needs one connection, and so one partition.
            server.fault(Fault::status(Op::PUTFH, Status::STALE).after(3).always());
            server
        },
        &[],
        ("handles", "fail", &["not known to every server: PUTFH: NFS4ERR_STALE", "scan a mount"]),
    ),
    (
        || on(Config { without: vec![attr::MODE], ..Config::default() }),
        &[],
        ("attributes", "warn", &["does not have mode: no command"]),
    ),
    (
        || on(Config { without: vec![attr::SPACE_USED], ..Config::default() }),
        &[],
        ("root", "fail", &["the server did not report space_used"]),
    ),
    (
        || on(Config::default()),
        &["--nfs-batch", "9"],
        ("batches", "ok", &["is answered correctly"]),
    ),
    (
        || {
            let server = on(Config::default());
            // The third listing of the check is the first one of two in a request.
            server.fault(Fault::operation(Op::READDIR, What::DropBefore).after(4));
            server
        },
        &["--nfs-batch", "9"],
        ("batches", "fail", &["the server closed the connection", "leave out --nfs-batch"]),
    ),
    (
        || on(Config { implementation: Some(("kernel.org", "Linux 6.1")), ..Config::default() }),
        &["--nfs-batch", "9"],
        ("batches", "warn", &["not tried: the server may be Linux"]),
    ),
    (
        || on(Config { max_operations: 4, ..Config::default() }),
        &["--nfs-batch", "9"],
        ("batches", "warn", &["not tried, because the server takes 4 operations"]),
    ),
];

const REFUSED: &[Case] = &[
    (
        || failing(Op::PUTROOTFH, Status::ACCESS),
        &[],
        ("root", "fail", &["denies access to this uid", "insecure", "ClientRootAccess"]),
    ),
    (
        || failing(Op::PUTROOTFH, Status::ACCESS),
        &["--file-system-id", ID],
        (
            "root",
            "fail",
            &["without TLS", "ClientMount", "describe-file-system-policy", "use --tls"],
        ),
    ),
    (
        || failing(Op::EXCHANGE_ID, Status::PERM),
        &["--file-system-id", ID],
        ("root", "fail", &["without TLS", "ClientRootAccess for uid 0"]),
    ),
    (|| failing(Op::PUTROOTFH, Status::WRONGSEC), &[], ("root", "fail", &["sec=sys"])),
    (
        || failing(Op::EXCHANGE_ID, Status::MINOR_VERS_MISMATCH),
        &[],
        ("root", "fail", &["does not support NFSv4.1"]),
    ),
    (
        || {
            let server = on(Config::default());
            server.fault(Fault::request(What::Refuse(Refusal::TooWeak)).always());
            server
        },
        &[],
        ("root", "fail", &["AUTH_TOOWEAK", "insecure"]),
    ),
    (
        || {
            let server = on(Config::default());
            server.fault(Fault::connection(What::DropBefore).always());
            server
        },
        &["--file-system-id", ID],
        ("root", "fail", &["closed the connection", "use --tls", "describe-file-system-policy"]),
    ),
    (
        || {
            let server = on(Config::default());
            server.fault(Fault::connection(What::Silent).always());
            server
        },
        &[],
        ("root", "fail", &["does not respond", "use --tls"]),
    ),
    (
        || serve(Config { squash: Squash::Root, ..Config::default() }, &homes()),
        &[],
        (
            "reading",
            "fail",
            &[
                "homes 200005, 200006: permission denied to uid 0",
                "squashes root",
                "ClientRootAccess",
            ],
        ),
    ),
    (
        || serve(Config::default(), &homes()),
        &["--nfs-uid", "200005"],
        ("reading", "fail", &["home 200006: permission denied to uid 200005", "give --nfs-uid 0"]),
    ),
];

/// Makes two homes that are closed to all but their owners.
fn homes() -> std::sync::Arc<Model> {
    let model = std::sync::Arc::new(Model::new());
    for uid in [200_005, 200_006] {
        model.add(format!("{uid}"), Node::dir().owner(uid));
        model.update(format!("{uid}"), |node| node.mode = 0o700);
        model.add(format!("{uid}/f"), Node::file(1).owner(uid));
    }
    model
}

fn each(cases: &[Case]) {
    at_once(cases, |(server, args, (name, level, words))| {
        let server = server();
        let (code, lines) = check(server.address(), args);
        println!("check {args:?}: {code:?}\n{lines}");
        let (found, text) = line(&lines, name);
        assert_eq!(found, *level, "{lines}");
        for part in *words {
            assert!(text.contains(part), "{part:?} is not in {text}");
        }
        let has = |level: &str| lines.lines().any(|line| line.starts_with(level));
        let expected = match (has("fail"), has("warn")) {
            (true, _) => Some(1),
            (false, true) => Some(3),
            (false, false) => Some(0),
        };
        assert_eq!(code, expected, "{lines}");
        assert_polite(&server);
    });
}

#[test]
fn each_grant_of_a_server_is_a_line() {
    each(GRANTED);
    let server = on(Config::default());
    check(server.address(), &[]);
    assert_left(&server);
}

#[test]
fn tls_is_a_line_with_the_end_of_the_servers_certificate() {
    if !can_run("a check through TLS") {
        return;
    }
    let dir = scratch();
    let issuer = Issuer::new(dir.path(), "trusted");
    for (days, version, level, words) in [
        (30, "sslVersion = TLSv1.3", "ok", ["TLS 1.3, TLS_AES_", "the server's is valid until 20"]),
        (
            3,
            "sslVersion = TLSv1.2",
            "warn",
            ["TLS 1.2, TLS_ECDHE_ECDSA_WITH_", ", 2 days from now"],
        ),
    ] {
        let server = on(Config::default());
        let certificate = issuer.issue("DNS:localhost,IP:127.0.0.1", days);
        let terminator = Terminator::start(server.address(), &certificate, version);
        let mut command = efs_scan();
        command.env("SSL_CERT_FILE", issuer.root()).env_remove("SSL_CERT_DIR");
        let (_, lines) = check_by(&mut command, terminator.address(), &["--tls"]);
        let (found, text) = line(&lines, "tls");
        assert_eq!(found, level, "{lines}");
        assert!(words.iter().all(|part| text.contains(part)), "{text}");
    }
    let server = on(Config::default());
    let (_, lines) = check(server.address(), &[]);
    assert!(!lines.lines().any(|line| line[5..].starts_with("tls ")), "{lines}");
}

#[test]
fn each_refusal_says_what_to_check() {
    each(REFUSED);
}

/// A scan reports it as well, unless only some homes are closed.
#[test]
fn a_scan_says_that_root_is_squashed() {
    let scan = |model: &std::sync::Arc<Model>, squash, uid: &str| {
        let server = serve(Config { squash, ..Config::default() }, model);
        let mut command = efs_scan();
        command.args([&format!("nfs://{}/", server.address()), "--nfs-uid", uid]);
        let output = watched(&mut command, Duration::from_secs(30));
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        (output.status.code(), said.contains("no home can be read: the server squashes root"))
    };
    assert_eq!(scan(&homes(), Squash::Root, "0"), (Some(3), true));
    assert_eq!(scan(&homes(), Squash::None, "0"), (Some(0), false));
    assert_eq!(scan(&homes(), Squash::None, "200009"), (Some(3), false));
    let one_is_open = homes();
    one_is_open.update("200005", |node| node.mode = 0o755);
    assert_eq!(scan(&one_is_open, Squash::Root, "0"), (Some(3), false));
}

/// A network that drops packets, a port that nothing listens on, another protocol, and a name
/// without an address.
#[test]
fn a_dead_network_is_one_line_within_the_patience() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let nobody = listener.local_addr().unwrap();
    drop(listener);
    let (code, lines) = check(nobody, &[]);
    assert_eq!((code, line(&lines, "root").0), (Some(1), "fail"), "{lines}");
    assert!(line(&lines, "root").1.contains("refused"), "{lines}");

    // Handshakes beyond a full queue are dropped, as by a security group.
    let full = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = full.local_addr().unwrap();
    let knock = || TcpStream::connect_timeout(&address, Duration::from_millis(100)).ok();
    let waiting: Vec<_> = std::iter::from_fn(knock).take(10_000).collect();
    let (code, lines) = check(address, &["--file-system-id", ID]);
    drop(waiting);
    assert_eq!(code, Some(1), "{lines}");
    let (level, text) = line(&lines, "root");
    assert!(level == "fail" && text.contains("security group"), "{text}");

    let web = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = web.local_addr().unwrap();
    std::thread::spawn(move || {
        for client in web.incoming().flatten() {
            let _ = std::io::Write::write_all(&mut &client, b"HTTP/1.1 400 Bad Request\r\n\r\n");
            std::thread::sleep(Duration::from_millis(100));
        }
    });
    let (_, lines) = check(address, &[]);
    let text = line(&lines, "root").1;
    assert!(text.contains("does not speak NFS: it begins with `HTTP`"), "{text}");

    let mut command = efs_scan();
    command.args(["check", "nfs://no-such-host.invalid/", "--nfs-uid", "0"]);
    let output = watched(&mut command, Duration::from_secs(60));
    let lines = String::from_utf8_lossy(&output.stdout);
    assert_eq!((output.status.code(), line(&lines, "root").0), (Some(1), "fail"), "{lines}");
}
