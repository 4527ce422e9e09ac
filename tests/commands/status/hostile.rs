//! Hostile names in the table, the JSON, and the published CSV.

use super::{World, grow, hours};
use efs_scan_testbed::*;

/// Names of homes, and the cells that represent them in the published table.
const NAMES: [(&[u8], &str); 6] = [
    (ODD_NAME, "a\\xff\\n,<b>\""),
    (b"=cmd", "'=cmd"),
    (b"\x1b[2Jgone", "\\x1b[2Jgone"),
    (b"two\nlines", "two\\nlines"),
    (b"back\\slash", "back\\\\slash"),
    ("\u{202e}gnp.exe".as_bytes(), "\\u{202e}gnp.exe"),
];

fn world() -> World {
    let world = World::empty();
    for (name, _) in NAMES {
        file(&raw(&world.root(), name), "f", 60_000);
    }
    world.publish(&[]);
    world
}

/// Returns true if a terminal only displays the text.
fn is_harmless(text: &str) -> bool {
    !text.chars().any(|c| (c.is_control() && c != '\n') || c == '\u{202e}')
}

#[test]
fn hostile_names_are_harmless_and_their_changes_are_found() {
    let world = world();
    world.earlier(hours(24), |rows| {
        for (at, (_, cell)) in NAMES.iter().enumerate() {
            grow(rows, cell, -4096 * (i64::try_from(at).unwrap() + 1));
        }
    });
    let output = world.table(&["--format", "json"]);
    assert!(is_harmless(&output), "{output:?}");
    let json = world.json();
    for (at, (name, _)) in NAMES.iter().enumerate() {
        let home = home(&json, &String::from_utf8_lossy(name));
        let want = 4096 * (at + 1);
        assert_eq!(home["change"]["day"]["bytes"], want, "{home}");
        assert_eq!(home["new"], false);
    }
    assert_eq!(json["gone"], serde_json::json!([]));
    let table = world.table(&[]);
    assert!(is_harmless(&table), "{table:?}");
    for shown in ["a\\xff\\n,<b>\"", "=cmd", "\\x1b[2Jgone", "two\\nlines", "back\\\\slash"] {
        let lines = table.lines().filter(|line| line.starts_with(&format!("{shown} ")));
        assert_eq!(lines.count(), 1, "{shown}: {table}");
    }
}

#[test]
fn hostile_names_of_homes_that_are_gone_are_harmless() {
    let world = world();
    world.earlier(hours(24), |_| {});
    for (name, _) in NAMES {
        std::fs::remove_dir_all(raw(&world.root(), name)).unwrap();
    }
    world.publish(&[]);
    let table = world.table(&[]);
    assert!(is_harmless(&table), "{table:?}");
    assert_eq!(table.matches("Gone since the day before: ").count(), NAMES.len(), "{table}");
    assert!(is_harmless(&world.table(&["--format", "json"])));
}

#[test]
fn hostile_text_in_a_table_or_the_latest_run_is_harmless() {
    let world = world();
    world.earlier(hours(24), |rows| {
        let mut evil = rows[0].clone();
        evil.insert("home".to_owned(), "gone\x1b[2J\nLINE".to_owned());
        evil.insert("owner".to_owned(), "owner\u{202e}\x07\nLINE".to_owned());
        rows.push(evil);
    });
    world.edit(|latest| {
        latest["run"]["root"] = "/efs\x1b[2J\nLINE".into();
        latest["homes"][0]["owner"]["name"] = "owner\x1b[2J\nLINE".into();
    });
    for args in [&[][..], &["--format", "json"]] {
        let shown = world.table(args);
        assert!(is_harmless(&shown), "{shown:?}");
        assert!(!shown.lines().any(|line| line.starts_with("LINE")), "{shown}");
    }
}

/// Checks that two homes with equal sizes the day before are shown without a change.
fn are_told_apart(one: &str, other: &str) {
    let world = World::empty();
    file(&world.root().join(one), "f", 10_000);
    file(&world.root().join(other), "f", 50_000);
    world.publish(&[]);
    world.earlier(hours(24), |_| {});
    let json = world.json();
    assert_eq!(json["total_change"]["day"]["bytes"], 0, "{one:?} and {other:?}");
    for home in json["homes"].as_array().unwrap() {
        assert_eq!(home["change"]["day"]["bytes"], 0, "{home}");
    }
}

#[test]
fn homes_with_similar_printable_names_differ() {
    are_told_apart("two\nlines", "two\\nlines");
    are_told_apart("a", "a ");
    are_told_apart("200005", "0200005");
}

#[test]
fn homes_named_like_a_formula_with_and_without_apostrophe_differ() {
    are_told_apart("=cmd", "'=cmd");
}

#[test]
fn a_home_named_like_the_entry_outside_of_homes_differs_from_it() {
    are_told_apart("(outside homes)", "200005");
}

#[test]
fn a_gone_home_has_the_name_in_the_json_that_it_had_before() {
    let world = World::empty();
    file(&world.root(), "=cmd/f", 10_000);
    world.publish(&[]);
    let before = home(&world.json(), "=cmd")["name"].clone();
    world.earlier(hours(24), |_| {});
    std::fs::remove_dir_all(world.root().join("=cmd")).unwrap();
    world.publish(&[]);
    assert_eq!(world.json()["gone"][0]["name"], before);
}
