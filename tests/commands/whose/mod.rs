//! Owners of homes: two owners, shared directories, numbers that are not uids, trash at the root,
//! and `--user` in every command.

mod numbers;
mod shown;
mod users;

use std::os::unix::fs::lchown;
use std::path::{Path, PathBuf};
use std::process::Output;
use std::time::Duration;

use serde_json::Value;
use tempfile::TempDir;

use efs_scan_testbed::*;

/// Homes with owners, a map of their names, and a destination.
struct World {
    scratch: TempDir,
}

impl World {
    /// Makes the world. The map has 200005 as alice, 200006 as first-last and 200007 as Carol.
    /// Returns `None` without root, because only root can change owners.
    fn new() -> Option<Self> {
        if !skip_unless(is_root(), "owners of homes", "only root changes owners") {
            return None;
        }
        let world = Self { scratch: scratch() };
        world.write("names.csv", "200005,alice\n200006,first-last\n200007,Carol\n");
        std::fs::create_dir(world.root()).unwrap();
        Some(world)
    }

    fn root(&self) -> PathBuf {
        self.scratch.path().join("efs")
    }

    fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.scratch.path().join(name);
        std::fs::write(&path, text).unwrap();
        path
    }

    /// Makes a home whose directory belongs to `directory`, with a file that belongs to `owner`.
    fn home(&self, name: &str, directory: u32, owner: u32, bytes: usize) {
        let path = file(&self.root(), format!("{name}/data"), bytes);
        lchown(path, Some(owner), None).unwrap();
        lchown(self.root().join(name), Some(directory), None).unwrap();
    }

    fn run(&self, args: &[&str]) -> Output {
        let config = "[remind]\nfrom = 'efs@example.com'\nadmin = 'storage@example.com'\n\
                      address = '{name}@example.com'\n";
        let more = std::fs::read_to_string(self.scratch.path().join("more.toml"));
        let config = config.to_owned() + &more.unwrap_or_default();
        let mut command = efs_scan();
        command.env("EFS_SCAN_CONFIG", self.write("efs-scan.toml", &config));
        command.env("EFS_SCAN_STATE_DIR", self.scratch.path().join("state"));
        command.env("EFS_SCAN_NAME", "prod");
        watched(command.args(args), Duration::from_secs(120))
    }

    /// Runs a command successfully on the published runs, and returns its standard output.
    fn read(&self, args: &[&str]) -> String {
        let from = self.published().display().to_string();
        let output = self.run(&[args, &["--from", &from]].concat());
        assert_eq!(output.status.code(), Some(0), "{args:?}: {}", stderr(&output));
        String::from_utf8(output.stdout).unwrap()
    }

    fn published(&self) -> PathBuf {
        self.scratch.path().join("published")
    }

    /// Scans with the map of names.
    fn scan(&self, args: &[&str]) -> Output {
        let root = self.root().display().to_string();
        let names = format!("csv:{}", self.scratch.path().join("names.csv").display());
        self.run(&[&[&*root, "--names", &names], args].concat())
    }

    fn json(&self, args: &[&str]) -> Value {
        let output = self.scan(&[&["--format", "json"], args].concat());
        assert_eq!(output.status.code(), Some(0), "{args:?}: {}", stderr(&output));
        serde_json::from_slice(&output.stdout).unwrap()
    }

    fn table(&self, args: &[&str]) -> String {
        let output = self.scan(args);
        assert_eq!(output.status.code(), Some(0), "{args:?}: {}", stderr(&output));
        String::from_utf8(output.stdout).unwrap()
    }

    fn publish(&self) -> Value {
        let to = self.published().display().to_string();
        self.json(&["--publish", &to, "--quota", "1MiB"])
    }
}

/// Returns the names of the homes in a document, sorted.
fn homes(document: &Value) -> Vec<&str> {
    let homes = document["homes"].as_array().unwrap().iter();
    let homes = homes.filter(|home| home["kind"] != "outside" && home["outside"] != true);
    let mut names: Vec<&str> = homes.map(|home| home["name"].as_str().unwrap()).collect();
    names.sort_unstable();
    names
}

fn line<'a>(text: &'a str, part: &str) -> &'a str {
    text.lines().find(|line| line.contains(part)).unwrap_or_else(|| panic!("no {part}: {text}"))
}

fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// Returns the names of the files in a directory, sorted.
fn files(directory: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(directory).unwrap();
    let name = |entry: std::fs::DirEntry| entry.file_name().into_string().unwrap();
    let mut names: Vec<String> = entries.map(|entry| name(entry.unwrap())).collect();
    names.sort_unstable();
    names
}
