//! The .rpm: contents, metadata and scripts.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use super::built::*;
use efs_scan_testbed::*;

#[test]
fn the_rpm_has_the_same_files() {
    let Some(packages) = packages() else { return };
    let mut expected = INSTALLED.iter().map(|path| (*path).to_owned()).collect::<Vec<_>>();
    expected.push("/usr/share/zsh/site-functions/_efs-scan".to_owned());
    for licence in ["APACHE", "MIT"] {
        expected.push(format!("/usr/share/licenses/efs-scan/LICENSE-{licence}"));
    }
    expected.sort();
    assert_eq!(rpm(&["-qpl"], packages).lines().collect::<Vec<_>>(), expected);
    assert_eq!(rpm(&["-qpc"], packages), "/etc/efs-scan.toml\n");
    // RPMFILE_CONFIG and RPMFILE_NOREPLACE, 1 and 16.
    let flags = rpm(&["-qp", "--queryformat", "[%{FILENAMES} %{FILEFLAGS}\n]"], packages);
    assert!(flags.contains("/etc/efs-scan.toml 17\n"), "{flags}");
    let modes = rpm(&["-qplv"], packages);
    assert!(modes.lines().all(|line| line.contains(" root     root ")), "{modes}");
    assert!(
        modes
            .lines()
            .any(|line| { line.starts_with("-rwxr-xr-x") && line.ends_with("/usr/bin/efs-scan") })
    );
}

#[test]
fn the_rpm_has_its_metadata() {
    let Some(packages) = packages() else { return };
    let format = "%{NAME} %{VERSION}-%{RELEASE} %{ARCH} %{LICENSE}";
    let about = rpm(&["-qp", "--queryformat", format], packages);
    let version = env!("CARGO_PKG_VERSION");
    let arch = std::env::consts::ARCH;
    assert_eq!(about, format!("efs-scan {version}-1 {arch} MIT OR Apache-2.0"));
    let requires = rpm(&["-qp", "--requires"], packages);
    assert!(requires.lines().any(|line| line == "glibc >= 2.34"), "{requires}");
}

/// Runs a script of the .rpm as rpm does, with `root` in front of every path in it, and returns its
/// calls of systemctl, which fail. rpm passes the number of remaining versions.
fn script(tag: &str, left: &str, root: &Path, packages: &Packages) -> Vec<String> {
    let interpreter = format!("%{{{tag}PROG}}");
    assert_eq!(rpm(&["-qp", "--queryformat", &interpreter], packages), "/bin/sh", "{tag}");
    let text = rpm(&["-qp", "--queryformat", &format!("%{{{tag}}}")], packages);
    let mut text = format!(" {text}");
    for place in ["/run/", "/usr/", "/var/", "/etc/"] {
        text = text.replace(&format!(" {place}"), &format!(" {}{place}", root.display()));
    }
    let calls = root.join("calls");
    std::fs::write(&calls, "").unwrap();
    std::fs::create_dir_all(root.join("fake")).unwrap();
    let _ = std::os::unix::fs::symlink("/usr/bin/rmdir", root.join("fake/rmdir"));
    let mut command = Command::new("/bin/sh");
    command.arg("-c").arg(text).arg("script").arg(left);
    // Only programs that the scripts may need, and never this machine's systemctl.
    command.env("PATH", root.join("fake"));
    let output = watched(command.env("CALLS", &calls), Duration::from_secs(10));
    // A failing script aborts an upgrade or a removal half-way, and output alarms the
    // administrator.
    assert!(output.status.success(), "{tag} {left}: {}", told(&output));
    assert_eq!(told(&output), "", "{tag} {left}");
    std::fs::read_to_string(calls).unwrap().lines().map(str::to_owned).collect()
}

#[test]
fn the_rpm_leaves_the_timer_alone_until_it_is_removed() {
    let Some(packages) = packages() else { return };
    let tree = scratch();
    let systemctl = file(tree.path(), "fake/systemctl", 0);
    std::fs::write(&systemctl, "#!/bin/sh\necho \"$*\" >>\"$CALLS\"\nexit 1\n").unwrap();
    std::fs::set_permissions(&systemctl, PermissionsExt::from_mode(0o755)).unwrap();
    let removal = ["disable --now efs-scan.timer", "stop efs-scan.service"];
    let reload: &[&str] = &["daemon-reload"];
    // Without a running systemd, as in an image: links only, and nothing to reload.
    let expected: &[(&str, &str, &[&str], &[&str])] = &[
        ("POSTIN", "1", reload, &[]),
        ("POSTIN", "2", reload, &[]),
        ("PREUN", "2", &[], &[]),
        ("PREUN", "1", &[], &[]),
        ("PREUN", "0", &removal, &["disable efs-scan.timer"]),
        ("POSTUN", "2", reload, &[]),
        ("POSTUN", "1", reload, &[]),
        ("POSTUN", "0", reload, &[]),
    ];
    for (tag, left, _, without) in expected {
        assert_eq!(script(tag, left, tree.path(), packages), *without, "{tag} {left}");
    }
    std::fs::create_dir_all(tree.path().join("run/systemd/system")).unwrap();
    for (tag, left, with, _) in expected {
        assert_eq!(script(tag, left, tree.path(), packages), *with, "{tag} {left}");
    }
    // Without systemctl, as in a container.
    std::fs::remove_dir_all(tree.path().join("run")).unwrap();
    std::fs::remove_file(&systemctl).unwrap();
    for (tag, left, ..) in expected {
        script(tag, left, tree.path(), packages);
    }
    // There are only these three scripts.
    let scripts = rpm(&["-qp", "--scripts"], packages);
    let runs = scripts.lines().filter(|line| line.contains(" scriptlet")).collect::<Vec<_>>();
    assert_eq!(runs.len(), 3, "{runs:?}");
}

/// The test installs into a separate root. rpm does not run the scripts, because there is no shell.
#[test]
fn the_rpm_installs_and_leaves() {
    let Some(packages) = packages() else { return };
    if !skip_unless(is_root(), "rpm --install", "not root") {
        return;
    }
    let tree = scratch();
    let root = tree.path().to_str().unwrap();
    let state = file(tree.path(), "var/lib/efs-scan/runs/latest/mnt-efs.json", 10);
    let own = ["usr/lib/efs-scan", "usr/share/doc/efs-scan", "usr/share/licenses/efs-scan"];
    let there = || own.iter().filter(|own| tree.path().join(own).exists()).count();
    let install = || {
        rpm(&["--root", root, "--noscripts", "--nodeps", "--install"], packages);
    };
    let erase = || {
        let mut erase = Command::new("rpm");
        erase.args(["--root", root, "--noscripts", "--nodeps", "--erase", "efs-scan"]);
        let output = watched(&mut erase, Duration::from_secs(60));
        assert!(output.status.success(), "{}", told(&output));
    };
    install();
    let installed = tree.path().join("usr/bin/efs-scan");
    let output = watched(Command::new(&installed).arg("--version"), Duration::from_secs(10));
    assert!(told(&output).contains(env!("CARGO_PKG_VERSION")));
    let licences = tree.path().join(own[2]);
    check_licences(
        &["MIT", "APACHE"]
            .map(|name| std::fs::read_to_string(licences.join(format!("LICENSE-{name}"))).unwrap())
            .concat(),
    );
    // The directories survive an upgrade.
    script("POSTUN", "1", tree.path(), packages);
    assert_eq!(there(), own.len());
    erase();
    script("POSTUN", "0", tree.path(), packages);
    assert!(!installed.exists());
    assert!(state.exists());
    assert_eq!(there(), 0);

    // Files of the administrator survive, too.
    install();
    let note = file(tree.path(), "usr/share/doc/efs-scan/note", 10);
    erase();
    script("POSTUN", "0", tree.path(), packages);
    assert!(note.exists());
}
