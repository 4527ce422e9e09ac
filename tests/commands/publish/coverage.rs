//! Publishing of incomplete runs.

use std::os::unix::fs::PermissionsExt;
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use efs_scan::published::Latest;
use efs_scan::report::{Coverage, Report};

use super::place::*;
use efs_scan_testbed::fuse::faulty::{Action, Fault, Op, Tree};
use efs_scan_testbed::fuse::faulty::{Mounted, can_mount, mount};
use efs_scan_testbed::*;

fn latest(place: &Place) -> Latest {
    serde_json::from_slice(&std::fs::read(place.published().join("latest/prod.json")).unwrap())
        .unwrap()
}

#[test]
fn a_partial_run_is_published_and_says_so() {
    let place = Place::new();
    let root = place.root();
    file(&root, "200006/closed/file", 5000);
    std::fs::set_permissions(root.join("200006/closed"), PermissionsExt::from_mode(0o000)).unwrap();
    // Root can read everything, so this runs as another user, who must be able to reach the
    // program.
    let program = place.dir.path().join("efs-scan");
    std::fs::copy(env!("CARGO_BIN_EXE_efs-scan"), &program).unwrap();
    let mut command = Command::new(if is_root() { "setpriv" } else { "env" });
    if is_root() {
        command.args(["--reuid=65534", "--regid=65534", "--clear-groups", "--inh-caps=-all"]);
        std::fs::set_permissions(place.dir.path(), PermissionsExt::from_mode(0o777)).unwrap();
    }
    let passable = |dir: &std::path::Path| {
        std::fs::metadata(dir).is_ok_and(|metadata| metadata.permissions().mode() & 0o001 != 0)
    };
    let able = !is_root() || place.dir.path().ancestors().all(passable);
    if !skip_unless(able, "a partial run", "the build folder is closed to other users") {
        return;
    }
    command.arg(&program).args(place.args()).args(["--format", "json"]);
    let output = watched(command.env("EFS_SCAN_CONFIG", "/dev/null"), PATIENCE);
    assert_code(&output, 3);
    let printed: Report = serde_json::from_slice(&output.stdout).unwrap();
    let latest = latest(&place);
    assert_eq!(latest.run, printed.run);
    assert_eq!((latest.run.coverage, latest.errors), (Coverage::Partial, 1));
    for home in &latest.homes {
        let partial = home.name == "200006";
        assert_eq!(home.coverage == Coverage::Partial, partial, "{}", home.name);
    }
    assert_eq!(place.spooled(), Vec::<String>::new());
    // Failing to publish takes precedence over unreadable entries.
    std::fs::rename(place.published().join("runs"), place.published().join("away")).unwrap();
    file(&place.published(), "runs", 1);
    assert_code(&watched(&mut command, PATIENCE), 5);
}

#[test]
fn a_run_over_quota_is_published_and_unpublished_runs_take_precedence_in_the_exit_code() {
    let place = Place::new();
    place.scan(&["--quota", "4KiB", "--fail-on-quota"], 4);
    assert!(latest(&place).homes.iter().any(|home| home.quota.is_some_and(|quota| quota.over)));
    std::fs::remove_dir_all(place.published()).unwrap();
    std::fs::create_dir(place.published()).unwrap();
    file(&place.published(), "runs", 1);
    place.scan(&["--quota", "4KiB", "--fail-on-quota"], 5);
}

/// Makes a tree that takes seconds to scan.
fn slow() -> Mounted {
    let mut tree = Tree::new();
    for home in 0..20 {
        for dir in 0..40 {
            tree.file(&format!("{}/{dir:02}/a", 200_000 + home), 1000);
        }
    }
    tree.fault(Fault::everywhere(Op::Opendir, Action::Delay(Duration::from_millis(5))));
    mount(tree)
}

/// Interrupts a scan in the middle; it must exit with `code`.
fn interrupted(place: &Place, args: &[&str], name: &str) -> Output {
    let tree = slow();
    let mut command = efs_scan();
    command.arg(tree.path()).args(&place.args()[1..]).args(["--format", "json"]).args(args);
    // Each mount is another root.
    let command = command.arg("--take-over");
    let command = command.stdout(Stdio::piped()).stderr(Stdio::piped());
    let child = command.spawn().unwrap();
    let deadline = Instant::now() + PATIENCE;
    while tree.state.all_calls(Op::Opendir) < 100 {
        assert!(Instant::now() < deadline, "scanning takes too long");
        std::thread::sleep(Duration::from_millis(2));
    }
    signal(child.id(), name);
    let output = finish(child, PATIENCE);
    assert_code(&output, 130);
    let printed: Report = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(printed.run.coverage, Coverage::Interrupted);
    output
}

#[test]
fn an_interrupted_run_is_published_only_on_request() {
    if !can_mount() {
        return;
    }
    for name in ["INT", "TERM"] {
        let place = Place::new();
        let output = interrupted(&place, &[], name);
        assert!(output.stderr.is_empty(), "nothing went wrong: {}", stderr(&output));
        assert_eq!(files(&place.published()).len(), 0);
        assert_eq!(place.spooled(), Vec::<String>::new());
        // It does not replace a complete run either.
        place.scan(&[], 0);
        let before = files(&place.published());
        interrupted(&place, &[], name);
        assert_eq!(files(&place.published()), before);

        let output = interrupted(&place, &["--publish-interrupted"], name);
        let printed: Report = serde_json::from_slice(&output.stdout).unwrap();
        assert_eq!(latest(&place).run, printed.run);
        assert_eq!(place.runs().len(), 2);
        assert_eq!(place.spooled(), Vec::<String>::new());
    }
}

#[test]
fn an_interrupted_run_does_not_lose_waiting_runs() {
    if !can_mount() {
        return;
    }
    let place = Place::new();
    std::fs::create_dir(place.published()).unwrap();
    let obstacle = file(&place.published(), "runs", 1);
    place.scan(&[], 5);
    let waiting = place.waiting();
    std::fs::remove_file(obstacle).unwrap();
    interrupted(&place, &[], "TERM");
    // The run is there once, if it was sent earlier or not.
    place.resend(0);
    assert_eq!(place.runs(), waiting);
    assert_eq!(place.latest_id().as_ref(), waiting.last());
    assert_eq!(place.spooled(), Vec::<String>::new());
}
