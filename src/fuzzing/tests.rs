//! Replays the fuzz targets' corpus.
#![allow(clippy::unwrap_used)] // A test that cannot go on fails.

use std::path::Path;

use super::*;

/// Upper bound of a corpus, in bytes.
const MAX_CORPUS: u64 = 200 * 1024;

/// Runs every input of a target's corpus, in order of name, and returns the sum of the results.
fn replay(target: &str, run: impl Fn(&[u8]) -> usize) -> usize {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fuzz/corpus").join(target);
    let mut inputs: Vec<_> =
        corpus.read_dir().unwrap().map(|entry| entry.unwrap().path()).collect();
    inputs.sort();
    let size: u64 = inputs.iter().map(|path| path.metadata().unwrap().len()).sum();
    assert!(size < MAX_CORPUS, "minimise the corpus of {target}: {size} bytes");
    inputs.iter().map(|path| run(&std::fs::read(path).unwrap())).sum()
}

#[test]
fn the_corpora_are_replayed() {
    // Some inputs of each are valid, or the replay would only test refusals.
    assert!(replay("latest_json", latest_json) > 1);
    assert!(replay("homes_table", homes_table) > 1);
    assert!(replay("homes_parquet", homes_parquet) > 1);
    assert!(replay("dirs_table", dirs_table) > 1);
    assert!(replay("spool", spool) > 1);
    assert!(replay("ledger", ledger) > 1);
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
