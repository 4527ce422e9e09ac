//! Pieces that are read from the last to the first.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::Path;

use super::Log;

/// Bytes to read at a time.
const READ: usize = 256 << 10;

/// Bytes behind each piece: its length.
const TAIL: usize = 4;

/// Pieces in a temporary file.
#[derive(Debug)]
pub(in crate::usage) struct Backwards(Log);

/// Reads them. The first is the one that was pushed last.
pub(in crate::usage) struct Popped<'a> {
    file: &'a File,
    /// Bytes of the file before those in the buffer.
    left: u64,
    buffer: Vec<u8>,
}

impl Backwards {
    pub(in crate::usage) fn open(directory: &Path) -> io::Result<Self> {
        Log::open(directory).map(Self)
    }

    pub(in crate::usage) fn push(&self, piece: &[u8]) -> io::Result<()> {
        let length = u32::try_from(piece.len()).map_err(io::Error::other)?;
        self.0.append(&[piece, &length.to_le_bytes()]).map(|_| ())
    }

    pub(in crate::usage) fn close(&self) -> io::Result<Popped<'_>> {
        let file = self.0.close()?;
        Ok(Popped { file, left: file.metadata()?.len(), buffer: Vec::new() })
    }
}

impl Popped<'_> {
    /// Passes the next piece to `take`. Returns false if there is none.
    ///
    /// # Errors
    /// Those of `take`, and if the file cannot be read.
    pub(in crate::usage) fn next(
        &mut self,
        take: impl FnOnce(&[u8]) -> io::Result<()>,
    ) -> io::Result<bool> {
        if !self.has(TAIL)? {
            return Ok(false);
        }
        let end = self.buffer.len() - TAIL;
        let tail = self.buffer[end..].try_into().map_err(io::Error::other)?;
        let length = u32::from_le_bytes(tail) as usize;
        if !self.has(TAIL + length)? {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        let end = self.buffer.len() - TAIL;
        take(&self.buffer[end - length..end])?;
        self.buffer.truncate(end - length);
        Ok(true)
    }

    /// Reads until so many bytes are in the buffer; false if there are none left.
    fn has(&mut self, length: usize) -> io::Result<bool> {
        let held = self.buffer.len();
        if held >= length {
            return Ok(true);
        }
        let left = usize::try_from(self.left).unwrap_or(usize::MAX);
        let more = READ.max(length - held).min(left);
        let mut bytes = vec![0; more];
        self.left -= more as u64;
        self.file.read_exact_at(&mut bytes, self.left)?;
        bytes.extend_from_slice(&self.buffer);
        self.buffer = bytes;
        Ok(held + more >= length)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)] // A test that cannot go on fails.
mod tests {
    use super::*;

    #[test]
    fn the_last_piece_comes_first() {
        let pieces: Vec<Vec<u8>> = (0..500).map(|n| vec![n as u8; n * 37 % 9000]).collect();
        let to = Backwards::open(&std::env::temp_dir()).unwrap();
        pieces.iter().for_each(|piece| to.push(piece).unwrap());
        let mut from = to.close().unwrap();
        for piece in pieces.iter().rev() {
            let same = |read: &[u8]| {
                assert!(read == piece);
                Ok(())
            };
            assert!(from.next(same).unwrap());
        }
        assert!(!from.next(|_| panic!("there is none left")).unwrap());
    }
}
