//! Buckets of other regions and accounts: how they are found, the headers that their policies
//! demand, and messages about refusals.

use efs_scan_testbed::aws::{Elsewhere, Fault, What};

use super::*;
use crate::emulators::{KEY, PLAIN, POLICY, UNCONDITIONAL, contract_in_a_child};

/// The contract holds for every kind of bucket. Other servers than the stand-in are tested in
/// `emulators`.
#[test]
fn the_contract_of_a_store_holds_in_other_regions_under_policies_and_without_conditions() {
    type Made = fn(&World);
    let ways: [(&str, Made); 7] = [
        (PLAIN, |_| {}),
        (PLAIN, |world| world.aws.bucket_in("team", "eu-west-1", Elsewhere::Redirect)),
        (PLAIN, |world| world.aws.bucket_in("team", "eu-west-1", Elsewhere::Malformed)),
        (PLAIN, |world| world.aws.bucket_in("team", "eu-west-1", Elsewhere::Bare)),
        (POLICY, |world| {
            world.aws.demand("PutObject", "x-amz-server-side-encryption-aws-kms-key-id", KEY);
            world.aws.demand("PutObject", "x-amz-acl", "bucket-owner-full-control");
            world.aws.demand("*", "x-amz-request-payer", "requester");
        }),
        (UNCONDITIONAL, |world| {
            world.aws.ignore("if-match");
            world.aws.ignore("if-none-match");
        }),
        (UNCONDITIONAL, |_| {}),
    ];
    at_once(ways, |(options, make)| {
        let world = World::new();
        make(&world);
        contract_in_a_child("team", options, |child| world.aws.env(child));
        assert!(world.aws.violations().is_empty(), "{:?}", world.aws.violations());
    });
}

fn regions_asked(world: &World) -> Vec<String> {
    let requests = world.aws.requests();
    let scope = |scope: &String| scope.split('/').nth(2).unwrap().to_owned();
    let of_s3 = requests.iter().filter(|request| request.service == "S3");
    of_s3.map(|request| scope(&request.headers["authorization"])).collect()
}

#[test]
fn a_bucket_in_another_region_is_followed_once() {
    for how in [Elsewhere::Redirect, Elsewhere::Malformed, Elsewhere::Bare] {
        let world = World::new();
        world.aws.bucket_in("team", "eu-west-1", how);
        let output = world.scan(TO.iter().chain(&["-vv"]));
        assert_eq!(code(&output), Some(0), "{how:?}: {}", stderr(&output));
        let said = "s3://team lies in eu-west-1, not in us-east-1";
        assert_eq!(stderr(&output).matches(said).count(), 1, "{how:?}: {}", stderr(&output));
        let elsewhere =
            regions_asked(&world).iter().filter(|region| *region == "us-east-1").count();
        let asked = if how == Elsewhere::Bare { 2 } else { 1 };
        assert_eq!(elsewhere, asked, "{how:?}: it is remembered");
        for command in [&["status"][..], &["history"], &["report", "--html", "-"]] {
            let output = world.run(command.iter().chain(&["--from", "s3://team/efs"]));
            assert_eq!(code(&output), Some(0), "{command:?}: {}", stderr(&output));
        }
    }
}

#[test]
fn the_configured_region_is_tried_first_and_corrected() {
    let world = World::new();
    world.aws.bucket_in("team", "eu-west-1", Elsewhere::Redirect);
    let output = world.scan(TO.iter().chain(&["--publish-region", "eu-west-1"]));
    assert_eq!(code(&output), Some(0), "{}", stderr(&output));
    assert!(regions_asked(&world).iter().all(|region| region == "eu-west-1"));
    world.aws.clear_requests();
    let mut command = world.command();
    command.env("EFS_SCAN_PUBLISH_REGION", "ap-south-1").env_remove("AWS_REGION");
    let output = watched(command.args(["status", "--from", "s3://team/efs"]), LONG);
    assert_eq!(code(&output), Some(0), "no other region is needed: {}", stderr(&output));
    assert_eq!(regions_asked(&world)[..2], ["ap-south-1", "eu-west-1"]);
}

#[test]
fn redirects_in_a_circle_are_given_up() {
    let world = World::new();
    world.aws.bucket_in("team", "eu-west-1", Elsewhere::Circle);
    let output = world.scan(TO);
    assert_eq!(code(&output), Some(1), "{}", stderr(&output));
    assert_eq!(regions_asked(&world), ["us-east-1", "eu-west-1"]);
    let errors = errors(&output);
    assert!(errors.len() == 1 && errors[0].contains("PermanentRedirect"), "{errors:?}");
    assert!(errors[0].contains("it is in us-east-1"), "{errors:?}");
}

const LONG: Duration = Duration::from_secs(60);

#[test]
fn an_access_point_is_a_destination() {
    let world = World::new();
    world.aws.create_bucket("reports-123456789012");
    let to = "s3://arn:aws:s3:eu-west-1:123456789012:accesspoint/reports/efs";
    let through = |args: &[&str]| {
        let mut command = world.command();
        let stub = command.get_envs().find(|(name, _)| *name == "AWS_ENDPOINT_URL").unwrap().1;
        let stub = stub.unwrap().to_owned();
        // The bucket's name becomes part of the host name, which only a proxy can resolve here.
        command.env("HTTP_PROXY", stub).env("AWS_ENDPOINT_URL", "http://s3.test");
        watched(command.args(args), LONG)
    };
    let root = world.root();
    let output = through(&[root.to_str().unwrap(), "--publish", to]);
    assert_eq!(code(&output), Some(0), "{}", stderr(&output));
    assert!(world.aws.object("reports-123456789012", "efs/latest/prod.json").is_some());
    assert!(regions_asked(&world).iter().all(|region| region == "eu-west-1"));
    let status = through(&["status", "--from", to]);
    assert_eq!(code(&status), Some(0), "{}", stderr(&status));
    world.aws.fault(Fault::new("S3", "*", What::Denied).always());
    let denied = through(&[root.to_str().unwrap(), "--publish", to]);
    let on = "s3:PutObject on arn:aws:s3:eu-west-1:123456789012:accesspoint/reports/object/efs/*";
    assert!(errors(&denied)[0].contains(on), "{}", stderr(&denied));
}

/// A policy that demands headers refuses every write without them, including the check's.
#[test]
fn headers_that_a_policy_requires_are_sent_with_each_write() {
    let world = World::new();
    let key = "arn:aws:kms:eu-west-1:123456789012:key/k";
    let asked = [
        ("x-amz-server-side-encryption", "aws:kms"),
        ("x-amz-server-side-encryption-aws-kms-key-id", key),
        ("x-amz-acl", "bucket-owner-full-control"),
        ("x-amz-storage-class", "STANDARD_IA"),
    ];
    for (header, value) in asked {
        world.aws.demand("PutObject", header, value);
    }
    let output = world.scan(TO);
    assert_eq!(code(&output), Some(1));
    let errors = errors(&output);
    assert!(errors[0].contains("with an explicit deny in a resource-based policy"), "{errors:?}");
    assert!(errors[0].contains("sse, kms_key_id, acl, storage_class"), "{errors:?}");

    let config = world.scratch.path().join("efs-scan.toml");
    let text = format!(
        "[publish]\nto = 's3://team/efs'\nreport = true\nsse = 'aws:kms'\nkms_key_id = '{key}'\n\
         acl = 'bucket-owner-full-control'\nstorage_class = 'STANDARD_IA'\n"
    );
    std::fs::write(&config, text).unwrap();
    let output = world.scan(["--config", config.to_str().unwrap()]);
    assert_eq!(code(&output), Some(0), "{}", stderr(&output));
    let keys = world.aws.keys("team");
    // The objects of a run, and its pages.
    assert_eq!(keys.len(), 7 + 5, "{keys:?}");
    for key in keys {
        let headers = world.aws.object_headers("team", &key).unwrap();
        for (header, value) in asked {
            assert_eq!(headers[header], value, "{key}");
        }
    }
    assert!(world.aws.violations().is_empty(), "{:?}", world.aws.violations());
}

#[test]
fn the_requester_pays_for_reads_too() {
    let world = World::new();
    world.aws.demand("*", "x-amz-request-payer", "requester");
    assert_eq!(code(&world.scan(TO)), Some(1));
    let output = world.scan(TO.iter().chain(&["--publish-requester-pays"]));
    assert_eq!(code(&output), Some(0), "{}", stderr(&output));
    for command in [&["status"][..], &["history"], &["report", "--html", "-"]] {
        let mut paying = world.command();
        paying.env("EFS_SCAN_PUBLISH_REQUESTER_PAYS", "true").args(command);
        let output = watched(paying.args(["--from", "s3://team/efs"]), LONG);
        assert_eq!(code(&output), Some(0), "{command:?}: {}", stderr(&output));
    }
}

#[test]
fn a_wrong_clock_is_named_with_its_difference() {
    for (code_of_it, ahead, said) in [
        ("RequestTimeTooSkewed", 3_630, "the clock of this machine is 60 min behind the server's"),
        (
            "SignatureDoesNotMatch",
            -86_400,
            "the clock of this machine is 24 h ahead of the server's",
        ),
        ("SignatureDoesNotMatch", 0, "the secret access key is wrong"),
    ] {
        let world = World::new();
        let refused = What::Refuse(403, code_of_it, "The request is not as it was signed.");
        world.aws.fault(Fault::new("S3", "*", refused).always());
        world.aws.clock_ahead(ahead);
        let output = world.scan(TO);
        assert_eq!(code(&output), Some(1), "{}", stderr(&output));
        assert!(errors(&output)[0].contains(said), "{}", stderr(&output));
    }
    // CloudWatch uses other words for a refusal, and its metrics wait.
    let world = World::new();
    let refused = What::Refuse(403, "InvalidSignatureException", "Signature expired: x");
    world.aws.fault(Fault::new("CloudWatch", "*", refused).always());
    world.aws.clock_ahead(1_230);
    let output = world.scan(["--cloudwatch", "--file-system-id", FILE_SYSTEM]);
    assert_eq!(code(&output), Some(5), "{}", stderr(&output));
    assert!(errors(&output)[0].contains("20 min behind"), "{}", stderr(&output));
}

#[test]
fn a_denied_request_includes_the_message_of_aws() {
    let key = "User: arn:aws:sts::1:assumed-role/m/i is not authorized to perform: \
               kms:GenerateDataKey on resource: arn:aws:kms:eu-west-1:1:key/k because no \
               identity-based policy allows the kms:GenerateDataKey action";
    for (message, said) in [
        (key, "it needs kms:GenerateDataKey on arn:aws:kms:eu-west-1:1:key/k"),
        ("Access Denied", "asks for a header"),
    ] {
        let world = World::new();
        let refused = What::Refuse(403, "AccessDenied", message);
        world.aws.fault(Fault::new("S3", "PutObject", refused).always());
        let output = world.scan(TO);
        let errors = errors(&output);
        assert_eq!((code(&output), errors.len()), (Some(1), 1), "{errors:?}");
        for part in [message, said, "s3:PutObject on arn:aws:s3:::team/efs/*"] {
            assert!(errors[0].contains(part), "{errors:?}");
        }
    }
}
