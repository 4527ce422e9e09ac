//! Pieces of any length with a key, sorted from the greatest key to the least: in memory while there
//! are few, else in runs on disk that are merged when all of them are written.

use std::borrow::Cow;
use std::cmp::Ordering;
use std::collections::BinaryHeap;
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::PathBuf;
use std::sync::{Mutex, OnceLock};

use super::Log;
use crate::sync::lock;

/// Bytes of pieces to sort in memory. Two more such buffers exist while one is written.
const BATCH: usize = 4 << 20;

/// Total bytes of a merge's buffers, unless there are too many runs.
const BUFFERS: usize = 4 << 20;

/// The least bytes to read at a time.
const LEAST_READ: usize = 4 << 10;

/// Bytes before each piece: the lengths of its key and of its value.
const HEAD: usize = 8;

/// Takes pieces from many threads.
#[derive(Debug)]
pub(in crate::usage) struct Sorter {
    /// A directory for the temporary file, or the reason that there is none.
    directory: Result<PathBuf, String>,
    batch: usize,
    log: OnceLock<Log>,
    filling: Mutex<Batch>,
    /// The runs in the log. Whoever holds the lock writes one, so others wait with the next.
    runs: Mutex<Vec<Run>>,
}

#[derive(Debug, Default)]
struct Batch {
    bytes: Vec<u8>,
    places: Vec<Place>,
}

/// Start of a piece, and the lengths in its head.
#[derive(Clone, Copy, Debug)]
struct Place {
    start: usize,
    key: u32,
    value: u32,
}

/// Bytes of a sorted run in the log.
#[derive(Clone, Copy, Debug)]
struct Run {
    at: u64,
    end: u64,
}

/// All pieces of a closed sorter.
#[derive(Debug)]
pub(in crate::usage) struct Sorted<'a> {
    file: Option<&'a File>,
    runs: Vec<Run>,
    memory: Vec<u8>,
}

/// A piece that was read. Greater keys come first; the values decide between equal keys, so the order
/// never depends on who came first.
#[derive(Debug, PartialEq, Eq)]
pub(in crate::usage) struct Piece {
    bytes: Vec<u8>,
    key: usize,
}

/// The pieces in order.
pub(in crate::usage) struct Merge<'a> {
    sources: Vec<Source<'a>>,
    /// If there are several sources, the next piece of each source that has one, with the index of the source.
    heads: BinaryHeap<(Piece, usize)>,
}

/// A run that is being read.
struct Source<'a> {
    file: Option<&'a File>,
    run: Run,
    /// Bytes to read at a time.
    batch: usize,
    buffer: Cow<'a, [u8]>,
    at: usize,
}

impl Sorter {
    pub(in crate::usage) fn new(directory: Result<PathBuf, String>) -> Self {
        Self {
            directory,
            batch: BATCH,
            log: OnceLock::new(),
            filling: Mutex::default(),
            runs: Mutex::default(),
        }
    }

    /// Adds a piece.
    ///
    /// # Errors
    /// If the temporary file cannot be written. Then pieces are lost.
    pub(in crate::usage) fn push(&self, key: &[u8], value: &[u8]) -> io::Result<()> {
        let full = {
            let mut filling = lock(&self.filling);
            filling.add(key, value);
            if filling.bytes.len() < self.batch {
                return Ok(());
            }
            std::mem::take(&mut *filling)
        };
        let mut runs = lock(&self.runs);
        let sorted = full.sorted();
        drop(full);
        // A closed log means that the walk is over, and nothing counts any more.
        if let Some(at) = Log::opened(&self.log, &self.directory)?.write(&sorted)? {
            runs.push(Run { at, end: at + sorted.len() as u64 });
        }
        Ok(())
    }

    /// Ends the pushing, and returns what was pushed. Pieces that are pushed later are ignored.
    ///
    /// # Errors
    /// If the temporary file cannot be written.
    pub(in crate::usage) fn close(&self) -> io::Result<Sorted<'_>> {
        let file = self.log.get().map(Log::close).transpose()?;
        let memory = lock(&self.filling).sorted();
        Ok(Sorted { file, runs: lock(&self.runs).clone(), memory })
    }
}

impl Batch {
    fn add(&mut self, key: &[u8], value: &[u8]) {
        // A path has at most some MiB, and a value less.
        let length = |part: &[u8]| u32::try_from(part.len()).unwrap_or(u32::MAX);
        let place = Place { start: self.bytes.len(), key: length(key), value: length(value) };
        self.bytes.extend_from_slice(&place.key.to_le_bytes());
        self.bytes.extend_from_slice(&place.value.to_le_bytes());
        self.bytes.extend_from_slice(key);
        self.bytes.extend_from_slice(value);
        self.places.push(place);
    }

    fn sorted(&self) -> Vec<u8> {
        let key = |place: &Place| {
            let start = place.start + HEAD;
            &self.bytes[start..start + place.key as usize]
        };
        let value = |place: &Place| {
            let start = place.start + HEAD + place.key as usize;
            &self.bytes[start..start + place.value as usize]
        };
        let mut order = self.places.clone();
        order.sort_unstable_by(|one, other| {
            key(other).cmp(key(one)).then_with(|| value(other).cmp(value(one)))
        });
        let mut sorted = Vec::with_capacity(self.bytes.len());
        for Place { start, key, value } in order {
            let end = start + HEAD + key as usize + value as usize;
            sorted.extend_from_slice(&self.bytes[start..end]);
        }
        sorted
    }
}

/// The lengths in the head of a piece; zeros if it is cut off.
fn lengths(bytes: &[u8]) -> [usize; 2] {
    let word = |at: usize| {
        let word = bytes.get(at..at + 4).and_then(|word| word.try_into().ok());
        word.map_or(0, |word| u32::from_le_bytes(word) as usize)
    };
    [word(0), word(4)]
}

impl Sorted<'_> {
    /// Reads the pieces in order. It may be called again.
    ///
    /// # Errors
    /// If the temporary file cannot be read.
    pub(in crate::usage) fn merge(&self) -> io::Result<Merge<'_>> {
        let batch = (BUFFERS / (self.runs.len() + 1)).max(LEAST_READ);
        let on_disk = |run: &Run| {
            let buffer = Cow::Owned(Vec::new());
            Source { file: self.file, run: *run, batch, buffer, at: 0 }
        };
        let mut sources: Vec<_> = self.runs.iter().map(on_disk).collect();
        let (run, buffer) = (Run { at: 0, end: 0 }, Cow::Borrowed(&*self.memory));
        sources.push(Source { file: None, run, batch, buffer, at: 0 });
        let mut heads = BinaryHeap::with_capacity(sources.len());
        if self.runs.is_empty() {
            return Ok(Merge { sources, heads });
        }
        for (at, source) in sources.iter_mut().enumerate() {
            heads.extend(source.next()?.map(|piece| (piece, at)));
        }
        Ok(Merge { sources, heads })
    }
}

impl Merge<'_> {
    /// Returns the piece with the greatest key that is left.
    ///
    /// # Errors
    /// If the temporary file cannot be read.
    pub(in crate::usage) fn next(&mut self) -> io::Result<Option<Piece>> {
        if let [only] = &mut self.sources[..] {
            return only.next();
        }
        let Some((piece, at)) = self.heads.pop() else { return Ok(None) };
        self.heads.extend(self.sources[at].next()?.map(|piece| (piece, at)));
        Ok(Some(piece))
    }
}

impl Source<'_> {
    fn next(&mut self) -> io::Result<Option<Piece>> {
        if !self.has(HEAD)? {
            return Ok(None);
        }
        let [key, value] = lengths(&self.buffer[self.at..]);
        if !self.has(HEAD + key + value)? {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        let start = self.at + HEAD;
        self.at = start + key + value;
        Ok(Some(Piece { bytes: self.buffer[start..self.at].to_vec(), key }))
    }

    /// Reads until so many bytes are in the buffer; false if there are none left.
    fn has(&mut self, length: usize) -> io::Result<bool> {
        let held = self.buffer.len() - self.at;
        if held >= length {
            return Ok(true);
        }
        let Some(file) = self.file else { return Ok(false) };
        let left = usize::try_from(self.run.end - self.run.at).unwrap_or(usize::MAX);
        let more = self.batch.max(length - held).min(left);
        let buffer = self.buffer.to_mut();
        buffer.drain(..self.at);
        self.at = 0;
        buffer.resize(held + more, 0);
        file.read_exact_at(&mut buffer[held..], self.run.at)?;
        self.run.at += more as u64;
        Ok(held + more >= length)
    }
}

impl Piece {
    pub(in crate::usage) fn key(&self) -> &[u8] {
        &self.bytes[..self.key]
    }

    pub(in crate::usage) fn value(&self) -> &[u8] {
        &self.bytes[self.key..]
    }
}

impl Ord for Piece {
    fn cmp(&self, other: &Self) -> Ordering {
        (self.key(), self.value()).cmp(&(other.key(), other.value()))
    }
}

impl PartialOrd for Piece {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)] // A test that cannot go on fails.
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_merge_is_everything_from_the_greatest_to_the_least(
            pieces in proptest::collection::vec(
                (proptest::collection::vec(0..3u8, 0..5), proptest::collection::vec(any::<u8>(), 0..90)),
                0..300,
            ),
            batch in prop_oneof![Just(1), 100..2000usize, Just(BATCH)],
        ) {
            let sorter = Sorter { batch, ..Sorter::new(Ok(std::env::temp_dir())) };
            std::thread::scope(|scope| {
                for half in pieces.chunks(pieces.len() / 2 + 1) {
                    let sorter = &sorter;
                    scope.spawn(move || {
                        half.iter().for_each(|(key, value)| sorter.push(key, value).unwrap());
                    });
                }
            });
            let mut want = pieces;
            want.sort_unstable_by(|one, other| other.cmp(one));
            let sorted = sorter.close().unwrap();
            for _ in 0..2 {
                let mut merge = sorted.merge().unwrap();
                let mut merged = Vec::new();
                while let Some(piece) = merge.next().unwrap() {
                    merged.push((piece.key().to_vec(), piece.value().to_vec()));
                }
                prop_assert_eq!(&merged, &want);
            }
        }
    }

    #[test]
    fn few_pieces_need_no_directory_and_many_do() {
        let nowhere = || Sorter::new(Err("there is no place".to_owned()));
        let few = nowhere();
        few.push(b"k", b"v").unwrap();
        assert_eq!(few.close().unwrap().merge().unwrap().next().unwrap().unwrap().value(), b"v");
        let many = Sorter { batch: 10, ..nowhere() };
        let error = many.push(b"k", &[0; 10]).unwrap_err();
        assert_eq!(error.to_string(), "there is no place");
    }

    #[test]
    fn a_file_that_is_too_short_is_an_error() {
        let sorter = Sorter { batch: 1, ..Sorter::new(Ok(std::env::temp_dir())) };
        sorter.push(b"key", b"value").unwrap();
        let sorted = sorter.close().unwrap();
        sorted.file.unwrap().set_len(3).unwrap();
        assert!(sorted.merge().is_err());
    }
}
