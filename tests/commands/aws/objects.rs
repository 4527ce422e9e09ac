//! Objects in the bucket.

use efs_scan_testbed::aws::{Fault, What};

use super::*;

#[test]
fn a_run_is_published_whole_and_read_back() {
    let world = World::new();
    let output = world.scan(TO);
    assert_eq!(code(&output), Some(0), "{}", stderr(&output));
    let report = printed(&output);
    let id = report["run"]["id"].as_str().unwrap();
    let day = &report["run"]["started"].as_str().unwrap()[..10];
    assert_eq!(
        world.aws.keys("team"),
        [
            format!("efs/dirs/fs=prod/dt={day}/{id}.parquet"),
            "efs/du/latest.txt".to_owned(),
            "efs/du/prod.txt".to_owned(),
            format!("efs/findings/parquet/fs=prod/dt={day}/{id}.parquet"),
            format!("efs/homes/parquet/fs=prod/dt={day}/{id}.parquet"),
            "efs/latest/prod.json".to_owned(),
            format!("efs/runs/fs=prod/dt={day}/{id}.json"),
        ]
    );
    let run = world.aws.object("team", &format!("efs/runs/fs=prod/dt={day}/{id}.json")).unwrap();
    assert_eq!(serde_json::from_slice::<Value>(&run).unwrap(), report);
    let latest = world.latest().unwrap();
    assert_eq!(latest["run"]["id"], id);
    assert_eq!(latest["homes"][0]["owner"]["name"], "alice");
    assert!(world.spool().is_empty());
    assert!(world.aws.violations().is_empty(), "{:?}", world.aws.violations());

    let status = world.run(["status", "--from", "s3://team/efs"]);
    assert_eq!(code(&status), Some(0), "{}", stderr(&status));
    let text = String::from_utf8_lossy(&status.stdout).into_owned();
    for name in ["alice", "bob", "(orphan) 200007"] {
        assert!(text.contains(name), "{text}");
    }
}

#[test]
fn a_second_run_moves_the_pointer_and_keeps_the_first() {
    let world = World::new();
    assert_eq!(code(&world.scan(TO)), Some(0));
    let first = world.latest().unwrap();
    let second = printed(&world.scan(TO));
    assert_eq!(world.latest().unwrap()["run"]["id"], second["run"]["id"]);
    assert_eq!(world.aws.keys("team").len(), 11);
    assert!(
        world.aws.object("team", &format!("efs/{}", first["report"].as_str().unwrap())).is_some()
    );
}

#[test]
fn status_compares_with_the_day_before_whatever_the_page_size() {
    let world = World::new();
    world.aws.page_size(1);
    assert_eq!(code(&world.scan(TO)), Some(0));
    let latest = world.latest().unwrap();
    let report = format!("efs/{}", latest["report"].as_str().unwrap());
    let [table, _] = csv_of(&world.aws.object("team", &report).unwrap());
    let started: jiff::Timestamp = latest["run"]["started"].as_str().unwrap().parse().unwrap();
    for hours in [24, 48, 168] {
        let at = started - jiff::SignedDuration::from_hours(hours);
        let (day, id) = (at.strftime("%Y-%m-%d"), at.strftime("%Y%m%dT%H%M%S%.6fZ"));
        // Alice's home has one digit more than before.
        let bytes = home(&latest, "200005")["allocated_bytes"].to_string();
        let smaller = table.replace(&format!(",{bytes},"), ",1000000,");
        world.aws.put_object("team", &format!("efs/homes/fs=prod/dt={day}/{id}.csv"), smaller);
    }
    let status = world.run(["status", "--from", "s3://team/efs", "--format", "json"]);
    let status = printed(&status);
    let alice = home(&status, "200005");
    let grown = alice["allocated_bytes"].as_i64().unwrap() - 1_000_000;
    assert_eq!(alice["change"]["day"]["bytes"], grown);
    assert_eq!(alice["change"]["week"]["bytes"], grown);
    assert_eq!(home(&status, "200006")["change"]["day"]["bytes"], 0);
    assert!(world.aws.count("S3", "ListObjectsV2") > 3, "one key a page");
}

#[test]
fn a_bucket_without_a_prefix_will_do() {
    let world = World::new();
    assert_eq!(code(&world.scan(["--publish", "s3://team"])), Some(0));
    assert!(world.aws.object("team", "latest/prod.json").is_some());
    assert_eq!(code(&world.run(["status", "--from", "s3://team/"])), Some(0));
}

#[test]
fn an_object_that_exists_counts_as_published() {
    // The reply to a conditional write is lost; the SDK retries and finds its own object.
    at_once(["runs/", "homes/", "findings/", "du/", "latest/prod.json"], |key| {
        let world = World::new();
        let lost = Fault::new("S3", "PutObject", What::DropAfter).matching(key);
        world.aws.fault(lost);
        let output = world.scan(TO);
        assert_eq!(code(&output), Some(0), "{key}: {}", stderr(&output));
        assert_eq!(world.latest().unwrap()["run"]["id"], printed(&output)["run"]["id"]);
        assert!(world.spool().is_empty());
    });
}

#[test]
fn an_older_run_never_replaces_a_newer_one() {
    let world = World::new();
    let down = Fault::new("S3", "PutObject", What::Denied).matching("runs/").always();
    world.aws.fault(down);
    let old = world.scan(TO);
    assert_eq!(code(&old), Some(5));
    world.aws.clear_faults();
    // Meanwhile another monitor with its own state directory publishes a newer run.
    let elsewhere = world.scratch.path().join("elsewhere");
    let new = world.scan([
        OsStr::new("--publish"),
        "s3://team/efs".as_ref(),
        "--state-dir".as_ref(),
        elsewhere.as_os_str(),
    ]);
    assert_eq!(code(&new), Some(0), "{}", stderr(&new));
    let du = world.aws.object("team", "efs/du/latest.txt");
    file(&world.root(), "200005/more", 9_000_000);
    assert_eq!(code(&world.run(["publish"])), Some(0));
    assert_eq!(world.latest().unwrap()["run"]["id"], printed(&new)["run"]["id"]);
    assert_eq!(world.aws.object("team", "efs/du/latest.txt"), du);
    let id = printed(&old)["run"]["id"].as_str().unwrap().to_owned();
    assert!(world.aws.keys("team").iter().any(|key| key.contains(&id)), "it is kept all the same");
    assert!(world.spool().is_empty());
}

/// Another publisher wrote between reading and writing.
#[test]
fn a_failed_precondition_is_checked_again() {
    for key in ["du/latest.txt", "latest/prod.json"] {
        let world = World::new();
        assert_eq!(code(&world.scan(TO)), Some(0));
        file(&world.root(), "200007/more", 5_000_000);
        let failed = What::PreconditionFailed;
        world.aws.fault(Fault::new("S3", "PutObject", failed).matching(key));
        let output = world.scan(TO);
        assert_eq!(code(&output), Some(0), "{key}: {}", stderr(&output));
        assert_eq!(world.aws.faults_fired(), 1);
        assert_eq!(world.latest().unwrap()["run"]["id"], printed(&output)["run"]["id"]);
    }
}

#[test]
fn pages_are_made_if_configured() {
    let world = World::new();
    let args: Vec<&str> = TO.iter().copied().chain(["--publish-report"]).collect();
    let output = world.scan(&args);
    assert_eq!(code(&output), Some(0), "{}", stderr(&output));
    let run = world.latest().unwrap()["run"]["id"].as_str().unwrap().to_owned();
    let keys = world.aws.keys("team");
    let pages: Vec<&String> = keys.iter().filter(|key| key.ends_with(".html")).collect();
    let users =
        ["200005", "200006", "200007"].map(|uid| format!("efs/report/prod/users/{uid}.html"));
    assert_eq!(pages[..2], ["efs/report/index.html", "efs/report/prod/latest.html"]);
    assert!(users.iter().all(|key| pages.contains(&key)), "{pages:?}");
    // The page of all file systems shows runs of several.
    for key in &pages[1..] {
        let page = world.aws.object("team", key).unwrap();
        assert_eq!(efs_scan::published::run_of_page(&page), Some(&*run), "{key}");
        let headers = world.aws.object_headers("team", key).unwrap();
        assert_eq!(headers["content-type"], "text/html; charset=utf-8", "{key}");
    }
    assert!(world.aws.violations().is_empty(), "{:?}", world.aws.violations());
}

#[test]
fn a_large_object_is_sent_from_a_file_or_else_from_memory() {
    let world = World::new();
    for uid in 300_000..306_000 {
        std::fs::create_dir(world.root().join(uid.to_string())).unwrap();
    }
    let temporary = scratch();
    for (directory, fits) in [(temporary.path().to_owned(), true), ("/nonexistent".into(), false)] {
        let mut command = world.command();
        command.arg(world.root()).args(["--format", "json"]).args(TO).env("TMPDIR", &directory);
        let output = watched(&mut command, Duration::from_secs(300));
        assert_eq!(code(&output), Some(0), "{}", stderr(&output));
        let said = "a large object is made in memory instead";
        assert_eq!(stderr(&output).contains(said), !fits, "{}", stderr(&output));
        let report = printed(&output);
        let key = world.latest().unwrap()["report"].as_str().unwrap().to_owned();
        let run = world.aws.object("team", &format!("efs/{key}")).unwrap();
        assert!(run.len() > 8 << 20, "{} bytes are not large", run.len());
        assert_eq!(serde_json::from_slice::<Value>(&run).unwrap(), report);
        assert!(world.spool().is_empty());
    }
    assert_eq!(std::fs::read_dir(temporary.path()).unwrap().count(), 0);
    assert!(world.aws.violations().is_empty(), "{:?}", world.aws.violations());
}
