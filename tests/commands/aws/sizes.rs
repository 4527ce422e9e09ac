//! EFS's metered sizes, the reconciliation with them, and cost.

use super::*;
use efs_scan_testbed::aws::{Fault, Sizes, What};

const GIB: u64 = 1 << 30;

fn world() -> World {
    let world = World::new();
    // The largest sizes that the arithmetic of the tests allows.
    let sizes = Sizes {
        value: 100 * GIB,
        standard: 60 * GIB,
        ia: 30 * GIB,
        archive: 10 * GIB,
        at_epoch_seconds: 1_790_000_000.0,
    };
    world.aws.file_system(FILE_SYSTEM, sizes);
    world
}

#[test]
fn the_report_is_compared_with_the_size_that_efs_meters() {
    let world = world();
    let output = world.scan(TO.into_iter().chain(["--file-system-id", FILE_SYSTEM]));
    assert_eq!(code(&output), Some(0), "{}", stderr(&output));
    let report = printed(&output);
    let known = &report["file_system"];
    assert_eq!(known["id"], FILE_SYSTEM);
    assert_eq!(known["efs"]["value"], 100 * GIB);
    assert_eq!(known["efs"]["infrequent_access"], 30 * GIB);
    assert_eq!(known["efs"]["at"], "2026-09-21T14:13:20Z");
    let ours = report["totals"]["metered_bytes"].as_f64().unwrap();
    let percent = (ours / (100 * GIB) as f64 - 1.0) * 100.0;
    assert!((known["difference_percent"].as_f64().unwrap() - percent).abs() < 0.01);
    // 60 x 0.30 + 30 x 0.016 + 10 x 0.008
    assert_eq!(known["cost"]["month"], 18.56);
    let costs = report["homes"].as_array().unwrap().iter();
    let costs: f64 = costs.map(|home| home["cost_month"].as_f64().unwrap()).sum();
    assert!((costs - 18.56).abs() < 1e-9, "the shares sum to the cost: {costs}");
    // The same rate applies to what is reclaimable: alice's cache and bob's trash.
    let money = &report["money"];
    assert_eq!((&money["basis"], &money["source"]), (&"efs".into(), &"us-east-1, 2026-03".into()));
    let saves = &money["reclaimable"];
    let part = saves["share"]["metered_bytes"].as_f64().unwrap() / ours;
    assert!(part > 0.9, "{money}");
    assert!((saves["month"].as_f64().unwrap() - 18.56 * part).abs() < 1e-9, "{money}");
    let status = world.run(["status", "--from", "s3://team/efs"]);
    let text = String::from_utf8(status.stdout).unwrap();
    assert!(text.contains("EFS meters 100 GiB (2026-09-21 14:13 UTC)"), "{text}");
    assert!(text.contains("18.56 USD a month") && text.contains("estimates"), "{text}");
    assert!(world.aws.violations().is_empty(), "{:?}", world.aws.violations());
}

#[test]
fn prices_come_from_the_configuration() {
    let world = world();
    let config = world.scratch.path().join("efs-scan.toml");
    let prices = "[prices]\nstandard = 1.0\narchive = 0.5\nsource = \"a test\"\n";
    std::fs::write(&config, prices).unwrap();
    let config = config.to_str().unwrap().to_owned();
    let report = printed(&world.scan(["--config", &config, "--file-system-id", FILE_SYSTEM]));
    // Prices that the configuration leaves out have their defaults.
    let month = 60.0 + 30.0 * 0.016 + 10.0 * 0.5;
    let cost = &report["file_system"]["cost"];
    assert!((cost["month"].as_f64().unwrap() - month).abs() < 0.01, "{cost}");
    assert_eq!(cost["prices"]["source"], "a test");
}

#[test]
fn the_table_shows_the_difference_and_the_cost() {
    let world = world();
    let mut command = world.command();
    command.arg(world.root()).args(["--file-system-id", FILE_SYSTEM]);
    let output = watched(&mut command, Duration::from_secs(60));
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(text.contains("EFS meters 100 GiB") && text.contains("18.56 USD a month"), "{text}");
}

#[test]
fn values_that_efs_does_not_return_are_left_out() {
    // EFS does not know a file system of another account. The metrics have its id.
    let output = world().scan(["--cloudwatch", "--file-system-id", "fs-00000000"]);
    assert_eq!(code(&output), Some(0), "{}", stderr(&output));
    let warned = stderr(&output);
    let warned: Vec<_> = warned.lines().filter(|line| line.contains("fs-00000000")).collect();
    assert!(warned.len() == 1 && warned[0].contains("for another account"), "{warned:?}");
    let known = &printed(&output)["file_system"];
    assert_eq!((&known["id"], &known["efs"]), (&"fs-00000000".into(), &Value::Null));
    at_once([What::Denied, What::InternalError, What::Throttle], |what| {
        let world = world();
        world.aws.fault(Fault::new("EFS", "*", what).always());
        let output = world.scan(["--file-system-id", FILE_SYSTEM]);
        assert_eq!(code(&output), Some(0), "{}", stderr(&output));
        assert!(stderr(&output).contains("will lack EFS's figures"), "{}", stderr(&output));
        assert_eq!(printed(&output)["file_system"]["efs"], Value::Null);
    });
}

#[test]
fn disabled_lifecycle_management_is_reported_with_its_savings() {
    let world = world();
    let args = ["--file-system-id", FILE_SYSTEM];
    let table = |world: &World| {
        let mut command = world.command();
        command.arg(world.root()).args(args);
        String::from_utf8(watched(&mut command, Duration::from_secs(60)).stdout).unwrap()
    };
    let report = printed(&world.scan(args));
    let known = &report["file_system"];
    let none = serde_json::json!({ "to_ia_days": null, "to_archive_days": null });
    assert_eq!(known["lifecycle"], none);
    // All files are of today, so nothing would move.
    assert_eq!(known["tiering"]["moves"], serde_json::json!({ "low": 0, "high": 0 }));
    assert_eq!(known["tiering"]["saves_month"]["high"], 0.0);
    assert!(table(&world).contains(&format!("Lifecycle management of {FILE_SYSTEM} is off")));
    assert!(table(&world).contains("would save 0.00 to 0.00 USD a month"), "{}", table(&world));
    // 3,000,000 and 2,000,000 bytes: one of 100 days, one of 400.
    for (path, days) in [("200005/.cache/pip/a", 100), ("200006/.local/share/Trash/files/b", 400)] {
        let file = std::fs::File::open(world.root().join(path)).unwrap();
        let then = std::time::SystemTime::now() - Duration::from_secs(days * 86_400);
        file.set_modified(then).unwrap();
    }
    let report = printed(&world.scan(args));
    let ages = &report["totals"]["by_age"];
    let bytes = |age: &str| ages[age]["allocated_bytes"].as_f64().unwrap() / GIB as f64;
    let tiering = &report["file_system"]["tiering"];
    let near = |key: &str, end: &str, wanted: f64| {
        let it = tiering[key][end].as_f64().unwrap();
        assert!((it - wanted).abs() < 1e-9, "{key} {end}: {it} is not {wanted}");
    };
    let both = bytes("year_1") + bytes("older");
    assert!(both > 0.004);
    near("saves_month", "high", both * (0.30 - 0.008));
    let billed =
        bytes("older") + ages["older"]["inodes"].as_f64().unwrap() * 131_072.0 / GIB as f64;
    near("saves_month", "low", bytes("older") * 0.30 - billed * 0.008);
    near("moving_once", "high", both * 0.03);
    near("reading_month", "high", both * 0.003);

    world.aws.lifecycle(FILE_SYSTEM, &[["TransitionToIA", "AFTER_1_DAY"]]);
    let report = printed(&world.scan(args));
    assert_eq!(report["file_system"]["lifecycle"]["to_ia_days"], 1);
    assert_eq!(report["file_system"]["tiering"], Value::Null);
    let said = "to Infrequent Access after 1 d without access, to Archive never";
    assert!(table(&world).contains(said), "{}", table(&world));
    let archive = ["TransitionToArchive", "AFTER_270_DAYS"];
    world
        .aws
        .lifecycle(FILE_SYSTEM, &[archive, ["TransitionToPrimaryStorageClass", "AFTER_1_ACCESS"]]);
    let report = printed(&world.scan(args));
    let only = serde_json::json!({ "to_ia_days": null, "to_archive_days": 270 });
    assert_eq!(report["file_system"]["lifecycle"], only);
    assert!(world.aws.violations().is_empty(), "{:?}", world.aws.violations());
}

#[test]
fn a_scan_without_permission_for_the_lifecycle_continues_with_a_warning() {
    let world = world();
    let denied = Fault::new("EFS", "DescribeLifecycleConfiguration", What::Denied);
    world.aws.fault(denied.always());
    let output = world.scan(["--file-system-id", FILE_SYSTEM]);
    assert_eq!(code(&output), Some(0), "{}", stderr(&output));
    let warned = "elasticfilesystem:DescribeLifecycleConfiguration";
    assert!(stderr(&output).contains(warned), "{}", stderr(&output));
    let known = &printed(&output)["file_system"];
    assert_eq!(known["lifecycle"], Value::Null);
    assert_eq!(known["efs"]["value"], 100 * GIB);
}
