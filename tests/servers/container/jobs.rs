//! The jobs of `compute = "batch"`, run from the job definitions that Terraform made: an array of
//! containers with AWS Batch's variables, and the merge, with a stand-in for AWS.

use std::path::{Path, PathBuf};

use efs_scan_testbed::aws::Stub;
use efs_scan_testbed::published::timeless;
use efs_scan_testbed::*;
use serde_json::{Value, json};

use super::defined::Defined;
use super::task::{assert_allowed, stand_in, texts};
use super::{Image, tree};
use crate::terraform::applied::Applied;
use crate::terraform::batch::{Batch, DOMAIN, SHARDS};

/// A job as its definition says, for the run of an execution of the state machine.
fn job(applied: &Applied, kind: &str, execution: &str, mounted: &Path) -> Defined {
    let values = applied.values(&format!("aws_batch_job_definition.scan[\"{kind}\"]"));
    let text = values["container_properties"].as_str().unwrap();
    let job: Value = serde_json::from_str(text).unwrap();
    let volume = |point: &Value| {
        assert_eq!(point["readOnly"], true, "{point}");
        (mounted.to_owned(), point["containerPath"].as_str().unwrap().to_owned(), "ro")
    };
    let pair = |it: &Value| {
        (it["name"].as_str().unwrap().to_owned(), it["value"].as_str().unwrap().to_owned())
    };
    let mut environment: Vec<_> = job["environment"].as_array().unwrap().iter().map(pair).collect();
    let state = if kind == "shard" { "Scan" } else { "Merge" };
    let overrides = &applied.machine()["States"][state]["Parameters"]["ContainerOverrides"];
    for it in overrides["Environment"].as_array().unwrap() {
        assert_eq!(it["Value.$"], "$$.Execution.Name");
        environment.push((it["Name"].as_str().unwrap().to_owned(), execution.to_owned()));
    }
    Defined {
        user: job["user"].as_str().unwrap().to_owned(),
        environment,
        args: texts(&job["command"]),
        // AWS Batch can drop none.
        dropped: Vec::new(),
        added: Vec::new(),
        volumes: job["mountPoints"].as_array().into_iter().flatten().map(volume).collect(),
    }
}

/// A job of the array, with the variables that AWS Batch sets.
fn shard(applied: &Applied, execution: &str, index: u64, mounted: &Path) -> Defined {
    let mut defined = job(applied, "shard", execution, mounted);
    for (name, value) in [
        ("AWS_BATCH_JOB_ID", format!("6d6ee9b1-0d70-4d50-a6a5-0a8c8f1e1b3c:{index}")),
        ("AWS_BATCH_JOB_ARRAY_INDEX", index.to_string()),
        ("AWS_BATCH_JOB_ARRAY_SIZE", SHARDS.to_string()),
    ] {
        defined.environment.push((name.to_owned(), value));
    }
    defined
}

fn homes(at: &Path) -> PathBuf {
    let tree = tree(at);
    for uid in 200_006..200_018 {
        for dir in 0..3 {
            let path = format!("{uid}/d{dir}/f");
            file(&tree, &path, 5_000 * (1 + dir));
            give(&tree.join(path), uid);
        }
        give(&tree.join(uid.to_string()), uid);
    }
    for (from, to) in [("200007/d0/f", "200016/d1/g"), ("200009/d1/f", "200009/d2/g")] {
        std::fs::hard_link(tree.join(from), tree.join(to)).unwrap();
    }
    tree
}

/// Returns the newest published run and its report, without ids and times.
fn published(applied: &Applied, aws: &Stub) -> [Value; 2] {
    let bucket = applied.output("bucket").as_str().unwrap();
    let id = applied.output("file_system_id").as_str().unwrap();
    let read =
        |key: &str| -> Value { serde_json::from_slice(&aws.object(bucket, key).unwrap()).unwrap() };
    let mut latest = read(&format!("efs/latest/{id}.json"));
    let report = read(&format!("efs/{}", latest["report"].as_str().unwrap()));
    for key in ["report", "homes_table"] {
        latest[key] = json!("");
    }
    [latest, report].map(timeless)
}

#[test]
fn the_array_and_the_merge_publish_what_one_container_does() {
    let Some(deployed) = Batch::get() else { return };
    let Some(image) = Image::build("the containers of AWS Batch") else { return };
    let applied = &deployed.posix;
    let dir = scratch();
    let tree = homes(dir.path());

    let alone = stand_in(applied, &[DOMAIN]);
    let mut whole = job(applied, "shard", "alone", &tree);
    whole.args.clear();
    // It names a run in shards.
    whole.environment.retain(|(name, _)| name != "EFS_SCAN_RUN_ID");
    let (code, told) = whole.run(&image, &alone);
    assert_eq!(code, Some(0), "{told}");

    let aws = stand_in(applied, &[DOMAIN]);
    let execution = "0e5bd3a0-8a12-4c60-9a2b-3c8b0a0a6f11";
    // Each with a container of its own.
    let jobs: Vec<_> = (0..SHARDS).map(|index| (index, image.beside())).collect();
    at_once(&jobs, |(index, image)| {
        let (code, told) = shard(applied, execution, *index, &tree).run(image, &aws);
        assert_eq!(code, Some(0), "{index}: {told}");
    });
    let merge = job(applied, "merge", execution, &tree);
    assert!(merge.volumes.is_empty());
    let (code, told) = merge.run(&image, &aws);
    assert_eq!(code, Some(0), "{told}");
    assert_eq!(published(applied, &aws), published(applied, &alone));
    let [_, report] = published(applied, &aws);
    assert_eq!(report["totals"]["allocated_bytes"], du(&tree));
    assert_eq!(aws.count("SNS", "Publish"), 1, "alice is over her quota");
    assert_eq!(aws.count("CloudWatch", "PutMetricData"), 1);
    assert_allowed(applied, &aws);

    // Both are repeated if their end was not seen.
    let (code, told) = shard(applied, execution, 1, &tree).run(&image, &aws);
    assert_eq!(code, Some(0), "{told}");
    let (code, told) = merge.run(&image, &aws);
    assert_eq!(code, Some(0), "{told}");
    assert_eq!(aws.count("CloudWatch", "PutMetricData"), 1);
}

#[test]
fn a_merge_without_a_shard_publishes_the_rest_and_is_final() {
    let Some(deployed) = Batch::get() else { return };
    let Some(image) = Image::build("the merge of AWS Batch without a shard") else { return };
    let applied = &deployed.posix;
    let dir = scratch();
    let tree = homes(dir.path());
    let aws = stand_in(applied, &[DOMAIN]);
    let execution = "a-name-by-hand_1";
    for index in [0, 2] {
        let (code, told) = shard(applied, execution, index, &tree).run(&image, &aws);
        assert_eq!(code, Some(0), "{index}: {told}");
    }
    let merge = job(applied, "merge", execution, &tree);
    // Its job is not repeated after this code, and is after a kill or a lost destination.
    let (code, told) = merge.run(&image, &aws);
    assert_eq!(code, Some(3), "{told}");
    assert!(told.contains("shard 2/3 is not in this run: it is missing"), "{told}");
    let [latest, _] = published(applied, &aws);
    assert_eq!(latest["run"]["coverage"], "partial");
    // The state machine tries once more.
    let (code, told) = merge.run(&image, &aws);
    assert_eq!(code, Some(3), "{told}");
    assert!(told.contains("was merged without the shards 2"), "{told}");
}
