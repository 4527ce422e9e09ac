//! The packages, built once from the program under test, and queries about them.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::LazyLock;
use std::time::Duration;

use efs_scan_testbed::*;

/// Files that both packages install, sorted.
pub(crate) const INSTALLED: &[&str] = &[
    "/etc/efs-scan.toml",
    "/usr/bin/efs-scan",
    "/usr/lib/efs-scan/efs-scan-daily",
    "/usr/lib/systemd/system/efs-scan.service",
    "/usr/lib/systemd/system/efs-scan.timer",
    "/usr/share/bash-completion/completions/efs-scan",
    "/usr/share/doc/efs-scan/README.md",
    "/usr/share/doc/efs-scan/another-account.md",
    "/usr/share/doc/efs-scan/batch.md",
    "/usr/share/doc/efs-scan/changes.md",
    "/usr/share/doc/efs-scan/check.md",
    "/usr/share/doc/efs-scan/container.md",
    "/usr/share/doc/efs-scan/eks.md",
    "/usr/share/doc/efs-scan/examples/athena.sql",
    "/usr/share/doc/efs-scan/examples/duckdb.sql",
    "/usr/share/doc/efs-scan/examples/efs-scan.cron",
    "/usr/share/doc/efs-scan/fargate.md",
    "/usr/share/doc/efs-scan/formats.md",
    "/usr/share/doc/efs-scan/guide.md",
    "/usr/share/doc/efs-scan/history.md",
    "/usr/share/doc/efs-scan/laptop.md",
    "/usr/share/doc/efs-scan/nfs.md",
    "/usr/share/doc/efs-scan/private-subnets.md",
    "/usr/share/doc/efs-scan/publishing.md",
    "/usr/share/doc/efs-scan/reminders.md",
    "/usr/share/doc/efs-scan/scanning.md",
    "/usr/share/doc/efs-scan/settings.md",
    "/usr/share/doc/efs-scan/shards.md",
    "/usr/share/doc/efs-scan/slurm.md",
    "/usr/share/doc/efs-scan/sql.md",
    "/usr/share/fish/vendor_completions.d/efs-scan.fish",
    "/usr/share/man/man1/efs-scan.1.gz",
];

pub(crate) struct Packages {
    pub(crate) deb: PathBuf,
    /// The same with a later revision, for upgrades. [`debian_packages`] builds it.
    pub(crate) upgrade: PathBuf,
    rpm: PathBuf,
}

static PACKAGES: LazyLock<Packages> = LazyLock::new(|| {
    let output = build(Path::new(env!("CARGO_BIN_EXE_efs-scan")));
    assert!(output.status.success(), "{}", told(&output));
    let paths = String::from_utf8(output.stdout).unwrap();
    let (deb, rpm) = paths.trim().split_once('\n').unwrap();
    // Under the names that the jobs use.
    let here = Path::new(env!("CARGO_TARGET_TMPDIR")).join("packages");
    std::fs::create_dir_all(&here).unwrap();
    std::fs::copy(deb, here.join("first.deb")).unwrap();
    Packages { deb: here.join("first.deb"), upgrade: here.join("second.deb"), rpm: rpm.into() }
});

/// Returns the packages if rpm can inspect them.
pub(crate) fn packages() -> Option<&'static Packages> {
    skip_unless(has("rpm"), "the .rpm", "rpm is not installed").then(|| &*PACKAGES)
}

/// Returns the packages, with one to upgrade to, if dpkg-deb can build it.
pub(crate) fn debian_packages() -> Option<&'static Packages> {
    static UPGRADE: LazyLock<()> = LazyLock::new(|| {
        let tree = scratch();
        let unpacked = tree.path().join("deb");
        let run = |command: &mut Command| {
            let output = watched(command, Duration::from_secs(60));
            assert!(output.status.success(), "{}", told(&output));
        };
        run(Command::new("dpkg-deb").arg("-R").arg(&PACKAGES.deb).arg(&unpacked));
        let control = unpacked.join("DEBIAN/control");
        let text = std::fs::read_to_string(&control).unwrap();
        let first = format!("Version: {}-1\n", env!("CARGO_PKG_VERSION"));
        assert!(text.contains(&first), "{text}");
        std::fs::write(control, text.replace(&first, &first.replace("-1\n", "-2\n"))).unwrap();
        let mut pack = Command::new("dpkg-deb");
        pack.args(["-Zgzip", "-z1", "--root-owner-group", "-b"]);
        run(pack.arg(&unpacked).arg(&PACKAGES.upgrade));
    });
    if !skip_unless(has("dpkg-deb"), "the .deb", "dpkg is not installed") {
        return None;
    }
    LazyLock::force(&UPGRADE);
    Some(&*PACKAGES)
}

/// Runs deploy/package/build on a program, with fast compression. The time limit is long because
/// the first run installs the build's tools.
pub(crate) fn build(program: &Path) -> Output {
    let mut command = Command::new(repository().join("deploy/package/build"));
    watched(command.env("PROFILE", "dev").arg(program), Duration::from_secs(1500))
}

/// Queries the .rpm.
pub(crate) fn rpm(args: &[&str], packages: &Packages) -> String {
    let mut command = Command::new("rpm");
    let output = watched(command.args(args).arg(&packages.rpm), Duration::from_secs(60));
    assert!(output.status.success(), "{}", told(&output));
    String::from_utf8(output.stdout).unwrap()
}

/// Checks that both licences are complete.
pub(crate) fn check_licences(text: &str) {
    for words in [
        "Copyright (c) The efs-scan maintainers",
        "Permission is hereby granted, free of charge, to any",
        "DEALINGS IN THE SOFTWARE.",
        "Apache License",
        "END OF TERMS AND CONDITIONS",
    ] {
        assert!(text.contains(words), "{words} is not in: {text}");
    }
}

pub(crate) fn repository() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Returns true if there is a command of that name.
pub(crate) fn has(command: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap();
    std::env::split_paths(&path).any(|directory| directory.join(command).is_file())
}

/// Returns all output of a command.
pub(crate) fn told(output: &Output) -> String {
    let [out, err] = [&output.stdout, &output.stderr].map(|said| String::from_utf8_lossy(said));
    format!("{out}{err}")
}
