//! The two temporary files that hold an export until the walk is over. They have no name, so
//! nothing is left of them if the program is killed.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::Mutex;

use crate::sync::lock;

/// Bytes to gather in memory before they are written.
const BATCH: usize = 256 * 1024;

/// A file that many threads append to.
#[derive(Debug)]
pub(super) struct Log {
    file: File,
    tail: Mutex<Tail>,
}

/// Bytes that are not in the file yet; `start` is their offset.
#[derive(Debug, Default)]
struct Tail {
    start: u64,
    bytes: Vec<u8>,
    closed: bool,
}

impl Log {
    pub(super) fn open(directory: &Path) -> io::Result<Self> {
        Ok(Self { file: tempfile::tempfile_in(directory)?, tail: Mutex::default() })
    }

    /// Appends `parts` in one piece. Returns its offset, or `None` if the log is closed.
    pub(super) fn append(&self, parts: &[&[u8]]) -> io::Result<Option<u64>> {
        let mut tail = lock(&self.tail);
        if tail.closed {
            return Ok(None);
        }
        let at = tail.start + tail.bytes.len() as u64;
        parts.iter().for_each(|part| tail.bytes.extend_from_slice(part));
        if tail.bytes.len() < BATCH {
            return Ok(Some(at));
        }
        let full = std::mem::replace(&mut tail.bytes, Vec::with_capacity(BATCH));
        let start = tail.start;
        tail.start += full.len() as u64;
        // Other threads may append meanwhile: each write has its own range of the file, which was
        // decided under the lock.
        drop(tail);
        self.file.write_all_at(&full, start)?;
        Ok(Some(at))
    }

    /// Writes what is still in memory, and refuses to append from now on: a worker of an
    /// interrupted walk may hang on a server that does not answer, and come back later.
    pub(super) fn close(&self) -> io::Result<&File> {
        let mut tail = lock(&self.tail);
        tail.closed = true;
        let bytes = std::mem::take(&mut tail.bytes);
        self.file.write_all_at(&bytes, tail.start)?;
        Ok(&self.file)
    }
}

/// One record for each directory, by the directory's number.
#[derive(Debug)]
pub(super) struct DirIndex(File);

/// How far a directory was read. `Unread` is 0, which a file holds where nothing was written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ReadState {
    /// Not at all.
    #[default]
    Unread,
    /// Not to its end.
    Partly,
    /// To its end.
    Whole,
    /// It is not there any more.
    Gone,
}

/// One directory in the index.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct DirRecord {
    pub(super) state: ReadState,
    /// Offset in the log of the last part of its entries, if there is one.
    pub(super) newest: Option<u64>,
}

impl DirIndex {
    pub(super) fn open(directory: &Path) -> io::Result<Self> {
        Ok(Self(tempfile::tempfile_in(directory)?))
    }

    pub(super) fn set(&self, number: u64, record: DirRecord) -> io::Result<()> {
        let newest = record.newest.map_or(0, |at| at + 1);
        let word = newest << 2 | record.state as u64;
        self.0.write_all_at(&word.to_le_bytes(), number * WORD)
    }

    pub(super) fn get(&self, number: u64) -> io::Result<DirRecord> {
        let mut word = [0; WORD as usize];
        // The file may end before the records of directories that were not read.
        match self.0.read_exact_at(&mut word, number * WORD) {
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => word.fill(0),
            read => read?,
        }
        let word = u64::from_le_bytes(word);
        let state = match word & 3 {
            0 => ReadState::Unread,
            1 => ReadState::Partly,
            2 => ReadState::Whole,
            _ => ReadState::Gone,
        };
        Ok(DirRecord { state, newest: (word >> 2).checked_sub(1) })
    }
}

/// Bytes of a record.
const WORD: u64 = 8;

#[cfg(test)]
#[allow(clippy::unwrap_used)] // A test that cannot go on fails.
mod tests {
    use super::*;

    #[test]
    fn records_are_what_was_set() {
        let index = DirIndex::open(&std::env::temp_dir()).unwrap();
        let records = [
            (5, DirRecord { state: ReadState::Gone, newest: None }),
            (0, DirRecord { state: ReadState::Whole, newest: Some(0) }),
            (2, DirRecord { state: ReadState::Partly, newest: Some(1 << 50) }),
        ];
        for (number, record) in records {
            index.set(number, record).unwrap();
        }
        for (number, record) in records {
            assert_eq!(index.get(number).unwrap(), record);
        }
        for hole in [1, 6, 1 << 40] {
            assert_eq!(index.get(hole).unwrap(), DirRecord::default());
        }
    }

    #[test]
    fn threads_append_in_one_piece_each() {
        let log = Log::open(&std::env::temp_dir()).unwrap();
        let appended: Vec<(u64, Vec<u8>)> = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..4u8)
                .map(|thread| {
                    let log = &log;
                    scope.spawn(move || {
                        let piece =
                            |n: usize| vec![thread * 50 + (n % 50) as u8; 1 + n * 37 % 9000];
                        let append = |n| {
                            let piece = piece(n);
                            (log.append(&[&piece[..1], &piece[1..]]).unwrap().unwrap(), piece)
                        };
                        (0..200).map(append).collect::<Vec<_>>()
                    })
                })
                .collect();
            threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect()
        });
        let file = log.close().unwrap();
        let total: usize = appended.iter().map(|(_, piece)| piece.len()).sum();
        assert_eq!(file.metadata().unwrap().len(), total as u64);
        assert_eq!(log.append(&[b"late"]).unwrap(), None);
        for (at, piece) in appended {
            let mut read = vec![0; piece.len()];
            file.read_exact_at(&mut read, at).unwrap();
            assert_eq!(read, piece);
        }
    }
}
