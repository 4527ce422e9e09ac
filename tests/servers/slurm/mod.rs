//! `deploy/slurm`, on a Slurm of one node: an array of shards and the merge make the run that one scan
//! makes, also when tasks are killed and queued again, and without a mount. Without one of the tasks the
//! run is partial.

mod bed;

use std::collections::BTreeMap;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use efs_scan_testbed::*;
use serde_json::Value;

use crate::interop::ganesha::{Export, Ganesha};
use crate::interop::make_tree;
use bed::{Slurm, open};

const PATIENCE: Duration = Duration::from_secs(60);

/// A user who is not root.
const NOBODY: u32 = 65_534;

/// The directory of somebody who runs the scripts: program, configuration, logs and the destination.
struct Site<'a> {
    slurm: &'a Slurm,
    at: PathBuf,
}

/// A run that was submitted.
struct Submitted {
    run: String,
    tasks: String,
    merge: String,
}

impl<'a> Site<'a> {
    /// `settings` are lines before the tables of the configuration.
    fn new(slurm: &'a Slurm, name: &str, settings: &str) -> Self {
        let site = Self { slurm, at: slurm.path().join(name) };
        for directory in ["", "logs", "to"] {
            std::fs::create_dir(site.at.join(directory)).unwrap();
        }
        let toml = format!(
            "name = 'prod'\n{settings}\n[publish]\nto = '{}'\ndirs_min = '0'\n",
            site.at.join("to").display()
        );
        std::fs::write(site.at.join("efs-scan.toml"), toml).unwrap();
        site.copy_scripts();
        site
    }

    /// Copies the scripts, and edits the settings that a site has to.
    fn copy_scripts(&self) {
        let from = Path::new(env!("CARGO_MANIFEST_DIR")).join("deploy/slurm");
        let mut submit = std::fs::read_to_string(from.join("submit")).unwrap();
        for (name, path) in [
            ("program", self.slurm.path().join("efs-scan")),
            ("config", self.at.join("efs-scan.toml")),
            ("logs", self.at.join("logs")),
        ] {
            let begin = format!("\n{name}=");
            let (before, after) = submit.split_once(&begin).unwrap();
            let (_, after) = after.split_once('\n').unwrap();
            submit = format!("{before}{begin}{}\n{after}", path.display());
        }
        std::fs::write(self.at.join("submit"), submit).unwrap();
        std::fs::copy(from.join("job"), self.at.join("job")).unwrap();
        open(&self.at.join("submit"), 0o755);
    }

    /// Publishes one scan to a directory of its own. Its table of directories cuts the shards.
    fn scan(&self) -> PathBuf {
        let one = self.at.join("one");
        let mut command = efs_scan();
        command.arg("--config").arg(self.at.join("efs-scan.toml")).arg("--publish").arg(&one);
        let output = watched(command.args(["--max-ops=100000", "--state=destination"]), PATIENCE);
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(0), "{said}");
        let to = self.at.join("to");
        for (key, bytes) in published::files(&one) {
            if key.starts_with("latest/") || key.starts_with("dirs/") {
                std::fs::create_dir_all(to.join(&key).parent().unwrap()).unwrap();
                std::fs::write(to.join(&key), bytes).unwrap();
            }
        }
        one
    }

    fn submit(&self, uid: u32) -> Submitted {
        let mut command = self.slurm.command(self.at.join("submit"));
        let output = watched(command.uid(uid).gid(uid).current_dir("/"), PATIENCE);
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        let told = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{said}{told}");
        let after = |mark: &str| {
            let (_, rest) = said.split_once(mark).unwrap_or_else(|| panic!("{said}"));
            rest.split([':', ';', ',']).next().unwrap().to_owned()
        };
        Submitted { run: after("run "), tasks: after(": job "), merge: after("then job ") }
    }

    fn log(&self, run: &Submitted, of: &str) -> String {
        let path = self.at.join("logs").join(format!("{}.{of}.log", run.run));
        std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{path:?}: {error}"))
    }

    /// Waits for the merge, and checks that it ended with this code.
    fn assert_merged(&self, run: &Submitted, code: u32) {
        let state = if code == 0 { "COMPLETED" } else { "FAILED" };
        let ended = self.slurm.ended(&run.merge);
        assert_eq!(ended, format!("{state} {code}:0"), "{}", self.log(run, "merge"));
    }

    /// Checks that the run has the report and the tables of one scan.
    fn assert_same_as(&self, one: &Path, what: &str) {
        let to = self.at.join("to");
        // The earlier run cut the shards, and is not theirs.
        for (key, _) in published::files(one) {
            if key.starts_with("dirs/") {
                std::fs::remove_file(to.join(key)).unwrap();
            }
        }
        let (got, want) = (tables(&to), tables(one));
        for (key, want) in &want {
            assert_eq!(got.get(key), Some(want), "{what}: {key}");
        }
        assert_eq!(got.len(), want.len(), "{what}: {:?}", got.keys());
    }

    /// Returns the newest published run.
    fn newest(&self) -> Value {
        let latest = std::fs::read(self.at.join("to/latest/prod.json")).unwrap();
        serde_json::from_slice(&latest).unwrap()
    }
}

/// The published tables without times. A merge does not know how many requests were made.
fn tables(root: &Path) -> BTreeMap<String, String> {
    let mut tables = published::tables(root, |path| {
        let mut reader =
            efs_scan::dirs::DirsReader::open(std::fs::File::open(path).unwrap()).unwrap();
        let mut rows = String::new();
        while let Some(row) = reader.next_row().unwrap() {
            rows += &format!("{row:?}\n");
        }
        rows
    });
    for (key, contents) in &mut tables {
        if key.ends_with(".json") {
            let mut value: Value = serde_json::from_str(contents).unwrap();
            value["nfs"] = Value::Null;
            *contents = format!("{value:#}");
        }
    }
    tables
}

/// Waits until the efs-scan of a task runs, and returns its process's id.
fn running(run: &Submitted, task: u32) -> u32 {
    let wanted = format!("SLURM_ARRAY_TASK_ID={task}");
    let until = Instant::now() + PATIENCE;
    while Instant::now() < until {
        for entry in std::fs::read_dir("/proc").unwrap().flatten() {
            let read = |name: &str| std::fs::read(entry.path().join(name)).unwrap_or_default();
            let args = read("cmdline");
            let mut args = args.split(|byte| *byte == 0);
            let is_program = args.next().is_some_and(|name| name.ends_with(b"/efs-scan"));
            let environment = read("environ");
            let mut environment = environment.split(|byte| *byte == 0);
            if is_program
                && args.any(|arg| arg == run.run.as_bytes())
                && environment.any(|it| it == wanted.as_bytes())
            {
                return entry.file_name().to_str().unwrap().parse().unwrap();
            }
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    panic!("task {task} of {} does not run", run.run);
}

/// Kills the program of one task, which queues itself again, and has Slurm queue another again.
fn kill_and_requeue(site: &Site<'_>, run: &Submitted) {
    // The last task has the number of the whole array as its own.
    signal(running(run, 4), "KILL");
    running(run, 2);
    site.slurm.ask("scontrol", &["requeue", &format!("{}_2", run.tasks)]);
    site.assert_merged(run, 0);
    let said = site.log(run, "4");
    assert!(said.contains("exit code 137") && said.contains("queued again"), "{said}");
    for task in 1..=4 {
        let said = site.log(run, &task.to_string());
        assert_eq!(said.contains("REQUEUE"), task % 2 == 0, "{task}: {said}");
        assert_eq!(said.matches("scanned shard").count(), 1, "{task}: {said}");
    }
}

/// Cancels a task for good: the merge makes a partial run, and says what that lacks.
fn cancel(site: &Site<'_>, run: &Submitted) {
    running(run, 3);
    site.slurm.ask("scancel", &[&format!("{}_3", run.tasks)]);
    site.assert_merged(run, 3);
    let said = site.log(run, "merge");
    assert!(said.contains("shard 3/4 is not in this run: it is missing"), "{said}");
    assert_eq!(site.newest()["run"]["coverage"], "partial");
}

/// Waits for the jobs, and may trouble them.
type Follow = fn(&Site<'_>, &Submitted);

#[test]
fn an_array_and_its_merge_make_the_run_of_one_scan() {
    let what = "deploy/slurm";
    let Some(ready) = Ganesha::can_run(what) else { return };
    let Some(slurm) = Slurm::start(what) else { return };
    // Other users may not enter the directory that the program is built in.
    std::fs::copy(program(), slurm.path().join("efs-scan")).unwrap();
    let dir = scratch();
    let tree = dir.path().join("tree");
    make_tree(&tree);
    for at in 0..40 {
        file(&tree, format!("giant/a/{}/{at:02}/f", at % 4), 9000);
    }
    let server = ready.serve(dir.path(), &[Export { path: &tree, name: "/tree" }], "");
    let local = format!("root = '{}'", tree.display());
    let slow = format!("{local}\nmax_ops = 300");
    let remote = format!("root = '{}'\nnfs_uid = 0", server.url("/tree"));

    let cases: [(&str, &str, u32, Follow); 4] = [
        ("local", &local, 0, |site, run| site.assert_merged(run, 0)),
        ("without-a-mount", &remote, NOBODY, |site, run| site.assert_merged(run, 0)),
        ("killed", &slow, 0, kill_and_requeue),
        ("cancelled", &slow, 0, cancel),
    ];
    at_once(cases, |(name, settings, uid, follow)| {
        let site = Site::new(&slurm, name, settings);
        let one = site.scan();
        give(&site.at, uid);
        let run = site.submit(uid);
        follow(&site, &run);
        if site.newest()["run"]["coverage"] == "complete" {
            site.assert_same_as(&one, name);
        }
    });
}
