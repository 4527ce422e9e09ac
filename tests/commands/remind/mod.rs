//! `efs-scan remind` on runs in a directory, with SES from the testbed.

#[cfg(feature = "aws")]
mod apps;
#[cfg(feature = "aws")]
mod at_destination;
#[cfg(feature = "aws")]
mod crash;
mod dry;
mod fleet;
mod hostile;
#[cfg(feature = "aws")]
mod refused;
#[cfg(feature = "aws")]
mod sent;
mod whose;

use std::path::PathBuf;
use std::process::{Command, Output};
use std::time::Duration;

use efs_scan_testbed::*;
use serde_json::Value;
use tempfile::TempDir;

/// Configuration of most tests.
const CONFIG: &str = "\
[remind]
from = 'EFS storage <efs@example.com>'
admin = 'storage@example.com'
address = '{name}@example.com'
trash = '1MiB'
";

/// Homes with a quota of 2 MiB, and the destination of their runs.
struct World {
    scratch: TempDir,
    /// True if the destination keeps the ledger.
    at_destination: bool,
    #[cfg(feature = "aws")]
    aws: efs_scan_testbed::aws::Stub,
}

impl World {
    /// Makes a world without homes. The map has 200005 as alice, 200006 as bob, 200008 as zoe.
    fn empty() -> Self {
        let world = Self {
            scratch: scratch(),
            at_destination: false,
            #[cfg(feature = "aws")]
            aws: efs_scan_testbed::aws::Stub::start(),
        };
        std::fs::create_dir(world.root()).unwrap();
        world.names("200005,alice\n200006,bob\n200008,zoe\n");
        world.configure(CONFIG);
        world
    }

    /// Makes a world with homes: alice is over quota and has much trash, bob has much trash, zoe
    /// has neither, and 200007, over quota, is an orphan home.
    fn new() -> Self {
        let world = Self::empty();
        file(&world.root(), "200005/.local/share/Trash/files/a", 1_500_000);
        std::fs::create_dir_all(world.root().join("200005/.cache/pip/http/a")).unwrap();
        file(&world.root(), "200005/.cache/pip/selfcheck.json", 1_000_000);
        file(&world.root(), "200006/.local/share/Trash/files/c", 1_200_000);
        file(&world.root(), "200007/d", 3_000_000);
        file(&world.root(), "200008/e", 100_000);
        world.publish();
        world
    }

    /// Makes a world with that many people over quota, called p000, p001 and so on, and nobody
    /// else.
    #[cfg(feature = "aws")]
    fn crowd(count: usize) -> Self {
        let world = Self::empty();
        let mut names = String::new();
        for at in 0..count {
            file(&world.root(), format!("{}/a", 300_000 + at), 2_500_000);
            names += &format!("{},p{at:03}\n", 300_000 + at);
        }
        world.names(&names);
        world.publish();
        world
    }

    fn root(&self) -> PathBuf {
        self.scratch.path().join("efs")
    }

    fn state(&self) -> PathBuf {
        self.scratch.path().join("state")
    }

    fn published(&self) -> PathBuf {
        self.scratch.path().join("published")
    }

    fn ledger(&self) -> PathBuf {
        match self.at_destination {
            true => self.published().join("state/remind/reminders.json"),
            false => self.state().join("remind/reminders.json"),
        }
    }

    /// Lets the lock of a process that was killed expire, if the kernel does not release it.
    #[cfg(feature = "aws")]
    fn expire_lock(&self) {
        let path = self.published().join("state/remind/lock.json");
        if let Ok(lock) = std::fs::File::options().write(true).open(path) {
            lock.set_modified(std::time::SystemTime::now() - Duration::from_secs(3600)).unwrap();
        }
    }

    fn names(&self, csv: &str) {
        std::fs::write(self.scratch.path().join("names.csv"), csv).unwrap();
    }

    fn configure(&self, toml: &str) {
        std::fs::write(self.scratch.path().join("efs-scan.toml"), toml).unwrap();
    }

    fn command(&self) -> Command {
        let mut command = efs_scan();
        #[cfg(feature = "aws")]
        self.aws.env(&mut command);
        command.env("EFS_SCAN_CONFIG", self.scratch.path().join("efs-scan.toml"));
        if self.at_destination {
            command.env("EFS_SCAN_STATE", "destination");
        }
        command.env("EFS_SCAN_STATE_DIR", self.state());
        command.env("EFS_SCAN_PUBLISH", self.published()).env("EFS_SCAN_NAME", "prod");
        command
    }

    /// Publishes a second file system, `stage`, with these homes.
    fn stage(&self, homes: &[(&str, usize)]) {
        let root = self.scratch.path().join("stage");
        for (home, bytes) in homes {
            file(&root, format!("{home}/.local/share/Trash/files/a"), *bytes);
            if let Some(uid) = home.parse().ok().filter(|_| is_root()) {
                give(&root.join(home), uid);
            }
        }
        let mut command = self.command();
        command.env("EFS_SCAN_STATE_DIR", self.scratch.path().join("state-of-stage"));
        command.env("EFS_SCAN_NAME", "stage");
        let names = format!("csv:{}", self.scratch.path().join("names.csv").display());
        command.arg(root).args(["--names", &names, "--quota", "2MiB", "--quiet"]);
        let output = watched(&mut command, Duration::from_secs(120));
        assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    }

    /// Gives each uid home to its uid, unless the user who runs the test has all of them.
    fn give_homes(&self) {
        for home in std::fs::read_dir(self.root()).unwrap().map(Result::unwrap) {
            let uid = home.file_name().to_str().and_then(|name| name.parse().ok());
            if let Some(uid) = uid.filter(|_| is_root()) {
                give(&home.path(), uid);
            }
        }
    }

    /// Scans and publishes, with a separate state directory for the scan.
    fn publish(&self) {
        self.give_homes();
        self.publish_as_it_is();
    }

    /// Scans and publishes homes whose owners are part of the test.
    fn publish_as_it_is(&self) {
        let mut command = self.command();
        command.env("EFS_SCAN_STATE_DIR", self.scratch.path().join("state-of-scan"));
        let names = format!("csv:{}", self.scratch.path().join("names.csv").display());
        command.arg(self.root()).args(["--names", &names, "--quota", "2MiB", "--quiet"]);
        let output = watched(&mut command, Duration::from_secs(120));
        assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    }

    /// Runs `efs-scan remind`, which must exit with `code`.
    fn remind(&self, args: &[&str], code: i32) -> Output {
        let mut command = self.command();
        let output = watched(command.arg("remind").args(args), Duration::from_secs(120));
        assert_eq!(output.status.code(), Some(code), "{}{}", stdout(&output), stderr(&output));
        #[cfg(feature = "aws")]
        assert!(self.aws.violations().is_empty(), "{:?}", self.aws.violations());
        output
    }

    /// Returns the output of `efs-scan remind --dry-run`.
    fn preview(&self, code: i32) -> String {
        stdout(&self.remind(&["--dry-run"], code))
    }

    /// Changes the newest published run.
    fn edit(&self, change: impl Fn(&mut Value)) {
        self.edit_of("prod", change);
    }

    /// Changes the newest published run of a file system.
    fn edit_of(&self, key: &str, change: impl Fn(&mut Value)) {
        let path = self.published().join(format!("latest/{key}.json"));
        let read = |path: &PathBuf| -> Value {
            serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()
        };
        let mut latest = read(&path);
        let key = self.published().join(latest["report"].as_str().unwrap());
        let mut report = read(&key);
        change(&mut report);
        latest["run"] = report["run"].clone();
        std::fs::write(key, report.to_string()).unwrap();
        std::fs::write(path, latest.to_string()).unwrap();
    }

    /// Changes one home in it.
    fn edit_home(&self, name: &str, change: impl Fn(&mut Value)) {
        self.edit(|report| {
            let homes = report["homes"].as_array_mut().unwrap();
            change(homes.iter_mut().find(|home| home["name"] == name).unwrap());
        });
    }

    /// Returns the recipients of messages in order, without the administrator.
    #[cfg(feature = "aws")]
    fn reminded(&self) -> Vec<String> {
        let mails = self.aws.mails().into_iter().map(|mail| mail.to);
        mails.filter(|to| to != "storage@example.com").collect()
    }

    /// Returns the messages to the administrator.
    #[cfg(feature = "aws")]
    fn summaries(&self) -> Vec<String> {
        let mails = self.aws.mails().into_iter();
        mails.filter(|mail| mail.to == "storage@example.com").map(|mail| mail.text).collect()
    }
}

fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

fn stdout(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}
