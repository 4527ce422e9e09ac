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
fn places(root: &Path) -> Vec<&'static str> {
    file(root, "h/.npm/_cacache/content-v2/sha512/0f/0f/a", 5000);
    file(root, "h/.cache/pypoetry/artifacts/0f/0f/0f/0f0f0f0f0f0f0f0f/a", 5000);
    file(root, "h/rs/Cargo.toml", 10);
    file(root, "h/rs/target/CACHEDIR.TAG", 10);
    file(root, "h/rs/target/debug/build/p-0f0f0f0f0f0f0f0f/a", 5000);
    file(root, "h/.cache/pip/http-v2/0/f/a", 5000);
    file(root, "h/.cache/go-build/0f/0f0f0f0f0f0f0f0f-d/a", 5000);
    INSIDE.to_vec()
}

const PLACES: [&str; 5] =
    [NPM, ".cache/pypoetry/artifacts", "rs/target", ".cache/pip", ".cache/go-build"];

const NPM: &str = ".npm/_cacache";

/// A directory inside each of them.
const INSIDE: [&str; 5] = [
    ".npm/_cacache/content-v2/sha512/0f/0f",
    ".cache/pypoetry/artifacts/0f/0f/0f/0f0f0f0f0f0f0f0f",
    "rs/target/debug/build/p-0f0f0f0f0f0f0f0f",
    ".cache/pip/http-v2/0/f",
    ".cache/go-build/0f/0f0f0f0f0f0f0f0f-d",
];

/// Asserts that every place has a command, or that none has one and `why` is the reason.
fn assert_offered(root: &Path, args: &[&str], why: Option<&str>) {
    assert_offered_at(&PLACES, root, args, why);
}

fn assert_offered_at(places: &[&str], root: &Path, args: &[&str], why: Option<&str>) {
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
        assert_offered(tree.path(), &[], Some("a repository or a database"));
    }
}

/// A git branch may be called `__pycache__/x`.
#[test]
fn a_surrounding_repository_or_database_withholds_the_command() {
    let within = [
        ("p/.git/refs/heads", &[][..]),
        ("bare/refs/heads", &["bare/HEAD", "bare/objects/x"]),
        ("pg/base", &["pg/PG_VERSION"]),
        ("hg/.hg/store", &[]),
    ];
    let tree = scratch();
    file(tree.path(), "h/p/__pycache__/a.pyc", 10);
    file(tree.path(), "h/p/a.py", 10);
    core_dump(tree.path(), "h/p/core.1", 100_000);
    core_dump(tree.path(), "h/pg/core.77", 100_000);
    for (place, beside) in within {
        file(tree.path(), format!("h/{place}/__pycache__/a.pyc"), 10);
        file(tree.path(), format!("h/{place}/a.py"), 10);
        core_dump(tree.path(), &format!("h/{place}/core.1"), 100_000);
        for path in beside {
            file(tree.path(), format!("h/{path}"), 10);
        }
    }
    for engine in ENGINES {
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

/// A site's rule with a command for single files.
const RULE_FOR_FILES: &str = "[[rules.add]]\nid = 'dumps'\nclass = 'log'\nkind = 'file'\n\
                              paths = ['**/core.<number>']\nproof = 'x'\ncommand = 'rm -f {path}'\n";

/// The owner cannot remove anything from a write-protected directory.
#[test]
fn write_protected_directories_withhold_the_command() {
    let protect = |root: &Path, path: &str, mode| {
        std::fs::set_permissions(root.join("h").join(path), Permissions::from_mode(mode)).unwrap();
    };
    let tree = scratch();
    let inside = places(tree.path());
    for place in &inside {
        protect(tree.path(), place, 0o555);
    }
    assert_offered(tree.path(), &[], Some("write-protected"));
    for place in &inside {
        protect(tree.path(), place, 0o755);
    }
    assert_offered(tree.path(), &[], None);
    // The directory that contains the finding.
    core_dump(tree.path(), "h/rs/core.1", 70_000);
    let config = scratch();
    let config = file(config.path(), "efs-scan.toml", 0);
    std::fs::write(&config, RULE_FOR_FILES).unwrap();
    let args = ["--config", config.to_str().unwrap()];
    protect(tree.path(), "rs", 0o555);
    assert_offered_at(&["rs/target", "rs/core.1"], tree.path(), &args, Some("write-protected"));
    protect(tree.path(), "rs", 0o755);
    // One above that matters to `rm` only if it cannot be entered.
    file(tree.path(), "h/rs/deep/x/__pycache__/a.pyc", 10);
    file(tree.path(), "h/rs/deep/x/a.py", 10);
    for mode in [0o555, 0o500, 0o300, 0o100] {
        for path in ["rs", "rs/deep"] {
            protect(tree.path(), path, mode);
            assert_offered_at(&["rs/deep/x/__pycache__"], tree.path(), &[], None);
            protect(tree.path(), path, 0o755);
        }
    }
    protect(tree.path(), "rs/deep", 0o655);
    assert_offered_at(&["rs/deep/x/__pycache__"], tree.path(), &[], Some("write-protected"));
    protect(tree.path(), "rs/deep", 0o755);
    protect(tree.path(), "rs/deep/x", 0o555);
    assert_offered_at(&["rs/deep/x/__pycache__"], tree.path(), &[], Some("write-protected"));
    protect(tree.path(), "rs/deep/x", 0o755);
    // A directory that its owner may not list or enter, and one of another owner.
    for mode in [0o300, 0o600] {
        protect(tree.path(), "rs/target/debug/build/p-0f0f0f0f0f0f0f0f", mode);
        assert_offered_at(&["rs/target"], tree.path(), &[], Some("write-protected"));
    }
    protect(tree.path(), "rs/target/debug/build/p-0f0f0f0f0f0f0f0f", 0o755);
    assert_offered_at(&["rs/target", "rs/core.1"], tree.path(), &args, None);
    if skip_unless(is_root(), "findings in directories of others", "only root gives files away") {
        let give = |path: &str, uid| {
            std::os::unix::fs::chown(tree.path().join("h").join(path), Some(uid), None).unwrap();
        };
        // Above it, in it, and all of it with its ancestors.
        for path in ["rs", "rs/deep"] {
            give(path, 65534);
            assert_offered_at(&["rs/deep/x/__pycache__"], tree.path(), &[], Some("another's"));
            give(path, 0);
        }
        assert_offered_at(&["rs/deep/x/__pycache__"], tree.path(), &[], None);
        give("rs/target/debug/build/p-0f0f0f0f0f0f0f0f", 65534);
        assert_offered_at(&["rs/target"], tree.path(), &[], Some("another's"));
        give("rs/target/debug/build/p-0f0f0f0f0f0f0f0f", 0);
        for path in ["rs/deep", "rs/deep/x", "rs/deep/x/__pycache__", "rs/deep/x/__pycache__/a.pyc"]
        {
            give(path, 65534);
        }
        assert_offered_at(&["rs/deep/x/__pycache__"], tree.path(), &[], Some("another's"));
        // A directory that its owner may not enter.
        protect(tree.path(), "rs", 0o600);
        assert_offered_at(&["rs/target", "rs/core.1"], tree.path(), &args, Some("write-protected"));
    }
}

/// A terminal truncates a long line, and the shell runs the rest.
#[test]
fn long_paths_withhold_the_command() {
    let tree = scratch();
    // Each quote is four characters in a command.
    let part = "'".repeat(240);
    let deep = format!("{}x/__pycache__", format!("{part}/").repeat(5));
    file(tree.path(), format!("h/{deep}/a.pyc"), 5000);
    file(tree.path(), format!("h/{deep}/../a.py"), 10);
    file(tree.path(), "h/short/__pycache__/a.pyc", 5000);
    file(tree.path(), "h/short/a.py", 10);
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

/// The owner of a directory may remove files of others in it.
#[test]
fn files_of_others_withhold_the_command() {
    let tree = scratch();
    places(tree.path());
    let give = |path: &str, uid: u32| {
        let file = tree.path().join("h").join(path).join("a");
        std::fs::write(&file, "data").unwrap();
        std::os::unix::fs::chown(file, Some(uid), None).is_ok()
    };
    if !skip_unless(give(INSIDE[0], 65534), "files of other people", "it needs root") {
        return;
    }
    INSIDE.iter().for_each(|path| assert!(give(path, 65534)));
    assert_offered(tree.path(), &[], Some("files of other people"));
    INSIDE.iter().for_each(|path| assert!(give(path, 0)));
    assert_offered(tree.path(), &[], None);
}

/// A database has a file for each collection, so it often is a large directory.
#[test]
fn databases_of_any_size_withhold_the_command() {
    for marker in ["PG_VERSION", "WiredTiger", "ibdata1"] {
        let tree = scratch();
        file(tree.path(), "h/db/.mypy_cache/CACHEDIR.TAG", 10);
        places(tree.path());
        assert_offered_at(&["db/.mypy_cache", NPM], tree.path(), &[], None);
        for at in 0..1500 {
            file(tree.path(), format!("h/db/collection-{at}"), 10);
        }
        file(tree.path(), format!("h/db/{marker}"), 10);
        file(tree.path(), format!("h/{}/{marker}", INSIDE[0]), 10);
        let why = Some("a database");
        assert_offered_at(&["db/.mypy_cache", NPM], tree.path(), &[], why);
    }
}

/// `.Trash-2024` may be a year's, and its owner's number is another one.
#[test]
fn a_trash_named_by_another_uid_withholds_the_command() {
    let tree = scratch();
    for name in [".Trash-2024", ".Trash-1000", ".Trash/2023"] {
        file(tree.path(), format!("h/{name}/files/a"), 10);
        std::fs::create_dir(tree.path().join("h").join(name).join("info")).unwrap();
    }
    assert_offered_at(&[".Trash-1000"], tree.path(), &[], None);
    assert_offered_at(&[".Trash-2024", ".Trash/2023"], tree.path(), &[], Some("other things"));
}
