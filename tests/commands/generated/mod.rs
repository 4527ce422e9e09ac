//! Generated files in the repository (man page, completions, JSON Schema) match what the program
//! generates, and reports conform to the schema.
//!
//! After an intended change: `UPDATE=1 cargo test --test commands generated`, then read the
//! difference.

mod schema;

use std::collections::BTreeSet;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use efs_scan::aws::{EfsLifecycle, EfsSize, EfsThroughput, EfsTraffic, MemberKind, ThroughputMode};
use efs_scan::report::{
    ClockFault, Coverage, DirectoryOwner, FileSystemKey, GrownHome, GrownPlace, Growth, GrowthBase,
    NfsTraffic, Prices, Report, ScannedPart, StudioMember,
};
use efs_scan::scan::{Costly, Traffic};
use efs_scan::units::{AllocatedBytes, MeteredBytes, VolumeBytes};
use efs_scan_testbed::*;
use rustix::fs::{Mode, OFlags};
use schema::Schema;
use serde_json::{Value, json};

/// Files below `deploy/generated`, and the arguments of `efs-scan generate` that make them.
const GENERATED: &[(&str, &[&str])] = &[
    ("efs-scan.1", &["man"]),
    ("report.schema.json", &["schema"]),
    ("changes.schema.json", &["changes-schema"]),
    ("completions/efs-scan.bash", &["completions", "bash"]),
    ("completions/efs-scan.zsh", &["completions", "zsh"]),
    ("completions/efs-scan.fish", &["completions", "fish"]),
];

fn kept(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("deploy/generated").join(path)
}

fn generated(what: &[&str], variables: &[(&str, &str)]) -> Vec<u8> {
    let mut command = efs_scan();
    command.arg("generate").args(what).envs(variables.iter().copied());
    let output = watched(&mut command, Duration::from_secs(60));
    assert_eq!(output.status.code(), Some(0));
    assert!(output.stderr.is_empty());
    output.stdout
}

#[test]
fn files_in_the_repository_are_what_the_program_generates() {
    let update = std::env::var_os("UPDATE").is_some();
    for (path, what) in GENERATED {
        let fresh = generated(what, &[]);
        if update {
            std::fs::create_dir_all(kept(path).parent().unwrap()).unwrap();
            std::fs::write(kept(path), &fresh).unwrap();
        }
        let old = std::fs::read(kept(path)).unwrap_or_default();
        assert!(
            old == fresh,
            "deploy/generated/{path} is not what `efs-scan generate {}` prints; \
             `UPDATE=1 cargo test --test commands generated` writes it anew",
            what.join(" ")
        );
    }
    // Other files are not allowed, because nobody would keep them up to date.
    let mut files = 0;
    for dir in [kept(""), kept("completions")] {
        let entries = std::fs::read_dir(dir).unwrap().map(Result::unwrap);
        files += entries.filter(|entry| entry.path().is_file()).count();
    }
    assert_eq!(files, GENERATED.len());
}

#[test]
fn generated_files_do_not_depend_on_the_environment() {
    let variables = [
        ("EFS_SCAN_ROOT", "/secret"),
        ("EFS_SCAN_QUOTA", "1GiB"),
        ("COLUMNS", "40"),
        ("LANG", "de_DE.UTF-8"),
        ("HOME", "/nowhere"),
    ];
    for (path, what) in GENERATED {
        assert_eq!(generated(what, &variables), generated(what, &[]), "{path}");
    }
}

#[test]
fn the_tools_that_read_generated_files_report_nothing() {
    let dir = scratch();
    let readers: &[(&str, &[&str], &[&str])] = &[
        ("bash", &["-n"], &["completions", "bash"]),
        ("zsh", &["-n"], &["completions", "zsh"]),
        ("fish", &["-n"], &["completions", "fish"]),
        ("groff", &["-man", "-Tutf8", "-ww", "-z"], &["man"]),
    ];
    for (reader, args, what) in readers {
        let path = dir.path().join(reader);
        std::fs::write(&path, generated(what, &[])).unwrap();
        let output = Command::new(reader).args(*args).arg(&path).output();
        if let Ok(output) = output {
            let said = String::from_utf8_lossy(&output.stderr);
            let silent = output.status.success() && said.is_empty();
            assert!(silent, "{reader}: {said}");
        } else {
            let what = format!("generated {}", what.join(" "));
            skip_unless(false, &what, &format!("{reader} is not here"));
        }
    }
}

#[test]
fn the_man_page_has_the_text_of_the_help() {
    let page = String::from_utf8(generated(&["man"], &[])).unwrap();
    let page = page.replace("\\-", "-");
    let help = String::from_utf8(run(["--help"]).stdout).unwrap();
    let words = help.split(|c: char| !c.is_alphanumeric() && c != '-' && c != '_');
    let names = words.filter(|word| word.starts_with("--") || word.starts_with("EFS_SCAN_"));
    let missing: BTreeSet<_> = names.filter(|name| !page.contains(*name)).collect();
    assert!(missing.is_empty(), "the man page does not have {missing:?}");
    assert!(page.contains("Exit codes"));
}

/// `generate` is for packagers and hidden; no shell completes it.
#[test]
fn completions_offer_what_the_help_offers() {
    for shell in ["bash", "zsh", "fish"] {
        let completions = generated(&["completions", shell], &[]);
        let completions = String::from_utf8(completions).unwrap();
        for offered in ["config", "home-depth", "log-format"] {
            assert!(completions.contains(offered), "{shell}: {offered}");
        }
        let hidden = completions.lines().find(|line| line.contains("generate"));
        assert_eq!(hidden, None, "{shell}");
    }
}

/// Makes a report with everything that the schema describes.
fn rich_report() -> (tempfile::TempDir, Vec<u8>) {
    let dir = scratch();
    let root = raw(dir.path(), b"root\xff");
    file(&root, raw(Path::new("200005/.cache/pip"), ODD_NAME), 5000);
    file(&root, raw(Path::new("200005/p"), b"\xff/__pycache__/a.pyc"), 5000);
    file(&root, raw(Path::new("200005/p"), b"\xff/a.py"), 1000);
    file(&root, raw(&root, b"\xfe/core.1"), 70_000);
    file(&root, "200006/file", 5000);
    std::fs::hard_link(root.join("200006/file"), root.join("200005/file")).unwrap();
    // Freed only together with the finding beside it.
    file(&root, "200006/.cache/uv/wheel", 5000);
    std::fs::create_dir(root.join("200006/.cache/pip")).unwrap();
    let wheel = root.join("200006/.cache/uv/wheel");
    std::fs::hard_link(wheel, root.join("200006/.cache/pip/wheel")).unwrap();
    let model = file(&root, "200005/.cache/torch/model", 5000);
    std::fs::create_dir(root.join("200006/.cache/torch")).unwrap();
    std::fs::hard_link(model, root.join("200006/.cache/torch/model")).unwrap();
    symlink("x", root.join("200006/link")).unwrap();
    // Deeper than the portable engine can go, which is an error even for root. Made by descriptors,
    // because no path can name it.
    let flags = OFlags::DIRECTORY | OFlags::RDONLY;
    let mut at = rustix::fs::open(&root, flags, Mode::empty()).unwrap();
    let long = b"\xfd".repeat(250);
    for _ in 0..20 {
        rustix::fs::mkdirat(&at, &*long, Mode::from_raw_mode(0o755)).unwrap();
        at = rustix::fs::openat(&at, &*long, flags, Mode::empty()).unwrap();
    }
    let map = dir.path().join("map.csv");
    std::fs::write(&map, "uid,name,group\n200005,alice,physics\n").unwrap();
    let mut command = efs_scan();
    let config = dir.path().join("config.toml");
    std::fs::write(&config, "[quota.groups]\nphysics = \"1GiB\"\n").unwrap();
    command.arg(&root).args(["--format", "json", "--quota", "3KiB", "--exclude", "*/link"]);
    command.arg("--config").arg(&config);
    command.arg("--names").arg(format!("csv:{}", map.display()));
    if cfg!(feature = "portable") {
        command.args(["--engine", "portable"]);
    }
    let output = watched(&mut command, Duration::from_secs(60));
    (dir, output.stdout)
}

/// Growth with every property.
fn growth(report: &Report) -> Growth {
    let place = GrownPlace {
        path: "work/run\u{fffd}".to_owned(),
        path_base64: Some("d29yay9ydW7/".to_owned()),
        allocated_bytes: AllocatedBytes(1 << 30),
        new: true,
    };
    Growth {
        since: Some(GrowthBase {
            run: "20261123T080232.123456Z".to_owned(),
            started: report.run.started,
            days: 1,
        }),
        unknown: Some("a reason".to_owned()),
        max_bytes: Some(AllocatedBytes(1 << 30)),
        homes: vec![GrownHome {
            name: "\u{fffd}".to_owned(),
            name_base64: Some("/w==".to_owned()),
            new: false,
            old_allocated_bytes: AllocatedBytes(1),
            allocated_bytes: AllocatedBytes(1 << 31),
            day_bytes: AllocatedBytes(1 << 30),
            place: Some(place),
        }],
        not_compared: 1,
    }
}

/// Adds what EFS and CloudWatch say.
fn add_efs(report: &mut Report) {
    let size = MeteredBytes(1 << 30);
    let efs = EfsSize {
        value: size,
        standard: Some(size),
        infrequent_access: Some(size),
        archive: Some(size),
        at: Some(report.run.started),
    };
    // Only a scan of the whole file system has a difference from EFS.
    let coverage = std::mem::replace(&mut report.run.coverage, Coverage::Complete);
    let excluded = std::mem::take(&mut report.left_out.excluded);
    report.reconcile(("fs-01234567".to_owned(), ScannedPart::Whole), Some(efs), &Prices::default());
    // All of it was transferred in one second of two days, at the limit.
    let traffic = EfsTraffic {
        total: vec![(0, 1e12)],
        metered: vec![(0, 1e12)],
        permitted: vec![(0, 1e9)],
        credits: vec![(0, 0.0)],
    };
    let bursting = EfsThroughput { mode: ThroughputMode::Bursting, provisioned_mib: Some(100.0) };
    report.add_throughput(bursting, Some((&traffic, 2 * 86_400)), &Prices::default());
    report.add_lifecycle(EfsLifecycle::default(), &Prices::default());
    let tiering = report.file_system.as_mut().and_then(|efs| efs.tiering.as_mut()).unwrap();
    tiering.to_archive_days = Some(90);
    let lifecycle = EfsLifecycle { to_ia_days: Some(30), to_archive_days: Some(90) };
    report.file_system.as_mut().unwrap().lifecycle = Some(lifecycle);
    (report.run.coverage, report.left_out.excluded) = (coverage, excluded);
}

#[test]
fn a_report_conforms_to_the_schema() {
    let schema = Schema::new(&generated(&["schema"], &[]));
    let (_dir, bytes) = rich_report();
    // Parts that only AWS or an NFS client provide are added by hand.
    let mut report: Report = serde_json::from_slice(&bytes).unwrap();
    report.nfs = Some(NfsTraffic::from(Traffic {
        connections: 1,
        requests: [("READDIR".to_owned(), 3)].into(),
        mean_round_trip: Some(Duration::from_micros(830)),
        costly: vec![Costly::CloseToOpen],
    }));
    add_efs(&mut report);
    report.run.clock = Some(ClockFault { went_back_seconds: 7200, behind_newest_seconds: 0 });
    report.dirs_problem = Some("a temporary file could not be written".to_owned());
    report.growth = Some(growth(&report));
    report.homes.change(0, |home| {
        home.owner.member = Some(MemberKind::Profile);
        home.owner.aliases.push("asmith".to_owned());
        home.owner.has_namesake = true;
        let other = DirectoryOwner { uid: 200_006, name: Some("bob".to_owned()) };
        home.directory_owner = Some(other);
    });
    let identity = report.run.identity.as_mut().unwrap();
    identity.name = Some(FileSystemKey::new("prod").unwrap());
    identity.volume = Some("ext4 1f".to_owned());
    identity.path = Some("/homes".to_owned());
    report.members.push(StudioMember {
        source: "sagemaker:d-0123456789ab".to_owned(),
        kind: MemberKind::Space,
        name: "train".to_owned(),
        uid: Some(200_005),
        owner: Some("alice".to_owned()),
        ebs_bytes: Some(VolumeBytes(50 << 30)),
        file_systems: vec!["fs-0aaa".to_owned()],
    });
    let report = serde_json::to_value(report).unwrap();
    assert_eq!(schema.problems(&report), [""; 0]);
    // Every property of the schema was checked. With the posix engine nothing fails here, and no
    // user was named, so there is no user.
    let unseen = schema.unseen(&report);
    let known = ["ErrorSample", "Report.run.users"];
    let unseen: Vec<_> = unseen
        .iter()
        .filter(|property| cfg!(feature = "portable") || !property.starts_with(known[0]))
        .collect();
    assert!(unseen.is_empty(), "{unseen:?}");
    // The check itself can fail: without any one property, and with any one of another type.
    for place in schema.places(&report) {
        let mut less = report.clone();
        let (parent, name) = place.rsplit_once('/').unwrap();
        less.pointer_mut(parent).unwrap().as_object_mut().unwrap().remove(name);
        let required = schema.requires(&report, &place);
        assert_eq!(!schema.problems(&less).is_empty(), required, "without {place}");
        let mut other = report.clone();
        *other.pointer_mut(&place).unwrap() = json!([[{"no": "such"}]]);
        assert!(!schema.problems(&other).is_empty(), "{place} of another type");
    }
    let mut more = report.clone();
    more["homes"][0]["colour"] = json!("red");
    assert_eq!(schema.problems(&more).len(), 1);
}

#[test]
fn a_report_that_was_read_is_written_the_same() {
    let (_dir, bytes) = rich_report();
    let report: Report = serde_json::from_slice(&bytes).unwrap();
    let again = serde_json::to_vec_pretty(&report).unwrap();
    assert!(again == bytes.trim_ascii_end(), "{}", String::from_utf8_lossy(&again));
    let twice: Report = serde_json::from_slice(&again).unwrap();
    assert_eq!(twice, report);
    // This version can read what a later one may add.
    let mut later: Value = serde_json::from_slice(&bytes).unwrap();
    later["run"]["host"] = json!("a");
    later["homes"][0]["usage"]["more"] = json!({"x": 1});
    assert_eq!(serde_json::from_value::<Report>(later).unwrap(), report);
}
