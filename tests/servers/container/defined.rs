//! A container as an orchestrator would run it: from its definition, with buildah, beside stand-ins
//! for AWS and for EFS.

use std::net::{Ipv4Addr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::SystemTime;

use efs_scan_testbed::aws::Stub;
use efs_scan_testbed::balancer::Balancer;
use efs_scan_testbed::efs_gate::{AccessKey, Gate, Wanted};
use efs_scan_testbed::*;

use super::{CAPABILITIES, Image, said, tree};
use crate::interop::ganesha::{Export, Ganesha, Ready};

/// What a definition says of a container.
pub(super) struct Defined {
    pub(super) user: String,
    pub(super) environment: Vec<(String, String)>,
    pub(super) args: Vec<String>,
    /// Capabilities, without `CAP_`.
    pub(super) dropped: Vec<String>,
    pub(super) added: Vec<String>,
    /// Directories and files of this machine with their places in the container, and `ro` or `rw`.
    pub(super) volumes: Vec<(PathBuf, String, &'static str)>,
}

impl Defined {
    /// Runs it, and returns its exit code and what it said.
    pub(super) fn run(&self, image: &Image, aws: &Stub) -> (Option<i32>, String) {
        // So that a volume may have the names of hosts.
        let mut options = vec!["--no-hosts".to_owned()];
        let mut option = |name: &str, value: String| options.extend([name.to_owned(), value]);
        option("--network", "host".to_owned());
        option("--user", self.user.clone());
        // The endpoint and credentials, which the orchestrator gives to a container.
        let mut outside = Command::new("true");
        aws.env(&mut outside);
        for (name, value) in outside.get_envs() {
            if let (Some(name), Some(value)) = (name.to_str(), value.and_then(|it| it.to_str())) {
                option("--env", format!("{name}={value}"));
            }
        }
        for (name, value) in &self.environment {
            option("--env", format!("{name}={value}"));
        }
        for (from, to, mode) in &self.volumes {
            option("--volume", format!("{}:{to}:{mode}", from.display()));
        }
        // Not `all`, which would win over --cap-add.
        let all = self.dropped.iter().any(|it| it == "ALL");
        for name in CAPABILITIES.iter().filter(|name| !self.added.iter().any(|it| it == *name)) {
            if all || self.dropped.iter().any(|it| it == name) {
                option("--cap-drop", format!("CAP_{name}"));
            }
        }
        for name in &self.added {
            option("--cap-add", format!("CAP_{name}"));
        }
        let options: Vec<&str> = options.iter().map(String::as_str).collect();
        let args: Vec<&str> = self.args.iter().map(String::as_str).collect();
        let output = image.run(&options, &args);
        (output.status.code(), said(&output))
    }
}

/// Makes an empty volume with the mode that the image's directory has, as ECS and Docker do.
pub(super) fn empty_volume(at: &Path) -> PathBuf {
    let volume = at.join("volume");
    std::fs::create_dir(&volume).unwrap();
    let open = std::os::unix::fs::PermissionsExt::from_mode(0o1777);
    std::fs::set_permissions(&volume, open).unwrap();
    volume
}

/// File systems that are reached as EFS's are: by their names, on port 2049, over TLS, with a
/// signed certificate.
pub(super) struct FileSystems {
    pub(super) all: Vec<FileSystem>,
    /// What the VPC's resolver says, and the certificates that EFS's are signed by.
    pub(super) volumes: [(PathBuf, String, &'static str); 2],
}

pub(super) struct FileSystem {
    pub(super) id: String,
    pub(super) tree: PathBuf,
    pub(super) gate: Gate,
    _server: Ganesha,
}

impl FileSystems {
    /// Serves a tree for each id, at addresses of this process's own, ending in `NET.1` and so on. Returns `None`, and reports `what` as
    /// skipped, if another process has the port.
    pub(super) fn serve(
        what: &str,
        ready: Ready,
        (ids, region): (&[String], &str),
        net: u8,
        dir: &Path,
    ) -> Option<Self> {
        // The stand-in's credentials.
        let (key, secret) = ("AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY");
        let own = u8::try_from(std::process::id() % 250).unwrap() + 1;
        let (mut hosts, mut roots, mut all) = (String::new(), String::new(), Vec::new());
        for (number, id) in (1..).zip(ids) {
            let address = Ipv4Addr::new(127, own, net, number);
            let listener = TcpListener::bind((address, 2049)).ok();
            if !skip_unless(listener.is_some(), what, "another process listens on port 2049") {
                return None;
            }
            let at = dir.join(id);
            std::fs::create_dir(&at).unwrap();
            let tree = tree(&at);
            file(&tree, "200006/more", 10_000 * usize::from(number));
            let server = ready.serve(&at, &[Export { path: &tree, name: "/" }], "");
            let host = format!("{id}.efs.{region}.amazonaws.com");
            let wanted = Wanted {
                host: host.clone(),
                file_system: id.clone(),
                region: region.to_owned(),
                access_points: Vec::new(),
                keys: vec![AccessKey::new(key, secret, None)],
                iam: true,
            };
            let gate = Gate::start(server.address(), wanted, &at, SystemTime::now);
            hosts += &format!("{address} {host}\n");
            roots += &std::fs::read_to_string(gate.root()).unwrap();
            Balancer::listen(listener?, vec![gate.address()]);
            all.push(FileSystem { id: id.clone(), tree, gate, _server: server });
        }
        let put = |name: &str, text: String, to: &str| {
            std::fs::write(dir.join(name), text).unwrap();
            (dir.join(name), to.to_owned(), "ro")
        };
        let volumes = [
            put("hosts", hosts, "/etc/hosts"),
            put("roots", roots, "/etc/ssl/certs/ca-certificates.crt"),
        ];
        Some(Self { all, volumes })
    }
}
