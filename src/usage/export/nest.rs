//! The last pass: from the root down, each directory's parts are put where they belong.

use std::fs::File;
use std::io::{self, Write};
use std::os::unix::fs::FileExt;

use jiff::Timestamp;
use serde_json::json;

use super::spill::{DirRecord, ReadState};
use super::{Export, entry};

/// Read at once where it is not known how much will be needed, bytes.
const WINDOW: usize = 8 * 1024;

/// Copied at once, bytes.
const COPY: usize = 64 * 1024;

/// What an export says of the whole.
#[derive(Clone, Copy, Debug)]
pub struct ExportHead<'a> {
    /// The root, bytes as they are.
    pub root: &'a [u8],
    /// When the scan ended.
    pub finished: Timestamp,
    /// How much of the tree was read. ncdu and gdu do not show it, but other readers can.
    pub coverage: &'a str,
}

/// A directory that is being written: what is left of it.
#[derive(Clone, Copy, Debug, Default)]
struct Frame {
    /// Where the part before this one is.
    before: Option<u64>,
    /// Subdirectories of this part that are left.
    left: u64,
    /// Where the next of them is.
    at: u64,
}

impl Export {
    /// Writes everything, once. The walk must be over: what is committed later is lost.
    ///
    /// # Errors
    /// If a temporary file could not be written during the walk or cannot be read now, and what
    /// `to` answers.
    pub fn write(&self, head: &ExportHead<'_>, to: &mut dyn Write) -> io::Result<()> {
        if let Some(error) = self.broken.get() {
            return Err(io::Error::new(error.kind(), error.to_string()));
        }
        let directory = self.directory.display();
        // Not the kind: a pipe that breaks is the reader's business, a temporary file is ours.
        let ours = |error| io::Error::other(format!("a temporary file in {directory}: {error}"));
        let log = self.log.close().map_err(ours)?;
        let mut parts = Parts { log, window: Vec::new(), start: 0 };
        let about = json!({
            "progname": "efs-scan",
            "progver": env!("CARGO_PKG_VERSION"),
            "timestamp": head.finished.as_second(),
            "coverage": head.coverage,
        });
        write!(to, "[1,2,{about}")?;
        let mut name = Vec::new();
        entry::string(&mut name, head.root);
        let root = self.index.get(0).map_err(ours)?;
        let known = self.root.get().map_or(&[][..], Vec::as_slice);
        open(to, &name, known, root.state)?;
        let mut stack = vec![Frame { before: root.newest, ..Frame::default() }];
        while let Some(frame) = stack.last_mut() {
            if frame.left > 0 {
                let (number, name, known) = parts.branch(frame).map_err(ours)?;
                let DirRecord { state, newest } = self.index.get(number).map_err(ours)?;
                if state != ReadState::Gone {
                    open(to, name, known, state)?;
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
                to.write_all(b"]")?;
                stack.pop();
            }
        }
        to.write_all(b"]\n")
    }
}

/// Writes the start of a directory. Of one that was not read, its own inode did not count either.
fn open(to: &mut dyn Write, name: &[u8], known: &[u8], state: ReadState) -> io::Result<()> {
    to.write_all(b",\n[{\"name\":")?;
    to.write_all(name)?;
    if state != ReadState::Unread {
        to.write_all(known)?;
    }
    if state != ReadState::Whole {
        to.write_all(entry::READ_ERROR)?;
    }
    to.write_all(b"}")
}

/// The log, and the piece of it that was read last.
struct Parts<'a> {
    log: &'a File,
    window: Vec<u8>,
    start: u64,
}

impl Parts<'_> {
    /// The `length` bytes at `at`.
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

    /// Enters the part at `part`: what is to do of it when its leaves are written, which lie right
    /// before the subdirectories, and how many bytes they are.
    fn enter(&mut self, part: u64) -> io::Result<(Frame, u64)> {
        let [before, leaves, left] = self.words(part)?;
        let at = part + 3 * 8 + leaves;
        Ok((Frame { before: before.checked_sub(1), left, at }, leaves))
    }

    /// Takes the next subdirectory of a frame: its number, name and attributes.
    fn branch(&mut self, frame: &mut Frame) -> io::Result<(u64, &[u8], &[u8])> {
        let [number, lengths] = self.words(frame.at)?;
        let [name, known] = [lengths & u64::from(u32::MAX), lengths >> 32].map(|n| n as usize);
        let at = frame.at + 2 * 8;
        frame.at = at + (name + known) as u64;
        frame.left -= 1;
        let (name, known) = self.bytes(at, name + known)?.split_at(name);
        Ok((number, name, known))
    }
}
