//! `efs-scan history`: homes over several published runs.

mod forms;
mod growth;
mod troubles;

use std::ffi::OsStr;
use std::process::Output;
use std::time::Duration;

use crate::status::world::*;
use efs_scan_testbed::*;
use jiff::Timestamp;
use serde_json::Value;

const MIB: i64 = 1 << 20;

/// Runs `efs-scan history` on the published runs, on a terminal without UTF-8.
fn history<I: AsRef<OsStr>>(world: &World, args: impl IntoIterator<Item = I>) -> Output {
    let mut command = efs_scan();
    command.env("LC_ALL", "C").arg("history").arg("--from").arg(world.to()).args(args);
    watched(&mut command, Duration::from_secs(60))
}

/// Runs it successfully and returns its standard output.
fn shown(world: &World, args: &[&str]) -> String {
    let output = history(world, args);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    assert_eq!(stderr(&output), "");
    String::from_utf8(output.stdout).unwrap()
}

fn json(world: &World, args: &[&str]) -> Value {
    serde_json::from_str(&shown(world, &[args, &["--format", "json"]].concat())).unwrap()
}

/// Publishes a run for each of these days before the newest run. In each, zoe's home is smaller by
/// `a_day` per day.
fn days_before(world: &World, days: impl IntoIterator<Item = i64>, a_day: i64) {
    for day in days {
        world.earlier(hours(24 * day), |rows| grow(rows, "200005", -day * a_day));
    }
}

/// Makes a world in which zoe has 60 MiB, enough to have grown by 2 MiB a day for a month.
fn large() -> World {
    let world = World::new();
    file(&world.root(), "200005/large", 62 << 20);
    world.publish(&[]);
    only_newest(&world);
    world
}

/// Removes the tables of all runs except the newest.
fn only_newest(world: &World) {
    let newest = world.to().join(world.latest()["homes_table"].as_str().unwrap());
    for folder in ["homes/fs=prod", "homes/parquet/fs=prod"] {
        let days = world.to().join(folder).read_dir().into_iter().flatten();
        for day in days {
            for table in day.unwrap().path().read_dir().unwrap() {
                let table = table.unwrap().path();
                if table != newest {
                    std::fs::remove_file(table).unwrap();
                }
            }
        }
    }
}

fn started(json: &Value) -> Timestamp {
    json["runs"].as_array().unwrap().last().unwrap()["started"].as_str().unwrap().parse().unwrap()
}
