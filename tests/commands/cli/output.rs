//! Destinations of the output: standard output and `--output`.

use std::os::unix::fs::{PermissionsExt, symlink};
use std::process::Command;

use serde_json::Value;

use super::village::{Village, stderr};
use efs_scan_testbed::*;

#[test]
fn the_result_is_written_beside_and_renamed() {
    let village = Village::new();
    let out = village.dir.path().join("out.json");
    let kept = village.dir.path().join("kept");
    std::fs::write(&out, "old").unwrap();
    std::fs::hard_link(&out, &kept).unwrap();
    let out_name = out.display().to_string();
    let leftovers = || {
        let entries = std::fs::read_dir(village.dir.path()).unwrap();
        let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
        names.filter(|name| name.starts_with('.')).collect::<Vec<_>>()
    };
    // If the scan fails, the old file stays.
    for args in
        [&["/no/such/root"][..], &[&*village.root().to_string_lossy(), "--user", "nobody-here"]]
    {
        let output = run([args, &["--output", &out_name]].concat());
        assert!(!output.status.success());
        assert_eq!(std::fs::read_to_string(&out).unwrap(), "old", "{args:?}");
        assert!(leftovers().is_empty(), "{:?}", leftovers());
    }
    let output = village.run(&["--format", "json", "--output", &out_name]);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    assert!(output.stdout.is_empty());
    serde_json::from_slice::<Value>(&std::fs::read(&out).unwrap()).unwrap();
    assert_eq!(std::fs::read_to_string(kept).unwrap(), "old", "not written in place");
    assert!(leftovers().is_empty(), "{:?}", leftovers());
    for (umask, mode) in [("022", 0o644), ("027", 0o640), ("000", 0o666)] {
        let mut shell = Command::new("sh");
        let script = format!("umask {umask}; exec \"$0\" \"$@\"");
        shell.args(["-c", &script, env!("CARGO_BIN_EXE_efs-scan")]);
        shell.arg(village.root()).args(["--output", &out_name]);
        let status = shell.env("EFS_SCAN_CONFIG", "/dev/null").output().unwrap().status;
        assert!(status.success());
        assert_eq!(out.metadata().unwrap().permissions().mode() & 0o777, mode, "{umask}");
    }
}

#[test]
fn no_spelling_of_the_path_writes_the_result_into_the_tree() {
    let village = Village::new();
    let root = village.root();
    symlink(root.join("200005"), village.dir.path().join("detour")).unwrap();
    symlink(root.join("200005/planted"), village.dir.path().join("link")).unwrap();
    for path in ["efs/out", "efs/200005/out", "efs/../efs/out", "detour/out", "link"] {
        let path = village.dir.path().join(path);
        let output = village.run(&["--output", &path.display().to_string()]);
        assert_eq!(output.status.code(), Some(2), "{}", path.display());
    }
    let mut within = efs_scan();
    let within = within.current_dir(root.join("200005")).args(["..", "--output", "out"]);
    assert_eq!(within.output().unwrap().status.code(), Some(2));
    assert!(!root.join("200005/out").exists() && !root.join("200005/planted").exists());
}

/// Runs the program in a shell: `script` starts it as `"$@"`.
fn in_shell(script: &str, village: &Village, args: &[&str]) -> std::process::Output {
    let mut shell = Command::new("sh");
    shell.args(["-c", script, "sh", env!("CARGO_BIN_EXE_efs-scan")]).args(args);
    shell.current_dir(village.dir.path()).env("EFS_SCAN_CONFIG", "/dev/null").output().unwrap()
}

#[test]
fn a_dash_is_stdout() {
    let village = Village::new();
    let root = village.root().display().to_string();
    let args = [&*root, "-q", "--format", "json", "--output", "-"];
    let output = in_shell(r#""$@""#, &village, &args);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    serde_json::from_slice::<Value>(&output.stdout).unwrap();
    assert!(!village.dir.path().join("-").exists());
    let output = in_shell(r#""$@""#, &village, &[&*root, "-q", "--output", "./-"]);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    assert!(output.stdout.is_empty() && village.dir.path().join("-").exists());
}

#[test]
fn a_closed_stdout_is_an_error_and_a_reader_that_left_is_none() {
    let village = Village::new();
    let root = village.root().display().to_string();
    for args in [&[&*root][..], &[&*root, "--output", "-"], &["config", &*root]] {
        let output = in_shell(r#"exec "$@" >&-"#, &village, args);
        assert_eq!(output.status.code(), Some(1), "{args:?}");
        let text = stderr(&output);
        assert_eq!(text, "efs-scan: writing to stdout: it is closed\n", "{args:?}");
    }
    let file = [&*root, "-q", "--output", "out"];
    let output = in_shell(r#"exec "$@" >&-"#, &village, &file);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    // A null device was requested, however it was opened.
    for to in [">/dev/null", "1<>/dev/null"] {
        let output = in_shell(&format!(r#"exec "$@" {to}"#), &village, &[&*root, "-q"]);
        assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    }
    let left = r#"{ sleep 0.5; "$@"; echo $? >code; } | true; cat code"#;
    let output = in_shell(left, &village, &[&*root, "-q"]);
    assert_eq!(String::from_utf8_lossy(&output.stdout), "0\n", "{}", stderr(&output));
}

#[test]
fn no_escapes_reach_a_terminal_that_wants_none() {
    // Like the snapshots, only where util-linux's `script` lends a terminal.
    if Command::new("script").arg("--version").output().is_err() {
        eprintln!("skipped: no script(1)");
        return;
    }
    let village = Village::new();
    let root = village.root().display().to_string();
    for (variable, value, colours) in [
        ("TERM", "xterm", true),
        ("TERM", "dumb", false),
        ("NO_COLOR", "1", false),
        ("CLICOLOR", "0", false),
    ] {
        let mut script = Command::new("script");
        let line = format!("'{}' '{root}' >/dev/null", env!("CARGO_BIN_EXE_efs-scan"));
        script.args(["-qec", &line, "/dev/null"]).env("EFS_SCAN_CONFIG", "/dev/null");
        script.env("TERM", "xterm").env_remove("NO_COLOR").env_remove("CLICOLOR");
        let output = script.env(variable, value).output().unwrap();
        let text = String::from_utf8_lossy(&output.stdout);
        assert!(text.contains("scanned"), "{text}");
        assert_eq!(text.contains('\x1b'), colours, "{variable}={value}: {text:?}");
    }
}
