//! Directories with a number as their name, and the trash of a uid at the root.

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
