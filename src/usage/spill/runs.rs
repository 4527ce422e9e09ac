//! Records of one size, sorted in runs that are as large as memory allows, and merged when all of
//! them are written. Records compare as bytes, so their key comes first, in big-endian order.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;

use super::Log;

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

/// The records of several runs in order.
pub(in crate::usage) struct Merge<'a, const SIZE: usize> {
    sources: Vec<Source<'a, SIZE>>,
    /// The next record of each source that has one, with the index of the source.
    heads: BinaryHeap<Reverse<([u8; SIZE], usize)>>,
}

/// A run that is being read.
struct Source<'a, const SIZE: usize> {
    file: &'a File,
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
        file: &'a File,
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
        let count = self.batch.min(self.left);
        let mut records = vec![[0; SIZE]; usize::try_from(count).unwrap_or(usize::MAX)];
        self.file.read_exact_at(records.as_flattened_mut(), self.at)?;
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
            let mut merge = Merge::new(log.close().unwrap(), &runs, memory).unwrap();
            let mut merged = Vec::new();
            while let Some(record) = merge.next().unwrap() {
                merged.push(record);
            }
            prop_assert_eq!(merged, all);
        }
    }

    #[test]
    fn a_file_that_is_too_short_is_an_error() {
        let log = Log::open(&std::env::temp_dir()).unwrap();
        let run = Run::write(&log, &mut [[1; 8], [2; 8]]).unwrap().unwrap();
        let file = log.close().unwrap();
        file.set_len(15).unwrap();
        assert!(Merge::<8>::new(file, &[run], Vec::new()).is_err());
    }
}
