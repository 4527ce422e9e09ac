//! Selection of homes, and the source of runs.

use std::time::Duration;

use serde_json::Value;

use super::{World, hours, line, refused};
use efs_scan_testbed::*;

/// Returns the uids of the homes in the JSON for these arguments.
fn uids(world: &World, args: &[&str]) -> Vec<u64> {
    let json = world.table(&[args, &["--format", "json"]].concat());
    let json: Value = serde_json::from_str(&json).unwrap();
    let homes = json["homes"].as_array().unwrap();
    homes.iter().map(|home| home["uid"].as_u64().unwrap()).collect()
}

#[test]
fn a_user_is_found_by_name_and_by_uid_and_shown_alone() {
    let world = World::new();
    assert_eq!(uids(&world, &["--user", "bob"]), [200_006]);
    assert_eq!(uids(&world, &["--user", "200006"]), [200_006]);
    // Sorted by name in any order of the arguments; a repeated argument counts once.
    let twice = ["--user", "zoe", "--user", "200008", "--user", "alice"];
    assert_eq!(uids(&world, &twice), [200_008, 200_005]);
    let table = world.table(&["--user", "bob"]);
    assert!(line(&table, "bob ").contains("200006"), "{table}");
    assert!(!table.contains("total of"), "the total is everybody's: {table}");
    assert!(!table.contains("zoe") && !table.contains("orphan"), "{table}");
}

#[test]
fn the_change_of_one_user_is_that_of_everybodys_table() {
    let world = World::new();
    world.earlier(hours(24), |rows| super::grow(rows, "200006", -4096));
    let all = world.table(&[]);
    let one = world.table(&["--user", "bob"]);
    let cells = |table: &str| {
        let words = line(table, "bob ").split_whitespace().map(str::to_owned);
        words.collect::<Vec<_>>()
    };
    assert_eq!(cells(&one), cells(&all));
    assert!(one.contains("+4 KiB"), "{one}");
}

#[test]
fn a_user_without_a_home_is_named_in_one_line() {
    let world = World::new();
    for user in ["nobody-here", "299999", "", "evil\n\x1b[2J"] {
        let said = super::one_line(&world.status(["--user", "bob", "--user", user]), 2);
        assert!(said.contains("no home for"), "{said}");
        assert!(!said.contains("bob"), "{said}");
    }
    let said = super::one_line(&world.status(["--user", "nobody-here"]), 2);
    assert!(said.contains("nobody-here"), "{said}");
}

#[test]
fn the_destination_must_be_given() {
    let said = refused(efs_scan().arg("status"), 2);
    assert!(said.contains("--from") && said.contains("[publish]"), "{said}");
}

#[test]
fn the_configuration_and_the_environment_say_where_runs_are() {
    let (world, other) = (World::new(), World::new());
    let beside = |name: &str, to: &std::path::Path| {
        let path = world.scratch.path().join(name);
        std::fs::write(&path, format!("[publish]\nto = '{}'\n", to.display())).unwrap();
        path
    };
    let right = beside("right.toml", &world.to());
    let wrong = beside("wrong.toml", &other.to());
    let from = |command: &mut std::process::Command| {
        let output = watched(command.args(["--format", "json"]), Duration::from_secs(60));
        assert_eq!(output.status.code(), Some(0), "{}", super::stderr(&output));
        serde_json::from_slice::<Value>(&output.stdout).unwrap()["from"].clone()
    };
    let want = Value::from(world.to().to_str().unwrap());
    assert_eq!(from(efs_scan().arg("status").arg("--config").arg(&right)), want);
    assert_eq!(from(efs_scan().arg("status").env("EFS_SCAN_CONFIG", &right)), want);
    // A variable overrides the file, and a flag overrides the variable.
    let mut command = efs_scan();
    command.arg("status").env("EFS_SCAN_PUBLISH", world.to()).arg("--config").arg(&wrong);
    assert_eq!(from(&mut command), want);
    let mut command = efs_scan();
    command.arg("status").env("EFS_SCAN_PUBLISH", other.to()).arg("--from").arg(world.to());
    assert_eq!(from(&mut command), want);
}

#[test]
fn apps_need_a_domain() {
    let world = World::new();
    let said = super::one_line(&world.status(["--apps"]), 2);
    assert!(said.contains("--apps needs a domain"), "{said}");
}
