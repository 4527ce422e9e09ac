//! The command line: output, streams and exit codes.

mod output;
mod scope;
pub(crate) mod village;

use std::os::unix::fs::MetadataExt;
use std::process::Command;

use clap::CommandFactory;
use efs_scan_testbed::*;
use serde_json::Value;
use village::{Village, stderr};

/// Returns true if sizes and owners match the snapshots: on a file system with blocks of 4 KiB, one
/// of them for an empty directory, and as root, who may change owners.
fn like_the_snapshots() -> bool {
    let probe = scratch();
    file(probe.path(), "file", 1);
    let blocks = |path: &str| probe.path().join(path).metadata().unwrap().blocks();
    let able = is_root() && blocks(".") == 8 && blocks("file") == 8;
    skip_unless(able, "snapshots", "not root, or no blocks of 4 KiB as ext4 has")
}

#[test]
fn the_table() {
    if !like_the_snapshots() {
        return;
    }
    let village = Village::new();
    insta::assert_snapshot!("table", village.shown(&[]));
    let some = ["--quota", "200KiB", "--limit", "2", "--sort", "name", "--exclude"];
    let some = [&some[..], &["*/.cache", "--exclude", "no/such/thing"]].concat();
    insta::assert_snapshot!("table_with_options", village.shown(&some));
    // The homes in the order of each key.
    let mut orders = String::new();
    for key in ["size", "trash", "cache", "files", "name", "quota"] {
        let table = village.shown(&["--sort", key, "--quota", "100KiB"]);
        let lines = table.lines().skip(3).take(5);
        let names: Vec<_> = lines.filter_map(|line| line.split(' ').next()).collect();
        orders += &format!("{key}: {}\n", names.join(" "));
    }
    insta::assert_snapshot!("table_orders", orders);
}

/// Root's shell would run an owner's commands as well; a note about a command needs the command.
#[test]
fn the_page_of_a_user_says_whose_the_commands_are() {
    let tree = scratch();
    let place = ".cache/pip/http/0/f/0/f/0/0f0f0f0f0f0f0f0f";
    for home in ["200005", "200006", "0"] {
        file(tree.path(), format!("{home}/{place}"), 5000);
    }
    file(tree.path(), "200006/.cache/pip/notes", 10);
    if !skip_unless(is_root(), "commands of owners", "only root's directories may be in any home") {
        return;
    }
    let page = |home: &str| {
        let output = efs_scan().arg(tree.path()).args(["--user", home]).output().unwrap();
        String::from_utf8(output.stdout).unwrap()
    };
    let has =
        |page: &str| ["rm -rf", "never as root", "Downloaded again"].map(|it| page.contains(it));
    // In a shell with the rights of 200005, the commands would fail.
    assert_eq!(has(&page("200005")), [true, true, true]);
    assert!(page("200005").contains("Root owns this home: give it to uid 200005 first."));
    assert!(!page("200006").contains("Root owns this home"), "there is no command");
    give(&tree.path().join("200005"), 200_005);
    assert_eq!(has(&page("200005")), [true, true, true]);
    assert!(!page("200005").contains("Root owns this home"));
    assert!(page("200005").contains("`setpriv --reuid=200005 --regid=65534 --clear-groups sh`"));
    assert_eq!(has(&page("200006")), [false, false, false]);
    assert_eq!(has(&page("0")), [true, false, true]);
}

#[test]
fn the_page_of_a_user() {
    if !like_the_snapshots() {
        return;
    }
    let village = Village::new();
    let page = village.shown(&["--user", "alice", "--quota", "1MiB"]);
    insta::assert_snapshot!("page", page);
    insta::assert_snapshot!("pages", village.shown(&["--user", "200006", "--user", "zoe"]));
}

#[test]
fn csv_and_du() {
    if !like_the_snapshots() {
        return;
    }
    let village = Village::new();
    let csv = village.shown(&["--format", "csv", "--quota", "100KiB", "--name=prod"]);
    let mut lines = csv.lines().map(|line| line.split(',').collect::<Vec<_>>());
    let head = lines.next().unwrap();
    let mut neutral = head.join(",") + "\n";
    for mut cells in lines {
        assert_eq!(cells.len(), head.len(), "no cell here needs quotes");
        for (cell, name) in cells.iter_mut().zip(&head) {
            match *name {
                "newest_mtime" => *cell = "[TIME]",
                "run_id" | "run_started" => *cell = "[RUN]",
                _ => {}
            }
        }
        neutral += &(cells.join(",") + "\n");
    }
    insta::assert_snapshot!("csv", neutral);
    insta::assert_snapshot!("du", village.shown(&["--format", "du"]));
    insta::assert_snapshot!("du_of_user", village.shown(&["--format", "du", "--user", "bob"]));
}

#[test]
fn help_fits_a_terminal() {
    // Not from the program: clap would use the width of the tests' terminal.
    let mut help = String::new();
    let mut command = efs_scan::cli::Cli::command().term_width(100);
    for line in command.render_long_help().to_string().lines() {
        assert!(line.chars().count() <= 100, "{line}");
        // Values of environment variables that the tests run with.
        let line = match line.trim_start().starts_with("[env: EFS_SCAN_") {
            true => line.split_inclusive('=').next().unwrap().to_owned() + "]",
            false => line.to_owned(),
        };
        help += &(line.trim_end().to_owned() + "\n");
    }
    insta::assert_snapshot!("help", help);
    let printed = run(["--help"]);
    assert_eq!(printed.status.code(), Some(0));
    assert!(printed.stderr.is_empty());
    assert!(String::from_utf8(printed.stdout).unwrap().contains("Exit codes:"));
}

#[test]
fn every_error_is_one_line() {
    let village = Village::new();
    let dir = village.dir.path();
    let beside = |name: &str, text: &str| {
        std::fs::write(dir.join(name), text).unwrap();
        dir.join(name).display().to_string()
    };
    let root = village.root().display().to_string();
    let unknown_key = beside("key.toml", "root = \"/x\"\nrooot = \"/y\"\n");
    let no_toml = beside("no.toml", "root = \"/x\"\n\nformat\n");
    let bad_rule =
        beside("rule.toml", "[[rules.add]]\nid = \"x\"\nclass = \"cache\"\npaths = [\"/x\"]\n");
    let bad_map = beside("map.csv", "uid,name\nalice,200005\n");
    let map = format!("csv:{bad_map}");
    let missing = dir.join("no such\ndirectory").display().to_string();
    let missing_map = format!("csv:{missing}");
    let inside = format!("{root}/200005/out");
    let cases: &[(&str, i32, &[&str])] = &[
        ("root missing", 1, &[&missing]),
        ("root is a file", 1, &[&bad_map]),
        ("configuration missing", 2, &["--config", &missing]),
        ("configuration is a directory", 2, &["--config", &root]),
        ("unknown key", 2, &["--config", &unknown_key]),
        ("no TOML", 2, &["--config", &no_toml]),
        ("bad rule", 2, &["--config", &bad_rule]),
        ("bad rule, only printed", 2, &["config", "--config", &bad_rule]),
        ("map missing", 2, &["--names", &missing_map]),
        ("bad map", 2, &["--names", &map]),
        ("no source", 2, &["--names", "ldap"]),
        ("no size", 2, &["--quota", "lots"]),
        ("size is nothing", 2, &["--quota", "0"]),
        ("bad glob", 2, &["--exclude", "{a"]),
        ("excludes all", 2, &["--exclude", "./"]),
        ("output in the tree", 2, &[&root, "--output", &inside]),
        ("output is a directory", 2, &[&root, "--output", &root]),
        ("output nowhere", 2, &[&root, "--output", &missing_map]),
        ("user unknown", 2, &[&root, "--user", "nob\x1bdy"]),
        ("user is a path", 2, &[&root, "--user", "../x"]),
        ("user is nothing", 2, &[&root, "--user", ""]),
        ("user below no home", 2, &[&root, "--user", "200005", "--home-depth", "0"]),
        ("du of no home", 2, &[&root, "--format", "du", "--home-depth", "0"]),
        ("no workers", 2, &["--threads", "0"]),
        ("too many of the largest", 2, &["--top", "10001"]),
    ];
    let mut said = String::new();
    for (what, code, args) in cases {
        let output = run(*args);
        let text = stderr(&output);
        assert_eq!(output.status.code(), Some(*code), "{what}: {text}");
        assert_eq!(text.lines().count(), 1, "{what}: {text}");
        assert!(output.stdout.is_empty(), "{what}");
        said += &format!("{what}: {text}");
    }
    insta::assert_snapshot!("errors", village.neutral(&said));
}

#[test]
fn a_bad_flag_is_named() {
    for (args, named) in [
        (&["--no-such-flag"][..], "--no-such-flag"),
        (&["--home-depth", "deep"], "--home-depth"),
        (&["--format", "xml"], "xml"),
        (&["--quiet", "--verbose"], "--quiet"),
        (&["a", "b"], "'b'"),
    ] {
        let output = run(args);
        assert_eq!(output.status.code(), Some(2), "{args:?}");
        assert!(output.stdout.is_empty(), "{args:?}");
        let text = stderr(&output);
        assert_eq!(text.lines().count(), 1, "{text}");
        assert!(text.starts_with("efs-scan: ") && text.contains(named), "{text}");
    }
}

#[test]
fn over_quota_is_an_exit_code_only_on_request() {
    let village = Village::new();
    for (args, code) in [
        (&["--quota", "10KiB"][..], 0),
        (&["--quota", "10KiB", "--fail-on-quota"], 4),
        (&["--quota", "10KiB", "--fail-on-quota=false"], 0),
        (&["--quota", "1GiB", "--fail-on-quota"], 0),
        (&["--fail-on-quota"], 0),
    ] {
        let output = village.run(args);
        assert_eq!(output.status.code(), Some(code), "{args:?}");
        assert!(!output.stdout.is_empty(), "the result is printed all the same");
    }
}

#[test]
fn a_full_disk_is_no_success() {
    let village = Village::new();
    for args in
        [&[village.root().to_str().unwrap()][..], &["--help"], &["status", "-h"], &["--version"]]
    {
        let full = std::fs::OpenOptions::new().write(true).open("/dev/full");
        let output = efs_scan().args(args).stdout(full.unwrap()).output().unwrap();
        assert_eq!(output.status.code(), Some(1), "{args:?}");
        assert!(stderr(&output).contains("writing to stdout"), "{}", stderr(&output));
    }
}

#[test]
fn stdout_holds_the_result_and_stderr_one_line() {
    let village = Village::new();
    let output = village.run(&["--format", "json"]);
    let text = stderr(&output);
    assert_eq!(text.lines().count(), 1, "{text}");
    assert!(text.contains("scanned") && text.contains("coverage=\"complete\" homes=4"), "{text}");
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(report["schema"], "efs-scan/report/1");

    let output = village.run(&["--quiet"]);
    assert!(output.stderr.is_empty(), "{}", stderr(&output));

    let loud = village.run(&["-vv", "--format", "json", "--log-format", "json"]);
    serde_json::from_slice::<Value>(&loud.stdout).unwrap();
    let text = stderr(&loud);
    assert!(text.lines().count() > 1, "-vv says more: {text}");
    let lines: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let summaries = lines.iter().filter(|line| line["target"] == "efs_scan::summary");
    let [summary] = summaries.collect::<Vec<_>>()[..] else {
        panic!("not one summary: {text}");
    };
    assert_eq!((&summary["homes"], &summary["errors"]), (&4.into(), &0.into()));
    assert!(summary["allocated_bytes"].is_u64() && summary["seconds"].is_number());
}

/// A log collector must be able to parse every line, above all the reason for a failure.
#[test]
fn failures_are_json_on_request() {
    let output = run(["/no/such/directory", "--log-format", "json"]);
    assert_eq!(output.status.code(), Some(1));
    let text = stderr(&output);
    for line in text.lines() {
        let parsed = serde_json::from_str::<Value>(line);
        assert!(parsed.is_ok_and(|line| line["level"] == "ERROR"), "{text}");
    }
}

#[test]
fn the_version_is_printed_and_commands_may_follow_flags() {
    let version = String::from_utf8(run(["--version"]).stdout).unwrap();
    assert_eq!(version, format!("efs-scan {}\n", env!("CARGO_PKG_VERSION")));
    // `config` after a global flag is the command, not a directory of that name.
    for flags in [&["--quiet"][..], &["--config", "/dev/null"], &["--log-format", "json"]] {
        let mut command = Command::new(env!("CARGO_BIN_EXE_efs-scan"));
        let output = command.env_clear().args(flags).arg("config").output().unwrap();
        assert_eq!(output.status.code(), Some(0), "{flags:?}: {}", stderr(&output));
    }
}
