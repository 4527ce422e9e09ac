//! Errors of AWS: each is one clear line, and nothing is lost.

use std::time::{Duration, Instant};

use super::*;
use efs_scan_testbed::aws::{Fault, What};

#[test]
fn without_root_certificates_one_line_says_what_to_install() {
    let world = World::new();
    let mut command = world.command();
    command.arg(world.root()).args(TO).env("SSL_CERT_FILE", "/dev/null");
    command.env("SSL_CERT_DIR", world.scratch.path());
    let output = watched(&mut command, Duration::from_secs(60));
    assert_eq!((code(&output), errors(&output).len()), (Some(1), 1), "{}", stderr(&output));
    assert!(errors(&output)[0].contains("install ca-certificates"), "{}", stderr(&output));
}

#[test]
fn an_unwritable_bucket_is_an_error_before_the_scan() {
    let cases: [(&str, &[&str]); 2] = [
        ("s3://nowhere-at-all/efs", &["NoSuchBucket", "s3://nowhere-at-all/efs"]),
        ("s3://team/efs", &["s3:PutObject on arn:aws:s3:::team/efs/*"]),
    ];
    for (to, said) in cases {
        let world = World::new();
        if to == "s3://team/efs" {
            world.aws.fault(Fault::new("S3", "PutObject", What::Denied).always());
        }
        let started = Instant::now();
        let output = world.scan(["--publish", to]);
        assert_eq!(code(&output), Some(1), "{}", stderr(&output));
        assert!(output.stdout.is_empty(), "nothing was scanned");
        assert!(started.elapsed() < Duration::from_secs(20), "{:?}", started.elapsed());
        let errors = errors(&output);
        assert_eq!(errors.len(), 1, "{errors:?}");
        for part in said {
            assert!(errors[0].contains(part), "{errors:?}");
        }
        assert!(world.spool().is_empty());
    }
}

#[test]
fn credentials_that_expired_or_are_missing_say_so() {
    let world = World::new();
    world.aws.fault(Fault::new("S3", "*", What::Expired).always());
    let output = world.scan(TO);
    assert_eq!(code(&output), Some(1));
    assert!(errors(&output)[0].contains("credentials have expired"), "{}", stderr(&output));

    let mut command = world.command();
    command.env_remove("AWS_ACCESS_KEY_ID").env_remove("AWS_SECRET_ACCESS_KEY");
    command.arg(world.root()).args(TO);
    let output = watched(&mut command, Duration::from_secs(60));
    assert_eq!(code(&output), Some(1));
    assert!(errors(&output)[0].contains("no AWS credentials"), "{}", stderr(&output));
}

#[test]
fn a_first_publication_names_a_missing_list_permission() {
    let world = World::new();
    world.aws.deny_list_bucket(true);
    let output = world.scan(TO);
    assert_eq!(code(&output), Some(1));
    assert!(
        errors(&output)[0].contains("s3:ListBucket on arn:aws:s3:::team"),
        "{}",
        stderr(&output)
    );
}

/// Transient errors pass within the SDK's attempts.
#[test]
fn a_transient_error_is_retried() {
    let troubles = [
        What::SlowDown,
        What::InternalError,
        What::DropAfter,
        What::Reset,
        What::Truncated,
        What::Conflict,
        What::Slow(Duration::from_millis(800)),
        What::Delay(Duration::from_millis(800)),
    ];
    at_once(troubles, |what| {
        let world = World::new();
        for operation in ["PutObject", "GetObject"] {
            // Reads are unconditional, so they cannot conflict.
            if operation == "GetObject" && matches!(what, What::Conflict) {
                continue;
            }
            world.aws.fault(Fault::new("S3", operation, what.clone()).matching("latest").after(1));
        }
        let output = world.scan(TO);
        assert_eq!(code(&output), Some(0), "{}", stderr(&output));
        assert_eq!(world.latest().unwrap()["run"]["id"], printed(&output)["run"]["id"]);
        let status = world.run(["status", "--from", "s3://team/efs"]);
        assert_eq!(code(&status), Some(0), "{}", stderr(&status));
    });
}

#[test]
fn a_run_that_cannot_be_sent_after_the_check_waits_and_is_sent_later() {
    let cases: [(What, &str); 6] = [
        (What::Denied, "s3:PutObject on arn:aws:s3:::team/efs/*"),
        (What::Expired, "credentials have expired"),
        (What::SlowDown, "fewer requests"),
        (What::InternalError, "S3 PutObject"),
        (What::Reset, "S3 PutObject"),
        (What::Truncated, "S3 PutObject"),
    ];
    at_once(cases, |(what, said)| {
        let world = World::new();
        world.aws.fault(Fault::new("S3", "PutObject", what).matching("homes/").always());
        let output = world.scan(TO);
        // If the object was stored before the reply broke off, it is published.
        if code(&output) == Some(0) {
            assert!(world.latest().is_some(), "{said}");
            return;
        }
        assert_eq!(code(&output), Some(5), "{}", stderr(&output));
        let report = printed(&output);
        let lines = errors(&output);
        assert_eq!(lines.len(), 2, "{lines:?}");
        assert!(lines[0].contains(said) && lines[0].contains("s3://team/efs/homes/"), "{lines:?}");
        assert!(lines[1].contains("efs-scan publish"), "{lines:?}");
        assert!(world.latest().is_none());
        let id = report["run"]["id"].as_str().unwrap();
        let waiting = [format!("{id}.dirs.parquet"), format!("{id}.run.json")];
        assert_eq!(world.spool(), waiting);

        // Still failing: the run stays in the spool.
        assert_eq!(code(&world.run(["publish"])), Some(5));
        assert_eq!(world.spool(), waiting);
        world.aws.clear_faults();
        let sent = world.run(["publish"]);
        assert_eq!(code(&sent), Some(0), "{}", stderr(&sent));
        assert_eq!(world.latest().unwrap()["run"]["id"], id);
        assert!(world.spool().is_empty());
    });
}

#[test]
fn a_dead_endpoint_does_not_fail_the_scan() {
    let world = World::new();
    let dead = |world: &World| {
        let mut command = world.command();
        // Nothing listens on port 1.
        command.env("AWS_ENDPOINT_URL", "http://127.0.0.1:1");
        command.arg(world.root()).args(["--format", "json"]).args(TO);
        watched(&mut command, Duration::from_secs(120))
    };
    let first = dead(&world);
    assert_eq!(code(&first), Some(5), "{}", stderr(&first));
    assert!(errors(&first)[0].contains("no connection"), "{}", stderr(&first));
    let second = dead(&world);
    assert_eq!(code(&second), Some(5));
    // Two runs, each with its table of directories.
    assert_eq!(world.spool().len(), 4);
    // The next run first sends these, oldest first, and then itself.
    let third = world.scan(TO);
    assert_eq!(code(&third), Some(0), "{}", stderr(&third));
    assert!(world.spool().is_empty());
    let puts = world.aws.requests();
    let puts = puts.iter().filter(|r| r.operation == "PutObject" && r.target.contains("runs/"));
    let puts: Vec<String> = puts.map(|request| request.target.clone()).collect();
    let ids: Vec<String> = [&first, &second, &third]
        .map(|output| printed(output)["run"]["id"].as_str().unwrap().to_owned())
        .into();
    assert_eq!(puts.len(), 3);
    assert!(puts.iter().zip(&ids).all(|(put, id)| put.contains(id)), "{puts:?} {ids:?}");
    assert_eq!(world.latest().unwrap()["run"]["id"], ids[2].as_str());
}

#[test]
fn status_says_what_is_wrong() {
    let world = World::new();
    let status = ["status", "--from", "s3://team/efs"];
    let output = world.run(status);
    assert_eq!(code(&output), Some(1));
    assert!(errors(&output)[0].contains("nothing is published there yet"), "{}", stderr(&output));
    assert_eq!(code(&world.scan(TO)), Some(0));
    world.aws.fault(Fault::new("S3", "GetObject", What::Denied).always());
    let output = world.run(status);
    assert_eq!(code(&output), Some(1));
    assert!(
        errors(&output)[0].contains("s3:GetObject on arn:aws:s3:::team/efs/*"),
        "{}",
        stderr(&output)
    );
    world.aws.clear_faults();
    world.aws.fault(Fault::new("S3", "GetObject", What::BadJson).always());
    let output = world.run(status);
    assert_eq!(code(&output), Some(1));
    assert!(errors(&output)[0].contains("s3://team/efs/latest/prod.json"), "{}", stderr(&output));
}

/// S3's 409 does not mean that the object exists.
#[test]
fn a_persistent_conflict_is_not_a_publication() {
    let world = World::new();
    world.aws.fault(Fault::new("S3", "PutObject", What::Conflict).matching("runs/").always());
    let output = world.scan(TO);
    assert_eq!(code(&output), Some(5), "{}", stderr(&output));
    assert!(world.latest().is_none());
    // The run and its table of directories.
    assert_eq!(world.spool().len(), 2);
}
