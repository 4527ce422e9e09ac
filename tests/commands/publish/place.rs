//! A tree, a destination, and the state directory between them.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::time::Duration;

use serde_json::Value;
use tempfile::TempDir;

use efs_scan_testbed::*;

/// Time limit for a run that does not hang.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// The three directories of a run, side by side.
pub(crate) struct Place {
    pub(crate) dir: TempDir,
}

impl Place {
    /// Makes the directories, with a tree of two homes.
    pub(crate) fn new() -> Self {
        let place = Self { dir: scratch() };
        file(&place.root(), "200005/.cache/pip/http/a/b", 50_000);
        file(&place.root(), "200005/project/data", 9000);
        file(&place.root(), "200006/notes", 5000);
        std::fs::write(place.people(), "uid,name\n200005,alice\n").unwrap();
        place
    }

    pub(crate) fn root(&self) -> PathBuf {
        self.dir.path().join("efs")
    }

    pub(crate) fn published(&self) -> PathBuf {
        self.dir.path().join("published")
    }

    pub(crate) fn state(&self) -> PathBuf {
        self.dir.path().join("state")
    }

    pub(crate) fn people(&self) -> PathBuf {
        self.dir.path().join("people.csv")
    }

    /// Returns the arguments of a scan that publishes.
    pub(crate) fn args(&self) -> Vec<String> {
        let text = |path: PathBuf| path.to_str().unwrap().to_owned();
        vec![
            text(self.root()),
            "--publish".to_owned(),
            text(self.published()),
            "--state-dir".to_owned(),
            text(self.state()),
            format!("--names=csv:{}", self.people().display()),
            "--name=prod".to_owned(),
            "--quiet".to_owned(),
        ]
    }

    /// Returns a command for such a scan.
    pub(crate) fn command(&self) -> Command {
        let mut command = efs_scan();
        command.args(self.args());
        command
    }

    /// Runs such a scan, which must exit with `code`.
    pub(crate) fn scan(&self, more: &[&str], code: i32) -> Output {
        let output = watched(self.command().args(more), PATIENCE);
        assert_code(&output, code);
        output
    }

    /// Runs `efs-scan publish`, which must exit with `code`.
    pub(crate) fn resend(&self, code: i32) -> Output {
        let mut command = efs_scan();
        command.args(["publish", "--quiet", "--state-dir"]).arg(self.state());
        let output = watched(&mut command, PATIENCE);
        assert_code(&output, code);
        output
    }

    /// Reads `latest/prod.json`, which must be complete if it exists.
    pub(crate) fn latest(&self) -> Option<Value> {
        let bytes = std::fs::read(self.published().join("latest/prod.json")).ok()?;
        Some(serde_json::from_slice(&bytes).unwrap())
    }

    /// Returns the run that `latest/prod.json` names.
    pub(crate) fn latest_id(&self) -> Option<String> {
        self.latest().map(|latest| latest["run"]["id"].as_str().unwrap().to_owned())
    }

    /// Returns the ids of the published runs, oldest first.
    pub(crate) fn runs(&self) -> Vec<String> {
        let published = files(&self.published());
        let runs = published.keys().filter(|key| key.starts_with("runs/"));
        // Files that are being written have another form of name.
        runs.filter_map(|key| stem(key).strip_suffix(".json").map(str::to_owned)).collect()
    }

    /// Returns the names of everything in the spool.
    pub(crate) fn spooled(&self) -> Vec<String> {
        files(&self.state().join("spool")).into_keys().collect()
    }

    /// Returns the ids of the runs in the spool, oldest first.
    pub(crate) fn waiting(&self) -> Vec<String> {
        let id = |name: String| name.strip_suffix(".run.json").map(str::to_owned);
        self.spooled().into_iter().filter_map(id).collect()
    }
}

/// Returns the last component of a key.
pub(crate) fn stem(key: &str) -> &str {
    key.rsplit('/').next().unwrap()
}

pub(crate) fn assert_code(output: &Output, code: i32) {
    assert_eq!(output.status.code(), Some(code), "{}", stderr(output));
}

pub(crate) fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// Returns the only line on standard error.
pub(crate) fn one_line(output: &Output) -> String {
    let stderr = stderr(output);
    assert_eq!(stderr.lines().count(), 1, "{stderr}");
    stderr
}

/// Reads every file below a directory, including hidden ones.
pub(crate) fn files(root: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut found = BTreeMap::new();
    let mut open = vec![root.to_owned()];
    while let Some(directory) = open.pop() {
        let Ok(entries) = directory.read_dir() else { continue };
        for entry in entries {
            let path = entry.unwrap().path();
            match path.symlink_metadata().unwrap().is_dir() {
                true => open.push(path),
                false => {
                    let key = path.strip_prefix(root).unwrap().to_str().unwrap().to_owned();
                    // The lock file is empty.
                    if key == ".efs-scan.lock" {
                        continue;
                    }
                    found.insert(key, std::fs::read(&path).unwrap());
                }
            }
        }
    }
    found
}

/// Returns the summary of a report.
pub(crate) fn latest_of(report: &efs_scan::report::Report) -> efs_scan::published::Latest {
    let mut json = Vec::new();
    efs_scan::published::Latest::write(report, true, &mut json).unwrap();
    serde_json::from_slice(&json).unwrap()
}
