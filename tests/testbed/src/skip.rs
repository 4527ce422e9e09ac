//! Skips tests that cannot run on a machine, and never silently.

/// Returns `able`. If it is false, reports that `what` is skipped and `why`, on standard error and
/// in the list that `tests/run` prints at its end.
pub fn skip_unless(able: bool, what: &str, why: &str) -> bool {
    if !able {
        let line = format!("SKIPPED {what}: {why}\n");
        // Bypasses the test harness, which hides the output of a passing test.
        let _ = std::io::Write::write_all(&mut std::io::stderr(), line.as_bytes());
        if let Some(list) = std::env::var_os("EFS_SCAN_SKIPPED") {
            let file = std::fs::OpenOptions::new().append(true).create(true).open(list);
            std::io::Write::write_all(&mut file.unwrap(), line.as_bytes()).unwrap();
        }
    }
    able
}

/// True if the tests run as root.
pub fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}
