//! Metrics sent to CloudWatch.

use super::*;
use efs_scan_testbed::aws::{Fault, Sizes, What};

const DIFFERENCE: &str = "MeteredDifferencePercent";
const CLOUDWATCH: [&str; 3] = ["--cloudwatch", "--file-system-id", FILE_SYSTEM];

#[test]
fn the_totals_are_those_of_the_report() {
    let world = World::new();
    let output = world.scan(CLOUDWATCH.into_iter().chain(["--quota", "1MiB"]));
    assert_eq!(code(&output), Some(0), "{}", stderr(&output));
    let report = printed(&output);
    let metrics = world.aws.metrics();
    let value = |name: &str| {
        let mut same = metrics.iter().filter(|metric| metric.name == name);
        let one = same.next().unwrap_or_else(|| panic!("no {name}"));
        assert!(same.next().is_none(), "{name} twice");
        assert_eq!(one.namespace, "EfsScan");
        assert_eq!(one.dimensions, [("FileSystemId".to_owned(), FILE_SYSTEM.to_owned())].into());
        one.value
    };
    let totals = &report["totals"];
    assert_eq!(value("AllocatedBytes"), totals["allocated_bytes"].as_f64().unwrap());
    assert_eq!(value("MeteredBytes"), totals["metered_bytes"].as_f64().unwrap());
    let class = |name: &str| totals["by_class"][name]["allocated_bytes"].as_f64().unwrap();
    assert_eq!(value("TrashBytes"), class("trash"));
    assert_eq!(value("CacheBytes"), class("cache"));
    let orphans = report["orphans"]["usage"]["allocated_bytes"].as_f64().unwrap();
    assert_eq!(value("OrphanBytes"), orphans);
    assert_eq!(value("Files"), 3.0);
    assert_eq!(value("HomesOverQuota"), 2.0);
    let percent = home(&report, "200005")["quota"]["used_percent"].as_f64().unwrap();
    assert_eq!(value("MaxQuotaPercent"), percent);
    assert_eq!(value("ScanErrors"), 0.0);
    assert_eq!(value("ScanComplete"), 1.0);
    assert!(value("ScanDurationSeconds") >= 0.0);
    assert_eq!(metrics.len(), 11);
    assert!(world.aws.violations().is_empty(), "{:?}", world.aws.violations());
}

#[test]
fn unknown_metrics_are_left_out() {
    let world = World::new();
    let mut command = world.command();
    command.arg(world.root()).args(CLOUDWATCH);
    assert_eq!(code(&watched(&mut command, Duration::from_secs(60))), Some(0));
    let names: Vec<String> = world.aws.metrics().into_iter().map(|metric| metric.name).collect();
    assert_eq!(names.len(), 9, "{names:?}");
    let unknown = ["OrphanBytes", "MaxQuotaPercent", "MeteredDifferencePercent"];
    assert!(!names.iter().any(|name| unknown.contains(&name.as_str())));
}

#[test]
fn the_difference_metric_has_no_sign() {
    let world = World::new();
    let metered = |world: &World| world.aws.metrics().pop().filter(|m| m.name == DIFFERENCE);
    for (value, at_least) in [(100 << 30, 99.0), (10_000, 1000.0)] {
        let sizes = Sizes { value, standard: value, ia: 0, archive: 0, at_epoch_seconds: 1.0 };
        world.aws.file_system(FILE_SYSTEM, sizes);
        let output = world.scan(CLOUDWATCH);
        assert_eq!(code(&output), Some(0), "{}", stderr(&output));
        let said = &printed(&output)["file_system"]["difference_percent"];
        let metric = metered(&world).unwrap();
        assert!(metric.value > at_least, "{}", metric.value);
        assert_eq!(metric.value, said.as_f64().unwrap().abs());
        // A scan of some homes is not compared with EFS's size.
        let before = world.aws.metrics().len();
        assert_eq!(
            code(&world.scan(CLOUDWATCH.into_iter().chain(["--exclude", "200007"]))),
            Some(0)
        );
        assert!(world.aws.metrics()[before..].iter().all(|metric| metric.name != DIFFERENCE));
    }
}

/// Only named users get metrics; a named user without a home gets a message.
#[test]
fn metrics_of_some_users() {
    let world = World::new();
    let flags = ["--cloudwatch-users=alice,200007,carol", "--quota", "1MiB"];
    let output = world.scan(CLOUDWATCH.into_iter().chain(flags));
    assert_eq!(code(&output), Some(0), "{}", stderr(&output));
    let metrics = world.aws.metrics();
    let users: std::collections::BTreeSet<(&str, &str)> = metrics
        .iter()
        .filter_map(|m| Some((m.dimensions.get("User")?.as_str(), m.name.as_str())))
        .collect();
    let names = ["AllocatedBytes", "CacheBytes", "QuotaPercent", "TrashBytes"];
    let expected = ["200007", "alice"].into_iter().flat_map(|user| names.map(|name| (user, name)));
    assert_eq!(users, expected.collect());
    let warnings: Vec<String> =
        stderr(&output).lines().filter(|line| line.contains("carol")).map(Into::into).collect();
    assert_eq!(warnings.len(), 1, "{}", stderr(&output));
    assert!(!warnings[0].contains("alice"), "{warnings:?}");
}

/// Many users with unusual names, in calls that CloudWatch accepts.
#[test]
fn users_are_split_into_calls_within_the_limits() {
    let world = World::new();
    let mut names = String::from("uid,name\n");
    for uid in 300_000..300_600 {
        std::fs::create_dir(world.root().join(uid.to_string())).unwrap();
        names += &match uid % 3 {
            0 => format!("{uid},user-{uid}\n"),
            1 => format!("{uid},:Ünï ☃ {uid}\n"),
            _ => format!("{uid},{}{uid}\n", "x".repeat(1500)),
        };
    }
    // Two homes with one name are one user.
    names += "200005,alice\n200006,alice\n";
    std::fs::write(world.scratch.path().join("names.csv"), names).unwrap();
    let flags = ["--cloudwatch=Team/Efs", "--cloudwatch-users", "--quota", "1MiB"];
    let output = world.scan(CLOUDWATCH.into_iter().skip(1).chain(flags));
    assert_eq!(code(&output), Some(0), "{}", stderr(&output));
    assert!(world.aws.violations().is_empty(), "{:?}", world.aws.violations());
    let metrics = world.aws.metrics();
    let users: Vec<_> = metrics.iter().filter(|m| m.dimensions.contains_key("User")).collect();
    // Names that are equal after truncation to 1,024 characters are one user.
    assert_eq!(users.len(), 4 * (400 + 1 + 2));
    assert!(world.aws.put_metric_calls().len() >= 2);
    let alice = |name: &str| {
        let of = users.iter().find(|m| m.name == name && m.dimensions["User"] == "alice");
        of.unwrap().value
    };
    let report = printed(&output);
    let both = |pointer: &str| -> f64 {
        ["200005", "200006"]
            .iter()
            .map(|name| home(&report, name).pointer(pointer).unwrap().as_f64().unwrap())
            .sum()
    };
    assert_eq!(alice("AllocatedBytes"), both("/usage/allocated_bytes"));
    assert_eq!(alice("TrashBytes"), both("/usage/by_class/trash/allocated_bytes"));
    assert_eq!(alice("CacheBytes"), both("/usage/by_class/cache/allocated_bytes"));
    let percent = home(&report, "200005")["quota"]["used_percent"].as_f64().unwrap();
    assert_eq!(alice("QuotaPercent"), percent);
}

#[test]
fn the_metrics_of_a_user_have_the_name_in_the_report() {
    let world = World::new();
    std::fs::write(world.scratch.path().join("names.csv"), "200005,Jürgen\n").unwrap();
    let output = world.scan(CLOUDWATCH.into_iter().chain(["--cloudwatch-users=Jürgen"]));
    assert_eq!(code(&output), Some(0), "{}", stderr(&output));
    assert_eq!(stderr(&output).lines().count(), 1, "{}", stderr(&output));
    let metrics = world.aws.metrics();
    let users = metrics.iter().filter_map(|metric| metric.dimensions.get("User"));
    assert_eq!(users.collect::<Vec<_>>(), ["J\\u{fc}rgen"; 3], "as CloudWatch takes it");
}

/// An alarm must not recover because half of the homes could not be read.
#[test]
fn metrics_that_a_partial_scan_cannot_know_are_left_out() {
    let world = World::new();
    let locked = world.root().join("200005/locked");
    std::fs::create_dir(&locked).unwrap();
    std::fs::set_permissions(&locked, std::os::unix::fs::PermissionsExt::from_mode(0o000)).unwrap();
    let names = format!("csv:{}", world.scratch.path().join("names.csv").display());
    let mut command = as_owner();
    world.aws.env(&mut command);
    command.env("EFS_SCAN_CONFIG", "/dev/null").arg(world.root()).args(CLOUDWATCH);
    command.args(["--cloudwatch-users", "--quota", "1MiB", "--names", &names]);
    command.arg("--state-dir").arg(world.state());
    let output = watched(&mut command, Duration::from_secs(60));
    assert_eq!(code(&output), Some(3), "{}", stderr(&output));
    let metrics = world.aws.metrics();
    let of = |user: Option<&str>| -> Vec<(&str, f64)> {
        let same = |metric: &&efs_scan_testbed::aws::Metric| {
            metric.dimensions.get("User").map(String::as_str) == user
        };
        let known = metrics.iter().filter(same);
        known.map(|metric| (metric.name.as_str(), metric.value)).collect()
    };
    let totals = of(None);
    let names: Vec<&str> = totals.iter().map(|(name, _)| *name).collect();
    assert_eq!(names, ["ScanDurationSeconds", "ScanErrors", "ScanComplete"]);
    assert_eq!((totals[1].1, totals[2].1), (1.0, 0.0));
    assert_eq!(of(Some("alice")), []);
    assert_eq!(of(Some("bob")).len(), 4, "his home was read");
}

/// ScanComplete is sent after the report can be read.
#[test]
fn metrics_wait_until_the_report_is_there() {
    let world = World::new();
    world.aws.fault(Fault::new("S3", "PutObject", What::Denied).matching("homes/").always());
    let output = world.scan(TO.into_iter().chain(CLOUDWATCH));
    assert_eq!(code(&output), Some(5), "{}", stderr(&output));
    assert_eq!(world.aws.metrics().len(), 0);
    let finished = printed(&output)["run"]["finished"].as_str().unwrap().to_owned();
    world.aws.clear_faults();
    assert_eq!(code(&world.run(["publish"])), Some(0));
    let metrics = world.aws.metrics();
    let complete = metrics.iter().find(|metric| metric.name == "ScanComplete").unwrap();
    let finished: jiff::Timestamp = finished.parse().unwrap();
    assert_eq!(complete.timestamp as i64, finished.as_second(), "with the run's own time");
}

#[test]
fn a_partial_failure_reports_what_was_sent_and_continues_from_there() {
    let world = World::new();
    for uid in 300_000..300_700 {
        std::fs::create_dir(world.root().join(uid.to_string())).unwrap();
    }
    world.aws.fault(Fault::new("CloudWatch", "PutMetricData", What::Denied).after(1).always());
    let output = world.scan(CLOUDWATCH.into_iter().chain(["--cloudwatch-users"]));
    assert_eq!(code(&output), Some(5), "{}", stderr(&output));
    let line = &errors(&output)[0];
    assert!(line.contains("(1000 of 2119 metrics were sent)"), "{line}");
    assert!(line.contains("cloudwatch:PutMetricData"), "{line}");
    world.aws.clear_faults();
    assert_eq!(code(&world.run(["publish"])), Some(0));
    assert_eq!(world.aws.put_metric_calls(), [1000, 1000, 119]);
    let mut seen: Vec<_> =
        world.aws.metrics().into_iter().map(|metric| (metric.name, metric.dimensions)).collect();
    seen.sort();
    seen.dedup();
    assert_eq!(seen.len(), 2119, "none twice, none left out");
}

#[test]
fn throttled_metrics_are_retried_and_objects_do_not_wait_for_metrics() {
    let world = World::new();
    world.aws.fault(Fault::new("CloudWatch", "PutMetricData", What::Throttle).times(2));
    assert_eq!(code(&world.scan(CLOUDWATCH)), Some(0));
    world.aws.fault(Fault::new("CloudWatch", "PutMetricData", What::Denied).always());
    let output = world.scan(TO.into_iter().chain(CLOUDWATCH));
    assert_eq!(code(&output), Some(5));
    assert_eq!(world.latest().unwrap()["run"]["id"], printed(&output)["run"]["id"]);
    let before = world.aws.count("S3", "PutObject");
    world.aws.clear_faults();
    assert_eq!(code(&world.run(["publish"])), Some(0));
    assert_eq!(world.aws.count("S3", "PutObject"), before, "done is done");
}

#[test]
fn metrics_that_waited_too_long_are_given_up_and_the_rest_is_not() {
    let world = World::new();
    world.aws.fault(Fault::new("CloudWatch", "PutMetricData", What::Denied).always());
    assert_eq!(code(&world.scan(CLOUDWATCH)), Some(5));
    let spooled = world.spool_dir().join(&world.spool()[0]);
    let mut job: Value = serde_json::from_slice(&std::fs::read(&spooled).unwrap()).unwrap();
    job["report"]["run"]["finished"] = "2020-01-01T00:00:00Z".into();
    std::fs::write(&spooled, job.to_string()).unwrap();
    world.aws.clear_faults();
    let output = world.run(["publish"]);
    assert_eq!(code(&output), Some(0), "{}", stderr(&output));
    assert!(stderr(&output).contains("its metrics are skipped"), "{}", stderr(&output));
    assert!(world.aws.metrics().is_empty() && world.spool().is_empty());
    assert!(world.aws.violations().is_empty());
}
