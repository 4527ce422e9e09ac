//! The nfs engine with a file system id: the nearest mount target.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::sync::Arc;

use efs_scan_testbed::aws::{Fault, What};
use efs_scan_testbed::nfs_server::{Config, Model, Node, Server};

use super::*;

/// Serves an instance's metadata: the availability zone, and a token for it.
fn metadata(zone: &'static str) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            let mut request = Vec::new();
            let mut byte = [0];
            while !request.ends_with(b"\r\n\r\n") && stream.read(&mut byte).is_ok_and(|n| n == 1) {
                request.push(byte[0]);
            }
            let token = request.starts_with(b"PUT /latest/api/token");
            let asked =
                request.starts_with(b"GET /latest/meta-data/placement/availability-zone-id");
            let (status, body) = match (token, asked) {
                (true, _) => ("200 OK", "token"),
                (_, true) => ("200 OK", zone),
                _ => ("404 Not Found", ""),
            };
            let length = body.len();
            let head =
                format!("HTTP/1.1 {status}\r\ncontent-length: {length}\r\nconnection: close\r\n");
            let ttl = "x-aws-ec2-metadata-token-ttl-seconds: 21600\r\n\r\n";
            let _ = stream.write_all(format!("{head}{ttl}{body}").as_bytes());
        }
    });
    url
}

/// Scans the file system by its id. Returns the exit code and the last messages.
fn scan(world: &World, zone: Option<&'static str>) -> (Option<i32>, Vec<String>) {
    scan_with(world, zone, &[])
}

fn scan_with(
    world: &World,
    zone: Option<&'static str>,
    args: &[&str],
) -> (Option<i32>, Vec<String>) {
    let mut command = world.command();
    command.args(args).args(["--engine", "nfs", "--nfs-uid", "0", "--file-system-id", FILE_SYSTEM]);
    command.args(["--state-dir".as_ref(), world.state().as_os_str()]);
    if let Some(zone) = zone {
        command.env("AWS_EC2_METADATA_DISABLED", "false");
        command.env("AWS_EC2_METADATA_SERVICE_ENDPOINT", metadata(zone));
    }
    let output = watched(&mut command, Duration::from_secs(60));
    let lines = stderr(&output).lines().map(|line| line.trim().to_owned()).collect();
    (code(&output), lines)
}

/// Nothing serves NFS at these addresses; the error names the address that was tried.
#[test]
fn the_mount_target_in_this_zone_is_used() {
    let world = World::new();
    let (code, lines) = scan(&world, None);
    assert_eq!(code, Some(1));
    assert!(lines[0].contains("no mount target with an address that is available"), "{lines:?}");
    world.aws.mount_target(FILE_SYSTEM, ["127.0.0.2", "use1-az1", "available"]);
    world.aws.mount_target(FILE_SYSTEM, ["127.0.0.3", "use1-az2", "available"]);
    world.aws.mount_target(FILE_SYSTEM, ["127.0.0.4", "use1-az3", "creating"]);
    let (code, lines) = scan(&world, Some("use1-az2"));
    assert_eq!((code, lines.len()), (Some(1), 1), "{lines:?}");
    assert!(lines[0].contains("connect to nfs://127.0.0.3/: "), "{lines:?}");
    assert!(lines[0].contains("refused"), "{lines:?}");
    let (_, lines) = scan(&world, Some("use1-az1"));
    assert!(lines[0].contains("nfs://127.0.0.2/"), "{lines:?}");
    // In a zone without a mount target, any is used, with a message.
    let (code, lines) = scan(&world, Some("use1-az3"));
    assert_eq!((code, lines.len()), (Some(1), 2), "{lines:?}");
    assert!(lines[0].contains("has no mount target in this zone"), "{lines:?}");
    assert!(lines[0].contains("0.01 USD a GB"), "{lines:?}");
    assert!(world.aws.violations().is_empty(), "{:?}", world.aws.violations());
}

/// Tests the mount helper's form of a name, and a mount target with only an IPv6 address.
#[test]
fn a_file_system_is_named_as_for_the_mount_helper() {
    let world = World::new();
    world.aws.mount_target(FILE_SYSTEM, ["::1", "use1-az1", "available"]);
    for root in [FILE_SYSTEM.to_owned(), format!("{FILE_SYSTEM}:/200005")] {
        let mut command = world.command();
        command.args([&*root, "--nfs-uid", "0"]);
        let output = watched(&mut command, Duration::from_secs(60));
        let text = stderr(&output);
        assert_eq!(code(&output), Some(1), "{text}");
        assert!(text.contains("connect to nfs://[::1]/"), "{text}");
    }
    // The only mount target of a One Zone file system is in another zone.
    let (_, lines) = scan(&world, Some("use1-az2"));
    assert!(lines[0].contains("using the one in use1-az1"), "{lines:?}");
    assert!(lines[0].contains("0.01 USD a GB"), "{lines:?}");
}

/// The region in ROOT takes precedence for the size and for mount targets.
#[test]
fn efs_is_called_in_the_region_of_the_root() {
    let root = format!("{FILE_SYSTEM}.efs.eu-west-3.amazonaws.com");
    for configured in [Some("us-east-1"), None] {
        for word in [&[][..], &["check"]] {
            let world = World::new();
            world.aws.mount_target(FILE_SYSTEM, ["127.0.0.2", "euw3-az1", "available"]);
            let mut command = world.command();
            command.args(word).args([&*root, "--nfs-uid", "0", "--patience", "5s"]);
            match configured {
                Some(region) => command.env("AWS_REGION", region),
                None => command.env_remove("AWS_REGION"),
            };
            let output = watched(&mut command, Duration::from_secs(60));
            assert_eq!(code(&output), Some(1), "{}", stderr(&output));
            let of_efs = world.aws.requests().into_iter().filter(|it| it.service == "EFS");
            let asked: Vec<(String, String)> = of_efs
                .map(|it| {
                    let scope = it.headers["authorization"].split('/').nth(2).map(str::to_owned);
                    (it.operation, scope.unwrap())
                })
                .collect();
            for operation in ["DescribeFileSystems", "DescribeMountTargets"] {
                let wanted = (operation.to_owned(), "eu-west-3".to_owned());
                assert!(asked.contains(&wanted), "{word:?}: {asked:?}");
            }
            assert!(asked.iter().all(|(_, region)| region == "eu-west-3"), "{asked:?}");
        }
    }
}

#[test]
fn a_refused_call_names_the_missing_permission() {
    let world = World::new();
    let denied = What::Denied;
    world.aws.fault(Fault::new("EFS", "DescribeMountTargets", denied).always());
    let (code, lines) = scan(&world, None);
    assert_eq!((code, lines.len()), (Some(1), 1), "{lines:?}");
    assert!(lines[0].contains("elasticfilesystem:DescribeMountTargets"), "{lines:?}");
}

/// EFS does not know the file system: its name is tried, and a scan by address continues without
/// EFS's figures.
#[test]
fn a_file_system_of_another_account_is_reached_by_its_name_or_address() {
    let world = World::new();
    let not_found = || {
        let message = "File system 'fs-0123456789abcdef0' does not exist.";
        Fault::new("EFS", "*", What::Refuse(404, "FileSystemNotFound", message)).always()
    };
    world.aws.fault(not_found());
    let (code_of_it, lines) = scan(&world, None);
    assert_eq!(code_of_it, Some(1), "{lines:?}");
    let name = format!("{FILE_SYSTEM}.efs.us-east-1.amazonaws.com");
    let said = format!("trying {name}");
    assert!(lines.iter().any(|line| line.contains(&said)), "{lines:?}");
    assert!(lines.last().unwrap().contains(&format!("nfs://{name}/")), "{lines:?}");

    let model = Arc::new(Model::new());
    model.add("200005/file", Node::file(3_000));
    let server = Server::start(Config::default(), model as _).unwrap();
    let url = format!("nfs://{}/", server.address());
    let mut command = world.command();
    command.args([&*url, "--nfs-uid", "0", "--file-system-id", FILE_SYSTEM, "--format", "json"]);
    let output = watched(command.args(TO), Duration::from_secs(60));
    assert_eq!(code(&output), Some(0), "{}", stderr(&output));
    assert!(stderr(&output).contains("this is normal for another account or region"));
    let report = printed(&output);
    assert_eq!(report["file_system"]["id"], FILE_SYSTEM);
}

/// The certificate is for the file system's name, not for its address.
#[test]
#[cfg(feature = "tls")]
fn tls_is_for_the_name_of_the_file_system() {
    // An address where no other test listens; a real NFS server on this machine may listen on all.
    let listener = TcpListener::bind("127.0.0.77:2049");
    let free = listener.is_ok();
    if !skip_unless(free, "the name that TLS is for", "port 2049 is taken on this machine") {
        return;
    }
    let listener = listener.unwrap();
    std::thread::spawn(move || listener.incoming().for_each(drop));
    let world = World::new();
    world.aws.mount_target(FILE_SYSTEM, ["127.0.0.77", "use1-az1", "available"]);
    let (code, lines) = scan_with(&world, None, &["--tls"]);
    assert_eq!((code, lines.len()), (Some(1), 1), "{lines:?}");
    let said = format!("TLS with {FILE_SYSTEM}.efs.us-east-1.amazonaws.com at 127.0.0.77:2049: ");
    assert!(lines[0].contains(&said), "{lines:?}");
    // The same if the address is given, as for another account's file system.
    let (_, lines) = scan_with(&world, None, &["nfs://127.0.0.77/", "--tls"]);
    assert!(lines[0].contains(&said), "{lines:?}");
}
