//! Runs the program under test, under a watchdog.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::mpsc;
use std::time::Duration;

use serde_json::Value;

/// Returns the path of the program under test, which cargo built for the tests.
pub fn program() -> PathBuf {
    // Cargo sets the variable when it runs a test. A test that a debugger starts finds the program
    // in cargo's usual place.
    let built = std::env::var_os("CARGO_BIN_EXE_efs-scan");
    built.map_or_else(|| profile_directory().join("efs-scan"), PathBuf::from)
}

/// Returns the directory of cargo's profile, `target/debug`: test programs are in its `deps`.
pub(crate) fn profile_directory() -> PathBuf {
    let test = std::env::current_exe().unwrap();
    test.ancestors().nth(2).unwrap().to_owned()
}

/// Returns a command that starts the program without the machine's configuration or environment.
pub fn efs_scan() -> Command {
    let mut command = Command::new(program());
    for (name, _) in std::env::vars_os() {
        if name.as_bytes().starts_with(b"EFS_SCAN_") {
            command.env_remove(name);
        }
    }
    // An empty file instead of the one in /etc. Nobody else writes to the trees of tests.
    command.env("EFS_SCAN_CONFIG", "/dev/null").env("EFS_SCAN_PORTABLE_AS_ROOT", "true");
    command.stdin(Stdio::null());
    command
}

/// Runs the program under a watchdog: a hang is a failure.
pub fn run<I: AsRef<OsStr>>(args: impl IntoIterator<Item = I>) -> Output {
    watched(efs_scan().args(args), Duration::from_secs(60))
}

/// Runs any command, and kills it and fails after `patience`.
pub fn watched(command: &mut Command, patience: Duration) -> Output {
    let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    finish(child, patience)
}

/// Runs a command, discards its stdout, and returns its peak memory in KiB.
pub fn peak(command: &Command) -> u64 {
    // The kernel reports the peak to the parent process; Python can read it.
    const ASK: &str = "import os, sys
null = [(os.POSIX_SPAWN_OPEN, 1, os.devnull, os.O_WRONLY, 0)]
pid = os.posix_spawn(sys.argv[1], sys.argv[1:], os.environ, file_actions=null)
_, status, usage = os.wait4(pid, 0)
print(usage.ru_maxrss)
sys.exit(os.waitstatus_to_exitcode(status))";
    let mut python = Command::new("python3");
    python.args(["-c", ASK]).arg(command.get_program()).args(command.get_args());
    python.env("EFS_SCAN_CONFIG", "/dev/null");
    let output = watched(&mut python, Duration::from_secs(240));
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap().trim().parse().unwrap()
}

/// Waits for a child whose output is piped, and kills it and fails after `patience`.
pub fn finish(child: Child, patience: Duration) -> Output {
    let pid = child.id();
    let (send, receive) = mpsc::channel();
    std::thread::spawn(move || send.send(child.wait_with_output()));
    match receive.recv_timeout(patience) {
        Ok(output) => output.unwrap(),
        Err(_) => {
            signal(pid, "KILL");
            panic!("process {pid} did not end within {patience:?}");
        }
    }
}

/// Runs `check` on all cases at once, for checks that mostly wait.
pub fn at_once<T: Send>(cases: impl IntoIterator<Item = T>, check: impl Fn(T) + Sync) {
    std::thread::scope(|scope| {
        for case in cases {
            scope.spawn(|| check(case));
        }
    });
}

/// Sends a signal by name.
pub fn signal(pid: u32, name: &str) {
    let sent = Command::new("kill").args([&format!("-{name}"), &pid.to_string()]).status();
    assert!(sent.unwrap().success());
}

/// Returns the program's JSON report on `root`; the program must exit with `code`.
pub fn report<I: AsRef<OsStr>>(root: &Path, args: impl IntoIterator<Item = I>, code: i32) -> Value {
    let args: Vec<_> = args.into_iter().collect();
    let mut all: Vec<&OsStr> = vec![root.as_os_str(), "--format".as_ref(), "json".as_ref()];
    all.extend(args.iter().map(AsRef::as_ref));
    let output = run(all);
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(code), "{stderr}");
    serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {stderr}"))
}

pub fn home<'a>(report: &'a Value, name: &str) -> &'a Value {
    let homes = report["homes"].as_array().unwrap();
    homes.iter().find(|home| home["name"] == name).unwrap_or_else(|| panic!("no home {name}"))
}
