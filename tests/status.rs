//! `efs-scan status`: runs that the program published to a directory, read back and compared.

#![allow(clippy::unwrap_used)] // A test that cannot go on fails.

#[path = "status/asked.rs"]
mod asked;
mod common;
#[path = "status/compared.rs"]
mod compared;
#[path = "status/ddl.rs"]
mod ddl;
#[path = "status/hostile.rs"]
mod hostile;
#[path = "status/shown.rs"]
mod shown;
#[path = "status/sums.rs"]
mod sums;
#[path = "status/troubles.rs"]
mod troubles;

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;
use std::process::{Command, Output};
use std::time::Duration;

use common::*;
use jiff::{SignedDuration, Timestamp};
use serde_json::Value;
use tempfile::TempDir;

/// A line of a published table, by its columns.
type Row = BTreeMap<String, String>;

/// Homes, a map of names, and a directory that runs are published to.
struct World {
    scratch: TempDir,
}

impl World {
    /// No home yet; the map knows 200005 as zoe, 200006 as bob and 200008 as alice.
    fn empty() -> Self {
        let world = Self { scratch: scratch() };
        std::fs::create_dir(world.root()).unwrap();
        let names = "200005,zoe\n200006,bob\n200008,alice\n";
        std::fs::write(world.scratch.path().join("names.csv"), names).unwrap();
        world
    }

    /// A home of each of them, and 200004, whom nobody knows; published.
    fn new() -> Self {
        let world = Self::empty();
        file(&world.root(), "200005/.cache/pip/a", 300_000);
        file(&world.root(), "200006/.local/share/Trash/files/b", 200_000);
        file(&world.root(), "200008/c", 100_000);
        file(&world.root(), "200004/d", 50_000);
        world.publish(&[]);
        world
    }

    fn root(&self) -> PathBuf {
        self.scratch.path().join("efs")
    }

    fn to(&self) -> PathBuf {
        self.scratch.path().join("published")
    }

    /// Scans and publishes; the report of the scan.
    fn publish(&self, args: &[&str]) -> Value {
        let names = format!("csv:{}", self.scratch.path().join("names.csv").display());
        let mut command = efs_scan();
        command.env("EFS_SCAN_STATE_DIR", self.scratch.path().join("state"));
        command.arg(self.root()).args(["--format", "json", "--names", &names]);
        command.arg("--publish").arg(self.to()).args(args);
        let output = watched(&mut command, Duration::from_secs(60));
        assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
        serde_json::from_slice(&output.stdout).unwrap()
    }

    /// `efs-scan status` of what is published here.
    fn status<I: AsRef<OsStr>>(&self, args: impl IntoIterator<Item = I>) -> Output {
        let mut command = efs_scan();
        command.arg("status").arg("--from").arg(self.to()).args(args);
        watched(&mut command, Duration::from_secs(60))
    }

    /// What it prints when all is well.
    fn table(&self, args: &[&str]) -> String {
        let output = self.status(args);
        assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
        assert_eq!(stderr(&output), "");
        String::from_utf8(output.stdout).unwrap()
    }

    fn json(&self) -> Value {
        serde_json::from_str(&self.table(&["--format", "json"])).unwrap()
    }

    fn latest(&self) -> Value {
        let bytes = std::fs::read(self.to().join("latest.json")).unwrap();
        serde_json::from_slice(&bytes).unwrap()
    }

    /// Changes `latest.json`.
    fn edit(&self, change: impl FnOnce(&mut Value)) {
        let mut latest = self.latest();
        change(&mut latest);
        std::fs::write(self.to().join("latest.json"), latest.to_string()).unwrap();
    }

    /// The columns and the lines of a published table.
    fn rows(&self, key: &str) -> (Vec<String>, Vec<Row>) {
        let mut reader = csv::Reader::from_path(self.to().join(key)).unwrap();
        let head: Vec<String> = reader.headers().unwrap().iter().map(str::to_owned).collect();
        let rows = reader.records().map(|record| {
            let cells = record.unwrap();
            head.iter().cloned().zip(cells.iter().map(str::to_owned)).collect()
        });
        let rows = rows.collect();
        (head, rows)
    }

    /// Publishes a run that started so many minutes before the newest one: its table of homes,
    /// changed. Returns the id.
    fn earlier(&self, minutes: i64, change: impl FnOnce(&mut Vec<Row>)) -> String {
        let latest = self.latest();
        let started: Timestamp = latest["run"]["started"].as_str().unwrap().parse().unwrap();
        let at = started - SignedDuration::from_mins(minutes);
        let id = at.strftime("%Y%m%dT%H%M%S.%6fZ").to_string();
        let (head, mut rows) = self.rows(latest["homes_table"].as_str().unwrap());
        change(&mut rows);
        let day = self.to().join(at.strftime("homes/dt=%Y-%m-%d").to_string());
        std::fs::create_dir_all(&day).unwrap();
        let mut writer = csv::Writer::from_path(day.join(format!("{id}.csv"))).unwrap();
        writer.write_record(&head).unwrap();
        for mut row in rows {
            row.insert("run_id".to_owned(), id.clone());
            row.insert("run_started".to_owned(), at.to_string());
            writer.write_record(head.iter().map(|name| &row[name])).unwrap();
        }
        writer.flush().unwrap();
        id
    }
}

/// Hours in minutes.
const fn hours(hours: i64) -> i64 {
    hours * 60
}

/// The line of a home.
fn row<'a>(rows: &'a mut [Row], home: &str) -> &'a mut Row {
    rows.iter_mut().find(|row| row["home"] == home).unwrap_or_else(|| panic!("no home {home}"))
}

/// Makes what a home holds in a table more, or less.
fn grow(rows: &mut [Row], home: &str, by: i64) {
    let cell = row(rows, home).get_mut("allocated_bytes").unwrap();
    let bytes: i64 = cell.parse().unwrap();
    *cell = (bytes + by).to_string();
}

/// The line of the table that begins with this.
fn line<'a>(table: &'a str, start: &str) -> &'a str {
    let found = table.lines().find(|line| line.starts_with(start));
    found.unwrap_or_else(|| panic!("no line `{start}`:\n{table}"))
}

fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// Runs a command that must end with `code`, one line on stderr and nothing on stdout; the line.
fn refused(command: &mut Command, code: i32) -> String {
    one_line(&watched(command, Duration::from_secs(60)), code)
}

fn one_line(output: &Output, code: i32) -> String {
    let said = stderr(output);
    assert_eq!(output.status.code(), Some(code), "{said}");
    assert!(output.stdout.is_empty(), "{}", String::from_utf8_lossy(&output.stdout));
    assert_eq!(said.trim_end().lines().count(), 1, "{said}");
    assert!(said.starts_with("efs-scan: "), "{said}");
    assert!(!said.trim_end().chars().any(char::is_control), "{said:?}");
    said.trim_end().to_owned()
}

#[test]
fn the_table_is_as_in_the_snapshot() {
    let probe = scratch();
    file(probe.path(), "file", 1);
    let blocks = |path: &str| probe.path().join(path).metadata().unwrap().blocks();
    let able = blocks(".") == 8 && blocks("file") == 8;
    if !skip_unless(able, "snapshot of status", "no blocks of 4 KiB as ext4 has") {
        return;
    }
    let world = World::new();
    world.publish(&["--quota", "250KiB"]);
    world.earlier(hours(24), |rows| {
        grow(rows, "200005", -8192);
        grow(rows, "200006", 4096);
        rows.retain(|row| row["home"] != "200008");
        row(rows, "200004").extend([
            ("home".to_owned(), "200001".to_owned()),
            ("uid".to_owned(), "200001".to_owned()),
            ("owner".to_owned(), "carol".to_owned()),
        ]);
    });
    world.earlier(hours(7 * 24), |rows| grow(rows, "200005", -70_000));
    let mut table = world.table(&[]).replace(world.root().to_str().unwrap(), "[ROOT]");
    let json = world.json();
    for run in ["run", "compared_day", "compared_week"] {
        let at: jiff::Timestamp = json[run]["started"].as_str().unwrap().parse().unwrap();
        let time = at.strftime("%Y-%m-%d %H:%M UTC").to_string();
        assert!(table.contains(&time), "{table}");
        table = table.replace(&time, &format!("[{}]", run.to_uppercase()));
    }
    let (head, rest) = table.split_once("[RUN], ").unwrap();
    let rest = rest.split_once(" ago").unwrap().1;
    insta::assert_snapshot!("table", format!("{head}[RUN], [AGE] ago{rest}"));
}
