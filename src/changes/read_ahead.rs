//! Reads a table in a thread of its own, while its rows are compared.

use std::io;
use std::panic::resume_unwind;
use std::sync::mpsc::{Receiver, Sender, SyncSender, channel, sync_channel};
use std::thread::{Builder, JoinHandle};

use super::merge::Rows;
use crate::dirs::DirRow;

/// Rows read at once.
const BATCH: usize = 512;

/// The rows of a table, at most two batches ahead.
///
/// Decoding is about half of the work, and the two tables and their comparison can be under way at the
/// same time.
pub(crate) struct ReadAhead<E> {
    batches: Receiver<Result<Batch, E>>,
    /// Batches go back, because their rows have memory for names.
    used: Sender<Batch>,
    batch: Batch,
    at: usize,
    is_partial: bool,
    reader: Option<JoinHandle<()>>,
}

#[derive(Default)]
struct Batch {
    rows: Vec<DirRow>,
    /// Number of rows that were read. None means that there are no more.
    length: usize,
}

impl<E: Send + 'static> ReadAhead<E> {
    /// Begins to read.
    ///
    /// # Errors
    /// If there can be no thread.
    pub(crate) fn start(rows: impl Rows<Error = E> + Send + 'static) -> io::Result<Self> {
        let is_partial = rows.is_partial();
        let ((to, batches), (used, back)) = (sync_channel(1), channel());
        let read = move || read_all(rows, &to, &back);
        let reader = Some(Builder::new().name("efs-scan-table".to_owned()).spawn(read)?);
        Ok(Self { batches, used, batch: Batch::default(), at: 0, is_partial, reader })
    }
}

fn read_all<R: Rows>(
    mut rows: R,
    to: &SyncSender<Result<Batch, R::Error>>,
    back: &Receiver<Batch>,
) {
    loop {
        let mut batch = back.try_recv().unwrap_or_default();
        let read = batch.fill(&mut rows);
        let is_last = read.is_err() || batch.length == 0;
        // Nobody receives any more if the other table could not be read.
        if to.send(read.map(|()| batch)).is_err() || is_last {
            return;
        }
    }
}

impl Batch {
    fn fill<R: Rows>(&mut self, rows: &mut R) -> Result<(), R::Error> {
        self.rows.resize_with(BATCH, DirRow::default);
        self.length = 0;
        while self.length < BATCH && rows.next_into(&mut self.rows[self.length])? {
            self.length += 1;
        }
        Ok(())
    }
}

impl<E: Send + 'static> Rows for ReadAhead<E> {
    type Error = E;

    fn next_into(&mut self, row: &mut DirRow) -> Result<bool, E> {
        if self.at == self.batch.length {
            let Ok(next) = self.batches.recv() else {
                // The thread ends without an answer only if it panics.
                let ended = self.reader.take().map(JoinHandle::join);
                return ended
                    .unwrap_or(Ok(()))
                    .map(|()| false)
                    .map_err(|panic| resume_unwind(panic));
            };
            let used = std::mem::replace(&mut self.batch, next?);
            // The thread may have ended.
            _ = self.used.send(used);
            self.at = 0;
        }
        let Some(next) = self.batch.rows[..self.batch.length].get_mut(self.at) else {
            return Ok(false);
        };
        std::mem::swap(next, row);
        self.at += 1;
        Ok(true)
    }

    fn is_partial(&self) -> bool {
        self.is_partial
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Rows with the numbers as uids, and an error or a panic after them.
    struct Numbers {
        numbers: std::ops::Range<u32>,
        then: fn() -> Result<bool, &'static str>,
    }

    impl Rows for Numbers {
        type Error = &'static str;

        fn next_into(&mut self, row: &mut DirRow) -> Result<bool, &'static str> {
            let Some(number) = self.numbers.next() else { return (self.then)() };
            (row.uid, row.rule) = (number, number.to_string());
            Ok(true)
        }

        fn is_partial(&self) -> bool {
            true
        }
    }

    fn read(count: u32, then: fn() -> Result<bool, &'static str>) -> (u32, Option<&'static str>) {
        let mut rows = ReadAhead::start(Numbers { numbers: 0..count, then }).expect("a thread");
        assert!(rows.is_partial());
        let (mut row, mut read) = (DirRow::default(), 0);
        loop {
            match rows.next_into(&mut row) {
                Ok(false) => return (read, None),
                Err(error) => return (read, Some(error)),
                Ok(true) => assert_eq!((row.uid, &row.rule), (read, &read.to_string())),
            }
            read += 1;
        }
    }

    #[test]
    fn every_row_comes_once_and_in_order() {
        for count in [0, 1, 511, 512, 513, 5_000] {
            assert_eq!(read(count, || Ok(false)), (count, None));
        }
    }

    #[test]
    fn an_error_comes_and_a_panic_is_passed_on() {
        assert_eq!(read(700, || Err("damaged")).1, Some("damaged"));
        assert!(std::panic::catch_unwind(|| read(700, || panic!("as it should"))).is_err());
    }
}
