//! What the tests share: trees, the program itself, and `du` and `find` as oracles.

#![allow(dead_code, unreachable_pub)] // Each test file is a crate of its own and uses a part of this.
#![allow(clippy::unwrap_used)] // A test that cannot go on fails.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::mpsc;
use std::time::Duration;

use serde_json::Value;
use tempfile::TempDir;

/// The program, without the machine's configuration or environment.
pub fn efs_scan() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_efs-scan"));
    for (name, _) in std::env::vars_os() {
        if name.as_bytes().starts_with(b"EFS_SCAN_") {
            command.env_remove(name);
        }
    }
    // A file that is there and says nothing, instead of whatever /etc has.
    command.env("EFS_SCAN_CONFIG", "/dev/null").stdin(Stdio::null());
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

/// Sends a signal by name.
pub fn signal(pid: u32, name: &str) {
    let sent = Command::new("kill").args([&format!("-{name}"), &pid.to_string()]).status();
    assert!(sent.unwrap().success());
}

/// The program's JSON report on `root`, which must have ended with `code`.
pub fn report<I: AsRef<OsStr>>(root: &Path, args: impl IntoIterator<Item = I>, code: i32) -> Value {
    let args: Vec<_> = args.into_iter().collect();
    let mut all: Vec<&OsStr> = vec![root.as_os_str(), "--format".as_ref(), "json".as_ref()];
    all.extend(args.iter().map(AsRef::as_ref));
    let output = run(all);
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(code), "{stderr}");
    serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {stderr}"))
}

/// The home of that name in a report.
pub fn home<'a>(report: &'a Value, name: &str) -> &'a Value {
    let homes = report["homes"].as_array().unwrap();
    homes.iter().find(|home| home["name"] == name).unwrap_or_else(|| panic!("no home {name}"))
}

/// `du -s --block-size=1` of a path: allocated bytes, each inode once.
pub fn du(path: &Path) -> u64 {
    let output = Command::new("du").args(["-s", "--block-size=1"]).arg(path).output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    text.split('\t').next().unwrap().parse().unwrap()
}

/// What `find -printf` says of a tree, each inode once: (kind, st_size, allocated, mtime) by
/// (device, inode).
pub fn find(path: &Path) -> BTreeMap<(u64, u64), (char, u64, u64, i64)> {
    let mut command = Command::new("find");
    let output = command.arg(path).args(["-printf", "%D %i %y %s %b %T@\\n"]).output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    text.lines()
        .map(|line| {
            let mut words = line.split(' ');
            let mut number = || words.next().unwrap().parse::<u64>().unwrap();
            let inode = (number(), number());
            let kind = words.next().unwrap().chars().next().unwrap();
            let size = words.next().unwrap().parse().unwrap();
            let blocks: u64 = words.next().unwrap().parse().unwrap();
            let mtime = words.next().unwrap().split('.').next().unwrap().parse().unwrap();
            (inode, (kind, size, blocks * 512, mtime))
        })
        .collect()
}

/// A directory below target/, which is on a real disk and not in the machine's /tmp.
pub fn scratch() -> TempDir {
    let target = Path::new(env!("CARGO_TARGET_TMPDIR"));
    tempfile::Builder::new().prefix("tree-").tempdir_in(target).unwrap()
}

/// Writes a file of `bytes` bytes with its directories.
pub fn file(root: &Path, path: impl AsRef<Path>, bytes: usize) -> PathBuf {
    let path = root.join(path);
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(&path, vec![b'x'; bytes]).unwrap();
    path
}

/// A name that is no UTF-8, has a newline, a comma, markup and a quote.
pub const ODD_NAME: &[u8] = b"a\xff\n,<b>\"";

/// A path below `root` from raw bytes.
pub fn raw(root: &Path, name: &[u8]) -> PathBuf {
    root.join(OsStr::from_bytes(name))
}

/// Whether a check can run here; where not, says so where a reader of the log sees it. `tests/run`
/// lists these lines at its end.
pub fn skip_unless(able: bool, what: &str, why: &str) -> bool {
    if !able {
        let line = format!("SKIPPED {what}: {why}\n");
        // Past the test harness, which hides what a passing test prints.
        let _ = std::io::Write::write_all(&mut std::io::stderr(), line.as_bytes());
        if let Some(list) = std::env::var_os("EFS_SCAN_SKIPPED") {
            let file = std::fs::OpenOptions::new().append(true).create(true).open(list);
            std::io::Write::write_all(&mut file.unwrap(), line.as_bytes()).unwrap();
        }
    }
    able
}

/// Whether the tests run as root.
pub fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}
