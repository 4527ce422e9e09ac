//! The JSON form of a report or another value: indented, and safe for a terminal. The keys are the
//! fields of [`Report`](super::Report) in model.rs.

use std::io::{self, BufWriter, Write};

use serde::Serialize;

use crate::text::Shown;

/// Bytes to write at a time.
const PIECE: usize = 64 * 1024;

/// Formats `value` as indented JSON with a newline at its end. Its strings hold no character that a
/// terminal acts on.
///
/// # Errors
/// A sentence about the value that JSON cannot hold.
pub fn json(value: &impl Serialize) -> Result<Shown, String> {
    let text = serde_json::to_string_pretty(value);
    let text = text.map_err(|error| format!("writing JSON: {error}"))?;
    Ok(Shown::json(&text).ended())
}

/// Writes the text of [`json`] piece by piece.
///
/// # Errors
/// Those of `to`, or that JSON cannot hold a value.
pub fn write_json(value: &impl Serialize, to: &mut dyn Write) -> io::Result<()> {
    // The serializer writes a few bytes at a time.
    let mut pieces = BufWriter::with_capacity(PIECE, Harmless(to));
    serde_json::to_writer_pretty(&mut pieces, value)?;
    pieces.write_all(b"\n")?;
    pieces.flush()
}

/// A writer that escapes characters a terminal acts on. The serializer writes whole characters, and
/// `BufWriter` never splits what it is given.
struct Harmless<'a>(&'a mut dyn Write);

impl Write for Harmless<'_> {
    fn write(&mut self, json: &[u8]) -> io::Result<usize> {
        // Whole chunks without a branch for each byte, which the processor checks many at a time.
        let is_plain = |chunk: &[u8]| {
            chunk.iter().fold(true, |so_far, byte| so_far & matches!(byte, b' '..=b'~' | b'\n'))
        };
        match json.chunks(256).all(is_plain) {
            true => self.0.write_all(json)?,
            false => {
                let text = std::str::from_utf8(json)
                    .map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))?;
                self.0.write_all(Shown::json(text).as_bytes())?;
            }
        }
        Ok(json.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}
