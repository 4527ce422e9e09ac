//! Growth of homes, and the dates when they reach their quota.

use jiff::SignedDuration;
use serde_json::{Value, json};

use super::*;
use crate::status::world::*;
use efs_scan_testbed::home;

/// Returns the growth over 7 and 30 days of a home or of all homes.
fn growth(of: &Value) -> (&Value, &Value) {
    (&of["bytes_per_day_7"], &of["bytes_per_day_30"])
}

#[test]
fn growth_is_found_through_missing_days_and_a_spike() {
    let world = large();
    days_before(&world, (1..=30).filter(|day| ![2, 9, 10, 17].contains(day)), 2 * MIB);
    // A second run on that day, with files that a job kept until the next morning.
    world.earlier(hours(24 * 4) - 60, |rows| grow(rows, "200005", 1 << 50));
    let json = json(&world, &[]);
    let want = json!(2 * MIB);
    assert_eq!(growth(home(&json, "200005")), (&want, &want));
    assert_eq!(growth(home(&json, "200006")), (&json!(0), &json!(0)));
    assert_eq!(growth(&json["total"]), (&want, &want));
    assert_eq!(json["runs"].as_array().unwrap().len(), 28);
    let table = shown(&world, &[]);
    let zoe = line(&table, "200005 ");
    assert_eq!(zoe.matches("+2 MiB").count(), 2, "{zoe}");
    assert!(line(&table, "200006 ").contains("  =  "), "{table}");
}

#[test]
fn the_day_on_which_the_quota_is_reached_is_shown() {
    let world = large();
    world.publish(&["--quota", "100MiB"]);
    only_newest(&world);
    days_before(&world, 1..=30, 2 * MIB);
    let json = json(&world, &[]);
    let zoe = home(&json, "200005");
    let size = zoe["allocated_bytes"].as_array().unwrap().last().unwrap().as_i64().unwrap();
    let seconds = (100 * MIB - size) as f64 / (2 * MIB) as f64 * 86_400.0;
    let day = started(&json) + SignedDuration::from_secs(seconds as i64);
    let day = day.strftime("%Y-%m-%d").to_string();
    assert_eq!(zoe["forecast"], json!({"is": "on", "date": day}));
    assert_eq!(zoe["limit_bytes"], 100 * MIB);
    assert_eq!(home(&json, "200006")["forecast"], json!({"is": "not_growing"}));
    assert_eq!(json["total"]["forecast"], json!({"is": "no_limit"}));
    let table = shown(&world, &[]);
    assert!(line(&table, "200005 ").ends_with(&format!("100 MiB  {day}")), "{table}");
    assert!(line(&table, "200006 ").ends_with("100 MiB  not growing"), "{table}");
}

#[test]
fn a_budget_is_for_all_homes_or_for_the_selected_users() {
    let world = large();
    world.publish(&["--quota", "1GiB"]);
    only_newest(&world);
    days_before(&world, 1..=30, 2 * MIB);
    let all = json(&world, &["--budget", "90MiB"]);
    assert_eq!(all["total"]["forecast"]["is"], "on");
    assert_eq!(all["total"]["limit_bytes"], 90 * MIB);
    assert_eq!(home(&all, "200005")["limit_bytes"], 1 << 30);
    let one = json(&world, &["--budget", "90MiB", "--user", "zoe"]);
    assert_eq!(one["total"], Value::Null, "that is everybody's");
    assert_eq!(home(&one, "200005")["limit_bytes"], 90 * MIB);
    let all = json(&world, &["--budget", "1MiB"]);
    assert_eq!(all["total"]["forecast"], json!({"is": "already_over"}));
    let table = shown(&world, &["--budget", "1MiB"]);
    assert!(line(&table, "total of 4 ").ends_with("REACHED"), "{table}");
    let far = json(&world, &["--budget", "1PiB", "--user", "200005"]);
    assert_eq!(home(&far, "200005")["forecast"], json!({"is": "beyond"}));
}

#[test]
fn too_few_days_show_no_growth() {
    let world = large();
    world.publish(&["--quota", "1GiB"]);
    only_newest(&world);
    days_before(&world, 1..=3, 2 * MIB);
    let four = json(&world, &[]);
    assert_eq!(growth(home(&four, "200005")), (&Value::Null, &Value::Null));
    assert_eq!(home(&four, "200005")["forecast"], json!({"is": "too_few_runs"}));
    let table = shown(&world, &[]);
    let zoe = line(&table, "200005 ");
    assert!(zoe.contains("  ?  ") && zoe.ends_with("too few runs"), "{zoe}");
    days_before(&world, [4], 2 * MIB);
    let five = json(&world, &[]);
    assert_eq!(growth(home(&five, "200005")), (&json!(2 * MIB), &Value::Null));
    assert_eq!(home(&five, "200005")["forecast"]["is"], "on");
}

#[test]
fn a_home_that_was_not_fully_read_has_no_size_and_does_not_shrink() {
    let world = large();
    for day in 1..=10 {
        world.earlier(hours(24 * day), |rows| {
            grow(rows, "200005", -day * 2 * MIB);
            if [3, 4].contains(&day) {
                let coverage = if day == 3 { "partial" } else { "interrupted" };
                row(rows, "200005").extend([
                    ("coverage".to_owned(), coverage.to_owned()),
                    ("allocated_bytes".to_owned(), "4096".to_owned()),
                ]);
            }
        });
    }
    let json = json(&world, &[]);
    let zoe = home(&json, "200005");
    assert_eq!(zoe["bytes_per_day_7"], 2 * MIB);
    let sizes = zoe["allocated_bytes"].as_array().unwrap();
    let unknown: Vec<usize> = (0..sizes.len()).filter(|at| sizes[*at].is_null()).collect();
    assert_eq!(unknown, [6, 7], "four and three days before the newest one");
    assert_eq!(json["runs"][7]["coverage"], "partial");
    assert_eq!(json["runs"][7]["allocated_bytes"], Value::Null);
    assert_eq!(json["runs"][6]["coverage"], "interrupted");
    assert_eq!(json["total"]["bytes_per_day_7"], 2 * MIB);
    let table = shown(&world, &[]);
    assert!(table.lines().next().unwrap().ends_with("2 of them PARTIAL or INTERRUPTED"), "{table}");
}

#[test]
fn the_newest_run_that_is_partial_shows_the_size_before_and_says_so() {
    let world = large();
    days_before(&world, 1..=10, 2 * MIB);
    // The newest run itself.
    world.earlier(0, |rows| {
        row(rows, "200005").extend([
            ("coverage".to_owned(), "partial".to_owned()),
            ("allocated_bytes".to_owned(), "4096".to_owned()),
        ]);
    });
    let table = shown(&world, &[]);
    let zoe = line(&table, "200005 ");
    assert!(zoe.contains("60.3 MiB"), "{zoe}");
    assert!(zoe.contains("PARTIAL, size of "), "{zoe}");
    assert!(line(&table, "total of 4 ").contains("size of "), "{table}");
    assert_eq!(home(&json(&world, &[]), "200005")["coverage"], "partial");
}

#[test]
fn a_home_with_a_new_owner_starts_a_new_history() {
    for (cell, before) in [("uid", "200099"), ("owner", "carol")] {
        let world = large();
        for day in 1..=10 {
            world.earlier(hours(24 * day), |rows| {
                grow(rows, "200005", -day * 2 * MIB);
                if day >= 6 {
                    grow(rows, "200005", 1 << 40);
                    row(rows, "200005").insert(cell.to_owned(), before.to_owned());
                }
            });
        }
        let json = json(&world, &[]);
        let zoe = home(&json, "200005");
        assert_eq!(zoe["owner"], "zoe");
        let sizes = zoe["allocated_bytes"].as_array().unwrap();
        assert!(sizes[..5].iter().all(Value::is_null), "{cell}: {sizes:?}");
        assert!(sizes[5..].iter().all(Value::is_number), "{cell}: {sizes:?}");
        assert_eq!(zoe["owner_since"], json["runs"][5]["id"]);
        assert_eq!(zoe["bytes_per_day_7"], 2 * MIB, "{cell}");
        assert!(line(&shown(&world, &[]), "200005 ").contains("ANOTHER OWNER UNTIL"));
    }
}

#[test]
fn a_person_who_became_known_counts_as_the_same() {
    let world = large();
    for day in 1..=10 {
        world.earlier(hours(24 * day), |rows| {
            let owner = if day > 5 { "" } else { "zoe" };
            row(rows, "200005").insert("owner".to_owned(), owner.to_owned());
        });
    }
    let json = json(&world, &[]);
    let zoe = home(&json, "200005");
    assert_eq!(zoe["owner_since"], Value::Null);
    assert!(zoe["allocated_bytes"].as_array().unwrap().iter().all(Value::is_number));
}

#[test]
fn homes_come_and_go() {
    let world = large();
    for day in 1..=10 {
        world.earlier(hours(24 * day), |rows| {
            let mut gone = row(rows, "200004").clone();
            gone.extend([
                ("home".to_owned(), "200001".to_owned()),
                ("uid".to_owned(), "200001".to_owned()),
            ]);
            rows.insert(0, gone);
            if day > 6 {
                rows.retain(|row| row["home"] != "200006");
            }
        });
    }
    let json = json(&world, &[]);
    let (gone, new) = (home(&json, "200001"), home(&json, "200006"));
    assert_eq!((&gone["gone"], &gone["coverage"]), (&json!(true), &Value::Null));
    assert_eq!(growth(gone), (&Value::Null, &Value::Null));
    assert_eq!(new["gone"], false);
    assert_eq!(new["bytes_per_day_7"], 0, "what is new did not grow from nothing");
    let sizes = new["allocated_bytes"].as_array().unwrap();
    assert_eq!(sizes.iter().filter(|size| size.is_null()).count(), 4);
    let table = shown(&world, &[]);
    assert!(!table.contains("200001"), "{table}");
    assert!(table.contains("Homes: 1 gone and not shown"), "{table}");
}
