//! overlayfs, as in containers: files have the device of their layer and still belong to the mount.

use std::process::Command;
use std::time::Duration;

use efs_scan_testbed::*;

/// Prints what `du` and the program count on an overlay of two file systems.
const JOB: &str = r#"
mount -t tmpfs none "$1/upper"
mkdir "$1/upper/up" "$1/upper/work"
mount -t overlay none -o "lowerdir=$1/lower,upperdir=$1/upper/up,workdir=$1/upper/work" "$1/merged"
echo more >"$1/merged/200005/above"
mkdir "$1/merged/200006"
mount -t tmpfs none "$1/merged/200006"
echo elsewhere >"$1/merged/200006/not-counted"
# Without -x, which leaves files of the lower layers out; a directory of tmpfs takes nothing.
du -s --block-size=1 --exclude=not-counted "$1/merged" | cut -f1
shift
exec "$@"
"#;

#[test]
fn files_of_every_layer_are_counted() {
    let dir = scratch();
    file(dir.path(), "lower/200005/below", 5000);
    for name in ["upper", "merged"] {
        std::fs::create_dir(dir.path().join(name)).unwrap();
    }
    if !skip_unless(is_root(), "a scan of an overlay", "only root mounts") {
        return;
    }
    let mut command = Command::new("unshare");
    command.args(["--mount", "bash", "-euc", JOB, "job"]).arg(dir.path());
    command.arg(env!("CARGO_BIN_EXE_efs-scan")).arg(dir.path().join("merged"));
    command.args(["--format", "json", "--quiet"]).env("EFS_SCAN_CONFIG", "/dev/null");
    let output = watched(&mut command, Duration::from_secs(60));
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(0), "{stderr}");
    let text = String::from_utf8(output.stdout).unwrap();
    let (du, report) = text.split_once('\n').unwrap();
    let report: serde_json::Value = serde_json::from_str(report).unwrap();
    assert_eq!(home(&report, "200005")["usage"]["files"], 2);
    assert_eq!(report["totals"]["allocated_bytes"].as_u64(), du.parse().ok());
    assert_eq!(report["left_out"]["mounts"], 1, "what is mounted in it is not");
}
