//! A run is made of the same shards for every merge, once one has gone on without a shard.

use std::process::Command;
use std::time::{Duration, Instant};

use sha2::{Digest, Sha256};

use super::*;

/// The end of a merge that could not publish everything, and left a run made of the first shard of two.
const UNREACHABLE: [&str; 4] = [
    "--cloudwatch",
    "--file-system-id=fs-0123456789abcdef0",
    "--state=destination",
    "--patience=2s",
];

fn without_aws(command: &mut Command) -> &mut Command {
    command
        .env("AWS_ACCESS_KEY_ID", "x")
        .env("AWS_SECRET_ACCESS_KEY", "y")
        .env("AWS_REGION", "eu-west-1")
        .env("AWS_EC2_METADATA_DISABLED", "true")
        .env("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
}

fn run(args: &[&str]) -> Output {
    watched(without_aws(efs_scan().args(args)), Duration::from_secs(120))
}

#[test]
fn a_merge_that_is_repeated_is_made_of_the_same_shards() {
    let place = Place::new();
    let (root, to) = (place.root(), place.to("to"));
    let key = "--file-system-id=fs-0123456789abcdef0";
    let shard = |shard: &str, more: &[&str]| {
        let to = format!("--publish={}", to.display());
        let args = ["--shard", shard, "--run-id=a", &to, "--dirs-min=0", key, "--patience=2s"];
        run(&[&args[..], more, &[root.to_str().unwrap()]].concat())
    };
    let merge = |more: &[&str]| {
        let from = format!("--from={}", to.display());
        run(&[&["merge", "--run-id=a", &from, "--format=json", key][..], more].concat())
    };
    assert_code(&shard("1/2", &[]), 0);
    std::thread::scope(|scope| {
        // Hundreds of directories, and thirty a second.
        let slow = scope.spawn(|| shard("2/2", &["--max-ops=30"]));
        std::thread::sleep(Duration::from_millis(1500));
        assert_code(&merge(&UNREACHABLE), 5);
        assert!(!to.join("shards/a/fs=fs-0123456789abcdef0/merged.json").exists());
        // It was on its way before, and ends after that.
        for late in [slow.join().unwrap(), shard("2/2", &[])] {
            assert_code(&late, 1);
            assert!(says(&late).contains("did not wait for shard 2/2"), "{}", says(&late));
        }
    });
    let again = merge(&["--state=destination"]);
    assert_code(&again, 3);
    let said = says(&again);
    assert!(said.contains("shard 2/2 is not in this run: it is missing"), "{said}");
    let latest = std::fs::read(to.join("latest/fs-0123456789abcdef0.json")).unwrap();
    let (report, latest) = (json_of(&again), serde_json::from_slice::<Value>(&latest).unwrap());
    assert!(latest["run"]["id"].is_string() && latest["totals"]["files"].is_u64(), "{latest}");
    assert_eq!(report["run"]["id"], latest["run"]["id"]);
    assert_eq!(report["totals"]["files"], latest["totals"]["files"]);
    assert_eq!(latest["run"]["coverage"], "partial");
    assert_code(&shard("2/2", &[]), 1);
    assert_code(&merge(&["--state=destination"]), 3);
}

#[test]
fn a_shard_of_another_number_of_shards_comes_after_the_merge() {
    let place = Place::new();
    for shard in ["1/2", "2/2"] {
        assert_code(&place.shard(shard, &[]), 0);
    }
    assert_code(&place.merge(&[]), 0);
    for shard in ["3/3", "1/3"] {
        let other = place.shard(shard, &[]);
        assert_code(&other, 1);
        assert!(says(&other).contains("was merged of 2 shards"), "{}", says(&other));
    }
    assert_eq!(place.left_of_run("a"), ["merged.json"]);
}

#[test]
fn a_run_id_without_a_shard_is_refused() {
    let place = Place::new();
    let to = format!("--publish={}", place.to("to").display());
    let output = place.run(&["--run-id=a", &to, place.root().to_str().unwrap()]);
    assert_code(&output, 2);
    assert!(says(&output).contains("give --shard as well"), "{}", says(&output));
    assert!(!place.to("to").exists());
}

#[test]
fn a_merge_waits_for_the_retry_of_a_torn_shard() {
    let place = Place::new();
    for shard in ["1/2", "2/2"] {
        assert_code(&place.shard(shard, &[]), 0);
    }
    let object = place.to("to").join("shards/a/fs=prod/00002.shard");
    let whole = std::fs::read(&object).unwrap();
    std::fs::write(&object, &whole[..whole.len() - 5]).unwrap();
    std::thread::scope(|scope| {
        let merge = scope.spawn(|| place.merge(&["--wait=100s"]));
        std::thread::sleep(Duration::from_secs(3));
        assert_code(&place.shard("2/2", &[]), 0);
        assert_code(&merge.join().unwrap(), 0);
    });
}

#[test]
fn a_merge_that_waits_sees_that_another_was_faster() {
    let place = Place::new();
    assert_code(&place.shard("1/2", &[]), 0);
    let state = format!("--state-dir={}", place.to("other").display());
    std::thread::scope(|scope| {
        let merge = scope.spawn(|| place.merge(&["--wait=100s", &state]));
        std::thread::sleep(Duration::from_secs(3));
        assert_code(&place.merge(&[]), 3);
        let begun = Instant::now();
        let waited = merge.join().unwrap();
        assert_code(&waited, 3);
        let said = says(&waited);
        assert!(said.contains("was merged without the shards 2"), "{said}");
        assert!(begun.elapsed() < Duration::from_secs(60), "{:?}", begun.elapsed());
    });
}

/// A merge in a process that may have few files open.
#[test]
fn more_shards_than_files_may_be_open() {
    let place = Place::new();
    let one = place.scan(&[]);
    at_once(1..=48, |number: u32| assert_code(&place.shard(&format!("{number}/48"), &[]), 0));
    let mut command = Command::new("sh");
    command.args(["-c", "ulimit -n 40; exec \"$0\" \"$@\""]).arg(program());
    command.args(["merge", "--run-id=a", "--format=json", "--dirs-min=0"]);
    command.arg(format!("--from={}", place.to("to").display()));
    command.arg(format!("--state-dir={}", place.to("state").display()));
    let merged = watched(command.env("EFS_SCAN_CONFIG", "/dev/null"), Duration::from_secs(120));
    assert_code(&merged, 0);
    assert_eq!(timeless(json_of(&merged)), timeless(one));
}

#[test]
fn accounts_that_cannot_be_written_say_where() {
    let able = Command::new("unshare").args(["-m", "true"]).output();
    let able = able.is_ok_and(|output| output.status.success());
    if !skip_unless(able, "a shard whose temporary files do not fit", "needs unshare -m") {
        return;
    }
    let place = Place::new();
    for at in 0..300u32 {
        // A name that does not compress.
        let name = format!("300{at:03}/{:?}", Sha256::digest(at.to_string()).as_slice());
        file(&place.root(), &name, 1);
    }
    let full = place.to("full");
    std::fs::create_dir(&full).unwrap();
    let script = r#"mount -t tmpfs -o size=4k none "$TMPDIR" && exec "$0" "$@""#;
    let mut command = Command::new("unshare");
    command.args(["-m", "sh", "-c", script]).arg(program());
    command.args(["--shard=1/2", "--run-id=a", "--name=prod"]).arg(place.root());
    command.arg(format!("--publish={}", place.to("to").display()));
    command.env("EFS_SCAN_CONFIG", "/dev/null").env("TMPDIR", &full);
    let output = watched(&mut command, Duration::from_secs(60));
    assert_code(&output, 5);
    let what = format!("writing the accounts to a temporary file in {}: No space", full.display());
    assert!(says(&output).contains(&what), "{}", says(&output));
    assert!(says(&output).contains("run it again"), "{}", says(&output));
}
