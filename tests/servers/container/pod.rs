//! `deploy/kubernetes`: valid for Kubernetes' API, and run as a pod runs it, with stand-ins for AWS
//! and for EFS.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use efs_scan_testbed::aws::{Sizes, Stub};
use efs_scan_testbed::*;
use serde_json::{Value, json};

use super::defined::{Defined, FileSystems, empty_volume};
use super::{Image, repository, said, tree};
use crate::interop::ganesha::Ganesha;

/// The first version in which a podFailurePolicy is stable, and the newest with a schema here.
const VERSIONS: [&str; 2] = ["1.31", "1.37"];

/// Values for those in capitals, of the names and ids in the example.
const VALUES: [(&str, &str); 7] = [
    ("REGISTRY", "registry.example"),
    ("REGION", "eu-west-1"),
    ("ACCOUNT", "111122223333"),
    ("ROLE", "efs-scan"),
    ("BUCKET", "team-reports"),
    ("fs-ID", "fs-0123456789abcdef0"),
    ("d-DOMAIN", "d-abc123def456"),
];

/// Objects of a manifest, with values in place of those in capitals.
pub(super) struct Manifests(Vec<Value>);

impl Manifests {
    /// Renders a directory with kustomize, or reads a file. Returns `None`, and reports `what` as
    /// skipped, if a tool is missing.
    pub(super) fn of(what: &str, path: &str) -> Option<Self> {
        let python = std::env::var("EFS_SCAN_TEST_PYTHON").ok();
        let there = Command::new("kubectl").args(["version", "--client"]).output();
        let there = there.is_ok_and(|output| output.status.success());
        let able = skip_unless(python.is_some(), what, "tests/aws-servers installs the schemas")
            && skip_unless(there, what, "kubectl is not installed");
        if !able {
            return None;
        }
        let path = repository().join("deploy/kubernetes").join(path);
        let mut text = if path.is_dir() {
            let mut command = Command::new("kubectl");
            let output = watched(command.arg("kustomize").arg(&path), Duration::from_secs(60));
            assert!(output.status.success(), "{}", said(&output));
            String::from_utf8(output.stdout).unwrap()
        } else {
            std::fs::read_to_string(&path).unwrap()
        };
        for (name, value) in VALUES {
            text = text.replace(name, value);
        }
        let dir = scratch();
        let file = dir.path().join("manifests.yaml");
        std::fs::write(&file, text).unwrap();
        let [_, objects] = VERSIONS.map(|version| {
            let mut command = Command::new(python.as_ref().unwrap());
            command.arg(repository().join("tests/servers/container/manifests.py"));
            let output = watched(command.arg(version).arg(&file), Duration::from_secs(60));
            assert!(output.status.success(), "{version} {path:?}: {}", said(&output));
            output.stdout
        });
        Some(Self(serde_json::from_slice(&objects).unwrap()))
    }

    /// Returns the manifests with one of several CronJobs.
    pub(super) fn only(&self, name: &str) -> Self {
        let is_other = |it: &Value| it["kind"] == "CronJob" && it["metadata"]["name"] != name;
        Self(self.0.iter().filter(|it| !is_other(it)).cloned().collect())
    }

    pub(super) fn kind(&self, kind: &str) -> &Value {
        let found = self.0.iter().find(|it| it["kind"] == kind);
        found.unwrap_or_else(|| panic!("no {kind}"))
    }

    pub(super) fn job(&self) -> &Value {
        &self.kind("CronJob")["spec"]["jobTemplate"]["spec"]
    }

    pub(super) fn pod(&self) -> &Value {
        &self.job()["template"]["spec"]
    }

    /// Returns the container as the pod runs it. `mounted` are the directories of claims.
    pub(super) fn container(&self, mounted: &[(&str, &Path)], scratch: &Path) -> Defined {
        let container = &self.pod()["containers"][0];
        let (pod, own) = (&self.pod()["securityContext"], &container["securityContext"]);
        assert_eq!(own["allowPrivilegeEscalation"], false);
        assert_eq!(own["readOnlyRootFilesystem"], true);
        let configuration = scratch.join("configuration");
        std::fs::create_dir(&configuration).unwrap();
        for (name, text) in self.kind("ConfigMap")["data"].as_object().unwrap() {
            std::fs::write(configuration.join(name), text.as_str().unwrap()).unwrap();
        }
        let empty = empty_volume(scratch);
        let source = |name: &Value| -> PathBuf {
            let volumes = self.pod()["volumes"].as_array().unwrap();
            let volume = volumes.iter().find(|it| it["name"] == *name).unwrap();
            if volume.get("configMap").is_some() {
                assert_eq!(volume["configMap"]["name"], self.kind("ConfigMap")["metadata"]["name"]);
                configuration.clone()
            } else if let Some(claim) = volume.get("persistentVolumeClaim") {
                let found = mounted.iter().find(|(it, _)| claim["claimName"] == *it);
                found.unwrap_or_else(|| panic!("no {claim}")).1.to_owned()
            } else {
                assert!(volume.get("emptyDir").is_some(), "{volume}");
                empty.clone()
            }
        };
        let points = container["volumeMounts"].as_array().unwrap().iter();
        let texts = |list: &Value| -> Vec<String> {
            let list = list.as_array().into_iter().flatten();
            list.map(|it| it.as_str().unwrap().to_owned()).collect()
        };
        // As a CronJob names its Jobs: by the minute for which they were scheduled.
        let job =
            format!("{}-29412345", self.kind("CronJob")["metadata"]["name"].as_str().unwrap());
        let pair = |it: &Value| {
            let value = match it.get("valueFrom") {
                Some(from) => {
                    let path = "metadata.labels['batch.kubernetes.io/job-name']";
                    assert_eq!(from["fieldRef"]["fieldPath"], path);
                    job.clone()
                }
                None => it["value"].as_str().unwrap().to_owned(),
            };
            (it["name"].as_str().unwrap().to_owned(), value)
        };
        assert!(container.get("command").is_none(), "the image's entry point is run");
        Defined {
            user: format!("{}:{}", pod["runAsUser"], pod["runAsGroup"]),
            environment: container["env"].as_array().unwrap().iter().map(pair).collect(),
            args: texts(&container["args"]),
            dropped: texts(&own["capabilities"]["drop"]),
            added: texts(&own["capabilities"]["add"]),
            volumes: points
                .map(|point| {
                    let to = point["mountPath"].as_str().unwrap().to_owned();
                    let mode = if point["readOnly"] == true { "ro" } else { "rw" };
                    (source(&point["name"]), to, mode)
                })
                .collect(),
        }
    }
}

/// An AWS with what the values name.
pub(super) fn aws() -> Stub {
    let aws = Stub::start();
    let sizes = Sizes { value: 1, standard: 1, ia: 0, archive: 0, at_epoch_seconds: 1.0 };
    aws.file_system("fs-0123456789abcdef0", sizes);
    aws.create_bucket("team-reports");
    aws.domain("d-abc123def456", "studio");
    aws.profile("d-abc123def456", "alice", Some(200_005));
    aws
}

fn assert_published(aws: &Stub, tree: &Path) {
    let bytes = aws.object("team-reports", "efs/latest/fs-0123456789abcdef0.json").unwrap();
    let run: Value = serde_json::from_slice(&bytes).unwrap();
    assert_eq!(run["totals"]["allocated_bytes"], du(tree), "{run}");
    assert_eq!(run["run"]["coverage"], "complete");
    assert_eq!(aws.count("EFS", "DescribeMountTargets"), 0, "DNS knows the nearest");
    assert!(aws.violations().is_empty(), "{:?}", aws.violations());
}

#[test]
fn manifests_are_valid_and_repeat_only_what_was_not_published() {
    for path in ["base/efs-scan.yaml", "base", "mount", "example"] {
        let Some(manifests) = Manifests::of("Kubernetes' manifests", path) else { return };
        assert_eq!(manifests.pod()["restartPolicy"], "Never", "as a podFailurePolicy demands");
        let rules = manifests.job()["podFailurePolicy"]["rules"].as_array().unwrap();
        let [_, ends] = &rules[..] else { panic!("{rules:?}") };
        assert_eq!(ends["action"], "FailJob");
        let codes = &ends["onExitCodes"];
        assert_eq!((&codes["operator"], &codes["values"]), (&json!("NotIn"), &json!([1, 5])));
        let own = &manifests.pod()["containers"][0]["securityContext"]["capabilities"];
        let account = manifests.kind("ServiceAccount");
        assert_eq!(manifests.pod()["serviceAccountName"], account["metadata"]["name"]);
        if path == "mount" {
            assert_eq!(own["add"], json!(["DAC_READ_SEARCH"]));
            let (volume, claim) =
                (manifests.kind("PersistentVolume"), manifests.kind("PersistentVolumeClaim"));
            assert_eq!(volume["spec"]["csi"]["volumeHandle"], "fs-0123456789abcdef0");
            assert_eq!(claim["spec"]["volumeName"], volume["metadata"]["name"]);
        } else {
            assert_eq!(manifests.pod()["securityContext"]["runAsNonRoot"], true);
            assert!(own.get("add").is_none());
            assert!(!manifests.0.iter().any(|it| it["kind"] == "PersistentVolume"));
        }
        let namespace = &manifests.kind("CronJob")["metadata"]["namespace"];
        assert_eq!(namespace.as_str(), (path == "example").then_some("storage"));
    }
}

#[test]
fn a_pod_scans_without_a_mount_and_without_root() {
    let what = "a pod with the direct engine";
    let Some(ready) = Ganesha::can_run(what) else { return };
    let Some(manifests) = Manifests::of(what, "example") else { return };
    let Some(image) = Image::build(what) else { return };
    let (dir, aws) = (scratch(), aws());
    let mut defined = manifests.container(&[], dir.path());
    assert_eq!(defined.user, "65532:65532");
    let ids = ["fs-0123456789abcdef0".to_owned()];
    let served = FileSystems::serve(what, ready, (&ids, "eu-west-1"), 22, dir.path());
    let Some(served) = served else { return };
    defined.volumes.extend(served.volumes);
    let (code, told) = defined.run(&image, &aws);
    assert_eq!(code, Some(0), "{told}");
    assert_published(&aws, &served.all[0].tree);
    assert_eq!(aws.count("CloudWatch", "PutMetricData"), 1);
}

#[test]
fn a_pod_scans_a_mount_with_one_capability() {
    let what = "a pod with a mount";
    let Some(manifests) = Manifests::of(what, "mount") else { return };
    let Some(image) = Image::build(what) else { return };
    let (dir, aws) = (scratch(), aws());
    let tree = tree(dir.path());
    let defined = manifests.container(&[("efs-scan-homes", tree.as_path())], dir.path());
    assert_eq!((&*defined.user, defined.added.len()), ("0:0", 1));
    let (code, told) = defined.run(&image, &aws);
    assert_eq!(code, Some(0), "{told}");
    assert_published(&aws, &tree);
}
