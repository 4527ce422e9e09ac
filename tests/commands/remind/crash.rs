//! Kills `remind` at each request, and at each system call that changes the ledger. Nobody is
//! reminded twice, and people who may not have been reminded are named to the administrator.

use std::collections::BTreeSet;
use std::os::unix::process::ExitStatusExt;
use std::process::Stdio;
use std::sync::{Arc, Mutex};

use super::*;
use efs_scan_testbed::aws::{Fault, Phase, What};

const PEOPLE: usize = 3;

/// Checks what must hold after a crash, a run after it, and another one.
fn assert_recovered(world: &World, what: &str) {
    world.expire_lock();
    let first = world.command().arg("remind").output().unwrap();
    assert!(matches!(first.status.code(), Some(0 | 5)), "{what}: {}", stderr(&first));
    let reminded = world.reminded();
    let once: BTreeSet<&String> = reminded.iter().collect();
    assert_eq!(once.len(), reminded.len(), "{what}: somebody heard twice: {reminded:?}");
    let summaries = world.summaries().join("\n");
    for at in 0..PEOPLE {
        let name = format!("p{at:03}@example.com");
        let open = summaries.contains(&format!("  {name}, 20"));
        assert!(once.contains(&name) || open, "{what}: {name} was lost: {summaries}");
        // Only the message that was being sent may be open.
        assert!(summaries.matches("@example.com, 20").count() <= 1, "{what}: {summaries}");
    }
    world.remind(&[], 0);
    assert_eq!(world.reminded(), reminded, "{what}");
}

/// Kills the program in this phase of its `at`-th message. Returns false if there were fewer
/// messages.
fn killed_at(world: &World, at: usize, phase: Phase) -> bool {
    let pid = Arc::new(Mutex::new(None));
    let victim = Arc::clone(&pid);
    let kill = What::call(move |now| {
        if now == phase {
            while victim.lock().unwrap().is_none() {
                std::thread::yield_now();
            }
            signal(victim.lock().unwrap().unwrap(), "KILL");
        }
    });
    world.aws.fault(Fault::new("SES", "SendEmail", kill).after(at));
    let mut command = world.command();
    command.arg("remind").stdout(Stdio::piped()).stderr(Stdio::piped());
    let child = command.spawn().unwrap();
    *pid.lock().unwrap() = Some(child.id());
    let output = finish(child, Duration::from_secs(60));
    world.aws.clear_faults();
    output.status.code().is_none()
}

/// Makes a world whose ledger is in the state directory, or at the destination.
fn crowd(at_destination: bool) -> World {
    let world = World { at_destination, ..World::crowd(PEOPLE) };
    assert!(!world.ledger().exists());
    world
}

#[test]
fn kill_9_between_sending_and_noting_reminds_nobody_twice() {
    let phases = [Phase::Before, Phase::After];
    for (phase, at_destination) in
        phases.into_iter().flat_map(|phase| [(phase, false), (phase, true)])
    {
        for at in 0..PEOPLE {
            let world = crowd(at_destination);
            assert!(killed_at(&world, at, phase));
            assert_recovered(&world, &format!("message {at}, {phase:?}"));
        }
    }
}

/// Each person has a home on two file systems, which are recorded together.
#[test]
fn kill_9_between_sending_and_noting_repeats_nothing_of_two_file_systems() {
    for phase in [Phase::Before, Phase::After] {
        for at in 0..PEOPLE {
            let world = World::crowd(PEOPLE);
            world.configure(&format!("same_people = true\n{CONFIG}"));
            world.stage(&[("300000", 2_500_000), ("300001", 2_500_001), ("300002", 2_500_002)]);
            assert!(killed_at(&world, at, phase));
            assert_recovered(&world, &format!("message {at}, {phase:?}"));
            for mail in world.aws.mails().iter().filter(|mail| mail.to.starts_with('p')) {
                let text = &mail.text;
                assert!(text.contains(" on prod") && text.contains(" on stage"), "{text}");
            }
        }
    }
}

/// System calls that replace the ledger, and that make it last.
const WRITES: [&str; 2] = ["?rename,?renameat,?renameat2", "fsync"];

/// Kills the program at its `at`-th system call of this kind. Returns false if it makes fewer.
fn killed_at_call(world: &World, call: &str, at: usize) -> bool {
    let mut command = Command::new("strace");
    command.args(["-f", "-qq", "-o", "/dev/null", "-e", &format!("trace={call}"), "-e"]);
    command.arg(format!("inject={call}:signal=KILL:when={at}"));
    command.arg(env!("CARGO_BIN_EXE_efs-scan")).arg("remind");
    // The program's environment, for strace.
    for (name, value) in world.command().get_envs() {
        match value {
            Some(value) => command.env(name, value),
            None => command.env_remove(name),
        };
    }
    watched(&mut command, Duration::from_secs(60)).status.signal() == Some(9)
}

/// True if strace can kill here.
fn can_kill() -> bool {
    let there = Command::new("strace").arg("-V").output().is_ok();
    let able = there && killed_at_call(&World::crowd(1), "write", 1);
    skip_unless(able, "kill -9 at each write of remind", "no strace that may kill")
}

/// Whenever the program is killed while it takes over a ledger of an earlier version, what that knew is
/// still known.
#[test]
fn kill_9_at_any_write_loses_nothing_of_an_earlier_ledger() {
    if !can_kill() {
        return;
    }
    let told = serde_json::json!({ "at": jiff::Timestamp::now(), "run": "r", "step": "sent" });
    let earlier = serde_json::json!({
        "schema": "efs-scan/reminders/1",
        "people": { "p000@example.com": { "quota": told }, "left@example.com": { "apps": told } },
        "listed": { "what": jiff::Timestamp::now() },
    });
    for call in WRITES {
        let mut at = 1;
        loop {
            let world = World::crowd(PEOPLE);
            std::fs::create_dir_all(world.ledger().parent().unwrap()).unwrap();
            std::fs::write(world.ledger(), earlier.to_string()).unwrap();
            let is_last = !killed_at_call(&world, call, at);
            let book: Value =
                serde_json::from_slice(&std::fs::read(world.ledger()).unwrap()).unwrap();
            let at_all = if book["schema"] == "efs-scan/reminders/1" { "" } else { "/*" };
            let known = |pointer: String| book.pointer(&pointer).unwrap_or(&Value::Null);
            assert_eq!(known(format!("/people/p000@example.com{at_all}/quota")), &told, "{book}");
            assert_eq!(known(format!("/people/left@example.com{at_all}/apps")), &told, "{book}");
            assert_eq!(book["listed"]["what"], earlier["listed"]["what"], "{book}");
            let _ = world.command().arg("remind").output().unwrap();
            let mut reminded = world.reminded();
            let all = reminded.len();
            reminded.sort();
            reminded.dedup();
            assert_eq!(reminded.len(), all, "{call} {at}: somebody heard twice");
            assert!(!reminded.iter().any(|to| to.starts_with("p000")), "{reminded:?}");
            if is_last {
                assert_eq!(reminded, ["p001@example.com", "p002@example.com"]);
                break;
            }
            at += 1;
        }
        assert!(at > 2 * (PEOPLE - 1), "{call}: only {at}");
    }
}

#[test]
fn kill_9_at_any_write_reminds_nobody_twice() {
    if !can_kill() {
        return;
    }
    at_once([false, true], |at_destination| {
        for call in WRITES {
            let mut at = 1;
            loop {
                let world = crowd(at_destination);
                if !killed_at_call(&world, call, at) {
                    break;
                }
                assert_recovered(&world, &format!("{call} {at}, at destination: {at_destination}"));
                at += 1;
            }
            assert!(at > 2 * PEOPLE, "{call}: only {at}");
        }
    });
}
