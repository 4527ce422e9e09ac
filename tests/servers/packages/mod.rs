//! Installing and running the program: packages, cron job, and systemd units.

mod built;
mod cron;
mod redhat;

use std::process::{Command, Output};
use std::time::Duration;

use built::*;
use efs_scan_testbed::*;

fn systemd_analyze(what: &str) -> bool {
    let able = has("systemd-analyze");
    skip_unless(able, &format!("systemd-analyze {what}"), "systemd is not installed")
}

/// Any output is a failure. The program and its man page are not installed on this machine: the
/// unit gets the path of the built program, and the tests of the packages check the man page.
#[test]
fn the_units_are_clean() {
    if !systemd_analyze("verify") {
        return;
    }
    let tree = scratch();
    for unit in ["efs-scan.service", "efs-scan.timer"] {
        let text = std::fs::read_to_string(repository().join("deploy/systemd").join(unit)).unwrap();
        let text = text.replace("/usr/bin/efs-scan", env!("CARGO_BIN_EXE_efs-scan"));
        let text = text.replace("Documentation=man:efs-scan(1)\n", "");
        std::fs::write(tree.path().join(unit), text).unwrap();
    }
    let mut command = Command::new("systemd-analyze");
    command.args(["verify", "./efs-scan.service", "./efs-scan.timer"]).current_dir(&tree);
    let output = watched(&mut command, Duration::from_secs(60));
    assert!(output.status.success(), "{}", told(&output));
    assert_eq!(told(&output), "");
}

#[test]
fn the_sandbox_is_tight() {
    if !systemd_analyze("security") {
        return;
    }
    let mut command = Command::new("systemd-analyze");
    // In tenths: an exposure of 3.0 or more fails.
    command.args(["security", "--offline=true", "--no-pager", "--threshold=29"]);
    command.arg(repository().join("deploy/systemd/efs-scan.service"));
    let output = watched(&mut command, Duration::from_secs(60));
    assert!(output.status.success(), "{}", told(&output));
    assert!(told(&output).contains("Overall exposure level"), "{}", told(&output));
}

/// Runs a job in a separate machine, where it must succeed. Returns `None` if it cannot run here.
fn machine(job: &str, files: &[&std::path::Path], boot: &str) -> Option<Output> {
    let here = repository().join("tests/servers/packages");
    let mut command = Command::new(here.join("machine"));
    command.env("BOOT", boot).arg(here.join(job)).args(files);
    // Long, because the first run installs the machine.
    let output = watched(&mut command, Duration::from_secs(1500));
    if output.status.code() == Some(77) {
        skip_unless(false, job, told(&output).trim());
        return None;
    }
    assert!(output.status.success(), "{:?}: {}", output.status.code(), told(&output));
    Some(output)
}

fn between_marks(output: &Output, mark: &str) -> String {
    let text = String::from_utf8(output.stdout.clone()).unwrap();
    let start = text.split(&format!("== {mark}\n")).nth(1).unwrap();
    start.split("== end").next().unwrap().to_owned()
}

#[test]
fn the_deb_installs_runs_upgrades_and_leaves() {
    let Some(packages) = debian_packages() else { return };
    let files = [packages.deb.as_path(), packages.upgrade.as_path()];
    let Some(output) = machine("install.sh", &files, "no") else { return };
    let mut expected = INSTALLED.iter().map(|path| (*path).to_owned()).collect::<Vec<_>>();
    expected.push("/usr/share/doc/efs-scan/copyright".to_owned());
    expected.push("/usr/share/zsh/vendor-completions/_efs-scan".to_owned());
    expected.sort();
    let files = between_marks(&output, "files");
    assert_eq!(files.lines().collect::<Vec<_>>(), expected);
    let copyright = between_marks(&output, "copyright");
    assert!(copyright.contains("\nLicense: MIT or Apache-2.0\n"), "{copyright}");
    assert!(!copyright.contains("missing"), "{copyright}");
    check_licences(&copyright);
}

#[test]
fn the_service_runs_in_its_sandbox() {
    let Some(packages) = debian_packages() else { return };
    let [probe, endpoint] = ["probe.sh", "endpoint.sh"]
        .map(|name| repository().join("tests/servers/packages").join(name));
    let files =
        [packages.deb.as_path(), packages.upgrade.as_path(), probe.as_path(), endpoint.as_path()];
    let Some(output) = machine("service.sh", &files, "yes") else { return };
    let line = between_marks(&output, "journal");
    assert_eq!(line.lines().count(), 1, "{line}");
    assert!(line.contains("INFO scanned /mnt/efs coverage=\"complete\" homes=3"), "{line}");
    assert!(line.contains("published=1"), "{line}");
    for what in between_marks(&output, "unproven").lines() {
        let why = "the container around the service forbids it, too";
        skip_unless(false, &format!("that the service's own sandbox rules over: {what}"), why);
    }
    let what = "HTTPS, DNS and the instance's metadata out of the service's sandbox";
    skip_unless(false, what, "the container has no network: plain HTTP to its loopback is tried");
}

/// Programs that Amazon Linux 2023 cannot start are not packaged.
#[test]
fn a_newer_glibc_is_refused() {
    let tree = scratch();
    let source = tree.path().join("new.c");
    // Since glibc 2.36.
    let text = "#include <stdlib.h>\nint main(void) { return (int)arc4random(); }\n";
    std::fs::write(&source, text).unwrap();
    let program = tree.path().join("new");
    let built = Command::new("cc").arg(&source).arg("-o").arg(&program).output();
    let able = built.is_ok_and(|output| output.status.success());
    if !skip_unless(able, "a too new glibc", "no C compiler here makes a program that needs 2.36") {
        return;
    }
    let output = build(&program);
    assert!(!output.status.success());
    assert!(told(&output).contains("glibc newer than 2.34, for arc4random@GLIBC_2.36"));
}

/// glibc 2.36 and later declare packed relocations by a version without a symbol.
#[test]
fn a_newer_glibc_is_refused_without_a_symbol_of_it() {
    let tree = scratch();
    let source = tree.path().join("new.c");
    let text = "#include <stdio.h>\nconst char *const said[] = {\"a\", \"b\"};\n\
        int main(int argc, char **argv) { (void)argv; return puts(said[argc & 1]); }\n";
    std::fs::write(&source, text).unwrap();
    let program = tree.path().join("new");
    let mut compile = Command::new("cc");
    compile.args(["-fPIE", "-pie", "-Wl,-z,pack-relative-relocs"]).arg(&source).arg("-o");
    let built = compile.arg(&program).output();
    // An older linker ignores the option.
    let needs = || Command::new("readelf").args(["-VW"]).arg(&program).output();
    let able = built.is_ok_and(|output| output.status.success())
        && needs().is_ok_and(|output| told(&output).contains("GLIBC_ABI_DT_RELR"));
    let what = "a too new glibc without a symbol";
    if !skip_unless(able, what, "no C compiler here makes a program that needs GLIBC_ABI_DT_RELR") {
        return;
    }
    let output = build(&program);
    assert!(!output.status.success());
    assert!(told(&output).contains("glibc newer than 2.34, for GLIBC_ABI_DT_RELR"));
}
