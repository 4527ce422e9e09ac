//! `efs-scan history` of a bucket.

use std::time::Instant;

use serde_json::json;

use efs_scan_testbed::aws::{Fault, What};

use super::*;

/// Publishes daily runs before the newest one, in which alice had 64 KiB less per day; returns
/// their ids.
fn earlier(world: &World, days: i64) -> Vec<String> {
    let latest = world.latest().unwrap();
    let object = |key: &str| {
        let bytes = world.aws.object("team", &format!("efs/{}", latest[key].as_str().unwrap()));
        String::from_utf8(bytes.unwrap()).unwrap()
    };
    let report = object("report");
    let [table, _] = csv_of(report.as_bytes());
    let started: jiff::Timestamp = latest["run"]["started"].as_str().unwrap().parse().unwrap();
    let bytes = home(&latest, "200005")["allocated_bytes"].as_i64().unwrap();
    let day = |day: i64| {
        let at = started - jiff::SignedDuration::from_hours(24 * day);
        let id = at.strftime("%Y%m%dT%H%M%S%.6fZ").to_string();
        let date = at.strftime("%Y-%m-%d");
        let smaller = format!(",{},", bytes - day * 65_536);
        let table = table.replace(&format!(",{bytes},"), &smaller);
        world.aws.put_object("team", &format!("efs/homes/fs=prod/dt={date}/{id}.csv"), table);
        world.aws.put_object(
            "team",
            &format!("efs/runs/fs=prod/dt={date}/{id}.json"),
            report.clone(),
        );
        id
    };
    (1..=days).map(day).collect()
}

const HISTORY: [&str; 5] = ["history", "--from", "s3://team/efs", "--format", "json"];

#[test]
fn a_month_is_read_in_parallel_with_only_the_start_of_reports() {
    let world = World::new();
    world.aws.page_size(7);
    assert_eq!(code(&world.scan(TO)), Some(0));
    earlier(&world, 40);
    world.aws.clear_requests();
    let delay = What::Delay(Duration::from_millis(30));
    world.aws.fault(Fault::new("S3", "GetObject", delay).always());
    let before = Instant::now();
    let output = world.run(HISTORY);
    let took = before.elapsed();
    assert_eq!(code(&output), Some(0), "{}", stderr(&output));
    let json = printed(&output);
    assert_eq!(json["runs"].as_array().unwrap().len(), 41);
    assert_eq!(home(&json, "200005")["bytes_per_day_7"], 65_536);
    assert_eq!(home(&json, "200005")["bytes_per_day_30"], 65_536);
    let most = world.aws.max_in_flight("S3");
    assert!((8..=16).contains(&most), "{most} at once, {took:?}");
    let asked = world.aws.requests();
    let gets: Vec<_> = asked.iter().filter(|request| request.operation == "GetObject").collect();
    assert_eq!(gets.len(), 2 * 41);
    for get in gets {
        let ranged = get.headers.get("range").is_some_and(|range| range == "bytes=0-16383");
        assert_eq!(ranged, get.target.contains("runs/"), "{}", get.target);
    }
    assert!(world.aws.violations().is_empty(), "{:?}", world.aws.violations());
}

#[test]
fn an_unreadable_run_is_named_and_the_others_are_shown() {
    at_once([What::InternalError, What::Denied, What::Truncated], |trouble| {
        let world = World::new();
        assert_eq!(code(&world.scan(TO)), Some(0));
        let ids = earlier(&world, 8);
        let table = format!("{}.csv", ids[3]);
        world.aws.fault(Fault::new("S3", "GetObject", trouble).matching(&table).always());
        let output = world.run(HISTORY);
        let said = stderr(&output);
        assert_eq!(code(&output), Some(3), "{said}");
        assert_eq!(said.lines().count(), 1, "{said}");
        assert!(said.contains("left out") && said.contains(&table), "{said}");
        let json = printed(&output);
        assert_eq!(json["unreadable"], json!([ids[3]]));
        assert_eq!(home(&json, "200005")["bytes_per_day_7"], 65_536);
    });
}

#[test]
fn large_tables_are_read_one_after_the_other() {
    let world = World::new();
    assert_eq!(code(&world.scan(TO)), Some(0));
    let ids = earlier(&world, 12);
    for key in world.aws.keys("team") {
        if key.starts_with("efs/homes/") && !key.contains(&ids[11]) && !key.contains(&ids[10]) {
            world.aws.put_object("team", &key, vec![b'x'; 32 << 20]);
        }
    }
    // Enough memory for some of the runs, but not for all. Without their lines, no table would be
    // read.
    let script = format!("ulimit -v 400000; exec \"$0\" {}", HISTORY.join(" "));
    let output = watched(&mut world.script(&script), Duration::from_secs(60));
    let said = stderr(&output);
    assert_eq!(code(&output), Some(3), "{said}");
    assert_eq!(said.matches("left out").count(), 11, "{said}");
    assert!(!said.contains("memory"), "{said}");
    assert_eq!(printed(&output)["runs"].as_array().unwrap().len(), 2);
}

#[test]
fn a_missing_permission_is_named_once() {
    let world = World::new();
    assert_eq!(code(&world.scan(TO)), Some(0));
    earlier(&world, 8);
    world.aws.fault(Fault::new("S3", "GetObject", What::Denied).always());
    let output = world.run(HISTORY);
    assert_eq!(code(&output), Some(1));
    let said = errors(&output);
    assert_eq!((said.len(), stderr(&output).lines().count()), (1, 1), "{said:?}");
    assert!(said[0].contains("s3:GetObject"), "{said:?}");
}

#[test]
fn reports_that_a_lifecycle_rule_removed_do_not_make_runs_incomparable() {
    let world = World::new();
    assert_eq!(code(&world.scan(TO)), Some(0));
    earlier(&world, 8);
    for key in world.aws.keys("team") {
        if key.starts_with("efs/runs/") {
            world.aws.delete_object("team", &key);
        }
    }
    let output = world.run(HISTORY);
    assert_eq!(code(&output), Some(0), "{}", stderr(&output));
    assert_eq!(printed(&output)["runs"].as_array().unwrap().len(), 9);
}
