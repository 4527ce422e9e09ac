//! Entries for the fuzz targets in `tests/fuzz`: any bytes go in, and nothing but an end comes out.

use super::answers::{Answers, Fault};
use super::compound::Operation;
use super::rpc::{self, Records, Unframed};

/// Longest record taken, bytes. Small, so that the limit is tried too.
const LIMIT: usize = 4096;

/// Bytes that a stream brings, in portions whose sizes the first bytes say: records, and in each a
/// reply's header. Gives the number of records.
///
/// # Panics
/// Never, which is what is tried.
pub fn records(data: &[u8]) -> usize {
    let (portions, mut stream) = data.split_at(data.len().min(4));
    let mut records = Records::new(LIMIT);
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

fn take(records: &mut Records) -> Result<usize, Unframed> {
    let mut count = 0;
    while let Some(record) = records.next()? {
        assert!(record.len() <= LIMIT);
        count += 1;
        // Both results are fine.
        let _ = rpc::reply(record);
    }
    Ok(count)
}

/// A record with the reply to SEQUENCE and any number of PUTFH and READDIR, through the whole
/// decoder. Gives the number of entries.
///
/// # Panics
/// Never, which is what is tried.
pub fn readdir(record: &[u8]) -> usize {
    let mut entries = 0;
    // All results are fine.
    let _ = decode(record, &mut entries);
    // Each entry takes at least a word for itself, its cookie, name, mask and values.
    assert!(entries * 24 <= record.len());
    entries
}

fn decode(record: &[u8], count: &mut usize) -> Result<(), Fault> {
    let Ok(reader) = rpc::reply(record)?.outcome else {
        return Ok(());
    };
    let mut answers = Answers::new(reader)?;
    answers.sequence()?;
    loop {
        answers.done(Operation::PutFh)?;
        let mut entries = answers.read_dir()?;
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
