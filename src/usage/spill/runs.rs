//! Records of one size, sorted in runs that are as large as memory allows, and merged when all of
//! them are written. Records compare as bytes, so their key comes first, in big-endian order.
//!
//! [`Gather`] takes such records from many threads.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::PathBuf;
use std::sync::{Mutex, OnceLock};

use super::Log;
use crate::sync::lock;

/// Bytes of records that a [`Gather`] holds before it writes them. Their buffer may be a quarter
/// larger, because it grows in steps.
const GATHERED: usize = 2 << 20;

/// Total bytes of a merge's buffers, unless there are too many runs.
const BUFFERS: usize = 4 << 20;

/// The least bytes to read at a time.
const LEAST_READ: usize = 4 << 10;

/// Position of a sorted run in a log.
#[derive(Clone, Copy, Debug)]
pub(in crate::usage) struct Run {
    at: u64,
    records: u64,
}

impl Run {
    /// Sorts `records`, and writes them to `log`. Returns `None` if the log is closed.
    ///
    /// # Errors
    /// If the log cannot be written.
    pub(in crate::usage) fn write<const SIZE: usize>(
        log: &Log,
        records: &mut [[u8; SIZE]],
    ) -> io::Result<Option<Self>> {
        records.sort_unstable();
        let at = log.write(records.as_flattened())?;
        Ok(at.map(|at| Self { at, records: records.len() as u64 }))
    }
}

/// Takes records from many threads, and sorts them: in memory while there are few, else on disk.
#[derive(Debug)]
pub(in crate::usage) struct Gather<const SIZE: usize> {
    /// A directory for the temporary file, or the reason that there is none.
    directory: Result<PathBuf, String>,
    /// Number of records to hold.
    batch: usize,
    log: OnceLock<Log>,
    filling: Mutex<Vec<[u8; SIZE]>>,
    /// The runs in the log. Whoever holds the lock writes one, so others wait with the next.
    runs: Mutex<Vec<Run>>,
}

impl<const SIZE: usize> Gather<SIZE> {
    pub(in crate::usage) fn new(directory: Result<PathBuf, String>) -> Self {
        Self {
            directory,
            batch: GATHERED / SIZE,
            log: OnceLock::new(),
            filling: Mutex::default(),
            runs: Mutex::default(),
        }
    }

    /// Adds records.
    ///
    /// # Errors
    /// If the temporary file cannot be written. Then records are lost.
    pub(in crate::usage) fn push(
        &self,
        records: impl Iterator<Item = [u8; SIZE]>,
    ) -> io::Result<()> {
        let mut full = {
            let mut filling = lock(&self.filling);
            filling.extend(records);
            if filling.len() < self.batch {
                return Ok(());
            }
            std::mem::take(&mut *filling)
        };
        let mut runs = lock(&self.runs);
        let log = Log::opened(&self.log, &self.directory)?;
        // A closed log means that the walk is over, and nothing counts any more.
        runs.extend(Run::write(log, &mut full)?);
        Ok(())
    }

    /// Ends the pushing, and returns the records in order. Records that are pushed later are
    /// ignored. It may be called again.
    ///
    /// # Errors
    /// If the temporary file cannot be written or read.
    pub(in crate::usage) fn merge(&self) -> io::Result<Merge<'_, SIZE>> {
        let file = self.log.get().map(Log::close).transpose()?;
        let memory = lock(&self.filling).clone();
        Merge::new(file, &lock(&self.runs), memory)
    }
}

/// The records of several runs in order.
pub(in crate::usage) struct Merge<'a, const SIZE: usize> {
    sources: Vec<Source<'a, SIZE>>,
    /// If there are several sources, the next record of each source that has one, with the index of the source.
    heads: BinaryHeap<Reverse<([u8; SIZE], usize)>>,
}

/// A run that is being read.
struct Source<'a, const SIZE: usize> {
    /// `None` for the records in memory.
    file: Option<&'a File>,
    at: u64,
    /// Records that are not in `buffer` yet.
    left: u64,
    /// Number of records to read at a time.
    batch: u64,
    buffer: std::vec::IntoIter<[u8; SIZE]>,
}

impl<'a, const SIZE: usize> Merge<'a, SIZE> {
    /// Merges runs of a closed log, and records that are still in memory.
    ///
    /// # Errors
    /// If the file cannot be read.
    pub(in crate::usage) fn new(
        file: Option<&'a File>,
        runs: &[Run],
        mut memory: Vec<[u8; SIZE]>,
    ) -> io::Result<Self> {
        memory.sort_unstable();
        let batch = (BUFFERS / (runs.len() + 1)).max(LEAST_READ) / SIZE;
        let source = |(run, buffer): (Run, Vec<_>)| Source {
            file,
            at: run.at,
            left: run.records,
            batch: batch.max(1) as u64,
            buffer: buffer.into_iter(),
        };
        let in_memory = (Run { at: 0, records: 0 }, memory);
        let all = runs.iter().map(|run| (*run, Vec::new())).chain([in_memory]);
        let mut sources: Vec<_> = all.map(source).collect();
        let mut heads = BinaryHeap::with_capacity(sources.len());
        if runs.is_empty() {
            return Ok(Self { sources, heads });
        }
        for (at, source) in sources.iter_mut().enumerate() {
            heads.extend(source.next()?.map(|record| Reverse((record, at))));
        }
        Ok(Self { sources, heads })
    }

    /// Returns the smallest record that is left.
    ///
    /// # Errors
    /// If the file cannot be read.
    pub(in crate::usage) fn next(&mut self) -> io::Result<Option<[u8; SIZE]>> {
        if let [only] = &mut self.sources[..] {
            return only.next();
        }
        let Some(Reverse((record, at))) = self.heads.pop() else { return Ok(None) };
        self.heads.extend(self.sources[at].next()?.map(|record| Reverse((record, at))));
        Ok(Some(record))
    }
}

impl<const SIZE: usize> Source<'_, SIZE> {
    fn next(&mut self) -> io::Result<Option<[u8; SIZE]>> {
        if let Some(record) = self.buffer.next() {
            return Ok(Some(record));
        }
        let Some(file) = self.file else { return Ok(None) };
        let count = self.batch.min(self.left);
        let mut records = vec![[0; SIZE]; usize::try_from(count).unwrap_or(usize::MAX)];
        file.read_exact_at(records.as_flattened_mut(), self.at)?;
        self.at += count * SIZE as u64;
        self.left -= count;
        self.buffer = records.into_iter();
        Ok(self.buffer.next())
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)] // A test that cannot go on fails.
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_merge_is_everything_in_order(
            pieces in proptest::collection::vec(proptest::collection::vec(any::<[u8; 3]>(), 0..900), 0..8),
        ) {
            let log = Log::open(&std::env::temp_dir()).unwrap();
            let mut all: Vec<_> = pieces.iter().flatten().copied().collect();
            all.sort_unstable();
            let (memory, written) = match pieces.split_first() {
                Some((first, rest)) => (first.clone(), rest.to_vec()),
                None => Default::default(),
            };
            let runs: Vec<_> = written
                .into_iter()
                .map(|mut piece| Run::write(&log, &mut piece).unwrap().unwrap())
                .collect();
            let mut merge = Merge::new(Some(log.close().unwrap()), &runs, memory).unwrap();
            let mut merged = Vec::new();
            while let Some(record) = merge.next().unwrap() {
                merged.push(record);
            }
            prop_assert_eq!(merged, all);
        }
    }

    proptest! {
        #[test]
        fn threads_gather_everything_in_order(
            records in proptest::collection::vec(any::<[u8; 3]>(), 0..900),
            batch in 1..400usize,
        ) {
            let gather = Gather { batch, ..Gather::new(Ok(std::env::temp_dir())) };
            std::thread::scope(|scope| {
                for half in records.chunks(records.len() / 2 + 1) {
                    let gather = &gather;
                    let push = |some: &[[u8; 3]]| gather.push(some.iter().copied()).unwrap();
                    scope.spawn(move || half.chunks(7).for_each(push));
                }
            });
            let mut all = records;
            all.sort_unstable();
            for _ in 0..2 {
                let mut merge = gather.merge().unwrap();
                let mut merged = Vec::new();
                while let Some(record) = merge.next().unwrap() {
                    merged.push(record);
                }
                prop_assert_eq!(&merged, &all);
            }
        }
    }

    #[test]
    fn few_records_need_no_directory_and_many_do() {
        let nowhere = || Gather::<1>::new(Err("there is no place".to_owned()));
        let few = nowhere();
        few.push([[7]].into_iter()).unwrap();
        assert_eq!(few.merge().unwrap().next().unwrap(), Some([7]));
        let error = Gather { batch: 1, ..nowhere() }.push([[7]].into_iter()).unwrap_err();
        assert_eq!(error.to_string(), "there is no place");
    }

    #[test]
    fn a_file_that_is_too_short_is_an_error() {
        let log = Log::open(&std::env::temp_dir()).unwrap();
        let run = Run::write(&log, &mut [[1; 8], [2; 8]]).unwrap().unwrap();
        let file = log.close().unwrap();
        file.set_len(15).unwrap();
        assert!(Merge::<8>::new(Some(file), &[run], Vec::new()).is_err());
    }
}
