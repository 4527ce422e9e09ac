//! Temporary files for data that does not fit in memory. They have no name, so nothing is left of
//! them if the program is killed.
//!
//! A [`Log`] takes pieces from many threads. [`runs`] keeps sorted records of one size in a log, and
//! merges them; [`pieces`] does so with pieces of any length. [`backwards`] reads pieces in the
//! opposite order.

pub(super) mod backwards;
pub(super) mod pieces;
pub(super) mod runs;

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, OnceLock};

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

    /// Opens a log in `directory` unless it is open. Only one thread may do so at a time.
    ///
    /// # Errors
    /// If there is no directory, or no file can be created there.
    pub(super) fn opened<'a>(
        log: &'a OnceLock<Self>,
        directory: &Result<PathBuf, String>,
    ) -> io::Result<&'a Self> {
        if let Some(log) = log.get() {
            return Ok(log);
        }
        let directory = directory.as_ref().map_err(|problem| io::Error::other(problem.clone()))?;
        let opened = Self::open(directory).map_err(|error| {
            io::Error::new(error.kind(), format!("{}: {error}", directory.display()))
        })?;
        Ok(log.get_or_init(|| opened))
    }

    /// Appends `parts` in one piece. Returns the offset, or `None` if the log is closed.
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
        // Other threads may append meanwhile, because each write has its own range of the file,
        // which was assigned under the lock.
        drop(tail);
        self.file.write_all_at(&full, start)?;
        Ok(Some(at))
    }

    /// Writes `bytes` immediately, so an error concerns only them. Returns their offset, or `None`
    /// if the log is closed.
    pub(super) fn write(&self, bytes: &[u8]) -> io::Result<Option<u64>> {
        let mut tail = lock(&self.tail);
        if tail.closed {
            return Ok(None);
        }
        self.file.write_all_at(&tail.bytes, tail.start)?;
        let at = tail.start + tail.bytes.len() as u64;
        tail.bytes.clear();
        tail.start = at + bytes.len() as u64;
        // As in `append`, the range is already assigned.
        drop(tail);
        self.file.write_all_at(bytes, at)?;
        Ok(Some(at))
    }

    /// Writes what is still in memory, and refuses later appends: a worker of an interrupted walk
    /// may be blocked by a server that does not answer, and continue later.
    pub(super) fn close(&self) -> io::Result<&File> {
        let mut tail = lock(&self.tail);
        tail.closed = true;
        let bytes = std::mem::take(&mut tail.bytes);
        self.file.write_all_at(&bytes, tail.start)?;
        Ok(&self.file)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)] // A test that cannot go on fails.
mod tests {
    use super::*;

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
