//! Numbers and texts packed into bytes, for what there is a very large number of: small numbers take
//! one byte, and there is no allocation for each text.
//!
//! Whoever packs unpacks, within one process: the bytes are never stored or sent.

/// Bytes that something is packed into.
#[derive(Debug)]
pub(crate) struct Packer(Vec<u8>);

impl Default for Packer {
    fn default() -> Self {
        Self(Vec::with_capacity(1024))
    }
}

impl Packer {
    pub(crate) fn finish(self) -> Box<[u8]> {
        // A copy of its size. To shrink the buffer would leave holes between small allocations.
        self.0.as_slice().into()
    }

    /// Seven bits a byte, the lowest first.
    pub(crate) fn number(&mut self, mut number: u64) {
        while number >= 0x80 {
            self.0.push(number as u8 | 0x80);
            number >>= 7;
        }
        self.0.push(number as u8);
    }

    /// The sign is the lowest bit, so that small negative numbers are small, too.
    pub(crate) fn signed(&mut self, number: i64) {
        self.number((number << 1 ^ number >> 63).cast_unsigned());
    }

    pub(crate) fn bytes(&mut self, bytes: &[u8]) {
        self.number(bytes.len() as u64);
        self.0.extend_from_slice(bytes);
    }
}

/// Reads what a [`Packer`] packed, in the same order. Behind the end there are zeros.
#[derive(Debug)]
pub(crate) struct Unpacker<'a>(&'a [u8]);

impl<'a> Unpacker<'a> {
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    pub(crate) fn number(&mut self) -> u64 {
        let (mut number, mut shift) = (0, 0);
        while let Some((byte, rest)) = self.0.split_first() {
            self.0 = rest;
            number |= u64::from(byte & 0x7f).wrapping_shl(shift);
            shift += 7;
            if byte & 0x80 == 0 {
                break;
            }
        }
        number
    }

    pub(crate) fn signed(&mut self) -> i64 {
        let number = self.number();
        (number >> 1).cast_signed() ^ -(number & 1).cast_signed()
    }

    pub(crate) fn bytes(&mut self) -> &'a [u8] {
        let length = usize::try_from(self.number()).unwrap_or(usize::MAX).min(self.0.len());
        let (bytes, rest) = self.0.split_at(length);
        self.0 = rest;
        bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn what_is_packed_comes_back(
            numbers in proptest::collection::vec((any::<u64>(), any::<i64>(), 0..300u64), 0..9),
            texts in proptest::collection::vec(any::<Vec<u8>>(), 0..9),
        ) {
            let mut packer = Packer::default();
            for (number, signed, small) in &numbers {
                packer.number(*number);
                packer.signed(*signed);
                packer.number(*small);
            }
            texts.iter().for_each(|text| packer.bytes(text));
            let packed = packer.finish();
            let mut unpacker = Unpacker::new(&packed);
            for (number, signed, small) in numbers {
                prop_assert_eq!(unpacker.number(), number);
                prop_assert_eq!(unpacker.signed(), signed);
                prop_assert_eq!(unpacker.number(), small);
            }
            for text in texts {
                prop_assert_eq!(unpacker.bytes(), text);
            }
            prop_assert_eq!((unpacker.number(), unpacker.bytes()), (0, &[][..]));
        }
    }
}
