//! The instance's first-boot script: checked by bash and shellcheck, and run with every program
//! that would change a machine replaced by one that records its arguments.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Command, Output};
use std::time::Duration;

use super::deployed::{Deployed, HOSTILE, PACKAGE_BYTES};
use efs_scan_testbed::{file, scratch, skip_unless, watched};

fn script(deployed: &Deployed) -> &str {
    deployed.output("user_data").as_str().unwrap()
}

#[test]
fn bash_shellcheck_and_ec2_accept_the_script() {
    let Some(deployed) = Deployed::get() else { return };
    let work = scratch();
    let path = work.path().join("user-data.sh");
    fs::write(&path, script(deployed)).unwrap();
    let bash = Command::new("bash").arg("-n").arg(&path).output().unwrap();
    assert!(bash.status.success(), "{}", String::from_utf8_lossy(&bash.stderr));
    // EC2 accepts 16 KiB. The module accepts 4,000 characters of quotas, which appear twice, compressed
    // and then as base64: even if they cannot be compressed, a third is left.
    let mime = deployed.output("mime").as_str().unwrap();
    assert!(mime.is_ascii() && mime.len() + 4000 * 4 / 3 < 16_384, "{}", mime.len());
    let there = Command::new("shellcheck").arg("--version").output().is_ok();
    if skip_unless(there, "shellcheck of the user data", "shellcheck is not installed") {
        let checked = Command::new("shellcheck").arg(&path).output().unwrap();
        assert!(checked.status.success(), "{}", String::from_utf8_lossy(&checked.stdout));
    }
}

/// Parses the script as cloud-init does: a MIME archive whose script runs at every start.
#[test]
fn the_script_runs_at_every_start() {
    let Some(deployed) = Deployed::get() else { return };
    let there = Command::new("python3").arg("--version").output().is_ok();
    if !skip_unless(there, "the user data as MIME", "python3 is not installed") {
        return;
    }
    let work = scratch();
    let path = work.path().join("mime");
    fs::write(&path, deployed.output("mime").as_str().unwrap()).unwrap();
    let read = "import email, json, sys
parts = email.message_from_binary_file(open(sys.argv[1], 'rb')).walk()
parts = [p for p in parts if not p.is_multipart()]
print(json.dumps([[p.get_content_type(), p.get_payload(decode=True).decode()] for p in parts]))";
    let output = Command::new("python3").args(["-c", read]).arg(&path).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let parts: Vec<[String; 2]> = serde_json::from_slice(&output.stdout).unwrap();
    let [[cloud, config], [shell, setup]] = &parts[..] else { panic!("{parts:?}") };
    assert_eq!([cloud.as_str(), shell.as_str()], ["text/cloud-config", "text/x-shellscript"]);
    let config = config.trim();
    assert_eq!(config, "#cloud-config\ncloud_final_modules:\n  - [scripts-user, always]");
    assert_eq!(setup.trim_end(), script(deployed).trim_end());
}

/// A machine in a directory, whose programs write their arguments to `log`.
struct Machine(tempfile::TempDir);

impl Machine {
    fn new() -> Self {
        let machine = Self(scratch());
        let at = |path: &str| machine.0.path().join(path);
        file(machine.0.path(), "package", 0);
        fs::write(at("package"), PACKAGE_BYTES).unwrap();
        fs::create_dir_all(at("etc/systemd/system")).unwrap();
        fs::create_dir(at("bin")).unwrap();
        fs::write(at("etc/fstab"), "UUID=1 / xfs defaults 0 0\n").unwrap();
        for name in ["aws", "dnf", "mount", "mountpoint", "systemctl", "sleep", "hostname"] {
            machine.program(name, "");
        }
        machine.program(
            "aws",
            &format!("[ \"$1\" != s3 ] || cp '{}' \"$5\"", at("package").display()),
        );
        machine.program("mountpoint", "exit 1");
        // Nothing is installed.
        machine.program("rpm", "echo \"$*\"; exit 1");
        let program = env!("CARGO_BIN_EXE_efs-scan");
        machine.program("efs-scan", &format!("exec '{program}' \"$@\""));
        machine
    }

    fn program(&self, name: &str, then: &str) {
        let (path, log) = (self.0.path().join("bin").join(name), self.0.path().join("log"));
        let text = format!("#!/bin/bash\necho \"{name} $*\" >>'{}'\n{then}\n", log.display());
        fs::write(&path, text).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    }

    /// Runs the script with this directory in place of `/`.
    fn run(&self, script: &str) -> Output {
        let root = self.0.path().to_str().unwrap();
        let script = script
            .replace(" /etc/", &format!(" {root}/etc/"))
            .replace(">/etc/", &format!(">{root}/etc/"))
            .replace("=/etc/", &format!("={root}/etc/"))
            .replace("=/var/", &format!("={root}/var/"))
            .replace(" /var/", &format!(" {root}/var/"))
            .replace("-p \"$at\"", &format!("-p \"{root}$at\""));
        let path = self.0.path().join("user-data.sh");
        fs::write(&path, script).unwrap();
        let mut command = Command::new("bash");
        command.arg(&path).current_dir(root).env_clear();
        command.env("PATH", format!("{root}/bin:/usr/bin:/bin")).env("HOME", root);
        watched(&mut command, Duration::from_secs(60))
    }

    fn read(&self, path: &str) -> String {
        fs::read_to_string(self.0.path().join(path)).unwrap()
    }
}

#[test]
fn the_script_sets_up_the_monitor_and_can_be_repeated() {
    let why =
        "there is no EFS here: its mount helper, IAM and the file system policy are not asked";
    skip_unless(false, "mount.efs with tls,iam", why);
    let Some(deployed) = Deployed::get() else { return };
    let machine = Machine::new();
    for round in 1..=2 {
        let output = machine.run(script(deployed));
        let error = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success(), "round {round}: {error}");
        let fstab = machine.read("etc/fstab");
        let lines: Vec<_> = fstab.lines().collect();
        assert_eq!(lines.len(), 2, "{fstab}");
        let words: Vec<_> = lines[1].split_whitespace().collect();
        let source = format!("{}:/", deployed.before("file_system_id"));
        assert_eq!(words[..3], [source.as_str(), "/mnt/efs", "efs"]);
        let options = "_netdev,nofail,tls,iam,ro,nocto,nfsvers=4.1,rsize=1048576,wsize=1048576,\
                       hard,timeo=600,retrans=2,noresvport";
        assert_eq!(words[3], options);
        assert_eq!(
            machine.read("etc/efs-scan.toml"),
            deployed.output("configuration").as_str().unwrap()
        );
        let timer = machine.read("etc/systemd/system/efs-scan.timer.d/time.conf");
        let service = machine.read("etc/systemd/system/efs-scan.service.d/remind.conf");
        assert_eq!(service, "[Service]\nExecStartPost=-/usr/bin/efs-scan remind\n");
        assert!(timer.ends_with("OnCalendar=\nOnCalendar=*-*-* 02:30:00 UTC\n"), "{timer}");
    }
    let asked = machine.read("log");
    let installed = asked.matches("dnf install").count();
    assert_eq!(installed, 3, "efs-utils twice, as it is not there, and the package once:\n{asked}");
    let order = [
        "aws s3 cp",
        "dnf install -y /",
        "efs-scan config",
        "mount /mnt/efs",
        "systemctl enable --now efs-scan.timer",
        "systemctl start --no-block efs-scan.service",
    ];
    let found: Vec<_> = order.iter().map(|what| asked.find(what)).collect();
    assert!(found.iter().all(Option::is_some) && found.is_sorted(), "{found:?} in\n{asked}");
    assert!(!asked.contains("sns publish"), "{asked}");
    let pwned = Path::new(machine.0.path()).join("pwned").exists();
    assert!(!pwned, "a name was run");
}

#[test]
fn the_program_accepts_the_configuration_of_the_script() {
    let Some(deployed) = Deployed::get() else { return };
    let work = scratch();
    let path = work.path().join("efs-scan.toml");
    fs::write(&path, deployed.output("configuration").as_str().unwrap()).unwrap();
    let output = efs_scan_testbed::run(["config".as_ref(), "--config".as_ref(), path.as_os_str()]);
    let error = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(0), "{error}");
    let config: toml::Table = toml::from_str(&String::from_utf8(output.stdout).unwrap()).unwrap();
    assert_eq!(config["file_system_id"].as_str(), Some(deployed.before("file_system_id")));
    assert_eq!(config["publish"]["to"].as_str(), deployed.output("destination").as_str());
    assert_eq!(config["notify"]["topic"].as_str(), deployed.output("topic_arn").as_str());
    assert_eq!(config["names"][0].as_str(), Some("sagemaker:d-abc123def456"));
    assert_eq!(config["require_mount"].as_bool(), Some(true));
    assert_eq!(config["home_at"].as_str(), Some("/home/sagemaker-user/user-default-efs"));
    assert_eq!(config["remind"]["address"].as_str(), Some("{name}@example.com"));
    assert_eq!(config["remind"]["trash"].as_str(), Some("10GiB"));
    assert_eq!(config["quota"]["users"][HOSTILE].as_str(), Some("1.5MiB"));
    assert_eq!(config["quota"]["users"]["alice"].as_str(), Some("32MiB"));
    let users = config["cloudwatch"]["users"].as_array().unwrap();
    assert!(users.len() == 2 && users.iter().any(|user| user.as_str() == Some(HOSTILE)));
    assert_eq!(config["quota"]["groups"]["physics"].as_str(), Some("64MiB"));
    assert_eq!(config["cloudwatch"]["groups"].as_array().unwrap().len(), 1);
}

#[test]
fn a_failed_setup_reports_where_alarms_go() {
    let Some(deployed) = Deployed::get() else { return };
    let topic = deployed.output("topic_arn").as_str().unwrap();
    let swapped = "[ \"$1\" != s3 ] || echo another >\"$5\"";
    for (name, then) in [("dnf", "exit 1"), ("mount", "exit 32"), ("aws", swapped)] {
        let machine = Machine::new();
        machine.program(name, then);
        let output = machine.run(script(deployed));
        assert_eq!(output.status.code(), Some(1), "{name}");
        let asked = machine.read("log");
        assert!(asked.contains(&format!("sns publish --topic-arn {topic}")), "{name}: {asked}");
        assert!(!asked.contains("systemctl start"), "{name}: {asked}");
    }
}
