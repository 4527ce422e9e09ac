//! Certificates of an EFS client: checked by a gate that knows what EFS knows, refused in each way,
//! and renewed during the scan.

use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use super::gate::{ACCESS_POINT, HOST, ID, REGION, World, key};
use super::trees;
use super::walk::{assert_left, assert_whole, walk};
#[cfg(feature = "aws")]
use super::walk::{plain, serve};
use efs_scan::scan::{Clock, EfsClient, Nfs, Threads};
#[cfg(feature = "aws")]
use efs_scan_testbed::aws::Stub;
use efs_scan_testbed::efs_gate::{AccessKey, Refuse};
#[cfg(feature = "aws")]
use efs_scan_testbed::efs_gate::{Gate, Wanted};
use efs_scan_testbed::nfs_server::{
    Config, Dealing, Fault, Naming, Op, Server, Slots, Status, What,
};
use efs_scan_testbed::{at_once, scratch, skip_unless};
#[cfg(feature = "aws")]
use efs_scan_testbed::{efs_scan, watched};

impl World {
    /// Walks with a client that is refused in each way. Returns the messages to the user.
    #[track_caller]
    fn refused(&self, client: &EfsClient, because: &str) -> Vec<String> {
        let denying = Server::start(Config::default(), Arc::clone(&self.model) as _).unwrap();
        let denied = What::Status(Status::ACCESS);
        denying.fault(Fault::operation(Op::PUTROOTFH, denied).times(u64::MAX));
        [Refuse::Alert, Refuse::Close, Refuse::Deny(denying.address())]
            .map(|how| {
                self.gate.refuse(how);
                let problem = walk(&self.engine(client.clone())).unwrap_err().to_string();
                let seen = self.gate.seen();
                let last = seen.last().unwrap().as_ref().unwrap_err();
                assert!(last.contains(because), "{last}");
                assert_eq!(problem.lines().count(), 1, "{problem}");
                assert_eq!(self.server.counts().requests, 0, "{how:?}");
                let hints: &[&str] = match (how, client.iam.is_some()) {
                    (Refuse::Deny(_), true) => &["ClientMount", "ClientRootAccess", "the role"],
                    (Refuse::Deny(_), false) => &["anonymous", "ClientMount", "use --iam"],
                    (_, true) => &["clock", "region", "aws sts get-caller-identity"],
                    (_, false) => &["may want an IAM identity", "describe-file-system-policy"],
                };
                for hint in hints {
                    assert!(problem.contains(hint), "{hint} is not in {problem}");
                }
                problem
            })
            .to_vec()
    }
}

#[test]
fn each_kind_of_client_is_admitted() {
    let world = World::new();
    world.whole(world.client());
    let access_point = Some(ACCESS_POINT.to_owned());
    world.whole(EfsClient { access_point, ..world.client() });
    world.gate.want(|wanted| wanted.keys = vec![AccessKey::new("AKIAOTHER", "secret", None)]);
    *world.role.key.lock().unwrap() = Some(AccessKey::new("AKIAOTHER", "secret", None));
    world.whole(world.client());
    world.gate.want(|wanted| wanted.iam = false);
    world.whole(EfsClient { iam: None, ..world.client() });
    let seen = world.gate.seen();
    let seen: Vec<_> = seen.iter().map(|seen| seen.as_ref().unwrap()).collect();
    let with_token = |token: Option<&str>| {
        let of =
            |iam: &efs_scan_testbed::efs_gate::Signature| iam.session_token.as_deref() == token;
        seen.iter().any(|seen| seen.iam.as_ref().is_some_and(of))
    };
    assert!(with_token(Some("tok/en+= one")) && with_token(None));
    assert!(seen.iter().any(|seen| seen.iam.is_none()));
    assert!(seen.iter().any(|seen| seen.access_point.as_deref() == Some(ACCESS_POINT)));
}

/// Each partition admits its connections, and together they see the whole tree.
#[test]
fn a_signed_client_reads_several_partitions_completely() {
    let model = trees::of_every_kind();
    for (partitions, dealing, naming) in [
        (1, Dealing::InTurn, Naming::Distinct),
        (2, Dealing::InTurn, Naming::SameOwner),
        (4, Dealing::Random, Naming::Distinct),
    ] {
        let slots = Slots::AtMost(4);
        let config = Config { partitions, dealing, naming, slots, ..Config::default() };
        let world = World::of(config, Arc::clone(&model));
        let mut engine = world.engine(world.client());
        engine.pacing.threads = Threads::Fixed(32);
        engine.batch = 1;
        let outcome = walk(&engine);
        let outcome = outcome.unwrap_or_else(|error| panic!("{error}: {:?}", world.gate.seen()));
        assert_whole(&world.server, &model, &outcome);
        let signed = world.gate.seen().into_iter().flatten().filter(|seen| seen.iam.is_some());
        let counts = world.server.counts();
        assert_eq!((counts.connections, signed.count()), (8, 8), "{partitions}: {counts}");
        assert_left(&world.server);
    }
}

/// A client that is refused, and the reason.
type Case = (fn(&World) -> EfsClient, &'static str);

const REFUSED: &[Case] = &[
    (|world| EfsClient { iam: None, ..world.client() }, "anonymous"),
    (
        |world| world.signed(AccessKey { secret: "guessed".to_owned(), ..key() }, REGION),
        "the signature is wrong",
    ),
    (|world| world.signed(key(), "eu-west-1"), "the signature is wrong"),
    (
        |world| world.signed(AccessKey { id: "ASIAOTHER".to_owned(), ..key() }, REGION),
        "no access key",
    ),
    (
        |world| world.signed(AccessKey { session_token: Some("old".to_owned()), ..key() }, REGION),
        "another session token",
    ),
    (
        |world| EfsClient { file_system: "fs-00000000".to_owned(), ..world.client() },
        "for another file system",
    ),
    (
        |world| EfsClient { access_point: Some("fsap-00000000".to_owned()), ..world.client() },
        "no access point",
    ),
    (
        |world| {
            let clock = world.clock.clone();
            let ahead = move || clock.now() + Duration::from_secs(4 * 3600);
            EfsClient { clock: Clock::new(ahead), ..world.client() }
        },
        "is not valid yet",
    ),
    (
        |world| {
            let clock = world.clock.clone();
            let behind = move || clock.now() - Duration::from_secs(4 * 3600);
            EfsClient { clock: Clock::new(behind), ..world.client() }
        },
        "has expired",
    ),
];

#[test]
fn a_refused_client_gets_one_line() {
    at_once(REFUSED, |(client, because)| {
        let world = World::new();
        world.refused(&client(&world), because);
    });
}

/// Connections that are lost during the scan are restored with the credentials valid at that time.
#[test]
fn a_long_scan_survives_rotated_credentials() {
    let slots = Slots::AtMost(4);
    let world = World::with(Config { slots, ..Config::default() });
    let drops = 12;
    let (clock, role) = (world.clock.clone(), Arc::clone(&world.role));
    let turn = Arc::new(AtomicU64::new(0));
    // Each time a connection is lost, forty minutes have passed. Credentials are valid for two
    // hours; their provider has new ones an hour before they expire.
    let gate_keys = Arc::new(Mutex::new(Vec::new()));
    let keys = Arc::clone(&gate_keys);
    let pass = move || {
        clock.pass(40);
        if turn.fetch_add(1, Ordering::SeqCst) % 2 == 1 {
            let at = turn.load(Ordering::SeqCst);
            let next = AccessKey::new(&format!("ASIA{at}"), &format!("secret {at}"), Some("token"));
            let until = clock.now() + Duration::from_secs(2 * 3600);
            keys.lock().unwrap().push((next.clone(), until));
            *role.key.lock().unwrap() = Some(next);
            *role.expires.lock().unwrap() = Some(until);
        }
    };
    *world.role.expires.lock().unwrap() = Some(world.clock.now() + Duration::from_secs(2 * 3600));
    let pass = Arc::new(pass);
    for at in 0..drops {
        let pass = Arc::clone(&pass);
        // Apart, because requests in flight on one connection are lost together.
        let after = 1 + 4 * at;
        world.server.fault(Fault::operation(Op::READDIR, What::call(move || pass())).after(after));
        world.server.fault(Fault::operation(Op::READDIR, What::DropBefore).after(after));
    }
    let client = world.client();
    let engine = Nfs { batch: 1, ..world.engine(client) };
    // The gate knows each key while it is valid.
    let done = std::sync::atomic::AtomicBool::new(false);
    let outcome = std::thread::scope(|scope| {
        scope.spawn(|| {
            while !done.load(Ordering::SeqCst) {
                let now = world.clock.now();
                let valid = gate_keys.lock().unwrap().clone();
                let valid = valid.into_iter().filter(|(_, until)| *until > now);
                let mut keys: Vec<AccessKey> = valid.map(|(key, _)| key).collect();
                if now < SystemTime::UNIX_EPOCH + Duration::from_secs(1_795_878_000 + 7200) {
                    keys.push(key());
                }
                world.gate.want(|wanted| wanted.keys = keys);
                std::thread::sleep(Duration::from_millis(1));
            }
        });
        let outcome = walk(&engine);
        done.store(true, Ordering::SeqCst);
        outcome
    });
    let outcome = outcome.unwrap_or_else(|error| panic!("{error}: {:?}", world.gate.seen()));
    assert_whole(&world.server, &world.model, &outcome);
    let seen = world.gate.seen();
    let ids: Vec<String> = seen
        .iter()
        .flatten()
        .flat_map(|seen| &seen.iam)
        .map(|iam| iam.access_key_id.clone())
        .collect();
    let mut different = ids.clone();
    different.dedup();
    assert!(different.len() >= 2, "{ids:?}");
    let serials: Vec<u64> = seen.iter().flatten().map(|seen| seen.serial).collect();
    assert!(serials.is_sorted() && serials[0] == 0, "{serials:?}");
    let hashes: Vec<&String> = seen.iter().flatten().map(|seen| &seen.key_hash).collect();
    assert!(hashes.windows(2).all(|two| two[0] == two[1]), "one key for the whole scan");
}

#[test]
fn without_credentials_the_scan_does_not_begin() {
    let world = World::new();
    *world.role.key.lock().unwrap() = None;
    let problem = walk(&world.engine(world.client())).unwrap_err().to_string();
    assert!(problem.contains("--iam: no credentials today"), "{problem}");
    assert!(world.gate.seen().is_empty());
}

#[test]
fn openssl_reads_the_certificate() {
    let there = Command::new("openssl").arg("version").stdout(Stdio::null()).status().is_ok();
    if !skip_unless(there, "openssl reads a client's certificate", "openssl is not installed") {
        return;
    }
    let world = World::new();
    let access_point = Some(ACCESS_POINT.to_owned());
    world.whole(EfsClient { access_point, ..world.client() });
    let dir = scratch();
    let file = dir.path().join("client.der");
    let presented = world.gate.seen()[0].clone().unwrap();
    std::fs::write(&file, &presented.der).unwrap();
    let openssl = |args: &[&str]| {
        let mut command = Command::new("openssl");
        let output = command.args(args).arg(&file).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8_lossy(&output.stdout).into_owned()
    };
    let text = openssl(&["x509", "-inform", "DER", "-noout", "-text", "-in"]);
    for part in [
        "Version: 3 (0x2)",
        "Serial Number: 0 (0x0)",
        "Signature Algorithm: sha256WithRSAEncryption",
        &format!("Issuer: CN = {HOST}"),
        &format!("Subject: CN = {HOST}"),
        "Not Before: Nov 28 14:45:00 2026 GMT",
        "Not After : Nov 28 18:00:00 2026 GMT",
        "Public-Key: (3072 bit)",
        "X509v3 Subject Key Identifier",
        "1.3.6.1.4.1.4843.7.1",
        "1.3.6.1.4.1.4843.7.2",
        "1.3.6.1.4.1.4843.7.3",
    ] {
        // Newer versions write `CN=`.
        let newer = part.replace("CN = ", "CN=");
        assert!(text.contains(part) || text.contains(&newer), "{part:?} is not in {text}");
    }
    let parsed = openssl(&["asn1parse", "-inform", "DER", "-in"]);
    assert!(parsed.contains(":subjectKeyIdentifier") || parsed.contains("X509v3 Subject Key"));
}

/// The program finds credentials as the SDK does, and signs with them unless a flag forbids it.
#[test]
#[cfg(feature = "aws")]
fn the_program_signs_with_the_credentials_of_its_environment() {
    let dir = scratch();
    let model = plain();
    let server = serve(Config::default(), &model);
    let wanted = Wanted {
        host: "localhost".to_owned(),
        file_system: ID.to_owned(),
        region: REGION.to_owned(),
        access_points: Vec::new(),
        keys: vec![key()],
        iam: true,
    };
    let gate = Gate::start(server.address(), wanted, dir.path(), SystemTime::now);
    // AWS knows no such file system, so the report lacks EFS's figures.
    let aws = Stub::start();
    let url = format!("nfs://localhost:{}/", gate.address().port());
    let run = |word: &[&str], args: &[&str], secret: &str| {
        let mut command = efs_scan();
        aws.env(&mut command);
        command
            .args(word)
            .args([&*url, "--nfs-uid", "0", "--tls", "--file-system-id", ID])
            .args(args);
        command.env("SSL_CERT_FILE", gate.root()).env_remove("SSL_CERT_DIR");
        let key = key();
        command.env("AWS_ACCESS_KEY_ID", &key.id).env("AWS_SECRET_ACCESS_KEY", secret);
        command.env("AWS_SESSION_TOKEN", key.session_token.unwrap()).env("AWS_REGION", REGION);
        let output = watched(&mut command, Duration::from_secs(60));
        let said = [output.stderr, output.stdout].concat();
        (output.status.code(), String::from_utf8_lossy(&said).into_owned())
    };
    let scan = |args: &[&str], secret: &str| run(&[], args, secret);
    for args in [&[][..], &["--iam"], &["--iam=true"]] {
        let (code, said) = scan(args, &key().secret);
        assert_eq!(code, Some(0), "{said} {:?}", gate.seen());
    }
    let (code, said) = scan(&["--iam=false"], &key().secret);
    assert_eq!(code, Some(1), "{said}");
    assert!(said.contains("may want an IAM identity"), "{said}");
    let (code, said) = scan(&[], "guessed");
    assert_eq!(code, Some(1), "{said}");
    assert!(said.contains("aws sts get-caller-identity"), "{said}");
    assert!(!said.contains("guessed"), "{said}");

    let check = |args: &[&str], secret: &str| {
        let (code, said) = run(&["check"], args, secret);
        for part in ["guessed", &*key().secret, "tok/en", &*key().id] {
            assert!(!said.contains(part), "{part}: {said}");
        }
        (code, said)
    };
    let (_, said) = check(&[], &key().secret);
    assert!(said.contains(" (TLS, an IAM identity): 8 connections lead to one server"), "{said}");
    assert!(said.contains("; this client's certificate is valid until "), "{said}");
    let (code, said) = check(&[], "guessed");
    assert_eq!(code, Some(1), "{said}");
    assert!(said.contains("fail root") && said.contains("aws sts get-caller-identity"), "{said}");
    let (_, said) = check(&["--iam=false"], &key().secret);
    assert!(said.contains("may want an IAM identity"), "{said}");
}
