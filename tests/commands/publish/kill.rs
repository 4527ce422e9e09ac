//! kill -9 at each system call that changes the disk.

use std::collections::BTreeMap;
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{Command, Output};
use std::sync::OnceLock;

use efs_scan::outbox::Job;
use efs_scan::published::Latest;
use efs_scan::report::Report;

use super::migrate::old;
use super::place::*;
use efs_scan_testbed::*;

/// The question mark marks calls that some architectures lack.
pub(crate) const CALLS: [&str; 13] = [
    "?rename",
    "?renameat",
    "?renameat2",
    "?link",
    "?linkat",
    "?unlink",
    "?unlinkat",
    "?mkdir",
    "?mkdirat",
    "fsync",
    "fdatasync",
    "flock",
    "write",
];

/// Runs the program under strace, which kills it at the `at`-th `call`.
pub(crate) fn killed_at(call: &str, at: usize, args: &[String]) -> Output {
    let mut command = Command::new("strace");
    command.args(["-f", "-qq", "-o", "/dev/null", "-e", &format!("trace={call}"), "-e"]);
    command.arg(format!("inject={call}:signal=KILL:when={at}"));
    command.arg(env!("CARGO_BIN_EXE_efs-scan")).args(args);
    watched(command.env("EFS_SCAN_CONFIG", "/dev/null"), PATIENCE)
}

pub(crate) fn was_killed(output: &Output) -> bool {
    output.status.signal() == Some(9)
}

/// Returns true if strace is installed and may trace.
pub(crate) fn can_kill() -> bool {
    static CAN: OnceLock<bool> = OnceLock::new();
    let able = *CAN.get_or_init(|| {
        let there = Command::new("strace").arg("-V").output().is_ok();
        there && was_killed(&killed_at("write", 1, &["--version".to_owned()]))
    });
    let test = std::thread::current();
    skip_unless(able, test.name().unwrap_or("kill -9"), "no strace that may kill")
}

/// Checks the conditions that must hold at any moment, because readers rely on them.
fn assert_whole(place: &Place, old: Option<&str>, what: &str) {
    let published = files(&place.published());
    for (key, bytes) in &published {
        if stem(key).starts_with(".efs-scan.part-") {
            continue;
        }
        match key.split_once('/') {
            Some(("runs", _)) => {
                let run: Report = serde_json::from_slice(bytes).unwrap();
                assert_eq!(format!("{}.json", run.run.id), stem(key), "{what}");
            }
            Some(("latest", _)) => assert_eq!(key, "latest/prod.json", "{what}"),
            Some(("du", _)) => assert!(bytes.ends_with(b"\n"), "{what}: {key}"),
            Some(("homes" | "findings" | "dirs", _)) => {
                assert!(bytes.ends_with(b"PAR1"), "{what}: {key}")
            }
            _ => panic!("{what}: {key}"),
        }
    }
    let latest = published.get("latest/prod.json");
    let latest = latest.map(|bytes| serde_json::from_slice::<Latest>(bytes).unwrap());
    match &latest {
        None => assert_eq!(old, None, "{what}: the old one is gone"),
        Some(latest) => {
            assert!(old.is_none_or(|old| old <= latest.run.id.as_str()), "{what}");
            let run: Report = serde_json::from_slice(&published[&latest.report]).unwrap();
            assert_eq!(latest_of(&run), *latest, "{what}");
            assert!(published.contains_key(&latest.homes_table), "{what}");
        }
    }
}

/// Checks that, after a successful run, nothing is left of the killed ones.
fn litter(place: &Place, what: &str) -> String {
    let published = files(&place.published());
    let runs = place.runs();
    assert_eq!(place.latest_id().as_ref(), runs.last(), "{what}");
    let ours = |key: &String| match stem(key) {
        "prod.json" | "prod.txt" | "latest.txt" => true,
        name => runs.iter().any(|id| name.starts_with(id.as_str())),
    };
    let litter = published.keys().filter(|key| !ours(key)).cloned();
    let state = files(&place.state())
        .into_keys()
        .filter(|name| !["lock", "file-system.json"].contains(&name.as_str()));
    let litter: Vec<String> = litter.chain(state).collect();
    assert!(published.len() >= 3 + 4 * runs.len(), "{what}: {:?}", published.keys());
    match litter.is_empty() {
        true => String::new(),
        false => format!("{what}: {litter:?}\n"),
    }
}

/// Kills a scan at each call in turn, and checks what is left and that the next run continues from
/// there.
fn kill_everywhere(calls: &[&str], second: bool) {
    let mut kills = 0;
    let mut left = String::new();
    for call in calls {
        for at in 1.. {
            let what = format!("killed at {call} {at}, second run: {second}");
            let place = Place::new();
            let old = second.then(|| {
                place.scan(&[], 0);
                file(&place.root(), "200006/more", 300_000);
                place.latest_id().unwrap()
            });
            let output = killed_at(call, at, &place.args());
            if !was_killed(&output) {
                assert_code(&output, 0);
                break;
            }
            kills += 1;
            assert_whole(&place, old.as_deref(), &what);
            let waiting = place.waiting();
            for id in &waiting {
                let path = place.state().join("spool").join(format!("{id}.run.json"));
                let job: Job = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
                assert_eq!(job.report.run.id, *id, "{what}");
            }
            let kept = place.runs().len() > usize::from(second);
            assert!(waiting.len() <= 1, "{what}");
            if let [id] = &waiting[..] {
                place.resend(0);
                assert_whole(&place, old.as_deref(), &what);
                assert_eq!(place.latest_id().as_ref(), Some(id), "{what}");
                assert_eq!(place.waiting(), Vec::<String>::new(), "{what}");
                assert_eq!(place.runs().len(), 1 + usize::from(second), "{what}");
            } else if kept {
                // The run may only have left the spool after it was published.
                assert_eq!(place.latest_id().as_ref(), place.runs().last(), "{what}");
            } else {
                assert_eq!(place.latest_id(), old, "{what}");
            }
            let before = place.runs().len();
            place.scan(&[], 0);
            assert_whole(&place, old.as_deref(), &what);
            assert_eq!(place.runs().len(), before + 1, "{what}");
            left += &litter(&place, &what);
        }
    }
    assert!(kills > calls.len() / 3, "only {kills} kills: these calls are not made any more");
    assert!(left.is_empty(), "left behind for good:\n{left}");
}

#[test]
fn a_first_run_killed_at_any_call_leaves_nothing_incomplete() {
    if can_kill() {
        kill_everywhere(&CALLS, false);
    }
}

#[test]
fn a_later_run_killed_at_any_call_leaves_the_old_one_or_the_new_one() {
    if can_kill() {
        kill_everywhere(&CALLS, true);
    }
}

#[test]
fn sending_that_is_killed_at_any_call_can_be_repeated() {
    if !can_kill() {
        return;
    }
    // A run waits in the spool.
    let waiting = || {
        let place = Place::new();
        std::fs::create_dir(place.published()).unwrap();
        let obstacle = file(&place.published(), "runs", 1);
        place.scan(&[], 5);
        std::fs::remove_file(obstacle).unwrap();
        place
    };
    let mut left = String::new();
    for call in CALLS {
        for at in 1.. {
            let what = format!("killed at {call} {at}");
            let place = waiting();
            let ids = place.waiting();
            let state = place.state().to_str().unwrap().to_owned();
            let args = ["publish", "--state-dir", &state].map(str::to_owned);
            let output = killed_at(call, at, &args);
            if !was_killed(&output) {
                assert_code(&output, 0);
                break;
            }
            assert_whole(&place, None, &what);
            place.resend(0);
            assert_whole(&place, None, &what);
            assert_eq!(place.runs(), ids, "{what}");
            left += &litter(&place, &what);
        }
    }
    assert!(left.is_empty(), "left behind for good:\n{left}");
}

/// Writes the objects as files below a directory.
fn put_all(objects: &BTreeMap<String, Vec<u8>>, to: &Path) {
    for (key, bytes) in objects {
        let path = to.join(key);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, bytes).unwrap();
    }
}

#[test]
fn a_migration_killed_at_any_call_loses_nothing_and_can_be_repeated() {
    if !can_kill() {
        return;
    }
    let place = Place::new();
    let objects = old(&place, None);
    let migrate = |to: &Path| {
        let to = to.to_str().unwrap().to_owned();
        ["publish", "--migrate", "--quiet", "--to", &to, "--state-dir", "/nowhere"]
            .map(str::to_owned)
    };
    let whole = place.dir.path().join("whole");
    put_all(&objects, &whole);
    assert_code(&watched(efs_scan().args(migrate(&whole)), PATIENCE), 0);
    let whole = files(&whole);
    let mut kills = 0;
    for call in CALLS {
        for at in 1.. {
            let what = format!("killed at {call} {at}");
            let to = place.dir.path().join(format!("{call}-{at}"));
            put_all(&objects, &to);
            let output = killed_at(call, at, &migrate(&to));
            let left = files(&to);
            // Existing objects are kept, and each new object is complete.
            for (key, bytes) in objects.iter().filter(|(key, _)| *key != "latest.json") {
                assert_eq!(left.get(key), Some(bytes), "{what}: {key}");
            }
            let is_part = |key: &str| stem(key).starts_with(".efs-scan.part-");
            for (key, bytes) in left.iter().filter(|(key, _)| !is_part(key)) {
                let wanted = [objects.get(key), whole.get(key)];
                assert!(wanted.contains(&Some(bytes)), "{what}: {key}");
            }
            if !was_killed(&output) {
                assert_code(&output, 0);
                assert_eq!(left, whole, "{what}");
                break;
            }
            kills += 1;
            assert_code(&watched(efs_scan().args(migrate(&to)), PATIENCE), 0);
            assert_eq!(files(&to), whole, "{what}");
            std::fs::remove_dir_all(to).unwrap();
        }
    }
    assert!(kills > 60, "only {kills} kills: these calls are not made any more");
}
