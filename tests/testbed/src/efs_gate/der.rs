//! Reads DER: a strict cursor over tags, lengths and values.

/// Error in the bytes.
pub(super) type Wrong = String;

pub(super) const INTEGER: u8 = 0x02;
pub(super) const BIT_STRING: u8 = 0x03;
pub(super) const OCTET_STRING: u8 = 0x04;
pub(super) const NULL: u8 = 0x05;
pub(super) const OID: u8 = 0x06;
pub(super) const UTF8_STRING: u8 = 0x0c;
pub(super) const UTC_TIME: u8 = 0x17;
pub(super) const SEQUENCE: u8 = 0x30;
pub(super) const SET: u8 = 0x31;

/// Returns a constructed context tag.
pub(super) const fn context(number: u8) -> u8 {
    0xa0 | number
}

/// A sequence of values.
#[derive(Debug, Clone, Copy)]
pub(super) struct Der<'a>(pub(super) &'a [u8]);

impl<'a> Der<'a> {
    /// Returns the tag of the next value.
    pub(super) fn peek(&self) -> Option<u8> {
        self.0.first().copied()
    }

    /// Takes the contents of the next value, which must have this tag.
    pub(super) fn take(&mut self, tag: u8, what: &str) -> Result<&'a [u8], Wrong> {
        Ok(self.take_whole(tag, what)?.1)
    }

    /// Takes the next value with its tag and length, and its contents.
    pub(super) fn take_whole(
        &mut self,
        tag: u8,
        what: &str,
    ) -> Result<(&'a [u8], &'a [u8]), Wrong> {
        let all = self.0;
        let (&[found, first], mut rest) =
            all.split_first_chunk::<2>().ok_or_else(|| format!("{what} is missing"))?;
        if found != tag {
            return Err(format!("{what} has tag {found:#04x}, not {tag:#04x}"));
        }
        let length = match first {
            0..=0x7f => usize::from(first),
            0x81..=0x82 => {
                let count = usize::from(first & 0x7f);
                let (bytes, after) =
                    rest.split_at_checked(count).ok_or_else(|| format!("{what} is cut off"))?;
                rest = after;
                let length = bytes.iter().fold(0, |sum, byte| sum << 8 | usize::from(*byte));
                if length < 0x80 || (count == 2 && length < 0x100) {
                    return Err(format!("the length of {what} is not as short as it can be"));
                }
                length
            }
            _ => return Err(format!("the length of {what} is {first:#04x}")),
        };
        let (contents, after) =
            rest.split_at_checked(length).ok_or_else(|| format!("{what} is cut off"))?;
        self.0 = after;
        Ok((&all[..all.len() - after.len()], contents))
    }

    /// Like [`Self::take`], but returns a cursor over the contents.
    pub(super) fn enter(&mut self, tag: u8, what: &str) -> Result<Self, Wrong> {
        self.take(tag, what).map(Der)
    }

    /// Like [`Self::take`], but returns text.
    pub(super) fn text(&mut self, tag: u8, what: &str) -> Result<&'a str, Wrong> {
        str::from_utf8(self.take(tag, what)?).map_err(|_| format!("{what} is not UTF-8"))
    }

    pub(super) fn end(self, what: &str) -> Result<(), Wrong> {
        if self.0.is_empty() { Ok(()) } else { Err(format!("{what} goes on")) }
    }
}

/// Encodes the contents of an object identifier with these numbers.
pub(super) fn oid(numbers: &[u32]) -> Vec<u8> {
    let mut out = vec![(numbers[0] * 40 + numbers[1]) as u8];
    for &number in &numbers[2..] {
        let groups = (0..5).rev().map(|at| number >> (7 * at)).skip_while(|rest| *rest == 0);
        let groups: Vec<u32> = groups.collect();
        let last = groups.len().saturating_sub(1);
        let byte =
            |(at, rest): (usize, &u32)| (rest & 0x7f) as u8 | if at < last { 0x80 } else { 0 };
        out.extend(groups.iter().enumerate().map(byte));
        if groups.is_empty() {
            out.push(0);
        }
    }
    out
}
