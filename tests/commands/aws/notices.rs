//! Notices of homes over quota, through SNS.

use super::*;
use efs_scan_testbed::aws::{Fault, What};

#[test]
fn a_message_is_sent_when_the_set_changes() {
    let world = World::new();
    let topic = world.aws.topic("quota");
    let scan = |quota: &str, more: &[&str]| {
        let flags = ["--notify-topic", &topic, "--quota", quota];
        let output = world.scan(flags.iter().chain(more));
        assert_eq!(code(&output), Some(0), "{}", stderr(&output));
        world.aws.messages()
    };
    assert_eq!(scan("1GiB", &[]).len(), 0, "nobody is over, as before");
    let messages = scan("2500KiB", &[]);
    assert_eq!(messages.len(), 1);
    assert_eq!(messages[0].topic, topic);
    assert_eq!(messages[0].subject.as_deref(), Some("efs-scan: prod: 1 home over quota, 1 newly"));
    assert!(messages[0].text.contains("alice (200005)"), "{}", messages[0].text);
    assert!(messages[0].text.contains("NEW") && !messages[0].text.contains("bob"));
    assert!(messages[0].text.contains("200005/.cache/pip"), "{}", messages[0].text);

    assert_eq!(scan("2500KiB", &[]).len(), 1, "the same set");
    assert_eq!(scan("2500KiB", &["--notify-always"]).len(), 2);
    let messages = scan("1MiB", &[]);
    assert_eq!(messages.len(), 3);
    let subject = messages[2].subject.as_deref();
    assert_eq!(subject, Some("efs-scan: prod: 2 homes over quota, 1 newly"));
    let line = |name: &str| messages[2].text.lines().find(|line| line.contains(name)).unwrap();
    assert!(line("bob").ends_with("NEW") && !line("alice").ends_with("NEW"));
    let messages = scan("1GiB", &[]);
    assert_eq!(messages.len(), 4);
    assert!(
        messages[3].text.contains("No longer over quota: 200005, 200006"),
        "{}",
        messages[3].text
    );
    assert!(world.aws.violations().is_empty(), "{:?}", world.aws.violations());
}

#[test]
fn a_clock_that_was_ahead_does_not_suppress_notices() {
    let world = World::new();
    let topic = world.aws.topic("quota");
    let flags = ["--notify-topic", &topic, "--quota", "2500KiB"];
    let ahead = |home: &str| {
        let last =
            serde_json::json!({ &topic: { "run": "20990101T000000.000000Z", "homes": [home] } });
        std::fs::write(world.state().join("over-quota.json"), last.to_string()).unwrap();
    };
    let said = |output: Output| {
        assert_eq!(code(&output), Some(0));
        (world.aws.messages().len(), stderr(&output).contains("from the future"))
    };
    assert_eq!(said(world.scan(flags)), (1, false));
    ahead("200006");
    assert_eq!(said(world.scan(flags)), (2, true));
    // The same homes are no news, and the time left by the wrong clock is corrected.
    ahead("200005");
    assert_eq!(said(world.scan(flags)), (2, true));
    assert_eq!(said(world.scan(flags)), (2, false));
}

#[test]
fn thousands_over_quota_fit_into_one_message() {
    let world = World::new();
    let topic = world.aws.topic("quota");
    for uid in 300_000..303_000 {
        std::fs::create_dir(world.root().join(uid.to_string())).unwrap();
    }
    let output = world.scan(["--notify-topic", &topic, "--quota", "1KiB"]);
    assert_eq!(code(&output), Some(0), "{}", stderr(&output));
    assert!(world.aws.violations().is_empty(), "{:?}", world.aws.violations());
    assert!(world.aws.messages()[0].text.contains("and 2803 more"));
}

#[test]
fn a_message_that_could_not_be_sent_waits() {
    let world = World::new();
    let topic = world.aws.topic("quota");
    world.aws.fault(Fault::new("SNS", "Publish", What::Denied).always());
    let flags = ["--notify-topic", &topic, "--quota", "1MiB"];
    let output = world.scan(flags);
    assert_eq!(code(&output), Some(5));
    assert!(errors(&output)[0].contains(&format!("sns:Publish on {topic}")), "{}", stderr(&output));
    world.aws.clear_faults();
    assert_eq!(code(&world.run(["publish"])), Some(0));
    assert_eq!(world.aws.messages().len(), 1);
    assert_eq!(code(&world.scan(flags)), Some(0));
    assert_eq!(world.aws.messages().len(), 1, "it was said");

    let output = world.scan([
        "--notify-topic",
        "arn:aws:sns:us-east-1:123456789012:none",
        "--quota",
        "1MiB",
    ]);
    assert_eq!(code(&output), Some(5));
    assert!(errors(&output)[0].contains("arn:aws:sns:us-east-1:123456789012:none"));
}

/// Long paths of one user do not keep others out of the notice.
#[test]
fn long_paths_do_not_make_a_message_too_long() {
    let world = World::new();
    let topic = world.aws.topic("quota");
    let part = "\u{1}".repeat(200);
    for place in 0..10 {
        let deep = format!("200005/{}", format!("{part}/").repeat(15));
        file(&world.root(), format!("{deep}{place}/.Trash-1000/files/a"), 100_000);
    }
    let output = world.scan(["--notify-topic", &topic, "--quota", "1MiB"]);
    assert_eq!(code(&output), Some(0), "{}", stderr(&output));
    let messages = world.aws.messages();
    assert!(messages[0].text.contains("..."), "a path was cut");
    assert!(messages[0].text.len() < 64 * 1024);
    assert!(world.aws.violations().is_empty(), "{:?}", world.aws.violations());
}

/// A run that could not read a home says nothing about it.
#[test]
fn a_home_that_could_not_be_read_does_not_recover() {
    let world = World::new();
    let topic = world.aws.topic("quota");
    let flags = ["--notify-topic", &topic, "--quota", "1MiB"];
    assert_eq!(code(&world.scan(flags)), Some(0));
    // Runs of other kinds come from the spool.
    world.aws.fault(Fault::new("SNS", "Publish", What::Denied).always());
    assert_eq!(code(&world.scan(flags.iter().chain(&["--notify-always"]))), Some(5));
    let path = world.spool_dir().join(&world.spool()[0]);
    let mut job: Value = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
    job["report"]["run"]["coverage"] = "partial".into();
    job["plan"]["notify"]["always"] = false.into();
    let homes = job["report"]["homes"].as_array_mut().unwrap();
    for home in homes {
        if home["name"] == "200006" {
            home["coverage"] = "partial".into();
            home["quota"]["over"] = false.into();
        }
    }
    std::fs::write(&path, job.to_string()).unwrap();
    world.aws.clear_faults();
    assert_eq!(code(&world.run(["publish"])), Some(0));
    assert_eq!(world.aws.messages().len(), 1, "the set is what it was");
    assert_eq!(code(&world.scan(flags)), Some(0));
    assert_eq!(world.aws.messages().len(), 1);
}

/// Scans the same homes as groups, whose quotas are in the configuration.
fn scan_groups(world: &World, root: &std::path::Path, more: &[&str]) -> Output {
    let map = "uid,name,group\n200005,alice,physics\n200006,bob,physics\n";
    std::fs::write(world.scratch.path().join("names.csv"), map).unwrap();
    let config = world.scratch.path().join("groups.toml");
    let mut command = world.command();
    let names = format!("csv:{}", world.scratch.path().join("names.csv").display());
    command.arg(root).args(["--names", &names, "--format", "json", "--config"]).arg(config);
    watched(command.args(more), Duration::from_secs(120))
}

#[test]
fn a_group_over_its_quota_is_notified_once_and_has_metrics() {
    let world = World::new();
    let topic = world.aws.topic("quota");
    let limit = |text: &str| {
        let text = format!("[quota.groups]\nphysics = \"{text}\"\n");
        std::fs::write(world.scratch.path().join("groups.toml"), text).unwrap();
    };
    let scan = || {
        let output = scan_groups(
            &world,
            &world.root(),
            &["--notify-topic", &topic, "--cloudwatch", "--file-system-id", FILE_SYSTEM],
        );
        assert_eq!(code(&output), Some(0), "{}", stderr(&output));
        let metrics = world.aws.metrics();
        let last = metrics.iter().rfind(|metric| metric.name == "GroupsOverQuota");
        (world.aws.messages().len(), last.map(|metric| metric.value))
    };
    limit("1GiB");
    assert_eq!(scan(), (0, Some(0.0)));
    limit("4MiB");
    assert_eq!(scan(), (1, Some(1.0)), "alice and bob have 5 MB");
    let message = world.aws.messages().remove(0);
    assert_eq!(message.subject.as_deref(), Some("efs-scan: prod: 1 group over quota, 1 newly"));
    let line = message.text.lines().find(|line| line.contains("physics")).unwrap();
    assert!(line.contains("of 4 MiB") && line.ends_with("in 2 homes  NEW"), "{line}");
    assert_eq!(scan(), (1, Some(1.0)), "no news");
    limit("1GiB");
    assert_eq!(scan(), (2, Some(0.0)));
    let back = &world.aws.messages()[1].text;
    assert!(back.contains("No longer over quota: group physics"), "{back}");
    assert!(world.aws.violations().is_empty(), "{:?}", world.aws.violations());
    // Without a quota of a group there is no such metric.
    std::fs::write(world.scratch.path().join("groups.toml"), "").unwrap();
    let before =
        world.aws.metrics().iter().filter(|metric| metric.name == "GroupsOverQuota").count();
    scan();
    let now = world.aws.metrics().iter().filter(|metric| metric.name == "GroupsOverQuota").count();
    assert_eq!(now, before);
}

#[test]
fn two_file_systems_with_one_topic_send_separate_notices() {
    let world = World::new();
    let topic = world.aws.topic("quota");
    file(world.scratch.path(), "other/200008/a", 3_000_000);
    let other = world.scratch.path().join("other");
    std::fs::write(world.scratch.path().join("groups.toml"), "").unwrap();
    let args =
        |name: &'static str| ["--notify-topic", &topic, "--quota", "2500KiB", "--name", name];
    for round in [1, 2] {
        for (root, name) in [(world.root(), "prod"), (other.clone(), "stage")] {
            let output = scan_groups(&world, &root, &args(name));
            assert_eq!(code(&output), Some(0), "{}", stderr(&output));
        }
        assert_eq!(world.aws.messages().len(), 2, "round {round}");
    }
    let subjects: Vec<_> =
        world.aws.messages().iter().map(|message| message.subject.clone().unwrap()).collect();
    assert_eq!(subjects[0], "efs-scan: prod: 1 home over quota, 1 newly");
    assert_eq!(subjects[1], "efs-scan: stage: 1 home over quota, 1 newly");
}
