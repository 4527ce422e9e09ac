//! Kills publishing at each request, before and after the request takes effect.

use std::collections::BTreeMap;
use std::process::Stdio;
use std::sync::{Arc, Mutex};

use super::*;
use crate::publish::migrate::old;
use crate::publish::place::Place;
use efs_scan_testbed::aws::{Fault, Phase, What};

/// Returns a fault that kills the process with the returned pid in this phase of a request.
fn killer(phase: Phase) -> (Arc<Mutex<Option<u32>>>, What) {
    let pid = Arc::new(Mutex::new(None));
    let victim = Arc::clone(&pid);
    let kill = What::call(move |now| {
        if now == phase {
            // The pid is set as soon as the program runs; requests come later.
            while victim.lock().unwrap().is_none() {
                std::thread::yield_now();
            }
            signal(victim.lock().unwrap().unwrap(), "KILL");
        }
    });
    (pid, kill)
}

/// Kills the program at its `at`-th request after the check, in this phase. Returns false if there
/// were fewer requests.
fn killed_at(world: &World, at: usize, phase: Phase) -> bool {
    let (pid, kill) = killer(phase);
    // The check is three writes and three reads.
    world.aws.fault(Fault::new("S3", "*", kill).after(6 + at));
    let mut command = world.command();
    command.arg(world.root()).args(TO).stdout(Stdio::piped()).stderr(Stdio::piped());
    let child = command.spawn().unwrap();
    *pid.lock().unwrap() = Some(child.id());
    let output = finish(child, Duration::from_secs(60));
    let fired = world.aws.faults_fired() > 0;
    world.aws.clear_faults();
    assert_eq!(code(&output).is_none(), fired, "{}", stderr(&output));
    fired
}

#[test]
fn kill_9_at_any_request_leaves_the_old_pointer_or_the_new_and_the_run() {
    at_once([Phase::Before, Phase::After], |phase| {
        let mut at = 0;
        loop {
            let world = World::new();
            assert_eq!(code(&world.scan(TO)), Some(0));
            let old = world.latest().unwrap();
            // Changes the du form, too.
            file(&world.root(), "200007/more", 5_000_000);
            if !killed_at(&world, at, phase) {
                break;
            }
            let pointer = world.latest().expect("whole");
            let spool = world.spool();
            let id = spool.iter().find_map(|name| name.strip_suffix(".run.json"));
            let id = id.unwrap_or_else(|| panic!("the run is lost at {at} {phase:?}"));
            let run = pointer["run"]["id"].as_str().unwrap();
            assert!(run == old["run"]["id"] || run == id, "{run}");
            // Every object is complete.
            for key in world.aws.keys("team").iter().filter(|key| key.ends_with(".json")) {
                let bytes = world.aws.object("team", key).unwrap();
                serde_json::from_slice::<Value>(&bytes).unwrap();
            }
            let sent = world.run(["publish"]);
            assert_eq!(code(&sent), Some(0), "{}", stderr(&sent));
            assert_eq!(world.latest().unwrap()["run"]["id"], id);
            assert!(world.spool().is_empty());
            assert_eq!(world.aws.keys("team").len(), 11, "at {at} {phase:?}");
            at += 1;
        }
        // Two reads of existing objects, four objects of the run, two reads, two writes; then
        // twice three reads and a list to verify them, with the write of `du/latest.txt` in
        // between.
        assert_eq!(at, 19, "{phase:?}");
    });
}

#[test]
fn kill_9_between_metrics_and_notice_loses_neither() {
    for (service, operation) in [("CloudWatch", "PutMetricData"), ("SNS", "Publish")] {
        for phase in [Phase::Before, Phase::After] {
            let world = World::new();
            let topic = world.aws.topic("quota");
            let (pid, kill) = killer(phase);
            world.aws.fault(Fault::new(service, operation, kill));
            let mut command = world.command();
            command.arg(world.root()).args(TO).args(["--cloudwatch", "--quota", "1MiB"]);
            command.args(["--file-system-id", FILE_SYSTEM, "--notify-topic", &topic]);
            let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
            *pid.lock().unwrap() = Some(child.id());
            assert_eq!(code(&finish(child, Duration::from_secs(60))), None);
            let sent = world.run(["publish"]);
            assert_eq!(code(&sent), Some(0), "{}", stderr(&sent));
            assert!(world.spool().is_empty());
            let complete = world.aws.metrics().into_iter().filter(|m| m.name == "ScanComplete");
            // At least once: a program killed between sending and recording sends again.
            assert!((1..=2).contains(&complete.count()));
            assert!((1..=2).contains(&world.aws.messages().len()));
        }
    }
}

/// Returns all objects in the bucket.
fn objects(aws: &Stub) -> BTreeMap<String, Vec<u8>> {
    let keys = aws.keys("team").into_iter();
    keys.map(|key| (key.clone(), aws.object("team", &key).unwrap())).collect()
}

#[test]
fn a_migration_killed_at_any_request_loses_nothing_and_can_be_repeated() {
    let place = Place::new();
    let old: BTreeMap<String, Vec<u8>> =
        old(&place, None).into_iter().map(|(key, bytes)| (format!("efs/{key}"), bytes)).collect();
    let bucket = || {
        let aws = Stub::start();
        aws.create_bucket("team");
        old.iter().for_each(|(key, bytes)| aws.put_object("team", key, bytes.clone()));
        aws
    };
    let migrate = |aws: &Stub| {
        let mut command = efs_scan();
        aws.env(&mut command);
        command.args(["publish", "--migrate", "--to", "s3://team/efs", "--state-dir", "/nowhere"]);
        command
    };
    let run = |aws: &Stub| {
        let output = watched(&mut migrate(aws), Duration::from_secs(60));
        assert_eq!(code(&output), Some(0), "{}", stderr(&output));
    };
    let aws = bucket();
    run(&aws);
    assert!(aws.violations().is_empty(), "{:?}", aws.violations());
    let (whole, requests) = (objects(&aws), aws.requests().len());
    assert!(requests > 20, "{requests}");
    at_once([Phase::Before, Phase::After], |phase| {
        for at in 0..requests {
            let aws = bucket();
            let (pid, kill) = killer(phase);
            aws.fault(Fault::new("S3", "*", kill).after(at));
            let mut command = migrate(&aws);
            let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
            *pid.lock().unwrap() = Some(child.id());
            let output = finish(child, Duration::from_secs(60));
            assert_eq!(code(&output), None, "{at} {phase:?}: {}", stderr(&output));
            aws.clear_faults();
            let left = objects(&aws);
            for (key, bytes) in old.iter().filter(|(key, _)| *key != "efs/latest.json") {
                assert_eq!(left.get(key), Some(bytes), "{at} {phase:?}: {key}");
            }
            run(&aws);
            assert_eq!(objects(&aws), whole, "{at} {phase:?}");
        }
    });
}
