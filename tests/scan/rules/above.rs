//! Owners and modes of directories above a home, and above the scanned root, that withhold a command.

use std::fs::Permissions;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::Path;
use std::process::Command;

use efs_scan_testbed::*;

use super::ENGINES;

/// Modes of a directory on the way to a finding of the same owner, and why they withhold its command.
pub(super) fn modes() -> [(u32, Option<&'static str>); 6] {
    let open = Some("open to others");
    [
        (0o755, None),
        // Some platforms put every program into root's group.
        (0o775, open.filter(|_| is_root())),
        (0o777, open),
        (0o2775, open),
        (0o1777, None),
        (0o3775, None),
    ]
}

/// Makes the home `team/h` with one finding, whose rule has a command.
fn home_of_a_team(root: &Path) {
    file(root, "team/h/p/__pycache__/a.cpython-312.pyc", 5000);
    file(root, "team/h/p/a.py", 1000);
}

/// Asserts that this finding has a command, or that the reason for having none contains a text.
fn assert_offered(root: &Path, expected: Result<(), &str>, what: &str) {
    for engine in ENGINES {
        let report = report(root, ["--engine", engine, "--home-depth", "2"], 0);
        let finding = &home(&report, "team/h")["findings"][0];
        assert_eq!(finding["command"].is_string(), expected.is_ok(), "{what}: {finding:#}");
        let advice = finding["advice"].as_str().unwrap_or_default();
        assert!(advice.contains(expected.err().unwrap_or_default()), "{what}: {advice}");
    }
}

/// Whoever may change a directory above homes can put a link in place of a home.
#[test]
fn directories_above_homes_that_are_open_to_others_withhold_the_command() {
    let tree = scratch();
    home_of_a_team(tree.path());
    let set = |path: &str, mode| {
        std::fs::set_permissions(tree.path().join(path), Permissions::from_mode(mode)).unwrap();
    };
    let assert_offered = |why: Option<&str>, what: &str| {
        assert_offered(tree.path(), why.map_or(Ok(()), Err), what);
    };
    for (mode, why) in modes() {
        for path in ["", "team"] {
            ["", "team"].iter().for_each(|path| set(path, 0o755));
            set(path, mode);
            // The mode of the home itself protects its contents, not its name.
            for home in [0o755, 0o700] {
                set("team/h", home);
                assert_offered(why, &format!("`{path}` of mode {mode:o} above {home:o}"));
            }
        }
    }
    // A space mounts a home without the root, which protects nothing by being closed.
    set("", 0o700);
    set("team", 0o777);
    assert_offered(Some("open to others"), "a closed root");
}

/// Whoever owns a directory above a home could put a link in place of the home: for root, and for its owner.
#[test]
fn another_persons_directory_above_a_home_withholds_the_command() {
    let tree = scratch();
    home_of_a_team(tree.path());
    let set = |path: &str, uid, mode| {
        let path = tree.path().join(path);
        let permissions = Permissions::from_mode(mode);
        std::fs::set_permissions(&path, permissions).unwrap();
        std::os::unix::fs::chown(path, Some(uid), None).is_ok()
    };
    let is_able = is_root() && set("team", 65533, 0o755);
    if !skip_unless(is_able, "directories of others above homes", "only root gives them away") {
        return;
    }
    for owner in [0, 65534] {
        give(&tree.path().join("team/h"), owner);
        for (path, uid, mode, has_command) in [
            ("team", 65533, 0o755, false),
            // Its owner may change every name in it.
            ("team", 65533, 0o1777, false),
            // A person's name in it may be somebody else's since the scan.
            ("team", 0, 0o1777, owner == 0),
            ("team", 0, 0o755, true),
            ("team", 65534, 0o755, owner != 0),
            ("", 65533, 0o755, false),
            ("", 65533, 0o1777, false),
            ("", 65534, 0o755, owner != 0),
        ] {
            ["", "team"].iter().for_each(|path| assert!(set(path, 0, 0o755)));
            assert!(set(path, uid, mode));
            let what = format!("home of {owner}, `{path}` of {uid}, mode {mode:o}");
            assert_offered(tree.path(), has_command.then_some(()).ok_or("another's"), &what);
        }
    }
}

/// Above homes, a team may have closed its directory to the owner of a home.
#[test]
fn a_closed_directory_above_a_home_withholds_the_command() {
    let tree = scratch();
    home_of_a_team(tree.path());
    let give = |path: &str, uid| {
        std::os::unix::fs::chown(tree.path().join("team").join(path), Some(uid), None).is_ok()
    };
    let all = ["h", "h/p", "h/p/a.py", "h/p/__pycache__", "h/p/__pycache__/a.cpython-312.pyc"];
    let is_given = all.iter().all(|path| give(path, 65534)) && give("", 0);
    if !skip_unless(is_given, "homes below a team's directory", "only root gives them away") {
        return;
    }
    for (root_mode, mode, has_command) in
        [(0o755, 0o755, true), (0o700, 0o711, true), (0o755, 0o700, false), (0o755, 0o744, false)]
    {
        for (path, mode) in [("", root_mode), ("team", mode)] {
            let permissions = Permissions::from_mode(mode);
            std::fs::set_permissions(tree.path().join(path), permissions).unwrap();
        }
        let expected = has_command.then_some(()).ok_or("closed");
        assert_offered(tree.path(), expected, &format!("{mode:o}"));
    }
}

/// An access control list may let others write where the mode shows the owner's own group: its mask.
#[test]
fn access_control_lists_withhold_the_command() {
    let tree = scratch();
    let root = tree.path().join("above/efs");
    home_of_a_team(&root);
    let list = |path: &str| {
        let entry = |tag: u16, mode: u16, id: u32| {
            [&tag.to_le_bytes()[..], &mode.to_le_bytes(), &id.to_le_bytes()].concat()
        };
        let entries = [(1, 7, u32::MAX), (2, 7, 65533), (4, 0, u32::MAX), (16, 7, u32::MAX)];
        let entries = entries.into_iter().chain([(32, 5, u32::MAX)]);
        let entries = entries.flat_map(|(tag, mode, id)| entry(tag, mode, id));
        let list: Vec<u8> = 2_u32.to_le_bytes().into_iter().chain(entries).collect();
        let name = "system.posix_acl_access";
        let path = tree.path().join(path);
        let flags = rustix::fs::XattrFlags::empty();
        rustix::fs::setxattr(&path, name, &list, flags).map(|()| path)
    };
    if is_root() {
        let chown = Command::new("chown")
            .args(["-R", "65534:65534"])
            .arg(tree.path().join("above"))
            .status();
        assert!(chown.unwrap().success());
    }
    let is_private = |path: &std::path::PathBuf| {
        std::fs::metadata(path).is_ok_and(|found| found.uid() == found.gid())
    };
    let able = list("above").is_ok_and(|path| is_private(&path));
    if !skip_unless(
        able,
        "access control lists",
        "the file system has none, or the group is shared",
    ) {
        return;
    }
    let none = |path: &str| {
        rustix::fs::removexattr(tree.path().join(path), "system.posix_acl_access").unwrap();
        let mode = Permissions::from_mode(0o775);
        std::fs::set_permissions(tree.path().join(path), mode).unwrap();
    };
    none("above");
    assert_offered(&root, Ok(()), "no list");
    for path in ["above", "above/efs", "above/efs/team", "above/efs/team/h", "above/efs/team/h/p"] {
        list(path).unwrap();
        assert_offered(&root, Err("open to others"), path);
        // Others may make names even so, and take one that was given up. The finding itself would be a link
        // then, which the command removes.
        let sticky = Permissions::from_mode(0o1775);
        std::fs::set_permissions(tree.path().join(path), sticky).unwrap();
        let expected = if path.ends_with('p') { Ok(()) } else { Err("open to others") };
        assert_offered(&root, expected, &format!("{path}, sticky"));
        none(path);
        assert_offered(&root, Ok(()), path);
    }
}

/// Whoever may change a directory above the root can put another directory in place of the root.
#[test]
fn directories_above_the_root_withhold_the_command() {
    let tree = scratch();
    let root = tree.path().join("above/efs");
    home_of_a_team(&root);
    let set = |path: &str, uid, mode| {
        let path = tree.path().join(path);
        std::fs::set_permissions(&path, Permissions::from_mode(mode)).unwrap();
        std::os::unix::fs::chown(path, Some(uid), None)
    };
    let me = std::fs::metadata(tree.path()).unwrap().uid();
    for (mode, expected) in [
        (0o755, Ok(())),
        (0o700, Ok(())),
        (0o1777, Ok(())),
        (0o777, Err("open to others")),
        (0o2775, Err("open to others")),
    ] {
        for path in ["", "above"] {
            ["", "above"].iter().for_each(|path| set(path, me, 0o755).unwrap());
            set(path, me, mode).unwrap();
            assert_offered(&root, expected, &format!("`{path}` of mode {mode:o} above the root"));
        }
    }
    ["", "above"].iter().for_each(|path| set(path, me, 0o755).unwrap());
    let linked = tree.path().join("link");
    std::os::unix::fs::symlink("above/efs", &linked).unwrap();
    assert_offered(&linked, Ok(()), "a link to the root");
    set("above", me, 0o777).unwrap();
    assert_offered(&linked, Err("open to others"), "where a link to the root leads");
    let is_able = is_root() && set("above", 65533, 0o755).is_ok();
    if !skip_unless(is_able, "directories of others above the root", "only root gives them away") {
        return;
    }
    for owner in [0, 65534] {
        give(&root.join("team/h"), owner);
        for (above, highest, mode, is_trusted) in [
            (0, 0, 0o755, true),
            (65533, 0, 0o755, false),
            (65533, 0, 0o1777, false),
            (0, 65533, 0o755, false),
            (65534, 0, 0o755, owner != 0),
            (65534, 65534, 0o755, owner != 0),
            (65534, 65533, 0o755, false),
            (65533, 65534, 0o755, false),
        ] {
            set("above", above, mode).unwrap();
            set("", highest, 0o755).unwrap();
            let expected = is_trusted.then_some(()).ok_or("another's");
            let what = format!("home of {owner}, {above} and {highest} above the root");
            assert_offered(&root, expected, &what);
        }
        // Whoever owns the root may rename it in a sticky directory.
        set("above", 0, 0o1777).unwrap();
        set("above/efs", 65533, 0o755).unwrap();
        set("", 0, 0o755).unwrap();
        assert_offered(&root, Err("another's"), "another's root in a sticky directory");
        set("above/efs", 0, 0o755).unwrap();
    }
}
