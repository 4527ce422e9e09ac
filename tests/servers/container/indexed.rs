//! `deploy/kubernetes/shards`: the pods of the Indexed Job and of the merge, run as processes of their
//! own with what Kubernetes tells each, make the run of one scan.

use std::io::Write;

use efs_scan::dirs::DirsReader;
use efs_scan_testbed::aws::Stub;
use efs_scan_testbed::published::timeless;
use efs_scan_testbed::*;
use serde_json::{Value, json};

use super::Image;
use super::defined::{Defined, FileSystems};
use super::pod::{Manifests, aws};
use crate::interop::ganesha::Ganesha;

const BUCKET: &str = "team-reports";

/// Returns the newest report below a prefix, without times and requests, and the table of directories.
fn published(aws: &Stub, prefix: &str) -> (Value, Vec<String>) {
    let object = |key: &str| {
        let bytes = aws.object(BUCKET, &format!("{prefix}/{key}"));
        bytes.unwrap_or_else(|| panic!("no {prefix}/{key}"))
    };
    let latest = object("latest/fs-0123456789abcdef0.json");
    let latest: Value = serde_json::from_slice(&latest).unwrap();
    let key = latest["report"].as_str().unwrap();
    let mut report = timeless(serde_json::from_slice(&object(key)).unwrap());
    report["nfs"] = Value::Null;

    let table = key.replace("runs/", "dirs/").replace(".json", ".parquet");
    let mut file = tempfile::tempfile().unwrap();
    file.write_all(&object(&table)).unwrap();
    let mut reader = DirsReader::open(file).unwrap();
    let mut rows = Vec::new();
    while let Some(row) = reader.next_row().unwrap() {
        rows.push(format!("{row:?}"));
    }
    (report, rows)
}

#[test]
fn an_indexed_job_says_how_many_shards_there_are_and_repeats_one_alone() {
    let Some(all) = Manifests::of("Kubernetes' manifests of shards", "shards") else { return };
    let (shards, merge) = (all.only("efs-scan-shards"), all.only("efs-scan"));
    let (job, cron) = (shards.job(), |it: &Manifests| it.kind("CronJob")["spec"].clone());
    assert_eq!(job["completionMode"], "Indexed");
    assert_eq!(job["completions"], job["parallelism"]);
    let env = shards.pod()["containers"][0]["env"].as_array().unwrap();
    let count = env.iter().find(|it| it["name"] == "EFS_SCAN_SHARDS").unwrap();
    assert_eq!(count["value"], job["completions"].to_string());
    // Both CronJobs start at the same minutes, by which the merge finds its shards.
    for key in ["schedule", "timeZone", "startingDeadlineSeconds"] {
        assert_eq!(cron(&shards)[key], cron(&merge)[key], "{key}");
    }
    // A shard that fails for good leaves the others alone.
    assert_eq!(job["backoffLimitPerIndex"], 3);
    assert!(job.get("backoffLimit").is_none());
    let ends = &job["podFailurePolicy"]["rules"][1];
    assert_eq!(ends["action"], "FailIndex");
    assert_eq!(ends["onExitCodes"]["values"], json!([1, 5]));
    // The merge waits until no shard can come any more, and ends before its own deadline.
    assert_eq!(
        merge.pod()["containers"][0]["args"],
        json!(["merge", "--run-id=auto", "--wait=5h"])
    );
    let late = cron(&shards)["startingDeadlineSeconds"].as_u64().unwrap();
    assert!(late + job["activeDeadlineSeconds"].as_u64().unwrap() < 5 * 3600);
    assert!(merge.job()["activeDeadlineSeconds"].as_u64().unwrap() > 6 * 3600);
    for key in ["securityContext", "serviceAccountName", "volumes"] {
        assert_eq!(shards.pod()[key], merge.pod()[key], "{key}");
    }
}

#[test]
fn four_pods_and_a_merge_make_the_run_of_one_scan() {
    let what = "pods of an Indexed Job";
    let Some(ready) = Ganesha::can_run(what) else { return };
    let Some(all) = Manifests::of(what, "shards") else { return };
    let Some(image) = Image::build(what) else { return };
    let (dir, aws) = (scratch(), aws());
    let ids = ["fs-0123456789abcdef0".to_owned()];
    let served = FileSystems::serve(what, ready, (&ids, "eu-west-1"), 23, dir.path());
    let Some(served) = served else { return };
    let tree = &served.all[0].tree;
    for at in 0..30 {
        file(tree, format!("2000{at:02}/a/{at}/f"), 1000 * at);
    }
    std::fs::hard_link(tree.join("200029/a/29/f"), tree.join("200007/link")).unwrap();

    let pod = |of: &Manifests, name: &str| -> Defined {
        let at = dir.path().join(name);
        std::fs::create_dir(&at).unwrap();
        let mut defined = of.container(&[], &at);
        defined.volumes.extend(served.volumes.clone());
        defined.environment.push(("EFS_SCAN_DIRS_MIN".to_owned(), "0".to_owned()));
        defined
    };
    let (shards, merge) = (all.only("efs-scan-shards"), all.only("efs-scan"));
    let count = shards.job()["completions"].as_u64().unwrap();
    let mut pods = vec![pod(&merge, "merge")];
    for index in 0..count {
        let mut defined = pod(&shards, &format!("shard-{index}"));
        defined.environment.push(("JOB_COMPLETION_INDEX".to_owned(), index.to_string()));
        pods.push(defined);
    }
    // Each with a container of its own. The merge comes first, and waits.
    let pods: Vec<_> = pods.into_iter().map(|pod| (image.beside(), pod)).collect();
    at_once(&pods, |(image, pod)| {
        let (code, told) = pod.run(image, &aws);
        assert_eq!(code, Some(0), "{:?}: {told}", pod.args);
    });

    let mut one = pod(&merge, "one");
    one.args.clear();
    one.environment.push(("EFS_SCAN_PUBLISH".to_owned(), format!("s3://{BUCKET}/one")));
    let (code, told) = one.run(&image, &aws);
    assert_eq!(code, Some(0), "{told}");
    let (got, want) = (published(&aws, "efs"), published(&aws, "one"));
    assert_eq!(got.0, want.0);
    assert_eq!(got.1, want.1);
    assert!(want.1.len() > 60, "{:?}", want.1);
    assert_eq!(want.0["run"]["coverage"], "complete");
    assert!(aws.violations().is_empty(), "{:?}", aws.violations());
}
