//! The built-in rules on examples generated from the rules, and how findings are accounted for.

mod above;
mod copies;
mod examples;
mod frees;
mod overlaps;
mod owners;
mod paths;
mod proof;
mod sources;
mod structure;
mod withheld;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use efs_scan::usage::rule_file::built_in;
use efs_scan_testbed::*;
use serde_json::Value;

use examples::{Example, Kind};

const ENGINES: &[&str] =
    if cfg!(feature = "portable") { &["posix", "portable"] } else { &["posix"] };

/// Returns `RULE PATH` of every finding in a home, with the path below the home.
fn found(report: &Value, name: &str) -> BTreeSet<String> {
    found_in(home(report, name))
}

fn found_in(home: &Value) -> BTreeSet<String> {
    let name = home["name"].as_str().unwrap();
    let findings = home["findings"].as_array().unwrap();
    let line = |finding: &Value| {
        let (rule, path) = (finding["rule"].as_str(), finding["path"].as_str());
        let path = path.unwrap().strip_prefix(name).unwrap();
        format!("{} {}", rule.unwrap(), path.trim_start_matches('/'))
    };
    findings.iter().map(line).collect()
}

/// Makes a core file of an x86-64 program.
fn core_dump(root: &Path, path: &str, size: usize) {
    let made = file(root, path, size);
    let made = std::fs::File::options().write(true).open(made).unwrap();
    let head = b"\x7fELF\x02\x01\x01\0\0\0\0\0\0\0\0\0\x04\0";
    std::os::unix::fs::FileExt::write_all_at(&made, head, 0).unwrap();
}

/// Sums many shares.
fn sum<'a>(shares: impl Iterator<Item = &'a Value>) -> [u64; 3] {
    let keys = ["inodes", "allocated_bytes", "metered_bytes"];
    shares.fold([0; 3], |sum, share| {
        let mut at = 0;
        sum.map(|number| {
            at += 1;
            number + share[keys[at - 1]].as_u64().unwrap()
        })
    })
}

/// Checks that findings equal the classes and both are parts of the whole; holds without hard
/// links.
fn assert_nothing_counts_twice(home: &Value) {
    let usage = &home["usage"];
    let classes = usage["by_class"].as_object().unwrap();
    let inodes = ["files", "dirs", "symlinks", "other"].map(|kind| usage[kind].as_u64().unwrap());
    let whole = [
        inodes.iter().sum(),
        usage["allocated_bytes"].as_u64().unwrap(),
        usage["metered_bytes"].as_u64().unwrap(),
    ];
    assert_eq!(sum(classes.values()), whole, "{home:#}");
    let findings = home["findings"].as_array().unwrap().iter();
    let real = findings.filter(|finding| finding["hint"] == false);
    let named = classes.iter().filter(|(class, _)| *class != "rest");
    let want = sum(named.map(|(_, share)| share));
    assert_eq!(sum(real.map(|finding| &finding["usage"])), want, "{home:#}");
}

/// Checks that no finding of `rule` has a command that removes everything there.
fn assert_leaves_the_users_own(home: &Value, rule: &str, what: &str) {
    // These commands remove only files that they know.
    const LEAVE_OTHERS: [&str; 2] = ["PIP_CACHE_DIR=", "GOCACHE="];
    for finding in home["findings"].as_array().unwrap() {
        let command = finding["command"].as_str().unwrap_or_default();
        let leaves = LEAVE_OTHERS.iter().any(|tool| command.starts_with(tool));
        let bad = finding["rule"] == rule && !command.is_empty() && !leaves;
        assert!(!bad, "{command}: {what}");
    }
}

#[test]
fn every_rule_finds_its_examples_and_no_near_misses() {
    let tree = scratch();
    let examples = examples::build(tree.path());
    for spec in built_in().unwrap() {
        for kind in [Kind::Match, Kind::NearName, Kind::NearContent, Kind::UsersOwn] {
            let of_kind = |example: &&Example| example.rule == spec.id && example.kind == kind;
            assert!(examples.iter().any(|e| of_kind(&e)), "{} has no {kind:?}", spec.id);
        }
    }
    for engine in ENGINES {
        let report = report(tree.path(), ["--engine", engine], 0);
        let homes = report["homes"].as_array().unwrap().iter();
        let homes: BTreeMap<_, _> =
            homes.map(|home| (home["name"].as_str().unwrap(), home)).collect();
        for example in &examples {
            let home = homes[example.home.as_str()];
            let found = found_in(home);
            let what = format!("{} by {engine}: {}: {found:?}", example.rule, example.what);
            match &example.finds {
                Some(path) => {
                    assert!(found.contains(&format!("{} {path}", example.rule)), "{what}");
                    let class = &home["usage"]["by_class"][&example.class];
                    assert!(class["inodes"].as_u64().unwrap() > 0, "{what}");
                    if example.kind == Kind::UsersOwn {
                        assert_leaves_the_users_own(home, &example.rule, &what);
                    }
                }
                None => {
                    let rule = format!("{} ", example.rule);
                    assert!(!found.iter().any(|line| line.starts_with(&rule)), "{what}");
                }
            }
            assert_nothing_counts_twice(home);
        }
    }
}

/// Neither a home's name that matches a rule nor the home's contents are a reason to remove the
/// home.
#[test]
fn a_home_is_never_a_finding() {
    let tree = scratch();
    file(tree.path(), "package.json", 10);
    file(tree.path(), "Cargo.toml", 10);
    for home in ["node_modules", "target", "__pycache__", ".cache", "200005", "envs", ".tox"] {
        for marker in ["pyvenv.cfg", "conda-meta/history", "CACHEDIR.TAG", "lib/thesis"] {
            file(tree.path(), format!("{home}/{marker}"), 5000);
        }
    }
    for engine in ENGINES {
        for depth in ["0", "1"] {
            let args = ["--engine", engine, "--home-depth", depth];
            let report = report(tree.path(), args, 0);
            for home in report["homes"].as_array().unwrap() {
                let findings = home["findings"].as_array().unwrap().iter();
                let whole = findings.filter(|finding| finding["path"] == home["name"]);
                assert_eq!(whole.count(), 0, "{engine}, {depth}: {home:#}");
                if depth == "1" {
                    assert_eq!(home["usage"]["by_class"]["environment"]["inodes"], 0);
                }
            }
        }
    }
}

/// A site's rule for trash may match the name of a home; only a trash directory stands where homes
/// do.
#[test]
fn a_sites_trash_rule_does_not_match_homes() {
    let tree = scratch();
    let root = tree.path().join("efs");
    for path in ["bob_old/thesis", "200001/thesis", "a/x_old/b", ".Trash-200001/x", ".Trash-a/x"] {
        file(&root, path, 5000);
    }
    let config = tree.path().join("efs-scan.toml");
    let rule = "[[rules.add]]\nid = 'old'\nclass = 'trash'\n\
                paths = ['**/*_old', '**/200*', '**/.Trash-*']\ncommand = 'rm -r {path}'\n";
    std::fs::write(&config, rule).unwrap();
    for engine in ENGINES {
        let args = ["--config", config.to_str().unwrap(), "--engine", engine];
        let report = report(&root, args, 0);
        for name in ["bob_old", "200001", ".Trash-a"] {
            assert_eq!(found(&report, name), BTreeSet::new(), "{name}");
            assert_eq!(home(&report, name)["usage"]["by_class"]["trash"]["inodes"], 0);
        }
        assert_eq!(found(&report, "a"), BTreeSet::from(["old x_old".to_owned()]));
        assert_eq!(found(&report, ".Trash-200001"), BTreeSet::from(["old ".to_owned()]));
    }
}

/// An environment's directory that is listed in parts, with the user's own files among many names.
#[test]
fn a_directory_of_many_names_is_no_environment_at_any_number_of_workers() {
    let tree = scratch();
    for at in 0..4000 {
        std::fs::create_dir_all(tree.path().join(format!("a/big/d{at}"))).unwrap();
        file(tree.path(), format!("a/files/lib{at}"), 1);
    }
    file(tree.path(), "a/big/pyvenv.cfg", 10);
    file(tree.path(), "a/files/pyvenv.cfg", 10);
    let want = ["mixed-environment big", "mixed-environment files"].map(str::to_owned);
    for engine in ENGINES {
        for threads in ["1", "2", "64"] {
            let report = report(tree.path(), ["--engine", engine, "--threads", threads], 0);
            assert_eq!(found(&report, "a"), want.clone().into(), "{engine}, {threads}");
            assert_eq!(home(&report, "a")["usage"]["by_class"]["environment"]["inodes"], 0);
        }
    }
}

/// Runs the commands of findings in directories whose names a shell could misread.
#[test]
fn commands_remove_findings_of_any_name() {
    let names = [
        "a b",
        "it's",
        "$(touch x)",
        "new\nline",
        "-rf",
        "{parent}",
        "{path}",
        "`id`",
        "\"",
        "*",
        "\\",
        "x\n'; touch x; '",
        "\u{202e}gnp",
        "-n %s \\n\t\\012",
        "end\n",
        "end\n\n",
    ];
    for shell in ["sh", "bash"] {
        let tree = scratch();
        let root = tree.path().join("efs");
        for name in names {
            file(&root, format!("h/{name}/__pycache__/x.pyc"), 5000);
            file(&root, format!("h/{name}/x.py"), 1000);
            file(&root, format!("h/{name}/kept"), 5000);
            file(&root, format!("h/{}/kept", name.trim_end()), 5000);
        }
        let report = report(&root, [] as [&str; 0], 0);
        let findings = home(&report, "h")["findings"].as_array().unwrap();
        assert_eq!(findings.len(), names.len());
        for finding in findings {
            let before = du(&root);
            let command = finding["command"].as_str().unwrap();
            let mut process = std::process::Command::new(shell);
            let status = process.args(["-c", command]).current_dir(tree.path()).status();
            assert!(status.unwrap().success(), "{command}");
            let frees = finding["frees"]["allocated_bytes"].as_u64().unwrap();
            assert_eq!(before - du(&root), frees, "{command}");
        }
        for name in names {
            assert!(root.join("h").join(name).join("kept").exists(), "{name}");
        }
        assert_eq!(std::fs::read_dir(tree.path()).unwrap().count(), 1, "only the root");
    }
}

/// If a directory matches two rules, the first wins even if it depends on the contents.
#[test]
fn the_first_rule_wins_even_if_it_depends_on_contents() {
    let tree = scratch();
    let root = tree.path().join("efs");
    file(&root, "a/R/x-library/pyvenv.cfg", 5000);
    file(&root, "b/.cache/KEEP", 5000);
    let config = tree.path().join("efs-scan.toml");
    let rule =
        "[[rules.add]]\nid = 'keep'\nclass = 'output'\npaths = ['.cache']\ncontains = ['KEEP']\n";
    std::fs::write(&config, rule).unwrap();
    for engine in ENGINES {
        let args = ["--config", config.to_str().unwrap(), "--engine", engine];
        let report = report(&root, args, 0);
        // First by its position in the built-in file, then because a site's own rules come first.
        assert_eq!(found(&report, "a"), BTreeSet::from(["virtualenv R/x-library".to_owned()]));
        assert_eq!(found(&report, "b"), BTreeSet::from(["keep .cache".to_owned()]));
    }
}

/// A scan of `/usr` or of one person's home has such homes.
#[test]
fn installations_are_recognised_by_the_name_of_a_home() {
    let tree = scratch();
    for (home, places) in [("lib", 0), (".vscode-server", 0), ("200005", 1), ("library", 1)] {
        file(tree.path(), format!("{home}/node_modules/npm/package.json"), 10);
        file(tree.path(), format!("{home}/node_modules/npm/node_modules/a/x"), 5000);
        for engine in ENGINES {
            let report = report(tree.path(), ["--engine", engine], 0);
            assert_eq!(found(&report, home).len(), places, "{home} by {engine}");
        }
    }
}

#[test]
fn a_hint_is_a_finding_that_counts_as_the_rest() {
    let tree = scratch();
    let tag = "Signature: 8a477f597d28d172789f06886806bc55\n# Made by a tool.\n";
    for dir in ["a/tagged", "a/tagged/env"] {
        file(tree.path(), format!("{dir}/lib/file"), 5000);
        std::fs::write(tree.path().join(dir).join("CACHEDIR.TAG"), tag).unwrap();
    }
    // An environment tagged as a cache by its tool is still an environment.
    file(tree.path(), "a/tagged/env/pyvenv.cfg", 10);
    let report = report(tree.path(), [] as [&str; 0], 0);
    let want = ["cachedir-tag tagged", "virtualenv tagged/env"];
    assert_eq!(found(&report, "a"), want.map(str::to_owned).into());
    let home = home(&report, "a");
    assert_nothing_counts_twice(home);
    let findings = home["findings"].as_array().unwrap();
    let hint = findings.iter().find(|finding| finding["hint"] == true).unwrap();
    assert_eq!(hint["class"], "rest");
    assert_eq!(hint["usage"]["inodes"], 4, "without the environment in it");
    assert_eq!(home["usage"]["by_class"]["cache"]["inodes"], 0);
    assert_eq!(home["usage"]["by_class"]["rest"]["inodes"], 5, "and the home itself");
    assert_eq!(report["rules"][0]["hint"], report["rules"][0]["rule"] == "cachedir-tag");
}

#[test]
fn a_cache_counts_without_findings_of_other_rules() {
    let tree = scratch();
    file(tree.path(), "a/.cache/pip/http/x", 50_000);
    file(tree.path(), "a/.cache/rest/y", 30_000);
    let report = report(tree.path(), [] as [&str; 0], 0);
    let findings = home(&report, "a")["findings"].as_array().unwrap();
    let of = |rule: &str| {
        let finding = findings.iter().find(|finding| finding["rule"] == rule).unwrap();
        finding["usage"]["allocated_bytes"].as_u64().unwrap()
    };
    let cache = |path: &str| du(&tree.path().join("a/.cache").join(path));
    assert_eq!(of("pip-cache"), cache("pip"));
    assert_eq!(of("other-cache"), cache(".") - cache("pip"));
}

/// Marker files make environments only of directories inside homes. A marker in the root, or beside
/// the homes of a team, must not turn those homes into findings with an `rm -r`.
#[test]
fn nothing_above_homes_is_a_finding() {
    let above = |report: &Value, tree: &Path| {
        let homes = report["homes"].as_array().unwrap().iter();
        let findings = homes.flat_map(|home| home["findings"].as_array().unwrap());
        let paths = findings.map(|finding| finding["path"].as_str().unwrap().to_owned());
        let above = paths.filter(|path| tree.join(path).join("200005").exists());
        above.collect::<Vec<_>>()
    };
    let none: [&str; 0] = [];
    for (dir, depth, name) in [("", "1", "200005"), ("team/", "2", "team/200005")] {
        for marker in ["pyvenv.cfg", "conda-meta/history"] {
            let tree = scratch();
            file(tree.path(), format!("{dir}{marker}"), 10);
            file(tree.path(), format!("{dir}200005/thesis"), 5000);
            let report = report(tree.path(), ["--home-depth", depth], 0);
            assert_eq!(above(&report, tree.path()), none, "{dir}{marker}");
            let classes = &home(&report, name)["usage"]["by_class"];
            assert_eq!(classes["environment"]["inodes"], 0, "{dir}{marker}");
        }
    }
}

/// `(outside homes)` combines several directories and otherwise behaves like a home.
#[test]
fn findings_outside_homes_are_ordered_by_size() {
    let tree = scratch();
    core_dump(tree.path(), "a/core.1", 70_000);
    core_dump(tree.path(), "b/core.2", 70_000);
    file(tree.path(), "b/.nfs000000000000000000000001", 500_000);
    let report = report(tree.path(), ["--home-depth", "2"], 0);
    let rules = home(&report, "(outside homes)")["rules"].as_array().unwrap();
    let rules: Vec<_> = rules.iter().map(|rule| rule["rule"].as_str().unwrap()).collect();
    assert_eq!(rules, ["nfs-deleted-open", "crash-dump"]);
}

#[test]
fn commands_can_be_pasted_and_do_what_their_rule_says() {
    for spec in built_in().unwrap() {
        let Some(command) = &spec.command else { continue };
        let words: Vec<&str> = command.split(' ').collect();
        // Commands remove exactly the finding.
        let remover = matches!(words[0], "rm" | "truncate" | "rmdir" | "find");
        let paths = words.iter().filter(|word| **word == "{path}").count();
        let flags = words[1..].iter().filter(|word| word.starts_with('-')).count();
        if remover {
            let numbers = words.iter().filter(|word| word.parse::<u64>().is_ok()).count();
            assert_eq!((paths, 1 + flags + paths + numbers), (1, words.len()), "{}", spec.id);
        }
        // Punctuation of sentences; no command needs it.
        assert!(!command.contains(['`', ',', '&', '|', '>', '<', '$']), "{}", spec.id);
        assert!(spec.advice.is_none(), "{}", spec.id);
    }
    let advice: Vec<_> = built_in().unwrap().into_iter().filter_map(|spec| spec.advice).collect();
    for text in &advice {
        let first = text.split(' ').next().unwrap();
        assert!(!matches!(first, "rm" | "mv" | "find" | "truncate" | "sudo"), "{text}");
        assert!(!text.contains("{path}"), "{text}");
    }
    assert!(advice.len() > 10);
}
