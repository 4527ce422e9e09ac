//! Requests that are refused before the scan and leave nothing behind.

use std::os::unix::fs::symlink;
use std::process::{Command, Output};

use super::place::*;
use efs_scan_testbed::*;

/// Runs on the place's tree, and checks that it is refused with one line that contains `why`.
fn refused(place: &Place, args: &[&str], code: i32, why: &str) -> Output {
    let tree = || {
        let output = Command::new("find").arg(place.root()).arg("-ls").output().unwrap();
        String::from_utf8(output.stdout).unwrap()
    };
    let before = tree();
    let mut command = efs_scan();
    command.current_dir(place.dir.path()).arg(place.root()).args(args);
    // No request is made.
    let output = watched(command.env("AWS_EC2_METADATA_DISABLED", "true"), PATIENCE);
    let line = one_line(&output);
    assert_eq!(output.status.code(), Some(code), "{args:?}: {line}");
    assert!(line.contains(why), "{args:?}: {line}");
    assert!(output.stdout.is_empty(), "{args:?}");
    assert_eq!(tree(), before, "{args:?}: something was made in the tree");
    output
}

#[test]
fn nothing_is_written_into_the_tree_that_is_scanned() {
    let place = Place::new();
    let outside = place.dir.path();
    symlink(place.root(), outside.join("link")).unwrap();
    symlink(place.root().join("200005"), outside.join("deep")).unwrap();
    let inside = [
        "efs",
        "efs/",
        "efs/published",
        "efs/200005/not/there/yet",
        "link",
        "link/published",
        "deep/published",
        "deep/not/there/yet",
        "./efs/../efs/published",
        "deep/../published",
    ];
    let why = "it is in the scanned tree";
    for path in inside {
        let absolute = outside.join(path);
        for path in [path, absolute.to_str().unwrap()] {
            refused(&place, &["--publish", path, "--state-dir", "state"], 2, why);
            refused(&place, &["--publish", "published", "--state-dir", path], 2, why);
            refused(&place, &["--state-dir", path], 2, why);
        }
    }
    for name in ["state", "published"] {
        assert!(!outside.join(name).exists(), "{name} was made before it was refused");
    }
    // A place beside the tree is fine, even if its name starts with the tree's.
    let mut args = place.args();
    args[2] = outside.join("efs-published").to_str().unwrap().to_owned();
    assert_code(&watched(efs_scan().args(args), PATIENCE), 0);
}

#[test]
fn a_path_that_will_lead_into_the_tree_is_refused() {
    // Once `new` exists, these paths lead into the tree.
    let place = Place::new();
    for path in ["new/../efs/published", "new/deep/../../efs/200005/published"] {
        let before = files(&place.root());
        let mut command = efs_scan();
        command.current_dir(place.dir.path()).arg("efs").args(["--publish", path, "--quiet"]);
        watched(command.args(["--state-dir", "state"]), PATIENCE);
        assert_eq!(files(&place.root()).len(), before.len(), "{path}: it was published there");
        let mut command = efs_scan();
        command.current_dir(place.dir.path()).arg("efs").args(["--state-dir", path, "--quiet"]);
        watched(&mut command, PATIENCE);
        assert_eq!(files(&place.root()).len(), before.len(), "{path}: the state is there");
        let _ = std::fs::remove_dir_all(place.dir.path().join("new"));
    }
}

#[test]
fn a_link_that_dangles_into_the_tree_is_not_followed() {
    let place = Place::new();
    let link = place.dir.path().join("link");
    symlink(place.root().join("not-there"), &link).unwrap();
    let mut command = efs_scan();
    command.arg(place.root()).arg("--publish").arg(&link).arg("--state-dir").arg(place.state());
    let output = watched(&mut command, PATIENCE);
    let line = one_line(&output);
    assert!([1, 2].contains(&output.status.code().unwrap()), "{line}");
    assert!(line.contains(link.to_str().unwrap()), "{line}");
    assert!(!place.root().join("not-there").exists());
}

#[test]
fn contradictory_and_meaningless_flags_are_refused() {
    let place = Place::new();
    let topic = "arn:aws:sns:eu-west-1:123456789012:efs";
    let id = "--file-system-id=fs-0123456789abcdef0";
    let state = ["--state-dir", "state"];
    let cases: &[(&[&str], &str)] = &[
        (&["--publish", "published", "--user", "200005"], "--publish with --user"),
        (&["--cloudwatch", id, "--user", "200005"], "--cloudwatch with --user"),
        (&["--notify-topic", topic, "--user", "200005"], "--notify-topic with --user"),
        (&["--cloudwatch"], "--file-system-id"),
        (&["--cloudwatch=AWS/EFS", id], "AWS/"),
        (&["--cloudwatch=two words", id], "two words"),
        (&["--cloudwatch=a\nb", id], "--cloudwatch"),
        (&["--cloudwatch=/mnt/efs", id], "--cloudwatch=NAMESPACE"),
        (&["--notify-topic", "efs"], "not the ARN of a topic"),
        (&["--notify-topic", "arn:aws:sqs:eu-west-1:1:x"], "not the ARN of a topic"),
        (&["--notify-topic", "arn:aws:sns:eu-west-1:1:x.fifo"], "FIFO"),
        (&["--cloudwatch-users"], "--cloudwatch-users needs --cloudwatch"),
        (&["--cloudwatch-groups=a"], "--cloudwatch-groups needs --cloudwatch"),
        (&["--notify-always"], "--notify-always needs --notify-topic"),
        (&["--publish", "s3://Not_A_Bucket/x"], "Not_A_Bucket"),
        (&["--publish", "s3://team/a//x"], "prefix has an empty part"),
        (&["--publish", "s3://"], "name of a bucket"),
        (&["--publish", "gs://bucket/x"], "gs://bucket/x"),
        (&["--publish", ""], "--publish"),
        (&["--publish", "published", "--file-system-id", "efs"], "--file-system-id"),
    ];
    for (args, why) in cases {
        refused(&place, &[args, &state[..]].concat(), 2, why);
    }
    for name in ["state", "published"] {
        assert!(!place.dir.path().join(name).exists(), "{name} was made before it was refused");
    }
}

#[test]
fn an_unwritable_destination_is_reported_before_the_scan() {
    let place = Place::new();
    file(place.dir.path(), "a-file", 3);
    let state = ["--state-dir", "state"];
    for path in ["a-file", "a-file/below"] {
        refused(&place, &[&["--publish", path], &state[..]].concat(), 1, path);
    }
    assert_eq!(std::fs::read(place.dir.path().join("a-file")).unwrap(), b"xxx");
    refused(&place, &["--publish", "published", "--state-dir", "a-file"], 2, "--state-dir a-file");
    // proc accepts no file, not even from root.
    refused(
        &place,
        &[&["--publish", "/proc/published"], &state[..]].concat(),
        1,
        "/proc/published",
    );
}

/// Writes a configuration that publishes.
fn configured(place: &Place) -> String {
    let config = place.dir.path().join("efs-scan.toml");
    let (state, published) = (place.state(), place.published());
    let text = format!("state_dir = {state:?}\n[publish]\nto = {published:?}\n");
    std::fs::write(&config, text).unwrap();
    config.to_str().unwrap().to_owned()
}

#[test]
fn a_scan_of_one_user_or_with_no_publish_publishes_nothing_and_locks_nothing() {
    let place = Place::new();
    let config = configured(&place);
    let run = |args: &[&str]| {
        let mut command = efs_scan();
        command.arg(place.root()).args(["--config", &config, "--name=prod", "--quiet"]).args(args);
        watched(&mut command, PATIENCE)
    };
    for args in [&["--user", "200005"][..], &["--no-publish"]] {
        assert_code(&run(args), 0);
        assert!(!place.published().exists(), "{args:?}");
        assert!(!place.state().exists(), "{args:?}");
    }
    assert_code(&run(&[]), 0);
    assert_eq!(place.runs().len(), 1);
    let before = (files(&place.published()), files(&place.state()));
    // Waiting runs and a held lock do not matter to these commands.
    let lock = std::fs::File::open(place.state().join("lock")).unwrap();
    rustix::fs::flock(&lock, rustix::fs::FlockOperation::LockExclusive).unwrap();
    for args in [&["--user", "200005"][..], &["--no-publish"]] {
        assert_code(&run(args), 0);
    }
    assert_code(&run(&[]), 1);
    assert_eq!((files(&place.published()), files(&place.state())), before);
}

/// Users who may write to the destination must not redirect root's writes.
#[test]
fn nothing_is_made_behind_a_link_at_the_destination() {
    for name in ["runs", "du"] {
        let place = Place::new();
        let elsewhere = place.root().parent().unwrap().join("elsewhere");
        std::fs::create_dir_all(&elsewhere).unwrap();
        std::fs::create_dir_all(place.published()).unwrap();
        symlink(&elsewhere, place.published().join(name)).unwrap();
        let output = place.scan(&[], 5);
        // `du` is read before it is written.
        let why = if name == "du" { "symbolic links" } else { "is not a directory" };
        assert!(stderr(&output).contains(why), "{}", stderr(&output));
        assert_eq!(elsewhere.read_dir().unwrap().count(), 0, "{name}");
        assert_eq!(place.latest(), None);
    }
}

/// Contents of the state directory decide where root writes.
#[test]
fn a_state_directory_that_others_may_write_to_is_refused() {
    use std::os::unix::fs::PermissionsExt;
    let place = Place::new();
    let real = place.root().parent().unwrap().join("real");
    std::fs::create_dir_all(&real).unwrap();
    std::fs::set_permissions(&real, std::fs::Permissions::from_mode(0o777)).unwrap();
    symlink(&real, place.state()).unwrap();
    let said = one_line(&place.scan(&[], 2));
    assert!(said.contains("nobody else may write there"), "{said}");
    std::fs::set_permissions(&real, std::fs::Permissions::from_mode(0o755)).unwrap();
    place.scan(&[], 0);
    let spool = real.join("spool");
    std::fs::remove_dir_all(&spool).unwrap();
    let other = real.with_file_name("other");
    std::fs::create_dir(&other).unwrap();
    symlink(&other, &spool).unwrap();
    let said = one_line(&place.scan(&[], 2));
    assert!(said.contains("spool is not a directory"), "{said}");
}
