//! The layout of published files.

use std::process::Command;

use efs_scan::published::Latest;
use efs_scan::report::Report;

use super::place::*;
use crate::tables::csv_of;
use efs_scan_testbed::*;

/// Makes a place whose tree has hostile names.
fn odd_place() -> Place {
    let place = Place::new();
    let root = place.root();
    // Hostile names of homes, and in paths of findings.
    let pip = raw(&root, ODD_NAME).join(".cache/pip/http");
    std::fs::create_dir_all(&pip).unwrap();
    std::fs::write(pip.join("file"), vec![b'x'; 30_000]).unwrap();
    let environment = raw(&root.join("200006"), ODD_NAME);
    std::fs::create_dir(&environment).unwrap();
    std::fs::write(environment.join("pyvenv.cfg"), "home = /usr").unwrap();
    file(&root, "=cmd()|x/=env\r\n/pyvenv.cfg", 10);
    file(&root, "+1/.cache/pip/http/a/b", 20_000);
    place
}

#[test]
fn a_run_is_published_under_its_day_and_its_id_and_nothing_else_is_left() {
    let place = odd_place();
    place.scan(&[], 0);
    let published = files(&place.published());
    let latest: Latest = serde_json::from_slice(&published["latest/prod.json"]).unwrap();
    let id = &latest.run.id;
    let day = latest.run.started.strftime("%Y-%m-%d").to_string();
    // The id gives the time of the start, and sorts in the same order.
    assert_eq!(*id, latest.run.started.strftime("%Y%m%dT%H%M%S%.6fZ").to_string());
    assert_eq!(id.split('T').next().unwrap(), day.replace('-', ""));
    let want = [
        format!("dirs/fs=prod/dt={day}/{id}.parquet"),
        "du/latest.txt".to_owned(),
        "du/prod.txt".to_owned(),
        format!("findings/parquet/fs=prod/dt={day}/{id}.parquet"),
        format!("homes/parquet/fs=prod/dt={day}/{id}.parquet"),
        "latest/prod.json".to_owned(),
        format!("runs/fs=prod/dt={day}/{id}.json"),
    ];
    assert_eq!(published.keys().collect::<Vec<_>>(), want.iter().collect::<Vec<_>>());
    assert_eq!((&latest.report, &latest.homes_table), (&want[6], &want[4]));
    let report: Report = serde_json::from_slice(&published[&latest.report]).unwrap();
    assert_eq!(report.run, latest.run);
    assert_eq!(latest_of(&report), latest, "both say the same");
    assert_eq!(files(&place.state()).into_keys().collect::<Vec<_>>(), ["file-system.json", "lock"]);
}

#[test]
fn every_record_of_printable_csv_is_one_line_and_no_formula() {
    let place = odd_place();
    place.scan(&[], 0);
    let published = files(&place.published());
    let latest: Latest = serde_json::from_slice(&published["latest/prod.json"]).unwrap();
    let report: Report = serde_json::from_slice(&published[&latest.report]).unwrap();
    let findings = report.homes.iter().map(|home| home.findings.len()).sum::<usize>();
    assert!(findings >= 5, "the odd names are in both tables: {findings}");
    for (table, records) in
        csv_of(&published[&latest.report]).iter().zip([report.homes.len(), findings])
    {
        assert!(table.ends_with('\n') && !table.contains('\r'), "{table}");
        let columns = table.lines().next().unwrap().split(',').count();
        let mut lines = 0;
        for line in table.lines() {
            let mut reader = csv::ReaderBuilder::new();
            let mut reader = reader.has_headers(false).from_reader(line.as_bytes());
            let record = reader.records().next().unwrap().unwrap();
            assert_eq!(record.len(), columns, "{line}");
            for cell in &record {
                assert!(!cell.starts_with(['=', '+', '-', '@', '\t', '\r']), "{cell}");
            }
            lines += 1;
        }
        assert_eq!(lines, 1 + records);
    }
}

#[test]
fn the_du_object_matches_du() {
    let place = odd_place();
    place.scan(&[], 0);
    let mut root = place.root().into_os_string();
    root.push("/");
    let du = Command::new("du").args(["-h", "-d1"]).arg(&root).output().unwrap();
    let sorted = |bytes: &[u8]| {
        let mut lines: Vec<Vec<u8>> = bytes.split(|b| *b == b'\n').map(<[u8]>::to_vec).collect();
        lines.sort_unstable();
        lines
    };
    let ours = std::fs::read(place.published().join("du/latest.txt")).unwrap();
    assert_eq!(sorted(&ours), sorted(&du.stdout), "{}", String::from_utf8_lossy(&ours));
    // Sorted by name with the root last, which the sorting above would hide.
    let last = ours.split(|b| *b == b'\n').rev().nth(1).unwrap();
    assert!(last.ends_with(format!("{}/", place.root().display()).as_bytes()));
}

#[test]
fn a_second_run_adds_its_objects_and_moves_the_pointers() {
    let place = Place::new();
    place.scan(&[], 0);
    let first = files(&place.published());
    let old = place.latest_id().unwrap();
    file(&place.root(), "200006/more", 3_000_000);
    place.scan(&[], 0);
    let second = files(&place.published());
    let new = place.latest_id().unwrap();
    assert!(new > old);
    assert_eq!(place.runs(), [old, new]);
    assert_eq!(second.len(), 3 + 2 * 4);
    for (key, bytes) in &first {
        let moves = ["latest/prod.json", "du/prod.txt", "du/latest.txt"].contains(&key.as_str());
        assert_eq!(second[key] != *bytes, moves, "{key}");
    }
}

#[test]
fn published_files_are_readable_by_others_and_the_state_is_not() {
    use std::os::unix::fs::PermissionsExt;
    let place = Place::new();
    // With a known umask.
    let mut command = Command::new("sh");
    let program = env!("CARGO_BIN_EXE_efs-scan");
    command.args(["-c", "umask 022; exec \"$@\"", "sh", program]).args(place.args());
    assert_code(&watched(command.env("EFS_SCAN_CONFIG", "/dev/null"), PATIENCE), 0);
    let mode = |path: &std::path::Path| path.metadata().unwrap().permissions().mode() & 0o777;
    for key in files(&place.published()).keys() {
        assert_eq!(mode(&place.published().join(key)), 0o644, "{key}");
    }
    assert_eq!(mode(&place.state()), 0o700);
    assert_eq!(mode(&place.state().join("spool")), 0o700);
    assert_eq!(mode(&place.state().join("lock")), 0o600);
}
