//! Reminders of several file systems: one message for a person with homes on two.

use super::*;

/// A world in which alice has much trash on prod and on stage, and bob on prod only.
fn two() -> World {
    let world = World::new();
    world.stage(&[("200005", 1_500_000)]);
    world.configure(&format!("same_people = true\n{CONFIG}"));
    world
}

fn whys(text: &str) -> Vec<&str> {
    text.lines().filter_map(|line| line.strip_prefix("Why: ")).collect()
}

#[test]
fn a_person_with_homes_on_two_file_systems_gets_one_message() {
    let world = two();
    let text = world.preview(0);
    let alice = "200005 on prod (over quota, much trash), 200005 on stage (much trash)";
    assert_eq!(whys(&text), [alice, "200006 on prod (much trash)"], "{text}");
    for line in [
        "Your home 200005 on prod is over its quota: it holds 2.4 MiB of 2 MiB (",
        "Your home 200005 on stage holds 1.4 MiB of trash",
        "Subject: Your storage on EFS: 3.9 MiB in use",
        "trash: 200005/.local/share/Trash on stage",
        "  200007 on prod  2.9 MiB of 2 MiB",
        "/efs (prod), ",
        "/stage (stage).",
    ] {
        assert!(text.contains(line), "{line}: {text}");
    }
    // One that is chosen is as if it were alone.
    let one = stdout(&world.remind(&["--dry-run", "--file-system", "stage"], 0));
    assert_eq!(whys(&one), ["200005 (much trash)"], "{one}");
}

#[test]
fn one_name_on_two_file_systems_is_one_person_only_if_that_was_said() {
    let world = two();
    world.configure(CONFIG);
    let text = world.preview(0);
    let want = ["200005 on prod (over quota, much trash)", "200005 on stage (much trash)"];
    assert_eq!(whys(&text)[..2], want, "{text}");
    // A user profile of one domain is one person on all its file systems.
    for key in ["prod", "stage"] {
        world.edit_of(key, |report| {
            for home in report["homes"].as_array_mut().unwrap() {
                if home["owner"]["name"] == "alice" {
                    home["owner"]["source"] = "sagemaker:d-1".into();
                }
            }
        });
    }
    let text = world.preview(0);
    assert_eq!(whys(&text).len(), 2, "{text}");
    assert!(whys(&text)[0].contains(" on prod") && whys(&text)[0].contains(" on stage"), "{text}");
}

/// A path in a space may be that of the home on the other file system.
#[test]
fn no_command_has_a_path_that_may_be_of_another_home() {
    let world = two();
    let config = format!("same_people = true\nhome_at = '/home/user/efs'\n{CONFIG}");
    world.configure(&config);
    let text = world.preview(0);
    assert!(!text.contains("/home/user/efs"), "{text}");
    assert!(text.contains("By hand: the path of this home in your space is not known"), "{text}");
    // The same if only one is chosen: its owners have homes on the other one.
    let stage = ["--dry-run", "--file-system", "stage"];
    let one = stdout(&world.remind(&stage, 0));
    assert!(!one.contains("/home/user/efs"), "{one}");
    assert!(one.contains("By hand: the path of this home in your space is not known"), "{one}");
    // Two file systems with the same root on two machines.
    world.configure(&format!("same_people = true\n{CONFIG}"));
    assert!(world.preview(0).contains("rm -rf "));
    world.edit_of("stage", |report| {
        report["run"]["root"] = world.root().to_str().unwrap().into();
    });
    let text = world.preview(0);
    assert!(!text.contains("rm -rf "), "{text}");
    let one = stdout(&world.remind(&stage, 0));
    assert!(!one.contains("rm -rf "), "{one}");
    // A file system that cannot be read may have the same root.
    world.edit_of("stage", |report| {
        report["run"]["root"] = world.scratch.path().join("elsewhere").to_str().unwrap().into();
    });
    assert!(stdout(&world.remind(&stage, 0)).contains("rm -rf "));
    let latest = world.published().join("latest/prod.json");
    let saved = std::fs::read(&latest).unwrap();
    std::fs::write(&latest, "garbage").unwrap();
    assert!(!stdout(&world.remind(&stage, 0)).contains("rm -rf "));
    std::fs::write(&latest, saved).unwrap();
    // Without another home, the path in the space is that of this one.
    world.configure(&config);
    std::fs::remove_file(latest).unwrap();
    let one = stdout(&world.remind(&stage, 0));
    assert!(one.contains("rm -rf /home/user/efs/.local/share/Trash"), "{one}");
}

#[test]
fn addresses_of_uids_are_refused_where_a_uid_may_be_anybody() {
    let world = two();
    let by_uid = format!("{CONFIG}[remind.addresses]\n200005 = 'a@example.com'\n");
    world.configure(&by_uid);
    let said = stderr(&world.remind(&["--dry-run"], 2));
    assert!(said.contains("may be somebody else on each file system"), "{said}");
    world.remind(&["--dry-run", "--file-system", "prod"], 0);
    world.configure(&format!("same_people = true\n{by_uid}"));
    world.preview(0);
}

#[test]
fn one_that_is_stale_or_broken_silences_no_other() {
    let world = two();
    let old = jiff::Timestamp::now() - jiff::SignedDuration::from_hours(40);
    world.edit_of("stage", |report| report["run"]["finished"] = old.to_string().into());
    let output = world.remind(&["--dry-run"], 6);
    assert!(stderr(&output).contains("nobody is reminded of old figures: the newest run of stage"));
    assert_eq!(whys(&stdout(&output)).len(), 2, "{}", stdout(&output));
    std::fs::write(world.published().join("latest/stage.json"), "garbage").unwrap();
    let output = world.remind(&["--dry-run"], 1);
    assert!(stderr(&output).contains("latest/stage.json"), "{}", stderr(&output));
    assert_eq!(whys(&stdout(&output)).len(), 2, "{}", stdout(&output));
    // The person may have a home on the one that was not read.
    let said = stderr(&world.remind(&["--dry-run", "--user", "nobody"], 1));
    assert!(said.contains("no home for nobody in the newest run, as far as"), "{said}");
}

#[test]
fn a_user_need_not_have_a_home_on_every_file_system() {
    let world = two();
    let text = stdout(&world.remind(&["--dry-run", "--user", "bob"], 0));
    assert_eq!(whys(&text), ["200006 on prod (much trash)"], "{text}");
    let said = stderr(&world.remind(&["--dry-run", "--user", "nobody"], 2));
    assert!(said.contains("no home for nobody"), "{said}");
}

#[cfg(feature = "aws")]
#[test]
fn reminders_of_one_file_system_neither_silence_nor_repeat_those_of_another() {
    let world = two();
    world.remind(&["--file-system", "prod"], 0);
    assert_eq!(world.reminded(), ["alice@example.com", "bob@example.com"]);
    // Of prod she heard already; of stage she did not.
    let text = world.preview(0);
    assert_eq!(whys(&text), ["200005 on stage (much trash)"], "{text}");
    assert!(
        text.contains("Not again within a week: alice@example.com, over quota on prod, was told"),
        "{text}"
    );
    world.remind(&[], 0);
    assert_eq!(world.reminded().len(), 3);
    world.remind(&[], 0);
    world.remind(&["--file-system", "stage"], 0);
    assert_eq!(world.reminded().len(), 3);
    assert_eq!(world.summaries().len(), 1, "200007 is listed once a week");
}

/// Whoever and whatever an earlier version noted is noted afterwards, until its week is over.
#[cfg(feature = "aws")]
#[test]
fn an_earlier_ledger_is_taken_over_whole() {
    let world = two();
    let now = jiff::Timestamp::now();
    let told = |days: i64, step: &str| {
        let at = now - jiff::SignedDuration::from_hours(24 * days);
        serde_json::json!({ "at": at, "run": format!("r{days}"), "step": step })
    };
    let orphan = "200007: an orphan: nobody known owns it: over quota";
    let ledger = serde_json::json!({
        "schema": "efs-scan/reminders/1",
        "people": {
            "alice@example.com": { "quota": told(2, "sent"), "trash": told(9, "sent") },
            "zoe@example.com": { "trash": told(1, "sending"), "quota": told(3, "unsure") },
            "left@example.com": { "apps": told(5, "sent") },
            "long-ago@example.com": { "trash": told(8, "sent") },
        },
        "listed": { orphan: now, "something else": now },
    });
    std::fs::create_dir_all(world.ledger().parent().unwrap()).unwrap();
    std::fs::write(world.ledger(), ledger.to_string()).unwrap();
    // It is not known if zoe's message was sent.
    world.remind(&[], 5);
    // Of her quota alice heard, of her trash long ago.
    assert_eq!(world.reminded(), ["alice@example.com", "bob@example.com"]);
    let alice = world.aws.mails().into_iter().find(|mail| mail.to.starts_with("alice")).unwrap();
    assert!(alice.text.contains("of trash") && !alice.text.contains("over its quota"), "{alice:?}");
    // The administrator hears of the message of which nobody knows, and not again of the orphan.
    let summary = world.summaries().join("\n");
    assert!(summary.contains("zoe@example.com") && !summary.contains("200007"), "{summary}");

    let book: Value = serde_json::from_slice(&std::fs::read(world.ledger()).unwrap()).unwrap();
    assert_eq!(book["schema"], "efs-scan/reminders/2");
    let people = &book["people"];
    assert_eq!(people["alice@example.com"]["*"], serde_json::json!({ "quota": told(2, "sent") }));
    assert_eq!(
        people["zoe@example.com"],
        serde_json::json!({ "*": { "trash": told(1, "unsure"), "quota": told(3, "unsure") } })
    );
    assert_eq!(people["left@example.com"]["*"]["apps"], told(5, "sent"));
    assert_eq!(people.get("long-ago@example.com"), None);
    assert_eq!(book["listed"][orphan], ledger["listed"][orphan]);
    assert_eq!(book["listed"]["something else"], ledger["listed"]["something else"]);
    assert_eq!(people["alice@example.com"]["stage"]["trash"]["step"], "sent");
    world.remind(&[], 0);
    assert_eq!(world.reminded().len(), 2);
}

/// The ledger of a version that knew one file system counts for all: nobody hears twice.
#[cfg(feature = "aws")]
#[test]
fn an_earlier_ledger_is_taken_over() {
    let world = two();
    let told = serde_json::json!({ "at": jiff::Timestamp::now(), "run": "r", "step": "sent" });
    let ledger = serde_json::json!({ "schema": "efs-scan/reminders/1", "listed": {}, "people": {
        "alice@example.com": { "trash": told, "quota": told }
    } });
    std::fs::create_dir_all(world.ledger().parent().unwrap()).unwrap();
    std::fs::write(world.ledger(), ledger.to_string()).unwrap();
    world.remind(&[], 0);
    assert_eq!(world.reminded(), ["bob@example.com"]);
    let now = std::fs::read_to_string(world.ledger()).unwrap();
    assert!(now.contains("reminders/2") && now.contains("alice@example.com"), "{now}");
    world.remind(&[], 0);
    assert_eq!(world.reminded().len(), 1);
}
