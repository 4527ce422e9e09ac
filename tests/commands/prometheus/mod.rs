//! `--format prometheus`: its content, and its acceptance by promtool and node_exporter for any
//! names of homes.

mod exporter;

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

use crate::cli::village::Village;
use efs_scan::report::{Coverage, OUTSIDE_HOMES, Report, prometheus};
use efs_scan::text::{lossy, printable};
use efs_scan_testbed::*;
use proptest::prelude::*;

/// Names of homes that could break a line or be mistaken for another home.
const NAMES: &[&[u8]] = &[
    ODD_NAME,
    b"a\xff",
    b"a\xfe",
    "a\u{fffd}".as_bytes(),
    b"a\\xff",
    b"a\\",
    b"\"} 1\nefs_scan_errors 7",
    b"<script>alert(1)<",
    OUTSIDE_HOMES.as_bytes(),
    "\u{202e}x \u{1f4a9}".as_bytes(),
    b" ",
];

/// Parses metrics by series. A series must not occur twice, and a family has one header.
fn series(text: &str) -> BTreeMap<String, f64> {
    let mut all = BTreeMap::new();
    let (mut family, mut families) = (String::new(), BTreeSet::new());
    for line in text.lines() {
        if let Some(help) = line.strip_prefix("# HELP ") {
            family = help.split_once(' ').unwrap().0.to_owned();
            assert!(families.insert(family.clone()), "{family} comes twice");
        } else if let Some(kind) = line.strip_prefix("# TYPE ") {
            assert_eq!(kind, format!("{family} gauge"));
        } else {
            let (labelled, value) = line.rsplit_once(' ').unwrap();
            assert!(labelled.starts_with(&format!("{family}{{")), "{line} below {family}");
            let earlier = all.insert(labelled.to_owned(), value.parse().unwrap());
            assert_eq!(earlier, None, "{labelled} comes twice");
        }
    }
    all
}

/// Runs promtool, which also checks names of metrics.
fn promtool(text: &[u8], what: &str) {
    let mut command = Command::new("promtool");
    command.args(["check", "metrics"]).stdin(Stdio::piped());
    let Ok(mut child) = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn() else {
        skip_unless(false, &format!("promtool on {what}"), "promtool is not here");
        return;
    };
    child.stdin.take().unwrap().write_all(text).unwrap();
    let output = child.wait_with_output().unwrap();
    let said = [output.stdout, output.stderr].concat();
    assert!(output.status.success() && said.is_empty(), "{}", String::from_utf8_lossy(&said));
}

/// Makes a tree with a home of each name; returns it with its report.
fn hostile() -> (tempfile::TempDir, Report) {
    let tree = scratch();
    let root = raw(tree.path(), b"root\xff\"");
    for (at, name) in NAMES.iter().enumerate() {
        file(&raw(&root, name), "file", 5000 * (at + 1));
    }
    let bytes = scanned(&root, "json");
    (tree, serde_json::from_slice(&bytes).unwrap())
}

fn scanned(root: &Path, format: &str) -> Vec<u8> {
    let mut command = efs_scan();
    command.arg(root).args(["--quiet", "--format", format]);
    let output = watched(&mut command, std::time::Duration::from_secs(60));
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    output.stdout
}

#[test]
fn the_metrics_of_a_village() {
    let village = Village::new();
    let config = village.dir.path().join("prices.toml");
    std::fs::write(&config, "[prices]\nstandard = 1.0\n").unwrap();
    let args = ["--quota", "200KiB", "--name=prod", "--format", "prometheus", "--config"];
    let text = village.shown(&[&args[..], &[config.to_str().unwrap()]].concat());
    promtool(text.as_bytes(), "metrics of a village");
    series(&text);
    // Like the snapshots of tests/commands/cli, only where sizes and owners are the same.
    if !like_the_snapshots() {
        return;
    }
    let mut neutral = String::new();
    for line in text.lines() {
        let (labelled, value) = line.rsplit_once(' ').unwrap();
        let differs = ["_timestamp_seconds{", "_duration_seconds{"];
        let differs = differs.iter().any(|part| labelled.contains(part));
        let version = format!("version=\"{}\"", env!("CARGO_PKG_VERSION"));
        let labelled = labelled.replace(&version, "version=\"[VERSION]\"");
        neutral += &format!("{labelled} {}\n", if differs { "[TIME]" } else { value });
    }
    insta::assert_snapshot!("village", neutral);
}

fn like_the_snapshots() -> bool {
    use std::os::unix::fs::MetadataExt;
    let probe = scratch();
    file(probe.path(), "file", 1);
    let blocks = |path: &str| probe.path().join(path).metadata().unwrap().blocks();
    let able = is_root() && blocks(".") == 8 && blocks("file") == 8;
    skip_unless(able, "snapshot of metrics", "not root, or no blocks of 4 KiB as ext4 has")
}

fn metrics(report: &Report) -> String {
    let mut text = Vec::new();
    prometheus(report, &mut text).unwrap();
    String::from_utf8(text).unwrap()
}

#[test]
fn hostile_names_are_separate_homes() {
    let (tree, report) = hostile();
    let root = raw(tree.path(), b"root\xff\"");
    let text = String::from_utf8(scanned(&root, "prometheus")).unwrap();
    promtool(text.as_bytes(), "metrics of homes with hostile names");
    let all = series(&text);
    let sizes: Vec<_> =
        all.iter().filter(|(key, _)| key.starts_with("efs_scan_home_allocated_bytes{")).collect();
    assert_eq!(sizes.len(), NAMES.len() + 1, "{text}");
    for home in report.homes.iter() {
        let name = home
            .name_base64
            .as_ref()
            .map_or(home.name.clone().into_bytes(), |raw| efs_scan::text::bytes_of("", Some(raw)));
        let label = printable(&name).replace('\\', "\\\\").replace('"', "\\\"");
        let label = format!("home=\"{label}\",kind=\"{}\"", home.kind.name());
        let mine: Vec<_> = sizes.iter().filter(|(key, _)| key.contains(&label)).collect();
        assert_eq!(mine.len(), 1, "{label}");
        assert_eq!(*mine[0].1, home.usage.allocated_bytes.0 as f64, "{label}");
    }
    exporter::takes(&text, all.len());
}

#[test]
fn incomplete_figures_are_left_out_with_a_message() {
    let (_tree, mut report) = hostile();
    let has = |report: &Report, start: &str| {
        let text = metrics(report);
        promtool(text.as_bytes(), "metrics of a partial run");
        let found = series(&text).into_iter().filter(|(key, _)| key.starts_with(start));
        found.map(|(_, value)| value).collect::<Vec<_>>()
    };
    let homes = report.homes.len();
    report.run.coverage = Coverage::Partial;
    report.homes.change(0, |home| {
        home.coverage = Coverage::Partial;
        home.errors = 3;
    });
    report.errors.count = 3;
    assert!(has(&report, "efs_scan_allocated_bytes").is_empty());
    assert_eq!(has(&report, "efs_scan_errors"), [3.0]);
    assert_eq!(has(&report, "efs_scan_home_allocated_bytes").len(), homes - 1);
    assert_eq!(has(&report, "efs_scan_home_class_allocated_bytes").len(), 6 * (homes - 1));
    let complete = has(&report, "efs_scan_home_complete");
    assert_eq!((complete.len(), complete.iter().sum::<f64>()), (homes, (homes - 1) as f64));
    // A home whose known part is over the quota is over the quota; one whose known part is below
    // the quota is unknown.
    let quota = efs_scan::report::Quota {
        limit_bytes: efs_scan::units::AllocatedBytes(1),
        used_percent: 100.0,
        over: true,
    };
    report.homes.change(0, |home| home.quota = Some(quota));
    assert_eq!(has(&report, "efs_scan_home_over_quota"), [1.0]);
    let under = efs_scan::report::Quota { over: false, ..quota };
    report.homes.change(0, |home| home.quota = Some(under));
    assert!(has(&report, "efs_scan_home_over_quota").is_empty());
    assert_eq!(has(&report, "efs_scan_home_quota_bytes"), [1.0]);
    // Without a price there are no amounts.
    let text = metrics(&report);
    assert!(!text.contains("usd") && !text.contains("reclaimable"), "{text}");
    // A selection of homes is not the whole file system.
    report.run.coverage = Coverage::Complete;
    assert_eq!(has(&report, "efs_scan_allocated_bytes").len(), 1);
    report.run.users = vec!["alice".to_owned()];
    assert!(has(&report, "efs_scan_allocated_bytes").is_empty());
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 40, failure_persistence: None, ..Default::default()
    })]

    #[test]
    fn no_two_homes_share_a_series(
        names in prop::collection::btree_set(
            prop_oneof![
                prop::collection::vec(any::<u8>(), 1..5),
                prop::collection::vec(prop::sample::select(b"\\x\xfe\xffu{}\n\"".to_vec()), 1..6),
            ],
            1..20,
        )
    ) {
        let tree = scratch();
        file(tree.path(), "x/file", 10);
        let mut report: Report = serde_json::from_slice(&scanned(tree.path(), "json")).unwrap();
        let model = report.homes.get(0).unwrap();
        report.homes = names.iter().map(|name| {
            let (name, name_base64) = lossy(name);
            efs_scan::report::HomeReport { name, name_base64, ..model.clone() }
        }).collect();
        let text = metrics(&report);
        let all = series(&text);
        let sizes = all.keys().filter(|key| key.starts_with("efs_scan_home_metered_bytes{"));
        prop_assert_eq!(sizes.count(), names.len());
        // Bounded for any contents of a home.
        let of_homes = all.keys().filter(|key| key.starts_with("efs_scan_home_")).count();
        prop_assert!(of_homes <= 19 * names.len());
    }
}
