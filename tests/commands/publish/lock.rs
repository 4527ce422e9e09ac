//! The lock: one run at a time in a state directory.

use std::fs::File;
use std::path::Path;
use std::process::{Child, Stdio};
use std::time::Instant;

use rustix::fs::{FlockOperation, flock};

use super::place::*;
use efs_scan_testbed::fuse::faulty;
use efs_scan_testbed::*;

/// Starts a scan that holds the lock and waits for its map of names, which comes from a FIFO.
fn blocked(place: &Place) -> Child {
    let pipe = place.dir.path().join("pipe");
    if !pipe.exists() {
        let made = std::process::Command::new("mkfifo").arg(&pipe).status().unwrap();
        assert!(made.success());
    }
    let mut command = place.command();
    let command = command.arg(format!("--names=csv:{}", pipe.display()));
    let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let text = format!("process id {},", child.id());
    let lock = place.state().join("lock");
    wait_until("the lock", || std::fs::read_to_string(&lock).is_ok_and(|who| who.contains(&text)));
    child
}

/// Lets the scan continue.
fn unblock(place: &Place) {
    std::fs::write(place.dir.path().join("pipe"), "200005,alice\n").unwrap();
}

fn wait_until(what: &str, done: impl Fn() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !done() {
        assert!(Instant::now() < deadline, "{what} takes too long");
        std::thread::sleep(std::time::Duration::from_millis(2));
    }
}

fn lock(path: &Path) -> File {
    let file = File::options().write(true).open(path).unwrap();
    flock(&file, FlockOperation::NonBlockingLockExclusive).unwrap();
    file
}

#[test]
fn a_second_run_ends_at_once_and_names_the_first() {
    let place = Place::new();
    let first = blocked(&place);
    let pid = first.id();
    for output in [place.scan(&[], 1), place.resend(1)] {
        let line = one_line(&output);
        assert!(line.contains(&format!("process id {pid}, scanning")), "{line}");
        assert!(line.contains(place.root().to_str().unwrap()), "{line}");
        assert!(line.contains(place.state().to_str().unwrap()), "{line}");
        assert!(output.stdout.is_empty());
    }
    assert!(!place.published().join("latest/prod.json").exists(), "neither published anything");
    // A scan that publishes nothing needs no lock.
    let root = place.root();
    let elsewhere = watched(efs_scan().arg(&root).arg("--quiet"), PATIENCE);
    assert_code(&elsewhere, 0);
    unblock(&place);
    assert_code(&finish(first, PATIENCE), 0);
    assert_eq!(place.runs().len(), 1);
    place.scan(&[], 0);
    assert_eq!(place.runs().len(), 2);
}

#[test]
fn the_lock_of_a_killed_process_is_free() {
    let place = Place::new();
    let first = blocked(&place);
    signal(first.id(), "KILL");
    assert!(!finish(first, PATIENCE).status.success());
    let text = std::fs::read_to_string(place.state().join("lock")).unwrap();
    assert!(text.contains("process id"), "it still says who had it: {text}");
    place.scan(&[], 0);
    assert_eq!(place.runs().len(), 1);
}

#[test]
fn a_lock_with_any_contents_holds_and_the_message_is_one_line() {
    let place = Place::new();
    place.scan(&[], 0);
    let path = place.state().join("lock");
    for (text, named) in [
        (&b"efs-scan with process id 7, scanning /x\n"[..], "process id 7, scanning /x is"),
        (b"", "another efs-scan is"),
        (b" \n", "another efs-scan is"),
        (b"\xff\xfe", "another efs-scan is"),
        (b"two\nlines\x1b[31m", "two\\nlines\\x1b[31m is"),
    ] {
        std::fs::write(&path, text).unwrap();
        let held = lock(&path);
        let line = one_line(&place.scan(&[], 1));
        assert!(line.contains(named), "{line}");
        assert_eq!(std::fs::read(&path).unwrap(), text, "whose it is stays there");
        drop(held);
        place.scan(&[], 0);
    }
    assert_eq!(place.runs().len(), 1 + 5);
}

#[test]
fn two_state_directories_publish_to_one_place_at_once() {
    let place = Place::new();
    let start = |at: usize| {
        let mut args = place.args();
        args[4] += &at.to_string();
        let mut command = efs_scan();
        let command = command.args(args);
        command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap()
    };
    for round in 1..=5 {
        let children: Vec<Child> = (0..4).map(start).collect();
        for child in children {
            assert_code(&finish(child, PATIENCE), 0);
        }
        assert_eq!(place.runs().len(), 4 * round);
        assert_eq!(place.latest_id().as_ref(), place.runs().last());
        assert_eq!(files(&place.published()).len(), 3 + 4 * 4 * round, "nothing is left");
    }
}

#[test]
fn a_result_being_written_at_the_destination_is_left_alone() {
    let place = Place::new();
    place.scan(&[], 0);
    // Meanwhile another scan writes its result to the destination too.
    let mut tree = faulty::Tree::new();
    for home in 0..20 {
        tree.file(&format!("{home}/file"), 10);
    }
    let delay = faulty::Action::Delay(std::time::Duration::from_millis(100));
    tree.fault(faulty::Fault::everywhere(faulty::Op::Opendir, delay));
    if !faulty::can_mount() {
        return;
    }
    let slow = faulty::mount(tree);
    let result = place.published().join("result.txt");
    let mut command = efs_scan();
    command.arg(slow.path()).arg("--quiet").arg("--output").arg(&result);
    let command = command.stdout(Stdio::piped()).stderr(Stdio::piped());
    let child = command.spawn().unwrap();
    let begun = || {
        let keys = files(&place.published()).into_keys();
        keys.into_iter().any(|key| key.starts_with(".efs-scan-"))
    };
    wait_until("the scan", begun);
    place.scan(&[], 0);
    assert_code(&finish(child, PATIENCE), 0);
    assert!(result.exists());
}
