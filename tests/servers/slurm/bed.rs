//! A Slurm of one node, with its own munge: keys, ports, directories and logs are of the test alone.

use std::fmt::Write as _;
use std::fs::File;
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use efs_scan_testbed::*;
use tempfile::TempDir;

const PATIENCE: Duration = Duration::from_secs(60);

/// Daemons that run until this is dropped, with the jobs that they started.
pub(super) struct Slurm {
    dir: TempDir,
    daemons: Vec<Child>,
}

impl Slurm {
    /// Returns `None`, and reports `what` as skipped, if Slurm is not installed or may not be started.
    pub(super) fn start(what: &str) -> Option<Self> {
        // One without a configuration says so.
        let has = |name: &str| {
            let mut command = Command::new(name);
            command.arg("-V").stdout(Stdio::null()).stderr(Stdio::null()).status().is_ok()
        };
        let installed = ["munged", "slurmctld", "slurmd", "sbatch"].into_iter().all(has);
        let able = skip_unless(is_root(), what, "not root, as which Slurm starts jobs")
            && skip_unless(installed, what, "slurm-wlm or munge is not installed");
        // Jobs of other users read it, and the path of a socket has at most 108 bytes.
        let dir = able.then(|| tempfile::Builder::new().prefix("slurm-").tempdir().unwrap())?;
        open(dir.path(), 0o755);
        let mut slurm = Self { dir, daemons: Vec::new() };
        slurm.start_munge();
        slurm.start_slurm();
        Some(slurm)
    }

    /// Returns a directory that every user may reach.
    pub(super) fn path(&self) -> &Path {
        self.dir.path()
    }

    fn configuration(&self) -> PathBuf {
        self.path().join("slurm.conf")
    }

    fn start_munge(&mut self) {
        let at = self.path().join("munge");
        std::fs::create_dir(&at).unwrap();
        open(&at, 0o755);
        let key = at.join("key");
        std::fs::write(&key, random_key()).unwrap();
        open(&key, 0o400);
        let mut munged = Command::new("munged");
        munged.arg("--foreground").arg("--key-file").arg(&key);
        for name in ["socket", "log-file", "pid-file", "seed-file"] {
            munged.arg(format!("--{name}={}", at.join(name).display()));
        }
        self.daemon(&mut munged, "munged");
        self.wait("munge's socket", || at.join("socket").exists());
    }

    fn start_slurm(&mut self) {
        for name in ["state", "spool"] {
            std::fs::create_dir(self.path().join(name)).unwrap();
        }
        let host = rustix::system::uname().nodename().to_str().unwrap().to_owned();
        let conf = configuration(self.path(), &host);
        std::fs::write(self.configuration(), conf).unwrap();
        let (mut controller, mut node) = (self.command("slurmctld"), self.command("slurmd"));
        self.daemon(controller.arg("-D"), "slurmctld");
        self.daemon(node.args(["-D", "-N", &host]), "slurmd");
        self.wait("an idle node", || {
            self.ask("sinfo", &["--noheader", "--format=%T"]).trim() == "idle"
        });
    }

    fn daemon(&mut self, command: &mut Command, name: &str) {
        let said = File::create(self.path().join(format!("{name}.out"))).unwrap();
        command.stdin(Stdio::null()).stderr(said.try_clone().unwrap()).stdout(said);
        self.daemons.push(command.spawn().unwrap());
    }

    /// Waits until something is so, and fails with what the daemons said.
    pub(super) fn wait(&self, what: &str, is: impl Fn() -> bool) {
        let until = Instant::now() + PATIENCE;
        while !is() {
            if Instant::now() > until {
                let mut told = format!("no {what} after {PATIENCE:?}; {}", self.ask("squeue", &[]));
                for name in ["munged", "slurmctld", "slurmd"] {
                    let said = std::fs::read_to_string(self.path().join(format!("{name}.out")));
                    let _ = write!(told, "\n{name}: {}", said.unwrap_or_default());
                }
                panic!("{told}");
            }
            std::thread::sleep(Duration::from_millis(100));
        }
    }

    /// Returns a command that speaks to this Slurm.
    pub(super) fn command(&self, program: impl AsRef<std::ffi::OsStr>) -> Command {
        let mut command = Command::new(program);
        command.env("SLURM_CONF", self.configuration()).stdin(Stdio::null());
        for (name, _) in std::env::vars_os() {
            if name.to_string_lossy().starts_with("EFS_SCAN_") {
                command.env_remove(name);
            }
        }
        command
    }

    /// Returns what a command of Slurm says; nothing if it fails.
    pub(super) fn ask(&self, program: &str, args: &[&str]) -> String {
        let output = watched(self.command(program).args(args), PATIENCE);
        String::from_utf8_lossy(&output.stdout).into_owned()
    }

    /// Waits until a job has ended, and returns its state and exit code, such as `FAILED 3:0`.
    pub(super) fn ended(&self, job: &str) -> String {
        let shown = || self.ask("scontrol", &["--oneliner", "show", "job", job]);
        let field = |line: &str, name: &str| {
            let found = line.split_whitespace().find_map(|it| it.strip_prefix(name));
            found.unwrap_or_default().to_owned()
        };
        let is_over = |state: &str| {
            ["COMPLETED", "FAILED", "CANCELLED", "TIMEOUT"].iter().any(|it| state.starts_with(it))
        };
        self.wait(&format!("end of job {job}"), || is_over(&field(&shown(), "JobState=")));
        let line = shown();
        format!("{} {}", field(&line, "JobState="), field(&line, "ExitCode="))
    }
}

impl Drop for Slurm {
    fn drop(&mut self) {
        // Jobs outlive their daemon.
        let _ =
            self.command("scancel").args(["--full", "--signal=KILL", "--partition=all"]).status();
        let _ = self.command("scancel").arg("--partition=all").status();
        let until = Instant::now() + Duration::from_secs(10);
        while Instant::now() < until && !self.ask("squeue", &["--noheader"]).is_empty() {
            std::thread::sleep(Duration::from_millis(100));
        }
        for daemon in self.daemons.iter_mut().rev() {
            let _ = daemon.kill();
            let _ = daemon.wait();
        }
    }
}

/// Sets the mode of a path.
pub(super) fn open(path: &Path, mode: u32) {
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
}

fn random_key() -> Vec<u8> {
    use std::io::Read;
    let mut key = vec![0; 1024];
    File::open("/dev/urandom").unwrap().read_exact(&mut key).unwrap();
    key
}

/// A job that is queued again waits for `cred_expire`, of which 5 s are the least; there are more processors
/// than this machine has, so that jobs need not wait for each other.
fn configuration(at: &Path, host: &str) -> String {
    // Both are taken before either is free again.
    let listeners = [(); 2].map(|()| TcpListener::bind("127.0.0.1:0").unwrap());
    let [controller, node] = listeners.each_ref().map(|it| it.local_addr().unwrap().port());
    let at = at.display();
    format!(
        "ClusterName=test
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort={controller}
SlurmdPort={node}
SlurmUser=root
AuthType=auth/munge
AuthInfo=socket={at}/munge/socket,cred_expire=5
StateSaveLocation={at}/state
SlurmdSpoolDir={at}/spool
SlurmctldPidFile={at}/slurmctld.pid
SlurmdPidFile={at}/slurmd.pid
SlurmctldLogFile={at}/slurmctld.log
SlurmdLogFile={at}/slurmd.log
MailProg=/bin/true
MpiDefault=none
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
SchedulerParameters=sched_interval=1
SlurmdParameters=config_overrides
ReturnToService=2
KillWait=1
NodeName={host} NodeAddr=127.0.0.1 CPUs=64 RealMemory=200000
PartitionName=all Nodes={host} Default=YES MaxTime=INFINITE State=UP
"
    )
}
