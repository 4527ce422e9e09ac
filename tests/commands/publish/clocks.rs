//! Wrong clocks, and a `latest/prod.json` that names no run of this program or contradicts itself.

use std::fs;

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::place::*;
use crate::tables::of_earlier_version;
use efs_scan_testbed::*;

/// Publishes a run and shifts it by some hours, as if the clock had been wrong.
fn published_at(place: &Place, hours: i64) -> String {
    // The table of directories is no text.
    place.scan(&["--publish-report", "--publish-dirs=false"], 0);
    let old = place.latest_id().unwrap();
    let started: Timestamp =
        place.latest().unwrap()["run"]["started"].as_str().unwrap().parse().unwrap();
    let moved = started + SignedDuration::from_hours(hours);
    let id = moved.strftime("%Y%m%dT%H%M%S%.6fZ").to_string();
    let (day, new_day) = (started.strftime("%Y-%m-%d"), moved.strftime("%Y-%m-%d"));
    let (day, new_day) = (format!("dt={day}"), format!("dt={new_day}"));
    let published = files(&place.published());
    for key in published.keys() {
        fs::remove_file(place.published().join(key)).unwrap();
    }
    // The tables of earlier versions are text, too.
    for (key, bytes) in of_earlier_version(published) {
        let text = String::from_utf8(bytes).unwrap().replace(&old, &id).replace(&day, &new_day);
        let text = match key.ends_with(".json") {
            true => {
                let mut json: Value = serde_json::from_str(&text).unwrap();
                for at in ["started", "finished"] {
                    let time: Timestamp = json["run"][at].as_str().unwrap().parse().unwrap();
                    json["run"][at] = (time + SignedDuration::from_hours(hours)).to_string().into();
                }
                json.to_string()
            }
            false => text,
        };
        let key = place.published().join(key.replace(&old, &id).replace(&day, &new_day));
        fs::create_dir_all(key.parent().unwrap()).unwrap();
        fs::write(key, text).unwrap();
    }
    assert_eq!(place.latest_id().unwrap(), id);
    id
}

/// Scans without `--quiet`. Returns the table and the messages.
fn scan(place: &Place, code: i32) -> (String, String) {
    let mut args = place.args();
    args.retain(|arg| arg != "--quiet");
    let output = watched(efs_scan().args(args).arg("--publish-report"), PATIENCE);
    assert_code(&output, code);
    (String::from_utf8_lossy(&output.stdout).into_owned(), stderr(&output))
}

#[test]
fn a_run_from_the_future_is_replaced_with_a_warning_and_the_report_says_why() {
    let place = Place::new();
    let future = published_at(&place, 48);
    let (table, said) = scan(&place, 0);
    assert!(said.contains(&future) && said.contains("from the future"), "{said}");
    assert!(table.contains("behind the newest published run"), "{table}");
    let latest = place.latest().unwrap();
    let id = place.latest_id().unwrap();
    assert!(id < future);
    let behind = latest["run"]["clock"]["behind_newest_seconds"].as_u64().unwrap();
    assert!((47 * 3600..=48 * 3600).contains(&behind), "{behind}");
    let page = fs::read_to_string(place.published().join("report/prod/latest.html")).unwrap();
    assert!(page.contains(&id) && !page.contains(" in the future<"), "the page is replaced, too");
    assert!(page.contains("behind the newest published run"));
    // From then on, everything is as before.
    let (table, said) = scan(&place, 0);
    assert!(!table.contains("the clock was") && !said.contains("replaces"), "{table}{said}");
    assert!(place.latest_id().unwrap() > id);
}

#[test]
fn a_run_ahead_by_less_than_an_hour_counts_as_another_monitors() {
    let place = Place::new();
    // By the next scan, the run is a little less than an hour ahead.
    let id = published_at(&place, 1);
    let (_, said) = scan(&place, 0);
    assert!(said.contains("names a newer run"), "{said}");
    assert_eq!(place.latest_id().unwrap(), id);
}

#[test]
fn a_page_of_a_run_from_the_future_has_no_age() {
    let place = Place::new();
    published_at(&place, 48);
    let page = place.dir.path().join("page.html");
    let mut command = efs_scan();
    command.arg("report").arg("--from").arg(place.published()).arg("--html").arg(&page);
    assert_code(&watched(&mut command, PATIENCE), 0);
    let page = fs::read_to_string(page).unwrap();
    assert!(page.contains("in the future</b>") && page.contains("From the future."));
    assert!(!page.contains("0 min ago"));
}

#[test]
fn a_latest_json_that_names_no_run_of_ours_is_refused_and_left_alone() {
    let place = Place::new();
    place.scan(&[], 0);
    let secret = place.dir.path().join("secret.json");
    fs::copy(place.published().join(format!("runs/{}", report_of(&place))), &secret).unwrap();
    let path = place.published().join("latest/prod.json");
    let good = place.latest().unwrap();
    let with = |pointer: &str, value: Value| {
        let mut json = good.clone();
        *json.pointer_mut(pointer).unwrap() = value;
        json
    };
    let up = "runs/../../secret.json";
    for (what, json) in [
        ("no id", with("/run/id", "zzz".into())),
        ("an id that is no time", with("/run/id", "99999999T000000.000000Z".into())),
        ("an id with a path", with("/run/id", "../20261124T080232.123456Z".into())),
        ("no schema", with("/schema", Value::Null)),
        ("another schema", with("/schema", "efs-scan/report/1".into())),
        ("a report elsewhere", with("/report", secret.to_str().unwrap().into())),
        ("a report above", with("/report", up.into())),
        (
            "another run's report",
            with("/report", "runs/fs=prod/dt=2020-01-01/20200101T000000.000000Z.json".into()),
        ),
        ("no report", with("/report", Value::Null)),
        ("no time", with("/run/started", "yesterday".into())),
        ("a run only", json!({ "run": { "id": "20990101T000000.000000Z" }, "report": null })),
    ] {
        let text = json.to_string();
        fs::write(&path, &text).unwrap();
        let before = files(&place.published());
        let said = one_line(&place.scan(&[], 1));
        assert!(said.contains("latest/prod.json is not from efs-scan"), "{what}: {said}");
        assert_eq!(files(&place.published()), before, "{what}");
        for command in ["status", "report"] {
            let page = place.dir.path().join("page.html");
            let mut reader = efs_scan();
            reader.arg(command).arg("--from").arg(place.published());
            if command == "report" {
                reader.arg("--html").arg(&page);
            }
            let output = watched(&mut reader, PATIENCE);
            assert_eq!(output.status.code(), Some(1), "{what}: {command}: {}", stderr(&output));
        }
    }
}

fn report_of(place: &Place) -> String {
    let key = place.latest().unwrap()["report"].as_str().unwrap().to_owned();
    key.strip_prefix("runs/").unwrap().to_owned()
}

#[test]
fn a_run_whose_times_contradict_each_other_is_replaced() {
    let place = Place::new();
    place.scan(&[], 0);
    let path = place.published().join("latest/prod.json");
    let good = place.latest().unwrap();
    for (at, time) in [("finished", "2020-01-01T00:00:00Z"), ("started", "2020-01-01T00:00:00Z")] {
        let mut json = good.clone();
        json["run"][at] = time.into();
        fs::write(&path, json.to_string()).unwrap();
        let (_, said) = scan(&place, 0);
        assert!(said.contains("times that contradict each other"), "{said}");
        assert_eq!(place.latest_id().as_ref(), place.runs().last());
        // No figure of such a run is negative.
        fs::write(&path, json.to_string()).unwrap();
        let output =
            watched(efs_scan().arg("status").arg("--from").arg(place.published()), PATIENCE);
        assert_code(&output, 0);
        place.scan(&[], 0);
    }
}
