//! Entry points of the fuzz targets in `tests/fuzz`: arbitrary bytes must not panic.

use super::compound::NfsOp;
use super::results::{CompoundResults, OpError};
use super::rpc::{self, FramingError, RecordBuffer};

/// Longest record in bytes; small, so that the limit is exercised.
const LIMIT: usize = 4096;

/// Reads records and reply headers from a stream that arrives in portions. The first four bytes are
/// the portions' sizes. Returns the number of records.
///
/// # Panics
/// Only on a bug, which is what the fuzzer looks for.
pub fn records(data: &[u8]) -> usize {
    let (portions, mut stream) = data.split_at(data.len().min(4));
    let mut records = RecordBuffer::new(LIMIT);
    let mut count = 0;
    let mut turn = 0;
    while !stream.is_empty() {
        let portion = portions.get(turn % 4).map_or(1, |byte| usize::from(*byte).max(1));
        let (now, later) = stream.split_at(portion.min(stream.len()));
        (stream, turn) = (later, turn + 1);
        records.push(now);
        match take(&mut records) {
            Ok(taken) => count += taken,
            Err(_) => break,
        }
    }
    count
}

fn take(records: &mut RecordBuffer) -> Result<usize, FramingError> {
    let mut count = 0;
    while let Some(record) = records.next()? {
        assert!(record.len() <= LIMIT);
        count += 1;
        // Success and errors are both fine.
        let _ = rpc::reply(record);
    }
    Ok(count)
}

/// Decodes a reply to SEQUENCE and any number of PUTFH and READDIR. Returns the number of entries.
///
/// # Panics
/// Only on a bug, which is what the fuzzer looks for.
pub fn readdir(record: &[u8]) -> usize {
    let mut entries = 0;
    // Success and errors are both fine.
    let _ = decode(record, &mut entries);
    // An entry takes at least one word each for its presence, name length, bitmap and values, and
    // two for its cookie.
    assert!(entries * 24 <= record.len());
    entries
}

fn decode(record: &[u8], count: &mut usize) -> Result<(), OpError> {
    let Ok(reader) = rpc::reply(record)?.outcome else {
        return Ok(());
    };
    let mut results = CompoundResults::new(reader)?;
    results.sequence()?;
    loop {
        results.check(NfsOp::PutFh)?;
        let mut entries = results.read_dir()?;
        for entry in &mut entries {
            let entry = entry?;
            assert!(entry.name.len() < record.len());
            *count += 1;
        }
        entries.end()?;
    }
}

#[cfg(test)]
mod tests;
