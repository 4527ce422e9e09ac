//! External Data Representation (RFC 4506): reads and writes the integers and opaque data of a
//! message.
//!
//! Input comes from a server and can be anything. Every read is checked against the end of the
//! message, and a length is trusted only once that many bytes have arrived. Nothing is copied.

/// A message that violates the protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("malformed reply: expected {expected} at byte {offset}")]
pub(super) struct Malformed {
    /// The item that was expected, in the RFC's terms.
    pub(super) expected: &'static str,
    /// Bytes from the start of the record.
    pub(super) offset: usize,
}

/// Reads a message, or part of one, from start to end.
#[derive(Clone, Copy, Debug)]
pub(super) struct XdrReader<'a> {
    /// The record from its start, so that offsets refer to the record, to the end of this part.
    bytes: &'a [u8],
    /// Invariant: never greater than `bytes.len()`.
    at: usize,
}

impl<'a> XdrReader<'a> {
    /// Creates a reader for a whole record.
    pub(super) fn new(record: &'a [u8]) -> Self {
        Self { bytes: record, at: 0 }
    }

    /// Returns the bytes not read yet.
    #[inline]
    pub(super) fn rest(&self) -> &'a [u8] {
        self.bytes.get(self.at..).unwrap_or_default()
    }

    /// Returns the number of bytes not read yet.
    #[inline]
    pub(super) fn remaining(&self) -> usize {
        self.rest().len()
    }

    /// Returns the position of the next read, in bytes from the start of the record.
    #[cfg(test)]
    pub(super) fn offset(&self) -> usize {
        self.at
    }

    /// Creates an error at the current position.
    #[cold]
    pub(super) fn malformed(&self, expected: &'static str) -> Malformed {
        Malformed { expected, offset: self.at }
    }

    /// Reads an unsigned integer (32 bits).
    #[inline]
    pub(super) fn u32(&mut self, expected: &'static str) -> Result<u32, Malformed> {
        self.array(expected).map(u32::from_be_bytes)
    }

    /// Reads an unsigned hyper integer (64 bits).
    #[inline]
    pub(super) fn u64(&mut self, expected: &'static str) -> Result<u64, Malformed> {
        self.array(expected).map(u64::from_be_bytes)
    }

    /// Reads a hyper integer (64 bits, signed).
    #[inline]
    pub(super) fn i64(&mut self, expected: &'static str) -> Result<i64, Malformed> {
        self.array(expected).map(i64::from_be_bytes)
    }

    /// Reads a boolean; any value but 0 and 1 is malformed.
    #[inline]
    pub(super) fn bool(&mut self, expected: &'static str) -> Result<bool, Malformed> {
        let at = *self;
        match self.u32(expected)? {
            0 => Ok(false),
            1 => Ok(true),
            _ => Err(at.malformed(expected)),
        }
    }

    /// Reads fixed-length opaque data. NFS uses only lengths that are multiples of four.
    #[inline]
    pub(super) fn array<const N: usize>(
        &mut self,
        expected: &'static str,
    ) -> Result<[u8; N], Malformed> {
        const { assert!(N.is_multiple_of(4), "no padding to read") };
        let Some(array) = self.rest().first_chunk::<N>() else {
            return Err(self.malformed(expected));
        };
        self.at += N;
        Ok(*array)
    }

    /// Reads variable-length opaque data of at most `limit` bytes.
    #[inline]
    pub(super) fn opaque(
        &mut self,
        limit: usize,
        expected: &'static str,
    ) -> Result<&'a [u8], Malformed> {
        let part = self.part(limit, expected)?;
        Ok(part.rest())
    }

    /// Reads variable-length opaque data of at most `limit` bytes as a message of its own.
    #[inline]
    pub(super) fn part(
        &mut self,
        limit: usize,
        expected: &'static str,
    ) -> Result<XdrReader<'a>, Malformed> {
        let start = *self;
        let length = self.u32(expected)?;
        // Padding extends the data to a multiple of four. Its value is not checked: nothing depends
        // on it, and not every server writes zeros.
        let padding = (length.wrapping_neg() & 3) as usize;
        let length = length as usize;
        if length > limit || length > self.remaining() || padding > self.remaining() - length {
            return Err(start.malformed(expected));
        }
        // Cannot overflow: both lengths are within `bytes`.
        let end = self.at + length;
        let part = XdrReader { bytes: self.bytes.get(..end).unwrap_or_default(), at: self.at };
        self.at = end + padding;
        Ok(part)
    }

    /// Checks that the whole message has been read.
    pub(super) fn end(&self, expected: &'static str) -> Result<(), Malformed> {
        match self.remaining() {
            0 => Ok(()),
            _ => Err(self.malformed(expected)),
        }
    }
}

/// Writes a message.
#[derive(Debug, Default)]
pub(super) struct XdrWriter {
    bytes: Vec<u8>,
}

/// The position of an integer that is filled in later.
#[derive(Clone, Copy, Debug)]
pub(super) struct Placeholder(usize);

impl XdrWriter {
    /// Creates a writer that reuses the memory of `buffer` and discards its contents.
    pub(super) fn reuse(mut buffer: Vec<u8>) -> Self {
        buffer.clear();
        Self { bytes: buffer }
    }

    /// Returns the number of bytes written.
    pub(super) fn len(&self) -> usize {
        self.bytes.len()
    }

    pub(super) fn into_bytes(self) -> Vec<u8> {
        self.bytes
    }

    /// Writes an unsigned integer (32 bits).
    #[inline]
    pub(super) fn u32(&mut self, value: u32) {
        self.bytes.extend_from_slice(&value.to_be_bytes());
    }

    /// Writes an unsigned hyper integer (64 bits).
    #[inline]
    pub(super) fn u64(&mut self, value: u64) {
        self.bytes.extend_from_slice(&value.to_be_bytes());
    }

    /// Writes a boolean.
    #[inline]
    pub(super) fn bool(&mut self, value: bool) {
        self.u32(u32::from(value));
    }

    /// Writes fixed-length opaque data, padded to a multiple of four bytes.
    #[inline]
    pub(super) fn fixed(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
        let padding = bytes.len().wrapping_neg() & 3;
        self.bytes.extend(std::iter::repeat_n(0, padding));
    }

    /// Writes variable-length opaque data.
    #[inline]
    pub(super) fn opaque(&mut self, bytes: &[u8]) {
        // The client sends names, file handles and owners, all far below 4 GiB.
        self.u32(bytes.len() as u32);
        self.fixed(bytes);
    }

    /// Reserves space for an unsigned integer that is not known yet.
    pub(super) fn placeholder(&mut self) -> Placeholder {
        let place = Placeholder(self.bytes.len());
        self.u32(0);
        place
    }

    /// Fills in an integer that [`XdrWriter::placeholder`] reserved.
    pub(super) fn patch(&mut self, place: Placeholder, value: u32) {
        let at = self.bytes.get_mut(place.0..).and_then(|rest| rest.first_chunk_mut());
        debug_assert!(at.is_some(), "a placeholder of another message");
        if let Some(at) = at {
            *at = value.to_be_bytes();
        }
    }
}

#[cfg(test)]
mod tests;
