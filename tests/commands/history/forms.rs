//! The output forms, and hostile names in them.

use std::os::unix::ffi::OsStrExt;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde_json::{Value, json};

use super::*;
use crate::status::world::*;
use efs_scan_testbed::{ODD_NAME, efs_scan, file, home, watched};

/// Parses the CSV form. Returns its lines by column, and the columns.
fn csv_of(world: &World, args: &[&str]) -> (Vec<String>, Vec<Vec<Vec<u8>>>) {
    let output = history(world, [args, &["--format", "csv"]].concat());
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    let mut reader = csv::Reader::from_reader(&*output.stdout);
    let head = reader.headers().unwrap().iter().map(str::to_owned).collect();
    let cells = |row: csv::ByteRecord| row.iter().map(<[u8]>::to_vec).collect();
    (head, reader.byte_records().map(|row| cells(row.unwrap())).collect())
}

#[test]
fn a_user_is_shown_alone_by_name_or_uid_with_the_same_figures() {
    let world = large();
    days_before(&world, 1..=30, 2 * MIB);
    let all = shown(&world, &[]);
    for user in ["zoe", "200005"] {
        let one = shown(&world, &["--user", user]);
        let words = |table: &str| {
            let words = line(table, "200005 ").split_whitespace().map(str::to_owned);
            words.collect::<Vec<_>>()
        };
        assert_eq!(words(&one), words(&all));
        assert!(!one.contains("total of") && !one.contains("200006"), "{one}");
    }
}

#[test]
fn lines_use_characters_of_the_locale() {
    let world = large();
    days_before(&world, [1, 2, 3, 4, 7], 8 * MIB);
    assert!(
        line(&shown(&world, &[]), "200005 ").contains("  _  ~=+*#  "),
        "{}",
        shown(&world, &[])
    );
    for (name, value) in [("LC_ALL", "C.UTF-8"), ("LANG", "de_DE.utf8")] {
        let mut command = efs_scan();
        for name in ["LC_ALL", "LC_CTYPE", "LANG"] {
            command.env_remove(name);
        }
        command.env(name, value).arg("history").arg("--from").arg(world.to());
        let output = watched(&mut command, Duration::from_secs(60));
        let table = String::from_utf8(output.stdout).unwrap();
        assert!(line(&table, "200005 ").contains("  ▁  ▄▅▆▇█  "), "{table}");
    }
}

#[test]
fn the_csv_form_has_a_line_for_each_home_and_run() {
    let world = large();
    world.publish(&["--quota", "1GiB"]);
    only_newest(&world);
    days_before(&world, 1..=8, 2 * MIB);
    let (head, rows) = csv_of(&world, &[]);
    let want = "home,outside,uid,owner,run_id,run_started,allocated_bytes,limit_bytes,\
                bytes_per_day_7,bytes_per_day_30,forecast,forecast_date,home_base64";
    assert_eq!(head.join(","), want);
    let json = json(&world, &[]);
    assert_eq!(rows.len(), 5 * 9);
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    let zoe: Vec<_> = rows.iter().filter(|row| row[0] == b"200005").collect();
    assert_eq!(zoe.len(), 9);
    for (at, row) in zoe.iter().enumerate() {
        let same = home(&json, "200005");
        assert_eq!(text(&row[6]), same["allocated_bytes"][at].to_string());
        assert_eq!(text(&row[4]), json["runs"][at]["id"].as_str().unwrap());
        assert_eq!(text(&row[8]), (2 * MIB).to_string());
        assert_eq!((text(&row[9]).as_str(), text(&row[10]).as_str()), ("", "on"));
        assert_eq!(text(&row[11]), same["forecast"]["date"].as_str().unwrap());
    }
    assert_eq!(rows.iter().filter(|row| row[1] == b"true").count(), 9);
    // A reader who leaves early is no error.
    let script = "\"$0\" history --from \"$1\" --format csv | head -n 1; echo \"${PIPESTATUS[0]}\"";
    let mut shell = std::process::Command::new("bash");
    shell.args(["-c", script, env!("CARGO_BIN_EXE_efs-scan")]).arg(world.to());
    let output = watched(shell.env("EFS_SCAN_CONFIG", "/dev/null"), Duration::from_secs(60));
    assert!(output.stdout.ends_with(b"\n0\n"), "{output:?}");
}

#[test]
fn hostile_names_do_nothing_in_any_form() {
    let world = World::empty();
    let evil = b"<script>alert(1)<\x1b[2J>";
    for name in [ODD_NAME, evil, b"=cmd()", b"(outside homes)"] {
        let home = std::ffi::OsStr::from_bytes(name);
        file(&world.root(), std::path::Path::new(home).join("x"), 100_000);
    }
    let names = "200005,=cmd()\n200006,\u{202e}\u{1b}[2Jbob\n";
    std::fs::write(world.scratch.path().join("names.csv"), names).unwrap();
    file(&world.root(), "200005/x", 10_000);
    file(&world.root(), "200006/x", 10_000);
    world.publish(&[]);
    for day in 1..=8 {
        world.earlier(hours(24 * day), |_| {});
    }
    let harmless = |text: &str| text.chars().all(|c| c == '\n' || !c.is_control());
    let table = shown(&world, &[]);
    assert!(harmless(&table) && !table.contains('\u{202e}'), "{table:?}");
    assert!(table.contains("a\\xff\\n,<b>\"") && table.contains("\\u{202e}\\x1b[2Jbob"), "{table}");
    let text = shown(&world, &["--format", "json"]);
    assert!(harmless(&text) && !text.contains('\u{202e}'));
    let json: Value = serde_json::from_str(&text).unwrap();
    let homes = json["homes"].as_array().unwrap();
    let odd = homes.iter().find(|home| home["name_base64"].is_string()).unwrap();
    let raw = BASE64_STANDARD.decode(odd["name_base64"].as_str().unwrap()).unwrap();
    assert_eq!(raw, ODD_NAME);
    assert_eq!(odd["bytes_per_day_7"], 0, "it is the same home in all runs");
    assert_eq!(home(&json, &String::from_utf8_lossy(evil))["outside"], json!(false));
    let outside = homes.iter().filter(|home| home["name"] == "(outside homes)");
    assert_eq!(outside.count(), 2, "one of them is a home");
    let (_, rows) = csv_of(&world, &[]);
    let shown = String::from_utf8_lossy(ODD_NAME).into_owned().into_bytes();
    let odd = rows.iter().find(|row| row[0] == shown && row.len() == 13).unwrap();
    assert_eq!(BASE64_STANDARD.decode(&odd[12]).unwrap(), ODD_NAME, "the table is UTF-8");
    assert!(rows.iter().any(|row| row[0] == b"'=cmd()"), "no spreadsheet computes it");
    assert!(rows.iter().any(|row| row[3] == b"'=cmd()"));
    let one = super::json(&world, &["--user", "<script>alert(1)<\x1b[2J>"]);
    assert_eq!(one["homes"].as_array().unwrap().len(), 1);
}
