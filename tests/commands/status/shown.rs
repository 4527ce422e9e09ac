//! The newest run in the table and the JSON.

use super::{World, grow, hours, line, row};
use efs_scan_testbed::*;

/// Returns the first column of each line between the head and the empty line after the homes.
fn names(table: &str) -> Vec<String> {
    let body = table.lines().skip_while(|line| !line.starts_with("NAME ")).skip(1);
    let lines = body.take_while(|line| !line.is_empty());
    // Columns are two spaces apart.
    lines.map(|line| line.split("  ").next().unwrap().to_owned()).collect()
}

#[test]
fn the_total_comes_first_then_people_by_name_then_others_and_orphans_last() {
    let world = World::new();
    // The largest home and the first uid: neither affects the order.
    file(&world.root(), "200003/big", 5_000_000);
    file(&world.root(), "shared/s", 10);
    world.publish(&[]);
    let want = [
        "total of 6",
        "alice",
        "bob",
        "zoe",
        "shared",
        "(outside homes)",
        "(orphan) 200003",
        "(orphan) 200004",
    ];
    assert_eq!(names(&world.table(&[])), want);
    let json = world.json();
    let homes = json["homes"].as_array().unwrap();
    let order: Vec<_> = homes.iter().map(|home| home["name"].as_str().unwrap()).collect();
    let want = ["200008", "200006", "200005", "shared", "(outside homes)", "200003", "200004"];
    assert_eq!(order, want);
}

#[test]
fn status_all_is_another_name_of_status() {
    let world = World::new();
    // Without the age, which may change between two calls.
    let shown = |name: &str| {
        let output = run([name.as_ref(), "--from".as_ref(), world.to().as_os_str()]);
        assert_eq!(output.status.code(), Some(0), "{name}");
        let text = String::from_utf8(output.stdout).unwrap();
        let (head, rest) = text.split_once('\n').unwrap();
        let (start, end) = head.split_once(" UTC, ").unwrap();
        format!("{start}{}\n{rest}", end.split_once(" ago").unwrap().1)
    };
    let status = shown("status");
    assert_eq!(names(&status).len(), 6, "{status}");
    assert_eq!(shown("status_all"), status);
    assert_eq!(shown("status-all"), status);
}

#[test]
fn the_json_agrees_with_the_scan() {
    let world = World::new();
    let scan = world.publish(&["--quota", "100KiB"]);
    let status = world.json();
    assert_eq!(status["schema"], "efs-scan/status/1");
    assert_eq!(status["from"], world.to().to_str().unwrap());
    for key in ["run", "totals", "orphans", "file_system"] {
        assert_eq!(status[key], scan[key], "{key}");
    }
    assert_eq!(status["errors"], scan["errors"]["count"]);
    assert_eq!(status["stale"], false);
    let homes = status["homes"].as_array().unwrap();
    assert_eq!(homes.len(), scan["homes"].as_array().unwrap().len());
    for shown in homes {
        let scanned = home(&scan, shown["name"].as_str().unwrap());
        for key in ["kind", "uid", "owner", "coverage", "newest_mtime", "quota", "cost_month"] {
            assert_eq!(shown[key], scanned[key], "{key}");
        }
        let usage = &scanned["usage"];
        for key in ["files", "allocated_bytes", "metered_bytes"] {
            assert_eq!(shown[key], usage[key], "{key}");
        }
        for class in ["trash", "cache"] {
            let bytes = &usage["by_class"][class]["allocated_bytes"];
            assert_eq!(&shown[format!("{class}_bytes")], bytes, "{class}");
        }
    }
}

#[test]
fn a_home_over_its_quota_is_marked() {
    let world = World::new();
    world.publish(&["--quota", "100KiB"]);
    let table = world.table(&[]);
    assert!(line(&table, "zoe ").ends_with("OVER QUOTA"), "{table}");
    assert!(!line(&table, "(orphan) 200004").contains("QUOTA"), "{table}");
}

#[test]
fn unreadable_homes_are_marked_in_the_line_and_above() {
    let world = World::new();
    world.earlier(hours(24), |rows| grow(rows, "200006", -4096));
    world.edit(|latest| {
        latest["run"]["coverage"] = "partial".into();
        latest["errors"] = 3.into();
        let homes = latest["homes"].as_array_mut().unwrap();
        let bob = homes.iter_mut().find(|home| home["name"] == "200006").unwrap();
        bob["coverage"] = "partial".into();
    });
    let table = world.table(&[]);
    assert!(table.lines().next().unwrap().ends_with("PARTIAL: 3 errors"), "{table}");
    let bob = line(&table, "bob ");
    assert!(bob.contains("~+4 KiB") && bob.ends_with("PARTIAL"), "{bob}");
    assert!(line(&table, "total of").contains("~+4 KiB"), "{table}");
    let zoe = line(&table, "zoe ");
    assert!(!zoe.contains('~') && !zoe.contains("PARTIAL"), "{zoe}");
    let json = world.json();
    assert_eq!(json["total_change"]["day"]["exact"], false);
    assert_eq!(home(&json, "200006")["change"]["day"]["exact"], false);
    assert_eq!(home(&json, "200005")["change"]["day"]["exact"], true);
}

#[test]
fn a_change_since_an_incomplete_run_is_approximate() {
    let world = World::new();
    world.earlier(hours(24), |rows| {
        row(rows, "200008").insert("coverage".to_owned(), "partial".to_owned());
    });
    let table = world.table(&[]);
    let alice = line(&table, "alice ");
    assert!(alice.contains("~=") && !alice.contains("PARTIAL"), "{alice}");
    assert!(line(&table, "total of").contains("~="), "{table}");
    assert!(!line(&table, "bob ").contains('~'), "{table}");
}

#[test]
fn an_interrupted_run_is_marked_and_no_home_is_gone() {
    let world = World::new();
    world.earlier(hours(24), |_| {});
    world.edit(|latest| {
        latest["run"]["coverage"] = "interrupted".into();
        let homes = latest["homes"].as_array_mut().unwrap();
        homes.retain(|home| home["name"] != "200006");
    });
    let table = world.table(&[]);
    assert!(table.lines().next().unwrap().contains("INTERRUPTED"), "{table}");
    assert!(!table.contains("Gone"), "{table}");
    assert_eq!(world.json()["gone"], serde_json::json!([]));
}
