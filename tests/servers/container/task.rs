//! The container of `compute = "fargate"`, run from the task definition that Terraform made: its
//! image, user, capabilities, environment and volumes, with a stand-in for AWS. So are its reminders.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use efs_scan_testbed::aws::{Fault, REGION, Sizes, Stub, What};
use efs_scan_testbed::*;
use serde_json::Value;

use super::defined::{Defined, FileSystems, empty_volume};
use super::{Image, tree};
use crate::interop::ganesha::Ganesha;
use crate::terraform::applied::Applied;
use crate::terraform::asks;
use crate::terraform::fargate::{DOMAINS, Fargate};
use crate::terraform::policy::allowed;

/// A task, and the AWS that it finds.
struct Task<'a> {
    applied: &'a Applied,
    defined: Defined,
    aws: Stub,
}

pub(super) fn texts(list: &Value) -> Vec<String> {
    list.as_array().into_iter().flatten().map(|it| it.as_str().unwrap().to_owned()).collect()
}

impl<'a> Task<'a> {
    /// `mounted` has directories by the names of volumes; the others are empty.
    fn new(applied: &'a Applied, mounted: &[(&str, &Path)], scratch: &Path) -> Self {
        let container = applied.container();
        let empty = empty_volume(scratch);
        let volume = |point: &Value| {
            let name = point["sourceVolume"].as_str().unwrap();
            let from = mounted.iter().find(|(it, _)| *it == name);
            let from = from.map_or(empty.clone(), |(_, at)| (*at).to_owned());
            let to = point["containerPath"].as_str().unwrap().to_owned();
            (from, to, if point["readOnly"] == true { "ro" } else { "rw" })
        };
        let pair = |it: &Value| {
            (it["name"].as_str().unwrap().to_owned(), it["value"].as_str().unwrap().to_owned())
        };
        assert_eq!(container["readonlyRootFilesystem"], true);
        let defined = Defined {
            user: container["user"].as_str().unwrap().to_owned(),
            environment: container["environment"].as_array().unwrap().iter().map(pair).collect(),
            args: texts(&container["command"]),
            dropped: texts(&container["linuxParameters"]["capabilities"]["drop"]),
            added: texts(&container["linuxParameters"]["capabilities"]["add"]),
            volumes: container["mountPoints"].as_array().unwrap().iter().map(volume).collect(),
        };
        Self { applied, defined, aws: stand_in(applied, &DOMAINS) }
    }

    /// Checks the newest published run of a file system.
    fn assert_published(&self, id: &str, tree: &Path) {
        let bucket = self.applied.output("bucket").as_str().unwrap();
        let bytes = self.aws.object(bucket, &format!("efs/latest/{id}.json"));
        let run: Value = serde_json::from_slice(&bytes.unwrap()).unwrap();
        assert_eq!(run["totals"]["allocated_bytes"], du(tree), "{run}");
        assert_eq!(run["run"]["coverage"], "complete");
    }
}

fn file_systems(applied: &Applied) -> Vec<String> {
    let ids = applied.output("file_system_ids").as_object().unwrap();
    ids.values().map(|id| id.as_str().unwrap().to_owned()).collect()
}

/// The AWS that a container of the applied module finds: its file systems, bucket and topic, and domains
/// with a user.
pub(super) fn stand_in(applied: &Applied, domains: &[&'static str]) -> Stub {
    let aws = Stub::start();
    let sizes = Sizes { value: 1, standard: 1, ia: 0, archive: 0, at_epoch_seconds: 1.0 };
    for id in file_systems(applied) {
        aws.file_system(&id, sizes);
    }
    aws.create_bucket(applied.output("bucket").as_str().unwrap());
    let topic = applied.output("topic_arn").as_str().unwrap();
    assert_eq!(aws.topic(topic.rsplit(':').next().unwrap()), topic);
    for domain in domains {
        aws.domain(domain, "studio");
        aws.profile(domain, "alice", Some(200_005));
    }
    aws
}

/// Checks that the role of the container allows all that was asked for, and that AWS would take it.
pub(super) fn assert_allowed(applied: &Applied, aws: &Stub) {
    let policy = applied.output("role_policy").as_str().unwrap();
    let policies = [serde_json::from_str(policy).unwrap()];
    let asked: BTreeSet<_> = aws.requests().iter().flat_map(asks).collect();
    assert!(asked.len() > 5, "{asked:?}");
    // Refused without a word, unless the input `read_metrics` allows it.
    for ask in asked.iter().filter(|it| it.action != "cloudwatch:GetMetricData") {
        assert!(allowed(&policies, ask), "the role lacks {ask:?}");
    }
    assert!(aws.violations().is_empty(), "{:?}", aws.violations());
}

#[test]
fn with_a_volume_it_scans_and_publishes() {
    let what = "the container of Fargate with a volume";
    let Some(deployed) = Fargate::get() else { return };
    let Some(image) = Image::build(what) else { return };
    let dir = scratch();
    let tree = tree(dir.path());
    let task = Task::new(&deployed.posix, &[("efs", tree.as_path())], dir.path());
    let root = PathBuf::from(image.buildah(&["mount", &image.container]));
    let before = super::files(&root);

    let (code, told) = task.defined.run(&image, &task.aws);
    assert_eq!(code, Some(0), "{told}");
    task.assert_published(deployed.posix.output("file_system_id").as_str().unwrap(), &tree);
    assert_eq!(task.aws.count("SNS", "Publish"), 1, "alice is over her quota");
    assert_eq!(task.aws.count("CloudWatch", "PutMetricData"), 1);
    assert_allowed(task.applied, &task.aws);
    // Its root is read-only on Fargate, and buildah's is not. Empty files are buildah's, to mount its own on.
    let mut after = super::files(&root);
    after.retain(|(path, size)| *size > 0 || !path.starts_with("etc"));
    assert_eq!(after, before, "it wrote outside of its volumes");

    // The next day's task knows what this one has told.
    let (code, told) = task.defined.run(&image, &task.aws);
    assert_eq!(code, Some(0), "{told}");
    assert_eq!(task.aws.count("SNS", "Publish"), 1, "alice is still over her quota");

    // The state machine repeats what ends with this code.
    let refused = Fault::new("S3", "PutObject", What::Denied).matching("/runs/").always();
    task.aws.fault(refused);
    let (code, told) = task.defined.run(&image, &task.aws);
    assert_eq!(code, Some(5), "{told}");
}

#[test]
fn without_a_volume_it_proves_its_role_to_two_file_systems_and_reminds() {
    let what = "the container of Fargate with the direct engine";
    let Some(ready) = Ganesha::can_run(what) else { return };
    let Some(deployed) = Fargate::get() else { return };
    let Some(image) = Image::build(what) else { return };
    let dir = scratch();
    let mut task = Task::new(&deployed.nfs, &[], dir.path());
    let ids = file_systems(task.applied);
    assert_eq!((ids.len(), &*task.defined.user), (2, "65532:65532"));
    let served = FileSystems::serve(what, ready, (&ids, REGION), 21, dir.path());
    let Some(served) = served else { return };
    task.defined.volumes.extend(served.volumes);

    let (code, told) = task.defined.run(&image, &task.aws);
    assert_eq!(code, Some(0), "{told}");
    for it in &served.all {
        task.assert_published(&it.id, &it.tree);
        let seen = it.gate.seen();
        assert!(!seen.is_empty() && seen.iter().all(Result::is_ok), "{seen:?}");
    }
    assert_allowed(task.applied, &task.aws);

    // The state machine runs the reminders next. It runs them twice if it does not know that a task ended.
    let remind = &deployed.nfs.machine()["States"]["Remind"]["Parameters"]["Overrides"];
    task.defined.args = texts(&remind["ContainerOverrides"][0]["Command"]);
    for _ in 0..2 {
        let (code, told) = task.defined.run(&image, &task.aws);
        assert_eq!(code, Some(0), "{told}");
        // One for each domain, because their users of the same name may be two people.
        let to: Vec<String> = task.aws.mails().into_iter().map(|mail| mail.to).collect();
        assert_eq!(to, ["alice@example.com", "alice@example.com"], "{told}");
    }
    assert_allowed(task.applied, &task.aws);
}
