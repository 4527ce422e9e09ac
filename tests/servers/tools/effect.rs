//! Effects of a command: bytes freed, and changes elsewhere.

use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hasher};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use efs_scan_testbed::*;
use serde_json::Value;

use super::Row;

/// Largest difference between a tool's own clean-up and the reported figure: the tool may leave its
/// emptied directory and marker files that it creates again, such as Go's README, trim.txt and
/// lock, a few blocks in all. The examples have [`LEAST`] or more, so this hides nothing. Commands
/// that only remove have no tolerance.
pub(super) const TOLERANCE: u64 = 16 << 10;

/// The least size of an example that a tool cleans up.
pub(super) const LEAST: u64 = 1 << 20;

/// Path, kind and content of everything below a directory, except one place.
struct Listing(BTreeMap<PathBuf, String>);

impl Listing {
    fn of(root: &Path, without: &Path) -> Self {
        let mut all = BTreeMap::new();
        let mut left = vec![root.to_owned()];
        while let Some(path) = left.pop() {
            if path == without {
                continue;
            }
            let meta = path.symlink_metadata().unwrap();
            let content = if meta.is_dir() {
                left.extend(std::fs::read_dir(&path).unwrap().map(|entry| entry.unwrap().path()));
                String::new()
            } else if meta.is_symlink() {
                format!("{:?}", std::fs::read_link(&path).unwrap())
            } else {
                let mut hash = DefaultHasher::new();
                hash.write(&std::fs::read(&path).unwrap());
                format!("{} bytes, {:x}", meta.len(), hash.finish())
            };
            all.insert(path, format!("{:o} {content}", meta.mode()));
        }
        Self(all)
    }

    /// Lists the differences `after`: removed or changed paths, and new paths.
    fn changes(&self, after: &Self) -> (Vec<PathBuf>, Vec<PathBuf>) {
        let changed = self.0.iter().filter(|(path, what)| after.0.get(*path) != Some(what));
        let new = after.0.keys().filter(|path| !self.0.contains_key(*path));
        (changed.map(|(path, _)| path.clone()).collect(), new.cloned().collect())
    }
}

/// A command to run, and its environment.
pub(super) struct Trial<'a> {
    /// The directory that is scanned, which contains the home.
    pub(super) efs: &'a Path,
    /// Everything that must stay unchanged, except the finding.
    pub(super) world: &'a Path,
    /// HOME of the command. It is outside the home that the command cleans, as in a Studio space.
    pub(super) space: &'a Path,
    /// The only directory on PATH.
    pub(super) bin: &'a Path,
    /// The shell; empty if advice is followed.
    pub(super) shell: &'a str,
    pub(super) tolerance: u64,
    /// Paths below HOME or the home that the tool may write, such as its logs.
    pub(super) records: &'a [&'a str],
}

impl Trial<'_> {
    /// Runs the command of a finding and compares.
    pub(super) fn run(&self, finding: &Value, home: &Path, by: &str) -> Result<Row, String> {
        let Some(command) = finding["command"].as_str() else {
            return Err(format!("no command: {finding:#}"));
        };
        let run = || {
            let mut process = Command::new(self.shell);
            process
                .arg("-c")
                .arg(command)
                .env_clear()
                .env("HOME", self.space)
                .env("PATH", self.bin)
                .env("LANG", "C.UTF-8")
                .current_dir(self.world.join("cwd"))
                .stdin(Stdio::null());
            let output = watched(&mut process, Duration::from_secs(120));
            let said = [output.stdout, output.stderr].concat();
            let said = String::from_utf8_lossy(&said);
            match output.status.success() {
                true => Ok(()),
                false => Err(format!("it failed in {}: {said}", self.shell)),
            }
        };
        self.measure(finding, home, by, run).map_err(|why| format!("`{command}`: {why}"))
    }

    /// Returns the row of a finding on which nothing is run.
    pub(super) fn none(&self, finding: &Value, by: &str) -> Row {
        let said = finding["frees"]["allocated_bytes"].as_u64().unwrap();
        Row { by: by.to_owned(), said, freed: None, effect: "-".to_owned() }
    }

    /// Compares the bytes that `clean` frees with the finding's figure, and lists other changes.
    pub(super) fn measure(
        &self,
        finding: &Value,
        home: &Path,
        by: &str,
        clean: impl FnOnce() -> Result<(), String>,
    ) -> Result<Row, String> {
        let place = self.efs.join(finding["path"].as_str().unwrap());
        let before = (du(self.efs), Listing::of(self.world, &place));
        clean()?;
        let freed = before.0.saturating_sub(du(self.efs));
        let mut row = self.none(finding, by);
        if freed.abs_diff(row.said) > self.tolerance {
            let left = Command::new("find").arg(&place).arg("-ls").output().unwrap().stdout;
            let left = String::from_utf8_lossy(&left);
            let left = left.lines().take(20).collect::<Vec<_>>().join("\n");
            return Err(format!("it freed {freed} and not {}. Left:\n{left}", row.said));
        }
        let (gone, new) = before.1.changes(&Listing::of(self.world, &place));
        row.effect = self.effect(home, &gone, &new)?;
        row.freed = Some(freed);
        Ok(row)
    }

    /// Describes the command's other effects. Fails if they exceed what the case allows.
    fn effect(&self, home: &Path, gone: &[PathBuf], new: &[PathBuf]) -> Result<String, String> {
        let places = [home, self.space];
        let records = |path: &Path| {
            let below = places.into_iter().find_map(|place| path.strip_prefix(place).ok())?;
            let at =
                |record: &&&str| below.starts_with(record) || Path::new(record).starts_with(below);
            self.records.iter().find(at)
        };
        let mut wrote: Vec<&str> = Vec::new();
        for path in gone {
            // Advice may uninstall, which also removes links; a command may not.
            match records(path).filter(|_| path.exists() || self.shell.is_empty()) {
                Some(record) => wrote.push(record),
                None => return Err(format!("it changed or removed {}", path.display())),
            }
        }
        for path in new {
            match records(path) {
                Some(record) => wrote.push(record),
                None => return Err(format!("it made {}", path.display())),
            }
        }
        wrote.sort_unstable();
        wrote.dedup();
        match wrote.as_slice() {
            [] => Ok("nothing".to_owned()),
            wrote => Ok(format!("changed {}", wrote.join(", "))),
        }
    }
}
