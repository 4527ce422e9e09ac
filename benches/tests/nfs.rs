//! Checks the output of `nfs-server`, which the measuring scripts read.

use std::io::{BufRead as _, BufReader, Read as _};
use std::process::{Command, Stdio};

use efs_scan_testbed::nfs_server::raw::Raw;
use rustix::process::{Pid, Signal, kill_process};

/// Returns a number of the line at the end.
fn counted(said: &str, name: &str) -> u64 {
    let mut words = said.split_whitespace().filter_map(|word| word.split_once('='));
    let value = words.find(|(key, _)| *key == name).expect("its number").1;
    value.parse().expect("a number")
}

#[test]
fn nfs_server_loads_itself() {
    let output = Command::new(env!("CARGO_BIN_EXE_nfs-server"))
        .args(["--dirs", "1000", "--files", "3", "--delay-ms", "2", "--load", "0.3"])
        .args(["--in-flight", "64", "--connections", "2"])
        .output()
        .expect("nfs-server");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && !said.contains("violation"), "{said}");
    assert_eq!((counted(&said, "dirs"), counted(&said, "files")), (1000, 999 * 3));
    assert_eq!((counted(&said, "connections"), counted(&said, "sessions")), (2, 2));
    assert!(counted(&said, "most_in_flight") <= 64);
    let printed = String::from_utf8_lossy(&output.stdout);
    assert_eq!(counted(&printed, "replies"), counted(&said, "readdirs"));
    // At 2 ms a request, this takes many requests in flight.
    assert!(counted(&printed, "readdirs_per_second") > 2000, "{printed}");
}

#[test]
fn nfs_server_prints_its_counts_at_the_end() {
    let mut server = Command::new(env!("CARGO_BIN_EXE_nfs-server"))
        .args(["--slots", "5"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("nfs-server");
    let mut line = String::new();
    let stdout = server.stdout.take().expect("stdout");
    BufReader::new(stdout).read_line(&mut line).expect("a line");
    let address = line.trim().strip_prefix("nfs://").and_then(|url| url.strip_suffix('/'));
    let address = address.expect("a URL").parse().expect("an address");
    let mut raw = Raw::connect(address).expect("a connection");
    let session = raw.session(b"test", 100, 0).expect("a session");
    assert_eq!(session.sequences.len(), 5);
    kill_process(Pid::from_child(&server), Signal::TERM).expect("a signal");
    let mut said = String::new();
    server.stderr.take().expect("stderr").read_to_string(&mut said).expect("text");
    assert!(server.wait().expect("its end").success(), "{said}");
    assert_eq!((counted(&said, "requests"), counted(&said, "sessions")), (2, 1));
}
