//! Hard links with little memory: inodes that go through the disk count the same as inodes in
//! memory. The random trees of `model` also use the disk.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use efs_scan_testbed::*;
use serde_json::Value;
use tempfile::TempDir;

/// Number of linked inodes in `linked`.
const INODES: usize = 3000;

/// Makes two homes with links to the same inodes, and a package store that projects link to.
fn linked() -> TempDir {
    let dir = scratch();
    let root = dir.path().join("root");
    for at in 0..INODES {
        let name = format!("{}/{at}", at % 7);
        let made = file(&root, format!("200005/data/{name}"), 1 + at % 9000);
        let links: &[&str] = match at % 4 {
            0 => &["200006/copy", "200005/again"],
            1 => &["200005/.cache/uv", "200005/env/lib"],
            2 => &["200006/copy", "shared/copy"],
            _ => &["200005/again"],
        };
        for directory in links {
            let link = root.join(directory).join(&name);
            std::fs::create_dir_all(link.parent().unwrap()).unwrap();
            std::fs::hard_link(&made, link).unwrap();
        }
    }
    file(&root, "200005/env/pyvenv.cfg", 10);
    // Links from outside the tree.
    for at in 0..50 {
        let inside = root.join(format!("200005/data/{}/{}", at % 7, at));
        std::fs::hard_link(inside, dir.path().join(at.to_string())).unwrap();
    }
    dir
}

/// Returns a report without the values that differ between runs.
fn sums(mut report: Value) -> Value {
    report.as_object_mut().unwrap().remove("run");
    report
}

#[test]
fn the_result_does_not_depend_on_the_memory_for_links() {
    let tree = linked();
    let root = tree.path().join("root");
    let scan = |memory: &str, threads: &str| {
        sums(report(&root, ["--link-memory", memory, "--threads", threads], 0))
    };
    let whole = scan("64MiB", "1");
    assert_eq!(whole["totals"]["allocated_bytes"], du(&root));
    assert!(whole["hard_links"]["linked_from_outside"]["inodes"] == 50);
    for memory in ["0", "20KiB", "200KiB", "64MiB"] {
        for threads in ["1", "2", "16"] {
            assert_eq!(scan(memory, threads), whole, "{memory}, {threads} threads");
        }
    }
}

/// Scans with little memory for links and a directory for temporary files that rejects all writes.
fn scan_without_disk(root: &Path, mut command: Command) -> Value {
    command.arg(root).args(["--format", "json", "--link-memory", "200KiB"]);
    let output = watched(&mut command, Duration::from_secs(60));
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(3), "{stderr}");
    assert!(
        stderr.contains("hard links beyond 200 KiB of memory could not be written"),
        "{stderr}"
    );
    serde_json::from_slice(&output.stdout).unwrap()
}

fn is_partial_and_less(report: &Value, root: &Path) {
    assert_eq!(report["run"]["coverage"], "partial");
    assert_eq!(report["errors"]["samples"][0]["op"], "link", "{:#}", report["errors"]);
    // Each home with lost links is partial, and its number of errors is that of the lost links.
    let homes = report["homes"].as_array().unwrap().iter();
    let lost: u64 = homes.clone().map(|home| home["errors"].as_u64().unwrap()).sum();
    assert!(lost > 0);
    assert_eq!(report["errors"]["count"], lost);
    for home in homes {
        let is_partial = home["coverage"] == "partial";
        assert_eq!(is_partial, home["errors"].as_u64().unwrap() > 0, "{}", home["name"]);
    }
    let counted = report["totals"]["allocated_bytes"].as_u64().unwrap();
    let all = du(root);
    assert!(counted < all, "{counted} of {all}");
    assert!(counted > all / 20, "{counted} of {all}");
}

#[test]
fn links_without_room_on_disk_are_left_out_and_reported() {
    let tree = linked();
    let root = tree.path().join("root");
    let mut command = efs_scan();
    command.env("TMPDIR", tree.path().join("missing"));
    is_partial_and_less(&scan_without_disk(&root, command), &root);
    // Nothing is written in the tree either.
    let mut command = efs_scan();
    std::fs::create_dir(root.join("tmp")).unwrap();
    command.env("TMPDIR", root.join("tmp"));
    is_partial_and_less(&scan_without_disk(&root, command), &root);
}

#[test]
fn a_full_disk_loses_only_the_links_that_do_not_fit() {
    if !skip_unless(is_root(), "hard links on a full disk", "only root mounts a small one") {
        return;
    }
    let tree = linked();
    let (root, small) = (tree.path().join("root"), tree.path().join("small"));
    std::fs::create_dir(&small).unwrap();
    let script = "mount -t tmpfs -o size=64k tmpfs \"$1\" || exit 99; shift; exec \"$@\"";
    let mut command = Command::new("unshare");
    command.args(["--mount", "sh", "-c", script, "sh"]).arg(&small).arg(program());
    command.env("EFS_SCAN_CONFIG", "/dev/null").env("TMPDIR", &small);
    is_partial_and_less(&scan_without_disk(&root, command), &root);
}
