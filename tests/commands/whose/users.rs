//! `--user` selects the same homes in every command.

use std::collections::BTreeSet;

use super::*;

const MIB: usize = 1 << 20;

/// Makes every home over quota, so that remind would write about it.
fn world() -> Option<World> {
    let world = World::new()?;
    for (name, uid) in
        [("200005", 200_005), ("proj", 200_005), ("2024", 200_005), ("200006", 200_006)]
    {
        world.home(name, uid, uid, 2 * MIB);
    }
    world.home("200007", 200_007, 200_007, 2 * MIB);
    world.home("carols", 200_006, 200_006, 2 * MIB);
    world.home("first.last", 200_006, 200_006, 2 * MIB);
    Some(world)
}

/// Returns the homes that each command shows for a user.
fn everywhere(world: &World, user: &str) -> Vec<(&'static str, BTreeSet<String>)> {
    let named = |document: &Value| homes(document).into_iter().map(str::to_owned).collect();
    let read = |command| {
        let text = world.read(&[command, "--user", user, "--format", "json"]);
        named(&serde_json::from_str(&text).unwrap())
    };
    let html = world.scratch.path().join("some.html").display().to_string();
    world.read(&["report", "--user", user, "--html", &html]);
    let page = std::fs::read_to_string(&html).unwrap();
    let parts = page.split("The home <bdi>").skip(1);
    let on_page = parts.map(|part| part.split_once('<').unwrap().0.to_owned()).collect();
    vec![
        ("scan", named(&world.json(&["--user", user]))),
        ("status", read("status")),
        ("history", read("history")),
        ("report", on_page),
    ]
}

#[test]
fn every_command_finds_the_same_homes() {
    let Some(world) = world() else { return };
    world.publish();
    let alice = ["2024", "200005", "proj"];
    // The directory `carols` belongs to first-last.
    for (user, want) in [
        ("alice", &alice[..]),
        ("ALICE", &alice),
        ("200005", &alice),
        ("proj", &["proj"]),
        ("2024", &["2024"]),
        ("first-last", &["200006", "carols", "first.last"]),
        ("first.last", &["200006", "carols", "first.last"]),
        ("First.Last", &["200006", "carols", "first.last"]),
        ("carol", &["200007"]),
        ("Carol", &["200007"]),
        ("200007", &["200007"]),
    ] {
        let want: BTreeSet<String> = want.iter().map(|name| (*name).to_owned()).collect();
        for (command, found) in everywhere(&world, user) {
            assert_eq!(found, want, "{command} --user {user}");
        }
    }
    // An exact match takes precedence.
    world.write("names.csv", "200005,first.last\n200006,first-last\n200007,First.Last\n");
    world.publish();
    for (command, found) in everywhere(&world, "first.last") {
        let want = ["2024", "200005", "proj"].map(str::to_owned);
        assert_eq!(found, BTreeSet::from(want), "{command}");
    }
    let output = world.scan(&["--user", "alice"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(stderr(&output).contains("no home below") && stderr(&output).contains("alice"));
}

#[test]
fn every_name_in_a_source_is_accepted() {
    let Some(world) = world() else { return };
    let second = world.write("second.csv", "200005,Alice Smith\n200006,first-last\n");
    let second = format!("csv:{}", second.display());
    let to = world.published().display().to_string();
    let report = world.json(&["--names", &second, "--publish", &to]);
    let owner = &home(&report, "200005")["owner"];
    assert_eq!((&owner["name"], &owner["aliases"][0]), (&"alice".into(), &"Alice Smith".into()));
    assert!(home(&report, "200006")["owner"].get("aliases").is_none());
    let scanned = world.json(&["--names", &second, "--user", "alice smith"]);
    assert_eq!(homes(&scanned), ["200005", "2024", "proj"]);
    for (command, found) in everywhere(&world, "alice").into_iter().skip(1) {
        let by_alias = everywhere_but_scan(&world, command);
        assert_eq!(found, by_alias, "{command}");
    }
}

fn everywhere_but_scan(world: &World, command: &str) -> BTreeSet<String> {
    if command == "report" {
        let pages = world.scratch.path().join("pages").display().to_string();
        world.read(&["report", "--user", "Alice Smith", "--users", &pages]);
        assert_eq!(files(Path::new(&pages)), ["200005.html"]);
        return ["2024", "200005", "proj"].map(str::to_owned).into();
    }
    let text = world.read(&[command, "--user", "Alice Smith", "--format", "json"]);
    let document: Value = serde_json::from_str(&text).unwrap();
    homes(&document).into_iter().map(str::to_owned).collect()
}

#[test]
fn remind_writes_only_to_the_selected_users() {
    let Some(world) = world() else { return };
    world.publish();
    let to = |text: &str| -> Vec<String> {
        text.lines().filter_map(|line| line.strip_prefix("To: ")).map(str::to_owned).collect()
    };
    let all = world.read(&["remind", "--dry-run"]);
    assert_eq!(to(&all), ["alice@example.com", "Carol@example.com", "first-last@example.com"]);
    for user in ["ALICE", "200005", "proj"] {
        let one = world.read(&["remind", "--dry-run", "--user", user]);
        assert_eq!(to(&one), ["alice@example.com"], "{user}");
        let whole = "Why: 200005 (over quota), 2024 (over quota), proj (over quota)\n";
        assert!(one.contains(whole), "one message about all homes: {one}");
    }
    let two = world.read(&["remind", "--dry-run", "--user", "first-last", "--user", "alice"]);
    assert_eq!(to(&two), ["alice@example.com", "first-last@example.com"]);
    let from = world.published().display().to_string();
    let nobody = world.run(&["remind", "--dry-run", "--from", &from, "--user", "nobody-here"]);
    assert_eq!(nobody.status.code(), Some(2));
    assert!(stderr(&nobody).contains("no home for nobody-here"), "{}", stderr(&nobody));
}

/// The template makes one mailbox of both names, and nobody knows whose it is.
#[test]
fn remind_writes_to_no_mailbox_that_two_people_may_have() {
    let Some(world) = world() else { return };
    world.write("names.csv", "200005,FIRST-LAST\n200006,first-last\n200007,Carol\n");
    world.publish();
    let remind = |arguments: &[&str]| world.read(&[&["remind", "--dry-run"], arguments].concat());
    for arguments in [&[][..], &["--user", "FIRST-LAST"], &["--user", "first-last"]] {
        let text = remind(arguments);
        assert!(!text.contains("To: first-last@") && !text.contains("To: FIRST-LAST@"), "{text}");
        assert!(text.contains("another owner's name makes the same address"), "{text}");
        assert_eq!(text.contains("To: Carol@"), arguments.is_empty(), "{text}");
    }
    world.write("more.toml", "[remind.addresses]\n'FIRST-LAST' = 'first@example.com'\n");
    let text = remind(&["--user", "FIRST-LAST"]);
    assert!(text.contains("To: first@example.com") && !text.contains("To: first-last@"), "{text}");
    assert!(text.contains("Why: 200005 (over quota), 2024 (over quota), proj (over quota)"));
    // The other address has one person left.
    let text = remind(&[]);
    assert!(text.contains("To: first@example.com"), "{text}");
    assert!(text.contains("To: first-last@example.com") && !text.contains("same address"));
}

#[test]
fn pages_of_some_users_keep_those_of_others() {
    let Some(world) = world() else { return };
    world.publish();
    world.read(&["report", "--publish", "--user", "first-last"]);
    let report = world.published().join("report/prod");
    assert_eq!(files(&report), ["users"], "no page about everybody");
    assert_eq!(files(&report.join("users")), ["200006.html"]);
}

#[test]
fn homes_are_found_at_every_depth() {
    let Some(world) = World::new() else { return };
    world.home("a/proj", 200_005, 200_005, 10_000);
    world.home("b/proj", 200_006, 200_006, 10_000);
    world.home("b/200005", 200_005, 200_005, 10_000);
    world.home("b/200006", 200_005, 200_005, 10_000);
    let depth = ["--home-depth", "2", "--user"];
    let of = |user| world.json(&[&depth[..], &[user]].concat());
    for (user, want) in [
        ("alice", &["a/proj", "b/200005"][..]),
        ("proj", &["a/proj", "b/proj"]),
        ("b/proj", &["b/proj"]),
        ("first.last", &["b/200006", "b/proj"]),
    ] {
        let report = of(user);
        assert_eq!(homes(&report), want, "{user}");
        assert_eq!(report["totals"]["files"], want.len(), "nothing else counts");
    }
}

/// The survey before a scan of some homes causes no errors of its own, with any engine.
#[test]
fn every_engine_finds_the_owners() {
    let Some(world) = world() else { return };
    let engines: &[&str] =
        if cfg!(feature = "portable") { &["posix", "portable"] } else { &["posix"] };
    for engine in engines {
        let report = world.json(&["--engine", engine, "--user", "alice"]);
        assert_eq!(homes(&report), ["200005", "2024", "proj"], "{engine}");
        assert_eq!(report["errors"]["count"], 0);
    }
}

/// A quota and an address are a person's, even if the person has no home, and somebody's name differs
/// only in its spelling.
#[test]
fn a_namesakes_quota_and_address_are_not_used() {
    let Some(world) = World::new() else { return };
    world.write("names.csv", "200005,first-last\n200006,first.last\n200007,Carol\n");
    world.write(
        "more.toml",
        "[remind.addresses]\n'first.last' = 'other@example.com'\n'carol' = 'c@example.com'\n\
         [quota.users]\n'first.last' = '1GiB'\n'carol' = '3MiB'\n",
    );
    world.home("200005", 200_005, 200_005, 2 * MIB);
    world.home("200007", 200_007, 200_007, 4 * MIB);
    let report = world.publish();
    let quota = |name: &str| home(&report, name)["quota"]["limit_bytes"].as_u64();
    assert_eq!((quota("200005"), quota("200007")), (Some(MIB as u64), Some(3 * MIB as u64)));
    let mails = world.read(&["remind", "--dry-run"]);
    assert!(mails.contains("To: first-last@example.com"), "{mails}");
    assert!(mails.contains("To: c@example.com"), "{mails}");
    assert!(!mails.contains("other@example.com"), "{mails}");
}
