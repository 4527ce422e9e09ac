//! Replays the fuzz targets' corpus.
#![allow(clippy::unwrap_used)] // A test that cannot go on fails.

use std::path::Path;

use super::super::rpc::LAST_FRAGMENT;
use super::super::testing::small_listing;
use super::*;

/// Runs every input of a target's corpus, in order of name, and returns the results.
fn replay(target: &str, run: impl Fn(&[u8]) -> usize) -> Vec<usize> {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fuzz/corpus").join(target);
    let mut inputs: Vec<_> =
        corpus.read_dir().unwrap().map(|entry| entry.unwrap().path()).collect();
    inputs.sort();
    let size: u64 = inputs.iter().map(|path| path.metadata().unwrap().len()).sum();
    assert!(size < 100 * 1024, "minimise the corpus of {target}: {size} bytes");
    inputs.iter().map(|path| run(&std::fs::read(path).unwrap())).collect()
}

#[test]
fn the_record_corpus_is_replayed() {
    let counts = replay("xdr_records", records);
    assert!(counts.iter().any(|count| *count > 1), "{counts:?}");
}

#[test]
fn the_readdir_corpus_is_replayed() {
    let counts = replay("readdir", readdir);
    assert!(counts.iter().any(|count| *count > 1), "{counts:?}");
}

#[test]
fn the_targets_decode_valid_input() {
    let listing = small_listing();
    assert_eq!(readdir(&listing), 2);
    let mut stream = vec![1, 50, 3, 200];
    for _ in 0..3 {
        stream.extend((listing.len() as u32 | LAST_FRAGMENT).to_be_bytes());
        stream.extend(&listing);
    }
    assert_eq!(records(&stream), 3);
}
