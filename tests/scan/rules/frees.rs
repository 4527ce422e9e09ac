//! Compares what the report says that deleting a finding frees with what deleting it really frees.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;
use tempfile::TempDir;

use efs_scan_testbed::*;

use super::core_dump;

/// Makes homes whose findings share inodes in every way, also with a file outside the tree.
fn linked() -> TempDir {
    let dir = scratch();
    let root = dir.path().join("root");
    let link = |from: &str, to: &str| {
        let to = dir.path().join(to);
        std::fs::create_dir_all(to.parent().unwrap()).unwrap();
        std::fs::hard_link(dir.path().join(from), to).unwrap();
    };
    // Alone, and linked within the finding.
    file(&root, "a/.cache/pip/single", 50_000);
    file(&root, "a/.cache/pip/twice", 60_000);
    link("root/a/.cache/pip/twice", "root/a/.cache/pip/below/again");
    // A cache and an environment linked to each other, as uv makes them.
    file(&root, "a/.cache/uv/wheel", 70_000);
    file(&root, "a/env/pyvenv.cfg", 10);
    link("root/a/.cache/uv/wheel", "root/a/env/lib/wheel");
    // Two places of one rule.
    file(&root, "a/p/__pycache__/m.pyc", 80_000);
    link("root/a/p/__pycache__/m.pyc", "root/a/q/__pycache__/m.pyc");
    // A store and the projects that link to it: two of its files are linked to one project, and one
    // of them also to another.
    for name in ["one", "two"] {
        file(&root, format!("c/.local/share/pnpm/store/v10/{name}"), 1_000_000);
        link(
            &format!("root/c/.local/share/pnpm/store/v10/{name}"),
            &format!("root/c/app/node_modules/{name}"),
        );
    }
    link("root/c/.local/share/pnpm/store/v10/one", "root/c/lib/node_modules/one");
    file(&root, "c/app/package.json", 10);
    // Linked between two homes: to a finding of the same rule, and to no finding.
    file(&root, "a/.cache/torch/model", 90_000);
    link("root/a/.cache/torch/model", "root/b/.cache/torch/model");
    file(&root, "b/.npm/_cacache/one", 100_000);
    link("root/b/.npm/_cacache/one", "root/b/.npm/_cacache/two");
    link("root/b/.npm/_cacache/one", "root/c/three");
    // Linked elsewhere in the home, and outside the tree.
    file(&root, "a/.local/share/Trash/info/x", 10);
    file(&root, "a/.local/share/Trash/files/kept", 110_000);
    link("root/a/.local/share/Trash/files/kept", "root/a/kept");
    file(&root, "a/.local/share/Trash/files/outside", 120_000);
    link("root/a/.local/share/Trash/files/outside", "outside/file");
    // One finding inside another, with links between them.
    file(&root, "c/.cache/huggingface/hub/blob", 130_000);
    file(&root, "c/.cache/huggingface/token", 10);
    link("root/c/.cache/huggingface/hub/blob", "root/c/.cache/mine/blob");
    // Files that are findings by themselves.
    core_dump(&root, "b/core.1", 140_000);
    link("root/b/core.1", "root/b/sub/core.1");
    core_dump(&root, "b/core.2", 150_000);
    dir
}

/// A copy to delete from.
struct Copy {
    dir: TempDir,
}

impl Copy {
    fn of(original: &Path) -> Self {
        let copy = Self { dir: scratch() };
        let from = original.join(".");
        let copied = Command::new("cp").arg("-a").arg(from).arg(copy.dir.path()).status();
        assert!(copied.unwrap().success());
        copy
    }

    /// Deletes `paths` below `root/` and returns what that frees, without paths that are also in
    /// `others`.
    fn freed_by(&self, paths: &[&str], others: &[&str]) -> u64 {
        let root = self.dir.path().join("root");
        let aside = self.dir.path().join("aside");
        std::fs::create_dir(&aside).unwrap();
        let before = du(self.dir.path());
        for (at, other) in others.iter().enumerate() {
            let within = |path: &&str| other.starts_with(&format!("{path}/"));
            if paths.iter().any(within) {
                std::fs::rename(root.join(other), aside.join(at.to_string())).unwrap();
            }
        }
        // One finding may lie in another.
        let mut paths = paths.to_vec();
        paths.sort_by_key(|path| std::cmp::Reverse(path.len()));
        for path in paths {
            let path: PathBuf = root.join(path);
            match path.is_dir() {
                true => std::fs::remove_dir_all(path).unwrap(),
                false => std::fs::remove_file(path).unwrap(),
            }
        }
        before - du(self.dir.path())
    }
}

fn text<'a>(value: &'a Value, key: &str) -> &'a str {
    value[key].as_str().unwrap()
}

fn frees(value: &Value) -> u64 {
    value["frees"]["allocated_bytes"].as_u64().unwrap()
}

/// Returns all findings of a report.
fn findings(report: &Value) -> Vec<&Value> {
    let homes = report["homes"].as_array().unwrap().iter();
    homes.flat_map(|home| home["findings"].as_array().unwrap()).collect()
}

/// Returns the paths of the findings of `rule` below `prefix`, and those of all others.
fn split<'a>(all: &[&'a Value], rule: &str, prefix: &str) -> (Vec<&'a str>, Vec<&'a str>) {
    let mine =
        |finding: &&Value| finding["rule"] == rule && text(finding, "path").starts_with(prefix);
    let (mine, others): (Vec<_>, Vec<_>) = all.iter().copied().partition(mine);
    let paths = |findings: Vec<&'a Value>| findings.into_iter().map(|f| text(f, "path")).collect();
    (paths(mine), paths(others))
}

#[test]
fn deleting_a_finding_frees_the_reported_bytes() {
    let tree = linked();
    let report = report(&tree.path().join("root"), [] as [&str; 0], 0);
    let all = findings(&report);
    assert_eq!(all.len(), 18, "{:?}", all.iter().map(|f| text(f, "path")).collect::<Vec<_>>());
    let mut less = 0;
    for finding in &all {
        let path = text(finding, "path");
        let others: Vec<_> = all.iter().map(|f| text(f, "path")).filter(|p| *p != path).collect();
        let freed = Copy::of(tree.path()).freed_by(&[path], &others);
        assert_eq!(frees(finding), freed, "{path}");
        less += u32::from(frees(finding) < finding["usage"]["allocated_bytes"].as_u64().unwrap());
    }
    assert!(less >= 8, "that links keep something from being freed is what this is about");
}

#[test]
fn deleting_a_rules_findings_in_a_home_frees_the_reported_bytes() {
    let tree = linked();
    let report = report(&tree.path().join("root"), [] as [&str; 0], 0);
    let all = findings(&report);
    for name in ["a", "b", "c"] {
        for rule in home(&report, name)["rules"].as_array().unwrap() {
            let (mine, others) = split(&all, text(rule, "rule"), &format!("{name}/"));
            assert_eq!(rule["places"].as_u64(), Some(mine.len() as u64));
            let freed = Copy::of(tree.path()).freed_by(&mine, &others);
            assert_eq!(frees(rule), freed, "{} in {name}", text(rule, "rule"));
        }
    }
}

/// Across homes an inode counts once, and is freed with its last link.
#[test]
fn deleting_all_findings_of_a_rule_frees_the_reported_bytes() {
    let tree = linked();
    let root = tree.path().join("root");
    let report = report(&root, [] as [&str; 0], 0);
    let all = findings(&report);
    for rule in report["rules"].as_array().unwrap() {
        let id = text(rule, "rule");
        let (mine, others) = split(&all, id, "");
        let freed = Copy::of(tree.path()).freed_by(&mine, &others);
        assert_eq!(frees(rule), freed, "{id}");
        let mut whole = Command::new("du");
        whole.current_dir(&root).args(["-s", "-c", "--block-size=1"]).args(&mine);
        for other in others.iter().filter(|other| mine.iter().any(|path| other.starts_with(path))) {
            whole.arg(format!("--exclude={other}"));
        }
        let output = String::from_utf8(whole.output().unwrap().stdout).unwrap();
        let whole = output.lines().last().unwrap().split('\t').next().unwrap();
        assert_eq!(rule["usage"]["allocated_bytes"].to_string(), whole, "{id}");
    }
}

/// Returns the paths of the trash and caches below `prefix`, and those of all other findings.
fn expendable<'a>(all: &[&'a Value], prefix: &str) -> (Vec<&'a str>, Vec<&'a str>) {
    let expendable = |finding: &&Value| {
        finding["hint"] == false
            && ["trash", "cache"].contains(&text(finding, "class"))
            && text(finding, "path").starts_with(prefix)
    };
    let (these, others): (Vec<_>, Vec<_>) = all.iter().copied().partition(expendable);
    let paths = |findings: Vec<&'a Value>| findings.into_iter().map(|f| text(f, "path")).collect();
    (paths(these), paths(others))
}

#[test]
fn deleting_all_trash_and_caches_frees_the_reclaimable_bytes() {
    let tree = linked();
    let priced = tree.path().join("priced.toml");
    std::fs::write(&priced, "[prices]\nstandard = 0.3\n").unwrap();
    let report = report(&tree.path().join("root"), [format!("--config={}", priced.display())], 0);
    let all = findings(&report);
    let said = |value: &Value| value["share"]["allocated_bytes"].as_u64().unwrap();
    let (these, others) = expendable(&all, "");
    let freed = Copy::of(tree.path()).freed_by(&these, &others);
    assert_eq!(said(&report["money"]["reclaimable"]), freed);
    for name in ["a", "b", "c"] {
        let home = home(&report, name);
        let (these, others) = expendable(&all, &format!("{name}/"));
        let freed = Copy::of(tree.path()).freed_by(&these, &others);
        assert_eq!(said(&home["reclaimable"]), freed, "{name}");
    }
    // The store frees one of its files together with the project's modules; the other file has a
    // link elsewhere.
    let store = all.iter().find(|finding| finding["rule"] == "node-downloads").unwrap();
    assert_eq!(store["together"]["with"], serde_json::json!(["node-modules"]));
    assert_eq!(store["together"]["frees"]["inodes"], 1);
    assert_eq!(store["together"]["places"], serde_json::json!(["c/app/node_modules"]));
    // A model that two homes share is freed by nobody alone.
    for (name, other) in [("a", "b"), ("b", "a")] {
        let path = format!("{name}/.cache/torch");
        let torch = all.iter().find(|finding| finding["path"] == path.as_str()).unwrap();
        assert_eq!(torch["across"]["places"], serde_json::json!([format!("{other}/.cache/torch")]));
        assert_eq!(torch["across"]["with"], serde_json::json!(["torch"]));
        assert_eq!(torch["across"]["frees"]["inodes"], 1);
        assert!(torch["together"].is_null());
    }
}

/// With more than three others, rules are named, whatever the order in which links are seen.
#[test]
fn many_others_are_named_by_their_rules() {
    for others in [3, 4] {
        let tree = scratch();
        let first = file(tree.path(), "h/p0/__pycache__/m.pyc", 5000);
        for at in 1..=others {
            let dir = tree.path().join(format!("h/p{at}/__pycache__"));
            std::fs::create_dir_all(&dir).unwrap();
            std::fs::hard_link(&first, dir.join("m.pyc")).unwrap();
        }
        for threads in ["1", "8"] {
            let report = report(tree.path(), ["--threads", threads], 0);
            let all = findings(&report);
            assert_eq!(all.len(), others + 1);
            for finding in all {
                let together = &finding["together"];
                let places = together["places"].as_array().map_or(0, Vec::len);
                assert_eq!(places, if others > 3 { 0 } else { others });
                assert_eq!(together["with"], serde_json::json!(["python-byproducts"]));
            }
        }
    }
}
