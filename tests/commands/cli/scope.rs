//! Scope of a scan: users, depth of homes, and exclusions.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use serde_json::Value;

use super::village::{Village, stderr};
use efs_scan_testbed::*;

/// Returns the names of the homes in a report, in its order.
fn homes(report: &Value) -> Vec<&str> {
    let homes = report["homes"].as_array().unwrap().iter();
    homes.map(|home| home["name"].as_str().unwrap()).collect()
}

fn json(village: &Village, args: &[&str]) -> Value {
    let output = village.run(&[&["--format", "json"], args].concat());
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    serde_json::from_slice(&output.stdout).unwrap()
}

#[test]
fn a_user_is_found_by_name_and_by_uid() {
    let village = Village::new();
    let all = json(&village, &[]);
    for user in ["alice", "200005"] {
        let report = json(&village, &["--user", user]);
        assert_eq!(homes(&report), ["200005"], "{user}: only the one home");
        assert_eq!(report["totals"], report["homes"][0]["usage"]);
        assert_eq!(report["homes"][0]["owner"]["name"], "alice");
        assert_eq!(report["run"]["users"], serde_json::json!([user]));
        // In a scan of her alone, her home has the same figures as among others, because she comes
        // first among those who share a file.
        assert_eq!(report["homes"][0]["usage"], home(&all, "200005")["usage"]);
        assert_eq!(report["homes"][0]["findings"], home(&all, "200005")["findings"]);
    }
    let three = ["--user", "zoe", "--user", "bob", "--user", "200005", "--user", "alice"];
    let report = json(&village, &three);
    assert_eq!(BTreeSet::from_iter(homes(&report)), BTreeSet::from(["200005", "200006", "zoe"]));
    assert_eq!(homes(&report).len(), 3, "named twice is there once");
    let one_missing = village.run(&["--user", "bob", "--user", "nobody-here"]);
    assert_eq!(one_missing.status.code(), Some(2));
    assert!(stderr(&one_missing).contains("nobody-here"));
    assert!(!stderr(&one_missing).contains("bob"));
}

#[test]
fn a_user_is_found_through_the_systems_database() {
    let tree = scratch();
    // uid 0 is the only account that every system has.
    file(tree.path(), "0/file", 5000);
    file(tree.path(), "1/file", 5000);
    let report = report(tree.path(), ["--user", "root"], 0);
    assert_eq!(homes(&report), ["0"]);
    let owner = &report["homes"][0]["owner"];
    assert_eq!((&owner["name"], &owner["source"]), (&"root".into(), &"passwd".into()));
}

/// A home with the requested uid exists. If an earlier source gives its owner another name, that is
/// no reason to refuse.
#[test]
fn a_user_is_found_by_any_of_the_names_that_sources_know() {
    let village = Village::new();
    let other = village.dir.path().join("other.csv");
    std::fs::write(&other, "200005,asmith\n").unwrap();
    let first = format!("csv:{}", other.display());
    let second = format!("csv:{}", village.people().display());
    let mut command = efs_scan();
    command.arg(village.root()).args(["--names", &first, "--names", &second]);
    let output = watched(command.args(["--user", "alice"]), Duration::from_secs(60));
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
}

/// Makes homes at every depth, with files above and beside them.
fn nested(root: &Path) {
    file(root, "top", 1000);
    file(root, "team/note", 2000);
    file(root, "team/200005/file", 3000);
    file(root, "team/200005/sub/file", 4000);
    file(root, "lab/200005/file", 5000);
    file(root, "lab/eve/file", 6000);
}

#[test]
fn homes_are_at_the_configured_depth() {
    let tree = scratch();
    let root = tree.path();
    nested(root);
    let outside = "(outside homes)";
    let cases: [(&str, &[&str], u64); 4] = [
        ("0", &["."], 0),
        ("1", &["lab", "team", outside], 1),
        ("2", &["lab/200005", "lab/eve", "team/200005", outside], 2),
        ("3", &["team/200005/sub", outside], 5),
    ];
    for (depth, names, files_outside) in cases {
        let report = report(root, ["--home-depth", depth, "--sort", "name"], 0);
        assert_eq!(homes(&report), names, "depth {depth}");
        assert_eq!(report["totals"]["files"], 6);
        assert_eq!(report["totals"]["allocated_bytes"].as_u64(), Some(du(root)));
        if depth != "0" {
            let usage = &home(&report, outside)["usage"];
            assert_eq!(usage["files"].as_u64(), Some(files_outside), "depth {depth}");
            assert_eq!(home(&report, outside)["kind"], "outside");
        }
    }
    // A user may have several homes.
    let report = report(root, ["--home-depth", "2", "--user", "200005", "--sort", "name"], 0);
    assert_eq!(homes(&report), ["lab/200005", "team/200005"]);
    assert_eq!(report["totals"]["files"], 3);
}

#[test]
fn excluded_directories_are_not_opened() {
    let tree = scratch();
    let root = tree.path();
    for home in ["200005", "200006"] {
        file(root, format!("{home}/secret/below/file"), 5000);
        file(root, format!("{home}/kept/secret-not"), 5000);
        file(root, format!("{home}/kept/file.tmp"), 5000);
    }
    let whole = report(root, [] as [&str; 0], 0);
    let exclude = ["--exclude", "*/secret/", "--exclude", "**/*.tmp", "--exclude", "./absent"];
    let without = report(root, exclude, 0);
    let counts = |report: &Value| {
        let count = |key: &str| report["totals"][key].as_u64().unwrap();
        (count("dirs"), count("files"))
    };
    assert_eq!(counts(&whole), (9, 6));
    assert_eq!(counts(&without), (5, 2));
    let entries = serde_json::json!([
        {"glob": "*/secret/", "entries": 2},
        {"glob": "**/*.tmp", "entries": 2},
        {"glob": "./absent", "entries": 0},
    ]);
    assert_eq!(without["left_out"]["excluded"], entries);

    // Root can open everything, so an unreadable directory proves nothing: check the system calls.
    let mut engines = vec!["posix"];
    if cfg!(feature = "portable") {
        engines.push("portable");
    }
    for engine in engines {
        let log = root.with_extension("strace");
        let mut strace = Command::new("strace");
        strace.args(["-f", "-qq", "-s", "4096", "-e", "trace=file,openat,statx", "-o"]);
        strace.arg(&log).arg(env!("CARGO_BIN_EXE_efs-scan")).arg(root).args(exclude);
        strace.args(["--engine", engine]).env("EFS_SCAN_CONFIG", "/dev/null");
        strace.env("EFS_SCAN_PORTABLE_AS_ROOT", "true");
        let traced = strace.output().is_ok_and(|output| output.status.success());
        if !skip_unless(traced, "pruned before it is opened", "strace cannot trace here") {
            return;
        }
        let calls = std::fs::read_to_string(&log).unwrap();
        std::fs::remove_file(&log).unwrap();
        let names = |name: &str| {
            let calls = calls.lines().filter(|line| !line.contains("execve"));
            calls.filter(|line| line.contains(name)).count()
        };
        assert!(names("kept\"") > 0, "{engine}: the log shows what is opened");
        for name in ["secret\"", "/below", "file.tmp"] {
            assert_eq!(names(name), 0, "{engine}: {name} is asked for");
        }
    }
}

/// jwalk follows a link that replaces a directory.
#[test]
fn the_portable_engine_is_not_for_root_unless_nobody_else_writes_to_the_tree() {
    let able = cfg!(feature = "portable") && is_root();
    if !skip_unless(able, "portable as root", "this is not root, or there is no such engine") {
        return;
    }
    let tree = scratch();
    file(tree.path(), "200005/file", 1);
    let scan = |more: &[&str]| {
        let mut command = efs_scan();
        command.env_remove("EFS_SCAN_PORTABLE_AS_ROOT").arg(tree.path());
        command.args(["--engine", "portable"]).args(more);
        watched(&mut command, Duration::from_secs(60))
    };
    let refused = scan(&[]);
    assert_eq!((refused.status.code(), refused.stdout.len()), (Some(2), 0));
    let said = stderr(&refused);
    assert!(said.contains("--portable-as-root") && said.trim().lines().count() == 1, "{said}");
    assert_eq!(scan(&["--portable-as-root"]).status.code(), Some(0));
    let mut other = efs_scan();
    other.env_remove("EFS_SCAN_PORTABLE_AS_ROOT").arg(tree.path());
    assert_eq!(watched(&mut other, Duration::from_secs(60)).status.code(), Some(0));
}

/// Usage outside homes is counted per top-level directory and reported as one.
#[test]
fn a_link_between_places_outside_of_homes_is_not_shared() {
    let tree = scratch();
    file(tree.path(), "a/file", 5000);
    file(tree.path(), "b/200005/file", 5000);
    std::fs::hard_link(tree.path().join("a/file"), tree.path().join("b/file")).unwrap();
    let report = report(tree.path(), ["--home-depth", "2"], 0);
    let outside = home(&report, "(outside homes)");
    assert_eq!(report["hard_links"]["shared_between_homes"]["inodes"], 0);
    assert_eq!(outside["shared"]["inodes"], 0);
    assert_eq!(outside["charged_elsewhere"]["inodes"], 0);
}

#[test]
fn a_link_from_a_home_to_a_place_outside_of_homes_is_not_shared() {
    let tree = scratch();
    std::fs::create_dir(tree.path().join("200005")).unwrap();
    std::fs::create_dir(tree.path().join("200006")).unwrap();
    file(tree.path(), "200005/file", 5000);
    std::fs::hard_link(tree.path().join("200005/file"), tree.path().join("top")).unwrap();
    std::os::unix::fs::symlink("file", tree.path().join("200005/link")).unwrap();
    std::fs::hard_link(tree.path().join("200005/link"), tree.path().join("link")).unwrap();
    let alone = report(tree.path(), [""; 0], 0);
    assert_eq!(alone["hard_links"]["shared_between_homes"]["inodes"], 0);
    assert_eq!(home(&alone, "200005")["shared"]["inodes"], 0);
    assert_eq!(home(&alone, "(outside homes)")["charged_elsewhere"]["inodes"], 2);
    assert_eq!(home(&alone, "200005")["usage"]["files"], 1, "the home is charged");
    // With a link in a second home it is shared, and counts once.
    std::fs::hard_link(tree.path().join("top"), tree.path().join("200006/file")).unwrap();
    let both = report(tree.path(), [""; 0], 0);
    assert_eq!(both["hard_links"]["shared_between_homes"]["inodes"], 1);
    assert_eq!(home(&both, "200006")["charged_elsewhere"]["inodes"], 1);
}

#[test]
fn inodes_with_a_future_time_are_counted_separately() {
    let tree = scratch();
    file(tree.path(), "200011/old", 9000);
    file(tree.path(), "200011/ahead", 100);
    let touch = |path: &str, date: &str| {
        let path = tree.path().join(path);
        assert!(Command::new("touch").args(["-d", date]).arg(path).status().unwrap().success());
    };
    touch("200011/old", "2015-01-01T00:00:00Z");
    touch("200011/ahead", "2 hours");
    touch("200011", "2015-01-01T00:00:00Z");
    let report = report(tree.path(), [""; 0], 0);
    let usage = &home(&report, "200011")["usage"];
    assert_eq!(home(&report, "200011")["newest_mtime"], "2015-01-01T00:00:00Z");
    assert_eq!(usage["by_age"]["future"]["inodes"], 1);
    assert_eq!(usage["by_age"]["days_7"]["inodes"], 0);
    let output = run([tree.path().as_os_str(), "-q".as_ref()]);
    let table = String::from_utf8(output.stdout).unwrap();
    assert!(table.contains(
        "\nTimestamps in the future: 1 entry, 4 KiB, not counted in any age or as NEWEST.\n"
    ));
    let line = table.lines().find(|line| line.starts_with("200011")).unwrap();
    assert!(!line.contains("today"), "{line}");
}

#[test]
fn the_largest_files_outside_of_homes_are_those_of_all_directories() {
    let tree = scratch();
    let outside = ["a/1", "b/2", "b/3", "top"];
    for (at, path) in outside.iter().enumerate() {
        file(tree.path(), path, 5000 * (at + 1));
    }
    let largest = |top: &str| {
        let report = report(tree.path(), ["--home-depth", "2", "--top", top], 0);
        let files = home(&report, "(outside homes)")["largest_files"].as_array().unwrap().clone();
        let paths = files.iter().map(|file| file["path"].as_str().unwrap().to_owned());
        paths.collect::<Vec<_>>()
    };
    assert_eq!(largest("10"), ["top", "b/3", "b/2", "a/1"]);
    assert_eq!(largest("3"), ["top", "b/3", "b/2"]);
}
