//! Directories with a number as their name, and the trash of a uid at the root.

use std::collections::BTreeSet;

use super::*;

#[test]
fn a_number_as_a_name_does_not_make_an_orphan() {
    let Some(world) = World::new() else { return };
    for (name, directory) in [
        ("2024", 200_005),       // a year
        ("20240131", 0),         // a day
        ("202401", 200_006),     // a month
        ("3000", 3000),          // its own uid's
        ("200005", 200_005),     // alice
        ("200099", 0),           // between those who are known, restored by root
        ("200002", 0),           // one of the first, who left
        ("4294967295", 200_005), // no uid at all
        ("201001", 0),           // a month, near the uids of people
    ] {
        world.home(name, directory, directory, 10_000);
    }
    let report = world.json(&[]);
    let of = |name: &str| {
        let home = home(&report, name);
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        (text(&home["kind"]), home["uid"].as_u64().unwrap(), text(&home["owner"]["status"]))
    };
    for (name, kind, uid, status) in [
        ("2024", "named", 200_005, "known"),
        ("20240131", "named", 0, "unknown"),
        ("202401", "named", 200_006, "known"),
        ("3000", "uid", 3000, "orphan"),
        ("200005", "uid", 200_005, "known"),
        ("200099", "uid", 200_099, "orphan"),
        ("200002", "uid", 200_002, "orphan"),
        ("4294967295", "named", 200_005, "known"),
        ("201001", "named", 0, "unknown"),
    ] {
        assert_eq!(of(name), (kind.to_owned(), uid, status.to_owned()), "{name}");
    }
    assert_eq!(report["orphans"]["homes"], 3);
    // A uid that only the machine's own database knows is a uid, too.
    world.home("1", 0, 0, 10_000);
    let with = world.json(&["--names", "passwd"]);
    assert_eq!(home(&with, "1")["kind"], "uid", "daemon's");
    assert_eq!(home(&with, "2024")["kind"], "named");
}

/// Linux numbers people from 1000 on, so years and counts lie near their uids.
#[test]
fn a_small_number_beside_small_uids_does_not_make_an_orphan() {
    let Some(world) = World::new() else { return };
    world.write("names.csv", "1030,alice\n1042,bob\n200005,carol\n");
    for name in ["2024", "1999", "12", "1500", "1029"] {
        world.home(name, 0, 0, 10_000);
    }
    // Between those who are known, restored by root; owned by its own uid; above all, restored.
    for (name, directory) in [("1035", 0), ("1050", 1050), ("200007", 0)] {
        world.home(name, directory, directory, 10_000);
    }
    let report = world.json(&[]);
    let all = report["homes"].as_array().unwrap().iter();
    let orphans = all.filter(|home| home["owner"]["status"] == "orphan");
    let orphans: BTreeSet<&str> = orphans.map(|home| home["name"].as_str().unwrap()).collect();
    assert_eq!(orphans, ["1035", "1050", "200007"].into());
    assert_eq!(report["orphans"]["homes"], 3);
    for name in ["2024", "1999", "12", "1500", "1029"] {
        assert_eq!(home(&report, name)["kind"], "named", "{name}");
    }
}

/// It is reported like a home, but a quota is for homes.
#[test]
fn trash_at_the_root_is_not_called_a_home_and_has_no_quota() {
    let Some(world) = World::new() else { return };
    let trash = ".Trash-200005";
    world.home("200005", 200_005, 200_005, 10_000);
    file(&world.root(), format!("{trash}/files/old"), 2 << 20);
    for path in ["", "files", "files/old"] {
        lchown(world.root().join(trash).join(path), Some(200_005), None).unwrap();
    }
    let report = world.publish();
    assert!(home(&report, trash)["quota"].is_null() && !home(&report, "200005")["quota"].is_null());
    world.write("more.toml", "trash = '1MiB'\n");
    let mail = world.read(&["remind", "--dry-run"]);
    assert!(mail.contains(&format!("Your directory {trash} holds 2.0 MiB of trash")), "{mail}");
    assert!(mail.contains(&format!("  {trash} (trash, not a home)  2")), "{mail}");
    assert!(!mail.contains(&format!("Your home {trash}")), "{mail}");
    assert!(!mail.contains("quota"), "{mail}");
    let html = world.scratch.path().join("alice.html").display().to_string();
    world.read(&["report", "--user", "alice", "--html", &html]);
    let page = std::fs::read_to_string(&html).unwrap();
    assert!(page.contains(&format!("The directory <bdi>{trash}</bdi>")), "{page}");
    assert!(page.contains("The home <bdi>200005</bdi>"), "{page}");
}

#[test]
fn without_a_source_with_uids_every_number_may_be_a_uid() {
    let Some(world) = World::new() else { return };
    world.home("2024", 200_005, 200_005, 10_000);
    let root = world.root().display().to_string();
    for names in [&[][..], &["--names", "passwd"]] {
        let output = world.run(&[&[&*root, "--format", "json"][..], names].concat());
        let report: Value = serde_json::from_slice(&output.stdout).unwrap();
        let home = home(&report, "2024");
        assert_eq!((&home["kind"], &home["uid"]), (&"uid".into(), &2024.into()));
        assert_eq!(home["owner"]["status"], "unknown");
    }
    world.write("names.csv", "uid,name\n");
    assert_eq!(home(&world.json(&[]), "2024")["owner"]["status"], "orphan", "nobody is known");
}

#[test]
fn trash_of_a_uid_at_the_root_is_trash_at_every_depth() {
    let Some(world) = World::new() else { return };
    let trash = ".Trash-200005";
    for path in ["files/old", "files/sub/older", "info/old.trashinfo"] {
        file(&world.root(), format!("{trash}/{path}"), 20_000);
    }
    for path in ["", "files", "files/sub", "info"] {
        lchown(world.root().join(trash).join(path), Some(200_005), None).unwrap();
    }
    // These are not trash, because nothing above homes is a finding.
    file(&world.root(), ".Trash-alice/files/x", 5000);
    file(&world.root(), "team/200006/x", 5000);
    let bytes = du(&world.root().join(trash));
    for depth in ["0", "1", "2", "3"] {
        let report = world.json(&["--home-depth", depth]);
        let classes = &report["totals"]["by_class"];
        assert_eq!(classes["trash"]["allocated_bytes"], bytes, "depth {depth}");
        assert_eq!(report["totals"]["allocated_bytes"], du(&world.root()), "depth {depth}");
        let holder = home(&report, if depth == "0" { "." } else { trash });
        let finding = &holder["findings"][0];
        assert_eq!((&finding["rule"], &finding["path"]), (&"trash".into(), &trash.into()));
        assert_eq!(finding["frees"]["allocated_bytes"], bytes);
        // The root belongs to root, so the trash's owner can empty the trash but not remove it.
        let advice = finding["advice"].as_str().unwrap();
        assert!(finding["command"].is_null() && advice.contains("another's"), "{advice}");
        let all = report["homes"].as_array().unwrap().iter();
        let findings = all.flat_map(|home| home["findings"].as_array().unwrap());
        assert_eq!(findings.count(), 1, "depth {depth}");
        if depth != "0" {
            assert_eq!(holder["owner"]["name"], "alice", "depth {depth}");
            assert_eq!(holder["usage"]["allocated_bytes"], bytes);
            let names = homes(&report);
            assert!(!names.iter().any(|name| name.starts_with(&format!("{trash}/"))), "{names:?}");
            let hers = world.json(&["--home-depth", depth, "--user", "alice"]);
            assert_eq!(homes(&hers), [trash], "depth {depth}");
            assert_eq!(hers["totals"], home(&report, trash)["usage"]);
        }
    }
}

#[test]
fn a_place_called_trash_with_other_contents_gets_no_command() {
    let Some(world) = World::new() else { return };
    world.home(".Trash-200005/200006", 200_006, 200_006, 10_000);
    file(&world.root(), ".Trash-200005/files/x", 5000);
    for depth in ["0", "1", "2"] {
        let report = world.json(&["--home-depth", depth]);
        assert_eq!(report["totals"]["by_class"]["trash"]["inodes"], 0, "depth {depth}");
        assert_eq!(report["rules"].as_array().unwrap().len(), 0, "depth {depth}");
    }
}
