//! The status of several file systems at one destination.

use serde_json::Value;

use super::*;
use efs_scan_testbed::{efs_scan, file, watched};

/// Makes a world with a second file system, `stage`, on which zoe has a home, too.
fn two() -> World {
    let world = World::new();
    let root = world.scratch.path().join("stage");
    file(&root, "200005/data", 5_000_000);
    let mut command = efs_scan();
    command.env("EFS_SCAN_STATE_DIR", world.scratch.path().join("state")).arg(root);
    command.args(["--names", &format!("csv:{}", world.scratch.path().join("names.csv").display())]);
    command.args(["--name=stage", "--quiet", "--publish"]).arg(world.to());
    let output = watched(&mut command, std::time::Duration::from_secs(60));
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    world
}

fn json(world: &World, args: &[&str]) -> Value {
    serde_json::from_str(&world.table(&[args, &["--format", "json"]].concat())).unwrap()
}

#[test]
fn each_file_system_has_a_section_and_all_have_a_sum() {
    let world = two();
    let table = world.table(&[]);
    let at = |text: &str| table.find(text).unwrap_or_else(|| panic!("no {text}: {table}"));
    assert!(at("== prod\n") < at("== stage\n") && at("== stage\n") < at("== All file systems\n"));
    assert!(line(&table[at("== All")..], "total of 2").contains("MiB"), "{table}");
    let all = json(&world, &[]);
    let sum: u64 = all["file_systems"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| one["totals"]["allocated_bytes"].as_u64().unwrap())
        .sum();
    assert_eq!(all["total"]["allocated_bytes"], sum);
    assert_eq!(all["file_systems"][1]["key"], "stage");
    // People with homes on one file system only are neither new nor gone on the other.
    assert!(!table.contains("Gone since"), "{table}");
    // The status of one file system is the same as if it were alone.
    let one = world.table(&["--file-system", "prod"]);
    assert!(!one.contains("==") && !one.contains("stage"), "{one}");
    let said = super::one_line(&world.status(["--file-system", "dev"]), 2);
    assert!(said.contains("prod, stage"), "{said}");
}

#[test]
fn sums_are_shown_alone_by_file_system_and_by_person() {
    let world = two();
    let table = world.table(&["--by", "file-system"]);
    assert!(!table.contains("==") && line(&table, "stage").contains("4.8 MiB"), "{table}");
    // The same name on two file systems is one person only if that is configured.
    let zoes = |table: &str| table.lines().filter(|line| line.starts_with("zoe")).count();
    assert_eq!(zoes(&world.table(&["--by", "person"])), 2);
    let config = world.scratch.path().join("efs-scan.toml");
    std::fs::write(&config, "same_people = true\n").unwrap();
    let table = world.table(&["--by", "person", "--config", config.to_str().unwrap()]);
    assert_eq!(zoes(&table), 1, "{table}");
    assert!(
        line(&table, "zoe").contains("prod ") && line(&table, "zoe").contains(", stage "),
        "{table}"
    );
}

#[test]
fn a_user_need_not_have_a_home_on_every_file_system() {
    let world = two();
    let table = world.table(&["--user", "zoe"]);
    assert_eq!(table.matches("\nzoe").count(), 2, "{table}");
    // The sums are those of her homes.
    let all = json(&world, &["--user", "zoe"]);
    let size = |one: &Value| one["homes"][0]["allocated_bytes"].as_u64().unwrap();
    let homes = all["file_systems"].as_array().unwrap();
    assert_eq!(all["total"]["allocated_bytes"], homes.iter().map(size).sum::<u64>());
    assert_eq!(all["total"]["homes"], 2);
    let sums = &table[table.find("== All").unwrap()..];
    assert!(line(sums, "prod").contains(" 308 KiB "), "{table}");
    let said = super::one_line(&world.status(["--user", "nobody"]), 2);
    assert!(said.contains("no home for nobody"), "{said}");
}

#[test]
fn an_unreadable_file_system_does_not_affect_the_others() {
    let world = two();
    std::fs::write(world.to().join("latest/prod.json"), "garbage").unwrap();
    let output = world.status::<&str>([]);
    assert_eq!(output.status.code(), Some(3), "{}", stderr(&output));
    assert!(stderr(&output).contains("latest/prod.json"), "{}", stderr(&output));
    assert!(String::from_utf8_lossy(&output.stdout).contains("== stage"));
    // Every form says that it is missing.
    let without = "!!! Without prod, which could not be read !!!\n\n";
    for by in [&[][..], &["--by=person"], &["--by=group"], &["--by=file-system"]] {
        let output = world.status(by);
        assert_eq!(output.status.code(), Some(3), "{}", stderr(&output));
        let table = String::from_utf8_lossy(&output.stdout);
        assert!(table.starts_with(without), "{by:?}: {table}");
        let output = world.status([by, &["--format=json"]].concat());
        assert_eq!(output.status.code(), Some(3), "{}", stderr(&output));
        let all: Value = serde_json::from_slice(&output.stdout).unwrap();
        assert_eq!(all["unreadable"], serde_json::json!(["prod"]));
        assert_eq!(all["file_systems"].as_array().unwrap().len(), 1);
    }
    // The person may have a home on the one that was not read.
    let output = world.status(["--user", "alice"]);
    assert_eq!(output.status.code(), Some(1), "{}", stderr(&output));
    let said = "no home for alice in the newest run, as far as it could be read";
    assert!(stderr(&output).contains(said), "{}", stderr(&output));
    assert_eq!(world.status(["--user", "zoe"]).status.code(), Some(3));
}

/// The growth of a stale run is that of another day, and what could not be read may have grown, too.
#[test]
fn the_change_of_all_is_approximate_if_one_is_stale_or_not_readable() {
    let world = two();
    world.earlier(hours(24), |rows| grow(rows, "200006", -4096));
    let stage = world.to().join("latest/stage.json");
    let total = |world: &World| {
        let output = world.status(["--by", "file-system"]);
        let table = String::from_utf8(output.stdout).unwrap();
        let output = world.status(["--by", "file-system", "--format", "json"]);
        let all: Value = serde_json::from_slice(&output.stdout).unwrap();
        (line(&table, "total of").to_owned(), all["total"]["day"].clone())
    };
    std::fs::remove_file(&stage).unwrap();
    let (shown, json) = total(&world);
    assert!(shown.contains(" +4 KiB"), "{shown}");
    assert_eq!(json["exact"], true);
    world.edit(|latest| {
        let at = jiff::Timestamp::now() - jiff::SignedDuration::from_hours(37);
        latest["run"]["finished"] = at.to_string().into();
    });
    let (shown, json) = total(&world);
    assert!(shown.contains(" ~+4 KiB"), "{shown}");
    assert_eq!((&json["bytes"], &json["exact"]), (&4096.into(), &false.into()));
    world.edit(|latest| latest["run"]["finished"] = jiff::Timestamp::now().to_string().into());
    assert_eq!(total(&world).1["exact"], true);
    std::fs::write(&stage, "garbage").unwrap();
    let (shown, json) = total(&world);
    assert!(shown.contains(" ~+4 KiB"), "{shown}");
    assert_eq!(json["exact"], false);
}

#[test]
fn histories_of_several_stand_one_after_the_other() {
    let world = two();
    let history = |args: &[&str]| {
        let mut command = efs_scan();
        command.arg("history").arg("--from").arg(world.to()).args(args);
        watched(&mut command, std::time::Duration::from_secs(60))
    };
    let output = history(&[]);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(text.starts_with("== prod\n") && text.contains("\n== stage\n"), "{text}");
    let only = |file_system: &str| {
        let output = history(&["--format", "json", "--file-system", file_system]);
        serde_json::from_slice::<Value>(&output.stdout).unwrap()["runs"].as_array().unwrap().len()
    };
    assert_eq!((only("prod"), only("stage")), (1, 1));
    let said = super::one_line(&history(&["--format", "csv"]), 2);
    assert!(said.contains("prod, stage") && said.contains("--file-system"), "{said}");
}

/// The tables are there, but what only the summary of the newest run tells is missing.
#[test]
fn a_history_of_all_says_that_a_newest_run_cannot_be_read() {
    let world = two();
    let history = |args: &[&str]| {
        let mut command = efs_scan();
        command.arg("history").arg("--from").arg(world.to()).args(args);
        watched(&mut command, std::time::Duration::from_secs(60))
    };
    let same = world.scratch.path().join("same.toml");
    std::fs::write(&same, "same_people = true\n").unwrap();
    let same = format!("--config={}", same.display());
    let pointer = world.to().join("latest/prod.json");
    let whole = std::fs::read(&pointer).unwrap();
    let ways = [
        (&["--by=person"][..], "its people are not found on other file systems"),
        (&["--by=person", &same], "the figures are those of its tables"),
        (&["--by=group"], "the quotas of its groups are not known"),
        (&["--by=file-system"], "the figures are those of its tables"),
    ];
    for (by, lacks) in ways {
        std::fs::write(&pointer, &whole).unwrap();
        let output = history(by);
        assert_eq!((output.status.code(), stderr(&output).as_str()), (Some(0), ""));
        std::fs::write(&pointer, &whole[..whole.len() / 2]).unwrap();
        let output = history(by);
        let said = stderr(&output);
        assert_eq!(output.status.code(), Some(3), "{said}");
        assert_eq!(said.lines().count(), 1, "{said}");
        assert!(said.contains("latest/prod.json") && said.contains(lacks), "{said}");
        let table = String::from_utf8(output.stdout).unwrap();
        let first = "!!! The summary of the newest run of prod cannot be read !!!\n";
        assert!(table.starts_with(first), "{table}");
        let output = history(&[by, &["--format=json"]].concat());
        assert_eq!(output.status.code(), Some(3));
        let json: Value = serde_json::from_slice(&output.stdout).unwrap();
        assert_eq!(json["file_systems"][0]["summary_unreadable"], true);
        assert_eq!(json["file_systems"][1].get("summary_unreadable"), None);
    }
    // Without a run at all, nothing of it is in the figures.
    std::fs::remove_dir_all(world.to().join("homes")).unwrap();
    std::fs::write(&pointer, &whole).unwrap();
    assert_eq!(history(&["--by=file-system"]).status.code(), Some(1));
    world.publish(&[]);
    let output = history(&["--by=file-system"]);
    assert_eq!(output.status.code(), Some(3), "{}", stderr(&output));
    let table = String::from_utf8(output.stdout).unwrap();
    assert!(table.starts_with("!!! Without stage, which could not be read !!!\n\n"), "{table}");
    let json = history(&["--by=file-system", "--format=json"]).stdout;
    let json: Value = serde_json::from_slice(&json).unwrap();
    assert_eq!(json["unreadable"], serde_json::json!(["stage"]));
}
