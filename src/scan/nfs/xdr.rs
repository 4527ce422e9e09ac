//! External data representation (RFC 4506): how numbers and bytes lie in a message.
//!
//! What is read comes from a server and may be anything: every read is checked against the end of
//! the message, and a length that the message claims is only believed once that many bytes are
//! there. Nothing is copied.

/// A message that is not what the protocol says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("malformed reply: no {expected} at byte {offset}")]
pub(super) struct Malformed {
    /// What should have been there, in the terms of the RFC.
    pub(super) expected: &'static str,
    /// Where, in bytes from the start of the record.
    pub(super) offset: usize,
}

/// Reads a message, or a part of one, from its start to its end.
#[derive(Clone, Copy, Debug)]
pub(super) struct Reader<'a> {
    /// From the start of the record, so that offsets are the record's, to the end of this part.
    bytes: &'a [u8],
    /// Invariant: never more than the length of `bytes`.
    at: usize,
}

impl<'a> Reader<'a> {
    /// Will read a whole record.
    pub(super) fn new(record: &'a [u8]) -> Self {
        Self { bytes: record, at: 0 }
    }

    /// What is not read yet.
    #[inline]
    pub(super) fn rest(&self) -> &'a [u8] {
        self.bytes.get(self.at..).unwrap_or_default()
    }

    /// The number of bytes that are not read yet.
    #[inline]
    pub(super) fn remaining(&self) -> usize {
        self.rest().len()
    }

    /// Where the next read begins, in bytes from the start of the record.
    #[cfg(test)]
    pub(super) fn offset(&self) -> usize {
        self.at
    }

    /// The error for the place where this reader is.
    #[cold]
    pub(super) fn malformed(&self, expected: &'static str) -> Malformed {
        Malformed { expected, offset: self.at }
    }

    /// Unsigned integer of 32 bits.
    #[inline]
    pub(super) fn u32(&mut self, expected: &'static str) -> Result<u32, Malformed> {
        self.array(expected).map(u32::from_be_bytes)
    }

    /// Unsigned hyper integer.
    #[inline]
    pub(super) fn u64(&mut self, expected: &'static str) -> Result<u64, Malformed> {
        self.array(expected).map(u64::from_be_bytes)
    }

    /// Hyper integer.
    #[inline]
    pub(super) fn i64(&mut self, expected: &'static str) -> Result<i64, Malformed> {
        self.array(expected).map(i64::from_be_bytes)
    }

    /// Boolean: 0 or 1 and nothing else.
    #[inline]
    pub(super) fn bool(&mut self, expected: &'static str) -> Result<bool, Malformed> {
        let at = *self;
        match self.u32(expected)? {
            0 => Ok(false),
            1 => Ok(true),
            _ => Err(at.malformed(expected)),
        }
    }

    /// Fixed-length opaque data whose length is a multiple of four, as all of NFS's is.
    #[inline]
    pub(super) fn array<const N: usize>(
        &mut self,
        expected: &'static str,
    ) -> Result<[u8; N], Malformed> {
        const { assert!(N.is_multiple_of(4), "padding is not read here") };
        let Some(array) = self.rest().first_chunk::<N>() else {
            return Err(self.malformed(expected));
        };
        self.at += N;
        Ok(*array)
    }

    /// Variable-length opaque data of at most `limit` bytes.
    #[inline]
    pub(super) fn opaque(
        &mut self,
        limit: usize,
        expected: &'static str,
    ) -> Result<&'a [u8], Malformed> {
        let part = self.part(limit, expected)?;
        Ok(part.rest())
    }

    /// Variable-length opaque data of at most `limit` bytes, to be read as a message of its own.
    #[inline]
    pub(super) fn part(
        &mut self,
        limit: usize,
        expected: &'static str,
    ) -> Result<Reader<'a>, Malformed> {
        let start = *self;
        let length = self.u32(expected)?;
        // Padding makes up the next multiple of four. Its value is not checked: nothing follows
        // from it, and not every server writes zeros.
        let padding = (length.wrapping_neg() & 3) as usize;
        let length = length as usize;
        if length > limit || length > self.remaining() || padding > self.remaining() - length {
            return Err(start.malformed(expected));
        }
        // No overflow: both are within `bytes`.
        let end = self.at + length;
        let part = Reader { bytes: self.bytes.get(..end).unwrap_or_default(), at: self.at };
        self.at = end + padding;
        Ok(part)
    }

    /// That everything was read.
    pub(super) fn end(&self, expected: &'static str) -> Result<(), Malformed> {
        match self.remaining() {
            0 => Ok(()),
            _ => Err(self.malformed(expected)),
        }
    }
}

/// Writes a message.
#[derive(Debug, Default)]
pub(super) struct Writer {
    bytes: Vec<u8>,
}

/// A number in a message that is not known yet.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place(usize);

impl Writer {
    /// Will write into `buffer`, whose old contents are dropped and whose memory is used again.
    pub(super) fn reuse(mut buffer: Vec<u8>) -> Self {
        buffer.clear();
        Self { bytes: buffer }
    }

    /// Bytes written.
    pub(super) fn len(&self) -> usize {
        self.bytes.len()
    }

    /// The message.
    pub(super) fn into_bytes(self) -> Vec<u8> {
        self.bytes
    }

    /// Unsigned integer of 32 bits.
    #[inline]
    pub(super) fn u32(&mut self, value: u32) {
        self.bytes.extend_from_slice(&value.to_be_bytes());
    }

    /// Unsigned hyper integer.
    #[inline]
    pub(super) fn u64(&mut self, value: u64) {
        self.bytes.extend_from_slice(&value.to_be_bytes());
    }

    /// Boolean.
    #[inline]
    pub(super) fn bool(&mut self, value: bool) {
        self.u32(u32::from(value));
    }

    /// Fixed-length opaque data, padded to a multiple of four bytes.
    #[inline]
    pub(super) fn fixed(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
        let padding = bytes.len().wrapping_neg() & 3;
        self.bytes.extend(std::iter::repeat_n(0, padding));
    }

    /// Variable-length opaque data.
    #[inline]
    pub(super) fn opaque(&mut self, bytes: &[u8]) {
        // What a client sends are names, file handles and owners: nowhere near 4 GiB.
        self.u32(bytes.len() as u32);
        self.fixed(bytes);
    }

    /// A number that will be known later.
    pub(super) fn place(&mut self) -> Place {
        let place = Place(self.bytes.len());
        self.u32(0);
        place
    }

    /// Fills in the number of an earlier [`Writer::place`].
    pub(super) fn patch(&mut self, place: Place, value: u32) {
        let at = self.bytes.get_mut(place.0..).and_then(|rest| rest.first_chunk_mut());
        debug_assert!(at.is_some(), "a place of another message");
        if let Some(at) = at {
            *at = value.to_be_bytes();
        }
    }
}

#[cfg(test)]
mod tests;
