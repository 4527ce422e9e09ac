//! Stale, missing and damaged runs.

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::World;

/// Changes the newest run so that it finished that many minutes ago.
fn age(world: &World, minutes: i64) {
    let at = Timestamp::now() - SignedDuration::from_mins(minutes);
    world.edit(|latest| {
        latest["run"]["started"] = (at - SignedDuration::from_secs(5)).to_string().into();
        latest["run"]["finished"] = at.to_string().into();
    });
}

#[test]
fn a_stale_run_is_reported_first_and_fails_only_on_request() {
    let world = World::new();
    age(&world, 36 * 60 + 2);
    let table = world.table(&[]);
    let first = table.lines().next().unwrap();
    assert!(first.starts_with("!!! STALE: the newest run is 36 h old."), "{first}");
    let output = world.status(["--fail-if-stale"]);
    assert_eq!(output.status.code(), Some(6));
    assert_eq!(String::from_utf8_lossy(&output.stdout).lines().next(), Some(first));
    assert_eq!(world.json()["stale"], true);
    let output = world.status(["--fail-if-stale", "--format", "json"]);
    assert_eq!(output.status.code(), Some(6));
    let json: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert!(json["age_seconds"].as_i64().unwrap() >= (36 * 60 + 2) * 60, "{json}");
    // The data is as old for any selection of users.
    assert_eq!(world.status(["--fail-if-stale", "--user", "bob"]).status.code(), Some(6));
    assert!(world.table(&["--user", "bob"]).starts_with("!!! STALE"));
}

#[test]
fn a_run_of_the_last_36_hours_is_not_stale_nor_is_one_of_a_clock_slightly_ahead() {
    let world = World::new();
    for minutes in [0, 36 * 60 - 2, -3] {
        age(&world, minutes);
        assert!(!world.table(&["--fail-if-stale"]).contains("STALE"), "{minutes} minutes");
        assert_eq!(world.json()["stale"], false);
    }
}

/// A run from the future would hide all other runs until its time comes.
#[test]
fn a_run_from_the_future_is_as_bad_as_an_old_one() {
    let world = World::new();
    age(&world, -3 * 60);
    let output = world.status(["--fail-if-stale"]);
    assert_eq!(output.status.code(), Some(6));
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(text.lines().next().unwrap().contains("from the future"), "{text}");
    assert!(text.contains("in the future") && !text.contains(" ago,"), "{text}");
}

#[test]
fn an_empty_destination_is_an_error_in_one_line() {
    let world = World::empty();
    let said = super::one_line(&world.status::<&str>([]), 1);
    assert!(said.contains("nothing is published there yet"), "{said}");
    assert!(said.contains("published/latest/ has no run"), "{said}");
    assert!(!world.to().exists(), "reading makes no directory");
    std::fs::create_dir(world.to()).unwrap();
    assert_eq!(super::one_line(&world.status::<&str>([]), 1), said);
}

#[test]
fn a_latest_run_that_is_damaged_is_named_in_one_line() {
    let world = World::new();
    let path = world.to().join("latest/prod.json");
    let whole = std::fs::read(&path).unwrap();
    let mut cases: Vec<Vec<u8>> = vec![
        Vec::new(),
        b"garbage".to_vec(),
        b"\x00\xff\x1b[2J\n\n".to_vec(),
        b"null".to_vec(),
        b"[]".to_vec(),
        b"{}".to_vec(),
        b"{\"schema\": \"a\\n\\u001b[2Jb\"}".to_vec(),
        b"{\"schema\": \"efs-scan/latest/1\", \"run\": \"\\u001b[2J\\n\"}".to_vec(),
        [&whole[..], b"}"].concat(),
    ];
    cases.extend(
        [1, whole.len() / 3, whole.len() / 2, whole.len() - 1].map(|n| whole[..n].to_vec()),
    );
    for bytes in cases {
        std::fs::write(&path, &bytes).unwrap();
        let said = super::one_line(&world.status::<&str>([]), 1);
        assert!(said.contains("latest/prod.json"), "{said}");
    }
}

#[test]
fn a_destination_that_cannot_be_read_is_named_in_one_line() {
    let world = World::new();
    let path = world.to().join("latest/prod.json");
    std::fs::remove_file(&path).unwrap();
    std::fs::create_dir(&path).unwrap();
    let said = super::one_line(&world.status::<&str>([]), 1);
    assert!(said.contains("latest/ has no run"), "{said}");
    // A destination that is a file, and one with a name that would act on the terminal.
    let mut command = efs_scan_testbed::efs_scan();
    command.arg("status").arg("--from").arg(world.scratch.path().join("names.csv"));
    super::refused(&mut command, 1);
    super::refused(efs_scan_testbed::efs_scan().args(["status", "--from", "no\n\x1b[2Jwhere"]), 1);
    super::refused(efs_scan_testbed::efs_scan().args(["status", "--from", "gs://team/x"]), 2);
}

#[test]
fn keys_that_a_later_version_adds_are_ignored() {
    let world = World::new();
    let before = world.json();
    world.edit(|latest| {
        let more = json!({"deep": [1, 2, {"x": null}]});
        latest["added_later"] = more.clone();
        latest["run"]["added_later"] = more.clone();
        latest["totals"]["added_later"] = more.clone();
        latest["totals"]["by_class"]["added_later"] = more.clone();
        for home in latest["homes"].as_array_mut().unwrap() {
            home["added_later"] = more.clone();
            home["owner"]["added_later"] = more.clone();
        }
    });
    let after = world.json();
    for key in ["run", "totals", "homes", "orphans"] {
        assert_eq!(after[key], before[key], "{key}");
    }
}

#[test]
fn a_latest_run_of_another_schema_is_refused() {
    let world = World::new();
    world.edit(|latest| latest["schema"] = "efs-scan/latest/2".into());
    let said = super::one_line(&world.status::<&str>([]), 1);
    assert!(said.contains("latest/prod.json"), "{said}");
}
