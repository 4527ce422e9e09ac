//! State at the destination, for a machine without a disk: each process of a test has another state
//! directory, which is lost with it.

use std::process::Stdio;
use std::sync::{Arc, Mutex};

use super::*;
use efs_scan_testbed::aws::{Fault, Phase, What};

/// Key of the lock.
const LOCK: &str = "efs/state/fs=prod/lock.json";

/// Returns a scan that publishes, with its state at the destination.
fn command(world: &World, more: &[&str]) -> Command {
    let mut command = world.command();
    let names = format!("csv:{}", world.scratch.path().join("names.csv").display());
    command.arg(world.root()).args(TO).args(["--names", &names, "--format", "json"]);
    command.args(["--state", "destination", "--state-dir", "/nowhere"]).args(more);
    command
}

fn scan(world: &World, more: &[&str]) -> Output {
    watched(&mut command(world, more), Duration::from_secs(120))
}

/// Lets the lock of a process that was killed expire.
fn expire(world: &World) {
    world.aws.age_object("team", LOCK, Duration::from_secs(3600));
}

fn lock(world: &World) -> Value {
    serde_json::from_slice(&world.aws.object("team", LOCK).unwrap()).unwrap()
}

#[test]
fn notices_and_names_are_remembered_without_a_disk() {
    let world = World::new();
    world.aws.domain("d-abcdef123456", "studio");
    world.aws.profile("d-abcdef123456", "carl", Some(200_007));
    let topic = world.aws.topic("quota");
    let flags =
        ["--notify-topic", &topic, "--quota", "2500KiB", "--names", "sagemaker:d-abcdef123456"];
    let output = scan(&world, &flags);
    assert_eq!(code(&output), Some(0), "{}", stderr(&output));
    assert_eq!(world.aws.messages().len(), 1);
    assert_eq!(lock(&world)["holder"], Value::Null, "it was released");
    assert!(world.aws.object("team", "efs/state/fs=prod/over-quota.json").is_some());
    // The same homes are no news, and SageMaker's last answer is used.
    world.aws.fault(Fault::new("SageMaker", "*", What::InternalError).always());
    let output = scan(&world, &flags);
    assert_eq!(code(&output), Some(0), "{}", stderr(&output));
    assert_eq!(world.aws.messages().len(), 1);
    assert_eq!(home(&printed(&output), "200007")["owner"]["name"], "carl");
    assert!(stderr(&output).contains("names as of"), "{}", stderr(&output));
    assert!(world.aws.violations().is_empty(), "{:?}", world.aws.violations());
    assert!(!std::path::Path::new("/nowhere").exists());
    // Readers do not take state for runs.
    let status = world.run(["status", "--from", "s3://team/efs", "--format", "json"]);
    assert_eq!(code(&status), Some(0), "{}", stderr(&status));
}

#[test]
fn a_directory_that_cannot_be_written_leaves_the_state_to_the_destination() {
    let world = World::new();
    let scan = |more: &[&str]| {
        let mut command = world.command();
        command.env_remove("EFS_SCAN_STATE_DIR").arg(world.root()).args(TO).arg("--verbose");
        // Nobody can make files there, not even root.
        command.args(["--state-dir", "/proc/self/none"]).args(more);
        watched(&mut command, Duration::from_secs(60))
    };
    let output = scan(&[]);
    assert_eq!(code(&output), Some(0), "{}", stderr(&output));
    let said = "the state is kept at s3://team/efs: /proc/self/none cannot be written";
    assert!(stderr(&output).contains(said), "{}", stderr(&output));
    assert_eq!(lock(&world)["holder"], Value::Null);
    // Nothing waits there.
    let args = ["publish", "--state-dir", "/proc/self/none"];
    let mut publish = world.command();
    publish.env("EFS_SCAN_PUBLISH", "s3://team/efs").args(args);
    let output = watched(&mut publish, Duration::from_secs(60));
    assert_eq!(code(&output), Some(0), "{}", stderr(&output));
    assert!(stderr(&output).contains("no run waits here"), "{}", stderr(&output));
    // Asked for, the directory is an error, as it was.
    let output = scan(&["--state", "directory"]);
    assert_ne!(code(&output), Some(0));
    assert!(stderr(&output).contains("/proc/self/none"), "{}", stderr(&output));
    // Where conditions do not hold, there is no lock.
    let output = scan(&["--state", "destination", "--unconditional"]);
    assert_eq!(code(&output), Some(2), "{}", stderr(&output));
}

#[test]
fn a_second_run_names_the_first_and_a_killed_one_keeps_nobody_out() {
    let world = World::new();
    let pipe = world.scratch.path().join("pipe");
    assert!(Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    let names = format!("--names=csv:{}", pipe.display());
    let mut first = command(&world, &[&names]);
    let first = first.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let until = std::time::Instant::now() + Duration::from_secs(60);
    while world.aws.object("team", LOCK).is_none() {
        assert!(std::time::Instant::now() < until);
        std::thread::sleep(Duration::from_millis(5));
    }
    // It sees the first one renew its lock.
    let output = scan(&world, &[]);
    assert_eq!(code(&output), Some(1), "{}", stderr(&output));
    let named = format!("process id {}, scanning", first.id());
    assert!(errors(&output)[0].contains(&named), "{}", stderr(&output));
    assert!(world.latest().is_none());
    signal(first.id(), "KILL");
    assert_eq!(code(&finish(first, Duration::from_secs(60))), None);
    expire(&world);
    let output = scan(&world, &[]);
    assert_eq!(code(&output), Some(0), "{}", stderr(&output));
    assert!(world.latest().is_some());
}

#[test]
fn a_run_that_cannot_be_published_is_said_to_be_lost_unless_retried() {
    let world = World::new();
    let denied = Fault::new("S3", "PutObject", What::Denied).matching("/runs/").always();
    world.aws.fault(denied);
    let output = scan(&world, &[]);
    assert_eq!(code(&output), Some(5), "{}", stderr(&output));
    let said = stderr(&output);
    assert!(said.contains("this run is lost unless the job is retried"), "{said}");
    assert!(said.contains("s3:PutObject") && !output.stdout.is_empty(), "{said}");
    assert_eq!(lock(&world)["holder"], Value::Null);
    world.aws.clear_faults();
    // A destination that fails before the scan costs no scan.
    world.aws.fault(Fault::new("S3", "*", What::InternalError).always());
    let output = scan(&world, &[]);
    assert_eq!(code(&output), Some(5), "{}", stderr(&output));
    let said = stderr(&output);
    assert!(said.contains("nothing was scanned") && said.contains("retry the job"), "{said}");
    assert!(output.stdout.is_empty());
    world.aws.clear_faults();
    let topic = world.aws.topic("quota");
    world.aws.fault(Fault::new("SNS", "Publish", What::Denied).always());
    let output = scan(&world, &["--notify-topic", &topic, "--quota", "1MiB"]);
    assert_eq!(code(&output), Some(5), "{}", stderr(&output));
    assert!(world.latest().is_some(), "it is published, and only the notice is missing");
    world.aws.clear_faults();
    let output = scan(&world, &["--notify-topic", &topic, "--quota", "1MiB"]);
    assert_eq!(code(&output), Some(0), "{}", stderr(&output));
    assert_eq!(world.aws.messages().len(), 1, "the retry sends it");
}

/// Kills a scan at its `at`-th request of S3, in this phase. Returns false if there were fewer.
fn killed_at(world: &World, at: usize, phase: Phase, flags: &[&str]) -> bool {
    let pid = Arc::new(Mutex::new(None));
    let victim = Arc::clone(&pid);
    let kill = What::call(move |now| {
        if now == phase {
            while victim.lock().unwrap().is_none() {
                std::thread::yield_now();
            }
            signal(victim.lock().unwrap().unwrap(), "KILL");
        }
    });
    world.aws.fault(Fault::new("S3", "*", kill).after(at));
    let mut command = command(world, flags);
    let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    *pid.lock().unwrap() = Some(child.id());
    let output = finish(child, Duration::from_secs(60));
    let fired = world.aws.faults_fired() > 0;
    world.aws.clear_faults();
    assert_eq!(code(&output).is_none(), fired, "{}", stderr(&output));
    fired
}

/// As on a disk, a notice may come twice, and is never lost; and the next run is as if the killed one
/// had never been.
#[test]
fn kill_9_at_any_request_costs_at_most_the_run() {
    at_once([Phase::Before, Phase::After], |phase| {
        for at in 0.. {
            let world = World::new();
            let topic = world.aws.topic("quota");
            let flags = ["--notify-topic", &topic, "--quota", "2500KiB"];
            assert_eq!(code(&scan(&world, &flags)), Some(0));
            assert_eq!(world.aws.messages().len(), 1);
            file(&world.root(), "200007/more", 5_000_000);
            let was_killed = killed_at(&world, at, phase, &flags);
            expire(&world);
            // Every object is complete.
            for key in world.aws.keys("team").iter().filter(|key| key.ends_with(".json")) {
                let bytes = world.aws.object("team", key).unwrap();
                serde_json::from_slice::<Value>(&bytes).unwrap();
            }
            let output = scan(&world, &flags);
            assert_eq!(code(&output), Some(0), "{at} {phase:?}: {}", stderr(&output));
            assert_eq!(world.latest().unwrap()["run"]["id"], printed(&output)["run"]["id"]);
            let told = world.aws.messages().len();
            assert!((2..=3).contains(&told), "{at} {phase:?}: {told} messages");
            assert_eq!(lock(&world)["holder"], Value::Null);
            if !was_killed {
                assert!(at > 25, "only {at} requests");
                return;
            }
        }
    });
}
