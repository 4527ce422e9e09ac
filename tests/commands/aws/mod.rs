//! Publishing, names and sizes through AWS's protocols, against the testbed's stand-in for AWS,
//! which enforces AWS's limits and fails on request.

mod buckets;
mod changes;
mod check;
mod conditions;
mod crash;
mod endless;
mod fleet;
mod group_metrics;
mod groups;
mod growth;
mod history;
mod many;
mod members;
mod metrics;
mod names;
#[cfg(target_os = "linux")]
mod nfs;
mod notices;
mod objects;
mod sizes;
mod state;
mod throughput;
mod troubles;

use std::ffi::OsStr;
use std::path::PathBuf;
use std::process::{Command, Output};
use std::time::Duration;

use crate::tables::csv_of;
use efs_scan_testbed::aws::{Sizes, Stub};
use efs_scan_testbed::*;
use serde_json::Value;
use tempfile::TempDir;

/// Id of the tests' file system.
const FILE_SYSTEM: &str = "fs-0123456789abcdef0";

/// A small file system with homes, a state directory, and a stand-in for AWS.
struct World {
    aws: Stub,
    scratch: TempDir,
}

impl World {
    /// Makes three homes: alice has a cache, bob has trash, and 200007 has no name.
    fn new() -> Self {
        let world = Self { aws: Stub::start(), scratch: scratch() };
        world.aws.create_bucket("team");
        let sizes = Sizes { value: 0, standard: 0, ia: 0, archive: 0, at_epoch_seconds: 1.0 };
        world.aws.file_system(FILE_SYSTEM, sizes);
        file(&world.root(), "200005/.cache/pip/a", 3_000_000);
        file(&world.root(), "200006/.local/share/Trash/files/b", 2_000_000);
        file(&world.root(), "200007/c", 1_000);
        std::fs::write(world.scratch.path().join("names.csv"), "200005,alice\n200006,bob\n")
            .unwrap();
        world
    }

    fn root(&self) -> PathBuf {
        self.scratch.path().join("efs")
    }

    fn state(&self) -> PathBuf {
        self.scratch.path().join("state")
    }

    /// Returns a command with this AWS and state directory.
    fn command(&self) -> Command {
        let mut command = efs_scan();
        self.aws.env(&mut command);
        command.env("EFS_SCAN_STATE_DIR", self.state()).env("EFS_SCAN_NAME", "prod");
        command
    }

    /// Scans the homes with the names of the CSV map.
    fn scan<I: AsRef<OsStr>>(&self, args: impl IntoIterator<Item = I>) -> Output {
        let mut command = self.command();
        let names = format!("csv:{}", self.scratch.path().join("names.csv").display());
        command.arg(self.root()).args(["--names", &names, "--format", "json"]).args(args);
        watched(&mut command, Duration::from_secs(120))
    }

    /// Runs any other command.
    fn run<I: AsRef<OsStr>>(&self, args: impl IntoIterator<Item = I>) -> Output {
        watched(self.command().args(args), Duration::from_secs(120))
    }

    /// Runs a script whose `$0` is the program, with the settings of [`command`](Self::command).
    fn script(&self, script: &str) -> Command {
        let mut command = Command::new("sh");
        command.args(["-c", script]).arg(program());
        for (name, value) in self.command().get_envs() {
            match value {
                Some(value) => command.env(name, value),
                None => command.env_remove(name),
            };
        }
        command
    }

    /// Returns the summary of the newest run, of any file system.
    fn latest(&self) -> Option<Value> {
        let keys = self.aws.keys("team");
        let key = keys.iter().find(|key| key.starts_with("efs/latest/"))?;
        let bytes = self.aws.object("team", key)?;
        Some(serde_json::from_slice(&bytes).unwrap())
    }

    /// Returns the directory of the spool.
    fn spool_dir(&self) -> PathBuf {
        self.state().join("spool")
    }

    /// Returns the names of the files in the spool.
    fn spool(&self) -> Vec<String> {
        let spool = std::fs::read_dir(self.spool_dir());
        let names = spool.into_iter().flatten();
        let mut names: Vec<String> =
            names.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }
}

/// Returns the program with the access that file modes give the owner, even as root.
fn as_owner() -> Command {
    let program = env!("CARGO_BIN_EXE_efs-scan");
    match is_root() {
        true => {
            let mut command = Command::new("setpriv");
            command.args(["--bounding-set=-dac_override,-dac_read_search", program]);
            command
        }
        false => Command::new(program),
    }
}

/// Destination of the tests.
const TO: [&str; 2] = ["--publish", "s3://team/efs"];

fn code(output: &Output) -> Option<i32> {
    output.status.code()
}

fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// Parses the report on standard output.
fn printed(output: &Output) -> Value {
    serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{}", stderr(output)))
}

/// Returns the lines of standard error that begin with `ERROR` or `efs-scan:`.
fn errors(output: &Output) -> Vec<String> {
    let text = stderr(output);
    let lines = text.lines().map(str::trim);
    lines.filter(|l| l.starts_with("ERROR") || l.starts_with("efs-scan:")).map(Into::into).collect()
}
