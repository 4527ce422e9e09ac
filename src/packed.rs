//! Packs large numbers of values into bytes: small numbers take one byte, texts leave out their
//! common prefix with the previous text, and there is no allocation for each value.
//!
//! The program that packs unpacks: the bytes are the same on every machine, but not in every version.

mod forms;
mod list;
mod texts;

pub(crate) use forms::{PackNumbered, pack_enums, pack_structs};
pub use list::PackedList;
pub(crate) use texts::Texts;

/// A value that can be packed.
pub trait Pack {
    fn pack(&self, to: &mut Packer<'_>);
    fn unpack(from: &mut Unpacker<'_>) -> Self;
}

/// The last packed value of each kind, which is close to the next.
#[derive(Debug, Default)]
struct Before {
    text: Vec<u8>,
    time: i64,
    inode: (u64, u64),
}

/// A buffer that values are packed into.
#[derive(Debug)]
pub struct Packer<'a> {
    bytes: Vec<u8>,
    before: Before,
    texts: &'a mut Texts,
}

impl<'a> Packer<'a> {
    pub(crate) fn new(texts: &'a mut Texts) -> Self {
        Self { bytes: Vec::with_capacity(1024), before: Before::default(), texts }
    }

    /// Returns the bytes packed so far.
    pub(crate) fn into_bytes(self) -> Vec<u8> {
        self.bytes
    }

    /// Makes the next text leave out its common prefix with `text`.
    pub(crate) fn expect(&mut self, text: &[u8]) {
        self.before.text = text.to_vec();
    }

    /// The bytes packed so far.
    pub(crate) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Packs a number with seven bits in a byte, the lowest first.
    pub(crate) fn number(&mut self, mut number: u64) {
        while number >= 0x80 {
            self.bytes.push(number as u8 | 0x80);
            number >>= 7;
        }
        self.bytes.push(number as u8);
    }

    /// Packs a signed number. The sign is the lowest bit, so that small negative numbers stay
    /// small.
    pub(crate) fn signed(&mut self, number: i64) {
        self.number((number << 1 ^ number >> 63).cast_unsigned());
    }

    pub(crate) fn text(&mut self, text: &[u8]) {
        let before = &mut self.before.text;
        let alike = before.iter().zip(text).take_while(|(one, other)| one == other).count();
        let rest = &text[alike..];
        before.truncate(alike);
        before.extend_from_slice(rest);
        self.number(alike as u64);
        self.number(rest.len() as u64);
        self.bytes.extend_from_slice(rest);
    }

    /// Packs a text that many items share.
    pub(crate) fn numbered(&mut self, text: &str) {
        let number = self.texts.number(text);
        self.number(number);
    }

    pub(crate) fn list<T: Pack>(&mut self, items: &[T]) {
        self.number(items.len() as u64);
        items.iter().for_each(|item| item.pack(self));
    }

    /// Packs a time in seconds since 1970.
    pub(crate) fn time(&mut self, time: i64) {
        let before = std::mem::replace(&mut self.before.time, time);
        self.signed(time.wrapping_sub(before));
    }

    /// Packs a device and an inode number.
    pub(crate) fn inode(&mut self, inode: (u64, u64)) {
        let before = std::mem::replace(&mut self.before.inode, inode);
        self.signed(inode.0.wrapping_sub(before.0).cast_signed());
        self.signed(inode.1.wrapping_sub(before.1).cast_signed());
    }
}

/// Reads what a [`Packer`] packed, in the same order. After the end it reads zeros.
#[derive(Debug)]
pub struct Unpacker<'a> {
    bytes: &'a [u8],
    before: Before,
    texts: &'a Texts,
}

impl<'a> Unpacker<'a> {
    pub(crate) fn new(bytes: &'a [u8], texts: &'a Texts) -> Self {
        Self { bytes, before: Before::default(), texts }
    }

    /// The counterpart of [`Packer::expect`].
    pub(crate) fn expect(&mut self, text: &[u8]) {
        self.before.text = text.to_vec();
    }

    pub(crate) fn number(&mut self) -> u64 {
        let (mut number, mut shift) = (0, 0);
        while let Some((byte, rest)) = self.bytes.split_first() {
            self.bytes = rest;
            number |= u64::from(byte & 0x7f).wrapping_shl(shift);
            shift += 7;
            if byte & 0x80 == 0 {
                break;
            }
        }
        number
    }

    /// Reads the number of items that follow. Each takes a byte at least, so damaged bytes cannot ask
    /// for more than there are.
    pub(crate) fn count(&mut self) -> u64 {
        self.number().min(self.bytes.len() as u64)
    }

    pub(crate) fn signed(&mut self) -> i64 {
        let number = self.number();
        (number >> 1).cast_signed() ^ -(number & 1).cast_signed()
    }

    pub(crate) fn text(&mut self) -> &[u8] {
        let alike = self.length();
        let length = self.length().min(self.bytes.len());
        let (text, rest) = self.bytes.split_at(length);
        self.bytes = rest;
        self.before.text.truncate(alike);
        self.before.text.extend_from_slice(text);
        &self.before.text
    }

    fn length(&mut self) -> usize {
        usize::try_from(self.number()).unwrap_or(usize::MAX)
    }

    pub(crate) fn numbered(&mut self) -> String {
        let number = self.number();
        self.texts.text(number)
    }

    pub(crate) fn time(&mut self) -> i64 {
        self.before.time = self.before.time.wrapping_add(self.signed());
        self.before.time
    }

    pub(crate) fn inode(&mut self) -> (u64, u64) {
        let (dev, ino) = (self.signed().cast_unsigned(), self.signed().cast_unsigned());
        let before = self.before.inode;
        self.before.inode = (before.0.wrapping_add(dev), before.1.wrapping_add(ino));
        self.before.inode
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn packed_values_unpack_to_the_same(
            numbers in proptest::collection::vec((any::<u64>(), any::<i64>(), 0..300u64), 0..9),
            texts in proptest::collection::vec("[aéè/\u{1f600}]{0,6}", 0..9),
            bytes in proptest::collection::vec(proptest::collection::vec(0..3u8, 0..9), 0..9),
            expected in any::<Vec<u8>>(),
        ) {
            let mut numbered = Texts::default();
            let mut packer = Packer::new(&mut numbered);
            packer.expect(&expected);
            bytes.iter().for_each(|text| packer.text(text));
            for (number, signed, small) in &numbers {
                packer.number(*number);
                packer.signed(*signed);
                packer.time(*signed);
                packer.inode((*small, *number));
            }
            for text in &texts {
                packer.numbered(text);
                text.pack(&mut packer);
            }
            let packed = packer.bytes().to_vec();
            let mut unpacker = Unpacker::new(&packed, &numbered);
            unpacker.expect(&expected);
            for text in bytes {
                prop_assert_eq!(unpacker.text(), text);
            }
            for (number, signed, small) in numbers {
                prop_assert_eq!(unpacker.number(), number);
                prop_assert_eq!(unpacker.signed(), signed);
                prop_assert_eq!(unpacker.time(), signed);
                prop_assert_eq!(unpacker.inode(), (small, number));
            }
            for text in texts {
                prop_assert_eq!(&unpacker.numbered(), &text);
                prop_assert_eq!(String::unpack(&mut unpacker), text);
            }
            prop_assert_eq!((unpacker.number(), unpacker.text()), (0, &[][..]));
        }
    }
}
