//! `efs-scan status` of many file systems in one bucket.

use std::time::Instant;

use efs_scan_testbed::aws::{Fault, What};

use super::*;

/// Number of file systems.
const MANY: usize = 40;

fn key(at: usize) -> String {
    format!("share-{at:02}")
}

/// Publishes a file system under many names, each with a run of today and of the week before.
fn many() -> World {
    let world = World::new();
    assert_eq!(code(&world.scan(TO)), Some(0));
    let latest = world.latest().unwrap();
    let report = format!("efs/{}", latest["report"].as_str().unwrap());
    let [rows, _] = csv_of(&world.aws.object("team", &report).unwrap());
    let latest = latest.to_string();
    let started: jiff::Timestamp =
        serde_json::from_str::<Value>(&latest).unwrap()["run"]["started"]
            .as_str()
            .unwrap()
            .parse()
            .unwrap();
    for at in 0..MANY {
        let of = key(at);
        let own = latest
            .replace("\"prod\"", &format!("\"{of}\""))
            .replace("fs=prod", &format!("fs={of}"));
        world.aws.put_object("team", &format!("efs/latest/{of}.json"), own);
        for days in [1, 7] {
            let before = started - jiff::SignedDuration::from_hours(24 * days);
            let (day, id) = (before.strftime("%Y-%m-%d"), before.strftime("%Y%m%dT%H%M%S%.6fZ"));
            let path = format!("efs/homes/fs={of}/dt={day}/{id}.csv");
            world.aws.put_object("team", &path, rows.clone());
        }
    }
    world.aws.delete_object("team", "efs/latest/prod.json");
    world.aws.clear_requests();
    world
}

const STATUS: [&str; 5] = ["status", "--from", "s3://team/efs", "--format", "json"];

/// Returns the status without values that depend on the clock.
fn status(output: &Output) -> Value {
    let mut json = printed(output);
    for one in json["file_systems"].as_array_mut().unwrap() {
        one.as_object_mut().unwrap().remove("age_seconds").unwrap();
    }
    json
}

#[test]
fn sixteen_are_read_at_a_time_and_shown_in_the_order_of_their_keys() {
    let world = many();
    let output = world.run(STATUS);
    assert_eq!(code(&output), Some(0), "{}", stderr(&output));
    let calm = status(&output);
    let keys: Vec<&str> = calm["file_systems"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| {
            assert!(one["compared_day"].is_object() && one["compared_week"].is_object(), "{one}");
            // The tables of directories of so many are not read, and the status says so.
            let left_out = one["grew_most_left_out"].as_str().unwrap();
            assert!(left_out.contains("more than 16 file systems"), "{one}");
            one["key"].as_str().unwrap()
        })
        .collect();
    assert_eq!(keys, (0..MANY).map(key).collect::<Vec<_>>());

    // Some answers take longer, so file systems end in another order than they begin.
    world.aws.clear_requests();
    for (at, delay) in [("share-00", 400), ("share-1", 150), ("share-", 50)] {
        let delay = What::Delay(Duration::from_millis(delay));
        world.aws.fault(Fault::new("S3", "*", delay).matching(at).always());
    }
    let before = Instant::now();
    let output = world.run(STATUS);
    let took = before.elapsed();
    assert_eq!(code(&output), Some(0), "{}", stderr(&output));
    assert_eq!(status(&output), calm);
    let most = world.aws.max_in_flight("S3");
    assert!((10..=16).contains(&most), "{most} at once");
    assert_eq!(world.aws.count("S3", "GetObject"), 3 * MANY);
    // In sequence, each would take four answers of at least 50 ms.
    assert!(took < Duration::from_millis(50 * 4 * MANY as u64), "{took:?}");
    assert!(world.aws.violations().is_empty(), "{:?}", world.aws.violations());
}

#[test]
fn unreadable_file_systems_are_named_in_order_and_the_rest_is_shown() {
    let world = many();
    world.aws.put_object("team", "efs/latest/share-05.json", "garbage");
    let denied = Fault::new("S3", "GetObject", What::Denied).matching("latest/share-30.json");
    world.aws.fault(denied.always());
    let slow = What::Delay(Duration::from_millis(300));
    world.aws.fault(Fault::new("S3", "*", slow).matching("share-05").always());
    let table = Fault::new("S3", "GetObject", What::Denied).matching("homes/fs=share-20");
    world.aws.fault(table.always());
    let output = world.run(STATUS);
    assert_eq!(code(&output), Some(3), "{}", stderr(&output));
    let shown = status(&output)["file_systems"].as_array().unwrap().len();
    assert_eq!(shown, MANY - 2);
    let text = stderr(&output);
    let at = |part: &str| text.find(part).unwrap_or_else(|| panic!("{part}: {text}"));
    assert!(at("share-05.json") < at("homes/fs=share-20"), "{text}");
    assert!(at("homes/fs=share-20") < at("share-30.json"), "{text}");
}

#[test]
fn a_file_system_is_found_by_its_name_beside_one_that_cannot_be_read() {
    let world = many();
    let path = "efs/latest/share-07.json";
    let mut latest: Value =
        serde_json::from_slice(&world.aws.object("team", path).unwrap()).unwrap();
    latest["run"]["identity"]["name"] = "blue".into();
    world.aws.put_object("team", path, latest.to_string());
    world.aws.put_object("team", "efs/latest/share-03.json", "garbage");
    let output = world.run([&STATUS[..], &["--file-system", "blue"]].concat());
    assert_eq!(code(&output), Some(0), "{}", stderr(&output));
    assert_eq!(printed(&output)["run"]["identity"]["key"], "share-07");
    assert!(stderr(&output).contains("WARN") && stderr(&output).contains("share-03.json"));
    let output = world.run([&STATUS[..], &["--file-system", "green"]].concat());
    assert_eq!(code(&output), Some(1), "{}", stderr(&output));
    assert!(stderr(&output).contains("share-03.json"), "it may be that one: {}", stderr(&output));
}

#[test]
fn the_patience_covers_all_file_systems_together() {
    let world = many();
    let stuck = What::Delay(Duration::from_secs(600));
    world
        .aws
        .fault(Fault::new("S3", "GetObject", stuck.clone()).matching("latest/share-00").always());
    let run = || {
        let before = Instant::now();
        let mut command = world.command();
        command.args(STATUS).env("EFS_SCAN_PATIENCE", "3s");
        (watched(&mut command, Duration::from_secs(120)), before.elapsed())
    };
    let (output, took) = run();
    assert_eq!(code(&output), Some(3), "{}", stderr(&output));
    assert_eq!(status(&output)["file_systems"].as_array().unwrap().len(), MANY - 1);
    assert!(took >= Duration::from_secs(3), "{took:?}");

    // None answers: the patience is not spent for each of them.
    world.aws.fault(Fault::new("S3", "GetObject", stuck).matching("latest/").always());
    let (output, took) = run();
    assert_eq!(code(&output), Some(1), "{}", stderr(&output));
    assert_eq!(errors(&output).len(), MANY + 1, "{}", stderr(&output));
    assert!(took < Duration::from_secs(30), "{took:?}");
}
