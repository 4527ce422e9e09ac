//! Groups from the tags of user profiles.

use super::names::{scan, studio};
use super::*;
use efs_scan_testbed::aws::{Fault, What};
use serde_json::json;

const DOMAIN: &str = "d-abcdef123456";
const TAG: [&str; 2] = ["--group-tag", "team"];

fn group<'a>(report: &'a Value, name: &str) -> &'a Value {
    &home(report, name)["owner"]["group"]
}

/// Returns each group's name and the number of its homes.
fn groups(report: &Value) -> Vec<(Value, u64)> {
    let all = report["groups"].as_array().into_iter().flatten();
    all.map(|group| (group["name"].clone(), group["homes"].as_u64().unwrap())).collect()
}

#[test]
fn a_profile_has_the_group_of_its_tag_and_a_space_that_of_its_owner() {
    let world = studio();
    world.aws.tag(DOMAIN, "alice", "owner", "somebody");
    world.aws.tag(DOMAIN, "alice", "team", "physics");
    // A tag of a space assigns nobody to a group.
    world.aws.tag(DOMAIN, "shared-models", "team", "chemistry");
    let report = printed(&scan(&world, "studio", &TAG));
    assert_eq!(
        (group(&report, "200005"), group(&report, "200006")),
        (&json!("physics"), &Value::Null)
    );
    assert_eq!(groups(&report), [(json!("physics"), 1), (Value::Null, 2)]);
    assert_eq!(world.aws.count("SageMaker", "ListTags"), 1, "a call for each profile");
    // Alice's group pays for a shared space that she owns.
    world.aws.owned_space(DOMAIN, "shared-models", "alice");
    let report = printed(&scan(&world, "studio", &TAG));
    assert_eq!(groups(&report).len(), 2);
    assert!(world.aws.violations().is_empty(), "{:?}", world.aws.violations());
    // Without groups, the permission is not needed.
    world.aws.clear_requests();
    let report = printed(&scan(&world, "studio", &[]));
    assert_eq!((groups(&report), group(&report, "200005")), (Vec::new(), &Value::Null));
    assert_eq!(world.aws.count("SageMaker", "ListTags"), 0);
}

#[test]
fn another_tag_counts_in_the_next_run_though_the_profile_has_not_changed() {
    let world = studio();
    for team in ["physics", "chemistry"] {
        world.aws.tag(DOMAIN, "alice", "team", team);
        assert_eq!(group(&printed(&scan(&world, "studio", &TAG)), "200005"), team);
    }
    world.aws.tag(DOMAIN, "alice", "team", "  ");
    assert_eq!(groups(&printed(&scan(&world, "studio", &TAG))), []);
}

#[test]
fn without_an_answer_the_cached_groups_are_used() {
    let world = studio();
    world.aws.tag(DOMAIN, "alice", "team", "physics");
    world.aws.fault(Fault::new("SageMaker", "ListTags", What::Denied).always());
    let output = scan(&world, "studio", &TAG);
    assert_eq!(code(&output), Some(0), "{}", stderr(&output));
    assert!(stderr(&output).contains("sagemaker:ListTags"), "{}", stderr(&output));
    assert!(stderr(&output).contains("no groups"), "{}", stderr(&output));
    let report = printed(&output);
    assert_eq!(groups(&report), []);
    assert_eq!(report["orphans"]["homes"], 1, "the names are those of just now");

    world.aws.clear_faults();
    assert_eq!(group(&printed(&scan(&world, "studio", &TAG)), "200005"), "physics");
    for operation in ["ListTags", "*"] {
        world.aws.fault(Fault::new("SageMaker", operation, What::Denied).always());
        let output = scan(&world, "studio", &TAG);
        assert!(stderr(&output).contains("as of"), "{}", stderr(&output));
        assert_eq!(group(&printed(&output), "200005"), "physics");
        // The last answer was for another tag.
        let output = scan(&world, "studio", &["--group-tag", "project"]);
        assert_eq!(groups(&printed(&output)), []);
    }
}

#[test]
fn the_tags_of_many_profiles_are_read_eight_at_a_time() {
    let world = studio();
    for at in 0..120 {
        let name = format!("user-{at:03}");
        world.aws.profile(DOMAIN, &name, Some(300_000 + at));
        world.aws.tag(DOMAIN, &name, "team", "all");
    }
    world.aws.rate_limit("SageMaker", 100);
    let output = scan(&world, "studio", &TAG);
    assert_eq!(code(&output), Some(0), "{}", stderr(&output));
    assert!(!stderr(&output).contains("WARN"), "{}", stderr(&output));
    assert!(world.aws.max_in_flight("SageMaker") <= 8);
    // 120 and alice, and repeated calls after throttling.
    assert!(world.aws.count("SageMaker", "ListTags") >= 121);
    let kept = std::fs::read_to_string(world.state().join("names-studio.json")).unwrap();
    assert_eq!(
        kept.matches("\"value\":\"all\"").count() + kept.matches("\"value\": \"all\"").count(),
        120
    );
}

#[test]
fn a_check_says_that_groups_may_not_be_asked_for() {
    let world = studio();
    world.aws.fault(Fault::new("SageMaker", "ListTags", What::Denied).always());
    let root = world.root().display().to_string();
    let output = world.run(["check", &root, "--names", "sagemaker:studio", TAG[0], TAG[1]]);
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    let line = said.lines().find(|line| line.contains("groups")).expect(&said);
    assert!(line.starts_with("warn") && line.contains("sagemaker:ListTags"), "{line}");
}
