//! User profiles and spaces in the status: those without a home, their volumes and file systems,
//! and their running apps.

use super::names::{scan, studio};
use super::*;
use efs_scan_testbed::aws::{App, Fault, What};

const STUDIO: &str = "d-abcdef123456";
const LAB: &str = "d-fedcba654321";

/// Makes an app of a profile or in a space.
fn app(profile: Option<&str>, space: Option<&str>, instance: &str, status: &str) -> App {
    App {
        user_profile: profile.map(str::to_owned),
        space: space.map(str::to_owned),
        status: status.to_owned(),
        creation_time: 1_780_000_000.0,
        ..App::of("", "JupyterLab", instance)
    }
}

/// Runs `efs-scan status --apps`, which must exit with `want`.
fn status(world: &World, args: &[&str], want: i32) -> String {
    let output = world.run(["status", "--from", "s3://team/efs", "--apps"].iter().chain(args));
    assert_eq!(code(&output), Some(want), "{}", stderr(&output));
    String::from_utf8(output.stdout).unwrap()
}

fn json(world: &World, args: &[&str]) -> Value {
    let args = [args, &["--format", "json"]].concat();
    serde_json::from_str(&status(world, &args, 0)).unwrap()
}

/// Returns the lines of the table after its head, without the blanks between columns.
fn lines(table: &str) -> Vec<String> {
    let body = table.lines().skip_while(|line| !line.starts_with("NAME ")).skip(1);
    let body = body.take_while(|line| !line.is_empty());
    let cells = |line: &str| {
        let cells = line.split("  ").map(str::trim).filter(|cell| !cell.is_empty());
        let below = if line.starts_with("  ") { "> " } else { "" };
        below.to_owned() + &cells.collect::<Vec<_>>().join(" | ")
    };
    body.map(cells).collect()
}

fn member<'a>(json: &'a Value, name: &str) -> &'a Value {
    let mut members = json["members"].as_array().unwrap().iter();
    members.find(|member| member["name"] == name).unwrap_or_else(|| panic!("no {name}: {json}"))
}

/// Makes members of every kind: carol has no home yet and dave has not even a uid, alice-lab shares
/// her home, alice-ebs has a volume, and team-ebs belongs to nobody.
fn everybody() -> World {
    let world = studio();
    world.aws.profile(STUDIO, "carol", Some(200_010));
    world.aws.profile(STUDIO, "dave", None);
    world.aws.private_space(STUDIO, "alice-lab", Some(200_005), "alice");
    world.aws.private_space(STUDIO, "alice-ebs", Some(200_005), "alice");
    world.aws.volume(STUDIO, "alice-ebs", 50);
    world.aws.space(STUDIO, "team-ebs", Some(200_011));
    world.aws.volume(STUDIO, "team-ebs", 100);
    world.aws.attach(STUDIO, "carol", &["fs-0bbb", "fs-0aaa"]);
    world.aws.attach(STUDIO, "alice-lab", &["fs-0ccc"]);
    world.aws.attach(STUDIO, "alice", &["fs-0ddd"]);
    world
}

#[test]
fn every_profile_and_space_is_in_the_status() {
    let world = everybody();
    world.aws.app(
        STUDIO,
        App { user_profile: Some("carol".to_owned()), ..app(None, None, "ml.c5.large", "Failed") },
    );
    for (space, state) in
        [("alice-lab", "Pending"), ("alice-ebs", "Deleting"), ("team-ebs", "Deleted")]
    {
        world.aws.app(STUDIO, app(None, Some(space), "ml.g5.xlarge", state));
    }
    world.aws.app(STUDIO, app(Some("alice"), None, "ml.t3.medium", "InService"));
    world.aws.app(STUDIO, app(None, Some("shared-models"), "ml.m5.large", "InService"));
    world.aws.app(STUDIO, app(Some("frank"), None, "ml.m5.large", "InService"));
    assert_eq!(code(&scan(&world, "studio", &TO)), Some(0));
    let table = status(&world, &[], 0);
    let shown = lines(&table);
    let since = "since 2026-05-28 20:26 UTC";
    let runs = |what: &str| format!("JupyterLab default on {what} {since}");
    let want = [
        "total of 3 | 4.8 MiB | 1.9 MiB | 2.9 MiB".to_owned(),
        format!(
            "alice | 200005 | 2.9 MiB | - | 2.9 MiB | custom EFS fs-0ddd | {}",
            runs("ml.t3.medium, InService")
        ),
        format!(
            "> alice-ebs | 200005 | space of alice, EBS volume of 50 GiB | {}",
            runs("ml.g5.xlarge, Deleting")
        ),
        format!(
            "> alice-lab | 200005 | space of alice, custom EFS fs-0ccc | {}",
            runs("ml.g5.xlarge, Pending")
        ),
        format!(
            "carol | 200010 | 0 B | no home yet, custom EFS fs-0aaa, custom EFS fs-0bbb | {}",
            runs("ml.c5.large, Failed")
        ),
        "dave | 0 B | no home yet".to_owned(),
        format!(
            "shared-models | 200006 | 1.9 MiB | 1.9 MiB | - | space | {}",
            runs("ml.m5.large, InService")
        ),
        format!(
            "team-ebs | 200011 | 0 B | space, EBS volume of 100 GiB | {}",
            runs("ml.g5.xlarge, Deleted")
        ),
        "(outside homes) | 4 KiB | - | -".to_owned(),
        "(orphan) 200007 | 200007 | 8 KiB | - | -".to_owned(),
    ];
    assert_eq!(shown, want, "{table}");
    assert!(
        table.contains(&format!(
            "App without a home here: frank: {}",
            runs("ml.m5.large, InService")
        ))
    );

    let json = json(&world, &[]);
    let ebs = member(&json, "alice-ebs");
    assert_eq!(ebs["ebs_bytes"], 50_u64 << 30);
    assert_eq!((&ebs["owner"], &ebs["home"]), (&"alice".into(), &"200005".into()));
    assert_eq!(ebs["apps"][0]["status"], "Deleting");
    assert_eq!(member(&json, "carol")["file_systems"], serde_json::json!(["fs-0aaa", "fs-0bbb"]));
    assert_eq!(member(&json, "carol")["home"], Value::Null);
    // Volumes are no part of the file system.
    let sum: u64 = json["homes"]
        .as_array()
        .unwrap()
        .iter()
        .map(|home| home["allocated_bytes"].as_u64().unwrap())
        .sum();
    assert_eq!(json["totals"]["allocated_bytes"], sum);
    assert!(sum < 10_000_000);
    // A home also shows the apps of its owner's spaces.
    assert_eq!(home(&json, "200005")["apps"].as_array().unwrap().len(), 3);
    assert_eq!(json["other_apps"][0]["profile"], "frank");
    assert!(world.aws.violations().is_empty(), "{:?}", world.aws.violations());
}

#[test]
fn a_user_is_found_by_profile_space_or_uid_also_without_a_home() {
    let world = everybody();
    assert_eq!(code(&scan(&world, "studio", &TO)), Some(0));
    for (user, want) in [
        ("carol", &["carol"][..]),
        ("CAROL", &["carol"]),
        ("200010", &["carol"]),
        ("dave", &["dave"]),
        ("alice", &["alice", "> alice-ebs", "> alice-lab"]),
        ("200005", &["alice", "> alice-ebs", "> alice-lab"]),
        ("alice-ebs", &["> alice-ebs"]),
        ("team-ebs", &["team-ebs"]),
        ("shared-models", &["shared-models"]),
    ] {
        let table = status(&world, &["--user", user], 0);
        let shown: Vec<String> =
            lines(&table).iter().map(|line| line.split(" | ").next().unwrap().to_owned()).collect();
        assert_eq!(shown, want, "{user}: {table}");
    }
    // A scan of a user without a home says why it finds nothing.
    let output = scan(&world, "studio", &["--user", "carol", "--user", "eve"]);
    assert_eq!(code(&output), Some(2));
    let known = "for carol (a user profile of sagemaker:studio), eve\n";
    assert!(stderr(&output).ends_with(known), "{}", stderr(&output));
    let said = stderr(&world.run(["status", "--from", "s3://team/efs", "--user", "eve"]));
    assert!(said.contains("no home for eve"), "{said}");
}

#[test]
fn the_apps_of_all_domains_that_were_scanned_are_shown() {
    let world = studio();
    world.aws.domain(LAB, "lab");
    // A second alice, and a user who exists only in this domain.
    world.aws.profile(LAB, "alice", Some(300_001));
    world.aws.profile(LAB, "zoe", Some(200_007));
    for (domain, instance) in [(STUDIO, "ml.t3.medium"), (LAB, "ml.g5.xlarge")] {
        world.aws.app(domain, app(Some("alice"), None, instance, "InService"));
    }
    world.aws.app(LAB, app(Some("zoe"), None, "ml.m5.large", "InService"));
    let both = [&["--names", "sagemaker:lab"][..], &TO].concat();
    assert_eq!(code(&scan(&world, "studio", &both)), Some(0));
    let table = status(&world, &[], 0);
    let shown = lines(&table);
    let starts = |start: &str| shown.iter().find(|line| line.starts_with(start)).unwrap();
    assert!(starts("alice (200005) |").contains("on ml.t3.medium"), "{table}");
    assert!(starts("alice (sagemaker:lab) | 300001").contains("on ml.g5.xlarge"), "{table}");
    assert!(starts("zoe | 200007").contains("on ml.m5.large"), "{table}");
    // A domain that does not answer is reported, and the other is shown.
    world.aws.fault(Fault::new("SageMaker", "ListApps", What::Denied));
    let output = world.run(["status", "--from", "s3://team/efs", "--apps"]);
    assert_eq!(code(&output), Some(3));
    assert!(
        stderr(&output).contains("apps are missing: SageMaker ListApps"),
        "{}",
        stderr(&output)
    );
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(!text.contains("ml.t3.medium") && text.contains("ml.g5.xlarge"), "{text}");
    world.aws.fault(Fault::new("SageMaker", "ListApps", What::Denied).always());
    status(&world, &[], 1);
}

#[test]
fn two_homes_of_one_owner_can_be_told_apart() {
    let world = studio();
    if !skip_unless(is_root(), "two homes of one owner", "only root changes owners") {
        return;
    }
    file(&world.root(), "project/x", 100);
    std::os::unix::fs::chown(world.root().join("project"), Some(200_005), None).unwrap();
    assert_eq!(code(&scan(&world, "studio", &TO)), Some(0));
    let table = status(&world, &[], 0);
    let shown = lines(&table);
    assert!(shown.iter().any(|line| line.starts_with("alice (200005) | 200005")), "{table}");
    assert!(shown.iter().any(|line| line.starts_with("alice (project) | 200005")), "{table}");
}

/// A volume may grow, but a uid never changes: only what has changed is described again.
#[test]
fn a_change_of_a_space_is_seen_by_the_next_scan() {
    let world = everybody();
    let size = |world: &World| {
        let report = printed(&scan(world, "studio", &[]));
        member(&report, "alice-ebs")["ebs_bytes"].as_u64().map(|bytes| bytes >> 30)
    };
    assert_eq!(size(&world), Some(50));
    world.aws.volume(STUDIO, "alice-ebs", 200);
    world.aws.clear_requests();
    assert_eq!(size(&world), Some(200));
    assert_eq!(world.aws.count("SageMaker", "DescribeSpace"), 1);
    // dave has no uid yet.
    assert_eq!(world.aws.count("SageMaker", "DescribeUserProfile"), 1);
    // In an outage, what is known is published.
    world.aws.fault(Fault::new("SageMaker", "*", What::Denied).always());
    assert_eq!(size(&world), Some(200));
    let alone = printed(&scan(&world, "studio", &["--user", "alice"]));
    assert_eq!(alone["members"], Value::Null, "a scan of some users has none");
}

#[test]
fn a_latest_json_from_before_members_is_read() {
    let world = everybody();
    world.aws.app(STUDIO, app(None, Some("alice-lab"), "ml.g5.xlarge", "InService"));
    assert_eq!(code(&scan(&world, "studio", &TO)), Some(0));
    let mut latest = world.latest().unwrap();
    assert!(latest.as_object_mut().unwrap().remove("members").is_some());
    world.aws.put_object("team", "efs/latest/prod.json", latest.to_string());
    let table = status(&world, &[], 0);
    let alice = table.lines().find(|line| line.starts_with("alice ")).unwrap();
    assert!(
        alice.contains("JupyterLab default on ml.g5.xlarge in space alice-lab, InService"),
        "{table}"
    );
}
