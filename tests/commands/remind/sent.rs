//! Messages sent through SES, and their frequency.

use std::time::Instant;

use jiff::{SignedDuration, Timestamp};
use serde_json::json;

use efs_scan_testbed::aws::{Fault, Phase, What};

use super::*;

/// Returns the time that many days ago, in the ledger's format.
fn days_ago(days: i64) -> String {
    Timestamp::now().checked_sub(SignedDuration::from_hours(24 * days)).unwrap().to_string()
}

/// Records in the ledger that somebody was reminded.
fn told(world: &World, address: &str, reasons: &[(&str, i64)]) {
    let told = |days: &i64| json!({ "at": days_ago(*days), "run": "r", "step": "sent" });
    let reasons: serde_json::Map<_, _> =
        reasons.iter().map(|(reason, days)| ((*reason).to_owned(), told(days))).collect();
    let ledger =
        json!({ "schema": "efs-scan/reminders/1", "people": { address: reasons }, "listed": {} });
    std::fs::create_dir_all(world.ledger().parent().unwrap()).unwrap();
    std::fs::write(world.ledger(), ledger.to_string()).unwrap();
}

#[test]
fn each_person_gets_one_message_and_the_administrator_the_rest() {
    let world = World::new();
    let preview = world.preview(0);
    let output = world.remind(&[], 0);
    assert!(output.stdout.is_empty());
    assert!(stderr(&output).contains("reminded sent=2 refused=0 unsure=0 waiting=0 untold=1"));
    let mails = world.aws.mails();
    let to: Vec<&str> = mails.iter().map(|mail| mail.to.as_str()).collect();
    assert_eq!(to, ["alice@example.com", "bob@example.com", "storage@example.com"]);
    for mail in &mails {
        assert_eq!(mail.from, "EFS storage <efs@example.com>");
        assert_eq!(
            (&*mail.reply_to, &*mail.feedback),
            ("storage@example.com", "storage@example.com")
        );
        // A dry run shows exactly what is sent.
        let printed = format!("Subject: {}\n\n{}\n", mail.subject, mail.text);
        assert!(preview.contains(&printed), "{preview}\n{printed}");
    }
    let text = &mails[2].text;
    assert!(text.contains("  200007  2.9 MiB of 2 MiB") && text.contains("an orphan"), "{text}");

    world.aws.clear_requests();
    let output = world.remind(&[], 0);
    assert!(stderr(&output).contains("reminded sent=0"), "{}", stderr(&output));
    assert!(world.aws.requests().is_empty(), "within a week there is nothing to say");
    let preview = world.preview(0);
    let today = Timestamp::now().strftime("%Y-%m-%d");
    for line in [
        format!("Not again within a week: alice@example.com, over quota, was told on {today}\n"),
        format!("Not again within a week: alice@example.com, much trash, was told on {today}\n"),
        format!("Not again within a week: bob@example.com, much trash, was told on {today}\n"),
    ] {
        assert!(preview.contains(&line), "{line}: {preview}");
    }
    assert!(!preview.contains("To: "), "{preview}");
}

/// The ledger decides who gets reminders, and users can write to the tree, so the ledger must not
/// be in it.
#[test]
fn a_state_directory_that_others_may_write_in_is_refused() {
    use std::os::unix::fs::PermissionsExt;
    let world = World::new();
    std::fs::create_dir(world.state()).unwrap();
    std::fs::set_permissions(world.state(), std::fs::Permissions::from_mode(0o777)).unwrap();
    let said = stderr(&world.remind(&[], 2));
    assert!(said.contains("nobody else may write there"), "{said}");
    let inside = world.root().join("200005/state");
    let said = stderr(&world.remind(&["--state-dir", inside.to_str().unwrap()], 2));
    assert!(said.contains("--state-dir: it is in the scanned tree"), "{said}");
    assert!(!inside.exists() && world.aws.requests().is_empty());
}

#[test]
fn a_week_is_for_each_person_and_reason() {
    let world = World::new();
    told(&world, "alice@example.com", &[("quota", 6), ("trash", 8)]);
    world.remind(&[], 0);
    let mails = world.aws.mails();
    let alice = &mails[0];
    assert_eq!(alice.to, "alice@example.com");
    assert!(alice.text.contains("of trash: deleted") && !alice.text.contains("over its quota"));
    // The week of the other reason was not restarted.
    let ledger: Value = serde_json::from_slice(&std::fs::read(world.ledger()).unwrap()).unwrap();
    assert_eq!(ledger["people"]["alice@example.com"]["*"]["quota"]["run"], "r");
    told(&world, "alice@example.com", &[("quota", 7), ("trash", 1)]);
    world.remind(&[], 0);
    let mails = world.aws.mails();
    let alice = mails.iter().rfind(|mail| mail.to == "alice@example.com").unwrap();
    assert!(alice.text.contains("over its quota") && !alice.text.contains("of trash: deleted"));
    told(&world, "alice@example.com", &[("quota", 6), ("trash", 0)]);
    let before = world.reminded().iter().filter(|to| *to == "alice@example.com").count();
    world.remind(&[], 0);
    let after = world.reminded().iter().filter(|to| *to == "alice@example.com").count();
    assert_eq!(before, after);
}

#[test]
fn the_rate_of_the_account_is_kept() {
    let world = World::crowd(6);
    world.aws.mail_account(true, 5.0);
    world.aws.rate_limit("SES", 6);
    let started = Instant::now();
    world.remind(&[], 0);
    assert!(started.elapsed() >= Duration::from_secs(1), "{:?}", started.elapsed());
    assert_eq!(world.aws.throttled("SES"), 0);
    assert_eq!(world.reminded().len(), 6);
}

/// SES's sandbox accepts one message a second; without the permission to ask, the program learns
/// the rate by being throttled.
#[test]
fn throttled_messages_are_sent_later_and_once() {
    let world = World::crowd(8);
    world.aws.fault(Fault::new("SES", "GetAccount", What::Denied));
    world.aws.rate_limit("SES", 3);
    world.remind(&[], 0);
    assert!(world.aws.throttled("SES") > 0);
    let mut reminded = world.reminded();
    reminded.dedup();
    assert_eq!(reminded.len(), 8);
}

#[test]
fn two_at_once_remind_nobody_twice() {
    let world = World::crowd(4);
    let gate = std::sync::Arc::new(std::sync::Barrier::new(2));
    let wait = std::sync::Arc::clone(&gate);
    world.aws.fault(Fault::new(
        "SES",
        "SendEmail",
        What::call(move |phase| {
            if phase == Phase::Before {
                wait.wait();
                wait.wait();
            }
        }),
    ));
    let mut command = world.command();
    let command = command.arg("remind").stdout(std::process::Stdio::piped());
    let first = command.stderr(std::process::Stdio::piped()).spawn().unwrap();
    let pid = first.id();
    gate.wait();
    let said = stderr(&world.remind(&[], 1));
    assert!(said.contains(&format!("process id {pid}, reminding since")), "{said}");
    // The reminder does not prevent a scan from starting.
    let scan = watched(world.command().arg(world.root()).arg("--quiet"), Duration::from_secs(60));
    assert_eq!(scan.status.code(), Some(0), "{}", stderr(&scan));
    gate.wait();
    assert_eq!(finish(first, Duration::from_secs(60)).status.code(), Some(0));
    assert_eq!(world.reminded().len(), 4);
}

#[test]
fn a_signal_ends_reminders_between_two_messages() {
    let world = World::crowd(5);
    let pid = std::sync::Arc::new(std::sync::Mutex::new(None));
    let victim = std::sync::Arc::clone(&pid);
    world.aws.fault(
        Fault::new(
            "SES",
            "SendEmail",
            What::call(move |phase| {
                if phase == Phase::Before {
                    while victim.lock().unwrap().is_none() {
                        std::thread::yield_now();
                    }
                    signal(victim.lock().unwrap().unwrap(), "TERM");
                }
            }),
        )
        .after(1),
    );
    let mut command = world.command();
    let command = command.arg("remind").stdout(std::process::Stdio::piped());
    let child = command.stderr(std::process::Stdio::piped()).spawn().unwrap();
    *pid.lock().unwrap() = Some(child.id());
    let output = finish(child, Duration::from_secs(60));
    assert_eq!(output.status.code(), Some(130), "{}", stderr(&output));
    assert_eq!(world.reminded().len(), 2, "the one under way was finished");
    world.aws.clear_faults();
    world.remind(&[], 0);
    assert_eq!(
        world.reminded(),
        ["p000", "p001", "p002", "p003", "p004"].map(|name| format!("{name}@example.com"))
    );
}
