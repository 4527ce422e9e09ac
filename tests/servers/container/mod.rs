//! The container image: built with buildah from this machine's files, and run with its `chroot`
//! isolation, the only one that needs no cgroups.

#[cfg(feature = "aws")]
mod defined;
#[cfg(feature = "aws")]
mod indexed;
#[cfg(feature = "aws")]
mod jobs;
#[cfg(feature = "aws")]
mod pod;
#[cfg(feature = "aws")]
mod task;

use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::Arc;
use std::time::Duration;

use efs_scan_testbed::*;
use serde_json::Value;

use crate::interop::ganesha::{Export, Ganesha};

/// Long, because buildah copies whole images, on a disk that others may be using.
const PATIENCE: Duration = Duration::from_secs(300);

/// Capabilities that root has in a container, without `CAP_`.
const CAPABILITIES: [&str; 14] = [
    "AUDIT_WRITE",
    "CHOWN",
    "DAC_OVERRIDE",
    "FOWNER",
    "FSETID",
    "KILL",
    "MKNOD",
    "NET_BIND_SERVICE",
    "NET_RAW",
    "SETFCAP",
    "SETGID",
    "SETPCAP",
    "SETUID",
    "SYS_CHROOT",
];

/// An image in a store of its own.
struct Image {
    store: Arc<tempfile::TempDir>,
    container: String,
}

impl Image {
    /// Returns `None`, and reports `what` as skipped, if buildah cannot run.
    fn build(what: &str) -> Option<Self> {
        let found = Command::new("buildah").arg("--version").output().is_ok();
        let able = skip_unless(is_root(), what, "not root")
            && skip_unless(found, what, "buildah is not installed");
        able.then(|| {
            let store = Arc::new(scratch());
            let built = make(store.path(), "efs-scan");
            assert!(built.status.success(), "{}", said(&built));
            let mut image = Self { store, container: String::new() };
            image.container = image.buildah(&["from", "efs-scan"]);
            image
        })
    }

    /// Returns the same image with another container, which runs beside the first.
    #[cfg(feature = "aws")]
    fn beside(&self) -> Self {
        Self { store: self.store.clone(), container: self.buildah(&["from", "efs-scan"]) }
    }

    fn command(&self) -> Command {
        let mut command = Command::new("buildah");
        let at = |name: &str| self.store.path().join(name);
        command.args(["--storage-driver", "vfs"]);
        command.arg("--root").arg(at("root")).arg("--runroot").arg(at("run"));
        command
    }

    fn buildah(&self, args: &[&str]) -> String {
        let output = watched(self.command().args(args), PATIENCE);
        assert!(output.status.success(), "{args:?}: {}", said(&output));
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    }

    /// Runs the image's entry point, as a container's runtime would with these options and
    /// arguments.
    fn run(&self, options: &[&str], args: &[&str]) -> Output {
        let mut command = self.command();
        command.args(["run", "--isolation", "chroot"]).args(options).arg(&self.container);
        let entry = self.config()["Entrypoint"][0].as_str().unwrap().to_owned();
        watched(command.arg("--").arg(entry).args(args), PATIENCE)
    }

    /// Returns the image's configuration, as OCI defines it.
    fn config(&self) -> Value {
        let told = self.buildah(&["inspect", "--type", "image", "efs-scan"]);
        serde_json::from_str::<Value>(&told).unwrap()["OCIv1"]["config"].clone()
    }
}

fn repository() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Builds the image of the program under test. The limit is long because the first build installs
/// the tool that lists the crates.
fn make(store: &Path, tag: &str) -> Output {
    let mut command = Command::new(repository().join("deploy/container/build"));
    command.env("PROFILE", "dev").env("BUILDAH_STORAGE", store);
    command.args(["--tag", tag, env!("CARGO_BIN_EXE_efs-scan")]);
    watched(&mut command, Duration::from_secs(1500))
}

fn said(output: &Output) -> String {
    let [out, err] = [&output.stdout, &output.stderr].map(|said| String::from_utf8_lossy(said));
    format!("{out}{err}")
}

/// A tree with a home that only its owner may read.
fn tree(at: &Path) -> PathBuf {
    let tree = at.join("tree");
    file(&tree, "200005/.cache/pip/http/a", 40_000);
    file(&tree, "200005/notes", 5_000);
    for path in ["200005/.cache/pip/http/a", "200005/notes", "200005"] {
        give(&tree.join(path), 200_005);
    }
    let private = std::os::unix::fs::PermissionsExt::from_mode(0o700);
    std::fs::set_permissions(tree.join("200005"), private).unwrap();
    tree
}

fn files(root: &Path) -> Vec<(PathBuf, u64)> {
    let mut found = Vec::new();
    let mut left = vec![root.to_owned()];
    while let Some(directory) = left.pop() {
        for entry in std::fs::read_dir(directory).unwrap() {
            let entry = entry.unwrap();
            match entry.file_type().unwrap().is_dir() {
                true => left.push(entry.path()),
                false => {
                    let path = entry.path().strip_prefix(root).unwrap().to_owned();
                    found.push((path, entry.metadata().unwrap().len()));
                }
            }
        }
    }
    found.sort();
    found
}

#[test]
fn the_image_holds_the_program_and_little_else() {
    let Some(image) = Image::build("the container image") else { return };
    let root = PathBuf::from(image.buildah(&["mount", &image.container]));
    let files = files(&root);
    let program = Path::new("usr/bin/efs-scan");
    let others = files.iter().filter(|(path, _)| path != program);
    // The release binary has 28 MB, and the image less than 60.
    assert!(others.clone().map(|(_, size)| size).sum::<u64>() < 10 << 20, "{files:?}");
    let executables = others.filter(|(path, _)| path.starts_with("usr/bin"));
    assert_eq!(executables.count(), 0, "{files:?}");

    let docs = root.join("usr/share/doc/efs-scan");
    let sbom = std::fs::read(docs.join("sbom.cdx.json")).unwrap();
    let sbom: Value = serde_json::from_slice(&sbom).unwrap();
    assert_eq!(sbom["metadata"]["component"]["name"], "efs-scan");
    let crates = sbom["components"].as_array().unwrap();
    assert!(crates.iter().any(|part| part["name"] == "rustls"), "{} crates", crates.len());

    let config = image.config();
    assert_eq!(config["Labels"]["org.opencontainers.image.licenses"], "MIT OR Apache-2.0");
    let again = make(image.store.path(), "again");
    assert!(again.status.success(), "{}", said(&again));
    let ids = image.buildah(&["images", "--quiet", "--no-trunc"]);
    // Both names have the same image: two builds do not differ.
    let mut ids: Vec<&str> = ids.lines().collect();
    ids.dedup();
    assert_eq!(ids.len(), 1, "{ids:?}");
}

#[test]
fn a_container_scans_a_mount_with_one_capability() {
    let Some(image) = Image::build("a scan in a container") else { return };
    let dir = scratch();
    let tree = tree(dir.path());
    let volume = format!("{}:/mnt/efs:ro", tree.display());
    // Not `all`, which would win over --cap-add.
    let dropped = CAPABILITIES.map(|name| format!("CAP_{name}"));
    let mut only = vec!["--volume", &volume];
    only.extend(dropped.iter().flat_map(|name| ["--cap-drop", name.as_str()]));
    let able = [&["--cap-add", "CAP_DAC_READ_SEARCH"], &only[..]].concat();
    let args = ["--format", "json", "--engine", "posix"];

    let output = image.run(&able, &args);
    assert_eq!(output.status.code(), Some(0), "{}", said(&output));
    let scanned: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(scanned["totals"]["allocated_bytes"], du(&tree));
    // Without it the home is unreadable, and the report says so.
    let output = image.run(&only, &args);
    let told = said(&output);
    // Exit code 3: a partial scan.
    assert_eq!(output.status.code(), Some(3), "{told}");
    assert!(told.contains("coverage=\"partial\"") && told.contains("Permission denied"), "{told}");
}

#[test]
fn any_uid_scans_an_nfs_server_and_publishes_to_a_bucket() {
    let what = "a scan without a mount in a container";
    let Some(ready) = Ganesha::can_run(what) else { return };
    let url = std::env::var("EFS_SCAN_TEST_MINISTACK").ok();
    if !skip_unless(url.is_some(), what, "tests/aws-servers starts ministack for it") {
        return;
    }
    let url = url.unwrap();
    let Some(image) = Image::build(what) else { return };
    let dir = scratch();
    let tree = tree(dir.path());
    let server = ready.serve(dir.path(), &[Export { path: &tree, name: "/tree" }], "");
    // S3 answers a PUT of a bucket's name without a client.
    let bucket = format!("image-{}", jiff::Timestamp::now().as_nanosecond());
    let made = Command::new("python3")
        .args([
            "-c",
            "import sys, urllib.request as r; r.urlopen(r.Request(sys.argv[1], method='PUT'))",
        ])
        .arg(format!("{url}/{bucket}"))
        .output()
        .unwrap();
    assert!(made.status.success(), "{}", said(&made));

    let endpoint = format!("AWS_ENDPOINT_URL={url}");
    let settings = [
        endpoint.as_str(),
        "AWS_ACCESS_KEY_ID=test",
        "AWS_SECRET_ACCESS_KEY=test",
        "AWS_REGION=us-east-1",
        "AWS_EC2_METADATA_DISABLED=true",
    ];
    let options: Vec<&str> = ["--user", "65532", "--network", "host"]
        .into_iter()
        .chain(settings.iter().flat_map(|setting| ["--env", setting]))
        .collect();
    let to = format!("s3://{bucket}/efs");
    let root = server.url("/tree");
    let output = image.run(&options, &["--nfs-uid", "0", "--publish", &to, "--verbose", &root]);
    assert_eq!(output.status.code(), Some(0), "{}", said(&output));
    // It has no volume.
    let place = format!("the state is kept at {to}: this is a container");
    assert!(said(&output).contains(&place), "{}", said(&output));
    // A second run finds the lock released.
    let output = image.run(&options, &["--nfs-uid", "0", "--publish", &to, &root]);
    assert_eq!(output.status.code(), Some(0), "{}", said(&output));
    let output = image.run(&options, &["status", "--from", &to, "--format", "json"]);
    assert_eq!(output.status.code(), Some(0), "{}", said(&output));
    let status: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert!(said(&output).contains("200005"), "{status}");
}
