//! Runs in shards, at a destination: the same objects as one scan publishes, and every way in which a
//! shard may be missing or wrong.

mod bytes;
mod killed;
mod settled;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Output;

use efs_scan_testbed::published::{files, timeless};
use efs_scan_testbed::*;
use serde_json::Value;
use tempfile::TempDir;

/// A tree, and destinations beside it.
struct Place(TempDir);

impl Place {
    fn new() -> Self {
        let place = Self(scratch());
        let root = place.root();
        for at in 0..12 {
            for dir in 0..=at {
                file(&root, format!("2000{at:02}/d{dir}/f"), 3000 * (1 + dir));
            }
        }
        // Half of all directories, in one home.
        for at in 0..90 {
            file(&root, format!("giant/a/b/{at:02}/f"), 9000);
        }
        file(&root, "giant/a/.cache/pip/x", 70_000);
        file(&root, "giant/.cache/pip/http/x", 80_000);
        file(&root, "giant/.cache/pip/http/y", 80_000);
        for (from, to) in [
            ("giant/.cache/pip/http/x", "200003/x"),
            ("giant/.cache/pip/http/y", "giant/.cache/pip/selfcheck"),
            ("giant/a/b/07/f", "giant/a/b/70/g"),
        ] {
            std::fs::hard_link(root.join(from), root.join(to)).unwrap();
        }
        place
    }

    fn root(&self) -> PathBuf {
        self.0.path().join("root")
    }

    fn to(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn run(&self, args: &[&str]) -> Output {
        let mut command = efs_scan();
        command.args(args);
        watched(&mut command, std::time::Duration::from_secs(120))
    }

    /// Scans a shard for the run `a`, as a machine of its own would.
    fn shard(&self, shard: &str, more: &[&str]) -> Output {
        let (root, to) = (self.root(), self.to("to"));
        let to = format!("--publish={}", to.display());
        let args = ["--shard", shard, "--run-id", "a", &to, "--dirs-min=0", "--name=prod"];
        self.run(&[&args[..], more, &[root.to_str().unwrap()]].concat())
    }

    fn merge(&self, more: &[&str]) -> Output {
        let from = format!("--from={}", self.to("to").display());
        let state = format!("--state-dir={}", self.to("state").display());
        let args = ["merge", "--run-id=a", &from, &state, "--format=json", "--dirs-min=0"];
        self.run(&[&args[..], more].concat())
    }

    /// Returns the names of the objects that a run in shards has left.
    fn left_of_run(&self, run: &str) -> Vec<String> {
        files(&self.to("to").join(format!("shards/{run}/fs=prod"))).into_keys().collect()
    }

    /// Publishes one scan to a destination of its own.
    fn scan(&self, more: &[&str]) -> Value {
        let to = format!("--publish={}", self.to("one").display());
        let state = format!("--state-dir={}", self.to("state-of-one").display());
        let args = [to.as_str(), &state, "--dirs-min=0", "--name=prod"];
        report(&self.root(), args.into_iter().chain(more.iter().copied()), 0)
    }
}

fn assert_code(output: &Output, code: i32) {
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(code), "{stderr}");
}

fn says(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

fn json_of(output: &Output) -> Value {
    serde_json::from_slice(&output.stdout).unwrap()
}

/// The published tables without times.
fn tables(root: &Path) -> BTreeMap<String, String> {
    published::tables(root, |path| {
        let file = std::fs::File::open(path).unwrap();
        let mut reader = efs_scan::dirs::DirsReader::open(file).unwrap();
        let mut rows = String::new();
        while let Some(row) = reader.next_row().unwrap() {
            rows += &format!("{row:?}\n");
        }
        rows
    })
}

#[test]
fn shards_and_a_merge_publish_what_one_scan_does() {
    for (shards, more) in [
        (1, &[][..]),
        (3, &["--exclude=*/a/.cache"][..]),
        (5, &["--home-depth=2"][..]),
        (4, &["--home-depth=0"][..]),
    ] {
        let place = Place::new();
        let one = place.scan(more);
        let numbers: Vec<u32> = (1..=shards).collect();
        // As on several machines at once.
        at_once(numbers, |number| {
            assert_code(&place.shard(&format!("{number}/{shards}"), more), 0)
        });
        let merged = place.merge(more);
        assert_code(&merged, 0);
        assert_eq!(timeless(json_of(&merged)), timeless(one), "{shards} {more:?}");
        assert_eq!(tables(&place.to("to")), tables(&place.to("one")), "{shards} {more:?}");
    }
}

#[test]
fn yesterdays_directories_cut_a_home_that_is_half_of_everything() {
    let place = Place::new();
    let one = place.scan(&[]);
    let published = place.to("one");
    std::fs::rename(&published, place.to("to")).unwrap();
    for number in 1..=4 {
        assert_code(&place.shard(&format!("{number}/4"), &[]), 0);
    }
    let plan = std::fs::read(place.to("to").join("shards/a/fs=prod/plan.json")).unwrap();
    let plan: Value = serde_json::from_slice(&plan).unwrap();
    assert_eq!(plan["cut_by"], one["run"]["id"]);
    let open: Vec<&str> = plan["open"]
        .as_array()
        .unwrap()
        .iter()
        .map(|path| path["path"].as_str().unwrap())
        .collect();
    assert!(open.contains(&"giant/a/b"), "{open:?}");
    let merged = place.merge(&[]);
    assert_code(&merged, 0);
    assert_eq!(timeless(json_of(&merged)), timeless(one));
}

#[test]
fn a_missing_a_torn_and_a_doubled_shard() {
    let place = Place::new();
    let one = place.scan(&[]);
    for number in [1, 2] {
        assert_code(&place.shard(&format!("{number}/3"), &[]), 0);
    }
    let object = |number: u32| place.to("to").join(format!("shards/a/fs=prod/{number:05}.shard"));
    // Twice is once.
    let before = std::fs::read(object(2)).unwrap();
    let again = place.shard("2/3", &["-v"]);
    assert_code(&again, 0);
    assert!(says(&again).contains("is there already"), "{}", says(&again));
    assert_eq!(std::fs::read(object(2)).unwrap(), before);

    let without = place.merge(&["--no-publish"]);
    assert_code(&without, 3);
    let (message, report) = (says(&without), json_of(&without));
    assert!(message.contains("shard 3/3 is not in this run: it is missing"), "{message}");
    assert_eq!(report["run"]["coverage"], "partial");
    let sample = report["errors"]["samples"][0]["message"].as_str().unwrap();
    assert!(sample.starts_with("shard 3/3 is not in this run"), "{sample}");

    assert_code(&place.shard("3/3", &[]), 0);
    let whole = std::fs::read(object(3)).unwrap();
    std::fs::write(object(3), &whole[..whole.len() / 2]).unwrap();
    let torn = place.merge(&["--no-publish"]);
    assert_code(&torn, 3);
    assert!(says(&torn).contains("shard 3/3 is not in this run: it is torn"), "{}", says(&torn));
    // A retry replaces it.
    assert_code(&place.shard("3/3", &[]), 0);
    let merged = place.merge(&[]);
    assert_code(&merged, 0);
    assert_eq!(timeless(json_of(&merged)), timeless(one));

    // Nothing but that is left of it, and it is enough for whoever comes late.
    for late in [place.merge(&["-v"]), place.shard("2/3", &["-v"])] {
        assert_code(&late, 0);
        assert!(says(&late).contains("is merged already"), "{}", says(&late));
        assert_eq!(place.left_of_run("a"), ["merged.json"]);
    }
}

/// Under the same path, as on a machine where the mount failed.
#[test]
fn a_shard_of_another_directory_is_not_merged() {
    let place = Place::new();
    assert_code(&place.shard("1/2", &[]), 0);
    std::fs::rename(place.root(), place.to("mounted")).unwrap();
    std::fs::create_dir(place.root()).unwrap();
    assert_code(&place.shard("2/2", &[]), 0);
    let merged = place.merge(&[]);
    assert_code(&merged, 3);
    let said = says(&merged);
    assert!(said.contains("shard 2/2 is not in this run: it read another directory"), "{said}");
    assert_eq!(json_of(&merged)["run"]["coverage"], "partial");
}

#[test]
fn a_late_shard_is_told_that_the_run_is_made() {
    let place = Place::new();
    assert_code(&place.shard("1/2", &[]), 0);
    assert_code(&place.merge(&[]), 3);
    let late = place.shard("2/2", &[]);
    assert_code(&late, 1);
    assert!(says(&late).contains("was merged without shard 2/2"), "{}", says(&late));
    let again = place.merge(&[]);
    assert_code(&again, 3);
    assert!(says(&again).contains("without the shards 2"), "{}", says(&again));
    assert_eq!(place.left_of_run("a"), ["merged.json"]);
}

/// A merge that does not wait, while a shard scans: the shard says that it came too late.
#[test]
fn a_shard_that_ends_after_the_merge_is_told() {
    let place = Place::new();
    assert_code(&place.shard("1/2", &[]), 0);
    std::thread::scope(|scope| {
        // Hundreds of directories, and fifty a second.
        let slow = scope.spawn(|| place.shard("2/2", &["--max-ops=50"]));
        // It has read that there is no merged run.
        std::thread::sleep(std::time::Duration::from_millis(1500));
        assert_code(&place.merge(&[]), 3);
        let late = slow.join().unwrap();
        assert_code(&late, 1);
        // The merge has ended, or is about to.
        let (ended, goes_on) = ("was merged without shard 2/2", "did not wait for shard 2/2");
        let said = says(&late);
        assert!(said.contains(ended) || said.contains(goes_on), "{said}");
    });
    assert_eq!(place.left_of_run("a"), ["merged.json"]);
}

#[test]
fn a_merge_waits_for_the_plan_and_for_each_shard() {
    let place = Place::new();
    std::thread::scope(|scope| {
        let merge = scope.spawn(|| place.merge(&["--wait=2m", "--no-publish"]));
        for shard in ["1/2", "2/2"] {
            std::thread::sleep(std::time::Duration::from_secs(1));
            assert_code(&place.shard(shard, &[]), 0);
        }
        assert_code(&merge.join().unwrap(), 0);
    });
    // Another file system's run of the same name is not this one's.
    let other = place.merge(&["--file-system-id=fs-0123456789abcdef0", "--no-publish"]);
    assert_code(&other, 1);
    assert!(says(&other).contains("there is no plan of a run a"), "{}", says(&other));
}

#[test]
fn shards_with_other_settings_are_refused() {
    let place = Place::new();
    assert_code(&place.shard("1/2", &[]), 0);
    for (args, says_what) in [
        (&["--exclude=x"][..], "--exclude"),
        (&["--home-depth=2"], "--home-depth"),
        (&["--top=3"], "--top"),
        (&["--dirs-min=1GiB"], "--dirs-min"),
        (&["--shard=2/3"], "number of shards"),
    ] {
        let refused = place.shard("2/2", args);
        assert_code(&refused, 2);
        assert!(says(&refused).contains(says_what), "{}", says(&refused));
    }
    let rules = file(place.0.path(), "rules.toml", 0);
    std::fs::write(&rules, "[rules]\noff = ['editor-history']\n").unwrap();
    let other = format!("--config={}", rules.display());
    for output in [place.shard("2/2", &[&other]), place.merge(&[&other])] {
        assert_code(&output, 2);
        assert!(says(&output).contains("[rules]"), "{}", says(&output));
    }
    let folder = |run: &str| place.to("to").join(format!("shards/{run}/fs=prod"));
    // A build of the same version that checked less before it gave a command.
    let plan = folder("a").join("plan.json");
    let planned = std::fs::read_to_string(&plan).unwrap();
    let checks = |number| format!("\"command_checks\": {number},");
    let other = planned.replace(&checks(efs_scan::report::COMMAND_CHECKS), &checks(1));
    assert_ne!(other, planned);
    std::fs::write(&plan, other).unwrap();
    for output in [place.shard("2/2", &[]), place.merge(&[])] {
        assert_code(&output, 2);
        assert!(says(&output).contains("build of efs-scan"), "{}", says(&output));
    }
    std::fs::write(&plan, planned).unwrap();
    // The object of another run under this one's name.
    assert_code(&place.shard("2/2", &["--run-id=b"]), 0);
    std::fs::copy(folder("b").join("00002.shard"), folder("a").join("00002.shard")).unwrap();
    let foreign = place.merge(&["--no-publish"]);
    assert_code(&foreign, 3);
    assert!(says(&foreign).contains("it follows another plan"), "{}", says(&foreign));
}

#[test]
fn what_cannot_be_split_says_so() {
    let place = Place::new();
    for (args, says_what) in [
        (&["--format=ncdu"][..], "--format ncdu"),
        (&["--cross-mounts"], "--cross-mounts"),
        (&["--dirs=/tmp/x"], "--dirs"),
        (&["--run-id=a/b"], "--run-id `a/b`"),
        (&["--shard=3/2"], "3/2"),
        (&["--shard=auto"], "AWS_BATCH_JOB_ARRAY_INDEX"),
    ] {
        let refused = place.shard("1/2", args);
        assert_code(&refused, 2);
        assert!(says(&refused).contains(says_what), "{}", says(&refused));
    }
    assert!(!place.to("to").join("shards").exists(), "nothing was written");
    let nothing = place.merge(&[]);
    assert_code(&nothing, 1);
    assert!(says(&nothing).contains("there is no plan of a run a"), "{}", says(&nothing));
    for args in ["--format=ncdu", "--run-id=auto", "--wait=18446744073709551615", "--wait=-1s"] {
        assert_code(&place.merge(&[args]), 2);
    }
}

#[test]
fn schedulers_say_which_shard_a_task_is() {
    let place = Place::new();
    let one = place.scan(&[]);
    let (root, to) = (place.root(), format!("--publish={}", place.to("to").display()));
    for index in 0..3 {
        let mut command = efs_scan();
        command.args(["--shard=auto", &to, "--dirs-min=0", "--name=prod"]).arg(&root);
        let (job, task) = ("9f2c-77", format!("9f2c-77:{index}"));
        match index {
            0 => command
                .env("AWS_BATCH_JOB_ID", task)
                .env("AWS_BATCH_JOB_ARRAY_INDEX", "0")
                .env("AWS_BATCH_JOB_ARRAY_SIZE", "3"),
            1 => command
                .env("SLURM_ARRAY_JOB_ID", job)
                .env("SLURM_ARRAY_TASK_ID", "8")
                .env("SLURM_ARRAY_TASK_MIN", "7")
                .env("SLURM_ARRAY_TASK_COUNT", "3"),
            _ => command
                .env("JOB_NAME", job)
                .env("JOB_COMPLETION_INDEX", "2")
                .env("EFS_SCAN_SHARDS", "3"),
        };
        assert_code(&watched(&mut command, std::time::Duration::from_secs(60)), 0);
    }
    let merged = place.merge(&["--run-id=9f2c-77"]);
    assert_code(&merged, 0);
    assert_eq!(timeless(json_of(&merged)), timeless(one));
}

#[test]
fn nothing_is_deleted_through_a_link() {
    use efs_scan::store::{Directory, Store};
    let place = scratch();
    let (inside, outside) = (place.path().join("to"), place.path().join("elsewhere"));
    let there = file(&outside, "b/x", 10);
    file(&inside, "real/b/x", 10);
    std::os::unix::fs::symlink(&outside, inside.join("link")).unwrap();
    std::os::unix::fs::symlink(&there, inside.join("real/b/link")).unwrap();
    let store = Directory::new(inside.clone());
    for key in ["link/b/x", "../elsewhere/b/x", "real/b", "/real/b/x", ""] {
        assert!(store.discard(key).is_err(), "{key}");
    }
    // A link goes itself.
    for key in ["real/b/link", "real/b/none", "none/none"] {
        store.discard(key).unwrap();
    }
    assert!(there.exists() && inside.join("real/b/x").exists());
    assert!(!inside.join("real/b/link").is_symlink());
    store.discard("real/b/x").unwrap();
    assert!(!inside.join("real/b/x").exists());
}
