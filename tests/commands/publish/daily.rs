//! The daily job: one line on success, and no scan of an unmounted directory.

use std::process::Command;

use super::place::{PATIENCE, Place};
use efs_scan_testbed::*;

/// Runs the job with standard output discarded, and returns its standard error.
fn said(output: &std::process::Output) -> Vec<String> {
    String::from_utf8_lossy(&output.stderr).lines().map(str::to_owned).collect()
}

#[test]
fn success_is_one_line_with_publishing_in_it() {
    let place = Place::new();
    let args: Vec<String> = place.args().into_iter().filter(|arg| arg != "--quiet").collect();
    let output = watched(efs_scan().args(&args), PATIENCE);
    assert_eq!(output.status.code(), Some(0));
    let lines = said(&output);
    assert_eq!(lines.len(), 1, "{lines:?}");
    for word in ["scanned ", "coverage=\"complete\"", "homes=2", "errors=0", "published=1"] {
        assert!(lines[0].contains(word), "{lines:?}");
    }
    let mut publish = efs_scan();
    publish.arg("publish").arg("--state-dir").arg(place.state());
    let lines = said(&watched(&mut publish, PATIENCE));
    assert_eq!(lines.len(), 1, "{lines:?}");
    assert!(lines[0].contains("published runs=0"), "{lines:?}");
    // A run that is not to be published is not reported as published.
    let lines = said(&watched(efs_scan().arg(place.root()), PATIENCE));
    assert!(lines.len() == 1 && !lines[0].contains("published"), "{lines:?}");
}

#[test]
fn an_unmounted_directory_is_not_published_as_empty() {
    let place = Place::new();
    let mut args = place.args();
    args.push("--require-mount".to_owned());
    let output = watched(efs_scan().args(&args), PATIENCE);
    let lines = said(&output);
    assert_eq!((output.status.code(), lines.len()), (Some(1), 1), "{lines:?}");
    let root = place.root();
    let problem = format!(
        "--require-mount: {}: it is not a mount point: is the file system mounted?",
        root.display()
    );
    assert!(lines[0].contains(&problem), "{lines:?}");
    assert!(!place.published().exists() && !place.state().exists());
    std::fs::rename(&root, root.with_extension("away")).unwrap();
    let lines = said(&watched(efs_scan().args(&args), PATIENCE));
    assert!(lines.len() == 1 && lines[0].contains("No such file"), "{lines:?}");
    std::fs::rename(root.with_extension("away"), &root).unwrap();

    if !skip_unless(is_root(), "--require-mount on a mount", "only root mounts") {
        return;
    }
    let mut mounted = Command::new("unshare");
    mounted.args([
        "--mount",
        "sh",
        "-c",
        "mount --bind \"$1\" \"$1\" && shift && exec \"$@\"",
        "sh",
    ]);
    mounted.arg(&root).arg(env!("CARGO_BIN_EXE_efs-scan")).args(&args);
    let output = watched(mounted.env("EFS_SCAN_CONFIG", "/dev/null"), PATIENCE);
    assert_eq!(output.status.code(), Some(0), "{:?}", said(&output));
    assert!(place.published().join("latest/prod.json").exists());
}
