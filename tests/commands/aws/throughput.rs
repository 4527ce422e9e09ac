//! EFS's throughput mode and its metrics, and the estimate of what each mode would cost.

use super::*;
use efs_scan_testbed::aws::{Fault, What};
use std::time::SystemTime;

const GIB: u64 = 1 << 30;
const MIB: f64 = (1u64 << 20) as f64;
const PERIOD: i64 = 300;

/// A file system of 100 GiB, with metrics of the week before: 60 MiB/s are metered for 10 minutes of each
/// day, and thrice as much is transferred.
fn world() -> World {
    let world = World::new();
    let value = 100 * GIB;
    let sizes = Sizes { value, standard: value, ia: 0, archive: 0, at_epoch_seconds: 1.0 };
    world.aws.file_system(FILE_SYSTEM, sizes);
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap().as_secs() as i64;
    let now = now - now % 60;
    // CloudWatch has minutes; more than a week of them.
    let minutes = || (1..8 * 1440).map(|minute| now - minute * 60).rev();
    let is_busy = |at: &i64| at.rem_euclid(86_400) < 600;
    let sums = |rate: f64| minutes().filter(is_busy).map(|at| (at, rate * 60.0)).collect();
    world.aws.efs_metric(FILE_SYSTEM, "MeteredIOBytes", sums(60.0 * MIB));
    world.aws.efs_metric(FILE_SYSTEM, "TotalIOBytes", sums(180.0 * MIB));
    let permitted = minutes().map(|at| (at, 100.0 * MIB)).collect();
    world.aws.efs_metric(FILE_SYSTEM, "PermittedThroughput", permitted);
    let credits = minutes().map(|at| (at, if is_busy(&at) { 7e9 } else { 9e9 })).collect();
    world.aws.efs_metric(FILE_SYSTEM, "BurstCreditBalance", credits);
    // Not this one's.
    let others = minutes().map(|at| (at, 1e15)).collect();
    world.aws.efs_metric("fs-00000000", "TotalIOBytes", others);
    world
}

fn scan(world: &World) -> Value {
    let output = world.scan(["--file-system-id", FILE_SYSTEM]);
    assert_eq!(code(&output), Some(0), "{}", stderr(&output));
    assert_eq!(stderr(&output).lines().count(), 1, "{}", stderr(&output));
    assert!(world.aws.violations().is_empty(), "{:?}", world.aws.violations());
    printed(&output)["file_system"]["throughput"].clone()
}

fn table(world: &World) -> String {
    let mut command = world.command();
    command.arg(world.root()).args(["--file-system-id", FILE_SYSTEM]);
    String::from_utf8(watched(&mut command, Duration::from_secs(60)).stdout).unwrap()
}

#[test]
fn a_week_of_metrics_gives_an_estimate_for_each_mode() {
    let world = world();
    // Pages of an answer, too.
    world.aws.page_size(1000);
    let it = scan(&world);
    assert_eq!(it["mode"], "elastic");
    let it = &it["estimate"];
    let near = |pointer: &str, wanted: f64| {
        let is = it.pointer(pointer).unwrap().as_f64().unwrap();
        assert!((is - wanted).abs() < wanted * 1e-6, "{pointer}: {is} is not {wanted}");
    };
    near("/days", 7.0);
    near("/peak", 60.0 * MIB);
    // The week ends some minutes ago, so it has seven busy times of 10 minutes, or a part of one at each
    // end: as many busy periods in all.
    near("/mean", 60.0 * MIB * 600.0 / 86_400.0);
    near("/total_bytes", 7.0 * 600.0 * 180.0 * MIB);
    let month = 7.0 * 600.0 * 180.0 / 1024.0 / 7.0 * 730.0 / 24.0;
    near("/elastic_month/low", month * 0.03);
    near("/elastic_month/high", month * 0.06);
    // 100 GiB include 4.88 MiB/s.
    near("/provisioned_month/high", (60.0 - 100.0 * 50.0 / 1024.0) * 6.0);
    assert_eq!(it["bursting_suffices"], true);
    let text = table(&world);
    assert!(
        text.contains(&format!("Throughput of {FILE_SYSTEM} (Elastic): 738.3 GiB in 7.0 d")),
        "{text}"
    );
    assert!(text.contains("A month of that: Elastic 96.24 to 192.48 USD, Provisioned"), "{text}");
    assert!(
        text.contains("Look at it: Bursting throughput") && text.contains("An estimate:"),
        "{text}"
    );
}

#[test]
fn prices_of_throughput_come_from_the_configuration() {
    let world = world();
    let config = world.scratch.path().join("efs-scan.toml");
    let prices = "[prices]\nelastic_read = 1.0\nelastic_write = 2.0\nprovisioned = 4.0\n";
    std::fs::write(&config, prices).unwrap();
    let output =
        world.scan(["--config", config.to_str().unwrap(), "--file-system-id", FILE_SYSTEM]);
    let report = printed(&output);
    let it = &report["file_system"]["throughput"]["estimate"];
    let month = 600.0 * 180.0 / 1024.0 * 730.0 / 24.0;
    assert!((it["elastic_month"]["high"].as_f64().unwrap() - month * 2.0).abs() < 0.01, "{it}");
    let provisioned = (60.0 - 100.0 * 50.0 / 1024.0) * 4.0;
    assert!((it["provisioned_month"]["high"].as_f64().unwrap() - provisioned).abs() < 0.01, "{it}");
}

#[test]
fn each_mode_is_told_where_to_look() {
    let world = world();
    world.aws.throughput_mode(FILE_SYSTEM, "bursting", None);
    let it = scan(&world);
    assert_eq!(
        (&it["mode"], &it["estimate"]["credits_low"]),
        (&"bursting".into(), &7_000_000_000_u64.into())
    );
    assert_eq!(it["estimate"]["look_at"], Value::Null);
    world.aws.throughput_mode(FILE_SYSTEM, "provisioned", Some(104.0));
    let it = scan(&world);
    assert_eq!(it["provisioned_mib"], 104.0);
    assert!(table(&world).contains("(Provisioned, 104 MiB/s)"));
    assert!(
        it["estimate"]["look_at"].as_str().unwrap().contains("594.70 USD a month are paid"),
        "{it}"
    );
    // A mode of the future.
    world.aws.throughput_mode(FILE_SYSTEM, "quantum", None);
    assert_eq!(scan(&world), Value::Null);
}

#[test]
fn without_the_permission_there_is_no_advice_and_no_warning() {
    at_once([What::Denied, What::InternalError], |what| {
        let world = world();
        world.aws.fault(Fault::new("CloudWatch", "GetMetricData", what).always());
        let it = scan(&world);
        assert_eq!((&it["mode"], &it["estimate"]), (&"elastic".into(), &Value::Null));
        assert!(!table(&world).contains("Throughput"));
        let output = world.scan(["-vv", "--file-system-id", FILE_SYSTEM]);
        assert!(stderr(&output).contains("the report has no advice on throughput"));
    });
    let world = world();
    world.aws.fault(Fault::new("CloudWatch", "GetMetricData", What::Denied).always());
    let output =
        world.run(["check", "--file-system-id", FILE_SYSTEM, world.root().to_str().unwrap()]);
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let line = text.lines().find(|line| line.contains("throughput")).unwrap();
    assert!(line.contains("ok") && line.contains("cloudwatch:GetMetricData"), "{text}");
}

#[test]
fn figures_of_less_than_a_day_give_no_estimate() {
    let world = world();
    for name in ["MeteredIOBytes", "TotalIOBytes", "PermittedThroughput", "BurstCreditBalance"] {
        let now =
            SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap().as_secs() as i64;
        world.aws.efs_metric(FILE_SYSTEM, name, vec![(now - 12 * 12 * PERIOD, 1e9)]);
    }
    assert_eq!(scan(&world)["estimate"], Value::Null);
    // Nobody asks for a scan of one person's home.
    let output = world.scan(["--file-system-id", FILE_SYSTEM, "--user", "200005"]);
    assert_eq!(printed(&output)["file_system"]["throughput"], Value::Null);
}
