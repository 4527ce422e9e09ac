//! Places that may hold the only copy of something, or that others depend on, so no command removes
//! them.

use efs_scan_testbed::*;
use serde_json::Value;

use super::ENGINES;
use super::proof::offered;

/// Somebody's changes of a dependency, and of what is in the trash.
#[test]
fn only_repositories_in_the_trash_are_removed() {
    let tree = scratch();
    let offer = |path: &str| offered(&report(tree.path(), [] as [&str; 0], 0), path).unwrap().1;
    file(tree.path(), "h/.local/share/Trash/files/p/.git/HEAD", 10);
    file(tree.path(), "h/.cargo/registry/cache/x-0f0f0f0f0f0f0f0f/serde-1.0.0/a", 10);
    assert!(offer(".cargo/registry/cache").is_some());
    file(tree.path(), "h/.cargo/registry/cache/x-0f0f0f0f0f0f0f0f/serde-1.0.0/.git/HEAD", 10);
    assert!(offer(".cargo/registry/cache").is_none());
    assert!(offer(".local/share/Trash").is_some());
}

/// uv with `link-mode = symlink` links into its cache, also from environments on another file system,
/// and git checkouts in it may have changes.
#[test]
fn the_cache_of_uv_has_advice_only() {
    let tree = scratch();
    file(tree.path(), "h/.cache/uv/archive-v0/oDGi3X3paZA8O9KT/six-1.dist-info/METADATA", 10);
    let report = report(tree.path(), [] as [&str; 0], 0);
    assert_eq!(offered(&report, ".cache/uv"), Some(("uv-cache".to_owned(), None)));
    // uv's own, which is no repository.
    let said = |bytes| {
        file(tree.path(), "h/.cache/uv/.git", bytes);
        let report = self::report(tree.path(), [] as [&str; 0], 0);
        home(&report, "h")["findings"][0]["advice"].as_str().unwrap().contains("a repository")
    };
    assert!(!said(0) && said(30));
}

/// Compiled files whose sources are gone are the last copy of a program.
#[test]
fn compiled_files_need_their_sources_beside_them() {
    let why = |report: &Value| {
        let finding = &home(report, "h")["findings"][0];
        finding["advice"].as_str().is_some_and(|advice| advice.contains("look for the sources"))
    };
    for (compiled, source, has_command) in [
        ("model.cpython-310.pyc", "model.py", true),
        ("model.cpython-312.opt-1.pyc", "model.py", true),
        ("test_a.cpython-312-pytest-8.0.0.pyc", "test_a.py", true),
        ("model.cpython-310.pyc", "models.py", false),
        ("model.cpython-310.pyc", "model.pyc", false),
        ("model.cpython-310.pyc", "model.py/x", false),
        ("model.cpython-310.pyc", "deeper/model.py", false),
        ("other.cpython-310.pyc", "model.py", false),
        ("model.pyc", "model.py", true),
        ("model.cpython-310.pyc.140234", "model.py", true),
        ("kernels.fill-12.py311.nbi", "kernels.py", true),
        // Another module, whose name has a dot.
        ("model.old.cpython-310.pyc", "model.py", false),
        ("model.old.pyc", "model.py", false),
        ("model.old.cpython-310.pyc", "model.old.py", true),
        ("model.cpython-old.cpython-310.pyc", "model.py", false),
    ] {
        let tree = scratch();
        file(tree.path(), format!("h/p/__pycache__/{compiled}"), 5000);
        file(tree.path(), format!("h/p/{source}"), 1000);
        for engine in ENGINES {
            let many =
                if compiled == "model.cpython-310.pyc" && source == "model.py" { 1100 } else { 0 };
            for names in [0, many] {
                for at in 0..names {
                    file(tree.path(), format!("h/p/{at}"), 1);
                }
                let report = report(tree.path(), ["--engine", engine], 0);
                let (rule, command) = offered(&report, "p/__pycache__").unwrap();
                assert_eq!(rule, "python-byproducts");
                // With so many names no listing knows all of them.
                let want = has_command && names == 0;
                assert_eq!(command.is_some(), want, "{compiled}, {source}, {engine}, {names}");
                assert_eq!(why(&report), !want, "{compiled}, {source}, {engine}, {names}");
            }
            std::fs::remove_dir_all(tree.path().join("h")).unwrap();
            file(tree.path(), format!("h/p/__pycache__/{compiled}"), 5000);
            file(tree.path(), format!("h/p/{source}"), 1000);
        }
    }
}

/// A link may lead nowhere, and an editor may have left an empty file when the quota was full. The file
/// of a package is often empty.
#[test]
fn sources_have_contents() {
    for (compiled, make, has_command) in [
        ("model", "head -c 600 /dev/zero >model.py", true),
        ("model", ": >model.py", false),
        ("model", "ln -s /gone/model.py model.py", false),
        ("model", "ln -s ../other.py model.py", false),
        ("model", "mkfifo model.py", false),
        ("model", "mkdir model.py", false),
        ("__init__", ": >__init__.py", true),
        ("__init__", "ln -s /gone __init__.py", false),
    ] {
        let tree = scratch();
        let size = if compiled == "__init__" { 182 } else { 5000 };
        file(tree.path(), format!("h/p/__pycache__/{compiled}.cpython-310.pyc"), size);
        file(tree.path(), "h/other.py", 1000);
        let mut process = std::process::Command::new("sh");
        let status = process.args(["-c", make]).current_dir(tree.path().join("h/p")).status();
        assert!(status.unwrap().success(), "{make}");
        for engine in ENGINES {
            let report = report(tree.path(), ["--engine", engine], 0);
            let command = offered(&report, "p/__pycache__").unwrap().1;
            assert_eq!(command.is_some(), has_command, "{make}, {engine}");
        }
    }
}

/// wandb makes such a link in each run, `logs/debug-core.log`.
#[test]
fn logs_that_runs_link_to_have_advice_only() {
    let tree = scratch();
    let log = file(tree.path(), "h/.cache/wandb/logs/core-debug-20260101_120000.log", 5000);
    let link =
        file(tree.path(), "h/p/wandb/run-1/logs/debug.log", 10).with_file_name("debug-core.log");
    std::os::unix::fs::symlink(log, link).unwrap();
    let report = report(tree.path(), [] as [&str; 0], 0);
    assert_eq!(offered(&report, ".cache/wandb/logs"), Some(("wandb-logs".to_owned(), None)));
}

/// A site's rules precede those for outputs.
#[test]
fn outputs_withhold_the_command_of_a_sites_rule() {
    let outputs = [
        "mlruns/0/meta.yaml",
        "checkpoint-100/trainer_state.json",
        "wandb/run-1/x",
        ".ipynb_checkpoints/a.ipynb",
    ];
    for output in outputs {
        let tree = scratch();
        let root = tree.path().join("efs");
        let config = tree.path().join("efs-scan.toml");
        let rule = "[[rules.add]]\nid = 'scratch'\nclass = 'cache'\npaths = ['scratch']\n\
                    proof = 'x'\ncommand = 'rm -rf {path}'\n";
        std::fs::write(&config, rule).unwrap();
        file(&root, "h/scratch/exp/a", 5000);
        for engine in ENGINES {
            let args = ["--config", config.to_str().unwrap(), "--engine", engine];
            let place = root.join("h/scratch/exp/deep").join(output);
            assert!(offered(&report(&root, args, 0), "scratch").unwrap().1.is_some());
            file(&root, place.strip_prefix(&root).unwrap().to_str().unwrap(), 5000);
            let now = offered(&report(&root, args, 0), "scratch");
            assert_eq!(now, Some(("scratch".to_owned(), None)), "{output}, {engine}");
            std::fs::remove_dir_all(root.join("h/scratch/exp/deep")).unwrap();
        }
    }
}

/// A dump may be kept with a report, or as a test case, and cannot be made again.
#[test]
fn dumps_have_advice_only() {
    let tree = scratch();
    super::core_dump(tree.path(), "h/bugs/core.4711", 70_000);
    let report = report(tree.path(), [] as [&str; 0], 0);
    assert_eq!(offered(&report, "bugs/core.4711"), Some(("crash-dump".to_owned(), None)));
}
