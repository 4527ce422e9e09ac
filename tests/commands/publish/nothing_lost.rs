//! A failure costs only itself: a full state directory, a file that cannot be removed, a limit, a
//! page.

use std::fs::{self, File};
use std::os::unix::process::ExitStatusExt;
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use rustix::fs::{FlockOperation, flock};

use super::place::*;
use efs_scan_testbed::*;

/// The longest time from a signal to the end of the program.
const HEEDED: Duration = Duration::from_secs(2);

/// Runs `then` (a shell script that ends with the program's arguments in `"$@"`) in a separate
/// mount namespace. Returns `None` if this machine does not allow that.
fn unshared(place: &Place, script: &str, args: &[String]) -> Option<Output> {
    let able = Command::new("unshare").args(["-m", "true"]).output();
    let able = able.is_ok_and(|output| output.status.success());
    if !skip_unless(able, "a state directory on a file system of its own", "needs unshare -m") {
        return None;
    }
    let mut command = Command::new("unshare");
    command.args(["-m", "sh", "-ec", script, "sh"]).arg(program()).args(args);
    command.env("EFS_SCAN_CONFIG", "/dev/null").env("STATE", place.state());
    command.env("SPOOL", place.state().join("spool")).current_dir(place.dir.path());
    Some(watched(&mut command, PATIENCE))
}

/// Makes the state directory too small for a run.
const FULL: &str = "mkdir -p $STATE; mount -t tmpfs -o size=8k,mode=700 none $STATE; exec \"$@\"";

#[test]
fn a_full_state_directory_does_not_prevent_publishing() {
    let place = Place::new();
    let Some(output) = unshared(&place, FULL, &place.args()) else { return };
    assert_code(&output, 7);
    let said = stderr(&output);
    assert!(said.contains("this run is published, but the state directory"), "{said}");
    assert!(!output.stdout.is_empty());
    assert_eq!(place.runs().len(), 1);
    assert_eq!(place.latest_id().as_ref(), place.runs().last());
}

#[test]
fn an_unwritable_state_directory_does_not_prevent_publishing() {
    let place = Place::new();
    let read_only = "mkdir -p $STATE; mount -t tmpfs -o ro,mode=700 none $STATE; exec \"$@\"";
    let asked = [place.args(), vec!["--state=directory".to_owned()]].concat();
    let Some(output) = unshared(&place, read_only, &asked) else { return };
    assert_code(&output, 7);
    assert!(stderr(&output).contains("Read-only file system"), "{}", stderr(&output));
    assert_eq!(place.runs().len(), 1);
    // Unless that directory is asked for, the destination keeps what outlives a run.
    let output = unshared(&place, read_only, &place.args()).unwrap();
    assert_code(&output, 0);
    assert_eq!(stderr(&output), "");
    assert_eq!(place.runs().len(), 2);
    assert!(place.published().join("state/fs=prod/lock.json").exists());
    // What it has from earlier runs is not left behind: it stays the place of the state.
    let kept = read_only
        .replace("ro,mode", "mode")
        .replace("exec", "touch $STATE/lock; mount -o remount,ro $STATE; exec");
    let output = unshared(&place, &kept, &place.args()).unwrap();
    assert_code(&output, 7);
    assert_eq!(place.runs().len(), 3);
}

#[test]
fn a_run_that_can_be_neither_kept_nor_published_is_printed_and_called_lost() {
    let place = Place::new();
    fs::create_dir_all(place.published()).unwrap();
    file(&place.published(), "runs", 3);
    let Some(output) = unshared(&place, FULL, &place.args()) else { return };
    assert_code(&output, 1);
    let said = stderr(&output);
    assert!(said.contains("this run is lost") && !said.contains("waits in"), "{said}");
    assert!(String::from_utf8_lossy(&output.stdout).contains("alice"), "the table is printed");
    assert_eq!(place.latest_id(), None);
}

#[test]
fn a_run_whose_file_cannot_be_removed_from_the_spool_blocks_nothing() {
    let place = Place::new();
    fs::create_dir_all(place.published()).unwrap();
    let obstacle = file(&place.published(), "runs", 3);
    place.scan(&[], 5);
    fs::remove_file(obstacle).unwrap();
    // A file with a mount on it cannot be removed.
    let stuck = "for f in $SPOOL/*.run.json; do mount --bind $f $f; done; exec \"$@\"";
    let Some(output) = unshared(&place, stuck, &place.args()) else { return };
    assert_code(&output, 5);
    let said = stderr(&output);
    assert!(said.contains("removing") && said.contains(".run.json"), "{said}");
    assert!(!said.contains("waits in"), "it is published: {said}");
    assert_eq!((place.runs().len(), place.waiting().len()), (2, 1));
    assert_eq!(place.latest_id().as_ref(), place.runs().last());
    // Once the file can be removed, it is removed and not sent again.
    place.resend(0);
    assert_eq!(place.spooled(), Vec::<String>::new());
}

#[test]
fn a_run_that_a_destination_refuses_does_not_hold_up_the_next() {
    let place = Place::new();
    fs::create_dir_all(place.published()).unwrap();
    let obstacle = file(&place.published(), "runs", 3);
    place.scan(&[], 5);
    let old = place.state().join(format!("spool/{}.run.json", place.waiting()[0]));
    fs::remove_file(obstacle).unwrap();
    // The day of that run cannot be written, as after a restore with wrong owners.
    let early = "20200101T000000.000000Z";
    let text = fs::read_to_string(&old).unwrap();
    let text = text.replace(&place.waiting()[0], early);
    let at = text.find("\"started\":\"").unwrap() + "\"started\":\"".len();
    let text = format!("{}2020-01-01{}", &text[..at], &text[at + 10..]);
    fs::write(old.with_file_name(format!("{early}.run.json")), text).unwrap();
    fs::remove_file(old).unwrap();
    file(&place.published(), "runs/fs=prod/dt=2020-01-01", 3);
    let said = stderr(&place.scan(&[], 5));
    assert!(said.contains("dt=2020-01-01") && said.contains("1 run waits"), "{said}");
    assert_eq!(place.waiting(), [early]);
    let mut runs = place.runs();
    runs.retain(|run| !run.starts_with("dt="));
    assert_eq!(place.latest_id().as_ref(), runs.last());
}

#[test]
fn pages_that_cannot_be_written_are_named_and_the_others_are_there() {
    let place = Place::new();
    let page = |uid: u32| place.published().join(format!("report/prod/users/{uid}.html"));
    let broken = [199_991, 199_992, 199_993, 199_994, 199_995, 199_996, 200_005];
    for uid in broken {
        file(&place.root(), format!("{uid}/file"), 1);
        fs::create_dir_all(page(uid)).unwrap();
    }
    let said = stderr(&place.scan(&["--publish-report"], 5));
    for uid in broken {
        assert!(said.contains(&format!("{uid}.html")), "{said}");
    }
    assert!(page(200_006).is_file());
    assert!(place.published().join("report/prod/latest.html").is_file());
    // The same for the command.
    fs::remove_file(page(200_006)).unwrap();
    let mut command = efs_scan();
    let command = command.arg("report").arg("--from").arg(place.published());
    let files = place.dir.path().join("pages");
    fs::create_dir_all(files.join("200005.html")).unwrap();
    let output = watched(command.arg("--publish").arg("--users").arg(&files), PATIENCE);
    assert_code(&output, 1);
    assert!(page(200_006).is_file() && files.join("200006.html").is_file());
    assert_eq!(stderr(&output).matches("200005.html").count(), 2, "{}", stderr(&output));
}

#[test]
fn a_signal_is_heeded_while_the_destination_does_not_answer() {
    at_once(["INT", "TERM"], |name| {
        let place = Place::new();
        place.scan(&[], 0);
        // A publisher that blocks in the middle of an object.
        let lock = File::open(place.published().join(".efs-scan.lock")).unwrap();
        let mut command = place.command();
        command.args(["--max-ops", "20"]).stdout(Stdio::piped()).stderr(Stdio::piped());
        for home in 0..20 {
            file(&place.root(), format!("{home}/a/file"), 10);
        }
        let child = command.spawn().unwrap();
        // The check before the scan needs the lock.
        let text = format!("process id {},", child.id());
        let held = place.state().join("lock");
        until(|| fs::read_to_string(&held).is_ok_and(|who| who.contains(&text)));
        std::thread::sleep(Duration::from_millis(300));
        flock(&lock, FlockOperation::LockExclusive).unwrap();
        until(|| place.waiting().len() == 1);
        std::thread::sleep(Duration::from_millis(200));
        let asked = Instant::now();
        signal(child.id(), name);
        let output = finish(child, PATIENCE);
        assert!(asked.elapsed() < HEEDED, "{:?}", asked.elapsed());
        assert_code(&output, 130);
        let said = stderr(&output);
        assert!(said.contains("interrupted while publishing; the run waits in"), "{said}");
        assert!(!output.stdout.is_empty(), "the table was printed before");
        drop(lock);
        place.resend(0);
        assert_eq!((place.runs().len(), place.spooled()), (2, Vec::new()));
    });
}

#[test]
fn a_signal_is_heeded_while_names_and_published_runs_are_read() {
    let place = Place::new();
    place.scan(&["--publish-report"], 0);
    let fifo = place.dir.path().join("fifo");
    assert!(Command::new("mkfifo").arg(&fifo).status().unwrap().success());
    let pages = place.dir.path().join("pages");
    fs::create_dir(&pages).unwrap();
    let names = format!("--names=csv:{}", fifo.display());
    let (root, from, page) = (place.root(), place.published(), pages.join("page.html"));
    let (root, from) = (root.to_str().unwrap(), from.to_str().unwrap());
    let lock = File::open(place.published().join(".efs-scan.lock")).unwrap();
    flock(&lock, FlockOperation::LockExclusive).unwrap();
    let state = place.state();
    let cases: [&[&str]; 2] = [
        &[root, &names, "--no-publish", "--output", page.to_str().unwrap()],
        &["report", "--from", from, "--html", page.to_str().unwrap(), "--publish"],
    ];
    for args in cases {
        let mut command = efs_scan();
        command.args(args).stdout(Stdio::piped()).stderr(Stdio::piped());
        let child = command.env("EFS_SCAN_STATE_DIR", &state).spawn().unwrap();
        std::thread::sleep(Duration::from_millis(800));
        let asked = Instant::now();
        signal(child.id(), "TERM");
        let output = finish(child, PATIENCE);
        assert!(asked.elapsed() < HEEDED, "{args:?}: {:?}", asked.elapsed());
        assert_code(&output, 130);
        one_line(&output);
        let left = files(&pages).into_keys().filter(|name| name != "page.html").count();
        assert_eq!(left, 0, "{args:?}: {:?}", files(&pages).keys());
    }
}

fn until(done: impl Fn() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !done() {
        assert!(Instant::now() < deadline, "it takes too long");
        std::thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn temporary_files_of_a_killed_run_are_removed_later() {
    let place = Place::new();
    let results = place.dir.path().join("results");
    fs::create_dir(&results).unwrap();
    for home in 0..50 {
        file(&place.root(), format!("{home}/a/file"), 10);
    }
    let scan = |more: &[&str]| {
        let mut command = efs_scan();
        command.arg(place.root()).arg("--quiet").arg("--output").arg(results.join("out"));
        command.args(more).stdout(Stdio::piped()).stderr(Stdio::piped());
        command.spawn().unwrap()
    };
    let temporary = || files(&results).into_keys().filter(|name| name.starts_with(".efs-scan-o"));
    let killed = scan(&["--max-ops", "20"]);
    until(|| temporary().count() == 1);
    let of_killed = temporary().next().unwrap();
    signal(killed.id(), "KILL");
    assert_eq!(finish(killed, PATIENCE).status.signal(), Some(9));
    // Files that only look like ours, and one that a running process writes.
    let foreign = [".efs-scan-output-notes", ".efs-scan-output-ab.def", ".efs-scan-mine"];
    for name in foreign {
        file(&results, name, 3);
    }
    fs::create_dir(results.join(".efs-scan-output-abcdef")).unwrap();
    let living = scan(&["--max-ops", "20"]);
    // The running scan removes the killed run's file, and makes its own.
    until(|| temporary().count() == 3 && temporary().all(|name| name != of_killed));
    assert_code(&finish(scan(&[]), PATIENCE), 0);
    assert_eq!(temporary().count(), 3, "the living run's file is there");
    assert_code(&finish(living, PATIENCE), 0);
    assert_code(&finish(scan(&[]), PATIENCE), 0);
    let mut names: Vec<String> = files(&results).into_keys().collect();
    names.sort();
    assert_eq!(
        names,
        [".efs-scan-mine", ".efs-scan-output-ab.def", ".efs-scan-output-notes", "out"]
    );
    assert!(results.join(".efs-scan-output-abcdef").is_dir());
}

#[test]
fn a_file_size_limit_causes_an_error_line_and_no_crash() {
    let place = Place::new();
    let mut command = Command::new("sh");
    command.args(["-c", "ulimit -f 1; exec \"$@\"", "sh"]).arg(program()).args(place.args());
    let output = watched(command.env("EFS_SCAN_CONFIG", "/dev/null"), PATIENCE);
    assert_eq!(output.status.signal(), None);
    assert_code(&output, 1);
    let said = stderr(&output);
    assert!(said.contains("File too large") && said.contains("this run is lost"), "{said}");
    assert!(!output.stdout.is_empty());
}

#[test]
fn exit_codes_hold_if_stderr_is_full_or_closed() {
    let place = Place::new();
    fs::create_dir_all(place.published()).unwrap();
    file(&place.published(), "runs", 3);
    let root = place.root();
    let missing = place.dir.path().join("missing");
    let (root, missing) = (root.to_str().unwrap(), missing.to_str().unwrap());
    let publishing = place.args();
    let publishing: Vec<&str> = publishing.iter().map(String::as_str).collect();
    let cases: [(&[&str], i32); 5] = [
        (&[missing], 1),
        (&[root, "--top", "99999999"], 2),
        (&[missing, "--log-format", "json"], 1),
        (&[root, "--verbose", "--verbose"], 0),
        (&publishing, 5),
    ];
    for (args, code) in cases {
        let run = |stderr: Stdio| {
            let child = efs_scan().args(args).stdout(Stdio::piped()).stderr(stderr).spawn();
            finish(child.unwrap(), PATIENCE)
        };
        let full = File::options().write(true).open("/dev/full").unwrap();
        let (reader, unread) = std::io::pipe().unwrap();
        drop(reader);
        for output in [run(full.into()), run(unread.into())] {
            assert_eq!(output.status.code(), Some(code), "{args:?}");
            assert_eq!(output.stdout.is_empty(), [1, 2].contains(&code), "{args:?}");
        }
        // Closed, because another file may get its number.
        let mut closed = Command::new("sh");
        closed.args(["-c", "exec 2>&-; exec \"$@\"", "sh"]).arg(program()).args(args);
        let output = watched(closed.env("EFS_SCAN_CONFIG", "/dev/null"), PATIENCE);
        assert_eq!(output.status.code(), Some(code), "{args:?}");
    }
}

#[test]
fn a_day_that_cannot_be_listed_is_named_and_the_others_are_shown() {
    use std::os::unix::fs::PermissionsExt;
    let place = Place::new();
    place.scan(&[], 0);
    let homes = place.published().join("homes/parquet/fs=prod");
    let day = homes.join("dt=2026-01-01");
    fs::create_dir(&day).unwrap();
    fs::set_permissions(&day, PermissionsExt::from_mode(0o000)).unwrap();
    // Root can list everything, so this runs as another user, who must be able to reach the program.
    let mut command = Command::new(if is_root() { "setpriv" } else { "env" });
    if is_root() {
        command.args(["--reuid=65534", "--regid=65534", "--clear-groups", "--inh-caps=-all"]);
        fs::set_permissions(place.dir.path(), PermissionsExt::from_mode(0o755)).unwrap();
    }
    let passable = |dir: &std::path::Path| {
        fs::metadata(dir).is_ok_and(|metadata| metadata.permissions().mode() & 0o001 != 0)
    };
    let able = !is_root()
        || (place.dir.path().ancestors().all(passable) && program().ancestors().all(passable));
    if !skip_unless(able, "a day that cannot be listed", "the build folder is closed to others") {
        return;
    }
    for name in ["history", "status"] {
        let mut command_of = Command::new(command.get_program());
        command_of.args(command.get_args()).arg(program()).arg(name);
        command_of.arg("--from").arg(place.published());
        if name == "history" {
            command_of.args(["--days", "3650"]);
        } else {
            // Only the days before the newest run are compared with it.
            fs::rename(&day, homes.join(yesterday())).unwrap();
        }
        let output = watched(command_of.env("EFS_SCAN_CONFIG", "/dev/null"), PATIENCE);
        assert_code(&output, 3);
        let said = one_line(&output);
        assert!(said.contains("listing") && said.contains("homes/parquet/fs=prod/dt="), "{said}");
        assert!(String::from_utf8_lossy(&output.stdout).contains("alice"), "{name}");
    }
    fs::set_permissions(homes.join(yesterday()), PermissionsExt::from_mode(0o755)).unwrap();
}

fn yesterday() -> String {
    let at = jiff::Timestamp::now() - jiff::SignedDuration::from_hours(24);
    at.strftime("dt=%Y-%m-%d").to_string()
}
