//! `efs-scan check` with everything configured: it sends and keeps nothing, and each refusal is one
//! line.

use std::net::TcpListener;
use std::time::Instant;

use super::names::studio;
use super::*;
use efs_scan_testbed::aws::{Fault, What};

/// Configures everything that a run may do.
fn configure(world: &World) -> PathBuf {
    let topic = world.aws.topic("storage");
    let text = format!(
        "root = {:?}\nnames = ['sagemaker:studio']\nfile_system_id = '{FILE_SYSTEM}'\npatience = '3s'\n\
         [quota]\ndefault = '1GiB'\n[quota.users]\nalice = '2GiB'\n\
         [publish]\nto = 's3://team/efs'\n[cloudwatch]\nnamespace = 'EFS'\n[notify]\ntopic = '{topic}'\n\
         [remind]\nfrom = 'storage@example.com'\nadmin = 'admin@example.com'\naddress = '{{name}}@example.com'\n",
        world.root()
    );
    let path = world.scratch.path().join("efs-scan.toml");
    std::fs::write(&path, text).unwrap();
    path
}

fn check(world: &World, args: &[&str]) -> Output {
    let config = configure(world);
    let mut command = world.command();
    command.arg("check").arg("--config").arg(config).args(args);
    watched(&mut command, Duration::from_secs(60))
}

/// Returns the lines of the table: level, check, text.
fn lines(output: &Output) -> Vec<(String, String, String)> {
    let text = String::from_utf8(output.stdout.clone()).unwrap();
    let part = |line: &str, from: usize, to: usize| line[from..to].trim().to_owned();
    let line = |line: &str| (part(line, 0, 5), part(line, 5, 20), part(line, 20, line.len()));
    text.lines().map(line).collect()
}

/// Returns the level and the text of the only line of a check.
fn line(output: &Output, check: &str) -> (String, String) {
    let all = lines(output);
    let of = all.iter().filter(|(_, of, _)| of == check).collect::<Vec<_>>();
    let [(level, _, text)] = of.as_slice() else { panic!("{check}: {all:?}") };
    (level.clone(), text.clone())
}

#[test]
fn everything_that_works_is_ok_and_nothing_is_sent_or_kept() {
    let world = studio();
    world.aws.profile("d-abcdef123456", "zoe", Some(200_007));
    let output = check(&world, &[]);
    assert_eq!(code(&output), Some(0), "{} {:?}", stderr(&output), lines(&output));
    for (check, says) in [
        ("program", "uid "),
        ("configuration", "homes at depth 1"),
        ("state", "is made by the first run"),
        (
            "credentials",
            "arn:aws:sts::123456789012:assumed-role/monitor/i-0123456789abcdef0 by environment variables, region us-east-1",
        ),
        ("names", "sagemaker:studio: 2 user profiles, 1 space"),
        ("root", "by the engine posix"),
        ("homes", "3 homes, 3 of them called by a uid; 3 owners are known"),
        ("quotas", "1 GiB by default, 1 of users"),
        ("EFS", "fs-0123456789abcdef0 is metered at 0 B"),
        ("destination", "s3://team/efs can be written, and has no run of fs-0123456789abcdef0 yet"),
        ("CloudWatch", "namespace EFS, FileSystemId fs-0123456789abcdef0"),
        ("SNS", "storage exists"),
        ("SES", "messages a second"),
    ] {
        let (level, text) = line(&output, check);
        assert!(level == "ok" && text.contains(says), "{check}: {level} {text}");
    }
    assert!(world.aws.messages().is_empty() && world.aws.mails().is_empty());
    assert_eq!(world.aws.count("CloudWatch", "PutMetricData"), 0);
    assert_eq!(world.latest(), None);
    assert!(!world.state().exists());
    assert!(world.aws.violations().is_empty(), "{:?}", world.aws.violations());
    // The same as JSON.
    let json: Value = serde_json::from_slice(&check(&world, &["--format", "json"]).stdout).unwrap();
    assert_eq!((&json["schema"], &json["worst"]), (&"efs-scan/check/1".into(), &"ok".into()));
    assert_eq!(json["checks"].as_array().unwrap().len(), lines(&output).len());
}

#[test]
fn each_refusal_is_a_line_and_the_others_are_checked_all_the_same() {
    let cases = [
        ("S3", "PutObject", What::Denied, "destination", "fail", "s3:PutObject"),
        (
            "S3",
            "PutObject",
            What::InternalError,
            "destination",
            "fail",
            "wait in the state directory",
        ),
        ("SNS", "GetTopicAttributes", What::Denied, "SNS", "ok", "this role may not ask"),
        ("EFS", "DescribeFileSystems", What::Denied, "EFS", "warn", "reports lack EFS's figure"),
        ("STS", "GetCallerIdentity", What::Expired, "credentials", "fail", "have expired"),
        (
            "SageMaker",
            "ListUserProfiles",
            What::Denied,
            "names",
            "warn",
            "sagemaker:ListUserProfiles",
        ),
    ];
    for (service, operation, what, check_, level, says) in cases {
        let world = studio();
        world.aws.fault(Fault::new(service, operation, what).always());
        let output = check(&world, &[]);
        let (found, text) = line(&output, check_);
        assert!(found == level && text.contains(says), "{operation}: {found} {text}");
        let worst = match level {
            "fail" => 1,
            // 200007 has no owner in this domain, which is not a warning.
            "warn" => 3,
            _ => 0,
        };
        assert_eq!(code(&output), Some(worst), "{operation}: {:?}", lines(&output));
        line(&output, "SES");
    }
    let world = studio();
    let output = check(&world, &["--notify-topic", "arn:aws:sns:us-east-1:123456789012:none"]);
    assert_eq!(line(&output, "SNS").0, "fail");
    let output = check(&world, &["--publish", "s3://nobodys/efs"]);
    assert!(line(&output, "destination").1.contains("no such bucket"));
    let output = check(&world, &["--names", "sagemaker:studoi"]);
    assert_eq!(line(&output, "names").0, "fail");
}

/// Users paste this output into bug reports.
#[test]
fn the_output_of_a_check_contains_no_secrets() {
    let world = studio();
    let config = configure(&world);
    let secrets =
        ["wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", "tok3nOfTheSession", "AKIAIOSFODNN7EXAMPLE"];
    for format in ["table", "json"] {
        for fault in [None, Some(What::Denied), Some(What::Expired), Some(What::BadJson)] {
            for service in ["S3", "STS", "SageMaker", "EFS", "SNS", "SES"] {
                if let Some(what) = &fault {
                    world.aws.fault(Fault::new(service, "*", what.clone()));
                }
            }
            let mut command = world.command();
            command.args(["check", "-vv", "--format", format, "--config"]).arg(&config);
            command.env("AWS_SESSION_TOKEN", secrets[1]);
            let output = watched(&mut command, Duration::from_secs(60));
            let said = String::from_utf8_lossy(&output.stdout).into_owned();
            assert!(said.contains("credentials"), "{said}");
            for secret in secrets {
                assert!(!said.contains(secret), "{said}");
            }
        }
    }
}

/// Without a mount, a line has the server's grants. `nfs_engine::check` has servers that grant less
/// or refuse.
#[test]
#[cfg(target_os = "linux")]
fn a_server_without_a_mount_says_what_it_grants() {
    let world = World::new();
    let model = std::sync::Arc::new(nfs_server::Model::new());
    for home in ["200005", "200006"] {
        model.add(format!("{home}/file"), nfs_server::Node::file(3_000));
    }
    let server = nfs_server::Server::start(nfs_server::Config::default(), model as _).unwrap();
    let url = format!("nfs://{}/", server.address());
    let output = world.run(["check", &url, "--nfs-uid", "0"]);
    let (level, text) = line(&output, "root");
    assert_eq!(level, "ok", "{:?}", lines(&output));
    assert!(text.ends_with("by the engine nfs"), "{text}");
    let (level, text) = line(&output, "server");
    assert_eq!(level, "ok", "{text}");
    assert!(text.contains(": 8 connections lead to one server"), "{text}");
    assert!(line(&output, "homes").1.starts_with("2 homes"));
    drop(server);
    let output = world.run(["check", &url, "--nfs-uid", "0", "--patience", "2s"]);
    assert_eq!((line(&output, "root").0.as_str(), code(&output)), ("fail", Some(1)));
}

/// The server accepts connections and never answers.
#[test]
fn a_dead_network_ends_within_the_patience() {
    let world = studio();
    let config = configure(&world);
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let began = Instant::now();
    let mut command = world.command();
    command.args(["check", "--config"]).arg(&config);
    command.env("AWS_ENDPOINT_URL", format!("http://{}", silent.local_addr().unwrap()));
    let output = watched(&mut command, Duration::from_secs(60));
    // 3 s for AWS, and the remaining time of its last call.
    assert!(began.elapsed() < Duration::from_secs(20), "{:?}", began.elapsed());
    assert_eq!(code(&output), Some(1));
    for check in ["credentials", "names", "EFS", "destination", "SNS", "SES"] {
        assert_ne!(line(&output, check).0, "ok", "{check}");
    }
    assert_eq!(line(&output, "homes").0, "ok");
}
