//! Record marking (RFC 5531, section 11).

use std::borrow::Cow;

use super::protocol::rpc::LAST;
use super::xdr::{Put as _, length};

/// Larger than any allowed request.
const MOST: usize = 2 << 20;

/// The start of the received bytes.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Front<'a> {
    /// A record, and its length in bytes with the marks.
    Record(Cow<'a, [u8]>, usize),
    /// Part of a record.
    Incomplete,
    TooLarge,
}

pub(super) fn front(bytes: &[u8]) -> Front<'_> {
    let mut whole: Cow<'_, [u8]> = Cow::Borrowed(&[]);
    let mut at = 0;
    loop {
        let Some((mark, rest)) = bytes.get(at..).and_then(<[u8]>::split_first_chunk) else {
            return Front::Incomplete;
        };
        let mark = u32::from_be_bytes(*mark);
        let size = (mark & !LAST) as usize;
        if size + whole.len() > MOST {
            return Front::TooLarge;
        }
        let Some(fragment) = rest.get(..size) else { return Front::Incomplete };
        at += 4 + size;
        match whole.is_empty() {
            true => whole = Cow::Borrowed(fragment),
            false => whole.to_mut().extend_from_slice(fragment),
        }
        if mark & LAST != 0 {
            return Front::Record(whole, at);
        }
    }
}

/// Reserves a record mark and returns its position.
pub(super) fn open(out: &mut Vec<u8>) -> usize {
    out.put_u32(0);
    out.len() - 4
}

/// Writes the mark of the record that was opened at `place` and ends here.
pub(super) fn close(out: &mut Vec<u8>, place: usize) {
    let size = length(&out[place + 4..]);
    out.patch_u32(place, LAST | size);
}

/// Splits the record opened at `place` into fragments of at most `size` bytes.
pub(super) fn split(out: &mut Vec<u8>, place: usize, size: u32) {
    let record = out.split_off(place + 4);
    out.truncate(place);
    let size = (size as usize).max(1);
    let fragments = record.len().div_ceil(size);
    for (at, fragment) in record.chunks(size).enumerate() {
        let last = if at + 1 == fragments { LAST } else { 0 };
        out.put_u32(last | length(fragment));
        out.extend_from_slice(fragment);
    }
}
