//! Checks of what a file claims, before the library believes it.
//!
//! A published file may be damaged, and who may write to the destination may have made it. The library
//! allocates what a file announces, recurses as deep as it says, and panics on some damage. So a file
//! is walked over first: no announcement may be larger than what the writer of this program makes, or
//! than the file itself. A panic that is left becomes an error.

use std::cell::Cell;
use std::io;
use std::ops::Range;
use std::panic::{AssertUnwindSafe, catch_unwind, set_hook, take_hook};
use std::sync::Once;

use parquet::errors::ParquetError;
use thiserror::Error;

use super::source::ReadAt;
use super::thrift::{Broken, Value, walk};
use crate::text::printable;

/// The largest end of a file, which has about 100 bytes for each column of each row group. 10 million
/// rows have 2 MiB.
const MAX_FOOTER: u32 = 16 << 20;

/// The longest list in it. The largest elements take half a KiB of memory.
const MAX_LIST: u64 = 100_000;

/// The largest page. The writer ends one at 1 MiB and a few values more.
const MAX_PAGE: i64 = 16 << 20;

/// Bytes that the head of a page usually has, and the most.
const HEADS: [usize; 2] = [1 << 10, 64 << 10];

/// Reason that a file cannot be read.
#[derive(Debug, Error)]
pub enum ReadProblem {
    /// With the reason, printable.
    #[error("it is no Parquet file, or a damaged one: {0}")]
    Damaged(String),
    #[error("it has schema {0}, which this version does not know")]
    Schema(String),
    #[error("it has no column `{0}` of the type that the table has")]
    Column(&'static str),
    #[error("it could not be read: {0}")]
    Io(#[from] io::Error),
}

impl ReadProblem {
    pub(super) fn damaged(why: &str) -> Self {
        Self::Damaged(printable(why.as_bytes()))
    }

    pub(super) fn schema(version: String) -> Self {
        Self::Schema(printable(version.as_bytes()).chars().take(40).collect())
    }
}

impl From<ParquetError> for ReadProblem {
    fn from(error: ParquetError) -> Self {
        match error {
            ParquetError::External(error) => match error.downcast::<io::Error>() {
                Ok(error) => Self::Io(*error),
                Err(error) => Self::damaged(&error.to_string()),
            },
            error => Self::damaged(&error.to_string()),
        }
    }
}

impl From<Broken> for ReadProblem {
    fn from(broken: Broken) -> Self {
        match broken {
            Broken::Cut => Self::damaged("a part of it is cut off"),
            Broken::Wrong(why) => Self::damaged(&why),
        }
    }
}

/// Checks the end of a file, which describes the rest.
pub(super) fn check_footer(file: &dyn ReadAt) -> Result<(), ReadProblem> {
    const END: u64 = 8;
    let length = file.length();
    let Some(end) = length.checked_sub(END).filter(|end| *end >= 4) else {
        return Err(ReadProblem::damaged("it is too short"));
    };
    let last = file.bytes(end, END as usize)?;
    let Some(([a, b, c, d], b"PAR1")) = last.split_first_chunk() else {
        return Err(ReadProblem::damaged("it does not end as one"));
    };
    let size = u32::from_le_bytes([*a, *b, *c, *d]);
    let start = end.checked_sub(size.into()).filter(|_| size <= MAX_FOOTER);
    let start = start.ok_or_else(|| ReadProblem::damaged("the size of its end"))?;
    let footer = file.bytes(start, size as usize)?;
    let (mut elements, mut groups) = (0, 0);
    walk(&footer, &mut |path, value| {
        match (path, value) {
            (_, Value::List(count)) if count > MAX_LIST => return Err("a list in its end".into()),
            ([2], Value::List(count)) => elements = count,
            // Children of a column of the schema. The first element, the table, has all others, or
            // they would be in each other.
            ([2, 5], Value::Integer(children)) => {
                groups += u32::from(children != 0);
                if children != 0 && (groups > 1 || children as u64 != elements.saturating_sub(1)) {
                    return Err("columns in columns".into());
                }
            }
            _ => {}
        }
        Ok(())
    })?;
    Ok(())
}

/// Encodings, by the numbers in <https://parquet.apache.org/docs/file-format/data-pages/encodings>.
const DELTA_BYTE_ARRAY: i64 = 7;
/// Those that take no more memory than the page, apart from [`DELTA_BYTE_ARRAY`]: PLAIN, a
/// dictionary, RLE of booleans, and deltas of numbers.
const KNOWN: [i64; 5] = [0, 2, 3, 5, 8];

/// Tells if texts of a column may be differences to the text before, which makes a small page
/// large.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum TextDeltas {
    Allowed,
    Refused,
}

/// Checks the heads of the pages of a column in a row group, which are in `place`.
pub(super) fn check_pages(
    file: &dyn ReadAt,
    place: (u64, u64),
    deltas: TextDeltas,
) -> Result<(), ReadProblem> {
    let (mut at, length) = place;
    let end = at.checked_add(length).filter(|end| *end <= file.length());
    let end = end.ok_or_else(|| ReadProblem::damaged("a column outside of the file"))?;
    while at < end {
        let head = page_head(file, at..end)?;
        let wrong = |what: &str| Err(ReadProblem::damaged(what));
        if !(0..=MAX_PAGE).contains(&head.size) {
            return wrong("the size of a page");
        }
        let is_known = KNOWN.contains(&head.encoding)
            || (head.encoding == DELTA_BYTE_ARRAY && deltas == TextDeltas::Allowed);
        if !is_known {
            return wrong("the encoding of a page");
        }
        // Each value of a dictionary has a byte at least.
        if head.values < 0 || (head.is_dictionary && head.values > head.size) {
            return wrong("the number of values in a page");
        }
        match u64::try_from(head.stored) {
            Ok(stored) if stored <= end - at - head.length => at += head.length + stored,
            _ => return wrong("the size of a page"),
        }
    }
    Ok(())
}

/// The head of a page.
#[derive(Default)]
struct PageHead {
    /// Of the head, in bytes.
    length: u64,
    /// Number of bytes that follow.
    stored: i64,
    /// Number of bytes when they are decompressed.
    size: i64,
    values: i64,
    encoding: i64,
    is_dictionary: bool,
}

fn page_head(file: &dyn ReadAt, place: Range<u64>) -> Result<PageHead, ReadProblem> {
    let left = usize::try_from(place.end - place.start).unwrap_or(usize::MAX);
    for most in HEADS {
        let bytes = file.bytes(place.start, left.min(most))?;
        let mut head = PageHead { values: -1, size: -1, stored: -1, ..PageHead::default() };
        let walked = walk(&bytes, &mut |path, value| {
            let Value::Integer(value) = value else { return Ok(()) };
            match path {
                [2] => head.size = value,
                [3] => head.stored = value,
                // A data page, a dictionary, and a data page of the second version.
                [5 | 7 | 8, 1] => head.values = value,
                [5 | 7, 2] | [8, 4] => head.encoding = value,
                _ => {}
            }
            head.is_dictionary |= path[0] == 7;
            Ok(())
        });
        match walked {
            Err(Broken::Cut) if bytes.len() == most => {}
            walked => {
                head.length = walked? as u64;
                return Ok(head);
            }
        }
    }
    Err(ReadProblem::damaged("the head of a page"))
}

thread_local! {
    /// True while the library reads, on this thread.
    static READING: Cell<bool> = const { Cell::new(false) };
}

/// Calls the library, and makes a panic an error.
///
/// # Errors
/// Those of `call`, and a panic.
pub(super) fn caught<T>(call: impl FnOnce() -> Result<T, ReadProblem>) -> Result<T, ReadProblem> {
    static HOOK: Once = Once::new();
    // The hook would print the place of the panic before the error.
    HOOK.call_once(|| {
        let other = take_hook();
        set_hook(Box::new(move |info| {
            if !READING.get() {
                other(info);
            }
        }));
    });
    let outer = READING.replace(true);
    // The state that the panic leaves behind is dropped with the reader: every error ends the reading.
    let called = catch_unwind(AssertUnwindSafe(call));
    READING.set(outer);
    called.unwrap_or_else(|_| Err(ReadProblem::damaged("its data contradict each other")))
}
