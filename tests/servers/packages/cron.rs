//! The daily cron job: silent on success, with a message on failure.

use std::os::unix::fs::PermissionsExt;
use std::process::{Command, Stdio};
use std::time::Duration;

use tempfile::TempDir;

use super::built::*;
use efs_scan_testbed::*;

/// The job with a logger that writes to a file, and a stand-in for efs-scan.
struct Job {
    tree: TempDir,
}

impl Job {
    fn new(efs_scan: &str) -> Self {
        let job = Self { tree: scratch() };
        job.script(
            "logger",
            "[ \"$1 $2 $3\" = '--tag efs-scan --' ] && printf '%s\\n' \"$4\" >>\"$LOG\"",
        );
        job.script("efs-scan", efs_scan);
        job
    }

    fn script(&self, name: &str, text: &str) {
        let path = self.tree.path().join(name);
        std::fs::write(&path, format!("#!/bin/sh\n{text}\n")).unwrap();
        std::fs::set_permissions(&path, PermissionsExt::from_mode(0o755)).unwrap();
    }

    fn command(&self, args: &[&str]) -> Command {
        let here = self.tree.path();
        let mut command = Command::new(repository().join("deploy/cron/efs-scan-daily"));
        let path = format!("{}:{}", here.display(), std::env::var("PATH").unwrap());
        command.env("PATH", path).env("LOG", here.join("log"));
        command.env("EFS_SCAN_DAILY_LOCK", here.join("lock")).env("EFS_SCAN_CONFIG", "/dev/null");
        command.args(args).stdin(Stdio::null());
        command
    }

    /// Returns the exit code, the output that cron would mail, and the lines of the log.
    fn run(&self, args: &[&str]) -> (Option<i32>, String, String) {
        let output = watched(&mut self.command(args), Duration::from_secs(60));
        let log = std::fs::read_to_string(self.tree.path().join("log")).unwrap_or_default();
        (output.status.code(), told(&output), log)
    }
}

/// Returns a program that executes the real one.
fn real() -> String {
    format!("exec '{}' \"$@\"", env!("CARGO_BIN_EXE_efs-scan"))
}

#[test]
fn cron_success_is_a_line_in_the_log_and_no_mail() {
    let job = Job::new("echo table; echo \"did $EFS_SCAN_REQUIRE_MOUNT $*\" >&2");
    assert_eq!(job.run(&["a b"]), (Some(0), String::new(), "did true a b\n".to_owned()));
}

#[test]
fn cron_mails_every_failure_with_its_code() {
    for code in [1, 3, 5] {
        let job = Job::new(&format!("echo table; echo went wrong >&2; exit {code}"));
        let (ended, mail, log) = job.run(&[]);
        assert_eq!(ended, Some(code));
        assert!(mail.starts_with("went wrong\n"), "{mail}");
        assert!(mail.contains(&format!("exit code {code}")), "{mail}");
        assert_eq!(log, "went wrong\n");
    }
}

#[test]
fn cron_mails_the_line_that_cannot_be_logged() {
    let job = Job::new("echo fine >&2");
    job.script("logger", "exit 1");
    assert_eq!(job.run(&[]), (Some(0), "fine\n".to_owned(), String::new()));
}

#[test]
fn cron_reports_a_previous_run_that_has_not_ended() {
    // Runs until the test allows it to end.
    let job = Job::new("touch \"$LOG.began\"; while [ ! -e \"$LOG.end\" ]; do sleep 0.05; done");
    let first = job.command(&[]).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let began = job.tree.path().join("log.began");
    for _ in 0..600 {
        if began.exists() {
            break;
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    let pid = first.id();
    let (code, mail, _) = job.run(&[]);
    std::fs::write(job.tree.path().join("log.end"), "").unwrap();
    assert_eq!(finish(first, Duration::from_secs(60)).status.code(), Some(0));
    assert_eq!(code, Some(75));
    assert!(mail.contains(&format!("not started: process {pid} has been running since")), "{mail}");
    // The lock is free again.
    assert_eq!(job.run(&[]).0, Some(0));
}

/// service.sh tests success, on a mounted file system.
#[test]
fn cron_mails_what_the_program_says() {
    let job = Job::new(&real());
    let [tree, state] = ["efs", "state"].map(|name| job.tree.path().join(name));
    std::fs::create_dir(&tree).unwrap();
    let (code, mail, _) =
        job.run(&["--state-dir", state.to_str().unwrap(), tree.to_str().unwrap()]);
    assert_eq!(code, Some(1), "{mail}");
    assert!(mail.contains("--require-mount") && mail.contains("exit code 1"), "{mail}");
}

#[test]
fn cron_takes_arguments_and_variables_that_override_its_own() {
    let job = Job::new(&real());
    let [tree, state] = ["efs", "state"].map(|name| job.tree.path().join(name));
    std::fs::create_dir(&tree).unwrap();
    let of_job = ["--state-dir", state.to_str().unwrap(), tree.to_str().unwrap()];
    for by_flag in [true, false] {
        let mut command = job.command(&of_job);
        if by_flag {
            command.arg("--require-mount=false");
        } else {
            command.env("EFS_SCAN_REQUIRE_MOUNT", "false");
        }
        let output = watched(&mut command, Duration::from_secs(60));
        assert_eq!((output.status.code(), told(&output)), (Some(0), String::new()), "{by_flag}");
    }
}
