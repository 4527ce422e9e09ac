//! A destination with runs: published by the program, and copies made to look like earlier ones.

#![allow(dead_code, unreachable_pub)] // Each test file is a crate of its own and uses a part of this.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::path::PathBuf;
use std::process::{Command, Output};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use serde_json::Value;
use tempfile::TempDir;

use crate::tables::csv_of;
use efs_scan_testbed::*;

/// A line of a published table, by column.
pub type Row = BTreeMap<String, String>;

/// Homes, a map of names, and a destination.
pub struct World {
    pub scratch: TempDir,
}

impl World {
    /// Makes a world without homes. The map has 200005 as zoe, 200006 as bob and 200008 as alice.
    pub fn empty() -> Self {
        let world = Self { scratch: scratch() };
        std::fs::create_dir(world.root()).unwrap();
        let names = "200005,zoe\n200006,bob\n200008,alice\n";
        std::fs::write(world.scratch.path().join("names.csv"), names).unwrap();
        world
    }

    /// Makes and publishes a home for each of them and for 200004, who has no name.
    pub fn new() -> Self {
        let world = Self::empty();
        file(&world.root(), "200005/.cache/pip/a", 300_000);
        file(&world.root(), "200006/.local/share/Trash/files/b", 200_000);
        file(&world.root(), "200008/c", 100_000);
        file(&world.root(), "200004/d", 50_000);
        world.publish(&[]);
        world
    }

    pub fn root(&self) -> PathBuf {
        self.scratch.path().join("efs")
    }

    pub fn to(&self) -> PathBuf {
        self.scratch.path().join("published")
    }

    /// Scans and publishes; returns the report.
    pub fn publish(&self, args: &[&str]) -> Value {
        let names = format!("csv:{}", self.scratch.path().join("names.csv").display());
        let mut command = efs_scan();
        command.env("EFS_SCAN_STATE_DIR", self.scratch.path().join("state"));
        command.arg(self.root()).args(["--format", "json", "--names", &names]);
        command.args(["--name", "prod"]).arg("--publish").arg(self.to()).args(args);
        let output = watched(&mut command, Duration::from_secs(60));
        assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
        serde_json::from_slice(&output.stdout).unwrap()
    }

    /// Runs `efs-scan status` on the destination.
    pub fn status<I: AsRef<OsStr>>(&self, args: impl IntoIterator<Item = I>) -> Output {
        let mut command = efs_scan();
        command.arg("status").arg("--from").arg(self.to()).args(args);
        watched(&mut command, Duration::from_secs(60))
    }

    /// Runs it successfully and returns its standard output.
    pub fn table(&self, args: &[&str]) -> String {
        let output = self.status(args);
        assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
        assert_eq!(stderr(&output), "");
        String::from_utf8(output.stdout).unwrap()
    }

    pub fn json(&self) -> Value {
        serde_json::from_str(&self.table(&["--format", "json"])).unwrap()
    }

    pub fn latest(&self) -> Value {
        let bytes = std::fs::read(self.to().join("latest/prod.json")).unwrap();
        serde_json::from_slice(&bytes).unwrap()
    }

    /// Changes `latest/prod.json`.
    pub fn edit(&self, change: impl FnOnce(&mut Value)) {
        let mut latest = self.latest();
        change(&mut latest);
        std::fs::write(self.to().join("latest/prod.json"), latest.to_string()).unwrap();
    }

    /// Returns the columns and the lines of the newest run's table of homes as an earlier version
    /// would have published it.
    fn csv_rows(&self) -> (Vec<String>, Vec<Row>) {
        let report = std::fs::read(self.to().join(self.latest()["report"].as_str().unwrap()));
        let [homes, _] = csv_of(&report.unwrap());
        let mut reader = csv::Reader::from_reader(homes.as_bytes());
        let head: Vec<String> = reader.headers().unwrap().iter().map(str::to_owned).collect();
        let rows = reader.records().map(|record| {
            let cells = record.unwrap();
            head.iter().cloned().zip(cells.iter().map(str::to_owned)).collect()
        });
        let rows = rows.collect();
        (head, rows)
    }

    /// Publishes a run that started that many minutes before the newest one, with a changed copy of
    /// its table of homes in the form of an earlier version. Returns the id.
    pub fn earlier(&self, minutes: i64, change: impl FnOnce(&mut Vec<Row>)) -> String {
        let latest = self.latest();
        let started: Timestamp = latest["run"]["started"].as_str().unwrap().parse().unwrap();
        let at = started - SignedDuration::from_mins(minutes);
        let id = at.strftime("%Y%m%dT%H%M%S.%6fZ").to_string();
        let (head, mut rows) = self.csv_rows();
        change(&mut rows);
        if minutes == 0 {
            // The other form of the newest run's own table would be read.
            let _ = std::fs::remove_file(self.to().join(latest["homes_table"].as_str().unwrap()));
        }
        let day = self.to().join(at.strftime("homes/fs=prod/dt=%Y-%m-%d").to_string());
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

/// Converts hours to minutes.
pub const fn hours(hours: i64) -> i64 {
    hours * 60
}

/// Returns the line of a home.
pub fn row<'a>(rows: &'a mut [Row], home: &str) -> &'a mut Row {
    rows.iter_mut().find(|row| row["home"] == home).unwrap_or_else(|| panic!("no home {home}"))
}

/// Changes a home's size in a table by `bytes`.
pub fn grow(rows: &mut [Row], home: &str, by: i64) {
    let cell = row(rows, home).get_mut("allocated_bytes").unwrap();
    let bytes: i64 = cell.parse().unwrap();
    *cell = (bytes + by).to_string();
}

/// Returns the line of the table that begins with this.
pub fn line<'a>(table: &'a str, start: &str) -> &'a str {
    let found = table.lines().find(|line| line.starts_with(start));
    found.unwrap_or_else(|| panic!("no line `{start}`:\n{table}"))
}

pub fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// Runs a command that must exit with `code`, print one line on standard error and nothing on
/// standard output; returns the line.
pub fn refused(command: &mut Command, code: i32) -> String {
    one_line(&watched(command, Duration::from_secs(60)), code)
}

pub fn one_line(output: &Output, code: i32) -> String {
    let said = stderr(output);
    assert_eq!(output.status.code(), Some(code), "{said}");
    assert!(output.stdout.is_empty(), "{}", String::from_utf8_lossy(&output.stdout));
    assert_eq!(said.trim_end().lines().count(), 1, "{said}");
    assert!(said.starts_with("efs-scan: "), "{said}");
    assert!(!said.trim_end().chars().any(char::is_control), "{said:?}");
    said.trim_end().to_owned()
}
