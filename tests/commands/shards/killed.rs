//! kill -9 at each system call of a shard and of a merge that changes the disk.

use super::*;
use crate::publish::kill::{CALLS, can_kill, killed_at, was_killed};

/// The process that is killed.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Victim {
    Shard,
    Merge,
    /// A merge that does not wait for the second shard.
    PartialMerge,
}

/// Kills a shard, or the merge, at each call in turn. The same command again does the rest.
fn kill_everywhere(victim: Victim) {
    if !can_kill() {
        return;
    }
    let place = Place(scratch());
    let root = place.root();
    file(&root, "200001/a/f", 9000);
    file(&root, "200002/b/f", 9000);
    std::fs::hard_link(root.join("200001/a/f"), root.join("200002/g")).unwrap();
    let one = timeless(place.scan(&[]));
    let (mut kills, mut decided) = (0, 0);
    for call in CALLS {
        for at in 1.. {
            let what = format!("killed at {call} {at}: {victim:?}");
            let run = format!("--run-id={}-{at}", call.trim_start_matches('?'));
            let shard = |shard: &str| {
                let to = format!("--publish={}", place.to("to").display());
                let args = ["--shard", shard, &run, &to, "--dirs-min=0", "--name=prod"];
                [&args[..], &[root.to_str().unwrap()]]
                    .concat()
                    .into_iter()
                    .map(str::to_owned)
                    .collect::<Vec<_>>()
            };
            let from = format!("--from={}", place.to("to").display());
            let state = format!("--state-dir={}", place.to("state").display());
            let merging = ["merge", &run, &from, &state, "--format=json"].map(str::to_owned);
            let again = |args: &[String]| {
                let output = place.run(&texts(args));
                assert_eq!(output.status.code(), Some(0), "{what}: {}", says(&output));
                output
            };
            let killed = match victim {
                Victim::Shard => killed_at(call, at, &shard("1/2")),
                Victim::Merge => {
                    again(&shard("1/2"));
                    again(&shard("2/2"));
                    killed_at(call, at, &merging)
                }
                Victim::PartialMerge => {
                    again(&shard("1/2"));
                    killed_at(call, at, &merging)
                }
            };
            if !was_killed(&killed) {
                assert_code(&killed, if victim == Victim::PartialMerge { 3 } else { 0 });
                break;
            }
            kills += 1;
            if victim == Victim::PartialMerge {
                let late = place.run(&texts(&shard("2/2")));
                assert_agreed(&place, &late, &place.run(&texts(&merging)), &what);
                decided += usize::from(late.status.code() == Some(1));
                continue;
            }
            if victim == Victim::Shard {
                again(&shard("1/2"));
                again(&shard("2/2"));
            }
            let merged = again(&merging);
            // It may have been killed after everything was done.
            if victim == Victim::Shard || !merged.stdout.is_empty() {
                assert_eq!(timeless(json_of(&merged)), one, "{what}");
            }
            let left = place.left_of_run(run.trim_start_matches("--run-id="));
            assert_eq!(left, ["merged.json"], "{what}");
        }
    }
    assert!(kills > CALLS.len() / 3, "only {kills} kills: these calls are not made any more");
    let is_partial = victim == Victim::PartialMerge;
    assert_eq!(
        is_partial,
        decided > 0 && decided < kills,
        "{decided} of {kills} after the decision"
    );
}

fn texts(args: &[String]) -> Vec<&str> {
    args.iter().map(String::as_str).collect()
}

/// The late shard, the merge that was repeated, and what is published say the same: the shard is in the run, or
/// it is not.
fn assert_agreed(place: &Place, late: &Output, merged: &Output, what: &str) {
    let (code, coverage) = match late.status.code() {
        Some(0) => (0, "complete"),
        Some(1) => (3, "partial"),
        code => panic!("{what}: {code:?}: {}", says(late)),
    };
    assert_eq!(merged.status.code(), Some(code), "{what}: {}", says(merged));
    let latest = std::fs::read(place.to("to").join("latest/prod.json")).unwrap();
    let latest: Value = serde_json::from_slice(&latest).unwrap();
    assert_eq!(latest["run"]["coverage"], coverage, "{what}");
    // It may have been killed after everything was done.
    if !merged.stdout.is_empty() {
        let report = json_of(merged);
        assert_eq!(report["run"]["coverage"], coverage, "{what}");
        assert_eq!(
            (&report["run"]["id"], &report["totals"]),
            (&latest["run"]["id"], &latest["totals"])
        );
    }
}

#[test]
fn a_shard_that_is_killed_at_any_call_can_be_repeated() {
    kill_everywhere(Victim::Shard);
}

#[test]
fn a_merge_that_is_killed_at_any_call_can_be_repeated() {
    kill_everywhere(Victim::Merge);
}

#[test]
fn a_partial_merge_that_is_killed_at_any_call_is_made_of_the_same_shards() {
    kill_everywhere(Victim::PartialMerge);
}
