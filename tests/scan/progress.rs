//! The progress bar: it shows a percentage if an earlier run of the same root gives the total.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use efs_scan_testbed::*;
use tempfile::TempDir;

/// Makes two homes with ten directories of ten files each.
fn homes() -> TempDir {
    let root = scratch();
    for home in ["200005", "200006"] {
        for dir in 0..10 {
            for name in 0..10 {
                file(root.path(), format!("{home}/{dir}/{name}"), 1);
            }
        }
    }
    root
}

fn publish(to: &Path) -> String {
    format!("--publish={} --state-dir={}", to.display(), to.join("state").display())
}

/// Returns what a terminal shows during a scan of about a second. util-linux's `script` provides
/// the terminal.
fn shown(root: &Path, args: &[&str]) -> String {
    let program = env!("CARGO_BIN_EXE_efs-scan");
    let command =
        format!("{program} {} --max-ops 30 {} >/dev/null", root.display(), args.join(" "));
    let mut script = Command::new("script");
    script.args(["-qefc", &command, "/dev/null"]);
    script.env("EFS_SCAN_CONFIG", "/dev/null").env("TERM", "xterm");
    let output = watched(&mut script, Duration::from_secs(60));
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{text}");
    text
}

#[test]
fn with_an_earlier_run_of_the_same_root_there_is_a_percentage_and_time_left() {
    let (root, to) = (homes(), scratch());
    let publish = publish(to.path());
    let first = shown(root.path(), &[&publish]);
    assert!(first.contains(" entries, ") && !first.contains('%'), "{first}");
    let second = shown(root.path(), &[&publish]);
    assert!(second.contains(" %, ") && second.contains(" left "), "{second}");
}

#[test]
fn the_bar_of_one_home_ends_with_that_home() {
    let (root, to) = (homes(), scratch());
    let config = to.path().join("efs-scan.toml");
    let (published, state) = (to.path().join("published"), to.path().join("state"));
    let text = format!("state_dir = {state:?}\n[publish]\nto = {published:?}\n");
    std::fs::write(&config, text).unwrap();
    let config = format!("--config {}", config.display());
    shown(root.path(), &[&config]);
    let one = shown(root.path(), &[&config, "--user", "200005"]);
    assert!(one.contains(" %, "), "{one}");
}

#[test]
fn a_run_of_another_root_gives_no_percentage() {
    let (one, other, to) = (homes(), homes(), scratch());
    let publish = publish(to.path());
    shown(one.path(), &[&publish]);
    let text = shown(other.path(), &[&publish]);
    assert!(text.contains(" entries, ") && !text.contains('%'), "{text}");
}

#[test]
fn a_tree_that_has_grown_shows_no_percentage_at_the_end() {
    let (root, to) = (homes(), scratch());
    let publish = publish(to.path());
    shown(root.path(), &[&publish]);
    for dir in 10..40 {
        file(root.path(), format!("200006/{dir}/x"), 1);
    }
    for name in 0..2_000 {
        file(root.path(), format!("200006/many/{name}"), 1);
    }
    let text = shown(root.path(), &[&publish]);
    let last = text.rsplit('\r').find(|line| line.contains(" entries, "));
    assert!(!last.unwrap().contains('%'), "{text}");
}
