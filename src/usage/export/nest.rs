//! Last pass of an export: writes each directory around its parts, from the root down.

use std::fs::File;
use std::io::{self, Write};
use std::os::unix::fs::FileExt;

use super::Export;
use super::dir_index::{DirRecord, ReadState};

/// Bytes to read at a time if the needed length is not known.
const WINDOW: usize = 8 * 1024;

/// Bytes to copy at a time.
const COPY: usize = 64 * 1024;

/// The rest of a directory that has been begun.
#[derive(Clone, Copy, Debug, Default)]
struct Frame {
    /// Offset of the previous part.
    before: Option<u64>,
    /// Number of subdirectories of this part that are left.
    left: u64,
    /// Offset of the next subdirectory.
    at: u64,
}

/// A complete export. Anything committed later is lost.
#[derive(Debug)]
pub struct Collected<'a> {
    export: &'a Export,
    log: &'a File,
}

impl Export {
    /// Closes the export when the walk is over.
    ///
    /// # Errors
    /// If a temporary file could not be written during the walk, or cannot be now.
    pub fn close(&self) -> io::Result<Collected<'_>> {
        if let Some(error) = self.broken.get() {
            return Err(io::Error::new(error.kind(), error.to_string()));
        }
        let log = self.log.close().map_err(|error| self.temporary(&error))?;
        Ok(Collected { export: self, log })
    }

    /// Makes an error of a temporary file. Its kind is dropped, because a broken pipe is a matter
    /// for the reader only if it is the pipe to the reader.
    fn temporary(&self, error: &io::Error) -> io::Error {
        let directory = self.directory.display();
        io::Error::other(format!("a temporary file in {directory}: {error}"))
    }
}

impl Collected<'_> {
    /// Writes the root, under the name `root`, and everything below it.
    ///
    /// # Errors
    /// If a temporary file cannot be read, and the errors of `to`.
    pub fn write(&self, root: &[u8], to: &mut dyn Write) -> io::Result<()> {
        let Export { form, index, .. } = self.export;
        let ours = |error| self.export.temporary(&error);
        let mut parts = Parts { log: self.log, window: Vec::new(), start: 0 };
        let begin = |to: &mut dyn Write, name: &[u8], attrs: &[u8], read| {
            // The inode of an unread directory did not count either.
            let attrs = if read == ReadState::Unread { &[] } else { attrs };
            form.begin(to, name, attrs, read)
        };
        let mut name = Vec::new();
        form.name(&mut name, root);
        let root = index.get(0).map_err(ours)?;
        let attrs = self.export.root.get().map_or(&[][..], Vec::as_slice);
        begin(to, &name, attrs, root.state)?;
        let mut stack = vec![Frame { before: root.newest, ..Frame::default() }];
        while let Some(frame) = stack.last_mut() {
            if frame.left > 0 {
                let (number, name, attrs) = parts.branch(frame).map_err(ours)?;
                let DirRecord { state, newest } = index.get(number).map_err(ours)?;
                if state != ReadState::Gone {
                    begin(to, name, attrs, state)?;
                    stack.push(Frame { before: newest, ..Frame::default() });
                }
            } else if let Some(part) = frame.before {
                let leaves;
                (*frame, leaves) = parts.enter(part).map_err(ours)?;
                let mut at = frame.at - leaves;
                while at < frame.at {
                    let most = COPY.min(usize::try_from(frame.at - at).unwrap_or(COPY));
                    to.write_all(parts.bytes(at, most).map_err(ours)?)?;
                    at += most as u64;
                }
            } else {
                form.end(to)?;
                stack.pop();
            }
        }
        Ok(())
    }
}

/// Reads parts of the log, through a window that holds the piece read last.
struct Parts<'a> {
    log: &'a File,
    window: Vec<u8>,
    start: u64,
}

impl Parts<'_> {
    /// Returns the `length` bytes at `at`.
    fn bytes(&mut self, at: u64, length: usize) -> io::Result<&[u8]> {
        let inside = at.checked_sub(self.start).and_then(|skip| usize::try_from(skip).ok());
        let inside = inside.filter(|skip| skip + length <= self.window.len());
        let skip = match inside {
            Some(skip) => skip,
            None => {
                self.fill(at, length.max(WINDOW))?;
                0
            }
        };
        self.window.get(skip..skip + length).ok_or_else(|| io::ErrorKind::UnexpectedEof.into())
    }

    fn fill(&mut self, at: u64, most: usize) -> io::Result<()> {
        self.window.resize(most, 0);
        self.start = at;
        let mut read = 0;
        while read < most {
            match self.log.read_at(&mut self.window[read..], at + read as u64) {
                Ok(0) => break,
                Ok(more) => read += more,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => {
                    self.window.clear();
                    return Err(error);
                }
            }
        }
        self.window.truncate(read);
        Ok(())
    }

    fn words<const N: usize>(&mut self, at: u64) -> io::Result<[u64; N]> {
        let bytes = self.bytes(at, N * 8)?;
        let mut words = [0; N];
        for (word, bytes) in words.iter_mut().zip(bytes.as_chunks().0) {
            *word = u64::from_le_bytes(*bytes);
        }
        Ok(words)
    }

    /// Reads the header of the part at `part`. Returns the frame for its subdirectories, and the
    /// number of bytes of leaves right before them.
    fn enter(&mut self, part: u64) -> io::Result<(Frame, u64)> {
        let [before, leaves, left] = self.words(part)?;
        let at = part + 3 * 8 + leaves;
        Ok((Frame { before: before.checked_sub(1), left, at }, leaves))
    }

    /// Takes the next subdirectory of a frame. Returns its number, name and attributes.
    fn branch(&mut self, frame: &mut Frame) -> io::Result<(u64, &[u8], &[u8])> {
        let [number, lengths] = self.words(frame.at)?;
        let [name, attrs] = [lengths & u64::from(u32::MAX), lengths >> 32].map(|n| n as usize);
        let at = frame.at + 2 * 8;
        frame.at = at + (name + attrs) as u64;
        frame.left -= 1;
        let (name, attrs) = self.bytes(at, name + attrs)?.split_at(name);
        Ok((number, name, attrs))
    }
}
