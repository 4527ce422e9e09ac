//! Several file systems at one destination: each has its own key, and two roots never share one.

use std::process::Command;

use serde_json::{Value, json};

use super::place::*;
use efs_scan_testbed::*;

/// Returns a scan of another tree with one home, published to the same destination.
fn other(place: &Place, tree: &str, args: &[&str]) -> Command {
    let root = place.dir.path().join(tree);
    file(&root, "200005/data", 7000);
    let mut command = efs_scan();
    command.env("EFS_SCAN_PUBLISH", place.published()).arg(root);
    command.arg("--state-dir").arg(place.state()).arg("--quiet").args(args);
    command
}

fn scanned(mut command: Command, code: i32) -> String {
    let output = watched(&mut command, PATIENCE);
    assert_code(&output, code);
    stderr(&output)
}

#[test]
fn the_key_is_the_id_or_the_name_or_made_from_the_root() {
    let place = Place::new();
    let id = "fs-0123456789abcdef0";
    for (args, key, name) in [
        (&["--file-system-id", id][..], id, Value::Null),
        (&["--file-system-id", id, "--name", "prod"], id, json!("prod")),
        (&["--name", "prod"], "prod", json!("prod")),
    ] {
        let mut command = other(&place, "stage", args);
        let output = watched(command.args(["--no-publish", "--format", "json"]), PATIENCE);
        let report: Value = serde_json::from_slice(&output.stdout).unwrap();
        assert_eq!(report["run"]["identity"]["key"], key);
        assert_eq!(report["run"]["identity"]["name"], name);
    }
    scanned(other(&place, "stage", &[]), 0);
    let keys: Vec<String> = files(&place.published()).into_keys().collect();
    let key = keys.iter().find_map(|key| key.strip_prefix("latest/")?.strip_suffix(".json"));
    let key = key.unwrap();
    assert!(key.ends_with("stage") && !key.contains('/'), "{key}");
    for table in ["homes/parquet", "findings/parquet", "dirs", "runs"] {
        assert!(keys.iter().any(|it| it.starts_with(&format!("{table}/fs={key}/dt="))), "{keys:?}");
    }
    // `report/index.html` and `du/latest.txt` are about all file systems.
    for wrong in ["a b", "../x", id, "", ".x", "index.html", "latest", "Latest"] {
        let said = scanned(other(&place, "stage", &["--name", wrong]), 2);
        assert!(said.contains("--name"), "{said}");
    }
}

#[test]
fn several_file_systems_share_a_destination() {
    let place = Place::new();
    place.scan(&[], 0);
    let before = files(&place.published());
    assert_eq!(before["du/latest.txt"], before["du/prod.txt"]);
    scanned(other(&place, "stage", &["--name=stage"]), 0);
    let after = files(&place.published());
    assert_eq!(after.len(), before.len() + 4 + 2);
    for (key, bytes) in before.iter().filter(|(key, _)| *key != "du/latest.txt") {
        assert_eq!(after[key], *bytes, "{key}");
    }
    let du = String::from_utf8_lossy(&after["du/latest.txt"]).into_owned();
    assert!(du.contains("read du/KEY.txt"), "{du}");
    // Later publishers leave that file unchanged.
    place.scan(&[], 0);
    assert_eq!(files(&place.published())["du/latest.txt"], after["du/latest.txt"]);
}

#[test]
fn another_root_under_one_key_is_refused_before_the_scan() {
    let place = Place::new();
    place.scan(&[], 0);
    let (before, run) = (files(&place.published()), place.latest_id().unwrap());
    let said = scanned(other(&place, "stage", &["--name=prod"]), 1);
    assert_eq!(said.lines().count(), 1, "{said}");
    assert!(said.contains(&run) && said.contains(place.root().to_str().unwrap()), "{said}");
    assert!(said.contains("--name") && said.contains("--take-over"), "{said}");
    assert_eq!(files(&place.published()), before);
    // With the flag, it counts as the same file system, mounted elsewhere.
    scanned(other(&place, "stage", &["--name=prod", "--take-over"]), 0);
    scanned(other(&place, "stage", &["--name=prod"]), 0);
    let said = one_line(&place.scan(&[], 1));
    assert!(said.contains("stage"), "{said}");
}

#[test]
fn the_id_of_efs_is_enough_wherever_it_is_mounted() {
    let place = Place::new();
    let id = ["--file-system-id", "fs-0123456789abcdef0"];
    scanned(other(&place, "mnt1", &id), 0);
    scanned(other(&place, "mnt2", &id), 0);
    assert_eq!(place.runs().len(), 2);
}

#[test]
fn state_of_an_earlier_version_is_continued() {
    let place = Place::new();
    // Runs wait as an earlier version kept them: without an identity, in one spool.
    let obstacle = file(&place.published(), "runs", 3);
    place.scan(&[], 5);
    let waiting = place.waiting();
    let spool = place.state().join("spool");
    let own = spool.join(format!("{}.run.json", waiting[0]));
    let mut job: Value = serde_json::from_slice(&std::fs::read(&own).unwrap()).unwrap();
    job["report"]["run"].as_object_mut().unwrap().remove("identity").unwrap();
    std::fs::write(&own, job.to_string()).unwrap();
    // One of the runs has another root.
    job["report"]["run"]["root"] = json!("/mnt/other");
    let another = "20260101T000000.000000Z";
    job["report"]["run"]["id"] = json!(another);
    std::fs::write(spool.join(format!("{another}.run.json")), job.to_string()).unwrap();
    std::fs::write(spool.join(format!("{another}.progress.json")), "{}").unwrap();
    std::fs::remove_file(place.state().join("file-system.json")).unwrap();
    std::fs::remove_file(obstacle).unwrap();
    place.scan(&[], 0);
    assert_eq!(place.runs()[0], waiting[0]);
    assert_eq!(place.runs().len(), 2);
    let of_prod = |key: &String| key.contains("fs=prod") || !key.contains("fs=");
    assert!(files(&place.published()).keys().all(of_prod));
    assert_eq!(place.spooled(), Vec::<String>::new());
    let moved = files(&place.state().join("fs/mnt-other/spool"));
    assert_eq!(moved.len(), 2, "{:?}", moved.keys());
}

/// Removing the pointer of a file system hides it until its next run.
#[test]
fn a_file_system_whose_pointer_is_removed_is_gone_until_its_next_run() {
    let place = Place::new();
    let report = "--publish-report";
    scanned(other(&place, "stage", &["--name=stage", report]), 0);
    scanned(other(&place, "dev", &["--name=dev", report]), 0);
    let page = || std::fs::read_to_string(place.published().join("report/index.html")).unwrap();
    let status = || {
        let mut command = efs_scan();
        command.args(["status", "--by", "file-system", "--from"]).arg(place.published());
        let output = watched(&mut command, PATIENCE);
        assert_code(&output, 0);
        String::from_utf8(output.stdout).unwrap()
    };
    assert!(status().contains("stage") && page().contains("stage"));
    std::fs::remove_file(place.published().join("latest/stage.json")).unwrap();
    scanned(other(&place, "dev", &["--name=dev", report]), 0);
    assert!(!status().contains("stage") && !page().contains("stage"), "{}", status());
    assert!(files(&place.published()).keys().any(|key| key.starts_with("homes/parquet/fs=stage/")));
    scanned(other(&place, "stage", &["--name=stage", report]), 0);
    assert!(status().contains("stage") && page().contains("stage"));
}
