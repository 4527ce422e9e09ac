//! Homes with two owners, and directories filled mostly by others: their visibility, and the
//! messages about them.

use super::*;
use crate::tables::{csv_key, csv_of, parquet};

const MIB: usize = 1 << 20;

/// Makes these homes: 200005 is alice's; 200006 is over quota and owned by alice; 200007 is over
/// quota and was made by root. `shared` is alice's directory, and others' files in it are over
/// quota; `proj` is hers.
fn world() -> Option<World> {
    let world = World::new()?;
    world.home("200005", 200_005, 200_005, 100_000);
    world.home("200006", 200_005, 200_006, 2 * MIB);
    world.home("200007", 0, 200_007, 2 * MIB);
    world.home("shared", 200_005, 200_007, 2 * MIB);
    world.home("proj", 200_005, 200_005, 2 * MIB);
    Some(world)
}

#[test]
fn the_administrator_sees_both_owners_of_a_home() {
    let Some(world) = world() else { return };
    let report = world.publish();
    let alice = serde_json::json!({ "uid": 200_005, "name": "alice" });
    let root = serde_json::json!({ "uid": 0, "name": null });
    let latest = std::fs::read(world.published().join("latest/prod.json")).unwrap();
    let latest: Value = serde_json::from_slice(&latest).unwrap();
    let status = serde_json::from_str(&world.read(&["status", "--format", "json"])).unwrap();
    for document in [&report, &latest, &status] {
        let of = |name| &home(document, name)["directory_owner"];
        assert_eq!((of("200006"), of("200007")), (&alice, &root));
        assert!(of("200005").is_null() && of("shared").is_null(), "the owner is the directory's");
        assert_eq!(home(document, "200006")["owner"]["name"], "first-last");
    }
    let mark = "directory owned by uid 200005 (alice)";
    let table = world.table(&[]);
    assert!(line(&table, "200006 ").contains(mark), "{table}");
    assert!(!line(&table, "200007 ").contains("owned by uid"), "root is nobody else: {table}");
    assert!(line(&world.read(&["status"]), "200006 ").contains(mark));
    let detail = world.table(&["--user", "200006"]);
    assert!(line(&detail, "first-last").contains(mark), "{detail}");
    assert!(world.table(&["--user", "Carol"]).contains("directory owned by uid 0, not by"));
    let homes = latest["homes_table"].as_str().unwrap();
    let read = |key: &str| parquet(std::fs::read(world.published().join(key)).unwrap());
    let (columns, _) = read(&homes.replacen("homes/", "findings/", 1));
    assert!(columns.iter().any(|column| column == "directory_owner"), "{columns:?}");
    let (_, rows) = read(homes);
    let of = |home: &str| {
        let row = rows.iter().find(|row| row["home"] == home).unwrap();
        (row["directory_owner"].as_str(), row["directory_owner_name"].as_str())
    };
    assert_eq!(of("200006"), ("200005", "alice"));
    assert_eq!(of("200007"), ("0", ""));
    assert_eq!(of("200005"), ("", ""));
}

#[test]
fn pages_of_users_show_no_home_with_two_owners() {
    let Some(world) = world() else { return };
    world.publish();
    let (pages, all) = (world.scratch.path().join("pages"), world.scratch.path().join("all.html"));
    let (to, html) = (pages.display().to_string(), all.display().to_string());
    world.read(&["report", "--users", &to, "--html", &html]);
    assert_eq!(files(&pages), ["200005.html", "200007.html"]);
    let alice = std::fs::read_to_string(pages.join("200005.html")).unwrap();
    assert!(alice.contains("The home <bdi>proj</bdi>"), "{alice}");
    for other in ["200006", "shared", "first-last"] {
        assert!(!alice.contains(other), "{other}");
    }
    let all = std::fs::read_to_string(all).unwrap();
    assert!(all.contains("directory owned by uid 200005 (alice)") && all.contains("shared"));
    // A page made before the home had two owners does not stay.
    let old = pages.join("200006.html");
    std::fs::write(&old, "an earlier page about 200006").unwrap();
    world.read(&["report", "--users", &to]);
    let now = std::fs::read_to_string(old).unwrap();
    // The script, which follows the text, names units.
    let now = now.split("<script").next().unwrap();
    assert!(now.contains("No home here is this user's alone") && !now.contains("MiB"), "{now}");
    // A requested home that is on nobody's page is reported.
    let from = world.published().display().to_string();
    for user in ["200006", "shared"] {
        let args = ["report", "--html", &html, "--from", &from, "--user", user];
        let output = world.run(&args);
        assert_eq!(output.status.code(), Some(2));
        assert!(stderr(&output).contains("pages of users do not show"), "{}", stderr(&output));
    }
}

#[test]
fn only_the_administrator_is_mailed_about_two_owners() {
    let Some(world) = world() else { return };
    world.publish();
    let text = world.read(&["remind", "--dry-run"]);
    let to: Vec<&str> = text.lines().filter_map(|line| line.strip_prefix("To: ")).collect();
    assert_eq!(to, ["alice@example.com", "Carol@example.com", "storage@example.com"], "{text}");
    assert!(text.contains("Your home proj is over its quota"), "{text}");
    assert!(text.contains("Your home 200007 is over its quota"), "root made it: {text}");
    assert!(!text.contains("Your home 200006") && !text.contains("Your home shared"), "{text}");
    let two = "its directory is owned by uid 200005 (alice)";
    for (home, why) in [("200006", two), ("shared", "most of what it holds belongs to others")] {
        let nobody = line(&text, &format!("==== To nobody: {home}: "));
        assert!(nobody.contains(why) && nobody.ends_with("over quota"), "{nobody}");
        assert!(line(&text, &format!("  {home} (")).contains(why), "for the administrator: {text}");
    }
}

/// Names in the map: first-last owns the directory that is called by Carol's name.
#[test]
fn a_directory_with_the_name_of_another_person_is_nobodys_home() {
    let Some(world) = World::new() else { return };
    world.home("Carol", 200_006, 200_006, 2 * MIB);
    world.publish();
    let text = world.read(&["remind", "--dry-run"]);
    assert!(!text.contains("To: first-last@") && !text.contains("To: Carol@"), "{text}");
    assert!(text.contains("its directory is owned by uid 200006 (first-last)"), "{text}");
}

/// The name of a directory is its owner's, though somebody else has that name, too.
#[test]
fn a_directory_with_its_owners_name_is_that_owners() {
    let Some(world) = World::new() else { return };
    let names = "200001,alice\n200007,alice\n200003,first-last\n200005,FIRST-LAST\n";
    world.write("names.csv", names);
    for (name, uid) in [("alice", 200_001), ("first-last", 200_003), ("First-Last", 200_005)] {
        world.home(name, uid, uid, 2 * MIB);
    }
    // This is the exact name of another one.
    world.home("FIRST-LAST", 200_003, 200_003, 2 * MIB);
    let report = world.publish();
    for name in ["alice", "first-last", "First-Last"] {
        assert!(home(&report, name)["directory_owner"].is_null(), "{name}");
    }
    assert_eq!(home(&report, "FIRST-LAST")["directory_owner"]["uid"], 200_003);
    let text = world.read(&["remind", "--dry-run"]);
    assert!(text.contains("Your home alice is over its quota"), "{text}");
}

#[test]
fn a_directory_is_shared_from_more_than_half_on() {
    let Some(world) = World::new() else { return };
    for (name, mine, others) in [("mine", 3, 2), ("theirs", 2, 3)] {
        world.home(name, 200_005, 200_005, mine * MIB);
        let other = file(&world.root(), format!("{name}/other"), others * MIB);
        lchown(other, Some(200_006), None).unwrap();
    }
    // A home named by a uid is that person's, even if others filled it.
    world.home("200005", 200_005, 200_006, 2 * MIB);
    world.publish();
    let text = world.read(&["remind", "--dry-run"]);
    assert!(text.contains("Why: mine (over quota), 200005 (over quota)\n"), "{text}");
    assert!(text.contains("==== To nobody: theirs: "), "{text}");
}

#[test]
fn runs_of_earlier_versions_still_read() {
    let Some(world) = world() else { return };
    world.publish();
    let published = world.published();
    let latest: Value =
        serde_json::from_slice(&std::fs::read(published.join("latest/prod.json")).unwrap())
            .unwrap();
    let report = latest["report"].as_str().unwrap();
    for key in ["latest/prod.json", report] {
        let path = published.join(key);
        let mut document: Value = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
        for home in document["homes"].as_array_mut().unwrap() {
            home.as_object_mut().unwrap().remove("directory_owner");
        }
        std::fs::write(path, document.to_string()).unwrap();
    }
    let homes = latest["homes_table"].as_str().unwrap();
    std::fs::remove_file(published.join(homes)).unwrap();
    let [text, _] = csv_of(&std::fs::read(published.join(report)).unwrap());
    let homes = csv_key(homes);
    let pointer = published.join("latest/prod.json");
    let text_of_pointer = std::fs::read_to_string(&pointer).unwrap();
    std::fs::write(pointer, csv_key(&text_of_pointer)).unwrap();
    let cut = |line: &str| line.rsplitn(3, ',').last().unwrap().to_owned() + "\n";
    std::fs::create_dir_all(published.join(&homes).parent().unwrap()).unwrap();
    std::fs::write(published.join(homes), text.lines().map(cut).collect::<String>()).unwrap();
    assert!(!world.read(&["status"]).contains("owned by"));
    assert!(world.read(&["history"]).contains("200006"));
    assert!(world.read(&["remind", "--dry-run"]).contains("Your home 200006"));
}
