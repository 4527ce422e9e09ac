//! Names from SageMaker Studio's user profiles and spaces.

use super::*;
use efs_scan_testbed::aws::{Fault, What};

pub(super) fn studio() -> World {
    let world = World::new();
    world.aws.domain("d-abcdef123456", "studio");
    world.aws.profile("d-abcdef123456", "alice", Some(200_005));
    world.aws.space("d-abcdef123456", "shared-models", Some(200_006));
    world
}

/// Scans with names from SageMaker only.
pub(super) fn scan(world: &World, domain: &str, more: &[&str]) -> Output {
    let mut command = world.command();
    let names = format!("sagemaker:{domain}");
    command.arg(world.root()).args(["--state-dir".as_ref(), world.state().as_os_str()]);
    command.args(["--names", &names, "--format", "json"]).args(more);
    watched(&mut command, Duration::from_secs(120))
}

fn owner<'a>(report: &'a Value, name: &str) -> (&'a Value, &'a Value, &'a Value) {
    let owner = &home(report, name)["owner"];
    (&owner["name"], &owner["member"], &owner["status"])
}

#[test]
fn homes_get_the_names_of_profiles_and_spaces() {
    let world = studio();
    for domain in ["d-abcdef123456", "studio"] {
        let output = scan(&world, domain, &[]);
        assert_eq!(code(&output), Some(0), "{}", stderr(&output));
        let report = printed(&output);
        assert_eq!(owner(&report, "200005"), (&"alice".into(), &"profile".into(), &"known".into()));
        let space = (&"shared-models".into(), &"space".into(), &"known".into());
        assert_eq!(owner(&report, "200006"), space);
        assert_eq!(owner(&report, "200007").2, "orphan");
        assert_eq!(report["orphans"]["homes"], 1);
    }
    let output = scan(&world, "studio", &["--user", "alice"]);
    let report = printed(&output);
    assert_eq!(report["homes"].as_array().unwrap().len(), 1);
    assert_eq!(report["homes"][0]["name"], "200005");
    assert!(world.aws.violations().is_empty(), "{:?}", world.aws.violations());
}

#[test]
fn a_private_space_uses_its_owners_home() {
    let world = studio();
    world.aws.private_space("d-abcdef123456", "alice-lab", Some(200_005), "alice");
    let report = printed(&scan(&world, "studio", &[]));
    assert_eq!(owner(&report, "200005").0, "alice");
}

#[test]
fn a_domain_that_is_not_there_is_an_error_that_names_those_that_are() {
    let world = studio();
    let output = scan(&world, "studoi", &[]);
    assert_eq!(code(&output), Some(2));
    assert!(errors(&output)[0].contains("d-abcdef123456 (studio)"), "{}", stderr(&output));
}

#[test]
fn many_profiles_are_described_gently_and_only_once() {
    let world = studio();
    for at in 0..250 {
        world.aws.profile("d-abcdef123456", &format!("user-{at:03}"), Some(300_000 + at));
    }
    // A slow machine does not meet the limit, so some requests are refused on any.
    world.aws.rate_limit("SageMaker", 100);
    let refused = Fault::new("SageMaker", "DescribeUserProfile", What::Throttle);
    world.aws.fault(refused.after(100).times(5));
    let output = scan(&world, "studio", &[]);
    assert_eq!(code(&output), Some(0), "{}", stderr(&output));
    assert!(!stderr(&output).contains("WARN"), "{}", stderr(&output));
    assert!(world.aws.max_in_flight("SageMaker") <= 8);
    assert!(world.aws.count("SageMaker", "DescribeUserProfile") > 251, "refused, and tried again");
    assert!(world.aws.count("SageMaker", "ListUserProfiles") >= 3, "251 profiles, 100 a page");
    world.aws.clear_requests();
    // Known profiles are not described again, except a profile that was recreated under its name.
    world.aws.delete_profile("d-abcdef123456", "alice");
    world.aws.profile("d-abcdef123456", "alice", Some(200_007));
    let report = printed(&scan(&world, "studio", &[]));
    assert_eq!(world.aws.count("SageMaker", "DescribeUserProfile"), 1);
    assert_eq!(owner(&report, "200007").0, "alice");
    assert_eq!(owner(&report, "200005").2, "orphan");
}

/// A cache from the version that did not yet request spaces' volumes and attached file systems.
#[test]
fn an_old_cache_is_read_and_completed() {
    let world = studio();
    world.aws.attach("d-abcdef123456", "alice", &["fs-0aaa"]);
    scan(&world, "studio", &[]);
    let path = world.state().join("names-studio.json");
    let mut cache: Value = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
    for member in cache["members"].as_array_mut().unwrap() {
        let keys = ["kind", "name", "created", "uid"];
        member.as_object_mut().unwrap().retain(|key, _| keys.contains(&key.as_str()));
    }
    std::fs::write(&path, cache.to_string()).unwrap();
    // During an outage, names come from the cache.
    world.aws.fault(Fault::new("SageMaker", "*", What::Denied).always());
    assert_eq!(owner(&printed(&scan(&world, "studio", &[])), "200005").0, "alice");
    world.aws.clear_faults();
    world.aws.clear_requests();
    for described in [1, 0] {
        let report = printed(&scan(&world, "studio", &[]));
        assert_eq!(report["members"][0]["file_systems"], serde_json::json!(["fs-0aaa"]));
        assert_eq!(world.aws.count("SageMaker", "DescribeUserProfile"), described);
        world.aws.clear_requests();
    }
}

#[test]
fn an_outage_falls_back_to_cached_names_and_makes_no_orphans() {
    let outages = [What::InternalError, What::Denied, What::Expired, What::BadJson, What::Reset];
    at_once(outages, |what| {
        let world = studio();
        assert_eq!(code(&scan(&world, "studio", &[])), Some(0));
        world.aws.fault(Fault::new("SageMaker", "*", what).always());
        let output = scan(&world, "studio", &[]);
        assert_eq!(code(&output), Some(0), "{}", stderr(&output));
        assert!(stderr(&output).contains("names as of"), "{}", stderr(&output));
        let report = printed(&output);
        assert_eq!(owner(&report, "200005").0, "alice");
        assert_eq!(owner(&report, "200007").2, "unknown");
        assert_eq!(report["orphans"], Value::Null);
        let alice = printed(&scan(&world, "studio", &["--user", "alice"]));
        assert_eq!(alice["homes"][0]["name"], "200005");
    });
}

#[test]
fn an_outage_without_cached_names_does_not_stop_the_scan() {
    let world = studio();
    world.aws.fault(Fault::new("SageMaker", "DescribeSpace", What::Denied).always());
    let output = scan(&world, "studio", &[]);
    assert_eq!(code(&output), Some(0), "{}", stderr(&output));
    assert!(stderr(&output).contains("sagemaker:DescribeSpace"), "{}", stderr(&output));
    assert_eq!(owner(&printed(&output), "200005").2, "unknown");
}

/// A source that does not answer may know people whom the others do not: another domain, or one
/// after a map of people.
#[test]
fn with_several_sources_all_must_answer_before_anybody_is_an_orphan() {
    let world = studio();
    world.aws.domain("d-fedcba654321", "lab");
    world.aws.profile("d-fedcba654321", "carol", Some(200_007));
    let map = world.scratch.path().join("people.csv");
    std::fs::write(&map, "200005,alice\n").unwrap();
    let map = format!("csv:{}", map.display());
    let scan = |more: &[&str], domain: &str| {
        let output = scan(&world, domain, more);
        assert_eq!(code(&output), Some(0), "{}", stderr(&output));
        printed(&output)
    };
    let both = ["--names", "sagemaker:lab"];
    assert_eq!(owner(&scan(&both, "studio"), "200007").0, "carol");
    assert_eq!(scan(&["--names", &map], "studio")["orphans"]["homes"], 1, "200007");
    world.aws.fault(Fault::new("SageMaker", "ListSpaces", What::Denied).always());
    for more in [&["--names", &map][..], &both, &["--names", "passwd", "--names", &map]] {
        for state in ["known before", "never known"] {
            let report = scan(more, "studio");
            for home in ["200005", "200006", "200007"] {
                assert_ne!(owner(&report, home).2, "orphan", "{more:?}, {state}");
            }
            assert_eq!(report["orphans"], Value::Null, "{more:?}, {state}");
            std::fs::remove_dir_all(world.state()).unwrap();
        }
    }
}

#[test]
fn an_empty_domain_makes_no_orphans() {
    let world = World::new();
    world.aws.domain("d-abcdef123456", "studio");
    let output = scan(&world, "studio", &[]);
    assert_eq!(code(&output), Some(0));
    assert!(stderr(&output).contains("neither user profiles nor spaces"), "{}", stderr(&output));
    assert_eq!(printed(&output)["orphans"], Value::Null);
}

#[test]
fn a_stalled_answer_does_not_delay_the_scan() {
    let world = studio();
    world.aws.fault(Fault::new("SageMaker", "*", What::Slow(Duration::from_secs(600))).always());
    let output = scan(&world, "studio", &[]);
    assert_eq!(code(&output), Some(0), "{}", stderr(&output));
    assert!(stderr(&output).contains("no names"), "{}", stderr(&output));
}

#[test]
fn names_are_kept_without_publishing_too() {
    let world = studio();
    let scan = |world: &World| {
        let mut command = world.command();
        command.arg(world.root()).args(["--names", "sagemaker:studio", "--format", "json"]);
        watched(&mut command, Duration::from_secs(60))
    };
    assert_eq!(code(&scan(&world)), Some(0));
    world.aws.fault(Fault::new("SageMaker", "*", What::Denied).always());
    assert_eq!(owner(&printed(&scan(&world)), "200005").0, "alice");
}
