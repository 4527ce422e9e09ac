//! Recipients, and the homes in their messages.

use super::*;

/// Returns the recipients of a preview, without the administrator.
fn recipients(text: &str) -> Vec<&str> {
    let to = text.lines().filter_map(|line| line.strip_prefix("To: "));
    to.filter(|to| *to != "storage@example.com").collect()
}

#[test]
fn several_homes_and_reasons_make_one_message() {
    let world = World::new();
    world.names("200005,alice\n200006,alice\n200008,zoe\n");
    world.publish();
    let text = world.preview(0);
    assert_eq!(recipients(&text), ["alice@example.com"]);
    assert!(text.contains("Why: 200005 (over quota, much trash), 200006 (much trash)"), "{text}");
    for line in [
        "Your home 200005 is over its quota: it holds 2.4 MiB of 2 MiB (",
        "Your home 200005 holds 1.4 MiB of trash",
        "Your home 200006 holds 1.2 MiB of trash",
        "Subject: Your storage on EFS: 3.6 MiB in use",
    ] {
        assert!(text.contains(line), "{line}: {text}");
    }
    let mut frees = Vec::new();
    for path in ["200005/.local/share/Trash", "200006/.local/share/Trash", "200005/.cache/pip"] {
        frees.push(text.find(path).unwrap());
    }
    assert!(frees.is_sorted(), "the largest first");
}

#[test]
fn trash_is_a_reason_only_where_a_limit_is_set() {
    let world = World::new();
    world.configure(&CONFIG.replace("trash = '1MiB'\n", ""));
    let text = world.preview(0);
    assert_eq!(recipients(&text), ["alice@example.com"]);
    assert!(text.contains("Why: 200005 (over quota)\n"), "{text}");
}

#[test]
fn addresses_in_the_table_override_the_file_and_the_template() {
    let world = World::new();
    let list = world.scratch.path().join("addresses.csv");
    std::fs::write(&list, "name,address\nalice,a.file@example.org\nbob,b.file@example.org\n")
        .unwrap();
    let with = |more: &str| {
        world.configure(&format!("{CONFIG}{more}"));
        world.preview(0)
    };
    let file = format!("address_file = {list:?}\n");
    assert_eq!(recipients(&with(&file)), ["a.file@example.org", "b.file@example.org"]);
    let table = format!("{file}[remind.addresses]\n200006 = 'b.table@example.net'\n");
    assert_eq!(recipients(&with(&table)), ["a.file@example.org", "b.table@example.net"]);
    // Without a template only people in the map get messages.
    world.configure(&format!("{}{file}", CONFIG.replace("address = '{name}@example.com'\n", "")));
    std::fs::write(&list, "200006,b@example.org\n").unwrap();
    let text = world.preview(0);
    assert_eq!(recipients(&text), ["b@example.org"]);
    let line = text.lines().find(|line| line.starts_with("  200005 (alice)")).unwrap();
    assert!(line.ends_with("no map of addresses has its owner"), "{line}");
    std::fs::write(&list, "200006,b@example.org\nalice,nobody\n").unwrap();
    let said = stderr(&world.remind(&["--dry-run"], 2));
    assert!(said.contains("addresses.csv: line 2: `nobody` is not an address"), "{said}");
}

/// A key in another case matches its person, unless two people's names differ only in case.
#[test]
fn an_address_belongs_to_one_person() {
    let world = World::new();
    let table = "[remind.addresses]\nALICE = 'a@example.net'\nbob = 'b@example.net'\n";
    world.configure(&format!("{CONFIG}{table}"));
    world.names("200005,alice\n200006,bob\n");
    world.publish();
    assert_eq!(recipients(&world.preview(0)), ["a@example.net", "b@example.net"]);
    world.names("200005,Bob\n200006,bob\n");
    world.publish();
    assert_eq!(recipients(&world.preview(0)), ["b@example.net", "Bob@example.com"]);
}

#[test]
fn dashes_become_dots_on_request() {
    let world = World::new();
    world.names("200005,alice-smith\n200006,bob\n");
    world.publish();
    assert_eq!(recipients(&world.preview(0))[0], "alice-smith@example.com");
    world.configure(&format!("{CONFIG}dash_to_dot = true\n"));
    let text = world.preview(0);
    assert_eq!(recipients(&text)[0], "alice.smith@example.com");
    assert!(text.contains("Hello alice-smith,"), "{text}");
}

/// An address may outlive the person, so orphan homes get no mail even if the map has their uid.
#[test]
fn an_orphan_home_gets_no_mail_even_if_a_map_has_its_uid() {
    let world = World::new();
    world.configure(&format!("{CONFIG}[remind.addresses]\n200007 = 'left@example.com'\n"));
    let text = world.preview(0);
    assert!(!text.contains("left@example.com"), "{text}");
    let line = text.lines().find(|line| line.starts_with("  200007")).unwrap();
    assert!(line.ends_with("over quota; an orphan: nobody known owns it"), "{line}");
}

#[test]
fn a_space_gets_mail_only_through_a_map() {
    let world = World::new();
    world.edit_home("200005", |home| home["owner"]["member"] = "space".into());
    let text = world.preview(0);
    assert_eq!(recipients(&text), ["bob@example.com"]);
    let line = text.lines().find(|line| line.starts_with("  200005")).unwrap();
    assert!(line.ends_with("a space that no map of addresses has"), "{line}");
    // One message to one of the people who work there, together with her own home.
    world.configure(&format!("{CONFIG}[remind.addresses]\nalice = 'Bob@example.com'\n"));
    let text = world.preview(0);
    assert_eq!(recipients(&text), ["Bob@example.com"]);
    assert!(text.contains("Why: 200005 (over quota, much trash), 200006 (much trash)"), "{text}");
}

#[test]
fn a_home_without_a_name_needs_its_uid_in_a_map() {
    let world = World::new();
    world.edit_home("200005", |home| {
        home["owner"] = serde_json::json!({ "name": null, "source": null, "status": "unknown" });
    });
    let text = world.preview(0);
    assert_eq!(recipients(&text), ["bob@example.com"]);
    assert!(text.contains("its owner has no name"), "{text}");
    world.configure(&format!("{CONFIG}[remind.addresses]\n200005 = 'al@example.com'\n"));
    let text = world.preview(0);
    assert_eq!(recipients(&text), ["al@example.com", "bob@example.com"]);
    assert!(text.contains("Hello al@example.com,"), "{text}");
}

/// Directories of root or a service belong to no person, and it is unknown who reads their mail.
#[test]
fn accounts_of_a_system_get_no_mail() {
    let world = World::new();
    for (uid, to) in [(0, None), (1, None), (65_534, None), (1000, Some("alice@example.com"))] {
        world.edit_home("200005", |home| {
            home["uid"] = uid.into();
            home["owner"]["source"] = "passwd".into();
        });
        let text = world.preview(0);
        assert_eq!(recipients(&text).contains(&"alice@example.com"), to.is_some(), "{uid}: {text}");
        let untold = text.contains("owned by an account of a system, not of a person");
        assert_eq!(untold, to.is_none(), "{uid}: {text}");
    }
}

#[test]
fn texts_are_templates() {
    let world = World::new();
    let template = "subject = '{name}: {trash} of trash, {size} of {quota} ({cost})'\n\
         body = '''{{{home}}} {date} {root} {admin}\n{homes}'''\n";
    world.configure(&format!("{CONFIG}{template}"));
    world.edit_home("200005", |home| home["cost_month"] = 12.4.into());
    let text = world.preview(0);
    let subject = "Subject: alice: 1.4 MiB of trash, 2.4 MiB of 2 MiB (12.40 USD a month)\n";
    assert!(text.contains(subject), "{text}");
    let root = world.root().display().to_string();
    let day = jiff::Timestamp::now().strftime("%Y-%m-%d");
    let first = format!("\n\n{{200005}} {day} {root} storage@example.com\n  200005  2.4 MiB of");
    assert!(text.contains(&first), "{text}");
    assert!(text.contains("caches 996 KiB, 12.40 USD a month\n"), "{text}");
    // Commands use the path under which people see their homes.
    world.configure(&format!("home_at = '/home/me/efs dir'\n{CONFIG}"));
    let text = world.preview(0);
    assert!(text.contains("\n      rm -rf '/home/me/efs dir/.local/share/Trash'\n"), "{text}");
    assert!(!text.contains(&format!("rm -rf {root}")), "{text}");
    // Only the home named by the uid is at that path.
    world.edit_home("200005", |home| {
        home["kind"] = "named".into();
        home["foreign"]["allocated_bytes"] = 0.into();
    });
    let text = world.preview(0);
    assert!(text.contains("By hand: the path of this home in your space is not known\n"), "{text}");
    let first = text.split("==== 2").next().unwrap();
    assert!(!first.contains("/home/me"), "{first}");
    world.edit_home("200005", |home| home["kind"] = "uid".into());
    // A home that the run does not know may be the one at that path.
    world.edit(|report| report["left_out"]["above_homes"] = 1.into());
    assert!(!world.preview(0).contains("/home/me"));
    world.edit(|report| report["left_out"]["above_homes"] = 0.into());
    // A person has another home, which is no reason for the message.
    let mapped = "[remind.addresses]\n200007 = 'alice@example.com'\n";
    world.configure(&format!("home_at = '/home/me/efs dir'\n{CONFIG}{mapped}"));
    let text = world.preview(0);
    let alices = text.split("==== 2").next().unwrap();
    assert!(alices.contains("To: alice@") && !alices.contains("/home/me"), "{text}");
    world.configure(&format!("home_at = '/home/me/efs dir'\n{CONFIG}"));
    assert!(world.preview(0).contains("/home/me"));
    // In a space of several people, the home of the space is elsewhere, and each sees another one here.
    let mapped = "[remind.addresses]\n'alice' = 'alice@example.com'\n";
    world.configure(&format!("home_at = '/home/me/efs dir'\n{CONFIG}{mapped}"));
    world.edit_home("200005", |home| home["owner"]["member"] = "space".into());
    let text = world.preview(0);
    let text = text.split("==== 2").next().unwrap();
    assert!(text.contains("To: alice@") && !text.contains("/home/me"), "{text}");
    assert!(text.contains("By hand: the path of this home in your space is not known\n"), "{text}");
    world.edit_home("200005", |home| home["owner"]["member"] = serde_json::Value::Null);
    world.configure(&format!("home_at = '/home/me/efs dir'\n{CONFIG}"));
    // Advice is given in words.
    world.edit_home("200005", |home| {
        home["findings"][0]["command"] = serde_json::Value::Null;
        home["findings"][0]["advice"] = "look \u{202e}through it".into();
    });
    let text = world.preview(0);
    assert!(text.contains("\n      By hand: look \\u{202e}through it\n"), "{text}");
    assert!(!text.contains("the home that HOME names"), "no tool is named: {text}");
    // They may hold a command, so they are not cut.
    for length in [300, 1000] {
        let advice =
            format!("look first; {}then run `tool --clean`", "and look ".repeat(length / 9));
        world.edit_home("200005", |home| home["findings"][0]["advice"] = advice.clone().into());
        let text = world.preview(0);
        assert_eq!(text.contains(&format!("By hand: {advice}\n")), length < 900, "{text}");
        assert!(length < 900 || text.contains("By hand: (too long for a message"), "{text}");
    }
}

/// Without `home_at`, nobody knows where people see their homes.
#[test]
fn a_message_says_whose_paths_its_commands_have() {
    let world = World::new();
    let says = |text: &str| text.contains("are those of the machine that scanned: in a SageMaker");
    assert!(says(&world.preview(0)));
    world.configure(&format!("home_at = '/home/me/efs'\n{CONFIG}"));
    let text = world.preview(0);
    assert!(text.contains("rm -rf /home/me/efs/") && !says(&text), "{text}");
}

/// A command with a path of the scanner would do nothing in a space, or act on something else there.
#[test]
fn the_page_of_a_person_has_the_commands_of_the_message() {
    let world = World::new();
    let at = "/home/me/efs";
    let page = |world: &World| {
        let mut command = world.command();
        command.args(["report", "--user", "alice", "--html", "-", "--from"]).arg(world.published());
        stdout(&watched(&mut command, Duration::from_secs(60)))
    };
    let root = world.root().display().to_string();
    world.configure(&format!("home_at = '{at}'\n{CONFIG}"));
    let own = format!("rm -rf {at}/.local/share/Trash");
    assert!(world.preview(0).contains(&own) && page(&world).contains(&own));
    // Another directory of the same person, which no space shows, changes nothing for the home.
    world.edit_home("200006", |home| {
        home["uid"] = 200_005.into();
        home["owner"]["name"] = "alice".into();
        home["kind"] = "named".into();
        home["foreign"]["allocated_bytes"] = 0.into();
    });
    let unknown = "the path of this home in your space is not known";
    let both = |world: &World| [world.preview(0), page(world)];
    for text in both(&world) {
        let text = text.split("==== 2").next().unwrap();
        assert!(text.contains(&own) && text.contains(unknown), "{text}");
        assert!(!text.contains(&format!("rm -rf {root}")), "{text}");
    }
    // With two homes of a uid, neither path is known.
    world.edit_home("200006", |home| home["kind"] = "uid".into());
    for text in both(&world) {
        let text = text.split("==== 2").next().unwrap();
        assert!(!text.contains(at) && text.contains(unknown), "{text}");
        assert!(!text.contains(&format!("rm -rf {root}")), "{text}");
    }
}

/// `rm` of the home's person would fail there.
#[test]
fn the_person_of_a_home_that_root_restored_is_told_to_ask_the_administrator() {
    if !skip_unless(is_root(), "a home of root", "it needs root") {
        return;
    }
    let world = World::new();
    let trash = "200005/.local/share/Trash";
    let page = |world: &World| {
        let mut command = world.command();
        command.args(["report", "--user", "alice", "--html", "-", "--from"]).arg(world.published());
        stdout(&watched(&mut command, Duration::from_secs(60)))
    };
    let command = format!("rm -rf {}/{trash}", world.root().display());
    assert!(world.preview(0).contains(&command));
    assert!(page(&world).contains(&command));
    give(&world.root().join("200005"), 0);
    world.publish_as_it_is();
    let text = world.preview(0);
    assert!(!text.contains(&command), "{text}");
    assert!(text.contains("By hand: root owns this home: ask the administrator"), "{text}");
    let shown = page(&world);
    assert!(!shown.contains(&command), "{shown}");
    assert!(shown.contains("root owns this home"), "{shown}");
    // A tool that is named acts on HOME.
    for (advice, is_said) in [("look through it", false), ("run `tool clean`", true)] {
        world.edit_home("200005", |home| {
            home["findings"][0]["command"] = serde_json::Value::Null;
            home["findings"][0]["advice"] = advice.into();
        });
        assert_eq!(world.preview(0).contains("the home that HOME names"), is_said, "{advice}");
        assert_eq!(page(&world).contains("By hand, a tool acts on the home"), is_said, "{advice}");
    }
    let mut of_all = world.command();
    of_all.args(["report", "--html", "-", "--from"]).arg(world.published());
    let of_all = stdout(&watched(&mut of_all, Duration::from_secs(60)));
    assert!(!of_all.contains(&command) && of_all.contains("root owns this home"), "{of_all}");
}
