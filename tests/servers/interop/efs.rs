//! The closest stand-in for EFS: nfs-ganeshas with one tree as its state partitions, behind a
//! balancer and a gate that requires TLS and a certificate signed by an IAM identity.

use std::time::{Duration, SystemTime};

use efs_scan_testbed::aws::{Sizes, Stub};
use efs_scan_testbed::balancer::Balancer;
use efs_scan_testbed::efs_gate::{AccessKey, Gate, Wanted};
use efs_scan_testbed::*;
use serde_json::Value;

use super::ganesha::{Export, Ganesha};
use super::{assert_same, make_tree};

const ID: &str = "fs-0123456789abcdef0";
const REGION: &str = "eu-central-1";

fn key() -> AccessKey {
    AccessKey::new("ASIAPARTITIONS", "secret/of+partitions", Some("tok/en+= one"))
}

/// Scans through the gate as the IAM identity of the environment.
fn scan(gate: &Gate, aws: &Stub, args: &[&str]) -> Value {
    let url = format!("nfs://localhost:{}/tree", gate.address().port());
    let key = key();
    let mut command = efs_scan();
    command.args([&*url, "--nfs-uid", "0", "--tls", "--iam", "--file-system-id", ID]).args(args);
    command.args(["--format", "json"]);
    command.env("SSL_CERT_FILE", gate.root()).env_remove("SSL_CERT_DIR");
    aws.env(&mut command);
    command.env("AWS_ACCESS_KEY_ID", key.id).env("AWS_SECRET_ACCESS_KEY", key.secret);
    command.env("AWS_SESSION_TOKEN", key.session_token.unwrap()).env("AWS_REGION", REGION);
    let output = watched(&mut command, Duration::from_secs(60));
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(0), "{stderr} {:?}", gate.seen());
    let mut report: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(report["file_system"].take()["id"], ID);
    report
}

/// Hard links, odd names, 30,000 entries in a directory and 300 levels.
#[test]
fn partitions_behind_tls_and_iam_give_what_du_counts() {
    let Some(ready) = Ganesha::can_run("TLS and IAM in front of several ganeshas") else { return };
    let dir = scratch();
    let tree = dir.path().join("tree");
    make_tree(&tree);
    let posix = report(&tree, [""; 0], 0);
    let aws = Stub::start();
    let sizes = Sizes { value: 0, standard: 0, ia: 0, archive: 0, at_epoch_seconds: 1.0 };
    aws.file_system(ID, sizes);
    let server = |number: usize| {
        let dir = dir.path().join(number.to_string());
        std::fs::create_dir(&dir).unwrap();
        let exports = [Export { path: &tree, name: "/tree" }];
        ready.serve(&dir, &exports, "Slot_Table_Size = 8;")
    };
    let servers: Vec<Ganesha> = (0..4).map(server).collect();
    for many in [1, 2, 4] {
        let balancer = Balancer::start(servers[..many].iter().map(Ganesha::address).collect());
        let wanted = Wanted {
            host: "localhost".to_owned(),
            file_system: ID.to_owned(),
            region: REGION.to_owned(),
            access_points: Vec::new(),
            keys: vec![key()],
            iam: true,
        };
        let gate = Gate::start(balancer.address(), wanted, dir.path(), SystemTime::now);
        let url = format!("nfs://localhost:{}/tree", gate.address().port());
        for way in [["--threads", "64"], ["--nfs-batch", "48"]] {
            let nfs = scan(&gate, &aws, &way);
            let said = format!("{way:?} to {many} servers");
            assert_eq!(nfs["totals"]["allocated_bytes"], du(&tree), "{said}");
            assert_same(&nfs, &url, &posix, &tree.to_string_lossy(), &said);
            let connections = balancer.take_connections();
            match way {
                // Sessions have 8 slots.
                ["--threads", "64"] => assert_eq!(connections, 8, "{said}"),
                _ => assert!(connections <= 8, "{connections} connections: {said}"),
            }
        }
        let seen = gate.seen();
        let refused = seen.iter().find_map(|seen| seen.as_ref().err());
        assert_eq!((refused, seen.is_empty()), (None, false), "{many} servers");
        let signed = |seen: &Result<efs_scan_testbed::efs_gate::Presented, String>| {
            seen.as_ref().is_ok_and(|seen| seen.iam.is_some())
        };
        assert!(seen.iter().all(signed), "{many} servers: {seen:?}");
    }
}
