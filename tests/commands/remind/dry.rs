//! Dry runs: the messages that would be sent.

use super::*;

/// Replaces what differs between runs.
fn stable(world: &World, text: &str) -> String {
    let root = world.scratch.path().display().to_string();
    let day = jiff::Timestamp::now().strftime("%Y-%m-%d").to_string();
    let text = text.replace(&root, "[DIR]").replace(&day, "[DAY]");
    let line = |line: &str| match line.split_once(", scanned [DAY]") {
        Some((before, _)) => format!("{before}, scanned [DAY] [TIME] (complete).\n"),
        None => format!("{line}\n"),
    };
    text.lines().map(line).collect()
}

#[test]
fn a_dry_run_prints_every_message_and_changes_nothing() {
    let world = World::new();
    let text = world.preview(0);
    insta::assert_snapshot!("dry_run", stable(&world, &text));
    assert!(!world.state().exists(), "it needs no state directory");
    #[cfg(feature = "aws")]
    assert!(world.aws.requests().is_empty(), "it asks nobody");
    assert_eq!(world.preview(0), text);
}

#[test]
fn old_figures_remind_nobody() {
    let world = World::new();
    let at = |hours: i64| {
        let span = jiff::SignedDuration::from_hours(hours);
        jiff::Timestamp::now().checked_sub(span).unwrap().to_string()
    };
    for hours in [37, -1] {
        world.edit(|report| report["run"]["finished"] = at(hours).into());
        for args in [&["--dry-run"][..], &[]] {
            let output = world.remind(args, 6);
            assert!(output.stdout.is_empty());
            let said = stderr(&output);
            assert!(said.contains("nobody is reminded of old figures"), "{said}");
            assert_eq!(said.lines().count(), 1, "{said}");
        }
    }
    assert!(!world.state().exists());
    world.edit(|report| report["run"]["finished"] = at(35).into());
    world.preview(0);
}

#[test]
fn the_owner_of_a_home_that_was_not_fully_read_is_not_reminded() {
    let world = World::new();
    for (coverage, why) in [
        ("partial", "part of it could not be read: no figure"),
        ("interrupted", "the scan was interrupted in it: no figure"),
    ] {
        world.edit(|report| report["run"]["coverage"] = coverage.into());
        world.edit_home("200005", |home| home["coverage"] = coverage.into());
        let output = world.remind(&["--dry-run"], 3);
        let (text, said) = (stdout(&output), stderr(&output));
        assert!(!text.contains("To: alice@"), "{text}");
        assert!(text.contains("To: bob@example.com"), "{text}");
        let line = text.lines().find(|line| line.contains("200005")).unwrap();
        assert!(line.contains("(alice)") && line.contains(why), "{line}");
        let warning = format!("is {coverage}: owners of 1 home that");
        assert!(said.contains(&warning), "{said}");
    }
    // The unreadable part is outside homes.
    world.edit(|report| report["run"]["coverage"] = "partial".into());
    world.edit_home("200005", |home| home["coverage"] = "complete".into());
    assert!(world.preview(0).contains("To: alice@example.com"));
    // An interrupted run may have missed homes.
    world.edit(|report| report["run"]["coverage"] = "interrupted".into());
    assert!(world.preview(3).contains("To: alice@example.com"));
}

#[test]
fn missing_settings_are_named_in_one_line() {
    let world = World::new();
    let said = |code: i32| {
        let output = world.remind(&["--dry-run"], code);
        assert!(output.stdout.is_empty());
        let said = stderr(&output);
        assert_eq!(said.lines().count(), 1, "{said}");
        said
    };
    for less in [
        "from = 'EFS storage <efs@example.com>'\n",
        "admin = 'storage@example.com'\n",
        "address = '{name}@example.com'\n",
    ] {
        world.configure(&CONFIG.replace(less, ""));
        assert!(said(2).contains("reminders need [remind] with `from`, `admin`, and one of"));
    }
    world.configure("");
    assert!(said(2).contains("reminders need [remind]"));
    world.configure(&format!("{CONFIG}address_file = '/nonexistent/addresses.csv'\n"));
    assert!(said(2).contains("addresses from /nonexistent/addresses.csv: No such file"));
    world.configure(CONFIG);
    std::fs::write(
        world.ledger().parent().map_or(world.state(), |dir| {
            std::fs::create_dir_all(dir).unwrap();
            world.ledger()
        }),
        "{",
    )
    .unwrap();
    assert!(said(1).contains("everybody would be reminded again"));
    std::fs::remove_file(world.ledger()).unwrap();
    let key = world.published().join("runs");
    std::fs::rename(&key, world.published().join("gone")).unwrap();
    assert!(said(1).contains(" is gone, which "));
    std::fs::remove_file(world.published().join("latest/prod.json")).unwrap();
    assert!(said(1).contains("nothing is published there yet"));
}

#[test]
fn a_report_of_another_run_than_latest_names_is_refused() {
    let world = World::new();
    let path = world.published().join("latest/prod.json");
    let text = std::fs::read_to_string(&path).unwrap();
    std::fs::write(&path, text.replace("\"engine\":\"posix\"", "\"engine\":\"nfs\"")).unwrap();
    let said = stderr(&world.remind(&["--dry-run"], 1));
    assert!(said.contains("is not the run that latest/prod.json names"), "{said}");
}
