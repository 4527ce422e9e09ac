//! A small file system that fills every column of the table.

use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Output;
use std::time::{Duration, SystemTime};

use tempfile::TempDir;

use efs_scan_testbed::*;

/// Homes, with a map of names beside the root.
pub(crate) struct Village {
    pub(crate) dir: TempDir,
}

impl Village {
    pub(crate) fn new() -> Self {
        let village = Self { dir: scratch() };
        let root = village.root();
        std::fs::create_dir_all(root.join("200005/.cache/pip/http/a")).unwrap();
        file(&root, "200005/.cache/pip/selfcheck.json", 50_000);
        file(&root, "200005/.cache/huggingface/hub/blob", 80_000);
        file(&root, "200005/.cache/other", 9000);
        file(&root, "200005/.local/share/Trash/files/old", 30_000);
        file(&root, "200005/.local/share/Trash/info/old", 10);
        file(&root, "200005/env/pyvenv.cfg", 10);
        file(&root, "200005/env/lib/a.py", 20_000);
        file(&root, "200005/project/data.bin", 200_000);
        file(&root, "200005/it's here/package.json", 10);
        file(&root, "200005/it's here/node_modules/.package-lock.json", 6000);
        file(&root, "200006/notes", 5000);
        file(&root, "200006/from-alice", 7000);
        file(&root, "200007/mlruns/0/metrics", 40_000);
        for at in 0..8 {
            file(&root, format!("zoe/old/{at}"), 10_000);
        }
        file(&root, "a file beside the homes", 3000);
        symlink("/nowhere", root.join("200006/dangling")).unwrap();
        if is_root() {
            for (path, uid) in [
                ("200005", 200_005),
                ("200006", 200_006),
                ("200006/from-alice", 200_005),
                ("200007", 200_007),
                ("zoe", 200_009),
            ] {
                give(&root.join(path), uid);
            }
        }
        let from = root.join("200005/project/data.bin");
        std::fs::hard_link(from, root.join("zoe/old/data.bin")).unwrap();
        let long_ago = SystemTime::now() - Duration::from_secs(100 * 86_400);
        for at in 0..8 {
            touch(&root.join(format!("zoe/old/{at}")), long_ago);
        }
        for path in ["zoe/old", "zoe"] {
            touch(&root.join(path), long_ago);
        }
        let people = "uid,name\n200005,alice\n200006,bob\n";
        std::fs::write(village.people(), people).unwrap();
        village
    }

    pub(crate) fn root(&self) -> PathBuf {
        self.dir.path().join("efs")
    }

    pub(crate) fn people(&self) -> PathBuf {
        self.dir.path().join("people.csv")
    }

    /// Runs the program with the map of names.
    pub(crate) fn run(&self, args: &[&str]) -> Output {
        let names = format!("csv:{}", self.people().display());
        let mut command = efs_scan();
        command.arg(self.root()).args(["--names", &names]);
        watched(command.args(args), Duration::from_secs(60))
    }

    /// Returns standard output of a successful run, with placeholders in brackets for what differs
    /// between machines and runs.
    pub(crate) fn shown(&self, args: &[&str]) -> String {
        let output = self.run(args);
        assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
        self.neutral(&String::from_utf8(output.stdout).unwrap())
    }

    pub(crate) fn neutral(&self, text: &str) -> String {
        let text = text.replace(&*self.dir.path().to_string_lossy(), "[DIR]");
        // First line of the table: the root, two spaces, start and duration.
        match text.split_once(" s, complete") {
            Some((_, rest)) => format!("[DIR]/efs  [WHEN], [TOOK] s, complete{rest}"),
            None => text,
        }
    }
}

pub(crate) fn stderr(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

fn touch(path: &Path, time: SystemTime) {
    let entry = std::fs::File::open(path).unwrap();
    entry.set_modified(time).unwrap();
}
