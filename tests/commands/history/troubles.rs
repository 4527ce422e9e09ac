//! Runs that are damaged, of another root, or missing; and wrong arguments.

use serde_json::{Value, json};

use super::*;
use crate::status::world::*;
use efs_scan_testbed::{efs_scan, home};

/// Returns the path of an earlier run's table.
fn table_of(world: &World, id: &str) -> std::path::PathBuf {
    let mut days = world.to().join("homes/fs=prod").read_dir().unwrap();
    let in_day =
        |day: std::path::PathBuf| Some(day.join(format!("{id}.csv"))).filter(|p| p.exists());
    days.find_map(|day| in_day(day.unwrap().path())).unwrap()
}

#[test]
fn a_broken_table_is_reported_once_and_the_others_are_used() {
    let world = large();
    days_before(&world, 1..=10, 2 * MIB);
    let whole = json(&world, &[]);
    type Break = fn(&str) -> String;
    let breaks: [(Break, &str); 7] = [
        (|_| String::new(), "it has no column"),
        (|_| "garbage\n".to_owned(), "it has no column"),
        (|text| text[..text.len() / 2].to_owned(), ""),
        (|text| text[..text.len() - 1].to_owned(), "it ends in the middle of a line"),
        (|text| text.replace("allocated_bytes", "other"), "it has no column `allocated_bytes`"),
        (|text| text.replace("complete,0,", "complete,0,\"\n"), ""),
        // Cut off between two lines: the last line is always `(outside homes)`.
        (
            |text| {
                text.lines().filter(|l| !l.contains("(outside")).map(|l| format!("{l}\n")).collect()
            },
            "its last lines are missing",
        ),
    ];
    let id = world.earlier(hours(24 * 4), |rows| grow(rows, "200005", -8 * MIB));
    let path = table_of(&world, &id);
    let text = std::fs::read_to_string(&path).unwrap();
    for (broken, why) in breaks {
        std::fs::write(&path, broken(&text)).unwrap();
        let output = history(&world, ["--format", "json"]);
        let said = stderr(&output);
        assert_eq!(output.status.code(), Some(3), "{said}");
        assert_eq!(said.lines().count(), 1, "{said}");
        assert!(said.contains(&id) && said.contains("left out") && said.contains(why), "{said}");
        let json: Value = serde_json::from_slice(&output.stdout).unwrap();
        assert_eq!(json["unreadable"], json!([id]));
        assert_eq!(json["runs"].as_array().unwrap().len(), 10);
        let growth = |json: &Value| home(json, "200005")["bytes_per_day_7"].clone();
        assert_eq!(growth(&json), growth(&whole));
        let output = history::<&str>(&world, []);
        assert!(String::from_utf8_lossy(&output.stdout).contains("Runs: 1 broken and left out."));
    }
    // A directory in place of a table, and a file that only has a run's name.
    std::fs::remove_file(&path).unwrap();
    std::fs::create_dir(&path).unwrap();
    std::fs::write(path.with_file_name("notes.csv"), "no run").unwrap();
    assert_eq!(json(&world, &[])["runs"].as_array().unwrap().len(), 10);
}

/// No earlier run shows that the oldest table should have that line.
#[test]
fn the_oldest_table_that_was_cut_off_is_no_complete_run() {
    let world = large();
    days_before(&world, 1..=10, 2 * MIB);
    world.earlier(hours(24 * 11), |rows| rows.truncate(2));
    let json = json(&world, &[]);
    assert_eq!(json["runs"][0]["coverage"], "interrupted");
    assert_eq!(json["runs"][0]["allocated_bytes"], Value::Null);
    assert_eq!(json["runs"][1]["coverage"], "complete");
}

#[test]
fn runs_of_something_else_are_not_compared() {
    for (key, other) in [
        ("root", json!("/mnt/other")),
        ("exclude", json!(["*.tmp"])),
        ("home_depth", json!(2)),
        ("users", json!(["zoe"])),
        ("cross_mounts", json!(true)),
    ] {
        let world = large();
        let newest = std::fs::read(world.to().join(world.latest()["report"].as_str().unwrap()));
        let newest: Value = serde_json::from_slice(&newest.unwrap()).unwrap();
        let ids: Vec<String> = (1..=10)
            .map(|day| {
                let id = world.earlier(hours(24 * day), |rows| grow(rows, "200005", -day * MIB));
                // In the order in which the program writes the table.
                let mut run = newest["run"].clone();
                if day > 6 {
                    run[key] = other.clone();
                    // What is known of the file system goes before the path.
                    run.as_object_mut().unwrap().remove("identity");
                }
                let report = format!("{{\"schema\":\"efs-scan/report/1\",\"run\":{run},\"tot");
                let table = table_of(&world, &id);
                let day = table.parent().unwrap().file_name().unwrap();
                let directory = world.to().join("runs/fs=prod").join(day);
                std::fs::create_dir_all(&directory).unwrap();
                std::fs::write(directory.join(format!("{id}.json")), report).unwrap();
                id
            })
            .collect();
        let json = json(&world, &[]);
        let others: Vec<&String> = ids[6..].iter().rev().collect();
        assert_eq!(json["not_comparable"], json!(others), "{key}");
        assert_eq!(json["runs"].as_array().unwrap().len(), 7, "{key}");
        assert!(shown(&world, &[]).contains("Runs: 4 of another root, or left out other things."));
    }
}

#[test]
fn a_run_from_the_future_is_left_out() {
    let world = large();
    days_before(&world, 1..=8, MIB);
    let id = world.earlier(-hours(24), |rows| grow(rows, "200005", 1 << 40));
    let output = history(&world, ["--format", "json"]);
    let said = stderr(&output);
    assert!(said.lines().count() == 1 && said.contains(&id), "{said}");
    assert!(said.contains("from the future"), "{said}");
    let json: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(home(&json, "200005")["bytes_per_day_7"], MIB);
}

#[test]
fn old_runs_are_shown_as_old() {
    let world = large();
    days_before(&world, 2..=10, MIB);
    let newest = world.to().join(world.latest()["homes_table"].as_str().unwrap());
    std::fs::remove_file(newest).unwrap();
    let table = shown(&world, &[]);
    assert!(table.starts_with("!!! STALE: the newest run is 2 d old."), "{table}");
    assert_eq!(json(&world, &[])["stale"], true);
}

#[test]
fn only_the_requested_days_are_read() {
    let world = large();
    days_before(&world, [1, 6, 8, 100], MIB / 4);
    let runs = |args: &[&str]| json(&world, args)["runs"].as_array().unwrap().len();
    assert_eq!(runs(&["--days", "7"]), 3);
    assert_eq!(runs(&[]), 4);
    assert_eq!(runs(&["--days", "101"]), 5);
}

#[test]
fn an_empty_destination_is_an_error_in_one_line() {
    let world = World::empty();
    let said = one_line(&history::<&str>(&world, []), 1);
    assert!(said.contains("nothing is published there yet"), "{said}");
    assert!(!world.to().exists(), "reading makes no directory");
}

#[test]
fn an_empty_history_gives_the_reason() {
    let world = World::new();
    let homes = world.to().join("homes/parquet/fs=prod");
    let days = homes.read_dir().unwrap().map(|day| day.unwrap().path());
    let tables: Vec<_> =
        days.flat_map(|day| day.read_dir().unwrap()).map(|table| table.unwrap().path()).collect();
    for table in &tables {
        std::fs::write(table, "no table").unwrap();
    }
    let output = history::<&str>(&world, []);
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(1), "{said}");
    let (broken, last) = (tables.len(), said.lines().last().unwrap());
    assert!(last.contains(&format!("could be read; broken: {broken}")), "{said}");
    std::fs::remove_dir_all(homes).unwrap();
    let said = one_line(&history::<&str>(&world, []), 1);
    assert!(said.contains("no run of the last 90 days is in") && said.contains("--days"), "{said}");
}

/// The tables have one name of each owner, the summary of the newest run has all.
#[test]
fn users_of_a_newest_run_that_cannot_be_read_are_found_by_one_name() {
    let world = large();
    days_before(&world, 1..=3, MIB);
    world.edit(|latest| {
        for home in latest["homes"].as_array_mut().unwrap() {
            if home["name"] == "200005" {
                home["owner"]["aliases"] = json!(["z.smith"]);
            }
        }
    });
    assert!(shown(&world, &["--user", "z.smith"]).contains("200005"));
    let pointer = world.to().join("latest/prod.json");
    let whole = std::fs::read(&pointer).unwrap();
    std::fs::write(&pointer, &whole[..whole.len() / 2]).unwrap();
    let of = |args: &[&str], code: i32| {
        let output = history(&world, args);
        let said = stderr(&output);
        assert_eq!(output.status.code(), Some(code), "{said}");
        assert!(
            said.contains("latest/prod.json") && said.contains("only the first name"),
            "{said}"
        );
        (String::from_utf8(output.stdout).unwrap(), said)
    };
    let (table, said) = of(&["--user", "zoe"], 3);
    assert_eq!(said.lines().count(), 1, "{said}");
    assert!(table.starts_with("!!! The summary of the newest run cannot be read"), "{table}");
    assert!(table.contains("200005"), "{table}");
    let (text, _) = of(&["--user", "zoe", "--format", "json"], 3);
    let json: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(json["summary_unreadable"], true);
    of(&["--user", "zoe", "--format", "csv"], 3);
    // The question is no mistake.
    let (_, said) = of(&["--user", "z.smith"], 1);
    assert!(
        said.contains("no home for z.smith in these runs, as far as it could be read"),
        "{said}"
    );
    // Without --user nothing of the summary is asked for.
    assert_eq!(json_of(&world)["runs"].as_array().unwrap().len(), 4);
}

fn json_of(world: &World) -> Value {
    json(world, &[])
}

#[test]
fn wrong_arguments_are_refused_in_one_line() {
    let world = World::new();
    for user in ["nobody-here", "299999", "", "evil\n\x1b[2J"] {
        let said = one_line(&history(&world, ["--user", "bob", "--user", user]), 2);
        assert!(said.contains("no home for") && !said.contains("bob"), "{said}");
    }
    let said = one_line(&history(&world, ["--budget", "lots"]), 2);
    assert!(said.contains("--budget") && said.contains("lots"), "{said}");
    for days in ["0", "3661", "-1", "x"] {
        let output = history(&world, [format!("--days={days}")]);
        assert_eq!(output.status.code(), Some(2), "{days}");
    }
    let said = refused(efs_scan().arg("history"), 2);
    assert!(said.contains("--from"), "{said}");
}
