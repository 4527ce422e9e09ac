//! Contents of a finding, beyond what it counts, that withhold its command.

use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use efs_scan_testbed::*;
use serde_json::Value;

use super::{ENGINES, core_dump};

/// Returns the command of the only finding at `path` of the home `h`, or its advice.
fn offer(report: &Value, path: &str) -> Result<String, String> {
    let findings = home(report, "h")["findings"].as_array().unwrap().iter();
    let at: Vec<_> = findings.filter(|finding| finding["path"] == format!("h/{path}")).collect();
    let [finding] = at.as_slice() else { panic!("{path}: {at:#?}") };
    let text = |key: &str| finding[key].as_str().unwrap().to_owned();
    if finding["command"].is_string() { Ok(text("command")) } else { Err(text("advice")) }
}

/// Makes places that have a command if nothing else is in them.
pub(super) fn places(root: &Path) -> Vec<&'static str> {
    file(root, "h/.cargo/registry/cache/x-0f0f0f0f0f0f0f0f/a", 5000);
    file(root, "h/.cache/pypoetry/artifacts/0f/0f/0f/0f0f0f0f0f0f0f0f/a", 5000);
    file(root, "h/rs/Cargo.toml", 10);
    file(root, "h/rs/target/CACHEDIR.TAG", 10);
    file(root, "h/rs/target/debug/build/p-0f0f0f0f0f0f0f0f/a", 5000);
    file(root, "h/.cache/pip/wheels/0f/0f/0f/0f0f0f0f0f0f0f0f/a", 5000);
    file(root, "h/.cache/go-build/0f/0f0f0f0f0f0f0f0f-d/a", 5000);
    INSIDE.to_vec()
}

const PLACES: [&str; 5] =
    [REGISTRY, ".cache/pypoetry/artifacts", "rs/target", ".cache/pip", ".cache/go-build"];

const REGISTRY: &str = ".cargo/registry/cache";

/// A directory inside each of them.
pub(super) const INSIDE: [&str; 5] = [
    ".cargo/registry/cache/x-0f0f0f0f0f0f0f0f",
    ".cache/pypoetry/artifacts/0f/0f/0f/0f0f0f0f0f0f0f0f",
    "rs/target/debug/build/p-0f0f0f0f0f0f0f0f",
    ".cache/pip/wheels/0f/0f/0f/0f0f0f0f0f0f0f0f",
    ".cache/go-build/0f/0f0f0f0f0f0f0f0f-d",
];

/// Asserts that every place has a command, or that none has one and `why` is the reason.
pub(super) fn assert_offered(root: &Path, args: &[&str], why: Option<&str>) {
    assert_offered_at(&PLACES, root, args, why);
}

pub(super) fn assert_offered_at(places: &[&str], root: &Path, args: &[&str], why: Option<&str>) {
    for engine in ENGINES {
        let args: Vec<_> = ["--engine", engine].iter().chain(args).copied().collect();
        let report = report(root, args, 0);
        for place in places {
            match (offer(&report, place), why) {
                (Ok(_), None) => {}
                (Err(advice), Some(why)) => assert!(advice.contains(why), "{place}: {advice}"),
                (offered, _) => panic!("{place} by {engine}: {offered:?} and not {why:?}"),
            }
        }
    }
}

#[test]
fn repositories_of_every_kind_withhold_the_command() {
    let kinds: [(&str, &[&str]); 6] = [
        ("clone", &[".git/HEAD"]),
        ("worktree", &[".git"]),
        ("mercurial", &[".hg/store"]),
        ("jujutsu", &[".jj/repo"]),
        ("bare.git", &["HEAD", "objects/x", "refs/x"]),
        ("database", &["PG_VERSION"]),
    ];
    for (name, files) in kinds {
        let tree = scratch();
        let inside = places(tree.path());
        assert_offered(tree.path(), &[], None);
        for place in inside {
            for path in files {
                file(tree.path(), format!("h/{place}/{name}/{path}"), 10);
            }
        }
        assert_offered(tree.path(), &[], Some("a repository, a database,"));
    }
}

/// A git branch may be called `__pycache__/x`.
#[test]
fn a_surrounding_repository_or_database_withholds_the_command() {
    let within = [
        ("ocfl/v1/content", &["ocfl/0=ocfl_object_1.1"][..]),
        ("p/.git/refs/heads", &[]),
        ("bare/refs/heads", &["bare/HEAD", "bare/objects/x"]),
        ("pg/base", &["pg/PG_VERSION"]),
        ("hg/.hg/store", &[]),
        // Their lists of files name what is removed.
        ("bag/data", &["bag/bagit.txt"]),
        ("mirror/code", &["mirror/rdiff-backup-data/metadata"]),
        ("vendor/x/src", &["vendor/x/.cargo-checksum.json"]),
    ];
    let tree = scratch();
    file(tree.path(), "h/p/__pycache__/a.pyc", 10);
    file(tree.path(), "h/p/a.py", 1000);
    core_dump(tree.path(), "h/p/core.1", 100_000);
    core_dump(tree.path(), "h/pg/core.77", 100_000);
    for (place, beside) in within {
        file(tree.path(), format!("h/{place}/__pycache__/a.pyc"), 10);
        file(tree.path(), format!("h/{place}/a.py"), 1000);
        core_dump(tree.path(), &format!("h/{place}/core.1"), 100_000);
        for path in beside {
            file(tree.path(), format!("h/{path}"), 10);
        }
    }
    for engine in ENGINES {
        // A scan may begin within.
        for (root, is_offered) in
            within.map(|(root, _)| (root, false)).into_iter().chain([("p", true)])
        {
            let report = report(
                &tree.path().join("h").join(root),
                ["--engine", engine, "--home-depth", "0"],
                0,
            );
            let findings = report["homes"][0]["findings"].as_array().unwrap();
            let compiled =
                findings.iter().find(|finding| finding["path"] == "__pycache__").unwrap();
            assert_eq!(compiled["command"].is_string(), is_offered, "{root} by {engine}");
            let why = compiled["advice"].as_str().unwrap_or("it holds, or is part of");
            assert!(why.starts_with("it holds, or is part of"), "{root} by {engine}: {why}");
        }
        let report = report(tree.path(), ["--engine", engine, "--top", "20"], 0);
        assert!(offer(&report, "p/__pycache__").is_ok());
        assert!(offer(&report, "p/core.1").is_err_and(|advice| !advice.contains("is part of")));
        let places =
            within.map(|(place, _)| [format!("{place}/__pycache__"), format!("{place}/core.1")]);
        for place in places.as_flattened().iter().map(String::as_str).chain(["pg/core.77"]) {
            let offered = offer(&report, place);
            assert!(
                offered.as_ref().is_err_and(|why| why.contains("is part of")),
                "{place}: {offered:?}"
            );
        }
    }
}

/// A glob must not hide entries from the rules that a command would remove.
#[test]
fn entries_left_out_of_the_scan_withhold_the_command() {
    let tree = scratch();
    for place in places(tree.path()) {
        file(tree.path(), format!("h/{place}/results/only"), 10);
    }
    assert_offered(tree.path(), &["--exclude", "**/elsewhere"], None);
    assert_offered(tree.path(), &["--exclude", "**/results"], Some("leaves out"));
    for place in places(tree.path()) {
        file(tree.path(), format!("h/{place}/results/.git/HEAD"), 10);
    }
    // The name is seen before it is excluded.
    assert_offered(tree.path(), &["--exclude", "**/.git"], Some("a repository"));
}

/// A terminal truncates a long line, and the shell runs the rest.
#[test]
fn long_paths_withhold_the_command() {
    let tree = scratch();
    // Each quote is four characters in a command.
    let part = "'".repeat(240);
    let deep = format!("{}x/__pycache__", format!("{part}/").repeat(5));
    file(tree.path(), format!("h/{deep}/a.pyc"), 5000);
    file(tree.path(), format!("h/{deep}/../a.py"), 1000);
    file(tree.path(), "h/short/__pycache__/a.pyc", 5000);
    file(tree.path(), "h/short/a.py", 1000);
    assert_offered_at(&["short/__pycache__"], tree.path(), &[], None);
    assert_offered_at(&[&deep], tree.path(), &[], Some("too long for a terminal"));
}

/// Findings of earlier rules also keep tools from removing them.
#[test]
fn findings_of_other_rules_withhold_the_command() {
    let tree = scratch();
    for place in places(tree.path()) {
        file(tree.path(), format!("h/{place}/.Trash-1000/files/kept"), 10);
    }
    assert_offered(tree.path(), &[], Some("other findings"));
}

#[test]
fn a_mount_withholds_the_command() {
    if !skip_unless(is_root(), "mounts in findings", "only root mounts") {
        return;
    }
    let tree = scratch();
    let root = tree.path().join("root");
    file(&root, "h/precious/results", 9000);
    for place in places(&root) {
        std::fs::create_dir(root.join("h").join(place).join("mnt")).unwrap();
        file(&root, format!("h/{place}/one"), 10);
    }
    core_dump(&root, "h/precious/core.9", 100_000);
    core_dump(&root, "h/dump/core.1", 100_000);
    let kinds = [
        ("mount -t tmpfs none \"$1/mnt\"", &["--cross-mounts"][..], &PLACES[..]),
        ("mount -t tmpfs none \"$1/mnt\"", &[], &PLACES),
        ("mount --bind \"$2/h/precious\" \"$1/mnt\"", &[], &PLACES),
        ("mount --bind \"$2/h/precious/results\" \"$1/one\"", &[], &PLACES),
        (
            "mount --bind \"$2/h/precious/core.9\" \"$2/h/dump/core.1\"",
            &["--cross-mounts"],
            &["dump/core.1"],
        ),
    ];
    for (mount, args, withheld) in kinds {
        let script = format!(
            "root=$1; shift; for place in {}; do at() {{ {mount}; }}; \
             at \"$root/h/$place\" \"$root\" || exit 99; done; exec \"$@\" \"$root\"",
            INSIDE.join(" ")
        );
        let mut command = Command::new("unshare");
        command.args(["--mount", "sh", "-c", &script, "sh"]).arg(&root).arg(program());
        command.args(["--format", "json"]).args(args).env("EFS_SCAN_CONFIG", "/dev/null");
        let output = watched(&mut command, Duration::from_secs(60));
        assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
        let report: Value = serde_json::from_slice(&output.stdout).unwrap();
        for place in withheld {
            let advice = offer(&report, place).unwrap_err();
            assert!(advice.contains("mounted in it"), "{mount}: {place}: {advice}");
        }
    }
}

#[test]
fn unreadable_entries_withhold_the_command() {
    let (tree, copy) = (scratch(), scratch());
    let reachable = copy.path().ancestors().skip(1).all(|directory| {
        std::fs::metadata(directory).is_ok_and(|it| it.permissions().mode() & 0o001 != 0)
    });
    let what = "unreadable directories in findings";
    if !skip_unless(is_root() && reachable, what, "not root, or no other user reaches the build") {
        return;
    }
    for place in places(tree.path()) {
        let secret = tree.path().join("h").join(place).join("secret");
        std::fs::create_dir(&secret).unwrap();
        std::fs::set_permissions(secret, Permissions::from_mode(0o0)).unwrap();
    }
    let program = copy.path().join("efs-scan");
    std::fs::copy(self::program(), &program).unwrap();
    for path in [tree.path(), copy.path()] {
        std::fs::set_permissions(path, Permissions::from_mode(0o755)).unwrap();
    }
    let mut command = Command::new("setpriv");
    command.args(["--reuid=65534", "--regid=65534", "--clear-groups", "--inh-caps=-all"]);
    command.arg(program).arg(tree.path()).args(["--format", "json"]);
    let output = watched(command.env("EFS_SCAN_CONFIG", "/dev/null"), Duration::from_secs(60));
    assert_eq!(output.status.code(), Some(3), "{}", String::from_utf8_lossy(&output.stderr));
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    for place in PLACES {
        let advice = offer(&report, place).unwrap_err();
        assert!(advice.contains("could not be read"), "{place}: {advice}");
    }
}

/// A link to the root may point elsewhere when a command is run; what is shown keeps its name.
#[test]
fn commands_name_the_place_behind_a_link_to_the_root() {
    let tree = scratch();
    let root = tree.path().join("efs-1");
    let trash = file(&root, "h/.local/share/Trash/files/a", 5000);
    std::fs::create_dir(root.join("h/.local/share/Trash/info")).unwrap();
    let link = tree.path().join("efs");
    std::os::unix::fs::symlink("efs-1", &link).unwrap();
    for engine in ENGINES {
        let report = report(&link, ["--engine", engine], 0);
        assert_eq!(report["run"]["root"], link.to_str().unwrap());
        let place = trash.ancestors().nth(2).unwrap().canonicalize().unwrap();
        let command = offer(&report, ".local/share/Trash").unwrap();
        assert_eq!(command, format!("rm -rf {}", place.display()));
    }
}

/// A database has a file for each collection, so it often is a large directory.
#[test]
fn databases_of_any_size_withhold_the_command() {
    for marker in ["PG_VERSION", "WiredTiger", "ibdata1"] {
        let tree = scratch();
        file(tree.path(), "h/db/.mypy_cache/CACHEDIR.TAG", 10);
        places(tree.path());
        assert_offered_at(&["db/.mypy_cache", REGISTRY], tree.path(), &[], None);
        for at in 0..1500 {
            file(tree.path(), format!("h/db/collection-{at}"), 10);
        }
        file(tree.path(), format!("h/db/{marker}"), 10);
        file(tree.path(), format!("h/{}/{marker}", INSIDE[0]), 10);
        let why = Some("a database");
        assert_offered_at(&["db/.mypy_cache", REGISTRY], tree.path(), &[], why);
    }
}

/// Command substitution drops a newline at the end, and the slash that keeps it names a directory.
#[test]
fn a_files_name_that_ends_in_a_newline_withholds_the_command() {
    let tree = scratch();
    let root = tree.path().join("efs");
    let config = tree.path().join("efs-scan.toml");
    let rules = "[[rules.add]]\nid = 'tmp'\nclass = 'cache'\nkind = 'file'\npaths = ['**/*.tmp*']\n\
                 proof = 'x'\ncommand = 'rm -f {path}'\n";
    std::fs::write(&config, rules).unwrap();
    file(&root, "h/a.tmp\n", 5000);
    file(&root, "h/b.tmp\nx", 5000);
    for engine in ENGINES {
        let report = report(&root, ["--config", config.to_str().unwrap(), "--engine", engine], 0);
        assert!(offer(&report, "a.tmp\n").is_err_and(|advice| advice.contains("newline")));
        assert!(offer(&report, "b.tmp\nx").is_ok());
    }
}
