//! The module's alarms. Scans of the real program make them fire and recover in ministack, and,
//! because ministack evaluates an alarm only when a value arrives, in virtual time.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt;
use std::process::{Command, Output};
use std::time::{Duration, Instant};

use aws_sdk_cloudwatch::config::{BehaviorVersion, Credentials, Region};
use aws_sdk_cloudwatch::types::{ComparisonOperator, Dimension, StateValue, Statistic};
use serde_json::Value;
use tokio::runtime::{Builder, Runtime};

use super::clockwork::{Alarm, DAY, HOUR, State, daily};
use super::deployed::Deployed;
use efs_scan_testbed::aws::{REGION, Sizes, Stub};
use efs_scan_testbed::*;

/// Metrics that have an alarm.
const WATCHED: [&str; 7] = [
    "GroupsOverQuota",
    "HomesOverQuota",
    "MaxQuotaPercent",
    "MeteredBytes",
    "MeteredDifferencePercent",
    "QuotaPercent",
    "ScanComplete",
];

/// Number of periods that CloudWatch may look at beyond those it needs.
const MORE: [usize; 3] = [0, 1, 5];

fn metric(values: &Value) -> &str {
    values["metric_name"].as_str().unwrap()
}

fn by_metric(module: &Deployed) -> BTreeMap<&str, Vec<&Value>> {
    let mut all: BTreeMap<&str, Vec<&Value>> = BTreeMap::new();
    for values in module.alarms() {
        all.entry(metric(values)).or_default().push(values);
    }
    all
}

#[test]
fn every_alarm_uses_a_metric_of_the_program_and_notifies() {
    let Some(module) = Deployed::get() else { return };
    let all = by_metric(module);
    assert_eq!(all.keys().copied().collect::<Vec<_>>(), WATCHED);
    for values in all.values().flatten() {
        let metric = metric(values);
        assert_eq!(values["namespace"], module.namespace());
        let dimensions = values["dimensions"].as_object().unwrap();
        assert_eq!(dimensions["FileSystemId"], module.file_system(), "{metric}");
        let names: BTreeSet<&str> = dimensions.keys().map(String::as_str).collect();
        let more = match (metric, dimensions.contains_key("Group")) {
            ("QuotaPercent", false) => Some("User"),
            ("QuotaPercent", true) => Some("Group"),
            _ => None,
        };
        assert_eq!(names, ["FileSystemId"].into_iter().chain(more).collect(), "{metric}");
        for actions in ["alarm_actions", "ok_actions"] {
            assert_eq!(values[actions], serde_json::json!([module.topic().0]), "{metric}");
        }
        // Period x periods (CloudWatch API reference, PutMetricAlarm).
        let span =
            values["period"].as_i64().unwrap() * values["evaluation_periods"].as_i64().unwrap();
        assert!(span <= 7 * DAY, "{metric}: {span} s");
        assert!(!values["alarm_description"].as_str().unwrap().is_empty(), "{metric}");
    }
    let of = |dimension: &str| -> BTreeSet<&str> {
        let quotas = all["QuotaPercent"].iter();
        quotas.filter_map(|values| values["dimensions"][dimension].as_str()).collect()
    };
    let wanted = module.users();
    assert_eq!(of("User"), wanted.iter().map(String::as_str).collect());
    assert_eq!(of("Group"), BTreeSet::from(["physics"]));
}

/// Returns a value beyond the alarm's threshold, and one within it.
fn sides(values: &Value) -> (f64, f64) {
    let threshold = values["threshold"].as_f64().unwrap();
    match metric(values) {
        "ScanComplete" => (0.0, 1.0),
        _ => (threshold * 1.5 + 1.0, threshold / 2.0),
    }
}

/// Alarms on the size, on quotas and on the difference from EFS, which change once a day.
#[test]
fn alarms_on_daily_values_hold_until_the_next_scan() {
    let Some(module) = Deployed::get() else { return };
    for values in module.alarms().into_iter().filter(|values| metric(values) != "ScanComplete") {
        let (alarm, name) = (Alarm::of(values), metric(values));
        let (bad, good) = sides(values);
        let scans = daily(14);
        let points = |bad_days: &[usize], without: &[usize]| -> Vec<(i64, f64)> {
            let days = scans.iter().enumerate().filter(|(day, _)| !without.contains(day));
            days.map(|(day, at)| (*at, if bad_days.contains(&day) { bad } else { good })).collect()
        };
        for more in MORE {
            let changes = |points: &[(i64, f64)]| alarm.changes(points, 14 * DAY, more);
            // The first day: no alarm before the first scan.
            let quiet = changes(&points(&[], &[]));
            assert_eq!(quiet.len(), 1, "{name}: {quiet:?}");
            assert_eq!(quiet[0].1, State::Ok);
            assert!((scans[0]..scans[0] + HOUR).contains(&quiet[0].0), "{name}: {quiet:?}");
            // A bad day: the alarm fires at once and ends with the next good scan, at the latest
            // when the bad one is a day old.
            let bad_day = changes(&points(&[5], &[]));
            let [_, (fired, State::Alarm), (over, State::Ok), ref more_of_it @ ..] = bad_day[..]
            else {
                panic!("{name}: {bad_day:?}")
            };
            assert!((scans[5]..scans[5] + 600).contains(&fired), "{name}: {bad_day:?}");
            let latest = scans[6].max(scans[5] + DAY) + 600;
            assert!((scans[6]..latest).contains(&over), "{name}: {bad_day:?}");
            // If CloudWatch also looks at the day before, and a scan is later than the one of the
            // day before, it may see the bad one again for the time between.
            if let [(again, State::Alarm), (over, State::Ok)] = more_of_it[..] {
                assert!(more > 0 && over - again < HOUR, "{name}: {bad_day:?}");
                assert!(over < scans[7] + 600, "{name}: {bad_day:?}");
            } else {
                assert!(more_of_it.is_empty(), "{name}: {bad_day:?}");
            }
            // Three days without a scan, and a late one: the state stays, good or bad.
            let silent = changes(&points(&[], &[5, 6, 7]));
            assert_eq!(silent.len(), 1, "{name}: {silent:?}");
            let bad_and_silent = changes(&points(&[5], &[6, 7, 8]));
            let [_, (_, State::Alarm), (over, State::Ok)] = bad_and_silent[..] else {
                panic!("{name}: {bad_and_silent:?}")
            };
            assert!((scans[9]..scans[9] + 600).contains(&over), "{name}: {bad_and_silent:?}");
        }
    }
}

/// "No successful scan for 30 h".
#[test]
fn an_alarm_fires_if_no_scan_succeeds_for_thirty_hours() {
    let Some(module) = Deployed::get() else { return };
    let alarms = by_metric(module);
    let [values] = alarms["ScanComplete"][..] else { panic!("{:?}", alarms["ScanComplete"]) };
    let alarm = Alarm::of(values);
    let scans = daily(14);
    for more in MORE {
        // It is evaluated once an hour.
        let slack = HOUR * i64::try_from(more).unwrap() + HOUR;
        let seen = HOUR + 300;
        let changes = |points: &[(i64, f64)]| alarm.changes(points, 14 * DAY, more);
        let complete = |at: &i64| (*at, 1.0);
        // The first day: it fires at once and ends with the first scan; afterwards never, although
        // scans are not exactly a day apart.
        let regular: Vec<_> = scans.iter().map(complete).collect();
        let [(first, State::Alarm), (over, State::Ok)] = changes(&regular)[..] else {
            panic!("{:?}", changes(&regular))
        };
        assert!(first == 0 && (scans[0]..scans[0] + seen).contains(&over));
        // A scan that is five hours late raises no alarm.
        let delay = |at: i64| if at == scans[5] { 5 * HOUR } else { 0 };
        let late: Vec<_> = regular.iter().map(|(at, value)| (at + delay(*at), *value)).collect();
        assert_eq!(changes(&late).len(), 2, "{:?}", changes(&late));
        // A missing scan does, thirty hours after the last one, until the next.
        let missed: Vec<_> = regular.iter().filter(|(at, _)| *at != scans[5]).copied().collect();
        let failed: Vec<_> = regular
            .iter()
            .map(|(at, value)| (*at, if *at == scans[5] { 0.0 } else { *value }))
            .collect();
        for (what, points) in [("missed", missed), ("partial", failed)] {
            let all = changes(&points);
            let [_, _, (fired, State::Alarm), (over, State::Ok)] = all[..] else {
                panic!("{what}: {all:?}")
            };
            let earliest = scans[4] + 29 * HOUR;
            assert!((earliest..scans[4] + 30 * HOUR + slack).contains(&fired), "{what}: {all:?}");
            assert!((scans[6]..scans[6] + seen).contains(&over), "{what}: {all:?}");
        }
        // A complete run, and an incomplete one within the same hour: somebody retried too early.
        let mut twice = regular.clone();
        twice.push((scans[5] + 600, 0.0));
        assert_eq!(changes(&twice).len(), 2, "{:?}", changes(&twice));
    }
}

/// Ministack with the module's alarms, with seconds in place of hours.
struct Ministack {
    url: String,
    runtime: Runtime,
    client: aws_sdk_cloudwatch::Client,
}

/// Seconds of an alarm's period that become one second in the test.
const SCALE: i64 = 3600;

impl Ministack {
    fn start() -> Option<Self> {
        let url = std::env::var("EFS_SCAN_TEST_MINISTACK").ok();
        let what = "the module's alarms in ministack";
        if !skip_unless(url.is_some(), what, "tests/aws-servers starts the server for it") {
            return None;
        }
        let url = url.unwrap();
        let config = aws_sdk_cloudwatch::Config::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::new(REGION))
            .endpoint_url(&url)
            .credentials_provider(Credentials::new("test", "test", None, None, "test"))
            .build();
        let runtime = Builder::new_current_thread().enable_all().build().unwrap();
        Some(Self { url, runtime, client: aws_sdk_cloudwatch::Client::from_conf(config) })
    }

    /// Creates the alarm as the module defines it, except for its clock and its actions, whose
    /// topic does not exist here.
    fn put(&self, values: &Value) {
        let text = |key: &str| values[key].as_str().unwrap();
        let number = |key: &str| i32::try_from(values[key].as_i64().unwrap()).unwrap();
        let dimensions = values["dimensions"].as_object().unwrap().iter();
        let dimensions = dimensions.map(|(name, value)| {
            Dimension::builder().name(name).value(value.as_str().unwrap()).build()
        });
        let call = self
            .client
            .put_metric_alarm()
            .alarm_name(text("alarm_name"))
            .namespace(text("namespace"))
            .metric_name(text("metric_name"))
            .set_dimensions(Some(dimensions.collect()))
            .statistic(Statistic::from(text("statistic")))
            .period(number("period") / i32::try_from(SCALE).unwrap())
            .evaluation_periods(number("evaluation_periods"))
            .datapoints_to_alarm(number("datapoints_to_alarm"))
            .threshold(values["threshold"].as_f64().unwrap())
            .comparison_operator(ComparisonOperator::from(text("comparison_operator")))
            .treat_missing_data(text("treat_missing_data"));
        self.runtime.block_on(call.send()).unwrap();
    }

    /// Returns the metrics all of whose alarms are in a state, by state.
    fn states<'a>(&self, module: &'a Deployed) -> BTreeMap<String, BTreeSet<&'a str>> {
        let mut states: BTreeMap<String, BTreeSet<&str>> = BTreeMap::new();
        for values in module.alarms() {
            let name = values["alarm_name"].as_str().unwrap();
            let asked = self.client.describe_alarms().alarm_names(name).send();
            let answer = self.runtime.block_on(asked).unwrap();
            let state = answer.metric_alarms()[0].state_value().map_or("", StateValue::as_str);
            states.entry(state.to_owned()).or_default().insert(metric(values));
        }
        states
    }
}

/// Permissions of the program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Rights {
    /// The access that file modes give the owner, even root.
    Owner,
    All,
}

/// The homes of the module's users, the program, and the size that EFS reports.
struct Monitor<'a> {
    module: &'a Deployed,
    scratch: tempfile::TempDir,
    efs: Stub,
    ministack: &'a Ministack,
}

impl Monitor<'_> {
    /// Makes homes of that total size, allocated without being written.
    fn fill(&self, bytes: u64) {
        for (at, _) in self.module.users().iter().enumerate() {
            let home = self.scratch.path().join(format!("efs/{}", 200_005 + at));
            std::fs::create_dir_all(&home).unwrap();
            let file = std::fs::File::create(home.join("data")).unwrap();
            let share = bytes / self.module.users().len() as u64;
            if share > 0 {
                use rustix::fs::{FallocateFlags, fallocate};
                fallocate(&file, FallocateFlags::empty(), 0, share).unwrap();
            }
        }
    }

    /// Scans with the configuration that the module writes to the instance, with other paths.
    fn scan(&self, metered_by_efs: u64, rights: Rights) -> Output {
        let value = metered_by_efs;
        let sizes = Sizes { value, standard: value, ia: 0, archive: 0, at_epoch_seconds: 1.0 };
        self.efs.file_system(self.module.file_system(), sizes);
        let path = |name: &str| self.scratch.path().join(name);
        let mut names = csv::Writer::from_path(path("names.csv")).unwrap();
        names.write_record(["uid", "name", "group"]).unwrap();
        for (uid, name) in (200_005..).zip(self.module.users()) {
            names.write_record([uid.to_string(), name, "physics".to_owned()]).unwrap();
        }
        names.flush().unwrap();
        std::fs::write(path("efs-scan.toml"), self.module.configuration()).unwrap();
        let program = env!("CARGO_BIN_EXE_efs-scan");
        let mut command = match rights {
            Rights::Owner if is_root() => {
                let mut command = Command::new("setpriv");
                command.args(["--bounding-set=-dac_override,-dac_read_search", program]);
                command
            }
            _ => Command::new(program),
        };
        self.efs.env(&mut command);
        command.env("AWS_ENDPOINT_URL_CLOUDWATCH", &self.ministack.url);
        command.arg("--config").arg(path("efs-scan.toml")).arg(path("efs"));
        command.arg("--names").arg(format!("csv:{}", path("names.csv").display()));
        command.arg("--state-dir").arg(path("state")).args(["--format", "json"]);
        // The test's homes are not a mount.
        command.arg("--require-mount=false");
        watched(&mut command, Duration::from_secs(120))
    }
}

fn all_but(metric: &str) -> BTreeSet<&'static str> {
    WATCHED.into_iter().filter(|watched| *watched != metric).collect()
}

/// The module's quotas and budget on homes that are first too large and then are not.
#[test]
fn alarms_fire_and_recover_by_scans_of_the_real_program() {
    let Some(module) = Deployed::get() else { return };
    let Some(ministack) = Ministack::start() else { return };
    let why =
        "ministack looks at states only here; AWS's own way to a mailbox is not on this machine";
    skip_unless(false, "what the module's alarms send", why);
    let why = "ministack looks at an alarm when a value arrives: silence is judged in virtual time";
    skip_unless(false, "the dead man's alarm in ministack without any scan", why);
    let monitor = Monitor { module, scratch: scratch(), efs: Stub::start(), ministack: &ministack };
    monitor.efs.create_bucket(module.bucket_and_prefix().0);
    monitor.efs.topic(module.topic().1);
    let all = by_metric(module);
    let budget = all["MeteredBytes"][0]["threshold"].as_f64().unwrap() as u64;
    module.alarms().into_iter().for_each(|values| ministack.put(values));

    // Everything that can be wrong at once: over budget, over every quota, far from EFS's size, and
    // a file that root cannot read.
    monitor.fill(budget + budget / 2 + (1 << 20));
    let locked = monitor.scratch.path().join("efs/200005/locked");
    std::fs::create_dir(&locked).unwrap();
    std::fs::set_permissions(&locked, Permissions::from_mode(0o000)).unwrap();
    let output = monitor.scan(budget * 4, Rights::Owner);
    let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(3), "{stderr}");
    // The scan was too incomplete to raise or end any other alarm, except for users whose homes it
    // read.
    let partial = ministack.states(module);
    assert_eq!(partial["ALARM"], BTreeSet::from(["QuotaPercent", "ScanComplete"]), "{partial:?}");
    std::fs::remove_dir(&locked).unwrap();
    let output = monitor.scan(budget * 4, Rights::All);
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    let bad = ministack.states(module);
    assert_eq!(bad["ALARM"], all_but("ScanComplete"), "{bad:?}");

    // After the clean-up: "a day later" is when the bad values are older than the alarms look back.
    monitor.fill(0);
    let day = Duration::from_secs(u64::try_from(DAY / SCALE).unwrap());
    let started = Instant::now();
    while started.elapsed() < day + Duration::from_secs(2) {
        std::thread::sleep(Duration::from_millis(200));
    }
    std::fs::create_dir(&locked).unwrap();
    std::fs::set_permissions(&locked, Permissions::from_mode(0o000)).unwrap();
    assert_eq!(monitor.scan(budget * 4, Rights::Owner).status.code(), Some(3));
    std::fs::remove_dir(&locked).unwrap();
    let after = ministack.states(module);
    let totals = WATCHED.into_iter().filter(|it| !["QuotaPercent", "ScanComplete"].contains(it));
    for metric in totals {
        assert!(after["ALARM"].contains(metric), "a partial scan ends no alarm: {after:?}");
    }
    let report = monitor.scan(1 << 40, Rights::All);
    let report: Value = serde_json::from_slice(&report.stdout).unwrap();
    let metered = report["totals"]["metered_bytes"].as_u64().unwrap();
    let output = monitor.scan(metered, Rights::All);
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    let started = Instant::now();
    loop {
        let good = ministack.states(module);
        if good.keys().collect::<Vec<_>>() == ["OK"] {
            break;
        }
        assert!(started.elapsed() < 2 * day, "{good:?}");
        std::thread::sleep(Duration::from_secs(1));
        monitor.scan(metered, Rights::All);
    }
}
