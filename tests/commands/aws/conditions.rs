//! Stores that do not honour conditional writes, and the check of this before a scan.

use efs_scan_testbed::aws::{Fault, What};

use super::*;

/// Scans with a store that has this oddity.
fn scan(odd: impl Fn(&World), args: &[&str]) -> (World, Output) {
    let world = World::new();
    odd(&world);
    let output = world.scan(TO.iter().chain(args));
    (world, output)
}

fn knows_none(world: &World) {
    let message = "A header you provided implies functionality that is not implemented";
    let refused = What::Refuse(501, "NotImplemented", message);
    world.aws.fault(Fault::new("S3", "PutObject", refused).always());
}

#[test]
fn a_store_that_ignores_if_match_is_refused_before_the_scan_and_nothing_stays() {
    let (world, output) = scan(|world| world.aws.ignore("if-match"), &[]);
    assert_eq!((code(&output), output.stdout.len()), (Some(1), 0), "{}", stderr(&output));
    let errors = errors(&output);
    assert!(errors.len() == 1 && errors[0].contains("--unconditional"), "{errors:?}");
    assert!(errors[0].contains("the store ignores write conditions (If-Match)"), "{errors:?}");
    assert_eq!(world.aws.keys("team"), [""; 0]);
    assert!(world.spool().is_empty());
}

#[test]
fn a_store_that_knows_no_conditions_is_refused_before_the_scan() {
    let (world, output) = scan(knows_none, &[]);
    assert_eq!((code(&output), output.stdout.len()), (Some(1), 0), "{}", stderr(&output));
    let errors = errors(&output);
    assert!(
        errors.len() == 1 && errors[0].contains("does not support conditional writes"),
        "{errors:?}"
    );
    assert!(world.spool().is_empty());
}

/// A first run notices this while it publishes, before anything points to the run; a later run
/// notices it before the scan.
#[test]
fn a_store_that_ignores_conditions_for_existing_objects_is_refused() {
    at_once(["if-none-match", "if-match of what exists"], |ignored| {
        let (world, output) = scan(|world| world.aws.ignore(ignored), &[]);
        assert_eq!(code(&output), Some(5), "{}", stderr(&output));
        assert!(errors(&output)[0].contains("ignores write conditions"), "{}", stderr(&output));
        // The run and its table of directories.
        assert_eq!((world.latest(), world.spool().len()), (None, 2));

        let world = World::new();
        assert_eq!(code(&world.scan(TO)), Some(0));
        let before = world.latest();
        world.aws.ignore(ignored);
        let output = world.scan(TO);
        assert_eq!((code(&output), output.stdout.len()), (Some(1), 0), "{}", stderr(&output));
        assert!(errors(&output)[0].contains("ignores write conditions"), "{}", stderr(&output));
        assert_eq!((world.latest(), world.aws.keys("team").len()), (before, 7));
    });
}

#[test]
fn with_unconditional_such_a_store_is_used_and_the_status_says_what_is_lost() {
    for odd in ["if-match", "if-none-match", "both"] {
        let ignore = |world: &World| match odd {
            "both" => ["if-match", "if-none-match"].iter().for_each(|it| world.aws.ignore(it)),
            odd => world.aws.ignore(odd),
        };
        let (world, output) = scan(ignore, &["--unconditional"]);
        assert_eq!(code(&output), Some(0), "{}", stderr(&output));
        assert_eq!(world.aws.keys("team").len(), 7, "the check leaves nothing");
        assert_eq!(world.latest().unwrap()["unconditional"], true);
        let status = world.run(["status", "--from", "s3://team/efs"]);
        let text = String::from_utf8_lossy(&status.stdout).into_owned();
        assert!(text.contains("Published without conditions"), "{text}");
        let json = world.run(["status", "--from", "s3://team/efs", "--format", "json"]);
        assert_eq!(printed(&json)["unconditional"], true);
        // The object is compared even so: the second time, nothing is written.
        let first = world.latest();
        let put = |world: &World| world.aws.count("S3", "PutObject");
        let second = world.scan(TO.iter().chain(&["--unconditional"]));
        assert_eq!(code(&second), Some(0), "{}", stderr(&second));
        assert_ne!(world.latest(), first);
        let puts = put(&world);
        assert_eq!(code(&world.run(["publish"])), Some(0));
        assert_eq!(put(&world), puts);
    }
    // Without conditions, no write has one that such a server would refuse.
    let world = World::new();
    let output = world.scan(TO.iter().chain(&["--unconditional"]));
    assert_eq!(code(&output), Some(0), "{}", stderr(&output));
    for request in world.aws.requests().iter().filter(|r| r.operation == "PutObject") {
        let conditions = ["if-match", "if-none-match"].map(|it| request.headers.contains_key(it));
        assert_eq!(conditions, [request.target.ends_with("write-check"), false], "{request:?}");
    }
    let text = String::from_utf8(world.run(["status", "--from", "s3://team/efs"]).stdout).unwrap();
    assert!(text.contains("Published without conditions"), "{text}");
    // A run published to a store that honours conditions has no such note.
    assert_eq!(code(&world.scan(TO)), Some(0));
    let text = String::from_utf8(world.run(["status", "--from", "s3://team/efs"]).stdout).unwrap();
    assert!(!text.contains("conditions"), "{text}");
}

/// Statuses that servers other than S3 use for a condition that does not hold.
#[test]
fn other_statuses_than_412_count_as_a_failed_condition() {
    at_once([(409, "Conflict"), (409, "ObjectAlreadyExists"), (304, ""), (412, "")], |answer| {
        let (status, code_of_it) = answer;
        let world = World::new();
        let refused = What::Refuse(status, code_of_it, "");
        world.aws.fault(Fault::new("S3", "PutObject", refused.clone()).matching("write-check"));
        // Behaves as if another monitor had written in between.
        world.aws.fault(Fault::new("S3", "PutObject", refused).matching("latest/prod.json"));
        let output = world.scan(TO);
        assert_eq!(code(&output), Some(0), "{answer:?}: {}", stderr(&output));
        assert_eq!(world.latest().unwrap()["run"]["id"], printed(&output)["run"]["id"]);
    });
}
