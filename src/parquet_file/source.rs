//! Sources of Parquet files: a file, or an object in memory.

use std::sync::Arc;

use bytes::Bytes;
use parquet::errors::Result;
use parquet::file::reader::{ChunkReader, Length};

/// An object in memory, or a file.
pub(crate) struct Source<T>(Arc<T>);

impl Source<Bytes> {
    /// The bytes of an object.
    pub(crate) fn of_bytes(bytes: Vec<u8>) -> Self {
        Self::new(bytes.into())
    }
}

impl<T: ChunkReader> Source<T> {
    pub(crate) fn new(of: T) -> Self {
        Self(Arc::new(of))
    }
}

impl<T> Clone for Source<T> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<T: Length> Length for Source<T> {
    fn len(&self) -> u64 {
        self.0.len()
    }
}

impl<T: ChunkReader> ChunkReader for Source<T> {
    type T = T::T;

    fn get_read(&self, start: u64) -> Result<T::T> {
        self.0.get_read(start)
    }

    fn get_bytes(&self, start: u64, length: usize) -> Result<Bytes> {
        self.0.get_bytes(start, length)
    }
}

/// Reads bytes of a [`Source`] of any type.
pub(super) trait ReadAt: Send + Sync {
    fn bytes(&self, start: u64, length: usize) -> Result<Bytes>;
    fn length(&self) -> u64;
}

impl<T: ChunkReader> ReadAt for Source<T> {
    fn bytes(&self, start: u64, length: usize) -> Result<Bytes> {
        self.0.get_bytes(start, length)
    }

    fn length(&self) -> u64 {
        self.0.len()
    }
}
