//! Lengths in a page of delta-coded texts (DELTA_BYTE_ARRAY of the Parquet format), to be checked
//! before the library allocates memory for them.

/// Reads a number of seven bits in a byte, the lowest first.
fn varint(bytes: &mut &[u8]) -> Option<u64> {
    let mut number = 0;
    for shift in (0..64).step_by(7) {
        let (byte, rest) = bytes.split_first()?;
        *bytes = rest;
        number |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return Some(number);
        }
    }
    None
}

/// Reads a number whose sign is its lowest bit.
fn signed(bytes: &mut &[u8]) -> Option<i64> {
    let number = varint(bytes)?;
    Some((number >> 1).cast_signed() ^ -(number & 1).cast_signed())
}

/// Reads at most `most` numbers (DELTA_BINARY_PACKED of 32 bits). Returns `None` if they are damaged.
fn numbers(bytes: &mut &[u8], most: usize) -> Option<Vec<i32>> {
    let (block, minis, count) = (varint(bytes)?, varint(bytes)?, varint(bytes)?);
    let mut last = signed(bytes)? as i32;
    let is_sound = (1..=1 << 16).contains(&block)
        && minis > 0
        && block % minis == 0
        && (block / minis).is_multiple_of(32)
        && count <= most as u64;
    if !is_sound {
        return None;
    }
    let (each, count) = ((block / minis) as usize, count as usize);
    let mut numbers = Vec::with_capacity(count);
    numbers.extend((count > 0).then_some(last));
    while numbers.len() < count {
        let least = signed(bytes)? as i32;
        let (widths, rest) = bytes.split_at_checked(minis as usize)?;
        *bytes = rest;
        for width in widths.iter().map(|width| usize::from(*width)) {
            if numbers.len() == count {
                break;
            }
            let (packed, rest) = bytes.split_at_checked(each * width / 8)?;
            *bytes = rest;
            if width > 32 {
                return None;
            }
            for at in 0..each.min(count - numbers.len()) {
                let delta = bits(packed, at * width, width);
                last = last.wrapping_add(least).wrapping_add(delta as i32);
                numbers.push(last);
            }
        }
    }
    Some(numbers)
}

/// Reads `width` bits, at most 32, the lowest first.
fn bits(bytes: &[u8], at: usize, width: usize) -> u32 {
    let mut word = [0; 8];
    let from = bytes.get(at / 8..).unwrap_or_default();
    let length = from.len().min(word.len());
    word[..length].copy_from_slice(&from[..length]);
    let mask = (1u64 << width) - 1;
    (u64::from_le_bytes(word) >> (at % 8) & mask) as u32
}

/// True if the page has at most `most` texts, none of which is longer than `longest`, and all of
/// their bytes.
pub(super) fn are_texts(mut page: &[u8], most: usize, longest: usize) -> bool {
    let Some(prefixes) = numbers(&mut page, most) else { return false };
    let Some(suffixes) = numbers(&mut page, most) else { return false };
    let (mut before, mut left) = (0, page.len());
    let mut is_sound = |(prefix, suffix): (&i32, &i32)| {
        let (Ok(prefix), Ok(suffix)) = (usize::try_from(*prefix), usize::try_from(*suffix)) else {
            return false;
        };
        let is_there = prefix <= before && suffix <= left;
        before = prefix.saturating_add(suffix);
        left = left.saturating_sub(suffix);
        is_there && before <= longest
    };
    prefixes.len() == suffixes.len() && prefixes.iter().zip(&suffixes).all(&mut is_sound)
}
