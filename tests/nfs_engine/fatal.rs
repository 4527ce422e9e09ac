//! Failures without a result: a single line says what to change.

use std::net::TcpListener;
use std::time::{Duration, Instant};

use efs_scan_testbed::nfs_server::{
    Config, Fault, Model, Node, Op, Refusal, Server, Squash, Status, What,
};

use super::walk::{assert_left, assert_polite, assert_whole, engine, plain, serve, walk};
use efs_scan_testbed::{efs_scan, run, watched};

/// Runs the program on a path of the server and returns the one line on stderr.
#[track_caller]
fn line(url: &str, uid: &str) -> String {
    let before = Instant::now();
    let output = run([url, "--engine", "nfs", "--nfs-uid", uid]);
    let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(1), "{stderr}");
    assert!(output.stdout.is_empty());
    assert_eq!(stderr.lines().count(), 1, "{stderr}");
    assert!(before.elapsed() < Duration::from_secs(20), "{:?}: {stderr}", before.elapsed());
    stderr
}

#[track_caller]
fn refused(server: &Server, path: &str, wanted: &[&str]) {
    let line = line(&format!("nfs://{}/{path}", server.address()), "0");
    for part in wanted {
        assert!(line.contains(part), "{part:?} is not in {line}");
    }
    assert_polite(server);
    assert_left(server);
}

#[test]
fn refused_access_says_what_to_change() {
    for (op, status, wanted) in [
        (Op::PUTROOTFH, Status::WRONGSEC, ["open nfs://", "NFS4ERR_WRONGSEC", "sec=sys"]),
        (
            Op::PUTROOTFH,
            Status::PERM,
            ["open nfs://", "denies access to this uid", "ClientRootAccess"],
        ),
        (Op::LOOKUP, Status::ACCESS, ["open nfs://", "--nfs-uid", "file system policy"]),
        (Op::LOOKUP, Status::MOVED, ["open nfs://", "NFS4ERR_MOVED", "another server"]),
        (Op::GETATTR, Status::IO, ["stat nfs://", "/200001", "Input/output error"]),
    ] {
        let server = serve(Config::default(), &plain());
        server.fault(Fault::status(op, status).always());
        refused(&server, "200001", &wanted);
    }
    for (op, status, wanted) in [
        (Op::EXCHANGE_ID, Status::MINOR_VERS_MISMATCH, ["connect to", "does not support NFSv4.1"]),
        (Op::EXCHANGE_ID, Status::PERM, ["connect to", "insecure"]),
        (Op::CREATE_SESSION, Status::ACCESS, ["connect to", "--nfs-uid"]),
    ] {
        let server = serve(Config::default(), &plain());
        server.fault(Fault::status(op, status).always());
        let line = line(&format!("nfs://{}/", server.address()), "0");
        assert!(wanted.iter().all(|part| line.contains(part)), "{line}");
    }
}

#[test]
fn rpc_errors_say_what_to_change() {
    for (refusal, wanted) in [
        (Refusal::TooWeak, ["AUTH_TOOWEAK", "insecure"]),
        (Refusal::BadCredential, ["AUTH_BADCRED", "sec=sys"]),
        (Refusal::ProgramUnavailable, ["does not offer NFS", "host and port"]),
        (Refusal::ProgramMismatch, ["versions 3 to 3", "NFSv4.1"]),
        (Refusal::RpcMismatch, ["connect to", "RPC versions"]),
        (Refusal::GarbageArguments, ["connect to", "GARBAGE_ARGS"]),
        (Refusal::SystemError, ["connect to", "SYSTEM_ERR"]),
    ] {
        let server = serve(Config::default(), &plain());
        server.fault(Fault::request(What::Refuse(refusal)).always());
        refused(&server, "", &wanted);
    }
}

#[test]
fn a_stated_reason_takes_precedence_over_a_guess() {
    // The number of broken connections before the server gave the reason does not matter.
    let server = serve(Config::default(), &plain());
    server.fault(Fault::connection(What::DropBefore).times(2));
    let why = What::Refuse(Refusal::ProgramUnavailable);
    server.fault(Fault::request(why).always());
    let line = line(&format!("nfs://{}/", server.address()), "0");
    assert!(line.contains("host and port") && !line.contains("--tls"), "{line}");
    // Once there is a client id, a lost connection is more likely an accident.
    let model = plain();
    let server = serve(Config::default(), &model);
    server.fault(Fault::operation(Op::CREATE_SESSION, What::DropBefore).times(6));
    assert_whole(&server, &model, &walk(&engine(&server)).unwrap());
    // A server that has replied in plaintext does not require TLS.
    let server = serve(Config::default(), &plain());
    server.fault(Fault::operation(Op::CREATE_SESSION, What::DropBefore).always());
    let line = self::line(&format!("nfs://{}/", server.address()), "0");
    assert!(line.contains("connect to") && !line.contains("--tls"), "{line}");
}

#[test]
fn a_missing_root_is_reported() {
    let model = plain();
    let server = serve(Config::default(), &model);
    refused(&server, "200001/nope/x", &["open nfs://", "/200001/nope/x: No such file"]);
    refused(&server, "200001/link", &["list nfs://", "/200001/link: Not a directory"]);
    refused(&server, "200001/link/below", &["open nfs://", "Not a directory"]);
}

#[test]
fn a_squashed_root_is_reported() {
    let model = std::sync::Arc::new(Model::new());
    model.add("private/x", Node::file(1));
    model.update("private", |node| node.mode = 0o700);
    let server = serve(Config { squash: Squash::Root, ..Config::default() }, &model);
    refused(&server, "private/x", &["/private/x: ", "ClientRootAccess", "--nfs-uid"]);
}

#[test]
fn a_refused_connection_is_reported_at_once() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let line = line(&format!("nfs://{address}/"), "0");
    assert!(line.contains("connect to nfs://") && line.contains("refused"), "{line}");
}

#[test]
fn a_silent_server_is_given_up() {
    let server = serve(Config::default(), &plain());
    server.fault(Fault::connection(What::Silent).always());
    let problem = walk(&engine(&server)).unwrap_err().to_string();
    assert!(problem.starts_with("connect to nfs://"), "{problem}");
    assert!(problem.contains("the server does not respond"), "{problem}");
}

/// Without other settings, it takes as long as a mount with `timeo=600` waits for one reply: no less,
/// because a server may be slow, and not the three attempts of a server that has answered before.
#[test]
fn a_server_that_never_answers_is_given_up_after_a_minute() {
    let server = serve(Config::default(), &plain());
    server.fault(Fault::connection(What::Silent).always());
    let mut command = efs_scan();
    command.args([&format!("nfs://{}/", server.address()), "--nfs-uid", "0"]);
    let before = Instant::now();
    let output = watched(&mut command, Duration::from_secs(150));
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{stderr}");
    assert!(stderr.contains("the server does not respond"), "{stderr}");
    assert!(before.elapsed() > Duration::from_secs(50), "{:?}", before.elapsed());
}

#[test]
fn insufficient_grants_are_reported() {
    for (config, wanted) in [
        (Config { max_operations: 3, ..Config::default() }, "3 operations per request; 4 "),
        (Config { max_response: 500, ..Config::default() }, "replies of 500 bytes"),
    ] {
        refused(&serve(config, &plain()), "", &["connect to", wanted]);
    }
}

#[test]
fn permanent_garbage_leaves_no_result() {
    for what in [What::Garbage, What::WrongXid] {
        let server = serve(Config::default(), &plain());
        server.fault(Fault::operation(Op::PUTROOTFH, what.clone()).always());
        let mut engine = engine(&server);
        engine.outage_limit = Duration::from_secs(1);
        let problem = walk(&engine).unwrap_err().to_string();
        assert!(problem.contains("nfs://"), "{what:?}: {problem}");
        assert_polite(&server);
    }
}
