//! Changes since the runs of the previous day and week.

use serde_json::{Value, json};

use super::{World, grow, hours, line, row};
use efs_scan_testbed::home;

/// Returns the runs that the newest one is compared with: the day's and the week's.
fn compared(world: &World) -> (Value, Value) {
    let json = world.json();
    (json["compared_day"]["run"].clone(), json["compared_week"]["run"].clone())
}

#[test]
fn growth_is_shown_since_the_day_and_the_week_before() {
    let world = World::new();
    world.earlier(hours(24), |rows| {
        grow(rows, "200005", -8192);
        grow(rows, "200006", 4096);
    });
    world.earlier(hours(7 * 24), |rows| grow(rows, "200008", 1 << 20));
    let table = world.table(&[]);
    let changes = |name: &str| {
        let cells = line(&table, name).split("  ").map(str::trim).filter(|cell| !cell.is_empty());
        let cells: Vec<_> = cells.collect();
        cells[cells.len() - 2..].join("|")
    };
    assert_eq!(changes("zoe "), "+8 KiB|=");
    assert_eq!(changes("bob "), "-4 KiB|=");
    assert_eq!(changes("alice "), "=|-1 MiB");
    assert_eq!(changes("total of 4"), "+4 KiB|-1 MiB");
    let json = world.json();
    assert_eq!(json["total_change"]["day"], json!({"bytes": 4096, "exact": true}));
    assert_eq!(json["total_change"]["week"], json!({"bytes": -(1 << 20), "exact": true}));
    assert_eq!(home(&json, "200006")["change"]["day"], json!({"bytes": -4096, "exact": true}));
}

#[test]
fn without_an_earlier_run_there_is_no_change_and_nobody_is_new() {
    let world = World::new();
    let table = world.table(&[]);
    assert!(table.contains("DAY is compared with no run, WEEK with no run."), "{table}");
    assert!(!table.contains("NEW") && !table.contains("Gone"), "{table}");
    let json = world.json();
    assert_eq!(json["total_change"], json!({"day": null, "week": null}));
    assert_eq!(json["compared_day"], Value::Null);
}

#[test]
fn the_runs_nearest_to_a_day_and_a_week_before_are_compared() {
    let world = World::new();
    for minutes in [hours(1), hours(13), hours(22), hours(27), hours(48)] {
        world.earlier(minutes, |rows| grow(rows, "200005", 1 << 20));
    }
    let day = world.earlier(hours(25), |rows| grow(rows, "200005", -4096));
    for minutes in [hours(5 * 24), hours(6 * 24 + 1), hours(200), hours(9 * 24)] {
        world.earlier(minutes, |rows| grow(rows, "200005", 1 << 20));
    }
    let week = world.earlier(hours(7 * 24 - 3), |rows| grow(rows, "200005", -8192));
    assert_eq!(compared(&world), (day.into(), week.into()));
    let json = world.json();
    let zoe = &home(&json, "200005")["change"];
    assert_eq!((&zoe["day"]["bytes"], &zoe["week"]["bytes"]), (&json!(4096), &json!(8192)));
}

#[test]
fn a_missed_day_finds_a_run_within_the_limits_only() {
    // Minutes before the newest run, and whether that run counts as the day's or the week's.
    let cases = [
        (hours(11) + 50, false, false),
        (hours(12) + 10, true, false),
        (hours(50), true, false),
        (hours(59) + 50, true, false),
        (hours(62), false, false),
        (hours(6 * 24) - 10, false, false),
        (hours(6 * 24) + 10, false, true),
        (hours(10 * 24) - 10, false, true),
        (hours(10 * 24 + 2), false, false),
    ];
    for (minutes, day, week) in cases {
        let world = World::new();
        let id = world.earlier(minutes, |_| {});
        let is = |yes: bool| if yes { Value::from(id.as_str()) } else { Value::Null };
        assert_eq!(compared(&world), (is(day), is(week)), "{minutes} minutes");
    }
}

#[test]
fn files_that_are_not_runs_are_ignored() {
    let world = World::new();
    let day = world.earlier(hours(24), |_| {});
    let folder =
        world.to().join("homes/fs=prod").read_dir().unwrap().next().unwrap().unwrap().path();
    std::fs::write(folder.join("notes.csv"), "not a run").unwrap();
    std::fs::write(folder.join("20261124T080232.123456Z.txt"), "not a table").unwrap();
    std::fs::write(world.to().join("homes/readme.txt"), "not a day").unwrap();
    assert_eq!(compared(&world).0, Value::from(day));
}

#[test]
fn a_table_that_is_broken_is_named_and_no_change_is_made_up() {
    let world = World::new();
    let id = world.earlier(hours(24), |rows| {
        row(rows, "200005").insert("allocated_bytes".to_owned(), "lots".to_owned());
    });
    // Everything else is shown.
    let output = world.status::<&str>([]);
    assert_eq!(output.status.code(), Some(3));
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(said.lines().count(), 1, "{said}");
    assert!(said.contains(&id) && said.contains("allocated_bytes is no number"), "{said}");
    let table = String::from_utf8(output.stdout).unwrap();
    assert!(table.contains("DAY is compared with no run"), "{table}");
}

#[test]
fn a_table_with_more_and_reordered_columns_is_read() {
    let world = World::new();
    let id = world.earlier(hours(24), |rows| grow(rows, "200005", -4096));
    let find = |day: &std::path::Path| Some(day.join(format!("{id}.csv"))).filter(|p| p.exists());
    let mut days = world.to().join("homes/fs=prod").read_dir().unwrap();
    let path = days.find_map(|day| find(&day.unwrap().path())).unwrap();
    let text = std::fs::read_to_string(&path).unwrap();
    let turned = text.lines().enumerate().map(|(at, line)| {
        let mut cells: Vec<_> = line.split(',').collect();
        cells.reverse();
        format!("{},{}\n", if at == 0 { "added_later" } else { "7" }, cells.join(","))
    });
    std::fs::write(&path, turned.collect::<String>()).unwrap();
    assert_eq!(home(&world.json(), "200005")["change"]["day"]["bytes"], 4096);
}

#[test]
fn a_home_that_was_not_there_the_day_before_is_new() {
    let world = World::new();
    world.earlier(hours(24), |rows| rows.retain(|row| row["home"] != "200006"));
    world.earlier(hours(7 * 24), |_| {});
    let table = world.table(&[]);
    assert!(line(&table, "bob ").ends_with("NEW"), "{table}");
    assert_eq!(table.matches("NEW").count(), 1, "{table}");
    let json = world.json();
    let bob = home(&json, "200006");
    assert_eq!((&bob["new"], &bob["change"]["day"]), (&Value::Bool(true), &Value::Null));
    // The home existed the week before.
    assert_eq!(bob["change"]["week"]["bytes"], 0);
    assert_eq!(json["total_change"]["day"]["bytes"], bob["allocated_bytes"]);
}

#[test]
fn a_home_that_is_gone_is_shown_with_its_size() {
    let world = World::new();
    world.earlier(hours(24), |_| {});
    std::fs::remove_dir_all(world.root().join("200006")).unwrap();
    std::fs::remove_dir_all(world.root().join("200004")).unwrap();
    let held = home(&world.latest(), "200006")["allocated_bytes"].clone();
    world.publish(&[]);
    let table = world.table(&[]);
    assert!(line(&table, "Gone since the day before: bob (200006), ").contains("KiB"), "{table}");
    assert!(line(&table, "Gone since the day before: 200004, ").contains("KiB"), "{table}");
    let json = world.json();
    let gone = json["gone"].as_array().unwrap();
    assert_eq!(gone.len(), 2);
    let bob = json!({"name": "200006", "uid": 200006, "owner": "bob", "allocated_bytes": held});
    assert!(gone.contains(&bob), "{gone:?}");
}

/// If the listing of the root broke off, `(outside homes)` is partial.
#[test]
fn no_home_is_gone_if_the_list_of_homes_could_not_be_read() {
    let world = World::new();
    world.earlier(hours(24), |_| {});
    world.edit(|latest| {
        latest["run"]["coverage"] = "partial".into();
        latest["errors"] = 1.into();
        let homes = latest["homes"].as_array_mut().unwrap();
        homes.retain(|home| home["name"] != "200006");
        let outside = homes.iter_mut().find(|home| home["kind"] == "outside").unwrap();
        outside["coverage"] = "partial".into();
    });
    assert_eq!(world.json()["gone"], json!([]));
}

#[test]
fn no_home_is_new_if_the_previous_run_was_interrupted() {
    let world = World::new();
    world.earlier(hours(24), |rows| {
        rows.retain(|row| row["home"] != "200006");
        for row in rows {
            row.insert("coverage".to_owned(), "interrupted".to_owned());
        }
    });
    assert_eq!(home(&world.json(), "200006")["new"], false);
}
