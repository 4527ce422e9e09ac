//! Body of an S3 object. S3 needs its length and checksum before the upload begins, so the body is
//! made in memory, or in a file if it is large.

use std::fs::File;
use std::io::{self, BufWriter, Write};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest, Sha256};

use super::Fill;
use crate::atomic;
use crate::aws::S3Body;
use crate::log;
use crate::text::printable;

/// The largest body that is made in memory.
const IN_MEMORY: usize = 8 << 20;

/// Makes the body. It stays in memory if it is small or if no temporary file can be made.
pub(super) fn made(fill: &Fill<'_>) -> io::Result<S3Body> {
    let mut body = Body::Memory(Vec::new());
    let filled = fill(&mut body);
    let is_large = !matches!(body, Body::Memory(_));
    match filled.and_then(|()| body.finish()) {
        Err(error) if is_large => {
            let error = error.to_string();
            let problem = printable(error.as_bytes());
            log::warn!("{problem}; a large object is made in memory instead");
            let mut bytes = Vec::new();
            fill(&mut bytes)?;
            Ok(S3Body::Memory(bytes))
        }
        made => made,
    }
}

/// A body that is being made.
enum Body {
    Memory(Vec<u8>),
    /// The body is too large for memory, and no temporary file could be made.
    Nowhere,
    File {
        to: BufWriter<File>,
        length: u64,
        hash: Sha256,
    },
}

impl Body {
    fn finish(self) -> io::Result<S3Body> {
        Ok(match self {
            Self::Memory(bytes) => S3Body::Memory(bytes),
            Self::Nowhere => return Err(nowhere()),
            Self::File { to, length, hash } => {
                let file = to.into_inner().map_err(io::IntoInnerError::into_error)?;
                S3Body::File { file, length, sha256: STANDARD.encode(hash.finalize()) }
            }
        })
    }
}

impl Write for Body {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            // Only Linux can reopen a file without a name, through `/proc`.
            Self::Memory(all)
                if all.len() + bytes.len() <= IN_MEMORY || !cfg!(target_os = "linux") =>
            {
                all.extend_from_slice(bytes);
            }
            Self::Memory(all) => {
                let first = std::mem::take(all);
                *self = Self::Nowhere;
                let to = BufWriter::with_capacity(64 << 10, temporary_file()?);
                *self = Self::File { to, length: 0, hash: Sha256::new() };
                self.write_all(&first)?;
                return self.write(bytes);
            }
            Self::Nowhere => return Err(nowhere()),
            Self::File { to, length, hash } => {
                to.write_all(bytes)?;
                hash.update(bytes);
                *length += bytes.len() as u64;
            }
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Self::Memory(_) | Self::Nowhere => Ok(()),
            Self::File { to, .. } => to.flush(),
        }
    }
}

fn nowhere() -> io::Error {
    io::Error::other("there is no file for a large object")
}

/// Makes a file without a name, so nothing is left if this process is killed.
pub(super) fn temporary_file() -> io::Result<File> {
    let directory = atomic::temporary_directory();
    tempfile::tempfile_in(&directory)
        .map_err(|error| io::Error::new(error.kind(), format!("{}: {error}", directory.display())))
}
