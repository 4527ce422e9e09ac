//! Owners and modes of directories that withhold a command.

use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use efs_scan_testbed::*;

use super::above::modes;
use super::withheld::{INSIDE, assert_offered, assert_offered_at, places};
use super::{ENGINES, core_dump};

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
    file(tree.path(), "h/rs/deep/x/a.py", 1000);
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

/// In a directory that others may change, they can put a link to another place of its owner's.
#[test]
fn directories_open_to_others_withhold_the_command() {
    let tree = scratch();
    let place = "team/x/p/__pycache__";
    file(tree.path(), format!("h/{place}/a.cpython-312.pyc"), 5000);
    file(tree.path(), format!("h/{place}/../a.py"), 1000);
    let set = |path: &str, mode| {
        std::fs::set_permissions(tree.path().join(path), Permissions::from_mode(mode)).unwrap();
    };
    // Nobody may enter the last one.
    for (mode, why) in modes().into_iter().chain([(0o702, None)]) {
        for path in ["h", "h/team", "h/team/x", "h/team/x/p"] {
            set(path, mode);
            assert_offered_at(&[place], tree.path(), &[], why);
            set(path, 0o755);
        }
    }
    // An access point of EFS, or a bind mount, leads others past a private directory above it.
    for private in ["h", "h/team", "h/team/x/p"] {
        set("h/team/x", 0o777);
        set(private, 0o700);
        assert_offered_at(&[place], tree.path(), &[], Some("open to others"));
        set(private, 0o755);
    }
    set("h/team/x/p", 0o700);
    assert_offered_at(&[place], tree.path(), &[], Some("open to others"));
}

/// Where everybody has a group of their own, programs let it write to every directory (umask 002).
#[test]
fn directories_open_to_a_group_of_people_withhold_the_command() {
    let tree = scratch();
    let place = "team/p/__pycache__";
    let pyc = file(tree.path(), format!("h/{place}/a.cpython-312.pyc"), 5000);
    let source = file(tree.path(), "h/team/p/a.py", 1000);
    let dirs = ["h", "h/team", "h/team/p", "h/team/p/__pycache__"].map(|it| tree.path().join(it));
    let give = |owner: Option<u32>, group: u32| {
        let all = dirs.iter().chain([&pyc, &source]);
        all.map(|path| std::os::unix::fs::chown(path, owner, Some(group))).all(|it| it.is_ok())
    };
    if !skip_unless(give(Some(65534), 65534), "directories of groups", "only root gives them away")
    {
        return;
    }
    let set = |mode| {
        for dir in &dirs {
            std::fs::set_permissions(dir, Permissions::from_mode(mode)).unwrap();
        }
    };
    for (group, mode, why) in [
        (65534, 0o775, None),
        // Root's group is everybody's where programs run with any uid and the group 0 (OpenShift).
        (0, 0o775, Some("open to others")),
        (0, 0o755, None),
        (100, 0o755, None),
        (100, 0o775, Some("open to others")),
        (100, 0o1775, Some("open to others")),
        (65534, 0o2775, Some("open to others")),
    ] {
        assert!(give(Some(65534), group));
        set(mode);
        assert_offered_at(&[place], tree.path(), &[], why);
    }
    // A private home is not the only way to it.
    assert!(give(Some(65534), 100));
    set(0o775);
    std::fs::set_permissions(&dirs[0], Permissions::from_mode(0o700)).unwrap();
    assert_offered_at(&[place], tree.path(), &[], Some("open to others"));
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

/// `.Trash-2024` may be a year's, and its owner's number is another one.
#[test]
fn a_trash_named_by_another_uid_withholds_the_command() {
    let tree = scratch();
    for name in [
        ".Trash-2024",
        ".Trash-1000",
        ".Trash/2023",
        ".Trash-20240131120000",
        ".Trash/20240131120000",
        ".Trash-007",
        ".Trash-4294967295",
    ] {
        file(tree.path(), format!("h/{name}/files/a"), 10);
        std::fs::create_dir(tree.path().join("h").join(name).join("info")).unwrap();
    }
    assert_offered_at(&[".Trash-1000"], tree.path(), &[], None);
    let others = [
        ".Trash-2024",
        ".Trash/2023",
        ".Trash-20240131120000",
        ".Trash/20240131120000",
        ".Trash-007",
        ".Trash-4294967295",
    ];
    assert_offered_at(&others, tree.path(), &["--top", "20"], Some("other things"));
}

/// At the top of a file system, `.Trash` is for all, and each owns a directory in it.
#[test]
fn a_trash_for_all_is_emptied_by_each_owner() {
    let tree = scratch();
    let chown =
        |path: &str, uid| std::os::unix::fs::chown(tree.path().join(path), Some(uid), None).is_ok();
    for uid in ["65533", "65534"] {
        file(tree.path(), format!(".Trash/{uid}/files/a"), 5000);
        std::fs::create_dir(tree.path().join(format!(".Trash/{uid}/info"))).unwrap();
    }
    // Each may make one of their own there, too.
    file(tree.path(), ".Trash-65534/files/a", 5000);
    std::fs::create_dir(tree.path().join(".Trash-65534/info")).unwrap();
    let own = ["", "/files", "/info", "/files/a"].map(|path| format!(".Trash-65534{path}"));
    let all = [".Trash/65534", ".Trash/65534/files", ".Trash/65534/info", ".Trash/65534/files/a"];
    let mut all = all.iter().copied().chain(own.iter().map(String::as_str));
    let is_given = all.all(|path| chown(path, 65534));
    if !skip_unless(is_given, "a trash for all", "it needs root") {
        return;
    }
    // Another's, by its name.
    assert!(chown(".Trash/65533", 65534));
    for (mode, has_command) in [(0o1777, true), (0o755, false), (0o1775, false)] {
        for path in [".Trash", ""] {
            let path = tree.path().join(path);
            std::fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
        }
        for engine in ENGINES {
            let report = report(tree.path(), ["--engine", engine], 0);
            let command = |path: &str| {
                let name = path.split('/').next().unwrap();
                let findings = home(&report, name)["findings"].as_array().unwrap();
                let mut at = findings.iter().filter(|finding| finding["path"] == path);
                at.next().unwrap_or_else(|| panic!("{path}: {findings:#?}"))["command"].is_string()
            };
            assert_eq!(command(".Trash-65534"), has_command, "{mode:o}, {engine}");
            assert_eq!(command(".Trash/65534"), has_command, "{mode:o}, {engine}");
            assert!(!command(".Trash/65533"), "{mode:o}, {engine}");
        }
    }
}
