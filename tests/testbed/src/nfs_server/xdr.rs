//! XDR (RFC 4506), limited to what a server needs. It is deliberately separate from the client's
//! code: two independent implementations reveal each other's mistakes.

/// The input is malformed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BadXdr;

/// Reads values from the front of a byte slice.
#[derive(Debug, Clone, Copy)]
pub struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    #[must_use]
    pub fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes }
    }

    /// Returns the bytes not read yet.
    #[must_use]
    pub fn rest(&self) -> &'a [u8] {
        self.rest
    }

    fn take(&mut self, length: usize) -> Result<&'a [u8], BadXdr> {
        let (taken, rest) = self.rest.split_at_checked(length).ok_or(BadXdr)?;
        self.rest = rest;
        Ok(taken)
    }

    /// Reads fixed-length opaque data.
    ///
    /// # Errors
    /// Too few bytes are left. The other methods return this, too.
    pub fn fixed<const N: usize>(&mut self) -> Result<[u8; N], BadXdr> {
        self.take(N)?.try_into().map_err(|_| BadXdr)
    }

    /// Reads an unsigned integer.
    ///
    /// # Errors
    /// Too few bytes are left.
    pub fn u32(&mut self) -> Result<u32, BadXdr> {
        self.fixed().map(u32::from_be_bytes)
    }

    /// Reads an unsigned hyper integer.
    ///
    /// # Errors
    /// Too few bytes are left.
    pub fn u64(&mut self) -> Result<u64, BadXdr> {
        self.fixed().map(u64::from_be_bytes)
    }

    /// Reads a boolean.
    ///
    /// # Errors
    /// Too few bytes are left, or the value is neither 0 nor 1.
    pub fn bool(&mut self) -> Result<bool, BadXdr> {
        match self.u32()? {
            0 => Ok(false),
            1 => Ok(true),
            _ => Err(BadXdr),
        }
    }

    /// Reads variable-length opaque data of at most `limit` bytes.
    ///
    /// # Errors
    /// It is longer, incomplete, or not padded with zeros.
    pub fn opaque(&mut self, limit: usize) -> Result<&'a [u8], BadXdr> {
        let length = usize::try_from(self.u32()?).map_err(|_| BadXdr)?;
        if length > limit {
            return Err(BadXdr);
        }
        let bytes = self.take(length)?;
        match self.take(padding(length))?.iter().all(|&byte| byte == 0) {
            true => Ok(bytes),
            false => Err(BadXdr),
        }
    }

    /// Reads the first 128 bits of a `bitmap4`.
    ///
    /// # Errors
    /// It is incomplete or absurdly long.
    pub fn bitmap(&mut self) -> Result<u128, BadXdr> {
        let words = self.u32()?;
        if words > 16 {
            return Err(BadXdr);
        }
        let mut bits = 0_u128;
        for word in 0..words {
            let value = u128::from(self.u32()?);
            if word < 4 {
                bits |= value << (32 * word);
            }
        }
        Ok(bits)
    }
}

/// Returns the number of padding zeros after `length` bytes.
#[must_use]
pub fn padding(length: usize) -> usize {
    length.wrapping_neg() % 4
}

/// Encodes XDR values.
pub trait Put {
    fn put_u32(&mut self, value: u32);
    fn put_u64(&mut self, value: u64);
    fn put_opaque(&mut self, bytes: &[u8]);
    fn put_bitmap(&mut self, bits: u128);
    /// Overwrites the integer at `place`.
    fn patch_u32(&mut self, place: usize, value: u32);
}

impl Put for Vec<u8> {
    #[inline]
    fn put_u32(&mut self, value: u32) {
        self.extend_from_slice(&value.to_be_bytes());
    }

    #[inline]
    fn put_u64(&mut self, value: u64) {
        self.extend_from_slice(&value.to_be_bytes());
    }

    #[inline]
    fn put_opaque(&mut self, bytes: &[u8]) {
        self.put_u32(length(bytes));
        self.extend_from_slice(bytes);
        self.extend_from_slice(&[0; 3][..padding(bytes.len())]);
    }

    fn put_bitmap(&mut self, bits: u128) {
        let words = (128 - bits.leading_zeros()).div_ceil(32);
        self.put_u32(words);
        for word in 0..words {
            // The mask makes the conversion lossless.
            self.put_u32((bits >> (32 * word) & 0xffff_ffff) as u32);
        }
    }

    #[inline]
    fn patch_u32(&mut self, place: usize, value: u32) {
        if let Some(old) = self.get_mut(place..place + 4) {
            old.copy_from_slice(&value.to_be_bytes());
        }
    }
}

/// Returns a length in XDR. No message comes near 4 GiB.
#[must_use]
pub fn length(bytes: &[u8]) -> u32 {
    u32::try_from(bytes.len()).unwrap_or(u32::MAX)
}
