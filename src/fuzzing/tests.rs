//! Replays the fuzz targets' corpus, as it is and with random damage.
#![allow(clippy::unwrap_used)] // A test that cannot go on fails.

use std::path::Path;

use proptest::prelude::*;
use proptest::sample::{Index, select};

use super::*;

/// Upper bound of a corpus, in bytes.
const MAX_CORPUS: u64 = 200 * 1024;

/// Returns how much of the input was accepted, in units of its own.
type Entry = fn(&[u8]) -> usize;

/// The targets and their entry points.
const TARGETS: [(&str, Entry); 6] = [
    ("latest_json", latest_json),
    ("homes_table", homes_table),
    ("homes_parquet", homes_parquet),
    ("dirs_table", dirs_table),
    ("spool", spool),
    ("ledger", ledger),
];

/// Returns the inputs of a target's corpus, in order of name.
fn corpus(target: &str) -> Vec<Vec<u8>> {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fuzz/corpus").join(target);
    let mut inputs: Vec<_> =
        corpus.read_dir().unwrap().map(|entry| entry.unwrap().path()).collect();
    inputs.sort();
    let inputs: Vec<Vec<u8>> = inputs.iter().map(|path| std::fs::read(path).unwrap()).collect();
    let size: usize = inputs.iter().map(Vec::len).sum();
    assert!((size as u64) < MAX_CORPUS, "minimise the corpus of {target}: {size} bytes");
    inputs
}

#[test]
fn the_corpora_are_replayed() {
    for (target, run) in TARGETS {
        // Some inputs of each are valid, or the replay would only test refusals.
        let results = corpus(target).iter().map(|input| run(input)).sum::<usize>();
        assert!(results > 1, "{target}");
    }
}

#[test]
fn homes_of_one_name_with_absurd_sizes_are_no_overflow() {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fuzz/corpus/spool/people");
    let mut job: Job = serde_json::from_slice(&std::fs::read(corpus).unwrap()).unwrap();
    job.report.homes.update(|home| {
        home.owner.name = Some("one".to_owned());
        home.usage.allocated_bytes.0 = u64::MAX;
    });
    assert!(spool(&serde_json::to_vec(&job).unwrap()) > 1);
}

/// Damage to an input: a part of it, and what is there instead.
#[derive(Clone, Debug)]
struct Damage {
    at: Index,
    len: usize,
    put: Vec<u8>,
}

/// Contents of fields that a reader may not expect, in JSON, CSV and binary tables.
const ODD: [&str; 18] = [
    "0",
    "-1",
    "18446744073709551615",
    "1e308",
    "null",
    "true",
    "\"\"",
    "{}",
    "[]",
    "[[[[",
    ",",
    "\n",
    "\"\n",
    "\\u001b[2J",
    "\u{202e}",
    "\0",
    "-009999-01-01T00:00:00Z",
    "9999-12-31T23:59:59Z",
];

fn any_damage() -> impl Strategy<Value = Damage> {
    let put = prop_oneof![
        select(&ODD[..]).prop_map(|text| text.as_bytes().to_vec()),
        prop::collection::vec(any::<u8>(), 0..9),
    ];
    (any::<Index>(), 0..24usize, put).prop_map(|(at, len, put)| Damage { at, len, put })
}

/// Number of damaged inputs of each target. For a long search:
/// `PROPTEST_CASES=100000 cargo test --lib damaged_inputs`.
fn cases() -> u32 {
    let asked = std::env::var("PROPTEST_CASES").ok();
    asked.and_then(|cases| cases.parse().ok()).unwrap_or(32)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: cases(), failure_persistence: None, ..ProptestConfig::default() })]
    #[test]
    fn damaged_inputs_are_refused_or_shown_harmlessly(
        of in any::<Index>(),
        damages in prop::collection::vec(any_damage(), 1..6),
    ) {
        for (target, run) in TARGETS {
            let corpus = corpus(target);
            let mut input = of.get(&corpus).clone();
            for Damage { at, len, put } in &damages {
                if !input.is_empty() {
                    let at = at.index(input.len());
                    let end = input.len().min(at + len);
                    input.splice(at..end, put.iter().copied());
                }
            }
            run(&input);
        }
    }
}
