//! Runs that cannot be published wait in the spool and are sent first the next time.

use std::path::PathBuf;

use efs_scan::outbox::Job;
use efs_scan::report::Report;
use efs_scan::store::Destination;

use super::place::*;
use efs_scan_testbed::*;

/// Puts a file in place of a directory, so nothing can be stored although the destination itself is
/// writable.
fn obstruct(place: &Place) -> PathBuf {
    std::fs::create_dir_all(place.published()).unwrap();
    file(&place.published(), "runs", 3)
}

/// Returns the lines of standard error that name the obstacle.
fn naming(stderr: &str, path: &std::path::Path) -> usize {
    stderr.lines().filter(|line| line.contains(path.to_str().unwrap())).count()
}

#[test]
fn an_unsent_run_waits_complete_and_its_report_is_still_printed() {
    let place = Place::new();
    let obstacle = obstruct(&place);
    let output = place.scan(&["--format", "json"], 5);
    let printed: Report = serde_json::from_slice(&output.stdout).unwrap();
    let said = stderr(&output);
    assert_eq!(naming(&said, &obstacle), 1, "{said}");
    assert!(said.contains("1 run waits") && said.contains("efs-scan publish"), "{said}");
    assert_eq!(place.waiting(), [printed.run.id.as_str()]);
    let kept = place.state().join(format!("spool/{}.run.json", printed.run.id));
    let job: Job = serde_json::from_slice(&std::fs::read(kept).unwrap()).unwrap();
    assert_eq!(job.report, printed);
    assert_eq!(job.targets.publish, Some(Destination::Directory(place.published())));
    assert_eq!(place.latest_id(), None);
    // Nothing is incomplete: no object without the run's report.
    assert_eq!(files(&place.published()).into_keys().collect::<Vec<_>>(), ["runs"]);
}

#[test]
fn the_next_run_sends_what_waits_before_itself() {
    let place = Place::new();
    let obstacle = obstruct(&place);
    place.scan(&[], 5);
    place.scan(&[], 5);
    let waiting = place.waiting();
    assert_eq!(waiting.len(), 2);
    std::fs::remove_file(obstacle).unwrap();
    place.scan(&[], 0);
    let runs = place.runs();
    assert_eq!(runs.len(), 3);
    assert_eq!(runs[..2], waiting);
    assert_eq!(place.latest_id().as_ref(), runs.last());
    assert_eq!(place.spooled(), Vec::<String>::new());
    assert_eq!(files(&place.published()).len(), 3 + 4 * 3);
}

#[test]
fn the_command_publish_sends_what_waits_and_says_if_it_cannot() {
    let place = Place::new();
    place.resend(0);
    let obstacle = obstruct(&place);
    place.scan(&[], 5);
    place.scan(&[], 5);
    let waiting = place.waiting();
    let before = files(&place.state().join("spool"));
    let said = stderr(&place.resend(5));
    // Each run is named: a refusal of one says nothing about the other.
    assert_eq!(naming(&said, &obstacle), 2, "{said}");
    assert!(said.contains("2 runs wait"), "{said}");
    assert_eq!(files(&place.state().join("spool")), before);
    std::fs::remove_file(obstacle).unwrap();
    assert!(place.resend(0).stderr.is_empty());
    assert_eq!(place.runs(), waiting);
    assert_eq!(place.latest_id().as_ref(), waiting.last());
    assert_eq!(place.spooled(), Vec::<String>::new());
    let published = files(&place.published());
    place.resend(0);
    assert_eq!(files(&place.published()), published);
}

#[test]
fn a_waiting_run_keeps_its_destination_wherever_it_is_sent_from() {
    // Like cron, this starts in another directory.
    let place = Place::new();
    let obstacle = obstruct(&place);
    let mut command = efs_scan();
    command.current_dir(place.dir.path());
    command.args(["efs", "--publish", "published", "--state-dir", "state", "--quiet"]);
    assert_code(&watched(&mut command, PATIENCE), 5);
    std::fs::remove_file(obstacle).unwrap();
    let elsewhere = scratch();
    let mut command = efs_scan();
    command.current_dir(elsewhere.path()).args(["publish", "--quiet", "--state-dir"]);
    assert_code(&watched(command.arg(place.state()), PATIENCE), 0);
    let strayed: Vec<String> = files(elsewhere.path()).into_keys().collect();
    assert_eq!(strayed, Vec::<String>::new(), "published where nobody looks");
    assert_eq!(place.runs().len(), 1);
}

#[test]
fn an_unreadable_file_in_the_spool_stays_and_blocks_nothing() {
    let place = Place::new();
    let obstacle = obstruct(&place);
    place.scan(&[], 5);
    std::fs::remove_file(obstacle).unwrap();
    let waiting = place.waiting();
    let spool = place.state().join("spool");
    let whole = std::fs::read(spool.join(format!("{}.run.json", waiting[0]))).unwrap();
    let corrupt = [
        ("20200101T000000.000000Z", &b"{\"plan\":"[..]),
        ("20200102T000000.000000Z", b""),
        ("20200103T000000.000000Z", &whole[..whole.len() / 2]),
        ("20200104T000000.000000Z", b"\xff\xfe"),
        ("20990101T000000.000000Z", b"{}"),
    ];
    for (id, bytes) in corrupt {
        std::fs::write(spool.join(format!("{id}.run.json")), bytes).unwrap();
    }
    for sent in [place.resend(5), place.scan(&[], 5)] {
        let said = stderr(&sent);
        for (id, bytes) in corrupt {
            let path = spool.join(format!("{id}.run.json"));
            assert_eq!(naming(&said, &path), 1, "{said}");
            assert_eq!(std::fs::read(&path).unwrap(), bytes);
        }
        assert!(said.contains("5 runs wait"), "{said}");
        assert_eq!(said.lines().count(), 6, "{said}");
    }
    assert_eq!(place.runs().len(), 2);
    assert_eq!(place.runs()[0], waiting[0]);
    assert_eq!(place.latest_id().as_ref(), place.runs().last());
    assert_eq!(place.spooled().len(), 5);
}

#[test]
fn other_entries_in_the_spool_are_named_and_block_nothing() {
    let place = Place::new();
    let obstacle = obstruct(&place);
    place.scan(&[], 5);
    std::fs::remove_file(obstacle).unwrap();
    let (waiting, spool) = (place.waiting(), place.state().join("spool"));
    let path = |day: u32| spool.join(format!("2020010{day}T000000.000000Z.run.json"));
    let pipe = |path: &std::path::Path| {
        rustix::fs::mkfifoat(rustix::fs::CWD, path, rustix::fs::Mode::RUSR).unwrap();
    };
    pipe(&path(1));
    std::os::unix::fs::symlink("/dev/zero", path(2)).unwrap();
    std::fs::create_dir(path(3)).unwrap();
    std::fs::File::create(path(4)).unwrap().set_len(3 << 30).unwrap();
    // The record of a run's progress is read as well.
    pipe(&spool.join(format!("{}.progress.json", waiting[0])));
    let said = stderr(&place.resend(5));
    for day in 1..=4 {
        assert_eq!(naming(&said, &path(day)), 1, "{said}");
    }
    assert!(said.contains("4 runs wait"), "{said}");
    assert_eq!(place.runs(), waiting);
}

#[test]
fn a_run_whose_progress_cannot_be_read_is_sent_anew() {
    let place = Place::new();
    let obstacle = obstruct(&place);
    place.scan(&[], 5);
    std::fs::remove_file(obstacle).unwrap();
    let ids = place.waiting();
    let progress = place.state().join(format!("spool/{}.progress.json", ids[0]));
    std::fs::write(progress, "{\"publi").unwrap();
    place.resend(0);
    assert_eq!(place.runs(), ids);
    assert_eq!(place.spooled(), Vec::<String>::new());
}

#[test]
fn an_older_run_that_waited_changes_no_pointer() {
    let place = Place::new();
    let obstacle = obstruct(&place);
    place.scan(&[], 5);
    let waiting = place.waiting();
    std::fs::remove_file(obstacle).unwrap();
    // Another host publishes a newer run meanwhile.
    let elsewhere = place.dir.path().join("elsewhere");
    file(&place.root(), "200006/more", 3_000_000);
    let mut command = efs_scan();
    command.arg(place.root()).args(["--name=prod", "--publish"]).arg(place.published());
    assert_code(&watched(command.arg("--state-dir").arg(&elsewhere), PATIENCE), 0);
    let before = files(&place.published());
    place.resend(0);
    let mut after = files(&place.published());
    assert_eq!(place.runs()[0], waiting[0]);
    after.retain(|key, _| !key.contains(&waiting[0]));
    assert_eq!(after, before);
    assert_eq!(place.spooled(), Vec::<String>::new());
}

#[test]
fn a_foreign_latest_json_is_left_alone_and_named() {
    let place = Place::new();
    let path = place.published().join("latest/prod.json");
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(&path, "{\"mine\": true}").unwrap();
    // Before the scan.
    let output = place.scan(&["--format", "json"], 1);
    assert!(output.stdout.is_empty());
    assert_eq!(naming(&stderr(&output), &path), 1, "{}", stderr(&output));
    assert_eq!(std::fs::read_to_string(&path).unwrap(), "{\"mine\": true}");
    assert!(place.waiting().is_empty());
    std::fs::remove_file(&path).unwrap();
    place.scan(&[], 0);
    assert_eq!(place.latest_id().as_ref(), place.runs().last());
}

#[test]
fn a_full_spool_does_not_lose_the_report() {
    // The state directory's file system may be full after a scan of an hour.
    let place = Place::new();
    let mount = |args: &[&str]| {
        let mut command = std::process::Command::new(args[0]);
        command.args(&args[1..]).arg(place.state()).output().is_ok_and(|out| out.status.success())
    };
    std::fs::create_dir(place.state()).unwrap();
    let able =
        is_root() && mount(&["mount", "-t", "tmpfs", "-o", "size=16k,mode=700", "efs-scan-test"]);
    if !skip_unless(able, "a full state directory", "no tmpfs can be mounted") {
        return;
    }
    for home in 0..200 {
        file(&place.root(), format!("{}/file", 300_000 + home), 1);
    }
    let output = watched(place.command().args(["--format", "json"]), PATIENCE);
    let left = place.spooled();
    assert!(mount(&["umount"]));
    let said = stderr(&output);
    assert_ne!(output.status.code(), Some(0), "{said}");
    assert_eq!(naming(&said, &place.state().join("spool")), 1, "{said}");
    assert_eq!(left, Vec::<String>::new(), "not a part of it");
    let report = serde_json::from_slice::<Report>(&output.stdout);
    assert!(report.is_ok(), "code {:?}, {said}: the result of the scan is lost", output.status);
}
