//! Metrics of groups sent to CloudWatch.

use std::collections::{BTreeMap, BTreeSet};
use std::os::unix::fs::PermissionsExt;

use super::*;
use efs_scan_testbed::aws::{Fault, What};

const TO_CLOUDWATCH: [&str; 3] = ["--cloudwatch", "--file-system-id", FILE_SYSTEM];

/// The metrics of groups: values by group and metric.
fn of_groups(world: &World) -> BTreeMap<(String, String), f64> {
    assert!(world.aws.violations().is_empty(), "{:?}", world.aws.violations());
    let metrics = world.aws.metrics().into_iter();
    metrics
        .filter_map(|metric| {
            let group = metric.dimensions.get("Group")?.clone();
            assert_eq!(metric.dimensions["FileSystemId"], FILE_SYSTEM);
            assert_eq!(metric.dimensions.len(), 2, "{metric:?}");
            Some(((group, metric.name), metric.value))
        })
        .collect()
}

fn names(world: &World, lines: &str) {
    let text = format!("uid,name,group\n{lines}");
    std::fs::write(world.scratch.path().join("names.csv"), text).unwrap();
}

/// Writes a configuration with quotas of groups, and returns its path.
fn quotas(world: &World, lines: &str) -> String {
    let path = world.scratch.path().join("groups.toml");
    std::fs::write(&path, format!("[quota.groups]\n{lines}\n")).unwrap();
    path.into_os_string().into_string().unwrap()
}

#[test]
fn a_group_has_what_its_homes_have_together() {
    let world = World::new();
    names(&world, "200005,alice,physics\n200006,bob,physics\n");
    let config = quotas(&world, "physics = \"4MiB\"");
    let asked = ["--cloudwatch-groups", "--config", &config];
    let output = world.scan(TO_CLOUDWATCH.into_iter().chain(asked));
    assert_eq!(code(&output), Some(0), "{}", stderr(&output));
    let report = printed(&output);
    let sum = |homes: &[&str], key: &str| -> f64 {
        homes.iter().map(|it| home(&report, it)["usage"][key].as_f64().unwrap()).sum()
    };
    let both = ["200005", "200006"];
    let allocated = sum(&both, "allocated_bytes");
    let physics = &report["groups"][0];
    assert_eq!((&physics["name"], &physics["quota"]["over"]), (&"physics".into(), &true.into()));
    let percent = physics["quota"]["used_percent"].as_f64().unwrap();
    let expected = [
        ("(no group)", "AllocatedBytes", sum(&["200007"], "allocated_bytes")),
        ("(no group)", "MeteredBytes", sum(&["200007"], "metered_bytes")),
        ("physics", "AllocatedBytes", allocated),
        ("physics", "MeteredBytes", sum(&both, "metered_bytes")),
        ("physics", "QuotaPercent", percent),
    ];
    let expected = expected.map(|(group, name, value)| ((group.into(), name.into()), value));
    assert_eq!(of_groups(&world), expected.into());
    // Without the setting there are none, and users have none by it.
    let before = world.aws.metrics().len();
    assert_eq!(code(&world.scan(TO_CLOUDWATCH.into_iter().chain(["--config", &config]))), Some(0));
    let later = world.aws.metrics().split_off(before);
    assert!(later.iter().all(|metric| metric.dimensions.len() == 1), "{later:?}");
}

#[test]
fn named_groups_only_and_a_group_without_homes_is_named() {
    let world = World::new();
    names(&world, "200005,alice,Zürich\n200006,bob,physics\n");
    let asked = ["--cloudwatch-groups=Zürich,chemistry,(no group)"];
    let output = world.scan(TO_CLOUDWATCH.into_iter().chain(asked));
    assert_eq!(code(&output), Some(0), "{}", stderr(&output));
    let sent: BTreeSet<String> = of_groups(&world).into_keys().map(|(group, _)| group).collect();
    assert_eq!(sent, BTreeSet::from(["(no group)".to_owned(), "Z\\u{fc}rich".to_owned()]));
    let said = stderr(&output);
    let warnings: Vec<&str> = said.lines().filter(|line| line.contains("chemistry")).collect();
    assert_eq!(warnings.len(), 1, "{said}");
    assert!(warnings[0].contains("--cloudwatch-groups: there is no home of chemistry"), "{said}");
}

/// Calls of at most 1,000 metrics, and the rest after a failure.
#[test]
fn many_groups_are_split_into_calls_and_sent_once() {
    let world = World::new();
    let mut lines = String::new();
    for uid in 300_000..300_900 {
        std::fs::create_dir(world.root().join(uid.to_string())).unwrap();
        lines += &match uid % 3 {
            0 => format!("{uid},u{uid},group-{uid}\n"),
            1 => format!("{uid},u{uid},:Ünï ☃ {uid}\n"),
            // Equal in their first 1,024 characters: one group.
            _ => format!("{uid},u{uid},{}{uid}\n", "x".repeat(1500)),
        };
    }
    names(&world, &lines);
    world.aws.fault(Fault::new("CloudWatch", "PutMetricData", What::Denied).after(1).always());
    let output = world.scan(TO_CLOUDWATCH.into_iter().chain(["--cloudwatch-groups"]));
    assert_eq!(code(&output), Some(5), "{}", stderr(&output));
    world.aws.clear_faults();
    assert_eq!(code(&world.run(["publish"])), Some(0));
    assert!(world.aws.put_metric_calls().iter().all(|metrics| *metrics <= 1000));
    // 600 groups, one of the rest, and the homes of no group.
    let sent = of_groups(&world);
    assert_eq!(sent.len(), 2 * (600 + 1 + 1));
    let all = world.aws.metrics();
    let of_groups = all.iter().filter(|metric| metric.dimensions.contains_key("Group"));
    assert_eq!(of_groups.count(), sent.len(), "none twice");
    let report = printed(&output);
    let alike = report["groups"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|group| group["name"].as_str().is_some_and(|name| name.starts_with('x')));
    let metered: f64 = alike.map(|it| it["usage"]["metered_bytes"].as_f64().unwrap()).sum();
    assert_eq!(sent[&("x".repeat(1023), "MeteredBytes".to_owned())], metered);
}

/// An alarm must not recover because homes of a group could not be read, or not be found.
#[test]
fn a_group_that_a_partial_scan_does_not_know_has_no_metrics() {
    let world = World::new();
    file(&world.root(), "teams/200009/d", 1_000);
    names(&world, "200005,alice,physics\n200006,bob,chemistry\n200007,cy,physics\n");
    let locked = |path: &str, mode: u32| {
        let path = world.root().join(path);
        std::fs::create_dir_all(&path).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
    };
    let sent_after = |more: &[&str]| -> BTreeSet<String> {
        let before = world.aws.metrics().len();
        let mut command = as_owner();
        world.aws.env(&mut command);
        let names = format!("csv:{}", world.scratch.path().join("names.csv").display());
        command.env("EFS_SCAN_CONFIG", "/dev/null").arg(world.root()).args(TO_CLOUDWATCH);
        command.args(["--cloudwatch-groups", "--names", &names, "--state-dir"]).arg(world.state());
        let output = watched(command.args(more), Duration::from_secs(60));
        assert_eq!(code(&output), Some(3), "{}", stderr(&output));
        let later = world.aws.metrics().split_off(before).into_iter();
        later.filter_map(|metric| metric.dimensions.get("Group").cloned()).collect()
    };
    locked("200005/locked", 0);
    assert_eq!(sent_after(&[]), BTreeSet::from(["(no group)".into(), "chemistry".into()]));
    locked("200005/locked", 0o755);
    // Homes two levels down: those in a directory that cannot be read may be of any group.
    for home in ["200005", "200006", "200007"] {
        std::fs::create_dir_all(world.root().join("dept")).unwrap();
        let to = world.root().join("dept").join(home);
        std::fs::rename(world.root().join(home), to).unwrap();
    }
    locked("teams", 0);
    assert_eq!(sent_after(&["--home-depth", "2"]), BTreeSet::new());
    locked("teams", 0o755);
}
