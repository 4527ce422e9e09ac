//! Index of an export's directories, in a temporary file without a name: how far each one was read,
//! and where its entries are.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::Path;

/// One record per directory, at the directory's number.
#[derive(Debug)]
pub(super) struct DirIndex(File);

/// Extent to which a directory was read. `Unread` is 0, because unwritten parts of a file read as
/// 0.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ReadState {
    /// Not at all.
    #[default]
    Unread,
    /// Not to its end.
    Partly,
    /// To its end.
    Whole,
    /// The directory no longer exists.
    Gone,
}

/// One directory in the index.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct DirRecord {
    pub(super) state: ReadState,
    /// Offset in the log of the last part of the directory's entries, if there is one.
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
        // The file may end before the records of unread directories.
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

/// Size of a record in bytes.
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
}
